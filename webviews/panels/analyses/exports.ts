/** Files that leave the panel; each says what made it and what its numbers are. */
import type { AnalysisInfo, AnalysisResult } from '../../../protocol/analysis/analysis';
import type { Section } from '../../../protocol/sections/section';
import { htmlPage, htmlTable } from '../../charts/html-page';
import { escapeXml, toPng, wrap, type Figure } from '../../charts/image';
import { moved, stacked, type Scene } from '../../sections/scene';
import { sceneSvg } from '../../sections/scene-svg';
import { sectionCsv, sectionScene } from '../../sections/section-file';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { kindOf } from '../../sections/sections';
import { textMark } from '../../sections/legend';
import { withUnit } from '../../sections/words';
import type { Theme } from '../../ui/theme';
import type { ExportFormat } from './actions';
import { changesKey, otherKey } from './comparison';
import { inputWords, provenanceLines } from './made-by';
import { infoOf, viewOf } from './shown';
import type { State } from './state';

const width = 720;
const margin = 20;
/** Rows of a table in an HTML page: more make a file that no browser likes, and CSV holds all. */
const mostRows = 2000;

interface Shown {
  readonly section: Section;
  readonly view: SectionView;
}

/** What is on the screen: of a comparison the changes first, then both results. */
function shownOf(state: State, result: AnalysisResult): readonly Shown[] {
  const { compareWith } = state;
  const list = (sections: readonly Section[], prefix: string, name?: string): readonly Shown[] =>
    sections.map((section) => ({
      section: name === undefined ? section : { ...section, title: `${section.title} (${name})` },
      view: viewOf(state, `${prefix}${section.id}`),
    }));
  return compareWith
    ? [
        ...list(compareWith.sections, changesKey),
        ...list(result.sections, '', state.savedAs ?? 'this result'),
        ...list(compareWith.result.sections, otherKey, compareWith.name),
      ]
    : list(result.sections, '');
}

export async function exportData(state: State, format: ExportFormat, theme: Theme): Promise<string | Uint8Array> {
  const { result, compareWith } = state;
  if (!result) throw new Error('There is no result to export yet. Run the analysis first.');
  const info = infoOf(state);
  switch (format) {
    case 'png':
      return toPng(resultFigure(state, result, theme), provenanceOf(result), {
        Title: result.finding,
        Description: provenanceLines(result, info).join('\n'),
        Software: `Headscope ${result.headscope}`,
      });
    case 'svg':
      return resultFigure(state, result, theme).svg;
    case 'csv':
      return resultCsv(state, result, info);
    case 'json':
      return `${JSON.stringify(compareWith ? { ...result, comparedWith: { name: compareWith.name, result: compareWith.result } } : result, null, 2)}\n`;
    case 'html':
      return resultPage(state, result, theme, info);
  }
}

/** `retrieval-heads-tiny-2026-11-24`. */
export function exportName({ result, compareWith }: State, format: string): string {
  const clean = (text: string): string => text.replaceAll(/[^\w.-]+/g, '-').slice(0, 80);
  const named = (one: AnalysisResult | undefined): string =>
    `${clean(one?.model.name ?? 'model')}-${(one?.created ?? new Date().toISOString()).slice(0, 10)}`;
  const against = result && compareWith ? `-against-${named(compareWith.result)}` : '';
  return `${clean(result?.analysis ?? 'analysis')}-${named(result)}${against}.${format === 'json' ? 'headscope-analysis.json' : format}`;
}

/** Everything that made the numbers, for machines. */
function provenanceOf(result: AnalysisResult): Record<string, unknown> {
  const { result: _result, sections: _sections, offers: _offers, ...rest } = result;
  return rest;
}

function resultFigure(state: State, result: AnalysisResult, theme: Theme): Figure {
  const plain = fileTheme(theme);
  return figureOf(
    result.finding,
    shownOf(state, result).map(({ section, view }) => sectionScene(section, view, state.pictures, plain, width)),
    provenanceLines(result, infoOf(state)),
    provenanceOf(result),
    plain,
  );
}

/** One section, as a file of its own. */
export async function sectionData(
  state: State,
  section: Section,
  view: SectionView,
  format: SectionFormat,
  theme: Theme,
): Promise<string | Uint8Array> {
  if (format === 'csv') return sectionCsv(section);
  const plain = fileTheme(theme);
  const { result } = state;
  const lines = result ? provenanceLines(result, infoOf(state)) : [];
  const metadata = result ? provenanceOf(result) : {};
  const figure = figureOf(
    result?.finding ?? section.title,
    [sectionScene(section, view, state.pictures, plain, width)],
    lines,
    metadata,
    plain,
  );
  return format === 'svg' ? figure.svg : toPng(figure, metadata, { Title: section.title });
}

/** Quoted names of fonts would end an attribute of the SVG that the chart library writes. */
const fileTheme = (theme: Theme): Theme => ({
  ...theme,
  font: theme.font.replaceAll('"', "'"),
  editorFont: theme.editorFont.replaceAll('"', "'"),
});

function figureOf(
  sentence: string,
  scenes: readonly Scene[],
  lines: readonly string[],
  metadata: unknown,
  theme: Theme,
): Figure {
  const text = (words: string, size: number, weight: number, fill: string): Scene => {
    const rows = wrap(words.slice(0, 2000), width, size, { font: theme.font, weight });
    return {
      width,
      height: rows.length * (size + 5),
      marks: rows.map((row, at) => textMark(row, 0, (at + 1) * (size + 5) - 5, theme, { size, weight, fill })),
    };
  };
  const scene = stacked(
    [
      text(sentence, theme.fontSize + 2, 600, theme.foreground),
      ...scenes,
      stacked(
        lines.map((line) => text(line, theme.fontSize - 2, 400, theme.muted)),
        2,
      ),
    ],
    20,
  );
  const [across, down] = [width + 2 * margin, Math.ceil(scene.height + 2 * margin)];
  const inside = { ...scene, marks: scene.marks.map((mark) => moved(mark, margin, margin)) };
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${across}" height="${down}" viewBox="0 0 ${across} ${down}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(sentence)}</title>
<metadata>${escapeXml(JSON.stringify(metadata))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${sceneSvg(inside)}
</svg>`;
  return { svg, width: across, height: down };
}

/** One table a section, with an empty line between two; lines with # in front say what made them and what they are. */
function resultCsv(state: State, result: AnalysisResult, info: AnalysisInfo | undefined): string {
  const head = [result.finding, ...provenanceLines(result, info)].map(
    (line) => `# ${line.replaceAll(/\s+/g, ' ')}\r\n`,
  );
  return [head.join(''), ...shownOf(state, result).map(({ section }) => sectionCsv(section))].join('\r\n');
}

function resultPage(state: State, result: AnalysisResult, theme: Theme, info: AnalysisInfo | undefined): string {
  const plain = fileTheme(theme);
  const sections = shownOf(state, result).map(({ section, view }) => {
    const scene = sectionScene(section, view, state.pictures, plain, width);
    const twin = kindOf(section)?.twin(section);
    const rows = twin?.rows.slice(0, mostRows) ?? [];
    const cut = (twin?.rows.length ?? 0) > rows.length ? `, the first ${rows.length} rows` : '';
    const definitions = (twin?.columns ?? []).flatMap(({ title, unit = '', hint }) =>
      hint === undefined ? [] : [`<dt>${escapeXml(withUnit(title, unit))}</dt><dd>${escapeXml(hint)}</dd>`],
    );
    return `<section>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.ceil(scene.height)}" viewBox="0 0 ${width} ${Math.ceil(scene.height)}" role="img" aria-label="${escapeXml(section.title)}">
${sceneSvg(scene)}
</svg>
${twin ? `<details><summary>Numbers${cut}</summary>${htmlTable(section.title, twin.columns, rows)}</details>` : ''}
${definitions.length > 0 ? `<details><summary>Definitions</summary><dl>${definitions.join('')}</dl></details>` : ''}
</section>`;
  });
  return htmlPage({
    title: `${result.title}: ${result.model.name}`,
    theme,
    data: result,
    css: 'section { margin-bottom: 32px; } dt { font-weight: 600; } .how { color: inherit; opacity: 0.8; font-size: 12px; }',
    body: `<p>${escapeXml(info?.question ?? result.title)}</p>
<h1>${escapeXml(result.finding)}</h1>
<p>${escapeXml([result.title, result.model.name, inputWords(result.input)].join(' · '))}</p>
${sections.join('\n')}
<ul class="how">${provenanceLines(result, info)
      .map((line) => `<li>${escapeXml(line)}</li>`)
      .join('')}</ul>`,
  });
}
