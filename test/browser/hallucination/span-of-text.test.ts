import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel, HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { PanelBrowser } from '../support/panel-page';
import { answering, openMessage, plan } from './hallucination-host';
import { textOnly } from '../workbench/planted-result';

const prompt = 'The lamp in the hall is red.';

describe('the hallucination panel on a span of a text', () => {
  let browser: PanelBrowser<ToHallucinationPanel, FromHallucinationPanel>;
  before(async () => {
    browser = await PanelBrowser.start('hallucination');
  });
  after(() => browser.stop());

  const open = (change: Partial<HallucinationSetup> = {}) => {
    const spanPlan = { ...plan, mode: 'span', folder: textOnly.folder, prompt, ...change } as const;
    return browser.open({ host: answering(openMessage({ model: textOnly, plan: spanPlan })) });
  };

  it('marks tokens with Shift without selecting their text', async () => {
    const panel = await open();
    await panel.page.click('#span [data-position="1"]');
    await panel.page.click('#span [data-position="4"]', { modifiers: ['Shift'] });
    await panel.page.getByText('Tokens 1 to 4 are removed').waitFor();
    assert.equal(await panel.page.evaluate(() => getSelection()?.toString()), '');
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('asks for the tokens of a text without the chat template that only the model before had', async () => {
    const panel = await open({ chat: true });
    assert.equal((await panel.posts('tokenise')).chat, false);
    await panel.close();
  });
});
