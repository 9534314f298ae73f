import assert from 'node:assert/strict';
import { describeModel } from '../../../../models/formats/describe-model';
import { countParameters } from '../../../../models/formats/expected-tensors';

const named = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), `class ${index}`]));
const dinov3 = (
  hidden_size: number,
  intermediate_size: number,
  num_hidden_layers: number,
  heads: number,
  more = {},
) => ({
  model_type: 'dinov3_vit',
  architectures: ['DINOv3ViTModel'],
  hidden_size,
  intermediate_size,
  num_hidden_layers,
  num_attention_heads: heads,
  num_register_tokens: 4,
  ...more,
});

/** As the hub counts them in the headers of the safetensors, or the paper's repository. */
const totals: readonly (readonly [what: string, total: number, config: object])[] = [
  ['DINOv3 ViT-B', 85_660_416, dinov3(768, 3072, 12, 12)],
  ['DINOv3 ViT-L', 303_129_600, dinov3(1024, 4096, 24, 16)],
  [
    'DINOv3 7B',
    6_716_035_072,
    dinov3(4096, 8192, 40, 32, { use_gated_mlp: true, query_bias: false, value_bias: false }),
  ],
  ['SAM base', 93_735_472, { model_type: 'sam', architectures: ['SamModel'] }],
  [
    'SAM huge',
    641_090_608,
    {
      model_type: 'sam',
      architectures: ['SamModel'],
      vision_config: {
        hidden_size: 1280,
        num_hidden_layers: 32,
        num_attention_heads: 16,
        mlp_dim: 5120,
        global_attn_indexes: [7, 15, 23, 31],
        // Left over from another class; read by nothing.
        intermediate_size: 6144,
      },
    },
  ],
  [
    'YOLOS tiny',
    6_488_736,
    {
      model_type: 'yolos',
      architectures: ['YolosForObjectDetection'],
      hidden_size: 192,
      intermediate_size: 768,
      num_attention_heads: 3,
      image_size: [800, 1333],
      use_mid_position_embeddings: false,
      id2label: named(91),
    },
  ],
  [
    'ConvNeXt tiny',
    28_589_128,
    { model_type: 'convnext', architectures: ['ConvNextForImageClassification'], id2label: named(1000) },
  ],
  [
    'ConvNeXt V2 tiny',
    28_635_496,
    { model_type: 'convnextv2', architectures: ['ConvNextV2ForImageClassification'], id2label: named(1000) },
  ],
  [
    'MiniMind2 (first form)',
    104_030_976,
    {
      model_type: 'minimind',
      architectures: ['MiniMindLM'],
      dim: 768,
      n_layers: 16,
      n_heads: 8,
      n_kv_heads: 2,
      hidden_dim: 2048,
      n_routed_experts: 4,
      n_shared_experts: true,
      use_moe: false,
      vocab_size: 6400,
    },
  ],
  // 25.830 million, says its training script; the sizes are those of the class.
  ['MiniMind2 small', 25_829_888, { model_type: 'minimind', architectures: ['MiniMindForCausalLM'] }],
];

describe('families of vision and speech', () => {
  for (const [what, total, config] of totals) {
    it(`${what}: parameters from the config alone`, () => {
      const model = describeModel(config);
      assert.deepEqual(model.problems, []);
      assert.equal(countParameters(model)?.total, total);
    });
  }

  it('NeoBERT has 222 million parameters below its head, and 250 with it', () => {
    // The model card and the abstract of arXiv:2502.19587 round.
    const count = (className: string) =>
      countParameters(describeModel({ model_type: 'neobert', architectures: [className] }))?.total ?? 0;
    assert.equal(Math.round(count('NeoBERT') / 1e6), 222);
    assert.equal(Math.round(count('NeoBERTLMHead') / 1e7), 25);
  });

  it('SpeechT5 has 144.4 million parameters where it reads text and speaks', () => {
    const model = describeModel({ model_type: 'speecht5', architectures: ['SpeechT5ForTextToSpeech'] });
    assert.equal(Math.round((countParameters(model)?.total ?? 0) / 1e5), 1444);
    assert.deepEqual(
      model.parts.map(({ role, positions }) => [role, positions]),
      [
        ['decoder', 'sinusoidal'],
        ['encoder', 'relative'],
      ],
    );
  });

  it('VITS has 36.3 million parameters, and attends to the letters alone', () => {
    // As the hub rounds facebook/mms-tts-eng, whose sizes are those of the class.
    const model = describeModel({ model_type: 'vits', architectures: ['VitsModel'] });
    assert.equal(Math.round((countParameters(model)?.total ?? 0) / 1e5), 363);
    assert.deepEqual([model.parts.length, model.parts[0]?.layers.length, model.parts[0]?.heads], [1, 6, 2]);
    // Voices of their own bring modules that are not written down.
    assert.equal(countParameters(describeModel({ model_type: 'vits', num_speakers: 109 })), undefined);
  });

  it("DINOv3's patches are rotated, and 5 positions in front of them are none of the picture's", () => {
    const [part] = describeModel(dinov3(768, 3072, 12, 12)).parts;
    assert.deepEqual([part?.positions, part?.ropes[0]?.theta, part?.ropes[0]?.dimensions], ['rope', 100, 64]);
    assert.deepEqual([part?.image?.tokens, part?.image?.outputTokens], [201, 196]);
  });

  it("SAM's layers read windows of 14 by 14 patches, and every third of base the whole picture", () => {
    const [vision, decoder] = describeModel({ model_type: 'sam' }).parts;
    assert.deepEqual(
      vision?.layers.map(({ attention }) => attention.window ?? 'all'),
      [196, 196, 'all', 196, 196, 'all', 196, 196, 'all', 196, 196, 'all'],
    );
    // To the picture in heads of half the width.
    const cross = decoder?.layers[0]?.crossAttention;
    assert.deepEqual([decoder?.headDim, cross?.headDim, cross?.sourcePositions], [32, 16, 4096]);
    assert.equal(decoder?.layers[0]?.attention.causal, false);
  });

  it("RT-DETR's queries read four points of three maps, and its encoder has a width of its own", () => {
    const [decoder, encoder, backbone] = describeModel({ model_type: 'rt_detr_v2', encoder_hidden_dim: 384 }).parts;
    assert.deepEqual([decoder?.hiddenSize, decoder?.contextLength], [256, 300]);
    assert.equal(decoder?.layers[0]?.crossAttention?.sourcePositions, 12);
    assert.deepEqual([encoder?.hiddenSize, encoder?.headDim], [384, 48]);
    assert.ok(backbone?.layers.every(({ attention }) => attention.kind === 'none'));
  });

  // Patches of the papers: 8 pairs of frames of 14 by 14 (VideoMAE), 12 by 101 that overlap and two tokens (AST).
  const positions: readonly (readonly [type: string, count: number])[] = [
    ['videomae', 8 * 14 * 14],
    ['timesformer', 8 * 14 * 14 + 1],
    ['audio-spectrogram-transformer', 12 * 101 + 2],
    ['ijepa', 14 * 14],
    ['dpt', 24 * 24 + 1],
  ];
  for (const [type, count] of positions) {
    it(`${type} reads ${count} positions`, () => {
      const model = describeModel({ model_type: type });
      assert.equal(model.parts[0]?.contextLength, count);
      assert.equal(countParameters(model), undefined, 'not all of its tensors are written down');
    });
  }

  it('ConvNeXt says that it does not attend', () => {
    const [part] = describeModel({ model_type: 'convnext' }).parts;
    assert.deepEqual([part?.layers.length, part?.attention], [18, 'none']);
    assert.equal(part?.layers[0]?.attention.note, 'a block of convolutions');
  });

  it('of three stages of Bark the last one reads to both sides', () => {
    const [semantic, coarse, fine] = describeModel({ model_type: 'bark' }).parts;
    assert.deepEqual(
      [semantic, coarse, fine].map((part) => part?.layers[0]?.attention.causal),
      [true, true, false],
    );
    assert.deepEqual([semantic?.hiddenSize, semantic?.contextLength], [768, 1024]);
  });

  it('Ultravox has the sizes of the text model that it names, and none of one that is not known', () => {
    const config = { model_type: 'ultravox', audio_config: { model_type: 'whisper' } };
    const named = describeModel({ ...config, text_model_id: 'meta-llama/Llama-3.3-70B-Instruct' });
    assert.deepEqual(
      named.parts.map(({ role, layers, heads, kvHeads }) => [role, layers.length, heads, kvHeads]),
      [
        ['decoder', 80, 64, 8],
        ['audio', 32, 20, 20],
      ],
    );
    const unknown = describeModel({ ...config, text_model_id: 'someone/their-model' });
    assert.deepEqual(
      unknown.parts.map(({ role }) => role),
      ['audio'],
    );
  });

  it('a VoxCPM has a second text model of fewer layers, and its other parts its key/value heads', () => {
    const model = describeModel({
      architecture: 'voxcpm',
      lm_config: { hidden_size: 1024, num_attention_heads: 16, num_hidden_layers: 24, num_key_value_heads: 2 },
      residual_lm_num_layers: 8,
      encoder_config: { hidden_dim: 1024, ffn_dim: 4096, num_heads: 16, num_layers: 8 },
      dit_config: { hidden_dim: 1024, ffn_dim: 4096, num_heads: 16, num_layers: 8 },
    });
    assert.deepEqual(
      model.parts.map(({ name, layers, kvHeads }) => [name, layers.length, kvHeads, layers[0]?.attention.causal]),
      [
        ['lm_config', 24, 2, true],
        ['residual_lm', 8, 2, true],
        ['encoder_config', 8, 2, false],
        ['dit_config', 8, 2, false],
      ],
    );
  });
});
