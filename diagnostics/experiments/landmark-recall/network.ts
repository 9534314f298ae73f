/**
 * The network of the experiment `landmark-recall`: embeddings, two layers of a norm and landmark attention added to the stream, a last
 * norm, and logits by the embeddings. The attention is the graph of the mechanism `landmark`; with no landmark in the sequence it is
 * causal softmax attention. Rotary positions are those of the sequence, or those of the rule where it has a base of its own.
 *
 * Inputs of a batch: `ids` int64 [b, n] and `answers` int64 [b, 1]. The loss is the mean surprisal of the answers, nats. Outputs: `best`
 * int64 [b, 1], the token of the largest logit at the last place, and of the last layer, as the mechanism is given them, `query`
 * [b, h, 1, d] of the last place and `key` [b, h, n, d].
 */
import { add } from '../../../kernels/graph/operators/elementwise';
import { gather, reshape, slice, transpose } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { layerNormalization } from '../../../kernels/graph/operators/normalize';
import { argMax, reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { landmarkGraph } from '../../../kernels/mechanisms/landmark/graph';
import { rotateRows } from '../../../kernels/graph/rotary-rows';
import { integers } from '../../../kernels/integers';
import type { LandmarkRule } from '../../../kernels/mechanisms/landmark/rule';
import type { ModuleWeight } from '../../../kernels/module';
import { evenly } from '../../../kernels/module-parts/weights';
import type { AttentionShape } from '../../../kernels/shape';
import { surprisals } from '../../../kernels/training/losses';
import type { Network } from '../../../kernels/training/network';
import { drawnWeights, trainedShapes } from '../../shared/training/module-weights';
import type { Parameters } from '../../model-runner/trainer';

export interface NetworkSize {
  readonly vocabulary: number;
  readonly heads: number;
  readonly headDim: number;
}

/** A landmark gathers its block in the first layer, and is found by it in the second: one layer cannot know which block holds the key. */
export const layers = 2;

const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const;

function weightsOf({ vocabulary, heads, headDim }: NetworkSize): readonly ModuleWeight[] {
  const width = heads * headDim;
  const norm = (name: string): readonly ModuleWeight[] => [
    { name: `${name}.weight`, shape: [width], initial: { kind: 'constant', value: 1 } },
    { name: `${name}.bias`, shape: [width], initial: { kind: 'constant', value: 0 } },
  ];
  return [
    { name: 'embedding.weight', shape: [vocabulary, width], initial: { kind: 'normal', deviation: width ** -0.5 } },
    ...Array.from({ length: layers }, (_, layer) => [
      ...norm(`layers.${layer}.norm`),
      ...projections.map((name) => ({
        name: `layers.${layer}.self_attn.${name}.weight`,
        shape: [width, width],
        initial: evenly(width),
      })),
    ]).flat(),
    ...norm('norm'),
  ];
}

/** Base of the rotary positions. */
export const rotaryBase = 10_000;

export const initialWeights = (size: NetworkSize, seed: number): Parameters => drawnWeights(weightsOf(size), seed);

/** One set of weights fits networks of every length and rule. */
export function recallNetwork(
  name: string,
  size: NetworkSize,
  { batch, length }: { readonly batch: number; readonly length: number },
  rule: LandmarkRule,
): Network {
  const { heads, headDim } = size;
  const width = heads * headDim;
  const shapeOf = (queries: number): AttentionShape => ({
    pattern: 'causal-self',
    ...{ batch, heads, kvHeads: heads, queries, keys: length, headDim, valueDim: headDim },
  });
  return {
    name,
    parameters: trainedShapes(weightsOf(size)),
    batch: { ids: { type: 'int64', shape: [batch, length] }, answers: { type: 'int64', shape: [batch, 1] } },
    build(_graph, parameters, inputs) {
      const of = (from: Readonly<Record<string, Value>>, what: string): Value => {
        const value = from[what];
        if (!value) throw new RangeError(`${name} has no "${what}"`);
        return value;
      };
      const normed = (x: Value, what: string): Value =>
        layerNormalization(x, of(parameters, `${what}.weight`), of(parameters, `${what}.bias`), 1e-5);
      // A rule with a base turns queries and keys itself.
      const turned = (x: Value): Value =>
        rule.rotaryBase ? x : rotateRows(x, integers(length - Number(x.shape[2]), length), rotaryBase);
      const last = (x: Value, axis: number): Value => slice(x, axis, length - 1, length);
      const ofHeads: Record<string, Value> = {};
      let stream = gather(of(parameters, 'embedding.weight'), of(inputs, 'ids'));
      for (let layer = 0; layer < layers; layer++) {
        const project = (x: Value, what: string): Value =>
          fusedMatmul(x, of(parameters, `layers.${layer}.self_attn.${what}.weight`), { transposeB: true });
        const split = (x: Value): Value =>
          transpose(reshape(x, [batch, Number(x.shape[1]), heads, headDim]), [0, 2, 1, 3]);
        const x = normed(stream, `layers.${layer}.norm`);
        // Only the last place is asked: the last layer has no other query.
        const asks = layer === layers - 1;
        const queries = asks ? 1 : length;
        const query = turned(split(project(asks ? last(x, 1) : x, 'q_proj')));
        const [key, value] = [turned(split(project(x, 'k_proj'))), split(project(x, 'v_proj'))];
        const read = landmarkGraph(query, key, value, shapeOf(queries), rule);
        const joined = reshape(transpose(read, [0, 2, 1, 3]), [batch, queries, width]);
        stream = add(asks ? last(stream, 1) : stream, project(joined, 'o_proj'));
        if (asks) Object.assign(ofHeads, { query, key });
      }
      const logits = fusedMatmul(normed(stream, 'norm'), of(parameters, 'embedding.weight'), { transposeB: true });
      const loss = reduceMean(surprisals(logits, of(inputs, 'answers')), [0, 1], false);
      return { loss, outputs: { best: argMax(logits, 2), ...ofHeads } };
    },
  };
}
