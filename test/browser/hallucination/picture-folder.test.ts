import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel, ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { PanelBrowser } from '../support/panel-page';
import { answering, openMessage, plan } from './hallucination-host';

describe('the hallucination panel on a folder of pictures', () => {
  let browser: PanelBrowser<ToHallucinationPanel, FromHallucinationPanel>;
  before(async () => {
    browser = await PanelBrowser.start('hallucination');
  });
  after(() => browser.stop());

  it('says before a run that no picture can stand in the prompt, and runs once one can', async () => {
    const opening = openMessage({ plan: { ...plan, mode: 'set', prompt: 'Describe it.' } });
    const asking = answering(opening);
    const panel = await browser.open({
      host: (message) =>
        message.kind === 'tokenise' && !message.text.includes('<image>')
          ? [{ kind: 'failed', request: message.request, sentence: 'The prompt has no image token.' }]
          : asking(message),
    });
    const { page } = panel;
    const asked = await panel.posts('tokenise');
    assert.deepEqual([asked.text, asked.pictures], ['Describe it.', true]);
    await page.waitForSelector('.strip .problem');
    assert.match(await page.innerText('.strip .problem'), /no image token/);
    const disabled = () => page.$eval('#run', (button) => (button as HTMLButtonElement).disabled);
    assert.equal(await disabled(), true);
    await page.fill('#prompt', '<image> Describe it.');
    await page.waitForFunction(() => document.querySelector('.strip .problem') === null);
    assert.equal(await disabled(), false);
    // In the mode of text alone the same prompt is tokenised as it is.
    const before = panel.posted.length;
    await page.click('.strip [role="radio"]:has-text("Text")');
    assert.equal((await panel.posts('tokenise', before)).pictures, false);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });
});
