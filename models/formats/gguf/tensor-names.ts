/**
 * The names that GGUF gives the tensors of a checkpoint: MODEL_TENSOR and the names of models in gguf-py/gguf/constants.py and tensor_mapping.py of
 * llama.cpp (November 2026).
 */
import { innerName } from '../compare-tensors';

/** Where a tensor of the checkpoint lies in a GGUF file: a tensor, or one item of its first axis. */
export interface GgufPlace {
  readonly name: string;
  readonly item?: number;
}

/** Names as in the checkpoints of the families, without prefixes and without `.weight`. */
const names = (to: string, ...from: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(from.map((name) => [name, to]));

const ofModel = {
  ...names('token_embd', 'embed_tokens', 'wte', 'word_embeddings', 'embed_in', 'embedding', 'embeddings'),
  ...names('token_embd', 'embeddings.word_embeddings', 'embeddings.tok_embeddings'),
  ...names('token_types', 'embeddings.token_type_embeddings'),
  ...names('position_embd', 'wpe', 'embeddings.position_embeddings'),
  ...names('token_embd_norm', 'word_embeddings_layernorm', 'embeddings.norm', 'embeddings.LayerNorm', 'emb_ln'),
  ...names('output_norm', 'norm', 'ln_f', 'final_layernorm', 'final_layer_norm', 'norm_f', 'embedding_norm'),
  ...names('output_norm', 'final_norm'),
  ...names('output', 'lm_head', 'embed_out'),
  ...names('per_layer_token_embd', 'embed_tokens_per_layer'),
  ...names('per_layer_model_proj', 'per_layer_model_projection'),
  ...names('per_layer_proj_norm', 'per_layer_projection_norm'),
};

/** Matrices of further streams, which are items of one tensor. */
const ofStreams = {
  ...names('altup_proj', 'altup_projections'),
  ...names('altup_unembd_proj', 'altup_unembed_projections'),
};

const ofLayer = {
  ...names(
    'attn_norm',
    'input_layernorm',
    'ln_1',
    'norm_1',
    'norm',
    'ln_mlp',
    'operator_norm',
    'norm_attn_norm.norm_1',
  ),
  ...names('attn_norm_2', 'ln_attn'),
  ...names('ffn_norm', 'post_attention_layernorm', 'ln_2', 'norm_2', 'pre_feedforward_layernorm', 'ffn_norm'),
  ...names('ffn_norm', 'norm_attn_norm.norm_2', 'pre_ff_layernorm', 'mlp_norm'),
  ...names('attn_norm', 'attn_norm'),
  ...names('attn_output_norm', 'attention.output.LayerNorm', 'norm1', 'sa_layer_norm'),
  ...names('layer_output_norm', 'output.LayerNorm', 'norm2', 'output_layer_norm'),
  ...names('inp_gate', 'per_layer_input_gate'),
  ...names('proj', 'per_layer_projection'),
  ...names('post_norm', 'post_per_layer_input_norm'),
  ...names('altup_correct_coef', 'altup.correction_coefs'),
  ...names('altup_correct_scale', 'altup.correct_output_scale'),
  ...names('altup_predict_coef', 'altup.prediction_coefs'),
  ...names('altup_router', 'altup.modality_router'),
  ...names('altup_router_norm', 'altup.router_norm'),
  ...names('laurel_l', 'laurel.linear_left'),
  ...names('laurel_r', 'laurel.linear_right'),
  ...names('laurel_post_norm', 'laurel.post_laurel_norm'),
  ...names('ffn_up', 'intermediate.dense'),
  ...names('ffn_down', 'output.dense'),
  ...names('post_attention_norm', 'post_self_attn_layernorm'),
  ...names('post_ffw_norm', 'post_feedforward_layernorm', 'post_mlp_layernorm'),
};

const ofAttention = {
  ...names('attn_q', 'q_proj', 'self.query', 'q_lin'),
  ...names('attn_k', 'k_proj', 'self.key', 'k_lin'),
  ...names('attn_v', 'v_proj', 'self.value', 'v_lin'),
  ...names('attn_qkv', 'qkv_proj', 'c_attn', 'query_key_value', 'Wqkv'),
  ...names('attn_output', 'o_proj', 'out_proj', 'dense', 'c_proj', 'output.dense', 'out_lin', 'Wo'),
  ...names('attn_q_a', 'q_a_proj'),
  ...names('attn_q_b', 'q_b_proj'),
  ...names('attn_q_a_norm', 'q_a_layernorm'),
  ...names('attn_kv_a_mqa', 'kv_a_proj_with_mqa'),
  ...names('attn_kv_a_norm', 'kv_a_layernorm'),
  ...names('attn_kv_b', 'kv_b_proj'),
  ...names('attn_q_norm', 'q_norm', 'q_layernorm', 'query_layernorm'),
  ...names('attn_k_norm', 'k_norm', 'k_layernorm', 'key_layernorm'),
  ...names('attn_sinks', 'sinks'),
};

const ofNetwork = {
  ...names('ffn_gate', 'gate_proj', 'w1', 'fc12'),
  ...names('ffn_up', 'up_proj', 'w3', 'fc1', 'fc11', 'c_fc', 'dense_h_to_4h', 'gate_up_proj', 'lin1', 'Wi'),
  ...names('ffn_down', 'down_proj', 'w2', 'fc2', 'c_proj', 'dense_4h_to_h', 'lin2', 'Wo'),
};

/** Tensors of recurrences and convolutions. */
const ofMixer = {
  ...names('ssm_in', 'in_proj', 'in_proj_qkvz'),
  ...names('ssm_ba', 'in_proj_ba'),
  ...names('ssm_conv1d', 'conv1d'),
  ...names('ssm_x', 'x_proj'),
  ...names('ssm_dt', 'dt_proj'),
  ...names('ssm_dt_norm', 'dt_layernorm'),
  ...names('ssm_b_norm', 'b_layernorm'),
  ...names('ssm_c_norm', 'c_layernorm'),
  ...names('ssm_norm', 'norm'),
  ...names('ssm_out', 'out_proj'),
};

/** Tensors of the short convolution of LFM2. */
const ofConvolution = {
  ...names('shortconv.conv', 'conv'),
  ...names('shortconv.in_proj', 'in_proj'),
  ...names('shortconv.out_proj', 'out_proj'),
};

/** Tensors without a suffix in one place or the other. */
const bare = {
  ...names('ssm_a', 'A_log'),
  ...names('ssm_d', 'D'),
  ...names('ssm_dt.bias', 'dt_bias'),
};

const ofRouter = names('ffn_gate_inp', 'gate', 'router', 'router.layer', 'gate.wg', 'moe_statics');

const attention = /^(?:self_attn|attn|attention|self_attention|norm_attn_norm\.attn)\.(.+)$/;
const network = /^(?:mlp|feed_forward|ffn|block_sparse_moe|shared_mlp)\.(.+)$/;
const mixer = /^(?:mixer|mamba|linear_attn)\.(.+)$/;
const layer = /^(?:(?:encoder\.)?(?:layers|h|blocks|layer)|transformer_encoder)\.(\d{1,6})\.(.+)$/;

/** The number of the layer that a tensor of a checkpoint belongs to, and its name in it. */
export function inLayerOf(tensor: string): { readonly block: number; readonly name: string } | undefined {
  const [, block, name] = layer.exec(innerName(tensor)) ?? [];
  return block === undefined || name === undefined ? undefined : { block: Number(block), name };
}

const owned = (table: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** The stem of a tensor of a layer, and which item of its first axis it is. */
function inLayer(
  rest: string,
  own: Readonly<Record<string, string>>,
): { readonly stem: string; readonly item?: number } | undefined {
  const direct = owned(own, rest) ?? owned(ofLayer, rest);
  if (direct !== undefined) return { stem: direct };
  const ofHead = /^(.+)\.norms\.(\d{1,4})$/.exec(attention.exec(rest)?.[1] ?? '');
  if (ofHead?.[1] !== undefined) {
    const stem = owned(ofAttention, ofHead[1]);
    return stem === undefined ? undefined : { stem, item: Number(ofHead[2]) };
  }
  const inAttention = attention.exec(rest)?.[1];
  if (inAttention !== undefined) {
    const stem = owned(ofAttention, inAttention);
    return stem === undefined ? undefined : { stem };
  }
  const inConvolution = /^conv\.(.+)$/.exec(rest)?.[1];
  if (inConvolution !== undefined) {
    const stem = owned(ofConvolution, inConvolution);
    return stem === undefined ? undefined : { stem };
  }
  const inMixer = mixer.exec(rest)?.[1];
  if (inMixer !== undefined) {
    // Nemotron-H calls whatever a layer is its mixer.
    const stem = owned(ofMixer, inMixer) ?? owned(ofAttention, inMixer);
    if (stem !== undefined) return { stem };
  }
  const inNetwork = inMixer ?? network.exec(rest)?.[1];
  if (inNetwork === undefined) return undefined;
  const expert = /^experts\.(\d{1,5})\.(.+)$/.exec(inNetwork);
  if (expert?.[2] !== undefined) {
    const stem = owned(ofNetwork, expert[2]);
    return stem === undefined ? undefined : { stem: `${stem}_exps`, item: Number(expert[1]) };
  }
  const shared = /^(?:shared_experts?|shared_mlp)\.(.+)$/.exec(inNetwork)?.[1];
  const ofShared = shared === undefined ? undefined : owned(ofNetwork, shared);
  if (ofShared !== undefined) return { stem: `${ofShared}_shexp` };
  if (inNetwork === 'shared_expert_gate') return { stem: 'ffn_gate_inp_shexp' };
  const stem = owned(ofNetwork, inNetwork) ?? owned(ofRouter, inNetwork);
  return stem === undefined ? undefined : { stem };
}

/**
 * The place of a tensor, by its name in the family's checkpoints; undefined if GGUF has none. `own`: names that differ in this
 * architecture.
 */
export function placeInGguf(tensor: string, own: Readonly<Record<string, string>> = {}): GgufPlace | undefined {
  const inner = innerName(tensor);
  const [, index, part] = layer.exec(inner) ?? [];
  const whole = part ?? inner;
  if (index !== undefined) {
    if (/\.(e_score_correction_bias|expert_bias)$/.test(whole)) return { name: `blk.${index}.exp_probs_b.bias` };
    const alone = owned(bare, mixer.exec(whole)?.[1] ?? '');
    if (alone !== undefined) return { name: `blk.${index}.${alone}` };
  }
  const [, rest = whole, suffix = ''] = /^(.+?)(\.weight|\.bias)?$/s.exec(whole) ?? [];
  // Checkpoints store learned scores (sinks) without a suffix.
  const end = suffix === '' ? '.weight' : suffix;
  if (index === undefined) {
    const [, stack = '', item] = /^(\w+)\.(\d{1,2})$/.exec(rest) ?? [];
    const stream = owned(ofStreams, stack);
    if (stream !== undefined) return { name: `${stream}${end}`, item: Number(item) };
    const stem = owned(own, rest) ?? owned(ofModel, rest);
    return stem === undefined ? undefined : { name: `${stem}${end}` };
  }
  const found = inLayer(rest, own);
  if (found === undefined) return undefined;
  const { stem, item } = found;
  return { name: `blk.${index}.${stem}${end}`, ...(item === undefined ? {} : { item }) };
}

/** Tensors that hold maps of all experts of a layer. A GGUF file has one for each kind of map. */
const stacked =
  /(experts\.|block_sparse_moe\.)(gate_up_proj|down_proj|input_linear\.weight|output_linear\.weight)(_bias)?$/;

export const areExperts = (tensor: string): boolean => stacked.test(tensor);

/** The name of one map of one expert, if the tensor holds maps of all experts of a layer. */
export function expertMap(
  tensor: string,
  expert: number,
  map: 'gate_proj' | 'up_proj' | 'down_proj',
): string | undefined {
  const [whole, before = '', , bias] = stacked.exec(tensor) ?? [];
  if (whole === undefined) return undefined;
  const prefix = before.startsWith('experts') ? before : `${before}experts.`;
  return `${tensor.slice(0, -whole.length)}${prefix}${expert}.${map}.${bias === undefined ? 'weight' : 'bias'}`;
}

/** Whether such a tensor holds the maps that lead out of the experts. */
export const isDown = (tensor: string): boolean => /(down_proj|output_linear\.weight)(_bias)?$/.test(tensor);
