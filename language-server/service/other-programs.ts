import { attentionKeys } from './key-names';

type Object = { readonly [key: string]: unknown };

/** What transformers, or code written for it, puts into each config that it saves. */
const marks = ['model_type', 'architectures', 'auto_map', 'transformers_version'];

/**
 * Names of the configs that transformers saved before it wrote `model_type` (2.3, December 2019) and of the first releases that
 * they were converted from: BERT, ALBERT, GPT, GPT-2, XLNet, XLM, DistilBERT, T5.
 */
const namesBeforeModelType: ReadonlySet<string> = new Set(
  `finetuning_task id2label is_decoder is_encoder_decoder label2id num_labels output_attentions output_hidden_states output_past
  pruned_heads task_specific_params torchscript use_bfloat16 use_cache dtype
  attention_probs_dropout_prob directionality hidden_dropout_prob pooler_fc_size pooler_num_attention_heads
  pooler_num_fc_layers pooler_size_per_head pooler_type type_vocab_size
  classifier_dropout_prob down_scale_factor embedding_size gap_size inner_group_num ln_type net_structure_type
  num_hidden_groups num_memory_blocks share_type
  afn attn_pdrop embd_pdrop layer_norm_epsilon n_ctx n_embd n_head n_inner n_layer n_positions n_special
  predict_special_tokens resid_pdrop summary_activation summary_first_dropout summary_proj_to_labels summary_type
  summary_use_proj
  attn_type bi_data clamp_len d_head d_inner dropout end_n_top ff_activation init init_range init_std
  max_position_embeddings mem_len n_token reuse_len same_length start_n_top untie_r
  asm bos_index causal emb_dim embed_init_std eos_index gelu_activation is_encoder lang_id langs mask_index mask_token_id
  n_langs n_words pad_index sinusoidal_embeddings unk_index use_lang_emb
  activation qa_dropout seq_classif_dropout sinusoidal_pos_embds tie_weights_
  d_ff d_kv dropout_rate feed_forward_proj initializer_factor num_heads num_layers relative_attention_num_buckets`.split(
    /\s+/,
  ),
);

/**
 * Whether a config with the sizes of a model is read by a program of its own (DeepSeek's inference code, Llama's `params.json`,
 * the settings of a training run): transformers left no mark in it, and more than a quarter of its keys are names that no such
 * file of transformers has. What other programs accept under a name is theirs to say.
 */
export const isOfOtherProgram = (config: Object): boolean => {
  if (marks.some((key) => config[key] !== undefined)) return false;
  const keys = Object.keys(config);
  const others = keys.filter((key) => !attentionKeys.has(key) && !namesBeforeModelType.has(key));
  return 4 * others.length > keys.length;
};

/** Whether a text that is no JSON was meant as a config of transformers. */
export const namesTransformers = (text: string): boolean =>
  /\b(?:model_type|architectures|transformers_version)\b/.test(text);
