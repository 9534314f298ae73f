/** What leaves a panel, described once: every format is written from this, and says what made it. */
import type { ExportFormat } from '../../protocol/panels/messages';
import type { About, Exported } from '../../protocol/exports/exported';
import { arrowFiles, tableFile, wholeFile } from '../../protocol/exports/files';
import { htmlPage, type HtmlPage } from '../../protocol/exports/html-page';
import { escapeXml } from '../../protocol/wire/escape-xml';
import type { Theme } from '../ui/theme';
import { toPng, type Figure } from './image';
import { Sheet } from './sheet';

export interface Leaving {
  readonly theme: Theme;
  /** The finding. */
  readonly sentence: string;
  /** Width of the picture. */
  readonly width?: number;
  readonly draw: (sheet: Sheet) => void | Promise<void>;
  /** Prompt, comparison, what made it: lines under the picture and over the page. */
  readonly caption: readonly string[];
  /** What made the numbers, for machines. */
  readonly provenance: unknown;
  readonly headscope: string | undefined;
  readonly csv: () => string;
  /** Absent: its JSON is that of the numbers, as `headscope results export` writes it. */
  readonly json?: () => unknown;
  /** The same numbers, for files of arrays and tables. */
  readonly numbers: () => Exported;
  /** Tables of the page, as markup. */
  readonly tables: () => readonly string[];
  readonly page?: () => Promise<OwnPage>;
  readonly css?: string;
}

/** A page that shows something better than the picture, which it then holds for readers without scripts. */
export type OwnPage = Pick<HtmlPage, 'data' | 'script'> & { readonly before: string; readonly after: string };

async function figureOf(of: Leaving): Promise<Figure> {
  const { theme, sentence, caption } = of;
  const sheet = new Sheet(theme, of.width);
  sheet.line(sentence, { size: theme.fontSize + 2, weight: 600 });
  sheet.y += 4;
  await of.draw(sheet);
  for (const line of caption) sheet.small(line, true);
  return sheet.figure(sentence, of.provenance);
}

export async function writeFile(of: Leaving, format: ExportFormat): Promise<string | Uint8Array> {
  switch (format) {
    case 'png':
      return toPng(await figureOf(of), of.provenance, {
        Title: of.sentence,
        Description: of.caption.join('\n'),
        Software: of.headscope === undefined ? 'Headscope' : `Headscope ${of.headscope}`,
      });
    case 'svg':
      return (await figureOf(of)).svg;
    case 'csv':
      return of.csv();
    case 'json':
      return of.json ? `${JSON.stringify(of.json(), null, 2)}\n` : numbersFile(of, format);
    case 'html':
      return writePage(of);
    case 'npz':
    case 'safetensors':
    case 'arrow':
    case 'zip':
      return numbersFile(of, format);
  }
}

function numbersFile(
  { numbers, sentence, headscope = 'unknown', provenance }: Leaving,
  format: Extract<ExportFormat, 'npz' | 'safetensors' | 'json' | 'arrow' | 'zip'>,
): Uint8Array {
  const exported = numbers();
  const about: About = { headscope, created: new Date().toISOString(), of: { finding: sentence, made: provenance } };
  const [first] = exported.tables;
  if (!first) throw new Error('There is no table and no matrix to export.');
  switch (format) {
    case 'npz':
    case 'safetensors':
    case 'json':
      return wholeFile(format, exported, about);
    case 'arrow':
      return tableFile(format, first, exported, about);
    case 'zip':
      return arrowFiles(exported, about);
  }
}

const pageRules = ({
  background,
  foreground,
  fontSize,
  line,
  muted,
}: Theme): string => `body { margin: 24px auto; max-width: 1180px; padding: 0 16px; background: ${background}; color: ${foreground}; font: ${fontSize}px/1.5 system-ui, sans-serif; }
svg { max-width: 100%; height: auto; }
.frame { overflow-x: auto; margin-bottom: 24px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 12px 2px 0; text-align: left; font-weight: normal; white-space: nowrap; }
thead th { border-bottom: 1px solid ${line}; color: ${muted}; }
caption { text-align: left; font-weight: 600; }
.number { text-align: right; }
h1 { font-size: 1.2em; }
.caption { padding: 0; list-style: none; color: ${muted}; overflow-wrap: anywhere; }
`;

async function writePage(of: Leaving): Promise<string> {
  const { svg } = await figureOf(of);
  const own = await of.page?.();
  return htmlPage({
    title: of.sentence,
    css: `${pageRules(of.theme)}${of.css ?? ''}`,
    body: [
      `<h1>${escapeXml(of.sentence)}</h1>`,
      `<ul class="caption">${of.caption.map((line) => `<li>${escapeXml(line)}</li>`).join('')}</ul>`,
      ...(own ? [own.before, `<noscript>${svg}</noscript>`] : [svg]),
      ...of.tables(),
      ...(own ? [own.after] : []),
    ].join('\n'),
    data: own ? own.data : of.json?.(),
    ...(own?.script ? { script: own.script } : {}),
  });
}

/** A result as the name of a file says it. */
export interface NamedResult {
  /** The model, or what was measured. */
  readonly subject: string;
  readonly created?: string | undefined;
}

/**
 * `heads-tiny-2026-11-24.png`, and of a comparison both: `heads-tiny-2026-11-24-against-tiny-2026-11-23.png`. JSON gets the
 * ending by which it opens in its panel again; a part of it does not.
 */
export function fileName(panel: string, of: NamedResult, { format, json, against, part }: FileOf): string {
  const named = ({ subject, created }: NamedResult): string =>
    `${subject.replaceAll(/[^\w.-]+/g, '-')}-${(created ?? new Date().toISOString()).slice(0, 10)}`;
  const stem = [panel, named(of), ...(against ? ['against', named(against)] : [])].join('-');
  return `${stem}${part ? `.${part}` : ''}.${format === 'json' && !part ? `headscope-${json}.json` : format}`;
}

export interface FileOf {
  readonly format: ExportFormat;
  /** The kind in the ending of a saved result: `heads` of `.headscope-heads.json`. */
  readonly json: string;
  readonly against?: NamedResult | undefined;
  /** What of the result the file holds, where that is not all. */
  readonly part?: string | undefined;
}
