import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
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
      await page.waitForSelector('hs-vhd-grid canvas');
      // A side view asks nothing before it is touched.
      await page.click('.ribbon [data-step="1"]');
      await page.waitForFunction(() => document.querySelector('.vhd-view h2')?.textContent?.includes('at token 2'));
      await page.waitForSelector('.image-view .section-caption');
      const tops = () =>
        page.$$eval('#words, .vhd-view, hs-vhd-grid, #layers, .image-view .section-chosen', (all) =>
          all.map(
            (each) =>
              `${each.id || each.className || each.tagName} ${Math.round(each.getBoundingClientRect().top + window.scrollY)}`,
          ),
        );
      const before = await tops();
      assert.equal(before.length, 5);
      holding = true;
      const asked = panel.posted.length;
      await page.click('.ribbon [data-step="9"]');
      await page.waitForSelector('.ribbon [data-step="9"].query');
      await panel.posts('step', asked);
      await page.evaluate(
        () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
      );
      assert.deepEqual(await tops(), before);
      for (const message of held) await panel.send(...asking(message));
      await page.waitForFunction(() => document.querySelector('.vhd-view h2')?.textContent?.includes('at token 10'));
      assert.deepEqual(await tops(), before);
      assert.deepEqual(panel.complaints, []);
      await panel.close();
    });
  }
});
