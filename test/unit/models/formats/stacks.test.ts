import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../../models/formats/config/parse-config';
import { describeModel } from '../../../../models/formats/describe-model';
import { decodeFlops } from '../../../../models/formats/estimates/flops';
import { kvBytesPerToken, kvCache } from '../../../../models/formats/estimates/kv-cache';
import type { ModelPart } from '../../../../models/formats/model-description';
import { stageRuns } from '../../../../models/formats/stage-runs';
import { compareTensors } from '../../../../models/formats/compare-tensors';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { corpus, corpusModels as folders } from '../../../support/corpus';

const first = (config: unknown): ModelPart => {
  const [part] = describeModel(config).parts;
  assert.ok(part);
  return part;
};
const kinds = (part: ModelPart): string => part.layers.map(({ attention }) => attention.kind).join(' ');
const states = (config: unknown): readonly (number | undefined)[] => [
  ...new Set(first(config).layers.map(({ attention }) => attention.stateElements)),
];

describe('states of recurrent layers, by hand', () => {
  const rows: readonly (readonly [what: string, config: object, expected: readonly (number | undefined)[]])[] = [
    // 5 vectors of the width: numerator, denominator, exponent, and the inputs of the two mixings.
    ['RWKV-4', { model_type: 'rwkv', hidden_size: 768, num_hidden_layers: 2 }, [5 * 768]],
    // 32 heads of 64 x 64, and the two inputs.
    ['RWKV-6', { model_type: 'rwkv6', hidden_size: 2048, num_hidden_layers: 2 }, [32 * 64 * 64 + 2 * 2048]],
    // 4 heads of 128 x 256.
    ['GLA 340M', { model_type: 'gla', hidden_size: 1024, num_heads: 4, num_hidden_layers: 2 }, [4 * 128 * 256]],
    // 1536 channels of 16 numbers and three inputs of the convolution.
    ['Mamba 130M', { model_type: 'mamba', num_hidden_layers: 2 }, [1536 * 16 + 1536 * 3]],
    // Its files say expand 16, and mean 8192 channels.
    [
      'Falcon Mamba 7B',
      { model_type: 'falcon_mamba', hidden_size: 4096, expand: 16, intermediate_size: 8192, num_hidden_layers: 2 },
      [8192 * 16 + 8192 * 3],
    ],
    // 64 heads of 64 x 128; the convolution is over the heads and 8 groups of two matrices.
    [
      'Nemotron 3 Nano',
      { model_type: 'nemotron_h', hidden_size: 2688, mamba_num_heads: 64, hybrid_override_pattern: 'ME*' },
      [64 * 64 * 128 + (64 * 64 + 2 * 8 * 128) * 3, undefined],
    ],
    // Each layer has both: 24 heads of 64 x 128 beside the attention.
    [
      'Falcon-H1 0.5B',
      {
        model_type: 'falcon_h1',
        num_hidden_layers: 2,
        mamba_d_ssm: 1536,
        mamba_n_heads: 24,
        mamba_d_head: 64,
        mamba_d_state: 128,
      },
      [1536 * 128 + (1536 + 2 * 128) * 3],
    ],
    ['RecurrentGemma 2B', { model_type: 'recurrent_gemma', num_hidden_layers: 3 }, [2560 * 4, undefined]],
    // 32 value heads of 128 x 128, 16 key heads; a convolution of 4 over queries, keys and values.
    [
      'gated delta rule',
      {
        model_type: 'a_new_kind',
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        full_attention_interval: 2,
        linear_num_value_heads: 32,
        linear_num_key_heads: 16,
        linear_key_head_dim: 128,
        linear_value_head_dim: 128,
        linear_conv_kernel_dim: 4,
      },
      [32 * 128 * 128 + (2 * 16 * 128 + 32 * 128) * 3, undefined],
    ],
  ];
  for (const [what, config, expected] of rows) {
    it(what, () => {
      assert.deepEqual(states(config), expected);
    });
  }

  it('a state is all that RWKV and GLA keep', () => {
    for (const [model_type, kept] of [
      ['rwkv', 5 * 768],
      ['rwkv6', 12 * 64 * 64 + 2 * 768],
      ['gla', 4 * 96 * 192],
    ] as const) {
      const model = describeModel({ model_type, hidden_size: 768, num_hidden_layers: 3, dtype: 'float32' });
      assert.equal(kvBytesPerToken(model), 0, model_type);
      for (const length of [1, 100_000]) assert.equal(kvCache(model, { length })?.value, 3 * kept * 4, model_type);
    }
  });
});

describe('layers of hybrids', () => {
  it('Nemotron-H by its pattern, by its list and by the words of transformers 5', () => {
    const expected = 'mamba none full none';
    for (const said of [
      { hybrid_override_pattern: 'ME*-' },
      { layers_block_type: ['mamba', 'moe', 'attention', 'mlp'] },
      { layers_block_type: ['linear_attention', 'moe', 'full_attention', 'mlp'] },
      // The class counts the list, whatever else the file says.
      { layers_block_type: ['mamba', 'moe', 'attention', 'mlp'], num_hidden_layers: 52 },
    ]) {
      const part = first({ model_type: 'nemotron_h', ...said });
      assert.equal(kinds(part), expected);
      assert.deepEqual(
        part.layers.map(({ feedForward }) => feedForward.kind),
        ['none', 'experts', 'none', 'dense'],
      );
      assert.equal(part.positions, 'none');
    }
  });

  it('a word that Nemotron-H does not have is named', () => {
    const { problems } = describeModel({ model_type: 'nemotron_h', layers_block_type: ['mamba', 'rwkv'] });
    assert.deepEqual(
      problems.map(({ path, message }) => [path.join('.'), message]),
      [['layers_block_type.1', '"rwkv" is not a layer type known here.']],
    );
  });

  it('Granite 4 without routed experts has the shared network as a dense one', () => {
    const part = first({
      model_type: 'granitemoehybrid',
      num_hidden_layers: 2,
      num_local_experts: 0,
      intermediate_size: 512,
      shared_intermediate_size: 12800,
      layer_types: ['mamba', 'attention'],
    });
    assert.equal(kinds(part), 'mamba full');
    assert.deepEqual(part.layers[1]?.feedForward, { kind: 'dense', size: 12800, gated: true });
    assert.equal(part.layers[1].attention.rope, undefined, 'it has positions only where the file says rope');
  });

  it('Zamba2 has heads over the layer and the embedding side by side', () => {
    const part = first({ model_type: 'zamba2' });
    assert.deepEqual(
      part.layers.filter(({ attention }) => attention.kind === 'full').map(({ index }) => index),
      [6, 12, 18, 24, 30, 36, 42, 47, 51],
    );
    assert.equal(part.headDim, 160);
  });

  it('Zamba reads its shared block in the third layer, and each sixth from the eighth on', () => {
    const part = first({ model_type: 'zamba' });
    // ["mamba", "mamba", "hybrid"], then the layers whose number behind these leaves 4 (ZambaConfig of transformers 5.2).
    const readers = [2, ...Array.from({ length: 73 }, (_, i) => i + 3).filter((index) => (index - 3) % 6 === 4)];
    assert.deepEqual(
      part.layers.filter(({ attention }) => attention.kind === 'full').map(({ index }) => index),
      readers,
    );
    assert.deepEqual([readers.length, part.headDim], [13, 464]);
  });

  it('a shared block is stored once and multiplies for each layer that reads it', () => {
    const sizes = {
      hidden_size: 64,
      num_attention_heads: 4,
      intermediate_size: 32,
      num_hidden_layers: 5,
      vocab_size: 99,
    };
    const config = { ...sizes, architectures: ['ZambaForCausalLM'], model_type: 'zamba' };
    const of = (layers_block_type: readonly string[]) => {
      const model = describeModel({ ...config, layers_block_type });
      const split = decodeFlops(model, 0)?.split ?? [];
      return {
        flops: split.find(({ name }) => name === 'attention projections')?.value,
        stored: (expectedTensors(model) ?? []).filter(({ pattern }) => pattern.endsWith('self_attn.q_proj.weight'))
          .length,
      };
    };
    // Queries, keys, values: 128 x 128 each; the output: 128 x 64.
    const once = 2 * (3 * 128 * 128 + 128 * 64);
    assert.deepEqual(of(['mamba', 'mamba', 'hybrid', 'mamba', 'mamba']), { flops: once, stored: 1 });
    assert.deepEqual(of(['mamba', 'mamba', 'hybrid', 'mamba', 'hybrid']), { flops: 2 * once, stored: 1 });
  });

  it('LFM2 cuts its network to two thirds, up to a multiple of 256', () => {
    assert.equal(first({ model_type: 'lfm2', block_ff_dim: 12288 }).intermediateSize, 8192);
    assert.equal(
      first({ model_type: 'lfm2', intermediate_size: 10240, block_auto_adjust_ff_dim: false }).intermediateSize,
      10240,
    );
  });
});

describe('encoders keep no cache', () => {
  for (const model_type of [
    'albert',
    'beit',
    'big_bird',
    'clap',
    'deberta',
    'deberta-v2',
    'detr',
    'dpr',
    'electra',
    'hubert',
    'layoutlmv3',
    'longformer',
    'mpnet',
    'new',
    'segformer',
    'swin',
    'wav2vec2',
    'wav2vec2-conformer',
    'wavlm',
    'xlnet',
  ]) {
    it(model_type, () => {
      const model = describeModel({ model_type });
      assert.equal(kvBytesPerToken(model), 0);
      assert.ok((model.parts[0]?.layers.length ?? 0) > 0);
      for (const { layers } of model.parts)
        for (const { attention } of layers) assert.equal(attention.causal, false, model_type);
    });
  }

  it('ALBERT attends in every layer, and stores one', () => {
    const config = { model_type: 'albert', num_hidden_layers: 12, hidden_size: 768, num_attention_heads: 12 };
    const model = describeModel(config);
    assert.equal(model.parts[0]?.layers.length, 12);
    const stored = (expectedTensors(model) ?? []).filter(({ pattern }) => pattern.endsWith('attention.query.weight'));
    assert.equal(stored.length, 1);
    assert.equal(stored[0]?.layers, undefined);
  });

  it('Longformer has a window a layer, half of it on either side', () => {
    const part = first({ model_type: 'longformer', num_hidden_layers: 3, attention_window: [32, 64, 128] });
    assert.deepEqual(
      part.layers.map(({ attention }) => [attention.kind, attention.window]),
      [
        ['window', 32],
        ['window', 64],
        ['window', 128],
      ],
    );
  });

  it('the first ALBERT names neither type nor class', () => {
    const model = describeModel({
      hidden_size: 312,
      embedding_size: 128,
      num_hidden_layers: 4,
      num_attention_heads: 12,
      intermediate_size: 1248,
      type_vocab_size: 2,
      vocab_size: 21128,
      share_type: 'all',
    });
    assert.equal(model.family, 'albert');
  });

  it('Reformer has as many layers as its list has words', () => {
    const part = first({
      model_type: 'reformer',
      is_decoder: true,
      attn_layers: ['local', 'lsh'],
      num_hidden_layers: 6,
      feed_forward_size: 512,
      intermediate_size: 3072,
    });
    assert.equal(kinds(part), 'window full');
    assert.equal(part.layers[0]?.attention.window, 128);
    assert.equal(part.intermediateSize, 512);
  });
});

describe('towers in stages', () => {
  it('Swin tiny: 3, 6, 12 and 24 heads over 56, 28, 14 and 7 patches a side', () => {
    const part = first({ model_type: 'swin' });
    assert.deepEqual(stageRuns(part), [
      { layers: 2, heads: 3, headDim: 32, hiddenSize: 96, positions: 56 * 56 },
      { layers: 2, heads: 6, headDim: 32, hiddenSize: 192, positions: 28 * 28 },
      { layers: 6, heads: 12, headDim: 32, hiddenSize: 384, positions: 14 * 14 },
      { layers: 2, heads: 24, headDim: 32, hiddenSize: 768, positions: 7 * 7 },
    ]);
    assert.deepEqual(
      part.layers.slice(0, 2).map(({ attention }) => [attention.kind, attention.window, attention.note]),
      [
        ['chunked', 49, 'squares of 7 x 7 patches'],
        ['chunked', 49, 'squares of 7 x 7 patches, shifted by 3'],
      ],
    );
    assert.equal(part.layers[11]?.attention.kind, 'full', 'the last stage is one square');
    assert.equal(part.heads * part.headDim, part.hiddenSize);
  });

  it('a page is not square: Donut reads 2560 x 1920 pixels in squares of 10', () => {
    const part = first({
      model_type: 'donut-swin',
      image_size: [2560, 1920],
      embed_dim: 128,
      depths: [2, 2, 14, 2],
      num_heads: [4, 8, 16, 32],
      window_size: 10,
    });
    assert.deepEqual(
      stageRuns(part).map(({ positions }) => positions),
      [640 * 480, 320 * 240, 160 * 120, 80 * 60],
    );
    assert.equal(part.layers[0]?.attention.window, 100);
  });

  it('SegFormer B0 at 512: every stage but the last reads 256 keys for all of its positions', () => {
    const part = first({ model_type: 'segformer', image_size: 512 });
    assert.deepEqual(
      stageRuns(part).map(({ heads, hiddenSize, positions, sourcePositions }) => [
        heads,
        hiddenSize,
        positions,
        sourcePositions,
      ]),
      [
        [1, 32, 128 * 128, 256],
        [2, 64, 64 * 64, 256],
        [5, 160, 32 * 32, 256],
        [8, 256, 16 * 16, undefined],
      ],
    );
  });

  it('BEiT has the positions that its file names', () => {
    for (const [said, positions] of [
      [{}, 'none'],
      [{ use_relative_position_bias: true }, 'relative'],
      [{ use_absolute_position_embeddings: true }, 'learned'],
    ] as const)
      assert.equal(first({ model_type: 'beit', ...said }).positions, positions);
  });

  it('others have none', () => {
    assert.deepEqual(stageRuns(first({ model_type: 'vit' })), []);
    assert.deepEqual(stageRuns(first({ model_type: 'llama' })), []);
  });

  it('networks of convolutions say that they have no attention', () => {
    for (const [model_type, layers] of [
      ['resnet', 16],
      ['mobilenet_v2', 17],
      // Repeats of B7, 3.1 x [1, 2, 2, 3, 3, 4, 1], each up to the next whole number.
      ['efficientnet', 4 + 7 + 7 + 10 + 10 + 13 + 4],
    ] as const) {
      const part = first({ model_type });
      assert.equal(part.attention, 'none');
      assert.equal(part.layers.length, layers);
      for (const { attention } of part.layers) assert.equal(attention.note, 'a block of convolutions');
    }
  });
});

describe('a file without model_type is known by its class', () => {
  for (const [name, family] of [
    ['FalconForCausalLM', 'falcon'],
    ['FalconH1ForCausalLM', 'falcon_h1'],
    ['FalconMambaForCausalLM', 'falcon_mamba'],
    ['MambaForCausalLM', 'mamba'],
    ['Mamba2ForCausalLM', 'mamba2'],
    ['DebertaForMaskedLM', 'deberta'],
    ['DebertaV2ForMaskedLM', 'deberta-v2'],
    ['Dinov2Model', 'dinov2'],
    ['Dinov2WithRegistersModel', 'dinov2_with_registers'],
    ['ViTModel', 'vit'],
    ['ViTMAEForPreTraining', 'vit_mae'],
    ['SwinModel', 'swin'],
    ['Swinv2Model', 'swinv2'],
    ['BigBirdForMaskedLM', 'big_bird'],
    ['DPRQuestionEncoder', 'dpr'],
  ] as const) {
    it(`${name}: ${family}`, () => {
      assert.equal(describeModel({ architectures: [name], hidden_size: 64 }).family, family);
    });
  }
});

describe('T5', () => {
  const rows: readonly (readonly [config: object, gated: boolean, activation: string])[] = [
    [{}, false, 'relu'],
    [{ feed_forward_proj: 'gated-gelu' }, true, 'gelu_new'],
    [{ feed_forward_proj: 'gated-silu' }, true, 'silu'],
    // What the file says of it goes before what follows from the other key, as in T5Config of transformers 4.
    [{ feed_forward_proj: 'relu', is_gated_act: true, dense_act_fn: 'gelu_pytorch_tanh' }, true, 'gelu_pytorch_tanh'],
    [{ is_gated_act: true, dense_act_fn: 'gelu_new' }, true, 'gelu_new'],
  ];
  for (const [config, gated, activation] of rows) {
    it(`${JSON.stringify(config)}: ${gated ? 'gated, ' : ''}${activation}`, () => {
      const part = first({ model_type: 't5', ...config });
      assert.deepEqual([part.layers[0]?.feedForward.gated, part.activation], [gated, activation]);
      assert.equal(part.fields['is_gated_act']?.value, gated);
    });
  }
});

describe('names of tensors', () => {
  const found = (config: object) => {
    const model = describeModel(config);
    const tensors = (expectedTensors(model) ?? []).flatMap((tensor) =>
      [...tensorNames(tensor)].map((name) => ({ name, shape: tensor.shape })),
    );
    return { model, tensors };
  };

  it('PyTorch stores the positions of wav2vec 2.0 under two sets of names', () => {
    const { model, tensors } = found({ model_type: 'wav2vec2', architectures: ['Wav2Vec2Model'] });
    const renamed = tensors.map(({ name, shape }) => ({
      name: name
        .replace('conv.weight_g', 'conv.parametrizations.weight.original0')
        .replace('conv.weight_v', 'conv.parametrizations.weight.original1'),
      shape,
    }));
    const compared = compareTensors(model, renamed);
    assert.deepEqual([compared?.missing, compared?.unexpected], [[], []]);
  });

  it('tables that are computed are no surprise', () => {
    for (const [config, buffer] of [
      [{ model_type: 'marian' }, 'model.encoder.embed_positions.weight'],
      [{ model_type: 'swin' }, 'swin.encoder.layers.0.blocks.0.attention.self.relative_position_index'],
      [{ model_type: 'swinv2' }, 'swinv2.encoder.layers.0.blocks.0.attention.self.relative_coords_table'],
      [{ model_type: 'resnet' }, 'resnet.embedder.embedder.normalization.running_mean'],
      [{ model_type: 'detr' }, 'model.backbone.conv_encoder.model.layer1.0.bn1.weight'],
    ] as const) {
      const { model, tensors } = found(config);
      const compared = compareTensors(model, [...tensors, { name: buffer, shape: [1] }]);
      assert.deepEqual(compared?.unexpected, [], buffer);
      assert.deepEqual(compared.buffers, [buffer]);
    }
  });
});

const read = (folder: string, file = 'config.json'): unknown => {
  const parsed = parseConfig(readFileSync(join(corpus, folder, file), 'utf8'));
  assert.ok(parsed.ok);
  return parsed.value;
};

describe('published configs of these types', () => {
  const expected: Readonly<Record<string, string>> = {
    albert: 'albert',
    beit: 'beit',
    chatglm: 'chatglm',
    clap: 'clap',
    'deberta-v2': 'deberta-v2',
    detr: 'detr',
    dinov2: 'dinov2',
    dpr: 'dpr',
    electra: 'electra',
    gla: 'gla',
    granitemoehybrid: 'granitemoehybrid',
    hubert: 'hubert',
    layoutlmv3: 'layoutlmv3',
    lfm2: 'lfm2',
    longformer: 'longformer',
    marian: 'marian',
    mobilenet_v2: 'mobilenet_v2',
    modernbert: 'modernbert',
    modernbert_enc_dec: 'modernbert_enc_dec',
    mpnet: 'mpnet',
    nemotron_h: 'nemotron_h',
    new: 'gte',
    pegasus: 'pegasus',
    reformer: 'reformer',
    resnet: 'resnet',
    rwkv6: 'rwkv6',
    segformer: 'segformer',
    swin: 'swin',
    wav2vec2: 'wav2vec2',
    wavlm: 'wavlm',
    xlnet: 'xlnet',
  };
  for (const folder of folders) {
    const family = Object.hasOwn(expected, folder.replace(/--.*/, ''))
      ? expected[folder.replace(/--.*/, '')]
      : undefined;
    if (family === undefined) continue;
    it(folder, () => {
      const model = describeModel(read(folder));
      assert.equal(model.family, family);
      assert.ok(model.parts.every((part) => part.family !== 'generic'));
    });
  }

  const index = 'pytorch_model.bin.index.json';
  /** Bytes beside two for each parameter. */
  const glm: readonly (readonly [folder: string, words: number, beside: number])[] = [
    // 32 rotary frequencies in float16.
    ['chatglm--chatglm3-6b-32k', 65024, 64],
    ['chatglm--Kolors--chatglm3-text_encoder', 65024, 64],
    // Its shards are of the first release: 150,528 words, 57 norms in float32, 32 frequencies a layer.
    ['chatglm--chatglm-6b', 150528, 57 * 8192 * 2 + 28 * 64],
  ];
  for (const [folder, words, beside] of glm.filter(([name]) => existsSync(join(corpus, name, index)))) {
    it(`${folder}: names and bytes are those of its index`, () => {
      const config = read(folder) as Record<string, unknown>;
      const size = config['padded_vocab_size'] === undefined ? 'vocab_size' : 'padded_vocab_size';
      const model = describeModel({ ...config, [size]: words });
      const stored = read(folder, index) as {
        readonly weight_map: Readonly<Record<string, string>>;
        readonly metadata: { readonly total_size: number };
      };
      const shapes = new Map(
        (expectedTensors(model) ?? []).flatMap((tensor) =>
          [...tensorNames(tensor)].map((name) => [name, tensor.shape] as const),
        ),
      );
      const compared = compareTensors(
        model,
        Object.keys(stored.weight_map).map((name) => ({ name, shape: shapes.get(name) ?? [] })),
      );
      assert.deepEqual([compared?.missing, compared?.unexpected, compared?.mismatched], [[], [], []]);
      assert.equal(2 * (countParameters(model)?.total ?? 0) + beside, stored.metadata.total_size);
    });
  }
});
