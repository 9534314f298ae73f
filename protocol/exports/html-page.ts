/** A page that loads nothing, and runs nothing but the one script that is given, with the result as data inside. */
import { escapeXml } from '../wire/escape-xml';

export interface HtmlPage {
  readonly title: string;
  readonly css: string;
  /** Markup: pictures, tables, texts. */
  readonly body: string;
  readonly data: unknown;
  /** Runs when all of the page is there; the policy allows it by its hash and no other, and no evaluation of text. */
  readonly script?: PageScript;
}

export interface PageScript {
  /** An ECMAScript module without imports, as `inlineScript` gives it. */
  readonly text: string;
  /** `sha256-…` of that text. */
  readonly hash: string;
}

/** What a page may hold inside: it loads nothing from anywhere. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:";

export const htmlPage = ({ title, css, body, data, script }: HtmlPage): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}${script ? `; script-src '${script.hash}'` : ''}">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>
${css}</style>
</head>
<body>
${body}
<script type="application/json" id="${dataId}">${JSON.stringify(data).replaceAll('<', String.raw`\u003c`)}</script>
${script ? `<script type="module">${script.text}</script>\n` : ''}</body>
</html>
`;

/** The element that holds the result as JSON. */
export const dataId = 'headscope-result';
/** The element that holds the titles of the mechanisms of the catalogue, in its order. */
export const titlesId = 'headscope-mechanisms';

/**
 * A script that says the same and does not end the element that it stands in, nor begin another: what opens a comment or a script in a
 * literal is written by its escape (HTML standard, restrictions for contents of script elements).
 */
export const inlineScript = (code: string): string => code.replaceAll(/<(?=!--|\/?script[\s/>])/giu, String.raw`\x3c`);
