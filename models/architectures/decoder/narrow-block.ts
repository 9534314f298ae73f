/** A block whose branches have a stream of their own, narrower than that of the model, from the row of its family. */
import type { LayerMixture } from '../../formats/config/head-mixture';
import type { DecoderLayout, NormedName } from '../../formats/families/shared/decoder-layout';
import type { Layer } from '../../formats/model-description';
import type { Names } from '../architecture';
import { ModelError, type BlockSpec } from '../model-spec';
import type { NormedMap } from '../weights-spec';
import { blockOf } from './block';
import { networkOf } from './network';
import { normOf, type Stack } from './stack';

export function narrowBlock(
  stack: Stack,
  layer: Layer,
  names: Names,
  { size, enter, shared, leave, networks }: NonNullable<DecoderLayout['bottleneck']>,
  routing: LayerMixture | undefined,
): BlockSpec {
  const { part, layout } = stack;
  const width = size(part);
  const inner: Stack = { ...stack, part: { ...part, hiddenSize: width } };
  const block = blockOf(inner, layer, names, routing);
  const at = names.layer(
    layer.index,
    typeof layout.layer === 'function' ? layout.layer(layer.index, part) : layout.layer,
  );
  const { attention } = block;
  if (attention?.projection.kind !== 'separate')
    throw new ModelError(
      `Layer ${layer.index} has a narrow stream, but no attention with separate projections for queries, keys and values.`,
    );
  const map = ({ dense, norm }: NormedName, from: number, to: number): NormedMap => ({
    linear: at.linear(dense, from, to),
    norm: normOf(stack, at, norm, to),
  });
  const { projection } = attention;
  return {
    ...block,
    attention: {
      ...attention,
      projection: {
        ...projection,
        // Values are made from the wide stream.
        value: { ...projection.value, inputs: part.hiddenSize },
        shared: map(shared, part.hiddenSize, width),
      },
    },
    bottleneck: {
      width,
      enter: map(enter, part.hiddenSize, width),
      networks: Array.from({ length: networks.count(part) }, (_, index) => {
        const own = at.at(networks.prefix.replace('{network}', String(index)));
        return {
          network: networkOf(inner, own, layer.feedForward.size, layout.mlp),
          norms: { after: normOf(inner, own, networks.norm, width) },
        };
      }),
      leave: map(leave, width, part.hiddenSize),
    },
  };
}
