import assert from 'node:assert/strict';
import { biformer } from '../../../../kernels/mechanisms/biformer/biformer';
import { tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { parametersFor } from '../systems/support';
import {
  attended,
  dot,
  eachHead,
  expectValues,
  mean,
  plus,
  range,
  sharedHeads,
  type Given,
  type Rows,
} from './support';

interface Routing {
  /** The region of each query and of each key. */
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  readonly topk: number;
  /** 1 / sqrt of what divides scores. */
  readonly width: number;
  /** Queries that speak for a region: those in it where left out. */
  readonly speakers?: (region: number) => readonly number[];
}

const members = (regions: readonly number[], region: number) =>
  range(0, regions.length).filter((at) => regions[at] === region);

/** The regions of largest product with the mean query, over all heads; of equal ones the first. */
function best({ query, key, shape }: Given, b: number, routing: Routing, region: number, among: readonly number[]) {
  const speakers = routing.speakers?.(region) ?? members(routing.queries, region);
  const scored = among.map((other) => {
    let score = 0;
    sharedHeads(shape).forEach((kv, h) => {
      const own = mean(speakers.map((i) => query[b]![h]![i]!));
      score += dot(own, mean(members(routing.keys, other).map((j) => key[b]![kv]![j]!)));
    });
    return { other, score };
  });
  const chosen: number[] = [];
  while (chosen.length < routing.topk && scored.length > 0) {
    let first = 0;
    scored.forEach(({ score }, at) => {
      if (score > scored[first]!.score) first = at;
    });
    chosen.push(...scored.splice(first, 1).map(({ other }) => other));
  }
  return chosen;
}

const routed =
  (routing: Routing) =>
  (given: Given): Rows => {
    const causal = given.shape.pattern === 'causal-self';
    return eachHead(given, (head) =>
      head.query.map((_, i) => {
        const own = routing.queries[i]!;
        const among = causal ? range(0, own) : [...new Set(routing.keys)].sort((x, y) => x - y);
        const chosen = best(given, head.b, routing, own, among);
        const keys = range(0, given.shape.keys).filter(
          (j) => chosen.includes(routing.keys[j]!) || (causal && routing.keys[j] === own && j <= i),
        );
        return attended(head, i, keys, (q, k) => dot(q, k) / Math.sqrt(routing.width));
      }),
    );
  };

/** Adds a depth-wise 5 x 5 convolution of the values about each cell, with nothing beyond the edges. */
const withLocal =
  (rows: (given: Given) => Rows, [height, width]: readonly [number, number]) =>
  (given: Given): Rows => {
    const kernel = given.weights['local.kernel'] as readonly (readonly (readonly (readonly number[])[])[])[];
    const bias = given.weights['local.bias'] as readonly number[];
    return rows(given).map((heads, b) =>
      heads.map((own, h) =>
        own.map((row, at) => {
          const [y, x] = [(at - (at % width)) / width, at % width];
          const local = row.map((_, c) => {
            const channel = h * row.length + c;
            let sum = bias[channel]!;
            for (const [dy, line] of kernel[channel]![0]!.entries()) {
              for (const [dx, tap] of line.entries()) {
                const [from, to] = [y + dy - 2, x + dx - 2];
                if (from < 0 || to < 0 || from >= height || to >= width) continue;
                sum += tap * given.value[b]![h]![from * width + to]![c]!;
              }
            }
            return sum;
          });
          return plus(row, local);
        }),
      ),
    );
  };

/** By hand: a grid of 4 x 4 in 2 x 2 regions, and one of 4 rows of 6 columns in regions of 2 x 3. */
const square = [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3];
const oblong = [...[0, 0, 0, 1, 1, 1], ...[0, 0, 0, 1, 1, 1], ...[2, 2, 2, 3, 3, 3], ...[2, 2, 2, 3, 3, 3]];
const line = (length: number, size: number) => range(0, length).map((at) => (at - (at % size)) / size);

const open = { pattern: 'noncausal-self', batch: 2 } as const;

expectValues(biformer, [
  {
    name: 'a grid of 4 x 4',
    shape: { ...open, queries: 16, keys: 16 },
    parameters: { columns: 4, splits: 2, topk: 1 },
    expected: routed({ queries: square, keys: square, topk: 1, width: 24 }),
  },
  {
    name: 'a grid of 4 x 6 by the width of a head',
    shape: { ...open, queries: 24, keys: 24 },
    parameters: { columns: 6, splits: 2, topk: 2, scale: 'head width' },
    expected: routed({ queries: oblong, keys: oblong, topk: 2, width: 6 }),
  },
  {
    // 24 positions are 4 x 6 at the squarest; of 7, 6, ... 2 splits only 2 divide both sides.
    name: 'the grid that is taken by default',
    shape: { ...open, queries: 24, keys: 24 },
    parameters: { topk: 1 },
    expected: routed({ queries: oblong, keys: oblong, topk: 1, width: 24 }),
  },
  {
    name: 'a grid with local context',
    shape: { ...open, queries: 24, keys: 24, kvHeads: 4 },
    parameters: { columns: 6, splits: 2, topk: 1, local: '5 x 5' },
    weights: { 'local.kernel': [20, 1, 5, 5], 'local.bias': [20] },
    expected: withLocal(routed({ queries: oblong, keys: oblong, topk: 1, width: 24 }), [4, 6]),
  },
  {
    name: 'a sequence whose last region is short',
    shape: { ...open, queries: 11, keys: 11 },
    parameters: { positions: 'sequence', region: 4, topk: 2 },
    expected: routed({ queries: line(11, 4), keys: line(11, 4), topk: 2, width: 24 }),
  },
  {
    name: 'regions longer than the sequence',
    shape: { ...open, queries: 5, keys: 5 },
    parameters: { positions: 'sequence', region: 8, topk: 2 },
    expected: routed({ queries: line(5, 8), keys: line(5, 8), topk: 2, width: 24 }),
  },
  {
    name: 'keys of another sequence',
    shape: { pattern: 'noncausal-cross', queries: 7, keys: 13 },
    parameters: { region: 3, topk: 1 },
    expected: routed({ queries: line(7, 3), keys: line(13, 3), topk: 1, width: 24 }),
  },
  {
    // The three queries that end with the first of a region speak for it.
    name: 'causal',
    shape: { queries: 14, keys: 14 },
    parameters: { region: 3, topk: 1 },
    expected: routed({
      queries: line(14, 3),
      keys: line(14, 3),
      topk: 1,
      width: 24,
      speakers: (region) => [3 * region - 2, 3 * region - 1, 3 * region].filter((at) => at >= 0),
    }),
  },
  {
    name: 'keys of another sequence known beforehand',
    shape: { pattern: 'causal-cross', queries: 8, keys: 10 },
    parameters: { region: 4, topk: 2 },
    expected: routed({
      queries: line(8, 4),
      keys: line(10, 4),
      topk: 2,
      width: 24,
      speakers: (region) => range(4 * region - 3, 4 * region + 1).filter((at) => at >= 0),
    }),
  },
]);

describe('Expected values by hand: a region of a grid of 4 x 4', () => {
  it('is a square of the grid: the first one, sent to the last, averages the values 10, 11, 14 and 15', async () => {
    const parameters = parametersFor(biformer, { columns: 4, splits: 2, topk: 1 });
    const shape = { ...open, batch: 1, heads: 1, kvHeads: 1, queries: 16, keys: 16, headDim: 4, valueDim: 1 } as const;
    // Region r has the r-th unit vector as its keys; the queries of region 0 ask for that of region 3. Scores inside a region
    // are equal, so that each of its values weighs a quarter: (10 + 11 + 14 + 15) / 4 = 12.5.
    const unit = (at: number, size: number) => range(0, 4).map((c) => (c === at ? size : 0));
    const inputs = {
      query: tensor([1, 1, 16, 4], Float64Array.from(square.flatMap((region) => unit(region === 0 ? 3 : region, 2)))),
      key: tensor([1, 1, 16, 4], Float64Array.from(square.flatMap((region) => unit(region, 1)))),
      value: tensor([1, 1, 16, 1], Float64Array.from(range(0, 16))),
      weights: {},
    };
    for (const output of [
      biformer.reference(inputs, shape, parameters),
      await runMechanism(biformer, inputs, shape, parameters),
    ]) {
      for (const at of [0, 1, 4, 5]) assert.ok(Math.abs(output.data[at]! - 12.5) < 1e-5, `${output.data[at]}`);
      for (const at of [2, 3, 6, 7]) assert.ok(Math.abs(output.data[at]! - (2 + 3 + 6 + 7) / 4) < 1e-5);
    }
  });
});
