/** The ways into a look at a picture beside the palette: a picture in the explorer, a config with a vision part, the Models view. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator, Locator } from 'playwright-core';
import { repositoryRoot } from '../../support/host/versions';
import { eventually } from '../../support/patience';
import { chooseFromMenu } from './menu';
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

  /** What the page says or what its fields hold: those beside a picture are filled once it is known what lies there. */
  const holds = (panel: FrameLocator, what: RegExp): Promise<void> =>
    eventually(async () => {
      const fields = await panel
        .locator('#root input')
        .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
      assert.match([await panel.locator('#root').innerText(), ...fields].join('\n'), what);
    });

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
    const folder = await explorerRow('pictures');
    if ((await folder.getAttribute('aria-expanded')) !== 'true') await folder.click();
    await chooseFromMenu(await explorerRow('cellar.png'), command);
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
    await chooseFromMenu(rows.filter({ hasText: 'seeing' }), command);
    const panel = await workbenchPanel(bench, 'full');
    await holds(panel, /seeing/);
    await holds(panel, /Which heads look at the image/);
  });
});
