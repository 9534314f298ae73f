/** Files that leave the panel; each says what made it. */
import { render } from 'lit';
import type { Caption, HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination';
import { htmlPage, htmlTable } from '../../charts/html-page';
import { escapeXml, toPng, wrap, type Figure } from '../../charts/image';
import { count, significant } from '../../ui/numbers';
import type { Column } from '../../ui/table';
import type { Theme } from '../../ui/theme';
import type { ExportKind } from './actions';
import { scoreColumns } from './captions';
import { changeColumns, changeRows, changeWords } from './change-view';
import { headsCsv, setCsv, wordsCsv } from './csv-files';
import { finding, took } from './finding';
import { histogram, histogramSize } from './histogram';
import { mapModel } from './map-model';
import { labelWords } from './notes';
import { drawPicture } from './picture-draw';
import { levelsOf, patchesOf } from './picture-layout';
import { layerColumns, layerRows } from './layer-table';
import { sharedScale } from './ribbon';
import { ribbonFigure } from './ribbon-figure';
import { verdictMarks, verdictOf, type Scale } from './ribbon-model';
import { scoreRows, setScoreColumns } from './set-view';
import { lacking, pictureOf } from './shown';
import type { State } from './state';
import { entryColumns, headColumns, headRows } from './tables';
import { tokenColumns, tokenRows } from './token-table';
import { nameOf, percent, scoreWords } from './variant-words';
import { drawVhd } from './vhd-draw';
import { vhdLayout, type VhdModel } from './vhd-model';
import { modelOfStep } from './vhd-view';

export async function exportData(state: State, kind: ExportKind, theme: Theme): Promise<string | Uint8Array> {
  const made = state.set ?? state.result;
  if (!made) throw new Error('There is no result to export yet. Run the model on a picture first.');
  switch (kind) {
    case 'png':
      return toPng(await figureOf(state, theme), provenance(made));
    case 'svg':
      return (await figureOf(state, theme)).svg;
    case 'csv':
      return state.set ? setCsv(state.set) : headsCsv(state, made as HallucinationResult);
    case 'words':
      return state.result ? wordsCsv(state, state.result) : '';
    case 'json':
      return `${JSON.stringify(made, null, 2)}\n`;
    case 'html':
      return resultPage(state, made, theme);
  }
}

export function exportName(state: State, kind: ExportKind): string {
  const made = state.set ?? state.result;
  const day = (made?.created ?? new Date().toISOString()).slice(0, 10);
  const model = (made?.model.name ?? 'model').replaceAll(/[^\w.-]+/g, '-');
  const ending = kind === 'json' ? 'headscope-hallucination.json' : kind === 'words' ? 'words.csv' : kind;
  return `hallucination-${model}-${day}.${ending}`;
}

/** Everything that made the numbers, for machines. */
export function provenance(made: HallucinationResult | HallucinationSet): Record<string, unknown> {
  const { headscope, created, device, settings, seed, model, prompt, distance, outliers, positions, k } = made;
  const { chatPrompt } = made;
  const image = made.kind === 'headscope-hallucination' ? made.image : undefined;
  const sample = made.kind === 'headscope-hallucination-set' ? made.sample : undefined;
  return {
    headscope,
    created,
    device,
    settings,
    seed,
    model,
    prompt,
    chatPrompt,
    distance,
    outliers,
    positions,
    k,
    image,
    sample,
  };
}

/** The same in a few lines for people. */
export function provenanceLines(made: HallucinationResult | HallucinationSet): readonly string[] {
  const { model, device } = made;
  const vision = model.vision ? `, ${model.vision.family} encoder of ${model.vision.layers} layers` : '';
  const image =
    made.kind === 'headscope-hallucination'
      ? made.image
        ? `${made.image.name}, SHA-256 ${made.image.sha256.slice(0, 16)}…, ${count(made.image.width)} x ${count(made.image.height)} pixels, ${count(made.image.tokens)} image tokens in ${made.image.tiles.map(({ rows, columns }) => `${rows} x ${columns}`).join(', ')}`
        : 'A span of the prompt is taken away'
      : `${count(made.entries.length)} of ${count(made.total)} pictures${made.sample ? `, ${count(made.sample.count)} drawn from ${count(made.sample.of)} by seed ${made.sample.seed}` : ''}`;
  return [
    `${model.name} (${model.family}), hash ${model.hash}, ${model.layers} layers x ${model.heads} query heads${vision}, ${model.dtypes.join(', ')}`,
    ...(model.notes ?? []),
    image,
    `VHD: ${made.distance} distance of head outputs before the output projection at one position, positions ${made.positions} without the ${made.kind === 'headscope-hallucination' && made.removed.kind === 'span' ? 'span' : 'picture'}; outlier rule ${made.outliers}; T-VHD sums the ${made.k} largest of each layer (arXiv 2412.13949). Counted as looking: heads with at least half of the largest VHD`,
    `Prompt ${JSON.stringify(made.prompt ?? 'token ids')}${made.chatPrompt ? `, in the chat template ${JSON.stringify(made.chatPrompt.text)}` : made.settings['chat'] === true ? ' in the chat template' : ''}, greedy, seed ${made.seed}`,
    `${device.name} (${device.provider}), ${device.threads === 0 ? 'threads chosen by the runtime' : `${device.threads} ${device.threads === 1 ? 'thread' : 'threads'}`}, ${device.runtime}, ${device.platform}`,
    `Headscope ${made.headscope}, ${made.created}, in ${took(made.seconds)}`,
  ];
}

// Pictures.

const margin = 20;
const width = 1000;
const inner = width - 2 * margin;

/** Collects lines and boxes from the top down. */
class Sheet {
  readonly parts: string[] = [];
  y = margin;

  constructor(readonly theme: Theme) {}

  lines(words: string, size: number, { weight = 400, opacity = 1 } = {}): void {
    for (const line of wrap(words, inner, size, { font: this.theme.font, weight })) {
      this.y += size + 6;
      this.parts.push(
        `<text x="${margin}" y="${this.y}" font-size="${size}" fill="${this.theme.foreground}" font-weight="${weight}" opacity="${opacity}">${escapeXml(line)}</text>`,
      );
    }
    this.y += 4;
  }

  image(canvas: HTMLCanvasElement, x: number, wide: number, tall: number): void {
    this.parts.push(
      `<image x="${x}" y="${this.y}" width="${wide}" height="${tall}" href="${canvas.toDataURL('image/png')}"/>`,
    );
  }

  ribbon(caption: Pick<Caption, 'tokens' | 'mentions'>, scale: Scale): void {
    const { parts, height } = ribbonFigure(caption, scale, { x: margin, y: this.y + 2, width: inner }, this.theme);
    this.parts.push(...parts);
    this.y += height + 2;
  }

  figure(title: string, metadata: unknown): Figure {
    const height = Math.ceil(this.y + margin);
    const { theme } = this;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(title)}</title>
<metadata>${escapeXml(JSON.stringify(metadata))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${this.parts.join('\n')}
</svg>`;
    return { svg, width, height };
  }
}

function freshCanvas(wide: number, tall: number): readonly [HTMLCanvasElement, CanvasRenderingContext2D] {
  const ratio = 2;
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(tall * ratio);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The picture cannot be drawn: the graphics context is gone. Export CSV instead.');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [canvas, context];
}

async function figureOf(state: State, theme: Theme): Promise<Figure> {
  const made = state.set ?? state.result;
  if (!made) throw new Error('There is no result to export yet. Run the model on a picture first.');
  const sheet = new Sheet(theme);
  sheet.lines(finding(state), theme.fontSize + 2, { weight: 600 });
  if (state.set) setOnto(sheet, state.set);
  else if (state.result) await resultOnto(sheet, state, state.result);
  for (const line of provenanceLines(made)) sheet.lines(line, theme.fontSize - 2, { opacity: 0.75 });
  return sheet.figure(finding(state), provenance(made));
}

async function resultOnto(sheet: Sheet, state: State, result: HallucinationResult): Promise<void> {
  const { theme } = sheet;
  const model = modelOfStep(state);
  const picture = pictureOf(state);
  const pictureWidth = picture ? 360 : 0;
  let lowest = sheet.y + 8;
  sheet.y += 8;
  if (picture) {
    const { image, bytes, mime } = picture;
    const scale = Math.min(pictureWidth / image.width, 420 / image.height);
    const [canvas, context] = freshCanvas(image.width * scale, image.height * scale);
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: mime })).catch(() => undefined);
    const level = levelsOf(image)[state.view.level] ?? [];
    const drawn = mapModel(patchesOf(image, level), state.map?.value, result.sinks);
    drawPicture(context, { image, bitmap, model: drawn, overlay: state.view.overlay, scale }, theme);
    sheet.image(canvas, margin, image.width * scale, image.height * scale);
    lowest = Math.max(lowest, sheet.y + image.height * scale);
  }
  if (model) {
    const left = pictureWidth > 0 ? pictureWidth + 24 : 0;
    const layout = vhdLayout(model, inner - left);
    const [canvas, context] = freshCanvas(layout.width, layout.height);
    drawVhd(context, model, layout, theme);
    sheet.image(canvas, margin + left, layout.width, layout.height);
    lowest = Math.max(lowest, sheet.y + layout.height);
  }
  sheet.y = lowest + 4;
  if (model) {
    sheet.lines(`${scaleWords(model)}; outlined: selected; hatched: outlier.`, theme.fontSize - 2);
  }
  const { notApplicable } = result.sinks ?? {};
  if (picture && notApplicable !== undefined) sheet.lines(notApplicable, theme.fontSize - 2);
  const scale = sharedScale(state);
  if (scale) {
    const words = `Captions by T-VHD from ${significant(scale.low, 2)} (dark: said whatever is in ${lacking(state)}) to ${significant(scale.high, 2)} (bright). ✓ in the picture, ✗ not in it.`;
    sheet.lines(words, theme.fontSize - 2);
  }
  for (const caption of [result.caption, ...result.variants]) {
    sheet.lines(nameOf(caption), theme.fontSize, { weight: 600 });
    if (scale) sheet.ribbon(caption, scale);
    sheet.lines(scoreWords(caption.score, caption), theme.fontSize - 2, { opacity: 0.75 });
  }
  const labels = labelWords(result);
  if (labels !== undefined) sheet.lines(labels, theme.fontSize - 2);
}

function scaleWords({ measure, low, high, logarithmic, lacks }: VhdModel): string {
  const scale = logarithmic ? 'logarithmic' : 'linear';
  return measure === 'attention'
    ? `Share of the attention on ${lacks} from ${percent(low, 2)} (dark) to ${percent(high, 2)} (bright), ${scale}`
    : `VHD from ${significant(low, 2)} (dark) to ${significant(high, 2)} (bright), ${scale}`;
}

/** The caption with a mark behind each word that was judged. */
export function markedText({ text, mentions }: Pick<Caption, 'text' | 'mentions'>): string {
  let [written, from] = ['', 0];
  for (const mention of mentions.toSorted((a, b) => a.end - b.end)) {
    written += text.slice(from, mention.end) + verdictMarks[verdictOf(mention)];
    from = mention.end;
  }
  return (written + text.slice(from)).trim();
}

function setOnto(sheet: Sheet, set: HallucinationSet): void {
  const { theme } = sheet;
  const rows = scoreRows(set);
  const columns = setScoreColumns(rows);
  for (const row of rows) {
    const numbers = columns
      .filter(({ numeric }) => numeric)
      .map((column) => `${column.title} ${column.text?.(row) ?? '–'} ${column.unit ?? ''}`.trim());
    sheet.lines(`${row.name}: ${numbers.join(' · ')}`, theme.fontSize);
  }
  for (const { name, score, change } of changeRows(set)) {
    const words = change ? changeWords(change, set.entries.length) : 'too few pictures changed for an interval';
    sheet.lines(`${name} against plain, ${score}: ${words}`, theme.fontSize - 2);
  }
  const labels = labelWords(set);
  if (labels !== undefined) sheet.lines(labels, theme.fontSize - 2);
  const holder = document.createElement('div');
  render(
    histogram(set.separation, {
      dark: theme.dark,
      foreground: theme.foreground,
      muted: theme.muted,
      line: theme.line,
      wide: true,
    }),
    holder,
  );
  const drawn = holder.querySelector('svg')?.innerHTML.replaceAll(/<!--.*?-->/g, '') ?? '';
  sheet.y += 12;
  sheet.parts.push(
    `<svg x="${margin}" y="${sheet.y}" width="${histogramSize.width}" height="${histogramSize.height}" viewBox="0 0 ${histogramSize.width} ${histogramSize.height}">${drawn}</svg>`,
  );
  sheet.y += histogramSize.height + 8;
}

// Tables.

/** Pictures and captions, every head or every picture of a set, and the result as data inside. */
async function resultPage(state: State, of: HallucinationResult | HallucinationSet, theme: Theme): Promise<string> {
  const drawn = await figureOf(state, theme);
  return htmlPage({
    title: finding(state),
    css: 'td { vertical-align: top; }\ntd:last-child:not(.number) { white-space: normal; }\n',
    body: [drawn.svg, ...(of.kind === 'headscope-hallucination' ? tablesOfResult(state, of) : tablesOfSet(of))].join(
      '\n',
    ),
    data: of,
    theme,
  });
}

function tablesOfResult(state: State, result: HallucinationResult): readonly string[] {
  const model = modelOfStep(state);
  if (!model) return [];
  const rows = headRows(model);
  const captions = [result.caption, ...result.variants];
  const judged = captions.some(({ score }) => score !== undefined);
  const text: Column<Caption> = { id: 'text', title: 'Text', numeric: false, value: markedText };
  const stopped: Column<Caption> = {
    id: 'stopped_at',
    title: 'Stopped at',
    unit: 'tokens',
    numeric: true,
    value: ({ stoppedAt }) => stoppedAt,
  };
  return [
    htmlTable('Captions', [...scoreColumns(judged), stopped, text], captions),
    htmlTable(`${count(rows.length)} heads`, headColumns(model), rows),
    htmlTable('Layers', layerColumns(model), layerRows(model)),
    ...captions.map((caption) => htmlTable(`Words, ${nameOf(caption)}`, tokenColumns(model.lacks), tokenRows(caption))),
  ];
}

const tablesOfSet = (set: HallucinationSet): readonly string[] => [
  htmlTable('Scores of the captions', setScoreColumns(scoreRows(set)), scoreRows(set)),
  ...(changeRows(set).length > 0 ? [htmlTable('Change by reinforcement', changeColumns, changeRows(set))] : []),
  htmlTable(`${count(set.entries.length)} pictures`, entryColumns(set.entries), set.entries),
];
