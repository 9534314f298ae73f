import assert from 'node:assert/strict';
import { describeModel } from '../../../../../models/formats/describe-model';
import { publishedDevice, type ServingDevice } from '../../../../../models/formats/estimates/serving/devices';
import { expectedExperts } from '../../../../../models/formats/estimates/serving/expected-experts';
import type { Operator } from '../../../../../models/formats/estimates/serving/operators';
import { usualRequest, type ServingRequest } from '../../../../../models/formats/estimates/serving/request';
import { servingCost, type ServingCost } from '../../../../../models/formats/estimates/serving/serving';
import type { ModelDescription } from '../../../../../models/formats/model-description';

const device = (id: string): ServingDevice => {
  const found = publishedDevice(id);
  assert.ok(found, id);
  return found;
};
const a100 = device('a100-80gb');

const costOf = (model: ModelDescription, changes: Partial<ServingRequest> = {}): ServingCost => {
  const outcome = servingCost(model, { ...usualRequest(changes.device ?? a100), ...changes });
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.why);
  return outcome.cost;
};
const named = ({ operators }: ServingCost['decode'], name: string): Operator => {
  const found = operators.find((operator) => operator.name === name);
  assert.ok(found, `${name} of ${operators.map((operator) => operator.name).join(', ')}`);
  return found;
};
const near = (found: number, expected: number, within = 1e-9): void =>
  assert.ok(Math.abs(found / expected - 1) <= within, `${found} for ${expected}`);
const memoryOf = (operator: Operator): number => operator.weightBytes + operator.cacheBytes + operator.activationBytes;

const llama7b = describeModel({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  torch_dtype: 'float16',
});
const llama8b = describeModel({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 128256,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  torch_dtype: 'bfloat16',
});
const mixtral = describeModel({
  architectures: ['MixtralForCausalLM'],
  model_type: 'mixtral',
  torch_dtype: 'bfloat16',
});
const deepseek = describeModel({
  architectures: ['DeepseekV3ForCausalLM'],
  model_type: 'deepseek_v3',
  torch_dtype: 'bfloat16',
});

describe('Llama 2 7B on an A6000, 2048 tokens, by the formulas of LLM-Viewer (arXiv:2402.16363)', () => {
  // One layer, by hand: operations 2 x in x out x rows, bytes 2 x (in x out + in x rows + out x rows).
  const cost = costOf(llama7b, { device: device('rtx-a6000'), prompt: 2048, context: 2047 });
  const published: readonly (readonly ['prefill' | 'decode', string, number, number, number, 'compute' | 'memory'])[] =
    [
      ['prefill', 'self_attn.q_proj', 68_719_476_736, 67_108_864, 1024, 'compute'],
      ['prefill', 'self_attn.o_proj', 68_719_476_736, 67_108_864, 1024, 'compute'],
      ['prefill', 'mlp.gate_proj', 184_683_593_728, 152_043_520, 1214.68, 'compute'],
      ['prefill', 'mlp.down_proj', 184_683_593_728, 152_043_520, 1214.68, 'compute'],
      ['decode', 'self_attn.q_proj', 33_554_432, 33_570_816, 0.9995, 'memory'],
      ['decode', 'mlp.up_proj', 90_177_536, 90_207_744, 0.9997, 'memory'],
    ];
  for (const [phase, name, flops, bytes, intensity, bound] of published) {
    it(`${name} of the ${phase}`, () => {
      const operator = named(cost[phase], name);
      near(operator.flops / 32, flops);
      near(memoryOf(operator) / 32, bytes);
      near(operator.flops / memoryOf(operator), intensity, 1e-4);
      assert.equal(operator.bound, bound);
    });
  }

  it('q_proj of a prompt takes 69 GFLOP at 154.8 TFLOP/s, in 32 layers', () => {
    near(named(cost.prefill, 'self_attn.q_proj').seconds, (32 * 2 * 2048 * 4096 * 4096) / 154.8e12);
  });

  it('a token reads keys and values of all positions: 2 x 2048 x 32 x 128 numbers a layer, 17 million each', () => {
    // 16.8 MB for Q K^T and as many for P V.
    near(named(cost.decode, 'scores').cacheBytes / 32, 2 * 2048 * 4096 * 2);
    near(named(cost.decode, 'scores').flops / 32, 32 * 2048 * (2 * 128 + 2 * 128 + 5));
  });
});

describe('what a token of Llama 3.1 8B takes on an H100', () => {
  // 8,030,261,248 parameters, 2 bytes each, without the table of the embedding: 128,256 x 4,096.
  const read = 2 * (8_030_261_248 - 128_256 * 4096);

  it('reads all weights but the embedding, and so takes 4.5 ms at 3.35 TB/s', () => {
    const { decode } = costOf(llama8b, { device: device('h100-sxm'), context: 0 });
    const weights = decode.operators.filter(({ part }) => part !== 'embedding');
    near(
      weights.reduce((sum, { weightBytes }) => sum + weightBytes, 0),
      read,
    );
    near(decode.seconds, read / 3.35e12, 0.01);
    assert.ok(decode.operators.every(({ bound }) => bound === 'memory'));
  });

  it('reads 131,072 bytes of cache a position', () => {
    const { decode, figures } = costOf(llama8b, { context: 9999, batch: 3 });
    near(named(decode, 'scores').cacheBytes, 3 * 10_000 * 131_072);
    near(figures.cache.value, 3 * 9999 * 131_072);
  });

  it('becomes bound by arithmetic at a batch above the ridge: 989.5 TFLOP/s over 3.35 TB/s are 295 FLOP a byte', () => {
    const bound = (batch: number): string =>
      named(costOf(llama8b, { device: device('h100-sxm'), batch }).decode, 'mlp.up_proj').bound;
    // 2 x batch FLOPs for 2 bytes of a weight, and what is read and written of the rows.
    assert.equal(bound(256), 'memory');
    assert.equal(bound(400), 'compute');
  });

  it('with 4-bit weights reads a quarter, scales and the head in 16 bits apart', () => {
    const { figures } = costOf(llama8b, { weightBits: 4 });
    const matrices = 32 * (4096 * (4096 + 1024 + 1024) + 4096 * 4096 + 3 * 4096 * 14336);
    near(figures.weights.value, (matrices * (4 + 16 / 128)) / 8 + 2 * (8_030_261_248 - matrices));
  });

  it('with an 8-bit cache reads 8 bits and a float16 scale for 64 numbers', () => {
    const { decode } = costOf(llama8b, { cacheBits: 8, context: 0 });
    near(named(decode, 'scores').cacheBytes, (131_072 / 2) * (1 + 16 / 64 / 8));
  });

  it('the largest batch is the last that fits', () => {
    const request = { context: 8000, prompt: 4000 };
    const largest = costOf(llama8b, request).figures.largestBatch.value;
    assert.ok(largest > 40 && largest < 64, String(largest));
    assert.equal(costOf(llama8b, { ...request, batch: largest }).fits, true);
    assert.equal(costOf(llama8b, { ...request, batch: largest + 1 }).fits, false);
  });

  it('does not fit where the weights do not: Mixtral on 80 GB', () => {
    const { figures, fits } = costOf(mixtral);
    assert.equal(figures.largestBatch.value, 0);
    assert.equal(fits, false);
  });
});

describe('experts', () => {
  it('of a batch: counted over all choices of 3 tokens among 4 experts, one each', () => {
    let distinct = 0;
    for (let a = 0; a < 4; a++)
      for (let b = 0; b < 4; b++) for (let c = 0; c < 4; c++) distinct += new Set([a, b, c]).size;
    near(expectedExperts(4, 1, 3), distinct / 64);
  });

  it('of one token are those it is sent to, of many all', () => {
    near(expectedExperts(8, 2, 1), 2);
    near(expectedExperts(256, 8, 1e6), 256);
    assert.equal(expectedExperts(0, 0, 5), 0);
  });

  it('Mixtral reads 2 of 8 experts for a token, 8 x (1 - 0.75^4) for 4', () => {
    const expert = 32 * 3 * 4096 * 14336 * 2;
    const read = (batch: number): number =>
      costOf(mixtral, { batch })
        .decode.operators.filter(({ name }) => /experts/.test(name))
        .reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    near(read(1), 2 * expert);
    near(read(4), 8 * (1 - 0.75 ** 4) * expert);
  });

  it('DBRX, whose experts lie below one another in one tensor, reads 4 of 16 for a token', () => {
    const model = describeModel({
      model_type: 'dbrx',
      architectures: ['DbrxForCausalLM'],
      d_model: 6144,
      n_heads: 48,
      n_layers: 40,
      attn_config: { kv_n_heads: 8 },
      ffn_config: { ffn_hidden_size: 10752, moe_num_experts: 16, moe_top_k: 4 },
      torch_dtype: 'bfloat16',
    });
    const experts = costOf(model).decode.operators.filter(({ name }) => /experts/.test(name));
    near(
      experts.reduce((sum, { weightBytes }) => sum + weightBytes, 0),
      40 * 4 * 3 * 6144 * 10752 * 2,
    );
  });

  it('narrower than the stream read and multiply as much as they hold (Kimi K3)', () => {
    const config = {
      architectures: ['KimiK3ForConditionalGeneration'],
      model_type: 'kimi_k3',
      text_config: {
        model_type: 'kimi_linear',
        hidden_size: 512,
        routed_expert_hidden_size: 256,
        moe_intermediate_size: 128,
        intermediate_size: 1024,
        num_hidden_layers: 3,
        first_k_dense_replace: 1,
        num_experts: 32,
        num_experts_per_token: 4,
        num_shared_experts: 2,
        num_attention_heads: 4,
        vocab_size: 1000,
        kv_lora_rank: 64,
        qk_nope_head_dim: 32,
        qk_rope_head_dim: 16,
        v_head_dim: 32,
        dtype: 'bfloat16',
      },
    };
    const used = 2 * 4 * 3 * 256 * 128;
    const { decode } = costOf(describeModel(config));
    const routed = decode.operators.filter(
      ({ name }) => /experts\.(gate|up|down)_proj/.test(name) && !/shared/.test(name),
    );
    near(
      routed.reduce((sum, { weightBytes }) => sum + weightBytes, 0),
      2 * used,
    );
    near(
      routed.reduce((sum, { flops }) => sum + flops, 0),
      2 * used,
    );
  });

  it('computes with the 12.9 billion active parameters that Mixtral publishes (arXiv:2401.04088), but the embedding', () => {
    const { decode } = costOf(mixtral, { context: 0 });
    const attention = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024);
    const used = attention + 32 * (2 * 3 * 4096 * 14336 + 8 * 4096) + 32000 * 4096;
    assert.equal(((used + 32000 * 4096) / 1e9).toFixed(1), '12.9');
    near(decode.flops - named(decode, 'scores').flops, 2 * used);
  });
});

describe('latent attention of DeepSeek-V3', () => {
  it('decodes over the latent: 576 numbers a position and layer, one copy for all heads', () => {
    const scores = named(costOf(deepseek, { context: 999 }).decode, 'scores over latents');
    near(scores.cacheBytes, 61 * 1000 * 576 * 2);
    // 128 heads, keys of 512 + 64, values of 512.
    near(scores.flops, 61 * 128 * 1000 * (2 * 576 + 2 * 512 + 5));
  });

  it('expanded it keeps 128 heads of 192 + 128', () => {
    const scores = named(costOf(deepseek, { context: 999, latents: 'expanded' }).decode, 'scores over latents');
    near(scores.cacheBytes, 61 * 1000 * 128 * 320 * 2);
    near(scores.flops, 61 * 128 * 1000 * (2 * 192 + 2 * 128 + 5));
  });

  it('holds 671 billion parameters, of which a token reads 37', () => {
    const { figures, decode } = costOf(deepseek, { weightBits: 16, context: 0 });
    near(figures.weights.value / 2, 671e9, 0.001);
    near(decode.operators.reduce((sum, { weightBytes }) => sum + weightBytes, 0) / 2, 37e9, 0.02);
  });

  it('shares no latent between devices, but its heads', () => {
    const [one, eight] = [1, 8].map((tensorParallel) =>
      named(costOf(deepseek, { tensorParallel }).decode, 'scores over latents'),
    );
    assert.equal(one?.cacheBytes, eight?.cacheBytes);
    near(one?.flops ?? 0, 8 * (eight?.flops ?? 0));
  });
});

describe('layers that do not read everything', () => {
  it('a window of Gemma 2: 13 layers read 4,096 positions of 8,001', () => {
    const gemma = describeModel({ model_type: 'gemma2', torch_dtype: 'bfloat16' });
    const { decode } = costOf(gemma, { context: 8000 });
    near(named(decode, 'scores').cacheBytes, 13 * 8001 * 4 * 512 * 2);
    near(named(decode, 'scores, window of 4096').cacheBytes, 13 * 4096 * 4 * 512 * 2);
  });

  const [part] = llama8b.parts;
  assert.ok(part);
  const changed = (attention: object): ModelDescription => ({
    ...llama8b,
    exact: false,
    parts: [
      { ...part, layers: part.layers.map((layer) => ({ ...layer, attention: { ...layer.attention, ...attention } })) },
    ],
  });

  it('a state is read and written by each token, whatever the context', () => {
    const model = changed({ kind: 'mamba', stateElements: 131_072 });
    const states = (context: number): number =>
      named(costOf(model, { context, batch: 5 }).decode, 'recurrent state').cacheBytes;
    assert.equal(states(10), 5 * 32 * 2 * 131_072 * 2);
    assert.equal(states(100_000), states(10));
  });

  it('an indexer scores all positions and reads those it chose', () => {
    const model = changed({ indexer: { heads: 64, headDim: 128, topK: 2048 } });
    const scores = named(costOf(model, { context: 9999 }).decode, 'scores, 2048 chosen');
    near(scores.cacheBytes, 32 * (2048 * 2048 + 10_000 * 128) * 2);
    near(scores.flops, 32 * (32 * 2048 * 517 + 64 * 10_000 * (2 * 128 + 3)));
  });

  it('compressed positions: a window of 100 and one key for each 4 positions of all', () => {
    const model = changed({ compressed: { ratio: 4, window: 100 } });
    near(
      named(costOf(model, { context: 499 }).decode, 'scores, compressed 4:1').cacheBytes,
      32 * (100 + 125) * 2048 * 2,
    );
  });

  it('a layer that reads the cache of another writes none, and reads it all the same', () => {
    const model = changed({ sharesKvOf: 0 });
    const { prefill, decode, figures } = costOf(model, { context: 999 });
    near(named(decode, 'scores, shared cache').cacheBytes, 1000 * 131_072);
    assert.equal(named(prefill, 'scores, shared cache').cacheBytes, 0);
    assert.equal(figures.cache.value, 0);
  });

  it('cross-attention reads the image: its keys are written by the prompt and mapped once', () => {
    const model: ModelDescription = {
      ...llama8b,
      exact: false,
      parts: [
        {
          ...part,
          layers: part.layers.map((layer) => ({
            ...layer,
            crossAttention: { ...layer.attention, causal: false, sourcePositions: 1601 },
          })),
        },
      ],
    };
    const { prefill, decode } = costOf(model, { batch: 2 });
    near(named(decode, 'scores over another part').cacheBytes, 2 * 1601 * 131_072);
    near(named(prefill, 'cross_attn.k_proj').flops, 32 * 2 * 2 * 1601 * 4096 * 1024);
    assert.ok(!decode.operators.some(({ name }) => name === 'cross_attn.k_proj'));
  });
});

describe('figures of a batch', () => {
  const cost = costOf(llama8b, { batch: 16, prompt: 100 });
  const { figures, prefill, decode } = cost;

  it('tokens per second are those of all sequences', () => {
    near(figures.throughput.value, 16 / figures.timePerToken.value);
    near(figures.promptThroughput.value, 1600 / figures.timeToFirstToken.value);
  });

  it('the activation of a gated network reads two inner rows and writes one: 3 x 14,336 numbers a token and layer', () => {
    near(named(decode, 'activation').activationBytes, 32 * 16 * 3 * 14_336 * 2);
    near(named(prefill, 'activation').activationBytes, 32 * 1600 * 3 * 14_336 * 2);
  });

  it('a matrix with a bias is one operator a layer, and its rows are counted once', () => {
    // Qwen2 7B: biases at query, key and value.
    const model = describeModel({
      model_type: 'qwen2',
      architectures: ['Qwen2ForCausalLM'],
      hidden_size: 3584,
      intermediate_size: 18944,
      num_hidden_layers: 28,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      vocab_size: 152064,
      dtype: 'bfloat16',
    });
    const query = named(costOf(model).decode, 'self_attn.q_proj');
    assert.equal(query.count, 28);
    near(query.activationBytes, 28 * (3584 + 3584) * 2);
    near(query.weightBytes, 28 * (3584 * 3584 + 3584) * 2);
  });

  it('says what holds for some models alone', () => {
    const has = (model: ModelDescription, words: RegExp): boolean =>
      costOf(model).figures.timePerToken.assumptions.some((one) => words.test(one));
    const mllama = describeModel({ model_type: 'mllama_text_model' });
    for (const [words, model] of [
      [/^tokens choose experts at random/, mixtral],
      [/^a prompt holds one image/, mllama],
    ] as const) {
      for (const one of [llama8b, mixtral, mllama]) assert.equal(has(one, words), one === model, String(words));
    }
  });
});

describe('a measured device', () => {
  const calls = { prefill: { graphs: 3, nodes: 40 }, decode: { graphs: 5, nodes: 70 } };
  const rates = {
    ...{ weightBytes: 10e9, products: 1e12, scores: 0.5e12, scorePasses: 4e9, passes: 8e9 },
    ...{ node: 1e-5, graph: 2e-4, calls },
  };
  const cost = costOf(llama7b, { device: { ...a100, rates }, kernels: 'plain', prompt: 512, context: 511 });

  it('takes its time for the calls of graphs and operators', () => {
    near(named(cost.prefill, 'calls of graphs and operators').seconds, 3 * 2e-4 + 40 * 1e-5);
    near(named(cost.decode, 'calls of graphs and operators').seconds, 5 * 2e-4 + 70 * 1e-5);
  });

  it('runs products, scores and passes each at its own rate, one after the other', () => {
    // 2 x 512 x 4,096 x 4,096 operations a layer; what a product reads and writes is in its rate.
    near(named(cost.prefill, 'self_attn.q_proj').seconds, (32 * 2 * 512 * 4096 * 4096) / 1e12);
    // A single row reads the weights.
    near(named(cost.decode, 'self_attn.q_proj').seconds, (32 * 2 * 4096 * 4096) / 10e9);
    // Products of scores, four of six passes over 32 x 512 x 512 scores of 2 bytes, and keys and values left in the cache.
    const scores = 32 * 512 * 512;
    const products = (scores * (2 * 128 + 2 * 128 + 5)) / 0.5e12;
    const passes = (4 * 2 * scores) / 4e9;
    const cache = (2 * 512 * 4096 * 2) / 8e9;
    near(named(cost.prefill, 'scores').seconds, 32 * (products + passes + cache));
  });
});

describe('published devices', () => {
  // From the data sheets: TFLOP/s of dense float16 products, GB/s, GB.
  const published: readonly (readonly [string, number, number, number])[] = [
    ['v100-32gb', 125, 900, 32],
    ['t4', 65, 320, 16],
    ['a100-40gb', 312, 1555, 40],
    ['a100-80gb', 312, 2039, 80],
    ['rtx-a6000', 154.8, 768, 48],
    ['rtx-3090', 71, 936, 24],
    ['rtx-4090', 165.2, 1008, 24],
    ['l4', 121, 300, 24],
    ['l40s', 362, 864, 48],
    ['h100-pcie', 756.5, 2000, 80],
    ['h100-sxm', 989.5, 3350, 80],
    ['h200-sxm', 989.5, 4800, 141],
    ['b200', 2250, 8000, 180],
    ['mi300x', 1307.4, 5300, 192],
    ['tpu-v5e', 197, 819, 16],
    ['tpu-v5p', 459, 2765, 95],
  ];
  for (const [id, teraflops, bandwidth, memory] of published) {
    it(id, () => {
      const { peak, bandwidth: own, memory: held } = device(id);
      assert.deepEqual([peak.float16, own, held], [teraflops * 1e12, bandwidth * 1e9, memory * 1e9]);
    });
  }
});

describe('plain graphs store the scores', () => {
  // Llama 2 7B in float16, by hand: 32 heads of 128, so 8,192 numbers of query and output and 8,192 of new key and value a token.
  const plain = costOf(llama7b, { kernels: 'plain', prompt: 512, context: 511 });

  it('of a prompt of 512: 32 x 512 x 512 of them, passed over six times, beside queries, outputs, keys and values', () => {
    near(named(plain.prefill, 'scores').activationBytes / 32, 16_777_216 + 6 * 16_777_216);
    near(named(plain.prefill, 'scores').flops / 32, 32 * 512 * 512 * (2 * 128 + 2 * 128 + 5));
  });

  it('of a token that reads 512: 32 x 512 of them, beside one query and output', () => {
    near(named(plain.decode, 'scores').activationBytes / 32, 16_384 + 6 * 32_768);
  });

  it('fused kernels store none', () => {
    const fused = costOf(llama7b, { prompt: 512, context: 511 });
    near(named(fused.prefill, 'scores').activationBytes / 32, 16_777_216);
    near(named(fused.decode, 'scores').activationBytes / 32, 16_384);
  });
});

describe('several devices', () => {
  it('each holds its share, and sends 2 (p - 1) / p of the rows after each branch', () => {
    const one = costOf(llama8b, { batch: 16 });
    const four = costOf(llama8b, { batch: 16, tensorParallel: 4 });
    const gate = (cost: ServingCost): Operator => named(cost.decode, 'mlp.gate_proj');
    near(gate(one).flops, 4 * gate(four).flops);
    near(gate(one).weightBytes, 4 * gate(four).weightBytes);
    const sums = named(four.decode, 'sums after branches');
    near(sums.networkBytes, 64 * 2 * (3 / 4) * 16 * 4096 * 2);
    near(sums.seconds, sums.networkBytes / 300e9);
    assert.equal(sums.bound, 'network');
    near(one.figures.cache.value, 4 * four.figures.cache.value);
  });

  it('they add up the embedding as well, and gather the pieces of the logits', () => {
    const four = costOf(llama8b, { batch: 16, tensorParallel: 4 });
    const embedding = named(four.decode, 'sum after the embedding');
    assert.equal(embedding.count, 1);
    near(embedding.networkBytes, 2 * (3 / 4) * 16 * 4096 * 2);
    const logits = named(four.decode, 'logits gathered');
    assert.equal(logits.count, 1);
    near(logits.networkBytes, (3 / 4) * 16 * 128_256 * 2);
  });

  it('a layer that is attention or network alone has one sum', () => {
    const model = describeModel({ model_type: 'nemotron_h', hybrid_override_pattern: 'M*-', num_hidden_layers: 3 });
    assert.equal(named(costOf(model, { tensorParallel: 4 }).decode, 'sums after branches').count, 3);
  });

  it('eight key/value heads on 16 devices lie on two each', () => {
    const scores = (tensorParallel: number): Operator => named(costOf(llama8b, { tensorParallel }).decode, 'scores');
    near(scores(1).cacheBytes, 8 * scores(16).cacheBytes);
    near(scores(1).flops, 16 * scores(16).flops);
  });

  // Bytes of activations of one row of a product in one layer, in numbers of 2 bytes.
  const passed = (model: ModelDescription, tensorParallel: number, name: string, layers: number): number => {
    const request = { device: device('h100-sxm'), tensorParallel, batch: 3, prompt: 100 };
    return named(costOf(model, request).prefill, name).activationBytes / (2 * 300 * layers);
  };

  it('read whole inputs where a matrix is cut by columns, and write whole outputs where it is cut by rows', () => {
    // Llama 3.1 8B over 8 devices: 4 of 32 heads of 128, 1 of 8 key/value heads, 1,792 of 14,336.
    const byHand = {
      'self_attn.q_proj': 4096 + 4 * 128,
      'self_attn.k_proj': 4096 + 128,
      'self_attn.v_proj': 4096 + 128,
      'self_attn.o_proj': 4 * 128 + 4096,
      'mlp.gate_proj': 4096 + 1792,
      'mlp.up_proj': 4096 + 1792,
      'mlp.down_proj': 1792 + 4096,
    };
    for (const [name, numbers] of Object.entries(byHand)) near(passed(llama8b, 8, name, 32), numbers);
    const request = { device: device('h100-sxm'), tensorParallel: 8, batch: 16, prompt: 2048 };
    const { prefill } = costOf(llama8b, request);
    near(
      Object.keys(byHand).reduce((sum, name) => sum + named(prefill, name).activationBytes, 0),
      2 * 32_768 * 32 * (7 * 4096 + 2 * 512 + 2 * 128 + 3 * 1792),
    );
    // Logits of the last position of each prompt: a whole row in, an eighth of 128,256 out.
    near(named(prefill, 'lm_head').activationBytes, 2 * 16 * (4096 + 16_032));
    // 2 x 4,096 x 128 operations for 2 x (4,096 + 128) bytes are 124 a byte, below the ridge of 295.
    assert.equal(named(prefill, 'self_attn.k_proj').bound, 'memory');
    assert.equal(named(prefill, 'self_attn.q_proj').bound, 'compute');
  });

  it('cut matrices of other layouts on the side that does not face the stream', () => {
    const gpt2 = describeModel({ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], torch_dtype: 'float16' });
    // Stored as [inputs, outputs]: 768 to 3 x 768, and 768 to 4 x 768 and back, over 4 devices.
    near(passed(gpt2, 4, 'attn.c_attn', 12), 768 + (3 * 768) / 4);
    near(passed(gpt2, 4, 'mlp.c_fc', 12), 768 + 768);
    near(passed(gpt2, 4, 'mlp.c_proj', 12), 768 + 768);
    // Two experts for each token.
    near(passed(mixtral, 4, 'block_sparse_moe.experts.w1', 32), 2 * (4096 + 14_336 / 4));
    near(passed(mixtral, 4, 'block_sparse_moe.experts.w2', 32), 2 * (14_336 / 4 + 4096));
    near(passed(mixtral, 4, 'block_sparse_moe.gate', 32), 4096 + 8);
    // Latents are whole on each device: 7,168 to 1,536 to 16 of 128 heads of 192; 512 to 16 heads of 128 + 128.
    near(passed(deepseek, 8, 'self_attn.q_a_proj', 61), 7168 + 1536);
    near(passed(deepseek, 8, 'self_attn.q_b_proj', 61), 1536 + 16 * 192);
    near(passed(deepseek, 8, 'self_attn.kv_b_proj', 61), 512 + 16 * 256);
    near(passed(deepseek, 8, 'self_attn.o_proj', 61), 16 * 128 + 7168);
  });

  it('repeat the key/value heads of a fused matrix that do not divide', () => {
    // 32 heads of 128 and 2 key/value heads over 8 devices: 4 heads, and one key and one value head on each.
    const fused = describeModel({
      model_type: 'chatglm',
      architectures: ['ChatGLMForConditionalGeneration'],
      hidden_size: 4096,
      num_layers: 28,
      num_attention_heads: 32,
      kv_channels: 128,
      multi_query_attention: true,
      multi_query_group_num: 2,
      ffn_hidden_size: 13_696,
      padded_vocab_size: 65_024,
      add_qkv_bias: false,
      torch_dtype: 'float16',
    });
    near(passed(fused, 8, 'self_attention.query_key_value', 28), 4096 + 6 * 128);
    // Rows of queries and outputs of 4 heads, and new keys and values of one.
    near(passed(fused, 8, 'scores', 28), 8 * 128 + 2 * 128);
  });

  it('need a link', () => {
    const outcome = servingCost(llama8b, { ...usualRequest(device('m1-max')), tensorParallel: 2 });
    assert.ok(!outcome.ok && outcome.why.includes('Apple M1 Max'));
  });
});

describe('arithmetic', () => {
  it('is that of 8 bits where weights and rows have no more', () => {
    const h100 = device('h100-sxm');
    const seconds = (weightBits: 8 | 16, activationBits: 8 | 16): number =>
      named(costOf(llama8b, { device: h100, weightBits, activationBits }).prefill, 'mlp.gate_proj').seconds;
    near(seconds(16, 16), 2 * seconds(8, 8), 1e-6);
    near(seconds(8, 16), seconds(16, 16), 1e-6);
  });

  it('is float32 on a device that publishes no other', () => {
    const { prefill } = costOf(llama8b, { device: device('m1-max'), prompt: 1000 });
    near(named(prefill, 'mlp.gate_proj').seconds, (32 * 2 * 1000 * 4096 * 14336) / 10.4e12);
  });
});

describe('a decoder with a tower that is called an encoder', () => {
  it('is served: the tower is none that the decoder reads layer by layer (the first MiniCPM-V)', () => {
    const model = describeModel({
      model_type: 'minicpmv',
      hidden_size: 2304,
      num_hidden_layers: 40,
      num_attention_heads: 36,
      intermediate_size: 5760,
      vocab_size: 122753,
      image_size: 448,
      query_num: 64,
      vision_encoder: 'vit_so400m_patch14_siglip_384.webli',
      tie_word_embeddings: false,
      torch_dtype: 'bfloat16',
    });
    assert.ok(model.parts.some(({ name }) => name === 'vision_encoder'));
    // Keys and values of 36 heads of 64, 40 layers, 2 bytes, 2,048 positions.
    near(costOf(model, { context: 2048 }).figures.cache.value, 2 * 36 * 64 * 40 * 2 * 2048, 1e-3);
  });
});

describe('models that are not served', () => {
  for (const [name, config] of [
    ['an encoder', { model_type: 'bert' }],
    ['an encoder before the decoder', { model_type: 't5', architectures: ['T5ForConditionalGeneration'] }],
    ['an encoder of sound before the decoder', { model_type: 'whisper' }],
    ['a file without sizes', {}],
  ] as const) {
    it(`${name} gets a sentence`, () => {
      const outcome = servingCost(describeModel(config), usualRequest(a100));
      assert.ok(!outcome.ok && outcome.why.endsWith('.'));
    });
  }
});

describe('matrices that layers share', () => {
  it('are read again in each layer, and held once', () => {
    const zamba = (types: readonly string[]) =>
      costOf(
        describeModel({
          ...{ architectures: ['ZambaForCausalLM'], model_type: 'zamba', hidden_size: 64, num_attention_heads: 4 },
          ...{ intermediate_size: 32, num_hidden_layers: types.length, vocab_size: 99, torch_dtype: 'float16' },
          layers_block_type: types,
        }),
      );
    const [one, two] = [
      zamba(['mamba', 'hybrid', 'mamba', 'mamba']),
      zamba(['mamba', 'hybrid', 'mamba', 'hybrid']),
    ] as const;
    // Queries read the stream and the embedding side by side, 128 x 128 numbers of 2 bytes.
    for (const [cost, layers] of [
      [one, 1],
      [two, 2],
    ] as const) {
      const query = named(cost.decode, 'shared_transf.self_attn.q_proj');
      assert.deepEqual([query.count, query.weightBytes], [layers, layers * 2 * 128 * 128]);
    }
    // The second layer that reads them has a map of its own, 64 x 64.
    near(two.figures.weights.value - one.figures.weights.value, 2 * 64 * 64);
  });
});
