/** `npx tsx test/browser/hallucination/screenshots.ts FOLDER [NAME]`: pictures of the Hallucination panel in each theme, width and state, to be looked at. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage, openMessage, plan } from './hallucination-host';
import {
  brokenCaption,
  cutResult,
  cutSet,
  entries,
  laterVhd,
  ofText,
  plain,
  reinforced,
  result,
  set,
  textOnly,
  tiledPicture,
  variantOf,
} from '../workbench/planted-result';

type Panel = PanelPage<ToHallucinationPanel, FromHallucinationPanel>;
type Options = OpenOptions<ToHallucinationPanel, FromHallucinationPanel>;

async function main(folder: string, only: string | undefined): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await PanelBrowser.start<ToHallucinationPanel, FromHallucinationPanel>('hallucination');
  console.log(`bundle ${(browser.bundleBytes / 1e3).toFixed(0)} kB`);
  const shoot = async (name: string, options: Options, act?: (panel: Panel) => Promise<void>): Promise<void> => {
    if (only !== undefined && !name.includes(only)) return;
    const panel = await browser.open(options);
    await panel.page.waitForSelector('h1', { timeout: 5000 });
    await panel.page.waitForTimeout(600);
    await act?.(panel);
    await panel.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    if (panel.complaints.length > 0) console.log(name, panel.complaints);
    await panel.close();
  };
  const variants = [reinforced, variantOf({ heads: 'random' })];
  const both = { ...result, variants };
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    for (const width of [300, 600, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      await shoot(
        `done-${theme}-${width}`,
        {
          theme,
          width,
          place,
          host: answering(finishedMessage({ place, result: both, savedAs: 'planted.headscope-hallucination.json' })),
        },
        async (panel) => {
          if (place === 'side') await panel.page.click('.vhd-view .picture-frame', { position: { x: 60, y: 30 } });
          await panel.page.waitForTimeout(200);
        },
      );
    }
  }
  for (const [theme, width] of [
    ['dark', 1280],
    ['light', 300],
  ] as const) {
    const place = width === 300 ? 'side' : 'full';
    const options = { theme, width, place } as const;
    await shoot(`cut-${theme}-${width}`, {
      ...options,
      host: answering(finishedMessage({ place, result: cutResult })),
    });
    await shoot(`cut-set-${theme}-${width}`, {
      ...options,
      host: answering(openMessage({ place, set: cutSet, plan: { ...plan, mode: 'set' } })),
    });
  }
  await shoot('empty-dark-1280', { host: answering() });
  await shoot('empty-light-300', {
    theme: 'light',
    width: 300,
    place: 'side',
    host: answering(openMessage({ place: 'side' })),
  });
  await shoot('set-dark-1280', { host: answering(openMessage({ set, plan: { ...plan, mode: 'set' } })) });
  await shoot('set-light-1280', {
    theme: 'light',
    host: answering(openMessage({ set, plan: { ...plan, mode: 'set' } })),
  });
  await shoot('set-light-300', {
    theme: 'light',
    width: 300,
    place: 'side',
    host: answering(openMessage({ place: 'side', set, plan: { ...plan, mode: 'set' } })),
  });
  await shoot(
    'set-running-dark-1280',
    { host: answering(openMessage({ plan: { ...plan, mode: 'set' } })) },
    async (panel) => {
      await panel.page.click('#run');
      for (const entry of entries.slice(0, 12)) await panel.send({ kind: 'entry', entry });
      await panel.send({ kind: 'stage', sentence: 'Captioning scene-012.png', share: 0.04, secondsLeft: 88 });
      await panel.page.waitForTimeout(200);
    },
  );
  await shoot('running-dark-1280', { host: answering() }, async (panel) => {
    await panel.page.click('#run');
    const { vhd, textEnergy, outlier, selected } = result;
    await panel.send({ kind: 'firstStep', vhd, textEnergy, outlier, selected });
    for (const [index, token] of plain.tokens.slice(0, 6).entries())
      await panel.send({ kind: 'token', variant: false, index, token });
    await panel.send({ kind: 'stage', sentence: 'Writing the caption', share: 0.4, secondsLeft: 2 });
    await panel.page.waitForTimeout(200);
  });
  await shoot('text-only-dark-1280', {
    host: answering(
      openMessage({
        model: textOnly,
        plan: { ...plan, folder: textOnly.folder, prompt: 'The lamp in the hall is red. The lamp is' },
      }),
    ),
  });
  await shoot('span-light-1280', {
    theme: 'light',
    host: answering(
      openMessage({
        model: textOnly,
        plan: {
          ...plan,
          mode: 'span',
          span: [2, 7],
          folder: textOnly.folder,
          prompt: 'The lamp in the hall is red. The lamp is',
        },
      }),
    ),
  });
  for (const [name, theme, width] of [
    ['span-done-dark-1280', 'dark', 1280],
    ['span-done-light-300', 'light', 300],
  ] as const) {
    const place = width === 300 ? 'side' : 'full';
    const prompt = ofText.prompt ?? '';
    const spanPlan = { ...plan, mode: 'span', span: [1, 7], folder: textOnly.folder, prompt } as const;
    await shoot(
      name,
      {
        theme,
        width,
        place,
        host: answering(openMessage({ place, result: ofText, model: textOnly, plan: spanPlan })),
      },
      async (panel) => {
        if (place === 'side') await panel.page.click('.vhd-view .picture-frame', { position: { x: 60, y: 30 } });
        await panel.page.waitForTimeout(200);
      },
    );
  }
  const compareWith = {
    name: 'another picture',
    made: { ...result, vhd: laterVhd, created: '2026-11-23T18:00:00.000Z' },
  };
  await shoot('compared-dark-1280', { host: answering(finishedMessage({ compareWith })) });
  await shoot('compared-light-300', {
    theme: 'light',
    width: 300,
    place: 'side',
    host: answering(finishedMessage({ place: 'side', compareWith })),
  });
  await shoot('broken-light-1280', {
    theme: 'light',
    host: answering(finishedMessage({ result: { ...result, variants: [brokenCaption] }, plan: { ...plan, alpha: 4 } })),
  });
  await shoot('tiled-dark-1280', { host: answering(finishedMessage({ picture: tiledPicture })) });
  await shoot('untrusted-dark-1280', {
    host: answering(
      finishedMessage({ canRun: 'Nothing runs in an untrusted workspace. Trust it to run models.', place: 'file' }),
    ),
    place: 'file',
  });
  await browser.stop();
}

void main(process.argv[2] ?? 'bench-results/hallucination-pictures', process.argv[3]);
