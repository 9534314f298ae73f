/** Decoders with state-space mixers of Mamba-2 among or beside their attention. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import { besideMixer } from '../../config/layer-kinds';
import { mamba2Keys } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { writeMamba2 } from './mamba2';

const mixerValues = {
  mamba_n_heads: 128,
  mamba_n_groups: 1,
  mamba_d_state: 256,
  mamba_d_conv: 4,
  mamba_expand: 2,
  mamba_conv_bias: true,
  mamba_proj_bias: false,
} satisfies JsonObject;

const mixerKeys = [...mamba2Keys, 'mamba_conv_bias', 'mamba_proj_bias'];

function writeMixer(writer: TensorWriter, part: ModelPart): void {
  const biased = flag(part, 'mamba_proj_bias');
  const bias = { input: biased, output: biased, convolution: flag(part, 'mamba_conv_bias', true) };
  writeMamba2(writer.under('mamba.'), part, bias);
}

const noBias = { inputBias: false, outputBias: false } as const;

const bambaLayout: DecoderLayout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, ...noBias },
  mlp: { prefix: 'feed_forward.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
  norms: ['input_layernorm', 'pre_ff_layernorm'],
  finalNorm: 'final_layernorm',
  mixer: (writer, _layer, part) => {
    writeMixer(writer, part);
  },
};

/** Without `attn_layer_indices` or layer types every layer is a mixer. */
const mixersByDefault = (reader: ConfigReader) => {
  const said = ['attn_layer_indices', 'layer_types', 'layers_block_type'].some((key) =>
    Array.isArray(reader.object[key]),
  );
  return said
    ? {}
    : { layerKinds: (count: number) => Array.from({ length: count }, () => ({ kind: 'mamba' }) as const) };
};

export const bamba = decoderFamily({
  id: 'bamba',
  title: 'Bamba',
  types: {
    bamba: [
      'BambaConfig',
      {
        ...mixerValues,
        vocab_size: 128000,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        hidden_act: 'silu',
        max_position_embeddings: 262144,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        partial_rotary_factor: 0.5,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^BambaFor/,
  record: mixerKeys,
  choice: (reader) => ({ positions: 'rope', norm: 'rms', ...mixersByDefault(reader) }),
  layout: bambaLayout,
});

/** Attention and a mixer in every layer, on the same input. */
export const falconH1 = decoderFamily({
  id: 'falcon_h1',
  title: 'Falcon-H1',
  types: {
    falcon_h1: [
      'FalconH1Config',
      {
        ...mixerValues,
        mamba_d_ssm: 1024,
        vocab_size: 128000,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        hidden_act: 'silu',
        max_position_embeddings: 8192,
        rms_norm_eps: 1e-5,
        rope_theta: 100000,
        mamba_rms_norm: false,
        projectors_bias: false,
        attention_bias: false,
        mlp_bias: false,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^FalconH1For/,
  record: [...mixerKeys, 'mamba_rms_norm', 'projectors_bias', 'attention_bias', 'mlp_bias'],
  choice: () => ({
    positions: 'rope',
    norm: 'rms',
    layerKinds: (count) => Array.from({ length: count }, () => besideMixer),
  }),
  layout: {
    ...bambaLayout,
    attention: llamaLayout.attention,
    mlp: { ...bambaLayout.mlp, bias: (part) => flag(part, 'mlp_bias') },
    more: (writer, _layer, part) => {
      const bias = {
        input: flag(part, 'mamba_proj_bias'),
        output: flag(part, 'projectors_bias'),
        convolution: flag(part, 'mamba_conv_bias', true),
      };
      writeMamba2(writer.under('mamba.'), part, bias, flag(part, 'mamba_rms_norm'));
    },
  },
});

/** Granite 4. Without routed experts the network that all tokens share is a dense one. */
export const graniteMoeHybrid = decoderFamily({
  id: 'granitemoehybrid',
  title: 'Granite 4',
  types: {
    granitemoehybrid: [
      'GraniteMoeHybridConfig',
      {
        ...mixerValues,
        vocab_size: 32000,
        hidden_size: 4096,
        intermediate_size: 11008,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        hidden_act: 'silu',
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        attention_bias: false,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        shared_intermediate_size: 1024,
        position_embedding_type: null,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^GraniteMoeHybridFor/,
  record: [...mixerKeys, 'attention_bias', 'position_embedding_type'],
  choice: (reader) => {
    const routed = (reader.integer('num_experts') ?? 0) > 1;
    const shared = reader.integer('shared_expert_intermediate_size');
    return {
      positions: reader.raw('position_embedding_type') === 'rope' ? 'rope' : 'none',
      norm: 'rms',
      ...(routed || shared === undefined ? {} : { intermediateSize: shared }),
      ...mixersByDefault(reader),
    };
  },
  layout: {
    ...bambaLayout,
    attention: llamaLayout.attention,
    mlp: { prefix: 'shared_mlp.', inputs: ['input_linear'], fused: true, output: 'output_linear' },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    finalNorm: 'norm',
    experts: (writer, { size, experts }, _layer, part) => {
      if (experts === undefined) return;
      const hidden = part.hiddenSize;
      const own = writer.under('block_sparse_moe.');
      own.stacked(experts, 'input_linear.weight', [2 * size, hidden]);
      own.stacked(experts, 'output_linear.weight', [hidden, size]);
      own.add('router', 'router.layer.weight', [experts.count, hidden]);
      writer.linear('mlp', 'shared_mlp.input_linear', hidden, 2 * experts.sharedSize, false);
      writer.linear('mlp', 'shared_mlp.output_linear', experts.sharedSize, hidden, false);
    },
  },
});

/** Positions of the shared blocks in the 54 layers of Zamba2 2.7B, which the class takes where the file has no list. */
const zambaHybrids = new Set([6, 12, 18, 24, 30, 36, 42, 47, 51]);

/**
 * Mixers, some with one of a few shared attention blocks before them. The blocks read the layer's input and the embedding
 * side by side, so their heads are twice as wide. Which tensors a shared block has in which layer is not written down here.
 */
export const zamba2 = decoderFamily({
  id: 'zamba2',
  title: 'Zamba2',
  types: {
    zamba2: [
      'Zamba2Config',
      {
        vocab_size: 32000,
        hidden_size: 2560,
        num_hidden_layers: 54,
        num_attention_heads: 32,
        hidden_act: 'gelu',
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        n_mamba_heads: 8,
        mamba_ngroups: 1,
        mamba_d_state: 64,
        mamba_d_conv: 4,
        mamba_expand: 2,
        num_mem_blocks: 1,
        use_mem_rope: false,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^Zamba2For/,
  tied: true,
  record: [...mamba2Keys, 'num_mem_blocks', 'use_mem_rope'],
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const list = Array.isArray(reader.object['layers_block_type']) ? reader.list('layers_block_type') : undefined;
    return {
      positions: reader.boolean('use_mem_rope') === true ? 'rope' : 'none',
      norm: 'rms',
      headDim: heads > 0 ? Math.floor((2 * hidden) / heads) : 0,
      intermediateSize: reader.integer('intermediate_size') ?? 4 * hidden,
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          (list === undefined ? zambaHybrids.has(index) : list[index] === 'hybrid')
            ? besideMixer
            : { kind: 'mamba', feedForward: 'none' },
        ),
    };
  },
});
