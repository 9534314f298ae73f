import assert from 'node:assert/strict';
import { describeModel } from '../../../../models/formats/describe-model';
import { decodeFlops, imageFlops, prefillFlops, promptPairs } from '../../../../models/formats/estimates/flops';
import { kvBytesPerToken, kvCache, longestFitting } from '../../../../models/formats/estimates/kv-cache';
import { isExcluded, weightBytes } from '../../../../models/formats/estimates/weights';
import type { Attention } from '../../../../models/formats/model-description';

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

  it('the longest that fits is the last that fits', () => {
    const model = describeModel({ model_type: 'gemma2', torch_dtype: 'bfloat16' });
    const limit = 500_000_000;
    const length = longestFitting(model, limit);
    assert.ok((kvCache(model, { length })?.value ?? 0) <= limit);
    assert.ok((kvCache(model, { length: length + 1 })?.value ?? 0) > limit);
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
});

describe('bytes of weights', () => {
  it('bfloat16 is two bytes a parameter', () => {
    assert.equal(weightBytes(describeModel(llama8b))?.value, 2 * 8_030_261_248);
  });

  it('4 bits in groups of 128 leave embedding and head alone', () => {
    const quantization_config = { quant_method: 'gptq', bits: 4, group_size: 128, sym: true };
    const bytes = weightBytes(describeModel({ ...llama8b, quantization_config }))?.value ?? 0;
    const matrices = 32 * (4096 * (4096 + 1024 + 1024) + 4096 * 4096 + 3 * 4096 * 14336);
    assert.equal(bytes, 2 * (8_030_261_248 - matrices) + (matrices * (4 + 16 / 128)) / 8);
  });

  it('GPT-OSS 120B in mxfp4 is the 60.8 GiB of its download', () => {
    const bytes = weightBytes(
      describeModel({
        architectures: ['GptOssForCausalLM'],
        model_type: 'gpt_oss',
        torch_dtype: 'bfloat16',
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
    assert.ok(Math.abs((bytes ?? 0) / 2 ** 30 - 60.8) < 0.3, String((bytes ?? 0) / 2 ** 30));
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
