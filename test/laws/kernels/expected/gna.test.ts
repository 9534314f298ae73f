import assert from 'node:assert/strict';
import { gna, gridOf, type GnaParameters } from '../../../../kernels/mechanisms/gna/gna';
import { parametersFor, readsOf } from '../systems/support';
import { byLists, expectValues, range } from './support';

interface Along {
  readonly size: number;
  readonly window: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly causal?: boolean;
}

/**
 * The keys along one axis in the words of arXiv:2504.16922, section 3, on the list of the positions that share the query's
 * remainder: neighbours in groups of the stride have one leader, the middle one (of an even number the right one of two), or
 * causally the last; a last, short group has the last position where the leader would lie beyond it. The window lies about
 * the leader, one more key on the left when it is even, and is shifted inside the list; causally it ends with the leader and
 * is cut after the query.
 */
function along({ size, window, stride = 1, dilation = 1, causal = false }: Along, query: number): readonly number[] {
  const list = range(0, size).filter((position) => position % dilation === query % dilation);
  const own = list.indexOf(query);
  let group = list.slice(0, 0);
  for (let first = 0; first < list.length; first += stride) {
    if (own >= first && own < first + stride) group = range(first, first + stride);
  }
  const wanted = causal ? group.at(-1)! : group[stride >> 1]!;
  const leader = Math.min(wanted, list.length - 1);
  if (causal) return list.filter((_, at) => at > leader - window && at <= leader && at <= own);
  let first = leader;
  for (let more = 1; more <= window >> 1; more++) first--;
  while (first < 0) first++;
  while (first + window > list.length) first--;
  return list.slice(first, first + window);
}

/** The product of the axes, outermost first. */
function cellsOf(axes: readonly Along[], position: number): readonly number[] {
  const coordinates: number[] = [];
  let rest = position;
  for (const { size } of [...axes].reverse()) {
    coordinates.unshift(rest % size);
    rest = (rest - (rest % size)) / size;
  }
  return axes.reduce<readonly number[]>(
    (keys, axis, at) => keys.flatMap((key) => along(axis, coordinates[at]!).map((own) => key * axis.size + own)),
    [0],
  );
}
const onGrid = (axes: readonly Along[]) => byLists(({ position }) => cellsOf(axes, position));

/** The last `text` tokens read everything, and the cells of the grid before them read all of those too. */
const withText = (axes: readonly Along[], text: number) =>
  byLists(({ position, shape }) => {
    const cells = shape.keys - text;
    return position >= cells ? range(0, shape.keys) : [...cellsOf(axes, position), ...range(cells, shape.keys)];
  });

const both = (length: number) =>
  ({ pattern: 'noncausal-self', queries: length, keys: length, batch: 1, headDim: 2, valueDim: 3 }) as const;
const causal = (length: number) => ({ ...both(length), pattern: 'causal-self' }) as const;

expectValues(gna, [
  {
    name: 'a line, windows of four moved by three',
    shape: both(10),
    parameters: { rank: '1', windowWidth: 4, strideWidth: 3 },
    expected: onGrid([{ size: 10, window: 4, stride: 3 }]),
  },
  {
    name: 'a causal line, windows of four moved by three',
    shape: causal(10),
    parameters: { rank: '1', windowWidth: 4, strideWidth: 3 },
    expected: (given) => onGrid([{ size: given.shape.keys, window: 4, stride: 3, causal: true }])(given),
  },
  {
    name: 'a causal line on a cache',
    shape: { ...causal(13), queries: 5 },
    parameters: { rank: '1', windowWidth: 5, strideWidth: 2 },
    expected: onGrid([{ size: 13, window: 5, stride: 2, causal: true }]),
  },
  {
    name: 'more queries than keys',
    shape: { ...causal(13), keys: 9 },
    parameters: { rank: '1', windowWidth: 3 },
    expected: onGrid([{ size: 9, window: 3, causal: true }]),
  },
  {
    name: 'a line with every third key',
    shape: both(17),
    parameters: { rank: '1', windowWidth: 3, strideWidth: 2, dilationWidth: 3 },
    expected: onGrid([{ size: 17, window: 3, stride: 2, dilation: 3 }]),
  },
  {
    name: 'a causal line with every third key',
    shape: causal(16),
    parameters: { rank: '1', windowWidth: 3, strideWidth: 2, dilationWidth: 3 },
    expected: (given) => onGrid([{ size: given.shape.keys, window: 3, stride: 2, dilation: 3, causal: true }])(given),
  },
  {
    name: 'a grid of 4 x 6, causal along its rows',
    shape: both(24),
    parameters: { rank: '2', width: 6, windowHeight: 3, windowWidth: 4, strideWidth: 2, causalHeight: true },
    expected: onGrid([
      { size: 4, window: 3, causal: true },
      { size: 6, window: 4, stride: 2 },
    ]),
  },
  {
    name: 'a grid of 5 x 7 with gaps',
    shape: both(35),
    parameters: {
      rank: '2',
      width: 7,
      windowHeight: 2,
      windowWidth: 2,
      dilationHeight: 2,
      dilationWidth: 3,
      strideWidth: 2,
    },
    expected: onGrid([
      { size: 5, window: 2, dilation: 2 },
      { size: 7, window: 2, dilation: 3, stride: 2 },
    ]),
  },
  {
    name: 'a volume of 2 x 3 x 4, strides and causal axes of its own',
    shape: both(24),
    parameters: {
      rank: '3',
      height: 3,
      width: 4,
      windowDepth: 2,
      windowHeight: 2,
      windowWidth: 3,
      strideHeight: 2,
      strideWidth: 3,
      causalDepth: true,
      causalWidth: true,
    },
    expected: onGrid([
      { size: 2, window: 2, causal: true },
      { size: 3, window: 2, stride: 2 },
      { size: 4, window: 3, stride: 3, causal: true },
    ]),
  },
  {
    // Windows, dilations and strides beyond an axis are cut down to it: 2 x 3 x 2, dilation 2 of depth 2 leaves one place each.
    name: 'more than a volume of 2 x 3 x 2 holds',
    shape: both(12),
    parameters: {
      rank: '3',
      height: 3,
      width: 2,
      windowDepth: 9,
      dilationDepth: 5,
      windowHeight: 9,
      strideHeight: 7,
      windowWidth: 2,
      causalHeight: true,
    },
    expected: onGrid([
      { size: 2, window: 1, dilation: 2 },
      { size: 3, window: 3, stride: 3, causal: true },
      { size: 2, window: 2 },
    ]),
  },
  {
    name: 'a grid of 4 x 5 with gaps and three text tokens',
    shape: both(23),
    parameters: { rank: '2', width: 5, windowHeight: 2, windowWidth: 2, dilationWidth: 2, text: 3 },
    expected: withText(
      [
        { size: 4, window: 2 },
        { size: 5, window: 2, dilation: 2 },
      ],
      3,
    ),
  },
  {
    name: 'blocks of a line beside more text than the line is long',
    shape: both(15),
    parameters: { rank: '1', windowWidth: 3, strideWidth: 3, text: 9 },
    expected: withText([{ size: 6, window: 3, stride: 3 }], 9),
  },
]);

describe('Expected values by hand: neighborhoods on a line of ten', () => {
  const lists = (pattern: 'noncausal-self' | 'causal-self', given: Partial<GnaParameters>) =>
    readsOf(gna, { ...both(10), heads: 1, kvHeads: 1, pattern }, parametersFor(gna, { rank: '1', ...given }), 0).map(
      (keys) => `${keys[0]}-${keys.at(-1)}`,
    );

  it('windows of four moved by three', () => {
    // Leaders 1, 4, 7 and 9 (10 is beyond); two keys to the left of them, one to the right; -1 and 10 are shifted inside.
    assert.deepEqual(lists('noncausal-self', { windowWidth: 4, strideWidth: 3 }), [
      ...['0-3', '0-3', '0-3', '2-5', '2-5', '2-5', '5-8', '5-8', '5-8', '6-9'],
    ]);
  });

  it('causal windows of four moved by three', () => {
    // Leaders 2, 5, 8 and 9 (11 is beyond): windows begin at 0 (-1), 2, 5 and 6 and end with the query.
    assert.deepEqual(lists('causal-self', { windowWidth: 4, strideWidth: 3 }), [
      ...['0-0', '0-1', '0-2', '2-3', '2-4', '2-5', '5-6', '5-7', '5-8', '6-9'],
    ]);
  });
});

describe('Expected values by hand: grids', () => {
  const grid = (length: number, given: Partial<GnaParameters>) => gridOf(length, parametersFor(gna, given));

  it('are as even as the length allows, wider than high, or as given', () => {
    assert.deepEqual(grid(12, { rank: '2' }), [3, 4]);
    assert.deepEqual(grid(16, { rank: '2' }), [4, 4]);
    assert.deepEqual(grid(18, { rank: '2' }), [3, 6]);
    assert.deepEqual(grid(18, { rank: '2', width: 2 }), [9, 2]);
    assert.equal(grid(18, { rank: '2', width: 4 }), undefined);
    assert.deepEqual(grid(7, { rank: '1' }), [7]);
    assert.deepEqual(grid(64, { rank: '3' }), [4, 4, 4]);
    assert.deepEqual(grid(125, { rank: '3' }), [5, 5, 5], '125 ** (1 / 3) is 4.999… in float64');
    assert.deepEqual(grid(48, { rank: '3' }), [3, 4, 4]);
    assert.deepEqual(grid(48, { rank: '3', width: 2 }), [4, 6, 2]);
    assert.deepEqual(grid(48, { rank: '3', width: 2, height: 3 }), [8, 3, 2]);
    assert.deepEqual(grid(40, { rank: '3', width: 4 }), [2, 5, 4]);
    assert.equal(grid(48, { rank: '3', width: 2, height: 5 }), undefined);
    assert.equal(grid(1, { rank: '2' })?.join(), '1,1');
  });
});
