/** A head that is open beside the heads of a prompt, in Chromium: its matrix, what queries read, its numbers, why a weight. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'mocha';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { resultOfHeads } from '../../../protocol/results/earlier/heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import { chosenIn, clickCell, hoverCell, settle, textsIn } from '../support/cells';
import type { OpenOptions } from '../support/panel-page';
import { contrastOfThumb } from '../support/slider-contrast';
import { plantedRow, plantedThumbnails } from './planted-model';
import { answeringTrials, finished, planted, plantedHeads } from './try-host';
import { usePanels, type Panel } from './workbench-host';

const pictures = {
  grid: '[data-section=heads] > hs-section-picture',
  strip: '.head-strip hs-section-picture',
  matrix: '.head-drawing hs-section-picture',
};
const { model, result } = plantedHeads;

describe('a head that is open', function () {
  this.timeout(60_000);
  const open = usePanels();
  const start = async (options: Partial<OpenOptions<ToWorkbench, FromWorkbench>> = {}): Promise<Panel> => {
    const panel = await open({ host: answeringTrials(), ...options });
    await panel.page.waitForSelector(`${pictures.grid} canvas`);
    return panel;
  };
  /** With the head chosen in the grid. */
  const withHead = async (layer: number, head: number, options = {}): Promise<Panel> => {
    const panel = await start(options);
    await clickCell(panel.page, pictures.grid, `${layer}.${head}`);
    await panel.page.waitForSelector(`.gain-line[data-head=L${layer}H${head}]`);
    await panel.page.waitForSelector('.top-keys td.token-cell');
    return panel;
  };
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel.page);
  };
  const openNow = (panel: Panel): Promise<readonly (string | undefined)[]> =>
    panel.page.$$eval('.gain-line', (all) => all.map((one) => (one as HTMLElement).dataset['head']));

  it('is that of the highest score at first, then the one that is chosen, also after a reload; Enter keeps one', async () => {
    const panel = await start();
    await panel.posts('tile');
    const first = result.classes.toSorted((a, b) => b.score - a.score)[0];
    assert.deepEqual(await openNow(panel), [`L${first?.layer}H${first?.head}`]);
    const grid = `${pictures.grid} .picture-frame`;
    await press(panel, grid, 'Home', 'PageUp', 'ArrowDown', 'ArrowRight');
    assert.deepEqual(await openNow(panel), ['L1H1'], 'one gives its place to the next');
    await panel.page.reload();
    await panel.page.waitForSelector('.gain-line');
    assert.deepEqual(await openNow(panel), ['L1H1']);
    await press(panel, grid, 'Enter', 'ArrowRight');
    assert.deepEqual(await openNow(panel), ['L1H1', 'L1H2'], 'the one that was kept stands beside it');
    await panel.page.fill('.heads-find', 'L3H5');
    await panel.page.waitForSelector('.gain-line[data-head=L3H5]');
    assert.deepEqual(await openNow(panel), ['L1H1', 'L3H5'], 'one that is typed by its name too');
  });

  it('has all its numbers, the score behind every label, what the label needs, and a floor of the null model as a floor', async () => {
    const panel = await withHead(0, 1);
    const shown = await panel.page.$$eval('.statistics dd', (all) =>
      all.map((one) => [(one as HTMLElement).dataset['statistic'], Number.parseFloat((one as HTMLElement).innerText)]),
    );
    for (const [name, of] of Object.entries(result.statistics))
      assert.deepEqual(
        shown.find(([statistic]) => statistic === name),
        [name, Number(of[0]?.[1]?.toPrecision(3))],
      );
    const cells = (label: string): Promise<string[]> =>
      panel.page.$$eval(`[data-label=${label}] td`, (all) => all.map((cell) => (cell as HTMLElement).innerText));
    assert.equal(await panel.page.locator('.label-scores tbody tr').count(), 8);
    for (const width of [1500, 300]) {
      await panel.page.setViewportSize({ width, height: 900 });
      const [seen = 0, whole = 1] = await panel.page.$eval('.label-scores', (one) => [
        one.clientWidth,
        one.scrollWidth,
      ]);
      assert.ok(whole <= seen, `at ${width} px the table is ${whole} px wide, of which ${seen} are seen`);
    }
    assert.deepEqual(await cells('retrieval'), ['0', '0.989', '0 ± below 0.001', '0.45']);
    const [score, p, none] = await cells('first-token-sink');
    assert.equal(Number(score), Number(result.statistics.firstToken[0]?.[1]?.toPrecision(2)));
    assert.deepEqual([none, p], ['0.090 ± 0.040', '< 0.001']);
  });

  it('colours the keys that it reads from the chosen query, and lists them exactly', async () => {
    const panel = await withHead(0, 7);
    // L0H7 reads the previous token alone.
    assert.equal(model.plant(0, 7), 'previous');
    const row = plantedRow(model, 0, 7, 31);
    // The colour under each token: all but that of the key that is read most are dark.
    const light = await panel.page.$eval(pictures.strip, (element) =>
      (
        element as unknown as { scene: { marks: readonly { kind: string; fill?: string; height?: number }[] } }
      ).scene.marks
        .filter(({ kind, fill, height = 0 }) => kind === 'rect' && fill !== undefined && height > 12)
        .flatMap(({ fill = '' }, at) => (Number(/\d+/.exec(fill)?.[0]) > 180 ? [at] : [])),
    );
    assert.deepEqual(light, [30]);
    const first = await panel.page.$$eval('.top-keys tr:first-child td', (all) =>
      all.map((cell) => (cell as HTMLElement).innerText.trim()),
    );
    assert.deepEqual(first.slice(0, 2), ['30', '␣book']);
    assert.equal(Number(first[3]), Number(row[30]?.toPrecision(3)));
    assert.deepEqual(await chosenIn(panel.page, pictures.strip), ['31']);
    await hoverCell(panel.page, pictures.strip, '30');
    assert.match(await text(panel, `${pictures.strip} .picture-tip`), new RegExp(`id ${model.ids[30]}`));
  });

  it('puts the rows of several chosen tokens together as their mean, and says so', async () => {
    const panel = await withHead(0, 7);
    const before = panel.posted.length;
    await clickCell(panel.page, pictures.strip, '12');
    assert.equal((await panel.posts('row', before)).query, 12);
    await clickCell(panel.page, pictures.strip, '20', ['Control']);
    await panel.page.waitForSelector('.top-keys h3:text("2 queries read")');
    await panel.page.waitForSelector('.top-keys td.token-cell');
    assert.deepEqual([...(await chosenIn(panel.page, pictures.strip))], ['12', '20']);
    // Each of the two keys gets half of what its query gives it.
    const [one, other] = [plantedRow(model, 0, 7, 12), plantedRow(model, 0, 7, 20)];
    const listed = await panel.page.$$eval('.top-keys tbody tr:not(.rest)', (rows) =>
      rows.slice(0, 2).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText.trim())),
    );
    for (const [key, , , weight] of listed) {
      const at = Number(key);
      assert.ok(at === 11 || at === 19, key);
      assert.equal(Number(weight), Number((((one[at] ?? 0) + (other[at] ?? 0)) / 2).toPrecision(3)));
    }
    assert.match(await text(panel, '.top-keys'), /the mean of their rows; 2 times it is their sum/);
    assert.equal(await panel.page.locator('[aria-label^="Explain why query"]').count(), 0, 'a mean is no weight');
    const chosen = async (): Promise<readonly string[]> => chosenIn(panel.page, pictures.strip);
    await clickCell(panel.page, pictures.strip, '14', ['Shift']);
    assert.equal((await chosen()).length, 8, '12, and 14 to 20');
    await press(panel, `${pictures.strip} .picture-frame`, 'Shift+ArrowLeft');
    assert.equal((await chosen()).length, 9, '13 too');
    await press(panel, `${pictures.strip} .picture-frame`, 'Control+ArrowLeft', 'Control+ArrowLeft', 'Control+Space');
    assert.deepEqual([(await chosen()).at(-1), (await chosen()).length], ['11', 10]);
    await panel.page.click('[aria-label="Only the last query"]');
    await settle(panel.page);
    assert.equal((await chosen()).length, 1);
  });

  it('says the exact probability of the cell under the pointer, and marks it wherever the pointer is', async () => {
    const panel = await withHead(0, 7);
    await panel.posts('tile');
    const readout = async (): Promise<string> =>
      (await text(panel, `${pictures.matrix} .picture-tip`)).replace('\n', ': ');
    await hoverCell(panel.page, pictures.matrix, '20.19');
    const said = await readout();
    assert.match(said, /query 20 "␣John" → key 19 "␣and"/);
    assert.equal(Number(said.trim().split(/\s/).at(-1)), Number(plantedRow(model, 0, 7, 20)[19]?.toPrecision(3)));
    assert.deepEqual(
      await panel.page.$eval(pictures.strip, (strip) => (strip as unknown as { linked: readonly string[] }).linked),
      ['19', '20'],
    );
    await hoverCell(panel.page, pictures.matrix, '20.25');
    assert.match(await readout(), /not read: the key stands behind the query/);
    await panel.page.hover('h1');
    await settle(panel.page);
    /** Pixels of the matrix, as drawn. */
    const picture = (): Promise<string> =>
      panel.page.$eval(`${pictures.matrix} canvas`, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const plain = await picture();
    await hoverCell(panel.page, pictures.strip, '19');
    assert.match(await readout(), /^query 31 "␣to" → key 19 "␣and": \d/);
    assert.notEqual(await picture(), plain);
    await panel.page.hover('h1');
    await settle(panel.page);
    assert.equal(await picture(), plain, 'nothing is marked once the pointer has left the tokens');
    await panel.page.hover('.top-keys tbody tr:first-child');
    await settle(panel.page);
    const key = (await text(panel, '.top-keys tbody tr:first-child td')).trim();
    assert.match(await readout(), new RegExp(`^query 31 "␣to" → key ${key} "`));
    // A token behind the query is read by no row before it: its own row is marked.
    await clickCell(panel.page, pictures.strip, '10');
    await hoverCell(panel.page, pictures.strip, '20');
    assert.match(await readout(), /^query 20 "␣John" → key 10 "\.": \d/);
  });

  it('is walked from cell to cell by arrow keys, each value read out; Shift moves the picture', async () => {
    const panel = await withHead(0, 7);
    const live = '.head-drawing .chosen-words';
    const matrix = `${pictures.matrix} .picture-frame`;
    await press(panel, matrix, 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowUp');
    const said = await text(panel, live);
    assert.match(said, /^query 30 "␣book" → key 2 "ary": /);
    assert.equal(Number(said.split(': ')[1]), Number(plantedRow(model, 0, 7, 30)[2]?.toPrecision(3)));
    await press(panel, matrix, ...Array.from({ length: 40 }, () => 'ArrowRight'));
    assert.match(await text(panel, live), /^query 30 "␣book" → key 30 /, 'no key behind the query');
    // Zoomed in at the middle: Shift moves what is seen, an arrow alone brings the cell back.
    const picture = (): Promise<string> =>
      panel.page.$eval(`${pictures.matrix} canvas`, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    await press(panel, matrix, '+', '+', '+');
    const before = await picture();
    await press(panel, matrix, 'Shift+ArrowLeft');
    const moved = await picture();
    assert.notEqual(moved, before);
    assert.match(await text(panel, live), /^query 30 "␣book" → key 30 /);
    await press(panel, matrix, 'ArrowLeft');
    assert.match(await text(panel, live), /^query 30 "␣book" → key 29 /);
    assert.notEqual(await picture(), moved);
    await press(panel, matrix, 'Escape');
    assert.equal(await panel.page.$(live), null);
  });

  it('explains the weight that was clicked, walked to, or listed among those read most', async () => {
    const panel = await withHead(0, 7);
    await panel.page.waitForSelector('#explain-weight[disabled]');
    await press(
      panel,
      `${pictures.matrix} .picture-frame`,
      'ArrowRight',
      'ArrowRight',
      'ArrowRight',
      'ArrowUp',
      'Enter',
    );
    const cell = { kind: 'explainWeight', layer: 0, head: 7, query: 30, key: 2 };
    assert.deepEqual(await panel.posts('explainWeight'), cell);
    let posted = panel.posted.length;
    await panel.page.click('#explain-weight');
    assert.deepEqual(await panel.posts('explainWeight', posted), cell);
    posted = panel.posted.length;
    await panel.page.waitForSelector('.top-keys tbody tr:first-child td.token-cell');
    const key = Number(await text(panel, '.top-keys tbody tr:first-child td'));
    await panel.page.getByRole('button', { name: `Explain why query 30 reads key ${key}` }).click();
    assert.deepEqual(await panel.posts('explainWeight', posted), { ...cell, key });
  });

  it('offers no explanation of a weight of an encoder-decoder', async () => {
    const own = { ...planted.model, source: { layers: 12, heads: 12, kvHeads: 12 } };
    const panel = await start({ host: answeringTrials(finished({ result: { ...planted, model: own } })) });
    await clickCell(panel.page, pictures.grid, '0.7');
    await panel.page.waitForSelector('.answer:has-text("L0H7") .top-keys td.token-cell');
    await press(panel, `${pictures.matrix} .picture-frame`, 'ArrowUp', 'Enter');
    assert.equal(await panel.page.locator('#explain-weight, [aria-label^="Explain why query"]').count(), 0);
    assert.ok(panel.posted.every(({ kind }) => kind !== 'explainWeight'));
  });

  it('hides the sink column and says so, and is drawn as lines, which stay for the next head', async () => {
    const panel = await withHead(0, 1);
    await panel.page.click('text=Hide the sink column');
    await settle(panel.page);
    assert.match(await text(panel, '.answer'), /Key 0 is hidden/);
    assert.notEqual(await text(panel, '.top-keys tr:first-child td'), '0');
    assert.match(await text(panel, '.top-keys .rest'), /others and key 0/);
    await panel.page.click('role=radio[name="Lines"]');
    await settle(panel.page);
    await clickCell(panel.page, pictures.grid, '0.7');
    await panel.page.waitForSelector('.gain-line[data-head=L0H7]');
    await panel.page.waitForSelector('.top-keys td.token-cell');
    const before = panel.posted.length;
    await press(panel, `${pictures.matrix} .picture-frame`, 'ArrowUp');
    assert.equal((await panel.posts('row', before)).query, 30);
  });

  it('that is still being read is in no colour of the scale, and says why a tile did not come', async () => {
    const answer = answeringTrials();
    let tiles: 'late' | 'refused' | 'there' = 'late';
    const sentence = 'The model folder is gone. Choose it again.';
    const panel = await start({
      host: (message) => {
        if (message.kind !== 'tile' || tiles === 'there') return answer(message);
        return tiles === 'late' ? [] : [{ kind: 'failed', request: message.request, sentence }];
      },
    });
    const asked = await panel.posts('tile');
    await settle(panel.page);
    /** In the first column, where every query reads a key. */
    const colour = (): Promise<readonly number[]> =>
      panel.page.$eval(pictures.matrix, (element) => {
        const { x, y, height } = (
          element as unknown as { scene: { box(cursor: string): { x: number; y: number; height: number } } }
        ).scene.box('20.0');
        const context = element.querySelector('canvas')?.getContext('2d');
        return [...(context?.getImageData(x + 2, y + height / 2, 1, 1).data ?? [])];
      });
    const leastOfScale = [0, 32, 77];
    const unread = await colour();
    assert.ok(Math.max(...leastOfScale.map((value, at) => Math.abs(value - (unread[at] ?? 0)))) > 20, String(unread));
    assert.match(await text(panel, '#around-matrix'), /being read/);
    for (const reply of answer(asked)) await panel.send(reply);
    await settle(panel.page);
    assert.doesNotMatch(await text(panel, '#around-matrix'), /being read/);
    tiles = 'refused';
    await clickCell(panel.page, pictures.grid, '1.1');
    await panel.page.waitForSelector('.head-drawing .problem');
    assert.match(await text(panel, '.head-drawing .problem'), /The model folder is gone/);
    tiles = 'there';
    await panel.page.click('.head-drawing >> text=Try again');
    await panel.page.waitForSelector('.head-drawing .problem', { state: 'detached' });
  });

  it('of a saved file asks nothing of its model before the click, which says path and size', async () => {
    const waiting = { folder: '/models/planted', bytes: 508e6 };
    const file = finished({ place: 'file' });
    const answer = answeringTrials({ ...file, waiting });
    const panel = await start({
      place: 'file',
      host: (message) => (message.kind === 'loadModel' ? [file] : answer(message)),
    });
    await panel.page.waitForSelector('#load-model');
    await press(panel, `${pictures.grid} .picture-frame`, 'ArrowRight', 'Enter');
    assert.match(await text(panel, '#model-waits'), /\/models\/planted, 508 MB by the file/s);
    assert.equal(await panel.page.$(pictures.matrix), null);
    const asked = () =>
      panel.posted.map(({ kind }) => kind).filter((kind) => !['ready', 'planned', 'loadModel'].includes(kind));
    assert.deepEqual(asked(), []);
    await press(panel, '#load-model', 'Enter');
    await panel.posts('loadModel');
    await press(panel, `${pictures.grid} .picture-frame`, 'ArrowRight');
    await panel.posts('tile');
    await panel.page.waitForSelector(`${pictures.matrix} canvas`);
    assert.equal(await panel.page.$('.gain-line'), null, 'a file has no request that could change');
  });

  it('leaves as a page from the disk where heads are chosen and values read, and nothing is loaded or evaluated', async () => {
    const thumbnails = writtenThumbnails(plantedThumbnails(model));
    const pictured = resultOfHeads({ ...result, thumbnails });
    const panel = await withHead(2, 4, { host: answeringTrials(finished({ result: pictured })) });
    await panel.posts('tile');
    await settle(panel.page);
    await panel.page.click('.run-bar hs-menu .menu-trigger');
    await panel.page.click('[role=menuitem]:has-text("HTML")');
    const { data } = await panel.posts('export');
    const folder = mkdtempSync(join(tmpdir(), 'headscope-page-'));
    try {
      const file = join(folder, 'page.html');
      writeFileSync(file, data);
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(String(data))?.[1] ?? '';
      assert.match(
        policy,
        /^default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; script-src 'sha256-[\w+/]{43}='$/,
      );
      const page = await panel.page.context().newPage();
      const refused: string[] = [];
      page.on('console', (message) => refused.push(message.text()));
      page.on('pageerror', (error) => refused.push(String(error)));
      page.on('request', (request) => {
        if (request.url() !== pathToFileURL(file).href) refused.push(request.url());
      });
      await page.goto(pathToFileURL(file).href);
      const words = (id: string): Promise<string> => page.innerText(`#${id}`);
      assert.match(await words('head-name'), /^L2H4 · induction 0\.97/);
      // The head that was open: its exact probabilities.
      const length = result.ids.length;
      const over = async (query: number, key: number): Promise<string> => {
        const box = await page.locator('#matrix').boundingBox();
        assert.ok(box);
        const { x, y, width, height } = box;
        await page.mouse.move(x + ((key + 0.5) * width) / length, y + ((query + 0.5) * height) / length);
        return words('cell-value');
      };
      const probability = async (layer: number, head: number, query: number, key: number): Promise<void> => {
        const said = await over(query, key);
        const own = plantedRow(model, layer, head, query)[key] ?? Number.NaN;
        assert.ok(said.startsWith(`query ${query} "`) && said.includes(` · key ${key} "`), said);
        const value = Number(said.split(': ').at(-1));
        assert.ok(Math.abs(value - own) <= 5e-3 * own + 2e-5, `${said}, not ${own}`);
      };
      await probability(2, 4, 20, 9);
      await probability(2, 4, 31, 16);
      assert.match(await over(3, 9), /is not read$/);
      // Another by the grid, by its keys, and by name.
      await page.click('#heads button[aria-label^=L0H7]');
      assert.match(await words('head-name'), /^L0H7 · previous token/);
      await probability(0, 7, 12, 11);
      await page.keyboard.press('ArrowDown');
      assert.match(await words('head-name'), /^L1H7/);
      await page.selectOption('#choose-head', '3.5');
      assert.match(await words('head-name'), /^L3H5 · induction/);
      await page.hover('#heads button[aria-label^=L0H2]');
      assert.match(await words('grid-value'), /^L0H2 · Previous token [\d.e-]+ · self/);
      await page.selectOption('#colour-by', { label: 'Induction' });
      const induction = result.statistics.induction[3]?.[5] ?? Number.NaN;
      assert.match(await words('grid-value'), new RegExp(`^L3H5 · Induction ${Number(induction.toPrecision(3))}`));
      assert.deepEqual(refused, []);
      await page.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('counts and draws the tokens of a prompt while it is typed, and begins its ids with them', async () => {
    const panel = await start();
    await panel.page.click('role=radio[name="Text"]');
    const before = panel.posted.length;
    await panel.page.fill('#prompt', 'Another prompt');
    const asked = await panel.posts('tokenise', before);
    assert.deepEqual(asked.prompt, { kind: 'text', text: 'Another prompt' });
    await panel.page.locator('#token-count', { hasText: '2 of 2,048 tokens' }).waitFor();
    assert.deepEqual(await textsIn(panel.page, '.typed-tokens'), ['Another', '␣prompt']);
    await panel.page.click('role=radio[name="Token ids"]');
    await panel.page.fill('#prompt', '1 2 999999');
    await settle(panel.page);
    assert.match(await text(panel, '.input .problem, .controls .problem'), /999999 is outside the vocabulary of 1,280/);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has a slider of the gain whose thumb is seen in ${theme}, and fits 600 px`, async () => {
      const panel = await start({ theme, width: 600 });
      await panel.page.waitForSelector('.gain-line');
      // At the left end, where the thumb alone stands over the first pixels.
      await panel.page.fill('.gain-line input', '-2');
      await settle(panel.page);
      assert.ok((await contrastOfThumb(panel.page, '.gain-line input')) >= 3, 'WCAG 2.2, 1.4.11: 3 to 1');
      await panel.page.click('#try .disclosure-button');
      await settle(panel.page);
      const over = await panel.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(over, 0);
    });
  }

  it('is one of a result without labels too', async () => {
    const { labelScores: _, classes: __, ...measured } = planted.result;
    const bare = { ...planted, created: '2026-11-30T00:00:00.000Z', result: { ...measured, classes: [] } };
    const panel = await start({ host: answeringTrials(finished({ result: bare })) });
    await panel.page.waitForSelector('.statistics');
    assert.equal(await panel.page.$('.label-scores'), null);
    assert.equal(await panel.page.$('#save-labels'), null);
  });
});
