import assert from 'node:assert/strict';
import type { BenchmarkResult, FittedLength } from '../../protocol/results/benchmark-schema';
import { eventually } from '../support/patience';
import { answering, plan, result } from './support/kernels-host';
import { PanelBrowser, type PanelPage } from './support/panel-page';

const fitted = (length: FittedLength['length']): FittedLength => ({ length, r2Baseline: 0.99, r2Mechanism: 0.98 });
const withCab: BenchmarkResult = {
  ...result,
  rows: result.rows.map((row) => (row.ok && row.medianMs ? { ...row, predictedMs: row.medianMs / 2 } : row)),
  cab: {
    efficiency: [
      { mechanism: 'tiled', pattern: 'causal-self', supported: true, time: fitted(1834.4), memory: fitted('always') },
      { mechanism: 'tiled', pattern: 'causal-cross', supported: 'It has no causal cross form.' },
    ],
    index: {
      baseline: 'fused',
      tasks: [{ task: 'copy', pattern: 'causal-self', scores: { fused: -1, tiled: 1 } }],
      methods: [
        { method: 'fused', pattern: 'causal-self', index: -1, delta: 0 },
        { method: 'tiled', pattern: 'causal-self', index: 1, delta: 2 },
      ],
      correlations: [],
    },
  },
};

const pictures = process.env['HEADSCOPE_PICTURES'];

describe("CAB's measures in the kernels panel", () => {
  let browser: PanelBrowser;
  let panel: PanelPage | undefined;
  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());
  afterEach(async () => {
    const complaints = panel?.complaints ?? [];
    await panel?.close();
    panel = undefined;
    assert.deepEqual(complaints, []);
  });

  const opened = async (shown: BenchmarkResult): Promise<PanelPage> => {
    panel = await browser.open({ host: answering({ result: shown, place: 'full' }) });
    await panel.page.waitForSelector('.measurements');
    return panel;
  };

  it('are a table by mechanism and pattern, with the reason where a pattern is not run, and the index of scores', async () => {
    const { page } = await opened(withCab);
    const rows = await page.$$eval('.cab tbody tr', (all) =>
      all.map((row) => [...row.children].map((cell) => (cell as HTMLElement).innerText.trim())),
    );
    assert.deepEqual(rows[0]?.slice(1), ['1,834', 'always', 'not run']);
    assert.equal(await page.getAttribute('.cab td[colspan="2"]', 'title'), 'It has no causal cross form.');
    assert.equal(rows.length, 3);
    assert.match(rows[2]?.[1] ?? '', /^1(\.00)? \(\+2(\.00)?\)$/);
  });

  it('are measured in all patterns from the panel: with progress, cancelled, and shown as the command line writes them', async () => {
    const lengths = [256, 512, 1024, 2048];
    const ready = { ...plan, shape: { ...plan.shape, lengths } };
    panel = await browser.open({ host: answering({ plan: ready, place: 'full' }) });
    const { page } = panel;
    await page.click('#cab .disclosure-button');
    await page.click('#run-cab');
    const { plan: asked } = await panel.posts('run');
    assert.deepEqual(asked.furtherPatterns, ['noncausal-self', 'noncausal-cross']);
    assert.deepEqual(asked.shape.lengths, lengths);
    await panel.send({ kind: 'stage', sentence: 'Pattern 2 of 4. Length 256: timing', done: 9, total: 32 });
    await page.waitForSelector('#cancel');
    await eventually(async () => assert.match(await page.innerText('.run-state'), /Pattern 2 of 4/));
    assert.match(await page.innerText('.cab-run'), /Cancel keeps what is done/);
    await page.click('#cancel');
    await panel.posts('cancel');
    const stopped: BenchmarkResult = {
      ...withCab,
      plan: { ...ready, furtherPatterns: asked.furtherPatterns },
      state: 'cancelled',
    };
    await panel.send({ kind: 'result', result: stopped, savedAs: 'kept.headscope-bench.json' });
    await page.waitForSelector('.cab tbody tr');
    assert.equal((await page.$$('.cab tbody tr')).length, 3);
    if (pictures) await page.locator('.cab').screenshot({ path: `${pictures}/cab.png` });
    assert.deepEqual(await page.$$eval('.banner', (all) => all.map((one) => one.textContent?.trim())), []);
  });

  it('cannot be measured with three lengths, and say so', async () => {
    const short = { ...plan, shape: { ...plan.shape, lengths: [256, 512, 1024] } };
    panel = await browser.open({ host: answering({ plan: short, place: 'full' }) });
    await panel.page.click('#cab .disclosure-button');
    assert.match(await panel.page.innerText('.cab-run'), /takes 4 lengths at least: add some/);
    assert.notEqual(await panel.page.getAttribute('#run-cab', 'disabled'), null);
  });

  it('leave a result of an earlier version as it was, and predicted times are columns where there are some', async () => {
    const heads = (page: PanelPage['page']) =>
      page.$$eval('.measurements thead th', (all) => all.map((cell) => (cell as HTMLElement).innerText));
    const first = await opened(withCab);
    assert.ok((await heads(first.page)).some((text) => /Predicted \/\s+measured/.test(text)));
    const cut = await first.page.$eval('.measurements .table-frame', (each) => each.scrollWidth - each.clientWidth);
    assert.ok(cut <= 0, `${cut} px of the last column are cut at full width`);
    await first.close();
    const second = await opened(result);
    assert.equal(await second.page.$('.cab table'), null);
    assert.ok(!(await heads(second.page)).some((text) => text.includes('Predicted')));
  });
});
