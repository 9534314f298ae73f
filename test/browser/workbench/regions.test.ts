/** Regions drawn on a picture and marked in a text, by mouse and by keyboard; the written form follows, and is followed. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import { patience } from '../../support/patience';
import {
  answering,
  finished,
  result,
  sendPicture,
  startBrowser,
  type WorkbenchBrowser,
  type Panel,
} from './workbench-host';
import { onRegions, onSpan } from './regions-host';

describe('regions in the workbench', () => {
  let browser: WorkbenchBrowser;
  let panel: Panel | undefined;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.stop());
  afterEach(async () => {
    assert.deepEqual(panel?.complaints ?? [], []);
    await panel?.close();
    panel = undefined;
  });
  const open = async (regions: string, withPicture: boolean, least = 2): Promise<Panel> => {
    panel = await browser.open({ host: onRegions(regions, withPicture, 'full', least), height: 1400 });
    await panel.page.waitForSelector(withPicture ? '.regions-picture' : '.region-tokens');
    return panel;
  };
  const field = ({ page }: Panel) => page.getByLabel('Regions', { exact: true }).locator('input');
  const written = async (of: Panel, text: string): Promise<void> => {
    await of.page.waitForFunction(
      (wanted) => {
        const outer = document.querySelector<HTMLInputElement>('[data-parameter=regions] vscode-text-field');
        // The inner field follows a frame later; what is typed before goes behind the old text instead of replacing it.
        return outer?.value === wanted && outer.shadowRoot?.querySelector('input')?.value === wanted;
      },
      text,
      { timeout: patience(5000) },
    );
  };
  /** From the middle of one of 12 x 16 patches to that of another. */
  const drag = async (
    { page }: Panel,
    from: readonly [number, number],
    to: readonly [number, number],
  ): Promise<void> => {
    const on = (await page.locator('.regions-picture').boundingBox())!;
    const point = ([row, column]: readonly [number, number]) =>
      [on.x + ((column + 0.5) * on.width) / 16, on.y + ((row + 0.5) * on.height) / 12] as const;
    await page.mouse.move(...point(from));
    await page.mouse.down();
    await page.mouse.move(...point(to), { steps: 3 });
    await page.mouse.up();
  };

  it('are drawn with the mouse over the picture, moved, and undone; Run waits for a second one', async () => {
    const on = await open('', true);
    const { sha256 } = await on.posts('picture');
    await sendPicture(on, sha256);
    await on.page.waitForSelector('.regions-picture image');
    await drag(on, [1, 2], [3, 6]);
    await written(on, '1-3x2-6');
    assert.match(await on.page.innerText('#why-not'), /Regions: Must be 2 to 8 regions/);
    // Less than the parameter needs is no mistake while it is drawn.
    assert.equal(await on.page.locator('[data-parameter=regions] .problem').count(), 0);
    await drag(on, [8, 9], [5, 12]);
    await written(on, '1-3x2-6/5-8x9-12');
    await drag(on, [2, 3], [4, 3]);
    await written(on, '3-5x2-6/5-8x9-12');
    await on.page.click('#undo-region');
    await written(on, '1-3x2-6/5-8x9-12');
    await on.page.getByRole('radio', { name: 'A', exact: true }).click();
    await drag(on, [10, 0], [11, 1]);
    await written(on, '1-3x2-6,10-11x0-1/5-8x9-12');
    await on.page.click('#run:not([disabled])');
    const { plan } = await on.posts('run');
    assert.equal(plan.parameters['regions'], '1-3x2-6,10-11x0-1/5-8x9-12');
  });

  it('are complete with one where the parameter asks for one', async () => {
    const on = await open('1-3x2-6', true, 1);
    await on.page.waitForSelector('#run:not([disabled])');
    assert.match(await on.page.innerText('.regions-control .reason'), /^Drag over the picture/);
  });

  it('are added, moved, grown, taken out and brought back by keys alone, and what is typed is drawn', async () => {
    const on = await open('', true);
    const { keyboard } = on.page;
    await on.page.locator('#add-rectangle').focus();
    await keyboard.press('Enter');
    await written(on, '0-3x0-4');
    // The text is written before the rectangle has the focus.
    await on.page.waitForSelector('.region-box:focus');
    for (const key of ['ArrowDown', 'ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowUp', 'ArrowUp', 'ArrowUp']) {
      await keyboard.press(key);
    }
    await written(on, '0-2x1-6');
    const name = await on.page.locator('.region-box:focus').getAttribute('aria-label');
    assert.match(name ?? '', /^Region A: rows 0 to 2, columns 1 to 6\. Arrow keys/);
    await keyboard.press('Delete');
    await written(on, '');
    await keyboard.press('Control+z');
    await written(on, '0-2x1-6');
    await field(on).fill('0-2x1-6/2-4x5-8');
    await on.page.getByText('A and B share a part.').waitFor();
    assert.equal(await on.page.locator('.region-box').count(), 2);
  });

  it('a result of an analysis that is no more still opens, with its finding and its sections', async () => {
    const old = { ...result, analysis: 'region-isolation', title: 'Isolated regions' };
    panel = await browser.open({ place: 'file', host: answering(finished({ place: 'file', result: old })) });
    await panel.page.getByText(result.finding).waitFor();
    await panel.page.waitForSelector('[data-section=retrieval] .picture-frame');
    assert.match(await panel.page.innerText('body'), /Isolated regions/);
  });

  it('are marked in the tokens of a text: by mouse, by keys, and each token for one region', async () => {
    const on = await open('', false);
    const token = (at: number) => on.page.locator(`[data-position="${at}"]`);
    await token(1).hover();
    await on.page.mouse.down();
    await token(5).hover();
    await on.page.mouse.up();
    await written(on, '1-5');
    await token(7).click();
    await written(on, '1-5/7');
    await on.page.getByRole('radio', { name: 'B', exact: true }).click();
    await on.page.locator('.region-tokens').focus();
    for (const key of ['ArrowLeft', 'ArrowLeft', 'Shift+ArrowRight', 'Enter']) await on.page.keyboard.press(key);
    await written(on, '1-4/5-7');
    await on.page.keyboard.press('ArrowRight');
    await on.page.keyboard.press('Delete');
    await written(on, '1-4/5-6');
  });

  it('of which one part of a text is marked by clicks and by keys, without selecting its text', async () => {
    panel = await browser.open({ host: onSpan(10) });
    const { page } = panel;
    await page.waitForSelector('[data-parameter=removed]');
    assert.equal(await page.locator('[data-parameter=start]').count(), 0, 'nothing to mark on a picture');
    await page.getByRole('combobox', { name: 'Removed' }).click();
    await page.getByRole('option', { name: 'A part of the text' }).click();
    await page.click('.span-list [data-position="2"]');
    await page.click('.span-list [data-position="6"]', { modifiers: ['Shift'] });
    await page.getByText('Tokens 2 to 6 are marked (5 of 10).').waitFor();
    assert.equal(await page.evaluate(() => getSelection()?.toString()), '');
    await page.locator('.span-list').press('Shift+ArrowRight');
    await page.getByText('Tokens 2 to 7 are marked').waitFor();
    await page.click('#run:not([disabled])');
    const { parameters } = (await panel.posts('run')).plan;
    assert.deepEqual([parameters['removed'], parameters['start'], parameters['end']], ['span', 2, 8]);
  });

  it('of a long text are marked window by window, also to the left', async () => {
    panel = await browser.open({ host: onSpan(1000) });
    const { page } = panel;
    await page.getByRole('combobox', { name: 'Removed' }).click();
    await page.getByRole('option', { name: 'A part of the text' }).click();
    await page.getByText('tokens 0 to 399 of 1,000').waitFor();
    await page.getByRole('button', { name: 'Later tokens' }).click();
    await page.click('.span-list [data-position="401"]');
    for (let press = 0; press < 3; press += 1) await page.locator('.span-list').press('Shift+ArrowLeft');
    await page.getByText('Tokens 398 to 401 are marked (4 of 1,000).').waitFor();
    await page.getByText('tokens 0 to 399 of 1,000').waitFor();
    await page.locator('.span-list').press('Shift+End');
    await page.getByText('Tokens 401 to 999 are marked').waitFor();
  });
});
