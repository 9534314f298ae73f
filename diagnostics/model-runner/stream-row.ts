/** The row of a prompt whose logits are taken apart, as a run gives it. */
import { changesOf, type Variant } from '../../models/instrument/changes/changes';
import { addedTo } from '../../models/instrument/changes/addition';
import type { LayerTap } from '../../models/instrument/taps';
import type { StreamRow } from './direct-paths';
import type { ModelRunner } from './model-runner';
import type { Sequence } from './sequence';

const taps = [
  'residual.input',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
] as const satisfies LayerTap[];

const crossTaps = ['cross.head_output', 'cross.output'] as const satisfies LayerTap[];

/** One run; memory grows with the width of the model and not with the prompt. */
export async function streamRow(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  row: number,
): Promise<StreamRow> {
  const { blocks } = model.facts;
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: blocks.flatMap(({ cross }, layer) => [...taps, ...(cross ? crossTaps : [])].map((tap) => ({ layer, tap }))),
    tapRows: [row],
    logits: 'none',
  });
  const rowsOf = (tap: LayerTap): Float32Array[] =>
    layers.map((layer) => {
      const data = layer.taps[tap]?.data;
      if (!(data instanceof Float32Array)) throw new RangeError(`layer ${layer.layer} gave no ${tap}`);
      return data;
    });
  const leaving = rowsOf('residual');
  const replaced = replacedAt(variant, row, model.facts.hiddenSize);
  return {
    streams: [...rowsOf('residual.input').slice(0, 1), ...leaving],
    headOutputs: rowsOf('attention.head_output'),
    attentionOutputs: rowsOf('attention.output'),
    networkOutputs: rowsOf('mlp_output'),
    ...(blocks.some(({ cross }) => cross)
      ? { crossHeadOutputs: rowsOf('cross.head_output'), crossOutputs: rowsOf('cross.output') }
      : {}),
    added: addedAt(variant, row, blocks.length, model.facts.hiddenSize),
    ...(replaced === undefined ? {} : { replacedBehind: replaced }),
  };
}

/** By layer, the vector that interventions add to the stream that leaves it at the row. */
export const addedAt = (variant: Variant, row: number, layers: number, width: number) =>
  Array.from({ length: layers }, (_, layer) =>
    addedTo(
      changesOf(variant, 'addition').filter((one) => one.layer === layer),
      row,
      width,
    ),
  );

/** The last layer whose residual stream is replaced at the row. */
export function replacedAt(variant: Variant, row: number, width: number): number | undefined {
  const layers = changesOf(variant, 'replacement')
    .filter(
      ({ target, positions, everywhere, data }) =>
        target === 'residual' &&
        (positions?.includes(row) ?? true) &&
        ((everywhere ?? false) || data.length >= (row + 1) * width),
    )
    .map(({ layer }) => layer);
  return layers.length === 0 ? undefined : Math.max(...layers);
}
