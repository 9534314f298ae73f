import assert from 'node:assert/strict';
import { describeModel } from '../../../../models/formats/describe-model';
import { decodeFlops, imageFlops, prefillFlops } from '../../../../models/formats/estimates/flops';
import { kvBytesPerToken, kvCache, longestFitting } from '../../../../models/formats/estimates/kv-cache';
import { promptIndexPairs, promptPairs, readPositions } from '../../../../models/formats/estimates/pairs';
import { isExcluded, weightBytes } from '../../../../models/formats/estimates/weights';
import { readQuantisation } from '../../../../models/formats/config/quantisation';
import type { Attention, Layer, ModelDescription } from '../../../../models/formats/model-description';

const llama8b = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 128256,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  torch_dtype: 'bfloat16',
};
const deepseek = { architectures: ['DeepseekV3ForCausalLM'], model_type: 'deepseek_v3', torch_dtype: 'bfloat16' };

describe('KV cache', () => {
  const perToken: readonly (readonly [string, object, number])[] = [
    ['Llama 3.1 8B: 32 x 8 x (128 + 128) x 2', llama8b, 131_072],
    ['Llama 2 7B: 32 x 32 x 256 x 2', { ...llama8b, num_key_value_heads: 32 }, 524_288],
    ['DeepSeek-V3 latents: 61 x (512 + 64) x 2', deepseek, 70_272],
    ['Falcon 7B: 32 x 1 x 128 x 2', { model_type: 'falcon', torch_dtype: 'bfloat16' }, 8_192],
    ['BERT keeps none', { model_type: 'bert' }, 0],
    ['T5: 6 x 8 x 128 x 4', { model_type: 't5', architectures: ['T5ForConditionalGeneration'] }, 24_576],
    ['Jamba: 4 attention layers of 32', { model_type: 'jamba', torch_dtype: 'bfloat16' }, 4 * 8 * 256 * 2],
    [
      'shared layers add nothing',
      {
        model_type: 'gemma3n_text',
        hidden_size: 64,
        num_hidden_layers: 4,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 32,
        num_kv_shared_layers: 2,
        dtype: 'float16',
      },
      2 * 64 * 2,
    ],
  ];
  for (const [name, config, bytes] of perToken) {
    it(name, () => {
      assert.equal(kvBytesPerToken(describeModel(config)), bytes);
    });
  }

  it('key/value heads under a name that the class ignores change nothing, unless code of its own reads them', () => {
    const { num_key_value_heads: _own, ...config } = llama8b;
    const misnamed = { ...config, num_kv_heads: 8 };
    assert.equal(kvBytesPerToken(describeModel(misnamed)), 524_288);
    assert.equal(kvBytesPerToken(describeModel({ ...misnamed, auto_map: { AutoConfig: 'a.B' } })), 131_072);
  });

  it('DeepSeek-V3 with keys and values of every head', () => {
    assert.equal(kvBytesPerToken(describeModel(deepseek), { latents: 'expanded' }), 61 * 128 * (192 + 128) * 2);
  });

  it('a window keeps no more than itself', () => {
    const model = describeModel({ model_type: 'gemma2', torch_dtype: 'bfloat16' });
    const layer = 4 * 512 * 2;
    assert.equal(kvCache(model, { length: 2048 })?.value, 26 * layer * 2048);
    assert.equal(kvCache(model, { length: 8192 })?.value, 13 * layer * 8192 + 13 * layer * 4096);
  });

  it('grows with the batch and splits without a rest', () => {
    const cache = kvCache(describeModel(llama8b), { length: 1000, batch: 3 });
    assert.equal(cache?.value, 3 * 1000 * 131_072);
    assert.equal(
      cache?.split.reduce((sum, { value }) => sum + value, 0),
      cache?.value,
    );
  });

  it('is split by kind of layer, and says what a kind keeps', () => {
    const windows = 'window and chunk layers keep no more positions than they can read';
    const cases: readonly (readonly [object, readonly string[], boolean])[] = [
      [llama8b, ['full layers'], false],
      [deepseek, ['latent layers'], false],
      [{ model_type: 'gemma2' }, ['layers with a window of 4096', 'full layers'], true],
      [{ model_type: 'llama4_text' }, ['layers in chunks of 8192', 'full layers'], true],
    ];
    for (const [config, names, isBounded] of cases) {
      const cache = kvCache(describeModel(config), { length: 100 });
      assert.deepEqual(cache?.split.map(({ name }) => name).sort(), [...names].sort());
      assert.equal(cache?.assumptions.includes(windows), isBounded, names.join());
    }
  });

  it("Whisper's decoder reads the 1,500 positions of its encoder besides", () => {
    const cache = kvCache(describeModel({ model_type: 'whisper' }), { length: 100 });
    assert.ok(
      cache?.assumptions.includes('4 layers keep keys and values of 1500 positions that they read besides'),
      cache?.assumptions.join(),
    );
  });

  it('has the bytes of its dtype, in every spelling', () => {
    const sizes: Readonly<Record<string, number>> = {
      ...{ float64: 8, float32: 4, float: 4, fp32: 4, bfloat16: 2, bf16: 2, float16: 2, half: 2, fp16: 2 },
      ...{ float8_e4m3fn: 1, float8_e5m2: 1, fp8: 1, int8: 1, fp4: 0.5 },
    };
    for (const [dtype, bytes] of Object.entries(sizes))
      assert.equal(kvBytesPerToken(describeModel(llama8b), { dtype }), (131_072 / 2) * bytes, dtype);
  });

  it('of less than one token fits nowhere', () => {
    assert.equal(longestFitting(describeModel(llama8b), 131_071), 0);
    assert.equal(longestFitting(describeModel(llama8b), 131_072), 1);
  });

  it('the longest that fits is the last that fits', () => {
    const model = describeModel({ model_type: 'gemma2', torch_dtype: 'bfloat16' });
    const limit = 500_000_000;
    const length = longestFitting(model, limit);
    assert.ok((kvCache(model, { length })?.value ?? 0) <= limit);
    assert.ok((kvCache(model, { length: length + 1 })?.value ?? 0) > limit);
  });
});

describe('KV cache of uncommon layers', () => {
  const base = { kind: 'full', causal: true, heads: 4, kvHeads: 1, headDim: 16, valueDim: 16 } as const;
  /** A stack of the given layers, as a family would describe it. */
  const modelOf = (layers: readonly Partial<Layer>[], more: Partial<ModelDescription> = {}): ModelDescription => {
    const model = describeModel({ ...llama8b, num_hidden_layers: layers.length });
    const [part] = model.parts;
    assert.ok(part);
    const own = layers.map((layer, index) => ({ ...(part.layers[index] as Layer), ...layer }));
    return { ...model, exact: false, parts: [{ ...part, layers: own }], ...more };
  };

  it('one vector for key and value is kept once', () => {
    const model = modelOf([{ attention: { ...base, keyIsValue: true } }, { attention: base }]);
    assert.equal(kvBytesPerToken(model), (16 + 32) * 2);
    assert.equal(kvCache(model, { length: 10 })?.value, 10 * (16 + 32) * 2);
  });

  it('compressed layers keep their window and one entry a group, an indexer a key a group', () => {
    const compressed = { ratio: 4, window: 8 };
    const indexer = { heads: 2, headDim: 6, topK: 3 };
    const model = modelOf([{ attention: { ...base, keyIsValue: true, compressed, indexer } }]);
    // 8 of the window and 25 groups of 4; 25 keys of the indexer.
    assert.equal(kvCache(model, { length: 100 })?.value, ((8 + 25) * 16 + 25 * 6) * 2);
    assert.equal(kvBytesPerToken(model), ((16 + 6) / 4) * 2);
  });

  it('an indexer keeps a key for each position beside latents', () => {
    const config = { ...deepseek, num_hidden_layers: 1 };
    const [part] = describeModel(config).parts;
    assert.ok(part?.layers[0]);
    const { attention } = part.layers[0];
    const model = modelOf([{ attention: { ...attention, indexer: { heads: 64, headDim: 128, topK: 2048 } } }]);
    // DeepSeek-V3.2: the latent of 512, the rotary key of 64, the index key of 128.
    assert.equal(kvBytesPerToken(model), (512 + 64 + 128) * 2);
  });

  it('cross-attention keeps what it reads, which no token adds to', () => {
    const cross = { ...base, causal: false, sourcePositions: 50 };
    const model = modelOf([{ attention: { ...base, kind: 'none' }, crossAttention: cross }, { attention: base }]);
    assert.equal(kvBytesPerToken(model), 32 * 2);
    assert.equal(kvCache(model, { length: 10 })?.value, (10 + 50) * 32 * 2);
  });

  it('is counted in the bits that the checkpoint names, with states in the dtype of the model', () => {
    const quantisation = readQuantisation({ quant_method: 'modelopt', kv_cache_scheme: { num_bits: 8 } }, []);
    const linear = { ...base, kind: 'linear', stateElements: 100 } as const;
    const model = modelOf([{ attention: base }, { attention: linear }], { quantisation });
    assert.equal(kvCache(model, { length: 10 })?.value, 10 * 32 + 100 * 2);
    assert.equal(kvCache(model, { length: 10, dtype: 'float16' })?.value, 10 * 32 * 2 + 100 * 2);
  });
});

/** Pairs counted one by one, straight from what the kinds mean. */
function countPairs({ kind, window = Infinity, causal }: Attention, length: number): number {
  let pairs = 0;
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) {
      if (causal && key > query) continue;
      if (kind === 'window' && (causal ? query - key >= window : Math.abs(query - key) > Math.floor(window / 2)))
        continue;
      if (kind === 'chunked' && Math.floor(query / window) !== Math.floor(key / window)) continue;
      pairs++;
    }
  }
  return pairs;
}

describe('FLOPs', () => {
  const sizes = { heads: 2, kvHeads: 1, headDim: 8, valueDim: 8 };
  for (const kind of ['full', 'window', 'chunked'] as const) {
    for (const causal of [true, false]) {
      for (const length of [1, 7, 16, 33]) {
        it(`pairs of ${causal ? 'causal' : 'two-sided'} ${kind} at ${length}`, () => {
          const attention: Attention = { kind, causal, ...sizes, ...(kind === 'full' ? {} : { window: 8 }) };
          assert.equal(promptPairs(attention, length), countPairs(attention, length));
        });
      }
    }
  }

  for (const length of [1, 3, 4, 11, 12, 13, 50]) {
    it(`pairs of compressed and of chosen keys at ${length}`, () => {
      const own = { kind: 'full', causal: true, ...sizes } as const;
      const indexer = { heads: 2, headDim: 4, topK: 3 };
      const counted = (attention: Attention): number =>
        Array.from({ length }, (_, index) => readPositions(attention, index + 1)).reduce((sum, n) => sum + n, 0);
      for (const attention of [
        { ...own, indexer },
        { ...own, compressed: { ratio: 4, window: 8 } },
        { ...own, compressed: { ratio: 4, window: 8 }, indexer },
      ]) {
        let groups = 0;
        let pairs = 0;
        for (let position = 1; position <= length; position++) {
          const wholeGroups = 'compressed' in attention ? Math.floor(position / 4) : position;
          groups += wholeGroups;
          const chosen = 'indexer' in attention ? Math.min(3, wholeGroups) : wholeGroups;
          pairs += chosen + ('compressed' in attention ? Math.min(8, position) : 0);
        }
        assert.equal(promptPairs(attention, length), pairs);
        assert.equal(counted(attention), pairs);
        assert.equal(promptIndexPairs(attention, length), 'indexer' in attention ? groups : 0);
      }
    });
  }

  it('a token costs two operations a weight but the embedding, and its scores', () => {
    const model = describeModel(llama8b);
    const norms = 65 * 4096;
    const weights = 8_030_261_248 - 128_256 * 4096 - norms;
    const scores = 32 * 32 * 1001 * (2 * 256 + 5);
    assert.equal(decodeFlops(model, 1000)?.value, 2 * weights + scores);
  });

  it('a tied head is multiplied all the same', () => {
    const [tied, own] = [true, false].map((tie_word_embeddings) =>
      decodeFlops(describeModel({ ...llama8b, tie_word_embeddings }), 0),
    );
    assert.equal(tied?.value, own?.value);
  });

  it('decoding one by one costs what the prompt costs, the head apart', () => {
    const model = describeModel({ ...llama8b, num_hidden_layers: 2 });
    const head = 2 * 4096 * 128_256;
    let sum = 0;
    for (let context = 0; context < 20; context++) sum += (decodeFlops(model, context)?.value ?? 0) - head;
    assert.equal(sum + head, prefillFlops(model, 20)?.value);
  });

  it('an image through ViT base is 17.5 billion multiply-adds', () => {
    // Dosovitskiy et al. (arXiv:2010.11929) and timm give 17.6 GMACs for 224 pixels, patch 16.
    const [part] = describeModel({ model_type: 'vit' }).parts;
    assert.ok(part);
    const macs = (imageFlops(part)?.value ?? 0) / 2e9;
    assert.ok(Math.abs(macs - 17.5) < 0.2, String(macs));
  });

  it('an image whose patches have no known size is counted without them', () => {
    const [part] = describeModel({ model_type: 'vit' }).parts;
    assert.ok(part?.image?.tokens);
    const { patch: _patch, ...image } = part.image;
    // 16 x 16 pixels of 3 colours to 768 numbers, for each of the tokens.
    const patches = 2 * 16 * 16 * 3 * 768 * part.image.tokens;
    assert.equal(imageFlops({ ...part, image })?.value, (imageFlops(part)?.value ?? 0) - patches);
  });
});

describe('towers in stages', () => {
  it('Swin-T is 4.5 billion multiply-adds', () => {
    // Liu et al. (arXiv:2103.14030), table 1: 4.5 G; merging of patches, 0.08 G by hand, is not counted here.
    const [part] = describeModel({ model_type: 'swin', architectures: ['SwinForImageClassification'] }).parts;
    assert.ok(part);
    const macs = (imageFlops(part)?.value ?? 0) / 2e9;
    assert.ok(Math.abs(macs - 4.4) < 0.15, String(macs));
  });

  it('have no work per token: 9,216 positions of the first stage become 144 in the last', () => {
    for (const model_type of ['swin', 'segformer']) {
      const model = describeModel({ model_type });
      assert.ok((model.parts[0]?.layers.length ?? 0) > 0, model_type);
      assert.equal(decodeFlops(model, 0), undefined, model_type);
      assert.equal(prefillFlops(model, 16), undefined, model_type);
    }
    assert.ok(decodeFlops(describeModel({ model_type: 'vit' }), 0), 'a tower of one width');
  });
});

describe('dtype', () => {
  const sizes = { model_type: 'llama', hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 2 };
  const rows: readonly (readonly [string, object, string | undefined, string | undefined])[] = [
    ['written', { ...sizes, torch_dtype: 'torch.float16', bf16: true }, 'float16', undefined],
    [
      'in the text part of a thinker',
      { thinker_config: { text_config: { dtype: 'bfloat16' } } },
      'bfloat16',
      undefined,
    ],
    ['in a thinker', { thinker_config: { torch_dtype: 'bfloat16' } }, 'bfloat16', undefined],
    ['a switch of the first Qwen', { model_type: 'qwen', fp16: false, bf16: true }, 'bfloat16', 'bf16 is true'],
    [
      'beside FP8 weights',
      { ...sizes, quantization_config: { quant_method: 'fp8' } },
      'bfloat16',
      'usual beside weights quantised by fp8',
    ],
    [
      'beside GPTQ weights',
      { ...sizes, quantization_config: { quant_method: 'gptq', bits: 4 } },
      'float16',
      'usual beside weights quantised by gptq',
    ],
    ['not said', sizes, undefined, undefined],
  ];
  for (const [name, config, dtype, from] of rows) {
    it(name, () => {
      const model = describeModel(config);
      assert.deepEqual([model.dtype, model.dtypeFrom], [dtype, from]);
    });
  }

  it('every estimate says what it took', () => {
    const model = describeModel({ ...sizes, bf16: true });
    assert.ok(kvCache(model, { length: 1 })?.assumptions.includes('numbers in bfloat16 (bf16 is true)'));
    assert.ok(weightBytes(model)?.assumptions.includes('numbers in bfloat16 (bf16 is true)'));
    const silent = describeModel(sizes);
    assert.ok(weightBytes(silent)?.assumptions.includes('numbers in float32 (the config names no dtype)'));
  });
});

describe('bytes of weights', () => {
  it('mixed precision counts each module in its own bits', () => {
    const config = { ...llama8b, num_hidden_layers: 2, vocab_size: 10 };
    const layer = (index: number, part: string): string => `model.layers.${index}.${part}`;
    const quantization_config = {
      quant_method: 'modelopt',
      quant_algo: 'MIXED_PRECISION',
      quantized_layers: {
        [layer(0, 'self_attn.q_proj')]: { quant_algo: 'FP8' },
        [layer(0, 'mlp.up_proj')]: { quant_algo: 'NVFP4', group_size: 16 },
        [layer(1, 'mlp.up_proj')]: { quant_algo: 'NVFP4', group_size: 16 },
      },
    };
    const plain = weightBytes(describeModel(config))?.value ?? 0;
    const query = 4096 * 4096;
    const up = 2 * 4096 * 14336;
    // The query of layer 1 stays in bfloat16; a scale of 8 bits for 16 weights, and each matrix has one for itself and one for its input.
    const saved = query * (2 - 1) + up * (2 - 0.5 - 1 / 16) - 3 * 8;
    assert.equal(weightBytes(describeModel({ ...config, quantization_config }))?.value, plain - saved);
  });

  it('mixed precision that lists the experts of a layer as one module', () => {
    const config = { ...deepseek, num_hidden_layers: 2, first_k_dense_replace: 0 };
    const quantization_config = {
      quant_method: 'modelopt',
      quant_algo: 'MIXED_PRECISION',
      quantized_layers: { 'model.layers.0.mlp.experts': { quant_algo: 'NVFP4', group_size: 16 } },
    };
    const plain = weightBytes(describeModel(config))?.value ?? 0;
    const found = weightBytes(describeModel({ ...config, quantization_config }))?.value ?? 0;
    // The experts of layer 0 alone, their shared one not: 4 bits and a scale of 8 bits for 16 weights, two scales a matrix.
    assert.equal(plain - found, 256 * 3 * (7168 * 2048 * (2 - 0.5 - 1 / 16) - 8));
  });

  it('experts in FP4 beside FP8 blocks have bits and scales of their own', () => {
    const config = {
      ...deepseek,
      num_hidden_layers: 1,
      first_k_dense_replace: 0,
      quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] },
    };
    const experts = 256 * 3 * 7168 * 2048;
    const eight = weightBytes(describeModel(config))?.value ?? 0;
    const four = weightBytes(describeModel({ ...config, expert_dtype: 'fp4' }))?.value ?? 0;
    const scale = 32 / (128 * 128);
    assert.equal(eight - four, (experts * (8 + scale - (4 + 8 / 32))) / 8);
  });

  it('bfloat16 is two bytes a parameter', () => {
    assert.equal(weightBytes(describeModel(llama8b))?.value, 2 * 8_030_261_248);
  });

  it('mixed precision of a module outside the layers: the head in 8 bits', () => {
    const quantization_config = {
      quant_method: 'modelopt',
      quant_algo: 'MIXED_PRECISION',
      quantized_layers: { lm_head: { quant_algo: 'FP8' } },
    };
    assert.equal(
      weightBytes(describeModel({ ...llama8b, quantization_config }))?.value,
      2 * 8_030_261_248 - 128_256 * 4096 + 8,
    );
  });

  /**
   * One layer: q and o are 256 x 256, k and v 128 x 256, gate and up 512 x 256, down 256 x 512, in all 589,824 numbers; embedding and
   * head 1,000 x 256 each and three norms of 256, which take 2 x 512,768 = 1,025,536 bytes where they are left alone. Rows of the
   * seven: 2,048, of which 256 (down) have 512 inputs.
   */
  const small = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 1000,
    hidden_size: 256,
    intermediate_size: 512,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    torch_dtype: 'bfloat16',
  };
  const compressed = (format: string, weights: object, input_activations: object | null = null): object => ({
    quant_method: 'compressed-tensors',
    format,
    config_groups: { group_0: { targets: ['Linear'], weights, input_activations } },
  });
  const methods: readonly (readonly [string, object, number])[] = [
    // 294,912 bytes of numbers; zero points 2 x 1,792 / 2 + 4 x 256 / 2; scales twice 2 x 1,792 + 4 x 256; g_idx 4 x (6 x 256 + 512).
    ['GPTQ', { quant_method: 'gptq', bits: 4, group_size: 128, sym: true }, 1_025_536 + 294_912 + 2304 + 9216 + 8192],
    // As GPTQ, without g_idx.
    ['AWQ', { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemm' }, 1_025_536 + 294_912 + 2304 + 9216],
    [
      // Two numbers of 8 bytes give the shape of each of the seven.
      'compressed-tensors, int4',
      compressed('pack-quantized', { num_bits: 4, type: 'int', strategy: 'group', group_size: 128, symmetric: true }),
      1_025_536 + 294_912 + 9216 + 7 * 16,
    ],
    [
      // Zero points of 8 rows in 4 bytes, a group each: 4 x (224 x 2 + 32 x 4).
      'compressed-tensors, int4 with zero points',
      compressed('pack-quantized', { num_bits: 4, type: 'int', strategy: 'group', group_size: 128, symmetric: false }),
      1_025_536 + 294_912 + 9216 + 7 * 16 + 2304,
    ],
    [
      // A scale a row.
      'compressed-tensors, int8',
      compressed('int-quantized', { num_bits: 8, type: 'int', strategy: 'channel', symmetric: true }),
      1_025_536 + 589_824 + 2 * 2048,
    ],
    [
      'compressed-tensors, FP8 by rows',
      compressed('float-quantized', { num_bits: 8, type: 'float', strategy: 'channel', symmetric: true }),
      1_025_536 + 589_824 + 2 * 2048,
    ],
    [
      // A scale of 8 bits for 16 numbers, and one of 32 a matrix.
      'compressed-tensors, NVFP4',
      compressed('nvfp4-pack-quantized', { num_bits: 4, type: 'float', strategy: 'tensor_group', group_size: 16 }),
      1_025_536 + 294_912 + 36_864 + 7 * 4,
    ],
    [
      'compressed-tensors, MXFP4',
      compressed('mxfp4-pack-quantized', { num_bits: 4, type: 'float', strategy: 'group', group_size: 32 }),
      1_025_536 + 294_912 + 18_432,
    ],
    [
      // Attention: 196,608 numbers in 8 bits with a scale for each of 768 rows. Networks: 393,216 in 4 bits, a scale for 128 of them,
      // 2 x 512 x 2 + 256 x 4, and the shape of each matrix.
      'compressed-tensors, two groups',
      {
        quant_method: 'compressed-tensors',
        format: 'mixed-precision',
        config_groups: {
          group_0: {
            targets: ['re:.*self_attn.*'],
            format: 'int-quantized',
            weights: { num_bits: 8, type: 'int', strategy: 'channel', symmetric: true },
          },
          group_1: {
            targets: ['Linear'],
            format: 'pack-quantized',
            weights: { num_bits: 4, type: 'int', strategy: 'group', group_size: 128, symmetric: true },
          },
        },
        ignore: ['lm_head'],
      },
      1_025_536 + 196_608 + 2 * 768 + 196_608 + 2 * (1024 * 2 + 256 * 4) + 3 * 16,
    ],
    [
      // Only the network is in a group, by its names.
      'compressed-tensors, two groups that leave attention out',
      {
        quant_method: 'compressed-tensors',
        format: 'int-quantized',
        config_groups: {
          group_0: { targets: ['model.layers.0.mlp.down_proj'], weights: { num_bits: 8, strategy: 'tensor' } },
          group_1: { targets: ['re:.*mlp[.](gate|up)_proj'], weights: { num_bits: 8, strategy: 'channel' } },
        },
      },
      1_025_536 + 2 * 196_608 + 393_216 + 2 + 2 * 1024,
    ],
    // Blocks: q and o 4 each, k and v 2 each, the others 8 each: 36 scales of 4 bytes.
    ['FP8 in blocks', { quant_method: 'fp8', weight_block_size: [128, 128] }, 1_025_536 + 589_824 + 36 * 4],
    // Scales of weight and of input, 4 bytes each.
    ['modelopt, FP8', { quant_method: 'modelopt', quant_algo: 'FP8' }, 1_025_536 + 589_824 + 7 * 8],
    ['modelopt, NVFP4', { quant_method: 'modelopt', quant_algo: 'NVFP4' }, 1_025_536 + 294_912 + 36_864 + 7 * 8],
    // 9,216 blocks of 64, and a table of 16 numbers a matrix.
    ['bitsandbytes', { quant_method: 'bitsandbytes', load_in_4bit: true }, 1_025_536 + 294_912 + 4 * 9216 + 7 * 64],
    [
      // Scales in a byte, 36 blocks of 256 of them, and a table of 256 numbers a matrix.
      'bitsandbytes, double quantisation',
      { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_use_double_quant: true },
      1_025_536 + 294_912 + 9216 + 36 * 4 + 7 * (64 + 1024),
    ],
    // A scale of 4 bytes a row, and a byte that names the order.
    ['bitsandbytes, 8 bits', { quant_method: 'bitsandbytes', load_in_8bit: true }, 1_025_536 + 589_824 + 4 * 2048 + 7],
    // 1,101,824 numbers with embedding and head, 17,216 groups with scale and offset of 2 bytes each; norms of 1,536 bytes.
    ['MLX', { bits: 4, group_size: 64 }, 1536 + 550_912 + 17_216 * 4],
    // The head stays: 1,000 x 256 of 2 bytes; the down projection has 8 bits, in groups of 32.
    [
      'MLX, mixed',
      { bits: 4, group_size: 64, lm_head: false, 'model.layers.0.mlp.down_proj': { bits: 8, group_size: 32 } },
      1536 + 512_000 + (845_824 - 131_072) / 2 + ((845_824 - 131_072) / 64) * 4 + 131_072 + 4096 * 4,
    ],
  ];
  for (const [name, quantization_config, bytes] of methods) {
    it(`of ${name}`, () => {
      assert.equal(weightBytes(describeModel({ ...small, quantization_config }))?.value, bytes);
    });
  }

  it('an index says which matrices are quantised, and names biases that the model does not have', () => {
    const quantization_config = { quant_method: 'gptq', bits: 4, group_size: 128 };
    const names = ['qweight', 'qzeros', 'scales', 'g_idx', 'bias'].map(
      (part) => `model.layers.0.mlp.down_proj.${part}`,
    );
    const whole = 2 * (589_824 + 512_768);
    // The down projection: numbers 65,536, zero points 512, scales 2,048, g_idx 2,048, and a bias of 256 numbers.
    assert.equal(
      weightBytes(describeModel({ ...small, quantization_config }), names)?.value,
      whole - 2 * 131_072 + 65_536 + 512 + 2048 + 2048 + 512,
    );
  });

  it('GPT-OSS 120B in mxfp4 is the bytes of its published tensors', () => {
    const bytes = weightBytes(
      describeModel({
        architectures: ['GptOssForCausalLM'],
        model_type: 'gpt_oss',
        quantization_config: {
          quant_method: 'mxfp4',
          modules_to_not_convert: [
            'model.layers.*.self_attn',
            'model.layers.*.mlp.router',
            'model.embed_tokens',
            'lm_head',
          ],
        },
      }),
    )?.value;
    // total_size of the published index.
    assert.equal(bytes, 65_248_815_744);
  });

  const exclusions: readonly (readonly [string, readonly string[], boolean])[] = [
    ['lm_head.weight', ['lm_head'], true],
    ['model.layers.{layer}.self_attn.q_proj.weight', ['re:.*self_attn.*'], true],
    ['model.layers.{layer}.mlp.up_proj.weight', ['re:.*self_attn.*'], false],
    ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', ['re:(a+)+$'], false],
  ];
  for (const [name, excluded, expected] of exclusions) {
    it(`${name} under ${excluded.join(' ')}`, () => {
      assert.equal(isExcluded(name, excluded), expected);
    });
  }
});
