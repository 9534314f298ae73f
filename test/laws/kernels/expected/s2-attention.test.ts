import assert from 'node:assert/strict';
import { s2Attention, type S2Parameters } from '../../../../kernels/mechanisms/s2-attention/s2-attention';
import { causalShape, parametersFor, readsOf } from '../systems/support';
import { byLists, expectValues, range } from './support';

interface Blocks {
  readonly block: number;
  readonly local: number;
  readonly stride: number;
  /** For every key/value head, a block that is one of its columns, not below 0; where undefined, the head reads everything. */
  readonly columns: readonly (number | undefined)[];
  readonly sink?: boolean;
}

/** Causal: the local blocks up to the own one, and from a column on every stride-th block, each up to the query. */
const backwards = ({ block, local, stride, columns, sink = false }: Blocks) =>
  byLists(({ kv, position }) => {
    const column = columns[kv];
    const own = (position - (position % block)) / block;
    const blocks = new Set(range(own - local + 1, own + 1));
    if (sink) blocks.add(0);
    if (column === undefined) range(0, own).forEach((one) => blocks.add(one));
    else for (let at = column; at <= own; at += stride) blocks.add(at);
    return range(0, position + 1).filter((key) => blocks.has((key - (key % block)) / block));
  });

/** Both ways: the local blocks on either side, and from the last of them on every stride-th block, alike for all heads. */
const bothWays = ({ block, local, stride, columns, sink = false }: Blocks) =>
  byLists(({ kv, position, shape }) => {
    const own = (position - (position % block)) / block;
    const blocks = new Set(range(own - local + 1, own + local));
    if (sink) blocks.add(0);
    for (let at = local - 1; at <= shape.keys; at += stride) blocks.add(own - at).add(own + at);
    return range(0, shape.keys).filter((key) => columns[kv] === undefined || blocks.has((key - (key % block)) / block));
  });

const small = { batch: 1, queries: 29, keys: 29, headDim: 2, valueDim: 3 } as const;

expectValues(s2Attention, [
  {
    // Two key/value heads, step 1: columns J + h divisible by 3, so 0 3 6 and 2 5 8.
    name: 'two heads with columns of their own',
    shape: small,
    parameters: { block: 2, localBlocks: 2, verticalStride: 3, step: 1 },
    expected: backwards({ block: 2, local: 2, stride: 3, columns: [0, 2] }),
  },
  {
    // The usual step is 9 / 4 query heads = 2: J + 2 h divisible by 9, so 0 9, and 7.
    name: 'the step of the authors',
    shape: small,
    parameters: { block: 2, localBlocks: 1, verticalStride: 9 },
    expected: backwards({ block: 2, local: 1, stride: 9, columns: [0, 7] }),
  },
  {
    // With stride 3 and 4 query heads, the usual step is 1, not 0. Offset 1: J + h + 1 divisible by 3, so 2 and 1.
    name: 'a usual step of one, all columns moved by one, a sink',
    shape: small,
    parameters: { block: 3, localBlocks: 1, verticalStride: 3, offset: 1, sink: true },
    expected: backwards({ block: 3, local: 1, stride: 3, columns: [2, 1], sink: true }),
  },
  {
    // Four key/value heads, the last one dense; 2 h + 1 = 1, 3, 5 beyond columns of every fifth block: 4, 2, 0.
    name: 'a dense head',
    shape: { ...small, kvHeads: 4 },
    parameters: { block: 2, localBlocks: 1, verticalStride: 5, step: 2, offset: 1, denseHeads: 1 },
    expected: backwards({ block: 2, local: 1, stride: 5, columns: [4, 2, 0, undefined] }),
  },
  {
    name: 'more dense heads than there are',
    shape: { ...small, queries: 9, keys: 9 },
    parameters: { block: 2, localBlocks: 1, verticalStride: 3, denseHeads: 3 },
    expected: backwards({ block: 2, local: 1, stride: 3, columns: [undefined, undefined] }),
  },
  {
    name: 'the same columns in every head, on a cache',
    shape: { ...small, queries: 7 },
    parameters: { block: 2, localBlocks: 1, verticalStride: 4, step: 1, offset: 2, homogeneous: true },
    expected: backwards({ block: 2, local: 1, stride: 4, columns: [2, 2] }),
  },
  {
    name: 'both ways',
    shape: { ...small, pattern: 'noncausal-self' },
    parameters: { block: 2, localBlocks: 2, verticalStride: 3, step: 1 },
    expected: bothWays({ block: 2, local: 2, stride: 3, columns: [0, 0] }),
  },
  {
    name: 'both ways, one local block, a sink and a dense head',
    shape: { ...small, pattern: 'noncausal-self' },
    parameters: { block: 3, localBlocks: 1, verticalStride: 4, step: 1, sink: true, denseHeads: 1 },
    expected: bothWays({ block: 3, local: 1, stride: 4, columns: [0, undefined], sink: true }),
  },
  {
    name: 'both ways, the last queries alone',
    shape: { ...small, queries: 8, pattern: 'noncausal-self' },
    parameters: { block: 3, localBlocks: 1, verticalStride: 2 },
    expected: bothWays({ block: 3, local: 1, stride: 2, columns: [0, 0] }),
  },
]);

describe('Expected values by hand: blocks of S2-Attention', () => {
  const rows = (given: Partial<S2Parameters>, pattern: 'causal-self' | 'noncausal-self', blocks: number) => {
    const shape = causalShape(blocks * 2, { pattern });
    const reads = readsOf(s2Attention, shape, parametersFor(s2Attention, { block: 2, ...given }), 0);
    return Array.from({ length: blocks }, (_, block) => {
      const keys = reads[block * 2 + 1]!;
      return Array.from({ length: blocks }, (__, other) => (keys.includes(other * 2) ? '1' : '0')).join('');
    });
  };

  it('are those of the published example (dkernel): two local blocks, every third block', () => {
    const expected = ['1', '11', '111', '1011', '10011', '100111', '1001011', '10010011'];
    const actual = rows({ localBlocks: 2, verticalStride: 3, homogeneous: true }, 'causal-self', 8);
    assert.deepEqual(
      actual,
      expected.map((row) => row.padEnd(8, '0')),
    );
  });

  it('more dense heads than there are keep the cache of those that there are', () => {
    const parameters = parametersFor(s2Attention, { block: 2, localBlocks: 1, denseHeads: 3 });
    const step = causalShape(1, { keys: 10, kvHeads: 2 });
    for (const { shape } of s2Attention.decode!.states(step, parameters)) assert.deepEqual(shape, [1, 2, 9, 8]);
  });

  it('both ways: distances of at most one, then 1 + 3, 1 + 6', () => {
    // Block 3: 2 3 4 near, 7 (1 + 3 away); block 0: 0 1 near, 4 and 7.
    const actual = rows({ localBlocks: 2, verticalStride: 3 }, 'noncausal-self', 8);
    assert.equal(actual[3], '00111001');
    assert.equal(actual[0], '11001001');
    assert.equal(actual[7], '10010011');
  });
});
