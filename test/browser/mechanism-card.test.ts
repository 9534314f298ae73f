import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { describeMechanisms } from '../../compute-server/harness/describe';
import { viewMechanism } from '../../compute-server/harness/mechanism-view';
import { neighborhoodBound } from '../../compute-server/harness/neighborhood';
import type { MechanismViewRequest } from '../../protocol/compute/mechanism-view';
import { templateColumns } from '../../protocol/compute/template';
import { answering } from './support/kernels-host';
import { PanelBrowser, type OpenOptions, type PanelPage } from './support/panel-page';

const mechanisms = describeMechanisms();
const pictures = process.env['HEADSCOPE_PICTURES'];

describe('the card of a mechanism', () => {
  let browser: PanelBrowser;
  let open: PanelPage[] = [];
  let asked: MechanismViewRequest[] = [];

  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());
  afterEach(async () => {
    // The warning is about the test's own reading of pixels.
    const complaints = open.flatMap((panel) => panel.complaints).filter((text) => !text.includes('getImageData'));
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    asked = [];
    assert.deepEqual(complaints, []);
  });

  /** The panel with the card of a mechanism open; the real definitions answer. */
  const card = async (id: string, options: Partial<OpenOptions> = {}): Promise<PanelPage> => {
    const answer = answering({ mechanisms, ...(options.place === 'side' ? { place: 'side' } : {}) });
    const panel = await browser.open({
      host: (message) => {
        if (message.kind === 'neighborhoodBound') {
          return [{ kind: 'neighborhoodBound', request: message.request, bound: neighborhoodBound(message.request) }];
        }
        if (message.kind !== 'mechanismView') return answer(message);
        asked.push(message.request);
        try {
          return [{ kind: 'mechanismView', request: message.request, view: viewMechanism(message.request) }];
        } catch (error) {
          return [{ kind: 'mechanismView', request: message.request, problem: String(error) }];
        }
      },
      ...options,
    });
    open.push(panel);
    const title = mechanisms.find((one) => one.id === id)?.title ?? id;
    await panel.page.waitForSelector('.run-bar');
    if (options.place === 'side' || (options.width ?? 1280) < 700)
      await panel.page.click('#settings .disclosure-button');
    await panel.page.click(`[aria-label="${title}: definition and parameters"]`);
    await panel.page.click('text=Pattern and costs');
    await panel.posts('mechanismView');
    await panel.page.waitForSelector('.pattern-frame canvas');
    await panel.page.waitForSelector('.card-facts');
    return panel;
  };
  const fact = (panel: PanelPage, name: string): Promise<string> =>
    panel.page.innerText(`.card-facts tr:has(th:text-is("${name}")) td`);
  /** Colour of the picture at a pair, as [red, green, blue]. */
  const pixel = (panel: PanelPage, query: number, key: number, length: number): Promise<number[]> =>
    panel.page.evaluate(
      ([q, k, n]) => {
        const canvas = document.querySelector('hs-pattern canvas') as HTMLCanvasElement;
        const side = Math.min(canvas.clientWidth - 66, canvas.clientHeight - 42) / n;
        const ratio = canvas.width / canvas.clientWidth;
        const [x, y] = [58 + (k + 0.5) * side, 8 + (q + 0.5) * side];
        return [...(canvas.getContext('2d')?.getImageData(x * ratio, y * ratio, 1, 1).data ?? [])].slice(0, 3);
      },
      [query, key, length] as const,
    );
  const frames = (panel: PanelPage) =>
    panel.page.evaluate(
      () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
    );

  it('chooses what is drawn by arrow keys: Tab goes to the chosen way alone', async () => {
    const panel = await card('sliding-window');
    const { page } = panel;
    const [reads, depends] = [
      page.getByRole('radio', { name: 'May read' }),
      page.getByRole('radio', { name: 'Depends on' }),
    ];
    const state = async () =>
      Promise.all(
        [reads, depends].map(async (each) => [
          await each.getAttribute('aria-checked'),
          await each.getAttribute('tabindex'),
        ]),
      );
    assert.deepEqual(await state(), [
      ['true', '0'],
      ['false', '-1'],
    ]);
    await reads.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-checked') === 'true');
    assert.deepEqual(await state(), [
      ['false', '-1'],
      ['true', '0'],
    ]);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), 'Depends on');
    // Beyond the last comes the first again.
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'May read');
    assert.deepEqual((await state())[0], ['true', '0']);
  });

  it('shows a head as a linear system where it is one, and the pattern of a mechanism that is none', async () => {
    const { page } = await card('norm-attention');
    await page.getByRole('radio', { name: 'System' }).click();
    await page.waitForSelector('.system-sections [data-kind="map"]');
    assert.deepEqual(await page.locator('.system-sections h2').allInnerTexts(), [
      'What is kept of the state',
      'Impulse response',
      'Size of the state',
    ]);
    assert.equal(asked.at(-1)?.system, true);
    await page.click('[aria-label="Sliding window: definition and parameters"]');
    await page
      .locator('.mechanism:has([aria-label="Sliding window: definition and parameters"])')
      .getByText('Pattern and costs')
      .click();
    await page.waitForSelector('.mechanism-card[aria-label^="Sliding window"] .pattern-frame canvas');
    // The card of the other mechanism goes a frame later.
    await page.getByRole('radio', { name: 'System' }).waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('radio', { name: 'May read' }).getAttribute('aria-checked'), 'true');
  });

  it('comes into view with the focus when it is opened from far down the list', async () => {
    const { page } = await card('gna', { height: 500 });
    await page.click('[aria-label="Linear (elu + 1): definition and parameters"]');
    const button = page
      .locator('.mechanism:has([aria-label="Linear (elu + 1): definition and parameters"])')
      .getByText('Pattern and costs');
    await button.scrollIntoViewIfNeeded();
    assert.ok(await page.$eval('.mechanism-card', (each) => each.getBoundingClientRect().top < 0));
    await button.click();
    await page.waitForSelector('.mechanism-card[aria-label^="Linear (elu"]');
    const found = await page.$eval('.mechanism-card', (each) => ({
      top: each.getBoundingClientRect().top,
      focused: each === document.activeElement,
    }));
    assert.ok(found.focused && found.top >= 0 && found.top < 500, JSON.stringify(found));
  });

  it('writes the formula with the length from which it holds, and values at the chosen lengths where none holds', async () => {
    const sliding = await card('sliding-window');
    assert.match(await fact(sliding, 'Operations'), /^from n = 256: [\d,]+ n − [\d.e]+ FLOPs$/);
    const grid = await card('gna');
    const { costs } = viewMechanism(asked.at(-1) as MechanismViewRequest);
    assert.deepEqual(
      costs.map(({ length }) => length),
      asked.at(-1)?.lengths,
    );
    const operations = await fact(grid, 'Operations');
    assert.match(operations, /^[\d.]+e8 FLOPs at 512; .* at 8,192 \(no polynomial of n holds\)$/);
    assert.equal(Number(operations.split(' ')[0]), Number(costs[0]?.flops.toPrecision(4)));
    assert.doesNotMatch(operations, /−/);
    assert.match(await fact(grid, 'Bytes moved'), /^[\d.]+ MB at 512/);
  });

  it('draws the pairs that are read, says the density and writes the cost as a formula', async () => {
    const panel = await card('sliding-window');
    // Its window of 256 shows at 1,024 positions: two of them in a cell.
    assert.equal(asked.at(-1)?.length, 'fitting');
    await frames(panel);
    const read = await pixel(panel, 800, 790, 1024);
    const unread = await pixel(panel, 1000, 200, 1024);
    assert.notDeepEqual(read, unread);
    const view = viewMechanism(asked.at(-1) as MechanismViewRequest);
    assert.match(await fact(panel, 'Density'), new RegExp(`^${(100 * view.density).toPrecision(3)} %`));
    assert.doesNotMatch(await fact(panel, 'Operations'), /n2|n²/);
    assert.match(await fact(panel, 'Operations'), / n .*FLOPs$/);
    await panel.page.focus('.pattern-frame');
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('ArrowDown');
    assert.equal(await panel.page.innerText('.pattern-readout'), 'queries 2–3, keys 0–1: 100 % read');
    assert.match(await panel.page.innerText('.card-picture'), /A cell covers 2 x 2 positions/);
  });

  it('says what the mechanism is in the terms that all share', async () => {
    const panel = await card('linear');
    const { template } = mechanisms.find(({ id }) => id === 'linear')!;
    const rows = await panel.page.$$eval('.card-template tr', (all) =>
      all.map((row) => [...row.children].map((cell) => cell.textContent?.trim())),
    );
    assert.deepEqual(
      rows,
      templateColumns.map(({ title, of }) => [title, of(template)]),
    );
    assert.equal(await fact(panel, 'Mixing'), 'data-dependent, low rank');
    assert.match(await fact(panel, 'Sequence sharded'), /sums from part to part/);
  });

  it('tells heads apart that read different keys', async () => {
    const panel = await card('duo-attention');
    const groups = await panel.page.$$eval('[aria-label="Heads of the picture"] vscode-option', (all) =>
      all.map((one) => one.textContent?.trim()),
    );
    assert.equal(groups.length, 3);
    assert.match(groups.join(' | '), /^0.* \| .*7 \| All together$/);
    // The last head streams; all together read what the retrieval heads read.
    assert.doesNotMatch(await fact(panel, 'Density'), /^100 %/);
    await panel.page.click('[aria-label="Heads of the picture"]');
    await panel.page.click('vscode-option:has-text("All together")');
    await panel.page.waitForFunction(() => document.querySelector('.card-facts td')?.textContent?.startsWith('100 %'));
  });

  it('probes what an output depends on, at no more positions than can be probed', async () => {
    const panel = await card('linear');
    await panel.page.click('role=radio[name="Depends on"]');
    await panel.page.waitForFunction(() => document.querySelector('.card-picture')?.textContent?.includes('probing'));
    assert.equal(asked.at(-1)?.effective, true);
    assert.equal(await panel.page.innerText('.pattern-readout'), '96 queries down, 96 keys across');
    await panel.page.focus('.pattern-frame');
    await panel.page.keyboard.press('ArrowDown');
    assert.match(await panel.page.innerText('.pattern-readout'), /^query 0, key 0: read, weight 1\.00$/);
  });

  it('draws the keys that the numbers choose, and says so', async () => {
    const panel = await card('routing-transformer');
    const density = Number.parseFloat(await fact(panel, 'Density'));
    assert.ok(density < 15, `${density} %: sixteen clusters read about a sixteenth`);
    assert.match(await panel.page.innerText('.card-facts'), /the picture is the choice for random ones/);
  });

  it('draws a grid with the neighbourhood of a chosen cell, which arrow keys move', async () => {
    const panel = await card('gna');
    const words = () => panel.page.innerText('hs-grid-pattern .pattern-readout');
    // 512 positions as 16 x 32, causal along both axes: windows of 16 x 16 end at the query.
    assert.equal(await words(), 'row 8, column 16 reads 144 of 512 positions: rows 0–8, columns 1–16');
    await panel.page.focus('hs-grid-pattern .pattern-frame');
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('ArrowRight');
    assert.equal(await words(), 'row 9, column 17 reads 160 of 512 positions: rows 0–9, columns 2–17');
    assert.match(await panel.page.innerText('.pattern-legend'), /queries computed together, 4 x 8/);
    await panel.page.click('role=radio[name="Matrix"]');
    await panel.page.waitForSelector('hs-pattern canvas');
  });

  it('follows the parameters of the form, and closes', async () => {
    const panel = await card('sliding-window');
    const before = panel.posted.length;
    await panel.page.fill('vscode-text-field[aria-label="Sliding window: Window"] input', '8');
    const { request } = await panel.posts('mechanismView', before);
    assert.equal(request.parameters['window'], 8);
    await panel.page.click('[aria-label="Close the card"]');
    await frames(panel);
    assert.equal(await panel.page.$('.mechanism-card'), null);
  });

  it('bounds the speed-up of neighborhood attention by the tiles it visits, as the paper has it', async () => {
    const panel = await card('gna');
    const type = (name: string, text: string) =>
      panel.page.fill(`vscode-text-field[aria-label="Simulator: ${name}"] input`, text);
    const bound = (name: string) => panel.page.innerText(`.simulator-result tr:has(th:text-is("${name}")) .bound`);
    await panel.page.waitForSelector('.simulator-result');
    // Video of 30 x 48 x 80, windows of 18 x 24 x 24, tiles of 4 x 8 x 8 and 2 x 8 x 8: 11.11 with a stride of 16 x 8 x 8.
    await type('Feature map', '30 x 48 x 80');
    assert.match(await panel.page.innerText('.simulator .problem'), /for each of the 3 axes/);
    await type('Window', '18 x 24 x 24');
    await type('Stride', '16 x 8 x 8');
    await type('Dilation', '1 x 1 x 1');
    await type('Query tile', '4 x 8 x 8');
    await type('Key tile', '2 x 8 x 8');
    await type('Attention share', '0.607');
    await panel.page.waitForFunction(() => document.querySelector('.simulator-result .bound')?.textContent === '11.1x');
    assert.equal(await bound('Skipped work alone'), '11.1x');
    // The answer to the share comes after that to the tiles.
    await panel.page.waitForFunction(() =>
      /2\.23x/.test(document.querySelector('.simulator-result')?.textContent ?? ''),
    );
    assert.equal(await bound('Whole step'), '2.23x');
    const visited = await panel.page.getAttribute('.visited', 'aria-label');
    assert.match(
      visited ?? '',
      /^Key tiles that the query tile visits: \d+ to \d+ by \d+ to \d+ by \d+ to \d+ along the axes$/,
    );
    await type('Stride', '1 x 1 x 1');
    await panel.page.waitForFunction(() => document.querySelector('.simulator-result .bound')?.textContent === '3.27x');
  });

  it('reproduces the card’s other figures: a long line, the flattened map, strides, sparse steps', async () => {
    const panel = await card('gna');
    const { page } = panel;
    const type = async (values: Readonly<Record<string, string>>) => {
      for (const [name, text] of Object.entries(values)) {
        await page.fill(`vscode-text-field[aria-label="Simulator: ${name}"] input`, text);
      }
    };
    const boundIs = (text: string) =>
      page.waitForFunction(
        (wanted) => document.querySelector('.simulator-result .bound')?.textContent === wanted,
        text,
      );
    const bars = () =>
      page.$$eval('.stride-bars tbody tr', (rows) =>
        rows.map((row) => [...row.children].map((cell) => cell.textContent?.trim() ?? '').filter(Boolean)),
      );
    // A line of 32,768, window 2,048, tiles of 128: 15.06 sliding, 16 from a stride of 256 on, the first block-sparse one.
    const line = { 'Feature map': '32768', Window: '2048', Stride: '1', Dilation: '1' };
    await type({ ...line, 'Query tile': '128', 'Key tile': '128' });
    await boundIs('15.1x');
    assert.match(await page.innerText('.block-sparsity'), /read in part.*Smallest block-sparse stride: 256\./s);
    await page.click('.stride-bars button:has-text("256")');
    await boundIs('16.0x');
    assert.match(await page.innerText('.block-sparsity'), /block sparse/);
    await type({ Stride: '1', 'Query tile': '256' });
    await boundIs('14.2x');

    // Flattened tiles of 128 in 256 x 256, windows of 80 x 80, leave 3.2 of the 8.46 of square tiles.
    await type({ 'Feature map': '256 x 256', Window: '80 x 80', Stride: '1 x 1', Dilation: '1 x 1' });
    await type({ 'Query tile': '8 x 8', 'Key tile': '8 x 8' });
    await boundIs('8.46x');
    await page.click('[aria-label="Key tiles"]');
    await page.click('vscode-option:has-text("Flattened map")');
    await type({ 'Query tile': '128', 'Key tile': '128' });
    await boundIs('3.20x');
    assert.equal(await page.$('.visited'), null);
    await page.click('[aria-label="Key tiles"]');
    await page.click('vscode-option:has-text("Fixed grid")');

    // The video's bars: those of the card, and none that a smaller stride reaches (18 x 24 x 24 gives 6.67 only).
    await type({ 'Feature map': '30 x 48 x 80', Window: '18 x 24 x 24', Stride: '1 x 1 x 1', Dilation: '1 x 1 x 1' });
    await type({ 'Query tile': '4 x 8 x 8', 'Key tile': '2 x 8 x 8', 'Attention share': '0.607' });
    await boundIs('3.27x');
    // The share is typed last and changes the bars alone.
    await page.waitForFunction(() => /1\.73x/.test(document.querySelector('.stride-bars')?.textContent ?? ''));
    const shown = await bars();
    for (const expected of [
      ['1 x 1 x 1', '3.27x', '1.73x'],
      ['2 x 1 x 1', '3.60x', '1.78x'],
      ['1 x 1 x 8', '5.45x', '1.98x'],
      ['2 x 1 x 8', '6.00x', '2.02x'],
      ['1 x 8 x 8', '9.09x', '2.18x'],
      ['2 x 8 x 8', '10.0x', '2.20x'],
      ['16 x 8 x 8', '11.1x', '2.23x'],
    ]) {
      assert.ok(
        shown.some((row) => row.join() === expected.join()),
        `${expected.join()} among ${shown.join(' | ')}`,
      );
    }
    assert.ok(!shown.some(([stride]) => stride === '18 x 24 x 24'));
    // Half of the steps sparse: 1 / (1 - 0.3035 + 0.3035 / 3.27).
    await type({ 'Sparse steps': '0.5' });
    await page.waitForFunction(() => /1\.27x/.test(document.querySelector('.simulator-result')?.textContent ?? ''));
    assert.match(await page.innerText('.simulator-result'), /sparse in 50\.0 % of the steps/);
    // A causal axis is never block sparse.
    await page.click('vscode-checkbox[aria-label="Simulator: Causal, depth"]');
    await page.waitForFunction(() =>
      document.querySelector('.block-sparsity')?.textContent?.includes('no stride is block sparse along every axis'),
    );
  });

  it('shows which worker computes which block at which step of the ring', async () => {
    const panel = await card('distributed-mha');
    const words = () => panel.page.innerText('hs-workers .pattern-readout');
    // 2 x 2 workers at 512 positions, causal and balanced: the last head is that of workers 3 and 4.
    const [own, other] = ['0–127 and 384–511', '128–255 and 256–383'];
    assert.equal(
      await words(),
      `Step 1 of 2. Worker 3: queries ${own}, keys ${own}; Worker 4: queries ${other}, keys ${other}.`,
    );
    await panel.page.focus('hs-workers input');
    await panel.page.keyboard.press('ArrowRight');
    assert.equal(
      await words(),
      `Step 2 of 2. Worker 3: queries ${own}, keys ${other}; Worker 4: queries ${other}, keys ${own}.`,
    );
    await panel.page.click('role=radio[name="Matrix"]');
    await panel.page.waitForSelector('hs-pattern canvas');
  });

  for (const id of ['s2-attention', 'gna', 'distributed-mha']) {
    for (const theme of ['dark', 'light', 'high-contrast'] as const) {
      for (const width of [300, 1280]) {
        it(`is no wider than its page: ${id}, ${theme}, ${width} px`, async () => {
          const panel = await card(id, { theme, width, height: 1000 });
          await frames(panel);
          const overflow = await panel.page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.ok(overflow <= 0, `${overflow} px too wide at ${width}`);
          if (pictures === undefined) return;
          mkdirSync(pictures, { recursive: true });
          await panel.page.locator('.mechanism-card').screenshot({ path: `${pictures}/${id}-${theme}-${width}.png` });
        });
      }
    }
  }
});
