import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeModel, isModelConfig } from '../../../../models/formats/describe-model';
import { decodeFlops } from '../../../../models/formats/estimates/flops';
import { readModelFolder } from '../../../../models/formats/model-folder';
import { readAdapterConfig } from '../../../../models/formats/adapter/adapter-config';
import { expectedParameters } from '../../../../models/formats/adapter/adapter-tensors';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';

const flux = { _class_name: 'FluxTransformer2DModel', guidance_embeds: false };
const stableDiffusion15 = {
  _class_name: 'UNet2DConditionModel',
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  cross_attention_dim: 768,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  layers_per_block: 2,
  sample_size: 64,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
};
const openClip = (
  embed_dim: number,
  [width, layers, patch_size, head_width = 64]: readonly [number, number, number, number?],
  [textWidth, heads, textLayers]: readonly [number, number, number],
) => ({
  embed_dim,
  vision_cfg: { image_size: 224, layers, width, patch_size, ...(head_width === 64 ? {} : { head_width }) },
  text_cfg: { context_length: 77, vocab_size: 49408, width: textWidth, heads, layers: textLayers },
});
const timm = (architecture: string, more: object = {}) => ({
  architecture,
  num_classes: 1000,
  num_features: 768,
  pretrained_cfg: {},
  ...more,
});

/** As diffusers, OpenCLIP (docs/model_profile.csv) and timm (results/model_metadata) count them, or the hub in the headers of the files. */
const totals: readonly (readonly [what: string, total: number, config: object])[] = [
  ['FLUX.1 schnell', 11_891_178_560, flux],
  ['FLUX.1 dev', 11_901_408_320, { ...flux, guidance_embeds: true }],
  [
    'Stable Diffusion 3 medium',
    2_028_328_000,
    {
      _class_name: 'SD3Transformer2DModel',
      caption_projection_dim: 1536,
      num_attention_heads: 24,
      num_layers: 24,
      pos_embed_max_size: 192,
    },
  ],
  ['Qwen-Image', 20_430_401_088, { _class_name: 'QwenImageTransformer2DModel' }],
  [
    'Wan 2.1 1.3B',
    1_418_996_800,
    { _class_name: 'WanTransformer3DModel', num_attention_heads: 12, num_layers: 30, ffn_dim: 8960 },
  ],
  ['Wan 2.1 14B', 14_288_491_584, { _class_name: 'WanTransformer3DModel' }],
  ['Stable Diffusion 1.5', 859_520_964, stableDiffusion15],
  [
    'Stable Diffusion 2.1',
    865_910_724,
    {
      ...stableDiffusion15,
      attention_head_dim: [5, 10, 20, 20],
      cross_attention_dim: 1024,
      use_linear_projection: true,
    },
  ],
  [
    'Stable Diffusion XL',
    2_567_463_684,
    {
      _class_name: 'UNet2DConditionModel',
      addition_embed_type: 'text_time',
      attention_head_dim: [5, 10, 20],
      block_out_channels: [320, 640, 1280],
      cross_attention_dim: 2048,
      down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
      up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
      transformer_layers_per_block: [1, 2, 10],
      projection_class_embeddings_input_dim: 2816,
      use_linear_projection: true,
    },
  ],
  ['OpenCLIP ViT-B-32', 151_277_313, openClip(512, [768, 12, 32], [512, 8, 12])],
  ['OpenCLIP ViT-B-16', 149_620_737, openClip(512, [768, 12, 16], [512, 8, 12])],
  ['OpenCLIP ViT-L-14', 427_616_513, { model_cfg: openClip(768, [1024, 24, 14], [768, 12, 12]) }],
  ['OpenCLIP ViT-H-14', 986_109_441, openClip(1024, [1280, 32, 14, 80], [1024, 16, 24])],
  ['timm vit_tiny_patch16_224', 5_717_416, timm('vit_tiny_patch16_224')],
  ['timm vit_base_patch16_224', 86_567_656, timm('vit_base_patch16_224')],
  ['timm vit_large_patch16_224', 304_326_632, timm('vit_large_patch16_224')],
  ['timm deit_small_patch16_224', 22_050_664, timm('deit_small_patch16_224')],
  // GPT-2 medium, as DialoGPT was published: neither model_type nor class.
  [
    'DialoGPT 345M',
    354_823_168,
    { n_ctx: 1024, n_embd: 1024, n_head: 16, n_layer: 24, n_positions: 1024, vocab_size: 50257 },
  ],
];

const parts = (config: object) => describeModel(config).parts;

describe('configs in forms of their own', () => {
  for (const [what, total, config] of totals) {
    it(`${what}: parameters from the config alone`, () => {
      assert.ok(isModelConfig(config));
      assert.equal(countParameters(describeModel(config))?.total, total);
    });
  }

  it('a U-Net attends at three levels, to itself and to the text, in heads that the key counts', () => {
    const [part] = parts(stableDiffusion15);
    // Two blocks a level on the way down, one in the middle, three a level on the way up.
    assert.deepEqual(
      part?.layers.map(({ hiddenSize, positions, attention, crossAttention }) => [
        hiddenSize,
        positions,
        attention.heads,
        attention.headDim,
        crossAttention?.heads,
      ]),
      [
        ...[320, 320, 640, 640, 1280, 1280].map((width) => [width, (64 * 320) ** 2 / width ** 2, 8, width / 8, 8]),
        [1280, 64, 8, 160, 8],
        ...[1280, 1280, 1280, 640, 640, 640, 320, 320, 320].map((width) => [
          width,
          (64 * 320) ** 2 / width ** 2,
          8,
          width / 8,
          8,
        ]),
      ],
    );
  });

  it('FLUX has 19 blocks of two streams and 38 of one', () => {
    const [part] = parts(flux);
    assert.equal(part?.layers.length, 57);
    assert.deepEqual([part.hiddenSize, part.heads, part.headDim], [3072, 24, 128]);
    assert.equal(part.layers.filter(({ attention }) => attention.note?.startsWith('picture and text have')).length, 19);
    const tensors = expectedTensors(describeModel(flux)) ?? [];
    const names = new Set(tensors.flatMap((tensor) => [...tensorNames(tensor)]));
    for (const name of [
      'transformer_blocks.18.attn.add_q_proj.weight',
      'single_transformer_blocks.37.attn.to_q.weight',
      'single_transformer_blocks.0.proj_mlp.weight',
    ])
      assert.ok(names.has(name), name);
    assert.ok(!names.has('single_transformer_blocks.38.attn.to_q.weight'));
  });

  it('a token of FLUX goes through one of two streams in the first 19 blocks', () => {
    const model = describeModel(flux);
    const products = decodeFlops(model, 0)?.split.filter(({ name }) => name !== 'attention scores') ?? [];
    // Four projections and a network of twice four times the width; the last 38 have three, and attention and network
    // lead out through one matrix.
    const width = 3072;
    const [double, single] = [(4 + 8) * width ** 2, (3 + 4 + 5) * width ** 2];
    assert.equal(
      products.reduce((all, { value }) => all + value, 0),
      2 * (19 * double + 38 * single),
    );
  });

  it('HunyuanVideo has the widths of its paper, and no count of parameters', () => {
    const model = describeModel({ _class_name: 'HunyuanVideoTransformer3DModel' });
    const [part] = model.parts;
    // arXiv:2412.03603, table 2: 20 and 40 blocks, 3,072 wide, networks of 12,288, 24 heads of 128.
    assert.deepEqual(
      [part?.layers.length, part?.hiddenSize, part?.intermediateSize, part?.heads, part?.headDim],
      [60, 3072, 12288, 24, 128],
    );
    assert.equal(countParameters(model), undefined);
  });

  it('Wan, Hunyuan-DiT, PixArt and LTX-Video read the text by attention of its own', () => {
    for (const _class_name of [
      'WanTransformer3DModel',
      'HunyuanDiT2DModel',
      'PixArtTransformer2DModel',
      'LTXVideoTransformer3DModel',
    ])
      assert.ok(parts({ _class_name })[0]?.layers.every(({ crossAttention }) => crossAttention !== undefined));
  });

  it('other classes of diffusers are no models with attention', () => {
    assert.equal(
      isModelConfig({ _class_name: 'FluxPipeline', transformer: ['diffusers', 'FluxTransformer2DModel'] }),
      false,
    );
    assert.equal(isModelConfig({ _class_name: 'EulerDiscreteScheduler', num_train_timesteps: 1000 }), false);
  });

  it("OpenCLIP's text reads from left to right, its pictures all at once", () => {
    const [text, vision] = parts(openClip(512, [768, 12, 32], [512, 8, 12]));
    assert.deepEqual([text?.role, text?.layers[0]?.attention.causal], ['encoder', true]);
    assert.deepEqual([vision?.role, vision?.heads, vision?.image?.tokens], ['vision', 12, 50]);
  });

  it('a ResNet of OpenCLIP has blocks without attention, and CoCa a decoder that reads the picture', () => {
    const text_cfg = { context_length: 77, vocab_size: 49408, width: 512, heads: 8, layers: 12 };
    const [, resNet] = parts({
      embed_dim: 1024,
      vision_cfg: { image_size: 224, layers: [3, 4, 6, 3], width: 64 },
      text_cfg,
    });
    assert.equal(resNet?.layers.length, 16);
    assert.ok(resNet.layers.every(({ attention }) => attention.kind === 'none'));
    const multimodal_cfg = { context_length: 76, vocab_size: 49408, width: 768, heads: 12, layers: 12 };
    const coca = describeModel({ ...openClip(768, [1024, 24, 14], [768, 12, 12]), multimodal_cfg });
    assert.equal(coca.parts[2]?.layers[0]?.crossAttention?.sourcePositions, 256);
    assert.equal(countParameters(coca), undefined, 'its pooling by attention is not written down');
  });

  // Widths, depths and heads of the papers: Swin (table 7), EVA-02 (table 2), SigLIP's So400m, DINOv2's giant.
  const architectures: readonly (readonly [name: string, width: number, layers: number, heads: number])[] = [
    ['swin_tiny_patch4_window7_224', 768, 12, 24],
    ['swin_large_patch4_window12_384', 1536, 24, 48],
    ['eva02_large_patch14_clip_336', 1024, 24, 16],
    ['vit_so400m_patch14_siglip_384', 1152, 27, 16],
    ['vit_giant_patch14_reg4_dinov2', 1536, 40, 24],
    ['beit_base_patch16_224.in22k_ft_in22k_in1k', 768, 12, 12],
    ['convnext_tiny.fb_in1k', 768, 18, 0],
    ['resnet50', 2048, 16, 0],
  ];
  for (const [name, width, layers, heads] of architectures) {
    it(`timm ${name}`, () => {
      const model = describeModel(timm(name));
      const [part] = model.parts;
      assert.deepEqual([part?.hiddenSize, part?.layers.length, part?.heads], [width, layers, heads]);
      assert.deepEqual(model.problems, []);
    });
  }

  it('a name of timm that is not known is said, and nothing is guessed', () => {
    const model = describeModel(timm('mixnet_s'));
    assert.equal(model.parts[0]?.layers.length, 0);
    assert.match(model.problems[0]?.message ?? '', /"mixnet_s" is no architecture of timm whose sizes/);
    assert.equal(countParameters(model), undefined);
  });

  it('adapters of attention have the parameters that diffusers trains', () => {
    const target_modules = ['to_q', 'to_k', 'to_v', 'to_out.0'];
    const count = (r: number, config: object) => {
      const adapter = readAdapterConfig({ peft_type: 'LORA', r, target_modules });
      assert.ok(adapter);
      return expectedParameters(adapter, describeModel(config));
    };
    // 19 blocks of four matrices and 38 of three, each from 3,072 to 3,072.
    assert.equal(count(16, flux), (19 * 4 + 38 * 3) * 16 * (3072 + 3072));
    // What the script of diffusers for Stable Diffusion 1.5 says at rank 4.
    assert.equal(count(4, stableDiffusion15), 797_184);
  });

  it('a folder with open_clip_config.json alone is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headscope-open-clip-'));
    try {
      const text = JSON.stringify({ model_cfg: openClip(512, [768, 12, 32], [512, 8, 12]), preprocess_cfg: {} });
      await writeFile(join(folder, 'open_clip_config.json'), text);
      const read = await readModelFolder(folder);
      assert.ok(read.ok);
      assert.equal(read.model.family, 'open_clip');
      assert.equal(read.configPath, join(folder, 'open_clip_config.json'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
