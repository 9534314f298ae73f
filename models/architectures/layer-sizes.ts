/** What the changes of a layer need to know of it. */
import type { LayerSizes } from '../instrument/changes/sizes';
import { headsOf, withoutAttention } from './block-heads';
import { lensProblem } from './lens-graph';
import type { BlockSpec, ModelSpec } from './model-spec';
import { isRouted, type RouterSpec } from './network-spec';

export function layerSizes(model: ModelSpec, block: BlockSpec): LayerSizes {
  const { hiddenSize, ropes } = model;
  const { index, attention, state, cross, feedForward, feedForwardNorms } = block;
  const { heads, kvHeads, headDim } = headsOf(block);
  const { scale = 1, window, chunked, rope, lateNorms = false } = attention ?? {};
  return {
    ...{ index, heads, kvHeads, headDim, hiddenSize, scale, window, chunked, lateNorms },
    ...(cross ? { crossHeads: cross.attention.heads, crossHeadDim: cross.attention.headDim } : {}),
    ...(attention && state ? { stateHeads: state.heads, stateHeadDim: state.headDim } : {}),
    ...(block.bottleneck ? { networkWidth: block.bottleneck.width } : {}),
    units:
      feedForward === undefined || isRouted(feedForward) ? 0 : feedForward.down.inputs * (feedForward.down.each ?? 1),
    experts: isRouted(feedForward) ? expertCounts(feedForward.router) : undefined,
    rotated: rope === undefined ? undefined : ropes[rope],
    noScores: withoutAttention(block),
    noLens: lensProblem(model),
    normedSum: feedForwardNorms.after !== undefined,
  };
}

const expertCounts = ({ linear, perToken, mixer }: RouterSpec): NonNullable<LayerSizes['experts']> => ({
  count: linear.outputs,
  perToken,
  ...(mixer === undefined ? {} : { mixed: true }),
});

export const allSizes = (model: ModelSpec): readonly LayerSizes[] =>
  model.blocks.map((block) => layerSizes(model, block));
