/** The Model view in a real VS Code: it follows the configuration in the editor, also untrusted, and compares two. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { ggufFile, smallLlama } from '../../support/gguf-file';
import type { Workbench } from '../../support/host/workbench';
import { chooseFromMenu } from './menu';
import { modelPanel } from './panels';
import { useWindow } from './window';

const explorerRow = (bench: Workbench, path: string): Locator =>
  bench.page.locator('.explorer-folders-view .monaco-list-row', {
    has: bench.page.locator(`.monaco-icon-label[aria-label*="${path}"]`),
  });

/** A click on a file opens it, which moves the focus: only then is the next one added to the selection. */
const editorOf = (bench: Workbench, folder: string): Locator =>
  bench.page.locator('.editor-group-container.active .monaco-breadcrumb-item', { hasText: folder });

describe('the Model view in VS Code', function () {
  this.timeout(120_000);
  // It only reads: all of this holds before the workspace is trusted.
  const window = useWindow({ workspaceTrust: true, settings: { 'security.workspace.trust.startupPrompt': 'never' } });

  it('says what the attention of the configuration in the editor is', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    await bench.runCommand('Headscope: Focus on Live View');
    const view = await modelPanel(bench, 'side');
    await view
      .locator('#model-sentence', {
        hasText:
          'Llama-3.1-8B: grouped-query attention 4:1, 32 heads of 128, 32 layers; 8.03 B parameters, 128 KiB of KV cache per token.',
      })
      .waitFor();
    assert.equal(await view.locator("tr[data-fact='kv@131072'] td").innerText(), '16 GiB');
    assert.ok(((await view.locator('hs-dots canvas').boundingBox())?.height ?? 0) > 100);
    assert.match(await view.locator('.reason').innerText(), /not trusted/);
  });

  it('follows the editor, what is typed in it, and its findings', async () => {
    const { bench } = window();
    await bench.openFile('faulty/config.json');
    const view = await modelPanel(bench, 'side');
    await view.locator('#model-sentence', { hasText: /^\s*faulty: / }).waitFor();
    await view.locator('.findings', { hasText: '2 errors' }).waitFor();
    await bench.page.locator('.editor-group-container.active .view-line', { hasText: 'num_key_value_heads' }).click();
    await bench.page.keyboard.press('End');
    await bench.page.keyboard.press('ArrowLeft');
    await bench.page.keyboard.press('Backspace');
    await bench.page.keyboard.type('8');
    await view.locator("tr[data-fact='main.kvHeads'] td", { hasText: /^\s*8\s*$/ }).waitFor();
    await view.locator('.findings', { hasText: '1 error' }).waitFor();
  });

  it('opens the problems of the file', async () => {
    const { bench } = window();
    const view = await modelPanel(bench, 'side');
    await view.locator('.findings button').click();
    await bench.page.locator('.markers-panel .monaco-list-row').first().waitFor();
  });

  it('compares the configuration in the editor with another, and brings the panel back after a reload', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    await bench.runCommand('Headscope: Compare Models…');
    await bench.pick('DeepSeek-V2-Lite');
    const text = 'DeepSeek-V2-Lite keeps 4.2x less KV cache per token than Llama-3.1-8B (30.4 KiB against 128 KiB)';
    const panel = await modelPanel(bench, 'full');
    await panel.locator('#model-sentence', { hasText: text }).waitFor();
    assert.equal(await panel.locator("tr[data-fact='kv'] .difference").innerText(), '4.2x more');
    // The command saves which editors are open; a reload of the page loses those of the last seconds.
    const loaded = bench.page.waitForEvent('load');
    await bench.runCommand('Developer: Reload Window');
    await loaded;
    await bench.restored();
    const again = await modelPanel(bench, 'full');
    await again.locator('#model-sentence', { hasText: text }).waitFor();
  });

  it('compares two models that are selected in the Models view', async () => {
    const { bench } = window();
    await bench.openContainer('Headscope');
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    await rows.filter({ hasText: /^gpt2/ }).click();
    await editorOf(bench, 'gpt2').waitFor();
    await rows.filter({ hasText: 'Llama-3.1-8B' }).click({ modifiers: ['Control'] });
    await rows.and(bench.page.locator('.selected')).nth(1).waitFor();
    await chooseFromMenu(rows.filter({ hasText: 'Llama-3.1-8B' }), 'Compare Models…');
    const panel = await modelPanel(bench, 'full');
    await panel.locator('.model h2', { hasText: 'gpt2' }).waitFor();
    await panel.locator('.model h2', { hasText: 'Llama-3.1-8B' }).waitFor();
  });

  it('lists a GGUF file that appears in the workspace, and opens it in the panel', async () => {
    const { bench, workspace } = window();
    // Run again, the folder is there.
    mkdirSync(join(workspace, 'converted'), { recursive: true });
    // First by its name: the list draws only the rows that are in sight.
    writeFileSync(join(workspace, 'converted', 'A-small-model-Q4_K_M.gguf'), ggufFile(smallLlama()));
    await bench.openContainer('Headscope');
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    await rows.filter({ hasText: 'A-small-model-Q4_K_M' }).click();
    const panel = await modelPanel(bench, 'full');
    const text =
      'A-small-model-Q4_K_M: GGUF Q4_K_M, grouped-query attention 2:1, 4 heads of 64, 2 layers; 1.26 M parameters';
    await panel.locator('#model-sentence', { hasText: text }).waitFor();
    assert.equal(await panel.locator("tr[data-fact='bits'] td").innerText(), '4.654');
  });

  it('lists a model whose folder is moved into the workspace, until it is moved out of it', async () => {
    const { bench, workspace } = window();
    const [outside, inside] = [join(dirname(workspace), 'moved-model'), join(workspace, 'A-moved-model')];
    for (const folder of [outside, inside]) rmSync(folder, { recursive: true, force: true });
    cpSync(join(workspace, 'Mistral-7B-v0.1'), outside, { recursive: true });
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    renameSync(outside, inside);
    await rows.filter({ hasText: 'A-moved-model' }).waitFor();
    renameSync(inside, outside);
    await rows.filter({ hasText: 'A-moved-model' }).waitFor({ state: 'detached' });
    rmSync(outside, { recursive: true });
  });

  it('compares two files that are selected in the explorer', async () => {
    const { bench, workspace } = window();
    for (const name of ['Mistral-7B-v0.1', 'Phi-3-mini-4k-instruct']) {
      await bench.openFile(`${name}/config.json`);
      await bench.runCommand('File: Reveal Active File in Explorer View');
      await explorerRow(bench, `${workspace}/${name}/config.json`).waitFor();
    }
    await explorerRow(bench, `${workspace}/Mistral-7B-v0.1/config.json`).click();
    await editorOf(bench, 'Mistral-7B-v0.1').waitFor();
    const second = explorerRow(bench, `${workspace}/Phi-3-mini-4k-instruct/config.json`);
    await second.click({ modifiers: ['Control'] });
    await chooseFromMenu(second, 'Compare Models…');
    const panel = await modelPanel(bench, 'full');
    await panel.locator('.model h2', { hasText: 'Mistral-7B-v0.1' }).waitFor();
    await panel.locator('.model h2', { hasText: 'Phi-3-mini-4k-instruct' }).waitFor();
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
