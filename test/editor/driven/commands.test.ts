/** The commands around the compute server: while it is up, and after it was killed. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import { computeProcesses } from './compute-processes';
import { eventually } from '../../support/patience';
import { kernelsPanel, showInLiveView } from './panels';
import { useWindow } from './window';

describe('the commands of the compute server in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow();
  const processes = (): number[] => computeProcesses(window().host.profile);
  const status = (): Locator => window().bench.page.locator('.statusbar-item[id*="headscope"]').first();

  /** Resolves with the one process that is none of these. */
  async function another(than: readonly number[]): Promise<number> {
    for (;;) {
      const found = processes().filter((pid) => !than.includes(pid));
      if (found.length === 1 && found[0] !== undefined) return found[0];
      await window().bench.page.waitForTimeout(100);
    }
  }

  it('restart it: another process answers', async () => {
    const { bench } = window();
    // What is shown asks the compute server; while it is still loading, it would start it again later.
    await showInLiveView(bench, 'Kernels');
    await (await kernelsPanel(bench, 'side')).locator('#run:not([disabled])').waitFor();
    const before = processes();
    await bench.runCommand('Headscope: Restart Compute Server');
    const first = await another(before);
    await bench.runCommand('Headscope: Restart Compute Server');
    await another([...before, first]);
    assert.ok(!processes().includes(first), 'the one before has ended');
  });

  it('show what it does in the status bar, and lead from there to what can be done', async () => {
    const { bench } = window();
    assert.match((await status().getAttribute('aria-label')) ?? '', /Headscope/);
    await status().click();
    const rows = bench.page.locator('.quick-input-list [role=option]');
    await rows.filter({ hasText: 'Restart the compute server' }).waitFor();
    await eventually(async () => assert.ok(await rows.filter({ hasText: 'Benchmark attention kernels' }).count()));
    await bench.page.keyboard.press('Escape');
  });

  it('work after it was killed: the log opens and starts nothing, the devices are tested by a new process', async () => {
    const { bench } = window();
    const killed = processes();
    assert.equal(killed.length, 1);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await bench.runCommand('Headscope: Show Log');
    await bench.page.locator('.output-view, .part.panel .view-lines').first().waitFor();
    assert.deepEqual(
      processes().filter((pid) => !killed.includes(pid)),
      [],
      'showing the log starts nothing',
    );
    await bench.runCommand('Headscope: Devices…');
    await bench.page.locator('.quick-input-list [role=option]', { hasText: 'Test Again' }).click();
    await another(killed);
    await bench.page.locator('.quick-input-list [role=option]', { hasText: 'in use' }).waitFor();
    await bench.page.keyboard.press('Escape');
  });

  it('open the walkthrough, which says where a model comes from', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Open Walkthrough');
    await bench.page.getByText('See what the heads of a model do').first().click();
    await bench.page.getByText('A small model comes with Headscope and is ready').first().waitFor();
  });
});
