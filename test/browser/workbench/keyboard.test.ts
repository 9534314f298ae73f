/** A first hour in the workbench by the keyboard alone: nothing is clicked, and what has the focus was reached by Tab. */
import assert from 'node:assert/strict';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { openMessage, startBrowser, tabOf, type Panel, type WorkbenchBrowser } from './workbench-host';
import { answeringTrials, finished, plan, planted, summary } from './try-host';

/** The extension's side: each run and each Look ends at once, as the planted result of what was asked. */
class Extension {
  readonly runs: Extract<FromWorkbench, { kind: 'run' | 'lookByItself' }>[] = [];
  private readonly others = answeringTrials();
  private tabs: ReturnType<typeof tabOf>[] = [];

  readonly answer = (message: FromWorkbench): readonly ToWorkbench[] => {
    if (message.kind === 'run' || message.kind === 'lookByItself') return this.made(message);
    if (message.kind === 'estimate')
      return [{ kind: 'estimate', request: message.request, estimate: { supported: true, seconds: 0.2 } }];
    if (message.kind === 'chooseModel') return [{ kind: 'model', model: { ...summary, folder: message.folder } }];
    if (message.kind !== 'ready') return this.others(message);
    const [heads, ...others] = finished().analyses;
    if (heads === undefined) return [];
    const analyses = [heads, { ...heads, id: 'other', title: 'Another one', question: 'What else?' }, ...others];
    const models = [plan.folder, '/models/llama'].map(
      (folder) => ({ folder, label: folder, family: 'llama', runs: true }) as const,
    );
    return [openMessage({ analyses, plan: begun, models, model: summary, tabs: { tabs: [] }, asks: 'look' })];
  };

  private made(message: Extract<FromWorkbench, { kind: 'run' | 'lookByItself' }>): readonly ToWorkbench[] {
    this.runs.push(message);
    const run = this.runs.length;
    const { analysis, input, interventions, seed } = message.plan;
    const created = `2026-11-24T10:${String(run).padStart(2, '0')}:00.000Z`;
    const result = { ...planted, analysis, input, interventions, seed, created, finding: `Finding ${run}.` };
    const look = message.kind === 'lookByItself' || message.look === true;
    const byItself = message.kind === 'lookByItself' ? { byItself: true as const } : {};
    const tab = tabOf(result, { id: look ? 't1' : `t${run + 1}`, run, ...(look ? { look: true, ...byItself } : {}) });
    this.tabs = [...this.tabs.filter(({ id }) => id !== tab.id), tab];
    return [
      { kind: 'tabs', tabs: this.tabs, active: tab.id },
      ...(look ? [{ kind: 'looks' as const, tab: 't1', ...byItself }] : []),
      { kind: 'result', result, run },
    ];
  }
}

const begun = { ...plan, input: { kind: 'prompt', prompt: { kind: 'text', text: 'The cat sat' } } } as const;

/** What has the focus, inside of custom elements too, or one of the elements that it lies in, is one of these. */
const hasFocus = (panel: Panel, selector: string): Promise<boolean> =>
  panel.page.evaluate((wanted) => {
    for (let at: Element | null = document.activeElement; at !== null; at = at.shadowRoot?.activeElement ?? null)
      if (at.closest(wanted) !== null) return true;
    return false;
  }, selector);

describe('the workbench by the keyboard alone', function () {
  this.timeout(60_000);
  let browser: WorkbenchBrowser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.stop());

  it('chooses model and prompt, opens a head, reads a token, changes a head, runs, compares, finds, saves and undoes', async () => {
    const host = new Extension();
    const panel = await browser.open({ host: host.answer });
    panel.page.setDefaultTimeout(8000);
    const { page } = panel;
    const { keyboard } = page;
    /** By Tab, in whatever direction is shorter to write; at most once round the page. */
    const reach = async (selector: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> => {
      await page.locator(selector).first().waitFor();
      for (let times = 0; times < 150; times += 1) {
        if (await hasFocus(panel, selector)) return;
        await keyboard.press(key);
      }
      assert.fail(`${selector} is not reached by ${key}`);
    };
    const keys = async (...pressed: readonly string[]): Promise<void> => {
      for (const key of pressed) await keyboard.press(key);
    };
    /** The finding of the last run is shown, once that is of such a request. */
    const shown = async (isWanted: (plan: AnalysisSetup) => boolean): Promise<void> => {
      const isThere = (): boolean => host.runs.slice(-1).some(({ plan }) => isWanted(plan));
      for (let times = 0; times < 200 && !isThere(); times += 1) await page.waitForTimeout(50);
      assert.ok(isThere(), 'it did not run');
      await page.getByRole('heading', { level: 1, name: `Finding ${host.runs.length}.` }).waitFor({ timeout: 5000 });
    };
    const reads = ({ input }: AnalysisSetup): string =>
      input.kind === 'prompt' && input.prompt.kind === 'text' ? input.prompt.text : '';
    const changes = (): Promise<readonly string[]> =>
      page.$$eval('.intervention-row input', (all) => all.map((one) => (one as HTMLInputElement).value));

    await shown(() => true);
    await reach('[aria-label="Model"] vscode-dropdown, vscode-dropdown[aria-label="Model"]');
    const before = panel.posted.length;
    await keys('ArrowDown', 'Enter');
    assert.equal((await panel.posts('chooseModel', before)).folder, '/models/llama');
    await keys('ArrowUp', 'Enter');

    await reach('#prompt');
    await keys('Control+a');
    await keyboard.type('The dog sat');
    await shown((plan) => reads(plan) === 'The dog sat');

    const grid = '[data-section=heads] > hs-section-picture';
    await reach(grid);
    await keys('ArrowRight', 'Enter');
    await page.locator('.answer').first().waitFor();
    await reach('.head-strip hs-section-picture');
    const strip = await page.locator('.head-strip').first().innerText();
    await keys('ArrowLeft', 'Enter');
    await page.waitForFunction((old) => document.querySelector<HTMLElement>('.head-strip')?.innerText !== old, strip);

    await reach(grid, 'Shift+Tab');
    await keys('x');
    await page.locator('.intervention-row').first().waitFor();
    const [removed] = await changes();
    assert.match(removed ?? '', /^gain:\d+\.\d+=0$/);
    await shown(({ interventions }) => interventions.length === 1);

    const looks = host.runs.length;
    await keys('Control+Enter');
    await page.getByRole('heading', { level: 1, name: `Finding ${looks + 1}.` }).waitFor({ timeout: 5000 });
    assert.equal(host.runs.at(-1)?.kind, 'run');
    assert.equal(host.runs.at(-1)?.plan.interventions.length, 1);

    // Another question is asked of the same request, and its answer is compared with the Look by the menu of that.
    await reach('#ask', 'Shift+Tab');
    await keys('Enter');
    await page.locator('#ask-words:focus').waitFor();
    await keyboard.type('else');
    await keys('ArrowDown', 'Enter');
    await page.getByRole('heading', { level: 1, name: 'What else?' }).waitFor();
    await keys('Control+Enter');
    await shown(({ analysis }) => analysis === 'other');
    await reach('[data-tab=t1] .menu-trigger', 'Shift+Tab');
    await keys('Enter');
    await page.locator('[data-tab=t1] [role=menuitem]').first().waitFor();
    await keys('Enter');
    assert.equal((await panel.posts('compareTabs')).tab, 't1');

    // An earlier result is found and opened.
    await reach('#history');
    await keys('Enter');
    await page.locator('#history-words:focus').waitFor();
    await keyboard.type('capital');
    await keys('ArrowDown', 'Enter');
    assert.equal((await panel.posts('openEntry')).id, 'bbbbbbbbbbbb');

    // What is in front is saved, and the change taken back.
    await reach('[data-tab=t1] .tab-button', 'Shift+Tab');
    await keys('Enter');
    assert.equal((await panel.posts('showTab')).tab, 't1');
    await keys('Control+z');
    await page.locator('.intervention-row').waitFor({ state: 'detached' });
    await reach('#save', 'Shift+Tab');
    await keys('Enter');
    await panel.posts('save');
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('finds each of thirty tabs in a menu, beside a row of the newest and the one in front, also at 300 px', async () => {
    const tabs = Array.from({ length: 30 }, (_, at) => {
      const created = `2026-11-24T10:${String(at + 10)}:00.000Z`;
      return tabOf({ ...planted, created }, { id: `t${at + 1}`, title: `Question ${at + 1}` });
    });
    const opening = openMessage({ result: planted, plan: begun, tabs: { tabs, active: 't5' } });
    const panel = await browser.open({ host: answeringTrials(opening), width: 300 });
    const { page } = panel;
    await page.locator('.tab[data-tab=t30]').waitFor();
    const inRow = (): Promise<readonly (string | undefined)[]> =>
      page.$$eval('.tab[data-tab]', (all) => all.map((one) => (one as HTMLElement).dataset['tab']));
    assert.deepEqual(await inRow(), ['t5', 't28', 't29', 't30']);
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.locator('.tab[data-tab=t19]').waitFor();
    assert.equal((await inRow()).length, 13);
    await page.setViewportSize({ width: 300, height: 900 });
    await page.locator('.tab[data-tab=t19]').waitFor({ state: 'detached' });
    const trigger = page.locator('#all-tabs .menu-trigger');
    await trigger.press('Enter');
    const rows = page.locator('#all-tabs [role=menuitem]');
    assert.equal(await rows.count(), 30);
    await page.keyboard.press('End');
    const list = await page.locator('#all-tabs .menu-list').boundingBox();
    assert.ok(list && list.x >= 0 && list.x + list.width <= 300 && list.height < 800);
    await page.keyboard.press('Enter');
    assert.equal((await panel.posts('showTab')).tab, 't1', 'the oldest is the last one');
    await panel.close();
  });
});
