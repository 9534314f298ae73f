/** An untrusted workspace is inspected, and nothing in it makes anything run. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mechanismTemplate } from '../../../extension/own/templates';
import { referenceLine } from '../../../extension/own/types-folder';
import { processesOf } from './compute-processes';
import { kernelsPanel } from './panels';
import { useWindow } from './window';

describe('an untrusted workspace in VS Code', function () {
  this.timeout(90_000);
  const mine = 'mine.headscope-kernel.ts';
  const window = useWindow({
    workspaceTrust: true,
    settings: { 'security.workspace.trust.startupPrompt': 'never' },
    prepare: (workspace) =>
      writeFileSync(join(workspace, mine), referenceLine(join(workspace, mine), workspace) + mechanismTemplate),
  });

  it('is still inspected', async () => {
    const { bench } = window();
    await bench.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
    await bench.openFile('faulty/config.json');
    await bench.squiggles('error').nth(1).waitFor();
  });

  it('runs no mechanism that is saved, writes no types and asks nothing, and says why', async () => {
    const { bench, host, workspace } = window();
    const { page } = bench;
    await bench.openFile(mine);
    await page.locator('.editor-group-container.active .view-line', { hasText: 'maskMod:' }).click();
    await page.keyboard.press('End');
    await page.keyboard.insertText(' // saved');
    await page.keyboard.press('Control+s');
    await page
      .locator('.statusbar-item', { hasText: 'The file was not run: this workspace is not trusted.' })
      .waitFor();
    assert.match(readFileSync(join(workspace, mine), 'utf8'), /window, \/\/ saved$/m);
    assert.equal(await page.locator('.monaco-dialog-box').count(), 0);
    assert.equal(existsSync(join(workspace, '.headscope')), false);
    for (const script of ['kernel-process.js', 'compute-server.js'])
      assert.deepEqual(processesOf(host.profile, script), []);
    for (const title of ['Headscope: New Mechanism', 'Headscope: Run Own Files When They Are Saved…']) {
      assert.equal((await bench.commandsMatching(title)).includes(title), false, title);
    }
  });

  it('shows a saved result, runs no kernel and says why', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Benchmark Attention Kernels');
    const panel = await kernelsPanel(bench, 'full');
    await panel.getByText(/trust/i).first().waitFor();
    assert.equal(await panel.locator('#run:not([disabled])').count(), 0);
    await bench.openFile('attention-on-this-laptop.headscope-bench.json');
    const saved = await kernelsPanel(bench, 'file');
    await saved.locator('.measurements tbody tr').first().waitFor();
  });
});
