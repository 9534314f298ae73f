/** Files that leave the panel; each says what made it. */
import { parityWords } from '../../../protocol/results/parity-words';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { PerHead } from '../../../protocol/results/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { margin, type Sheet } from '../../charts/sheet';
import { headsKind } from '../../sections/heads/heads';
import { moved } from '../../sections/scene';
import { sceneSvg } from '../../sections/scene-svg';
import { fileName, type Leaving } from '../../charts/leaving';
import { constantColumns, plainColumns, toCsv } from '../../ui/csv';
import { comparedValues, madeLines, madeValues, namedOf } from '../../ui/made';
import { count, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { comparisonData, comparisonLines, promptOf } from './captions';
import { differencesOf } from './comparison';
import { changesWords, finding } from './finding';
import { gainOf } from './form';
import { effectOf } from './head-effects';
import { gridModel } from './grid-model';
import { gridForFile } from './grid-section';
import { drawHead, type ShownHead } from './head-figure';
import { labelInfos } from './labels';
import { ownPage, pageRules, pageTables } from './result-page';
import type { State } from './state';
import { statisticInfos, valueOf } from './statistics';
import { headRows, known, type HeadRow } from './tables';

/** Width of the figure: a wide grid is drawn smaller. From 680 on, the matrix of a head and its numbers stand side by side. */
const figureWidth = (heads: number, withHead: boolean): number =>
  Math.max(withHead ? 680 : 520, Math.min(1200, heads * 48 + 80));

/** Every head, whatever is looked for on the screen. */
function drawGrid(sheet: Sheet, state: State): void {
  const model = gridModel({ ...state, view: { ...state.view, search: '', filter: undefined } });
  const scene = headsKind.picture(gridForFile(state, model), {}, new Map()).draw(sheet.inner, sheet.theme);
  const marks = scene.marks.map((mark) => moved(mark, margin, sheet.y));
  sheet.parts.push(sceneSvg({ ...scene, marks }, 'grid'));
  sheet.y += scene.height + 8;
}

/** `head` is the one on screen; pictures hold it beside the grid, JSON as numbers, CSV marks its line. */
export function leavingOf(state: State, theme: Theme, head?: ShownHead): Leaving {
  const { result } = state;
  if (!result) throw new Error('There is no result to export yet. Run the heads first.');
  return {
    theme,
    sentence: finding(state),
    width: figureWidth(result.heads, head !== undefined),
    draw: (sheet) => {
      drawGrid(sheet, state);
      if (head) drawHead(sheet, state, head);
    },
    caption: [`Prompt: “${promptOf(result)}”`, ...comparisonLines(state), ...provenanceLines(result)],
    provenance: provenanceOf(state, result),
    headscope: result.headscope,
    csv: () => headsCsv(state, result),
    json: () => dataOf(state, result, head),
    tables: () => pageTables(state, result, theme.dark),
    css: pageRules(theme),
    page: () => ownPage(state, result, head, dataOf(state, result)),
  };
}

export const exportName = ({ result, compareWith }: State, format: ExportFormat): string =>
  fileName('heads', namedOf(result), {
    format,
    json: 'heads',
    against: result && compareWith && namedOf(compareWith.result),
  });

/** Everything that made the numbers, for machines. */
function provenance(result: HeadsResult): Record<string, unknown> {
  const { headscope, created, device, settings, seed, model, prompt, chatPrompt, ids, interventions, parity } = result;
  const made = { headscope, created, device, settings, seed, model, prompt, chatPrompt };
  return { ...made, tokens: ids.length, interventions, parity };
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
    ...(state.headEffects?.effects
      ? { effects: { ...state.headEffects.effects, finding: state.headEffects.finding } }
      : {}),
  };
}

/** The same in a few lines for people. */
export function provenanceLines(result: HeadsResult): readonly string[] {
  const { model, parity } = result;
  const classify = result.settings['classify'] === false ? 'no labels' : 'labels against null models';
  return [
    `${model.name} (${model.family}), hash ${model.hash}, ${model.layers} layers x ${model.heads} query heads, ${model.kvHeads} key/value heads, head width ${model.headDim}, ${model.dtypes.join(', ')}`,
    ...(model.notes ?? []),
    `${count(result.ids.length)} tokens${result.prompt === null ? ', given as ids' : ''}${result.chatPrompt ? `, through the chat template as ${JSON.stringify(result.chatPrompt.text)}` : ''}, ${classify}, ${result.settings['causal'] === true ? 'causal check' : 'no causal check'}, seed ${result.seed}, ${result.interventions.length === 0 ? 'no interventions' : changesWords(result)}`,
    parityWords(parity, (value) => significant(value, 2)),
    ...madeLines(result),
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

const topKeysOf = ({ topKeys }: HeadsResult, { layer, head }: HeadRow) => topKeys?.[layer]?.[head];

/** One line a head, in full precision. */
function headsCsv(state: State, result: HeadsResult): string {
  const { compareWith, selected } = state;
  const share = result.heads / Math.max(1, result.model.kvHeads);
  const effects = state.headEffects?.effects;
  const all = (pick: (one: HeadRow['classes'][number]) => number | string | undefined) => (row: HeadRow) =>
    row.classes.map((one) => pick(one) ?? '').join(';') || undefined;
  const of = (values: PerHead) => (row: HeadRow) => known(values[row.layer]?.[row.head]);
  const each = <T>(
    list: readonly T[],
    entry: (one: T) => readonly (readonly [string, (row: HeadRow) => number | undefined])[],
  ) => Object.fromEntries(list.flatMap(entry));
  const columns = [
    ...plainColumns<HeadRow>({
      layer: ({ layer }) => layer,
      head: ({ head }) => head,
      kv_head: ({ head }) => Math.floor(head / share),
      window: ({ layer }) => result.model.windows[layer] ?? undefined,
      ...each(statisticInfos, ({ id, unit }) => [
        [unit ? `${id}_${unit}` : id, ({ layer, head }) => known(valueOf(result.statistics, id, layer, head))],
      ]),
      ...each(Object.entries(result.groups), ([name, values]) => [
        [`group_${name}`, ({ layer, head }) => values[layer]?.[head]],
      ]),
      last_query_top_keys: (row) =>
        topKeysOf(result, row)
          ?.map(({ key }) => key)
          .join(';'),
      last_query_top_weights: (row) =>
        topKeysOf(result, row)
          ?.map(({ weight }) => weight)
          .join(';'),
      ...(effects
        ? {
            effect_nats: (row: HeadRow) => known(effectOf(effects, row)),
            effect_low_nats: (row: HeadRow) => known(effectOf(effects, row, 'low')),
            effect_high_nats: (row: HeadRow) => known(effectOf(effects, row, 'high')),
          }
        : {}),
      labels: all(({ label }) => label),
      scores: all(({ score }) => score),
      null_means: all((one) => one.null.mean),
      null_sds: all((one) => one.null.sd),
      confidences: all(({ confidence }) => confidence),
      loss_changes_nats: all(({ causal }) => known(causal?.lossChange)),
      prompt_loss_changes_nats: all(({ causal }) => known(causal?.promptLossChange)),
      ...each(labelInfos, ({ id }) => {
        const scores = result.labelScores?.[id];
        if (!scores) return [];
        return [
          [`score_${id}`, of(scores.score)],
          [`null_mean_${id}`, of(scores.nullMean)],
          [`null_sd_${id}`, of(scores.nullSd)],
          [`confidence_${id}`, of(scores.confidence)],
          ...(scores.needed ? [[`needed_${id}`, of(scores.needed)] as const] : []),
        ];
      }),
      selected: ({ layer, head }) => (selected?.layer === layer && selected.head === head ? 1 : 0),
      gain: ({ layer, head }) => gainOf(result.gains, layer, head),
      ...each(statisticInfos, ({ id }) => {
        const change = differencesOf(state, id);
        return change.ok ? [[`change_${id}`, ({ layer, head }) => known(change.at(layer, head))]] : [];
      }),
    }),
    ...constantColumns<HeadRow>({
      ...madeValues(result, { prompt: promptOf(result), tokens: result.ids.length }),
      ...(compareWith
        ? comparedValues(compareWith.name, compareWith.result, { compared_prompt: promptOf(compareWith.result) })
        : {}),
    }),
  ];
  return toCsv(columns, headRows(state));
}
