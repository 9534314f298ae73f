/**
 * The repair of Merullo et al. 2023 (arXiv:2310.08744): the attention of chosen heads at the last position is put on given
 * positions, evenly; their values stay. In a causal model only the last row changes, so that the values at the positions are those
 * of the plain run.
 */
import { object, list, pair, whole, text, count, optional } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { placesOf } from '../../shared/effects/columns';
import type { Pair } from '../../shared/effects/pairs';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { metricOf } from '../../shared/effects/metric';
import { sizesOf } from '../../shared/effects/outputs';
import type { Level } from '../../shared/effects/level-section';
import { partName, withReplacements } from '../../shared/effects/parts';
import { refusal } from '../../../protocol/wire/failures';
import { slotOf } from '../../shared/circuits/receivers';
import type { ModelRunner } from '../../model-runner/model-runner';
import { measuredMean, meanInterval, wilson } from '../../shared/statistics/proportion';
import { mean } from '../../../kernels/tensors/vectors';

const beforeAfter = pair(measuredMean, measuredMean, 'a level before and one after');
export type BeforeAfter = Output<typeof beforeAfter>;

const moverAttention = object({
  layer: whole,
  head: whole,
  /** Mass on the places of right answers, and of wrong ones; 95 % intervals over prompts (Student's t). */
  right: beforeAfter,
  wrong: beforeAfter,
  /** Mass on right answers after less before, prompt by prompt. */
  change: measuredMean,
});
export type MoverAttention = Output<typeof moverAttention>;

export const repair = object({
  heads: list(object({ layer: whole, head: whole })),
  to: text,
  n: count,
  /** Share of prompts whose largest logit is that of a right answer, before and after; Wilson's interval. */
  accuracy: beforeAfter,
  /** The same among right and wrong answers alone. */
  choice: beforeAfter,
  metric: beforeAfter,
  /** After less before, prompt by prompt. */
  change: measuredMean,
  /** Movers of the first task behind the repair, and what they attend to; absent in older results. */
  movers: optional(list(moverAttention)),
});
export type Repair = Output<typeof repair>;

/** One prompt before and after the repair. */
export type RepairedPrompt = readonly { readonly right: boolean; readonly chosen: boolean; readonly metric: number }[];

/** What a head puts out whose attention is shared out evenly among the positions: a row that sums to 1. */
export async function repairs(
  model: ModelRunner,
  { clean }: Pick<Pair, 'clean'>,
  heads: readonly HeadPlace[],
  positions: readonly number[],
  variant: Variant,
): Promise<readonly ReplacementChange[]> {
  const layers = [...new Set(heads.map(({ layer }) => layer))];
  const run = await model.run({
    ...clean,
    variants: [variant],
    taps: layers.map((layer) => ({ layer, tap: 'attention.value' as const })),
    tapRows: positions,
    depth: Math.max(...layers) + 1,
    logits: 'none',
  });
  const last = clean.ids.length - 1;
  return heads.map((head): ReplacementChange => {
    const data = run.layers.find(({ layer }) => layer === head.layer)?.taps['attention.value']?.data;
    if (!(data instanceof Float32Array)) throw new TypeError(`layer ${head.layer} gave no values`);
    const { width } = sizesOf(model.facts, 'value', head.layer);
    const slot = slotOf({ input: 'value', ...head }, model.facts.blocks);
    const rows = new Float32Array((last + 1) * width);
    for (let i = 0; i < width; i++) {
      const at = positions.map((_, row) => data[(slot * positions.length + row) * width + i] ?? Number.NaN);
      rows[last * width + i] = mean(at);
    }
    return { kind: 'replacement', layer: head.layer, target: 'head', head: head.head, positions: [last], data: rows };
  });
}

export async function repairedPrompt(
  model: ModelRunner,
  pair: Pair,
  heads: readonly HeadPlace[],
  positions: readonly number[],
  { metric, variant }: { readonly metric: EffectMetric; readonly variant: Variant },
): Promise<RepairedPrompt> {
  const replacements = await repairs(model, pair, heads, positions, variant);
  const answers = await model.answers(pair.clean, pair.asked, [variant, withReplacements(variant, replacements)]);
  const tokens = pair.asked[0]?.tokens ?? [];
  return answers.flatMap(([answer]) => {
    if (!answer) return [];
    const best = Math.max(...answer.logits);
    return {
      right: tokens.slice(0, pair.right).includes(answer.largest),
      chosen: answer.logits.slice(0, pair.right).includes(best),
      metric: metricOf(metric, answer, tokens, pair.right),
    };
  });
}

/** The positions of each prompt; fails with a sentence where a prompt has none, or where they lie at or behind the last one. */
export function repairPlaces(to: string, pairs: readonly Pair[]): (pair: Pair) => readonly number[] {
  const places = placesOf(to, pairs);
  if (!places || pairs.some((pair) => places(pair).length === 0)) {
    throw refusal(
      `"${to.slice(0, 60)}" stands nowhere in some prompts of the first task. Give a role that all have, or positions.`,
    );
  }
  return places;
}

export function repairOf(heads: readonly HeadPlace[], to: string, prompts: readonly RepairedPrompt[]): Repair {
  const n = prompts.length;
  const share = (at: 0 | 1, of: 'right' | 'chosen'): Level => {
    const own = prompts.filter((prompt) => prompt[at]?.[of]).length / n;
    return { mean: own, ...wilson(own, n) };
  };
  const values = (at: 0 | 1): readonly number[] => prompts.map((prompt) => prompt[at]?.metric ?? Number.NaN);
  return {
    heads,
    to,
    n,
    accuracy: [share(0, 'right'), share(1, 'right')],
    choice: [share(0, 'chosen'), share(1, 'chosen')],
    metric: [meanInterval(values(0)), meanInterval(values(1))],
    change: meanInterval(values(1).map((after, at) => after - (values(0)[at] ?? Number.NaN))),
  };
}

export const headWords = (heads: readonly HeadPlace[]): string => heads.map(partName).join(', ');
