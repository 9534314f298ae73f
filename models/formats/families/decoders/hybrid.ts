/** Decoders with state-space mixers of Mamba-2 among or beside their attention. */
import type { ConfigReader } from '../../config/config-reader';
import { besideMixer } from '../../config/layer-kinds';
import { mamba2Keys } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { writeMamba2 } from './mamba2';

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
  types: ['bamba'],
  architectures: /^BambaFor/,
  record: mixerKeys,
  choice: (reader) => ({ positions: 'rope', norm: 'rms', ...mixersByDefault(reader) }),
  layout: bambaLayout,
});

/** Attention and a mixer in every layer, on the same input. */
export const falconH1 = decoderFamily({
  id: 'falcon_h1',
  title: 'Falcon-H1',
  types: ['falcon_h1'],
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
  types: ['granitemoehybrid'],
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
  types: ['zamba2'],
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
