/** The live view of the side bar: it shows what the person works on, or what was chosen by hand. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import { workbenchPanel, kernelsPanel, modelPanel, showInLiveView } from './panels';
import { useWindow } from './window';
import { eventually, patience } from '../../support/patience';

describe('the live view in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();
  const pane = (): Locator =>
    window().bench.page.locator('.sidebar .pane', {
      has: window().bench.page.locator('.pane-header h3.title', { hasText: /^Live$/ }),
    });
  const named = (name: string): Promise<void> =>
    pane()
      .locator('.pane-header .description', { hasText: new RegExp(`^${name}$`) })
      .waitFor();
  const tab = (name: string): Locator => window().bench.page.locator('.tab', { hasText: name });

  it('shows the model that is selected in the Models view', async () => {
    const { bench } = window();
    await bench.openContainer('Headscope');
    await bench.page.locator('.pane-header[aria-expanded=false] h3.title', { hasText: /^Live$/ }).waitFor();
    await bench.runCommand('Headscope: Focus on Live View');
    await bench.page.locator('.sidebar .monaco-list-row', { hasText: /^gpt2/ }).click();
    const view = await modelPanel(bench, 'side');
    await view.locator('#model-sentence', { hasText: /^\s*gpt2: / }).waitFor();
    await named('Model');
  });

  it('follows to the panel that is opened', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    await workbenchPanel(bench, 'side');
    await named('Workbench');
    // Look runs by itself once its model is read, and the view follows to a run that starts.
    const full = await workbenchPanel(bench, 'full');
    await full.locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(60_000) });
  });

  it('keeps what was chosen by hand while the person comes back to the same panel', async () => {
    const { bench } = window();
    await showInLiveView(bench, 'Kernels');
    await kernelsPanel(bench, 'side');
    await named('Kernels');
    await bench.openFile('README.md');
    await tab('Workbench').click();
    await (await workbenchPanel(bench, 'full')).locator('h1').click();
    await named('Kernels');
  });

  it('shows the same after the window is reloaded', async () => {
    const { bench } = window();
    await bench.page.reload();
    await bench.restored();
    // Which editor is in front is written down late: a quick reload may bring back the one before.
    await tab('Workbench').click();
    await workbenchPanel(bench, 'full');
    await kernelsPanel(bench, 'side');
    await named('Kernels');
  });

  it('follows to a configuration that is opened, and to a panel that gets the focus', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    await (await modelPanel(bench, 'side')).locator('#model-sentence', { hasText: /^\s*Llama-3\.1-8B: / }).waitFor();
    await tab('Workbench').click();
    await workbenchPanel(bench, 'side');
    await named('Workbench');
  });

  it('follows to a run that starts, and shows its result', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show in Live View…');
    await bench.pick('Kernels');
    await kernelsPanel(bench, 'side');
    await named('Kernels');
    const full = await workbenchPanel(bench, 'full');
    await full.locator('#run:not([disabled])').click();
    const side = await workbenchPanel(bench, 'side');
    await named('Workbench');
    await side.locator('.run-state', { hasText: /^\s*Done in / }).waitFor();
    await eventually(async () =>
      assert.equal(await side.locator('h1').innerText(), await full.locator('h1').innerText()),
    );
  });

  it('leaves the result to the view when another panel was shown in between', async () => {
    const { bench } = window();
    const before = await (await workbenchPanel(bench, 'full')).locator('h1').innerText();
    await showInLiveView(bench, 'Model');
    await modelPanel(bench, 'side');
    await showInLiveView(bench, 'Workbench');
    const side = await workbenchPanel(bench, 'side');
    await side.locator('h1', { hasText: before }).waitFor();
    assert.deepEqual(await bench.notifications(), []);
  });

  it('says that a run was saved in the full panel; the run is listed below its analysis, without a click', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Run an Analysis…');
    await bench.pick('Labels of heads');
    const full = await workbenchPanel(bench, 'full');
    await full.locator('#run:not([disabled])').click();
    await full.locator('#save:not([disabled])').click();
    const side = await workbenchPanel(bench, 'side');
    await side.locator('.run-state', { hasText: 'saved as' }).waitFor();
    const finding = await full.locator('h1').innerText();
    // A tree draws the rows that fit.
    for (const view of ['Models', 'Live']) await bench.collapseView(view);
    await bench.page.locator('.sidebar .monaco-list-row[aria-level="3"]', { hasText: finding }).waitFor();
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
