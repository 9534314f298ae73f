/** The cross-attention of a layer: queries of its stream, keys and values of what an encoder gave. */
import type { NormPlace } from '../../formats/families/shared/computation';
import type { Layer } from '../../formats/model-description';
import type { Names } from '../architecture';
import { ModelError, type BranchNorms, type CrossSpec } from '../model-spec';
import { mapOf, normOf, type Stack } from './stack';

/** Undefined where a layer has none, or nothing is given to read. `places` are those of the norms of the layer. */
export function crossOf(stack: Stack, layer: Layer, at: Names, places: readonly NormPlace[]): CrossSpec | undefined {
  const { part, layout, computes, input } = stack;
  const { cross } = layout;
  const { crossAttention, index } = layer;
  const { sourceWidth: width } = input;
  if (!cross || !crossAttention || width === undefined) return undefined;
  const { heads, kvHeads, headDim } = crossAttention;
  const own = at.at(cross.prefix);
  const [query, key, value] = layout.attention.projections;
  if (key === undefined || value === undefined)
    throw new ModelError(
      `The cross-attention of layer ${index} has one projection for several, which is not computed.`,
    );
  const map = (name: string, inputs: number, outputs: number) => mapOf(stack, own, name, inputs, outputs);
  return {
    attention: {
      projection: {
        kind: 'separate',
        query: map(query, part.hiddenSize, heads * headDim),
        key: map(key, width, kvHeads * headDim),
        value: map(value, width, kvHeads * headDim),
      },
      output: map(layout.attention.output, heads * headDim, part.hiddenSize),
      ...{ heads, kvHeads, headDim },
      scale: computes.scale?.(part, layer) ?? headDim ** -0.5,
      causal: false,
      ...(part.softcap?.scores === undefined ? {} : { softcap: part.softcap.scores }),
    },
    norms: normsOf(stack, at, [cross.norm, cross.outputNorm], places),
  };
}

/** They stand where those of the layer's own attention do. */
function normsOf(
  stack: Stack,
  at: Names,
  [first, second]: readonly (string | undefined)[],
  places: readonly NormPlace[],
): BranchNorms {
  const norm = (name: string | undefined) => normOf(stack, at, name, stack.part.hiddenSize);
  if (places.includes('attention.sum')) return { after: norm(first) };
  return { input: norm(first), ...(places.includes('attention.output') ? { output: norm(second) } : {}) };
}
