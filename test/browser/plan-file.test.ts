/** The editor of a cache plan on its page, with the extension's own host and a text that stands for the document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PlanFileHost } from '../../extension/panels/plan/host';
import type { FromPlanPanel } from '../../protocol/panels/plan-schema';
import type { ToPlanPanel } from '../../protocol/panels/plan';
import { parsePlan, type Plan } from '../../protocol/plans/plan-file';
import { EditedFile } from '../support/edited-file';
import { openEdited, shoot, type EditedPage } from './support/edited-page';
import { PanelBrowser } from './support/panel-page';
import type { ThemeName } from './support/themes';

const text = readFileSync('test/fixtures/results/razor.headscope-plan.json', 'utf8');

type Editor = EditedPage<Plan, ToPlanPanel, FromPlanPanel>;

function openEditor(
  browser: PanelBrowser<ToPlanPanel, FromPlanPanel>,
  content: string,
  look: { readonly theme?: ThemeName; readonly width?: number } = {},
): Promise<Editor> {
  const read = parsePlan(text);
  assert.ok(read.ok);
  const edited = new EditedFile('razor', parsePlan, content, read.result);
  const services = {
    ...edited.services,
    report: (sentence: string) => assert.fail(sentence),
    now: () => '2026-11-27T21:00:00.000Z',
    headscope: '0.1.0',
    showHeads: edited.note('heads'),
    evaluate: edited.note('evaluate'),
    write: edited.note('write'),
  };
  return openEdited(browser, edited, (send) => new PlanFileHost(edited.file, services, send), look);
}

/** Where a head stands on the page. */
const centre = async ({ page }: Editor, layer: number, head: number): Promise<{ x: number; y: number }> =>
  page.evaluate(
    (place) => {
      const map = document.querySelector('hs-plan-map') as unknown as HTMLElement & {
        map: { box(place: object): { x: number; y: number; width: number; height: number } };
      };
      const [box, frame] = [map.map.box(place), map.querySelector('canvas')!.getBoundingClientRect()];
      return { x: frame.left + box.x + box.width / 2, y: frame.top + box.y + box.height / 2 };
    },
    { layer, head },
  );

describe('the editor of a cache plan', () => {
  let browser: PanelBrowser<ToPlanPanel, FromPlanPanel>;
  before(async () => (browser = await PanelBrowser.start('plan')));
  after(() => browser.stop());

  it('paints what the mouse and the keyboard choose into the file, and draws what the file says', async () => {
    const editor = await openEditor(browser, text);
    const { page } = editor;
    try {
      await page.waitForSelector('#finding:has-text("2 of 16 key/value heads keep everything: at 8,192 tokens")');
      await page.waitForSelector('hs-plan-map canvas');
      await shoot(editor, 'plan-dark-1280');
      const [from, to] = [await centre(editor, 4, 0), await centre(editor, 5, 1)];
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 3 });
      await page.mouse.up();
      await page.waitForSelector('#selection:has-text("4 heads: layers 4 to 5, key/value heads 0 to 1")');
      await page.getByLabel('Recents', { exact: true }).locator('input').fill('128');
      await page.click('#paint');
      await editor.posts('paint');
      await page.waitForFunction(() => !document.querySelector('[data-section="measured"]'));
      const brush = { kind: 'recent', sinks: 4, recent: 128 };
      assert.deepEqual(editor.file.saved.heads.slice(4, 6), [
        [brush, brush],
        [brush, brush],
      ]);
      assert.equal(editor.file.saved.origin.method, 'edited');
      await shoot(editor, 'plan-painted');

      // The keyboard: the layer above the chosen head, by R and Enter.
      await page.locator('.plan-map').focus();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('r');
      await page.waitForSelector('#selection:has-text("2 heads: layer 4,")');
      await page.keyboard.press('Shift+ArrowUp');
      await page.waitForSelector('#selection:has-text("4 heads: layers 3 to 4")');
      const before = editor.posted.length;
      await page.keyboard.press('Enter');
      await editor.posts('paint', before);
      await page.waitForFunction(
        () => document.querySelector('.plan-legend')?.textContent?.includes('Chosen') === false,
      );
      assert.deepEqual(editor.file.saved.heads[3], [brush, brush]);

      await page.getByRole('button', { name: 'Undo' }).click();
      await page.waitForSelector('.plan-legend:has-text("Chosen positions")');
      assert.deepEqual(editor.complaints, []);
    } finally {
      await editor.close();
    }
  });

  it('turns the budget into recents or into heads by their scores, and marks what differs from another plan', async () => {
    const editor = await openEditor(browser, text, { theme: 'light' });
    const { page } = editor;
    try {
      await page.locator('#budget').fill('20');
      await editor.posts('paint');
      await page.waitForSelector('#share:has-text("20.0 %")');
      const [layer] = editor.file.saved.heads;
      assert.equal(layer?.[0]?.kind === 'recent' && layer[0].recent > 64, true);
      await page.click('text=Compare with');
      await page.waitForSelector('.banner:has-text("12 key/value heads differ; they are framed.")');
      await page.getByRole('radio', { name: 'Heads by score' }).click();
      const before = editor.posted.length;
      await page.locator('#budget').fill('50');
      await editor.posts('paint', before);
      // Half of 16 heads in full take a little over half, so one of them gives way.
      await page.waitForSelector('#finding:has-text("7 of 16 key/value heads keep everything")');
      await shoot(editor, 'plan-light-1280');
      assert.deepEqual(editor.complaints, []);
    } finally {
      await editor.close();
    }
  });

  it('says what is wrong with a file, offers its text, and fits a narrow column', async () => {
    const editor = await openEditor(browser, '{"kind": "headscope-plan", "version": 1}', { width: 300 });
    const { page } = editor;
    try {
      await page.waitForSelector('[role="alert"]:has-text("razor cannot be shown. title is missing.")');
      await page.getByText('Open as Text').click();
      await editor.posts('openText');
      await editor.file.edit(text);
      await page.waitForSelector('hs-plan-map canvas');
      await shoot(editor, 'plan-dark-300');
      const [inner, outer] = await page.evaluate(() => [document.body.scrollWidth, window.innerWidth]);
      assert.ok(inner <= outer, `${inner} px in ${outer} px`);
      assert.deepEqual(editor.complaints, []);
    } finally {
      await editor.close();
    }
  });
});
