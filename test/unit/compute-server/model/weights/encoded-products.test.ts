/** Quantised matrices laid out for the runtime: products with their codes against float64, rows of tables to the last bit. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PackedWeights } from '../../../../../compute-server/model/weights/packed-weights';
import { readNumbers } from '../../../../../compute-server/model/weights/tensor-source';
import { openSession } from '../../../../../compute-server/runtime/session';
import { GraphBuilder } from '../../../../../kernels/graph/builder';
import type { Value } from '../../../../../kernels/graph/records';
import { linear } from '../../../../../models/architectures/layers';
import { tableRows } from '../../../../../models/architectures/packed-matrices';
import type { EncodedTensor, StoredTensor, StoredWeights } from '../../../../../models/architectures/stored-weights';
import type { Linear } from '../../../../../models/architectures/weights-spec';
import { ggufFormat } from '../../../../../models/formats/number-formats/gguf-formats';
import { float16 } from '../../../../../models/formats/number-formats/floats';
import type { NumberFormat } from '../../../../../models/formats/number-formats/number-format';
import { fromHalf } from '../../../../../kernels/tensors/half';
import { readQuantisation } from '../../../../../models/formats/config/quantisation';
import { quantisedTensors } from '../../../../../models/formats/quantised/quantised-tensors';
import { tableMatrix } from '../../../../support/quantised/bitsandbytes';
import { float8Matrix, mxfp4Matrix, nvfp4Matrix } from '../../../../support/quantised/floats';
import type { Matrix, RawTensor, WrittenMatrix } from '../../../../support/quantised/matrix';
import { uniform } from '../../../../support/checkpoints/encoded-tiny';
import { ggufDefinitions, numbersOfBlocks, randomBlocks } from '../../../../support/reference/gguf-numbers';

const [rows, columns] = [24, 512];

describe('quantised matrices', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-products-'))));
  after(() => rmSync(folder, { recursive: true }));

  const stored = (
    format: NumberFormat,
    parts: Readonly<Record<string, Uint8Array>>,
    shape: readonly number[],
    more: Partial<EncodedTensor> = {},
  ): StoredWeights => {
    let offset = 0;
    const placed = Object.entries(parts).map(([name, bytes]) => {
      const place = { location: 'parts.bin', offset, length: bytes.length };
      offset += bytes.length;
      return [name, place] as const;
    });
    writeFileSync(join(folder, 'parts.bin'), Buffer.concat(Object.values(parts)));
    const tensor: StoredTensor = {
      ...{ name: 'w', dtype: format.name, shape, ...placed[0]![1] },
      encoded: { format, parts: Object.fromEntries(placed), ...more },
    };
    return { find: (name) => (name === 'w' ? tensor : undefined) };
  };
  /** Runs what is built on the weights as the runtime reads them. */
  const run = async (
    weights: StoredWeights,
    build: (graph: GraphBuilder, weights: StoredWeights) => Value,
    feeds: Parameters<Awaited<ReturnType<typeof openSession>>['run']>[0],
    activations: 'float' | 'int8' = 'float',
  ) => {
    const packed = new PackedWeights({ codes: true, activations });
    const layout = packed.layout(weights, { products: true, codes: true, tables: true });
    const graph = new GraphBuilder('product');
    graph.output(build(graph, layout), 'y');
    const finished = graph.finishDynamic();
    const { settings, done } = await packed.prepare([layout], folder);
    const session = await openSession(finished, { device: 'cpu', threads: 1, ...settings });
    const { y } = await session.run(feeds);
    await session.release();
    await done();
    assert.ok(y?.data instanceof Float32Array);
    const { size } = layout;
    return { y: y.data, size, count: (kind: string) => graph.nodes.filter(({ operator }) => operator === kind).length };
  };
  const random = uniform(3);
  const x = Float32Array.from({ length: 3 * columns }, () => 2 * random() - 1);
  const product =
    (spec: Partial<Linear> = {}) =>
    (graph: GraphBuilder, weights: StoredWeights): Value => {
      const map = { weight: 'w', inputs: columns, outputs: rows, stored: 'outputs-inputs', ...spec } as const;
      return linear(graph, weights, map, graph.input('x', 'float32', [3, columns]));
    };
  const feeds = { x: { data: x, shape: [3, columns] } };
  /** Asserts that y[r, o] is the product of row r of x and row `first` + o of the numbers, within `within` of the sum of its terms. */
  const check = (y: Float32Array, numbers: Float64Array, first: number, outputs: number, within = 2e-6): void => {
    assert.equal(y.length, 3 * outputs);
    for (let at = 0; at < y.length; at++) {
      const [row, output] = [Math.floor(at / outputs), at % outputs];
      let [sum, size] = [0, 0];
      for (let i = 0; i < columns; i++) {
        const term = x[row * columns + i]! * numbers[(first + output) * columns + i]!;
        sum += term;
        size += Math.abs(term);
      }
      assert.ok(Math.abs(y[at]! - sum) <= within * size, `${y[at]} is not ${sum} (${Math.abs(y[at]! - sum) / size})`);
    }
  };

  for (const [name, { id }] of Object.entries(ggufDefinitions)) {
    it(`${name}: products are those of float64, and rows of a table are its numbers`, async () => {
      const bytes = randomBlocks(name, rows * columns, uniform(id + 1), 1);
      const numbers = numbersOfBlocks(name, bytes);
      const weights = stored(ggufFormat(name)!, { blocks: bytes }, [rows, columns]);
      const exact = await run(weights, product(), feeds);
      check(exact.y, numbers, 0, rows);
      const { decoder } = ggufFormat(name)!;
      const eight = decoder.kind === 'exact' && decoder.form.bits === 8;
      assert.equal(exact.count('MatMulNBits'), eight ? 2 : 1);
      const rounded = await run(weights, product(), feeds, 'int8');
      check(rounded.y, numbers, 0, rows, 5e-3);
      assert.equal(rounded.count('MatMulNBits'), 1);
      const ids = [5, 0, 23, 5];
      const table = await run(
        weights,
        (graph, of) => tableRows(graph, of, 'w', [rows, columns], graph.input('ids', 'int64', [4])),
        { ids: { data: BigInt64Array.from(ids.map(BigInt)), shape: [4] } },
      );
      assert.equal(table.count('GatherBlockQuantized'), 1);
      const expected = ids.flatMap((row) => [
        ...Float32Array.from(numbers.subarray(row * columns, (row + 1) * columns)),
      ]);
      assert.deepEqual(
        [...table.y.map((number) => number + 0)],
        expected.map((number) => number + 0),
      );
    });
  }

  it('with a scale that is not a number are refused by name', async () => {
    for (const [name, at, what] of [
      ['Q4_K', 0, 'a scale'],
      ['Q4_K', 2, 'an offset'],
      ['Q6_K', 208, 'a scale'],
    ] as const) {
      const bytes = randomBlocks(name, rows * columns, uniform(8), 1);
      bytes.set([0, 0x7e], at);
      const weights = stored(ggufFormat(name)!, { blocks: bytes }, [rows, columns]);
      const detail = `w has ${what} that is not a finite number, so parts.bin is damaged. Fetch it again.`;
      await assert.rejects(run(weights, product(), feeds), { failure: { code: 'runtime-failed', detail } });
    }
  });

  it('are read by the rows of a fused weight, and by those of one expert of several', async () => {
    const bytes = randomBlocks('Q4_K', rows * columns, uniform(8), 1);
    const numbers = numbersOfBlocks('Q4_K', bytes);
    const fused = stored(ggufFormat('Q4_K')!, { blocks: bytes }, [rows, columns]);
    const some = { outputs: 7, firstRow: 9, storedRows: rows };
    check((await run(fused, product(some), feeds)).y, numbers, 9, 7);
    const experts = stored(ggufFormat('Q4_K')!, { blocks: bytes }, [3, rows / 3, columns]);
    const one = { outputs: rows / 3, firstRow: 8, storedShape: [3, rows / 3, columns] };
    const found = await run(experts, product(one), feeds);
    check(found.y, numbers, 8, rows / 3);
    assert.equal(found.count('MatMulNBits'), 1);
  });

  it('stored as their transpose are those of the tensor [inputs, outputs]', async () => {
    const bytes = randomBlocks('Q6_K', rows * columns, uniform(8), 1);
    const numbers = numbersOfBlocks('Q6_K', bytes);
    const weights = stored(ggufFormat('Q6_K')!, { blocks: bytes }, [columns, rows], { transposed: true });
    const found = await run(weights, product({ stored: 'inputs-outputs' }), feeds);
    check(found.y, numbers, 0, rows);
    assert.equal(found.count('MatMulNBits'), 2);
    const read = await readNumbers(weights.find('w')!, 5, 30, folder);
    const own = Array.from({ length: 30 }, (_, i) => {
      const at = 5 + i;
      return Math.fround(numbers[(at % rows) * columns + Math.floor(at / rows)]!);
    });
    assert.deepEqual([...read], own);
  });

  /** As a folder has it: the numbers in float64, and what a run reads. */
  const ofFolder = async (config: object, { tensors, numbers }: WrittenMatrix) => {
    const written = Object.entries(tensors).map(([suffix, tensor]) => ({
      ...{ ...tensor, name: `w${suffix}`, length: tensor.bytes.length },
    }));
    const [found] = await quantisedTensors(readQuantisation(config as never, []), written, ({ bytes }) =>
      Promise.resolve(bytes),
    );
    assert.ok(found);
    const parts = Object.fromEntries(Object.entries(found.parts).map(([name, { bytes }]) => [name, bytes]));
    const { format, shape, transposed } = found;
    return { numbers, weights: stored(format, parts, shape, transposed ? { transposed } : {}) };
  };
  const draws = uniform(11);
  const matrix: Matrix = {
    ...{ rows, columns },
    data: Float64Array.from({ length: rows * columns }, () => draws() - 0.4),
  };
  const bnb = { quant_method: 'bitsandbytes', load_in_4bit: true };
  for (const { name, config, written, operator, bytes } of [
    ...(['matrix', 'rows', [10, 128], [8, 100], [1, 64]] as const).map((scales) => ({
      name: `FP8 with scales of ${typeof scales === 'string' ? `the ${scales}` : `[${scales.join(', ')}]`}`,
      config: { quant_method: 'fp8', ...(typeof scales === 'string' ? {} : { weight_block_size: scales }) },
      written: float8Matrix(matrix, { scales, ...(typeof scales === 'string' ? {} : { suffix: '.weight_scale_inv' }) }),
      operator: 'Reshape',
      bytes: 2,
    })),
    ...(['nf4', 'fp4'] as const).flatMap((type) =>
      [false, true].map((double) => ({
        name: `bitsandbytes ${type}${double ? ' with double quantisation' : ''}`,
        config: bnb,
        written: tableMatrix(matrix, { type, double }),
        operator: 'MatMulBnb4',
        bytes: 0.5 + 4 / 64,
      })),
    ),
    ...(['modelopt', 'compressed-tensors'] as const).map((form) => ({
      name: `NVFP4 of ${form}`,
      config: { quant_method: form, quant_algo: 'NVFP4', format: 'nvfp4-pack-quantized' },
      written: nvfp4Matrix(matrix, form),
      operator: 'MatMulNBits',
      bytes: 1 + 4 / 16 + 0.5 / 16,
    })),
  ]) {
    it(`${name}: products are those of float64, and nothing is held in float32`, async () => {
      const { weights, numbers } = await ofFolder(config, written);
      const found = await run(weights, product(), feeds);
      check(found.y, numbers, 0, rows);
      assert.ok(found.count(operator) > 0);
      // Beside the numbers: scales of blocks along each input, and what aligns the parts.
      assert.ok(found.size - 4096 <= bytes * rows * columns + 4 * 4 * columns + 512, `${found.size}`);
      check((await run(weights, product({ outputs: 7, firstRow: 9, storedRows: rows }), feeds)).y, numbers, 9, 7);
      const none = await run(
        weights,
        (graph, of) =>
          linear(
            graph,
            of,
            { weight: 'w', inputs: columns, outputs: rows, stored: 'outputs-inputs' },
            graph.input('x', 'float32', ['rows', columns]),
          ),
        { x: { data: new Float32Array(0), shape: [0, columns] } },
      );
      assert.equal(none.y.length, 0);
    });
  }

  it('in FP8 with a pattern that is no number are refused by name', async () => {
    const written = float8Matrix(matrix, { scales: 'matrix' });
    written.tensors['.weight']!.bytes[700] = 0x7f;
    const { weights } = await ofFolder({ quant_method: 'fp8' }, written);
    const detail = 'w has a number that is not a finite number, so parts.bin is damaged. Fetch it again.';
    await assert.rejects(run(weights, product(), feeds), { failure: { code: 'runtime-failed', detail } });
  });

  it('of experts whose transposes the model has are read by expert, all outputs or every second one', async () => {
    const experts = [0, 1, 2].map(() =>
      mxfp4Matrix(
        { rows, columns, data: Float64Array.from({ length: rows * columns }, () => draws() - 0.4) },
        'gpt-oss',
      ),
    );
    const stacked = (suffix: string): RawTensor => ({
      dtype: 'U8',
      shape: [3, ...(experts[0]?.tensors[suffix]?.shape ?? [])],
      bytes: Buffer.concat(experts.map(({ tensors }) => tensors[suffix]!.bytes)),
    });
    const written = {
      tensors: { _blocks: stacked('_blocks'), _scales: stacked('_scales') },
      numbers: new Float64Array(),
    };
    const { weights } = await ofFolder({ quant_method: 'mxfp4' }, written);
    const numbers = experts[2]!.numbers;
    const one = { stored: 'inputs-outputs', firstRow: 2 * columns, storedShape: [3, columns, rows] } as const;
    const found = await run(weights, product(one), feeds);
    check(found.y, numbers, 0, rows);
    assert.equal(found.count('MatMulNBits'), 2);
    const second = await run(weights, product({ ...one, outputs: rows / 2, everySecond: 1 }), feeds);
    const own = new Float64Array(numbers.length / 2);
    for (let row = 0; row < rows / 2; row++) {
      own.set(numbers.subarray((2 * row + 1) * columns, (2 * row + 2) * columns), row * columns);
    }
    check(second.y, own, 0, rows / 2);
    // Inputs 3 and 4 of the second expert, and the first numbers of the third.
    const read = await readNumbers(weights.find('w')!, (columns + 3) * rows, 2 * rows, folder);
    assert.deepEqual(
      [...read.map((number) => number + 0)],
      Array.from({ length: 2 * rows }, (_, i) => {
        const at = columns + 3 + Math.floor(i / rows);
        return experts[1]!.numbers[(i % rows) * columns + (at % columns)]! + 0;
      }),
    );
  });

  it('of floats in parts are widened', async () => {
    const halves = Uint16Array.from({ length: rows * columns }, (_, at) => 0x3000 + at);
    const floats = stored(float16, { values: new Uint8Array(halves.buffer) }, [rows, columns]);
    const found = await run(floats, product(), feeds);
    check(found.y, Float64Array.from(halves, fromHalf), 0, rows);
    assert.equal(found.count('MatMulNBits'), 0);
  });

  it('with stored zero points and an order of columns are multiplied as they are, and widened alike', async () => {
    for (const bits of [4, 8] as const) {
      const order = Int32Array.from({ length: columns }, (_, at) => (at * 77 + 5) % columns);
      const blocks = columns / 64;
      const codes = Uint8Array.from({ length: rows * columns }, () => Math.floor(random() * 2 ** bits));
      const scales = Float32Array.from({ length: rows * blocks }, () => random() + 0.1);
      const zeros = Uint8Array.from({ length: rows * blocks }, () => Math.floor(random() * 2 ** bits));
      const numbers = new Float64Array(rows * columns);
      for (let row = 0; row < rows; row++) {
        for (let at = 0; at < columns; at++) {
          const block = row * blocks + Math.floor(at / 64);
          numbers[row * columns + order[at]!] = scales[block]! * (codes[row * columns + at]! - zeros[block]!);
        }
      }
      const format: NumberFormat = {
        name: 'codes',
        byRow: ['codes'],
        decoder: {
          kind: 'exact',
          form: { bits, block: 64, zeroPoints: 'stored', minima: false, ordered: true },
          codes: ({ parts, first, count }) => ({
            codes: parts['codes']!,
            scales: new Float32Array(parts['scales']!.buffer).slice(first * blocks, (first + count) * blocks),
            zeroPoints: parts['zeros']!.subarray(first * blocks, (first + count) * blocks),
          }),
          order: ({ parts }) => new Int32Array(parts['order']!.buffer),
        },
      };
      const asBytes = ({ buffer }: Float32Array | Int32Array): Uint8Array => new Uint8Array(buffer);
      const parts = { codes, scales: asBytes(scales), zeros, order: asBytes(order) };
      const weights = stored(format, parts, [rows, columns]);
      const some = { outputs: 10, firstRow: 11, storedRows: rows };
      check((await run(weights, product(some), feeds)).y, numbers, 11, 10);
      const wide = await readNumbers(weights.find('w')!, 0, rows * columns, folder);
      assert.deepEqual([...wide.map((n) => n + 0)], [...Float32Array.from(numbers).map((n) => n + 0)]);
    }
  });
});
