import { strict as assert } from 'node:assert';
import { describeModel } from '../../../../models/formats/describe-model';
import { countParameters } from '../../../../models/formats/expected-tensors';

/** Sizes as published, written out; what is left out is the family's default. */
const llama = (architecture: string, model_type: string, sizes: readonly number[], more: object = {}): object => {
  const [vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads] =
    sizes;
  return {
    architectures: [architecture],
    model_type,
    vocab_size,
    hidden_size,
    intermediate_size,
    num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    ...more,
  };
};
const causal = (model_type: string, name: string, sizes: readonly number[], more: object = {}): object =>
  llama(`${name}ForCausalLM`, model_type, sizes, more);
const neox = (hidden: number, layers: number, heads: number, vocabulary: number): object =>
  causal('gpt_neox', 'GPTNeoX', [vocabulary, hidden, 4 * hidden, layers, heads, heads]);
const gpt2 = (hidden: number, layers: number, heads: number): object => ({
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  n_embd: hidden,
  n_layer: layers,
  n_head: heads,
});
const whisper = (width: number, layers: number, heads: number, more: object = {}): object => ({
  architectures: ['WhisperForConditionalGeneration'],
  model_type: 'whisper',
  d_model: width,
  encoder_layers: layers,
  decoder_layers: layers,
  encoder_attention_heads: heads,
  decoder_attention_heads: heads,
  encoder_ffn_dim: 4 * width,
  decoder_ffn_dim: 4 * width,
  ...more,
});
const t5 = (architecture: string, sizes: readonly number[], more: object = {}): object => {
  const [d_model, d_ff, num_layers, num_heads] = sizes;
  return { architectures: [architecture], model_type: 't5', d_model, d_ff, num_layers, num_heads, ...more };
};
const bertSizes = (architecture: string, layers: number, hidden: number, more: object = {}): object => ({
  architectures: [architecture],
  model_type: 'bert',
  num_hidden_layers: layers,
  hidden_size: hidden,
  num_attention_heads: hidden / 64,
  intermediate_size: 4 * hidden,
  ...more,
});
const clipVisionLarge = {
  model_type: 'clip_vision_model',
  hidden_size: 1024,
  intermediate_size: 4096,
  image_size: 336,
  patch_size: 14,
  num_hidden_layers: 24,
  num_attention_heads: 16,
};
const siglipSo400m = (image_size: number) => ({
  model_type: 'siglip_vision_model',
  hidden_size: 1152,
  intermediate_size: 4304,
  num_hidden_layers: 27,
  num_attention_heads: 16,
  patch_size: 14,
  image_size,
  vision_use_head: false,
});
const thousand = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [String(index), `class ${index}`]));

/** Totals as the hub, the model card or the paper's repository give them. */
const published: readonly (readonly [name: string, total: number, config: object])[] = [
  ['Llama 2 7B', 6_738_415_616, causal('llama', 'Llama', [32000, 4096, 11008, 32, 32, 32])],
  ['Llama 2 13B', 13_015_864_320, causal('llama', 'Llama', [32000, 5120, 13824, 40, 40, 40])],
  ['Llama 3.1 8B', 8_030_261_248, causal('llama', 'Llama', [128256, 4096, 14336, 32, 32, 8])],
  ['Llama 3.1 70B', 70_553_706_496, causal('llama', 'Llama', [128256, 8192, 28672, 80, 64, 8])],
  [
    'Llama 3.2 1B',
    1_235_814_400,
    causal('llama', 'Llama', [128256, 2048, 8192, 16, 32, 8], { tie_word_embeddings: true }),
  ],
  [
    'Llama 3.2 3B',
    3_212_749_824,
    causal('llama', 'Llama', [128256, 3072, 8192, 28, 24, 8], { tie_word_embeddings: true }),
  ],
  ['TinyLlama', 1_100_048_384, causal('llama', 'Llama', [32000, 2048, 5632, 22, 32, 4])],
  ['SmolLM2 135M', 134_515_008, causal('llama', 'Llama', [49152, 576, 1536, 30, 9, 3], { tie_word_embeddings: true })],
  ['Mistral 7B v0.1', 7_241_732_096, causal('mistral', 'Mistral', [32000, 4096, 14336, 32, 32, 8])],
  ['Mistral Nemo', 12_247_782_400, causal('mistral', 'Mistral', [131072, 5120, 14336, 40, 32, 8], { head_dim: 128 })],
  ['Mixtral 8x7B', 46_702_792_704, causal('mixtral', 'Mixtral', [32000, 4096, 14336, 32, 32, 8])],
  ['Mixtral 8x22B', 140_620_634_112, causal('mixtral', 'Mixtral', [32000, 6144, 16384, 56, 48, 8])],
  [
    'Qwen2.5 0.5B',
    494_032_768,
    causal('qwen2', 'Qwen2', [151936, 896, 4864, 24, 14, 2], { tie_word_embeddings: true }),
  ],
  ['Qwen2.5 7B', 7_615_616_512, causal('qwen2', 'Qwen2', [152064, 3584, 18944, 28, 28, 4])],
  ['Qwen3 0.6B', 596_049_920, causal('qwen3', 'Qwen3', [151936, 1024, 3072, 28, 16, 8], { tie_word_embeddings: true })],
  ['Qwen3 8B', 8_190_735_360, causal('qwen3', 'Qwen3', [151936, 4096, 12288, 36, 32, 8])],
  ['Qwen1.5 MoE A2.7B', 14_315_784_192, causal('qwen2_moe', 'Qwen2Moe', [151936, 2048, 5632, 24, 16, 16])],
  [
    'Qwen3 30B A3B',
    30_532_122_624,
    causal('qwen3_moe', 'Qwen3Moe', [151936, 2048, 6144, 48, 32, 4], { head_dim: 128 }),
  ],
  ['Gemma 2B', 2_506_172_416, causal('gemma', 'Gemma', [256000, 2048, 16384, 18, 8, 1])],
  ['Gemma 7B', 8_537_680_896, causal('gemma', 'Gemma', [256000, 3072, 24576, 28, 16, 16])],
  ['Gemma 2 2B', 2_614_341_888, causal('gemma2', 'Gemma2', [256000, 2304, 9216, 26, 8, 4])],
  ['Gemma 2 9B', 9_241_705_984, causal('gemma2', 'Gemma2', [256000, 3584, 14336, 42, 16, 8])],
  ['Gemma 3 1B', 999_885_952, causal('gemma3_text', 'Gemma3', [262144, 1152, 6912, 26, 4, 1])],
  [
    'Gemma 3 4B',
    4_300_079_472,
    {
      architectures: ['Gemma3ForConditionalGeneration'],
      model_type: 'gemma3',
      text_config: { model_type: 'gemma3_text', hidden_size: 2560, intermediate_size: 10240, num_hidden_layers: 34 },
      vision_config: siglipSo400m(896),
    },
  ],
  ['Phi-1.5', 1_418_270_720, causal('phi', 'Phi', [51200, 2048, 8192, 24, 32, 32])],
  ['Phi-2', 2_779_683_840, causal('phi', 'Phi', [51200, 2560, 10240, 32, 32, 32])],
  ['Phi-3 mini', 3_821_079_552, causal('phi3', 'Phi3', [32064, 3072, 8192, 32, 32, 32])],
  ['Phi-4', 14_659_507_200, causal('phi3', 'Phi3', [100352, 5120, 17920, 40, 40, 10])],
  ['GPT-2', 124_439_808, gpt2(768, 12, 12)],
  ['GPT-2 medium', 354_823_168, gpt2(1024, 24, 16)],
  ['GPT-2 large', 774_030_080, gpt2(1280, 36, 20)],
  ['GPT-2 XL', 1_557_611_200, gpt2(1600, 48, 25)],
  ['GPT-J 6B', 6_050_882_784, { architectures: ['GPTJForCausalLM'], model_type: 'gptj' }],
  ['Pythia 160M', 162_322_944, neox(768, 12, 12, 50304)],
  ['Pythia 410M', 405_334_016, neox(1024, 24, 16, 50304)],
  ['Pythia 6.9B', 6_857_302_016, neox(4096, 32, 32, 50432)],
  ['GPT-NeoX 20B', 20_554_567_680, neox(6144, 44, 64, 50432)],
  ['OPT 125M', 125_239_296, { architectures: ['OPTForCausalLM'], model_type: 'opt' }],
  [
    'OPT 350M',
    331_196_416,
    {
      architectures: ['OPTForCausalLM'],
      model_type: 'opt',
      hidden_size: 1024,
      num_hidden_layers: 24,
      ffn_dim: 4096,
      num_attention_heads: 16,
      word_embed_proj_dim: 512,
      do_layer_norm_before: false,
    },
  ],
  [
    'BLOOM 560M',
    559_214_592,
    { architectures: ['BloomForCausalLM'], model_type: 'bloom', n_embed: 1024, n_layer: 24, num_attention_heads: 16 },
  ],
  [
    'BLOOM 176B',
    176_247_271_424,
    { architectures: ['BloomForCausalLM'], model_type: 'bloom', n_embed: 14336, n_layer: 70, num_attention_heads: 112 },
  ],
  ['Falcon 7B', 6_921_720_704, { architectures: ['FalconForCausalLM'], model_type: 'falcon' }],
  [
    'MPT 7B',
    6_649_286_656,
    {
      architectures: ['MPTForCausalLM'],
      model_type: 'mpt',
      d_model: 4096,
      n_heads: 32,
      n_layers: 32,
      vocab_size: 50432,
    },
  ],
  // Counted by hand: its card says 1.3 billion.
  [
    'MPT 1B',
    1_311_442_944,
    {
      ...{ architectures: ['MosaicGPT'], model_type: 'mosaic_gpt', d_model: 2048, n_heads: 16, n_layers: 24 },
      ...{ vocab_size: 50432, no_bias: true, alibi: true, attn_qk_ln: true },
    },
  ],
  ['StarCoder2 3B', 3_030_371_328, causal('starcoder2', 'Starcoder2', [49152, 3072, 12288, 30, 24, 2])],
  ['OLMo 1B', 1_176_764_416, causal('olmo', 'Olmo', [50304, 2048, 8192, 16, 16, 16], { tie_word_embeddings: true })],
  ['OLMo 2 7B', 7_298_617_344, causal('olmo2', 'Olmo2', [100352, 4096, 11008, 32, 32, 32])],
  [
    'Granite 3.1 1B A400M',
    1_334_628_352,
    causal('granitemoe', 'GraniteMoe', [49155, 1024, 512, 24, 16, 8], {
      num_local_experts: 32,
      num_experts_per_tok: 8,
      tie_word_embeddings: true,
    }),
  ],
  ['Command R', 34_980_831_232, causal('cohere', 'Cohere', [256000, 8192, 22528, 40, 64, 64])],
  [
    'StableLM 2 1.6B',
    1_644_515_328,
    causal('stablelm', 'StableLm', [100352, 2048, 5632, 24, 32, 32], { use_qkv_bias: true }),
  ],
  ['StableLM 3B', 2_795_443_200, causal('stablelm', 'StableLm', [50304, 2560, 6912, 32, 32, 32])],
  [
    'DeepSeek-V2 Lite',
    15_706_484_224,
    causal('deepseek_v2', 'DeepseekV2', [102400, 2048, 10944, 27, 16, 16], {
      q_lora_rank: null,
      moe_intermediate_size: 1408,
      n_shared_experts: 2,
      n_routed_experts: 64,
      num_experts_per_tok: 6,
      first_k_dense_replace: 1,
    }),
  ],
  ['DeepSeek-V3', 671_026_419_200, { architectures: ['DeepseekV3ForCausalLM'], model_type: 'deepseek_v3' }],
  [
    'GPT-OSS 20B',
    20_914_757_184,
    { architectures: ['GptOssForCausalLM'], model_type: 'gpt_oss', num_hidden_layers: 24, num_local_experts: 32 },
  ],
  ['GPT-OSS 120B', 116_829_156_672, { architectures: ['GptOssForCausalLM'], model_type: 'gpt_oss' }],
  ['Jamba v0.1', 51_570_323_328, { architectures: ['JambaForCausalLM'], model_type: 'jamba' }],
  ['Mamba 130M', 129_135_360, { architectures: ['MambaForCausalLM'], model_type: 'mamba', num_hidden_layers: 24 }],
  ['BERT base uncased', 109_482_240, bertSizes('BertModel', 12, 768)],
  ['BERT base uncased, masked LM', 109_514_298, bertSizes('BertForMaskedLM', 12, 768)],
  ['BERT large uncased', 335_141_888, bertSizes('BertModel', 24, 1024)],
  [
    'RoBERTa base',
    124_645_632,
    { architectures: ['RobertaModel'], model_type: 'roberta', max_position_embeddings: 514, type_vocab_size: 1 },
  ],
  ['DistilBERT', 66_362_880, { architectures: ['DistilBertModel'], model_type: 'distilbert' }],
  ['ModernBERT base', 149_655_232, { architectures: ['ModernBertForMaskedLM'], model_type: 'modernbert' }],
  ['T5 small', 60_506_624, t5('T5ForConditionalGeneration', [512, 2048, 6, 8])],
  ['T5 base', 222_903_552, t5('T5ForConditionalGeneration', [768, 3072, 12, 12])],
  [
    'FLAN-T5 small',
    76_961_152,
    t5('T5ForConditionalGeneration', [512, 1024, 8, 6], {
      feed_forward_proj: 'gated-gelu',
      tie_word_embeddings: false,
    }),
  ],
  [
    'FLAN-T5 base',
    247_577_856,
    t5('T5ForConditionalGeneration', [768, 2048, 12, 12], {
      feed_forward_proj: 'gated-gelu',
      tie_word_embeddings: false,
    }),
  ],
  ['BART large', 406_291_456, { architectures: ['BartModel'], model_type: 'bart' }],
  [
    'BART base',
    139_420_416,
    {
      architectures: ['BartModel'],
      model_type: 'bart',
      d_model: 768,
      encoder_layers: 6,
      decoder_layers: 6,
      encoder_ffn_dim: 3072,
      decoder_ffn_dim: 3072,
      encoder_attention_heads: 12,
      decoder_attention_heads: 12,
    },
  ],
  [
    'NLLB 600M',
    615_073_792,
    { architectures: ['M2M100ForConditionalGeneration'], model_type: 'm2m_100', vocab_size: 256206 },
  ],
  ['Whisper tiny', 37_760_640, whisper(384, 4, 6)],
  ['Whisper base', 72_593_920, whisper(512, 6, 8)],
  ['Whisper small', 241_734_912, whisper(768, 12, 12)],
  ['Whisper large v3', 1_543_490_560, whisper(1280, 32, 20, { vocab_size: 51866, num_mel_bins: 128 })],
  ['ViT base 16', 86_567_656, { architectures: ['ViTForImageClassification'], model_type: 'vit', id2label: thousand }],
  [
    'DeiT base',
    87_338_192,
    { architectures: ['DeiTForImageClassificationWithTeacher'], model_type: 'deit', id2label: thousand },
  ],
  ['DINOv2 base', 86_580_480, { architectures: ['Dinov2Model'], model_type: 'dinov2', image_size: 518 }],
  [
    'CLIP base 32',
    151_277_313,
    { architectures: ['CLIPModel'], model_type: 'clip', text_config: {}, vision_config: {} },
  ],
  [
    'SigLIP base 16',
    203_155_970,
    { architectures: ['SiglipModel'], model_type: 'siglip', text_config: {}, vision_config: {} },
  ],
  [
    'SigLIP so400m 384',
    877_960_498,
    {
      architectures: ['SiglipModel'],
      model_type: 'siglip',
      text_config: { hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, num_attention_heads: 16 },
      vision_config: { ...siglipSo400m(384), vision_use_head: true },
    },
  ],
  [
    'LLaVA 1.5 7B',
    7_063_427_072,
    {
      architectures: ['LlavaForConditionalGeneration'],
      model_type: 'llava',
      text_config: { model_type: 'llama', vocab_size: 32064, max_position_embeddings: 4096 },
      vision_config: clipVisionLarge,
    },
  ],
  [
    'PaliGemma 3B 224',
    2_923_466_480,
    {
      architectures: ['PaliGemmaForConditionalGeneration'],
      model_type: 'paligemma',
      projection_dim: 2048,
      text_config: {
        model_type: 'gemma',
        hidden_size: 2048,
        intermediate_size: 16384,
        num_attention_heads: 8,
        num_hidden_layers: 18,
        num_key_value_heads: 1,
        vocab_size: 257216,
      },
      vision_config: siglipSo400m(224),
    },
  ],
  [
    'SmolVLM',
    2_246_272_880,
    {
      architectures: ['Idefics3ForConditionalGeneration'],
      model_type: 'idefics3',
      scale_factor: 3,
      tie_word_embeddings: false,
      text_config: {
        model_type: 'llama',
        hidden_size: 2048,
        intermediate_size: 8192,
        num_attention_heads: 32,
        num_hidden_layers: 24,
        num_key_value_heads: 32,
        vocab_size: 49155,
      },
      vision_config: {
        model_type: 'idefics3',
        hidden_size: 1152,
        image_size: 384,
        intermediate_size: 4304,
        num_hidden_layers: 27,
        patch_size: 14,
      },
    },
  ],
  [
    'Qwen2-VL 2B',
    2_208_985_600,
    {
      ...llama('Qwen2VLForConditionalGeneration', 'qwen2_vl', [151936, 1536, 8960, 28, 12, 2], {
        tie_word_embeddings: true,
      }),
      vision_config: { embed_dim: 1280, hidden_size: 1536 },
    },
  ],
  [
    'Qwen2-VL 7B',
    8_291_375_616,
    {
      ...llama('Qwen2VLForConditionalGeneration', 'qwen2_vl', [152064, 3584, 18944, 28, 28, 4]),
      vision_config: { embed_dim: 1280, hidden_size: 3584 },
    },
  ],
  [
    'Qwen2.5-VL 7B',
    8_292_166_656,
    {
      ...llama('Qwen2_5_VLForConditionalGeneration', 'qwen2_5_vl', [152064, 3584, 18944, 28, 28, 4]),
      vision_config: { hidden_size: 1280, intermediate_size: 3420, out_hidden_size: 3584 },
    },
  ],
];

describe('parameters from the config alone', () => {
  for (const [name, total, config] of published) {
    it(`${name}: ${total.toLocaleString('en-US')}`, () => {
      const model = describeModel(config);
      assert.deepEqual(model.problems, []);
      assert.equal(countParameters(model)?.total, total);
    });
  }

  it('splits without a rest', () => {
    for (const [name, total, config] of published) {
      const counted = countParameters(describeModel(config));
      assert.equal(
        counted?.split.reduce((sum, { count }) => sum + count, 0),
        total,
        name,
      );
    }
  });

  const active: readonly (readonly [name: string, billions: number, config: string])[] = [
    ['Mixtral 8x7B', 12.9, 'Mixtral 8x7B'],
    ['Qwen3 30B A3B', 3.35, 'Qwen3 30B A3B'],
    ['GPT-OSS 120B', 5.71, 'GPT-OSS 120B'],
    ['DeepSeek-V3', 37.6, 'DeepSeek-V3'],
  ];
  for (const [name, billions, key] of active) {
    it(`${name} uses ${billions} billion of them for a token`, () => {
      const config = published.find(([candidate]) => candidate === key)?.[2];
      const counted = countParameters(describeModel(config));
      assert.ok(Math.abs((counted?.active ?? 0) / 1e9 - billions) < 0.05, String(counted?.active));
    });
  }
});
