import { strict as assert } from 'node:assert';
import { describeModel } from '../../../../models/formats/describe-model';
import { countParameters } from '../../../../models/formats/expected-tensors';

const names = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), `class ${index}`]));
const causal = (model_type: string, name: string, more: object): object => ({
  architectures: [`${name}ForCausalLM`],
  model_type,
  ...more,
});
/** `mamba` everywhere but at these layers. */
const mixersBut = (count: number, word: string, ...at: readonly number[]): readonly string[] =>
  Array.from({ length: count }, (_, index) => (at.includes(index) ? word : 'mamba'));
const shortConvolutionsBut = (count: number, ...at: readonly number[]): readonly string[] =>
  Array.from({ length: count }, (_, index) => (at.includes(index) ? 'full_attention' : 'conv'));

const deberta = { relative_attention: true, position_biased_input: false, pos_att_type: 'c2p|p2c' };
const debertaV3 = {
  ...deberta,
  model_type: 'deberta-v2',
  hidden_size: 768,
  num_attention_heads: 12,
  intermediate_size: 3072,
  pos_att_type: ['p2c', 'c2p'],
  position_buckets: 256,
  share_att_key: true,
  norm_rel_ebd: 'layer_norm',
};
const speechLarge = {
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  intermediate_size: 4096,
  conv_bias: true,
  feat_extract_norm: 'layer',
};
const nano30 = {
  hidden_size: 2688,
  num_attention_heads: 32,
  num_key_value_heads: 2,
  intermediate_size: 1856,
  mamba_num_heads: 64,
  n_routed_experts: 128,
  num_experts_per_tok: 6,
  moe_intermediate_size: 1856,
  moe_shared_expert_intermediate_size: 3712,
  hybrid_override_pattern: 'MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME',
};

/**
 * Totals as hubs, model cards, papers or other implementations give them: transformers' `num_parameters` of the published
 * checkpoints, timm's model table, torchvision's weights, the formulas of the RWKV papers. BigBird's is counted by hand:
 * (50,358 + 4,096 + 4) x 768 of embedding and norm, twelve of BERT's layers of 7,087,872, a pooler of 590,592.
 */
const published: readonly (readonly [name: string, total: number, config: object])[] = [
  [
    'RWKV-4 169M',
    169_342_464,
    causal('rwkv', 'Rwkv', {
      hidden_size: 768,
      num_hidden_layers: 12,
      attention_hidden_size: 768,
      intermediate_size: 3072,
    }),
  ],
  // arXiv:2404.05892, table 13 of sizes: 13 d^2 l + 14 d l + 4 d + 2 d v.
  [
    'Eagle (RWKV-5) 1.5B',
    13 * 2048 ** 2 * 24 + 14 * 2048 * 24 + 4 * 2048 + 2 * 2048 * 65536,
    causal('rwkv5', 'Rwkv5', { hidden_size: 2048, num_hidden_layers: 24 }),
  ],
  // The same with 464 d l, for ranks of 32 and 64.
  [
    'Finch (RWKV-6) 1.6B',
    13 * 2048 ** 2 * 24 + 464 * 2048 * 24 + 4 * 2048 + 2 * 2048 * 65536,
    causal('rwkv6', 'Rwkv6', { hidden_size: 2048, num_hidden_layers: 24 }),
  ],
  [
    'Mamba-2 130M',
    128_989_632,
    causal('mamba2', 'Mamba2', {
      hidden_size: 768,
      num_hidden_layers: 24,
      num_heads: 24,
      n_groups: 1,
      vocab_size: 50288,
      tie_word_embeddings: true,
    }),
  ],
  [
    'Falcon Mamba 7B',
    7_272_665_088,
    causal('falcon_mamba', 'FalconMamba', {
      hidden_size: 4096,
      num_hidden_layers: 64,
      intermediate_size: 8192,
      expand: 16,
      vocab_size: 65024,
      time_step_rank: 256,
      tie_word_embeddings: false,
    }),
  ],
  [
    'RecurrentGemma 2B',
    2_682_862_080,
    causal('recurrent_gemma', 'RecurrentGemma', { num_key_value_heads: 1, intermediate_size: 15360 }),
  ],
  [
    'LFM2 350M',
    354_483_968,
    causal('lfm2', 'Lfm2', {
      hidden_size: 1024,
      num_hidden_layers: 16,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      block_ff_dim: 6656,
      full_attn_idxs: [2, 5, 8, 10, 12, 14],
    }),
  ],
  [
    'LFM2 1.2B',
    1_170_340_608,
    causal('lfm2', 'Lfm2', {
      hidden_size: 2048,
      num_hidden_layers: 16,
      layer_types: shortConvolutionsBut(16, 2, 5, 8, 10, 12, 14),
    }),
  ],
  // transformers counts 8,339,929,856: the biases of its 22 routers are buffers there, and are stored.
  [
    'LFM2 8B A1B',
    8_339_929_856 + 22 * 32,
    causal('lfm2_moe', 'Lfm2Moe', {
      num_hidden_layers: 24,
      layer_types: shortConvolutionsBut(24, 2, 6, 10, 14, 18, 21),
    }),
  ],
  [
    'Granite 4.0 H Tiny',
    6_939_037_248,
    causal('granitemoehybrid', 'GraniteMoeHybrid', {
      hidden_size: 1536,
      num_hidden_layers: 40,
      num_attention_heads: 12,
      num_key_value_heads: 4,
      intermediate_size: 512,
      num_local_experts: 64,
      num_experts_per_tok: 6,
      mamba_n_heads: 48,
      mamba_d_head: 64,
      mamba_d_state: 128,
      vocab_size: 100352,
      tie_word_embeddings: true,
      position_embedding_type: 'nope',
      layer_types: mixersBut(40, 'attention', 5, 15, 25, 35),
    }),
  ],
  [
    'Falcon-H1 0.5B',
    521_411_104,
    causal('falcon_h1', 'FalconH1', {
      hidden_size: 1024,
      num_hidden_layers: 36,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 64,
      intermediate_size: 2048,
      mamba_d_ssm: 1536,
      mamba_n_heads: 24,
      mamba_d_head: 64,
      mamba_d_state: 128,
      vocab_size: 32784,
    }),
  ],
  [
    'Nemotron Nano 9B v2',
    8_888_227_328,
    causal('nemotron_h', 'NemotronH', {
      hidden_size: 4480,
      num_attention_heads: 40,
      intermediate_size: 15680,
      mamba_head_dim: 80,
      hybrid_override_pattern: 'M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-',
    }),
  ],
  // `total_parameters` of its index counts the biases of the 23 routers as buffers; they are stored.
  ['Nemotron 3 Nano 30B A3B', 31_577_937_344 + 23 * 128, causal('nemotron_h', 'NemotronH', nano30)],
  [
    'ALBERT base v1',
    11_683_584,
    {
      architectures: ['AlbertModel'],
      model_type: 'albert',
      hidden_size: 768,
      num_attention_heads: 12,
      intermediate_size: 3072,
    },
  ],
  [
    'ALBERT base, masked LM',
    11_221_680,
    {
      architectures: ['AlbertForMaskedLM'],
      model_type: 'albert',
      hidden_size: 768,
      num_attention_heads: 12,
      intermediate_size: 3072,
    },
  ],
  ['MPNet base', 109_486_464, { architectures: ['MPNetModel'], model_type: 'mpnet', max_position_embeddings: 514 }],
  ['DPR context encoder', 108_891_648, { architectures: ['DPRContextEncoder'], model_type: 'dpr' }],
  [
    'Longformer base 4096',
    148_659_456,
    {
      architectures: ['LongformerModel'],
      model_type: 'longformer',
      vocab_size: 50265,
      type_vocab_size: 1,
      max_position_embeddings: 4098,
    },
  ],
  ['BigBird base', 127_468_800, { architectures: ['BigBirdModel'], model_type: 'big_bird' }],
  [
    'MobileBERT',
    24_581_888,
    { architectures: ['MobileBertModel'], model_type: 'mobilebert', classifier_activation: false },
  ],
  ['DeBERTa base', 138_601_728, { architectures: ['DebertaModel'], model_type: 'deberta', ...deberta }],
  [
    'DeBERTa v3 base',
    183_831_552,
    { ...debertaV3, architectures: ['DebertaV2Model'], num_hidden_layers: 12, pos_att_type: 'p2c|c2p' },
  ],
  ['DeBERTa v3 small', 141_304_320, { ...debertaV3, architectures: ['DebertaV2Model'], num_hidden_layers: 6 }],
  [
    'DeBERTa v3 large',
    434_012_160,
    {
      ...debertaV3,
      architectures: ['DebertaV2Model'],
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      intermediate_size: 4096,
    },
  ],
  [
    'XLNet base cased',
    116_718_336,
    {
      architectures: ['XLNetModel'],
      model_type: 'xlnet',
      d_model: 768,
      n_layer: 12,
      n_head: 12,
      d_head: 64,
      d_inner: 3072,
    },
  ],
  [
    'GTE large v1.5',
    434_139_136,
    {
      architectures: ['NewModel'],
      model_type: 'new',
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      intermediate_size: 4096,
      type_vocab_size: 2,
      max_position_embeddings: 8192,
    },
  ],
  ['wav2vec 2.0 base', 95_044_608, { architectures: ['Wav2Vec2ForPreTraining'], model_type: 'wav2vec2' }],
  ['wav2vec 2.0 base 960h', 94_396_320, { architectures: ['Wav2Vec2ForCTC'], model_type: 'wav2vec2' }],
  ['HuBERT base', 94_371_712, { architectures: ['HubertModel'], model_type: 'hubert' }],
  ['HuBERT large', 315_438_720, { architectures: ['HubertModel'], model_type: 'hubert', ...speechLarge }],
  ['WavLM base plus', 94_381_936, { architectures: ['WavLMModel'], model_type: 'wavlm' }],
  [
    'Swin tiny',
    28_288_354,
    { architectures: ['SwinForImageClassification'], model_type: 'swin', id2label: names(1000) },
  ],
  [
    'Swin base 384',
    87_903_584,
    {
      architectures: ['SwinForImageClassification'],
      model_type: 'swin',
      id2label: names(1000),
      image_size: 384,
      window_size: 12,
      embed_dim: 128,
      depths: [2, 2, 18, 2],
      num_heads: [4, 8, 16, 32],
    },
  ],
  [
    'Swin v2 tiny, window 8',
    28_347_154,
    {
      architectures: ['Swinv2ForImageClassification'],
      model_type: 'swinv2',
      id2label: names(1000),
      image_size: 256,
      window_size: 8,
    },
  ],
  [
    'BEiT base 16',
    86_530_984,
    {
      architectures: ['BeitForImageClassification'],
      model_type: 'beit',
      id2label: names(1000),
      use_relative_position_bias: true,
    },
  ],
  [
    'SegFormer B0 on ADE',
    3_752_694,
    { architectures: ['SegformerForSemanticSegmentation'], model_type: 'segformer', id2label: names(150) },
  ],
  ['ViT MAE base', 111_907_840, { architectures: ['ViTMAEForPreTraining'], model_type: 'vit_mae' }],
  [
    'DINOv2 base with registers',
    86_583_552,
    {
      architectures: ['Dinov2WithRegistersModel'],
      model_type: 'dinov2_with_registers',
      image_size: 518,
      patch_size: 14,
    },
  ],
  [
    'ResNet-50',
    25_557_032,
    { architectures: ['ResNetForImageClassification'], model_type: 'resnet', id2label: names(1000) },
  ],
  [
    'ResNet-18',
    11_689_512,
    {
      architectures: ['ResNetForImageClassification'],
      model_type: 'resnet',
      id2label: names(1000),
      depths: [2, 2, 2, 2],
      hidden_sizes: [64, 128, 256, 512],
      layer_type: 'basic',
    },
  ],
  // 41,302,368 in the repository of DETR, which counts what is trained: its first convolution (9,408) and stage (212,992) are not.
  [
    'DETR R50',
    41_302_368 + 9_408 + 212_992,
    { architectures: ['DetrForObjectDetection'], model_type: 'detr', id2label: names(91) },
  ],
  [
    'Pegasus XSum',
    568_699_904,
    {
      architectures: ['PegasusForConditionalGeneration'],
      model_type: 'pegasus',
      encoder_layers: 16,
      decoder_layers: 16,
      vocab_size: 96103,
    },
  ],
  // 74,410,496 in transformers, which counts two tables of sines (512 x 512) that are computed.
  [
    'OPUS-MT en-de',
    74_410_496 - 2 * 512 * 512,
    {
      architectures: ['MarianMTModel'],
      model_type: 'marian',
      d_model: 512,
      encoder_layers: 6,
      decoder_layers: 6,
      encoder_ffn_dim: 2048,
      decoder_ffn_dim: 2048,
      encoder_attention_heads: 8,
      decoder_attention_heads: 8,
      max_position_embeddings: 512,
    },
  ],
  [
    'ChatGLM2 6B',
    6_243_584_000,
    {
      architectures: ['ChatGLMModel'],
      model_type: 'chatglm',
      add_qkv_bias: true,
      add_bias_linear: false,
      ffn_hidden_size: 13696,
      hidden_size: 4096,
      kv_channels: 128,
      multi_query_attention: true,
      multi_query_group_num: 2,
      num_attention_heads: 32,
      num_layers: 28,
      padded_vocab_size: 65024,
      rmsnorm: true,
    },
  ],
];

describe('parameters from the config alone, of encoders, hybrids and towers', () => {
  for (const [name, total, config] of published) {
    it(`${name}: ${total.toLocaleString('en-US')}`, () => {
      const model = describeModel(config);
      assert.deepEqual(model.problems, []);
      assert.equal(model.exact, true);
      const counted = countParameters(model);
      assert.equal(counted?.total, total);
      assert.equal(
        counted.split.reduce((sum, { count }) => sum + count, 0),
        total,
        'splits without a rest',
      );
    });
  }

  it('ELECTRA small, counted by hand', () => {
    const words = 30522 * 128 + 512 * 128 + 2 * 128 + 2 * 128;
    const wider = 128 * 256 + 256;
    const layer = 4 * (256 * 256 + 256) + 2 * (2 * 256) + 256 * 1024 + 1024 + 1024 * 256 + 256;
    const discriminator = 256 * 256 + 256 + 256 + 1;
    const model = describeModel({ architectures: ['ElectraForPreTraining'], model_type: 'electra' });
    assert.equal(countParameters(model)?.total, words + wider + 12 * layer + discriminator);
  });

  it('LayoutLMv3 base, counted by hand', () => {
    // 125,326,976: words, places of four kinds, patches, BERT's layers and three tables of bias.
    const words = 50265 * 768 + 514 * 768 + 768 + 2 * 768 + 4 * 1024 * 128;
    const patches = 768 * 3 * 16 * 16 + 768 + 768 + 197 * 768 + 2 * (2 * 768);
    const layer = 4 * (768 * 768 + 768) + 2 * (2 * 768) + 768 * 3072 + 3072 + 3072 * 768 + 768;
    const model = describeModel({
      model_type: 'layoutlmv3',
      max_position_embeddings: 514,
      type_vocab_size: 1,
    });
    assert.equal(countParameters(model)?.total, words + patches + 12 * layer + 12 * (32 + 2 * 64));
  });

  // Model cards round: 31.6B of which 3.6B are active, 550B of which 55B without the embedding.
  const rounded: readonly (readonly [name: string, total: number, active: number, config: object])[] = [
    ['Nemotron 3 Nano', 31.6, 3.6, causal('nemotron_h', 'NemotronH', nano30)],
    [
      'Nemotron 3 Ultra',
      549.3,
      55 + (131072 * 8192) / 1e9,
      causal('nemotron_h', 'NemotronH', {
        hidden_size: 8192,
        num_attention_heads: 64,
        num_key_value_heads: 2,
        mamba_num_heads: 256,
        n_routed_experts: 512,
        num_experts_per_tok: 22,
        moe_intermediate_size: 5120,
        moe_shared_expert_intermediate_size: 10240,
        moe_latent_size: 2048,
        layers_block_type: [
          ...Array.from({ length: 48 }, () => ['mamba', 'moe']).flat(),
          ...Array.from({ length: 12 }, () => 'attention'),
        ],
      }),
    ],
  ];
  for (const [name, total, active, config] of rounded) {
    it(`${name}: ${total} billion, ${active.toFixed(1)} for a token`, () => {
      const counted = countParameters(describeModel(config));
      assert.ok(Math.abs((counted?.total ?? 0) / 1e9 - total) < 0.05, String(counted?.total));
      assert.ok(Math.abs((counted?.active ?? 0) / 1e9 - active) < 0.1, String(counted?.active));
    });
  }

  it('a head that is not known here leaves the whole inexact', () => {
    for (const [model_type, name] of [
      ['segformer', 'SegformerDecodeHead'],
      ['beit', 'BeitForMaskedImageModeling'],
      ['wav2vec2', 'Wav2Vec2ForXVector'],
      ['detr', 'DetrForSegmentation'],
      ['bert', 'BertForMultipleChoice'],
      ['xlnet', 'XLNetForQuestionAnswering'],
    ]) {
      const model = describeModel({ model_type, architectures: [name] });
      assert.equal(model.exact, false, name);
      assert.equal(countParameters(model), undefined, name);
    }
    assert.equal(describeModel({ model_type: 'wav2vec2', add_adapter: true }).exact, false);
  });
});
