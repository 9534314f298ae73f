/** Checkpoints of models of text as parts of larger ones, whose other parts do not run: the text part alone gives the same outputs. */
import { oneProjection, stacked } from './renamed-variants';
import { renamed, type Pair, type Tensors, type Variant } from './variant-tensors';

const tower = { model_type: 'clip_vision_model', hidden_size: 32, image_size: 32, patch_size: 16 };

/** Gate and up of each layer in one tensor, which begins with up. */
function upBesideGate(tensors: Tensors): void {
  for (const name of [...tensors.keys()])
    if (name.endsWith('mlp.gate_proj.weight'))
      stacked(tensors, [name.replace('gate', 'up'), name], name.replace('gate_proj', 'ff_proj'));
}

/** The prefixes of the names of a part's tensors, and of its layers. */
const inFlamingo = (layers: string) =>
  renamed([new RegExp(`${layers}\\.(\\d+)\\.`), `${layers}.$1.decoder_layer.`], [/^/, 'lang_encoder.']);

export const insideOthers: readonly Variant[] = [
  {
    of: 'llama--LlamaForCausalLM',
    what: 'inside VoxCPM',
    config: { model_type: 'voxcpm', architecture: 'voxcpm', residual_lm_num_layers: 1 },
    within: 'lm_config',
    inner: {
      ...{ model_type: 'minicpm', architectures: undefined, mlp_bias: undefined, use_mup: false },
      ...{ scale_emb: 12, scale_depth: 1.4, dim_model_base: 8 },
    },
    tensors: renamed([/^model\./, 'base_lm.']),
  },
  {
    of: 'llama--LlamaForCausalLM',
    what: 'inside OpenFlamingo',
    config: {
      ...{ model_type: 'flamingo', architectures: ['FlamingoForConditionalGeneration'], cross_attn_every_n_layers: 1 },
      vision_config: tower,
    },
    within: 'text_config',
    tensors: inFlamingo('layers'),
  },
  {
    of: 'falcon-7b--FalconForCausalLM--hard',
    what: 'inside OpenFlamingo',
    config: {
      ...{ model_type: 'flamingo', architectures: ['FlamingoForConditionalGeneration'], cross_attn_every_n_layers: 2 },
      vision_config: tower,
    },
    within: 'text_config',
    tensors: inFlamingo('h'),
  },
  {
    of: 'mistral--MistralForCausalLM',
    what: 'inside InfiMM',
    config: {
      ...{ model_type: 'infimm-zephyr', architectures: ['InfiMMZephyrModel'], cross_attn_every_n_layers: 2 },
      visual: { image_size: 336, layers: 2, width: 64, head_width: 64, patch_size: 14 },
    },
    within: 'language',
    tensors: inFlamingo('layers'),
  },
  {
    of: 'llama--LlamaForCausalLM',
    what: 'as the first LLaVA',
    config: {
      ...{ model_type: 'llava', architectures: ['LlavaLlamaForCausalLM'], mm_hidden_size: 1024 },
      ...{ mm_vision_tower: 'openai/clip-vit-large-patch14-336', mm_projector_type: 'mlp2x_gelu' },
    },
  },
  {
    of: 'phi3-longrope--Phi3ForCausalLM--hard',
    what: 'as Phi-4 Multimodal',
    config: { model_type: 'phi4mm', architectures: ['Phi4MMForCausalLM'], img_processor: {} },
    tensors: renamed([/(qkv_proj|o_proj|gate_up_proj|down_proj)\.weight$/, '$1.base_layer.weight']),
  },
  {
    of: 'llama--LlamaForCausalLM',
    what: 'inside Higgs Audio',
    config: { model_type: 'higgs_audio', architectures: ['HiggsAudioModel'], skip_audio_tower: true },
    within: 'text_config',
    tensors: renamed([/^model\./, ''], [/^lm_head/, 'audio_decoder_proj.text_lm_head']),
  },
  {
    of: 'qwen2--Qwen2ForCausalLM',
    what: 'inside VibeVoice',
    config: { model_type: 'vibevoice', architectures: ['VibeVoiceForConditionalGeneration'] },
    within: 'decoder_config',
    tensors: renamed([/^model\./, 'model.language_model.']),
  },
  {
    of: 'qwen3_moe--Qwen3MoeForCausalLM--hard',
    what: 'inside Qwen3-Omni',
    config: { model_type: 'qwen3_omni_moe', architectures: ['Qwen3OmniMoeForConditionalGeneration'] },
    within: 'text_config',
    inner: { model_type: 'qwen3_omni_moe_text' },
    tensors: renamed([/^/, 'thinker.']),
  },
];

export const pairsInsideOthers: readonly Pair[] = [
  {
    of: 'llama--LlamaForCausalLM',
    what: 'as CogVLM2',
    one: {
      config: {
        ...{ model_type: 'cogvlm2', architectures: ['CogVLMVideoForCausalLM'], num_multi_query_heads: 2 },
        ...{ num_key_value_heads: undefined, head_dim: undefined, rope_parameters: undefined, vision_config: tower },
        ...{ attention_bias: undefined, mlp_bias: undefined, pretraining_tp: undefined },
      },
      tensors: (tensors) => {
        oneProjection(tensors, 'language_expert_query_key_value');
        renamed([/self_attn\.o_proj/, 'self_attn.language_expert_dense'], [/mlp\./, 'mlp.language_mlp.'])(tensors);
      },
    },
    other: { config: { rope_parameters: { rope_theta: 500_000, rope_type: 'default' } } },
  },
  {
    of: 'qwen2--Qwen2ForCausalLM',
    what: 'as Molmo',
    one: {
      config: {
        ...{ model_type: 'molmo', architectures: ['MolmoForCausalLM'], layer_norm_type: 'rms', layer_norm_eps: 1e-6 },
        ...{ intermediate_size: 64, qkv_bias: true, rope_theta: 10_000, hidden_act: undefined },
        ...{ rms_norm_eps: undefined, rope_parameters: undefined, layer_types: undefined, sliding_window: undefined },
        ...{ max_window_layers: undefined, use_sliding_window: undefined },
      },
      tensors: (tensors) => {
        oneProjection(tensors, 'att_proj');
        upBesideGate(tensors);
        renamed(
          [/^model\.embed_tokens\.weight/, 'model.transformer.wte.embedding'],
          [/^model\.norm/, 'model.transformer.ln_f'],
          [/^lm_head/, 'model.transformer.ff_out'],
          [/^model\.layers\./, 'model.transformer.blocks.'],
          [/self_attn\.o_proj/, 'attn_out'],
          [/self_attn\./, ''],
          [/mlp\.ff_proj/, 'ff_proj'],
          [/mlp\.down_proj/, 'ff_out'],
          [/input_layernorm/, 'attn_norm'],
          [/post_attention_layernorm/, 'ff_norm'],
        )(tensors);
      },
    },
    other: { config: { hidden_act: 'silu' } },
  },
];
