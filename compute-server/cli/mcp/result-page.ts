/**
 * A result as a page of its own, which loads nothing: drawn as in the panel by the one script that the page holds, and as text where no script
 * runs. What is no result of a kind that is drawn is text alone.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue as mechanisms } from '../../../kernels/catalogue';
import { htmlPage, inlineScript, titlesId, type PageScript } from '../../../protocol/exports/html-page';
import { saysResult } from '../../../protocol/results/saved-result';
import { fieldsIn } from '../../../protocol/schema/fields';
import { escapeXml } from '../../../protocol/wire/escape-xml';

/** For the text, in the colours of the reader's system. */
const plainRules = `:root { color-scheme: light dark; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
.plain { margin: 24px auto; max-width: 1180px; padding: 0 16px; font: 14px/1.5 system-ui, sans-serif; }
`;

export function resultPage(title: string, text: string, json: Readonly<Record<string, unknown>>): string {
  const drawing = isDrawn(json) ? readDrawing() : undefined;
  const titles =
    json['kind'] === 'headscope-bench'
      ? `\n<script type="application/json" id="${titlesId}">${JSON.stringify(mechanisms.map(({ id, title: words }) => ({ id, title: words })))}</script>`
      : '';
  return htmlPage({
    title,
    css: `${plainRules}${drawing?.icons ?? ''}`,
    body: `<div id="root" data-place="full"><div class="plain"><h1>${escapeXml(title)}</h1>\n<pre>${escapeXml(text)}</pre></div></div>${titles}`,
    data: json,
    ...(drawing ? { script: drawing.script } : {}),
  });
}

const isDrawn = (json: unknown): boolean => saysResult(json) || fieldsIn(json)['kind'] === 'headscope-comparison';

interface Drawing {
  readonly script: PageScript;
  /** Style sheet of the icons, with their font inside. */
  readonly icons: string;
}

let drawing: Drawing | undefined;

/** Beside this bundle; undefined where only the command line was installed. */
function readDrawing(): Drawing | undefined {
  if (drawing) return drawing;
  const folder = join(__dirname, 'webviews');
  try {
    const text = inlineScript(
      readFileSync(join(folder, 'results.js'), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/u, ''),
    );
    const hash = `sha256-${createHash('sha256').update(text).digest('base64')}`;
    const font = readFileSync(join(folder, 'codicon.ttf')).toString('base64');
    const icons = readFileSync(join(folder, 'codicon.css'), 'utf8').replace(
      /url\([^)]*\)/u,
      `url("data:font/ttf;base64,${font}")`,
    );
    drawing = { script: { text, hash }, icons };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return drawing;
}
