/** A run that does not come to its end: cancelled and resumed, and with the compute process killed under it. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { computeProcesses } from './compute-processes';
import { kernelsPanel } from './panels';
import { useWindow } from './window';
import { patience } from '../../support/patience';

/**
 * The first two lengths take a moment, the last one seconds: there is time to press a button. Timed for less than three seconds
 * in all, a run does without a calibration, which would take as long.
 */
const settings = {
  'headscope.benchmark.mechanisms': ['fused', 'tiled'],
  'headscope.benchmark.lengths': [64, 128, 1024],
  'headscope.benchmark.secondsPerLength': 0.9,
  'headscope.compute.threads': 1,
};
const points = 6;

/** The result that the panel says it saved. */
async function saved(panel: FrameLocator, profile: string, workspace: string): Promise<BenchmarkResult> {
  const name = await panel.locator('.run-state [title]:not(#made-on)').first().getAttribute('title');
  assert.ok(name, 'the panel names the file it saved');
  // Not in all of the profile: its folder of extensions has a link to the repository, which would be walked through.
  const file = [workspace, join(profile, 'data')]
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)))
    .find((path) => path.includes(name));
  assert.ok(file, `${name} is there`);
  return JSON.parse(readFileSync(file, 'utf8')) as BenchmarkResult;
}

describe('an interrupted benchmark in VS Code', function () {
  this.timeout(240_000);
  const window = useWindow({ settings });

  const run = async (): Promise<FrameLocator> => {
    const panel = await kernelsPanel(window().bench, 'full');
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /[2-5] of 6 points/ }).waitFor({ timeout: patience(120_000) });
    return panel;
  };

  it('keeps what is measured when it is cancelled, and resumes with the rest', async () => {
    await window().bench.runCommand('Headscope: Benchmark Attention Kernels');
    const panel = await run();
    await panel.locator('#cancel').click();
    await panel
      .locator('.run-state', { hasText: /^Cancelled: [2-5] of 6 points kept/ })
      .waitFor({ timeout: patience(30_000) });
    const { host, workspace } = window();
    const cancelled = await saved(panel, host.profile, workspace);
    assert.equal(cancelled.state, 'cancelled');
    // Rows that the cancelling met while they were timed are marked, and measured again.
    const kept = cancelled.rows.filter((row) => row.notes?.includes('cancelled') !== true);
    assert.ok(kept.length >= 2 && kept.length < points, `${kept.length} rows are kept`);
    await panel.locator('#resume:not([disabled])').click();
    await panel.locator('.run-state', { hasText: `${points} points in ` }).waitFor({ timeout: patience(120_000) });
    const done = await saved(panel, host.profile, workspace);
    assert.equal(done.rows.length, points);
    for (const row of kept) {
      const later = done.rows.find((one) => one.mechanism === row.mechanism && one.length === row.length);
      assert.equal(later?.medianMs, row.medianMs, `${row.mechanism} at ${row.length} is not measured again`);
    }
  });

  it('says in one sentence that the compute process was killed, and runs again', async () => {
    const panel = await run();
    const processes = computeProcesses(window().host.profile);
    assert.equal(processes.length, 1, `one compute process, not ${processes.join(', ')}`);
    process.kill(processes[0] ?? 0, 'SIGKILL');
    await panel.locator('[role=alert]', { hasText: 'The compute process ended before it answered' }).waitFor();
    assert.match(
      await panel.locator('[role=alert]').innerText(),
      /SIGKILL.* Run it again; a new process starts by itself/,
    );
    assert.ok((await panel.locator('.measurements tbody tr').count()) >= 1, 'what was measured before stays');
    await panel.locator('#resume:not([disabled]), #run:not([disabled])').first().click();
    await panel.locator('.run-state', { hasText: `${points} points in ` }).waitFor({ timeout: patience(120_000) });
    const { host, workspace } = window();
    assert.equal((await saved(panel, host.profile, workspace)).rows.length, points);
  });
});
