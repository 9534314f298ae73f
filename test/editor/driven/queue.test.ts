/** While an experiment trains: every panel opens, a further run waits its turn, and the status bar says and changes both. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { computeProcesses, processesOf } from './compute-processes';
import { listeningPorts } from '../../support/listening-ports';
import { eventually } from '../../support/patience';
import { kernelsPanel, workbenchPanel } from './panels';
import { useWindow } from './window';

describe('the queue of runs in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();
  const status = (): Locator => window().bench.page.locator('.statusbar-item[id*="headscope"]').first();
  const spoken = async (): Promise<string> => (await status().getAttribute('aria-label')) ?? '';
  const rows = (): Locator => window().bench.page.locator('.quick-input-list [role=option]');
  const experiment = 'Circuits of a toy model';

  before(async function () {
    this.timeout(90_000);
    const { bench } = window();
    await bench.runCommand('Headscope: Run an Analysis…');
    await bench.pick(experiment);
    const panel = await workbenchPanel(bench, 'full');
    // As many steps as no machine does before a test here cancels the run.
    await panel.locator('[data-parameter=steps] input').fill('100000');
    await panel.locator('#run:not([disabled])').click();
    await status().filter({ hasText: experiment }).waitFor();
    // The first checkpoint: what is found by then outlasts the run.
    await panel.locator('.result-section').first().waitFor();
  });

  it('needs no port: of all processes the server of VS Code alone listens on one', () => {
    const { profile, url } = window().host;
    assert.equal(computeProcesses(profile).length, 1);
    assert.deepEqual(listeningPorts(processesOf(profile, '')), [Number(new URL(url).port)]);
  });

  it('paints panels and saved files while an experiment trains, and opens their models', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Benchmark Attention Kernels');
    await (await kernelsPanel(bench, 'full')).locator('#run:not([disabled])').waitFor();
    assert.match(await spoken(), /Circuits of a toy model runs/);
    await bench.runCommand('Headscope: Show Head Patterns');
    const heads = await workbenchPanel(bench, 'full');
    await heads.locator('#run:not([disabled])').waitFor();
    await heads.getByText('Reading its files…').waitFor({ state: 'detached' });
    assert.match(await spoken(), /Circuits of a toy model runs/);
    await bench.openFile('attention-on-this-laptop.headscope-bench.json');
    await (await kernelsPanel(bench, 'file')).locator('#finding').waitFor();
    assert.match(await spoken(), /Circuits of a toy model runs/, 'all of this before the training ended');
  });

  it('lets a further run wait, and cancels and shows both from the status bar', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    const heads = await workbenchPanel(bench, 'full');
    await heads.locator('#run:not([disabled])').click();
    await heads.getByText('Waiting until Headscope is done running an analysis').first().waitFor();
    await status().filter({ hasText: '1 waiting' }).waitFor();
    assert.match(await spoken(), /Circuits of a toy model runs.* 1 run waits\./);
    await status().click();
    const [running, waiting] = [rows().filter({ hasText: experiment }), rows().filter({ hasText: 'demo-lm' })];
    await eventually(async () => {
      assert.match((await running.getAttribute('aria-label')) ?? '', /runs/);
      assert.match((await waiting.getAttribute('aria-label')) ?? '', /waits/);
    });
    await waiting.hover();
    await waiting.locator('[aria-label="Cancel this run"]').click();
    await waiting.waitFor({ state: 'detached' });
    assert.ok(await running.count(), 'the list stays open');
    await bench.page.keyboard.press('Escape');
    await heads.locator('#run:not([disabled])').waitFor();
    // By the keyboard alone: Enter on a run says what can be done with it.
    const input = bench.page.locator('.quick-input-widget:not([style*="display: none"]) input').first();
    const focused = bench.page.locator('.quick-input-list .monaco-list-row.focused');
    await status().click();
    await running.waitFor();
    await input.fill('Circuits');
    await focused.filter({ hasText: experiment }).waitFor();
    await input.press('Enter');
    await focused.filter({ hasText: 'Cancel' }).waitFor();
    await input.press('Enter');
    await status().filter({ hasNotText: experiment }).waitFor();
  });

  it('shows the devices from the palette, each with its test', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Devices…');
    const cpu = rows().filter({ hasText: 'in use' });
    await cpu.waitFor();
    assert.match((await cpu.getAttribute('aria-label')) ?? '', /cpu/);
    // The window is remote: its devices are those of the machine with the files.
    await bench.page.locator('.quick-input-title', { hasText: `Devices of ${hostname()}` }).waitFor();
    for (const row of ['Test Again', 'Set Up CUDA'])
      await eventually(async () => assert.equal(await rows().filter({ hasText: row }).count(), 1));
    await cpu.hover();
    await cpu.locator('[aria-label="Details"]').click();
    await rows().filter({ hasText: 'operators right' }).waitFor();
    await bench.page.keyboard.press('Escape');
  });

  it('lets a run go on while the window is opened anew, and ends it there', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Run an Analysis…');
    await bench.pick(experiment);
    const before = await workbenchPanel(bench, 'full');
    // Another run than the one before.
    await before.locator('[data-parameter=steps] input').fill('90000');
    const keeps = before.locator('vscode-checkbox', { hasText: 'Keep running when the window closes' });
    // A form that moves between press and release, as the number above was changed, loses the click.
    for (; (await keeps.getAttribute('aria-checked')) !== 'true'; await setTimeout(500)) await keeps.click();
    await before.locator('#run:not([disabled])').click();
    await before.locator('#outlasts').waitFor();
    await bench.page.reload();
    await bench.restored();
    await status().filter({ hasText: experiment }).waitFor();
    await bench.runCommand('Headscope: Open Workbench');
    const after = await workbenchPanel(bench, 'full');
    // What is in front is written down late: a quick reload may bring back the Look of the test before.
    await after.locator('.tab-button', { hasText: experiment }).last().click();
    await after.locator('#outlasts').waitFor();
    await after.locator('#cancel').click();
    await status().filter({ hasNotText: experiment }).waitFor();
    await after.locator('vscode-checkbox', { hasText: 'Keep running when the window closes' }).click();
    const closed = after.locator('.tab.front [aria-label^="Close: "]');
    await closed.click();
  });

  it('keeps the tab of the stopped run, with what it had found, when the window is opened anew', async () => {
    const { bench } = window();
    const read = async (): Promise<readonly string[]> => {
      await bench.runCommand('Headscope: Open Workbench');
      const panel = await workbenchPanel(bench, 'full');
      // Look is in front since heads were asked for.
      await panel.locator('.tab-button', { hasText: experiment }).click();
      await panel.locator('.tab.front', { hasText: experiment }).waitFor();
      await panel.locator('.result-section').first().waitFor();
      assert.match(await panel.locator('.banner.error').first().innerText(), /^Cancelled\. .* is shown below\.$/);
      return panel.locator('.result-section h2').allInnerTexts();
    };
    const before = await read();
    assert.ok(before.length > 0);
    await bench.page.reload();
    await bench.restored();
    assert.deepEqual(await read(), before);
  });
});
