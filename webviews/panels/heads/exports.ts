/** Files that leave the panel; each says what made it. */
import { threadWords } from '../../../protocol/results/provenance';
import type { HeadsResult, PerHead } from '../../../protocol/results/heads';
import { openCellPainter } from '../../charts/cell-painter';
import { parseColour, scaleStops } from '../../charts/colour-map';
import { headAtlas } from '../../charts/head-atlas';
import { escapeXml, toPng, wrap, type Figure } from '../../charts/image';
import { colourOf, shapes } from '../../charts/palette';
import { count, significant } from '../../ui/numbers';
import { toCsv } from '../../ui/csv';
import type { Column } from '../../ui/table';
import type { Theme } from '../../ui/theme';
import type { ExportFormat } from './actions';
import { comparisonData, comparisonLines, promptOf, runLine } from './captions';
import { differencesOf } from './comparison';
import { finding, took, writeGains } from './finding';
import { headFigure, type ShownHead } from './head-figure';
import { resultPage } from './result-page';
import { gainOf } from './form';
import { cellsOf, gridLayout, gridModel, type GridModel } from './grid-model';
import { labelInfo, labelInfos } from './labels';
import { headKey } from '../../ui/head-names';
import type { State } from './state';
import { statisticInfos, valueOf } from './statistics';
import { headRows, known, type HeadRow } from './tables';

/** `head` is the one on screen; pictures hold it beside the grid, JSON as numbers, CSV marks its line. */
export async function exportData(
  state: State,
  format: ExportFormat,
  theme: Theme,
  head?: ShownHead,
): Promise<string | Uint8Array> {
  const { result } = state;
  if (!result) throw new Error('There is no result to export yet. Run the heads first.');
  switch (format) {
    case 'png':
      return toPng(gridFigure(state, result, theme, head), provenanceOf(state, result), {
        Title: finding(state),
        Description: [runLine(result), ...comparisonLines(state)].join('\n'),
        Software: `Headscope ${result.headscope}`,
      });
    case 'svg':
      return gridFigure(state, result, theme, head).svg;
    case 'csv':
      return headsCsv(state, result);
    case 'json':
      return `${JSON.stringify(dataOf(state, result, head), null, 2)}\n`;
    case 'html':
      return resultPage({
        state,
        result,
        theme,
        head,
        picture: gridFigure(state, result, theme, head).svg,
        caption: captionOf(state, result),
        data: dataOf(state, result),
      });
  }
}

/** `heads-tiny-2026-11-24`, and of a comparison both: `heads-tiny-2026-11-24-against-tiny-2026-11-23`. */
export function exportName({ result, compareWith }: State, format: ExportFormat): string {
  const named = (one: HeadsResult | undefined): string => {
    const day = (one?.created ?? new Date().toISOString()).slice(0, 10);
    return `${(one?.model.name ?? 'model').replaceAll(/[^\w.-]+/g, '-')}-${day}`;
  };
  const against = result && compareWith ? `-against-${named(compareWith.result)}` : '';
  return `heads-${named(result)}${against}.${format === 'json' ? 'headscope-heads.json' : format}`;
}

/** Everything that made the numbers, for machines. */
export function provenance(result: HeadsResult): Record<string, unknown> {
  const { headscope, created, device, settings, seed, model, prompt, gains, parity } = result;
  return { headscope, created, device, settings, seed, model, prompt, tokens: result.ids.length, gains, parity };
}

/** The same with what it is compared with. */
function provenanceOf(state: State, result: HeadsResult): Record<string, unknown> {
  const { compareWith } = state;
  return {
    ...provenance(result),
    ...(compareWith ? { comparedWith: { name: compareWith.name, ...provenance(compareWith.result) } } : {}),
  };
}

function dataOf(state: State, result: HeadsResult, head?: ShownHead): object {
  const comparedWith = comparisonData(state);
  return {
    ...result,
    ...(head ? { selectedHead: numbersOf(head) } : {}),
    ...(comparedWith ? { comparedWith } : {}),
  };
}

/** The lines under what leaves the panel: prompt, comparison, what made it. */
const captionOf = (state: State, result: HeadsResult): readonly string[] => [
  `Prompt: “${promptOf(result)}”`,
  ...comparisonLines(state),
  ...provenanceLines(result),
];

/** The same in a few lines for people. */
export function provenanceLines(result: HeadsResult): readonly string[] {
  const { model, device, parity } = result;
  const classify = result.settings['classify'] === false ? 'no labels' : 'labels against null models';
  return [
    `${model.name} (${model.family}), hash ${model.hash}, ${model.layers} layers x ${model.heads} query heads, ${model.kvHeads} key/value heads, head width ${model.headDim}, ${model.dtypes.join(', ')}`,
    ...(model.notes ?? []),
    `${count(result.ids.length)} tokens${result.prompt === null ? ', given as ids' : ''}, ${classify}, ${result.settings['causal'] === true ? 'causal check' : 'no causal check'}, seed ${result.seed}, ${result.gains.length === 0 ? 'no gains' : `gains ${writeGains(result.gains)}`}`,
    `Instrumented against plain: largest logit error ${significant(parity.maxLogitError, 2)}${parity.ok ? '' : ', not in agreement'}`,
    `${device.name} (${device.provider}), ${threadWords(device.threads)}, ${device.runtime}, ${device.platform}`,
    `Headscope ${result.headscope}, ${result.created}, in ${took(result.seconds)}`,
  ];
}

/** The matrix of the head, rounded to six digits as its picture needs them. */
const numbersOf = ({ layer, head, block, tile }: ShownHead) => ({
  layer,
  head,
  /** Each number is the largest probability of `block` x `block` cells, query by key. */
  block,
  probabilities: Array.from({ length: tile.outRows }, (_, row) =>
    Array.from(tile.data.subarray(row * tile.outColumns, (row + 1) * tile.outColumns), (p) => Number(p.toPrecision(6))),
  ),
});

const margin = 20;

/** Sentence, grid as on screen, its key and what made it. The pictures are one image inside, all words are text. */
export function gridFigure(state: State, result: HeadsResult, theme: Theme, head?: ShownHead): Figure {
  const model = gridModel({ ...state, view: { ...state.view, search: '', filter: undefined } });
  // The matrix of a head and its numbers stand side by side from this width on.
  const width = Math.max(head ? 680 : 520, Math.min(1200, model.heads * 48 + 80));
  const inner = width - 2 * margin;
  const layout = gridLayout(model, inner);
  const size = theme.fontSize;
  const parts: string[] = [];
  const text = (x: number, y: number, words: string, attributes: string): string =>
    `<text x="${x}" y="${y}" ${attributes}>${escapeXml(words)}</text>`;
  let y = margin + size;
  for (const line of wrap(finding(state), inner, size + 2, { font: theme.font, weight: 600 })) {
    parts.push(text(margin, y, line, `font-size="${size + 2}" font-weight="600" fill="${theme.foreground}"`));
    y += size + 8;
  }
  y += 4;
  parts.push(
    `<image x="${margin}" y="${y}" width="${layout.width}" height="${layout.height}" href="${cellsImage(state, model, inner, theme)}"/>`,
  );
  model.rows.forEach((places, row) => {
    const middle = y + layout.y(row) + layout.side / 2 + 4;
    const name = model.natural ? `L${places[0]?.layer ?? row}` : String(row * model.heads + 1);
    if (layout.side >= 10 || row % 2 === 0)
      parts.push(
        text(margin + layout.left - 8, middle, name, `font-size="${size - 3}" text-anchor="end" fill="${theme.muted}"`),
      );
    if (model.natural && (model.windows[row] ?? null) !== null)
      parts.push(
        `<rect x="${margin + layout.left - 5}" y="${y + layout.y(row)}" width="2" height="${layout.side}" fill="${theme.muted}"/>`,
      );
    places.forEach((place, column) => {
      const first = model.labels.get(headKey(place.layer, place.head))?.[0];
      if (first && layout.side >= 12)
        parts.push(
          text(
            margin + layout.x(column) + 3,
            y + layout.y(row) + 11,
            labelInfo(first.label).letter,
            `font-size="10" font-weight="700" fill="${theme.foreground}" stroke="${theme.background}" stroke-width="2" paint-order="stroke"`,
          ),
        );
      if (gainOf(result.gains, place.layer, place.head) === 0) {
        const [left, top] = [margin + layout.x(column), y + layout.y(row)];
        parts.push(
          `<line x1="${left}" y1="${top + layout.side}" x2="${left + layout.side}" y2="${top}" stroke="${theme.foreground}" stroke-width="1.5"/>`,
        );
      }
    });
  });
  if (model.natural) {
    const every = Math.max(1, Math.ceil(22 / (layout.side + 2)));
    for (let head = 0; head < model.heads; head += every)
      parts.push(
        text(
          margin + layout.x(head) + layout.side / 2,
          y + (layout.groups.length > 0 ? 20 : 12),
          `H${head}`,
          `font-size="${size - 3}" text-anchor="middle" fill="${theme.muted}"`,
        ),
      );
    for (const [from, to] of layout.groups)
      parts.push(
        `<path d="M${margin + layout.x(from) + 0.5} ${y + 7.5}v-4H${margin + layout.x(to) + layout.side - 0.5}v4" fill="none" stroke="${theme.muted}"/>`,
      );
  }
  y += layout.height + 12;
  const legend = keyOfFigure(model, theme, y, inner);
  parts.push(legend.svg);
  y = legend.bottom;
  if (head) {
    const drawn = headFigure(state, head, theme, { x: margin, y: y + 12, width: inner });
    parts.push(drawn.svg);
    y = drawn.bottom + 8;
  }
  for (const line of captionOf(state, result).flatMap((entry) => wrap(entry, inner, size - 2, theme))) {
    y += size + 2;
    parts.push(text(margin, y, line, `font-size="${size - 2}" fill="${theme.muted}"`));
  }
  const height = Math.ceil(y + margin);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(finding(state))}</title>
<metadata>${escapeXml(JSON.stringify(provenanceOf(state, result)))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${parts.join('\n')}
</svg>`;
  return { svg, width, height };
}

/** The cells at twice their size, as a data URI: a file that needs nothing else. */
function cellsImage(state: State, model: GridModel, width: number, theme: Theme): string {
  const ratio = 2;
  const layout = gridLayout(model, width);
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(layout.width * ratio);
  canvas.height = Math.round(layout.height * ratio);
  const pictures =
    state.thumbnails && (model.colouring === 'class' || model.colouring === 'picture') ? state.thumbnails : undefined;
  const used = Math.min(pictures?.size ?? 1, state.result?.ids.length ?? 1);
  const atlas = pictures && headAtlas(pictures, used, layout.side * ratio);
  openCellPainter(canvas, '2d').paint(
    cellsOf(model, layout, ratio, { dark: theme.dark, background: theme.background, muted: theme.muted }),
    atlas,
    parseColour(theme.background),
  );
  return canvas.toDataURL('image/png');
}

function keyOfFigure(
  model: GridModel,
  theme: Theme,
  top: number,
  inner: number,
): { readonly svg: string; readonly bottom: number } {
  const size = theme.fontSize - 1;
  const words = (x: number, y: number, content: string): string =>
    `<text x="${x}" y="${y}" font-size="${size}" fill="${theme.foreground}">${escapeXml(content)}</text>`;
  if (model.scale) {
    const { title, unit, low, high } = model.scale;
    const stops = scaleStops(model.colouring === 'difference', theme.dark);
    const name = `${title}${unit ? `, ${unit}` : ''}`;
    const bar = stops.map(
      (colour, at) => `<rect x="${margin + 60 + at * 12}" y="${top + 16}" width="12.5" height="10" fill="${colour}"/>`,
    );
    return {
      svg: [
        words(margin, top + 8, name),
        words(margin, top + 25, significant(low, 2)),
        ...bar,
        words(margin + 66 + stops.length * 12, top + 25, significant(high, 2)),
      ].join('\n'),
      bottom: top + 32,
    };
  }
  const present = labelInfos.filter(({ id }) =>
    [...model.labels.values()].some((own) => own.some(({ label }) => label === id)),
  );
  let [x, y] = [margin, top + 8];
  const entries = present.map(({ identity, letter, title }) => {
    const content = `${letter}  ${title}`;
    const wide = 16 + content.length * size * 0.6 + 16;
    if (x + wide > margin + inner && x > margin) [x, y] = [margin, y + size + 8];
    const entry = `<g transform="translate(${x} ${y - 9})"><path transform="scale(0.625)" d="${shapes[identity.shape]}" fill="${colourOf(identity, theme.dark)}"/></g>${words(x + 16, y, content)}`;
    x += wide;
    return entry;
  });
  return { svg: entries.join('\n'), bottom: y + 10 };
}

const topKeysOf = ({ topKeys }: HeadsResult, { layer, head }: HeadRow) => topKeys?.[layer]?.[head];

/** One line a head, in full precision; what made it stands in each line, so that any reader of CSV can use the file. */
export function headsCsv(state: State, result: HeadsResult): string {
  const share = result.heads / Math.max(1, result.model.kvHeads);
  const column = (id: string, value: (row: HeadRow) => number | string | undefined): Column<HeadRow> => ({
    id,
    title: id,
    numeric: false,
    value,
  });
  const all = (pick: (one: HeadRow['classes'][number]) => number | string | undefined) => (row: HeadRow) =>
    row.classes.map((one) => pick(one) ?? '').join(';') || undefined;
  const columns = [
    column('layer', ({ layer }) => layer),
    column('head', ({ head }) => head),
    column('kv_head', ({ head }) => Math.floor(head / share)),
    column('window', ({ layer }) => result.model.windows[layer] ?? undefined),
    ...statisticInfos.map(({ id, unit }) =>
      column(unit ? `${id}_${unit}` : id, ({ layer, head }) => {
        return known(valueOf(result.statistics, id, layer, head));
      }),
    ),
    ...Object.entries(result.groups).map(([name, values]) =>
      column(`group_${name}`, ({ layer, head }) => values[layer]?.[head]),
    ),
    column('last_query_top_keys', (row) =>
      topKeysOf(result, row)
        ?.map(({ key }) => key)
        .join(';'),
    ),
    column('last_query_top_weights', (row) =>
      topKeysOf(result, row)
        ?.map(({ weight }) => weight)
        .join(';'),
    ),
    column(
      'labels',
      all(({ label }) => label),
    ),
    column(
      'scores',
      all(({ score }) => score),
    ),
    column(
      'null_means',
      all((one) => one.null.mean),
    ),
    column(
      'null_sds',
      all((one) => one.null.sd),
    ),
    column(
      'confidences',
      all(({ confidence }) => confidence),
    ),
    column(
      'loss_changes_nats',
      all(({ causal }) => known(causal?.lossChange)),
    ),
    column(
      'prompt_loss_changes_nats',
      all(({ causal }) => known(causal?.promptLossChange)),
    ),
    ...labelInfos.flatMap(({ id }) => {
      const scores = result.labelScores?.[id];
      const of = (values: PerHead) => (row: HeadRow) => known(values[row.layer]?.[row.head]);
      return scores
        ? [
            column(`score_${id}`, of(scores.score)),
            column(`null_mean_${id}`, of(scores.nullMean)),
            column(`null_sd_${id}`, of(scores.nullSd)),
            column(`confidence_${id}`, of(scores.confidence)),
            ...(scores.needed ? [column(`needed_${id}`, of(scores.needed))] : []),
          ]
        : [];
    }),
    column('selected', ({ layer, head }) => (state.selected?.layer === layer && state.selected.head === head ? 1 : 0)),
    column('gain', ({ layer, head }) => gainOf(result.gains, layer, head)),
    ...changesInCsv(state).map(({ id, of }) => column(id, of)),
    ...Object.entries({
      model: result.model.name,
      model_hash: result.model.hash,
      prompt: promptOf(result),
      tokens: result.ids.length,
      seed: result.seed,
      device: result.device.name,
      runtime: result.device.runtime,
      platform: result.device.platform,
      headscope: result.headscope,
      created: result.created,
      ...(state.compareWith
        ? {
            compared_with: state.compareWith.name,
            compared_model: state.compareWith.result.model.name,
            compared_model_hash: state.compareWith.result.model.hash,
            compared_prompt: promptOf(state.compareWith.result),
            compared_created: state.compareWith.result.created,
          }
        : {}),
    }).map(([id, value]) => column(id, () => value)),
  ];
  return toCsv(columns, headRows(state));
}

/** Of each statistic this result less the other, where heads can be compared one by one. */
const changesInCsv = (state: State) =>
  statisticInfos.flatMap(({ id }) => {
    const change = differencesOf(state, id);
    return change.ok ? [{ id: `change_${id}`, of: ({ layer, head }: HeadRow) => known(change.at(layer, head)) }] : [];
  });
