/** Saved results as a person keeps them: renamed, compared, opened as text and deleted from the Models view. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { listedName } from '../../../extension/results/result-words';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import { parsePlan } from '../../../protocol/plans/plan-file';
import { repositoryRoot } from '../../support/host/versions';
import { chooseFromMenu } from './menu';
import { workbenchPanel, kernelsPanel, savedResults } from './panels';
import { useWindow } from './window';

const suffix = '.headscope-bench.json';
const planFile = 'razor.headscope-plan.json';
const analysisFile = 'act-2026-11-30.headscope-analysis.json';
const notebookFile = 'results.ipynb';

/** As Jupyter saves outputs that a kernel wrote: `text/html` for other programs, the result itself for Headscope. */
function notebookOf(...outputs: readonly object[]): string {
  const cells = outputs.map((result, at) => ({
    ...{ cell_type: 'code', id: `cell${at}`, execution_count: at + 1, metadata: {}, source: ['show()'] },
    outputs: [
      {
        ...{ output_type: 'display_data', metadata: {} },
        data: { 'application/vnd.headscope+json': result, 'text/html': ['<p>elsewhere</p>'], 'text/plain': ['plain'] },
      },
    ],
  }));
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { language_info: { name: 'python' } }, cells });
}

const sweepFile = 'tasks.headscope-sweep.yaml';
const [first, second] = ['attention-on-this-laptop', 'another-run'];

describe('saved results in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow({
    prepare: (workspace) => {
      copyFileSync(join(workspace, first + suffix), join(workspace, second + suffix));
      for (const file of [planFile, analysisFile])
        copyFileSync(join(repositoryRoot, 'test/fixtures/results', file), join(workspace, file));
      const saved = readFileSync(join(workspace, analysisFile), 'utf8');
      const broken = { kind: 'headscope-analysis', version: 1, sections: '<img src=x onerror=alert(1)>' };
      writeFileSync(join(workspace, notebookFile), notebookOf(JSON.parse(saved) as object, broken));
      // Prompts alone, without a model.
      const lines = ['kind: headscope-sweep', 'version: 1', 'run: task', 'settings: { samples: 2 }'];
      writeFileSync(join(workspace, sweepFile), [...lines, 'matrix: { task: [induction, capitals] }'].join('\n'));
    },
  });
  const fileOf = (name: string): string => join(window().workspace, name + suffix);
  let entry: (name: string) => Locator;

  const choose = (name: string, action: string): Promise<void> => chooseFromMenu(entry(name), action);

  /** As a list names it: date and time first. */
  const listed = (name: string): string =>
    listedName((JSON.parse(readFileSync(fileOf(name), 'utf8')) as { created: string }).created, name);

  // Before the saved results are listed, whose rows push those of sweeps out of view.
  it('runs a sweep from its panel, opens what a cell wrote, and lists it below the sweep', async () => {
    const { bench } = window();
    await bench.openFile(sweepFile);
    await bench.runCommand('Headscope: Open Sweep');
    const panel = await bench.webviewWith("#root[data-panel='sweep']");
    await panel.locator('#finding', { hasText: 'None of the 2 cells has run yet.' }).waitFor();
    await panel.locator('#submit').click();
    await panel.locator('#finding', { hasText: 'All 2 cells are done.' }).waitFor();
    await panel.locator('.sweep-grid td').first().click();
    await panel.locator('#open-result').click();
    await bench.page.locator('.monaco-editor .view-line', { hasText: '"task"' }).first().waitFor();
    const row = (name: RegExp): Locator => bench.page.locator('.sidebar [role=treeitem]', { hasText: name }).first();
    await bench.openContainer('Headscope');
    await row(/^Sweeps/).click();
    await row(/^tasks2 results/)
      .locator('.monaco-tl-twistie')
      .click();
    await row(/^task capitals/).waitFor();
  });

  it('draws a result in a saved notebook, and says what is wrong with another', async () => {
    const { bench, workspace } = window();
    const saved = parseAnalysis(readFileSync(join(workspace, analysisFile), 'utf8'));
    assert.ok(saved.ok);
    await bench.openFile(notebookFile);
    const notebook = await bench.webviewWith('.notebook');
    await notebook.locator('.notebook > h1', { hasText: saved.result.finding }).waitFor();
    const sections = notebook.locator('.notebook [data-section]');
    assert.deepEqual(
      await sections.evaluateAll((all) => all.map((one) => one.getAttribute('data-section'))),
      saved.result.sections.map(({ id }) => id),
    );
    const heads = notebook.locator('[data-section=heads]');
    await heads.locator('canvas').waitFor();
    await heads.getByRole('button', { name: 'Show the numbers as a table' }).click();
    await heads.getByText('L1H1', { exact: true }).waitFor();
    await notebook
      .getByRole('alert')
      .filter({ hasText: /^This output is no result that Headscope draws: / })
      .waitFor();
    // Outputs share a page: no style of ours reaches those of others.
    const reaches = await notebook
      .locator('html')
      .evaluate(({ ownerDocument }) =>
        ownerDocument.adoptedStyleSheets.some(({ cssRules }) =>
          [...cssRules].some(({ cssText }) => cssText.includes('.result-section')),
        ),
      );
    assert.equal(reaches, false);
    assert.equal(await notebook.getByText('elsewhere').count(), 0);
  });

  it('makes a sweep of one cell from what the workbench shows', async () => {
    const { bench, workspace } = window();
    await bench.runCommand('Headscope: Open Workbench');
    await workbenchPanel(bench, 'full');
    await bench.runCommand('Headscope: New Sweep from This Run');
    await bench.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Save As' }).click();
    const file = join(workspace, 'made.headscope-sweep.yaml');
    await bench.answerFileDialog('New Sweep', file);
    await bench.page.locator('.monaco-editor .view-line', { hasText: /^run:\sheads$/ }).waitFor();
    await bench.runCommand('Headscope: Open Sweep');
    const panel = await bench.webviewWith("#root[data-panel='sweep']");
    await panel.locator('#finding', { hasText: 'The cell has not run yet.' }).waitFor();
    await panel.locator('.circumstances', { hasText: 'Cells run on cpu: the file names no device.' }).waitFor();
  });

  it('lists a result whose folder is moved into the workspace, until it is moved out of it', async () => {
    const { bench, workspace } = window();
    const [outside, inside] = [join(dirname(workspace), 'moved-results'), join(workspace, 'moved-results')];
    for (const folder of [outside, inside]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(outside);
    copyFileSync(fileOf(first), join(outside, `moved${suffix}`));
    entry = await savedResults(bench);
    await entry(first).waitFor();
    renameSync(outside, inside);
    await entry('moved').waitFor();
    renameSync(inside, outside);
    await entry('moved').waitFor({ state: 'detached' });
    rmSync(outside, { recursive: true });
  });

  it('lists what lies in the workspace, and renames a file to what is typed', async () => {
    const { bench } = window();
    entry = await savedResults(bench);
    await entry(first).waitFor();
    await choose(second, 'Rename…');
    const input = bench.page.locator('.quick-input-widget input[type=text]').first();
    await input.waitFor();
    assert.equal(await input.inputValue(), second);
    await input.fill('evening run');
    await input.press('Enter');
    await entry('evening run').waitFor();
    assert.ok(existsSync(fileOf('evening run')) && !existsSync(fileOf(second)));
  });

  it('compares two results that are chosen one after the other', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Compare Results…');
    await bench.pick(listed(first));
    await bench.pick(listed('evening run'));
    const panel = await kernelsPanel(bench, 'file');
    await panel.getByText('evening run').first().waitFor();
  });

  it('opens a result as text from the title of its editor', async () => {
    const { bench } = window();
    await bench.page.locator('.editor-actions .action-label[aria-label^="Open as Text"]').first().click();
    await bench.page.locator('.monaco-editor .view-line', { hasText: '"kind": "headscope-bench"' }).waitFor();
  });

  it('deletes a result only when it is said twice', async () => {
    const { bench } = window();
    const dialog = bench.page.locator('.monaco-dialog-box', { hasText: 'Delete "evening run"?' });
    await choose('evening run', 'Delete…');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.ok(existsSync(fileOf('evening run')));
    await choose('evening run', 'Delete…');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await entry('evening run').waitFor({ state: 'detached' });
    assert.ok(!existsSync(fileOf('evening run')) && existsSync(fileOf(first)));
  });

  it('edits a cache plan as a document: a stroke is one step of Undo, and Save writes it', async () => {
    const { bench, workspace } = window();
    await bench.openFile(planFile);
    const panel = await bench.webviewWith("#root[data-panel='plan']");
    const legend = (words: string) => panel.locator('.plan-legend li', { hasText: words }).waitFor();
    await legend('Full 2');
    await panel.locator('.plan-map').focus();
    await bench.page.keyboard.press('ArrowDown');
    await bench.page.keyboard.press('ArrowDown');
    await bench.page.keyboard.press('r');
    await bench.page.keyboard.press('Enter');
    await legend('Sinks and recents 13');
    await bench.page.keyboard.press('Control+z');
    await legend('Full 2');
    await panel.getByRole('button', { name: 'Redo' }).click();
    await legend('Sinks and recents 13');
    const changed = bench.page.locator('.tab.active.dirty');
    await changed.waitFor();
    await bench.page.keyboard.press('Control+s');
    await changed.waitFor({ state: 'detached' });
    const read = parsePlan(readFileSync(join(workspace, planFile), 'utf8'));
    assert.ok(read.ok);
    const painted = { kind: 'recent', sinks: 4, recent: 64 };
    assert.deepEqual(read.result.heads[1], [painted, painted]);
  });

  it('opens the page of an analysis from its saved result, and a page that it links to', async () => {
    const { bench } = window();
    await bench.openFile(analysisFile);
    const panel = await workbenchPanel(bench, 'file');
    await panel.locator('header').getByRole('button', { name: 'What does this say?' }).click();
    const page = await bench.webviewWith('.markdown-body h1#hidden-sinks-and-their-calibration');
    await page.getByText('You get the tokens that are attention sinks').waitFor();
    await page.getByRole('link', { name: 'ZeroTuning' }).first().click();
    await (await bench.webviewWith('.markdown-body h1#zerotuning')).getByText('arXiv:2505.11739').first().waitFor();
  });
});
