import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { SectionPicture } from '../../../webviews/sections/picture';
import { PanelBrowser } from '../support/panel-page';
import { answering, finishedMessage } from './hallucination-host';

describe('the hallucination panel while a word is read', () => {
  let browser: PanelBrowser<ToHallucinationPanel, FromHallucinationPanel>;
  before(async () => {
    browser = await PanelBrowser.start('hallucination');
  });
  after(() => browser.stop());

  for (const [place, width] of [
    ['full', 1280],
    ['side', 300],
  ] as const) {
    it(`keeps everything in its place from the choice of a token to its map and heads, ${width} px wide`, async () => {
      const asking = answering(finishedMessage({ place }));
      const held: FromHallucinationPanel[] = [];
      let holding = false;
      const panel = await browser.open({
        place,
        width,
        host(message) {
          if (!holding || (message.kind !== 'map' && message.kind !== 'step')) return asking(message);
          held.push(message);
          return [];
        },
      });
      const { page } = panel;
      const chooseToken = async (token: number): Promise<void> => {
        const box = await page.$eval(
          '.caption-view hs-section-picture',
          (element, cursor) => (element as SectionPicture).scene?.box(String(cursor)),
          token,
        );
        const position = { x: (box?.x ?? 0) + 4, y: (box?.y ?? 0) + 4 };
        await page.click('.caption-view .picture-frame', { position });
      };
      await page.waitForSelector('.vhd-view canvas');
      // A side view asks nothing before it is touched.
      await chooseToken(1);
      await page.waitForFunction(() => document.querySelector('.vhd-view h2')?.textContent?.includes('at token 1'));
      await page.waitForSelector('.image-view .section-caption');
      const tops = () =>
        page.$$eval('.caption-view, .vhd-view, .vhd-view canvas, #layers, .image-view .section-chosen', (all) =>
          all.map(
            (each) =>
              `${each.id || each.className || each.tagName} ${Math.round(each.getBoundingClientRect().top + window.scrollY)}`,
          ),
        );
      const before = await tops();
      assert.equal(before.length, 5);
      holding = true;
      const asked = panel.posted.length;
      await chooseToken(9);
      await page.waitForSelector('.caption-view .chosen-words:has-text("token 9")');
      await panel.posts('step', asked);
      await page.evaluate(
        () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
      );
      assert.deepEqual(await tops(), before);
      for (const message of held) await panel.send(...asking(message));
      await page.waitForFunction(() => document.querySelector('.vhd-view h2')?.textContent?.includes('at token 9'));
      assert.deepEqual(await tops(), before);
      assert.deepEqual(panel.complaints, []);
      await panel.close();
    });
  }
});
