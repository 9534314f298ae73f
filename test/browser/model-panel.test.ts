import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FromModelPanel } from '../../protocol/panels/model-schema';
import type { ModelContent, ShownModel, ToModelPanel } from '../../protocol/panels/model';
import type { DotsLayout } from '../../webviews/panels/model/dots-layout';
import { answering, deepseek, faulty, gemma, hybrid, llama, show, twoParts } from './support/model-host';
import { PanelBrowser, type OpenOptions, type PanelPage } from './support/panel-page';

type Panel = PanelPage<ToModelPanel, FromModelPanel>;

describe('the Model panel', function () {
  this.timeout(60_000);
  let browser: PanelBrowser<ToModelPanel, FromModelPanel>;
  let open: Panel[] = [];

  before(async () => {
    browser = await PanelBrowser.start('model');
  });
  after(() => browser.stop());
  // Whatever a test does: no refused style or script, no error on the console, no request elsewhere.
  afterEach(async () => {
    const complaints = open.flatMap((panel) => panel.complaints);
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    assert.deepEqual(complaints, []);
  });

  const start = async (
    content: ModelContent,
    options: Partial<OpenOptions<ToModelPanel, FromModelPanel>> = {},
  ): Promise<Panel> => {
    const panel = await browser.open({ host: answering(content), ...options });
    open.push(panel);
    await panel.page.waitForSelector('#model-sentence');
    return panel;
  };
  const one = (model: ShownModel): ModelContent => ({ state: 'model', model });
  const pair: ModelContent = { state: 'comparison', first: deepseek, second: llama };
  const sentence = ({ page }: Panel): Promise<string> => page.innerText('#model-sentence');
  const cells = ({ page }: Panel, fact: string): Promise<string[]> =>
    page.$$eval(`tr[data-fact="${fact}"] > *`, (all) => all.map((cell) => (cell as HTMLElement).innerText.trim()));
  const drawn = ({ page }: Panel, index = 0): Promise<DotsLayout> =>
    page.$$eval('hs-dots', (all, at) => (all[at] as unknown as { drawn: DotsLayout }).drawn, index);
  const overflow = ({ page }: Panel): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  it('says first what the attention is and what it costs, and shows the published numbers', async () => {
    const panel = await start(one(llama));
    assert.equal(
      await sentence(panel),
      'Llama-3.1-8B: grouped-query attention 4:1, 32 heads of 128, 32 layers; 8.03 B parameters, 128 KiB of KV cache per token.',
    );
    assert.deepEqual(await cells(panel, 'kv'), ['KV cache per token', '128 KiB']);
    assert.deepEqual(await cells(panel, 'kv@131072'), ['KV cache at 131,072 tokens', '16 GiB']);
    assert.deepEqual(await cells(panel, 'main.kvHeads'), ['Key/value heads', '8']);
    assert.equal(await panel.page.getAttribute('tr[data-fact=parameters] td', 'title'), '8,030,261,248 parameters');
  });

  it('draws a row a layer and a dot a head, on a canvas with as many marks', async () => {
    const panel = await start(one(llama), { place: 'side', width: 300 });
    const { rows, width, height } = await drawn(panel);
    assert.equal(rows.length, 32);
    assert.ok(rows.every(({ xs, capsules }) => xs.length === 32 && capsules.length === 8));
    const size = await panel.page.$eval('hs-dots canvas', (canvas) => {
      const { width: w, height: h } = canvas.getBoundingClientRect();
      const context = (canvas as HTMLCanvasElement).getContext('2d');
      const pixels = context?.getImageData(0, 0, Math.round(w), Math.round(h)).data ?? [];
      return { w, h, inked: [...pixels].filter((value, at) => at % 4 === 3 && value > 200).length };
    });
    assert.deepEqual([size.w, size.h], [width, height]);
    // 1,024 dots of some 20 pixels each.
    assert.ok(size.inked > 10_000, `${size.inked} pixels are drawn`);
    assert.ok(width <= 276, `${width} px fit a side bar of 300 px`);
  });

  it('marks window layers in the picture and in the legend', async () => {
    const panel = await start(one(gemma));
    const { rows } = await drawn(panel);
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      Array.from({ length: 26 }, (_, layer) => (layer % 2 === 0 ? 'window' : 'full')),
    );
    const words = await panel.page.innerText('.legend');
    assert.match(words, /Window of 4,096 tokens, 13 layers/);
    assert.match(words, /Full attention, 13 layers/);
    assert.match(words, /share a key\/value head/);
  });

  it('draws one latent around all heads, and one mark for a recurrent layer', async () => {
    const latent = await start(one(deepseek));
    assert.ok((await drawn(latent)).rows.every(({ capsules }) => capsules.length === 1));
    const mixed = await start(one(hybrid));
    const { rows } = await drawn(mixed);
    assert.deepEqual(
      rows.filter(({ kind }) => kind === 'full').map(({ layer, xs }) => [layer, xs.length]),
      [
        [4, 16],
        [12, 16],
      ],
    );
    assert.ok(rows.filter(({ kind }) => kind === 'linear').every(({ xs }) => xs.length === 1));
  });

  it('names the head under the pointer, and keeps it when clicked', async () => {
    const panel = await start(one(gemma));
    const { rows } = await drawn(panel);
    const row = rows[2];
    assert.ok(row);
    const position = { x: row.xs[5] ?? 0, y: row.y };
    await panel.page.hover('hs-dots canvas', { position });
    const words = 'Layer 2, head 5: window of 4,096 tokens; shares key/value head 2 with the others of heads 4 to 5.';
    assert.equal((await panel.page.innerText('.readout')).trim(), words);
    await panel.page.click('hs-dots canvas', { position });
    await panel.page.hover('h1');
    assert.equal((await panel.page.innerText('.readout')).trim(), words);
  });

  it('walks by the arrow keys and says each head', async () => {
    const panel = await start(one(gemma));
    await panel.page.focus('hs-dots canvas');
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight']) await panel.page.keyboard.press(key);
    const said = await panel.page.innerText('[role=status]');
    assert.equal(said, 'Layer 1, head 2: full attention; shares key/value head 1 with the others of heads 2 to 3.');
    await panel.page.keyboard.press('Control+End');
    assert.match(await panel.page.innerText('[role=status]'), /^Layer 25, head 7:/);
  });

  it('has a table for the picture', async () => {
    const panel = await start(one(gemma));
    await panel.page.click('button[aria-label="Show the layers as a table"]');
    const row = await panel.page.$$eval('.dots tbody tr:first-child > *', (all) =>
      all.map((cell) => (cell as HTMLElement).innerText),
    );
    assert.deepEqual(row, ['0', 'window of 4,096 tokens', '8', '4']);
  });

  it('shows each part, and the parameters of each as shares', async () => {
    const panel = await start(one(twoParts));
    assert.match(await sentence(panel), /, vision part of 3 layers; /);
    assert.equal((await drawn(panel, 1)).rows.length, 3);
    assert.deepEqual(await cells(panel, 'vision0.heads'), ['Query heads', '6']);
    const widths = await panel.page.$$eval('.split-bar rect', (all) =>
      all.map((rect) => Number.parseFloat(rect.getAttribute('width') ?? '0')),
    );
    assert.ok(Math.abs(widths.reduce((sum, width) => sum + width, 0) - 100) < 1e-6);
  });

  it('leads to the problems of a faulty file, and says why heads are not grouped', async () => {
    const panel = await start(one(faulty));
    assert.match(await panel.page.innerText('.legend'), /32 query heads cannot be shared out over 6 key\/value heads/);
    await panel.page.click('.findings button');
    assert.deepEqual(await panel.posts('showProblems'), { kind: 'showProblems', uri: faulty.facts.uri });
    assert.match(await panel.page.innerText('.findings'), /2 errors/);
  });

  it('offers what can be done, and says why something cannot', async () => {
    const panel = await start(one(llama));
    await panel.page.click('text=Benchmark this attention');
    assert.equal((await panel.posts('benchmark')).uri, llama.facts.uri);
    await panel.page.click('text=Show heads');
    assert.equal((await panel.posts('showHeads')).uri, llama.facts.uri);
    await panel.page.click('#compare');
    assert.equal((await panel.posts('compare')).uri, llama.facts.uri);
    await panel.send(show(one(llama), { benchmark: 'This workspace is not trusted.', heads: 'Not trusted.' }));
    await panel.page.waitForSelector('.reason');
    assert.equal(await panel.page.innerText('.reason'), 'This workspace is not trusted.');
    assert.equal(await panel.page.locator('vscode-button[disabled]').count(), 2);
  });

  it('compares two in a sentence, two pictures of one scale, and a table with the differences', async () => {
    const panel = await start(pair);
    // 27 layers of 512 + 64 numbers against 32 layers of 2 x 8 x 128, both in bfloat16.
    assert.match(
      await sentence(panel),
      /^DeepSeek-V2-Lite keeps 4\.2x less KV cache per token than Llama-3\.1-8B \(30\.4 KiB against 128 KiB\), with 2\.0x more parameters\.$/,
    );
    assert.equal((await drawn(panel, 0)).pitch, (await drawn(panel, 1)).pitch);
    assert.deepEqual(await cells(panel, 'kv'), ['KV cache per token', '30.4 KiB', '128 KiB', '4.2x less']);
    assert.deepEqual(await cells(panel, 'main.layers'), ['Layers', '27', '32', '5 fewer']);
    const rows = await panel.page.locator('tr[data-fact]').count();
    await panel.page.click('text=Only what differs');
    await panel.page.waitForFunction((before) => document.querySelectorAll('tr[data-fact]').length < before, rows);
    assert.equal(await panel.page.locator('tr[data-fact]:not(.different)').count(), 0);
    await panel.page.click('#swap');
    await panel.posts('swap');
  });

  it('exports the picture and the facts with what made them', async () => {
    const panel = await start(pair);
    const exported = async (label: string) => {
      const before = panel.posted.length;
      await panel.page.click('hs-menu .menu-trigger');
      await panel.page.click(`[role=menuitem]:has-text("${label}")`);
      return before;
    };
    const svg = await panel.posts('export', await exported('SVG'));
    assert.ok(typeof svg.data === 'string');
    const marks = svg.data.match(/<path transform="translate\([^)]*\) scale\(0\.\d+\)" d="M8 0A/g) ?? [];
    assert.ok(marks.length >= 27 * 16 + 32 * 32, `${marks.length} heads in the file`);
    assert.match(svg.data, /<title>DeepSeek-V2-Lite keeps 4\.2x less/);
    assert.match(svg.data, /Headscope 0\.0\.0/);
    const png = await panel.posts('export', await exported('PNG'));
    assert.ok(png.data instanceof Uint8Array);
    assert.deepEqual([...png.data.subarray(1, 4)], [0x50, 0x4e, 0x47]);
    const markdown = await panel.posts('copy', await exported('Copy as Markdown'));
    assert.match(markdown.text, /\| Memory and work \| KV cache per token \| 30\.4 KiB \| 128 KiB \| 4\.2x less \|/);
    const json = await panel.posts('copy', await exported('Copy as JSON'));
    const { models } = JSON.parse(json.text) as { models: readonly { parts: readonly { layers: unknown[] }[] }[] };
    assert.deepEqual(
      models.map(({ parts }) => parts[0]?.layers.length),
      [27, 32],
    );
  });

  it('says what each state is and what to do next', async () => {
    const panel = await start({ state: 'empty' }, { place: 'side', width: 300 });
    await panel.page.click('#choose');
    await panel.posts('choose');
    await panel.page.click('text=Open the example workspace');
    await panel.posts('openExample');
    await panel.send(show({ state: 'loading', name: 'gpt2' }));
    await panel.page.waitForSelector('text=Reading gpt2.');
    await panel.send(show({ state: 'not-a-model', name: 'x', sentence: 'x is not a model configuration.' }));
    await panel.page.waitForSelector('text=x is not a model configuration.');
    await panel.send(show({ state: 'failed', name: 'x', sentence: 'It did not start.', details: 'ENOENT' }));
    await panel.page.click('text=Try again');
    await panel.posts('retry');
    await panel.send(show(one(llama)));
    await panel.page.waitForSelector('hs-dots canvas');
  });

  it('fits 300, 600 and 1,200 pixels in each theme without a scroll bar of the page', async () => {
    for (const [width, theme] of [
      [300, 'dark'],
      [600, 'light'],
      [1200, 'high-contrast'],
    ] as const) {
      for (const content of [one(llama), one(twoParts), pair]) {
        const panel = await start(content, { width, theme, place: width === 300 ? 'side' : 'full' });
        assert.ok((await overflow(panel)) <= 0, `${content.state} at ${width} px`);
      }
    }
  });

  it('keeps what it shows, which VS Code hands over after a reload', async () => {
    const panel = await start(one(llama));
    const kept = await panel.page.evaluate(() => JSON.parse(sessionStorage.getItem('state') ?? 'null') as unknown);
    assert.deepEqual((kept as { uris: unknown }).uris, [llama.facts.uri]);
  });

  it('keeps what it shows and what was folded beside the state of other panels in the view of the side bar', async () => {
    const panel = await start(one(llama), { place: 'side', width: 300 });
    const ofKernels = { plan: 'of another panel', uris: [], view: { open: {}, differencesOnly: true } };
    await panel.page.evaluate((kernels) => sessionStorage.setItem('state', JSON.stringify({ kernels })), ofKernels);
    await panel.page.reload();
    await panel.page.click('.disclosure-button:has-text("Parameters by part")');
    await panel.page.waitForSelector('.split-bar');
    const kept = await panel.page.evaluate(() => JSON.parse(sessionStorage.getItem('state') ?? 'null') as unknown);
    const { kernels, model } = kept as { readonly kernels: unknown; readonly model: { readonly uris: unknown } };
    assert.deepEqual([kernels, model.uris], [ofKernels, [llama.facts.uri]]);
    await panel.page.reload();
    await panel.page.waitForSelector('.split-bar');
  });
  describe('the section about serving', () => {
    const openServing = async (panel: Panel): Promise<void> => {
      await panel.page.click('.disclosure-button:has-text("Serving")');
      await panel.page.waitForSelector('.serving-figures');
    };
    const figure = ({ page }: Panel, name: string): Promise<string> =>
      page.innerText(`tr[data-figure="${name}"] td`).then((text) => text.trim());

    it('counts what a device takes, and follows each choice; a reload brings all back', async () => {
      const panel = await start(one(llama), { theme: 'light' });
      assert.ok(!panel.posted.some(({ kind }) => kind === 'serving'), 'nothing is asked while it is closed');
      await openServing(panel);
      // 8,030,261,248 parameters of 2 bytes; 15.0 GB of them, without the embedding, at 3.35 TB/s.
      assert.equal(await figure(panel, 'weights'), '15 GiB');
      assert.match(await figure(panel, 'timePerToken'), /^4\.5\d ms$/);
      assert.match(
        (await panel.page.getAttribute('tr[data-figure="timePerToken"]', 'title')) ?? '',
        /bytes \/ bandwidth/,
      );
      await panel.page.focus('input[aria-label="Batch"]');
      for (let press = 0; press < 3; press++) await panel.page.keyboard.press('ArrowRight');
      await panel.page.waitForFunction(() =>
        document.querySelector('tr[data-figure="cache"] td')?.textContent?.includes('2 GiB'),
      );
      const asked = panel.posted.filter(({ kind }) => kind === 'serving').at(-1);
      assert.ok(asked?.kind === 'serving');
      assert.equal(asked.question.batch, 8);
      const rows = await panel.page.$$eval('.serving-times tbody th', (all) =>
        all.map((cell) => (cell as HTMLElement).innerText.trim()),
      );
      assert.deepEqual(rows.slice(0, 4), ['embedding', 'attention projections', 'attention scores', 'feed-forward']);
      await panel.page.focus('hs-section-chart .plot');
      await panel.page.keyboard.press('ArrowRight');
      assert.match(
        await panel.page.innerText('[role=status]'),
        /self_attn\.q_proj: .* FLOP\/byte, .*: the longest of .*bound by memory/,
      );
      await panel.page.reload();
      await panel.page.waitForSelector('.serving-figures');
      assert.equal(await panel.page.getAttribute('input[aria-label="Batch"]', 'aria-valuetext'), '8 sequences');
      await panel.page.click('button[aria-label="Export"]');
      await panel.page.click('[role=menuitem]:has-text("CSV")');
      const { data } = await panel.posts('export');
      assert.match(String(data), /Token,mlp\.gate_proj,feed-forward,0\.00/);
    });

    it('says why there is no figure, and fits 300 pixels', async () => {
      const panel = await start(one(deepseek), { place: 'side', width: 300 });
      await openServing(panel);
      assert.equal(await overflow(panel), 0);
      // The numbers that people look for first are in sight beside the names.
      const heads = (table: string): Promise<string[]> =>
        panel.page.$$eval(`${table} thead th`, (all) => all.map((cell) => (cell as HTMLElement).innerText.trim()));
      assert.deepEqual(await heads('.serving-times'), ['Part', 'Prompt', 'Token']);
      assert.ok(
        await panel.page.$eval('.serving-times .table-frame', (frame) => frame.scrollWidth <= frame.clientWidth),
        'the times are cut',
      );
      assert.deepEqual((await heads('.serving-head ~ .table-frame')).slice(0, 2), ['Operator', 'Time']);
      // What stands under a picture is read in full.
      for (const line of await panel.page.$$('.readout')) {
        assert.ok(await line.evaluate((element) => element.scrollWidth <= element.clientWidth), 'a line is cut');
      }
      await panel.page.$eval('vscode-dropdown[aria-label="Device"]', (element) => {
        (element as HTMLSelectElement).value = 'measured';
        element.dispatchEvent(new Event('change'));
      });
      await panel.page.waitForSelector('.serving-results .reason');
      assert.match(await panel.page.innerText('.serving-results .reason'), /has not been measured yet/);
    });
  });
});
