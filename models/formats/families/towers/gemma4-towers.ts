/** Towers of Gemma 4: pictures in their own size, and a conformer for sound. */
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { visionFamily } from './vision';

/** A layer whose input and output are clipped to bounds that the checkpoint holds, where the tower has them. */
function writeClipped(part: ModelPart, writer: TensorWriter, name: string, input: number, output: number): void {
  const group = name.startsWith('self_attn') ? 'attention' : 'mlp';
  writer.linear(group, `${name}.linear`, input, output, false);
  if (!flag(part, 'use_clipped_linears')) return;
  for (const bound of ['input_min', 'input_max', 'output_min', 'output_max'])
    writer.add('other', `${name}.${bound}`, []);
}

export const gemma4Vision = visionFamily({
  id: 'gemma4_vision',
  title: 'Gemma 4 vision',
  types: ['gemma4_vision'],
  architectures: /^Gemma4Vision/,
  task: 'base',
  extraTokens: 0,
  record: ['pooling_kernel_size', 'position_embedding_size', 'use_clipped_linears', 'standardize'],
  gated: () => true,
  choice: () => ({ positions: 'rope', norm: 'rms' }),
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const patch = part.image?.patch ?? 0;
    writer.linear('embedding', 'patch_embedder.input_proj', 3 * patch * patch, hidden, false);
    const positions = amount(part, 'position_embedding_size') ?? 0;
    writer.add('embedding', 'patch_embedder.position_embedding_table', [2, positions, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'encoder.layers.{layer}.');
      const { heads, kvHeads, headDim } = layer.attention;
      const { size } = layer.feedForward;
      writeClipped(part, own, 'self_attn.q_proj', hidden, heads * headDim);
      for (const name of ['k_proj', 'v_proj']) writeClipped(part, own, `self_attn.${name}`, hidden, kvHeads * headDim);
      writeClipped(part, own, 'self_attn.o_proj', heads * headDim, hidden);
      for (const name of ['q_norm', 'k_norm']) own.norm(`self_attn.${name}`, headDim, false);
      for (const name of ['gate_proj', 'up_proj']) writeClipped(part, own, `mlp.${name}`, hidden, size);
      writeClipped(part, own, 'mlp.down_proj', size, hidden);
      for (const name of ['input', 'post_attention', 'pre_feedforward', 'post_feedforward'])
        own.norm(`${name}_layernorm`, hidden, false);
    }
    if (flag(part, 'standardize')) for (const name of ['std_bias', 'std_scale']) writer.add('other', name, [hidden]);
  },
});

/** Two networks, attention in windows with relative positions, and a convolution between them in every layer. */
export const gemma4Audio: StackFamily = {
  kind: 'stack',
  id: 'gemma4_audio',
  title: 'Gemma 4 audio',
  modelTypes: ['gemma4_audio'],
  architectures: /^Gemma4Audio/,
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    // A query reads the positions before it up to the one that is `attention_context_left - 1` back, its own included.
    const window = (reader.integer('attention_context_left', 1) ?? 13) - 1;
    const causal = (reader.integer('attention_context_right') ?? 0) === 0;
    return readTransformer(reader, {
      family: 'gemma4_audio',
      role: 'audio',
      causal,
      gated: false,
      norm: 'rms',
      positions: 'relative',
      intermediateSize: 4 * hidden,
      window,
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({ kind: causal && window > 0 ? ('window' as const) : ('full' as const) })),
      record: ['subsampling_conv_channels', 'conv_kernel_size', 'use_clipped_linears', 'output_proj_dims'],
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const channels = part.fields['subsampling_conv_channels']?.value;
    const [first, second] = (Array.isArray(channels) ? channels : []).map(Number);
    const [outer = 0, inner = 0] = [first, second];
    const front = writer.under('subsample_conv_projection.');
    front.add('embedding', 'layer0.conv.weight', [outer, 1, 3, 3]);
    front.norm('layer0.norm', outer, false);
    front.add('embedding', 'layer1.conv.weight', [inner, outer, 3, 3]);
    front.norm('layer1.norm', inner, false);
    front.linear('embedding', 'input_proj_linear', Math.floor(outer / 4) * inner, hidden, false);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'layers.{layer}.');
      const { headDim } = layer.attention;
      for (const name of ['feed_forward1', 'feed_forward2']) {
        writeClipped(part, own, `${name}.ffw_layer_1`, hidden, layer.feedForward.size);
        writeClipped(part, own, `${name}.ffw_layer_2`, layer.feedForward.size, hidden);
        for (const norm of ['pre_layer_norm', 'post_layer_norm']) own.norm(`${name}.${norm}`, hidden, false);
      }
      for (const name of ['q_proj', 'k_proj', 'v_proj', 'post'])
        writeClipped(part, own, `self_attn.${name}`, hidden, hidden);
      own.linear('attention', 'self_attn.relative_k_proj', hidden, hidden, false);
      own.add('attention', 'self_attn.per_dim_scale', [headDim]);
      writeClipped(part, own, 'lconv1d.linear_start', hidden, 2 * hidden);
      writeClipped(part, own, 'lconv1d.linear_end', hidden, hidden);
      own.add('mlp', 'lconv1d.depthwise_conv1d.weight', [hidden, 1, amount(part, 'conv_kernel_size') ?? 5]);
      for (const norm of ['lconv1d.pre_layer_norm', 'lconv1d.conv_norm', 'norm_pre_attn', 'norm_post_attn', 'norm_out'])
        own.norm(norm, hidden, false);
    }
    writer.linear('projector', 'output_proj', hidden, amount(part, 'output_proj_dims') ?? 0, true);
  },
};
