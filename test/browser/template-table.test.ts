import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { describeMechanisms } from '../../compute-server/harness/describe';
import { answering } from './support/kernels-host';
import { PanelBrowser, type OpenOptions, type PanelPage } from './support/panel-page';

const mechanisms = describeMechanisms();
const pictures = process.env['HEADSCOPE_PICTURES'];

describe('the catalogue in one template', () => {
  let browser: PanelBrowser;
  let panel: PanelPage | undefined;
  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());
  afterEach(async () => {
    const complaints = panel?.complaints ?? [];
    await panel?.close();
    panel = undefined;
    assert.deepEqual(complaints, []);
  });

  const opened = async (options: Partial<OpenOptions> = {}) => {
    panel = await browser.open({ host: answering({ mechanisms }), ...options });
    await panel.page.click('#template .disclosure-button');
    await panel.page.waitForSelector('#template tbody tr');
    return panel;
  };
  const first = (page: PanelPage['page'], column: number) =>
    page.$$eval(
      '#template tbody tr',
      (rows, at) => rows.map((row) => (row.children[at] as HTMLElement).innerText.trim()),
      column,
    );

  it('has a row for each mechanism, sorted by a column and turned by a second click', async () => {
    const { page } = await opened();
    assert.deepEqual(
      await first(page, 0),
      mechanisms.map(({ title }) => title),
    );
    const normalisers = mechanisms.map(({ template }) => template.normaliser.words);
    const sorted = [...normalisers].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    await page.click('#template th button:has-text("Normaliser")');
    await page.waitForSelector('#template th[aria-sort="ascending"]:has-text("Normaliser")');
    assert.deepEqual(await first(page, 5), sorted);
    await page.click('#template th button:has-text("Normaliser")');
    await page.waitForSelector('#template th[aria-sort="descending"]');
    assert.equal((await first(page, 5))[0], sorted.at(-1));
  });

  it('is filtered by words of any column, and says how many are left', async () => {
    const { page } = await opened();
    const left = () => page.innerText('#template [role="status"]');
    const expected = mechanisms.filter(
      ({ template }) => template.matrix === 'sparse' && template.positions.chosen === 'by data',
    );
    await page.fill('#template vscode-text-field input', 'sparse chosen by data');
    await page.waitForFunction(
      (count) => document.querySelectorAll('#template tbody tr').length === count,
      expected.length,
    );
    assert.deepEqual(
      await first(page, 0),
      expected.map(({ title }) => title),
    );
    assert.equal(await left(), `${expected.length} of ${mechanisms.length}`);
    await page.fill('#template vscode-text-field input', 'nosuchword');
    await page.waitForSelector('#template .chart-empty');
    assert.match(await page.innerText('#template .chart-empty'), /No mechanism has all of these words/);
  });

  it('is walked by arrow keys, and Enter opens the card', async () => {
    const opening = await opened();
    const { page } = opening;
    await page.focus('#template tbody tr');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const { request } = await opening.posts('mechanismView');
    assert.equal(request.mechanism, mechanisms[1]?.id);
  });

  for (const theme of ['dark', 'light'] as const) {
    for (const width of [300, 1280]) {
      it(`scrolls inside itself: ${theme}, ${width} px`, async () => {
        const { page } = await opened({ theme, width, height: 900 });
        const [overflow, scrolls] = await page.evaluate(() => {
          const frame = document.querySelector('#template .table-frame')!;
          return [
            document.documentElement.scrollWidth - document.documentElement.clientWidth,
            frame.scrollWidth > frame.clientWidth,
          ] as const;
        });
        assert.ok(overflow <= 0, `${overflow} px too wide`);
        assert.ok(scrolls);
        assert.match(await page.innerText('#template'), /12 columns: scroll the table sideways for the last, growth/);
        const tallest = await page.$$eval('#template tbody tr', (rows) =>
          Math.max(...rows.map((row) => row.clientHeight)),
        );
        assert.ok(tallest <= 48, `a row of ${tallest} px`);
        if (pictures === undefined) return;
        mkdirSync(pictures, { recursive: true });
        await page.locator('#template').screenshot({ path: `${pictures}/template-${theme}-${width}.png` });
      });
    }
  }
});
