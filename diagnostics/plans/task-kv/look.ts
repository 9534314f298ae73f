/** The heads of one prompt: what they read in the observation window, and how far their semantic vectors lie. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { TensorData } from '../../model-runner/run-request';
import { projectionOf } from '../../shared/statistics/principal-components';
import { pooled } from './allocation';
import { fitted, type TaskKvParameters } from './parameters';
import type { LayerPicture, Placed, Space } from './result';
import {
  distancesOf,
  farthestFirst,
  heterogeneousCount,
  inResidualSpace,
  observedScores,
  parted,
  semanticVector,
  type Parted,
} from './separator';

export interface LayerLook {
  readonly distance: readonly number[];
  readonly residual: readonly number[];
  /** Farthest first, in the space that parts them. */
  readonly order: readonly number[];
  readonly parted: Parted;
  readonly picture: LayerPicture;
  /** By key/value head: pooled scores of the keys, by which middle positions are chosen. */
  readonly scores: readonly Float64Array[];
}

/** Bytes of the taps of each layer. */
export const tapBytes = ({ blocks }: ModelFacts, tokens: number, window: number): readonly number[] =>
  blocks.map(({ heads, kvHeads, headDim }) => 4 * tokens * (heads * window + kvHeads * headDim));

export async function lookAt(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  layers: readonly number[],
  parameters: TaskKvParameters,
): Promise<readonly LayerLook[]> {
  const keys = sequence.ids.length;
  const { window, top } = fitted(parameters, keys);
  const depth = Math.max(...layers) + 1;
  const run = { ...sequence, variants: [variant], depth, logits: 'none' } as const;
  const values = await model.run({ ...run, taps: layers.map((layer) => ({ layer, tap: 'attention.value' })) });
  const weights = await model.run({
    ...run,
    taps: layers.map((layer) => ({ layer, tap: 'attention.probabilities' })),
    tapRows: Array.from({ length: window }, (_, at) => keys - window + at),
  });
  const looks: LayerLook[] = [];
  for (const layer of layers) {
    const { heads = 0, kvHeads = 0 } = model.facts.blocks[layer] ?? {};
    const value = numbersOf(values.layers[layer]?.taps['attention.value']);
    const probabilities = numbersOf(weights.layers[layer]?.taps['attention.probabilities']);
    const scores = observedScores(probabilities, { heads, kvHeads, keys });
    const each = value.length / kvHeads;
    const own = scores.map((of, head) => semanticVector(of, value.subarray(head * each, (head + 1) * each), top));
    const written = inResidualSpace(own, (await model.weights.layer(layer)).output);
    const space: Space = parameters.space === 'residual' ? 'residual' : 'head';
    const [inHead, inStream] = [distancesOf(own), distancesOf(written)];
    const chosen = space === 'residual' ? written : own;
    const order = farthestFirst(space === 'residual' ? inStream : inHead);
    const whole = heterogeneousCount(layer, model.facts.blocks.length, kvHeads, parameters);
    looks.push({
      distance: inHead.distance,
      residual: inStream.distance,
      order,
      parted: parted(order, whole),
      picture: projectionOf(chosen),
      scores: scores.map((of) => pooled(of, parameters.pool)),
    });
  }
  return looks;
}

function numbersOf(tensor: TensorData | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('the run gave no numbers of a layer');
  return tensor.data;
}

export const placedOf = (looks: readonly LayerLook[]): Placed => ({
  distance: looks.map(({ distance }) => distance),
  residual: looks.map(({ residual }) => residual),
  far: looks.map(({ parted: { far } }) => far),
  nearest: looks.map(({ parted: { nearest } }) => nearest ?? null),
});
