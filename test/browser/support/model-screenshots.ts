/** `npx tsx test/browser/support/model-screenshots.ts FOLDER [NAME]`: the Model panel in each theme, width and state, to be looked at. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelContent, ToModelPanel } from '../../../protocol/panels/model';
import { answering, deepseek, faulty, gemma, gpt2, hybrid, llama, twoParts } from './model-host';
import { PanelBrowser, type PanelPage } from './panel-page';
import type { ThemeName } from './themes';

type Shot = readonly [
  name: string,
  content: ModelContent,
  theme: ThemeName,
  width: number,
  act?: (panel: PanelPage<ToModelPanel, FromModelPanel>) => Promise<void>,
];

const model = (shown: typeof llama): ModelContent => ({ state: 'model', model: shown });
const pair: ModelContent = { state: 'comparison', first: gemma, second: llama };

async function openServing({ page }: PanelPage<ToModelPanel, FromModelPanel>): Promise<void> {
  await page.click('.disclosure-button:has-text("Serving")');
  await page.waitForSelector('.serving-figures');
}

const shots: readonly Shot[] = [
  ['llama-dark-300', model(llama), 'dark', 300],
  ['gemma-light-300', model(gemma), 'light', 300],
  ['deepseek-contrast-300', model(deepseek), 'high-contrast', 300],
  ['gemma-dark-600', model(gemma), 'dark', 600],
  ['gpt2-light-1280', model(gpt2), 'light', 1280],
  ['deepseek-dark-1280', model(deepseek), 'dark', 1280],
  ['hybrid-dark-1280', model(hybrid), 'dark', 1280],
  ['faulty-dark-300', model(faulty), 'dark', 300],
  ['parts-light-1280', model(twoParts), 'light', 1280],
  ['pair-dark-1280', pair, 'dark', 1280],
  ['pair-light-600', pair, 'light', 600],
  ['pair-contrast-1280', pair, 'high-contrast-light', 1280],
  ['pair-dark-300', pair, 'dark', 300],
  ['serving-dark-1280', model(llama), 'dark', 1280, openServing],
  ['serving-light-300', model(deepseek), 'light', 300, openServing],
  ['serving-contrast-600', model(gemma), 'high-contrast', 600, openServing],
  ['serving-light-1280', model(deepseek), 'light', 1280, openServing],
  ['empty-dark-300', { state: 'empty' }, 'dark', 300],
  ['loading-dark-300', { state: 'loading', name: 'Llama-3.1-8B' }, 'dark', 300],
  [
    'failed-dark-300',
    {
      state: 'failed',
      name: 'gpt2',
      sentence: 'The language server did not start. Run "Headscope: Restart Language Server"; the log has the reason.',
      details: 'Error: spawn ENOENT',
    },
    'dark',
    300,
  ],
  [
    'focus-dark-600',
    model(gemma),
    'dark',
    600,
    async ({ page }) => {
      await page.focus('hs-dots canvas');
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    },
  ],
];

async function main(folder: string, only = ''): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await PanelBrowser.start<ToModelPanel, FromModelPanel>('model');
  for (const [name, content, theme, width, act] of shots.filter(([shot]) => shot.includes(only))) {
    const place = width === 300 && !name.startsWith('pair') ? 'side' : 'full';
    const panel = await browser.open({ host: answering(content), theme, width, place });
    await panel.page.waitForSelector('h1');
    await act?.(panel);
    await panel.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await panel.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    if (panel.complaints.length > 0) console.log(name, panel.complaints);
    await panel.close();
  }
  await browser.stop();
}

main(process.argv[2] ?? 'out/screenshots', process.argv[3]).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
