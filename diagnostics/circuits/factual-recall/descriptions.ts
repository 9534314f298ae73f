/** What single heads write, and what explains the MLPs, in numbers that can be shown. */
import { largest } from '../../shared/statistics/largest';
import type { ModelRunner } from '../../model-runner/model-runner';
import { directionsOf, unembeddingOf, type Decomposed, type WrittenOut } from './decomposition';
import { byEffect } from './summary';
import type { Facts } from './prompts';
import { rankOf, spreadOf } from './ranks';
import type { Reading } from './reading';
import type { HeadReads, MlpFound, RecallResult } from './result';
import { dot, mean } from '../../../kernels/tensors/vectors';

/** Heads whose output is read alone at most. */
const mostReads = 10;
/** Tokens of the intercept that are shown. */
const shownTokens = 8;

export async function readsOf(
  model: ModelRunner,
  { all }: Facts,
  readings: readonly Reading[],
  { writes }: WrittenOut,
  result: RecallResult,
): Promise<readonly HeadReads[]> {
  const places = byEffect(model, result)
    .filter(({ layer, head }) => writes.has(`${layer}.${head}`))
    .slice(0, mostReads);
  const found: HeadReads[] = [];
  for (const { layer, head } of places) {
    const own = writes.get(`${layer}.${head}`) ?? [];
    const { headDim = 0 } = model.facts.blocks[layer] ?? {};
    const alone = await model.direct.logits(own);
    const ranks: [number, number, number, number][] = [];
    for (const [at, fact] of all.entries()) {
      const reading = readings[at];
      const outputs = reading?.headOutputs[layer];
      if (!reading || !outputs) continue;
      const part = new Float32Array(outputs.length);
      part.set(outputs.subarray(head * headDim, (head + 1) * headDim), head * headDim);
      const frozen = await model.direct.written(reading, layer, part);
      const { topic, answer } = fact;
      ranks.push([
        rankOf(alone[at] ?? frozen, topic.ids),
        rankOf(alone[at] ?? frozen, [answer]),
        rankOf(frozen, topic.ids),
        rankOf(frozen, [answer]),
      ]);
    }
    const median = (which: 0 | 1 | 2 | 3): number => spreadOf(ranks.map((one) => one[which])).median;
    found.push({
      layer,
      head,
      topic: median(0),
      answer: median(1),
      topicFrozen: median(2),
      answerFrozen: median(3),
    });
  }
  return found;
}

export async function mlpsFound(
  model: ModelRunner,
  facts: Facts,
  readings: readonly Reading[],
  mlps: readonly Decomposed[],
): Promise<readonly MlpFound[]> {
  const unembedding = await unembeddingOf(model, facts.candidates);
  const logits = await model.direct.logits(mlps.map(({ byHead }) => Float32Array.from(byHead.intercept)));
  return mlps.map((mlp, at) => {
    const { layer, heads, byHead, heldR2, summed, stream } = mlp;
    const own = logits[at] ?? new Float32Array(0);
    const top = largest(own, shownTokens);
    const pieces = model.pieces(top);
    const lengths = readings.map(({ networkOutputs }) => {
      const output = networkOutputs[layer] ?? new Float32Array(0);
      return Math.sqrt(dot(output, output));
    });
    return {
      layer,
      r2: byHead.r2,
      heldR2,
      condition: byHead.condition,
      summedR2: summed.r2,
      summedHeldR2: summed.heldR2,
      summedWeight: summed.weight,
      streamR2: stream.r2,
      streamHeldR2: stream.heldR2,
      weights: heads.map((place, j) => ({ ...place, weight: byHead.weights[j] ?? Number.NaN })),
      rest: byHead.weights.at(-1) ?? Number.NaN,
      interceptShare: Math.sqrt(dot(byHead.intercept, byHead.intercept)) / mean(lengths),
      ...(unembedding ? { directions: directionsOf(mlp, facts, unembedding) } : {}),
      top: top.map((id, place) => ({ token: pieces[place] ?? `#${id}`, logit: own[id] ?? Number.NaN })),
    };
  });
}
