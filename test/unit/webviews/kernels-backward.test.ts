import assert from 'node:assert/strict';
import { backwardOverLength, hasBackward } from '../../../webviews/charts/backward-over-length';
import { identify } from '../../../webviews/charts/palette';
import type { Measured } from '../../../webviews/charts/rows';
import { readForm, toForm } from '../../../webviews/panels/kernels/form';
import { backwardNotes, passColumns } from '../../../webviews/panels/kernels/pass-columns';
import { type BenchmarkRow, rowsOf } from '../../../protocol/results/benchmark-schema';
import { check } from '../../../protocol/schema/check';
import { number } from '../../../protocol/schema/fields';
import { plan, row } from '../extension/samples';

describe('backward passes and cold caches in the Kernels panel', () => {
  const timed = row('tiled', 512, {
    backward: { medianMs: 12, overForward: 3, samples: 9, quartilesMs: [11, 14], maxError: 1e-7, tolerance: 1e-4 },
    caches: { coldMs: 5, warmMs: 4, samples: 15 },
  });
  const refused = row('linear', 512, { backward: { reason: 'It has no gradient.' } });
  const columns = (rows: readonly BenchmarkRow[]) =>
    passColumns(rows, 'Fused', (id, _name, unit, _hint, value) => ({ id, unit, values: rows.map(value) }));

  it('are asked for by boxes, backward passes in prefill alone and caches on the cpu alone', () => {
    const both = plan({ backward: true, caches: true });
    const read = (change: object) => {
      const reading = readForm({ ...toForm(both, []), ...change }, [], 8);
      assert.ok(reading.ok, JSON.stringify(reading));
      return [reading.plan.backward, reading.plan.caches];
    };
    assert.deepEqual(read({}), [true, true]);
    assert.deepEqual(read({ backward: false, caches: false }), [undefined, undefined]);
    assert.deepEqual(read({ mode: 'decode' }), [undefined, true]);
    assert.deepEqual(read({ device: 'webgpu' }), [true, undefined]);
  });

  it('have columns where a row has numbers, and a note where it has a reason', () => {
    assert.deepEqual(columns([row('tiled', 512)]), []);
    assert.deepEqual(columns([timed, refused]), [
      { id: 'cold', unit: 'ms', values: [5, undefined] },
      { id: 'warm', unit: 'ms', values: [4, undefined] },
      { id: 'forward_backward', unit: 'ms', values: [12, undefined] },
      { id: 'over_forward', unit: 'x', values: [3, undefined] },
      { id: 'backward_ratio', unit: 'x', values: [undefined, undefined] },
      { id: 'gradient_error', unit: undefined, values: [1e-7, undefined] },
    ]);
    assert.deepEqual(backwardNotes(timed, 'Tiled'), []);
    assert.deepEqual(backwardNotes(refused, 'Linear'), ['no backward pass of Linear. It has no gradient']);
  });

  it('are drawn over length where they have a time', () => {
    const measured = {
      rows: [timed, refused],
      provisional: new Set<string>(),
      lengths: [512],
      ...{ baseline: 'fused', fits: [], crossover: [], roof: undefined, hidden: new Set<string>(), other: undefined },
      identities: identify(['tiled', 'linear'].map((id) => ({ id, title: id }))),
    } satisfies Measured;
    assert.ok(hasBackward(measured));
    assert.equal(hasBackward({ ...measured, rows: [refused] }), false);
    const points = backwardOverLength(measured).series.flatMap(({ points }) => points);
    assert.deepEqual(
      points.map(({ x, y, low, high }) => [x, y, low, high]),
      [[512, 12, 11, 14]],
    );
  });

  it('are read back from a file, also where a gradient was no number', () => {
    const wrong = row('wrong', 512, { backward: { reason: 'It is wrong.', maxError: Infinity, tolerance: 1e-4 } });
    const written: unknown = JSON.parse(JSON.stringify([timed, wrong]));
    const read = check(rowsOf(number), written);
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual(read.result, [timed, { ...wrong, backward: { reason: 'It is wrong.', tolerance: 1e-4 } }]);
  });
});
