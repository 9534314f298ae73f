/** The HTML that every panel starts from: a strict content security policy, one script, one root, no data. */
import { randomBytes } from 'node:crypto';

export interface ShellParts {
  readonly title: string;
  /** `data-panel`: which panel the script draws. */
  readonly panel: string;
  /** `data-place`: where it is shown. */
  readonly place: string;
  /** `data-page`: this page, of all that the webview shows one after the other; its script says it in `ready`. */
  readonly name: string;
  readonly script: string;
  readonly codicons: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);

export const createNonce = (): string => randomBytes(24).toString('base64url');

export function shellHtml(parts: ShellParts, nonce = createNonce()): string {
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${parts.cspSource} 'nonce-${nonce}'`,
    `font-src ${parts.cspSource}`,
    `img-src ${parts.cspSource} data: blob:`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(parts.title)}</title>
<link rel="stylesheet" id="codicons" href="${escaped(parts.codicons)}">
</head>
<body>
<div id="root" data-panel="${escaped(parts.panel)}" data-place="${escaped(parts.place)}" data-page="${escaped(parts.name)}" data-nonce="${nonce}"></div>
<script nonce="${nonce}" src="${escaped(parts.script)}"></script>
</body>
</html>
`;
}
