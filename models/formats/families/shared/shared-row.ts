/** What the row of a family says about a block of attention and network that several layers share (models/architectures/shared-block.ts). */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';

export interface SharedRow {
  /** The prefix of its tensors, inside a layer. */
  readonly prefix: string;
  /** The layer under which a checkpoint stores them. */
  readonly home: number;
  /** Gate and up of its network are one tensor. */
  readonly fused: boolean;
  /** Adapters of the layer that reads it: products of two narrow maps, named by the place among the layers of the block. */
  readonly adapters?: { readonly place: number; readonly rank: number; readonly attention: boolean };
}

/** The tensors of the block, under its prefix; `places`: those of the layers that read it, among all that read one. */
export function writeShared(
  writer: TensorWriter,
  part: ModelPart,
  { fused, adapters }: Pick<SharedRow, 'fused' | 'adapters'>,
  places: readonly number[],
): void {
  const { hiddenSize: hidden, heads, kvHeads, headDim } = part;
  const size = part.intermediateSize ?? 0;
  const all = writer.readBy(places.length);
  const attention = all.under('self_attn.');
  const network = all.under('feed_forward.');
  const pair = (group: 'attention' | 'mlp', name: string, inputs: number, outputs: number): void => {
    if (!adapters) return;
    for (const place of places) {
      writer.linear(group, `${name}.${place}.0`, inputs, adapters.rank, false);
      writer.linear(group, `${name}.${place}.1`, adapters.rank, outputs, false);
    }
  };
  for (const [name, count] of [
    ['q', heads],
    ['k', kvHeads],
    ['v', kvHeads],
  ] as const) {
    attention.linear('attention', `${name}_proj`, 2 * hidden, count * headDim, false);
    if (adapters?.attention) pair('attention', `self_attn.linear_${name}_adapter_list`, 2 * hidden, 2 * hidden);
  }
  attention.linear('attention', 'o_proj', heads * headDim, hidden, false);
  const bias = part.fields['add_bias_linear']?.value === true;
  for (const name of fused ? ['gate_up_proj'] : ['gate_proj', 'up_proj'])
    network.linear('mlp', name, hidden, fused ? 2 * size : size, bias);
  pair('mlp', 'feed_forward.gate_up_proj_adapter_list', hidden, 2 * size);
  network.linear('mlp', 'down_proj', size, hidden, bias);
  writer.norm('input_layernorm', 2 * hidden, false);
  writer.norm('pre_ff_layernorm', hidden, false);
}
