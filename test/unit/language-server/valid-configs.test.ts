import assert from 'node:assert/strict';
import type { JsonValue } from '../../../models/formats/model-description';
import type { Surroundings } from './caret';
import { findingsOf, folder } from './caret';

/** What published models write and a checker could take for a fault; a line each, cut down to the odd thing. */
const oddities: Readonly<Record<string, readonly string[]>> = {
  'heads, widths and their absence': [
    '{"model_type": "qwen3", "hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}',
    '{"model_type": "gpt_oss", "hidden_size": 2880, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64}',
    '{"model_type": "glm4_moe", "hidden_size": 5120, "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128}',
    '{"model_type": "gemma3_text", "hidden_size": 1152, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256}',
    '{"model_type": "gemma", "hidden_size": 3072, "num_attention_heads": 16, "num_key_value_heads": 16}',
    '{"model_type": "t5", "d_model": 1024, "num_heads": 128, "d_kv": 128, "num_layers": 24, "vocab_size": 32128}',
    '{"model_type": "t5", "d_model": 1472, "num_heads": 6, "d_kv": 64, "num_layers": 12, "num_decoder_layers": 4, "vocab_size": 384}',
    '{"model_type": "falcon", "hidden_size": 4544, "num_attention_heads": 71, "num_kv_heads": 71, "multi_query": true}',
    '{"model_type": "falcon", "n_head": 128, "num_attention_heads": 128, "num_kv_heads": 8, "multi_query": true, "new_decoder_architecture": true, "hidden_size": 8192}',
    '{"model_type": "RefinedWeb", "architectures": ["RWForCausalLM"], "hidden_size": 8192, "n_head": 128, "n_head_kv": 8, "n_layer": 60}',
    '{"model_type": "nemotron-nas", "architectures": ["DeciLMForCausalLM"], "hidden_size": 8192, "num_attention_heads": 64, "num_key_value_heads": null, "intermediate_size": null, "block_configs": []}',
    '{"model_type": "openelm", "num_query_heads": [12, 12, 20], "num_kv_heads": [3, 3, 5], "model_dim": 1280, "head_dim": 64}',
    '{"model_type": "rwkv5", "hidden_size": 2048, "num_attention_heads": 64, "attention_hidden_size": 2048, "intermediate_size": null}',
    '{"model_type": "electra", "embedding_size": 768, "hidden_size": 256, "num_attention_heads": 4}',
    '{"hidden_size": 312, "num_attention_heads": 12, "num_hidden_layers": 4, "vocab_size": 21128}',
    '{"model_type": "clap", "audio_config": {"model_type": "clap_audio_model", "num_attention_heads": [4, 8, 16, 32], "hidden_size": 768}, "text_config": {"model_type": "clap_text_model"}}',
    '{"model_type": "swin", "architectures": ["SwinModel"], "embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "image_size": 224, "patch_size": 4}',
  ],
  'sizes that another program reads, under names that transformers has too': [
    // The inference code of DeepSeek, whose dtype is a format of its own.
    '{"vocab_size": 129280, "dim": 7168, "inter_dim": 18432, "n_layers": 61, "n_dense_layers": 3, "n_heads": 128, "n_routed_experts": 256, "n_activated_experts": 8, "n_expert_groups": 8, "route_scale": 2.5, "q_lora_rank": 1536, "kv_lora_rank": 512, "dtype": "fp8"}',
    // The settings of a training run.
    '{"train_data_path": "a.txt", "vocab_size": 10000, "context_length": 256, "d_model": 512, "num_layers": 8, "num_heads": 8, "d_ff": 2048, "batch_size": 32, "max_iterations": 10000, "weight_decay": 0.01, "device": "cuda"}',
    // The params.json of the first Llama, whose vocabulary is that of the tokenizer.
    '{"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-06, "vocab_size": -1}',
  ],
  'latent attention': [
    '{"model_type": "deepseek_v2", "hidden_size": 2048, "num_attention_heads": 16, "num_key_value_heads": 16, "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}',
    '{"model_type": "deepseek_v2", "hidden_size": 1280, "num_attention_heads": 10, "num_key_value_heads": 10, "kv_lora_rank": null, "use_mla": false, "qk_nope_head_dim": 0, "qk_rope_head_dim": 0, "v_head_dim": 0}',
    '{"model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 7168, "num_attention_heads": 64, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "rope_scaling": {"type": "yarn", "factor": 32, "beta_fast": 1.0, "beta_slow": 1.0, "original_max_position_embeddings": 4096}}',
    '{"auto_map": {"AutoConfig": "c.M"}, "architectures": ["MiniCPM3ForCausalLM"], "hidden_size": 2560, "num_attention_heads": 40, "kv_lora_rank": 256, "q_lora_rank": 768, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32}',
  ],
  'lists by layer': [
    '{"model_type": "smollm3", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 4, "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"], "no_rope_layers": [1, 1, 1, 0]}',
    '{"model_type": "lfm2", "hidden_size": 64, "num_heads": 4, "num_attention_heads": 4, "num_hidden_layers": 3, "layer_types": ["conv", "conv", "full_attention"], "full_attn_idxs": [2]}',
    '{"model_type": "nemotron_h", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 4, "hybrid_override_pattern": "M-M*"}',
    '{"model_type": "granitemoehybrid", "hidden_size": 1536, "num_attention_heads": 12, "num_hidden_layers": 2, "layer_types": ["mamba", "attention"], "num_local_experts": 0, "num_experts_per_tok": 0}',
    '{"model_type": "gemma3n_text", "architectures": ["Gemma3nForCausalLM"], "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": [128, 128]}',
    '{"model_type": "beit", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "stage_names": ["stem", "stage1", "stage2"]}',
    '{"model_type": "minimax_m3", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "moe_layer_freq": [0, 1, 1], "num_local_experts": 8, "num_experts_per_tok": 2}',
    '{"model_type": "resnet", "architectures": ["ResNetModel"], "layer_type": "bottleneck", "hidden_sizes": [64, 128]}',
    '{"model_type": "step3p5", "architectures": ["Step3p5ForCausalLM"], "hidden_size": 64, "num_attention_heads": 4, "num_attention_groups": 2, "num_hidden_layers": 2, "num_nextn_predict_layers": 1, "layer_types": ["full_attention", "sliding_attention", "sliding_attention"], "rope_theta": [5000000, 10000, 10000]}',
  ],
  'rotary embedding': [
    '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "rope_scaling": null, "rope_theta": 25000}',
    '{"model_type": "qwen2", "max_position_embeddings": 32768, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}',
    '{"model_type": "glm4v", "hidden_size": 4096, "num_attention_heads": 32, "partial_rotary_factor": 0.5, "rope_scaling": {"type": "default", "rope_type": "default", "mrope_section": [8, 12, 12]}}',
    '{"model_type": "qwen3_5_text", "hidden_size": 5120, "num_attention_heads": 24, "head_dim": 256, "partial_rotary_factor": 0.25, "rope_parameters": {"rope_type": "default", "mrope_section": [11, 11, 10], "rope_theta": 10000000}}',
    `{"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 24, "partial_rotary_factor": 0.75, "sliding_window": 262144, "max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope", "short_factor": [${Array(48).fill(1).join(', ')}], "long_factor": [${Array(48).fill(1).join(', ')}]}}`,
    `{"model_type": "internvl_chat", "architectures": ["InternVLChatModel"], "llm_config": {"model_type": "phi3", "hidden_size": 96, "num_attention_heads": 1, "rope_scaling": {"type": "su", "short_factor": [${Array(48).fill(1).join(', ')}], "long_factor": [${Array(48).fill(1).join(', ')}]}}}`,
    '{"model_type": "llama4_text", "hidden_size": 5120, "num_attention_heads": 40, "head_dim": 128, "max_position_embeddings": 10485760, "rope_scaling": {"rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 8192}}',
    '{"model_type": "hunyuan_v1_dense", "rope_scaling": {"type": "dynamic", "alpha": 1000.0, "factor": 1.0}}',
    '{"model_type": "new", "architectures": ["NewModel"], "hidden_size": 768, "num_attention_heads": 12, "rope_scaling": {"type": "ntk", "factor": 2.0}}',
    '{"model_type": "modernbert", "hidden_size": 768, "num_attention_heads": 12, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 160000}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000}}}',
    '{"model_type": "xlm-roberta", "max_position_embeddings": 8194, "hidden_size": 64, "num_attention_heads": 4}',
    '{"model_type": "phi", "hidden_size": 2560, "num_attention_heads": 32, "partial_rotary_factor": 0.4, "rope_theta": 10000.0}',
  ],
  'nesting and what class defaults fill in': [
    '{"model_type": "gemma3", "image_token_index": 262144, "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34}, "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "num_attention_heads": 16, "image_size": 896, "patch_size": 14}}',
    '{"model_type": "llava_next", "image_token_index": 32000, "text_config": {"model_type": "mistral", "vocab_size": 32064}, "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 24}, "vision_feature_layer": -2}',
    '{"model_type": "llava_next", "text_config": {"model_type": "granite"}, "vision_config": {"num_hidden_layers": 27}, "vision_feature_layer": [-24, -20, -12, -1]}',
    '{"model_type": "siglip", "text_config": {"model_type": "siglip_text_model", "vocab_size": 256000}, "vision_config": {"model_type": "siglip_vision_model"}}',
    '{"model_type": "owlv2", "architectures": ["Owlv2ForObjectDetection"], "transformers_version": "4.35.0.dev0"}',
    '{"model_type": "openvla", "auto_map": {"AutoConfig": "c.O"}, "pad_token_id": 32000, "text_config": {"model_type": "llama", "pad_token_id": 32000, "vocab_size": 32064}}',
    '{"model_type": "paligemma", "_vocab_size": 257216, "hidden_size": 2048, "projection_dim": 2304, "image_token_index": 257152, "text_config": {"model_type": "gemma2", "hidden_size": 2304, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 257216}, "vision_config": {"model_type": "siglip_vision_model", "projection_dim": 2304}}',
    '{"model_type": "qwen2_vl", "hidden_size": 1536, "num_attention_heads": 12, "vocab_size": 151936, "image_token_id": 151655, "vision_config": {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "num_heads": 16}, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}',
    '{"model_type": "sam", "vision_config": {"model_type": "", "hidden_size": 1280, "num_attention_heads": 16, "global_attn_indexes": [7, 15]}, "prompt_encoder_config": {"hidden_size": 256, "image_size": 1024, "patch_size": 16}}',
    '{"model_type": "clip", "text_config": {"model_type": "clip_text_model", "bos_token_id": 0, "eos_token_id": 2, "vocab_size": 49408, "torch_dtype": null}, "text_config_dict": {"hidden_size": 768, "num_attention_heads": 7}}',
    '{"model_type": "vision-encoder-decoder", "decoder": {"model_type": "mbart", "d_model": 1024, "decoder_attention_heads": 16, "vocab_size": 57525}, "decoder_start_token_id": 57524, "encoder": {"model_type": "donut-swin", "num_heads": [4, 8, 16, 32], "image_size": [2560, 1920], "patch_size": 4}}',
    '{"architectures": ["CogVLMForCausalLM"], "auto_map": {"AutoConfig": "c.C"}, "hidden_size": 4096, "num_attention_heads": 32, "num_multi_query_heads": 8}',
  ],
  'classes beside other types': [
    '{"model_type": "t5", "architectures": ["MT5EncoderModel"], "vocab_size": 250112, "d_model": 64, "num_heads": 4}',
    '{"model_type": "llama", "architectures": ["LLaMAForCausalLM"], "pad_token_id": -1, "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 32000, "max_sequence_length": 2048}',
    '{"model_type": "qwen3", "architectures": ["DFlashDraftModel"], "hidden_size": 64, "num_attention_heads": 4}',
    '{"model_type": "llama", "architectures": ["LlamaForCausalLMEagle3"], "draft_vocab_size": 32000, "vocab_size": 128256}',
    '{"model_type": "roberta", "architectures": ["CamembertForMaskedLM"], "hidden_size": 64, "num_attention_heads": 4}',
    '{"model_type": "gemma3n", "architectures": ["Gemma3nForConditionalGeneration"], "eoi_token_id": 262144, "text_config": {"model_type": "gemma3n_text", "vocab_size": 262400}}',
    '{"model_type": "SegformerForSemanticSegmentation", "architectures": ["BriaRMBG"], "auto_map": {"AutoConfig": "c.R"}}',
    '{"model_type": "idefics3", "architectures": ["Idefics3ForConditionalGeneration"], "text_config": {"model_type": "llama", "architectures": ["VLlama3ForCausalLM"], "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49280}, "image_token_id": 49190}',
  ],
  'token ids': [
    '{"model_type": "mllama", "image_token_index": 128256, "text_config": {"model_type": "mllama_text_model", "vocab_size": 128256}, "vision_config": {}}',
    '{"model_type": "qwen2_5_omni", "talker_config": {"model_type": "qwen2_5_omni_talker", "hidden_size": 896, "num_attention_heads": 12, "head_dim": 128, "vocab_size": 8448, "image_token_index": 151655}}',
    '{"model_type": "marian", "d_model": 64, "encoder_attention_heads": 4, "pad_token_id": 65000, "decoder_start_token_id": 65000, "vocab_size": 65001}',
    '{"model_type": "gpt2", "n_embd": 768, "n_head": 12, "bos_token_id": 50256, "eos_token_id": 50256, "vocab_size": 21128}',
    '{"model_type": "mistral", "pad_token_id": 32000, "vocab_size": 32000}',
    '{"model_type": "wav2vec2", "vocab_size": null, "hidden_size": 1024, "num_attention_heads": 16, "pad_token_id": 0}',
    '{"model_type": "chatglm", "architectures": ["ChatGLMModel"], "padded_vocab_size": 65024, "eos_token_id": 2, "num_layers": 28, "hidden_size": 4096, "num_attention_heads": 32, "multi_query_group_num": 2}',
  ],
  'quantised weights': [
    '{"model_type": "deepseek_v3", "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}, "hidden_size": 7168}',
    '{"model_type": "gpt_oss", "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}, "hidden_size": 2880}',
    '{"model_type": "llama", "hidden_size": 4096, "quantization_config": {"quant_algo": "NVFP4", "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 16}}}}}',
    '{"model_type": "qwen", "architectures": ["QWenLMHeadModel"], "hidden_size": 4096, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "dataset": null, "tokenizer": null}}',
    '{"model_type": "llama", "hidden_size": 4096, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": -1}}',
    '{"model_type": "llama", "hidden_size": 4096, "quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8, "group_size": null}}}}}',
    '{"model_type": "llama", "hidden_size": 4096, "quantization_config": {"quant_method": "aqlm", "in_group_size": 8, "nbits_per_codebook": 16}}',
    '{"model_type": "molmo", "auto_map": {"AutoConfig": "c.M"}, "hidden_size": 3584, "quantization_config": {"quant_method": "bitsandbytes", "_load_in_4bit": true, "load_in_4bit": true}}',
    '{"model_type": "bitnet", "architectures": ["BitNetForCausalLM"], "hidden_size": 2560, "num_attention_heads": 20, "quantization_config": {"quant_method": "bitnet"}}',
  ],
};

const llama2: JsonValue = { model_type: 'llama', hidden_size: 4096, num_attention_heads: 32, vocab_size: 32000 };
const gemma3: JsonValue = { model_type: 'gemma3_text', hidden_size: 1152, num_attention_heads: 4, vocab_size: 262144 };
const vit: JsonValue = {
  model_type: 'vit',
  hidden_size: 768,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 16,
};
const beside = (name: string, config: JsonValue): Surroundings => ({
  name,
  ...folder([name, 'config.json'], { 'config.json': config }),
});

/** Files beside a config. */
const companions: readonly (readonly [text: string, surroundings: Surroundings])[] = [
  ['{"_from_model_config": true, "pad_token_id": 32000, "eos_token_id": 2}', beside('generation_config.json', llama2)],
  [
    '{"added_tokens_decoder": {"262144": {}}, "tokenizer_class": "GemmaTokenizer"}',
    beside('tokenizer_config.json', gemma3),
  ],
  ['{"image_mean": [0.5], "image_std": [0.5], "size": 256, "crop_size": 224}', beside('preprocessor_config.json', vit)],
  [
    '{"image_mean": [0.5], "image_std": [0.5], "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": true}',
    beside('preprocessor_config.json', vit),
  ],
  [
    '{"peft_type": "LORA", "r": 8, "target_modules": "^(?!.*visual).*(?:q_proj|v_proj).*$"}',
    beside('adapter_config.json', llama2),
  ],
  ['{"peft_type": "LORA", "r": 8, "target_modules": "all-linear"}', beside('adapter_config.json', llama2)],
  [
    '{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 30, "num_attention_heads": 8}',
    beside('adapter_config.json', llama2),
  ],
  [JSON.stringify(gemma3), { facts: { tokenizer: { bytes: 1, entries: 262145, idCount: 262145 } } }],
];

const disputable = (text: string, surroundings?: Surroundings): readonly string[] =>
  findingsOf(text, surroundings)
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ code, message }) => `${code}: ${message}`);

describe('odd things that published configs hold', () => {
  for (const [subject, texts] of Object.entries(oddities)) {
    it(`${subject}: ${texts.length} files without an error or a warning`, () => {
      for (const text of texts) assert.deepEqual(disputable(text), [], text);
    });
  }
  it('companions of a config', () => {
    for (const [text, surroundings] of companions) assert.deepEqual(disputable(text, surroundings), [], text);
  });
  it('numbers of vision layers that do not exist are an error where the model does not load', () => {
    const vision = (root: string, inner: string): string =>
      `{${root}, "vision_config": {"num_hidden_layers": 3${inner}}}`;
    for (const [text, severity] of [
      [vision('"model_type": "qwen3_vl_moe"', ', "deepstack_visual_indexes": [1, 8]'), 'warning'],
      [vision('"model_type": "qwen2_5_vl"', ', "fullatt_block_indexes": [7]'), 'warning'],
      [vision('"model_type": "llava", "vision_feature_layer": -5', ''), 'error'],
    ] as const)
      assert.deepEqual(
        findingsOf(text).flatMap((found) => (found.code === 'vision-feature-layer' ? [found.severity] : [])),
        [severity],
        text,
      );
  });
  it('the same fields are found out once they are really wrong', () => {
    for (const [text, code] of [
      // What transformers saved before it wrote model_type.
      [
        '{"hidden_size": 768, "num_attention_heads": 7, "num_hidden_layers": 12, "pooler_fc_size": 768}',
        'heads-do-not-divide',
      ],
      ['{"n_embd": 768, "n_head": 12, "n_layer": 12, "n_ctx": 1024, "torch_dtype": "fp16"}', 'dtype-unknown'],
      ['{"model_type": "mistral", "pad_token_id": 32100, "vocab_size": 32000}', 'token-id-outside-vocabulary'],
      ['{"model_type": "mistral", "eos_token_id": 32000, "vocab_size": 32000}', 'token-id-outside-vocabulary'],
      [
        '{"model_type": "gpt2", "n_embd": 768, "n_head": 12, "eos_token_id": 50257, "vocab_size": 21128}',
        'token-id-outside-vocabulary',
      ],
      ['{"model_type": "gema3", "architectures": ["Gemma3ForConditionalGeneration"]}', 'model-type-misspelt'],
      ['{"model_type": "qwen2", "architectures": ["LlamaForCausalLM"]}', 'architecture-contradicts-type'],
      ['{"model_type": "llama", "vocab_sze": 32000}', 'key-misspelt'],
      [
        '{"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "num_attention_heads": 17}}',
        'heads-do-not-divide',
      ],
      [
        '{"model_type": "llava_onevision", "text_config": {"model_type": "qwen2", "num_attention_heads": 14, "num_key_value_heads": 4}}',
        'kv-heads-do-not-divide',
      ],
      [
        '{"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text", "hidden_size": 2048, "head_dim": 128, "num_attention_heads": 16, "rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 21]}}}',
        'rope-sections',
      ],
      [
        '{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "num_hidden_layers": 3, "layer_types": ["full_attention"]}}',
        'layer-list-length',
      ],
      [
        '{"model_type": "mistral3", "text_config": {"model_type": "mistral", "vocab_size": 100, "eos_token_id": 100}}',
        'token-id-outside-vocabulary',
      ],
    ] as const) {
      assert.ok(
        disputable(text).some((told) => told.startsWith(`${code}:`)),
        `${text}\n${disputable(text).join('\n')}`,
      );
    }
  });
});
