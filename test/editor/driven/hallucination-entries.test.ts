/** The ways into a look at a picture beside the palette: a picture in the explorer, a config with a vision part, the Models view. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator, Locator } from 'playwright-core';
import { repositoryRoot } from '../../support/host/versions';
import { workbenchPanel } from './panels';
import { useWindow } from './window';

const command = 'Show Hallucination Heads';

/** Puts a vision-language model and a picture with its truth into the workspace. */
function addModelAndPicture(workspace: string): void {
  const examples = join(repositoryRoot, 'examples');
  cpSync(join(examples, 'models/demo-vlm'), join(workspace, 'seeing'), { recursive: true });
  const pictures = join(workspace, 'pictures');
  mkdirSync(pictures);
  cpSync(join(examples, 'pictures/scenes/scene-003.png'), join(pictures, 'cellar.png'));
  writeFileSync(join(pictures, 'truth.json'), JSON.stringify({ 'cellar.png': ['Lamp', 'box'] }));
  writeFileSync(join(pictures, 'lexicon.txt'), 'lamp\nbox\n');
}

describe('the ways into a look at a picture', function () {
  this.timeout(60_000);
  const window = useWindow({ prepare: addModelAndPicture });

  /** The titles of the context menu of a row, which stays open. */
  const contextMenu = async (row: Locator): Promise<Locator> => {
    await row.click({ button: 'right' });
    const items = window().bench.page.locator('.monaco-menu .action-label');
    await items.first().waitFor();
    return items;
  };

  /** A menu that has just opened takes no click: the release of the right button must not choose. */
  const choose = async (item: Locator): Promise<void> => {
    for (;;) {
      await item.click();
      const closed = await item.waitFor({ state: 'detached', timeout: 1000 }).then(
        () => true,
        () => false,
      );
      if (closed) return;
    }
  };

  /** What the page says and what its fields hold: those beside a picture are filled once it is known what lies there. */
  const holds = async (panel: FrameLocator, what: RegExp): Promise<void> => {
    const page = panel.locator('#root');
    const words = async (): Promise<string> =>
      [
        await page.innerText(),
        ...(await page.locator('input').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value))),
      ].join('\n');
    for (let times = 0; times < 100 && !what.test(await words()); times += 1)
      await window().bench.page.waitForTimeout(100);
    assert.match(await words(), what);
  };

  const explorerRow = async (label: string): Promise<Locator> => {
    const row = window().bench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: label });
    await row.first().waitFor();
    return row.first();
  };

  const closeAll = async (): Promise<void> => {
    await window().bench.runCommand('View: Close All Editors');
    await window().bench.page.locator('iframe.webview').waitFor({ state: 'detached' });
  };

  it('a picture in the explorer: its objects and the lexicon beside it come along', async () => {
    await (await explorerRow('pictures')).click();
    const items = await contextMenu(await explorerRow('cellar.png'));
    await choose(items.filter({ hasText: command }));
    const panel = await workbenchPanel(window().bench, 'full');
    for (const what of [/cellar\.png/, /Lamp, box/, /lexicon\.txt/]) await holds(panel, what);
    await panel.locator('#run:not([disabled])').waitFor();
  });

  it('not a file that is no picture', async () => {
    const items = await contextMenu(await explorerRow('lexicon.txt'));
    assert.equal(await items.filter({ hasText: command }).count(), 0);
    await window().bench.page.keyboard.press('Escape');
    await closeAll();
  });

  it('the line above a config that has a vision part, and above no other', async () => {
    const { bench } = window();
    const lens = bench.page.locator('.editor-group-container.active .codelens-decoration a', {
      hasText: /Hallucination/,
    });
    await bench.openFile('gpt2/config.json');
    await bench.page.locator('.editor-group-container.active .codelens-decoration', { hasText: 'Benchmark' }).waitFor();
    assert.equal(await lens.count(), 0);
    await bench.openFile('seeing/config.json');
    await lens.click();
    const panel = await workbenchPanel(bench, 'full');
    await holds(panel, /seeing/);
    await panel.locator('#run:not([disabled])').waitFor();
    await closeAll();
  });

  it('a model with a vision part in the Models view, and no other', async () => {
    const { bench } = window();
    await bench.openContainer('Headscope');
    const rows = bench.page.locator('.sidebar .pane', { hasText: 'Models' }).locator('.monaco-list-row');
    const others = await contextMenu(rows.filter({ hasText: /^gpt2/ }));
    assert.equal(await others.filter({ hasText: command }).count(), 0);
    await bench.page.keyboard.press('Escape');
    // The view is short, and a row that is scrolled away does not exist: the name sorts last.
    await bench.page.keyboard.press('End');
    const items = await contextMenu(rows.filter({ hasText: 'seeing' }));
    await choose(items.filter({ hasText: command }));
    const panel = await workbenchPanel(bench, 'full');
    await holds(panel, /seeing/);
    await holds(panel, /Which heads look at the image/);
  });
});
