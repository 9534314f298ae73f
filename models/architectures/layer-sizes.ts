/** What the changes of a layer need to know of it. */
import type { LayerSizes } from '../instrument/changes/sizes';
import type { BlockSpec, ModelSpec } from './model-spec';

export function layerSizes({ hiddenSize, ropes }: ModelSpec, { index, attention, feedForward }: BlockSpec): LayerSizes {
  const { heads, kvHeads, headDim, scale, window, rope } = attention;
  return {
    ...{ index, heads, kvHeads, headDim, hiddenSize, scale, window },
    units: feedForward.down.inputs,
    rotated: rope === undefined ? undefined : ropes[rope],
  };
}

export const allSizes = (model: ModelSpec): readonly LayerSizes[] =>
  model.blocks.map((block) => layerSizes(model, block));
