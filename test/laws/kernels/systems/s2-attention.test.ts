import assert from 'node:assert/strict';
import {
  blockPairs,
  columnsBefore,
  countBlocksBothWays,
  countColumnsBefore,
  isCacheEfficient,
  readsBlock,
  readsBlockBothWays,
  usualStep,
  type BlockPattern,
} from '../../../../kernels/mechanisms/s2-attention/pattern';
import { s2Attention, type S2Parameters } from '../../../../kernels/mechanisms/s2-attention/s2-attention';
import { mergePartials } from '../../../../kernels/reference/merge';
import { allRows, softmaxRows } from '../../../../kernels/reference/softmax';
import { drawInputs } from '../../../../kernels/inputs';
import { random } from '../../../../kernels/tensors/random';
import { assertClose, causalShape, parametersFor, readsOf, takePositions } from './support';

const pattern = (change: Partial<BlockPattern>): BlockPattern => ({
  localBlocks: 2,
  verticalStride: 3,
  step: 1,
  offset: 0,
  sink: false,
  ...change,
});

const given = (change: Partial<S2Parameters>): S2Parameters => parametersFor(s2Attention, change);

describe('S2-Attention: the kernel does what the paper and its code say', () => {
  it('the test vector of the repository: blocks of 2, 2 local, stride 3, one pattern for all heads', () => {
    const shape = causalShape(16);
    const rows = readsOf(
      s2Attention,
      shape,
      given({ block: 2, localBlocks: 2, verticalStride: 3, homogeneous: true }),
      3,
    );
    const blocks = Array.from({ length: 8 }, (_, row) =>
      Array.from({ length: row + 1 }, (__, column) => (rows[2 * row + 1]!.includes(2 * column) ? '1' : '0')).join(''),
    );
    assert.deepEqual(blocks, ['1', '11', '111', '1011', '10011', '100111', '1001011', '10010011']);
    assert.ok(!rows[4]!.includes(5), 'inside the diagonal block tokens stay causal');
  });

  it('heads read everything together when their residues are all of them, and leave holes otherwise', () => {
    const covers = (kvHeads: number, verticalStride: number): boolean => {
      const one = pattern({ localBlocks: 1, verticalStride });
      for (let row = 0; row < 40; row++) {
        for (let column = 0; column <= row; column++) {
          if (!Array.from({ length: kvHeads }, (_, head) => readsBlock(one, head, row, column)).some(Boolean))
            return false;
        }
      }
      return true;
    };
    for (const [heads, stride] of [
      [8, 8],
      [16, 8],
      [5, 3],
    ] as const) {
      assert.ok(covers(heads, stride), `${heads} heads, stride ${stride}`);
    }
    for (const [heads, stride] of [
      [4, 8],
      [2, 8],
      [3, 5],
    ] as const) {
      assert.ok(!covers(heads, stride), `${heads} heads, stride ${stride}`);
    }
    assert.equal(usualStep(8, 32), 1);
    assert.equal(usualStep(16, 4), 4);
  });

  it('the number of block pairs is the closed sum: 230 for head 3 of 8, 0.289 of the triangle on average', () => {
    const one = pattern({ localBlocks: 4, verticalStride: 8 });
    const counted = (head: number): number => {
      let pairs = 0;
      for (let row = 0; row < 40; row++)
        for (let column = 0; column <= row; column++) if (readsBlock(one, head, row, column)) pairs++;
      return pairs;
    };
    assert.equal(blockPairs(one, 3, 40), 230);
    const heads = Array.from({ length: 8 }, (_, head) => head);
    heads.forEach((head) => assert.equal(blockPairs(one, head, 40), counted(head), `head ${head}`));
    const mean = heads.reduce((sum, head) => sum + blockPairs(one, head, 40), 0) / 8 / ((40 * 41) / 2);
    assert.ok(Math.abs(mean - 0.289) < 0.0005, `${mean}`);
  });

  it('counts of columns and blocks agree with the lists, with and without a sink', () => {
    for (const sink of [false, true]) {
      for (const verticalStride of [1, 2, 5]) {
        const one = pattern({ verticalStride, sink, offset: 2 });
        for (let row = 0; row < 23; row++) {
          for (const head of [0, 3])
            assert.equal(countColumnsBefore(one, head, row), columnsBefore(one, head, row).length);
          const both = Array.from({ length: 23 }, (_, column) => readsBlockBothWays(one, row, column)).filter(Boolean);
          assert.equal(countBlocksBothWays(one, row, 23), both.length, `${JSON.stringify(one)} ${row}`);
        }
      }
    }
  });

  it('a decoder may forget what the pattern dropped; a mask with a column that comes back is told apart', () => {
    for (const localBlocks of [1, 3, 7]) {
      for (const verticalStride of [1, 2, 5, 8]) {
        const one = pattern({ localBlocks, verticalStride });
        for (let head = 0; head < 4; head++) {
          assert.ok(isCacheEfficient(24, (row, column) => readsBlock(one, head, row, column)));
        }
      }
    }
    assert.ok(!isCacheEfficient(8, (row, column) => column === row || (column === 1 && row !== 4)));
  });

  it('rows sum to one, the first reads itself alone, and no local length gives NaN', () => {
    const shape = causalShape(40, { valueDim: 1 });
    for (const localBlocks of [1, 2, 4, 20]) {
      const parameters = given({ block: 2, localBlocks, verticalStride: 4 });
      const inputs = drawInputs(s2Attention, shape, parameters, 1);
      inputs.value.data.fill(1);
      s2Attention.reference(inputs, shape, parameters).data.forEach((sum) => assert.ok(Math.abs(sum - 1) < 1e-12));
      assert.deepEqual(readsOf(s2Attention, shape, parameters, 2)[0], [0]);
    }
  });

  it('any partition of the keys merges by log-sum-exp to the whole, also with a part that holds no key', () => {
    const shape = causalShape(30);
    const inputs = drawInputs(s2Attention, shape, {}, 3);
    const whole = softmaxRows(inputs, shape, allRows(shape), { reads: (_h, i, j) => j <= i });
    const source = random(4);
    const part = Array.from({ length: 30 }, () => source.whole(4));
    const row = 20;
    const pieces = [0, 1, 2, 3, 9].map((wanted) => ({
      output: softmaxRows(inputs, shape, [row], { reads: (_h, i, j) => j <= i && part[j] === wanted }).data.subarray(
        0,
        8,
      ),
      logSum: Math.log(
        Array.from({ length: row + 1 }, (_, j) => j)
          .filter((j) => part[j] === wanted)
          .reduce((sum, j) => {
            let dot = 0;
            for (let x = 0; x < 8; x++) dot += inputs.query.data[row * 8 + x]! * inputs.key.data[j * 8 + x]!;
            return sum + Math.exp(dot / Math.sqrt(8));
          }, 0),
      ),
    }));
    mergePartials(pieces, 8).forEach((value, x) => {
      assert.ok(Math.abs(value - whole.data[row * 8 + x]!) < 1e-12);
    });
    assert.deepEqual(mergePartials([{ output: [1, 2], logSum: -Infinity }], 2), new Float64Array(2));
  });

  it('decoding with a cache that forgets dropped blocks equals the parallel pass row by row', () => {
    const shape = causalShape(44);
    const parameters = given({ block: 4, localBlocks: 2, verticalStride: 4, step: 1 });
    const inputs = drawInputs(s2Attention, shape, parameters, 5);
    const parallel = s2Attention.reference(inputs, shape, parameters);
    const one = pattern({ localBlocks: 2, verticalStride: 4 });
    for (let head = 0; head < 4; head++) {
      let cache: readonly number[] = [];
      for (let i = 0; i < 44; i++) {
        const block = Math.floor(i / 4);
        cache = [...cache, i].filter((j) => readsBlock(one, head, block, Math.floor(j / 4)));
        assert.ok(
          cache.length <= 8 + 4 * Math.ceil((block + 1) / 4),
          'the cache holds the local blocks and the columns',
        );
        const step = softmaxRows(
          {
            query: takePositions(inputs.query, [i]),
            key: takePositions(inputs.key, cache),
            value: takePositions(inputs.value, cache),
            weights: {},
          },
          causalShape(1, { pattern: 'noncausal-cross', keys: cache.length }),
          [0],
        );
        const row = (data: Float64Array, at: number) => data.subarray(at * 8, at * 8 + 8);
        const [got, expected] = [row(step.data, head), row(parallel.data, head * 44 + i)];
        got.forEach((value, x) => assert.ok(Math.abs(value - expected[x]!) < 1e-10, `head ${head}, row ${i}`));
      }
    }
  });

  it('the cache of a head holds l B + (n - l B) / v positions, the new one among them', () => {
    const parameters = given({ block: 4, localBlocks: 2, verticalStride: 4, step: 1 });
    const states = s2Attention.decode!.states(causalShape(1, { keys: 72 }), parameters);
    const keys = states.filter(({ name }) => name.startsWith('key.'));
    assert.equal(keys.length, 4, 'four heads with columns of their own');
    for (const { shape } of keys) assert.deepEqual(shape, [1, 1, 8 + (72 - 8) / 4 - 1, 8]);
  });

  it('the query heads of a group share their mask', () => {
    const shape = causalShape(40, { heads: 8, kvHeads: 2 });
    const parameters = given({ block: 2, localBlocks: 2, verticalStride: 4 });
    for (const [head, twin] of [
      [0, 3],
      [4, 7],
    ] as const) {
      assert.deepEqual(readsOf(s2Attention, shape, parameters, head), readsOf(s2Attention, shape, parameters, twin));
    }
    assert.notDeepEqual(readsOf(s2Attention, shape, parameters, 0), readsOf(s2Attention, shape, parameters, 4));
  });

  it('dense heads read everything, and a sink keeps the first block in every head', () => {
    const shape = causalShape(64);
    const parameters = given({ block: 4, localBlocks: 1, verticalStride: 8, denseHeads: 1, sink: true });
    assert.equal(readsOf(s2Attention, shape, parameters, 3)[63]!.length, 64);
    for (let head = 0; head < 3; head++) assert.ok(readsOf(s2Attention, shape, parameters, head)[63]!.includes(0));
    const inputs = drawInputs(s2Attention, shape, parameters, 5);
    const dense = softmaxRows(inputs, shape, allRows(shape), { reads: (_h, i, j) => j <= i });
    const output = s2Attention.reference(inputs, shape, parameters);
    assert.deepEqual(output.data.subarray(3 * 64 * 8), dense.data.subarray(3 * 64 * 8));
    assertClose(s2Attention.reference(inputs, shape, given({ verticalStride: 1 })), dense, 1e-12);
  });
});
