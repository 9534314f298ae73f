import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { PanelBrowser } from '../support/panel-page';
import { answering, openMessage, plan } from './hallucination-host';
import { set } from '../workbench/planted-result';

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

  it('says before the run how many pictures are drawn and how long they take, and asks again when that changes', async () => {
    const opening = openMessage({ plan: { ...plan, mode: 'set', mostImages: 20, seed: 3 } });
    const asking = answering(opening);
    const panel = await browser.open({
      host: (message) =>
        message.kind === 'folderTime'
          ? [
              {
                kind: 'folderTime',
                request: message.request,
                time: { encodeSeconds: 1, textSeconds: message.plan.setCaptions === 'plain' ? 1 : 2 },
              },
            ]
          : message.kind === 'tokenise'
            ? [
                {
                  kind: 'tokenised',
                  request: message.request,
                  tokenised: {
                    ids: [1],
                    tokens: ['a'],
                    chatPrompt: { text: 'USER: <image>\nhello', why: 'no-image-token' },
                  },
                },
              ]
            : asking(message),
    });
    const { page } = panel;
    const planned = (words: string) =>
      page.waitForFunction(
        (wanted) => document.querySelector('#planned-pictures')?.textContent?.trim() === wanted,
        words,
      );
    assert.equal((await panel.posts('folderTime')).plan.mostImages, 20);
    await planned('20 of 301 pictures, drawn by seed 3: 40 captions, at most about 1 min.');
    await page.fill(`vscode-text-field[aria-label='Pictures'] input`, 'all');
    await planned('All 301 pictures: 602 captions, at most about 15 min 3 s.');
    await page.fill(`vscode-text-field[aria-label='Pictures'] input`, 'a few');
    await page.waitForFunction(() => document.body.innerText.includes('Pictures are a whole number from 1, or all.'));
    await page.fill(`vscode-text-field[aria-label='Pictures'] input`, '10');
    await planned('10 of 301 pictures, drawn by seed 3: 20 captions, at most about 30 s.');
    await page.waitForFunction(() => document.querySelector('#chat-prompt') !== null);
    assert.match(
      await page.innerText('#chat-prompt'),
      /no image token, so it went through the chat template of the model: "USER: <image>\\nhello"\./,
    );
    const before = panel.posted.length;
    await page.click('#run');
    const { plan: run } = await panel.posts('run', before);
    assert.deepEqual([run.mostImages, run.seed], [10, 3]);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('shows what reinforcement changed beside what is known of the model, and opens its card at a click alone', async () => {
    const card = { folder: set.model.folder, reinforcement: { line: 116, heading: 'Does it help?' } };
    const told: { card?: typeof card } = { card };
    const opening = openMessage({
      set: { ...set, chatPrompt: { text: 'USER: <image>', why: 'no-image-token' } },
      plan: { ...plan, mode: 'set' },
    });
    const asking = answering(opening);
    const host = (message: FromHallucinationPanel): readonly ToHallucinationPanel[] =>
      message.kind === 'card' ? [{ kind: 'card', folder: message.folder, ...told }] : asking(message);
    const panel = await browser.open({ host });
    const { page } = panel;
    await page.waitForSelector('.known #open-card');
    assert.match(
      await page.innerText('header .known'),
      /What was measured of this model:\s+“Does it help\?”, in its card/,
    );
    assert.ok(panel.posted.every(({ kind }) => kind !== 'openCard'));
    await page.click('#open-card');
    assert.equal((await panel.posts('openCard')).folder, set.model.folder);
    const rows = await page.$$eval('[data-section="changes"] tbody tr', (all) =>
      all.map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(' | ')),
    );
    assert.equal(rows[0], 'Reinforced x 2 | CHAIR_S | −9.0 points | −14.1 points | −4.0 points | more than noise');
    assert.equal(rows[3], 'Random heads x 2 | CHAIR_S | −1.0 points | −3.9 points | +1.9 points | no more than noise');
    assert.equal(rows[5], 'Random heads x 2 | recall | – | – | – | too few changed');
    assert.match(await page.innerText('header'), /went through the chat template of the model: "USER: <image>"\./);
    assert.deepEqual(panel.complaints, []);
    await panel.close();

    // Without a card the figures are those of the paper's models, by their names.
    delete told.card;
    const other = await browser.open({ host });
    await other.page.waitForFunction(() => document.querySelector('.known')?.textContent?.includes('has no card'));
    assert.match(
      await other.page.innerText('header .known'),
      /no card that says.*Of other models the paper says .*LLaVA-1\.5-7B 49\.7 to 33\.3 %.*arXiv 2412\.13949/s,
    );
    await other.close();
    // A saved file may name any folder: nothing is asked, and nothing is said of a card.
    const file = await browser.open({
      place: 'file',
      host: (message) => (message.kind === 'ready' ? [{ ...opening, place: 'file' }] : host(message)),
    });
    await file.page.waitForSelector('header .known');
    assert.doesNotMatch(await file.page.innerText('header .known'), /card/);
    assert.ok(file.posted.every(({ kind }) => kind !== 'card'));
    await file.close();
  });

  for (const [place, width] of [
    ['side', 300],
    ['full', 1280],
  ] as const) {
    it(`cuts nothing of the folder's form and result off at ${width} px`, async () => {
      for (const change of [{}, { set }]) {
        const panel = await browser.open({
          place,
          width,
          host: answering(openMessage({ place, plan: { ...plan, mode: 'set', mostImages: 20 }, ...change })),
        });
        await panel.page.waitForSelector(change.set ? '[data-section="changes"]' : '#planned-pictures');
        const wider = await panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${wider} px beyond the page`);
        await panel.close();
      }
    });
  }
});
