/** `npx tsx test/browser/workbench/screenshots.ts FOLDER [NAME]`: pictures of the workbench with a section of every kind, to be looked at. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { OpenOptions } from '../support/panel-page';
import {
  answering,
  finished,
  openMessage,
  pair,
  plan,
  result,
  sendPicture,
  startBrowser,
  tabOf,
  type Panel,
} from './workbench-host';
import { LookHost } from './look-host';
import { onRegions } from './regions-host';
import { answeringTrials, finished as readHeads } from './try-host';
import { headsStory, lineStory } from './stories';

const pairMessage = openMessage({
  plan: {
    ...plan,
    analysis: pair.id,
    parameters: {},
    input: {
      kind: 'prompt-pair',
      prompt: { kind: 'text', text: 'Mary and John went out. John gave a cup to' },
      counterpart: { kind: 'text', text: 'Mary and John went out. Anna gave a cup to' },
    },
  },
});

async function main(folder: string, only: string | undefined): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await startBrowser();
  const shoot = async (
    name: string,
    options: OpenOptions<ToWorkbench, FromWorkbench>,
    act?: (panel: Panel) => Promise<void>,
  ): Promise<void> => {
    if (only !== undefined && !name.includes(only)) return;
    const panel = await browser.open(options);
    await panel.page.waitForSelector('#finding', { timeout: 5000 });
    const asked = panel.posted.find((one) => one.kind === 'picture');
    if (asked) await sendPicture(panel, asked.sha256);
    await panel.page.waitForTimeout(900);
    await act?.(panel);
    await panel.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    const wide = await panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) console.log(name, `scrolls sideways by ${wide} px`);
    if (panel.complaints.length > 0) console.log(name, panel.complaints);
    await panel.close();
  };
  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    for (const width of [300, 600, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      await shoot(`done-${theme}-${width}`, { theme, width, place, host: answering(finished({ place })) });
    }
  }
  const written = async (panel: Panel): Promise<void> => {
    await panel.page.getByRole('button', { name: 'Ablate' }).first().click();
    if ((await panel.page.$('#generate')) === null) await panel.page.click('#try .disclosure-button');
    await panel.page.click('#generate');
    const { request } = await panel.posts('generate');
    await panel.send(
      { kind: 'generated', request, variant: false, text: ' Mary. Mary and John went to the shop' },
      { kind: 'generated', request, variant: true, text: ' Mary the the shop the' },
    );
    await panel.page.waitForTimeout(400);
  };
  for (const theme of ['dark', 'light'] as const) {
    for (const width of [300, 600, 1280, 1920] as const) {
      const place = width === 300 ? 'side' : 'full';
      const options = { theme, width, place, host: answeringTrials(readHeads({ place })) } as const;
      await shoot(`heads-${theme}-${width}`, options, async (panel) => {
        if (place === 'side') {
          await panel.page.focus('[data-section=heads] .picture-frame');
          for (const key of ['ArrowRight', 'Enter']) await panel.page.keyboard.press(key);
        }
        await panel.page.waitForTimeout(600);
        await written(panel);
      });
    }
  }
  await shoot('empty-dark-1280', { host: answering() });
  const row = {
    tabs: [
      tabOf(result, { pinned: true }),
      tabOf({ ...result, seed: 4 }, { id: 't2', title: 'Activation patching' }),
      tabOf(result, {
        id: 't3',
        run: 3,
        title: 'Path patching',
        standing: { state: 'running', sentence: 'Prompt 20 of 64', share: 0.31, secondsLeft: 57 },
      }),
      tabOf(result, {
        id: 't4',
        run: 4,
        title: 'Ablation',
        standing: { state: 'waiting', sentence: 'Waiting until Headscope is done running an analysis', share: 0 },
      }),
    ],
    active: 't1',
  };
  for (const [theme, width] of [
    ['dark', 300],
    ['light', 600],
    ['high-contrast', 1280],
  ] as const) {
    const tabs = answering(finished({ tabs: row }));
    await shoot(`tabs-${theme}-${width}`, { theme, width, host: tabs });
    await shoot(`look-${theme}-${width}`, { theme, width, host: new LookHost(3, 0.2).answer });
    await shoot(`look-empty-${theme}-${width}`, { theme, width, host: new LookHost(8).answer });
    await shoot(`ask-${theme}-${width}`, { theme, width, host: tabs }, (panel) => panel.page.click('#ask'));
    await shoot(`history-${theme}-${width}`, { theme, width, host: tabs }, (panel) => panel.page.click('#history'));
    await shoot(`pair-${theme}-${width}`, { theme, width, host: answering(pairMessage) });
  }
  await shoot('empty-light-300', {
    theme: 'light',
    width: 300,
    place: 'side',
    host: answering(openMessage({ place: 'side' })),
  });
  await shoot('running-dark-1280', { host: answering() }, async (panel) => {
    await panel.page.click('#run');
    await panel.send(
      { kind: 'stage', sentence: 'Prompt 20 of 64', share: 0.31, secondsLeft: 57, kept: 20 },
      {
        kind: 'partial',
        finding: 'So far 5 of 144 heads look back at the pass key (20 of 64 prompts).',
        sections: [headsStory()],
      },
    );
    await panel.page.waitForTimeout(300);
  });
  await shoot('failed-light-1280', { theme: 'light', host: answering() }, async (panel) => {
    await panel.page.click('#run');
    await panel.send(
      {
        kind: 'partial',
        finding: 'So far 5 of 144 heads look back at the pass key (20 of 64 prompts).',
        sections: [headsStory()],
      },
      {
        kind: 'failed',
        sentence: 'The compute process ended (signal SIGKILL). Run again: 20 steps are kept.',
        details: 'signal SIGKILL',
      },
    );
    await panel.page.waitForTimeout(300);
  });
  await shoot('asked-dark-1280', { host: answering(finished()) }, async (panel) => {
    await panel.page.locator('[data-section=retrieval] .picture-frame').focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.keyboard.press('Enter');
    await panel.page.waitForTimeout(500);
    await panel.page.locator('[data-section=circuit] .picture-frame').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown']) await panel.page.keyboard.press(key);
    await panel.page.waitForTimeout(500);
  });
  for (const width of [300, 1280] as const) {
    const place = width === 300 ? 'side' : 'full';
    const other = {
      ...result,
      seed: 1,
      finding: '5 of 144 heads look back at the pass key.',
      sections: [{ ...headsStory(), title: 'Retrieval score of every head' }, lineStory()],
    };
    const opening = finished({
      place,
      result: { ...result, sections: [headsStory(), lineStory()] },
      compareWith: {
        name: 'retrieval-gpt2-seed-1.headscope-analysis.json',
        result: other,
        sections: [{ ...headsStory(12, 12, 'change'), title: 'Change of the retrieval score' }],
      },
    });
    await shoot(`compare-dark-${width}`, { place, width, host: answering(opening) });
  }
  for (const [layers, heads] of [
    [2, 1],
    [4, 8],
    [32, 32],
    [64, 64],
    [1, 4096],
  ] as const) {
    for (const width of [300, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      await shoot(`heads-${layers}x${heads}-${width}`, {
        place,
        width,
        host: answering(finished({ place, result: { ...result, sections: [headsStory(layers, heads)] } })),
      });
    }
  }
  for (const input of ['prompt', 'corpus', 'image', 'image-set', 'none'] as const) {
    await shoot(`input-${input}`, {
      width: 600,
      host: answering(openMessage({ plan: { ...plan, analysis: `of-${input}`, parameters: {} } })),
    });
  }
  for (const theme of ['dark', 'light'] as const) {
    for (const width of [300, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      const host = onRegions('1-6x2-6/4-9x9-13,194-199', true, place);
      await shoot(`regions-picture-${theme}-${width}`, { theme, width, place, host, height: 1400 }, async (panel) => {
        // A side view asks for nothing before it is touched.
        await panel.page.getByLabel('Heads', { exact: true }).locator('input').fill('0.1');
        await sendPicture(panel, (await panel.posts('picture')).sha256);
        await panel.page.locator('.region-box').first().focus();
        await panel.page.waitForTimeout(300);
      });
      const text = onRegions('1-5/7-11', false, place);
      await shoot(
        `regions-text-${theme}-${width}`,
        { theme, width, place, host: text, height: 1400 },
        async (panel) => {
          await panel.page.getByLabel('Heads', { exact: true }).locator('input').fill('0.1');
          await panel.page.waitForSelector('.region-tokens');
          await panel.page.waitForTimeout(300);
        },
      );
    }
  }
  await browser.stop();
}

void main(process.argv[2] ?? 'bench-results/analyses-pictures', process.argv[3]);
