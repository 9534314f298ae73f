/** Accuracy on held-out pictures as heads are pruned, the least important first, by each metric and in random order. */
import { object, text, list, whole, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random, seedFor } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { ascending, comparedUnder, headsOf, without, type Importance, type Judge } from './importance';
import { metricTitles } from './metrics';
import { predicted } from './reader';
import { mean } from '../../../kernels/tensors/vectors';

/** Orders that are drawn at random. */
const randomOrders = 3;
/** Steps between no head and all heads pruned. */
const curveSteps = 10;

export interface PruneOrder {
  readonly id: string;
  readonly title: string;
  readonly heads: readonly HeadPlace[];
}

export function pruneOrders(
  model: ModelRunner,
  importance: readonly Importance[],
  seed: number,
): readonly PruneOrder[] {
  const heads = headsOf(model.facts);
  return [
    ...importance.map(({ metric, values }) => ({
      id: metric,
      title: metricTitles[metric],
      heads: ascending(heads, values.flat()),
    })),
    ...Array.from({ length: randomOrders }, (_, at) => ({
      id: `random-${at}`,
      title: `random order ${at + 1}`,
      heads: sample(random(seedFor(seed, `pruning order ${at}`)), heads, heads.length),
    })),
  ];
}

/** Heads that are pruned at each point of a curve. */
const pruneCounts = (heads: number): readonly number[] => [
  ...new Set(Array.from({ length: curveSteps + 1 }, (_, at) => Math.round((at * heads) / curveSteps))),
];

/** Probability of the class of one picture, and whether it leads, [orders][points]. */
export interface PrunedPicture {
  readonly p: readonly (readonly number[])[];
  readonly right: readonly (readonly number[])[];
}

export async function prunedPicture(
  model: ModelRunner,
  prompt: Prompt,
  judge: Judge,
  orders: readonly PruneOrder[],
  label: number,
): Promise<PrunedPicture> {
  const counts = pruneCounts(headsOf(model.facts).length);
  const variants = orders.flatMap(({ heads }) => counts.map((count) => without(heads.slice(0, count))));
  const found = await comparedUnder(model, prompt, variants, judge);
  const at = (order: number, point: number) => found[order * counts.length + point]?.p ?? [];
  return {
    p: orders.map((_, order) => counts.map((__, point) => at(order, point)[label] ?? Number.NaN)),
    right: orders.map((_, order) => counts.map((__, point) => (predicted(at(order, point)) === label ? 1 : 0))),
  };
}

export const pruneCurve = object({
  id: text,
  title: text,
  points: list(
    object({
      pruned: whole,
      /** Share of all heads. */
      share: figure,
      accuracy: figure,
      /** Mean of the probability of the class. */
      probability: figure,
    }),
    'a curve',
  ),
});
export type PruneCurve = Output<typeof pruneCurve>;

export function pruneCurves(
  orders: readonly Pick<PruneOrder, 'id' | 'title'>[],
  heads: number,
  pictures: readonly PrunedPicture[],
): readonly PruneCurve[] {
  const counts = pruneCounts(heads);
  return orders.map(({ id, title }, order) => ({
    id,
    title,
    points: counts.map((pruned, point) => ({
      pruned,
      share: pruned / heads,
      accuracy: mean(pictures.map(({ right }) => right[order]?.[point] ?? Number.NaN)),
      probability: mean(pictures.map(({ p }) => p[order]?.[point] ?? Number.NaN)),
    })),
  }));
}
