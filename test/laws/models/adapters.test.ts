/** An adapter folder of PEFT runs on its base: its logits are those of the merged model. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { random } from '../../../kernels/tensors/random';
import { requireConvertible } from '../../../diagnostics/shared/conversions/folder';
import { FailureError } from '../../../protocol/wire/failures';
import { readNumbers } from '../../../compute-server/model/weights/tensor-source';
import { uniform } from '../../support/checkpoints/encoded-tiny';
import { convertToGguf, floatFormats, type WrittenFormat } from '../../support/gguf-conversion';
import { awqMatrix } from '../../support/quantised/awq';
import { writeFolder, writeQuantisedFolder, writeTensors, type QuantisedFolder } from '../../support/quantised/folder';
import { numbersOfBlocks, randomBlocks } from '../../support/reference/gguf-numbers';
import { floats, type RawTensor } from '../../support/quantised/matrix';

const llama = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: 96, hidden_size: 64 },
  ...{ intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2 },
  max_position_embeddings: 64,
};
const gpt2 = {
  ...{ architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', n_embd: 64, n_layer: 2, n_head: 4, n_positions: 64 },
  vocab_size: 96,
};
const bloom = {
  ...{ architectures: ['BloomForCausalLM'], model_type: 'bloom', vocab_size: 96, hidden_size: 64, n_layer: 2 },
  n_head: 4,
};
const falcon = {
  ...{ architectures: ['FalconForCausalLM'], model_type: 'falcon', vocab_size: 96, hidden_size: 64 },
  ...{ num_hidden_layers: 2, num_attention_heads: 4, num_kv_heads: 2, ffn_hidden_size: 256 },
  new_decoder_architecture: true,
  bias: false,
};
const ids = Array.from({ length: 19 }, (_, i) => (i * 29 + 5) % 96);
const isProjection = (module: string): boolean => /_proj$/.test(module);

interface Case {
  readonly base: QuantisedFolder;
  readonly config: object;
  readonly isTarget: (module: string) => boolean;
  /** The factor of the product of the two matrices. */
  readonly scaling: (module: string) => number;
  readonly lengths?: true;
  /** Replaced as a whole. */
  readonly whole?: string;
  /** The head that the adapter is on, or leaves as it is, although the base reads the embedding there. */
  readonly apart?: 'lm_head';
  /** As the base calls a tensor that is `name` in its class. */
  readonly stored?: (name: string) => string;
  /** Stored [inputs, outputs]. */
  readonly turned?: true;
  readonly table?: string;
  /** Tokens whose rows of the embedding were learned. */
  readonly tokens?: readonly number[];
}

const plain: QuantisedFolder = { config: llama, quantise: () => undefined };
const cases: Readonly<Record<string, Case>> = {
  LoRA: { base: plain, config: { r: 4, lora_alpha: 10 }, isTarget: isProjection, scaling: () => 10 / 4 },
  'LoRA with an alpha of its own for one module, and a head that is kept whole': {
    base: plain,
    config: { r: 4, lora_alpha: 8, alpha_pattern: { 'self_attn.q_proj': 2 }, modules_to_save: ['lm_head'] },
    isTarget: (module) => /[qv]_proj$/.test(module),
    scaling: (module) => (module.endsWith('q_proj') ? 0.5 : 2),
    whole: 'lm_head.weight',
  },
  'LoRA with alphas by patterns, of which the first counts': {
    base: plain,
    config: {
      ...{ r: 4, lora_alpha: 8 },
      alpha_pattern: { 'layers\\.1\\..*': 2, '(q|v)_proj': 4, '^model.layers.0.self_attn.k_proj': 16, o_pro: 100 },
    },
    isTarget: isProjection,
    scaling: (module) => {
      if (module.includes('layers.1.')) return 0.5;
      if (/[qv]_proj$/.test(module)) return 1;
      return module === 'model.layers.0.self_attn.k_proj' ? 4 : 2;
    },
  },
  'rsLoRA with an alpha of its own for one module': {
    base: plain,
    config: { r: 4, lora_alpha: 3, use_rslora: true, alpha_pattern: { q_proj: 5 } },
    isTarget: isProjection,
    scaling: (module) => (module.endsWith('q_proj') ? 2.5 : 1.5),
  },
  DoRA: {
    base: plain,
    config: { r: 4, lora_alpha: 4, use_dora: true },
    isTarget: isProjection,
    scaling: () => 1,
    lengths: true,
  },
  'LoRA on the embedding': {
    base: plain,
    config: { r: 4, lora_alpha: 8 },
    isTarget: () => false,
    scaling: () => 2,
    table: 'model.embed_tokens',
  },
  'LoRA on an embedding whose numbers the head keeps': {
    base: { ...plain, config: { ...llama, tie_word_embeddings: true } },
    config: { r: 4, lora_alpha: 8 },
    isTarget: () => false,
    scaling: () => 2,
    table: 'model.embed_tokens',
    apart: 'lm_head',
  },
  'LoRA on a head whose numbers the embedding keeps': {
    base: { ...plain, config: { ...llama, tie_word_embeddings: true } },
    config: { r: 4, lora_alpha: 8 },
    isTarget: (module) => module === 'lm_head',
    scaling: () => 2,
    apart: 'lm_head',
  },
  'an embedding that is kept whole and is the head of the base': {
    base: { ...plain, config: { ...llama, tie_word_embeddings: true } },
    config: { r: 4, lora_alpha: 8, modules_to_save: ['embed_tokens'] },
    isTarget: (module) => module.endsWith('q_proj'),
    scaling: () => 2,
    whole: 'model.embed_tokens.weight',
    apart: 'lm_head',
  },
  'DoRA on the embedding, with a length for each column': {
    base: plain,
    config: { r: 4, lora_alpha: 8, use_dora: true },
    isTarget: () => false,
    scaling: () => 2,
    table: 'model.embed_tokens',
    lengths: true,
  },
  'DoRA on GPT-2, whose base leaves out what the class adds to its names': {
    base: { config: gpt2, quantise: () => undefined },
    config: { r: 4, lora_alpha: 8, use_dora: true, fan_in_fan_out: true },
    isTarget: (module) => /c_attn$|c_proj$|c_fc$/.test(module),
    scaling: () => 2,
    turned: true,
    lengths: true,
    stored: (name) => name.replace(/^transformer\./, ''),
  },
  'LoRA with tokens of its own': {
    base: plain,
    config: { r: 4, lora_alpha: 8, trainable_token_indices: { embed_tokens: [5, 34, 11] } },
    isTarget: (module) => module.endsWith('q_proj'),
    scaling: () => 2,
    tokens: [5, 34, 11],
  },
  'LoRA on AWQ': {
    base: {
      config: llama,
      quantisation: { quant_method: 'awq', bits: 4, group_size: 32, version: 'gemm' },
      quantise: (module, matrix) => (isProjection(module) ? awqMatrix(matrix, { group: 32 }) : undefined),
    },
    config: { r: 4, lora_alpha: 8 },
    isTarget: (module) => /[qvo]_proj$|up_proj$/.test(module),
    scaling: () => 2,
  },
  'LoRA on GPT-2, whose weights are stored by inputs, with a learned bias': {
    base: { config: gpt2, quantise: () => undefined },
    config: { r: 4, lora_alpha: 8, fan_in_fan_out: true },
    isTarget: (module) => /c_attn$|c_proj$|c_fc$/.test(module),
    scaling: () => 2,
    turned: true,
    whole: 'transformer.h.0.attn.c_attn.bias',
  },
};

/** Random blocks of Q8_0, or their numbers. */
const blocksOf = (random: () => number, numbers: boolean): WrittenFormat => ({
  id: numbers ? 0 : 8,
  encode: ({ length }) => {
    const blocks = randomBlocks('Q8_0', length, random, 0.2);
    return numbers ? new Uint8Array(Float32Array.from(numbersOfBlocks('Q8_0', blocks)).buffer) : blocks;
  },
});

describe('adapters', () => {
  let root: string;
  const opened: LoadedModel[] = [];
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-adapter-'));
  });
  afterEach(async () => {
    for (const { sessions, reference } of opened.splice(0)) {
      await sessions.release();
      await reference?.release();
    }
  });
  after(() => rmSync(root, { recursive: true }));

  const open = async (at: string, adapter?: string): Promise<LoadedModel> => {
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9, adapter });
    opened.push(model);
    return model;
  };
  const logitsOf = async ({ spec, sessions }: LoadedModel): Promise<Float32Array> => {
    const { data } = (await runPrompt(spec, sessions, { ids, chunk: 7, logits: 'all' })).logits ?? {};
    assert.ok(data instanceof Float32Array);
    return data;
  };
  const writeAdapter = (folder: string, config: object, tensors: ReadonlyMap<string, RawTensor>): void => {
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'adapter_config.json'),
      JSON.stringify({ peft_type: 'LORA', target_modules: [], ...config }),
    );
    writeTensors(join(folder, 'adapter_model.safetensors'), tensors);
  };

  /** The base, the adapter and the two as one, each in a folder. */
  function write(name: string, made: Case): readonly [base: string, adapter: string, merged: string] {
    const at = join(root, name.replaceAll(/\W+/g, '-'));
    const [base, , numbers] = writeQuantisedFolder(join(at, 'base'), made.base);
    const draws = random(5);
    const tensors = new Map<string, RawTensor>();
    if (made.stored) writeFolder(base, made.base.config, new Map([...numbers].map(([n, t]) => [made.stored!(n), t])));
    const table = numbers.get('model.embed_tokens.weight');
    const apart = made.apart && table ? [[`${made.apart}.weight`, table] as const] : [];
    const merged = new Map([...numbers, ...apart]);
    const some = (shape: readonly number[], deviation: number): Float32Array =>
      Float32Array.from(
        { length: shape.reduce((product, axis) => product * axis, 1) },
        () => deviation * draws.normal(),
      );
    const rank = 4;
    for (const [weight, { shape, bytes }] of new Map(merged)) {
      const module = weight.replace(/\.weight$/, '');
      const isTable = module === made.table;
      if (shape.length !== 2 || !(isTable || made.isTarget(module))) continue;
      const own = new Float32Array(bytes.buffer);
      const [rows = 0, columns = 0] = shape;
      const byInputs = isTable || made.turned === true;
      const [inputs, outputs] = byInputs ? [rows, columns] : [columns, rows];
      const [a, b] = [some([rank, inputs], 0.2), some([outputs, rank], 0.1)];
      const [first, second] = isTable ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
      tensors.set(`base_model.model.${module}.${first}`, floats(a, [rank, inputs], 'F32'));
      tensors.set(`base_model.model.${module}.${second}`, floats(b, [outputs, rank], 'F32'));
      const sum = Float64Array.from(own, (value, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const [input, output] = byInputs ? [row, column] : [column, row];
        let product = 0;
        for (let k = 0; k < rank; k++) product += (b[output * rank + k] ?? 0) * (a[k * inputs + input] ?? 0);
        return value + made.scaling(module) * product;
      });
      if (made.lengths) {
        const lengths = some([outputs], 0.1).map((value) => 1 + value);
        tensors.set(`base_model.model.${module}.lora_magnitude_vector`, floats(lengths, [outputs], 'F32'));
        for (let output = 0; output < outputs; output++) {
          const own = [...sum.keys()].filter((i) => (byInputs ? i % columns : Math.floor(i / columns)) === output);
          const factor = (lengths[output] ?? 0) / Math.hypot(...own.map((i) => sum[i] ?? 0));
          own.forEach((i) => (sum[i] = factor * (sum[i] ?? 0)));
        }
      }
      merged.set(weight, floats(sum, shape, 'F32'));
    }
    if (made.whole !== undefined) {
      const shape = numbers.get(made.whole)?.shape ?? [];
      const whole = floats(some(shape, 0.1), shape, 'F32');
      // PEFT keeps the bias of a map that it adapts in a module inside of it.
      tensors.set(`base_model.model.${made.whole.replace(/bias$/, 'base_layer.bias')}`, whole);
      merged.set(made.whole, whole);
    }
    if (made.tokens) {
      const weight = 'model.embed_tokens.weight';
      const rows = some([made.tokens.length, 64], 0.3);
      const delta = 'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta';
      tensors.set(delta, floats(rows, [made.tokens.length, 64], 'F32'));
      const own = new Float32Array((merged.get(weight)?.bytes ?? new Uint8Array()).slice().buffer);
      made.tokens.forEach((id, row) => own.set(rows.subarray(row * 64, (row + 1) * 64), id * 64));
      merged.set(weight, floats(own, [96, 64], 'F32'));
    }
    const adapter = join(at, 'adapter');
    writeAdapter(adapter, { base_model_name_or_path: 'someone/base', ...made.config }, tensors);
    writeFolder(join(at, 'merged'), { ...made.base.config, ...(made.apart && { tie_word_embeddings: false }) }, merged);
    return [base, adapter, join(at, 'merged')];
  }

  for (const [name, made] of Object.entries(cases)) {
    it(`${name}: logits as of the merged model`, async () => {
      const [base, adapter, merged] = write(name, made);
      const model = await open(adapter);
      const [found, expected] = [await logitsOf(model), await logitsOf(await open(merged))];
      const size = Math.max(...expected.map(Math.abs));
      const distance = (other: Float32Array): number =>
        Math.max(...expected.map((value, i) => Math.abs(value - (other[i] ?? NaN)))) / size;
      assert.ok(distance(found) <= 1e-5, `${distance(found)}`);
      const alone = await open(base);
      assert.ok(distance(await logitsOf(alone)) > 1e-3);
      assert.notEqual(model.summary.hash, alone.summary.hash);
      assert.equal(model.summary.name, `${basename(adapter)} on base`);
      const merges = made.lengths ?? (made.table !== undefined || made.tokens !== undefined);
      const notes = model.summary.notes?.join(' ') ?? '';
      assert.equal(/more digits than float32 is rounded to it; nothing else is/.test(notes), merges);
      assert.equal(/multiplied beside (one matrix|\d+ matrices), which stay/.test(notes), !made.lengths && !made.table);
      assert.equal(/each has its own numbers here/.test(notes), made.apart !== undefined);
      // Its numbers are those of the merged model, and what products read stays as it is in the file.
      const sizes = (at: LoadedModel): number => at.sessions.sizes.weights();
      if (!merges && !made.apart && !made.whole) assert.ok(sizes(model) < 1.2 * sizes(alone), `${sizes(model)}`);
    });
  }

  it('on a GGUF file, whose rows of queries and keys are in another order: as on the folder that it was made from', async () => {
    const [base, adapter, merged] = write('gguf', { ...cases['LoRA']!, config: { r: 4, lora_alpha: 10 } });
    const inBlocks = (name: string, numbers: boolean): string => {
      const random = uniform(3);
      return convertToGguf(base, join(root, name), {
        format: (tensor) =>
          /attn_[qkvo]|ffn_(gate|up|down)/.test(tensor) ? blocksOf(random, numbers) : floatFormats.F32,
      });
    };
    const gguf = await open(convertToGguf(base, join(root, 'floats.gguf')), adapter);
    const [found, expected] = [await logitsOf(gguf), await logitsOf(await open(merged))];
    const size = Math.max(...expected.map(Math.abs));
    const distance = (a: Float32Array, b: Float32Array): number =>
      Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN)))) / size;
    assert.ok(distance(found, expected) <= 1e-5, `${distance(found, expected)}`);
    // The numbers that are read, too, are those of the merged model, in the order of the file: its values are not reordered.
    const value = 'model.layers.1.self_attn.v_proj.weight';
    const [read, own] = [gguf, await open(merged)].map((model) => {
      const tensor = model.weights.find(value);
      assert.ok(tensor);
      return readNumbers(tensor, 0, 64 * 32, model.weightsFolder);
    });
    assert.ok(distance((await read)!, (await own)!) <= 1e-6);
    const blocks = await open(inBlocks('blocks.gguf', false), adapter);
    const numbers = await open(inBlocks('numbers.gguf', true), adapter);
    assert.ok(distance(await logitsOf(blocks), await logitsOf(numbers)) <= 1e-5);
    const notes = blocks.summary.notes?.join(' ') ?? '';
    assert.match(notes, /Its Q8_0 weights are multiplied as they are stored\. Nothing is rounded/);
    assert.match(notes, /multiplied beside 14 matrices/);
  });

  for (const [name, config] of Object.entries({ bloom, falcon })) {
    it(`on a GGUF file of ${name}, whose joint projection has all queries first: as the merged model`, async () => {
      const [base, adapter, merged] = write(`gguf-${name}`, {
        base: { config, quantise: () => undefined },
        config: { r: 4, lora_alpha: 8 },
        isTarget: (module) => module.endsWith('query_key_value'),
        scaling: () => 2,
      });
      const gguf = await open(convertToGguf(base, join(root, `${name}.gguf`)), adapter);
      const [found, expected] = [await logitsOf(gguf), await logitsOf(await open(merged))];
      const size = Math.max(...expected.map(Math.abs));
      const distance = Math.max(...expected.map((value, i) => Math.abs(value - (found[i] ?? NaN)))) / size;
      assert.ok(distance <= 1e-5, `${distance}`);
    });
  }

  it('a gain that is kept whole, on a GGUF file: refused, as the file may hold it with its one added', async () => {
    const name = 'model.layers.0.input_layernorm.weight';
    const [base, adapter] = write('gguf-gain', { ...cases['LoRA']!, whole: name });
    await assert.rejects(
      open(convertToGguf(base, join(root, 'gain.gguf')), adapter),
      /keeps model.* as a whole, which a GGUF file/,
    );
  });

  it('the files of the base count: what ends a text, its tokenizer, and a change of its config', async () => {
    const folder = join(root, 'beside');
    writeQuantisedFolder(join(folder, 'base'), plain);
    const inBase = (name: string, value: object): void =>
      writeFileSync(join(folder, 'base', name), JSON.stringify(value));
    inBase('generation_config.json', { eos_token_id: [7, 9] });
    inBase('tokenizer.json', { version: '1.0' });
    writeAdapter(join(folder, 'adapter'), { r: 2, base_model_name_or_path: 'base' }, new Map());
    const model = await open(join(folder, 'adapter'));
    assert.deepEqual(model.stopIds, [7, 9]);
    inBase('tokenizer.json', { version: '2.0' });
    assert.notEqual((await open(join(folder, 'adapter'))).summary.hash, model.summary.hash);
    inBase('tokenizer.json', { version: '1.0' });
    inBase('config.json', { ...llama, rope_theta: 5000 });
    assert.match((await model.changed()) ?? '', /(config|tokenizer)\.json was changed/);
  });

  it('a conversion is refused in a sentence: the matrices are not in the files as they are computed with', async () => {
    const [, adapter] = write('converted', cases['LoRA']!);
    const model = await open(adapter);
    const { description, tensors } = model;
    const checkpoint = { description, tensors, requireWritable: () => Promise.resolve() } as never;
    await assert.rejects(requireConvertible({ checkpoint }, join(root, 'new'), 0), (error: unknown) => {
      assert.ok(error instanceof FailureError);
      assert.match(JSON.stringify(error.failure), /_proj\.weight is F32 \+ LoRA, but a conversion/);
      return true;
    });
  });

  const query = 'model.layers.0.self_attn.q_proj';
  const product: Readonly<Record<string, RawTensor>> = {
    [`${query}.lora_A.weight`]: floats(new Float32Array(2 * 64), [2, 64], 'F32'),
    [`${query}.lora_B.weight`]: floats(new Float32Array(64 * 2), [64, 2], 'F32'),
  };
  it('put on a base that is named: as the adapter opened by itself, with the tokens that end a text of the base', async () => {
    const [base, adapter] = write('named', { ...cases['LoRA']!, config: { r: 4, lora_alpha: 10 } });
    writeFileSync(join(base, 'generation_config.json'), JSON.stringify({ eos_token_id: 17 }));
    const other = join(root, 'under-another-name');
    renameSync(base, other);
    await assert.rejects(open(adapter), /not beside it/);
    const [put, alone] = [await open(other, adapter), await open(other)];
    const found = await logitsOf(put);
    renameSync(other, base);
    const beside = await open(adapter);
    assert.deepEqual(found, await logitsOf(beside));
    const { hash, folder, name } = put.summary;
    assert.deepEqual([hash, put.stopIds, beside.stopIds], [beside.summary.hash, [17], [17]]);
    assert.deepEqual([folder, put.summary.adapter, name], [other, adapter, 'adapter on under-another-name']);
    assert.notEqual(hash, alone.summary.hash);
    assert.notEqual(put.stamp, alone.stamp);
    // The shapes fit, and only a person knows whether the numbers do.
    const note = 'The adapter names someone/base as its base model, but it is used on under-another-name.';
    assert.ok(put.summary.notes?.includes(note), put.summary.notes?.join(' '));
    assert.ok(!beside.summary.notes?.some((each) => each.includes('as its base model')));
  });

  it('in the folder of its base: the model runs without it, and a note says how it is put on', async () => {
    const [base, adapter] = write('together', cases['LoRA']!);
    for (const name of ['adapter_config.json', 'adapter_model.safetensors'])
      renameSync(join(adapter, name), join(base, name));
    const [alone, put] = [await open(base), await open(base, base)];
    const isNoted = ({ summary }: LoadedModel): boolean =>
      summary.notes?.some((note) => /adapter_config\.json of an adapter, which is not put on it/.test(note)) === true;
    assert.deepEqual([isNoted(alone), isNoted(put)], [true, false]);
    assert.notDeepEqual(await logitsOf(alone), await logitsOf(put));
  });

  it('put on what takes none: one sentence', async () => {
    const [base, adapter] = write('misplaced', cases['LoRA']!);
    const narrow = join(root, 'narrow');
    writeQuantisedFolder(narrow, { ...plain, config: { ...llama, hidden_size: 32 } });
    for (const [at, put, sentence] of [
      [base, base, /It has no adapter_config\.json, so it is not an adapter\. Name a folder that PEFT wrote/],
      [base, join(root, 'nowhere'), /There is no such folder/],
      [adapter, adapter, /It is an adapter itself, but an adapter needs a base\. Name the folder or the GGUF file/],
      [
        narrow,
        adapter,
        /is for a shape of \[64, 64\], but .* is \[\d+, 32\]: .* It was made for someone\/base but was put on narrow:/,
      ],
    ] as const) {
      await assert.rejects(open(at, put), (error: unknown) => {
        assert.ok(error instanceof FailureError && error.failure.code === 'model-unusable');
        assert.match(error.failure.detail, sentence);
        return true;
      });
    }
  });

  const bad: readonly (readonly [string, object, Readonly<Record<string, RawTensor>>, RegExp])[] = [
    [
      'of a base that is not there',
      { r: 4, base_model_name_or_path: 'a/other' },
      {},
      /adapter of a\/other, which is not beside it\. Put that model into .*other/,
    ],
    ['of another kind', { peft_type: 'IA3' }, {}, /of the kind IA3; Headscope runs LoRA, rsLoRA and DoRA/],
    [
      'of another base',
      { r: 2 },
      {
        'model.layers.0.self_attn.q_proj.lora_A.weight': floats(new Float32Array(2 * 48), [2, 48], 'F32'),
        'model.layers.0.self_attn.q_proj.lora_B.weight': floats(new Float32Array(64 * 2), [64, 2], 'F32'),
      },
      /is for a shape of \[64, 48\], but model\.layers\.0\.self_attn\.q_proj\.weight is \[64, 64\]: the adapter is for another model/,
    ],
    [
      'on a module that is not there',
      { r: 2 },
      { 'model.layers.7.self_attn.q_proj.lora_A.weight': floats(new Float32Array(2 * 64), [2, 64], 'F32') },
      /on model\.layers\.7\.self_attn\.q_proj, which the base model does not have/,
    ],
    [
      'with one of two matrices',
      { r: 2 },
      { 'model.layers.0.self_attn.q_proj.lora_A.weight': floats(new Float32Array(2 * 64), [2, 64], 'F32') },
      /matrices with one rank for model\.layers\.0\.self_attn\.q_proj; it has \[2, 64\] and \[\]/,
    ],
    [
      'with a token that is not there',
      { r: 2, trainable_token_indices: [96] },
      { 'model.embed_tokens.token_adapter.trainable_tokens_delta': floats(new Float32Array(64), [1, 64], 'F32') },
      /trainable_token_indices names token 96, but model\.embed_tokens has 96 rows/,
    ],
    [
      'with a bias behind its second matrix',
      { r: 2 },
      { ...product, [`${query}.lora_B.bias`]: floats(new Float32Array(64), [64], 'F32') },
      /lora_B\.bias of the adapter belongs to no tensor of the base model/,
    ],
    [
      'of two adapters in one file',
      { r: 2 },
      { ...product, [`${query}.lora_A.other.weight`]: floats(new Float32Array(2 * 64), [2, 64], 'F32') },
      /holds two lora_A of model\.layers\.0\.self_attn\.q_proj/,
    ],
    [
      'whose base was changed when it began',
      { r: 2, init_lora_weights: 'pissa' },
      product,
      /init_lora_weights "pissa"/,
    ],
    ['with layers twice', { r: 2, layer_replication: [[0, 2]] }, product, /has layer_replication, which Headscope/],
    [
      'with alphas by a pattern that no run can read',
      { r: 2, alpha_pattern: { '(?<q>q)_(?<q>proj)': 3 } },
      product,
      /alpha_pattern "\(\?<q>q\)_\(\?<q>proj\)", which Headscope cannot read/,
    ],
    [
      'with alphas by a pattern that takes years',
      { r: 2, alpha_pattern: { '((.*)*)*x': 3 } },
      product,
      /alpha_pattern .* which takes too long to match/,
    ],
    ['on parameters of experts', { r: 2, target_parameters: ['experts.down_proj'] }, product, /has target_parameters/],
    ['with blocks', { r: 2, use_bdlora: { nblocks: 2 } }, product, /has use_bdlora/],
    ['whose base has an empty name', { r: 2, base_model_name_or_path: '/' }, product, /names no base model/],
    [
      'whose base is a way out of its folder',
      { r: 2, base_model_name_or_path: '../..' },
      product,
      /names no base model/,
    ],
  ];
  const refused = async (
    at: string,
    base: QuantisedFolder,
    config: object,
    tensors: Readonly<Record<string, RawTensor>>,
    sentence: RegExp,
  ): Promise<void> => {
    const folder = join(root, at);
    writeQuantisedFolder(join(folder, 'base'), base);
    const named = new Map(Object.entries(tensors).map(([each, tensor]) => [`base_model.model.${each}`, tensor]));
    writeAdapter(join(folder, 'adapter'), { base_model_name_or_path: 'base', ...config }, named);
    await assert.rejects(open(join(folder, 'adapter')), (error: unknown) => {
      assert.ok(error instanceof FailureError && error.failure.code === 'model-unusable');
      assert.match(error.failure.detail, sentence);
      return true;
    });
  };
  for (const [at, [name, config, tensors, sentence]] of bad.entries()) {
    it(`${name}: one sentence before anything runs`, () => refused(`bad-${at}`, plain, config, tensors, sentence));
  }

  it('a head that is stored and read from the embedding: an adapter on it is on what the class reads there', async () => {
    const made = cases['LoRA on a head whose numbers the embedding keeps']!;
    const [base, adapter, merged] = write('stored-head', made);
    const [, , numbers] = writeQuantisedFolder(join(root, 'same-numbers'), made.base);
    const other = floats(new Float32Array(96 * 64).fill(1), [96, 64], 'F32');
    writeFolder(base, made.base.config, new Map([...numbers, ['lm_head.weight', other]]));
    const [found, expected] = [await logitsOf(await open(adapter)), await logitsOf(await open(merged))];
    expected.forEach((value, i) => assert.ok(Math.abs(value - (found[i] ?? NaN)) < 1e-5));
  });
});
