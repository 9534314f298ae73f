/** What the changes of a layer need to know of it. */
import type { LayerSizes } from '../instrument/changes/sizes';
import { lensProblem } from './lens-graph';
import { isRouted, type BlockSpec, type ModelSpec } from './model-spec';

export function layerSizes(model: ModelSpec, block: BlockSpec): LayerSizes {
  const { hiddenSize, ropes } = model;
  const { index, attention, feedForward, feedForwardNorms } = block;
  const { heads, kvHeads, headDim, scale, window, rope, lateNorms = false } = attention;
  return {
    ...{ index, heads, kvHeads, headDim, hiddenSize, scale, window, lateNorms },
    units: isRouted(feedForward) ? 0 : feedForward.down.inputs,
    rotated: rope === undefined ? undefined : ropes[rope],
    noLens: lensProblem(model),
    normedSum: feedForwardNorms.after !== undefined,
  };
}

export const allSizes = (model: ModelSpec): readonly LayerSizes[] =>
  model.blocks.map((block) => layerSizes(model, block));
