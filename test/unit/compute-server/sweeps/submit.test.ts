/** Submissions of a sweep, with engines that a test plays. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SweepEngine } from '../../../../compute-server/sweeps/engine';
import { OpenedSweep } from '../../../../compute-server/sweeps/opened-sweep';
import { submitSweep } from '../../../../compute-server/sweeps/submit';
import { SweepFolder } from '../../../../compute-server/sweeps/sweep-folder';

describe('a submission', () => {
  let base = '';
  beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'sweep-submit-'))));
  afterEach(() => rmSync(base, { recursive: true }));

  const engineThat = (submit: SweepEngine['submit']): SweepEngine => ({
    id: 'slurm',
    plan: () => Promise.resolve({ ok: true, capacity: { mostTasks: 10, atOnce: 1 } }),
    submit,
    status: () => Promise.resolve(new Map([[0, { state: 'running' }]])),
    cancel: () => Promise.resolve(),
  });

  it('whose jobs nobody knows has none that take cells beside those of the next', async () => {
    const folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    const sweep = { kind: 'headscope-sweep' as const, version: 1 as const, run: 'bench', seeds: 2 };
    const program = { run: 'bench', resumes: false, words: () => [], paths: () => [], fault: () => undefined };
    const submit = (engine: SweepEngine) =>
      submitSweep(new OpenedSweep(folder, sweep, '', program), { engine, engineOf: () => engine, command: ['node'] });
    await assert.rejects(submit(engineThat(() => Promise.reject(new Error('the terminal was closed')))));
    const second = await submit(engineThat(() => Promise.resolve({ jobs: ['7'] })));
    assert.ok(second.ok && second.submission?.number === 2);
    assert.deepEqual(
      [1, 2].map((number) => existsSync(folder.cancelFile(number))),
      [true, false],
    );
    const third = await submit(engineThat(() => Promise.resolve({})));
    assert.ok(!third.ok && /^The sweep runs already: it was submitted/u.test(third.why));
  });
});
