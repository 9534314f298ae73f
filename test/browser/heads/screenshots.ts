/** `npx tsx test/browser/heads/screenshots.ts FOLDER [NAME]`: pictures of the heads panel in each theme, width and state, to be looked at. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { headStatisticNames } from '../../../protocol/results/heads';
import type { HeadStatistics } from '../../../protocol/results/heads-schema';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage, openMessage, plan, result, thumbnails } from './heads-host';
import { plantedModel, plantedResult, plantedThumbnails } from '../workbench/planted-model';

type Panel = PanelPage<ToHeadsPanel, FromHeadsPanel>;

async function main(folder: string, only: string | undefined): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await PanelBrowser.start<ToHeadsPanel, FromHeadsPanel>('heads');
  console.log(`bundle ${(browser.bundleBytes / 1e3).toFixed(0)} kB`);
  const shoot = async (
    name: string,
    options: OpenOptions<ToHeadsPanel, FromHeadsPanel>,
    act?: (panel: Panel) => Promise<void>,
  ): Promise<void> => {
    if (only !== undefined && !name.includes(only)) return;
    const panel = await browser.open(options);
    await panel.page.waitForSelector('h1', { timeout: 5000 });
    await panel.page.waitForTimeout(700);
    await act?.(panel);
    await panel.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    if (panel.complaints.length > 0) console.log(name, panel.complaints);
    await panel.close();
  };
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    for (const width of [300, 600, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      await shoot(`done-${theme}-${width}`, { theme, width, place, host: answering(finishedMessage({ place })) });
    }
  }
  await shoot('empty-dark-1280', { host: answering() });
  await shoot('empty-dark-300', { host: answering(openMessage({ place: 'side' })), place: 'side', width: 300 });
  await shoot(
    'side-open-300',
    { host: answering(finishedMessage({ place: 'side' })), place: 'side', width: 300 },
    async (panel) => {
      for (const fold of ['head', 'tokens', 'effects']) await panel.page.click(`#fold-${fold} .disclosure-button`);
      await panel.page.waitForTimeout(600);
    },
  );
  const large = plantedModel(undefined, 32, 32, 8);
  await shoot('large-dark-1280', {
    host: answering(finishedMessage({ result: plantedResult(large), thumbnails: plantedThumbnails(large) }), large),
  });
  await shoot('large-light-300', {
    theme: 'light',
    width: 300,
    place: 'side',
    host: answering(
      finishedMessage({ place: 'side', result: plantedResult(large), thumbnails: plantedThumbnails(large) }),
      large,
    ),
  });
  const source = { from: 'file', path: '/models/vectors/joyful-against-gloomy.gguf' } as const;
  const steering = { kind: 'add', layers: ['all'], source, strength: 0.5 } as const;
  for (const theme of ['dark', 'light'] as const) {
    for (const [width, place] of [
      [300, 'side'],
      [1280, 'full'],
    ] as const) {
      const opening = finishedMessage({ place, plan: { ...plan, interventions: [steering] } });
      await shoot(`steered-${theme}-${width}`, { theme, width, place, host: answering(opening) }, async (panel) => {
        if (place === 'side') await panel.page.click('#fold-effects .disclosure-button');
        await panel.page.waitForTimeout(600);
      });
    }
  }
  const change = async (panel: Panel): Promise<void> => {
    await panel.page.click('#ablate');
    await panel.page.click('#sampling .disclosure-button');
    await panel.page.waitForTimeout(500);
    await panel.page.click('#generate');
    const { request } = await panel.posts('generate');
    for (const variant of [false, true]) {
      const words = variant ? [' the', ' shop', '.', ' John'] : [' Mary', '.', ' Mary', ' and'];
      for (const index of words.keys()) {
        await panel.send({
          kind: 'token',
          request,
          variant,
          index,
          text: words.slice(0, index + 1).join(''),
          probability: 0.5,
        });
      }
      await panel.send({ kind: 'generated', request, variant, text: words.join('') });
    }
    await panel.page.fill('#prompt', 'Another prompt');
    await panel.page.focus('.head-drawing .picture-frame');
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowUp']) await panel.page.keyboard.press(key);
    await panel.page.waitForTimeout(600);
  };
  for (const theme of ['dark', 'light'] as const) {
    await shoot(`changed-${theme}-1280`, { theme, host: answering(finishedMessage()) }, change);
    const place = 'side';
    await shoot(
      `changed-${theme}-300`,
      { theme, width: 300, place, host: answering(finishedMessage({ place })) },
      async (panel) => {
        for (const fold of ['#fold-head', '#fold-tokens', '#fold-effects', '#settings'])
          await panel.page.click(`${fold} > .disclosure-head .disclosure-button`);
        await change(panel);
      },
    );
  }
  for (const theme of ['dark', 'light'] as const) {
    for (const width of [300, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      await shoot(
        `first-token-${theme}-${width}`,
        { theme, width, place, host: answering(finishedMessage({ place })) },
        async (panel) => {
          if (place === 'side') await panel.page.click('#fold-effects .disclosure-button');
          await panel.page.waitForSelector('#gamma');
          await panel.page.fill('#gamma', '0.3');
          await panel.page.waitForTimeout(600);
        },
      );
    }
  }
  await shoot('running-dark-1280', { host: answering() }, async (panel) => {
    await panel.page.click('#run');
    for (const layer of [0, 1]) {
      const each = thumbnails.heads * thumbnails.size ** 2;
      await panel.send({
        kind: 'layer',
        layer,
        statistics: Object.fromEntries(
          headStatisticNames.map((name) => [name, result.statistics[name][layer] ?? []]),
        ) as unknown as {
          readonly [K in keyof HeadStatistics]: readonly number[];
        },
        thumbnails: { ...thumbnails, layers: 1, data: thumbnails.data.slice(layer * each, (layer + 1) * each) },
      });
    }
    await panel.send({ kind: 'stage', sentence: 'Layer 2 of 4', share: 0.5, secondsLeft: 3 });
    await panel.page.waitForTimeout(300);
  });
  await shoot(
    'compare-light-1280',
    {
      theme: 'light',
      host: answering(
        finishedMessage({
          compareWith: { name: 'without L2H1', result: plantedResult(plantedModel([...result.tokens].reverse())) },
        }),
      ),
    },
    async (panel) => {
      await panel.page.waitForTimeout(400);
    },
  );
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    const answer = answering(finishedMessage());
    const sentence = 'The model folder is gone. Run again when it is back.';
    await shoot(`failed-tile-${theme}-1280`, {
      theme,
      host: (message) =>
        message.kind === 'tile' ? [{ kind: 'failed', request: message.request, sentence }] : answer(message),
    });
  }
  await shoot('export-dark', { host: answering(finishedMessage()) }, async (panel) => {
    await panel.page.click('hs-menu .menu-trigger');
    await panel.page.click('[role=menuitem]:has-text("PNG")');
    const { data } = await panel.posts('export');
    if (typeof data !== 'string') writeFileSync(path.join(folder, 'exported-dark.png'), data);
  });
  await shoot('lines-dark-1280', { host: answering(finishedMessage()) }, async (panel) => {
    await panel.page.click('text=Lines');
    await panel.page.waitForTimeout(400);
  });
  const waiting = { folder: '/home/me/models/planted', bytes: 508e6 };
  for (const [theme, width] of [
    ['dark', 1280],
    ['light', 300],
  ] as const) {
    await shoot(`waiting-${theme}-${width}`, {
      theme,
      width,
      place: 'file',
      host: answering(finishedMessage({ place: 'file', waiting })),
    });
  }
  const refused =
    'The file names //server/share/model, which is on another machine or looks like it, so it is not opened. Copy it to this machine and choose it in the panel.';
  await shoot('refused-light-600', {
    theme: 'light',
    width: 600,
    place: 'file',
    host: answering(finishedMessage({ place: 'file', waiting: { ...waiting, refused } })),
  });
  for (const width of [300, 1280] as const) {
    await shoot(`find-dark-${width}`, { width, host: answering(finishedMessage()) }, async (panel) => {
      await panel.send({ kind: 'notice', tone: 'info', sentence: 'Saved heads-planted-2026-11-24.csv.' });
      await panel.page.fill('.search', 'L2H4');
      await panel.page.waitForTimeout(400);
    });
  }
  const sizes = result.statistics.induction.map((row, layer) =>
    row.map((value, head) => (head === 3 ? -layer : value)),
  );
  const measured = {
    title: 'Change of the loss',
    unit: 'nats',
    definition: '-ln p without the head, less that with it',
    values: sizes,
  };
  for (const [theme, width] of [
    ['dark', 1280],
    ['light', 300],
  ] as const) {
    for (const done of [true, false]) {
      const options = { theme, width, host: answering(finishedMessage()) };
      await shoot(`effects-${done ? 'done' : 'running'}-${theme}-${width}`, options, async (panel) => {
        await panel.page.evaluate(() => {
          const dropdown = document.querySelector(
            'vscode-dropdown[aria-label="Colour the heads by"]',
          ) as HTMLSelectElement;
          dropdown.value = 'effect';
          dropdown.dispatchEvent(new Event('change'));
        });
        await panel.page.click('#measure-effects');
        const { request } = await panel.posts('measureEffects');
        await panel.send({
          kind: 'headEffects',
          request,
          sentence: 'Removing heads and MLPs: layer 3 of 4',
          share: done ? 1 : 0.5,
          secondsLeft: 4,
          effects: measured,
          ...(done
            ? {
                finding:
                  'Of 32 heads, L0H6 changes the loss most when its output is set to zero: +1.76 nats (95 % interval +0.105 to +3.41) on 17 predicted tokens, from 5.1.',
              }
            : {}),
        });
        await panel.page.waitForTimeout(400);
      });
    }
  }
  await browser.stop();
}

void main(process.argv[2] ?? 'bench-results/heads-pictures', process.argv[3]);
