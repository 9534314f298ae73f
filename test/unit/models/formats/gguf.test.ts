import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeModel } from '../../../../models/formats/describe-model';
import { kvBytesPerToken } from '../../../../models/formats/estimates/kv-cache';
import { GgufBudget } from '../../../../models/formats/gguf/budget';
import type { GgufHeader, GgufTensor } from '../../../../models/formats/gguf/header';
import { readGgufHeader } from '../../../../models/formats/gguf/header';
import type { GgufModel } from '../../../../models/formats/gguf/read-gguf';
import { isLaterPart, partsOf } from '../../../../models/formats/gguf/parts';
import { readGguf } from '../../../../models/formats/gguf/read-gguf';
import { tensorType } from '../../../../models/formats/gguf/tensor-types';
import type { GgufWeights } from '../../../../models/formats/gguf/weights';
import { countWeights, groupOf } from '../../../../models/formats/gguf/weights';
import type { ModelDescription } from '../../../../models/formats/model-description';
import { countParameters } from '../../../../models/formats/expected-tensors';
import { tinyModel, writeTinyModel } from '../../../support/checkpoints/tiny-models';
import type { GgufFile, Value } from '../../../support/gguf-file';
import { ggufFile, list, smallLlama, u32 } from '../../../support/gguf-file';
import { convertToGguf, namedVocabulary } from '../../../support/gguf-conversion';

/** A whole file by hand, from the layout in docs/gguf.md of ggml: one text, one list of two numbers, one vector of two numbers. */
const byHand = [
  '47475546 03000000', // GGUF, version 3
  '0100000000000000 0200000000000000', // one tensor, two values
  '0100000000000000 61', // the key "a"
  '08000000 0300000000000000 787979', // a string, "xyy"
  '0200000000000000 622e', // the key "b."
  '09000000 05000000 0200000000000000 01000000 feffffff', // a list of two int32: 1, -2
  '0100000000000000 74 02000000', // the tensor "t" of two axes
  '0200000000000000 0100000000000000', // two columns, one row
  '00000000 0000000000000000', // F32, offset 0
].join('');

describe('GGUF files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gguf-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const written = (bytes: Uint8Array, name = 'model.gguf'): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const header = async (bytes: Uint8Array): Promise<GgufHeader> => {
    const read = await readGgufHeader(written(bytes));
    assert.ok(read.ok, read.ok ? '' : read.message);
    return read.header;
  };
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    const read = await readGgufHeader(written(bytes));
    assert.ok(!read.ok, 'it should be refused');
    return read.message;
  };
  const model = async (file: GgufFile, name?: string): Promise<GgufModel> => {
    const read = await readGguf(written(ggufFile(file), name));
    assert.ok(read.ok, read.ok ? '' : read.message);
    return read.gguf;
  };

  it('reads a file that was written by hand', async () => {
    const bytes = Buffer.from(byHand.replaceAll(' ', ''), 'hex');
    const start = Math.ceil(bytes.length / 32) * 32;
    const found = await header(Buffer.concat([bytes, Buffer.alloc(start - bytes.length + 8)]));
    assert.equal(found.version, 3);
    assert.equal(found.bigEndian, false);
    assert.deepEqual(
      [...found.metadata],
      [
        ['a', 'xyy'],
        ['b.', { list: [1, -2], length: 2 }],
      ],
    );
    assert.deepEqual(found.tensors, [{ name: 't', shape: [1, 2], elements: 2, type: 'F32', bytes: 8, offset: 0 }]);
    assert.equal(found.dataStart, start);
    assert.deepEqual(found.problems, []);
  });

  it('reads the three versions, and both orders of bytes', async () => {
    for (const version of [1, 2, 3]) {
      for (const bigEndian of [false, true]) {
        const found = await model({ version, bigEndian, ...smallLlama() });
        assert.equal(found.version, version);
        assert.equal(found.weights.parameters, 1_257_728);
        assert.equal(found.tokens, 300);
        assert.equal(found.notes.length, bigEndian ? 1 : 0, found.notes.join(' '));
        if (bigEndian) assert.match(found.notes[0] ?? '', /^This file is big-endian: .*\.$/);
      }
    }
  });

  it('counts the bytes of blocks', () => {
    // Bits of a weight as the authors of the formats give them: pull requests 1684 (k-quants), 4773, 5676, 5971 (i-quants) of llama.cpp; OCP MX.
    const bits = {
      F32: 32,
      BF16: 16,
      Q4_0: 4.5,
      Q5_0: 5.5,
      Q8_0: 8.5,
      Q2_K: 2.625,
      Q3_K: 3.4375,
      Q4_K: 4.5,
      Q5_K: 5.5,
      Q6_K: 6.5625,
      IQ2_XXS: 2.0625,
      IQ2_XS: 2.3125,
      IQ3_XXS: 3.0625,
      IQ3_S: 3.4375,
      IQ1_S: 1.5625,
      IQ1_M: 1.75,
      IQ4_NL: 4.5,
      IQ4_XS: 4.25,
      TQ1_0: 1.6875,
      TQ2_0: 2.0625,
      MXFP4: 4.25,
    };
    const known = new Map(
      Array.from({ length: 64 }, (_, id) => tensorType(id)).flatMap((type) =>
        type === undefined ? [] : [[type.name, (8 * type.bytes) / type.weights] as const],
      ),
    );
    for (const [name, expected] of Object.entries(bits)) assert.equal(known.get(name), expected, name);
  });

  it('describes a llama by its header', async () => {
    const { description, weights, format, notes } = await model(smallLlama());
    assert.equal(format, 'Q4_K_M');
    assert.deepEqual(notes, []);
    const part = description?.parts[0];
    assert.ok(description !== undefined && part !== undefined);
    assert.equal(description.family, 'llama');
    assert.equal(part.attention, 'gqa');
    assert.deepEqual([part.layers.length, part.heads, part.kvHeads, part.headDim], [2, 4, 2, 64]);
    assert.deepEqual([part.hiddenSize, part.contextLength, part.vocabularySize], [256, 4096, 300]);
    assert.equal(part.ropes[0]?.theta, 500_000);
    // 2 layers x 2 heads x (64 + 64) x 2 bytes.
    assert.equal(kvBytesPerToken(description), 1024);
    // 300 x 256; 2 x 256 x (256 + 128 + 128 + 256); 2 x 3 x 256 x 512; 5 x 256.
    assert.deepEqual(
      new Map(weights.split.map(({ name, count }) => [name, count])),
      new Map([
        ['feed-forward', 786_432],
        ['attention', 393_216],
        ['embedding', 76_800],
        ['norms', 1280],
      ]),
    );
    // 144 bytes for 256 weights of Q4_K, 210 of Q6_K, 4 for each of F32.
    assert.equal(weights.bytes, (1_179_648 / 256) * 144 + (76_800 / 256) * 210 + 1280 * 4);
    assert.equal(weights.bitsPerWeight, (8 * weights.bytes) / 1_257_728);
    assert.equal(description.tiedEmbeddings.value, true);
  });

  it('takes heads of each layer from lists', async () => {
    const file = smallLlama();
    const values: Record<string, Value> = {
      ...file.values,
      'llama.attention.head_count': list(u32(4), u32(2)),
      'llama.attention.head_count_kv': list(u32(2), u32(0)),
      'llama.attention.key_length': u32(64),
      'llama.attention.value_length': u32(64),
    };
    const { description } = await model({ ...file, values });
    const layers = description?.parts[0]?.layers.map(({ attention: { kind, heads, kvHeads } }) => [
      kind,
      heads,
      kvHeads,
    ]);
    assert.deepEqual(layers, [
      ['full', 4, 2],
      ['none', 4, 2],
    ]);
  });

  const architecture = (name: string, keys: Readonly<Record<string, Value>>): GgufFile => ({
    values: {
      'general.architecture': name,
      ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${name}.${key}`, value])),
    },
  });
  const plain = {
    block_count: u32(4),
    embedding_length: u32(512),
    feed_forward_length: u32(1024),
    context_length: u32(8192),
    'attention.head_count': u32(8),
    'attention.head_count_kv': u32(2),
  };

  it('reads latents, experts and windows of the families that have them', async () => {
    // DeepSeek-V2-Lite as it is converted: 576 = 512 + 64 for the one head of the latent, 192 = 128 + 64 of each head.
    const deepseek = await model(
      architecture('deepseek2', {
        ...plain,
        'attention.head_count': u32(16),
        'attention.head_count_kv': u32(1),
        'attention.kv_lora_rank': u32(512),
        'attention.key_length': u32(576),
        'attention.value_length': u32(512),
        'attention.key_length_mla': u32(192),
        'attention.value_length_mla': u32(128),
        'rope.dimension_count': u32(64),
        expert_count: u32(64),
        expert_used_count: u32(6),
        expert_feed_forward_length: u32(1408),
        leading_dense_block_count: u32(1),
      }),
    );
    const part = deepseek.description?.parts[0];
    assert.equal(deepseek.description?.family, 'deepseek_v2');
    assert.equal(part?.attention, 'mla');
    assert.deepEqual(part.layers[0]?.attention.latent, { kvRank: 512, nopeDim: 128, ropeDim: 64, valueDim: 128 });
    assert.deepEqual(
      part.layers.map(({ feedForward }) => feedForward.kind),
      ['dense', 'experts', 'experts', 'experts'],
    );
    // 4 layers x (512 + 64) x 2 bytes.
    assert.equal(kvBytesPerToken(deepseek.description ?? assert.fail()), 4608);

    const gemma = await model(
      architecture('gemma3', { ...plain, block_count: u32(12), 'attention.sliding_window': u32(1024) }),
    );
    assert.equal(gemma.description?.family, 'gemma3');
    assert.deepEqual(
      gemma.description.parts[0]?.layers.flatMap(({ index, attention }) => (attention.kind === 'full' ? [index] : [])),
      [5, 11],
    );
    const oss = await model(
      architecture('gpt-oss', { ...plain, 'attention.sliding_window': u32(128), 'attention.key_length': u32(64) }),
    );
    assert.equal(oss.description?.family, 'gpt_oss');
    assert.deepEqual(
      oss.description.parts[0]?.layers.map(({ attention }) => attention.window),
      [128, undefined, 128, undefined],
    );
    const listed = await model(
      architecture('someday', {
        ...plain,
        'attention.sliding_window': u32(512),
        'attention.sliding_window_pattern': list({ bool: true }, { bool: false }, { bool: true }, { bool: true }),
      }),
    );
    assert.deepEqual(
      listed.description?.parts[0]?.layers.map(({ attention }) => attention.kind),
      ['window', 'full', 'window', 'window'],
    );
    assert.match(listed.notes.join(' '), /No family here is called "someday"/);
    // In a family that has windows, none is meant where none is given.
    const whole = await model(architecture('cohere2', plain));
    assert.deepEqual(
      whole.description?.parts[0]?.layers.map(({ attention }) => attention.kind),
      ['full', 'full', 'full', 'full'],
    );
    // Jamba's configuration puts attention into every eighth layer; the header says itself which layers attend.
    const hybrid = await model(
      architecture('jamba', {
        ...plain,
        'attention.head_count_kv': list(u32(0), u32(0), u32(2), u32(0)),
        'ssm.state_size': u32(16),
      }),
    );
    const kinds = hybrid.description?.parts[0]?.layers.map(({ attention }) => attention.kind);
    assert.deepEqual(kinds, ['mamba', 'mamba', 'full', 'mamba']);
    // One layer of 2 heads x (64 + 64) x 2 bytes.
    assert.equal(kvBytesPerToken(hybrid.description ?? assert.fail()), 512);
  });

  it('gives each published architecture the heads of its header', async () => {
    const names =
      'llama qwen2 qwen2moe qwen3 qwen3moe gemma gemma2 phi2 phi3 gpt2 gptneox falcon bloom mpt starcoder starcoder2 stablelm command-r cohere2 olmo olmo2 granite internlm2 baichuan glm4moe bert mamba jamba'.split(
        ' ',
      );
    for (const name of names) {
      const { description } = await model(architecture(name, plain));
      const part = description?.parts[0];
      assert.ok(part !== undefined, name);
      assert.deepEqual([part.layers.length, part.hiddenSize, part.contextLength], [4, 512, 8192], name);
      if (name === 'mamba') continue;
      assert.deepEqual([part.heads, part.kvHeads, part.headDim], [8, 2, 64], name);
      for (const { attention } of part.layers) {
        if (attention.kind === 'mamba') continue;
        assert.deepEqual([attention.heads, attention.kvHeads, attention.headDim], [8, 2, 64], name);
      }
    }
  });

  it('reads both stacks of T5', async () => {
    const keys = { ...plain, 'attention.head_count_kv': u32(8), decoder_block_count: u32(3) };
    const { description } = await model(architecture('t5', keys));
    assert.deepEqual(
      description?.parts.map(({ role, layers, heads, headDim }) => [role, layers.length, heads, headDim]).toSorted(),
      [
        ['decoder', 3, 8, 64],
        ['encoder', 4, 8, 64],
      ],
    );
    // What no key of a header says.
    const assumedOf = async (kind: string, ...names: readonly string[]): Promise<string> => {
      const tensors = names.map((name, at) => ({ name, sizes: [1], type: 0, offset: 32 * at }));
      return (await model({ ...architecture(kind, keys), tensors, data: 32 * names.length })).notes.join(' ');
    };
    const decoder = 'dec.output_norm.weight';
    const [farthest, isTied] = [/Headscope takes 128, as llama\.cpp does\./, /does not tell T5 from MT5/];
    for (const [kind, names, tied] of [
      ['t5', [decoder], true],
      ['t5', [decoder, 'output.weight'], false],
      ['t5', [decoder, 'enc.blk.1.attn_rel_b.weight'], false],
      ['t5encoder', [], false],
    ] as const) {
      const notes = await assumedOf(kind, ...names);
      assert.match(notes, farthest);
      assert.equal(isTied.test(notes), tied, names.join());
    }
  });

  it('counts the experts that a token is sent to', async () => {
    const { weights, description } = await model({
      ...architecture('qwen3moe', {
        ...plain,
        block_count: u32(1),
        expert_count: u32(8),
        expert_used_count: u32(2),
        expert_feed_forward_length: u32(256),
      }),
      tensors: [
        { name: 'blk.0.ffn_up_exps.weight', sizes: [512, 256, 8], type: 0 },
        { name: 'blk.0.ffn_gate_inp.weight', sizes: [512, 8], type: 0, offset: 4_194_304 },
        { name: 'rope_freqs.weight', sizes: [32], type: 0, offset: 4_210_688 },
      ],
      data: 4_210_816,
    });
    assert.equal(weights.parameters, 512 * 256 * 8 + 512 * 8);
    assert.equal(weights.active, 512 * 256 * 2 + 512 * 8);
    assert.equal(description?.parts[0]?.layers[0]?.feedForward.experts?.perToken, 2);
  });

  it('counts published files as llama.cpp does', () => {
    interface Llama {
      readonly hidden: number;
      readonly inner: number;
      readonly keys: number;
      readonly vocabulary: number;
    }
    /** 32 layers; `types` gives the format of each matrix. */
    const llama = (
      { hidden, inner, keys, vocabulary }: Llama,
      types: (name: string, layer: number) => string,
    ): GgufWeights => {
      const tensors: GgufTensor[] = [];
      const add = (name: string, rows: number, columns: number, type: string): void => {
        const known = Array.from({ length: 64 }, (_, id) => tensorType(id)).find((one) => one?.name === type);
        assert.ok(known !== undefined);
        const elements = rows * columns;
        tensors.push({
          name,
          shape: [rows, columns],
          elements,
          type,
          bytes: (elements / known.weights) * known.bytes,
          offset: 0,
        });
      };
      add('token_embd.weight', vocabulary, hidden, types('token_embd', 0));
      add('output.weight', vocabulary, hidden, types('output', 0));
      add('output_norm.weight', 1, hidden, 'F32');
      for (let layer = 0; layer < 32; layer++) {
        const matrix = (name: string, rows: number, columns: number): void =>
          add(`blk.${layer}.${name}.weight`, rows, columns, types(name, layer));
        matrix('attn_q', hidden, hidden);
        matrix('attn_k', keys, hidden);
        matrix('attn_v', keys, hidden);
        matrix('attn_output', hidden, hidden);
        matrix('ffn_gate', inner, hidden);
        matrix('ffn_up', inner, hidden);
        matrix('ffn_down', hidden, inner);
        for (const norm of ['attn_norm', 'ffn_norm']) add(`blk.${layer}.${norm}.weight`, 1, hidden, 'F32');
      }
      return countWeights(tensors, 1);
    };
    const rounded = ({ bytes, parameters, bitsPerWeight = 0 }: GgufWeights): readonly string[] => [
      (bytes / 2 ** 30).toFixed(2),
      (parameters / 1e9).toFixed(2),
      bitsPerWeight.toFixed(2),
    ];
    // llama-bench: "llama 7B Q4_0 | 3.56 GiB | 6.74 B". All matrices but the output in Q4_0.
    const two = llama({ hidden: 4096, inner: 11_008, keys: 4096, vocabulary: 32_000 }, (name) =>
      name === 'output' ? 'Q6_K' : 'Q4_0',
    );
    assert.deepEqual(rounded(two).slice(0, 2), ['3.56', '6.74']);
    assert.equal(two.parameters, 6_738_415_616);
    // "llama 8B Q4_K - Medium | 4.58 GiB | 8.03 B", 4.89 bits per weight. The first and last eighth and every third layer
    // between them have values and down projections in Q6_K.
    const more = (layer: number): boolean => layer < 4 || layer >= 28 || (layer - 4) % 3 === 2;
    const three = llama({ hidden: 4096, inner: 14_336, keys: 1024, vocabulary: 128_256 }, (name, layer) =>
      name === 'output' || (/attn_v|ffn_down/.test(name) && more(layer)) ? 'Q6_K' : 'Q4_K',
    );
    assert.deepEqual(rounded(three), ['4.58', '8.03', '4.89']);
    assert.equal(three.parameters, 8_030_261_248);
  });

  it('agrees with the checkpoint that a file was made of', async () => {
    const tiny = tinyModel('llama');
    writeTinyModel(folder, tiny);
    const path = join(folder, 'converted.gguf');
    // llama.cpp reads the files of this writer, and computes what the checkpoint does (bench `gguf`).
    convertToGguf(folder, path, { values: namedVocabulary(Number(tiny.config['vocab_size'])) });
    const read = await readGguf(path);
    assert.ok(read.ok);
    const { description, weights, notes } = read.gguf;
    assert.deepEqual(notes, []);
    const checkpoint = describeModel(tiny.config);
    const sizes = (of: ModelDescription | undefined) => {
      const part = of?.parts[0];
      return {
        family: of?.family,
        layers: part?.layers.map(({ attention: { kind, heads, kvHeads, headDim } }) => [kind, heads, kvHeads, headDim]),
        sizes: [part?.hiddenSize, part?.intermediateSize, part?.contextLength, part?.vocabularySize],
        theta: part?.ropes[0]?.theta,
        tied: of?.tiedEmbeddings.value,
      };
    };
    assert.deepEqual(sizes(description), sizes(checkpoint));
    assert.equal(weights.parameters, countParameters(checkpoint)?.total);
    assert.equal(weights.bitsPerWeight, 32);
  });

  it('puts tensors into the groups of their names', () => {
    const expected = {
      'token_embd.weight': 'embedding',
      'token_embd_norm.weight': 'norms',
      'output.weight': 'output head',
      'output_norm.weight': 'norms',
      'blk.3.attn_q_norm.weight': 'norms',
      'blk.3.attn_qkv.bias': 'attention',
      'blk.3.ffn_down_exps.weight': 'routed experts',
      'blk.3.ffn_down.7.weight': 'routed experts',
      'blk.3.ffn_down_shexp.weight': 'feed-forward',
      'blk.3.ffn_gate_inp.weight': 'router',
      'blk.3.ssm_conv1d.weight': 'state-space mixer',
      'v.patch_embd.weight': 'other',
    };
    for (const [name, group] of Object.entries(expected)) assert.equal(groupOf(name), group, name);
  });

  it('joins the parts of a split model, and names those that are absent', async () => {
    const { values, tensors, data } = smallLlama();
    const first = tensors.slice(0, 10);
    const rest = tensors.slice(10).map((tensor) => ({ ...tensor, offset: 0 }));
    const split = { ...values, 'split.count': u32(2), 'split.tensors.count': u32(tensors.length) };
    const names = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'] as const;
    assert.deepEqual(partsOf(names[1]), names);
    assert.deepEqual([isLaterPart(names[0]), isLaterPart(names[1]), isLaterPart('m.gguf')], [false, true, false]);
    const alone = await model({ values: split, tensors: first, data }, names[0]);
    assert.deepEqual(alone.notes, ['m-00002-of-00002.gguf does not exist in the model folder.']);
    written(
      ggufFile({ tensors: rest.map((tensor, index) => ({ ...tensor, offset: index * 131_072 })), data: 1_400_000 }),
      names[1],
    );
    const read = await readGguf(join(folder, names[0]));
    assert.ok(read.ok);
    assert.deepEqual(read.gguf.notes, []);
    assert.equal(read.gguf.weights.parameters, 1_257_728);
    assert.deepEqual(
      read.gguf.files.map(({ name }) => name),
      names,
    );
  });

  it('takes one file for one part, whatever its names', async () => {
    const names = Array.from({ length: 40 }, (_, at) => `m-${String(at + 1).padStart(5, '0')}-of-00040.gguf`);
    const [first = '', second = '', ...rest] = names;
    const file = written(ggufFile(smallLlama()), first);
    linkSync(file, join(folder, second));
    for (const name of rest) symlinkSync(first, join(folder, name));
    const read = await readGguf(file);
    assert.ok(read.ok);
    assert.deepEqual(
      read.gguf.files.map(({ name }) => name),
      [first],
    );
    assert.equal(read.gguf.notes[0], `${second} is the same file as ${first}, and a file is only one part of a model.`);
    assert.equal(read.gguf.notes[8], '31 more parts are not read.');
    const asked = await readGguf(join(folder, second));
    assert.deepEqual(asked, { ok: false, message: read.gguf.notes[0] });
    assert.equal(partsOf('m-00001-of-00513.gguf'), undefined);
    const many = await readGguf(written(ggufFile(smallLlama()), 'm-00001-of-00513.gguf'));
    assert.deepEqual(many, { ok: false, message: 'Its name says that it is one of more than 512 parts.' });
  });

  it('holds its limits for all parts of a model together', async () => {
    const names = [1, 2, 3, 4].map((part) => `m-0000${part}-of-00004.gguf`);
    const scale = Array.from({ length: 10 }, (_, at) => ({ name: `t${at}`, sizes: [1], type: 0, offset: 32 * at }));
    // 10 tensors, 3 keys, a list and 10 bytes of text in each part.
    for (const name of names) {
      const values = { a: 'ten bytes.', b: u32(1), c: list(u32(1)) };
      written(ggufFile({ values, tensors: scale, data: 320 }), name);
    }
    const asked = join(folder, names[0] ?? '');
    let time = 0;
    const cases: readonly (readonly [GgufBudget, number, RegExp])[] = [
      [new GgufBudget({ tensors: 25 }), 2, /more than 25 tensors, which no model has in all its parts\.$/],
      [new GgufBudget({ values: 10 }), 3, /more than 10 keys of metadata/],
      [new GgufBudget({ lists: 1 }), 1, /more than 1 lists of metadata/],
      [new GgufBudget({ bytes: 2000 }), 2, /more than 2000 bytes of header/],
      [new GgufBudget({}, () => (time += 6000)), 2, /60 s have passed/],
    ];
    for (const [budget, read, why] of cases) {
      const answer = await readGguf(asked, budget);
      assert.ok(answer.ok, String(why));
      assert.equal(answer.gguf.files.length, read, String(why));
      assert.match(answer.gguf.notes[0] ?? '', why);
      assert.equal(answer.gguf.notes.length, read === 3 ? 1 : 2, answer.gguf.notes.join(' '));
      assert.ok(answer.gguf.bytesRead <= budget.limits.bytes);
    }
    // What is kept of values runs out without a word: the rest is counted.
    const kept = await readGguf(asked, new GgufBudget({ kept: 15 }));
    assert.ok(kept.ok);
    assert.equal(kept.gguf.files.length, 4);
    // The part that was asked for lies beyond the limit.
    const last = await readGguf(join(folder, names[3] ?? ''), new GgufBudget({ tensors: 25 }));
    assert.ok(!last.ok);
    assert.match(last.message, /m-00003-of-00004\.gguf: This GGUF file is not read to its end/);
  });

  it('says where header, metadata and file contradict each other', async () => {
    const file = smallLlama();
    const notes = async (change: Partial<GgufFile>): Promise<string> => {
      const found = await model({ ...file, ...change });
      for (const note of found.notes) assert.match(note, /\.$/);
      return found.notes.join(' ');
    };
    const values = (key: string, value: Value): Partial<GgufFile> => ({ values: { ...file.values, [key]: value } });
    assert.match(
      await notes({ data: 1000 }),
      /The data of .* and \d+ more lie beyond the 1000 bytes of data in the file/,
    );
    assert.match(
      await notes(values('llama.block_count', u32(3))),
      /The metadata gives 3 blocks, and the tensors have 2\./,
    );
    assert.match(
      await notes(values('llama.embedding_length', u32(512))),
      /gives 512 as the width .* tensors have 256\./,
    );
    assert.match(
      await notes(values('llama.attention.head_count_kv', u32(1))),
      /gives 64 rows of keys .* tensors have 128\./,
    );
    assert.match(
      await notes(values('tokenizer.ggml.tokens', list('a', 'b'))),
      /gives 2 tokens, and the tensors have 300\./,
    );
    const tensors = file.tensors.map((tensor, index) => (index === 3 ? { ...tensor, type: 77 } : tensor));
    assert.match(await notes({ tensors }), /The number format of blk\.0\.attn_k\.weight is not known/);
    const twice = file.tensors.map((tensor, index) => (index === 3 ? { ...tensor, offset: 8 } : tensor));
    assert.match(await notes({ tensors: twice }), /attn_k\.weight does not begin at a multiple of 32 bytes\./);
    assert.match(await notes({ tensors: twice }), /begins? inside of another tensor\./);
  });

  it('says once that keys are given twice', async () => {
    const bytes = ggufFile({ values: { aa: u32(1), ab: u32(2) } });
    // The second key becomes the first: 24 bytes before the keys, 8 + 2 + 4 + 4 of the first, 8 of the length.
    bytes.write('aa', 24 + 18 + 8);
    assert.deepEqual((await header(bytes)).problems, ['The metadata give aa more than once.']);
  });

  it('knows adapters and towers', async () => {
    const lora = await model({
      values: {
        'general.architecture': 'llama',
        'general.type': 'adapter',
        'adapter.type': 'lora',
        'adapter.lora.alpha': { f32: 32 },
      },
      tensors: [
        { name: 'blk.0.attn_q.weight.lora_a', sizes: [256, 8], type: 0 },
        { name: 'blk.0.attn_q.weight.lora_b', sizes: [8, 256], type: 0, offset: 8192 },
      ],
      data: 16_384,
    });
    assert.equal(lora.type, 'adapter');
    assert.deepEqual(lora.adapter, { rank: 8, alpha: 32 });
    assert.equal(lora.description, undefined);
    assert.deepEqual(lora.notes, []);
    const tower = await model({
      values: {
        'general.architecture': 'clip',
        'clip.vision.embedding_length': u32(1152),
        'clip.vision.block_count': u32(27),
        'clip.vision.attention.head_count': u32(16),
        'clip.vision.feed_forward_length': u32(4304),
        'clip.vision.image_size': u32(896),
        'clip.vision.patch_size': u32(14),
      },
    });
    const part = tower.description?.parts[0];
    assert.deepEqual([part?.role, part?.layers.length, part?.heads, part?.headDim], ['vision', 27, 16, 72]);
  });

  it('refuses what is no GGUF file with a sentence', async () => {
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.alloc(0), /does not begin with "GGUF"/],
      [Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS pointer/],
      [Buffer.from('tjgg\0\0\0\0'), /before GGUF/],
      [Buffer.from('GGUF'), /ends after 4 bytes/],
      [ggufFile({ version: 4 }), /its version is 4/],
      [ggufFile(smallLlama()).subarray(0, 700), /ends after 700 bytes/],
      [ggufFile({ values: { a: { list: [list(list(list(u32(1))))] } } }), /nested more than 3 deep/],
      [ggufFile({ tensors: [{ name: 'w', sizes: [2n ** 39n, 2n ** 39n], type: 0 }] }), /larger than any file/],
      [ggufFile({ tensors: [{ name: 'w', sizes: [1, 1, 1, 1, 1, 1, 1, 1, 1], type: 0 }] }), /has 9 axes/],
    ];
    for (const [bytes, expected] of cases) {
      const message = await refusal(bytes);
      assert.match(message, expected);
      assert.match(message, /\.$/);
    }
  });

  it('is not misled by counts that no file holds', async () => {
    const whole = ggufFile({ values: { a: 'b' } });
    const claim = async (at: number, value: bigint): Promise<string> => {
      const bytes = Buffer.from(whole);
      bytes.writeBigUInt64LE(value, at);
      return refusal(bytes);
    };
    for (const value of [2n ** 40n, 2n ** 63n, 2n ** 64n - 1n]) {
      assert.match(await claim(8, value), /the number of its tensors/);
      assert.match(await claim(16, value), /the number of its metadata/);
      assert.match(await claim(24, value), /the length of a key/);
    }
    // 24 the length of the key, 32 the key, 33 its type, 37 the length of the text.
    assert.match(await claim(37, 2n ** 40n), /the length of a text/);
    const long = ggufFile({ values: { a: list(u32(1)) } });
    long.writeBigUInt64LE(2n ** 50n, 41);
    assert.match(await refusal(long), /the length of a list/);
  });

  it('keeps no vocabulary in memory and reads no weights', async () => {
    const tokens = list(...Array.from({ length: 50_000 }, (_, id) => `token ${id}`));
    const file = smallLlama();
    const found = await header(
      ggufFile({ values: { tokens, scores: list(...Array.from({ length: 50_000 }, () => u32(1))) }, data: 10_000_000 }),
    );
    assert.deepEqual(found.metadata.get('tokens'), { list: undefined, length: 50_000 });
    assert.deepEqual(found.metadata.get('scores'), { list: undefined, length: 50_000 });
    assert.ok(found.bytesRead < 2_000_000, String(found.bytesRead));
    const names = await header(ggufFile({ values: { __proto__: 'x', constructor: 'y', ...file.values } }));
    assert.equal(names.metadata.get('constructor'), 'y');
  });
});
