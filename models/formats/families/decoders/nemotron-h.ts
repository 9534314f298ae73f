import { withLatentExperts } from '../shared/latent-experts';
import type { ConfigReader } from '../../config/config-reader';
import type { LayerKind } from '../../config/layer-kinds';
import { fieldOf, mamba2Keys, mamba2Sizes } from '../../config/recurrent-state';
import type { FeedForward, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag, word } from '../shared/family';
import { namedExperts } from '../shared/decoder-layout';
import { groupedKeys, groupedSigmoid } from '../shared/routers';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';
import { llamaLayout } from './llama';
import { mamba2Row, mixerIdle, writeMamba2 } from './mamba2';

const mixer: LayerKind = { kind: 'mamba', feedForward: 'none' };
const attention: LayerKind = { kind: 'full', feedForward: 'none' };
const experts: LayerKind = { kind: 'none', feedForward: 'experts' };
const network: LayerKind = { kind: 'none', feedForward: 'dense' };

/** The words of transformers 4 and 5, where `linear_attention` is the state-space mixer, and the letters of the pattern. */
const kinds = new Map<string, LayerKind>([
  ['mamba', mixer],
  ['linear_attention', mixer],
  ['M', mixer],
  ['attention', attention],
  ['full_attention', attention],
  ['*', attention],
  ['moe', experts],
  ['E', experts],
  ['mlp', network],
  ['-', network],
]);

/** The list goes before the pattern, and both before num_hidden_layers, which the class only compares. */
function readLayers(reader: ConfigReader): readonly LayerKind[] | undefined {
  const key = ['layers_block_type', 'layer_types', 'hybrid_override_pattern'].find((name) => reader.has(name));
  // What the class has by itself, whatever num_hidden_layers says.
  if (key === undefined) return reader.has('num_hidden_layers') ? undefined : [mixer, experts, attention, network];
  const value = key === 'hybrid_override_pattern' ? [...(reader.string(key) ?? '')] : reader.list(key);
  return value?.map((word, index) => {
    const known = typeof word === 'string' ? kinds.get(word) : undefined;
    if (known !== undefined) return known;
    const shown = typeof word === 'string' ? `"${word}"` : typeof word;
    reader.report([...reader.path, key, index], 'unknown-value', `${shown} is not a layer type known here.`);
    return attention;
  });
}

/** Experts of two matrices each; in Ultra they work on a narrower stream, between two projections of all of them. */
function writeExperts(writer: TensorWriter, feedForward: FeedForward, part: ModelPart): void {
  const { experts: routed, size } = feedForward;
  if (routed === undefined) return;
  const own = writer.under('mixer.');
  const hidden = part.hiddenSize;
  const width = routed.latentSize ?? hidden;
  const bias = flag(part, 'mlp_bias');
  own.add('router', 'gate.weight', [routed.count, hidden]);
  own.add('router', 'gate.e_score_correction_bias', [routed.count]);
  const each = own.experts(routed, 'experts.{expert}.');
  each.linear('experts', 'up_proj', width, size, bias);
  each.linear('experts', 'down_proj', size, width, bias);
  own.linear('mlp', 'shared_experts.up_proj', hidden, routed.sharedSize, bias);
  own.linear('mlp', 'shared_experts.down_proj', routed.sharedSize, hidden, bias);
  if (routed.latentSize === undefined) return;
  own.linear('mlp', 'fc1_latent_proj', hidden, width, bias);
  own.linear('mlp', 'fc2_latent_proj', width, hidden, bias);
}

/** Each layer is one thing: a state-space mixer, attention without positions, a network or experts. */
export const nemotronH = decoderFamily({
  id: 'nemotron_h',
  title: 'Nemotron-H',
  types: ['nemotron_h'],
  architectures: /^NemotronHFor/,
  record: [
    ...[...mamba2Keys, 'attention_bias', 'mlp_bias', 'use_bias', 'use_conv_bias', 'moe_latent_size', 'mlp_hidden_act'],
    ...['n_group', 'topk_group', 'norm_topk_prob', 'routed_scaling_factor', 'time_step_limit'],
  ],
  run: {
    ...idleOfText,
    ...mixerIdle,
    ...groupedKeys,
    ...honoured('mamba_num_heads', 'mamba_head_dim', 'n_groups', 'ssm_state_size', 'conv_kernel', 'expand'),
    ...honoured('use_bias', 'use_conv_bias', 'mlp_bias', 'attention_bias', 'time_step_limit'),
    ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'tie_word_embeddings'),
    ...honoured('num_attention_heads', 'num_key_value_heads', 'head_dim', 'attention_head_dim'),
    ...honoured('max_position_embeddings', 'layer_norm_epsilon', 'rms_norm_eps', 'norm_eps'),
    ...honoured('layers_block_type', 'layer_types', 'hybrid_override_pattern', 'moe_shared_expert_intermediate_size'),
    ...only(activations, 'mlp_hidden_act'),
    ...only(['silu', 'swish'], 'mamba_hidden_act'),
    ...only([null], 'sliding_window'),
    ...honoured('moe_latent_size'),
    ...only([false, null], 'mamba_proj_bias'),
    ...idle('no layer has positions', 'rope_theta', 'partial_rotary_factor'),
    ...idle('the same sums in float32, which all are', 'residual_in_fp32', 'mamba_ssm_cache_dtype'),
    ...idle('the same recurrence by another program', 'use_mamba_kernels'),
    ...idle('the same sums in another order', 'moe_shared_expert_overlap'),
    ...idle('logits of a part of the tokens, in Python', 'num_logits_to_keep'),
    ...idle('layers that predict further tokens are not run', 'mtp_layers_block_type', 'mtp_hybrid_override_pattern'),
  },
  computes: {
    // A layer has one norm, in front of the one thing that it is.
    norms: (_part, { feedForward }) => [feedForward.kind === 'none' ? 'attention' : 'network'],
    activation: (part) => word(part, 'mlp_hidden_act') ?? 'relu2',
    router: groupedSigmoid,
    state: (part, { attention: { kind } }) => {
      const sizes = kind === 'mamba' ? mamba2Sizes(fieldOf(part), part.hiddenSize) : undefined;
      return sizes && mamba2Row(part, sizes, { prefix: 'mixer.', norm: { groups: sizes.groups, first: false } });
    },
  },
  choice: (reader) => {
    const layers = readLayers(reader);
    return {
      positions: 'none',
      norm: 'rms',
      gated: false,
      ...(layers === undefined ? {} : { layers: layers.length, layerKinds: () => layers }),
    };
  },
  finish: (part) => withLatentExperts(part, amount(part, 'moe_latent_size')),
  layout: {
    ...llamaLayout,
    root: 'backbone.',
    embedding: 'embeddings',
    attention: { ...llamaLayout.attention, prefix: 'mixer.' },
    mlp: { ...llamaLayout.mlp, prefix: 'mixer.', inputs: ['up_proj'] },
    norms: ['norm'],
    finalNorm: 'norm_f',
    mixer: (writer, layer, part) => {
      if (layer.attention.kind !== 'mamba') return;
      const biased = flag(part, 'use_bias');
      const bias = { input: biased, output: biased, convolution: flag(part, 'use_conv_bias', true) };
      writeMamba2(writer.under('mixer.'), part, bias);
    },
    experts: namedExperts(
      (writer, feedForward, _layer, part) => {
        writeExperts(writer, feedForward, part);
      },
      {
        prefix: 'mixer.',
        router: 'gate',
        routerBias: 'gate.e_score_correction_bias',
        plain: ['up_proj', 'down_proj'],
        latent: ['fc1_latent_proj', 'fc2_latent_proj'],
        shared: 'shared_experts.',
      },
    ),
  },
});
