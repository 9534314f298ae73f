/**
 * Runs of a model some of whose layers have latent attention, without a new checkpoint: the outputs of their heads are worked out
 * from what enters the layer and replace the model's own.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import { divergence } from '../../model-runner/sampling';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { LayerWeights } from '../../model-runner/weights';
import { latentOutputs, normed, turnsOf, type LatentLayer } from './head-outputs';

/** A text as it is run. */
export type Text = Pick<Sequence, 'ids' | 'groups'>;

/** The layers of a model, all of them or some, by layer. */
export type LatentLayers = ReadonlyMap<number, LatentLayer>;

export interface ComparedLogits {
  /** Mean over the rows but the last: -ln of the probability of the token that follows, nats. */
  readonly loss: number;
  /** Mean over all rows of KL(plain || changed) of next-token distributions, nats. */
  readonly kl: number;
}

/** What the heads of a layer put out of the stream [n, w] that enters it, [n, h d]. */
export async function outputsOf(
  { weights, facts: { hiddenSize } }: ModelRunner,
  index: number,
  layer: LatentLayer,
  of: LayerWeights,
  stream: Float32Array,
): Promise<Float32Array> {
  const n = stream.length / hiddenSize;
  const rotation = weights.rotation(
    index,
    Array.from({ length: n }, (_, i) => i),
    n - 1,
  );
  const norm = of.attentionNorms.input;
  if (!rotation || !norm) throw new RangeError(`layer ${index} does not rotate behind a norm`);
  return latentOutputs(weights, layer, turnsOf(rotation, layer.rotary), normed(norm, stream), hiddenSize);
}

/** The outputs [n, h d] that replace those of the heads of a layer. */
export function replacements(
  index: number,
  { heads, headDim }: LatentLayer,
  outputs: Float32Array,
): ReplacementChange[] {
  const n = outputs.length / (heads * headDim);
  return Array.from({ length: heads }, (_, head) => {
    const data = new Float32Array(n * headDim);
    for (let row = 0; row < n; row++) {
      const from = (row * heads + head) * headDim;
      data.set(outputs.subarray(from, from + headDim), row * headDim);
    }
    return { kind: 'replacement', layer: index, target: 'head', head, data };
  });
}

/** The variant of a text under which every one of the layers reads latents of what the layers before it make. */
export async function convertedVariant(
  model: ModelRunner,
  text: Text,
  layers: LatentLayers,
  weightsOf: (layer: number) => Promise<LayerWeights>,
  /** What is changed besides. */
  base: Variant = [],
): Promise<Variant> {
  const all = [...base];
  for (const [index, layer] of layers) {
    const stream = await streamInto(model, text, index, all);
    all.push(...replacements(index, layer, await outputsOf(model, index, layer, await weightsOf(index), stream)));
  }
  return all;
}

/** The stream [n, w] that enters a layer. */
async function streamInto(model: ModelRunner, text: Text, layer: number, variant: Variant): Promise<Float32Array> {
  const run = await model.run({
    ...text,
    variants: [variant],
    depth: layer + 1,
    logits: 'none',
    taps: [{ layer, tap: 'residual.input' }],
  });
  return numbers(run.layers[layer]?.taps['residual.input']?.data);
}

export async function logitsOf(model: ModelRunner, text: Text, variant: Variant): Promise<Float32Array> {
  return numbers((await model.run({ ...text, variants: [variant], logits: 'all' })).logits?.data);
}

export function compared(ids: readonly number[], plain: Float32Array, changed: Float32Array): ComparedLogits {
  const width = plain.length / ids.length;
  let [loss, kl] = [0, 0];
  ids.forEach((_, row) => {
    const own = changed.subarray(row * width, (row + 1) * width);
    kl += divergence(plain.subarray(row * width, (row + 1) * width), own) / ids.length;
    const next = ids[row + 1];
    if (next !== undefined) loss += (logSum(own) - (own[next] ?? 0)) / (ids.length - 1);
  });
  return { loss, kl };
}

/** ln of the sum of e^x. */
function logSum(values: Float32Array): number {
  const largest = values.reduce((best, value) => Math.max(best, value), -Infinity);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

export function numbers(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError('the run gave no float32 numbers');
  return data;
}
