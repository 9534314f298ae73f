import assert from 'node:assert/strict';
import { describeMechanisms } from '../../compute-server/harness/describe';
import { answering, plan } from './support/kernels-host';
import { PanelBrowser } from './support/panel-page';

describe('the list of mechanisms', () => {
  let browser: PanelBrowser;
  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());

  for (const width of [300, 1280]) {
    it(`moves nothing when the estimates arrive, ${width} px wide`, async () => {
      const mechanisms = describeMechanisms();
      const chosen = mechanisms
        .filter(({ id, patterns }) => id !== plan.baseline && patterns[plan.shape.pattern] === true)
        .map(({ id }) => id);
      const answer = answering({
        place: width === 300 ? 'side' : 'full',
        mechanisms,
        plan: { ...plan, mechanisms: chosen },
      });
      const panel = await browser.open({
        place: width === 300 ? 'side' : 'full',
        width,
        host: (message) => (message.kind === 'ready' ? answer(message) : []),
      });
      const { page } = panel;
      await page.waitForSelector('.run-bar');
      if (width === 300) await page.click('#settings .disclosure-button');
      await page.waitForSelector('.mechanism');
      await page.evaluate(() => document.fonts.ready);
      const rows = () =>
        page.$$eval('.mechanism', (all) =>
          all.map((each) => [Math.round(each.getBoundingClientRect().top), each.clientHeight]),
        );
      await panel.posts('planned');
      const before = await rows();
      assert.equal(await page.locator('.mechanism-facts', { hasText: '≈ ' }).count(), 0);
      const supported = [...chosen, plan.baseline].map((id, index) => ({
        mechanism: id,
        ok: true,
        predictedPeakBytes: 10 ** (3 + (index % 8)) * 5.37,
      }));
      await panel.send({ kind: 'supports', supports: supported });
      await page.waitForFunction(
        (wanted) =>
          [...document.querySelectorAll('.mechanism-facts')].filter((each) => each.textContent?.includes('≈ '))
            .length === wanted,
        supported.length,
      );
      assert.deepEqual(await rows(), before);
      assert.deepEqual(panel.complaints, []);
      await panel.close();
    });
  }
});
