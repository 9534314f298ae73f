import type { JsonValue } from '../../../models/formats/model-description';
import type { OnnxDescription, ReadOnnx } from '../../../models/formats/onnx/read-onnx';
import { folder, shard } from './caret';
import type { Surroundings } from './caret';
import { headscopeFileCases } from './headscope-file-cases';
import { joined } from './rule-case';
import type { RuleCases } from './rule-case';
import { companionCases } from './rule-cases-companions';
import { jsonCases } from './rule-cases-json';
import { nameCases } from './rule-cases-names';

const llama =
  '"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 100';
const qwen =
  '"model_type": "qwen2", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 100';
const mla =
  '"model_type": "deepseek_v3", "hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 4, "num_hidden_layers": 2';
const heads = '"num_attention_heads": 4, "num_key_value_heads": 2';
const named = (name: string, rest: Surroundings = {}): Surroundings => ({ name, ...rest });

const layer = (index: number): Readonly<Record<string, readonly number[]>> => ({
  [`model.layers.${index}.input_layernorm.weight`]: [64],
  [`model.layers.${index}.mlp.down_proj.weight`]: [64, 96],
  [`model.layers.${index}.mlp.gate_proj.weight`]: [96, 64],
  [`model.layers.${index}.mlp.up_proj.weight`]: [96, 64],
  [`model.layers.${index}.post_attention_layernorm.weight`]: [64],
  [`model.layers.${index}.self_attn.k_proj.weight`]: [32, 64],
  [`model.layers.${index}.self_attn.o_proj.weight`]: [64, 64],
  [`model.layers.${index}.self_attn.q_proj.weight`]: [64, 64],
  [`model.layers.${index}.self_attn.v_proj.weight`]: [32, 64],
});
const ends = { 'lm_head.weight': [100, 64], 'model.embed_tokens.weight': [100, 64], 'model.norm.weight': [64] };
const weights: Readonly<Record<string, readonly number[]>> = { ...ends, ...layer(0), ...layer(1) };
const without = (name: string): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(Object.entries(weights).filter(([one]) => one !== name));
const withoutValue = without('model.layers.1.self_attn.v_proj.weight');
const withoutUp = without('model.layers.0.mlp.up_proj.weight');
const withoutHead = without('lm_head.weight');
const weightsFolder = (tensors: Readonly<Record<string, readonly number[]>>): Surroundings =>
  folder(['config.json'], {}, [shard('model.safetensors', tensors)]);
const indexFolder = (tensors: readonly string[]): Surroundings =>
  folder(['config.json'], {
    'model.safetensors.index.json': { weight_map: Object.fromEntries(tensors.map((name) => [name, 'a.safetensors'])) },
  });

const config: JsonValue = {
  model_type: 'llama',
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
  vocab_size: 100,
  max_position_embeddings: 2048,
  eos_token_id: 2,
  bos_token_id: 1,
};
const besideConfig = (name: string, value: JsonValue = config, rest: readonly string[] = []): Surroundings =>
  named(name, folder([name, 'config.json', ...rest], { 'config.json': value }));
const twoShards = '"weight_map": {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}';
const index = (rest: Surroundings): Surroundings => named('model.safetensors.index.json', rest);
const a = shard('model-1.safetensors', { 'a.weight': [2] });
const b = shard('model-2.safetensors', { 'b.weight': [2] });
const lora = (rest: Surroundings = {}): Surroundings => named('adapter_config.json', rest);
const adapter = (tensors: Readonly<Record<string, readonly number[]>>): Surroundings =>
  lora(folder([], {}, [shard('adapter_model.safetensors', tensors)]));
const vit = '"model_type": "vit", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2';
const llavaVision = '"vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 24}';
const qwenVl = '"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text", "hidden_size": 64}';
const graph = (rest: Partial<OnnxDescription>): Surroundings => graphFile({ ok: true, onnx: { ...noGraph, ...rest } });
const graphFile = (read: ReadOnnx): Surroundings => ({
  facts: { files: new Map([['model.onnx', 1]]), graphs: new Map([['model.onnx', read]]) },
});
const noGraph: OnnxDescription = {
  irVersion: 10,
  producer: '',
  opsets: {},
  inputs: [],
  outputs: [],
  initialisers: [],
  elements: 0,
  operators: {},
  attention: [],
  packed: [],
  externalFiles: [],
  bytesRead: 0,
};
const grouped = (heads: number, kvHeads: number): Partial<OnnxDescription> => ({
  attention: [{ node: 'a', operator: 'GroupQueryAttention', domain: 'com.microsoft', heads, kvHeads }],
});
const cache = (layers: number, kvHeads: number, width: number): Partial<OnnxDescription> => ({
  inputs: Array.from({ length: layers }, (_, index) => ({
    name: `past_key_values.${index}.key`,
    type: 'float',
    shape: ['batch', kvHeads, 'past', width],
  })),
});
const logits = (size: number): Partial<OnnxDescription> => ({
  outputs: [{ name: 'logits', type: 'float', shape: ['batch', 'length', size] }],
});
const genai = '"search": {}, "model": {"type": "llama", "decoder"';

const cases: Readonly<Record<string, RuleCases>> = {
  'heads-do-not-divide': {
    fires: [
      '{"num_attention_heads": |7|, "hidden_size": 512}',
      `{${llama}, "num_attention_heads": |5|}`,
      '{"model_type": "gpt2", "n_embd": 768, "n_head": |11|}',
      '{"model_type": "whisper", "d_model": 384, "encoder_attention_heads": |7|, "decoder_attention_heads": 6}',
      '{"model_type": "llava", "text_config": {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": |30|}}',
      '{"model_type": "mllama", "vision_config": {"hidden_size": 1280, "attention_heads": |17|}}',
    ],
    silent: [
      '{"num_attention_heads": 96, "hidden_size": 5120, "head_dim": 128, "model_type": "glm4_moe"}',
      '{"model_type": "kimi_k3", "hidden_size": 7168, "num_attention_heads": 96, "kv_lora_rank": 512}',
      '{"model_type": "t5", "d_model": 1024, "num_heads": 33, "d_kv": 128}',
      '{"model_type": "qwen3", "hidden_size": 1000, "num_attention_heads": 16}',
      '{"model_type": "llama", "hidden_size": 576, "num_attention_heads": 9}',
    ],
  },
  'kv-heads-do-not-divide': {
    fires: [
      `{${llama}, "num_attention_heads": 32, "num_key_value_heads": |6|}`,
      '{"model_type": "falcon", "num_attention_heads": 128, "num_kv_heads": |7|}',
      '{"model_type": "llava", "text_config": {"num_attention_heads": 14, "num_key_value_heads": |4|}}',
      '{"model_type": "minimind", "n_heads": 8, "n_kv_heads": |3|}',
    ],
    silent: [
      `{${llama}, "num_attention_heads": 32, "num_key_value_heads": 8}`,
      `{${mla}, "num_key_value_heads": 3, "kv_lora_rank": 512}`,
      '{"model_type": "openelm", "num_query_heads": [12, 16], "num_kv_heads": [3, 5]}',
      '{"num_attention_heads": 40, "num_key_value_heads": null}',
    ],
  },
  'kv-heads-exceed-heads': {
    fires: [
      `{${llama}, "num_attention_heads": 4, "num_key_value_heads": |8|}`,
      '{"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": |320|}',
    ],
    silent: [
      `{${llama}, "num_attention_heads": 8, "num_key_value_heads": 8}`,
      `{${mla}, "num_key_value_heads": 128, "kv_lora_rank": 512}`,
    ],
  },
  'size-not-positive': {
    fires: [`{${llama}, "num_attention_heads": |0|}`, '{"model_type": "gpt2", "n_embd": |-768|, "n_head": 12}'],
    silent: [`{${llama}, ${heads}}`, '{"model_type": "rwkv6", "num_attention_heads": 0, "hidden_size": 64}'],
  },
  'projection-width-differs': {
    fires: [
      '{"model_type": "qwen3", "hidden_size": 1024, "num_attention_heads": 16, "head_dim": |128|}',
      '{"model_type": "t5", "d_model": 1024, "num_heads": 32, "d_kv": |128|}',
    ],
    silent: [
      '{"model_type": "qwen3", "hidden_size": 2048, "num_attention_heads": 16, "head_dim": 128}',
      `{${mla}, "head_dim": 192, "kv_lora_rank": 512}`,
    ],
  },
  'rotary-width-odd': {
    fires: [
      '{"model_type": "llama", "hidden_size": 66, "num_attention_heads": 2, "head_dim": |33|, "rope_theta": 10000}',
      `{${mla}, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": |15|, "v_head_dim": 32}`,
    ],
    silent: [
      '{"model_type": "bert", "hidden_size": 66, "num_attention_heads": 2, "head_dim": 33}',
      '{"model_type": "llama", "hidden_size": 576, "num_attention_heads": 9, "rope_theta": 10000}',
      '{"model_type": "phi", "hidden_size": 2560, "num_attention_heads": 32, "partial_rotary_factor": 0.4, "rope_theta": 10000}',
    ],
  },
  'head-width-not-fused': {
    fires: [
      '{"model_type": "deepseek_v4", "head_dim": |512|, "rope_theta": 1}'.replace('deepseek_v4', 'llama'),
      '{"model_type": "bert", "hidden_size": 312, "num_attention_heads": |12|}',
    ],
    silent: [
      // Under a type of a conversion the class says what the heads are.
      '{"model_type": "deepseek_ref", "architectures": ["DeepseekV4ForCausalLM"], "hidden_size": 4096, "num_attention_heads": 64, "head_dim": 512}',
      '{"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32}',
      '{"model_type": "gemma", "head_dim": 256}',
    ],
  },
  'rope-form-unknown': {
    fires: [
      `{${qwen}, "rope_scaling": {"rope_type": |"yarm"|, "factor": 4}}`,
      `{${llama}, "rope_scaling": {"type": |"liner"|, "factor": 4}}`,
      `{${llama}, "rope_parameters": {"rope_type": |"llama4"|, "rope_theta": 10000}}`,
    ],
    silent: [
      `{${qwen}, "rope_scaling": {"type": "mrope", "mrope_section": [8]}}`,
      `{${qwen}, "rope_scaling": null}`,
      '{"model_type": "gemma4", "rope_parameters": {"full_attention": {"rope_type": "proportional"}}}',
    ],
  },
  'rope-field-missing': {
    fires: [
      `{${llama}, "rope_scaling": {"rope_type": |"llama3"|, "factor": 8}}`,
      `{${llama}, "rope_scaling": {"type": |"linear"|}}`,
      `{${llama}, |"rope_scaling"|: {"factor": 8}}`,
      '{"model_type": "phi3", "rope_scaling": {"type": |"longrope"|, "long_factor": [1]}}',
    ],
    silent: [
      `{${llama}, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}}`,
      `{${qwen}, "rope_scaling": {"rope_type": "default", "mrope_section": [2, 3, 3]}}`,
      '{"model_type": "hunyuan", "rope_scaling": {"type": "dynamic", "alpha": 1000}}',
      `{${qwen}, "rope_scaling": {"mrope_section": [2, 3, 3]}}`,
    ],
  },
  'rope-field-contradicts': {
    fires: [
      `{${llama}, "rope_scaling": {"rope_type": "linear", "type": |"yarn"|, "factor": 2}}`,
      `{${llama}, "rope_scaling": {"rope_type": "linear", "factor": |-2|}}`,
      `{${llama}, "rope_scaling": {"rope_type": "linear", "factor": |0.5|}}`,
      `{${llama}, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": |4|, "high_freq_factor": 1, "original_max_position_embeddings": 8192}}`,
      `{${llama}, "rope_scaling": {"rope_type": "yarn", "factor": 8, "beta_fast": |1|, "beta_slow": 32}}`,
    ],
    silent: [
      `{${qwen}, "rope_scaling": {"rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3]}}`,
      `{${llama}, "rope_scaling": {"rope_type": "llama3", "factor": 16, "low_freq_factor": 1, "high_freq_factor": 1, "original_max_position_embeddings": 8192}}`,
    ],
  },
  'rope-factor-length': {
    fires: [
      '{"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 4, "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": |[1, 2, 3]|}}',
      '{"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 4, "rope_scaling": {"type": "longrope", "short_factor": |"x"|, "long_factor": [1, 1, 1, 1, 1, 1, 1, 1]}}',
    ],
    silent: [
      '{"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 4, "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1, 1, 1, 1]}}',
      '{"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 4, "partial_rotary_factor": 0.5, "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1]}}',
      `{${qwen}, "rope_scaling": {"type": "yarn", "factor": 4}}`,
    ],
  },
  'rope-sections': {
    fires: [
      '{"model_type": "qwen2_vl", "hidden_size": 512, "num_attention_heads": 4, "rope_scaling": {"type": "mrope", "mrope_section": |[16, 24, 25]|}}',
      '{"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text", "head_dim": 128, "rope_scaling": {"rope_type": "default", "mrope_section": |[16, 24]|}}}',
    ],
    silent: [
      '{"model_type": "qwen2_vl", "hidden_size": 512, "num_attention_heads": 4, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}',
      '{"model_type": "qwen3_5", "text_config": {"model_type": "qwen3_5_text", "head_dim": 256, "rope_parameters": {"rope_type": "default", "mrope_section": [11, 11, 10], "partial_rotary_factor": 0.25}}}',
    ],
  },
  'rope-original-length': {
    fires: [
      `{${qwen}, "max_position_embeddings": 4096, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": |32768|}}`,
      '{"model_type": "phi3", "max_position_embeddings": 2048, "original_max_position_embeddings": |4096|, "rope_scaling": {"type": "longrope", "short_factor": [], "long_factor": []}}',
    ],
    silent: [
      `{${qwen}, "max_position_embeddings": 131072, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}}`,
      `{${qwen}, "max_position_embeddings": 32768, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}}`,
    ],
  },
  'rope-type-deprecated': {
    fires: [
      `{${qwen}, "rope_scaling": {|"type"|: "yarn", "factor": 4}}`,
      `{${llama}, "rope_scaling": {|"type"|: "linear", "factor": 2}}`,
    ],
    silent: [
      `{${qwen}, "rope_scaling": {"rope_type": "yarn", "type": "yarn", "factor": 4}}`,
      '{"model_type": "qwen2_vl", "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}',
    ],
  },
  'window-without-effect': {
    fires: [
      `{${qwen}, "sliding_window": |4096|, "use_sliding_window": false}`,
      '{"model_type": "mistral", "sliding_window": |4096|, "max_position_embeddings": 4096}',
      `{${qwen}, "sliding_window": |128|, "layer_types": ["full_attention", "full_attention"]}`,
    ],
    silent: [
      `{${qwen}, "sliding_window": null, "use_sliding_window": false}`,
      '{"model_type": "mistral", "sliding_window": 4096, "max_position_embeddings": 32768}',
    ],
  },
  'layer-list-length': {
    fires: [
      '{"model_type": "gpt_oss", "num_hidden_layers": 3, "layer_types": |["sliding_attention", "full_attention"]|}',
      '{"model_type": "smollm3", "num_hidden_layers": 2, "no_rope_layers": |[1, 1, 1]|}',
    ],
    silent: [
      '{"model_type": "gpt_oss", "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"]}',
      '{"model_type": "deepseek_v4", "num_hidden_layers": 2, "compress_ratios": [1, 2, 3]}',
      '{"model_type": "llama4_text", "num_hidden_layers": 2, "no_rope_layers": []}',
    ],
  },
  'layer-type-unknown': {
    fires: [
      `{${llama}, "layer_types": ["full_attention", |"something_of_its_own"|]}`,
      '{"model_type": "gpt_oss", "num_hidden_layers": 2, "layer_types": [|"sliding_atention"|, "full_attention"]}',
      '{"model_type": "gemma3_text", "layer_types": [|"everything"|]}',
    ],
    silent: [
      '{"model_type": "lfm2", "layer_types": ["conv", "full_attention"]}',
      '{"model_type": "qwen3_next", "layer_types": ["linear_attention", "full_attention"]}',
    ],
  },
  'latent-dims': {
    fires: [
      `{${mla}, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": |0|}`,
      `{${mla}, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32, "qk_head_dim": |64|}`,
      `{${mla}, "kv_lora_rank": |4096|, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32}`,
      `{${mla}, "kv_lora_rank": 64, "q_lora_rank": |512|}`,
    ],
    silent: [
      `{${mla}, "kv_lora_rank": 64, "q_lora_rank": null, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32}`,
      `{${mla}, "use_mla": false, "kv_lora_rank": null, "qk_nope_head_dim": 0, "qk_rope_head_dim": 0, "v_head_dim": 0}`,
      `{${mla}, "kv_lora_rank": 64, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "qk_head_dim": 256, "v_head_dim": 256, "head_dim": 64}`,
    ],
  },
  'experts-per-token': {
    fires: [
      '{"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": |9|}',
      '{"model_type": "qwen3_moe", "num_experts": 128, "num_experts_per_tok": |256|}',
    ],
    silent: [
      '{"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 8}',
      '{"model_type": "granitemoehybrid", "num_local_experts": 0, "num_experts_per_tok": 2}',
      '{"model_type": "hunyuan", "num_experts": 64, "moe_topk": [8, 8]}',
    ],
  },
  'expert-groups': {
    fires: [
      '{"model_type": "deepseek_v3", "n_routed_experts": 256, "n_group": |7|}',
      '{"model_type": "deepseek_v3", "n_routed_experts": 256, "n_group": 8, "topk_group": |9|}',
    ],
    silent: [
      '{"model_type": "deepseek_v3", "n_routed_experts": 256, "n_group": 8, "topk_group": 4}',
      '{"model_type": "deepseek_v2", "n_routed_experts": 64, "n_group": null, "topk_group": null}',
      '{"model_type": "deepseek_v3", "n_routed_experts": 256, "n_group": 0}',
    ],
  },
  'token-id-outside-vocabulary': {
    fires: [
      `{${llama}, "eos_token_id": |100|}`,
      `{${llama}, "eos_token_id": [2, |5000|]}`,
      `{${llama}, "pad_token_id": |-2|}`,
      '{"model_type": "llava", "image_token_index": |99999|, "text_config": {"model_type": "llama", "vocab_size": 32064}}',
      ['{"_from_model_config": true, "eos_token_id": |777|}', besideConfig('generation_config.json')],
    ],
    silent: [
      `{${llama}, "eos_token_id": [2, 99], "pad_token_id": -1, "bos_token_id": null}`,
      '{"model_type": "mllama", "image_token_index": 128256, "text_config": {"model_type": "mllama_text_model", "vocab_size": 128256}}',
      '{"model_type": "qwen2_5_omni", "talker_config": {"vocab_size": 8448, "bos_token_id": 151655}}',
      '{"model_type": "llava", "image_token_index": 32000, "vocab_size": 32064, "text_config": {"model_type": "llama"}}',
      ['{"_from_model_config": true, "eos_token_id": [2, 7]}', besideConfig('generation_config.json')],
    ],
  },
  'tokenizer-larger-than-vocabulary': {
    fires: [
      [`{${llama.replace('100', '|100|')}}`, { facts: { tokenizer: { bytes: 1, entries: 120, idCount: 120 } } }],
      [
        '{"tokenizer_class": "X", "added_tokens_decoder": {"99": {}, |"100"|: {}}}',
        besideConfig('tokenizer_config.json'),
      ],
    ],
    silent: [
      [`{${llama}}`, { facts: { tokenizer: { bytes: 1, entries: 90, idCount: 100 } } }],
      ['{"tokenizer_class": "X", "added_tokens_decoder": {"99": {}}}', besideConfig('tokenizer_config.json')],
    ],
  },
  'generation-contradicts-config': {
    fires: [
      ['{"_from_model_config": true, "eos_token_id": |5|}', besideConfig('generation_config.json')],
      ['{"_from_model_config": true, "max_length": |4096|}', besideConfig('generation_config.json')],
    ],
    silent: [
      [
        '{"_from_model_config": true, "eos_token_id": [2, 5], "max_length": 2048}',
        besideConfig('generation_config.json'),
      ],
      ['{"_from_model_config": true, "pad_token_id": 0}', besideConfig('generation_config.json')],
    ],
  },
  'patch-size': {
    fires: [
      `{${vit}, "image_size": 224, "patch_size": |15|}`,
      '{"model_type": "siglip", "vision_config": {"image_size": 224, "patch_size": |256|}}',
    ],
    silent: [
      `{${vit}, "image_size": 224, "patch_size": 16}`,
      '{"model_type": "dinov2", "image_size": 518, "patch_size": 14}',
      `{${vit}, "image_size": 16, "patch_size": 16}`,
    ],
  },
  'image-size-differs': {
    fires: [
      [
        '{"image_processor_type": "X", "size": |{"height": 384, "width": 384}|}',
        besideConfig('preprocessor_config.json', {
          model_type: 'vit',
          image_size: 224,
          hidden_size: 64,
          num_attention_heads: 4,
        }),
      ],
      [
        '{"image_processor_type": "X", "do_center_crop": true, "crop_size": |336|}',
        besideConfig('preprocessor_config.json', { model_type: 'clip', vision_config: { image_size: 224 } }),
      ],
    ],
    silent: [
      // SegFormer has no table of positions, and its image_size no effect.
      [
        '{"image_processor_type": "SegformerImageProcessor", "size": {"height": 512, "width": 512}}',
        besideConfig('preprocessor_config.json', { model_type: 'segformer', image_size: 224, depths: [2, 2, 2, 2] }),
      ],
      [
        '{"image_processor_type": "X", "size": {"height": 224, "width": 224}}',
        besideConfig('preprocessor_config.json', {
          model_type: 'vit',
          image_size: 224,
          hidden_size: 64,
          num_attention_heads: 4,
        }),
      ],
      [
        '{"image_processor_type": "X", "size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": 224}',
        besideConfig('preprocessor_config.json', { model_type: 'clip', vision_config: { image_size: 224 } }),
      ],
    ],
  },
  'image-tokens-differ': {
    fires: [
      [
        '{"processor_class": "LlavaProcessor", "patch_size": |16|}',
        besideConfig('processor_config.json', { model_type: 'llava', vision_config: { patch_size: 14 } }),
      ],
      [
        '{"processor_class": "Gemma3Processor", "image_seq_length": |64|}',
        besideConfig('processor_config.json', { model_type: 'gemma3', mm_tokens_per_image: 256 }),
      ],
    ],
    silent: [
      [
        '{"processor_class": "LlavaProcessor", "patch_size": 14}',
        besideConfig('processor_config.json', { model_type: 'llava', vision_config: { patch_size: 14 } }),
      ],
      [
        '{"processor_class": "Gemma3Processor", "image_seq_length": 256}',
        besideConfig('processor_config.json', { model_type: 'gemma3', mm_tokens_per_image: 256 }),
      ],
    ],
  },
  'projector-width': {
    fires: [
      `{${qwenVl}, "vision_config": {"hidden_size": 32, "out_hidden_size": |48|}}`,
      '{"model_type": "paligemma", "text_config": {"model_type": "gemma", "hidden_size": 2048}, "vision_config": {"projection_dim": |1152|}}',
    ],
    silent: [
      `{${qwenVl}, "vision_config": {"hidden_size": 32, "out_hidden_size": 64}}`,
      '{"model_type": "llava", "text_config": {"hidden_size": 4096}, "vision_config": {"hidden_size": 1024, "projection_dim": 768}}',
    ],
  },
  'vision-feature-layer': {
    fires: [
      `{"model_type": "llava", "vision_feature_layer": |-26|, ${llavaVision}}`,
      `{"model_type": "llava", "vision_feature_layer": [-2, |25|], ${llavaVision}}`,
      `{${qwenVl}, "vision_config": {"depth": 24, "deepstack_visual_indexes": [5, |24|]}}`,
    ],
    silent: [
      `{"model_type": "llava", "vision_feature_layer": -2, ${llavaVision}}`,
      `{"model_type": "llava", "vision_feature_layer": [-25, 24], ${llavaVision}}`,
    ],
  },
  'quantisation-group': {
    fires: [
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": |40|}}`.replace(
        '"intermediate_size": 96',
        '"intermediate_size": 80',
      ),
      `{${llama}, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": |-5|}}`,
    ],
    silent: [
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}`,
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": -1}}`,
      '{"model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 100]}}',
    ],
  },
  'quantisation-bits': {
    fires: [
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": |0|}}`,
      `{${llama}, "quantization_config": {"quant_method": "awq", "bits": |40|}}`,
    ],
    silent: [
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": 4}}`,
      `{${llama}, "quantization_config": {"quant_method": "mxfp4"}}`,
    ],
  },
  'dtype-unknown': {
    fires: [
      `{${llama}, "dtype": |"something"|}`,
      `{${llama}, "torch_dtype": |"fp16"|}`,
      `{${llama}, "dtype": |"bfloat61"|}`,
    ],
    silent: [
      `{${llama}, "torch_dtype": "torch.bfloat16"}`,
      '{"model_type": "clip", "text_config": {"torch_dtype": null}}',
    ],
  },
  'dtypes-disagree': {
    fires: [
      `{${llama}, "dtype": "bfloat16", "torch_dtype": |"float32"|}`,
      `{${qwen}, "dtype": "float16", "torch_dtype": |"bfloat16"|}`,
    ],
    silent: [
      `{${llama}, "dtype": "bfloat16", "torch_dtype": "bfloat16"}`,
      `{${llama}, "torch_dtype": "torch.float32"}`,
    ],
  },
  'dtype-key-deprecated': {
    fires: [`{${llama}, |"torch_dtype"|: "float32"}`, `{${qwen}, |"torch_dtype"|: "bfloat16"}`],
    silent: [`{${llama}, "dtype": "float32"}`, `{${llama}}`],
  },
  'architecture-contradicts-type': {
    fires: [
      '{"model_type": "llama", "architectures": [|"MistralForCausalLM"|]}',
      '{"model_type": "bert", "architectures": [|"GPT2LMHeadModel"|]}',
    ],
    silent: [
      '{"model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"]}',
      '{"model_type": "llama", "architectures": ["LLaMAForCausalLM"]}',
      '{"model_type": "t5", "architectures": ["MT5ForConditionalGeneration"]}',
      '{"model_type": "qwen3", "architectures": ["DFlashDraftModel"]}',
      '{"model_type": "qwen3_5_moe_text", "architectures": ["Qwen3_5MoeForConditionalGeneration"]}',
    ],
  },
  'model-type-misspelt': {
    fires: [
      '{"model_type": |"llamma"|, "architectures": ["LlamaForCausalLM"]}',
      '{"model_type": |"misral"|, "architectures": ["MistralForCausalLM"]}',
      '{"model_type": |"lama"|, "hidden_size": 64, "num_attention_heads": 4}',
      '{"model_type": |"mistarl"|}',
      '{"model_type": |"qwen3moe"|, "num_hidden_layers": 2}',
      '{"model_type": |"deepsek_v3"|, "architectures": []}',
    ],
    silent: [
      // Types of other models, published without their classes or with them.
      ...['bamba', 'zamba', 'flava', 'plbart', 'pegasus_x', 'glm4v_moe', 'voxtral', 'ibert'].map(
        (type) => `{"model_type": "${type}"}`,
      ),
      ...['rwkv', 'hubert', 'llamba', 'minicpm', 'internlm2', 'chatglm', 'exaone', 'phi4', 'gemma4', 'qwen', 'x'].map(
        (type) => `{"model_type": "${type}", "hidden_size": 64}`,
      ),
      '{"model_type": "mistrals", "architectures": ["Other"]}',
      '{"model_type": "falcom", "auto_map": {}, "architectures": ["FalconForCausalLM"]}',
    ],
  },
  'key-misspelt': {
    fires: [
      `{${llama}, |"num_atention_heads"|: 4}`,
      `{${llama}, |"rope_thta"|: 10000}`,
      `{${llama}, |"num_key_values_heads"|: 4}`,
      // Two slips in keys of 12 to 15 letters; in shorter ones they may make another word.
      `{${llama}, |"roqe_scalinq"|: null}`,
      `{${llama}, |"slidng_windw"|: 4096}`,
      `{${llama}, |"slyding_windov"|: 4096}`,
      `{${llama}, |"atention_biias"|: true}`,
    ],
    silent: [
      `{${llama}, "rop_scalinq": null}`,
      `{${llama}, "rope_theta": 1, "rope_beta": 2}`,
      '{"model_type": "someone-elses", "num_atention_heads": 4}',
      `{${llama}, "hidden_sizes": [1, 2]}`,
    ],
  },
  'field-value': {
    fires: [
      `{${llama.replace('2, "vocab', '|"two"|, "vocab')}, ${heads}}`,
      `{${llama.replace('2, "vocab', '|100000|, "vocab')}, ${heads}}`,
    ],
    silent: [`{${llama}, ${heads}}`, '{"model_type": "rwkv5", "intermediate_size": null, "hidden_size": 64}'],
  },
  'cache-over-memory': {
    fires: [
      [`{${llama}, ${heads}, "max_position_embeddings": |131072|}`, { settings: { severity: {}, deviceMemory: 1024 } }],
      [`{${qwen}, "max_position_embeddings": |32768|}`, { settings: { severity: {}, deviceMemory: 1024 } }],
    ],
    silent: [
      [
        `{${llama}, ${heads}, "max_position_embeddings": 131072}`,
        { settings: { severity: {}, deviceMemory: 2 ** 40 } },
      ],
      `{${llama}, ${heads}, "max_position_embeddings": 131072}`,
    ],
  },
  'tensor-shape': {
    fires: [
      [`{${llama}, "num_attention_heads": 4, "num_key_value_heads": |4|}`, weightsFolder(weights)],
      [`{${llama.replace('100', '|101|')}, ${heads}}`, weightsFolder(weights)],
      [`{${llama.replace('96', '|128|')}, ${heads}}`, weightsFolder(weights)],
    ],
    silent: [
      [`{${llama}, ${heads}}`, weightsFolder(weights)],
      [`{${llama}, "num_attention_heads": 4, "num_key_value_heads": 4}`, weightsFolder({ 'something.else': [3] })],
    ],
  },
  'tensors-missing': {
    fires: [
      [`{${llama.replace('"llama"', '|"llama"|')}, ${heads}}`, weightsFolder(withoutValue)],
      [`{${llama.replace('"llama"', '|"llama"|')}, ${heads}}`, indexFolder(Object.keys(withoutUp))],
    ],
    silent: [
      [`{${llama}, ${heads}}`, indexFolder(Object.keys(weights))],
      [`{${llama}, ${heads}, "tie_word_embeddings": true}`, weightsFolder(withoutHead)],
    ],
  },
  'layers-missing': {
    fires: [
      [`{${llama.replace('2, "vocab', '|3|, "vocab')}, ${heads}}`, weightsFolder(weights)],
      [`{${llama.replace('2, "vocab', '|4|, "vocab')}, ${heads}}`, indexFolder(Object.keys(weights))],
    ],
    silent: [
      [`{${llama}, ${heads}}`, weightsFolder(weights)],
      ['{"model_type": "mixformer-sequential", "n_layer": 32}', indexFolder(['layers.0.a', 'layers.33.a'])],
    ],
  },
  'layers-extra': {
    fires: [
      [`{${llama.replace('2, "vocab', '|1|, "vocab')}, ${heads}}`, weightsFolder(weights)],
      [`{${qwen.replace('2, "vocab', '|1|, "vocab')}}`, indexFolder(['model.layers.0.a', 'model.layers.1.a'])],
    ],
    silent: [
      [
        `{${mla}, "num_nextn_predict_layers": 1}`,
        indexFolder(['model.layers.0.a', 'model.layers.1.a', 'model.layers.2.a']),
      ],
      [
        '{"model_type": "qwen3_5", "text_config": {"num_hidden_layers": 1}}',
        indexFolder(['model.layers.0.a', 'mtp.layers.0.a']),
      ],
    ],
  },
  'tied-embeddings-with-head': {
    fires: [
      [`{${llama}, ${heads}, "tie_word_embeddings": |true|}`, weightsFolder(weights)],
      [`{${qwen}, "tie_word_embeddings": |true|}`, indexFolder(['lm_head.weight'])],
    ],
    silent: [
      [`{${llama}, ${heads}, "tie_word_embeddings": false}`, weightsFolder(weights)],
      [`{${llama}, ${heads}, "tie_word_embeddings": true}`, weightsFolder(withoutHead)],
    ],
  },
  'shard-missing': {
    fires: [
      [
        `{${twoShards.replace('"model-2.safetensors"', '|"model-2.safetensors"|')}}`,
        index(folder(['model-1.safetensors'])),
      ],
      [`{${twoShards.replace('"weight_map"', '|"weight_map"|')}}`, index(folder([]))],
    ],
    silent: [
      [`{${twoShards}}`, index(folder(['model-1.safetensors', 'model-2.safetensors']))],
      [`{"weight_map": {"a.weight": "model-1.safetensors"}}`, index(folder(['model-1.safetensors']))],
    ],
  },
  'shard-unreadable': {
    fires: [
      [
        `{${twoShards.replace('"model-1.safetensors"', '|"model-1.safetensors"|')}}`,
        index(
          folder([], {}, [
            shard('model-1.safetensors', {}, { problem: { code: 'not-json', message: 'The header is not JSON.' } }),
          ]),
        ),
      ],
      [`|{|${llama}}`, folder([], {}, [shard('model.safetensors', {}, { pointer: true })])],
    ],
    silent: [
      [`{${twoShards}}`, index(folder([], {}, [a, b]))],
      [`{${llama}}`, weightsFolder(weights)],
    ],
  },
  'index-disagrees': {
    fires: [
      [`{"weight_map": {"x.weight": |"model-1.safetensors"|}}`, index(folder([], {}, [a]))],
      [`{"metadata": {"total_size": |5|}, ${twoShards}}`, index(folder([], {}, [a, b]))],
    ],
    silent: [
      [`{"metadata": {"total_size": 8.0}, ${twoShards}}`, index(folder([], {}, [a, b]))],
      [`{"metadata": {"total_size": 0}, ${twoShards}}`, index(folder([], {}, [a, b]))],
    ],
  },
  'tensor-twice': {
    fires: [
      [
        `{"weight_map": {"a.weight": |"model-1.safetensors"|, "b.weight": "model-2.safetensors"}}`,
        index(folder([], {}, [a, shard('model-2.safetensors', { 'a.weight': [2], 'b.weight': [2] })])),
      ],
      [
        `{"weight_map": {"a.weight": "model-1.safetensors", "b.weight": |"model-2.safetensors"|}}`,
        index(folder([], {}, [shard('model-1.safetensors', { 'a.weight': [2], 'b.weight': [2] }), b])),
      ],
    ],
    silent: [
      [`{${twoShards}}`, index(folder([], {}, [a, b]))],
      [`{"weight_map": {"a.weight": "model-1.safetensors"}}`, index(folder([], {}, [a]))],
    ],
  },
  'index-path-outside': {
    fires: [
      ['{"weight_map": {"a": |"../../secret.safetensors"|}}', index({})],
      ['{"weight_map": {"a": |"/etc/passwd"|}}', index({})],
    ],
    silent: [
      [`{${twoShards}}`, index({})],
      ['{"weight_map": {"a": "part..1.safetensors"}}', index({})],
    ],
  },
  'lora-target-matches-nothing': {
    fires: [
      ['{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", |"vproj"|]}', lora()],
      [
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", |"c_attn"|]}',
        adapter({ 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [8, 64] }),
      ],
      [
        '{"peft_type": "LORA", "r": 8, "target_modules": |".*experts.*"|}',
        adapter({ 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [8, 64] }),
      ],
    ],
    silent: [
      [
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]}',
        adapter({ 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [8, 64] }),
      ],
      ['{"peft_type": "LORA", "r": 8, "target_modules": "all-linear"}', lora()],
      ['{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "my_own_module"]}', lora()],
    ],
  },
  'lora-rank': {
    fires: [
      ['{"peft_type": "LORA", "r": |0|, "target_modules": ["q_proj"]}', lora()],
      ['{"peft_type": "LORA", "r": |512|, "target_modules": ["q_proj"]}', besideConfig('adapter_config.json')],
      [
        '{"peft_type": "LORA", "r": |16|, "target_modules": ["q_proj"]}',
        adapter({ 'x.q_proj.lora_A.weight': [8, 64] }),
      ],
    ],
    silent: [
      ['{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]}', besideConfig('adapter_config.json')],
      [
        '{"peft_type": "LORA", "r": 16, "rank_pattern": {"q_proj": 8}, "target_modules": ["q_proj"]}',
        adapter({ 'x.q_proj.lora_A.weight': [8, 64] }),
      ],
    ],
  },
  'genai-heads': {
    fires: [
      [`{${genai}: {"num_attention_heads": 14, "num_key_value_heads": |4|}}}`, named('genai_config.json')],
      [`{${genai}: {"num_attention_heads": 8, "num_key_value_heads": |16|}}}`, named('genai_config.json')],
    ],
    silent: [
      [`{${genai}: {"num_attention_heads": 14, "num_key_value_heads": 2}}}`, named('genai_config.json')],
      [`{${genai}: {"num_attention_heads": 14}}}`, named('genai_config.json')],
    ],
  },
  'genai-contradicts-config': {
    fires: [
      [`{${genai}: {"num_hidden_layers": |3|}}}`, besideConfig('genai_config.json')],
      [`{${genai}: {"head_size": |64|}}}`, besideConfig('genai_config.json')],
    ],
    silent: [
      [`{${genai}: {"num_hidden_layers": 2, "head_size": 16}}}`, besideConfig('genai_config.json')],
      [`{${genai}: {"num_hidden_layers": 3}}}`, named('genai_config.json')],
    ],
  },
  'genai-file-missing': {
    fires: [
      [`{${genai}: {"filename": |"model.onnx"|}}}`, named('genai_config.json', folder(['other.onnx']))],
      [
        `{${genai}: {"filename": "a.onnx"}, "vision": {"filename": |"vision.onnx"|}}}`,
        named('genai_config.json', folder(['a.onnx'])),
      ],
    ],
    silent: [
      [`{${genai}: {"filename": "model.onnx"}}}`, named('genai_config.json', folder(['model.onnx']))],
      [`{${genai}: {"filename": "model.onnx"}}}`, named('genai_config.json', folder([]))],
    ],
  },
  'graph-contradicts-config': {
    fires: [
      [`{${llama}, "num_attention_heads": |4|, "num_key_value_heads": 2}`, graph(grouped(8, 2))],
      [`{${llama}, "num_attention_heads": 4, "num_key_value_heads": |2|}`, graph(grouped(4, 1))],
      [`{${llama}, "num_attention_heads": 4, "num_key_value_heads": |2|}`, graph(cache(2, 3, 16))],
      [`{${llama}, "num_attention_heads": |4|, "num_key_value_heads": 2}`, graph(cache(2, 2, 32))],
      [
        '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": |2|}',
        graph(cache(3, 4, 16)),
      ],
      [
        '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": |100|}',
        graph({ ...cache(2, 4, 16), ...logits(120) }),
      ],
      [
        '{"model_type": "llama", "hidden_size": |64|, "num_attention_heads": 4, "num_hidden_layers": 2}',
        graph({ initialisers: [{ name: 'model.embed_tokens.weight', type: 'float16', shape: [100, 128] }] }),
      ],
      [
        '{"model_type": "bert", "hidden_size": 64, "num_attention_heads": |4|}',
        graph({ attention: [{ node: 'a', operator: 'MultiHeadAttention', domain: 'com.microsoft', heads: 12 }] }),
      ],
    ],
    silent: [
      [`{${llama}, ${heads}}`, graph({ ...grouped(4, 2), ...cache(2, 2, 16), ...logits(100) })],
      [`{${llama}, ${heads}}`, graph(grouped(4, 4))],
      ['{"model_type": "bert", "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 100}', graph(logits(9))],
      [`{${mla}, "kv_lora_rank": 512}`, graph(grouped(8, 8))],
      [`{${llama}, ${heads}}`, graphFile({ ok: false, message: 'This is not a readable ONNX file: it is empty.' })],
    ],
  },
  'graph-contradicts-genai': {
    fires: [
      [
        '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx", "num_key_value_heads": |8|}}}',
        named('genai_config.json', graph(grouped(32, 4))),
      ],
      [
        '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx", "head_size": |128|}}}',
        named('genai_config.json', graph(cache(2, 2, 64))),
      ],
      [
        '{"search": {}, "model": {"type": "llama", "vocab_size": |99|, "decoder": {"filename": "model.onnx"}}}',
        named('genai_config.json', graph(logits(100))),
      ],
      [
        '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx", "num_hidden_layers": |1|}}}',
        named('genai_config.json', graph(cache(2, 2, 64))),
      ],
    ],
    silent: [
      [
        '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx", "num_attention_heads": 32, "num_key_value_heads": 4, "head_size": 64, "num_hidden_layers": 2}}}',
        named('genai_config.json', graph({ ...grouped(32, 4), ...cache(2, 4, 64) })),
      ],
      [
        '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "other.onnx", "num_key_value_heads": 8}}}',
        named('genai_config.json', graph(grouped(32, 4))),
      ],
    ],
  },
  'graph-unreadable': {
    fires: [
      [`|{|${llama}, ${heads}}`, graphFile({ ok: false, message: 'This is not a readable ONNX file: it is empty.' })],
      [
        '|{|"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx"}}}',
        named(
          'genai_config.json',
          graphFile({ ok: false, message: 'This is not a readable ONNX file: its fields are damaged.' }),
        ),
      ],
    ],
    silent: [
      [`{${llama}, ${heads}}`, graph(grouped(4, 2))],
      [`{${llama}, ${heads}}`, folder(['model.onnx'])],
    ],
  },
  'headscope-file': headscopeFileCases,
};

export const ruleCases = joined(cases, companionCases, jsonCases, nameCases);
