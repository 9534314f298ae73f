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

  it('refuses a shape in the words of the mechanism', () => {
    const wide = { pattern: 'causal-self', heads: 8, kvHeads: 8, headDim: 12, valueDim: 12 } as const;
    assert.throws(
      () => viewMechanism(request({ mechanism: 'fused', parameters: {}, shape: wide })),
      (error) => error instanceof FailureError && /multiples of 8/.test(error.message),
    );
  });
});
