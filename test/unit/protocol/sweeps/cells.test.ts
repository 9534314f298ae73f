/** The cells of a sweep: their number, order and keys, none made before it is asked for. */
import assert from 'node:assert/strict';
import { Cells } from '../../../../protocol/sweeps/cells';
import { check } from '../../../../protocol/schema/check';
import { sweepFile, type SweepFile } from '../../../../protocol/sweeps/sweep-file';

const sweep = (rest: object): SweepFile => {
  const checked = check(sweepFile, { kind: 'headscope-sweep', version: 1, run: 'ablation', ...rest });
  assert.ok(checked.ok, checked.ok ? '' : checked.why);
  return checked.result;
};

const cellsOf = (rest: object): Cells => {
  const cells = Cells.of(sweep(rest));
  assert.ok(cells.ok, cells.ok ? '' : cells.why);
  return cells.result;
};

const refusalOf = (rest: object): string => {
  const cells = Cells.of(sweep(rest));
  return cells.ok ? '' : cells.why;
};

describe('cells of a sweep', () => {
  it('are the combinations of the matrix, the last axis fastest, then the entries of the list, each for each seed', () => {
    const cells = cellsOf({
      settings: { samples: 10, model: 'z' },
      matrix: { model: ['a', 'b'], 'param.mode': ['zero', 'mean'] },
      cells: [{ model: 'c' }],
      exclude: [{ model: 'b', 'param.mode': 'mean' }, {}],
      seeds: [7, 9],
    });
    assert.equal(cells.size, 10);
    assert.deepEqual(cells.axes, ['model', 'param.mode', 'seed']);
    const all = [...cells.all()];
    assert.deepEqual(
      all.map(({ number, own }) => [number, own['model'], own['param.mode'], own['seed']]),
      [
        [0, 'a', 'zero', 7],
        [1, 'a', 'zero', 9],
        [2, 'a', 'mean', 7],
        [3, 'a', 'mean', 9],
        [4, 'b', 'zero', 7],
        [5, 'b', 'zero', 9],
        [8, 'c', undefined, 7],
        [9, 'c', undefined, 9],
      ],
    );
    assert.deepEqual(all.at(-1)?.settings, { samples: 10, model: 'c', seed: 9 });
  });

  it('are one where nothing varies', () => {
    assert.deepEqual([...cellsOf({ settings: { model: 'a' } }).all()].length, 1);
    assert.deepEqual(
      [...cellsOf({ settings: { model: 'a' }, seeds: 3 }).all()].map(({ own }) => own['seed']),
      [0, 1, 2],
    );
  });

  it('are refused where there are more than a million, before one is made', () => {
    const thousand = Array.from({ length: 1000 }, (_, at) => at);
    const why = refusalOf({ matrix: { a: thousand, b: thousand, c: thousand, d: thousand } });
    assert.match(
      why,
      /^The sweep has 1,000,000,000,000 cells, but at most 1,000,000 are allowed\. Remove values \(a: 1,000/u,
    );
    assert.equal(refusalOf({ matrix: { a: thousand, b: thousand } }), '');
    assert.match(refusalOf({ matrix: { seed: [1] }, seeds: 2 }), /seed is given twice/u);
  });
});
