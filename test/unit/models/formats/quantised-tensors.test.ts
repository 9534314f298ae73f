/** Quantised matrices of checkpoints, as their publishers write them: what each number is, and what is refused before anything is read. */
import assert from 'node:assert/strict';
import { readQuantisation } from '../../../../models/formats/config/quantisation';
import { widened, type EncodedRows, type NumberFormat } from '../../../../models/formats/number-formats/number-format';
import { quantisedTensors, type QuantisedTensor } from '../../../../models/formats/quantised/quantised-tensors';
import { QuantisedWeightsError } from '../../../../models/formats/quantised/module-parts';
import { unreadQuantisation } from '../../../../models/formats/quantised/unread-quantisation';
import { random } from '../../../../kernels/tensors/random';
import { awqMatrix, awqRowMatrix } from '../../../support/quantised/awq';
import { rowMatrix, tableMatrix } from '../../../support/quantised/bitsandbytes';
import { packedMatrix, signedMatrix } from '../../../support/quantised/compressed-tensors';
import { float8Matrix, mlxFloats, mxfp4Matrix, nvfp4Matrix } from '../../../support/quantised/floats';
import { gptqMatrix } from '../../../support/quantised/gptq';
import {
  bytesOf,
  floats,
  words,
  type Matrix,
  type RawTensor,
  type WrittenMatrix,
} from '../../../support/quantised/matrix';
import { mlxMatrix } from '../../../support/quantised/mlx';

interface Stored extends RawTensor {
  readonly name: string;
  readonly length: number;
}

const draws = random(7);
const matrixOf = (rows: number, columns: number): Matrix => ({
  rows,
  columns,
  data: Float64Array.from({ length: rows * columns }, () => (draws.uniform() - 0.4) * 0.3),
});
const [rows, columns] = [32, 192];
const matrix = matrixOf(rows, columns);

const storedOf = (tensors: WrittenMatrix['tensors'], module = 'a.b'): readonly Stored[] =>
  Object.entries(tensors).map(([suffix, tensor]) => ({
    ...tensor,
    name: module + suffix,
    length: tensor.bytes.length,
  }));

const read = (config: object, tensors: readonly Stored[]): Promise<readonly QuantisedTensor<Stored>[]> =>
  quantisedTensors(readQuantisation(config as never, []), tensors, (tensor) => Promise.resolve(tensor.bytes));

async function only(config: object, tensors: WrittenMatrix['tensors']): Promise<QuantisedTensor<Stored>> {
  const [found, ...others] = await read(config, storedOf(tensors));
  assert.ok(found && others.length === 0);
  return found;
}

/** The input of a decoder: rows of the parts that are stored row by row, and all of the others. */
function rowsOf({ parts, format, shape }: QuantisedTensor<Stored>, first: number, count: number): EncodedRows {
  const [rows = 0, columns = 0] = shape;
  const given = Object.entries(parts).map(([name, { bytes }]) => {
    const width = bytes.length / rows;
    return [
      name,
      format.byRow.includes(name) ? bytes.subarray(first * width, (first + count) * width) : bytes,
    ] as const;
  });
  return { parts: Object.fromEntries(given), first, count, rows, columns };
}

/** Groups of equal sizes whose inputs are in an order of their own. */
const shuffled = (count: number, group: number): readonly number[] => {
  const order = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = draws.whole(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  const groupOf = new Array<number>(count).fill(0);
  order.forEach((column, at) => (groupOf[column] = Math.floor(at / group)));
  return groupOf;
};

const gptq = (more: object): object => ({ quant_method: 'gptq', bits: 4, group_size: 64, ...more });
const compressed = (format: string, weights: object): object => ({
  quant_method: 'compressed-tensors',
  format,
  config_groups: { group_0: { targets: ['Linear'], weights } },
});
const order = shuffled(columns, 64);
/** Groups with sizes other than 64, so that no order makes runs of them. */
const uneven = order.map((of, at) => (at < 9 ? 0 : of));

interface Case {
  readonly name: string;
  readonly config: object;
  readonly written: WrittenMatrix;
  readonly kind: NumberFormat['decoder']['kind'];
  /** Scales that are quotients are rounded to float32 before they multiply. */
  readonly within?: number;
}

const cases: readonly Case[] = [
  ...[2, 3, 4, 8].flatMap((bits): readonly Case[] => [
    {
      name: `GPTQ of ${bits} bits`,
      config: gptq({ bits }),
      written: gptqMatrix(matrix, { bits, group: 64 }),
      kind: 'exact',
    },
    {
      name: `GPTQ v2 of ${bits} bits`,
      config: gptq({ bits, checkpoint_format: 'gptq_v2' }),
      written: gptqMatrix(matrix, { bits, group: 64, symmetric: true, checkpointFormat: 'gptq_v2' }),
      kind: 'exact',
    },
  ]),
  {
    name: 'GPTQ, one group a row',
    config: gptq({ group_size: -1 }),
    written: gptqMatrix(matrix, { bits: 4, group: columns }),
    kind: 'exact',
  },
  {
    name: 'GPTQ in act-order',
    config: gptq({ desc_act: true }),
    written: gptqMatrix(matrix, { bits: 4, group: 64, groupOf: order }),
    kind: 'exact',
  },
  {
    name: 'GPTQ with groups of other sizes',
    config: gptq({ desc_act: true }),
    written: gptqMatrix(matrix, { bits: 4, group: 64, groupOf: uneven }),
    kind: 'wide',
  },
  {
    name: 'GPTQ in groups that no block divides',
    config: gptq({ group_size: 24 }),
    written: gptqMatrix(matrix, { bits: 4, group: 24 }),
    kind: 'wide',
  },
  ...[32, 64, 192].map((group): Case => ({
    name: `AWQ in groups of ${group}`,
    config: { quant_method: 'awq', bits: 4, group_size: group, version: 'gemm', zero_point: true },
    written: awqMatrix(matrix, { group }),
    kind: 'exact',
  })),
  ...(
    [
      [32, 4],
      [64, 2],
      [192, 1],
    ] as const
  ).map(([group, zerosWidth]): Case => ({
    name: `AWQ for GEMV in groups of ${group}`,
    config: { quant_method: 'awq', bits: 4, group_size: group, version: 'gemv', zero_point: true },
    written: awqRowMatrix(matrix, { group, zerosWidth }),
    kind: 'exact',
  })),
  ...[2, 3, 4, 5, 6, 8].map((bits): Case => ({
    name: `MLX of ${bits} bits`,
    config: { bits, group_size: 32 },
    written: mlxMatrix(matrix, { bits, group: 32 }),
    kind: 'exact',
  })),
  ...(['mxfp4', 'nvfp4', 'mxfp8'] as const).map((mode): Case => ({
    name: `MLX in ${mode}`,
    config: { bits: mode === 'mxfp8' ? 8 : 4, group_size: mode === 'nvfp4' ? 16 : 32, mode },
    written: mlxFloats(matrix, mode),
    kind: mode === 'mxfp8' ? 'halves' : 'exact',
  })),
  {
    name: 'MLX in float16, groups of 64',
    config: { bits: 4, group_size: 64 },
    written: mlxMatrix(matrix, { bits: 4, group: 64, scaleType: 'F16' }),
    kind: 'exact',
  },
  ...[true, false].flatMap((symmetric): readonly Case[] => [
    ...[4, 8].map((bits): Case => ({
      name: `compressed-tensors, ${bits} bits packed${symmetric ? '' : ', with zero points'}`,
      config: compressed('pack-quantized', {
        num_bits: bits,
        type: 'int',
        symmetric,
        strategy: 'group',
        group_size: 64,
      }),
      written: packedMatrix(matrix, { bits, group: 64, symmetric }),
      kind: 'exact',
    })),
    {
      name: `compressed-tensors, int8${symmetric ? '' : ' with zero points'}`,
      config: compressed('int-quantized', { num_bits: 8, type: 'int', symmetric, strategy: 'channel' }),
      written: signedMatrix(matrix, { symmetric }),
      kind: 'exact',
    },
  ]),
  {
    name: 'compressed-tensors, one group a row',
    config: compressed('pack-quantized', { num_bits: 4, type: 'int', symmetric: true, strategy: 'channel' }),
    written: packedMatrix(matrix, { bits: 4, group: columns, symmetric: true }),
    kind: 'exact',
  },
  {
    name: 'compressed-tensors in act-order',
    config: compressed('pack-quantized', {
      num_bits: 4,
      type: 'int',
      symmetric: false,
      group_size: 64,
      actorder: 'group',
    }),
    written: packedMatrix(matrix, { bits: 4, group: 64, groupOf: order }),
    kind: 'exact',
  },
  {
    name: 'FP8 in blocks',
    config: { quant_method: 'fp8', weight_block_size: [128, 128] },
    written: float8Matrix(matrixOf(200, 192), { scales: [128, 128], suffix: '.weight_scale_inv' }),
    kind: 'halves',
  },
  {
    name: 'FP8 by rows',
    config: compressed('float-quantized', { num_bits: 8, type: 'float', strategy: 'channel' }),
    written: float8Matrix(matrix, { scales: 'rows', scaleType: 'BF16' }),
    kind: 'halves',
  },
  {
    name: 'FP8 with one scale',
    config: { quant_method: 'modelopt', quant_algo: 'FP8' },
    written: float8Matrix(matrix, { scales: 'matrix' }),
    kind: 'halves',
  },
  {
    name: 'MXFP4 of compressed-tensors',
    config: compressed('mxfp4-pack-quantized', { num_bits: 4, type: 'float', group_size: 32 }),
    written: mxfp4Matrix(matrix, 'compressed-tensors'),
    kind: 'exact',
  },
  {
    name: 'NVFP4 of modelopt',
    config: { quant_method: 'modelopt', quant_algo: 'NVFP4' },
    written: nvfp4Matrix(matrix, 'modelopt'),
    kind: 'exact',
  },
  {
    name: 'NVFP4 of compressed-tensors',
    config: compressed('nvfp4-pack-quantized', { num_bits: 4, type: 'float', group_size: 16 }),
    written: nvfp4Matrix(matrix, 'compressed-tensors'),
    kind: 'exact',
  },
  ...(['nf4', 'fp4'] as const).flatMap((type) =>
    [false, true].flatMap((double): readonly Case[] =>
      // 200 columns are no multiple of a block. In both cases there are more than 256 blocks.
      ([192, 200] as const).map((columns) => ({
        name: `bitsandbytes ${type}${double ? ', double quantisation' : ''}, ${columns} columns`,
        config: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: type },
        written: tableMatrix(matrixOf(90, columns), { type, double }),
        kind: columns === 192 ? 'table' : 'wide',
      })),
    ),
  ),
  {
    name: 'bitsandbytes int8',
    config: { quant_method: 'bitsandbytes', load_in_8bit: true },
    written: rowMatrix(matrix),
    kind: 'exact',
    within: 2 ** -22,
  },
];

describe('quantised matrices', () => {
  for (const { name, config, written, kind, within } of cases) {
    it(`${name}: every number is that of its definition in float64, rounded once`, async () => {
      const found = await only(config, written.tensors);
      const [rows = 0, columns = 0] = found.shape;
      assert.equal(found.name, 'a.b.weight');
      assert.equal(found.format.decoder.kind, kind);
      assert.equal(rows * columns, written.numbers.length);
      for (const [first, count] of [
        [0, rows],
        [5, 7],
      ] as const) {
        const numbers = widened(found.format, rowsOf(found, first, count));
        assert.equal(numbers.length, count * columns);
        const expected = written.numbers.subarray(first * columns);
        const other = numbers.findIndex((number, i) => {
          const exact = expected[i] ?? NaN;
          return within === undefined
            ? number !== Math.fround(exact)
            : !(Math.abs(number - exact) <= within * Math.abs(exact));
        });
        assert.equal(other, -1, `${numbers[other]} is not ${expected[other]} at ${other}`);
      }
    });
  }

  it('scales beyond the bytes that are checked at once are left for their layer', async () => {
    const { tensors } = gptqMatrix(matrix, { bits: 4, group: 64 });
    const bad = storedOf({ ...tensors, '.scales': floats(new Float32Array(96).fill(NaN), [3, 32], 'F16') });
    const quantisation = readQuantisation(gptq({}) as never, []);
    const checked = (bytes?: number) =>
      quantisedTensors(quantisation, bad, ({ bytes }) => Promise.resolve(bytes), bytes);
    await assert.rejects(checked(), QuantisedWeightsError);
    const [found] = await checked(191);
    assert.equal(found?.name, 'a.b.weight');
  });

  /** Words and bytes written by hand after the packing code of the publishers. */
  it('AWQ: 0 to 7 in the eight outputs of a word', async () => {
    const zero = floats(new Float32Array(8).fill(1), [1, 8], 'F16');
    const tensors = {
      '.qweight': words(new Array<number>(16).fill(0x75316420), [16, 1]),
      '.qzeros': words([0], [1, 1]),
      '.scales': zero,
    };
    const found = await only({ quant_method: 'awq', bits: 4, group_size: 16 }, tensors);
    const numbers = widened(found.format, rowsOf(found, 0, 8));
    assert.deepEqual(
      Array.from({ length: 8 }, (_, row) => numbers[16 * row]),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
  });

  it('GPTQ of 3 bits: 0 to 7 over and over, the eleventh of them across two words', async () => {
    // 0xfac688 is 7 6 5 4 3 2 1 0 in three bits each.
    const stream = [0x88fac688, 0xc688fac6, 0xfac688fa];
    const tensors = {
      '.qweight': words(
        stream.flatMap((word) => new Array<number>(32).fill(word)),
        [3, 32],
      ),
      '.qzeros': words([0, 0, 0], [1, 3]),
      '.scales': floats(new Float32Array(32).fill(1), [1, 32], 'F16'),
      '.g_idx': words(new Array<number>(32).fill(0), [32]),
    };
    const found = await only(gptq({ bits: 3, group_size: 32 }), tensors);
    const numbers = widened(found.format, rowsOf(found, 0, 1));
    // A zero point that is stored as 0 is 1.
    assert.deepEqual([...numbers.subarray(0, 16)], [-1, 0, 1, 2, 3, 4, 5, 6, -1, 0, 1, 2, 3, 4, 5, 6]);
  });

  it('GPTQ: the highest stored zero point is one above every code', async () => {
    const tensors = {
      '.qweight': words(new Array<number>(16).fill(0xffffffff), [2, 8]),
      '.qzeros': words([0xffffffff], [1, 1]),
      '.scales': floats(new Float32Array(8).fill(1), [1, 8], 'F16'),
      '.g_idx': words(new Array<number>(16).fill(0), [16]),
    };
    const found = await only(gptq({ group_size: 16 }), tensors);
    assert.deepEqual([...new Set(widened(found.format, rowsOf(found, 0, 8)))], [-1]);
  });

  it('FP4: the lower half of a byte is first, and the fourth bit a sign', async () => {
    const tensors = {
      '.weight_packed': bytesOf([0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb, 0xed, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0], [1, 16]),
      '.weight_scale': bytesOf([128], [1, 1]),
    };
    const found = await only(compressed('mxfp4-pack-quantized', { num_bits: 4, type: 'float' }), tensors);
    const numbers = widened(found.format, rowsOf(found, 0, 1));
    assert.deepEqual([...numbers.subarray(0, 16)], [1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12, 0]);
  });

  it('FP8: the largest number, the least one, and one', async () => {
    const codes = [0x7e, 0xfe, 0x01, 0x38, 0xb8, 0x08, 0, 0];
    const tensors = {
      '.weight': bytesOf(codes, [1, 8], 'F8_E4M3'),
      '.weight_scale': floats([0.5], [1], 'F32'),
    };
    const found = await only({ quant_method: 'modelopt', quant_algo: 'FP8' }, tensors);
    const numbers = widened(found.format, rowsOf(found, 0, 1));
    assert.deepEqual([...numbers.subarray(0, 6)], [224, -224, 2 ** -10, 0.5, -0.5, 2 ** -7]);
  });

  it('NF4: the upper half of a byte is first', async () => {
    const { tensors } = tableMatrix({ rows: 1, columns: 64, data: new Float32Array(64).fill(1) }, { type: 'nf4' });
    const weight = bytesOf(new Array<number>(32).fill(0x0f), [32, 1]);
    const found = await only({ quant_method: 'bitsandbytes', load_in_4bit: true }, { ...tensors, '.weight': weight });
    assert.deepEqual([...widened(found.format, rowsOf(found, 0, 1)).subarray(0, 4)], [-1, 1, -1, 1]);
  });

  it('MLX: a mode of floats with other groups than it has, and a mode that is not read, are refused by name', async () => {
    const { tensors } = mlxFloats(matrix, 'mxfp4');
    await assert.rejects(
      only(
        { bits: 4, group_size: 16, mode: 'mxfp4' },
        { ...tensors, '.scales': bytesOf(new Uint8Array(384), [32, 12]) },
      ),
      /gives a\.b 4 bits in groups of 16, but mxfp4 has 4 bits in groups of 32/,
    );
    await assert.rejects(
      only({ bits: 4, group_size: 32, 'a.b': { bits: 4, group_size: 32, mode: 'codebook' } }, tensors),
      /a\.b is quantised in the mode codebook, which Headscope does not read/,
    );
  });

  it('modules that are left alone stay as they are, and MLX has bits of its own for some', async () => {
    const config = { bits: 4, group_size: 64, 'a.c': { bits: 8, group_size: 32 } };
    const tensors = [
      ...storedOf(mlxMatrix(matrix, { bits: 4, group: 64 }).tensors, 'a.b'),
      ...storedOf(mlxMatrix(matrix, { bits: 8, group: 32 }).tensors, 'a.c'),
      ...storedOf({ '.weight': floats(new Float32Array(8), [2, 4], 'BF16') }, 'a.norm'),
    ];
    const found = await read(config, tensors);
    assert.deepEqual(
      found.map(({ name, format, shape }) => [name, format.name, shape]),
      [
        ['a.b.weight', 'MLX 4-bit', [rows, columns]],
        ['a.c.weight', 'MLX 8-bit', [rows, columns]],
      ],
    );
  });

  it('modules of compressed-tensors and GPTQModel have bits of their own, which their tensors show', async () => {
    const weights = (num_bits: number, group_size: number) => ({ num_bits, group_size, type: 'int', symmetric: true });
    const config = {
      ...compressed('pack-quantized', weights(4, 64)),
      config_groups: {
        group_0: { targets: ['re:.*b$'], weights: weights(4, 64) },
        group_1: { targets: ['re:.*c$'], weights: weights(8, 32) },
      },
    };
    const written = [
      packedMatrix(matrix, { bits: 4, group: 64, symmetric: true }),
      packedMatrix(matrix, { bits: 8, group: 32, symmetric: true }),
    ];
    const dynamic = gptq({ dynamic: { '+:.*c$': { bits: 8, group_size: 32 } } });
    const other = [gptqMatrix(matrix, { bits: 4, group: 64 }), gptqMatrix(matrix, { bits: 8, group: 32 })];
    for (const [of, matrices] of [
      [config, written],
      [dynamic, other],
    ] as const) {
      const found = await read(
        of,
        matrices.flatMap(({ tensors }, i) => storedOf(tensors, `a.${'bc'[i] ?? ''}`)),
      );
      for (const [i, tensor] of found.entries()) {
        const numbers = widened(tensor.format, rowsOf(tensor, 0, rows));
        assert.deepEqual(numbers, Float32Array.from(matrices[i]?.numbers ?? []));
      }
    }
  });

  const plain = gptqMatrix(matrix, { bits: 4, group: 64 }).tensors;
  const bad: readonly (readonly [string, object, WrittenMatrix['tensors'], RegExp])[] = [
    [
      'a group size that does not divide',
      gptq({ group_size: 80 }),
      plain,
      /Groups of 80 do not divide the 192 inputs of a\.b/,
    ],
    [
      'another group size than that of the scales',
      gptq({ group_size: 32 }),
      plain,
      /a\.b\.scales is \[3, 32\], but should be \[6, 32\] for 192 inputs in groups of 32/,
    ],
    [
      'other bits than those that are packed',
      gptq({ bits: 8 }),
      plain,
      /a\.b\.qweight is \[24, 32\], but should be \[48, 32\] for 8 bits for 192 inputs/,
    ],
    [
      'a scale that is no number',
      gptq({}),
      {
        ...plain,
        '.scales': floats(
          Float32Array.from({ length: 96 }, (_, i) => (i === 37 ? NaN : 1)),
          [3, 32],
          'F16',
        ),
      },
      /a\.b\.scales is NaN at \[1, 5\] of \[3, 32\], which is not a finite number/,
    ],
    [
      'a group that is not there',
      gptq({ desc_act: true }),
      {
        ...plain,
        '.g_idx': words(
          Array.from({ length: columns }, (_, i) => (i === 7 ? 3 : Math.floor(i / 64))),
          [columns],
        ),
      },
      /a\.b\.g_idx puts input 7 into group 3, but 192 inputs in groups of 64 have groups 0 to 2/,
    ],
    [
      'scales that are not there',
      gptq({}),
      Object.fromEntries(Object.entries(plain).filter(([suffix]) => suffix !== '.scales')),
      /The weights lack a\.b\.scales/,
    ],
    [
      'MLX of other bits than the config says',
      { bits: 8, group_size: 64 },
      mlxMatrix(matrix, { bits: 4, group: 64 }).tensors,
      /Groups of 64 do not divide the 96 inputs of a\.b/,
    ],
    [
      'blocks of FP8 of another size',
      { quant_method: 'fp8', weight_block_size: [64, 64] },
      float8Matrix(matrixOf(200, 192), { scales: [128, 128], suffix: '.weight_scale_inv' }).tensors,
      /a\.b\.weight_scale_inv is \[2, 2\], but should be \[4, 3\] for blocks of 64 x 64 over \[200, 192\]/,
    ],
    [
      'a matrix of bitsandbytes that is cut short',
      { quant_method: 'bitsandbytes', load_in_4bit: true },
      { ...tableMatrix(matrix, { type: 'nf4' }).tensors, '.weight': bytesOf([1, 2, 3], [3, 1]) },
      /a\.b\.weight has 3 bytes, but \[32, 192\] in 4 bits needs 3072/,
    ],
    [
      'a state of bitsandbytes that is no JSON',
      { quant_method: 'bitsandbytes', load_in_4bit: true },
      {
        ...tableMatrix(matrix, { type: 'nf4' }).tensors,
        '.weight.quant_state.bitsandbytes__nf4': bytesOf([1, 2, 3], [3]),
      },
      /quant_state\.bitsandbytes__nf4 says the shape \[\]/,
    ],
    [
      'packed integers of another shape than is said',
      compressed('pack-quantized', { num_bits: 4, type: 'int', group_size: 64, symmetric: true }),
      {
        ...packedMatrix(matrix, { bits: 4, group: 64, symmetric: true }).tensors,
        '.weight_shape': { dtype: 'I64', shape: [2], bytes: new Uint8Array(BigInt64Array.of(33n, 192n).buffer) },
      },
      /a\.b\.weight_shape says 33 rows, but a\.b\.weight_packed has 32/,
    ],
    [
      'packed integers with two scales on one axis',
      compressed('pack-quantized', { num_bits: 4, type: 'int', group_size: 64, symmetric: true }),
      {
        ...packedMatrix(matrix, { bits: 4, group: 64, symmetric: true }).tensors,
        '.weight_scale': floats([1, 2], [2], 'F32'),
      },
      /a\.b\.weight_scale is \[2\], but should be \[1\] for one scale for all/,
    ],
    [
      'int8 with two scales on one axis',
      compressed('int-quantized', { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel' }),
      { ...signedMatrix(matrix).tensors, '.weight_scale': floats([1, 2], [2], 'F32') },
      /a\.b\.weight_scale is \[2\], but should be \[1\] for one scale for all/,
    ],
    [
      'zero points of another type',
      compressed('int-quantized', { num_bits: 8, type: 'int', symmetric: false, strategy: 'channel' }),
      {
        ...signedMatrix(matrix, { symmetric: false }).tensors,
        '.weight_zero_point': words(new Uint32Array(rows), [rows, 1]),
      },
      /a\.b\.weight_zero_point is stored as I32, but should be I8/,
    ],
    [
      'groups of fewer inputs than there are',
      compressed('pack-quantized', { num_bits: 4, type: 'int', group_size: 64, symmetric: true, actorder: 'group' }),
      {
        ...packedMatrix(matrix, { bits: 4, group: 64, symmetric: true }).tensors,
        '.weight_g_idx': words(new Uint32Array(64), [64]),
      },
      /a\.b\.weight_g_idx is \[64\], but should be \[192\] for 192 inputs/,
    ],
    [
      'groups in another type',
      gptq({ desc_act: true }),
      {
        ...plain,
        '.g_idx': { dtype: 'I64', shape: [columns], bytes: new Uint8Array(new BigInt64Array(columns).buffer) },
      },
      /a\.b\.g_idx is stored as I64, but should be I32/,
    ],
    [
      'NVFP4 with two scales for the matrix',
      { quant_method: 'modelopt', quant_algo: 'NVFP4', group_size: 16 },
      { ...nvfp4Matrix(matrix, 'modelopt').tensors, '.weight_scale_2': floats([1, 2], [2], 'F32') },
      /a\.b\.weight_scale_2 is \[2\], but should be \[1\] for one scale for all/,
    ],
    [
      'int8 of bitsandbytes in the order of a GPU',
      { quant_method: 'bitsandbytes', load_in_8bit: true },
      { ...rowMatrix(matrix).tensors, '.weight_format': bytesOf([2], []) },
      /a\.b\.weight_format is 2, but Headscope reads only rows one after the other \(0\)/,
    ],
  ];
  for (const [name, config, tensors, sentence] of bad) {
    it(`${name}: one sentence`, () => assert.rejects(only(config, tensors), sentence));
  }

  it('a scale for each row may stand on one axis', async () => {
    const { tensors, numbers } = signedMatrix(matrix);
    const scale = { ...tensors['.weight_scale']!, shape: [rows] };
    const config = compressed('int-quantized', { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel' });
    const found = await only(config, { ...tensors, '.weight_scale': scale });
    assert.deepEqual(widened(found.format, rowsOf(found, 0, rows)), Float32Array.from(numbers));
  });

  it('500 mutated matrices are read, or refused in a sentence', async () => {
    const draw = random(11);
    const size: Readonly<Record<string, number>> = { F32: 4, I32: 4, U32: 4, I64: 8, F16: 2, BF16: 2 };
    const types = ['F32', 'F16', 'BF16', 'I32', 'U32', 'I64', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'BOOL'];
    let refused = 0;
    for (let round = 0; round < 500; round++) {
      const { config, written } = cases[draw.whole(cases.length)] ?? cases[0]!;
      const tensors: Record<string, RawTensor> = { ...written.tensors };
      const names = Object.keys(tensors);
      const name = names[draw.whole(names.length)] ?? '';
      const of = tensors[name]!;
      // A header could say this: as many bytes as the shape takes.
      const shaped = (dtype: string, shape: readonly number[]): RawTensor => {
        const count = shape.reduce((product, axis) => product * axis, size[dtype] ?? 1);
        return {
          dtype,
          shape,
          bytes: Uint8Array.from({ length: count }, (_, i) => of.bytes[i % of.bytes.length] ?? 0),
        };
      };
      const kind = draw.whole(5);
      if (kind === 0) Reflect.deleteProperty(tensors, name);
      else if (kind === 1) tensors[name] = shaped(types[draw.whole(types.length)] ?? 'U8', of.shape);
      else if (kind === 2)
        tensors[name] = shaped(
          of.dtype,
          of.shape.map((axis) => [0, 1, axis, axis + 1, 2 * axis][draw.whole(5)] ?? axis),
        );
      else if (kind === 3)
        tensors[name] = shaped(of.dtype, [of.shape, [], [...of.shape, 1], of.shape.slice(1)][draw.whole(4)] ?? []);
      else tensors[name] = { ...of, bytes: of.bytes.map((byte) => (draw.whole(8) === 0 ? draw.whole(256) : byte)) };
      try {
        for (const found of await read(config, storedOf(tensors))) {
          const [rows = 0, columns = 0] = found.shape;
          assert.equal(widened(found.format, rowsOf(found, 0, rows)).length, rows * columns);
        }
      } catch (error) {
        assert.ok(error instanceof QuantisedWeightsError, `${name} (${kind}): ${String(error)}`);
        assert.match(error.message, /^\S.*\.$/);
        refused++;
      }
    }
    assert.ok(refused > 150 && refused < 500, `${refused}`);
  });

  it('what is packed for one kernel alone is refused by name', () => {
    const refused = [
      { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemv_fast' },
      { quant_method: 'gptq', bits: 4, checkpoint_format: 'marlin' },
      { quant_method: 'aqlm' },
      { bits: 4, group_size: 32, mode: 'codebook' },
    ];
    const sentences = refused.map((config) => unreadQuantisation(readQuantisation(config, [])));
    assert.deepEqual(
      sentences.map((sentence) => /quantised \((.*)\) in a form/.exec(sentence ?? '')?.[1]),
      ['awq, gemv_fast', 'gptq, marlin', 'aqlm', 'mlx, codebook'],
    );
  });
});
