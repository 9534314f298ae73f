/**
 * The network of the recall task, as zoology builds it: embeddings with learned positions, layers of a norm and a mixer added to the
 * stream, a last norm, and logits by the embeddings. The MLP of a layer is left out, as published for these mixers.
 *
 * Inputs of a batch: `ids` int64 [b, L], `labels` int64 [b, L], `counted` [b, L] (1 where there is a label, else 0). The loss is the mean
 * surprisal of the labels, nats; the output `best` int64 [b, L] is the token of the largest logit.
 */
import { add, divide, multiply } from '../../../kernels/graph/operators/elementwise';
import { gather } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { layerNormalization } from '../../../kernels/graph/operators/normalize';
import { argMax, reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { ModuleWeight } from '../../../kernels/module';
import { behind } from '../../../kernels/module-parts/weights';
import { surprisals } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import type { Random } from '../../../kernels/tensors/random';
import { drawnWeights, trainedShapes } from '../../shared/training/module-weights';
import type { Measures } from '../../shared/training/train';
import type { Batch, Parameters, Trainer } from '../../model-runner/trainer';
import { mqarExample, type MqarSize } from './mqar';
import { mixerGraph, mixerWeights, type MixerKind, type MixerSize } from './mixers';
import { mean } from '../../../kernels/tensors/vectors';

export interface RecallNetwork {
  readonly network: Network;
  initial(seed: number): Parameters;
}

export const layers = 2;
export const batchSize = 32;

const prefixOf = (layer: number): string => `backbone.layers.${layer}.sequence_mixer.`;
const normOf = (layer: number): string => `backbone.layers.${layer}.norm1`;
const embedding = 'backbone.embeddings.word_embeddings.weight';
const positions = 'backbone.embeddings.position_embeddings.weight';

export function recallNetwork(name: string, task: MqarSize, kind: MixerKind, size: MixerSize): RecallNetwork {
  const { width } = size;
  const { length, vocabulary } = task;
  const norm = (of: string): readonly ModuleWeight[] => [
    { name: `${of}.weight`, shape: [width], initial: { kind: 'constant', value: 1 } },
    { name: `${of}.bias`, shape: [width], initial: { kind: 'constant', value: 0 } },
  ];
  const table = (of: string, rows: number): ModuleWeight => ({
    name: of,
    shape: [rows, width],
    initial: { kind: 'normal', deviation: width ** -0.5 },
  });
  const weights: readonly ModuleWeight[] = [
    table(embedding, vocabulary),
    table(positions, length),
    ...Array.from({ length: layers }, (_, layer) => [
      ...norm(normOf(layer)),
      ...behind(prefixOf(layer), mixerWeights(kind, size)),
    ]).flat(),
    ...norm('backbone.ln_f'),
  ];
  const network: Network = {
    name,
    parameters: trainedShapes(weights),
    batch: {
      ids: { type: 'int64', shape: ['batch', length] },
      labels: { type: 'int64', shape: ['batch', length] },
      counted: { type: 'float32', shape: ['batch', length] },
    },
    build(graph, parameters, inputs) {
      const of = (from: Readonly<Record<string, Value>>, what: string): Value => {
        const value = from[what];
        if (!value) throw new RangeError(`${name} has no "${what}"`);
        return value;
      };
      const normed = (x: Value, what: string): Value =>
        layerNormalization(x, of(parameters, `${what}.weight`), of(parameters, `${what}.bias`), 1e-5);
      let stream = add(gather(of(parameters, embedding), of(inputs, 'ids')), of(parameters, positions));
      for (let layer = 0; layer < layers; layer++) {
        const x = normed(stream, normOf(layer));
        stream = add(stream, mixerGraph(trainedModule(graph, { x }, parameters, prefixOf(layer)), kind, size));
      }
      const logits = fusedMatmul(normed(stream, 'backbone.ln_f'), of(parameters, embedding), { transposeB: true });
      const counted = of(inputs, 'counted');
      const summed = reduceSum(multiply(surprisals(logits, of(inputs, 'labels')), counted), [0, 1], false);
      return { loss: divide(summed, reduceSum(counted, [0, 1], false)), outputs: { best: argMax(logits, 2) } };
    },
  };
  return { network, initial: (seed) => drawnWeights(weights, seed) };
}

export function recallBatch(task: MqarSize, count: number, source: Random): Batch {
  const examples = Array.from({ length: count }, () => mqarExample(task, source));
  const shape = [count, task.length];
  const int64 = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);
  const labels = examples.flatMap((example) => example.labels);
  return {
    ids: { data: int64(examples.flatMap(({ ids }) => ids)), shape },
    labels: { data: int64(labels.map((label) => label ?? 0)), shape },
    counted: { data: Float32Array.from(labels, (label) => (label === undefined ? 0 : 1)), shape },
  };
}

/** Share of the labels of a batch that have the largest logit. */
export async function recalled(
  trainer: Trainer,
  network: Network,
  parameters: Parameters,
  batch: Batch,
): Promise<Measures & { readonly accuracy: number }> {
  const { outputs } = await trainer.forward(network, parameters, batch);
  const [best, labels, counted] = [outputs['best']?.data, batch['labels']?.data, batch['counted']?.data];
  if (!best || !labels || !counted) throw new RangeError(`${network.name} gave no tokens`);
  const right: number[] = [];
  labels.forEach((label, at) => {
    if (counted[at] === 1) right.push(best[at] === label ? 1 : 0);
  });
  return { accuracy: mean(right) };
}
