/**
 * A small language model around any causal token mixer: embeddings, layers of pre-norm (the mixer, then a feed-forward part with ReLU), a
 * last norm and an output layer of its own. The mixer is a module of `kernels/modules` in its own graph, so that a trained layer is read
 * by the panel of modules. Names are those of github.com/hermansh-id/rcmha (labml's TransformerXLLayer).
 *
 * Inputs of a batch: `ids` int64 [b, n], `targets` int64 [b, n] (the token that each place should predict), `counted` [n] (1 where a
 * place counts, or 0). The loss is the mean surprisal of the targets at the places that count, nats. Outputs: `best` int64 [b, n] and
 * `surprisal` [b, n].
 */
import { add, divide, multiply, rectify } from '../../../kernels/graph/operators/elementwise';
import { gather } from '../../../kernels/graph/operators/layout';
import { layerNormalization } from '../../../kernels/graph/operators/normalize';
import { argMax, reduceMean, reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { ModuleGraph, ModuleWeight } from '../../../kernels/module';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { behind, evenly } from '../../../kernels/module-parts/weights';
import { surprisals } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { drawnWeights, trainedShapes } from './module-weights';
import type { Measures } from './train';
import type { Batch, Parameters, Trainer } from '../../model-runner/trainer';
import { mean } from '../../../kernels/tensors/vectors';

export interface MixerSize {
  readonly vocabulary: number;
  /** Places of a sequence. */
  readonly length: number;
  readonly width: number;
  readonly feedForward: number;
  readonly layers: number;
  /** Sequences of a batch. */
  readonly batch: number;
  /** A learned vector for each place is added to the embeddings, for a mixer that knows no order of its own. */
  readonly positions: boolean;
}

/** Input `x` [b, n, D], output [b, n, D]. */
export interface Mixer {
  /** With what training starts from. */
  readonly weights: readonly ModuleWeight[];
  build(graph: ModuleGraph): Value;
}

export interface MixerModel {
  readonly network: Network;
  initial(seed: number): Parameters;
}

const epsilon = 1e-5;

const norm = (name: string, width: number): readonly ModuleWeight[] => [
  { name: `${name}.weight`, shape: [width], initial: { kind: 'constant', value: 1 } },
  { name: `${name}.bias`, shape: [width], initial: { kind: 'constant', value: 0 } },
];

const linear = (name: string, out: number, inner: number): readonly ModuleWeight[] => [
  { name: `${name}.weight`, shape: [out, inner], initial: evenly(inner) },
  { name: `${name}.bias`, shape: [out], initial: { kind: 'constant', value: 0 } },
];

/** Where the weights of the mixer of a layer stand. */
export const mixerPrefix = (layer: number): string => `layers.${layer}.self_attn.`;

export function mixerModel(name: string, size: MixerSize, mixer: Mixer): MixerModel {
  const { vocabulary, length, width, feedForward, layers, batch, positions } = size;
  const table = (of: string, rows: number): ModuleWeight => ({
    name: of,
    shape: [rows, width],
    initial: { kind: 'normal', deviation: 0.3 },
  });
  const weights: readonly ModuleWeight[] = [
    table('embedding.weight', vocabulary),
    ...(positions ? [table('positions.weight', length)] : []),
    ...Array.from({ length: layers }, (_, layer) => [
      ...norm(`layers.${layer}.norm_self_attn`, width),
      ...behind(mixerPrefix(layer), mixer.weights),
      ...norm(`layers.${layer}.norm_ff`, width),
      ...linear(`layers.${layer}.feed_forward.layer1`, feedForward, width),
      ...linear(`layers.${layer}.feed_forward.layer2`, width, feedForward),
    ]).flat(),
    ...norm('norm', width),
    ...linear('generator', vocabulary, width),
  ];
  const network: Network = {
    name,
    parameters: trainedShapes(weights),
    batch: {
      ids: { type: 'int64', shape: [batch, length] },
      targets: { type: 'int64', shape: [batch, length] },
      counted: { type: 'float32', shape: [length] },
    },
    build(graph, parameters, inputs) {
      const of = (from: Readonly<Record<string, Value>>, what: string): Value => {
        const value = from[what];
        if (!value) throw new RangeError(`${name} has no "${what}"`);
        return value;
      };
      const weight = (what: string): Value => of(parameters, what);
      const normed = (x: Value, what: string): Value =>
        layerNormalization(x, weight(`${what}.weight`), weight(`${what}.bias`), epsilon);
      const layer = (x: Value, what: string): Value => linearLayer(x, weight(`${what}.weight`), weight(`${what}.bias`));
      let stream = gather(weight('embedding.weight'), of(inputs, 'ids'));
      if (positions) stream = add(stream, weight('positions.weight'));
      for (let at = 0; at < layers; at++) {
        const x = normed(stream, `layers.${at}.norm_self_attn`);
        stream = add(stream, mixer.build(trainedModule(graph, { x }, parameters, mixerPrefix(at))));
        const hidden = rectify(layer(normed(stream, `layers.${at}.norm_ff`), `layers.${at}.feed_forward.layer1`));
        stream = add(stream, layer(hidden, `layers.${at}.feed_forward.layer2`));
      }
      const logits = layer(normed(stream, 'norm'), 'generator');
      const surprisal = surprisals(logits, of(inputs, 'targets'));
      const counted = of(inputs, 'counted');
      const summed = reduceSum(multiply(reduceMean(surprisal, [0], false), counted), [0], false);
      return {
        loss: divide(summed, reduceSum(counted, [0], false)),
        outputs: { surprisal, best: argMax(logits, 2) },
      };
    },
  };
  return { network, initial: (seed) => drawnWeights(weights, seed) };
}

/** Sequences of `length` + 1 tokens each: every place predicts the next token. `counts`: whether a place counts. */
export function mixerBatch(sequences: readonly (readonly number[])[], counts: (place: number) => boolean): Batch {
  const length = (sequences[0]?.length ?? 1) - 1;
  const shape = [sequences.length, length];
  const part = (from: number): BigInt64Array =>
    BigInt64Array.from(sequences.flatMap((sequence) => sequence.slice(from, from + length)).map(BigInt));
  return {
    ids: { data: part(0), shape },
    targets: { data: part(1), shape },
    counted: { data: Float32Array.from({ length }, (_, place) => (counts(place) ? 1 : 0)), shape: [length] },
  };
}

/** Mean over batches of the loss (nats) and of the share of places that count whose right token has the largest logit. */
export async function mixerMeasures(
  trainer: Trainer,
  network: Network,
  parameters: Parameters,
  batches: readonly Batch[],
): Promise<Measures & { readonly accuracy: number; readonly loss: number }> {
  const losses: number[] = [];
  const right: number[] = [];
  for (const batch of batches) {
    const { loss, outputs } = await trainer.forward(network, parameters, batch);
    losses.push(loss);
    const [best, targets, counted] = [outputs['best']?.data, batch['targets']?.data, batch['counted']?.data];
    if (!best || !targets || !counted) throw new RangeError(`${network.name} gave no tokens`);
    targets.forEach((target, at) => {
      if (counted[at % counted.length] === 1) right.push(best[at] === target ? 1 : 0);
    });
  }
  return { accuracy: mean(right), loss: mean(losses) };
}
