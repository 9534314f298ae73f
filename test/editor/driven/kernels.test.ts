/** The first job of the product, done as a person does it: from the palette to measured numbers, in a real VS Code. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { significant } from '../../../webviews/ui/numbers';
import { kernelsPanel } from './panels';
import { useWindow } from './window';
import { eventually, patience } from '../../support/patience';

const mechanisms = ['fused', 'tiled', 'sliding-window', 'linear'];
const lengths = [64, 128, 256];
/**
 * Enough samples for a median and a test, few enough for a test run; speed itself is not what is asserted. A run of less than
 * three seconds does without a calibration, which would take as long.
 */
const settings = {
  'headscope.benchmark.mechanisms': mechanisms,
  'headscope.benchmark.lengths': lengths,
  'headscope.benchmark.secondsPerLength': 0.9,
  'headscope.compute.threads': 1,
};

/** Cells of the table's row for a mechanism, in the order of its columns. */
async function cells(panel: FrameLocator, mechanism: string): Promise<string[]> {
  const row = panel.locator(`.measurements tbody tr[data-key^="${mechanism}@"]`).first();
  return (await row.locator('th, td').allInnerTexts()).map((text) => text.trim());
}

const finished = (panel: FrameLocator) => panel.locator('.run-state', { hasText: /\d+ points in / });

describe('the kernels panel in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow({ settings });

  it('runs from the palette, shows real points, and saves what it shows', async () => {
    const { bench, workspace } = window();
    await bench.runCommand('Headscope: Benchmark Attention Kernels');
    const panel = await kernelsPanel(bench, 'full');
    await panel.locator('#run:not([disabled])').click();
    await finished(panel).waitFor({ timeout: patience(90_000) });

    const file = savedResult(workspace, window().host.profile);
    const result = JSON.parse(readFileSync(file, 'utf8')) as BenchmarkResult;
    assert.equal(result.state, 'done');
    assert.equal(result.rows.length, mechanisms.length * lengths.length);
    for (const row of result.rows) {
      assert.ok(row.ok, `${row.mechanism} at ${row.length}: ${row.reason}`);
      assert.ok((row.medianMs ?? 0) > 0);
      assert.ok((row.maxError ?? Infinity) <= (row.tolerance ?? 0), `${row.mechanism} is proved at ${row.length}`);
    }

    const longest = lengths.at(-1);
    for (const mechanism of mechanisms) {
      const row = result.rows.find((one) => one.mechanism === mechanism && one.length === longest);
      const shown = await cells(panel, mechanism);
      assert.equal(shown[1], significant(row?.medianMs ?? NaN), `time of ${mechanism} in ${shown.join(' | ')}`);
    }
    await eventually(async () => assert.match(await panel.locator('#finding').innerText(), /at 256 tokens/));
  });

  it('draws one chart for each question', async () => {
    const panel = await kernelsPanel(window().bench, 'full');
    const charts = await panel
      .locator('.charts [data-chart]')
      .evaluateAll((nodes) => nodes.map((node) => node.getAttribute('data-chart')));
    assert.equal(new Set(charts).size, 5, charts.join(', '));
  });

  it('shows the result again after the window is reloaded', async () => {
    const { bench } = window();
    const before = await cells(await kernelsPanel(bench, 'full'), 'tiled');
    await bench.page.reload();
    await bench.restored();
    const panel = await kernelsPanel(bench, 'full');
    // What the page kept of the run stands first, then the result: on a busy machine a moment later.
    await panel
      .locator('.measurements tbody tr', { hasText: before[1] ?? '' })
      .first()
      .waitFor();
    assert.deepEqual(await cells(panel, 'tiled'), before);
  });

  it('takes the shape of a model from its config', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    await bench.runCommand('Headscope: Benchmark the Attention of This Config');
    const panel = await kernelsPanel(bench, 'full');
    // Llama 3.1 8B: 32 query heads on 8 key/value heads of 128.
    await panel.locator('vscode-option[selected][aria-label="Llama-3.1-8B"]').waitFor({ state: 'attached' });
    for (const [label, value] of [
      ['Query heads', '32'],
      ['Key/value heads', '8'],
      ['Head width', '128'],
    ] as const) {
      // A control of the toolkit, not an <input>; it has the same property.
      const field = panel.getByLabel(label, { exact: true }).first();
      assert.equal(await field.evaluate((node) => (node as HTMLInputElement).value), value, label);
    }
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});

/** The one file that the run saved, in the workspace or in the storage of the extension. */
function savedResult(workspace: string, profile: string): string {
  const places = [join(workspace, '.headscope'), join(profile, 'data/User/globalStorage/headscope.headscope')];
  const found = places
    .filter((place) => existsSync(place))
    .flatMap((place) =>
      readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.headscope-bench.json'))
        .map((name) => join(place, name)),
    );
  assert.equal(found.length, 1, `one saved result in ${places.join(' or ')}`);
  return found[0] ?? '';
}
