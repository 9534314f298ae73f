/** Look in Chromium: first in the row, run by itself while one types, and by hand where it takes longer. */
import assert from 'node:assert/strict';
import { canonical } from '../../../webviews/ui/canonical';
import { heads, LookHost, madeOf, setup } from './look-host';
import { headsStory, stripsStory } from './stories';
import { openMessage, pair, result, startBrowser, tabOf, type Panel, type WorkbenchBrowser } from './workbench-host';

describe('Look', () => {
  let browser: WorkbenchBrowser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.stop());

  const start = async (host: LookHost): Promise<Panel> => {
    const panel = await browser.open({ host: host.answer });
    await panel.page.waitForSelector('#run');
    return panel;
  };
  const finding = (panel: Panel, minute: number): Promise<void> =>
    panel.page.getByRole('heading', { level: 1, name: `Finding ${minute}.` }).waitFor();
  const row = (panel: Panel): Promise<readonly string[]> =>
    panel.page
      .locator('.tab-button')
      .evaluateAll((all) => all.map((one) => one.textContent.trim().replace(/\s+/g, ' ')));
  const prompt = (panel: Panel) => panel.page.locator('#prompt textarea, textarea#prompt').first();

  it('is there without a click, follows what is typed in its one tab, and keeps the head that is open', async () => {
    const host = new LookHost(0.3);
    const panel = await start(host);
    await finding(panel, 1);
    assert.match((await row(panel)).join(' | '), /^Look \d.* \| Ask$/);
    await panel.page.focus('[data-section=retrieval] > hs-section-picture .picture-frame');
    for (const key of ['ArrowRight', 'Enter']) await panel.page.keyboard.press(key);
    // One is open by itself, the other was asked for.
    await panel.page.locator('.answer').nth(1).waitFor();
    await prompt(panel).fill('The dog');
    await finding(panel, 2);
    assert.equal(
      host.looked.at(-1)?.input.kind === 'prompt' && canonical(host.looked.at(-1)?.input).includes('The dog'),
      true,
    );
    assert.equal((await row(panel)).length, 2);
    assert.equal(await panel.page.locator('.answer').count(), 2, 'the heads are still open');
    assert.equal(await panel.page.locator('#stale').count(), 0);
    await prompt(panel).fill('');
    await panel.page.getByText('Type a prompt first.').first().waitFor();
    await panel.page.waitForTimeout(700);
    assert.equal(host.looked.length, 2, 'nothing runs without a prompt');
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('opens what a row of another result reads: its text, with the head and the query chosen', async () => {
    const host = new LookHost(8);
    host.show({ prompts: [{ text: null, ids: [1, 20, 31, 42], tokens: ['<s>', ' one', ' two', ' three'] }] });
    const shown = openMessage({
      analyses: [heads, pair],
      plan: setup,
      result: { ...result, sections: [stripsStory()] },
    });
    const panel = await browser.open({
      host: (message) => (message.kind === 'ready' ? [shown] : host.answer(message)),
    });
    const strip = panel.page.locator('[data-section=examples] tbody tr').first();
    // The first Enter chooses the row, the second opens it.
    await strip.focus();
    await panel.page.keyboard.press('Enter');
    await panel.page.keyboard.press('Enter');
    const ran = await panel.posts('run');
    assert.equal(ran.look, true);
    assert.equal(ran.plan.analysis, 'heads');
    assert.deepEqual(ran.plan.input, { kind: 'prompt', prompt: { kind: 'ids', ids: [1, 20, 31, 42] } });
    await finding(panel, 1);
    await panel.page.locator('.head-strip').waitFor();
    const { layer, head, query } = await panel.posts('row');
    assert.deepEqual({ layer, head, query }, { layer: 8, head: 6, query: 3 });
    assert.equal(await panel.page.locator('#look').getAttribute('aria-current'), 'page');
    assert.ok(
      panel.posted.every(({ kind }) => kind !== 'ask'),
      'the analysis is not asked',
    );
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('reports which head was chosen, and a page that is built again opens it', async () => {
    const host = new LookHost(0.3);
    const panel = await start(host);
    await finding(panel, 1);
    const grid = '[data-section=retrieval] > hs-section-picture .picture-frame';
    const { layer, head } = (await panel.posts('chooseHead')).chosen.head;
    assert.ok(head > 0);
    const first = panel.posted.length;
    await panel.page.press(grid, 'Home');
    const { tab, chosen } = await panel.posts('chooseHead', first);
    assert.deepEqual([tab, chosen], ['t1', { section: 'retrieval', head: { layer, head: 0 } }]);
    await panel.close();
    const made = madeOf(setup, 1);
    const tabs = { tabs: [tabOf(made, { look: true, chosen })], active: 't1' };
    const anew = await browser.open({
      host: ({ kind }) =>
        kind === 'ready' ? [openMessage({ analyses: [heads, pair], plan: setup, result: made, tabs })] : [],
    });
    await anew.page.getByRole('heading', { name: `Attention of L${layer}H0` }).waitFor();
    assert.equal(await anew.page.locator('.answer').count(), 1);
    assert.deepEqual(anew.complaints, []);
    await anew.close();
  });

  it('opens the first head with attention where the one that was open is in a layer of a recurrence now', async () => {
    const host = new LookHost(0.3);
    const panel = await start(host);
    await finding(panel, 1);
    await panel.page.getByRole('heading', { name: /^Attention of L(5|6|8|9|10)H/ }).waitFor();
    const { classes: _, marked: _marked, ...grid } = headsStory();
    const reason = Array.from({ length: 12 }, (_none, layer) => (layer === 4 ? null : 'a gated delta rule'));
    const values = reason.map((why) => (why === null ? [0.5, 0.2] : []));
    const numbers = grid.numbers.map(({ low: _low, high: _high, ...one }) => ({ ...one, values }));
    host.show({ sections: [{ ...grid, numbers, without: reason }] });
    await prompt(panel).fill('The dog');
    await finding(panel, 2);
    await panel.page.getByRole('heading', { name: 'Attention of L4H0' }).waitFor();
    assert.equal(await panel.page.locator('.answer').count(), 1);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });

  it('says that what came cannot be shown, and does not seem to go on', async () => {
    const host = new LookHost(0.3);
    const panel = await start(host);
    await finding(panel, 1);
    const [numbers] = headsStory().numbers;
    // A row that is none, as a gap in a list is written.
    host.show({ sections: [{ ...headsStory(), numbers: [{ ...numbers!, values: [null as never] }] }] });
    await prompt(panel).fill('The dog');
    await panel.page.getByText('The panel could not show what came.').first().waitFor();
    assert.equal(await panel.page.locator('.run-state', { hasText: '%' }).count(), 0);
    assert.ok(panel.complaints.every((one) => one.startsWith('TypeError')));
    host.show({});
    await prompt(panel).fill('The bird');
    await finding(panel, 3);
    assert.equal(await panel.page.getByText('The panel could not show what came.').count(), 0);
    await panel.close();
  });

  it('waits for Run where it takes longer, and runs without labels where they are what takes longer', async () => {
    const slow = new LookHost(8);
    const panel = await start(slow);
    await panel.page.locator('#estimate', { hasText: '8 s' }).waitFor();
    await panel.page.locator('#run').click();
    await finding(panel, 1);
    assert.deepEqual([slow.looked.length, slow.runs.length], [0, 1]);
    await prompt(panel).fill('The dog');
    await panel.page.locator('#stale').waitFor();
    await panel.close();

    const brief = new LookHost(8, 0.2);
    const other = await start(brief);
    await finding(other, 1);
    assert.deepEqual(
      brief.looked.map(({ parameters }) => parameters),
      [{ labels: false }],
    );
    await other.page.locator('#no-labels').waitFor();
    await other.page.getByRole('button', { name: 'Run with labels' }).click();
    await finding(other, 2);
    assert.match(brief.runs[0] ?? '', /"labels":true/);
    assert.equal(await other.page.locator('#no-labels').count(), 0);
    await other.close();
  });

  it('opens the head that a link names', async () => {
    const made = madeOf(setup, 1);
    const tabs = { tabs: [tabOf(made, { look: true, byItself: true })], active: 't1' };
    const select = { layer: 9, head: 6 };
    const opening = openMessage({ analyses: [heads, pair], plan: setup, result: made, tabs, asks: 'look', select });
    const panel = await browser.open({ host: ({ kind }) => (kind === 'ready' ? [opening] : []) });
    const { layer, head } = await panel.posts('tile');
    assert.deepEqual({ layer, head }, select);
    await panel.close();
  });

  it('stays while another question is asked, and is one click away', async () => {
    const host = new LookHost(0.3);
    const panel = await start(host);
    await finding(panel, 1);
    await panel.page.locator('#ask').click();
    await panel.page.locator('[data-analysis=heads]').first().click();
    await prompt(panel).fill('The dog');
    await panel.page.locator('#look .stale-mark').waitFor();
    await panel.page.waitForTimeout(700);
    assert.equal(host.looked.length, 1, 'it runs by itself only while it is in front');
    await panel.page.locator('#look').click();
    await finding(panel, 2);
    assert.deepEqual(panel.complaints, []);
    await panel.close();
  });
});
