import { own } from './own';

/**
 * What the fields of model configs mean, in a sentence or two. Families use several names for one thing: `synonyms`
 * leads to the first.
 */
const meanings: Readonly<Record<string, string>> = {
  activation_function: 'Activation of the feed-forward network.',
  architectures:
    'Class that wrote the checkpoint. Loaders that choose by class (vLLM, llama.cpp) read this; transformers goes by model_type.',
  attention_bias: 'Whether the query, key, value and output projections have a bias.',
  attention_dropout: 'Share of attention probabilities dropped in training; no effect in use.',
  attn_logit_softcapping:
    'Scores are squeezed into ± this value by tanh before the softmax. Most fused kernels cannot do it.',
  auto_map: 'Code of the repository that loads the model. Headscope never runs it.',
  bos_token_id: 'Token that starts a text.',
  conv_kernel: 'Width of the causal convolution of a state-space layer.',
  d_ff: 'Width of the feed-forward network between its two matrices.',
  d_kv: 'Width of one head. In T5 it is free: heads × d_kv need not be d_model.',
  decoder_start_token_id: 'First token the decoder is given.',
  depth: 'Number of layers of the vision part.',
  dtype: 'Number format of the weights as saved.',
  eos_token_id: 'Token, or tokens, that end a text.',
  final_logit_softcapping: 'Output logits are squeezed into ± this value by tanh.',
  first_k_dense_replace: 'The first so many layers have an ordinary feed-forward network instead of experts.',
  full_attention_interval: 'Every so many layers one has full attention; the others are linear.',
  global_head_dim: 'Width of a head in the layers of full attention, where it differs from head_dim.',
  head_dim: 'Width of one query, key and value head. Given, it is free: heads × head_dim need not be hidden_size.',
  hidden_act: 'Activation of the feed-forward network.',
  hidden_size: 'Width of the residual stream: the vector that stands for a token between layers.',
  hybrid_override_pattern: 'One letter a layer: M state-space, * attention, E experts, - feed-forward.',
  image_size: 'Side of the square image in pixels.',
  image_token_id: 'Token whose embedding is replaced by image features.',
  index_topk: 'Keys that the sparse indexer lets each query read.',
  initializer_range: 'Standard deviation of fresh weights; no effect on trained ones.',
  intermediate_size:
    'Width of the feed-forward network between its matrices. In models with experts it may be the width of one expert.',
  is_encoder_decoder: 'Whether an encoder is read by cross-attention.',
  kv_lora_rank:
    'Width of the latent that keys and values are compressed into (multi-head latent attention). The cache holds this and the rotary key, whatever the number of heads.',
  layer_norm_eps: 'Added to the variance in layer normalisation.',
  layer_rank_list:
    'X-EcoMLA: ranks of single layers, {"0": {"kv_rank", "q_rank"}}, in place of kv_lora_rank and q_lora_rank.',
  layer_types:
    'What each layer reads, one entry a layer: full_attention, sliding_attention, chunked_attention, linear_attention, …',
  max_position_embeddings: 'Longest sequence the positions were made for.',
  max_window_layers: 'Qwen: with use_sliding_window the layers from this one on have the window.',
  mlp_bias: 'Whether the feed-forward network has biases.',
  mm_tokens_per_image: 'Tokens that one image takes in the text.',
  model_type: 'Decides which configuration class reads the file, and with it the defaults of absent fields.',
  moe_intermediate_size: 'Width of the feed-forward network of one expert.',
  multi_query: 'One key/value head for all query heads.',
  n_group: 'Experts are put into so many groups; a token first chooses groups.',
  n_routed_experts: 'Experts in a layer of which each token uses a few.',
  n_shared_experts: 'Experts that every token uses.',
  norm_topk_prob: 'Whether the weights of the chosen experts are made to add up to 1.',
  num_attention_heads: 'Number of query heads.',
  num_experts_per_tok: 'Experts that each token is sent to.',
  num_hidden_layers: 'Number of layers.',
  num_key_value_heads:
    'Number of key/value heads. Equal to the query heads: MHA; 1: MQA; between: GQA, several query heads share a key and a value. The KV cache grows with this number.',
  num_nextn_predict_layers:
    'Extra layers for multi-token prediction, stored after the last ordinary layer and not needed for generation.',
  original_max_position_embeddings: 'Length the model was trained at before its positions were stretched.',
  pad_token_id: 'Token that fills up a batch.',
  partial_rotary_factor: 'Share of each head that rotary embedding turns; the rest carries no position.',
  patch_size: 'Side of the square patches that an image is cut into; each becomes a token.',
  projection_dim: 'Width of the space that image and text are projected into.',
  q_lora_rank: 'Width of the latent that queries are compressed into; null means they are projected directly.',
  qk_nope_head_dim: 'Part of a query/key head without position (multi-head latent attention).',
  qk_rope_head_dim:
    'Part of a query/key head that rotary embedding turns; all heads share its key (multi-head latent attention).',
  quantization_config: 'How the weights are stored in fewer bits.',
  rms_norm_eps: 'Added to the mean square in RMS normalisation.',
  rope_parameters:
    'Rotary embedding since transformers 5: base (rope_theta) and form (rope_type) in one object, perhaps one per layer type.',
  rope_interleave:
    'Whether rotary embedding pairs neighbouring numbers (2i, 2i + 1) or number i with the one half of the rotated width away.',
  rope_scaling: 'How rotary positions are stretched beyond the trained length.',
  rope_theta:
    'Base of the rotary frequencies: pair i of a head turns by position × theta^(-2i / dimensions). A larger base turns more slowly and reaches further.',
  rope_type: 'Form of rotary embedding: default, linear, dynamic, yarn, longrope, llama3, …',
  scoring_func: 'How router scores become weights: softmax or sigmoid.',
  sliding_window:
    'Tokens that a layer with a window reads, its own included. Its part of the KV cache grows no further.',
  spatial_merge_size: 'Neighbouring patches in a square of this side become one token of the language model.',
  text_config: 'The language model.',
  tie_word_embeddings: 'Whether the output layer is the embedding matrix itself. Then the checkpoint needs no lm_head.',
  topk_group: 'Groups of experts that a token may choose experts from.',
  torch_dtype: 'Number format of the weights as saved; called dtype since transformers 4.56.',
  transformers_version: 'Version that wrote the file.',
  use_cache: 'Whether generation keeps keys and values.',
  use_lora_layer_norm: 'X-EcoMLA: whether the latents of multi-head latent attention are normalised.',
  use_sliding_window: 'Whether sliding_window counts at all (Qwen).',
  v_head_dim: 'Width of a value head (multi-head latent attention).',
  vision_config: 'The part that reads images.',
  vision_feature_layer: 'Layer of the vision part whose output is used; negative counts from the end.',
  vocab_size: 'Rows of the embedding matrix; may be padded beyond the tokenizer.',
  // rope_scaling
  factor: 'How many times longer the sequence may be than the trained one.',
  low_freq_factor: 'llama3: wavelengths above original length / this are stretched in full.',
  high_freq_factor: 'llama3: wavelengths below original length / this stay as they are.',
  beta_fast: 'yarn: pairs that turn more often than this within the trained length stay as they are.',
  beta_slow: 'yarn: pairs that turn less often than this within the trained length are stretched in full.',
  mscale: 'yarn in DeepSeek: strength of the correction of the attention temperature.',
  mscale_all_dim: 'yarn in DeepSeek: the same for the dimensions without rotation.',
  short_factor: 'longrope: divisor of the frequency of each rotated pair within the original length.',
  long_factor: 'longrope: divisor of the frequency of each rotated pair beyond the original length.',
  mrope_section: 'Pairs of dimensions for time, height and width; they add up to half the rotated width.',
  // quantization_config
  bits: 'Bits of a stored weight, scales not counted.',
  group_size: 'Neighbouring weights that share a scale; -1 for one scale a channel.',
  quant_method: 'Format of the quantised weights.',
  weight_block_size: 'Rows and columns of the block that shares a scale.',
  // adapter_config
  base_model_name_or_path: 'The model that the adapter was trained on: a name on the Hub, or a folder.',
  peft_type: 'Kind of the adapter, as PEFT names it.',
  use_rslora: 'The adapter counts alpha / sqrt(r) times instead of alpha / r.',
  r: 'Rank of the adapter: each adapted matrix gets two of rank r.',
  lora_alpha: 'The adapter counts alpha / r times.',
  target_modules: 'Modules that get an adapter, by the last parts of their names, or one pattern for the whole name.',
  // generation_config
  temperature: 'Logits are divided by this before sampling; below 1 sharper, above 1 flatter.',
  top_k: 'Only the so many likeliest tokens are sampled from; 0 takes all.',
  top_p: 'Only the likeliest tokens that together reach this probability are sampled from.',
  do_sample: 'Whether tokens are drawn at random instead of the likeliest taken.',
  max_new_tokens: 'Most tokens that are generated.',
  repetition_penalty: 'Tokens already used have their logits divided (or multiplied, if negative) by this.',
};

const synonyms: Readonly<Record<string, string>> = {
  d_model: 'hidden_size',
  n_embd: 'hidden_size',
  n_embed: 'hidden_size',
  dim: 'hidden_size',
  n_head: 'num_attention_heads',
  n_heads: 'num_attention_heads',
  num_heads: 'num_attention_heads',
  encoder_attention_heads: 'num_attention_heads',
  decoder_attention_heads: 'num_attention_heads',
  n_layer: 'num_hidden_layers',
  n_layers: 'num_hidden_layers',
  num_layers: 'num_hidden_layers',
  encoder_layers: 'num_hidden_layers',
  decoder_layers: 'num_hidden_layers',
  n_positions: 'max_position_embeddings',
  n_ctx: 'max_position_embeddings',
  seq_length: 'max_position_embeddings',
  max_seq_len: 'max_position_embeddings',
  max_sequence_length: 'max_position_embeddings',
  num_kv_heads: 'num_key_value_heads',
  n_head_kv: 'num_key_value_heads',
  multi_query_group_num: 'num_key_value_heads',
  n_inner: 'intermediate_size',
  ffn_dim: 'intermediate_size',
  num_local_experts: 'n_routed_experts',
  num_experts: 'n_routed_experts',
  top_k_experts: 'num_experts_per_tok',
  hidden_activation: 'hidden_act',
  image_token_index: 'image_token_id',
  rotary_pct: 'partial_rotary_factor',
  layer_norm_epsilon: 'layer_norm_eps',
  norm_epsilon: 'layer_norm_eps',
  llm_config: 'text_config',
  language_config: 'text_config',
};

/** What differs in a family from the general meaning. */
const familyMeanings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  falcon: {
    multi_query: 'One key/value head for all query heads; with new_decoder_architecture num_kv_heads counts instead.',
  },
  mixtral: { intermediate_size: 'Width of the feed-forward network of one expert.' },
  minimax_m2: { intermediate_size: 'Width of the feed-forward network of one expert.' },
  granitemoe: { intermediate_size: 'Width of the feed-forward network of one expert.' },
  gpt_oss: { intermediate_size: 'Width of the feed-forward network of one expert.' },
  deepseek_v2: {
    num_key_value_heads:
      'Nominal under multi-head latent attention: the cache holds kv_lora_rank + qk_rope_head_dim numbers a token, whatever this says.',
  },
  deepseek_v3: {
    num_key_value_heads:
      'Nominal under multi-head latent attention: the cache holds kv_lora_rank + qk_rope_head_dim numbers a token, whatever this says.',
  },
  glm_moe_dsa: {
    head_dim:
      'Under multi-head latent attention not the width of a head: see qk_nope_head_dim, qk_rope_head_dim and v_head_dim.',
  },
  bert: { max_position_embeddings: 'Rows of the learned position table: the longest sequence.' },
  roberta: {
    max_position_embeddings:
      'Rows of the learned position table; positions start at 2, so the longest sequence is 2 shorter.',
  },
  'xlm-roberta': {
    max_position_embeddings:
      'Rows of the learned position table; positions start at 2, so the longest sequence is 2 shorter.',
  },
};

/** The meaning of a key in a family; undefined for keys nobody explained. */
export const meaningOf = (key: string, modelType: string | undefined): string | undefined =>
  own(own(familyMeanings, modelType ?? '') ?? {}, key) ?? own(meanings, key) ?? own(meanings, firstName(key));

/** The first name of a field: `n_embd` is `hidden_size`. */
export const firstName = (key: string): string => own(synonyms, key) ?? key;
