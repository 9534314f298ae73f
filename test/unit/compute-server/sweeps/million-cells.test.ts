/** A million cells in tasks, and in a simulation the tasks of the first 100,000: they die and are started again while journals are gathered. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellProgram } from '../../../../compute-server/sweeps/cell-program';
import type { SweepEngine } from '../../../../compute-server/sweeps/engine';
import { OpenedSweep } from '../../../../compute-server/sweeps/opened-sweep';
import { StateStore } from '../../../../compute-server/sweeps/state-store';
import { planSweep } from '../../../../compute-server/sweeps/submit';
import { SweepFolder } from '../../../../compute-server/sweeps/sweep-folder';

const program: CellProgram = {
  run: 'bench',
  resumes: false,
  words: () => [],
  paths: () => [],
  fault: () => undefined,
  takes: () => false,
};
/** Limits of a cluster: an array of 1,000 tasks, 64 at a time. */
const engine: SweepEngine = {
  id: 'slurm',
  plan: () => Promise.resolve({ ok: true, capacity: { mostTasks: 1000, atOnce: 200 } }),
  submit: () => Promise.reject(new Error('nothing is submitted')),
  status: () => Promise.resolve(new Map()),
  cancel: () => Promise.resolve(),
};

describe('a million cells', function () {
  this.timeout(60_000);
  let base = '';
  beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'sweep-million-'))));
  afterEach(() => rmSync(base, { recursive: true }));

  it('are each in one task, run to one end whatever dies, and none is lost', async () => {
    const folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    const axis = Array.from({ length: 100 }, (_, at) => at);
    const sweep = {
      kind: 'headscope-sweep' as const,
      version: 1 as const,
      run: 'bench',
      matrix: { a: axis, b: axis },
      seeds: 100,
    };
    const layout = await planSweep(new OpenedSweep(folder, sweep, '', program), engine);
    assert.ok(layout.ok);
    const { tasks, plan } = layout.laid;
    assert.deepEqual([plan.total, plan.units, plan.tasks], [1_000_000, 1_000_000, 1000]);
    assert.ok(
      tasks.every((units) => units.length === 1000),
      'of equal work',
    );
    const numbers = new Uint8Array(1_000_000);
    for (const { cell } of tasks.flat()) numbers[cell] = (numbers[cell] ?? 0) + 1;
    assert.ok(numbers.every((count) => count === 1));

    // Every seventh of these tasks dies in the middle of a line and is started again behind what it had done.
    const store = new StateStore(folder.path);
    const journals = join(folder.submission(1), 'journals');
    mkdirSync(journals, { recursive: true });
    const some = tasks.slice(0, 100);
    for (const [number, units] of some.entries()) {
      const lines = units.map(({ key }) => `${JSON.stringify({ key, state: 'done', tries: 1, seconds: 1 })}\n`);
      const name = (start: number): string => join(journals, `${String(number).padStart(6, '0')}-${start}.jsonl`);
      if (number % 7 === 0) {
        writeFileSync(name(1), lines.slice(0, 500).join(''));
        appendFileSync(name(1), (lines[500] ?? '').slice(0, 30));
        writeFileSync(name(2), lines.slice(500).join('').replaceAll('"tries":1', '"tries":2'));
      } else writeFileSync(name(1), lines.join(''));
      if (number % 40 === 39) await store.gather();
    }
    const states = await store.gather();
    assert.equal(states.size, 100_000);
    let [again, ended] = [0, 0];
    for (const { state, tries } of states.values()) {
      if (state === 'done') ended += 1;
      if (tries === 2) again += 1;
    }
    assert.deepEqual([ended, again], [100_000, 15 * 500]);
  });
});
