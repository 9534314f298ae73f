/** The Kernels panel with results that say more than the usual one: another beside them, a busy machine. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { answering, busyResult, result } from './support/kernels-host';
import { PanelBrowser } from './support/panel-page';

describe('results in the Kernels panel', () => {
  let browser: PanelBrowser;
  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());

  it('leave with the names of both results of a comparison, in the file as in its name', async () => {
    const other = { ...result, created: '2026-01-02T03:04:05.000Z' };
    const panel = await browser.open({
      host: answering({ result, compareWith: { name: 'january', result: other } }),
    });
    await panel.page.waitForSelector('.measurements table');
    const choose = async (name: string) => {
      const from = panel.posted.length;
      await panel.page.locator('.run-bar .menu-trigger').click();
      await panel.page.getByRole('menuitem', { name }).click();
      return panel.posts('export', from);
    };
    const stem = 'kernels-causal-self-2026-11-24-against-causal-self-2026-01-02';
    const png = await choose('PNG');
    assert.equal(png.name, `${stem}.png`);
    // The keywords of the PNG specification.
    for (const word of ['iTXtTitle', 'iTXtDescription', 'Compared with january'])
      assert.ok(Buffer.from(png.data).includes(word), word);
    const json = await choose('JSON');
    assert.equal(json.name, `${stem}.headscope-bench.json`);
    assert.equal((JSON.parse(String(json.data)) as { comparedWith: { name: string } }).comparedWith.name, 'january');
    const [head = '', row = ''] = String((await choose('CSV')).data).split('\r\n');
    const cell = (name: string): string | undefined => row.split(',')[head.split(',').indexOf(name)];
    assert.equal(cell('median_ms_there'), cell('median_ms'));
    assert.match(String((await choose('HTML')).data), /<ul class="caption"><li>Compared with january/);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('say that the machine was busy: above the pictures, at the interval of the finding and under the table', async () => {
    const panel = await browser.open({ host: answering({ result: busyResult }) });
    await panel.page.waitForSelector('.banner.warning');
    assert.match(
      await panel.page.innerText('.banner.warning'),
      /^Other programs used 42 % of the machine's 2 processors while this was timed \(5 % before\)\. Times may be too long/,
    );
    assert.match(await panel.page.innerText('#finding'), /95 % [\d.]+ to [\d.]+ on a busy machine, p/);
    assert.match(await panel.page.innerText('.notes'), /timed while other programs used the machine/);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });
});
