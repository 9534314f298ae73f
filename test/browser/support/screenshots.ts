/** `npx tsx test/browser/support/screenshots.ts FOLDER`: pictures of the kernels panel in each theme, width and state, to be looked at. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { answering, busyResult, result, openMessage } from './kernels-host';
import { PanelBrowser, type OpenOptions } from './panel-page';

async function main(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await PanelBrowser.start('kernels');
  const shoot = async (
    name: string,
    options: OpenOptions,
    act?: (page: Awaited<ReturnType<PanelBrowser['open']>>) => Promise<void>,
  ) => {
    const panel = await browser.open(options);
    await panel.page
      .waitForSelector('h1', { timeout: 5000 })
      .catch((error: unknown) => console.log(name, String(error)));
    await panel.page.waitForTimeout(500);
    await act?.(panel);
    await panel.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    if (panel.complaints.length > 0) console.log(name, panel.complaints);
    await panel.close();
  };
  const only = process.argv[3];
  const want = (name: string): boolean => only === undefined || name.includes(only);
  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    for (const width of [300, 600, 1280] as const) {
      const place = width === 300 ? 'side' : 'full';
      const name = `done-${theme}-${width}`;
      if (want(name))
        await shoot(name, {
          theme,
          width,
          place,
          host: answering({ result, place, savedAs: 'kernels.headscope-bench.json' }),
        });
    }
  }
  for (const theme of ['dark', 'light'] as const)
    if (want('busy')) await shoot(`busy-${theme}-1280`, { theme, host: answering({ result: busyResult }) });
  if (want('empty')) await shoot('empty-dark-1280', { host: answering() });
  const ofModel = { plan: { ...result.plan, origin: 'Llama-3.1-8B' } };
  for (const [width, place] of [
    [300, 'side'],
    [1280, 'full'],
  ] as const) {
    if (want('model')) {
      await shoot(`model-dark-${width}`, { width, place, host: answering({ ...ofModel, place }) }, async (panel) => {
        if (place === 'side') await panel.page.click('#settings .disclosure-button');
        await panel.page.fill('.mechanism-filter input', 'window');
        await panel.page.waitForTimeout(300);
      });
    }
  }
  if (want('running')) {
    await shoot('running-dark-1280', { host: answering() }, async (panel) => {
      await panel.page.click('#run');
      for (const row of result.rows.slice(0, 15)) await panel.send({ kind: 'row', row, final: true });
      const row = result.rows[15];
      if (row) await panel.send({ kind: 'row', row, final: false });
      await panel.send({
        kind: 'stage',
        sentence: 'Timing Linear at 2,048 tokens',
        done: 15,
        total: 30,
        secondsLeft: 34,
      });
      await panel.page.waitForTimeout(300);
    });
  }
  if (want('failed')) {
    await shoot('failed-light-1280', { theme: 'light', host: answering() }, async (panel) => {
      await panel.page.click('#run');
      for (const row of result.rows.slice(0, 12)) await panel.send({ kind: 'row', row, final: true });
      await panel.send({
        kind: 'failed',
        sentence: 'The compute process ended (signal SIGKILL). Run again, or choose shorter lengths.',
        details: 'signal SIGKILL\nat 2,048 tokens',
      });
      await panel.page.waitForTimeout(300);
    });
  }
  if (want('file')) {
    await shoot(
      'file-dark-1280',
      {
        place: 'file',
        host: () => [],
      },
      async (panel) => {
        const other = {
          ...result,
          rows: result.rows.map((row) => (row.medianMs ? { ...row, medianMs: row.medianMs * 1.3 } : row)),
        };
        await panel.send(openMessage({ place: 'file', result, compareWith: { name: 'laptop', result: other } }));
        await panel.page.waitForTimeout(400);
      },
    );
  }
  await browser.stop();
}

void main(process.argv[2] ?? 'bench-results/panel-pictures');
