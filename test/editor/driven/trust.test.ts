/** An untrusted workspace is inspected, and nothing in it makes anything run; nor do own files where a person answers Never. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { analysisTemplate, mechanismTemplate, taskTemplate } from '../../../extension/own/templates';
import { referenceLine } from '../../../extension/own/types-folder';
import { processesOf } from './compute-processes';
import { kernelsPanel } from './panels';
import { useWindow } from './window';

describe('an untrusted workspace in VS Code', function () {
  this.timeout(90_000);
  const mine = {
    'mine.headscope-kernel.ts': mechanismTemplate,
    'mine.headscope-analysis.ts': analysisTemplate,
    'mine.headscope-task.ts': taskTemplate,
  };
  const window = useWindow({
    workspaceTrust: true,
    settings: { 'security.workspace.trust.startupPrompt': 'never' },
    prepare: (workspace) => {
      for (const [name, text] of Object.entries(mine)) {
        writeFileSync(join(workspace, name), referenceLine(join(workspace, name), workspace) + text);
      }
    },
  });

  /** Puts a comment behind its title, and saves it. */
  async function change(name: string): Promise<void> {
    const { bench, workspace } = window();
    const { page } = bench;
    // In the file: it is empty for a moment while it is written.
    const comments = (): number => readFileSync(join(workspace, name), 'utf8').split(' // saved').length;
    const before = comments();
    await bench.openFile(name);
    await page
      .locator('.editor-group-container.active .view-line', { hasText: /^\s*title:/u })
      .first()
      .click();
    await page.keyboard.press('End');
    await page.keyboard.insertText(' // saved');
    await page.keyboard.press('Control+s');
    while (comments() <= before) await setTimeout(50);
  }

  /** No file of a person was run, nor were its types written. */
  function requireNothingRan(scripts: readonly string[]): void {
    const { host, workspace } = window();
    for (const script of scripts) assert.deepEqual(processesOf(host.profile, script), []);
    assert.equal(existsSync(join(workspace, '.headscope')), false);
  }

  it('is still inspected', async () => {
    const { bench } = window();
    await bench.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
    await bench.openFile('faulty/config.json');
    await bench.squiggles('error').nth(1).waitFor();
  });

  it('runs no mechanism, analysis or task that is saved, writes no types and asks nothing, and says why', async () => {
    const { bench } = window();
    const { page } = bench;
    for (const name of Object.keys(mine)) {
      await change(name);
      await page
        .locator('.statusbar-item', { hasText: 'The file was not run: this workspace is not trusted.' })
        .waitFor();
      assert.equal(await page.locator('.monaco-dialog-box').count(), 0);
    }
    for (const command of [
      'New Mechanism',
      'New Analysis',
      'New Task',
      'Run Own Files When They Are Saved…',
      'Run on a Model…',
    ]) {
      const title = `Headscope: ${command}`;
      assert.equal((await bench.commandsMatching(title)).includes(title), false, title);
    }
    requireNothingRan(['kernel-process.js', 'compute-server.js']);
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

  it('is asked about its own files once it is trusted, and runs none of them where the answer is Never', async () => {
    const { bench } = window();
    const { page } = bench;
    await bench.runCommand('Workspaces: Manage Workspace Trust');
    await page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
    await page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor({ state: 'detached' });
    await change('mine.headscope-analysis.ts');
    const question = page.locator('.monaco-dialog-box', {
      hasText: 'May Headscope run the mechanisms, analyses and tasks',
    });
    await question.getByText('Never in This Workspace', { exact: true }).click();
    await question.waitFor({ state: 'detached' });
    await change('mine.headscope-task.ts');
    await bench.runCommand('Headscope: Run on a Model…');
    const said = 'Files of this workspace are not run, as you have chosen.';
    while (!(await bench.notifications()).some((one) => one.startsWith(said)));
    assert.equal(await question.count(), 0);
    // The compute server tests the devices by now.
    requireNothingRan(['kernel-process.js']);
  });
});
