/** One run of a prompt, read at its last position: streams, what heads and MLPs put out, and how the heads attend to the topic. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { LayerTap } from '../../../models/instrument/taps';
import { addedAt, replacedAt } from '../../model-runner/stream-row';
import type { StreamRow } from '../../model-runner/direct-paths';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { KeyGroup, Sequence } from '../../model-runner/sequence';
import type { Fact } from './prompts';

const taps = [
  'residual.input',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
] as const satisfies LayerTap[];

export interface Reading extends StreamRow {
  /** [layers][heads]: probability that the last position gives the tokens of the topic together. */
  readonly toTopic: readonly Float32Array[];
}

export async function readingOf(
  model: ModelRunner,
  { sequence, row, topic }: Fact,
  { variant, groups }: { readonly variant: Variant; readonly groups: readonly KeyGroup[] },
): Promise<Reading> {
  const { blocks, hiddenSize } = model.facts;
  const { layers } = await model.run({
    ...sequence,
    groups: [...groups, { name: 'topic', positions: topic.positions }],
    variants: [variant],
    taps: blocks.flatMap((_, layer) => taps.map((tap) => ({ layer, tap }))),
    tapRows: [row],
    lastMass: true,
    logits: 'none',
  });
  const rowsOf = (tap: LayerTap): Float32Array[] =>
    layers.map((layer) => {
      const data = layer.taps[tap]?.data;
      if (!(data instanceof Float32Array)) throw new RangeError(`layer ${layer.layer} gave no ${tap}`);
      return data;
    });
  const replaced = replacedAt(variant, row, hiddenSize);
  return {
    streams: [...rowsOf('residual.input').slice(0, 1), ...rowsOf('residual')],
    headOutputs: rowsOf('attention.head_output'),
    attentionOutputs: rowsOf('attention.output'),
    networkOutputs: rowsOf('mlp_output'),
    added: addedAt(variant, row, blocks.length, hiddenSize),
    ...(replaced === undefined ? {} : { replacedBehind: replaced }),
    toTopic: layers.map(({ lastMass }, layer) => {
      const { heads = 0 } = blocks[layer] ?? {};
      return Float32Array.from({ length: heads }, (_, head) => lastMass?.[(head + 1) * (groups.length + 1) - 1] ?? 0);
    }),
  };
}

/** Outputs of the heads before the output projection at one position, [layers][h d]. */
export async function headOutputsAt(
  model: ModelRunner,
  sequence: Sequence,
  row: number,
  variant: Variant,
): Promise<readonly Float32Array[]> {
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: model.facts.blocks.map((_, layer) => ({ layer, tap: 'attention.head_output' as const })),
    tapRows: [row],
    logits: 'none',
  });
  return layers.map(({ layer, taps: given }) => {
    const data = given['attention.head_output']?.data;
    if (!(data instanceof Float32Array)) throw new RangeError(`layer ${layer} gave no head outputs`);
    return data;
  });
}
