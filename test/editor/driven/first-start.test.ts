/** What a newcomer sees of the example workspace: a first finding after a click, and what is there without one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { hostFolder, repositoryRoot } from '../../support/host/versions';
import { eventually, patience } from '../../support/patience';
import { processesOf } from './compute-processes';
import { workbenchPanel } from './panels';
import { useWindow } from './window';

/** From the window that is there to the finding, in milliseconds of a machine that has nothing else to do. */
const soon = 30_000;
const mostClicks = 3;

describe('the first start in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow({ welcome: true });

  it('shows the attention and the benchmark above the faulty config, beside the walkthrough and left of the minimap', async () => {
    const { page } = window().bench;
    await page.setViewportSize({ width: 900, height: 700 });
    // As wide as a window that opens at this width makes it.
    await window().bench.sideBarWidth(227);
    const lenses = page.locator('.codelens-decoration');
    await lenses.filter({ hasText: /GQA 32:6/ }).waitFor();
    await page.locator('.gettingStartedContainer').first().waitFor();
    // Lenses are drawn anew after each change of width.
    await page.waitForFunction(() => {
      const lenses = [...document.querySelectorAll('.codelens-decoration a')];
      const benchmark = lenses.find(({ textContent }) => textContent?.includes('Benchmark'))?.getBoundingClientRect();
      const minimap = document.querySelector('.minimap')?.getBoundingClientRect();
      return benchmark !== undefined && minimap !== undefined && benchmark.width > 0 && benchmark.right <= minimap.left;
    });
  });

  it('leads to a first finding about the heads of a model with at most three clicks', async () => {
    const { bench } = window();
    let clicks = 0;
    const click = async (what: Locator): Promise<void> => {
      clicks += 1;
      await what.click();
    };
    await click(bench.page.locator('.gettingStartedContainer').getByRole('button', { name: 'Run the Demo Model' }));
    const panel = await workbenchPanel(bench, 'full');
    const found = panel.locator('#finding', { hasText: /\d+ of 36 heads|36 heads are measured/ });
    await found.waitFor({ timeout: patience(soon) });
    assert.ok(clicks <= mostClicks, `${clicks} clicks`);
    await panel.locator('[data-section=heads] canvas').first().waitFor();
  });

  it('ends with Ctrl+C, although its signal comes from the terminal and again from the process that started it', async () => {
    const started = spawn(process.execPath, ['--import', 'tsx', 'test/support/host/serve.ts'], {
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const servers = (): number[] => processesOf(join(hostFolder, 'profile'), 'code-server');
    let url = '';
    for await (const line of createInterface(started.stdout)) {
      url = line.trim();
      if (url.startsWith('http://127.0.0.1:')) break;
    }
    // A window that was open keeps its processes: it may come back.
    const page = await window().bench.page.context().newPage();
    await page.goto(url);
    await page.locator('.statusbar-item[id*="headscope"]').first().waitFor();
    await page.close();
    assert.ok(servers().length > 0);
    const ended = once(started, 'exit');
    for (let times = 0; times < 5; times += 1) {
      started.kill('SIGINT');
      await setTimeout(5);
    }
    assert.deepEqual(await ended, [0, null], 'it is there until the server has ended');
    await eventually(() => assert.deepEqual(servers(), []));
  });
});
