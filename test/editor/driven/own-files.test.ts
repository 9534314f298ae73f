/**
 * Files of a person's own in a real VS Code: a mechanism from the template to its series, its faults, and a loop that does not end; an
 * analysis and a task from the template to a run.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FrameLocator, Locator } from 'playwright-core';
import { analysisTemplate, mechanismTemplate } from '../../../extension/own/templates';
import { eventually, patience } from '../../support/patience';
import { computeProcesses, processesOf } from './compute-processes';
import { kernelsPanel, workbenchPanel } from './panels';
import { useWindow } from './window';

const name = 'mine.headscope-kernel.ts';
/** Timed for less than three seconds in all, a run does without a calibration, which would take as long. */
const settings = {
  'headscope.benchmark.lengths': [64, 128],
  'headscope.benchmark.secondsPerLength': 0.9,
  'headscope.compute.threads': 1,
};

describe('files of a person in VS Code', function () {
  this.timeout(240_000);
  const window = useWindow({ settings });
  const mine = (panel: FrameLocator): Locator => panel.locator('.measurements tbody tr[data-key^="own:mine@"]');
  const dialog = (): Locator => window().bench.page.locator('.monaco-dialog-box');
  const markers = (): Locator => window().bench.page.locator('.markers-panel .monaco-list-row');
  const maskLine = mechanismTemplate.split('\n').findIndex((line) => line.includes('maskMod:')) + 2;

  /** Puts text before the last comma of the line of `maskMod`, in place of so many characters, and saves. */
  async function saveMask(text: string, inPlaceOf = 0): Promise<void> {
    const { page } = window().bench;
    await page.locator('.editor-group-container .view-line', { hasText: 'maskMod:' }).click();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    for (let at = 0; at < inPlaceOf; at++) await page.keyboard.press('Backspace');
    await page.keyboard.insertText(text);
    await page.keyboard.press('Control+s');
    await page.locator(`.tab[data-resource-name="${name}"]:not(.dirty)`).waitFor();
  }

  /** What is measured is saved by itself, each time under a name of its own. */
  async function measuredAfter(panel: FrameLocator, before: string | undefined): Promise<string> {
    const saved = panel.locator('.run-state', { hasText: /4 points in / }).locator('[title]:not(#made-on)');
    const other = before === undefined ? saved : saved.and(panel.locator(`:not([title="${before}"])`));
    await other.first().waitFor({ timeout: patience(60_000) });
    return (await other.first().getAttribute('title')) ?? '';
  }

  let last: string | undefined;
  /** The compute server of models, which no check may end. */
  let server: number | undefined;

  it('a mechanism comes from a template, is run after one question, and stands beside the baseline', async () => {
    const { bench, workspace } = window();
    await bench.runCommand('Headscope: Benchmark Attention Kernels');
    await (await kernelsPanel(bench, 'full')).locator('#run:not([disabled])').waitFor();
    // It starts with the panel's first question.
    for (; server === undefined; await setTimeout(50)) [server] = computeProcesses(window().host.profile);
    await bench.runCommand('Headscope: New Mechanism');
    await bench.answerFileDialog('New Mechanism', join(workspace, name));
    await bench.page.locator(`.editor-group-container.active .tab.active[data-resource-name="${name}"]`).waitFor();
    assert.match(
      readFileSync(join(workspace, '.headscope/types/headscope.d.ts'), 'utf8'),
      /^\/\/ Types of "headscope"/,
    );

    await saveMask('');
    await dialog().filter({ hasText: 'May Headscope run the mechanisms' }).waitFor();
    assert.deepEqual(processesOf(window().host.profile, 'kernel-process.js'), [], 'nothing runs before the answer');
    await dialog().getByText('Run Them', { exact: true }).click();
    // The file covered the panel, which was open in its group.
    const panel = await kernelsPanel(bench, 'full');
    last = await measuredAfter(panel, undefined);
    await mine(panel).first().filter({ hasText: 'My window' }).waitFor();
    // The form asks for what it asked for before.
    await panel.locator('#run:not([disabled])').waitFor();
    const settings = panel.locator('.disclosure-head', { hasText: 'Settings' });
    await eventually(async () => assert.match(await settings.innerText(), /Fused.*Tiled.*64–128 tokens/s));
  });

  it('a mechanism has a fault at its line, and loses it when it is mended', async () => {
    const { bench } = window();
    const fault = ' && query > 999';
    await saveMask(fault);
    await bench.problems();
    // TypeScript may have a problem of a half-typed name in the same line.
    const row = markers()
      .filter({ hasText: `[Ln ${maskLine}, Col` })
      .filter({ hasText: 'Query 0 of head 0 reads no key' });
    await row.waitFor({ timeout: patience(60_000) });
    await saveMask('', fault.length);
    await row.waitFor({ state: 'detached', timeout: patience(60_000) });
    last = await measuredAfter(await kernelsPanel(bench, 'full'), last);
  });

  it('a mechanism is checked as it was saved last: a check before that, also of a loop without end, leaves nothing', async () => {
    const { bench, host } = window();
    const loop = ' && (() => { for (;;); })()';
    await saveMask(loop);
    await saveMask('', loop.length);
    last = await measuredAfter(await kernelsPanel(bench, 'full'), last);
    await eventually(async () => assert.equal(await markers().count(), 0));
    assert.ok(server !== undefined && computeProcesses(host.profile).includes(server), 'its process alone is ended');
  });

  it('a mechanism is ended in a loop without end, which is said at its line, and nothing else is lost', async () => {
    const { bench, host } = window();
    await saveMask(' && (() => { for (;;); })()');
    await markers()
      .filter({ hasText: /computed for more than 3 s .* Look for a loop that does not end/ })
      .filter({ hasText: `[Ln ${maskLine}, Col` })
      .waitFor({ timeout: patience(60_000) });
    assert.deepEqual(processesOf(host.profile, 'kernel-process.js'), []);
    assert.ok(server !== undefined && computeProcesses(host.profile).includes(server));
    const series = mine(await kernelsPanel(bench, 'full'));
    await eventually(async () => assert.ok((await series.count()) > 0, 'the series before stays'));
  });

  /** Puts text before the last characters of the line that has these words, in place of so many, and saves. */
  async function change(words: string, fromEnd: number, text: string, inPlaceOf = 0): Promise<void> {
    const { page } = window().bench;
    await page.locator('.editor-group-container .view-line', { hasText: words }).click();
    await page.keyboard.press('End');
    for (let at = 0; at < fromEnd; at++) await page.keyboard.press('ArrowLeft');
    for (let at = 0; at < inPlaceOf; at++) await page.keyboard.press('Backspace');
    await page.keyboard.insertText(text);
    await page.keyboard.press('Control+s');
    await page.locator('.editor-group-container.active .tab.active:not(.dirty)').waitFor();
  }

  async function fromTemplate(title: string, file: string): Promise<void> {
    const { bench, workspace } = window();
    await bench.runCommand(`Headscope: ${title}`);
    await bench.answerFileDialog(title, join(workspace, file));
    await bench.page.locator(`.editor-group-container.active .tab.active[data-resource-name="${file}"]`).waitFor();
  }

  it('an analysis comes from its template, has its fault at its line, and runs on a model like a built-in one', async () => {
    const { bench } = window();
    await bench.openFile(name);
    await fromTemplate('New Analysis', 'focus.headscope-analysis.ts');
    const line = analysisTemplate.split('\n').findIndex((one) => one.includes('group:')) + 2;
    await change("group: 'patterns", 2, 'x');
    await bench.problems();
    const fault = markers()
      .filter({ hasText: `[Ln ${line}, Col` })
      .filter({ hasText: '"group" is not what an analysis' });
    await fault.waitFor({ timeout: patience(60_000) });
    await change("group: 'patternsx", 2, '', 1);
    await fault.waitFor({ state: 'detached', timeout: patience(60_000) });

    await bench.runCommand('Headscope: Run on a Model…');
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('[data-parameter=layer]').waitFor({ timeout: patience(60_000) });
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(60_000) });
    const finding = /^The sharpest head of layer 0 gives its key [01]\.\d\d\.$/;
    await eventually(async () => assert.match(await panel.locator('h1').innerText(), finding));
    await panel.locator('.result-section', { hasText: 'Focus' }).first().waitFor();
    await panel.locator('[data-tab] .tab-button', { hasText: 'My focus' }).waitFor();
    // Its process ends with the run, and that of an estimate with its answer.
    while (processesOf(window().host.profile, 'kernel-process.js').length > 0) await setTimeout(50);
  });

  it('a task comes from its template, and forms offer it with its parameters', async () => {
    const { bench } = window();
    await bench.openFile('focus.headscope-analysis.ts');
    await fromTemplate('New Task', 'colours.headscope-task.ts');
    await bench.runCommand('Headscope: Run on a Model…');
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('[data-parameter=shots]').waitFor({ timeout: patience(60_000) });
    const chosen = panel.locator('vscode-option[aria-selected=true]', { hasText: 'Colour of a thing' });
    await chosen.waitFor({ state: 'attached' });
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(120_000) });
  });
});
