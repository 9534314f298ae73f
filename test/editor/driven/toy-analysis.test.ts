/**
 * An analysis of one file and one line in the catalogue, through the user interface: palette, tree, form, run, cancel, resume, saved file
 * that is opened again, question, comparison, every export, an intervention out of its result. What the command line makes of it
 * is in test/process/analyses.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, FrameLocator } from 'playwright-core';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { calmContext, launchBrowser } from '../../support/host/browser';
import { startHost, type Host } from '../../support/host/server';
import { repositoryRoot } from '../../support/host/versions';
import { Workbench } from '../../support/host/workbench';
import { eventually, patience } from '../../support/patience';
import { makeToyExtension } from '../toy-extension';
import { copyOfExamples, type WorkspaceCopy } from '../workspace';

const suffix = '.headscope-analysis.json';

describe('a further analysis in VS Code', function () {
  this.timeout(120_000);
  let workspace: WorkspaceCopy;
  let host: Host;
  let browser: Browser;
  let bench: Workbench;
  before(async () => {
    const extension = await makeToyExtension();
    workspace = copyOfExamples();
    // Saved results lie in the workspace, where the test finds them.
    const settings = { 'headscope.benchmark.saveIn': 'workspace', 'headscope.palette.analyses': true };
    host = await startHost({ workspace: workspace.folder, extension, settings });
    browser = await launchBrowser();
    const context = await calmContext(browser, { width: 1400, height: 900 });
    bench = await Workbench.attach(await context.newPage(), host);
    bench.page.setDefaultTimeout(patience(30_000));
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed')
      await bench.screenshot(join(repositoryRoot, 'out/toy-analysis-failed.png'));
  });
  after(async () => {
    await browser.close();
    await host.stop();
    workspace.remove();
  });

  const panelIn = (place: 'full' | 'file'): Promise<FrameLocator> =>
    bench.webviewWith(`#root[data-panel='workbench'][data-place='${place}'] .run-bar`);
  const savedFiles = (): readonly string[] => {
    const folder = join(workspace.folder, '.headscope');
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(suffix)) : [];
  };
  const saved = (name: string): AnalysisResult =>
    JSON.parse(readFileSync(join(workspace.folder, '.headscope', name), 'utf8')) as AnalysisResult;
  const run = async (panel: FrameLocator): Promise<void> => {
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(60_000) });
  };
  const save = async (panel: FrameLocator): Promise<string> => {
    const before = new Set(savedFiles());
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasText: 'saved as' }).waitFor();
    const [name] = savedFiles().filter((one) => !before.has(one));
    assert.ok(name);
    return name;
  };

  it('stands in the tree with its question, and opens from the palette with a form of its table', async () => {
    await bench.openContainer('Headscope');
    // A tree draws the rows that fit: all of its analyses need the place of its neighbours.
    for (const view of ['Models', 'Live']) await bench.collapseView(view);
    await bench.page
      .locator('[role=treeitem]', { hasText: /^Patterns/ })
      .first()
      .click();
    await bench.page.locator('[role=treeitem]', { hasText: 'First-token heads' }).first().waitFor();
    await bench.runCommand('Headscope: Run Analysis: First-token heads');
    const panel = await panelIn('full');
    await panel.locator('h1', { hasText: /^Which heads read the first token\?$/ }).waitFor();
    await panel.locator('[data-parameter]').first().waitFor();
    const fields = await panel
      .locator('[data-parameter]')
      .evaluateAll((all) => all.map((one) => (one as unknown as { dataset: { parameter: string } }).dataset.parameter));
    assert.deepEqual(fields, ['threshold', 'heads']);
  });

  it('says progress, is cancelled with its steps kept, goes on behind them, and is saved', async () => {
    const panel = await panelIn('full');
    const prompt = panel.locator('textarea').first();
    const before = await prompt.inputValue();
    // Long enough to be cancelled between its steps.
    await prompt.fill(`${before} `.repeat(25));
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /kept/ }).waitFor();
    await panel.locator('#cancel').click();
    await panel
      .getByText(/kept: Run goes on from there/)
      .first()
      .waitFor();
    await run(panel);
    await save(panel);
    await prompt.fill(before);
    await run(panel);
    const name = await save(panel);
    await eventually(async () => assert.match(await panel.locator('h1').innerText(), /heads? gives? the first token/));
    assert.equal(saved(name).analysis, 'first-token');
  });

  it('has a tab for each run, also after the panel was closed and the window reloaded', async () => {
    const tabs = async (): Promise<readonly string[]> => {
      const row = (await panelIn('full')).locator('[data-tab] .tab-button');
      return (await row.evaluateAll((all) => all.map((one) => (one as unknown as { title: string }).title))).map(
        (title) => title.split('\n')[0] ?? '',
      );
    };
    const panel = await panelIn('full');
    // The run that was cancelled has no result, and outlasts nothing.
    await panel
      .getByRole('button', { name: /^Close: First-token heads/ })
      .first()
      .click();
    await panel.locator('[data-tab=t1]').waitFor({ state: 'detached' });
    const before = await tabs();
    assert.ok(before.length >= 2, `${before.length} tabs`);
    const first = panel.locator('[data-tab] .tab-button').first();
    const finding = before[0] ?? '';
    await first.click();
    await panel.locator('h1', { hasText: finding }).waitFor();
    await bench.page.reload();
    await bench.restored();
    const again = await panelIn('full');
    await again
      .locator('[data-tab] .tab-button')
      .nth(before.length - 1)
      .waitFor();
    assert.deepEqual(await tabs(), before);
    await again.locator('[data-tab] .tab-button').first().click();
    await again.locator('h1', { hasText: finding }).waitFor();
    await again.locator('[data-tab] .tab-button').last().click();
    await again.locator('h1', { hasText: before.at(-1) ?? '' }).waitFor();
  });

  it('is listed under its analysis, and its file opens as it was; a head of it is looked into', async () => {
    const [first = ''] = [...savedFiles()].sort().slice(-1);
    await bench.page
      .locator('[role=treeitem]', { hasText: saved(first).finding })
      .first()
      .click();
    const panel = await panelIn('file');
    await eventually(async () => assert.equal(await panel.locator('h1').innerText(), saved(first).finding));
    const load = panel.locator('#load-model');
    await load.click();
    // The grid answers once the model is there.
    await load.waitFor({ state: 'detached' });
    const grid = panel.locator('[data-section=scores] .picture-frame').first();
    await grid.press('ArrowDown');
    await grid.press('Enter');
    await panel
      .getByText(/^Attention of L\dH\d/)
      .first()
      .waitFor({ timeout: patience(60_000) });
  });

  it('applies an intervention out of its result to the request, and says what the model then says', async () => {
    await bench.runCommand('Headscope: Run Analysis: First-token heads');
    const panel = await panelIn('full');
    // The command asks the question anew: the last result is a tab.
    await panel.locator('[data-tab] .tab-button').last().click();
    await panel.getByRole('button', { name: 'Apply', exact: true }).first().click();
    await panel.locator('#tried-changes', { hasText: 'L1H0 x 0' }).waitFor();
    await panel.locator('#divergence').waitFor({ timeout: patience(60_000) });
  });

  it('is compared with a run with an intervention: what changed most first, then both results', async () => {
    await bench.runCommand('Headscope: Run Analysis: First-token heads');
    const panel = await panelIn('full');
    await panel.getByLabel('Add an intervention').first().click();
    await panel.getByRole('option', { name: /gain/i }).first().click();
    await panel.getByLabel('Intervention 1', { exact: true }).locator('input').fill('gain:0.0=0');
    await run(panel);
    await save(panel);
    await panel.locator('#compare').click();
    await bench.page.locator('.quick-input-list .monaco-list-row').first().click();
    await panel.getByText('Change of the mass on the first token').first().waitFor();
  });

  for (const [label, ending] of [
    ['PNG', 'png'],
    ['SVG', 'svg'],
    ['CSV', 'csv'],
    ['JSON', 'json'],
    ['HTML', 'html'],
  ] as const) {
    it(`leaves as ${label}`, async () => {
      const panel = await panelIn('full');
      const target = join(workspace.folder, `exported.${ending}`);
      await panel.locator('.run-bar hs-menu .menu-trigger').click();
      await panel.getByRole('menuitem', { name: label }).first().click();
      await bench.answerFileDialog('Export', target);
      await panel
        .getByText(new RegExp(`^Saved .*exported\\.${ending}`))
        .first()
        .waitFor();
      assert.ok(readFileSync(target).length > 100);
      await bench.closeNotifications();
    });
  }
});
