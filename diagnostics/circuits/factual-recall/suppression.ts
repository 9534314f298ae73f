/**
 * What each layer does directly to the right answer (direct logit attribution, norms frozen), and to frequent tokens: the claim of
 * arXiv:2403.19521 is that the last layer lowers the answer and pulls towards frequent tokens ("anti-overconfidence").
 */
import { object, figure, count, list } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { Output, Schema } from '../../../protocol/schema/check';
import type { DirectEffects, LogitTarget } from '../../model-runner/direct-paths';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval, wilson, measuredMean, type MeasuredMean } from '../../shared/statistics/proportion';
import type { Fact } from './prompts';
import type { Reading } from './reading';

export interface DirectFact {
  /** Effects on the logit of the right answer, and on the mean of frequent tokens. */
  readonly answer: DirectEffects;
  readonly frequent: DirectEffects;
  /** Effects on the right answer minus the mean of the other answers of the task; what raises all answers alike cancels. */
  readonly margin: DirectEffects;
  /** Sum of all parts less the logit, over the logit (at least 1). */
  readonly error: number;
}

/** Both sides of each layer, and the ends, at the most. */
export const layers = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { most: 2 * mostLayers + 2 });

export const suppression = object({
  layers: layers(
    object({
      attention: measuredMean,
      mlp: measuredMean,
      /** The same on the mean of frequent tokens; without intervals. */
      attentionFrequent: figure,
      mlpFrequent: figure,
      /** And on the answer less the mean of the other answers. */
      attentionMargin: figure,
      mlpMargin: figure,
    }),
  ),
  /** Effect of the last layer, attention and MLP together. */
  last: measuredMean,
  /** The same on the answer less the mean of the other answers. */
  lastMargin: measuredMean,
  /** Prompts whose answer the last layer lowers. */
  lowered: object({ value: figure, low: figure, high: figure, n: count }),
  /** [heads of the last layer]: mean effect on the answer over the prompts of the fit. */
  heads: list(figure, 'a list of heads', { most: mostHeads }),
});
export type Suppression = Output<typeof suppression>;

export async function directFact(
  model: ModelRunner,
  { answer }: Fact,
  reading: Reading,
  { frequent, candidates }: { readonly frequent: LogitTarget; readonly candidates: readonly number[] },
): Promise<DirectFact> {
  const own = await model.direct.effects(reading, [{ token: answer, weight: 1 }]);
  const common = await model.direct.effects(reading, frequent);
  const others = candidates.filter((token) => token !== answer);
  const margin = await model.direct.effects(reading, [
    { token: answer, weight: 1 },
    ...others.map((token) => ({ token, weight: -1 / others.length })),
  ]);
  const sum = [...own.heads.flat(), ...own.mlp, own.embedding, own.rest].reduce((total, value) => total + value, 0);
  return { answer: own, frequent: common, margin, error: Math.abs(sum - own.logit) / Math.max(1, Math.abs(own.logit)) };
}

const attentionOf = ({ heads }: DirectEffects, layer: number): number =>
  (heads[layer] ?? []).reduce((sum, value) => sum + value, 0);

export function suppressionOf(found: readonly DirectFact[], fitted: readonly number[], layers: number): Suppression {
  const over = (give: (one: DirectFact) => number): MeasuredMean => meanInterval(found.map(give));
  const last = layers - 1;
  const whole = (effects: DirectEffects): number => attentionOf(effects, last) + (effects.mlp[last] ?? Number.NaN);
  const lower = found.filter(({ answer }) => whole(answer) < 0).length / found.length;
  const heads = found[0]?.answer.heads[last] ?? [];
  return {
    layers: Array.from({ length: layers }, (_, layer) => ({
      attention: over(({ answer }) => attentionOf(answer, layer)),
      mlp: over(({ answer }) => answer.mlp[layer] ?? Number.NaN),
      attentionFrequent: over(({ frequent }) => attentionOf(frequent, layer)).mean,
      mlpFrequent: over(({ frequent }) => frequent.mlp[layer] ?? Number.NaN).mean,
      attentionMargin: over(({ margin }) => attentionOf(margin, layer)).mean,
      mlpMargin: over(({ margin }) => margin.mlp[layer] ?? Number.NaN).mean,
    })),
    last: over(({ answer }) => whole(answer)),
    lastMargin: over(({ margin }) => whole(margin)),
    lowered: { value: lower, ...wilson(lower, found.length), n: found.length },
    heads: heads.map(
      (_, head) =>
        fitted.reduce((sum, at) => sum + (found[at]?.answer.heads[last]?.[head] ?? Number.NaN), 0) / fitted.length,
    ),
  };
}

/** Frequent tokens that stand for the text at most. */
const mostFrequent = 512;

/** Tokens of a text by how often each stands there; of no text tokens spread evenly over the vocabulary. */
export function frequentTokens(ids: readonly number[], vocabulary: number): LogitTarget {
  if (ids.length === 0) {
    const count = Math.min(vocabulary, mostFrequent / 2);
    return Array.from({ length: count }, (_, at) => ({
      token: Math.floor((at * vocabulary) / count),
      weight: 1 / count,
    }));
  }
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const most = [...counts].sort(([a, n], [b, m]) => m - n || a - b).slice(0, mostFrequent);
  const total = most.reduce((sum, [, n]) => sum + n, 0);
  return most.map(([token, n]) => ({ token, weight: n / total }));
}
