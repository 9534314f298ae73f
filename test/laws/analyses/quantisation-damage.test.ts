/** What quantising did: planted in one head, none against the model itself, and for files with rows in another order. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { quantisationDamage } from '../../../diagnostics/patterns/quantisation-damage/analysis';
import type { DamageResult } from '../../../diagnostics/patterns/quantisation-damage/result';
import { hurtHeads } from '../../../diagnostics/patterns/quantisation-damage/sections';
import { labels } from '../../../diagnostics/patterns/labels/analysis';
import { taskAccuracy } from '../../../diagnostics/circuits/task-accuracy/analysis';
import { fromHalf, toHalf } from '../../../kernels/tensors/half';
import { promptIds as ids } from '../../support/checkpoints/open-tiny';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { tinyEncoderDecoder } from '../../support/checkpoints/tiny-encoder-decoders';
import { tinyModel, tinyTensors, writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { convertToGguf } from '../../support/gguf-conversion';
import { shortDemoLm } from '../../support/demo-models';
import { awqMatrix } from '../../support/quantised/awq';
import { float8Matrix } from '../../support/quantised/floats';
import { writeQuantisedFolder } from '../../support/quantised/folder';
import { gptqMatrix } from '../../support/quantised/gptq';
import type { Matrix, WrittenMatrix } from '../../support/quantised/matrix';
import { writeSafetensors } from '../../support/safetensors-file';
import { resultFor } from './one-run';

const llama = tinyModel('llama');
const headDim = 8;
const width = 32;

/** 32 numbers as Q4_0 restores them: the scale is the number of largest magnitude over -8, as float16. */
function asQ4(block: Float32Array): number[] {
  const largest = block.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  const scale = largest / -8;
  const stored = fromHalf(toHalf(scale));
  return [...block].map((value) => (Math.min(15, Math.max(0, Math.round(value / scale) + 8)) - 8) * stored);
}

/** Q8_0: the scale is the largest magnitude over 127, as float16, before 32 bytes. */
function q8(numbers: Float32Array): Uint8Array {
  const bytes = Buffer.alloc((numbers.length / 32) * 34);
  for (let block = 0; block < numbers.length / 32; block++) {
    const own = numbers.subarray(32 * block, 32 * (block + 1));
    const scale = Math.max(...own.map(Math.abs)) / 127;
    bytes.writeUInt16LE(toHalf(scale), 34 * block);
    own.forEach((value, at) => bytes.writeInt8(scale === 0 ? 0 : Math.round(value / scale), 34 * block + 2 + at));
  }
  return bytes;
}

function zeroTensor(file: string, name: string): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const {
    data_offsets: [from, to],
  } = header[name] ?? assert.fail(Object.keys(header).join());
  writeFileSync(file, bytes.fill(0, 8 + length + from, 8 + length + to));
}

describe('damage by quantising', () => {
  let room: string;
  let exact: string;
  const opened: LoadedModel[] = [];
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-damage-'));
    exact = join(room, 'exact');
    writeTinyModel(exact, llama);
  });
  afterEach(async () => {
    for (const { sessions } of opened.splice(0)) await sessions.release();
  });
  after(() => rmSync(room, { recursive: true }));

  const open = async (path: string): Promise<LoadedModel> => {
    const model = await openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };
  const damage = (model: LoadedModel, exchange = true): Promise<DamageResult> =>
    resultFor(model, quantisationDamage, {
      input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
      parameters: { against: exact, exchange },
    });
  const logProbabilities = async ({ spec, sessions }: LoadedModel): Promise<readonly (readonly number[])[]> => {
    const { logits } = await runPrompt(spec, sessions, { ids, chunk: ids.length, logits: 'all' });
    const all = [...(logits?.data as Float32Array)];
    return ids.map((_, row) => {
      const own = all.slice((row * all.length) / ids.length, ((row + 1) * all.length) / ids.length);
      const total = Math.log(own.reduce((sum, value) => sum + Math.exp(value), 0));
      return own.map((value) => value - total);
    });
  };
  /** Mean KL of the next token, from two plain runs. */
  const divergence = async (path: string, from = exact): Promise<number> => {
    const [p, q] = [await logProbabilities(await open(from)), await logProbabilities(await open(path))];
    const rows = p.map((row, at) => row.reduce((sum, log, id) => sum + Math.exp(log) * (log - (q[at]?.[id] ?? 0)), 0));
    return rows.reduce((sum, value) => sum + value, 0) / rows.length;
  };
  const near = (found: number, expected: number, within: number): void =>
    assert.ok(Math.abs(found - expected) <= within, `${found}, not ${expected}`);

  it('in the queries of one head is found there first, with the errors of its numbers', async () => {
    const folder = join(room, 'planted');
    writeTinyModel(folder, llama);
    const tensors = tinyTensors(llama);
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const query = tensors.get(name) ?? assert.fail();
    const data = query.data.slice();
    const rows = data.subarray(2 * headDim * width, 3 * headDim * width);
    const before = rows.slice();
    for (let row = 0; row < headDim; row++)
      rows.set(asQ4(before.subarray(row * width, (row + 1) * width)), row * width);
    writeSafetensors(join(folder, 'model.safetensors'), new Map([...tensors, [name, { ...query, data }]]));
    writeConfig(folder, llama.config);

    const result = await damage(await open(folder));
    const errors = [...rows].map((value, at) => Math.abs(value - (before[at] ?? 0)));
    const squares = (of: Iterable<number>): number => [...of].reduce((sum, value) => sum + value * value, 0);
    near(result.query[0]![2]!, Math.sqrt(squares(errors) / squares(before)), 1e-9);
    assert.equal(result.largest[0]![2], Math.max(...errors));
    const tensor = result.tensors.find((each) => each.tensor === name) ?? assert.fail();
    near(tensor.mean, errors.reduce((sum, value) => sum + value, 0) / data.length, 1e-12);
    assert.equal(tensor.largest, Math.max(...errors));
    assert.deepEqual(
      result.tensors.filter(({ largest }) => largest > 0).map((each) => each.tensor),
      [name],
    );
    result.weights.forEach((heads, layer) =>
      heads.forEach((error, head) => assert.equal(error > 0, layer === 0 && head === 2)),
    );
    // The other heads of its layer still read the same stream.
    result.maps[0]!.forEach((change, head) => assert.equal(change > 0, head === 2));
    result.outputs[0]!.forEach((change, head) => assert.equal(change > 0, head === 2));
    const [first] = hurtHeads(result);
    assert.deepEqual([first?.layer, first?.head], [0, 2]);
    near(result.divergence, await divergence(folder), 1e-6);
    assert.ok(result.divergence > 1e-5);
    const [widest, ...others] = result.wider;
    assert.deepEqual([widest?.tensors, widest?.format], [[name], 'F32']);
    near(widest?.recovered ?? 0, 1, 1e-6);
    for (const { recovered } of others) near(recovered, 0, 1e-6);
    assert.match(quantisationDamage.finding(result), /q_proj\.weight alone, kept exact, would remove 100 %.* is L0H2/);
  });

  it('is none of a model against itself', async () => {
    const result = await damage(await open(exact));
    const { divergence: whole, agree, tensors, wider } = result;
    assert.deepEqual([whole, agree], [0, 1]);
    for (const part of ['query', 'key', 'value', 'output', 'weights', 'largest', 'maps', 'outputs'] as const)
      for (const value of result[part].flat()) assert.equal(value, 0, part);
    for (const { largest, mean, relative } of tensors) assert.deepEqual([largest, mean, relative], [0, 0, 0]);
    assert.ok(tensors.length === 2 * 7 + 2 && wider.length === tensors.length);
    for (const { divergence: left, recovered } of wider) assert.deepEqual([left, recovered], [0, 0]);
    assert.match(quantisationDamage.finding(result), /^Nothing differs from exact/);
  });

  it('of a GGUF file in float32 is none: its rows are put back', async () => {
    const result = await damage(await open(convertToGguf(exact, join(room, 'float.gguf'))));
    for (const { tensor, largest } of result.tensors) assert.equal(largest, 0, tensor);
    for (const part of ['weights', 'largest'] as const) for (const value of result[part].flat()) assert.equal(value, 0);
    for (const part of ['maps', 'outputs'] as const)
      for (const value of result[part].flat()) assert.ok(value < 1e-3, `${part} ${value}`);
    near(result.divergence, 0, 1e-9);
    // Only the rounding of sums is left, and no tensor gets a share of it.
    for (const { recovered } of result.wider) assert.equal(recovered, 0);
  });

  it('of a GGUF file in blocks goes as far back with a tensor exact as in a file that stores this one in float32', async () => {
    const file = (name: string, wide: (tensor: string) => boolean): string =>
      convertToGguf(exact, join(room, `${name}.gguf`), {
        format: (tensor) =>
          // A row of 48 numbers is not a whole number of blocks.
          wide(tensor) || tensor.includes('ffn_down')
            ? { id: 0, encode: (numbers) => new Uint8Array(Float32Array.from(numbers).buffer) }
            : { id: 8, encode: (numbers) => q8(Float32Array.from(numbers)) },
      });
    const blocks = file('blocks', () => false);
    const result = await damage(await open(blocks));
    near(result.divergence, await divergence(blocks), 1e-7);
    assert.equal(result.tensors.find(({ tensor }) => tensor.endsWith('1.mlp.up_proj.weight'))?.format, 'Q8_0');
    for (const [place, wide] of [
      ['layers.0.self_attn.q_proj', /^blk\.0\.attn_[qk]\./],
      ['layers.1.mlp.up_proj', /^blk\.1\.ffn_up\./],
      ['embed_tokens', /^token_embd\./],
      ['lm_head', /^output\./],
    ] as const) {
      const found = result.wider.find(({ tensors: [first = ''] }) => first.includes(place)) ?? assert.fail(place);
      const expected = await divergence(file(place, (tensor) => wide.test(tensor)));
      near(found.divergence, expected, 1e-7);
    }
  });

  const llamaOf = {
    ...{ vocab_size: 96, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4 },
    ...{
      num_key_value_heads: 2,
      max_position_embeddings: 64,
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
    },
  };
  const maps = (quantise: (matrix: Matrix) => WrittenMatrix) => (module: string, matrix: Matrix) =>
    /layers\.\d+\..*proj$/.test(module) ? quantise(matrix) : undefined;
  for (const [name, quantisation, quantise] of [
    [
      'AWQ',
      { quant_method: 'awq', bits: 4, group_size: 32, version: 'gemm' },
      maps((matrix) => awqMatrix(matrix, { group: 32 })),
    ],
    [
      'GPTQ',
      { quant_method: 'gptq', bits: 3, group_size: 32 },
      maps((matrix) => gptqMatrix(matrix, { bits: 3, group: 32 })),
    ],
    [
      'FP8',
      { quant_method: 'fp8', weight_block_size: [16, 32] },
      maps((matrix) => float8Matrix(matrix, { scales: [16, 32], suffix: '.weight_scale_inv' })),
    ],
  ] as const) {
    it(`of a folder in ${name}: errors are those of its numbers, by tensor and by head, and predictions those of plain runs`, async () => {
      const made = { config: llamaOf, quantisation, quantise };
      const [folder, , numbers] = writeQuantisedFolder(join(room, name), made);
      const [before, , floats] = writeQuantisedFolder(join(room, `${name}-before`), {
        config: llamaOf,
        quantise: () => undefined,
      });
      const result = await resultFor(await open(folder), quantisationDamage, {
        input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
        parameters: { against: before, exchange: false },
      });
      const of = (tensor: string, from: ReadonlyMap<string, { bytes: Uint8Array }>): Float32Array =>
        new Float32Array((from.get(tensor)?.bytes ?? assert.fail(tensor)).slice().buffer);
      const relative = (tensor: string, some: (at: number) => boolean = () => true): number => {
        const [own, exact] = [of(tensor, numbers), of(tensor, floats)];
        let [errors, squares] = [0, 0];
        exact.forEach((value, at) => {
          if (!some(at)) return;
          errors += (own[at]! - value) ** 2;
          squares += value ** 2;
        });
        return Math.sqrt(errors / squares);
      };
      const compared = result.tensors.filter(({ layer }) => layer !== null);
      assert.equal(compared.length, 2 * 7);
      for (const each of compared) {
        near(each.relative, relative(each.tensor), 1e-6);
        assert.ok(each.relative > 0.01, each.tensor);
      }
      // Heads of 16 rows; two query heads share those of a key.
      near(
        result.query[1]![3]!,
        relative('model.layers.1.self_attn.q_proj.weight', (at) => at >= 48 * 64),
        1e-6,
      );
      near(
        result.value[0]![2]!,
        relative('model.layers.0.self_attn.v_proj.weight', (at) => at >= 16 * 64),
        1e-6,
      );
      near(
        result.output[0]![1]!,
        relative('model.layers.0.self_attn.o_proj.weight', (at) => Math.floor((at % 64) / 16) === 1),
        1e-6,
      );
      near(result.divergence, await divergence(folder, before), 1e-6);
      assert.ok(result.divergence > 1e-5 && result.maps.flat().every((change) => change > 0));
    });
  }

  const heads = { heads: 4, d: 16 };
  for (const [what, config, queries, output] of [
    [
      'a norm of all heads together (OLMo 2)',
      { architectures: ['Olmo2ForCausalLM'], model_type: 'olmo2' },
      ['self_attn.q_proj', (head: number) => head],
      'self_attn.o_proj',
    ],
    [
      'biases by distance (BLOOM)',
      { architectures: ['BloomForCausalLM'], model_type: 'bloom', n_layer: 2, n_head: 4 },
      ['self_attention.query_key_value', (head: number) => 3 * head],
      'self_attention.dense',
    ],
  ] as const) {
    it(`by head, where scores are not made of weights alone: ${what}`, async () => {
      const { num_key_value_heads: _, architectures: __, model_type: ___, ...sizes } = llamaOf;
      const made = randomCheckpoint({ ...sizes, num_key_value_heads: 4, ...config });
      const edited = new Map(made.tensors);
      const edit = (module: string, factorAt: (row: number, column: number) => number): void => {
        const [name, tensor] =
          [...edited].find(([each]) => each.endsWith(`.1.${module}.weight`)) ?? assert.fail(module);
        const columns = tensor.shape[1] ?? 1;
        const data = tensor.data.map((value, at) => value * factorAt(Math.floor(at / columns), at % columns));
        edited.set(name, { ...tensor, data });
      };
      const [query, placeOf] = queries;
      edit(query, (row) => (Math.floor(row / heads.d) === placeOf(2) ? 1.25 : 1));
      edit(output, (_row, column) => (Math.floor(column / heads.d) === 1 ? 1.5 : 1));
      const folders = (['before', 'after'] as const).map((time) => join(room, `${config.model_type}-${time}`));
      for (const [at, tensors] of [made.tensors, edited].entries()) {
        const folder = folders[at] ?? assert.fail();
        mkdirSync(folder);
        writeConfig(folder, made.config);
        writeSafetensors(join(folder, 'model.safetensors'), tensors);
      }
      const [before = '', after = ''] = folders;
      const result = await resultFor(await open(after), quantisationDamage, {
        input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
        parameters: { against: before, exchange: false, labels: false },
      });
      for (let head = 0; head < heads.heads; head++) {
        near(result.query[1]![head]!, head === 2 ? 0.25 : 0, 1e-6);
        near(result.output[1]![head]!, head === 1 ? 0.5 : 0, 1e-6);
        near(result.key[1]![head]! + result.value[1]![head]!, 0, 1e-12);
      }
      assert.deepEqual(result.notes, []);
    });
  }

  it('of a task: accuracies and labels are those of each model by itself, of several texts and of one', async () => {
    const hurt = join(room, 'hurt');
    cpSync(shortDemoLm, hurt, { recursive: true });
    // Without what the heads of layer 1 add.
    zeroTensor(join(hurt, 'model.safetensors'), 'model.layers.1.self_attn.o_proj.weight');
    const [model, other] = [await open(hurt), await open(shortDemoLm)];
    const input = { kind: 'task', task: 'induction', samples: 12 } as const;
    const parameters = { against: shortDemoLm, exchange: false, texts: 2 };
    const result = await resultFor(model, quantisationDamage, { input, parameters });
    const alone = [await resultFor(model, taskAccuracy, { input }), await resultFor(other, taskAccuracy, { input })];
    assert.deepEqual(
      [result.accuracy?.own, result.accuracy?.beside],
      alone.map(({ accuracy }) => accuracy),
    );
    const { own, beside, gained = 0, lost = 0, change } = result.accuracy ?? assert.fail();
    assert.ok(beside.correct > own.correct, `${own.correct} and ${beside.correct}`);
    assert.equal(lost - gained, beside.correct - own.correct);
    near(change.difference, own.value - beside.value, 1e-12);
    assert.ok(change.low <= change.difference && change.difference < change.high);
    assert.equal(result.texts?.length, 2);
    const [first, second] = result.texts ?? [];
    near(
      result.divergence,
      (first!.divergence * first!.tokens + second!.divergence * second!.tokens) / result.divergences.length,
      1e-9,
    );

    const text = alone[0]!.prompts[0]!.prompt;
    const labelsOf = async (of: LoadedModel): Promise<ReadonlySet<string>> => {
      const asked = {
        input: { kind: 'prompt', prompt: { kind: 'text', text } },
        parameters: { causal: false },
      } as const;
      const { classes } = await resultFor(of, labels, asked);
      return new Set(classes.map(({ layer, head, label }) => `${layer}.${head} ${label}`));
    };
    const [ownLabels, otherLabels] = [await labelsOf(model), await labelsOf(other)];
    const found = result.labels?.changed ?? [];
    const gone = found.flatMap(({ layer, head, own: has, beside: had }) =>
      had.filter((label) => !has.includes(label)).map((label) => `${layer}.${head} ${label}`),
    );
    assert.deepEqual(new Set(gone), new Set([...otherLabels].filter((label) => !ownLabels.has(label))));
    assert.ok(gone.length > 0);
    assert.match(
      quantisationDamage.finding(result),
      /heads? ha(s another label|ve other labels)\. Induction: .* of 12 prompts are answered/,
    );
    const sections = quantisationDamage.sections(result).map(({ id }) => id);
    for (const id of ['changed-labels', 'accuracy', 'texts']) assert.ok(sections.includes(id), id);
  });

  it('of an encoder compares weights, heads and labels, and says that nothing is predicted', async () => {
    const bert = tinyModel('bert');
    const [folder, other] = [join(room, 'bert'), join(room, 'bert-exact')];
    writeTinyModel(other, bert);
    writeTinyModel(folder, bert);
    zeroTensor(join(folder, 'model.safetensors'), 'bert.encoder.layer.1.attention.self.query.weight');
    const result = await resultFor(await open(folder), quantisationDamage, {
      input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
      parameters: { against: other },
    });
    assert.deepEqual([result.divergences, result.wider], [[], []]);
    assert.ok(result.notes.some((note) => note.startsWith('The model predicts no next token')));
    assert.ok(result.query[1]!.every((error) => error === 1) && result.query[0]!.every((error) => error === 0));
    assert.ok(result.maps[1]!.every((change) => change > 0) && result.maps[0]!.every((change) => change === 0));
    assert.match(
      quantisationDamage.finding(result),
      /^Compared with bert-exact\. The head whose outputs changed most is L1H/,
    );
  });

  for (const [family, { self, cross, encoder, table }] of Object.entries({
    bart: {
      self: 'model.decoder.layers.1.self_attn.q_proj.weight',
      cross: 'model.decoder.layers.1.encoder_attn.k_proj.weight',
      encoder: 'model.encoder.layers.1.self_attn.v_proj.weight',
      table: 'model.shared.weight',
    },
    t5: {
      self: 'decoder.block.1.layer.0.SelfAttention.q.weight',
      cross: 'decoder.block.1.layer.1.EncDecAttention.k.weight',
      encoder: 'encoder.block.1.layer.0.SelfAttention.v.weight',
      table: 'shared.weight',
    },
  } as const)) {
    it(`of an encoder-decoder (${family}): three grids, each with its own source, and tensors of both halves are tried`, async () => {
      const made = tinyEncoderDecoder(
        family as 'bart' | 't5',
        family === 't5' ? { num_layers: 2 } : { decoder_layers: 2 },
      );
      const folderOf = (name: string, rough: readonly string[]): string => {
        const folder = join(room, `${family}-${name}`);
        mkdirSync(folder);
        writeConfig(folder, made.config);
        const tensors = new Map(made.tensors);
        for (const each of rough) {
          const tensor = tensors.get(each) ?? assert.fail(`${each} of ${[...tensors.keys()].join()}`);
          tensors.set(each, { ...tensor, data: tensor.data.map((value) => Math.round(value * 8) / 8) });
        }
        writeSafetensors(join(folder, 'model.safetensors'), tensors);
        return folder;
      };
      const all = [self, cross, encoder, table];
      const [before, after] = [folderOf('before', []), folderOf('after', all)];
      const source = { ids: [7, 22, 41, 9, 33, 5, 58, 12] };
      const target = [family === 't5' ? 0 : 2, 17, 40, 8, 29, 3, 50];
      const input = { kind: 'prompt', prompt: { kind: 'ids', ids: source.ids, target } } as const;
      const [own, other] = [await open(after), await open(before)];
      // Trying tensors and labels takes long, and is alike in both.
      const isWhole = family === 'bart';
      const parameters = { against: before, labels: isWhole, exchange: isWhole };
      const result = await resultFor(own, quantisationDamage, { input, parameters });

      const places = { layer: 1, heads: [0, 1, 2, 3].map((head) => ({ layer: 1, head })) };
      const encoderHeads = places.heads.slice(0, own.source?.spec.blocks[1]?.attention?.heads);
      const captured = async ({ spec, sessions, source: half }: LoadedModel) => {
        assert.ok(half);
        const stream = await encodedSource(half, source, { memoryLimit: 1e9 });
        const decoder = await runPrompt(spec, sessions, {
          ...{ ids: target, source: { ...source, stream }, chunk: 7, logits: 'all' },
          ...{ maps: places.heads, crossMaps: places.heads },
          taps: (['attention.head_output', 'cross.head_output'] as const).map((tap) => ({ layer: 1, tap })),
        });
        const ofSource = await runPrompt(half.spec, half.sessions, {
          ...{ ids: source.ids, chunk: 8, logits: 'none', maps: encoderHeads },
          taps: [{ layer: 1, tap: 'attention.head_output' }],
        });
        const [layer, below] = [decoder.layers[1] ?? assert.fail(), ofSource.layers[1] ?? assert.fail()];
        const data = (of: unknown): Float32Array => (of as { data: Float32Array }).data;
        const logits = [...data(decoder.logits)];
        const width = logits.length / 7;
        return {
          own: { maps: layer.maps, outputs: data(layer.taps['attention.head_output']) },
          cross: { maps: layer.cross?.maps ?? assert.fail(), outputs: data(layer.taps['cross.head_output']) },
          encoder: { maps: below.maps, outputs: data(below.taps['attention.head_output']) },
          rows: Array.from({ length: 7 }, (_, row) => logits.slice(row * width, (row + 1) * width)),
        };
      };
      const [mine, theirs] = [await captured(own), await captured(other)];
      const changeOfOutput = (a: Float32Array, b: Float32Array): number => {
        const squares = (of: Iterable<number>): number => [...of].reduce((sum, value) => sum + value * value, 0);
        return Math.sqrt(squares(a.map((value, at) => value - b[at]!)) / squares(b));
      };
      const distance = (a: Float32Array, b: Float32Array, rows: number): number => {
        const columns = a.length / rows;
        const shares = Array.from({ length: rows }, (_, row) => {
          let sum = 0;
          for (let at = row * columns; at < (row + 1) * columns; at++) {
            const [p, q] = [a[at]!, b[at]!];
            if (p > 0) sum += (p * Math.log2((2 * p) / (p + q))) / 2;
            if (q > 0) sum += (q * Math.log2((2 * q) / (p + q))) / 2;
          }
          return Math.sqrt(Math.max(0, sum));
        });
        return shares.reduce((sum, value) => sum + value, 0) / rows;
      };
      for (const [stack, heads] of [
        ['own', result],
        ['cross', result.cross ?? assert.fail()],
        ['encoder', result.encoder ?? assert.fail()],
      ] as const) {
        const count = stack === 'encoder' ? encoderHeads.length : 4;
        assert.equal(heads.maps[1]?.length, count, stack);
        const size = mine[stack].outputs.length / count;
        for (let head = 0; head < count; head++) {
          const [a, b] = [mine[stack].maps.get(head)!, theirs[stack].maps.get(head)!];
          near(heads.maps[1][head]!, distance(a, b, stack === 'encoder' ? 8 : 7), 1e-5);
          const part = (of: Float32Array): Float32Array => of.subarray(head * size, (head + 1) * size);
          near(heads.outputs[1]![head]!, changeOfOutput(part(mine[stack].outputs), part(theirs[stack].outputs)), 1e-5);
          assert.ok(heads.maps[1][head]! > 1e-3 && heads.outputs[1]![head]! > 1e-3, `${stack} ${head}`);
        }
        // The rows of one map were rounded in each stack.
        const [part, tensor] = ({ own: ['query', self], cross: ['key', cross], encoder: ['value', encoder] } as const)[
          stack
        ];
        const exactRows = made.tensors.get(tensor)?.data ?? assert.fail();
        const last = exactRows.subarray(exactRows.length - exactRows.length / count);
        near(
          heads[part][1]!.at(-1)!,
          changeOfOutput(
            last.map((value) => Math.round(value * 8) / 8),
            last,
          ),
          1e-6,
        );
        for (const each of ['query', 'key', 'value', 'output'] as const)
          if (each !== part)
            assert.ok(
              heads[each].flat().every((error) => error === 0),
              `${stack} ${each}`,
            );
      }
      const log = (row: readonly number[]): readonly number[] => {
        const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
        return row.map((value) => value - total);
      };
      const divergenceOf = (rows: readonly (readonly number[])[]): number =>
        rows.reduce((sum, row, at) => {
          const [p, q] = [log(theirs.rows[at]!), log(row)];
          return sum + p.reduce((part, value, id) => part + Math.exp(value) * (value - q[id]!), 0) / rows.length;
        }, 0);
      near(result.divergence, divergenceOf(mine.rows), 1e-7);
      assert.ok(result.divergence > 1e-5);
      const sections = quantisationDamage.sections(result).map(({ id }) => id);
      for (const id of ['heads', 'heads-cross', 'heads-encoder', 'hurt', 'hurt-encoder'])
        assert.ok(sections.includes(id), id);

      if (!isWhole) return;
      // Each tensor exact by itself, against a checkpoint that was written so. The table is of both halves and of the language head.
      for (const [at, name] of all.entries()) {
        const found = result.wider.find(({ tensors }) => tensors.includes(name)) ?? assert.fail(name);
        assert.deepEqual(found.tensors, [name]);
        const wide = await open(
          folderOf(
            `wide-${at}`,
            all.filter((each) => each !== name),
          ),
        );
        near(found.divergence, divergenceOf((await captured(wide)).rows), 1e-7);
        assert.ok(Math.abs(found.divergence - result.divergence) > 1e-6, name);
      }
      for (const id of ['changed-labels', 'changed-labels-cross', 'changed-labels-encoder'])
        assert.ok(sections.includes(id), id);
      const same = await resultFor(other, quantisationDamage, {
        input,
        parameters: { against: before, exchange: false, labels: false },
      });
      assert.match(quantisationDamage.finding(same), /^Nothing differs from/);
      for (const { outputs, maps } of [same, same.cross!, same.encoder!])
        for (const value of [...outputs.flat(), ...maps.flat()]) assert.equal(value, 0);
    });
  }

  it('against another model is refused with the sizes of both', async () => {
    const other = join(room, 'other');
    writeTinyModel(other, tinyModel('gpt2'));
    await assert.rejects(
      damage(await open(other)),
      /other has 2 layers of .* but exact has 2 layers of .*: one was not made from the other/,
    );
  });
});
