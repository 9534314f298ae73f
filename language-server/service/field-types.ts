import type { JsonValue } from '../../models/formats/model-description';

/**
 * Fields that are numbers, or lists of numbers, in every published file that has them; null is left to each. No field of the two
 * lists has another type in 490 published configs and the files beside them (2026-11).
 */
const numbers = new Set(
  `attention_dropout attn_pdrop beta_fast beta_slow bits bos_token_id codebook_size d_ff d_head d_kv d_model decoder_attention_heads
  decoder_ffn_dim decoder_layers decoder_start_token_id depth dropout embd_pdrop encoder_attention_heads encoder_ffn_dim
  encoder_layers eos_token_id ffn_dim final_logit_softcapping attn_logit_softcapping first_k_dense_replace forced_bos_token_id
  forced_eos_token_id group_size head_dim hidden_dropout_prob hidden_size high_freq_factor image_size image_token_id
  image_token_index initializer_range intermediate_size kv_lora_rank layer_norm_eps layer_norm_epsilon layers_to_transform lora_alpha lora_dropout
  low_freq_factor max_length max_new_tokens max_position_embeddings max_source_positions max_target_positions model_max_length
  moe_intermediate_size n_ctx n_embd n_group n_head n_inner n_layer n_positions n_routed_experts n_shared_experts norm_eps
  num_attention_heads num_beams num_channels num_experts num_experts_per_tok num_heads num_hidden_layers num_key_value_heads
  num_kv_heads num_labels num_layers num_local_experts num_mel_bins num_nextn_predict_layers original_max_position_embeddings
  pad_token_id partial_rotary_factor patch_size projection_dim q_group_size q_lora_rank qk_nope_head_dim qk_rope_head_dim query_pre_attn_scalar r
  repetition_penalty resid_pdrop rms_norm_eps rope_theta rotary_dim rotary_emb_base rotary_pct routed_scaling_factor sep_token_id
  sliding_window spatial_merge_size temperature topk_group top_k top_p type_vocab_size unk_token_id v_head_dim video_token_id vision_end_token_id
  vision_start_token_id vocab_size w_bit audio_token_id audio_token_index feature_size sampling_rate`.split(/\s+/),
);

/** Fields that are true or false in every published file that has them. */
const booleans = new Set(
  `add_bias_kv add_bos_token add_cross_attention add_eos_token add_final_layer_norm alibi attention_bias attention_softmax_in_fp32
  bnb_4bit_use_double_quant clean_up_tokenization_spaces desc_act do_center_crop do_convert_rgb do_lower_case
  do_normalize do_rescale do_resize do_sample fan_in_fan_out fuse_qkv gradient_checkpointing head_bias inference_mode is_decoder
  is_encoder_decoder is_gated_act load_in_4bit load_in_8bit lm_head_bias mlp_bias multi_query new_decoder_architecture
  norm_topk_prob output_attentions output_hidden_states output_router_logits parallel_attn qk_layernorm qkv_bias
  scale_attn_by_inverse_layer_idx scale_attn_weights scale_embedding sym tie_word_embeddings use_bias use_cache use_dora use_mla
  use_parallel_residual use_qk_norm use_qkv_bias use_rslora use_sliding_window zero_point`.split(/\s+/),
);

/** What belongs into a field; undefined of one whose kind depends on the family, or that is not known. */
export const typeOfField = (key: string): 'number' | 'boolean' | undefined =>
  numbers.has(key) ? 'number' : booleans.has(key) ? 'boolean' : undefined;

/** The value that stands between quotes by mistake, as JSON; undefined where the text is none that the field may hold. */
export const withoutQuotes = (key: string, value: JsonValue | undefined): string | undefined => {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const type = typeOfField(key);
  if (type === undefined) return undefined;
  // Names of Python's for true, false and nothing.
  if (/^(none|null)$/i.test(text)) return 'null';
  if (type === 'boolean') return /^(true|false)$/i.test(text) ? text.toLowerCase() : undefined;
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text) && text.length < 24 ? text : undefined;
};
