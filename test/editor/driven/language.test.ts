/** What a configuration says in the editor: squiggles, problems, lenses, hints and the Models view, in a real VS Code. */
import assert from 'node:assert/strict';
import { eventually } from '../../support/patience';
import { chooseFromMenu } from './menu';
import { useWindow } from './window';

describe('model configurations in VS Code', function () {
  this.timeout(60_000);
  const window = useWindow();

  it('show their faults as squiggles and in the Problems panel, with the reason', async () => {
    const { bench } = window();
    await bench.openFile('faulty/config.json');
    await bench.squiggles('error').nth(1).waitFor();
    assert.equal(await bench.squiggles('error').count(), 2);
    const problems = await bench.problems();
    await problems.filter({ hasText: 'kv-heads-do-not-divide' }).waitFor();
    await problems.filter({ hasText: 'token-id-outside-vocabulary' }).waitFor();
  });

  it('lose a squiggle as soon as the fault is corrected', async () => {
    const { bench } = window();
    const { page } = bench;
    await page.locator('.editor-group-container.active .view-line', { hasText: 'num_key_value_heads' }).click();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Backspace');
    // 8 key/value heads are shared evenly by 32 query heads.
    await page.keyboard.type('8');
    const problems = await bench.problems();
    await problems.filter({ hasText: 'kv-heads-do-not-divide' }).waitFor({ state: 'detached' });
    await bench.squiggles('error').nth(1).waitFor({ state: 'detached' });
    assert.equal(await bench.squiggles('error').count(), 1);
  });

  it('say above the file what their attention is', async () => {
    const { bench } = window();
    await bench.openFile('Llama-3.1-8B/config.json');
    const lens = bench.page.locator('.editor-group-container.active .codelens-decoration');
    await lens
      .filter({ hasText: /GQA 4:1/ })
      .first()
      .waitFor();
    for (const severity of ['error', 'warning'] as const)
      await eventually(async () => assert.equal(await bench.squiggles(severity).count(), 0));
  });

  it('are listed in the Models view', async () => {
    const { bench } = window();
    await bench.openContainer('Headscope');
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    await rows.filter({ hasText: 'DeepSeek-V2-Lite' }).filter({ hasText: 'latent' }).waitFor();
    await rows.filter({ hasText: /^gpt2/ }).waitFor();
  });

  it('open their folder in a window of its own where it lies outside the workspace: the window is remote', async () => {
    const { bench } = window();
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    const opened = bench.page.context().waitForEvent('page');
    await chooseFromMenu(rows.filter({ hasText: 'comes with Headscope' }).first(), 'Open Folder of This Model');
    const other = await opened;
    await other.waitForURL(/[?&]folder=[^&]*demo-/u);
    await other.close();
  });
});
