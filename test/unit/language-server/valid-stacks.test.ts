import assert from 'node:assert/strict';
import { attentionWords } from '../../../language-server/service/part-facts';
import { describeModel } from '../../../models/formats/describe-model';
import { expectedTensors, tensorNames } from '../../../models/formats/expected-tensors';
import { findingsOf, folder, shard } from './caret';

const mixers = (count: number, word: string, ...at: readonly number[]): readonly string[] =>
  Array.from({ length: count }, (_, index) => (at.includes(index) ? word : 'mamba'));
const sound = {
  feat_extract_norm: 'group',
  conv_dim: [512, 512, 512, 512, 512, 512, 512],
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
  num_feat_extract_layers: 7,
  num_conv_pos_embeddings: 128,
  num_conv_pos_embedding_groups: 16,
  mask_time_prob: 0.05,
  vocab_size: 32,
  pad_token_id: 0,
};

/** Hybrids, encoders, speech and vision towers as they are published, with what is odd in them. */
const valid: readonly (readonly [what: string, config: object])[] = [
  [
    'Zamba2: heads over twice the width, and a smaller kv_channels',
    {
      architectures: ['Zamba2ForCausalLM'],
      model_type: 'zamba2',
      hidden_size: 2048,
      attention_hidden_size: 4096,
      attention_head_dim: 128,
      kv_channels: 64,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      num_query_groups: 32,
      num_hidden_layers: 38,
      layers_block_type: mixers(38, 'hybrid', 5, 11, 17, 23, 29, 35),
      hybrid_layer_ids: [5, 11, 17, 23, 29, 35],
      mamba_headdim: 64,
      n_mamba_heads: 64,
      mamba_ngroups: 1,
      mamba_d_state: 128,
      num_mem_blocks: 1,
      use_mem_rope: true,
      rope_theta: 10000,
      vocab_size: 32000,
    },
  ],
  [
    'Granite 4: "nope" is no rope',
    {
      architectures: ['GraniteMoeHybridForCausalLM'],
      model_type: 'granitemoehybrid',
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      num_hidden_layers: 40,
      layer_types: mixers(40, 'attention', 5, 15, 25, 35),
      intermediate_size: 768,
      shared_intermediate_size: 1536,
      num_local_experts: 72,
      num_experts_per_tok: 10,
      mamba_d_head: 64,
      mamba_n_heads: 128,
      mamba_d_state: 128,
      position_embedding_type: 'nope',
      rope_theta: 10000,
      max_position_embeddings: 131072,
      attention_multiplier: 0.0078125,
      vocab_size: 100352,
    },
  ],
  [
    'Falcon-H1: heads times width is not the hidden size',
    {
      architectures: ['FalconH1ForCausalLM'],
      model_type: 'falcon_h1',
      hidden_size: 5120,
      head_dim: 128,
      num_attention_heads: 20,
      num_key_value_heads: 4,
      num_hidden_layers: 72,
      intermediate_size: 21504,
      mamba_d_ssm: 4096,
      mamba_n_heads: 32,
      mamba_d_head: 128,
      mamba_d_state: 256,
      mamba_n_groups: 2,
      rope_theta: 100000000000,
      max_position_embeddings: 262144,
      attention_in_multiplier: 1,
      ssm_multipliers: [0.35, 0.25, 0.35, 0.5, 0.35],
      vocab_size: 261120,
    },
  ],
  [
    'Bamba: layers by index',
    {
      architectures: ['BambaForCausalLM'],
      model_type: 'bamba',
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      num_hidden_layers: 32,
      attn_layer_indices: [9, 18, 27],
      attn_rotary_emb: 64,
      mamba_d_head: 64,
      mamba_n_heads: 128,
      mamba_d_state: 128,
      vocab_size: 128256,
    },
  ],
  [
    'RecurrentGemma: a pattern and a window',
    {
      architectures: ['RecurrentGemmaForCausalLM'],
      model_type: 'recurrent_gemma',
      _block_types: ['recurrent', 'recurrent', 'attention'],
      block_types: ['recurrent', 'recurrent', 'attention'],
      attention_window_size: 2048,
      hidden_size: 2560,
      intermediate_size: 15360,
      lru_width: 2560,
      num_attention_heads: 10,
      num_key_value_heads: 1,
      num_hidden_layers: 26,
      partial_rotary_factor: 0.5,
      vocab_size: 256000,
    },
  ],
  [
    'RWKV: no heads, and a context of one name of its own',
    {
      architectures: ['RwkvForCausalLM'],
      model_type: 'rwkv',
      attention_hidden_size: 768,
      context_length: 1024,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      rescale_every: 6,
      vocab_size: 50277,
    },
  ],
  [
    'ALBERT: an embedding narrower than the layers',
    {
      architectures: ['AlbertForMaskedLM'],
      model_type: 'albert',
      embedding_size: 128,
      hidden_size: 4096,
      inner_group_num: 1,
      intermediate_size: 16384,
      num_attention_heads: 64,
      num_hidden_groups: 1,
      num_hidden_layers: 12,
      max_position_embeddings: 512,
      vocab_size: 30000,
    },
  ],
  [
    'DeBERTa v2: a width of head, negative limits, convolution',
    {
      model_type: 'deberta-v2',
      attention_head_size: 64,
      conv_act: 'gelu',
      conv_kernel_size: 3,
      hidden_size: 1536,
      max_relative_positions: -1,
      norm_rel_ebd: 'layer_norm',
      num_attention_heads: 24,
      num_hidden_layers: 24,
      pos_att_type: 'p2c|c2p',
      position_biased_input: false,
      position_buckets: 256,
      relative_attention: true,
      share_att_key: true,
      type_vocab_size: 0,
      vocab_size: 128100,
    },
  ],
  [
    'Longformer: a list of windows',
    {
      architectures: ['LongformerForMaskedLM'],
      model_type: 'longformer',
      attention_window: Array.from({ length: 12 }, () => 512),
      hidden_size: 768,
      num_attention_heads: 12,
      num_hidden_layers: 12,
      max_position_embeddings: 4098,
      vocab_size: 50265,
    },
  ],
  [
    'XLNet: keys of its own for everything',
    {
      architectures: ['XLNetLMHeadModel'],
      model_type: 'xlnet',
      attn_type: 'bi',
      d_head: 64,
      d_inner: 4096,
      d_model: 1024,
      ff_activation: 'gelu',
      mem_len: null,
      n_head: 16,
      n_layer: 24,
      untie_r: true,
      vocab_size: 32000,
    },
  ],
  [
    'Reformer: heads of a width of their own',
    {
      architectures: ['ReformerModelWithLMHead'],
      model_type: 'reformer',
      attention_head_size: 64,
      attn_layers: ['local', 'lsh', 'local', 'lsh', 'local', 'lsh'],
      axial_pos_embds_dim: [64, 192],
      axial_pos_shape: [512, 1024],
      feed_forward_size: 512,
      hidden_size: 256,
      is_decoder: true,
      max_position_embeddings: 524288,
      num_attention_heads: 12,
      num_buckets: [64, 128],
      num_hidden_layers: 6,
      vocab_size: 320,
    },
  ],
  [
    'Nemotron-H: narrow attention, and no count of layers',
    {
      architectures: ['NemotronHForCausalLM'],
      model_type: 'nemotron_h',
      hidden_size: 2688,
      head_dim: 128,
      num_attention_heads: 32,
      num_key_value_heads: 2,
      layers_block_type: ['mamba', 'moe', 'mamba', 'moe', 'mamba', 'attention'],
      mamba_num_heads: 64,
      mamba_head_dim: 64,
      n_groups: 8,
      n_routed_experts: 128,
      num_experts_per_tok: 6,
      moe_intermediate_size: 1856,
      moe_latent_size: null,
      ssm_state_size: 128,
      vocab_size: 131072,
    },
  ],
  [
    'wav2vec 2.0 before it is tuned',
    {
      ...sound,
      architectures: ['Wav2Vec2ForPreTraining'],
      model_type: 'wav2vec2',
      hidden_size: 768,
      num_attention_heads: 12,
      num_hidden_layers: 12,
      codevector_dim: 256,
      num_codevectors_per_group: 320,
      do_stable_layer_norm: false,
    },
  ],
  [
    'WavLM for speakers',
    {
      ...sound,
      architectures: ['WavLMForXVector'],
      model_type: 'wavlm',
      hidden_size: 768,
      num_attention_heads: 12,
      num_hidden_layers: 12,
      num_buckets: 320,
      tdnn_dim: [512, 512, 512, 512, 1500],
      xvector_output_dim: 512,
    },
  ],
  [
    'Swin v2: heads by stage, windows of the training before',
    {
      architectures: ['Swinv2ForImageClassification'],
      model_type: 'swinv2',
      depths: [2, 2, 18, 2],
      embed_dim: 128,
      hidden_size: 1024,
      image_size: 256,
      num_heads: [4, 8, 16, 32],
      num_layers: 4,
      patch_size: 4,
      pretrained_window_sizes: [12, 12, 12, 6],
      window_size: 16,
    },
  ],
  [
    'SegFormer B5: sizes by stage',
    {
      architectures: ['SegformerForSemanticSegmentation'],
      model_type: 'segformer',
      depths: [3, 6, 40, 3],
      hidden_sizes: [64, 128, 320, 512],
      num_attention_heads: [1, 2, 5, 8],
      num_encoder_blocks: 4,
      patch_sizes: [7, 3, 3, 3],
      sr_ratios: [8, 4, 2, 1],
      strides: [4, 2, 2, 2],
      mlp_ratios: [4, 4, 4, 4],
      decoder_hidden_size: 768,
      image_size: 224,
    },
  ],
  [
    'DETR: a pair without words',
    {
      architectures: ['DetrForSegmentation'],
      model_type: 'detr',
      backbone: 'resnet101',
      d_model: 256,
      encoder_attention_heads: 8,
      decoder_attention_heads: 8,
      encoder_layers: 6,
      decoder_layers: 6,
      num_hidden_layers: 6,
      max_position_embeddings: 1024,
      num_queries: 100,
      is_encoder_decoder: true,
    },
  ],
  [
    'ViT MAE: a second, narrower stack',
    {
      architectures: ['ViTMAEForPreTraining'],
      model_type: 'vit_mae',
      hidden_size: 1280,
      num_attention_heads: 16,
      num_hidden_layers: 32,
      intermediate_size: 5120,
      image_size: 224,
      patch_size: 14,
      decoder_hidden_size: 512,
      decoder_num_attention_heads: 16,
      decoder_num_hidden_layers: 8,
    },
  ],
  [
    'EfficientNet: nothing but convolutions',
    {
      architectures: ['EfficientNetForImageClassification'],
      model_type: 'efficientnet',
      depth_coefficient: 1.1,
      width_coefficient: 1,
      hidden_dim: 1280,
      image_size: 240,
      kernel_sizes: [3, 3, 5, 3, 5, 5, 3],
      num_block_repeats: [1, 2, 2, 3, 3, 4, 1],
      out_channels: [16, 24, 40, 80, 112, 192, 320],
      num_hidden_layers: 64,
    },
  ],
  // Types that are near the name of another and are none of its misspellings.
  ['RegNet', { architectures: ['RegNetForImageClassification'], model_type: 'regnet', depths: [2, 6, 15, 2] }],
  ['RoFormer', { model_type: 'roformer', hidden_size: 768, num_attention_heads: 12, num_hidden_layers: 12 }],
  ['ViT MSN', { model_type: 'vit_msn', hidden_size: 768, num_attention_heads: 12, num_hidden_layers: 12 }],
];

describe('valid files of hybrids, encoders and towers', () => {
  for (const [what, config] of valid) {
    it(what, () => {
      const grave = findingsOf(JSON.stringify(config, undefined, 2)).filter(
        ({ severity }) => severity === 'error' || severity === 'warning',
      );
      assert.deepEqual(
        grave.map(({ code, message }) => `${code}: ${message}`),
        [],
      );
    });
  }
});

describe('what is said of their attention', () => {
  const rows: readonly (readonly [config: object, words: string])[] = [
    [
      { model_type: 'swin' },
      'multi-head attention, 3, 6, 12, 24 heads of 32 in its stages, 12 layers (10 chunks of 49, 2 full)',
    ],
    [{ model_type: 'segformer' }, 'multi-head attention, 1, 2, 5, 8 heads of 32 in its stages, 8 layers'],
    [{ model_type: 'resnet' }, 'no attention, 16 layers'],
    [{ model_type: 'mamba2' }, 'no attention, 64 layers (64 mamba)'],
    [
      {
        model_type: 'mllama',
        text_config: { model_type: 'mllama_text_model', num_hidden_layers: 5, cross_attention_layers: [3] },
      },
      'grouped-query attention 4:1, 32 heads of 128, 5 layers (4 full, 1 cross-attention)',
    ],
    [{ model_type: 'albert' }, 'multi-head attention, 64 heads of 64, 12 layers'],
  ];
  for (const [config, words] of rows) {
    it(words, () => {
      const [part] = describeModel(config).parts;
      assert.ok(part);
      assert.equal(attentionWords(part), words);
    });
  }
});

describe('weights of these under other names than the config makes', () => {
  const renamed = (config: object, rename: (name: string) => string) => {
    const tensors = (expectedTensors(describeModel(config)) ?? []).flatMap((tensor) =>
      [...tensorNames(tensor)].map((name) => [rename(name), tensor.shape] as const),
    );
    return folder([], {}, [shard('model.safetensors', Object.fromEntries(tensors))]);
  };
  const speech = { ...sound, model_type: 'wav2vec2', architectures: ['Wav2Vec2Model'], num_hidden_layers: 2 };
  const rows: readonly (readonly [what: string, config: object, rename: (name: string) => string])[] = [
    [
      'weight norm since PyTorch 2.1',
      speech,
      (name) =>
        name
          .replace('conv.weight_g', 'conv.parametrizations.weight.original0')
          .replace('conv.weight_v', 'conv.parametrizations.weight.original1'),
    ],
    [
      'a tower saved from the bare model',
      { model_type: 'swin', architectures: ['SwinModel'] },
      (name) => name.slice(5),
    ],
    [
      'an encoder saved from the bare model',
      { model_type: 'deberta-v2', architectures: ['DebertaV2Model'], num_hidden_layers: 2 },
      (name) => name.slice('deberta.'.length),
    ],
  ];
  for (const [what, config, rename] of rows) {
    it(what, () => {
      assert.deepEqual(
        findingsOf(JSON.stringify(config), renamed(config, rename)).map(({ code, message }) => `${code}: ${message}`),
        [],
      );
    });
  }

  it('and a layer that is gone is missed', () => {
    const weights = renamed(speech, (name) => name.replace('layers.1.attention.k_proj.weight', 'layers.1.odd'));
    assert.deepEqual(
      findingsOf(JSON.stringify(speech), weights).map(({ code, message }) => `${code}: ${message}`),
      [
        'tensors-missing: The weights lack wav2vec2.encoder.layers.1.attention.k_proj.weight. Loaders fill such tensors at random, or refuse the model.',
      ],
    );
  });
});
