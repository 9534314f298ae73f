/** What the language server gives beside findings: hovers, completion, quick fixes, hints and lenses, in a real VS Code. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { onnxGraph } from '../../support/onnx-graph';
import { modelPanel } from './panels';
import { useWindow } from './window';
import { eventually } from '../../support/patience';

describe('help in a model configuration in VS Code', function () {
  this.timeout(60_000);
  const window = useWindow();
  const active = '.editor-group-container.active';
  const line = (text: string): Locator =>
    window().bench.page.locator(`${active} .view-line`, { hasText: text }).first();

  it('explains a field under the pointer, with the cache that follows from it', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    await line('num_key_value_heads').waitFor();
    await bench.page.locator(`${active} .codelens-decoration`).first().waitFor();
    await line('num_key_value_heads').locator('span > span', { hasText: 'num_key_value_heads' }).last().hover();
    const hover = bench.page.locator('.monaco-hover:visible', { hasText: 'num_key_value_heads' }).first();
    await hover.waitFor();
    const text = (await hover.textContent()) ?? '';
    assert.match(text, /grouped-query attention 4:1/);
    assert.match(text, /128 KiB/);
  });

  it('hints at the ratio and the cache behind the head count', async () => {
    await line('num_key_value_heads')
      .filter({ hasText: /GQA\s4:1,\s128\sKiB\/token/ })
      .waitFor();
  });

  it('offers the benchmark and the comparison above the file', async () => {
    const lenses = window().bench.page.locator(`${active} .codelens-decoration`);
    await lenses.filter({ hasText: 'Benchmark' }).first().waitFor();
    await lenses.filter({ hasText: 'Compare…' }).first().waitFor();
    // There are no weights beside this config, so there are no heads to show.
    assert.equal(await lenses.filter({ hasText: /Heads$/ }).count(), 0);
  });

  it('completes a key with its meaning', async () => {
    const { page } = window().bench;
    // The hover of before lies over the lines.
    await page.mouse.move(0, 0);
    await page.locator('.monaco-hover:visible').first().waitFor({ state: 'hidden' });
    await line('num_hidden_layers').click();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.keyboard.type('"head');
    await page.keyboard.press('Control+Space');
    const suggestions = page.locator('.suggest-widget.visible .monaco-list-row');
    await suggestions.filter({ hasText: 'head_dim' }).first().waitFor();
    await page.keyboard.press('Enter');
    // The default comes along: 4096 / 32.
    await line('"head_dim"').filter({ hasText: '128' }).waitFor();
    await window().bench.runCommand('File: Revert File');
  });

  it('repairs a fault by the quick fix, and saves it', async () => {
    const { bench, workspace } = window();
    const { page } = bench;
    await bench.openFile('faulty/config.json');
    await bench.squiggles('error').nth(1).waitFor();
    await line('num_key_value_heads').click();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Control+.');
    const fix = page.locator('.action-widget .monaco-list-row', { hasText: 'Change num_key_value_heads to 4' });
    await fix.waitFor();
    await fix.click();
    await bench.squiggles('error').nth(1).waitFor({ state: 'detached' });
    await page.keyboard.press('Control+s');
    const file = join(workspace, 'faulty', 'config.json');
    // Undefined while the file is being written: it is empty for a moment then.
    const kvHeads = (): unknown =>
      /"num_key_value_heads": (\d+)[^]*\}\s*$/.exec(readFileSync(file, 'utf8'))?.slice(1).map(Number)[0];
    await eventually(() => assert.equal(kvHeads(), 4));
    const problems = await bench.problems();
    await problems.filter({ hasText: 'token-id-outside-vocabulary' }).waitFor();
    await problems.filter({ hasText: 'kv-heads-do-not-divide' }).waitFor({ state: 'detached' });
  });

  it('says in Problems what is wrong with a graph in a tab, and shows the model of its folder', async () => {
    const { bench, workspace } = window();
    // As exports hold weights: bytes that no text has.
    writeFileSync(join(workspace, 'Mistral-7B-v0.1', 'export.onnx'), onnxGraph(24, 8, 64));
    await bench.openFile('Mistral-7B-v0.1/export.onnx');
    await bench.page.locator(`${active} .monaco-editor-pane-placeholder`, { hasText: 'binary' }).waitFor();
    const problems = await bench.problems();
    await problems.filter({ hasText: 'The graph has 24 query heads, and config.json gives 32.' }).waitFor();
    await bench.runCommand('Headscope: Focus on Live View');
    const model = (await modelPanel(bench, 'side')).locator('body');
    await model.filter({ hasText: 'Mistral-7B-v0.1' }).waitFor();
    await bench.runCommand('View: Close Editor');
    await problems.filter({ hasText: 'export.onnx' }).first().waitFor({ state: 'detached' });
  });
});
