/** Files and text that leave the panel; each says what made it. */
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelContent, ShowServing, ShownModel } from '../../../protocol/panels/model';
import { escapeXml } from '../../../protocol/wire/escape-xml';
import { toPng, wrap, type Figure } from '../../charts/image';
import { colourOf, shapes } from '../../charts/palette';
import { toCsv } from '../../ui/csv';
import { textColumn, toMarkdown } from '../../ui/table';
import type { Theme } from '../../ui/theme';
import { dotsSvg } from './dots-draw';
import { fittingPitch, identityOf, layoutDots } from './dots-layout';
import { comparedFacts, factsOf } from './facts';
import { comparedColumns, factColumns } from './facts-table';
import { attentionTitle, partTitle } from './layers';
import { capsuleWords, legendOf } from './legend';
import { phaseTitles } from './serving-charts';
import { operatorColumns } from './serving-tables';
import { labelsOf, sentenceOf } from './sentences';
import { modelsOf } from './state';

export type ExportFormat = Extract<FromModelPanel, { kind: 'export' }>['format'];

export interface ExportSource {
  readonly content: ModelContent;
  readonly headscope: string;
  readonly theme: Theme;
  /** Where the section is open. */
  readonly serving?: ShowServing;
}

/** Where the facts come from; everything is derived from the file, so there is no device and no seed. */
const provenance = ({ content, headscope }: ExportSource): Record<string, unknown> => ({
  headscope,
  models: modelsOf(content).map(({ label, path, facts }) => ({ label, path, family: facts.family })),
});

const provenanceLine = ({ content, headscope }: ExportSource): string =>
  `From ${modelsOf(content)
    .map(({ path }) => path)
    .join(' and ')}. Headscope ${headscope}.`;

export async function exportData(source: ExportSource, format: ExportFormat): Promise<string | Uint8Array> {
  switch (format) {
    case 'svg':
      return pictureOf(source).svg;
    case 'png':
      return toPng(pictureOf(source), provenance(source));
    case 'csv':
      return csvOf(source);
    case 'json':
      return jsonOf(source);
  }
}

export const exportName = (content: ModelContent, format: ExportFormat): string =>
  `${modelsOf(content)
    .map(({ label }) => label.replaceAll('/', '-'))
    .join('-and-')}-attention.${format}`;

export const jsonOf = (source: ExportSource): string =>
  `${JSON.stringify(
    {
      kind: 'headscope-model',
      headscope: source.headscope,
      sentence: sentenceOf(source.content),
      ...(source.serving ? { serving: servingJson(source.serving) } : {}),
      models: modelsOf(source.content).map(({ label, path, facts: { uri: _uri, ...facts } }) => ({
        label,
        path,
        ...facts,
      })),
    },
    null,
    2,
  )}\n`;

/** What was asked and what it takes. */
const servingJson = ({ question, answer: { device, cost } }: ShowServing): unknown => ({ question, device, cost });

/** Facts; where serving is shown, its operators below them, after an empty line. */
function csvOf({ content, serving }: Pick<ExportSource, 'content' | 'serving'>): string {
  const facts = factsCsv(content);
  if (serving === undefined || typeof serving.answer.cost === 'string') return facts;
  const { cost, device } = serving.answer;
  const rows = (['prefill', 'decode'] as const).flatMap((phase) =>
    cost[phase].operators.map((operator) => ({ ...operator, phase })),
  );
  const phase = textColumn<(typeof rows)[number]>('phase', 'Phase', (row) => phaseTitles[row.phase]);
  return `${facts}\n${toCsv([phase, ...operatorColumns(device)], rows)}`;
}

function factsCsv(content: ModelContent): string {
  if (content.state === 'model') return toCsv(factColumns, factsOf(content.model));
  if (content.state !== 'comparison') return '';
  return toCsv(comparedColumns(labelsOf(content.first, content.second)), comparedFacts(content.first, content.second));
}

export function markdownOf(source: ExportSource): string {
  const { content } = source;
  const table =
    content.state === 'model'
      ? toMarkdown(
          factColumns.filter(({ id }) => id !== 'unit'),
          factsOf(content.model),
        )
      : content.state === 'comparison'
        ? toMarkdown(
            comparedColumns(labelsOf(content.first, content.second)).filter(({ id }) => id !== 'unit'),
            comparedFacts(content.first, content.second),
          )
        : '';
  return `${sentenceOf(content)}\n\n${table}\n\n${provenanceLine(source)}\n`;
}

const margin = 20;
const column = { width: 460, gap: 24 };

/** Sentence, legend, each model's parts under its name, and what made them. */
function pictureOf(source: ExportSource): Figure {
  const { content, theme } = source;
  const models = modelsOf(content);
  const size = theme.fontSize;
  const inner = models.length * column.width + (models.length - 1) * column.gap;
  const width = inner + 2 * margin;
  const parts: string[] = [];
  const text = (words: string, x: number, y: number, look: string): void =>
    void parts.push(`<text x="${x}" y="${y}" ${look}>${escapeXml(words)}</text>`);
  let y = margin + size;
  for (const line of wrap(sentenceOf(content), inner, size + 2, { font: theme.font, weight: 600 })) {
    text(line, margin, y, `font-size="${size + 2}" font-weight="600" fill="${theme.foreground}"`);
    y += size + 8;
  }
  const pitch = fittingPitch(
    models.flatMap(({ facts }) => facts.parts),
    column.width,
  );
  const bottoms = models.map((model, index) => {
    const x = margin + index * (column.width + column.gap);
    const drawn = modelPicture(model, { x, y, pitch, theme, titled: models.length > 1 });
    parts.push(drawn.svg);
    return drawn.bottom;
  });
  y = Math.max(y, ...bottoms) + 4;
  for (const line of wrap(provenanceLine(source), inner, size - 2, theme)) {
    y += size + 2;
    text(line, margin, y, `font-size="${size - 2}" fill="${theme.muted}"`);
  }
  const height = Math.ceil(y + margin);
  return {
    svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(sentenceOf(content))}</title>
<metadata>${escapeXml(JSON.stringify(provenance(source)))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${parts.join('\n')}
</svg>`,
    width,
    height,
  };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly pitch: number;
  readonly theme: Theme;
  readonly titled: boolean;
}

function modelPicture({ label, facts }: ShownModel, { x, y: top, pitch, theme, titled }: Place) {
  const size = theme.fontSize;
  const parts: string[] = [];
  let y = top;
  const line = (words: string, weight = 400, fill = theme.foreground, indent = 0): void => {
    for (const piece of wrap(words, column.width - indent, size, { font: theme.font, weight })) {
      y += size + 4;
      parts.push(
        `<text x="${x + indent}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}">${escapeXml(piece)}</text>`,
      );
    }
  };
  if (titled) line(label, 600);
  for (const part of facts.parts.filter(({ layers }) => layers.length > 0)) {
    line(`${partTitle(part)}: ${part.layers.length} layers, ${attentionTitle(part).toLowerCase()}`);
    const layout = layoutDots(part, Math.min(pitch, fittingPitch([part], column.width)));
    // What is wider than its column at the narrowest spacing is made smaller as a whole.
    const scale = Math.min(1, column.width / layout.width);
    parts.push(`<g transform="translate(${x} ${y + 8}) scale(${scale})">${dotsSvg(layout, theme)}</g>`);
    y += 8 + layout.height * scale + 6;
  }
  for (const { kind, text } of legendOf(facts.parts)) {
    const identity = identityOf(kind);
    parts.push(
      `<path transform="translate(${x} ${y + 6}) scale(0.625)" d="${shapes[identity.shape]}" fill="${colourOf(identity, theme.dark)}"/>`,
    );
    line(text, 400, theme.muted, 28);
  }
  const capsule = capsuleWords(facts.parts);
  if (capsule !== undefined) {
    parts.push(
      `<rect x="${x}" y="${y + 7}" width="22" height="9" rx="4" fill="${theme.muted}" fill-opacity="0.25" stroke="${theme.line}"/>`,
    );
    line(capsule, 400, theme.muted, 28);
  }
  return { svg: parts.join('\n'), bottom: y };
}
