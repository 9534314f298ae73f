/** What a panel says before the extension has answered: what it waits for, and nothing that reads as an answer. */
import assert from 'node:assert/strict';
import { patience } from '../support/patience';
import { PanelBrowser } from './support/panel-page';

const awaited: Readonly<Record<string, RegExp>> = {
  kernels: /^Reading the settings of this panel…$/,
  workbench: /^Reading the models and the settings of this panel…$/,
};

for (const [name, words] of Object.entries(awaited)) {
  describe(`the ${name} panel before its first answer`, function () {
    this.timeout(patience(30_000));

    it('says what it waits for, without a problem, a reason or a button that can be pressed in vain', async () => {
      const browser = await PanelBrowser.start(name);
      try {
        const panel = await browser.open({ host: () => [] });
        const { page } = panel;
        const said = page.locator('.results [role=status]');
        await said.waitFor();
        assert.match((await said.innerText()).trim(), words);
        assert.equal(await page.locator('[role=alert], .problem, #why-not').count(), 0);
        assert.ok(await page.locator('#run[disabled]').count());
        assert.equal(await page.locator('#run').getAttribute('title'), 'Ctrl+Enter');
        await panel.close();
      } finally {
        await browser.stop();
      }
    });
  });
}
