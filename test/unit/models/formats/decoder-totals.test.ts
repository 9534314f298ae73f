import { strict as assert } from 'node:assert';
import { describeModel } from '../../../../models/formats/describe-model';
import { countParameters } from '../../../../models/formats/expected-tensors';

type Sizes = Readonly<Record<string, unknown>>;

const model = (architecture: string, model_type: string, sizes: Sizes = {}): object => ({
  architectures: [architecture],
  model_type,
  ...sizes,
});

/** `count` times each value in turn. */
const repeat = <T>(count: number, ...values: readonly T[]): readonly T[] =>
  Array.from({ length: count }, () => values).flat();

const scout = { num_hidden_layers: 48, num_local_experts: 16, interleave_moe_layer_step: 1 };
const gemma26 = {
  hidden_size: 2816,
  intermediate_size: 2112,
  num_hidden_layers: 30,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  num_global_key_value_heads: 2,
  attention_k_eq_v: true,
  hidden_size_per_layer_input: 0,
  enable_moe_block: true,
  num_experts: 128,
  top_k_experts: 8,
  moe_intermediate_size: 704,
  sliding_window: 1024,
};
const linear = (full: readonly number[], heads: number, more: Sizes = {}) => ({
  full_attn_layers: full,
  num_heads: heads,
  head_dim: 128,
  short_conv_kernel_size: 4,
  ...more,
});
const kimiLatent = {
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  mla_use_nope: true,
};
const ratios = (first: number, pairs: number): readonly number[] => [first, first, ...repeat(pairs, 4, 128), 4, 0];
const v4Pro = {
  hidden_size: 7168,
  moe_intermediate_size: 3072,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  q_lora_rank: 1536,
  o_groups: 16,
  n_routed_experts: 384,
  index_topk: 1024,
  compress_ratios: ratios(128, 29),
};

/** One attention and network of each kind, repeated: what the published file lists block by block. */
const block = (heads: number | undefined, ffn_mult: number | undefined) => ({
  attention: heads === undefined ? { n_heads_in_group: null, no_op: true } : { n_heads_in_group: heads },
  ffn: ffn_mult === undefined ? { no_op: true } : { ffn_mult },
});

/**
 * Totals of the safetensors metadata on the hub, read 2026-11-28 from the hub's own figure or from a public copy of it.
 * Where the published file holds more than the language model (layers that predict further tokens, a vision tower), what it
 * holds beside is taken off by hand, part by part.
 */
const published: readonly (readonly [name: string, total: number, config: object])[] = [
  // 88 layers of Mistral Large 2 (122,610,069,504) with 98,304 more tokens in embedding and head.
  [
    'Devstral 2 123B',
    122_610_069_504 + 2 * 98_304 * 12_288,
    model('Ministral3ForCausalLM', 'ministral3', {
      hidden_size: 12288,
      intermediate_size: 28672,
      num_hidden_layers: 88,
      num_attention_heads: 96,
    }),
  ],
  // Vision: 34 layers of 23,807,872, embeddings 1,408 + 577 * 1,408 + 588 * 1,408, norms 5,632, adapter and projector.
  ['Llama 4 Scout, text', 108_641_793_536 - 871_932_416, model('Llama4ForCausalLM', 'llama4_text', scout)],
  [
    'Llama 4 Maverick, text',
    401_583_781_376 - 871_932_416,
    model('Llama4ForCausalLM', 'llama4_text', { ...scout, num_local_experts: 128, interleave_moe_layer_step: 2 }),
  ],
  // The index counts parameters without the scalars of the 30 layers; its vision part: 27 layers of 20,187,792, patches
  // 884,736, positions 23,592,960, projection 3,244,032.
  ['Gemma 4 26B-A4B, text', 25_805_933_872 + 30 - 572_792_112, model('Gemma4ForCausalLM', 'gemma4_text', gemma26)],
  ['Qwen3-Coder-Next', 79_674_391_296, model('Qwen3NextForCausalLM', 'qwen3_next')],
  ['GLM-4 9B', 9_399_951_360, model('GlmForCausalLM', 'glm')],
  ['GLM-4 9B 0414', 9_400_279_040, model('Glm4ForCausalLM', 'glm4')],
  // Without its 48th layer: attention 21,759,232, experts 613,548,096, norms 4,096, and what predicts: two projections, three
  // norms, and embedding and head once more.
  [
    'GLM-4.7-Flash',
    31_221_488_576 - (21_759_232 + 613_548_096 + 4_096 + 8_388_608 + 6_144 + 634_388_480),
    model('Glm4MoeLiteForCausalLM', 'glm4_moe_lite'),
  ],
  // DeepSeek-V3 and 61 scorers of 64 heads: 1536 * 8192 + 7168 * 128 + 256 + 7168 * 64.
  ['DeepSeek-V3.2', 671_026_419_200 + 61 * 13_959_424, model('DeepseekV32ForCausalLM', 'deepseek_v32')],
  // Less the layer that predicts: attention 165,022,208, scorer 9,371,904, experts 9,702,998,272, norms 12,288, two
  // projections 75,497,472, three norms 18,432.
  ['GLM-5', 753_864_139_008 - 9_952_920_576, model('GlmMoeDsaForCausalLM', 'glm_moe_dsa')],
  [
    'GLM-5.2, whose 57 layers without a scorer follow from a frequency',
    753_864_139_008 - 9_952_920_576 - 57 * 9_371_904,
    model('GlmMoeDsaForCausalLM', 'glm_moe_dsa', { index_topk_freq: 4, index_skip_topk_offset: 3 }),
  ],
  [
    'GLM-5.2, whose layers are listed',
    753_329_940_480 - 9_952_920_576,
    model('GlmMoeDsaForCausalLM', 'glm_moe_dsa', {
      indexer_types: [
        ...repeat(3, 'full'),
        ...repeat(18, 'shared', 'shared', 'shared', 'full'),
        ...repeat(3, 'shared'),
      ],
    }),
  ],
  // Less the layer that predicts: attention 106,956,352, experts 6,468,665,600, norms 8,192, streams 786,486, two
  // projections 33,554,432, three norms 12,288, its own collapse of the streams 65,541.
  [
    'DeepSeek-V4-Flash',
    290_944_616_402 - 6_610_048_891,
    model('DeepseekV4ForCausalLM', 'deepseek_v4', { compress_ratios: ratios(0, 20) }),
  ],
  ['DeepSeek-V4-Pro', 1_598_839_674_782 - 25_840_145_979, model('DeepseekV4ForCausalLM', 'deepseek_v4', v4Pro)],
  [
    'Kimi Linear 48B-A3B',
    49_122_681_728,
    model('KimiLinearForCausalLM', 'kimi_linear', {
      vocab_size: 163840,
      hidden_size: 2304,
      intermediate_size: 9216,
      moe_intermediate_size: 1024,
      num_hidden_layers: 27,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      head_dim: 72,
      ...kimiLatent,
      num_experts: 256,
      num_experts_per_token: 8,
      num_shared_experts: 1,
      first_k_dense_replace: 1,
      linear_attn_config: linear([4, 8, 12, 16, 20, 24, 27], 32),
    }),
  ],
  // The shapes in the headers of its 96 files, vision left out.
  [
    'Kimi K3, text',
    2_779_484_478_208,
    model('KimiLinearForCausalLM', 'kimi_linear', {
      vocab_size: 163840,
      hidden_size: 7168,
      intermediate_size: 33792,
      moe_intermediate_size: 3072,
      num_hidden_layers: 93,
      num_attention_heads: 96,
      num_key_value_heads: 96,
      q_lora_rank: 1536,
      ...kimiLatent,
      mla_use_output_gate: true,
      num_experts: 896,
      num_experts_per_token: 16,
      num_shared_experts: 2,
      first_k_dense_replace: 1,
      routed_expert_hidden_size: 3584,
      latent_moe_use_norm: true,
      attn_res_block_size: 12,
      linear_attn_config: linear([...Array.from({ length: 23 }, (_, index) => 4 * index + 4), 93], 96, {
        use_full_rank_gate: true,
      }),
    }),
  ],
  ['MiniMax-M2', 228_689_764_864, model('MiniMaxM2ForCausalLM', 'minimax_m2')],
  [
    'DBRX',
    131_596_523_520,
    model('DbrxForCausalLM', 'dbrx', {
      d_model: 6144,
      n_heads: 48,
      n_layers: 40,
      vocab_size: 100352,
      attn_config: { kv_n_heads: 8, rope_theta: 500000 },
      ffn_config: { ffn_hidden_size: 10752, moe_num_experts: 16, moe_top_k: 4 },
    }),
  ],
  ['OLMoE 1B-7B', 6_919_161_856, model('OlmoeForCausalLM', 'olmoe', { intermediate_size: 1024 })],
  [
    'EXAONE 3.0 7.8B',
    7_818_448_896,
    model('ExaoneForCausalLM', 'exaone', {
      vocab_size: 102400,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      tie_word_embeddings: false,
    }),
  ],
  [
    'EXAONE 4.0 32B',
    32_003_216_384,
    model('Exaone4ForCausalLM', 'exaone4', {
      hidden_size: 5120,
      intermediate_size: 27392,
      num_hidden_layers: 64,
      num_attention_heads: 40,
      num_key_value_heads: 8,
      head_dim: 128,
    }),
  ],
  [
    'EXAONE 4.0 1.2B',
    1_279_391_488,
    model('Exaone4ForCausalLM', 'exaone4', {
      hidden_size: 2048,
      intermediate_size: 4096,
      num_hidden_layers: 30,
      num_key_value_heads: 8,
      head_dim: 64,
      sliding_window: null,
      tie_word_embeddings: true,
    }),
  ],
  ['Phi-3.5 MoE', 41_873_153_344, model('PhiMoEForCausalLM', 'phimoe', { attention_bias: true, lm_head_bias: true })],
  ['Phi-3 small', 7_392_272_384, model('Phi3SmallForCausalLM', 'phi3small')],
  [
    'Phi-1.5, first form',
    1_418_270_720,
    model('MixFormerSequentialForCausalLM', 'mixformer-sequential', {
      vocab_size: 51200,
      n_embd: 2048,
      n_head: 32,
      n_layer: 24,
      n_inner: null,
    }),
  ],
  [
    'MiniCPM 2B',
    2_724_880_896,
    model('MiniCPMForCausalLM', 'minicpm', {
      vocab_size: 122753,
      hidden_size: 2304,
      intermediate_size: 5760,
      num_hidden_layers: 40,
      num_attention_heads: 36,
    }),
  ],
  // Less the layer that predicts: a layer of 177,223,680, one projection of twice the width, three norms.
  [
    'MiMo 7B',
    7_833_409_536 - 177_223_680 - 2 * 4_096 ** 2 - 3 * 4_096,
    model('MiMoForCausalLM', 'mimo', {
      vocab_size: 151680,
      hidden_size: 4096,
      intermediate_size: 11008,
      num_hidden_layers: 36,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 128,
    }),
  ],
  [
    'Hunyuan A13B',
    80_393_183_232,
    model('HunYuanMoEV1ForCausalLM', 'hunyuan', {
      vocab_size: 128167,
      hidden_size: 4096,
      intermediate_size: 3072,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      num_experts: 64,
      moe_topk: repeat(32, 8),
      moe_intermediate_size: repeat(32, 3072),
      num_shared_expert: repeat(32, 1),
      use_qk_norm: true,
      tie_word_embeddings: true,
    }),
  ],
  [
    'Hunyuan 7B',
    7_504_932_864,
    model('HunYuanDenseV1ForCausalLM', 'hunyuan_v1_dense', {
      vocab_size: 128256,
      intermediate_size: 14336,
      num_key_value_heads: 8,
      tie_word_embeddings: true,
    }),
  ],
  // Half the bytes of the indexes, which are float16.
  [
    'TeleChat 7B',
    14_400_036_864 / 2,
    model('TelechatForCausalLM', 'telechat', {
      vocab_size: 160256,
      hidden_size: 4096,
      n_head: 32,
      n_layer: 30,
      ffn_hidden_size: 12288,
    }),
  ],
  [
    'TeleChat 12B',
    24_772_864_000 / 2,
    model('TelechatForCausalLM', 'telechat', {
      vocab_size: 120000,
      hidden_size: 5120,
      n_head: 32,
      n_layer: 38,
      ffn_hidden_size: 12288,
      tie_word_embeddings: false,
    }),
  ],
  // The index without the rotary frequencies of 34 layers.
  [
    'openPangu Embedded',
    16_061_784_576 / 2 - (34 * 64 * 4) / 2,
    model('PanguEmbeddedForCausalLM', 'PanguEmbedded', {
      vocab_size: 153376,
      hidden_size: 4096,
      intermediate_size: 12800,
      num_hidden_layers: 34,
      num_attention_heads: 32,
      num_key_value_heads: 8,
    }),
  ],
  ['Seed-OSS 36B', 36_151_104_512, model('SeedOssForCausalLM', 'seed_oss', { hidden_size: 5120 })],
  ['ERNIE 4.5 0.3B', 360_748_032, model('Ernie4_5ForCausalLM', 'ernie4_5')],
  [
    'Apertus 8B',
    8_053_338_176,
    model('ApertusForCausalLM', 'apertus', { intermediate_size: 21504, num_key_value_heads: 8 }),
  ],
  [
    'Ling-lite 1.5',
    16_801_974_272,
    model('BailingMoeForCausalLM', 'bailing_moe', {
      vocab_size: 126464,
      hidden_size: 2048,
      intermediate_size: 5632,
      moe_intermediate_size: 1408,
      num_experts: 64,
      num_experts_per_tok: 6,
      num_shared_experts: 2,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      num_key_value_heads: 4,
    }),
  ],
  [
    'Ling-mini 2.0',
    16_255_643_392,
    model('BailingMoeV2ForCausalLM', 'bailing_moe', {
      vocab_size: 157184,
      hidden_size: 2048,
      intermediate_size: 5120,
      moe_intermediate_size: 512,
      num_experts: 256,
      num_experts_per_tok: 8,
      num_shared_experts: 1,
      num_hidden_layers: 20,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      head_dim: 128,
      first_k_dense_replace: 1,
      use_qk_norm: true,
      moe_router_enable_expert_bias: true,
    }),
  ],
  [
    'OpenELM 270M',
    271_527_168,
    model('OpenELMForCausalLM', 'openelm', {
      model_dim: 1280,
      num_transformer_layers: 16,
      num_query_heads: [...repeat(5, 12), ...repeat(7, 16), ...repeat(4, 20)],
      num_kv_heads: [...repeat(5, 3), ...repeat(7, 4), ...repeat(4, 5)],
      ffn_multipliers: [0.5, 0.73, 0.97, 1.2, 1.43, 1.67, 1.9, 2.13, 2.37, 2.6, 2.83, 3.07, 3.3, 3.53, 3.77, 4.0],
    }),
  ],
  ['BitNet 2B4T', 2_412_820_480, model('BitNetForCausalLM', 'bitnet', { tie_word_embeddings: true })],
  [
    'InternLM3 8B',
    8_804_241_408,
    model('InternLM3ForCausalLM', 'internlm3', {
      vocab_size: 128512,
      hidden_size: 4096,
      intermediate_size: 10240,
      num_hidden_layers: 48,
      num_attention_heads: 32,
      num_key_value_heads: 2,
    }),
  ],
  // By hand: embedding and head 1,572,864,000; 32 layers of 25,165,824 + 56,623,104 + 12,288; 6,144. The card says 4.19 billion.
  [
    'Minitron 4B',
    4_190_509_056,
    model('NemotronForCausalLM', 'nemotron', {
      hidden_size: 3072,
      intermediate_size: 9216,
      num_attention_heads: 24,
      num_key_value_heads: 8,
      head_dim: 128,
    }),
  ],
  [
    'DeepSeek MoE 16B',
    16_375_728_128,
    model('DeepseekForCausalLM', 'deepseek', {
      vocab_size: 102400,
      hidden_size: 2048,
      intermediate_size: 10944,
      moe_intermediate_size: 1408,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      n_routed_experts: 64,
      n_shared_experts: 2,
      num_experts_per_tok: 6,
      first_k_dense_replace: 1,
    }),
  ],
  [
    'dots.llm1',
    142_774_381_696,
    model('Dots1ForCausalLM', 'dots1', {
      hidden_size: 4096,
      head_dim: 128,
      n_routed_experts: 128,
      n_shared_experts: 2,
      num_experts_per_tok: 6,
      first_k_dense_replace: 1,
    }),
  ],
  ['ERNIE 4.5 21B-A3B', 21_825_437_888, model('Ernie4_5_MoeForCausalLM', 'ernie4_5_moe')],
  [
    'GPT-Neo 125M',
    125_198_592,
    model('GPTNeoForCausalLM', 'gpt_neo', {
      hidden_size: 768,
      num_layers: 12,
      num_heads: 12,
      attention_types: [[['global', 'local'], 6]],
    }),
  ],
  ['GPT-Neo 1.3B', 1_315_575_808, model('GPTNeoForCausalLM', 'gpt_neo')],
  // Less three layers that predict: attention 109,445,376, network 138,412,032, norms 8,192, a projection of twice the width
  // 33,554,432, three norms 12,288 and a head of its own 527,958,016 each.
  [
    'Step 3.5 Flash',
    199_384_301_376 - 3 * 809_390_336,
    model('Step3p5ForCausalLM', 'step3p5', {
      vocab_size: 128896,
      layer_types: repeat(12, 'full_attention', 'sliding_attention', 'sliding_attention', 'sliding_attention'),
      sliding_window: 512,
      num_attention_groups: 8,
      attention_other_setting: {
        attention_type: 'sliding_attention',
        num_attention_heads: 96,
        num_attention_groups: 8,
      },
      moe_layers_enum: Array.from({ length: 42 }, (_, index) => index + 3).join(','),
      moe_num_experts: 288,
      moe_top_k: 8,
      rope_theta: repeat(12, 5000000, 10000, 10000, 10000),
      partial_rotary_factors: repeat(12, 0.5, 1, 1, 1),
    }),
  ],
  // Two layers of Llama 70B's shape by hand: 8192 * (8192 + 2 * 1024) + 8192 * 8192 + 3 * 8192 * 28672 + norms, and a layer
  // with a network of half the width and no attention.
  [
    'a thinned Llama',
    855_654_400 + (3 * 8192 * 14336 + 8192) + 8192 + 2 * 128256 * 8192,
    model('DeciLMForCausalLM', 'nemotron-nas', {
      vocab_size: 128256,
      hidden_size: 8192,
      num_hidden_layers: 3,
      num_attention_heads: 64,
      intermediate_size: null,
      block_configs: [block(8, 5.25), block(undefined, 2.625), block(undefined, undefined)],
    }),
  ],
];

describe('parameters of decoders from the config alone', () => {
  for (const [name, total, config] of published) {
    it(`${name}: ${total.toLocaleString('en-US')}`, () => {
      const described = describeModel(config);
      assert.deepEqual(described.problems, []);
      assert.equal(described.exact, true);
      assert.equal(countParameters(described)?.total, total);
    });
  }
});
