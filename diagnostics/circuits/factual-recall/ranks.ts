/** Places of tokens among the logits of a stream (logit lens), and their spread over prompts. */
import { FailureError } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Reading } from './reading';

/** 1: no logit is larger. Of several tokens that of the best. */
export function rankOf(logits: ArrayLike<number>, tokens: readonly number[]): number {
  const best = Math.max(...tokens.map((token) => logits[token] ?? -Infinity));
  let larger = 0;
  for (let id = 0; id < logits.length; id++) if ((logits[id] ?? 0) > best) larger += 1;
  return 1 + larger;
}

/** The same among some tokens alone. */
export const rankAmong = (logits: ArrayLike<number>, token: number, candidates: readonly number[]): number =>
  1 + candidates.filter((one) => (logits[one] ?? 0) > (logits[token] ?? 0)).length;

export interface Spread {
  readonly median: number;
  /** Quartiles. */
  readonly low: number;
  readonly high: number;
}

/** Quantiles by linear interpolation between order statistics. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const [a = Number.NaN, b = a] = [sorted[low], sorted[low + 1]];
    return a + (place - low) * (b - a);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Where the stream is read: before the first layer, behind the attention of each layer, behind each MLP. */
export const pointNames = (layers: number): readonly string[] => [
  'embedding',
  ...Array.from({ length: layers }, (_, layer) => [`L${layer} attn`, `L${layer} MLP`]).flat(),
];

export interface StreamRanks {
  /** By point. */
  readonly topic: readonly number[];
  readonly answer: readonly number[];
  /** Rank of the answer among the answers of the task. */
  readonly candidate: readonly number[];
}

export async function streamRanks(
  model: ModelRunner,
  { streams, attentionOutputs }: Reading,
  {
    topic,
    answer,
    candidates,
  }: { readonly topic: readonly number[]; readonly answer: number; readonly candidates: readonly number[] },
): Promise<StreamRanks> {
  const points = [
    ...streams.slice(0, 1),
    ...attentionOutputs.flatMap((added, layer) => [
      (streams[layer] ?? added).map((value, i) => value + (added[i] ?? 0)),
      streams[layer + 1] ?? added,
    ]),
  ];
  const logits = await model.direct.logits(points);
  return {
    topic: logits.map((each) => rankOf(each, topic)),
    answer: logits.map((each) => rankOf(each, [answer])),
    candidate: logits.map((each) => rankAmong(each, answer, candidates)),
  };
}

/** Fails where what heads and MLPs write is no part of the stream. */
export async function requireSums(model: ModelRunner): Promise<void> {
  for (const layer of model.facts.blocks.keys()) {
    const { attentionNorms, feedForwardNorms } = await model.weights.layer(layer, ['gates', 'scores']);
    if (!attentionNorms.after && !feedForwardNorms.after) continue;
    throw new FailureError({
      code: 'unsupported',
      detail: `Layer ${layer} has a norm behind its sums, so the stream is no sum of what heads and MLPs write, and MLPs cannot be explained by it. Choose a model without such norms.`,
    });
  }
}
