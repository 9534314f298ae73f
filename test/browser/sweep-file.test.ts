/** The Sweeps panel on its page, with a played host: its states, keyboard, and what it asks for. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { KnownResults } from '../../compute-server/sweeps/picture/known-results';
import { pictureOf } from '../../compute-server/sweeps/picture/picture';
import type { FromSweepPanel } from '../../protocol/panels/sweep-schema';
import type { ToSweepPanel } from '../../protocol/panels/sweep';
import type { SweepLook } from '../../protocol/sweeps/sweep-picture';
import { cellStates, type CellState, type SweepStatus } from '../../protocol/sweeps/sweep-status';
import { PanelBrowser, type PanelPage } from './support/panel-page';
import type { ThemeName } from './support/themes';

const pictures = process.env['HEADSCOPE_PICTURES'];
type Panel = PanelPage<ToSweepPanel, FromSweepPanel>;

const key = (cell: number): string => cell.toString(16).padStart(24, '0');
const opened: ToSweepPanel = { kind: 'open', name: 'heads', canRun: true, unsaved: false };

/** Four tasks, two modes, three seeds. */
function sweepIn(stateOf: (cell: number) => CellState, active = false): SweepStatus {
  const cells = ['induction', 'indirect-object', 'greater-than', 'capitals'].flatMap((task) =>
    ['zero', 'mean'].flatMap((mode) => [0, 1, 2].map((seed) => ({ task, 'param.mode': mode, seed }))),
  );
  const states = Object.fromEntries(cellStates.map((state) => [state, 0])) as Record<CellState, number>;
  for (const at of cells.keys()) states[stateOf(at)] += 1;
  return {
    title: 'Which heads matter for which task',
    run: 'ablation',
    engine: 'local',
    axes: ['task', 'param.mode', 'seed'],
    active,
    ...(active ? { secondsLeft: 250 } : {}),
    states,
    total: cells.length,
    done: states.done,
    cells: cells.map((settings, cell) => {
      const state = stateOf(cell);
      return {
        key: key(cell),
        cell,
        settings,
        state,
        tries: state === 'open' || state === 'waiting' ? 0 : 1,
        ...(state === 'done' ? { file: 'x', seconds: 12.3, log: 'x' } : {}),
        ...(state === 'failed'
          ? { reason: 'There is no such task. Choose from the list.', log: 'x', seconds: 1.5 }
          : {}),
      };
    }),
  };
}

function imageOf(status: SweepStatus, look: SweepLook): ToSweepPanel {
  const known = new KnownResults();
  for (const { key: one, state, cell } of status.cells)
    if (state === 'done')
      known.take(one, {
        finding: 'Two heads matter.',
        rows: [{ 'largest.drop': Math.sin(cell) + 1.5, heads: cell % 5 }],
      });
  const place = 'Cells run on cpu: the file names no device.';
  return { kind: 'picture', picture: { ...pictureOf(status, known, look, () => 0), place } };
}

async function open(
  browser: PanelBrowser<ToSweepPanel, FromSweepPanel>,
  status: SweepStatus,
  how: { readonly theme?: ThemeName; readonly width?: number; readonly height?: number } = {},
): Promise<Panel> {
  let look: SweepLook = {};
  const panel = await browser.open({
    place: 'file',
    ...how,
    host: (message) => {
      if (message.kind === 'look') ({ look } = message);
      if (message.kind === 'ready') return [opened, imageOf(status, look)];
      return message.kind === 'look' || message.kind === 'refresh' ? [imageOf(status, look)] : [];
    },
  });
  await panel.page.waitForSelector('.sweep-counts');
  return panel;
}

async function shoot({ page }: Panel, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.waitForTimeout(400);
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
}

const ended = sweepIn((cell) => (cell === 4 || cell === 19 ? 'failed' : cell > 20 ? 'cancelled' : 'done'));

describe('the panel of a sweep', () => {
  let browser: PanelBrowser<ToSweepPanel, FromSweepPanel>;
  before(async () => (browser = await PanelBrowser.start('sweep')));
  after(() => browser.stop());

  it('shows cells by state, walks them by arrow keys, and says what failed', async () => {
    const panel = await open(browser, ended);
    const { page } = panel;
    try {
      await page.waitForSelector('#finding:has-text("19 of 24 cells done, 2 failed, 3 cancelled.")');
      await page.waitForSelector('.circumstances:has-text("Cells run on cpu: the file names no device.")');
      await page.waitForSelector('[data-section="map"] canvas');
      await page.waitForSelector('[data-section="lines"]');
      await shoot(panel, 'sweep-dark-1280');
      const place = page.locator('.sweep-grid td').first();
      assert.equal(await place.getAttribute('aria-label'), 'task induction, param.mode zero: 3 cells: 3 done');
      await place.focus();
      await page.keyboard.press('ArrowRight');
      const focused = (): Promise<string | null> =>
        page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? null);
      assert.equal(await focused(), 'task induction, param.mode mean: 3 cells: 1 failed, 2 done');
      // A place with several cells shows these alone, then each of them.
      await page.keyboard.press('Enter');
      await page.waitForSelector('#list-title:has-text("3")');
      await page.click('tr[data-key]:has-text("failed")');
      await page.waitForSelector('.sweep-cell:has-text("There is no such task. Choose from the list.")');
      assert.equal(await page.locator('#open-result').count(), 0, 'there is none');
      await shoot(panel, 'sweep-failed-1280');
      await page.click('#open-log');
      assert.equal((await panel.posts('openLog')).cell, key(4));
      await page.click('#again');
      assert.equal((await panel.posts('again')).cell, key(4));
      await page.click('#failed-again');
      assert.equal((await panel.posts('submit')).failedOnly, true);
      assert.deepEqual(panel.complaints, []);
    } finally {
      await panel.close();
    }
  });

  it('compares two cells that are chosen one after the other, and draws another number', async () => {
    const panel = await open(browser, ended, { theme: 'light' });
    const { page } = panel;
    try {
      await page.click(`tr[data-key="${key(0)}"]`);
      await page.click('#compare-with');
      await page.click(`tr[data-key="${key(1)}"]`);
      await page.click('#compare');
      const { one, other } = await panel.posts('compare');
      assert.deepEqual([one, other], [key(1), key(0)]);
      await page.getByLabel('Number of the results').click();
      await page.getByRole('option', { name: 'heads' }).click();
      await page.waitForSelector('[data-section="map"] h2:has-text("heads over task and param.mode")');
      await page.getByLabel('Only seed').click();
      await page.getByRole('option', { name: '2', exact: true }).click();
      await page.waitForSelector('.sweep-grid td[aria-label="task induction, param.mode zero: done"]');
      await shoot(panel, 'sweep-light-1280');
      await page.getByRole('button', { name: 'Show all cells' }).click();
      await page.waitForSelector('.sweep-grid td[aria-label="task induction, param.mode zero: 3 cells: 3 done"]');
      assert.deepEqual(panel.complaints, []);
    } finally {
      await panel.close();
    }
  });

  it('says how far it is while it runs and can be cancelled; before it was submitted it says what to do', async () => {
    const running = await open(
      browser,
      sweepIn((cell) => (cell < 5 ? 'done' : cell < 7 ? 'running' : 'waiting'), true),
    );
    try {
      await running.page.waitForSelector('#finding:has-text("5 of 24 cells done, 2 running. About 4 min left.")');
      assert.equal(await running.page.locator('#submit').count(), 0);
      await shoot(running, 'sweep-running-1280');
      await running.page.click('#cancel');
      await running.posts('cancel');
      await running.send({ kind: 'doing', sentence: 'Cancelling' });
      await running.page.waitForSelector('.run-state:has-text("Cancelling")');
      await running.send({ kind: 'done', sentence: '19 cells were cancelled. Results are kept.' });
      await running.page.waitForSelector('.banner:has-text("19 cells were cancelled.")');
      assert.deepEqual(running.complaints, []);
    } finally {
      await running.close();
    }
    const fresh = await open(
      browser,
      sweepIn(() => 'open'),
      { width: 300 },
    );
    try {
      await fresh.page.waitForSelector('#finding:has-text("None of the 24 cells has run yet.")');
      await fresh.page.waitForSelector('.empty-state:has-text("Submit runs the cells")');
      await shoot(fresh, 'sweep-fresh-300');
      await fresh.page.click('#submit');
      assert.equal((await fresh.posts('submit')).failedOnly, false);
      const [inner, outer] = await fresh.page.evaluate(() => [document.body.scrollWidth, window.innerWidth]);
      assert.ok(inner <= outer, `${inner} px in ${outer} px`);
      const list = fresh.page.locator('.sweep-list');
      const cut = await list.locator('.table-frame').evaluate((frame) => frame.scrollWidth - frame.clientWidth);
      assert.ok(cut <= 0, `${cut} px of the list are cut off`);
      assert.match(
        await list.locator('tbody tr').first().innerText(),
        /open\s+task induction · param\.mode zero · seed 0/u,
      );
      assert.deepEqual(fresh.complaints, []);
    } finally {
      await fresh.close();
    }
  });

  it('leads to the lines that are wrong', async () => {
    const panel = await browser.open({
      place: 'file',
      width: 600,
      host: (message) =>
        message.kind === 'ready'
          ? [
              opened,
              {
                kind: 'mistakes',
                mistakes: [{ line: 4, message: 'Nothing is called "ablaton"; did you mean "ablation"?' }],
              },
            ]
          : [],
    });
    try {
      await panel.page.waitForSelector('#finding:has-text("heads has a mistake.")');
      await shoot(panel, 'sweep-mistakes-600');
      await panel.page.getByRole('button', { name: 'Line 4' }).click();
      assert.equal((await panel.posts('openLine')).line, 4);
      assert.deepEqual(panel.complaints, []);
    } finally {
      await panel.close();
    }
  });
});
