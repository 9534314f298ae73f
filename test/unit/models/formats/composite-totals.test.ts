import assert from 'node:assert/strict';
import { describeModel } from '../../../../models/formats/describe-model';
import { countParameters } from '../../../../models/formats/expected-tensors';

const llama31 = (hidden: number, size: number, layers: number, heads: number, vocabulary: number) => ({
  model_type: 'llama',
  hidden_size: hidden,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: 8,
  vocab_size: vocabulary,
});
const siglip = (image: number) => ({
  model_type: 'siglip_vision_model',
  hidden_size: 1152,
  image_size: image,
  intermediate_size: 4304,
  num_attention_heads: 16,
  num_hidden_layers: 27,
  patch_size: 14,
});
const internVit = {
  model_type: 'intern_vit_6b',
  hidden_size: 1024,
  image_size: 448,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  norm_type: 'layer_norm',
  qk_normalization: false,
  qkv_bias: true,
};
const mistralSmall = {
  model_type: 'mistral',
  hidden_size: 5120,
  intermediate_size: 32768,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 131072,
};
const pixtral = (image: number, patch: number) => ({
  model_type: 'pixtral',
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: image,
  patch_size: patch,
});
const flanT5Xl = {
  model_type: 't5',
  d_model: 2048,
  d_ff: 5120,
  d_kv: 64,
  num_layers: 24,
  num_decoder_layers: 24,
  num_heads: 32,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
};
const qwen3Vision = (output: number) => ({ model_type: 'qwen3_vl_moe', out_hidden_size: output });
const qwen3Moe = (hidden: number, experts: number, layers: number, heads: number) => ({
  model_type: 'qwen3_vl_moe_text',
  hidden_size: hidden,
  moe_intermediate_size: experts,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: 4,
  head_dim: 128,
  num_experts: 128,
  num_experts_per_tok: 8,
});
const deepSeekText = {
  hidden_size: 1280,
  intermediate_size: 6848,
  moe_intermediate_size: 896,
  num_hidden_layers: 12,
  num_attention_heads: 10,
  num_key_value_heads: 10,
  n_routed_experts: 64,
  n_shared_experts: 2,
  num_experts_per_tok: 6,
  first_k_dense_replace: 1,
  use_mla: false,
  kv_lora_rank: null,
  q_lora_rank: null,
  v_head_dim: 0,
  vocab_size: 129280,
};

/**
 * Published counts: the hub's own for the checkpoint (`total_parameters` of an index, or what the page of the model says),
 * copied in public lists of models (read on 2026-11-28); `index` where it is the size of the shards over the bytes of a number.
 */
const published: readonly (readonly [name: string, total: number, config: unknown])[] = [
  [
    'Llama 3.2 11B Vision',
    10_670_220_835,
    {
      architectures: ['MllamaForConditionalGeneration'],
      model_type: 'mllama',
      text_config: { model_type: 'mllama_text_model' },
      vision_config: { model_type: 'mllama_vision_model', image_size: 560 },
    },
  ],
  [
    'Mistral Small 3.1 24B',
    24_011_361_280,
    {
      architectures: ['Mistral3ForConditionalGeneration'],
      model_type: 'mistral3',
      text_config: mistralSmall,
      vision_config: pixtral(1540, 14),
    },
  ],
  [
    'Qwen3-VL 30B A3B',
    31_070_754_032,
    {
      architectures: ['Qwen3VLMoeForConditionalGeneration'],
      model_type: 'qwen3_vl_moe',
      text_config: qwen3Moe(2048, 768, 48, 32),
      vision_config: qwen3Vision(2048),
    },
  ],
  [
    'Qwen3-VL 235B A22B',
    235_670_022_896,
    {
      architectures: ['Qwen3VLMoeForConditionalGeneration'],
      model_type: 'qwen3_vl_moe',
      text_config: qwen3Moe(4096, 1536, 94, 64),
      vision_config: qwen3Vision(4096),
    },
  ],
  [
    'InternVL 2.5 1B',
    938_193_024,
    {
      architectures: ['InternVLChatModel'],
      model_type: 'internvl_chat',
      llm_config: {
        model_type: 'qwen2',
        hidden_size: 896,
        intermediate_size: 4864,
        num_hidden_layers: 24,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        vocab_size: 151674,
      },
      vision_config: internVit,
    },
  ],
  [
    'InternVL 2.5 4B',
    3_712_637_952,
    {
      architectures: ['InternVLChatModel'],
      model_type: 'internvl_chat',
      llm_config: {
        model_type: 'qwen2',
        hidden_size: 2048,
        intermediate_size: 11008,
        num_hidden_layers: 36,
        num_attention_heads: 16,
        num_key_value_heads: 2,
        vocab_size: 151674,
        tie_word_embeddings: false,
      },
      vision_config: internVit,
    },
  ],
  [
    'InternVL 1B, in the names of transformers',
    938_193_024,
    {
      architectures: ['InternVLForConditionalGeneration'],
      model_type: 'internvl',
      text_config: {
        model_type: 'qwen2',
        hidden_size: 896,
        intermediate_size: 4864,
        num_hidden_layers: 24,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        vocab_size: 151674,
      },
      vision_config: { model_type: 'internvl_vision', attention_bias: true },
    },
  ],
  [
    'BLIP-2 OPT 2.7B',
    3_744_761_856,
    {
      architectures: ['Blip2ForConditionalGeneration'],
      model_type: 'blip-2',
      text_config: {
        model_type: 'opt',
        hidden_size: 2560,
        word_embed_proj_dim: 2560,
        ffn_dim: 10240,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        vocab_size: 50304,
      },
      vision_config: {},
      qformer_config: {},
    },
  ],
  [
    // Index: 16,296,171,520 bytes of float32, in which the table of words stands twice more.
    'BLIP-2 FLAN-T5 XL',
    16_296_171_520 / 4 - 2 * 32128 * 2048,
    {
      architectures: ['Blip2ForConditionalGeneration'],
      model_type: 'blip-2',
      text_config: flanT5Xl,
      vision_config: {},
      qformer_config: {},
    },
  ],
  [
    'GIT base',
    176_619_066,
    {
      architectures: ['GitForCausalLM'],
      model_type: 'git',
      tie_word_embeddings: false,
      vision_config: { model_type: 'git_vision_model' },
    },
  ],
  [
    'TrOCR base',
    333_921_792,
    {
      architectures: ['VisionEncoderDecoderModel'],
      model_type: 'vision-encoder-decoder',
      tie_word_embeddings: false,
      decoder: { model_type: 'trocr', d_model: 1024, cross_attention_hidden_size: 768 },
      encoder: { model_type: 'vit', image_size: 384, qkv_bias: false },
    },
  ],
  [
    'Phi-3.5 Vision',
    4_146_621_440,
    {
      architectures: ['Phi3VForCausalLM'],
      model_type: 'phi3_v',
      hidden_size: 3072,
      intermediate_size: 8192,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      vocab_size: 32064,
      img_processor: { name: 'clip_vision_model', num_img_tokens: 144 },
      embd_layer: { projection_cls: 'mlp', use_hd_transform: true, with_learnable_separator: true },
    },
  ],
  [
    'Molmo 7B D',
    8_021_025_280,
    {
      architectures: ['MolmoForCausalLM'],
      model_type: 'molmo',
      embedding_size: 152064,
      vocab_size: 152064,
      hidden_size: 3584,
      intermediate_size: 37888,
      num_hidden_layers: 28,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      qkv_bias: true,
      tie_word_embeddings: false,
    },
  ],
  [
    'DeepSeek-OCR',
    3_336_106_240,
    {
      architectures: ['DeepseekOCRForCausalLM'],
      model_type: 'deepseek_vl_v2',
      language_config: deepSeekText,
      projector_config: { input_dim: 2048, n_embed: 1280, projector_type: 'linear' },
      vision_config: {
        width: {
          'clip-l-14-224': { heads: 16, image_size: 224, layers: 24, patch_size: 14, width: 1024 },
          sam_vit_b: { global_attn_indexes: [2, 5, 8, 11], heads: 12, layers: 12, width: 768 },
        },
      },
    },
  ],
  [
    'MiniCPM-V 2.6',
    8_099_175_152,
    {
      architectures: ['MiniCPMV'],
      model_type: 'minicpmv',
      version: 2.6,
      hidden_size: 3584,
      intermediate_size: 18944,
      num_hidden_layers: 28,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      vocab_size: 151666,
      vision_config: siglip(980),
    },
  ],
  [
    // Index: 34,148,369,344 bytes of float32.
    'MiniCPM-Llama3-V 2.5',
    34_148_369_344 / 4,
    {
      architectures: ['MiniCPMV'],
      ...llama31(4096, 14336, 32, 32, 128256),
      model_type: 'minicpmv',
      version: '2.5',
      query_num: 96,
      vision_config: { ...siglip(980), model_type: 'idefics2' },
    },
  ],
  [
    'Qwen-VL Chat',
    9_656_935_168,
    {
      architectures: ['QWenLMHeadModel'],
      model_type: 'qwen',
      hidden_size: 4096,
      intermediate_size: 22016,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      vocab_size: 151936,
      visual: {
        heads: 16,
        image_size: 448,
        layers: 48,
        mlp_ratio: 4.9231,
        output_dim: 4096,
        patch_size: 14,
        width: 1664,
      },
    },
  ],
  [
    // Index: 7,661,331,936 bytes of bfloat16, with a copy of the table of words as head.
    'LocateAnything 3B',
    7_661_331_936 / 2 - 152681 * 2048,
    {
      architectures: ['LocateAnythingForConditionalGeneration'],
      model_type: 'locateanything',
      text_config: {
        model_type: 'qwen2',
        hidden_size: 2048,
        intermediate_size: 11008,
        num_hidden_layers: 36,
        num_attention_heads: 16,
        num_key_value_heads: 2,
        vocab_size: 152681,
        tie_word_embeddings: true,
      },
      vision_config: { model_type: 'moonvit' },
    },
  ],
  [
    // Index: 17,437,028,876 bytes of float32.
    'xGen-MM 4B',
    17_437_028_876 / 4,
    {
      architectures: ['XGenMMModelForConditionalGeneration'],
      model_type: 'xgenmm',
      text_config: { model_type: 'phi3' },
      vision_encoder_config: { model_type: 'xgenmm_vision_encoder' },
    },
  ],
  [
    // Index: 18,816,477,184 bytes of bfloat16.
    'Fuyu 8B',
    18_816_477_184 / 2,
    { architectures: ['FuyuForCausalLM'], model_type: 'fuyu', text_config: { model_type: 'persimmon' } },
  ],
  [
    // Index: 16,794,189,824 bytes of bfloat16.
    'Qwen2-Audio 7B',
    16_794_189_824 / 2,
    {
      architectures: ['Qwen2AudioForConditionalGeneration'],
      model_type: 'qwen2_audio',
      text_config: { model_type: 'qwen2', intermediate_size: 11008, vocab_size: 156032 },
      audio_config: { model_type: 'qwen2_audio_encoder' },
    },
  ],
  [
    // Index: 11,542,566,912 bytes of bfloat16.
    'Higgs Audio v2 3B',
    11_542_566_912 / 2,
    {
      architectures: ['HiggsAudioModel'],
      model_type: 'higgs_audio',
      skip_audio_tower: true,
      audio_ffn_hidden_size: 3072,
      audio_ffn_intermediate_size: 8192,
      audio_dual_ffn_layers: Array.from({ length: 28 }, (_, index) => index),
      text_config: { ...llama31(3072, 8192, 28, 24, 128256), head_dim: 128, tie_word_embeddings: true },
    },
  ],
];

/**
 * Counted by hand from the published module definitions of transformers 4.57, since no exact count was at hand; each is what the
 * parts add up to, written out.
 */
const byHand: readonly (readonly [name: string, terms: readonly number[], config: unknown])[] = [
  [
    'BLIP base',
    [
      // Vision: class, 577 positions, patches of 16 x 16 with a bias, 12 layers of ViT-B, a norm.
      768 + 577 * 768 + (768 * 3 * 256 + 768) + 12 * (12 * 768 ** 2 + 13 * 768) + 2 * 768,
      // Text: words, positions, a norm; 12 layers with two attentions each.
      30524 * 768 + 512 * 768 + 2 * 768 + 12 * (16 * 768 ** 2 + (2 * 4 + 5 + 6) * 768),
      // Head: a layer, a norm, words with a bias.
      768 ** 2 + 3 * 768 + 30524 * 769,
    ],
    {
      architectures: ['BlipForConditionalGeneration'],
      model_type: 'blip',
      text_config: { model_type: 'blip_text_model', num_attention_heads: 12 },
      vision_config: { model_type: 'blip_vision_model' },
    },
  ],
  [
    'Voxtral Mini 3B',
    [
      // Whisper large's encoder: two convolutions, 1,500 positions, 32 layers whose keys have no bias, a norm.
      1280 * 128 * 3 + 1280 + (1280 * 1280 * 3 + 1280) + 1500 * 1280,
      32 * (4 * 1280 ** 2 + 3 * 1280 + 2 * 1280 * 5120 + 5120 + 1280 + 4 * 1280) + 2 * 1280,
      // Two layers without bias, the first from four positions.
      5120 * 3072 + 3072 ** 2,
      // Ministral: words and head, 30 layers, a norm.
      2 * 131072 * 3072 + 30 * (3072 * 128 * (2 * 32 + 2 * 8) + 3 * 3072 * 8192 + 2 * 3072) + 3072,
    ],
    {
      architectures: ['VoxtralForConditionalGeneration'],
      model_type: 'voxtral',
      text_config: { ...llama31(3072, 8192, 30, 32, 131072), head_dim: 128 },
      audio_config: { model_type: 'voxtral_encoder' },
    },
  ],
  [
    'ViT-GPT2, captions',
    [
      // ViT base of 224 pixels with its pooler, and GPT-2, both as published.
      86_389_248 + 124_439_808,
      // In 12 layers: keys and values together, queries, output, each with a bias, and a norm.
      12 * (768 * 1536 + 1536 + 2 * (768 ** 2 + 768) + 2 * 768),
    ],
    {
      architectures: ['VisionEncoderDecoderModel'],
      model_type: 'vision-encoder-decoder',
      tie_word_embeddings: false,
      decoder: { model_type: 'gpt2', add_cross_attention: true },
      encoder: { model_type: 'vit' },
    },
  ],
  [
    'Pixtral 12B',
    [
      // Tower: patches of 16 x 16 without bias, a norm, 24 gated layers without bias.
      1024 * 3 * 256 + 1024 + 24 * (4 * 1024 ** 2 + 3 * 1024 * 4096 + 2 * 1024),
      1024 * 5120 + 5120 + 5120 * 5120 + 5120,
      2 * 131072 * 5120 + 40 * (5120 * 128 * (2 * 32 + 2 * 8) + 3 * 5120 * 14336 + 2 * 5120) + 5120,
    ],
    {
      architectures: ['LlavaForConditionalGeneration'],
      model_type: 'llava',
      text_config: { ...mistralSmall, intermediate_size: 14336 },
      vision_config: pixtral(1024, 16),
    },
  ],
];

describe('parameters of several parts from the config alone', () => {
  const rows = [
    ...published,
    ...byHand.map(([name, terms, config]) => [name, terms.reduce((sum, term) => sum + term, 0), config] as const),
  ];
  for (const [name, total, config] of rows) {
    it(`${name}: ${total.toLocaleString('en-US')}`, () => {
      const model = describeModel(config);
      assert.deepEqual(model.problems, []);
      const counted = countParameters(model);
      assert.equal(counted?.total, total);
      assert.equal(
        counted.split.reduce((sum, { count }) => sum + count, 0),
        total,
      );
    });
  }
});
