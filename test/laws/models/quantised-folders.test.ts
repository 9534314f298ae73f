/** Folders that a quantiser wrote run as they are: their logits are those of the same numbers in float32. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import { FailureError } from '../../../protocol/wire/failures';
import { awqMatrix } from '../../support/quantised/awq';
import { rowMatrix, tableMatrix } from '../../support/quantised/bitsandbytes';
import { packedMatrix, signedMatrix } from '../../support/quantised/compressed-tensors';
import { float8Matrix, mlxFloats, mxfp4Matrix, nvfp4Matrix } from '../../support/quantised/floats';
import { writeQuantisedFolder, type QuantisedFolder } from '../../support/quantised/folder';
import { gptqMatrix } from '../../support/quantised/gptq';
import type { Matrix } from '../../support/quantised/matrix';
import { mlxMatrix } from '../../support/quantised/mlx';

const sizes = {
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  torch_dtype: 'float16',
};
const llama = { ...sizes, architectures: ['LlamaForCausalLM'], model_type: 'llama' };
const ids = Array.from({ length: 23 }, (_, i) => (i * 29 + 5) % 96);
/** Maps of the layers alone, as GPTQ and AWQ take them. */
const layers =
  (quantise: (matrix: Matrix) => ReturnType<QuantisedFolder['quantise']>): QuantisedFolder['quantise'] =>
  (module, matrix) =>
    /(^|\.)(layers|h)\.\d+\./.test(module) && !/gate$|ln_|norm/.test(module) ? quantise(matrix) : undefined;
const compressed = (format: string, weights: object): object => ({
  quant_method: 'compressed-tensors',
  format,
  ignore: ['lm_head'],
  config_groups: { group_0: { targets: ['Linear'], weights } },
});
const order = (columns: number): readonly number[] =>
  Array.from({ length: columns }, (_, i) => (i * 7) % (columns / 32));

const folders: Readonly<Record<string, QuantisedFolder>> = {
  AWQ: {
    config: llama,
    quantisation: { quant_method: 'awq', bits: 4, group_size: 32, version: 'gemm' },
    quantise: layers((matrix) => awqMatrix(matrix, { group: 32 })),
  },
  ...Object.fromEntries(
    [2, 3, 4, 8].map((bits) => [
      `GPTQ of ${bits} bits`,
      {
        config: llama,
        quantisation: { quant_method: 'gptq', bits, group_size: 32 },
        quantise: layers((matrix) => gptqMatrix(matrix, { bits, group: 32 })),
      },
    ]),
  ),
  'GPTQ in act-order, named by quantize_config.json': {
    config: llama,
    beside: { 'quantize_config.json': { bits: 4, group_size: 32, desc_act: true } },
    quantise: layers((matrix) => gptqMatrix(matrix, { bits: 4, group: 32, groupOf: order(matrix.columns) })),
  },
  'GPTQ v2 with modules that are left alone': {
    config: llama,
    quantisation: {
      ...{ quant_method: 'gptq', bits: 4, group_size: 32, checkpoint_format: 'gptq_v2' },
      modules_to_not_convert: ['mlp'],
    },
    quantise: (module, matrix) =>
      /self_attn\./.test(module) ? gptqMatrix(matrix, { bits: 4, group: 32, checkpointFormat: 'gptq_v2' }) : undefined,
  },
  'GPTQ of GPT-2, whose weights are stored by inputs': {
    config: {
      ...{ architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', n_embd: 64, n_layer: 2, n_head: 4, n_positions: 64 },
      vocab_size: 96,
    },
    quantisation: { quant_method: 'gptq', bits: 4, group_size: 32 },
    quantise: layers((matrix) => gptqMatrix(matrix, { bits: 4, group: 32 })),
    isTurned: (name) => /c_attn|c_proj|c_fc/.test(name),
  },
  'GPTQ of Phi-3, whose projections are one matrix': {
    config: { ...sizes, architectures: ['Phi3ForCausalLM'], model_type: 'phi3', pad_token_id: 0, rope_scaling: null },
    quantisation: { quant_method: 'gptq', bits: 4, group_size: 32 },
    quantise: layers((matrix) => gptqMatrix(matrix, { bits: 4, group: 32 })),
  },
  'AWQ of Mixtral, experts and all': {
    config: {
      ...{ ...sizes, architectures: ['MixtralForCausalLM'], model_type: 'mixtral', num_local_experts: 4 },
      num_experts_per_tok: 2,
    },
    quantisation: { quant_method: 'awq', bits: 4, group_size: 64, version: 'gemm' },
    quantise: layers((matrix) => awqMatrix(matrix, { group: 64 })),
  },
  ...Object.fromEntries(
    [3, 4, 8].map((bits) => [
      `MLX of ${bits} bits, embedding and head with them`,
      {
        config: { ...llama, quantization: { bits, group_size: 32 } },
        quantise: (_module: string, matrix: Matrix) => mlxMatrix(matrix, { bits, group: 32, scaleType: 'F16' }),
      },
    ]),
  ),
  'MLX with bits of its own for the head, tied to the embedding': {
    config: {
      ...{
        ...llama,
        model_type: 'qwen3',
        architectures: ['Qwen3ForCausalLM'],
        head_dim: 16,
        tie_word_embeddings: true,
      },
      quantization: { bits: 4, group_size: 64, 'model.embed_tokens': { bits: 8, group_size: 32 } },
    },
    quantise: (module, matrix) =>
      mlxMatrix(matrix, module.endsWith('embed_tokens') ? { bits: 8, group: 32 } : { bits: 4, group: 64 }),
  },
  'MLX of Qwen3-MoE, whose experts are stacked, with bits and modes of their own': {
    config: {
      ...{ ...sizes, architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe', head_dim: 16, num_experts: 4 },
      ...{ num_experts_per_tok: 2, moe_intermediate_size: 64, decoder_sparse_step: 1, norm_topk_prob: true },
      quantization: {
        ...{ bits: 4, group_size: 32 },
        'model.layers.0.mlp.switch_mlp.up_proj': { bits: 8, group_size: 64 },
        'model.layers.1.mlp.switch_mlp.down_proj': { bits: 4, group_size: 32, mode: 'mxfp4' },
      },
    },
    stacked: true,
    quantise: (module, matrix) => {
      if (/layers\.0\.mlp\.experts\.\d+\.up_proj$/.test(module)) return mlxMatrix(matrix, { bits: 8, group: 64 });
      if (/layers\.1\.mlp\.experts\.\d+\.down_proj$/.test(module)) return mlxFloats(matrix, 'mxfp4');
      return mlxMatrix(matrix, { bits: 4, group: 32 });
    },
  },
  'MLX of Mixtral in mxfp8': {
    config: {
      ...{ ...sizes, architectures: ['MixtralForCausalLM'], model_type: 'mixtral', num_local_experts: 4 },
      ...{ num_experts_per_tok: 2, quantization: { bits: 8, group_size: 32, mode: 'mxfp8' } },
    },
    stacked: true,
    quantise: (_module, matrix) => mlxFloats(matrix, 'mxfp8'),
  },
  'compressed-tensors, int4 with zero points': {
    config: llama,
    quantisation: compressed('pack-quantized', { num_bits: 4, type: 'int', symmetric: false, group_size: 32 }),
    quantise: layers((matrix) => packedMatrix(matrix, { bits: 4, group: 32 })),
  },
  'compressed-tensors, int8': {
    config: llama,
    quantisation: compressed('int-quantized', { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel' }),
    quantise: layers((matrix) => signedMatrix(matrix)),
  },
  'compressed-tensors, FP8 by rows': {
    config: llama,
    quantisation: compressed('float-quantized', { num_bits: 8, type: 'float', strategy: 'channel' }),
    quantise: layers((matrix) => float8Matrix(matrix, { scales: 'rows', scaleType: 'BF16' })),
  },
  'compressed-tensors, NVFP4': {
    config: llama,
    quantisation: compressed('nvfp4-pack-quantized', { num_bits: 4, type: 'float', group_size: 16 }),
    quantise: layers((matrix) => nvfp4Matrix(matrix, 'compressed-tensors')),
  },
  'compressed-tensors, MXFP4': {
    config: llama,
    quantisation: compressed('mxfp4-pack-quantized', { num_bits: 4, type: 'float', group_size: 32 }),
    quantise: layers((matrix) => mxfp4Matrix(matrix, 'compressed-tensors')),
  },
  'bitsandbytes nf4 with double quantisation': {
    config: llama,
    quantisation: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' },
    quantise: layers((matrix) => tableMatrix(matrix, { type: 'nf4', double: true })),
  },
  'bitsandbytes nf4 of Mixtral, whose experts are not all chosen': {
    config: {
      ...{ ...sizes, architectures: ['MixtralForCausalLM'], model_type: 'mixtral', num_local_experts: 8 },
      num_experts_per_tok: 1,
    },
    quantisation: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' },
    quantise: layers((matrix) => tableMatrix(matrix, { type: 'nf4' })),
  },
  'bitsandbytes int8': {
    config: llama,
    quantisation: { quant_method: 'bitsandbytes', load_in_8bit: true },
    quantise: layers((matrix) => rowMatrix(matrix)),
  },
  'FP8 in blocks': {
    config: llama,
    quantisation: { quant_method: 'fp8', weight_block_size: [48, 32], modules_to_not_convert: ['lm_head'] },
    quantise: layers((matrix) => float8Matrix(matrix, { scales: [48, 32], suffix: '.weight_scale_inv' })),
  },
  'MXFP4 of gpt-oss, experts alone': {
    config: {
      ...{ ...sizes, architectures: ['GptOssForCausalLM'], model_type: 'gpt_oss', head_dim: 16, sliding_window: 8 },
      ...{ num_local_experts: 4, num_experts_per_tok: 2, layer_types: ['sliding_attention', 'full_attention'] },
      ...{ rope_scaling: null, swiglu_limit: 7 },
    },
    quantisation: { quant_method: 'mxfp4', modules_to_not_convert: ['model.layers.*.self_attn', 'lm_head'] },
    quantise: () => undefined,
    expert: (matrix) => mxfp4Matrix(matrix, 'gpt-oss'),
  },
  'modelopt NVFP4, named by hf_quant_config.json': {
    config: llama,
    beside: {
      'hf_quant_config.json': { quantization: { quant_algo: 'NVFP4', group_size: 16, exclude_modules: ['lm_head'] } },
    },
    quantise: layers((matrix) => nvfp4Matrix(matrix, 'modelopt')),
  },
};

describe('quantised folders', () => {
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-quantised-'));
  });
  afterEach(async () => {
    for (const { sessions, reference } of opened.splice(0)) {
      await sessions.release();
      await reference?.release();
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  const open = async (at: string, weights: WeightChoice = 'as-stored'): Promise<LoadedModel> => {
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9, weights });
    opened.push(model);
    return model;
  };
  const logitsOf = async ({ spec, sessions }: LoadedModel): Promise<ArrayLike<number>> => {
    const { data } = (await runPrompt(spec, sessions, { ids, chunk: 7, logits: 'all' })).logits ?? {};
    assert.ok(data);
    return data as Float32Array;
  };

  for (const [name, made] of Object.entries(folders)) {
    it(`${name}: logits as of the same numbers in float32`, async () => {
      const [quantised, exact] = writeQuantisedFolder(join(folder, name.replaceAll(/\W+/g, '-')), made);
      const model = await open(quantised);
      const [found, expected] = [await logitsOf(model), await logitsOf(await open(exact))];
      assert.equal(found.length, expected.length);
      let [largest, difference] = [0, 0];
      for (let i = 0; i < expected.length; i++) {
        largest = Math.max(largest, Math.abs(expected[i] ?? NaN));
        difference = Math.max(difference, Math.abs((expected[i] ?? NaN) - (found[i] ?? NaN)));
      }
      assert.ok(difference <= 1e-5 * largest, `${difference} of ${largest}`);
    });
  }

  for (const name of [
    'AWQ',
    'GPTQ in act-order, named by quantize_config.json',
    'MLX of 4 bits, embedding and head with them',
  ]) {
    it(`${name}: gradients as of the same numbers in float32`, async () => {
      const made = folders[name];
      assert.ok(made);
      const [quantised, exact] = writeQuantisedFolder(join(folder, `gradient-${name.replaceAll(/\W+/g, '-')}`), made);
      const gradientOf = async (at: string): Promise<Float32Array> => {
        const objective = { kind: 'logits', terms: [{ row: 22, token: 7, weight: 1 }] } as const;
        const { embedding } = await runGradients(await open(at), { ids, objective, embedding: true, chunk: 7 });
        assert.ok(embedding);
        return embedding;
      };
      const [found, expected] = [await gradientOf(quantised), await gradientOf(exact)];
      const size = Math.hypot(...expected);
      assert.ok(size > 0 && Math.hypot(...found.map((value, i) => value - (expected[i] ?? NaN))) <= 1e-5 * size);
    });
  }

  it('say where a run of the method rounds what a run here does not, and where nothing is quantised', async () => {
    const notesOf = async (
      name: string,
      quantisation: object,
      quantise: QuantisedFolder['quantise'],
      weights?: WeightChoice,
    ) => {
      const [at] = writeQuantisedFolder(join(folder, name), { config: llama, quantisation, quantise });
      return ((await open(at, weights)).summary.notes ?? []).join(' ');
    };
    const byRows = layers((matrix) => float8Matrix(matrix, { scales: 'rows' }));
    assert.match(
      await notesOf('said', { quant_method: 'fbgemm_fp8' }, byRows),
      /round the inputs of its layers, as the checkpoint says; Headscope does not/,
    );
    const widened = await notesOf('widened', { quant_method: 'fbgemm_fp8' }, byRows, 'int8-activations');
    assert.match(
      widened,
      /FP8 weights are widened to float32 while they are multiplied\. None is multiplied in integers, so nothing is rounded\./,
    );
    assert.doesNotMatch(widened, /to 8 bits/);
    const none = { quant_method: 'bitsandbytes', load_in_4bit: true };
    assert.match(await notesOf('none', none, () => undefined), /quantised \(bitsandbytes\), but none in the files is/);
  });

  it('a group size that does not divide is one sentence before anything runs', async () => {
    const [at] = writeQuantisedFolder(join(folder, 'bad'), {
      config: llama,
      quantisation: { quant_method: 'gptq', bits: 4, group_size: 48 },
      quantise: layers((matrix) => gptqMatrix(matrix, { bits: 4, group: 32 })),
    });
    await assert.rejects(open(at), (error: unknown) => {
      assert.ok(error instanceof FailureError && error.failure.code === 'model-unusable');
      return /^Groups of 48 do not divide the 64 inputs of model\.layers\.0\.self_attn\.q_proj/.test(
        error.failure.detail,
      );
    });
  });
});
