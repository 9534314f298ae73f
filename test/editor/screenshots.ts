/**
 * Takes the pictures of the README in the hosted VS Code on a copy of the example workspace, with a real benchmark:
 * `npm run screenshots`, or `npm run screenshots -- FOLDER [PART]` to look at all of them, or those of one part, without replacing
 * docs/images.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, FrameLocator } from 'playwright-core';
import { launchBrowser } from '../support/host/browser';
import { startHost } from '../support/host/server';
import type { Theme } from '../support/host/server';
import { repositoryRoot } from '../support/host/versions';
import { Workbench } from '../support/host/workbench';
import { kernelsPanel, savedResults, workbenchPanel } from './driven/panels';
import { copyOfExamples } from './workspace';
import { patience } from '../support/patience';

const only = process.argv[3];
const out = resolve(process.argv[2] ?? join(repositoryRoot, 'docs/images'));
/** Wide enough for controls beside pictures, small enough to read in a README. */
const size = { width: 1440, height: 960 };
/**
 * Long enough that the mechanisms part from each other, short enough to wait for; from where calling an operator costs more than
 * its work, so that the lengths from which sparse kernels pay lie inside.
 */
const settings = {
  'headscope.benchmark.lengths': [64, 128, 256, 512, 1024, 2048, 4096],
  'headscope.benchmark.secondsPerLength': 4,
  // The browser that draws the window takes the other core.
  'headscope.compute.threads': 1,
  'workbench.tree.renderIndentGuides': 'none',
};

const picture = (bench: Workbench, name: string, theme: Theme) => bench.screenshot(join(out, `${name}-${theme}.png`));

/** Waits until nothing has run for half a second, in the panel or in the window, whose status bar names what runs. */
async function finished(bench: Workbench, panel: FrameLocator): Promise<void> {
  const deadline = Date.now() + patience(120_000);
  let since = Date.now();
  while (Date.now() - since < 500) {
    const [awaited, running] = await Promise.all([
      panel.locator('vscode-progress-ring, .run-progress:not(.idle)').count(),
      bench.page.locator('.statusbar-item .codicon-modifier-spin').count(),
    ]);
    if (awaited + running > 0) since = Date.now();
    if (Date.now() > deadline) throw new Error('Something still runs: the picture would show an unfinished state.');
    await bench.page.waitForTimeout(50);
  }
}

/** A configuration with its findings in the file and in the Problems panel, beside the Models view. */
async function inspect(bench: Workbench, theme: Theme): Promise<void> {
  await bench.openContainer('Headscope');
  await bench.openFile('faulty/config.json');
  await bench.squiggles('error').first().waitFor();
  // Before the Problems panel takes the focus: VS Code asks for no lens while the text has none.
  await bench.page.locator('.codelens-decoration a').first().waitFor();
  await (await bench.problems()).first().waitFor();
  // Closed until it is opened.
  await bench.runCommand('Headscope: Focus on Live View');
  await bench.webviewWith("#root[data-panel='model'][data-place='side'] #compare");
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'inspect', theme);
  await bench.runCommand('View: Toggle Panel Visibility');
}

/** The panel after a run in the full width, then the compact form in the side bar at 300 pixels. */
async function kernels(bench: Workbench, theme: Theme): Promise<void> {
  await bench.runCommand('View: Close All Editors');
  await bench.runCommand('Headscope: Benchmark Attention Kernels');
  const panel = await kernelsPanel(bench, 'full');
  await panel.locator('#run:not([disabled])').click();
  await panel.locator('.run-state', { hasText: /\d+ points in / }).waitFor({ timeout: patience(180_000) });
  await finished(bench, panel);
  await bench.openContainer('Headscope');
  await bench.sideBarWidth(300);
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'side-bar', theme);
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'kernels', theme);
  // Roofline, error and the table with ratio and p, which the first picture has no room for.
  await panel.locator('.measurements tbody tr').last().scrollIntoViewIfNeeded();
  await picture(bench, 'kernels-table', theme);
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
}

/** A saved result as an editor, beside the list of saved results. */
async function results(bench: Workbench, theme: Theme): Promise<void> {
  await bench.runCommand('View: Close All Editors');
  await bench.openFile('attention-on-this-laptop.headscope-bench.json');
  const panel = await kernelsPanel(bench, 'file');
  await panel.locator('.measurements tbody tr').first().waitFor();
  const row = await savedResults(bench);
  await row('attention-on-this-laptop').waitFor();
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'results', theme);
}

/** The heads of the demo model on its prompt, with one of them in detail, and what the model says when another is changed. */
async function heads(bench: Workbench, theme: Theme): Promise<void> {
  await bench.runCommand('View: Close All Editors');
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
  await bench.runCommand('Headscope: Show Head Patterns');
  const panel = await workbenchPanel(bench, 'full');
  await panel.locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(120_000) });
  // By hand: labels come with it, whatever they take.
  await panel.locator('#run:not([disabled])').click();
  await panel
    .locator('.run-state', { hasText: /Done in .*kept in the history/ })
    .waitFor({ timeout: patience(120_000) });
  const select = async (name: string, ...keys: readonly string[]): Promise<void> => {
    const grid = panel.locator('[data-section=heads] > hs-section-picture .picture-frame');
    for (const key of keys) await grid.press(key);
    await panel.locator(`.gain-line[data-head=${name}]`).waitFor();
    await panel.locator('#around-matrix', { hasText: 'Keys after the query' }).waitFor();
    await panel.locator('.top-keys tr td.token-cell').first().waitFor();
    await bench.page.mouse.move(0, 0);
    await finished(bench, panel);
  };
  const [up, right] = [
    ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'Home'],
    (times: number) => Array<string>(times).fill('ArrowRight'),
  ];
  await select('L1H4', ...up, 'ArrowDown', ...right(4));
  await panel.locator('[data-section=heads]').evaluate((section) => section.scrollIntoView({ block: 'start' }));
  await picture(bench, 'heads', theme);

  // The previous-token head the wrong way round: nothing that was said before is found again.
  await select('L0H3', ...up, ...right(3));
  await panel.locator('.gain-line input').fill('-1');
  await panel.locator('#divergence').waitFor();
  await panel.locator('#generate').click();
  await panel.locator('#generate').waitFor();
  await panel.locator('[data-variant=changed] .muted', { hasText: /^\d+ tokens$/ }).waitFor();
  await finished(bench, panel);
  await panel.locator('.try').evaluate((section) => section.scrollIntoView({ block: 'start' }));
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'heads-intervention', theme);
  await panel.getByRole('button', { name: 'Remove all changes' }).click();
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
}

/** A scene that the demo model captions, plain and with the heads reinforced that look at it. */
async function hallucination(bench: Workbench, theme: Theme): Promise<void> {
  await bench.runCommand('View: Close All Editors');
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
  await bench.runCommand('Headscope: Show Hallucination Heads');
  const panel = await bench.webviewWith(`#root[data-panel='workbench'][data-place='full'] .run-bar`);
  await panel.locator('img.input-picture').waitFor();
  await panel.getByText('image tokens').first().waitFor();
  await panel.locator('#run:not([disabled])').click();
  await panel.locator('.run-state', { hasText: /^\s*Done in / }).waitFor({ timeout: patience(120_000) });
  for (const [variant, id] of ['#reinforce', '#control-random'].entries()) {
    await panel.locator(`${id}:not([disabled])`).click();
    await panel
      .locator('[data-section^=reinforced-caption]')
      .nth(variant)
      .waitFor({ timeout: patience(60_000) });
    await finished(bench, panel);
  }
  await panel.locator('[data-section=attention] .section-caption', { hasText: 'on these patches' }).waitFor();
  await panel.locator('[data-section=caption]').evaluate((section) => section.scrollIntoView({ block: 'start' }));
  await bench.page.mouse.move(0, 0);
  await picture(bench, 'hallucination', theme);
  await bench.runCommand('View: Toggle Primary Side Bar Visibility');
}

const parts = { inspect, kernels, results, heads, hallucination };

async function take(browser: Browser, theme: Theme): Promise<void> {
  const workspace = copyOfExamples();
  try {
    const host = await startHost({ workspace: workspace.folder, extension: repositoryRoot, theme, settings });
    try {
      const bench = await Workbench.open(browser, host, size);
      bench.page.setDefaultTimeout(patience(30_000));
      for (const [name, part] of Object.entries(parts))
        if (only === undefined || name === only) await part(bench, theme);
      await bench.page.close();
    } finally {
      await host.stop();
    }
  } finally {
    workspace.remove();
  }
}

async function main(): Promise<void> {
  mkdirSync(out, { recursive: true });
  const browser = await launchBrowser();
  try {
    for (const theme of ['dark', 'light'] as const) await take(browser, theme);
  } finally {
    await browser.close();
  }
  console.log(`the pictures lie in ${out}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
