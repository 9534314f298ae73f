/** Decoders with state-space mixers of Mamba-2 among or beside their attention. */
import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { besideMixer } from '../../config/layer-kinds';
import { fieldOf, mamba2Keys, mamba2Sizes } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { Computation } from '../shared/computation';
import { namedExperts, type DecoderLayout } from '../shared/decoder-layout';
import { amount, amounts, flag } from '../shared/family';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, only, type RunKeys } from '../shared/run-keys';
import type { Mamba2Row } from '../shared/state-row';
import { graniteExperts, graniteFactors, graniteMoeKeys, llamaLayout, writeGraniteExperts } from './llama';
import { mamba2Row, mixerIdle, writeMamba2 } from './mamba2';

const mixerKeys = [...mamba2Keys, 'mamba_conv_bias', 'mamba_proj_bias'];

function writeMixer(writer: TensorWriter, part: ModelPart): void {
  const biased = flag(part, 'mamba_proj_bias');
  const bias = { input: biased, output: biased, convolution: flag(part, 'mamba_conv_bias', true) };
  writeMamba2(writer.under('mamba.'), part, bias);
}

/** The mixer under the names of these classes, with its activation, which is that of the network too. */
const mixerRun: RunKeys = {
  ...mixerIdle,
  ...honoured('mamba_n_heads', 'mamba_d_head', 'mamba_n_groups', 'mamba_d_state', 'mamba_d_conv', 'mamba_expand'),
  ...honoured('mamba_conv_bias', 'mamba_proj_bias', 'time_step_limit'),
  ...only(['silu', 'swish'], 'hidden_act'),
};

const mixerRow = (part: ModelPart, row: Omit<Parameters<typeof mamba2Row>[2], 'prefix'>): Mamba2Row | undefined => {
  const sizes = mamba2Sizes(fieldOf(part), part.hiddenSize);
  return sizes && mamba2Row(part, sizes, { prefix: 'mamba.', ...row });
};

/** In place of attention; all heads are normed together, behind the gate. */
const mixerInPlace: Pick<Computation, 'state'> = {
  state: (part, { attention }) =>
    attention.kind === 'mamba' ? mixerRow(part, { norm: { groups: 1, first: false } }) : undefined,
};

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

/**
 * The class of transformers 5 rotates whole heads where the form is plain (`BambaRotaryEmbedding`, release 5.2), and that of 4.x, which
 * the published models were trained with, the share that the file names.
 */
function rotatedWhole(reader: ConfigReader): Partial<TransformerChoice> {
  const version = reader.object['transformers_version'];
  const parameters = reader.child('rope_parameters');
  const plain = [undefined, 'default'].includes(parameters?.string('rope_type'));
  if (typeof version !== 'string' || !/^[5-9]\./.test(version) || !plain) return {};
  const [hidden = 0, heads = 1] = [reader.integer('hidden_size'), reader.integer('num_attention_heads')];
  return { rope: { dimensions: Math.floor(hidden / heads) } };
}

export const bamba = decoderFamily({
  id: 'bamba',
  title: 'Bamba',
  types: ['bamba'],
  architectures: /^BambaFor/,
  run: {
    ...llamaLikeKeys,
    ...mixerRun,
    ...honoured('attn_layer_indices', 'partial_rotary_factor', 'layer_types'),
    ...only([false, null], 'attention_bias', 'mlp_bias'),
    ...idle('how many logits a loop of transformers asks for', 'num_logits_to_keep'),
    ...idle('a loss of training', 'z_loss_coefficient'),
    ...idle('read by no class of the release', 'attn_rotary_emb'),
  },
  computes: mixerInPlace,
  record: mixerKeys,
  choice: (reader) => ({ positions: 'rope', norm: 'rms', ...mixersByDefault(reader), ...rotatedWhole(reader) }),
  layout: bambaLayout,
});

/** Attention and a mixer in every layer, on the same input. */
export const falconH1 = decoderFamily({
  id: 'falcon_h1',
  title: 'Falcon-H1',
  types: ['falcon_h1'],
  architectures: /^FalconH1For/,
  run: {
    ...llamaLikeKeys,
    ...mixerRun,
    ...honoured(
      'mamba_d_ssm',
      'mamba_rms_norm',
      'mamba_norm_before_gate',
      'projectors_bias',
      'attention_bias',
      'mlp_bias',
    ),
    ...honoured('embedding_multiplier', 'lm_head_multiplier', 'mlp_multipliers', 'key_multiplier'),
    ...honoured('attention_in_multiplier', 'attention_out_multiplier', 'ssm_in_multiplier', 'ssm_out_multiplier'),
    ...honoured('ssm_multipliers'),
    ...idle('the class has attention in every layer', 'attn_layer_indices', 'layer_types'),
    ...idle('how many logits a loop of transformers asks for', 'num_logits_to_keep'),
    ...idle('read by no class of the release', 'attn_rotary_emb', 'mamba_use_mlp'),
  },
  computes: {
    embeddingScale: (part) => amount(part, 'embedding_multiplier'),
    logitFactor: (part) => amount(part, 'lm_head_multiplier'),
    attentionFactors: (part) => {
      const input = amount(part, 'attention_in_multiplier') ?? 1;
      const key = input * (amount(part, 'key_multiplier') ?? 1);
      return { query: input, key, value: input, output: amount(part, 'attention_out_multiplier') ?? 1 };
    },
    networkFactors: (part) => {
      const [gate = 1, down = 1] = amounts(part, 'mlp_multipliers');
      return { gate, down };
    },
    state: (part) => {
      const [gate = 1, x = 1, b = 1, c = 1, dt = 1] = amounts(part, 'ssm_multipliers');
      const groups = mamba2Sizes(fieldOf(part), part.hiddenSize)?.groups ?? 1;
      return mixerRow(part, {
        factors: {
          input: amount(part, 'ssm_in_multiplier') ?? 1,
          parts: [gate, x, b, c, dt],
          output: amount(part, 'ssm_out_multiplier') ?? 1,
        },
        ...(flag(part, 'mamba_rms_norm')
          ? { norm: { groups, first: flag(part, 'mamba_norm_before_gate', true) } }
          : {}),
      });
    },
  },
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
    mixer: (writer, _layer, part) => {
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
  run: {
    ...graniteMoeKeys,
    ...mixerRun,
    ...honoured('shared_intermediate_size', 'position_embedding_type', 'layer_types', 'layers_block_type'),
    ...idle('the class reads layer_types alone', 'attn_layer_indices'),
    ...idle('how many logits a loop of transformers asks for', 'num_logits_to_keep'),
    ...idle('read by no class of the release', 'attn_rotary_emb'),
  },
  computes: { ...graniteFactors, ...mixerInPlace, router: normalisedSoftmax },
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
    experts: namedExperts(
      (writer, feedForward, layer, part) => {
        writeGraniteExperts(writer, feedForward, layer, part);
        const { sharedSize = 0 } = feedForward.experts ?? {};
        writer.linear('mlp', 'shared_mlp.input_linear', part.hiddenSize, 2 * sharedSize, false);
        writer.linear('mlp', 'shared_mlp.output_linear', sharedSize, part.hiddenSize, false);
      },
      {
        ...graniteExperts,
        sharedBeside: { prefix: 'shared_mlp.', gateAndUp: 'input_linear', down: 'output_linear' },
      },
    ),
  },
});
