/**
 * What each head adds to the residual stream in each example: z W_O, z [d] its output before the projection, W_O its part of the
 * output projection; biases and norms behind the projection are left out. The mean over positions is taken before the projection,
 * which is linear.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Pair } from '../../shared/effects/pairs';
import { Outputs } from '../../shared/effects/outputs';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { headOf } from '../../shared/weights/head-of';
import type { Reduction } from './parameters';

/** Head outputs of one example, by layer: [h, d] over the positions. */
export type ExampleOutputs = readonly Float32Array[];

export async function exampleOutputs(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  positions: Reduction,
): Promise<ExampleOutputs> {
  const outputs = await Outputs.of(model, sequence, variant, ['head']);
  const rows = sequence.ids.length;
  return model.facts.blocks.map(({ heads, headDim }, layer) => {
    const reduced = new Float32Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const own =
        positions === 'last'
          ? outputs.part({ layer, head }).subarray((rows - 1) * headDim)
          : outputs.sum({ layer, head }).map((value) => value / rows);
      reduced.set(own, head * headDim);
    }
    return reduced;
  });
}

/** Prompt and counterpart. */
export const pairOutputs = async (
  model: ModelRunner,
  { clean, corrupted }: Pair,
  variant: Variant,
  positions: Reduction,
): Promise<readonly [ExampleOutputs, ExampleOutputs]> => [
  await exampleOutputs(model, clean, variant, positions),
  await exampleOutputs(model, corrupted, variant, positions),
];

/** [h][examples, w]: the heads of a layer in the residual stream. */
export async function writtenBy(
  { facts, weights }: ModelRunner,
  layer: number,
  examples: readonly ExampleOutputs[],
): Promise<readonly Float32Array[]> {
  const block = facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const { heads, headDim: d } = block;
  const loaded = await weights.layer(layer, ['gates', 'scores']);
  const written: Float32Array[] = [];
  for (let head = 0; head < heads; head++) {
    const own = new Float32Array(examples.length * d);
    examples.forEach((outputs, at) => own.set((outputs[layer] ?? own).subarray(head * d, (head + 1) * d), at * d));
    written.push(await weights.product(own, headOf(loaded, block, head).output.data, d));
  }
  return written;
}

/** Bytes of the head outputs of all examples together, before the projection. */
export const keptBytes = ({ blocks }: ModelFacts, examples: number): number =>
  4 * examples * blocks.reduce((sum, { heads, headDim }) => sum + heads * headDim, 0);
