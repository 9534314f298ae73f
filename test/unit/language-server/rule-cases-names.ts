import type { RuleCases } from './rule-case';

const sizes = '"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2';
const llama = `"model_type": "llama", ${sizes}`;
const quantised = (fields: string): string => `{${llama}, "quantization_config": {${fields}}}`;
const bnb = '"quant_method": "bitsandbytes"';
const mla =
  '"model_type": "deepseek_v3", "hidden_size": 256, "num_attention_heads": 4, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16';

/** Names, types and lists: what people write for another family, another tool or another depth. */
export const nameCases: Readonly<Record<string, RuleCases>> = {
  'key-of-other-family': {
    fires: [
      `{${llama}, |"num_kv_heads"|: 2}`,
      '{"model_type": "falcon", "hidden_size": 64, "num_attention_heads": 4, |"num_key_value_heads"|: 2}',
      '{"model_type": "mistral", |"n_layer"|: 32, "hidden_size": 4096}',
      '{"model_type": "gpt2", |"d_model"|: 768, "n_head": 12}',
      '{"model_type": "qwen2", |"n_embd"|: 896, "num_attention_heads": 14}',
      '{"model_type": "opt", "hidden_size": 768, |"intermediate_size"|: 3072}',
      '{"model_type": "t5", "d_model": 512, |"intermediate_size"|: 2048}',
      '{"model_type": "llava", "text_config": {"model_type": "llama", |"n_head_kv"|: 8}}',
      // Not a word of it is read, and the default is what the model was trained with: worth knowing, no more.
      `{${llama}, |"max_sequence_length"|: 2048}`,
      // Remote code may read it.
      `{${llama}, "auto_map": {"AutoConfig": "x.Y"}, |"num_kv_heads"|: 2}`,
    ],
    silent: [
      // Both are there: falcon-40b in the form of ipex.
      '{"model_type": "falcon", "n_head": 128, "num_attention_heads": 128, "n_layer": 60, "num_hidden_layers": 60}',
      `{${llama}, "num_kv_heads": 2, "num_key_value_heads": 2}`,
      // Aliases by attribute_map.
      '{"model_type": "gpt2", "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12}',
      '{"model_type": "t5", "hidden_size": 512, "num_attention_heads": 8, "num_hidden_layers": 6}',
      '{"model_type": "bloom", "n_embed": 1024, "num_attention_heads": 16, "n_layer": 24}',
      '{"model_type": "falcon", "hidden_size": 64, "num_attention_heads": 4, "num_kv_heads": 2}',
      // Families of remote code.
      '{"model_type": "RefinedWeb", "n_head": 128, "n_head_kv": 8, "auto_map": {}}',
      '{"model_type": "openelm", "num_kv_heads": [3, 5], "model_dim": 1280}',
      '{"model_type": "chatglm", "multi_query_group_num": 2, "num_layers": 28}',
      // An object of other things inside a config.
      '{"model_type": "qwen3", "dflash_config": {"num_heads": 4, "hidden_size": 64, "num_layers": 1}}',
      '{"model_type": "qwen2_vl", "hidden_size": 64, "vision_config": {"model_type": "qwen2_vl", "embed_dim": 32, "num_heads": 2, "depth": 2}}',
    ],
  },
  'activation-unknown': {
    fires: [
      `{${llama}, "hidden_act": |"sliu"|}`,
      `{${llama}, "hidden_act": |"SiLU"|}`,
      `{${llama}, "hidden_act": |"swiglu"|}`,
      `{${llama}, "hidden_act": |"softsign"|}`,
      '{"model_type": "gpt2", "n_embd": 768, "activation_function": |"gelu-new"|}',
      '{"model_type": "t5", "d_model": 512, "feed_forward_proj": |"gated-gleu"|}',
      '{"model_type": "gemma2", "hidden_activation": |"gelu_tanh"|}',
      '{"model_type": "llava", "vision_config": {"model_type": "clip_vision_model", "hidden_act": |"quick-gelu"|}}',
      '{"model_type": "someone-elses", "hidden_act": |"silo"|}',
    ],
    silent: [
      ...['gelu_new', 'gelu_fast', 'quick_gelu', 'silu', 'swish', 'xielu', 'relu2', 'gelu_pytorch_tanh', 'linear'].map(
        (name) => `{${llama}, "hidden_act": "${name}"}`,
      ),
      // Names of classes that compute them themselves; the families are not known everywhere.
      ...['gegelu', 'swigluoai', 'situ'].map((name) => `{${llama}, "hidden_act": "${name}"}`),
      '{"model_type": "phi3small", "hidden_act": "gegelu"}',
      '{"model_type": "minimax_m3", "hidden_act": "swigluoai"}',
      '{"model_type": "kimi_linear", "hidden_act": "situ"}',
      '{"model_type": "someone-elses", "hidden_act": "swiglu"}',
      '{"model_type": "nomic_bert", "activation_function": "swiglu", "auto_map": {}}',
      '{"model_type": "qwen", "activation": "swiglu"}',
      '{"model_type": "t5", "feed_forward_proj": "gated-silu"}',
      '{"model_type": "gemma2", "hidden_activation": null}',
    ],
  },
  'quant-method-unknown': {
    fires: [
      quantised('"quant_method": |"GPTQ"|, "bits": 4'),
      quantised('"quant_method": |"bnb"|, "load_in_4bit": true'),
      quantised('"quant_method": |"compressed_tensors"|'),
      quantised('"quant_method": |"autoawq"|, "bits": 4'),
      quantised('"quant_method": |"gtpq"|, "bits": 4'),
      quantised('"quant_method": |"bitsandbyte"|'),
      quantised('"quant_method": |"my-own-format"|'),
      `{"model_type": "llava", "text_config": {${llama}, "quantization_config": {"quant_method": |"torch_ao"|}}}`,
    ],
    silent: [
      ...[
        'awq',
        'gptq',
        'auto-round',
        'compressed-tensors',
        'fbgemm_fp8',
        'fp8',
        'mxfp4',
        'modelopt',
        'quark',
        'sinq',
        'exl2',
        'modelopt_fp4',
        'nvfp4',
        'w8a8_int8',
      ].map((name) => quantised(`"quant_method": "${name}"`)),
      quantised('"quant_algo": "FP8", "kv_cache_scheme": "FP8"'),
      quantised('"group_size": 64, "bits": 4'),
      quantised('"quant_method": null'),
    ],
  },
  'quantisation-bits': {
    fires: [
      quantised('"quant_method": "awq", "bits": |3|'),
      quantised('"quant_method": "awq", "bits": |8|'),
      quantised('"quant_method": "awq", "w_bit": |16|'),
      quantised('"quant_method": "gptq", "bits": |16|'),
      quantised('"quant_method": "gptq", "bits": |1|'),
    ],
    silent: [
      ...[2, 3, 4, 8].map((bits) => quantised(`"quant_method": "gptq", "bits": ${bits}`)),
      quantised('"quant_method": "awq", "w_bit": 4, "q_group_size": 128'),
      quantised('"quant_method": "exl2", "bits": 4.65'),
      quantised('"quant_method": "gptq", "bits": null'),
      quantised('"quant_method": "auto-round", "bits": 6'),
    ],
  },
  'bitsandbytes-contradicts': {
    fires: [
      quantised(`${bnb}, "load_in_4bit": true, "load_in_8bit": |true|`),
      quantised(`${bnb}, "_load_in_4bit": true, "_load_in_8bit": |true|`),
      quantised(`${bnb}, "load_in_4bit": |false|, "load_in_8bit": false`),
      quantised(`${bnb}, "load_in_8bit": true, "bnb_4bit_quant_type": |"nf4"|`),
      quantised(`${bnb}, "load_in_4bit": true, "bnb_4bit_quant_type": |"NF4"|`),
      quantised(`${bnb}, "load_in_4bit": true, "bnb_4bit_quant_type": |"int4"|`),
      quantised(`${bnb}, "load_in_4bit": true, "bnb_4bit_compute_dtype": |"bf16"|`),
      quantised(`"load_in_4bit": true, "bnb_4bit_quant_storage": |"byte"|`),
    ],
    silent: [
      // As transformers saves them, with the fields of the other width at their defaults.
      quantised(
        `${bnb}, "_load_in_4bit": true, "_load_in_8bit": false, "load_in_4bit": true, "load_in_8bit": false, "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8", "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": true, "llm_int8_threshold": 6.0`,
      ),
      quantised(
        `${bnb}, "load_in_4bit": false, "load_in_8bit": true, "bnb_4bit_compute_dtype": "float32", "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": false`,
      ),
      quantised(`${bnb}, "load_in_4bit": true, "bnb_4bit_compute_dtype": "torch.float16"`),
      quantised('"quant_method": "gptq", "bits": 4, "bnb_4bit_quant_type": "int4"'),
    ],
  },
  'model-type-release': {
    fires: [
      '{"model_type": |"llama3"|, "architectures": ["LlamaForCausalLM"]}',
      '{"model_type": |"llama-2"|}',
      '{"model_type": |"Llama-3.2-1B-Instruct"|}',
      '{"model_type": |"qwen2.5"|, "architectures": ["Qwen2ForCausalLM"]}',
      '{"model_type": |"mistral-7b"|, "architectures": ["MistralForCausalLM"]}',
      '{"model_type": |"mistral-7b-v0.3"|}',
      '{"model_type": |"phi-4"|, "architectures": ["Phi3ForCausalLM"]}',
      '{"model_type": |"deepseek-r1"|}',
      '{"model_type": |"mixtral-8x7b"|}',
      '{"model_type": |"bert-base-uncased"|}',
      '{"model_type": |"whisper-large-v3"|}',
      '{"model_type": |"deberta-v3"|}',
      '{"model_type": |"gemma-3-1b-it"|, "architectures": ["Gemma3ForCausalLM"]}',
    ],
    silent: [
      '{"model_type": "llama4"}',
      '{"model_type": "smollm3"}',
      '{"model_type": "xlm-roberta-xl"}',
      '{"model_type": "blip-2"}',
      '{"model_type": "gpt_neox_japanese"}',
      '{"model_type": "glm-130b"}',
      '{"model_type": "phi4mm"}',
      '{"model_type": "phi4flash"}',
      '{"model_type": "qwen2.5", "auto_map": {"AutoConfig": "x.Y"}}',
      // The class of another family: the name is nobody's slip.
      '{"model_type": "llama3", "architectures": ["ChatModel"]}',
      '{"model_type": "falcon-edge-1b"}',
      '{"model_type": "llama_tiny", "architectures": ["LlamaTinyForCausalLM"]}',
    ],
  },
  'model-type-misspelt': {
    fires: [
      '{"model_type": |"Qwen3"|, "architectures": ["Qwen3ForCausalLM"]}',
      '{"model_type": |"gpt-oss"|, "architectures": ["GptOssForCausalLM"]}',
      '{"model_type": |"BERT"|}',
      '{"model_type": |"gemma-2"|}',
    ],
    silent: [
      // The first Qwen and its relatives call their types by the class, and bring their code along.
      '{"model_type": "LLaMA", "auto_map": {"AutoModel": "a.B"}}',
      '{"model_type": "LLaMA", "architectures": ["SomethingElse"]}',
    ],
  },
  'model-type-missing': {
    fires: [
      `{|"architectures"|: ["LlamaForCausalLM"], ${sizes}}`,
      `{${sizes}, |"architectures"|: ["BertForMaskedLM"], "model_type": null}`,
      `{|"architectures"|: ["Gemma3ForCausalLM"], ${sizes}}`,
    ],
    silent: [
      // ALBERT of brightmind and BERT of Google say neither.
      '{"attention_probs_dropout_prob": 0.1, "directionality": "bidi", "hidden_act": "gelu", "hidden_size": 312, "num_attention_heads": 12}',
      '{"architectures": ["CogVLMVideoForCausalLM"], "auto_map": {"AutoConfig": "c.C"}, "hidden_size": 4096}',
      `{"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoConfig": "c.C"}, ${sizes}}`,
      '{"architectures": ["LlavaLlamaForCausalLM"], "hidden_size": 4096, "num_attention_heads": 32}',
      '{"_class_name": "UNet", "architectures": ["BertModel"], "num_attention_heads": 8, "hidden_size": 64}',
      `{"architectures": [], ${sizes}}`,
    ],
  },
  'latent-dims': {
    fires: [
      `{${mla}, "v_head_dim": 32, "kv_lora_rank": |null|}`,
      `{${mla.replace('"qk_nope_head_dim": 32', '"qk_nope_head_dim": |null|')}, "kv_lora_rank": 64}`,
      '{"model_type": "kimi_k25", "text_config": {"model_type": "deepseek_v2", "kv_lora_rank": |null|}}',
    ],
    silent: [
      `{${mla}, "v_head_dim": 32, "kv_lora_rank": 64, "q_lora_rank": null}`,
      `{${mla}, "kv_lora_rank": null, "use_mla": false}`,
      '{"model_type": "deepseek_vl_v2", "language_config": {"model_type": "deepseek_v2", "kv_lora_rank": null, "qk_nope_head_dim": 0, "qk_rope_head_dim": 0}}',
      '{"model_type": "hunyuan", "kv_lora_rank": null}',
    ],
  },
  'layer-list-length': {
    fires: [
      '{"model_type": "someone-elses", "num_hidden_layers": 3, "layer_types": |["full_attention", "full_attention"]|}',
      '{"model_type": "zamba2", "num_hidden_layers": 3, "layers_block_type": |["mamba", "hybrid"]|}',
      '{"model_type": "nemotron-nas", "num_hidden_layers": 3, "block_configs": |[{}, {}]|}',
      '{"model_type": "minimax_m2", "num_hidden_layers": 3, "attn_type_list": |[1, 1]|}',
      '{"model_type": "mimo_v2_flash", "num_hidden_layers": 3, "moe_layer_freq": |[0, 1]|}',
      '{"model_type": "deepseek_v4", "num_hidden_layers": 3, "compress_ratios": |[0, 0, 4, 128, 4]|}',
      '{"model_type": "openelm", "num_transformer_layers": 2, "num_kv_heads": |[3, 3, 4]|}',
    ],
    silent: [
      // With the layer of multi-token prediction, and before its count was written.
      '{"model_type": "deepseek_v4", "num_hidden_layers": 3, "num_nextn_predict_layers": 1, "compress_ratios": [0, 0, 4, 0]}',
      '{"model_type": "deepseek_v4", "num_hidden_layers": 3, "compress_ratios": [0, 0, 4, 0]}',
      '{"model_type": "step3p7", "num_hidden_layers": 2, "num_nextn_predict_layers": 2, "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"]}',
      // One number for all layers, and a pattern that repeats.
      '{"model_type": "deepseek_v3", "num_hidden_layers": 3, "moe_layer_freq": 1}',
      '{"model_type": "exaone4", "num_hidden_layers": 8, "sliding_window_pattern": "LLLG"}',
      '{"model_type": "longformer", "num_hidden_layers": 12, "attention_window": 512}',
      // The list is the depth.
      '{"model_type": "nemotron_h", "layers_block_type": ["mamba", "attention", "moe"]}',
      '{"model_type": "beit", "num_hidden_layers": 2, "stage_names": ["stem", "stage1", "stage2"]}',
    ],
  },
  'layer-number': {
    fires: [
      '{"model_type": "mllama", "text_config": {"model_type": "mllama_text_model", "num_hidden_layers": 40, "cross_attention_layers": [3, 8, |40|]}}',
      '{"model_type": "lfm2", "num_hidden_layers": 16, "full_attn_idxs": [2, 5, |5|]}',
      '{"model_type": "qwen3_moe", "num_hidden_layers": 4, "mlp_only_layers": [|-1|]}',
      '{"model_type": "kimi_linear", "num_hidden_layers": 4, "linear_attn_config": {"full_attn_layers": [4], "kda_layers": [|0|, 1, 2]}}',
      '{"model_type": "sam", "vision_config": {"model_type": "sam_vision_model", "num_hidden_layers": 12, "global_attn_indexes": [2, 5, 8, |12|]}}',
    ],
    silent: [
      '{"model_type": "mllama", "text_config": {"model_type": "mllama_text_model", "num_hidden_layers": 40, "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38]}}',
      '{"model_type": "kimi_linear", "num_hidden_layers": 4, "linear_attn_config": {"full_attn_layers": [4], "kda_layers": [1, 2, 3]}}',
      '{"model_type": "qwen3_moe", "num_hidden_layers": 4, "mlp_only_layers": []}',
      '{"model_type": "llama4_text", "num_hidden_layers": 4, "moe_layers": null}',
      '{"model_type": "lfm2", "full_attn_idxs": [2, 5, 8]}',
    ],
  },
  'dtype-unknown': {
    fires: [],
    silent: [
      `{${llama}, "transformers.js_config": {"dtype": "q4", "kv_cache_dtype": {"q4f16": "float16"}}}`,
      '{"model_type": "llava", "text_config": {"model_type": "llama", "transformers.js_config": {"dtype": "fp16"}}}',
      '{"model_type": "whisper", "transformers.js_config": {"dtype": {"cuda": "fp16", "wasm": "q8"}}}',
      `{${llama}, "transformers_js_config": {"dtype": "q4f16"}}`,
    ],
  },
  'architecture-contradicts-type': {
    fires: ['{"model_type": "qwen3", "architectures": [|"LlamaForCausalLM"|], "vocab_size": 100}'],
    silent: [
      ...[
        'LlamaForCausalLMEagle3',
        'Eagle3LlamaForCausalLM',
        'EagleForCausalLM',
        'LlamaForCausalLM_EAGLE',
        'DFlashDraftModel',
        'MistralForCausalLMMedusa',
        'LlamaForCausalLMNextN',
        'MistralForCausalLM_MTP',
      ].map((name) => `{"model_type": "qwen2", "architectures": ["${name}"]}`),
      '{"model_type": "qwen3", "architectures": ["LlamaForCausalLM"], "draft_vocab_size": 32000}',
      '{"model_type": "llama", "architectures": ["Qwen3ForCausalLM"], "eagle_config": {}}',
    ],
  },
  'head-width-not-fused': {
    fires: [
      // A hybrid of flash-linear-attention has layers with scores.
      '{"model_type": "gla", "hidden_size": 2048, "num_heads": |4|, "attn": {"layers": [1], "num_heads": 4}}',
    ],
    silent: [
      '{"model_type": "gla", "hidden_size": 2048, "num_heads": 4, "attn": null}',
      '{"model_type": "rwkv6", "hidden_size": 2048, "num_attention_heads": 4}',
      '{"model_type": "mamba2", "hidden_size": 2048, "head_dim": 300}',
      '{"model_type": "retnet", "hidden_size": 2048, "num_heads": 4}',
    ],
  },
  'rope-original-length': {
    fires: [
      // MiniCPM-V 4 as published: longrope of an original length of 32786.
      '{"model_type": "minicpm", "max_position_embeddings": 32768, "rope_scaling": {"rope_type": "longrope", "original_max_position_embeddings": |32786|}}',
    ],
    silent: [],
  },
};
