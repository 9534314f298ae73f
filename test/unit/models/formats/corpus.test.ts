import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../../models/formats/config/parse-config';
import { describeModel, isModelConfig } from '../../../../models/formats/describe-model';
import { decodeFlops, prefillFlops } from '../../../../models/formats/estimates/flops';
import { kvCache } from '../../../../models/formats/estimates/kv-cache';
import { weightBytes } from '../../../../models/formats/estimates/weights';
import type { ModelDescription, ModelPart } from '../../../../models/formats/model-description';
import { compareTensors, innerName } from '../../../../models/formats/compare-tensors';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { corpus, corpusModels as folders } from '../../../support/corpus';

const read = (name: string, file: string): unknown => {
  const parsed = parseConfig(readFileSync(join(corpus, name, file), 'utf8'));
  assert.ok(parsed.ok);
  return parsed.value;
};

/** Stacks whose attention has no heads, or none that the keys give. */
const headless = /rwkv|mamba|resnet|segformer|swin/;

/** Files of which no part with heads is read, each for its reason; a test says so when one of them is. */
const withoutHeads = new Map([
  ['SegformerForSemanticSegmentation--RMBG-1.4', 'a network of convolutions under the type of another'],
  ['mobilenet_v2--mobilenet-v2', 'a network of convolutions'],
  ['convnext--cropdoctor', 'a network of convolutions'],
  ['flowstate--hf_granite-flowstate-small', 'a state space model'],
]);

function assertPlausible(part: ModelPart): void {
  const where = `${part.name}/${part.family}`;
  assert.ok(part.hiddenSize >= 8 && part.hiddenSize <= 65_536, `${where}: hidden size ${part.hiddenSize}`);
  assert.ok(part.layers.length <= 256, `${where}: ${part.layers.length} layers`);
  for (const { attention, feedForward } of part.layers) {
    assert.ok(
      Number.isInteger(attention.headDim) && attention.headDim <= 1024,
      `${where}: head of ${attention.headDim}`,
    );
    if (attention.heads > 0 && attention.kvHeads > 0) {
      assert.ok(attention.kvHeads <= attention.heads, `${where}: ${attention.kvHeads} of ${attention.heads}`);
      assert.equal(attention.heads % attention.kvHeads, 0, where);
    }
    if (attention.window !== undefined) assert.ok(attention.window > 0, where);
    if (attention.rope !== undefined) assert.ok(part.ropes[attention.rope] !== undefined, where);
    if (feedForward.experts) assert.ok(feedForward.experts.perToken <= feedForward.experts.count, where);
  }
  for (const { theta, dimensions } of part.ropes) {
    assert.ok(theta >= 100 && theta <= 1e12, `${where}: theta ${theta}`);
    assert.ok(dimensions % 2 === 0, `${where}: ${dimensions} rotated dimensions`);
  }
}

describe('published configs', () => {
  for (const name of folders) {
    it(name, () => {
      const config = read(name, 'config.json');
      assert.ok(isModelConfig(config));
      const model = describeModel(config);
      const wrong = model.problems.filter(({ code }) => code === 'wrong-type' || code === 'out-of-range');
      assert.deepEqual(wrong, [], 'a valid file has no field that cannot be read');
      for (const part of model.parts) assertPlausible(part);
      const heads = model.parts[0]?.heads ?? 0;
      const reason = withoutHeads.get(name);
      if (reason !== undefined) assert.equal(heads, 0, `heads are read now; it was ${reason}`);
      else if (!headless.test(name)) assert.ok(heads > 0, 'the main part has heads');
      const context = model.parts[0]?.contextLength ?? 2048;
      for (const estimate of [
        kvCache(model, { length: context }),
        decodeFlops(model, context),
        prefillFlops(model, context),
        weightBytes(model),
      ]) {
        assert.ok(estimate === undefined || (Number.isFinite(estimate.value) && estimate.value >= 0));
      }
      if (model.exact) assert.ok((countParameters(model)?.total ?? 0) > 100_000);
    });
  }
});

describe('families of published configs', () => {
  if (folders.length === 0) return;
  it('at most 8 in 100 have a part that no family knows', () => {
    const unknown = folders.filter((name) =>
      describeModel(read(name, 'config.json')).parts.some(({ family }) => family === 'generic'),
    );
    assert.ok(unknown.length <= 0.08 * folders.length, unknown.join(', '));
  });
});

const bytesOf: Readonly<Record<string, number>> = { float32: 4, bfloat16: 2, float16: 2 };

/** Bytes of tensors that checkpoints hold beside the parameters. */
function storedBytes(model: ModelDescription, names: readonly string[]): number {
  const total = countParameters(model)?.total ?? 0;
  const bytes = bytesOf[model.dtype ?? ''] ?? 0;
  const main = model.parts[0];
  if (main === undefined) return 0;
  // Rotary frequencies, float32 whatever the rest is stored in, and a second copy of tied embeddings.
  const frequencies = names.filter((name) => name.endsWith('inv_freq')).length * (main.headDim / 2) * 4;
  const copy =
    model.tiedEmbeddings.value && names.some((name) => innerName(name) === 'lm_head.weight')
      ? (main.vocabularySize ?? 0) * main.hiddenSize * bytes
      : 0;
  return total * bytes + frequencies + copy;
}

/**
 * Files that say another dtype or quantisation than their shards were written in, by their own note or by the sizes: the
 * remaining ones must agree to the byte.
 */
const otherwise = new Set([
  // The encoder alone, by a config that names neither class nor dtype.
  't5--stable-diffusion-webui-forge-Chroma-text_encoder',
  // Layers for further tokens, and state parameters in float32.
  'qwen3_5--Qwen3.5-masidy',
  'gemma3--medgemma-27b-it',
  'qwen--Qwen-VL-Chat-Int4',
  // T5's table of words stands there three times.
  'blip-2--CloudComputer_Final-blip2',
  // Shards in float32, of a file that says float16.
  'minicpmv--MiniCPM-Llama3-V-2_5',
  'stablelm_epoch--stable-code-3b',
  // Rotary frequencies in half precision.
  'llama--llama-7b-hf-decapoda',
  'chatglm--Kolors--chatglm3-text_encoder',
  'chatglm--chatglm3-6b-32k',
  // An index from before 20,000 words were taken out of the config.
  'chatglm--chatglm-6b',
  // No dtype; the totals are in the test of decoders' totals.
  'telechat--telechat-12B',
  'telechat--telechat-7B',
]);

describe('published indexes of shards', () => {
  for (const name of folders) {
    const file = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'].find((each) =>
      existsSync(join(corpus, name, each)),
    );
    if (file === undefined) continue;
    const model = describeModel(read(name, 'config.json'));
    const tensors = expectedTensors(model);
    if (tensors === undefined) continue;
    const index = read(name, file) as {
      readonly weight_map: Readonly<Record<string, string>>;
      readonly metadata?: { readonly total_size?: number };
    };
    const names = Object.keys(index.weight_map);
    const size = index.metadata?.total_size ?? 0;
    if (model.quantisation !== undefined) {
      it(`${name}: the bytes of quantised weights are those of the index`, () => {
        assert.equal(weightBytes(model, names)?.value, size);
      });
      continue;
    }

    it(`${name}: the names are those that are there`, () => {
      const shapes = new Map(
        tensors.flatMap((tensor) => [...tensorNames(tensor)].map((known) => [innerName(known), tensor.shape] as const)),
      );
      const found = names.map((known) => ({ name: known, shape: shapes.get(innerName(known)) ?? [] }));
      const compared = compareTensors(model, found);
      assert.deepEqual(compared?.missing, []);
      assert.deepEqual(compared?.unexpected, []);
    });

    if (size === 0 || otherwise.has(name)) continue;
    it(`${name}: the bytes are those of the index`, () => {
      assert.equal(storedBytes(model, names), size);
    });
  }
});

describe('parameters of published models of several parts', () => {
  // As the hub counts them in the safetensors headers.
  const totals: readonly (readonly [folder: string, total: number])[] = [
    ['gemma4--gemma-4-26B-A4B', 25_805_936_206],
    // Its file holds further key and value projections that no loader reads.
    ['gemma4--gemma-4-E2B-it', 5_104_298_467],
    ['lfm2_vl--LFM2.5-VL-1.6B', 1_596_625_904],
  ];
  for (const [name, total] of totals) {
    if (!folders.includes(name)) continue;
    it(name, () => assert.equal(countParameters(describeModel(read(name, 'config.json')))?.total, total));
  }
});

// Without the corpus these stand in for its odd but valid things.
describe('odd but valid configs', () => {
  const rows: readonly (readonly [
    what: string,
    config: unknown,
    of: (part: ModelPart) => unknown,
    expected: unknown,
  ])[] = [
    [
      'heads times width is not the hidden size',
      { model_type: 'qwen3', hidden_size: 1024, num_attention_heads: 16, head_dim: 128 },
      (part) => [part.headDim, part.heads],
      [128, 16],
    ],
    [
      'a null head_dim is derived',
      { model_type: 'llama', hidden_size: 4096, num_attention_heads: 32, head_dim: null },
      (part) => part.headDim,
      128,
    ],
    [
      'absent key/value heads are the heads',
      { model_type: 'llama', num_attention_heads: 52 },
      (part) => part.kvHeads,
      52,
    ],
    [
      'head_dim means something else under MLA',
      {
        model_type: 'glm_moe_dsa',
        hidden_size: 6144,
        num_hidden_layers: 2,
        num_attention_heads: 64,
        head_dim: 64,
        kv_lora_rank: 512,
        qk_nope_head_dim: 192,
        qk_rope_head_dim: 64,
        v_head_dim: 256,
      },
      (part) => [part.attention, part.headDim, part.valueDim],
      ['mla', 256, 256],
    ],
    [
      'use_mla false switches the ranks off',
      {
        model_type: 'x',
        hidden_size: 1280,
        num_hidden_layers: 2,
        num_attention_heads: 10,
        use_mla: false,
        kv_lora_rank: 512,
        v_head_dim: 0,
      },
      (part) => [part.attention, part.valueDim],
      ['mha', 128],
    ],
    [
      'multi_query and grouped heads in Falcon',
      {
        model_type: 'falcon',
        multi_query: true,
        new_decoder_architecture: true,
        num_attention_heads: 128,
        num_kv_heads: 8,
        hidden_size: 8192,
      },
      (part) => part.kvHeads,
      8,
    ],
    [
      'two names for one size',
      { model_type: 'falcon', n_layer: 3, num_hidden_layers: 3 },
      (part) => part.layers.length,
      3,
    ],
    [
      'a window that is switched off',
      { model_type: 'qwen2', use_sliding_window: false, sliding_window: 4096, num_hidden_layers: 2 },
      (part) => part.layers[0]?.attention.kind,
      'full',
    ],
    [
      'a null window unsets the default',
      { model_type: 'mistral', sliding_window: null, num_hidden_layers: 2 },
      (part) => part.layers[0]?.attention.kind,
      'full',
    ],
    [
      'a window longer than the context',
      { model_type: 'phi3', sliding_window: 262144, max_position_embeddings: 131072, num_hidden_layers: 2 },
      (part) => part.layers[0]?.attention.kind,
      'full',
    ],
    [
      'Gemma 2 alternates',
      { model_type: 'gemma2', num_hidden_layers: 3 },
      (part) => part.layers.map(({ attention }) => attention.kind),
      ['window', 'full', 'window'],
    ],
    [
      'Gemma 3 has five window layers to a full one',
      { model_type: 'gemma3_text', num_hidden_layers: 7 },
      (part) => part.layers.map(({ attention }) => attention.kind[0]).join(''),
      'wwwwwfw',
    ],
    [
      'layer_types go before the pattern',
      { model_type: 'gemma3_text', num_hidden_layers: 2, layer_types: ['full_attention', 'sliding_attention'] },
      (part) => part.layers.map(({ attention }) => attention.kind),
      ['full', 'window'],
    ],
    [
      'layers by a string',
      { model_type: 'nemotron_h', hidden_size: 64, num_attention_heads: 2, hybrid_override_pattern: 'ME*-' },
      (part) => part.layers.map(({ attention }) => attention.kind),
      ['mamba', 'none', 'full', 'none'],
    ],
    [
      'full layers counted from one',
      {
        model_type: 'kimi_linear',
        hidden_size: 64,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        linear_attn_config: { full_attn_layers: [3] },
      },
      (part) => part.layers.map(({ attention }) => attention.kind),
      ['linear', 'linear', 'full'],
    ],
    [
      'heads by layer',
      {
        model_type: 'openelm',
        model_dim: 1280,
        num_transformer_layers: 2,
        head_dim: 64,
        num_query_heads: [12, 16],
        num_kv_heads: [3, 4],
      },
      (part) => part.layers.map(({ attention }) => [attention.heads, attention.kvHeads]),
      [
        [12, 3],
        [16, 4],
      ],
    ],
    [
      'Llama 4 rotates in chunks only',
      { model_type: 'llama4_text', num_hidden_layers: 4 },
      (part) =>
        part.layers.map(({ attention }) => `${attention.kind}${attention.rope === undefined ? '' : ' rotated'}`),
      ['chunked rotated', 'chunked rotated', 'chunked rotated', 'full'],
    ],
    [
      'Jamba attends in one layer of eight',
      { model_type: 'jamba', num_hidden_layers: 8 },
      (part) => part.layers.map(({ attention }) => attention.kind).indexOf('full'),
      4,
    ],
    [
      'half of the head rotates',
      { model_type: 'phi', num_attention_heads: 32, hidden_size: 2560, partial_rotary_factor: 0.4 },
      (part) => part.ropes[0]?.dimensions,
      32,
    ],
    [
      'theta inside rope_parameters',
      { model_type: 'llama', rope_parameters: { rope_type: 'default', rope_theta: 100000 } },
      (part) => part.ropes[0]?.theta,
      100000,
    ],
    [
      'rope_parameters by layer type',
      {
        model_type: 'modernbert',
        rope_parameters: { full_attention: { rope_theta: 160000 }, sliding_attention: { rope_theta: 10000 } },
      },
      (part) => part.ropes.map(({ theta }) => theta),
      [160000, 10000],
    ],
    [
      'experts that only some layers have',
      { model_type: 'deepseek_v3', num_hidden_layers: 4 },
      (part) => part.layers.map(({ feedForward }) => feedForward.kind),
      ['dense', 'dense', 'dense', 'experts'],
    ],
    [
      'the first BERT names neither type nor class',
      {
        hidden_size: 768,
        num_hidden_layers: 2,
        num_attention_heads: 12,
        intermediate_size: 3072,
        vocab_size: 30522,
        type_vocab_size: 2,
      },
      (part) => part.family,
      'bert',
    ],
    [
      'GPT-Neo alternates by pairs',
      {
        model_type: 'gpt_neo',
        hidden_size: 64,
        num_layers: 4,
        num_heads: 4,
        attention_types: [[['global', 'local'], 2]],
        window_size: 256,
      },
      (part) => part.layers.map(({ attention }) => attention.window ?? 0),
      [0, 256, 0, 256],
    ],
    [
      'null key/value heads that blocks carry',
      {
        model_type: 'nemotron-nas',
        hidden_size: 64,
        num_hidden_layers: 3,
        num_attention_heads: 8,
        num_key_value_heads: null,
        block_configs: [
          { attention: { n_heads_in_group: 4 } },
          { attention: { no_op: true } },
          { attention: { n_heads_in_group: 2 } },
        ],
      },
      (part) => part.layers.map(({ attention }) => [attention.kind, attention.kvHeads]),
      [
        ['full', 2],
        ['none', 2],
        ['full', 4],
      ],
    ],
    [
      'key/value heads inside attn_config',
      { model_type: 'dbrx', d_model: 64, n_layers: 2, n_heads: 8, attn_config: { kv_n_heads: 2 } },
      (part) => part.kvHeads,
      2,
    ],
    [
      'a decoder alone with decoder keys',
      { model_type: 'trocr', d_model: 64, decoder_layers: 3, decoder_attention_heads: 4 },
      (part) => [part.layers.length, part.heads],
      [3, 4],
    ],
    [
      'attention beside recurrences is local',
      {
        model_type: 'recurrent_gemma',
        hidden_size: 64,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        block_types: ['recurrent', 'recurrent', 'attention'],
        attention_window_size: 2048,
        rope_theta: 10000,
      },
      (part) => part.layers.map(({ attention }) => attention.kind),
      ['linear', 'linear', 'window'],
    ],
  ];
  for (const [what, config, of, expected] of rows) {
    it(what, () => {
      const [part] = describeModel(config).parts;
      assert.ok(part);
      assert.deepEqual(of(part), expected);
    });
  }

  const scaling: readonly (readonly [object, object])[] = [
    [
      { type: 'linear', factor: 4 },
      { kind: 'linear', factor: 4 },
    ],
    [
      { rope_type: 'dynamic', factor: 2, alpha: 1000 },
      { kind: 'dynamic', factor: 2, alpha: 1000 },
    ],
    [
      { type: 'yarn', factor: 40, original_max_position_embeddings: 4096 },
      { kind: 'yarn', factor: 40, originalLength: 4096, betaFast: 32, betaSlow: 1 },
    ],
    [
      { type: 'su', short_factor: [1, 2], long_factor: [3, 4] },
      { kind: 'longrope', shortFactor: [1, 2], longFactor: [3, 4] },
    ],
    [
      {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
      { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalLength: 8192 },
    ],
    [
      { type: 'mrope', mrope_section: [16, 24, 24] },
      { kind: 'mrope', sections: [16, 24, 24] },
    ],
    [{ rope_type: 'default' }, { kind: 'none' }],
    [{ rope_type: 'sideways' }, { kind: 'unknown', name: 'sideways' }],
  ];
  for (const [rope_scaling, expected] of scaling) {
    it(`rope_scaling ${JSON.stringify(rope_scaling)}`, () => {
      assert.deepEqual(describeModel({ model_type: 'llama', rope_scaling }).parts[0]?.ropes[0]?.scaling, expected);
    });
  }
});
