import assert from 'node:assert/strict';
import { viewMechanism } from '../../../compute-server/harness/mechanism-view';
import type { MechanismViewRequest } from '../../../protocol/compute/mechanism-view';
import { FailureError } from '../../../protocol/wire/failures';

const request = (change: Partial<MechanismViewRequest>): MechanismViewRequest => ({
  mechanism: 'sliding-window',
  parameters: { window: 4 },
  shape: { pattern: 'causal-self', heads: 8, kvHeads: 8, headDim: 16, valueDim: 16 },
  length: 16,
  head: 0,
  effective: false,
  seed: 1,
  lengths: [],
  ...change,
});

describe('The view of a mechanism', () => {
  it('draws what each query may read and says how dense that is', () => {
    const view = viewMechanism(request({}));
    const row = (query: number) => [...view.cells.subarray(query * 16, (query + 1) * 16)].join('');
    assert.equal(row(0), '1000000000000000');
    assert.equal(row(9), '0000001111000000');
    // 1 + 2 + 3 pairs at the start, then 4 each; of 16 * 17 / 2.
    assert.equal(view.density, (6 + 13 * 4) / 136);
    assert.deepEqual(view.groups, [[0, 1, 2, 3, 4, 5, 6, 7]]);
    assert.equal(view.cost?.flops.square, 0);
  });

  it('groups heads that read the same', () => {
    const view = viewMechanism(
      request({ mechanism: 'duo-attention', parameters: { fullShare: 0.5, sinks: 2, recent: 3 }, head: 7 }),
    );
    assert.equal(view.groups.length, 2);
    assert.deepEqual(
      view.groups.map((heads) => heads.length),
      [4, 4],
    );
  });

  it('probes on request, with rows of softmax attention that sum to one', () => {
    const { effective, cells } = viewMechanism(request({ effective: true, length: 12 }));
    assert.ok(effective);
    for (let query = 0; query < 12; query++) {
      const sum = effective.subarray(query * 12, (query + 1) * 12).reduce((total, weight) => total + weight, 0);
      assert.ok(Math.abs(sum - 1) < 1e-5, `row ${query} sums to ${sum}`);
    }
    effective.forEach((weight, at) => assert.ok(cells[at] === 1 || weight < 1e-6));
  });

  it('reads formulas off lengths that the mechanism takes, and gives none where it takes none', () => {
    const open = { pattern: 'noncausal-self', heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 } as const;
    const wide = viewMechanism(
      request({ mechanism: 'gna', parameters: { width: 10 }, shape: open, length: 100 }),
    ).cost!;
    // 16 rows of 10 columns for each query at least, 2 d + 2 e + 5 operations for each of 8 heads.
    assert.ok(wide.flops.linear > 8 * 160 * 261, `${wide.flops.linear} operations a position`);
    assert.ok(wide.flops.deviation < 0.05);
    const grid = viewMechanism(
      request({ mechanism: 'biformer', parameters: { columns: 14, splits: 7 }, shape: open, length: 196 }),
    ).cost!;
    assert.ok(grid.flops.deviation < 0.05 && grid.flops.square > 0);
    const narrow = viewMechanism(
      request({
        mechanism: 'longheads',
        parameters: { chunk: 4, budget: 16, begin: 0 },
        shape: { ...open, pattern: 'causal-self', valueDim: 32 },
      }),
    );
    assert.equal(narrow.cost, undefined);
  });

  it('counts the cost at the lengths asked for that the mechanism takes', () => {
    const open = { pattern: 'noncausal-self', heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 } as const;
    const { costs } = viewMechanism(
      request({ mechanism: 'gna', parameters: { width: 8 }, shape: open, length: 64, lengths: [60, 64, 128] }),
    );
    assert.deepEqual(
      costs.map(({ length }) => length),
      [64, 128],
    );
    // A window of 16 by 16 is cut down to the 8 by 8 of the grid: all pairs, 2 d + 2 e + 5 operations for each of 8 heads.
    assert.equal(costs[0]?.flops, 64 * 64 * 8 * 261);
    assert.ok(costs.every(({ bytes, peakBytes }) => bytes > 0 && peakBytes > 0));
  });

  it('refuses a shape in the words of the mechanism', () => {
    const wide = { pattern: 'causal-self', heads: 8, kvHeads: 8, headDim: 12, valueDim: 12 } as const;
    assert.throws(
      () => viewMechanism(request({ mechanism: 'fused', parameters: {}, shape: wide })),
      (error) => error instanceof FailureError && /multiples of 8/.test(error.message),
    );
  });

  const wide = { pattern: 'causal-self', heads: 8, kvHeads: 8, headDim: 16, valueDim: 16 } as const;
  for (const [mechanism, length] of [
    ['s2-attention', 4096],
    ['landmark', 1024],
    ['biformer', 2048],
    ['sliding-window', 1024],
    ['routing-transformer', 512],
    ['scaled-dot-product', 512],
  ] as const) {
    it(`takes the length at which the pattern of ${mechanism} shows, by its default parameters`, () => {
      const view = viewMechanism(request({ mechanism, parameters: {}, shape: wide, length: 'fitting', head: 7 }));
      assert.equal(view.keys, length);
      assert.equal(view.density < 0.61, mechanism !== 'scaled-dot-product', `density ${view.density}`);
    });
  }

  it('draws the regions of a grid that BiFormer takes by default without a direction', () => {
    const shape = { ...wide, pattern: 'noncausal-self' } as const;
    const view = viewMechanism(request({ mechanism: 'biformer', parameters: {}, shape, length: 196 }));
    // 14 x 14 positions in 7 x 7 regions of 2 x 2; each reads four of the 49.
    assert.equal(view.density, 4 / 49);
    const row = (query: number) => [...view.cells.subarray(query * 196, (query + 1) * 196)].join('');
    for (const same of [1, 14, 15]) assert.equal(row(same), row(0), `query ${same} is of the first region`);
    assert.notEqual(row(2), row(0));
  });

  it('draws a beginning that reads everything and, beyond it, the chunks that the numbers choose', () => {
    const parameters = { chunk: 16, budget: 64, begin: 64 };
    const { cells, chosen, dependsOnData } = viewMechanism(
      request({ mechanism: 'longheads', parameters, shape: wide, length: 192 }),
    );
    assert.ok(chosen && dependsOnData);
    const read = (query: number) => cells.subarray(query * 192, (query + 1) * 192).reduce((sum, cell) => sum + cell, 0);
    assert.equal(read(63), 64);
    // Chunk 0, one chosen, the one before and its own up to itself.
    for (let query = 64; query < 192; query++) assert.equal(read(query), 3 * 16 + (query % 16) + 1);
  });

  it('counts the pairs of a longer picture into its cells', () => {
    const window = 100;
    const view = viewMechanism(request({ parameters: { window }, length: 1300 }));
    assert.equal(view.scale, 3);
    const across = Math.ceil(1300 / 3);
    assert.equal(view.cells.length, across ** 2);
    let pairs = 0;
    view.shares!.forEach((share, at) => {
      const side = (cell: number) => Math.min(3, 1300 - 3 * cell);
      pairs += share * side(Math.floor(at / across)) * side(at % across);
      assert.equal(view.cells[at] === 1, share > 0);
    });
    const read = (window * (window + 1)) / 2 + (1300 - window) * window;
    assert.ok(Math.abs(pairs - read) < 1e-3 * read, `${pairs} of ${read}`);
    assert.equal(view.density, read / ((1300 * 1301) / 2));
  });

  it('joins the heads on request: those of S2-Attention together read every block of the past', () => {
    const parameters = { block: 8, localBlocks: 1, verticalStride: 8 };
    const of = (head: number | 'any') =>
      viewMechanism(request({ mechanism: 's2-attention', parameters, shape: wide, length: 256, head }));
    assert.ok(of(3).density < 0.3);
    assert.equal(of('any').density, 1);
    assert.equal(of('any').groups.length, 8);
  });

  it('gives a grid by its axes: the product of what is read along each is what is read', () => {
    const parameters = { rank: '2', width: 12, windowHeight: 3, windowWidth: 4, strideWidth: 2 };
    const shape = { ...wide, pattern: 'noncausal-self' } as const;
    const { cells, grid } = viewMechanism(request({ mechanism: 'gna', parameters, shape, length: 96 }));
    assert.deepEqual(
      grid?.axes.map(({ size }) => size),
      [8, 12],
    );
    assert.deepEqual(grid?.tile, [4, 8]);
    const [rows, columns] = grid.axes;
    cells.forEach((cell, at) => {
      const [query, key] = [Math.floor(at / 96), at % 96];
      const row = rows!.reads[Math.floor(query / 12) * 8 + Math.floor(key / 12)];
      assert.equal(cell, row! * columns!.reads[(query % 12) * 12 + (key % 12)]!, `query ${query}, key ${key}`);
    });
  });

  it('probes long sequences by cells: the weights of a query sum to one', () => {
    const view = viewMechanism(request({ effective: true, length: 300 }));
    assert.equal(view.scale, 4);
    for (let row = 0; row < 75; row++) {
      const weights = view.effective!.subarray(row * 75, (row + 1) * 75);
      assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-5, `row ${row}`);
      weights.forEach((weight, cell) => weight > 1e-6 && assert.equal(view.cells[row * 75 + cell], 1));
    }
  });

  it('probes key by key, and no more than can be, where the channels of a value weigh differently', () => {
    const view = viewMechanism(
      request({ mechanism: 'moh', parameters: {}, shape: wide, effective: true, length: 300 }),
    );
    assert.deepEqual([view.keys, view.scale, view.effective?.length], [96, 1, 96 * 96]);
  });

  it('shows a head as a linear system where it is one: what is kept, what is read later, how large it is', () => {
    const shown = viewMechanism(
      request({ mechanism: 'relu-mean', parameters: { activation: 'identity' }, length: 6, system: true }),
    );
    assert.ok(shown.linear && shown.system);
    const [kept, response, size] = shown.system;
    assert.ok(kept?.kind === 'chart' && response?.kind === 'map' && size?.kind === 'table');
    // A mean of i values keeps (i - 1) / i of what it had; i counts from 1 and the axis from 0.
    const [line, ...more] = kept.series;
    assert.deepEqual([line?.title, more.length], ['all numbers of the state', 0]);
    assert.deepEqual(
      line?.points.map(({ x, y }) => [x, Math.round(1e9 * (y ?? 0))]),
      [1, 2, 3, 4, 5].map((x) => [x, Math.round((1e9 * x) / (x + 1))]),
    );
    // Keys and values 16 wide: half of the 16 positions after which as many numbers were cached.
    assert.deepEqual(size.rows, [['16', '256', '8']]);
    const { system } = viewMechanism(request({ mechanism: 'linear', parameters: {}, length: 6, system: true }));
    const weights = system?.[1];
    assert.ok(weights?.kind === 'map' && weights.scale.kind === 'sequential');
    for (const row of weights.values) {
      const sum = row.reduce<number>((total, weight) => total + (weight ?? 0), 0);
      assert.ok(Math.abs(sum - 1) < 1e-4, `weights of a row add up to ${sum}`);
    }
  });

  it('says that softmax, a rectifier and other patterns are no linear system', () => {
    for (const change of [
      { mechanism: 'fused', parameters: {} },
      { mechanism: 'relu-mean', parameters: { activation: 'relu' } },
      { mechanism: 'linear', parameters: {}, shape: { ...request({}).shape, pattern: 'noncausal-self' as const } },
    ]) {
      const { linear, system } = viewMechanism(request({ ...change, length: 6, system: true }));
      assert.deepEqual([linear, system], [false, undefined], change.mechanism);
    }
  });
});
