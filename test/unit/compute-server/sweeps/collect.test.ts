/** Results of a sweep in one table, with means over seeds; the expected means were computed by hand. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect, type Collected } from '../../../../compute-server/sweeps/collect';
import { SweepFolder } from '../../../../compute-server/sweeps/sweep-folder';
import type { CellSettings } from '../../../../protocol/sweeps/sweep-file';
import type { CellStatus, SweepStatus } from '../../../../protocol/sweeps/sweep-status';

describe('collected results', () => {
  let base = '';
  let folder: SweepFolder;
  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'sweep-collect-'));
    folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    await folder.make();
  });
  afterEach(() => rmSync(base, { recursive: true }));

  /** `result`: undefined for a cell that failed. */
  function collected(
    axes: readonly string[],
    given: readonly (readonly [settings: CellSettings, result: object | undefined])[],
  ): Promise<Collected> {
    const cells = given.map(([settings, result], cell): CellStatus => {
      const key = String(cell).padStart(24, '0');
      if (!result) return { key, state: 'failed', tries: 1, cell, settings, reason: 'It died.' };
      writeFileSync(folder.resultFile(key), JSON.stringify({ ...result, sweep: { key } }));
      return { key, state: 'done', tries: 1, cell, settings, file: `results/${key}.json` };
    });
    const states = { open: 0, waiting: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
    const status: SweepStatus = {
      ...{ title: 'A title', run: 'task', cells, done: 0, total: cells.length, states, axes, active: false },
    };
    return collect(status, folder);
  }
  const near = (value: number | undefined, expected: number): void =>
    assert.ok(Math.abs((value ?? Number.NaN) - expected) < 1e-5, `${value} is not ${expected}`);

  it('have mean, deviation and interval over the seeds of each cell, of as many seeds as have a value', async () => {
    const { means = [], missing } = await collected(
      ['model', 'seed'],
      [
        [
          { model: 'a', seed: 0 },
          { accuracy: { value: 1 }, loss: 3, note: 'x', best: '1.2' },
        ],
        [
          { model: 'a', seed: 1 },
          { accuracy: { value: 2 }, loss: 5, note: 'x', best: '0.7' },
        ],
        [
          { model: 'a', seed: 2 },
          { accuracy: { value: 4 }, loss: null, note: 'x', best: '1.2' },
        ],
        [{ model: 'b', seed: 0 }, { accuracy: { value: 9 } }],
        [{ model: 'b', seed: 1 }, undefined],
      ],
    );
    assert.equal(missing.length, 1);
    const [a, b] = means;
    assert.deepEqual([a?.settings, a?.seeds, a?.texts], [{ model: 'a' }, [0, 1, 2], { note: 'x' }]);
    const accuracy = a?.means['accuracy.value'];
    // 1, 2 and 4: mean 7/3, squares 42/9 over n - 1 = 2; the table of t gives 4.302653 for two degrees of freedom.
    assert.equal(accuracy?.n, 3);
    near(accuracy?.mean, 7 / 3);
    near(accuracy?.deviation, 1.527525);
    near(accuracy?.low, -1.461251);
    near(accuracy?.high, 6.127917);
    // 3 and 5: the standard error is 1, and t is 12.706205 for one degree of freedom.
    const loss = a?.means['loss'];
    assert.equal(loss?.n, 2);
    near(loss?.low, 4 - 12.706205);
    near(loss?.high, 4 + 12.706205);
    assert.deepEqual([b?.seeds, b?.means], [[0], { 'accuracy.value': { n: 1, mean: 9 } }]);
  });

  it('have means of the rows of tables by their place, and none of rows that are different things', async () => {
    const table = (...rows: readonly (readonly [string, number])[]) => ({
      rows: rows.map(([mechanism, ms]) => ({ mechanism, ms })),
    });
    const cells = [
      [{ seed: 0 }, table(['fused', 1], ['linear', 10], ['sparse', 5])],
      [{ seed: 1 }, table(['fused', 3], ['linear', 20], ['local', 7])],
    ] as const;
    const { means = [] } = await collected(['seed'], cells);
    assert.deepEqual(
      means.map(({ texts, means: { ms } }) => [texts['mechanism'], ms?.mean]),
      [
        ['fused', 2],
        ['linear', 15],
      ],
    );
    const shorter = await collected(['seed'], [cells[0], [{ seed: 1 }, table(['fused', 3])]]);
    assert.deepEqual(shorter.means, []);
  });

  it('are never those of a file that is half written, or of another cell', async () => {
    const [key, other] = ['1', '2'].map((digit) => digit.padStart(24, '0'));
    const { rows } = await collected(['model'], [[{ model: 'a' }, { loss: 1 }]]);
    assert.equal(rows.length, 1);
    writeFileSync(folder.resultFile(key ?? ''), `{"loss": 1, "sweep": {"key": "${key}"`);
    writeFileSync(folder.resultFile(other ?? ''), `{"loss": 1, "sweep": {"key": "${key}"}}`);
    const cells = [key, other].map((name = '', cell): CellStatus => ({
      ...{ key: name, state: 'done', tries: 1, cell, settings: {}, file: `results/${name}.json` },
    }));
    const states = { open: 0, waiting: 0, running: 0, done: 2, failed: 0, cancelled: 0 };
    const status = { title: '', run: 'task', cells, done: 2, total: 2, states, axes: [], active: false };
    const { rows: none, missing } = await collect(status, folder);
    assert.deepEqual([none.length, missing.length], [0, 2]);
    assert.match(missing[0]?.reason ?? '', /is incomplete, or not the result of this cell\. Delete it/u);
  });

  it('have no means where cells do not differ by a seed', async () => {
    assert.equal((await collected(['model'], [[{ model: 'a' }, { loss: 1 }]])).means, undefined);
  });
});
