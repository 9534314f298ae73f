/** Each kind of section in Chromium: drawn, walked by keys, read as a table, exported, and hostile ones that break nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Section } from '../../../protocol/sections/section';
import { clippedText } from '../support/clipped-text';
import { patience } from '../../support/patience';
import { answering, finished, result, sendPicture, usePanels, type Panel } from './workbench-host';
import {
  barsStory,
  everySection,
  expertsStory,
  generationsStory,
  graphStory,
  gridOfStrips,
  headsStory,
  imageStory,
  lineStory,
  mapStory,
  tableStory,
  textStory,
  tokensStory,
} from './stories';
import { hoverCell } from '../support/cells';
import { hostile } from './hostile';
import { readArrow, readSafetensors, readStoredZip } from '../../support/export-files';

describe('sections on the page', () => {
  const open = usePanels();
  /** Two frames: the panel draws in one, its pictures in the next. */
  const drawn = (panel: Panel): Promise<unknown> =>
    panel.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const show = async (sections: readonly Section[], options: { readonly width?: number } = {}): Promise<Panel> => {
    const place = options.width === 300 ? 'side' : 'full';
    const panel = await open({
      place,
      host: answering(finished({ place, result: { ...result, sections } })),
      ...options,
    });
    await panel.page.waitForSelector('.result-section');
    await drawn(panel);
    return panel;
  };
  const frame = (id: string): string => `[data-section="${id}"] .picture-frame`;
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
  };
  const chosen = async (panel: Panel, id: string): Promise<string> => {
    await drawn(panel);
    await panel.page.waitForSelector(`[data-section="${id}"] .chosen-words`);
    return panel.page.innerText(`[data-section="${id}"] .chosen-words`);
  };
  /** Colours of a canvas, as how many different ones there are. */
  const coloursOf = (panel: Panel, id: string): Promise<number> =>
    panel.page.evaluate((section) => {
      const canvas = document.querySelector<HTMLCanvasElement>(`[data-section="${section}"] canvas`);
      const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      const seen = new Set<number>();
      for (let at = 0; at < data.length; at += 4)
        seen.add(((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0));
      return seen.size;
    }, id);
  const sideways = (panel: Panel): Promise<number> =>
    panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  const saved = async (panel: Panel, name: string, menu = 'Export'): Promise<string | Uint8Array> => {
    const after = panel.posted.length;
    await panel.page.getByRole('button', { name: menu, exact: true }).click();
    await panel.page.getByRole('menuitem', { name }).click();
    return (await panel.posts('export', after)).data;
  };

  describe('of an encoder-decoder', () => {
    const tokensOf = (side: 'source' | 'target', tokens: readonly string[]): Section => ({
      ...{ kind: 'tokens', id: side, title: side, side, tokens, numbers: [] },
    });
    const grid = (id: string, stack?: 'encoder' | 'cross'): Section => ({
      ...headsStory(2, 2, id),
      ...(stack ? { stack } : {}),
      pictures: { size: 2, layers: 2, heads: 2, encoding: 'uint8-base64', data: btoa('\u0040'.repeat(16)) },
    });
    const stacks = [
      tokensOf('source', ['a', 'b', 'c', 'd']),
      tokensOf('target', ['x', 'y']),
      grid('encoder', 'encoder'),
      grid('heads'),
      grid('cross', 'cross'),
    ];
    const bands = (panel: Panel): Promise<Record<string, unknown>> =>
      panel.page.evaluate(() =>
        Object.fromEntries(
          ['encoder', 'heads', 'cross'].map((id) => {
            const picture = document.querySelector(`[data-section="${id}"] > hs-section-picture`);
            return [id, (picture as unknown as { bands?: unknown }).bands ?? null];
          }),
        ),
      );

    for (const width of [300, 1200])
      it(`marks a token of either text in every grid that reads it, by pointer and by keys, at ${width} px`, async () => {
        const panel = await show(stacks, { width });
        assert.deepEqual(await bands(panel), { encoder: null, heads: null, cross: null });
        await press(panel, frame('source'), 'Home', 'ArrowRight');
        await drawn(panel);
        const column = [0.25, 0.5];
        assert.deepEqual(await bands(panel), { encoder: { row: column, column }, heads: null, cross: { column } });
        await hoverCell(panel.page, '[data-section="target"] hs-section-picture', '1');
        await drawn(panel);
        assert.deepEqual(await bands(panel), {
          encoder: { row: column, column },
          heads: { row: [0.5, 1], column: [0.5, 1] },
          cross: { row: [0.5, 1], column },
        });
        assert.equal(await sideways(panel), 0);
      });
  });

  describe('of every kind', () => {
    it('show the titles of three numbers whole, in one line each', async () => {
      const [first] = headsStory().numbers;
      assert.ok(first);
      const titles = ['Direct effect', 'Total effect', 'Attention to the labels'];
      const numbers = titles.map((title, at) => ({ ...first, name: `number-${at}`, title }));
      const panel = await show([{ ...headsStory(), numbers }]);
      const heights = await panel.page
        .locator('.number-choice .segments button')
        .evaluateAll((buttons) =>
          buttons.map((button) => [
            button.textContent?.trim(),
            button.scrollWidth - button.clientWidth,
            button.scrollHeight - button.clientHeight,
          ]),
        );
      assert.deepEqual(
        heights,
        titles.map((title) => [title, 0, 0]),
      );
    });

    it('are drawn, each with its title, and a picture that has more than its ground', async () => {
      const panel = await show(everySection());
      assert.equal(await panel.page.locator('.result-section').count(), everySection().length);
      for (const id of ['retrieval', 'circuit', 'attention', 'needle', 'patches', 'accuracy', 'direct', 'ablations'])
        assert.ok((await coloursOf(panel, id)) > 8, id);
      for (const section of everySection())
        assert.equal(await panel.page.innerText(`[data-section="${section.id}"] h2`), section.title);
    });

    it('have a table with the same numbers, and go back to the picture', async () => {
      const panel = await show([headsStory()]);
      await panel.page.getByRole('button', { name: 'Show the numbers as a table' }).click();
      const row = panel.page.locator('.result-section tbody tr', { hasText: 'L8H6' });
      const value = headsStory().numbers[0]?.values[8]?.[6] ?? Number.NaN;
      assert.ok((await row.innerText()).includes(value.toPrecision(3)));
      assert.match(await row.innerText(), /Retrieval\s+yes/);
      await panel.page.getByRole('button', { name: 'Show the picture' }).click();
      await panel.page.waitForSelector(frame('retrieval'));
    });

    it('fit into 300 px without scrolling the page sideways', async () => {
      const panel = await show(everySection(), { width: 300 });
      assert.ok((await sideways(panel)) <= 0);
      await panel.page.click('#settings .disclosure-button');
      assert.ok((await sideways(panel)) <= 0);
    });

    it('put a strip of tokens under the other cells of its row where the page is narrow', async () => {
      const panel = await show(gridOfStrips(), { width: 300 });
      const measured = await panel.page.$eval('[data-section=of-heads] .table-frame', (frame) => {
        const [head, text] = ['tbody th', 'tbody td:last-child'].map((cell) =>
          frame.querySelector(cell)?.getBoundingClientRect(),
        );
        return {
          beyond: frame.scrollWidth - frame.clientWidth,
          under: (text?.top ?? 0) >= (head?.bottom ?? Infinity),
          room: (text?.width ?? 0) / frame.clientWidth,
        };
      });
      assert.ok(measured.beyond <= 0 && measured.under && measured.room > 0.9, JSON.stringify(measured));
    });

    it('say in their place what is missing while there is nothing to draw', async () => {
      const empty: readonly Section[] = [
        { ...headsStory(), numbers: [], empty: 'No head was measured yet.' },
        { ...tableStory(), rows: [], empty: 'No head passed the test.' },
        { ...textStory(), paragraphs: [] },
      ];
      const panel = await show(empty);
      assert.deepEqual(await panel.page.locator('.section-empty').allInnerTexts(), [
        'No head was measured yet.',
        'No head passed the test.',
        'There is nothing to draw yet.',
      ]);
    });
  });

  describe('of heads with rows', () => {
    const rows = (panel: Panel, id: string): Promise<readonly string[]> =>
      panel.page.locator(`[data-section="${id}"] tbody tr`).allInnerTexts();

    it('count in the grid what is found in the rows, and show the rows of a head without the model', async () => {
      const waiting = { folder: '/models/gpt2', bytes: 1e6 };
      const of = finished({ place: 'file', result: { ...result, sections: gridOfStrips() } });
      const panel = await open({ place: 'file', host: answering({ ...of, waiting }) });
      await panel.page.fill('[data-section=strengths] .table-find', 'two');
      await panel.page.getByText('3 of 24 rows. Most in L1H2 (2) and L2H0 (1).').first().waitFor();
      assert.equal((await rows(panel, 'of-heads')).length, 3);
      assert.equal(await panel.page.inputValue('[data-section=of-heads] .table-find'), 'two');
      await panel.page.locator('[data-section=strengths] .table-search').getByRole('button', { name: 'L1H2' }).click();
      assert.match(await chosen(panel, 'strengths'), /^layer 1, head 2: Examples found 2/);
      assert.equal((await rows(panel, 'of-heads-L1H2')).length, 2);
      // Behind the search its numbers are drawn again, and another head by Enter.
      await panel.page.fill('[data-section=of-heads] .table-find', '');
      await press(panel, frame('strengths'), 'ArrowDown', 'ArrowDown', 'Enter');
      assert.match(await chosen(panel, 'strengths'), /^layer 2, head 2: Mean 0\.4/);
      assert.deepEqual(
        (await rows(panel, 'of-heads-L2H2')).map((row) => row.replaceAll(/\s+/g, ' ').trim()),
        ['1.00 <s> one', '2.00 <s> one'],
      );
      assert.ok(panel.posted.every(({ kind }) => kind !== 'ask' && kind !== 'loadModel'));
    });
  });

  describe('under the keyboard and the pointer', () => {
    it('say place, value, unit and definition of a head, and switch between numbers', async () => {
      const panel = await show([headsStory()]);
      await press(panel, frame('retrieval'), 'ArrowRight', 'ArrowRight');
      const value = (at: number): string => (headsStory().numbers[at]?.values[8]?.[7] ?? Number.NaN).toPrecision(3);
      assert.ok((await chosen(panel, 'retrieval')).startsWith(`layer 8, head 7: Retrieval score ${value(0)} (`));
      assert.match(await panel.page.innerText('.picture-tip'), /Share of copied needle tokens/);
      await panel.page.getByRole('radio', { name: 'Effect of removal' }).click();
      await panel.page
        .getByText(`Effect of removal ${Number(value(1)) > 0 ? '+' : ''}`)
        .first()
        .waitFor();
      assert.match(await chosen(panel, 'retrieval'), /^layer 8, head 7: Effect of removal [+-]?0\.\d+ nats$/);
      await press(panel, frame('retrieval'), 'Escape');
      await panel.page.locator('.chosen-words').waitFor({ state: 'detached' });
    });

    it('find the head under the pointer, and keep it by a click', async () => {
      const panel = await show([headsStory()]);
      const box = await panel.page.evaluate((selector) => {
        const element = document.querySelector(selector)?.parentElement as unknown as {
          scene: { box: (cursor: string) => { x: number; y: number; width: number; height: number } };
        };
        return element.scene.box('9.9');
      }, frame('retrieval'));
      const position = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      await panel.page.hover(frame('retrieval'), { position });
      await panel.page.locator('.picture-tip.shown', { hasText: 'layer 9, head 9' }).waitFor();
      await panel.page.click(frame('retrieval'), { position });
      assert.match(await chosen(panel, 'retrieval'), /^layer 9, head 9/);
    });

    it('walk a map, a text, a picture and a circuit', async () => {
      const panel = await show([mapStory(), tokensStory(), imageStory(), graphStory()]);
      await press(panel, frame('attention'), 'ArrowRight', 'ArrowDown', 'End');
      assert.equal(await chosen(panel, 'attention'), 'Query 1 ␣Mary, Key 13 ␣to: no value');
      await press(panel, frame('needle'), 'ArrowRight', 'ArrowRight');
      assert.match(await chosen(panel, 'needle'), /^token 1, ␣pass: Attention \d\.\d+ %, needle$/);
      await press(panel, frame('patches'), 'ArrowRight', 'PageDown', 'ArrowDown');
      assert.match(await chosen(panel, 'patches'), /^row 1, column 0 of tile 1 \(image token 200\): Attention 0\.\d+$/);
      await press(panel, frame('circuit'), 'ArrowUp', 'ArrowDown');
      assert.equal(await chosen(panel, 'circuit'), 'L9H9 → logits (logits): +2.10 logits');
      await press(panel, frame('circuit'), 'Enter');
      assert.deepEqual((await panel.posts('ask')).question, {
        section: 'circuit',
        place: { kind: 'edge', from: 'h9.9', to: 'logits', input: 'logits' },
      });
    });

    it('walk the experts of a layer, by tokens too, and go to another layer by its entropy', async () => {
      const panel = await show([expertsStory()]);
      const experts = '[data-section="experts"] hs-section-picture:nth-of-type(2) .picture-frame';
      await press(panel, experts, 'ArrowRight', 'ArrowRight');
      assert.match(
        await chosen(panel, 'experts'),
        /^layer 0, expert \d+, token 1, ␣cat: (weight 0\.\d+|not chosen), load /,
      );
      await press(panel, frame('experts'), 'End');
      assert.match(await chosen(panel, 'experts'), /^layer 0, expert \d+, token 22, ␣in: weight 0\.\d+, load /);
      const box = await panel.page.evaluate((selector) => {
        const element = document.querySelector(selector)?.closest('hs-section-picture') as unknown as {
          scene: { box(cursor: string): { x: number; y: number; width: number; height: number } };
        };
        return element.scene.box('layer.4');
      }, experts);
      await panel.page.click(experts, { position: { x: box.x + box.width / 2, y: box.y + box.height / 2 } });
      assert.match(await chosen(panel, 'experts'), /^layer 4: entropy \d\.\d+ nats of 4\.16 at most$/);
      assert.equal(
        await panel.page
          .locator('[data-section="experts"] vscode-dropdown')
          .evaluate((one) => (one as HTMLSelectElement).value),
        'layer 4',
      );
    });

    it('walk a chart and a table, and ask about a row', async () => {
      const panel = await show([lineStory(), tableStory()]);
      await press(panel, '[data-section=accuracy] .plot', 'ArrowRight', 'ArrowRight', 'ArrowDown');
      await panel.page.keyboard.press('Enter');
      assert.match(
        await chosen(panel, 'accuracy'),
        /^Without the three heads at 512 tokens: 0\.\d+ \(0\.\d+ to 0\.\d+, 95 % /,
      );
      await press(panel, '[data-section=strongest] tbody tr', 'ArrowDown', 'Enter');
      assert.match(await chosen(panel, 'strongest'), /^Head L9H9, Retrieval score 0\.880/);
      await panel.page.click('[data-section=strongest] .section-chosen vscode-button');
      assert.deepEqual((await panel.posts('ask')).question, { section: 'strongest', place: { kind: 'row', row: 1 } });
    });

    it('find rows of a long table by a text, and say which heads have most of them', async () => {
      const { rows: _, ...story } = tableStory();
      const words = [' Paris', ' Rome', 'paris in'];
      const rows = Array.from({ length: 30 }, (__, at) => [
        { layer: at % 4 === 0 ? 2 : 1, head: 0 },
        ...[0.5, 1, 0.01, (words[at % 3] ?? '').replace(/^ /u, '␣')],
      ]);
      const panel = await show([
        { ...story, rows },
        { ...tableStory(), id: 'short' },
      ]);
      assert.equal(await panel.page.locator('[data-section=short] .table-find').count(), 0);
      const field = panel.page.locator('[data-section=strongest] .table-find');
      const shown = panel.page.locator('[data-section=strongest] tbody tr');
      await field.fill('PARIS');
      await panel.page.getByText('20 of 30 rows. Most in L1H0 (15) and L2H0 (5).').waitFor();
      assert.equal(await shown.count(), 20);
      await field.fill(' paris');
      await panel.page.getByText('10 of 30 rows.').waitFor();
      // A row is asked about by its place in the whole table.
      await press(panel, '[data-section=strongest] tbody tr:nth-child(2)', 'Enter');
      await panel.page.click('[data-section=strongest] .section-chosen vscode-button');
      assert.deepEqual((await panel.posts('ask')).question, { section: 'strongest', place: { kind: 'row', row: 3 } });
      await field.fill('Berlin');
      await panel.page.getByText('No row has this text.').waitFor();
      await field.press('Escape');
      await panel.page.locator('[data-section=strongest] tbody tr:nth-child(30)').waitFor();
      assert.equal(await shown.count(), 30);
    });

    it('prune a circuit by the slider, and say how many edges are kept', async () => {
      const panel = await show([graphStory()]);
      const words = () => panel.page.innerText('.graph-threshold output');
      assert.equal(await words(), '15 of 315 edges, from 0.350 logits on');
      await press(panel, '.graph-threshold input', 'Home');
      await panel.page.getByText('315 of 315 edges').waitFor();
      await panel.page.keyboard.press('End');
      await panel.page.getByText('1 of 315 edges').waitFor();
    });

    it('mark what differs between two continuations', async () => {
      const panel = await show([generationsStory()]);
      assert.deepEqual(await panel.page.locator('.generation mark').allInnerTexts(), ['10000. ']);
    });
  });

  describe('as files', () => {
    it('of the result: SVG with every title, definition and the provenance, nothing cut off', async () => {
      const panel = await show(everySection());
      await sendPicture(panel, '0'.repeat(64));
      await panel.page.waitForTimeout(200);
      const svg = String(await saved(panel, 'SVG'));
      for (const words of [
        result.finding.slice(0, 40),
        'Retrieval score of every head: Retrieval score',
        'Share of copied needle tokens',
        'arXiv:2404.15574',
        'onnxruntime-node 1.30.0',
      ])
        assert.ok(svg.includes(words), words);
      assert.ok(svg.includes('data:image/png;base64,'));
      // Light in a dark editor: pictures go onto white pages.
      assert.match(svg, /<rect[^>]*fill="#ffffff"/);
      assert.deepEqual(await clippedText(panel.page, svg), []);
    });

    it('of the result: CSV of each table, JSON, HTML without network, PNG', async () => {
      const panel = await show(everySection());
      const csv = String(await saved(panel, 'CSV'));
      for (const section of everySection()) assert.ok(csv.includes(`# ${section.title}`), section.title);
      assert.ok(csv.includes('# score: Retrieval score. Share of copied needle tokens'));
      const json = JSON.parse(String(await saved(panel, 'JSON'))) as typeof result;
      assert.equal(json.sections.length, everySection().length);
      const html = String(await saved(panel, 'HTML'));
      assert.ok(html.includes('<dt>Effect of removal (nats)</dt>'));
      assert.ok(!/(src|href)="https?:/.test(html));
      const png = await saved(panel, 'PNG');
      assert.deepEqual([...(png as Uint8Array).subarray(1, 4)], [...Buffer.from('PNG')]);
      const npz = readStoredZip(Buffer.from((await saved(panel, 'npz')) as Uint8Array));
      assert.ok(npz.has('meta.json') && npz.size > everySection().length);
      const zip = readStoredZip(Buffer.from((await saved(panel, 'Arrow')) as Uint8Array));
      for (const table of zip.values()) assert.ok(readArrow(table).columns.length > 0);
      const { tensors } = readSafetensors(Buffer.from((await saved(panel, 'safetensors')) as Uint8Array));
      assert.ok(tensors.size > 0);
    });

    it('of one section', async () => {
      const panel = await show([headsStory(), barsStory()]);
      const csv = String(await saved(panel, 'Save as CSV', 'Export Loss by kind of removal'));
      assert.ok(csv.includes('\r\nHeads of the finding,'));
      const arrow = await saved(panel, 'Save as Arrow', 'Export Loss by kind of removal');
      const { columns } = readArrow(Buffer.from(arrow as Uint8Array));
      assert.ok(columns.find(({ name }) => name === 'series')?.values.includes('Heads of the finding'));
      // As the command line writes it: a text and a number for each point.
      const json = JSON.parse(
        Buffer.from((await saved(panel, 'Save as JSON', 'Export Loss by kind of removal')) as Uint8Array).toString(),
      ) as { readonly tables: Readonly<Record<string, { readonly columns: Readonly<Record<string, unknown>> }>> };
      assert.ok(JSON.stringify(json.tables).includes('Heads of the finding'));
      const names = panel.posted.flatMap((one) => (one.kind === 'export' ? [one.name] : []));
      assert.equal(names.at(-1), 'retrieval-heads-gpt2-2026-11-24.ablations.json');
      const part = await saved(panel, 'Save as safetensors', 'Export Loss by kind of removal');
      assert.ok(readSafetensors(Buffer.from(part as Uint8Array)).tensors.size > 0);
      const svg = String(await saved(panel, 'Save as SVG', 'Export Loss by kind of removal'));
      assert.ok(svg.includes('Knock-out of keys') && !svg.includes('Retrieval score of every head'));
      assert.equal((await panel.posts('export')).name, 'retrieval-heads-gpt2-2026-11-24.ablations.csv');
    });
  });

  describe('that are hostile', () => {
    it('neither hang the page nor break it, at 300 px and at full width', async () => {
      for (const width of [300, 1280]) {
        const began = Date.now();
        const panel = await show(hostile, { width });
        assert.equal(await panel.page.locator('.result-section').count(), hostile.length);
        assert.ok((await sideways(panel)) <= 0, `${width} px`);
        assert.equal(await panel.page.locator('img').count(), 0);
        assert.match(await panel.page.innerText('[data-section=later]'), /does not draw “hologram”/);
        assert.ok(Date.now() - began < patience(20_000));
      }
    });

    it('can be walked and read as tables', async () => {
      const panel = await show(hostile);
      for (const id of ['all-nan', 'wide', 'odd-map', 'large-map', 'long-text', 'huge-graph']) {
        await press(panel, frame(id), 'ArrowRight', 'ArrowDown', 'ArrowUp', 'End', 'PageDown');
        assert.ok((await chosen(panel, id)).length < 400, id);
      }
      await panel.page
        .locator('[data-section=large-map]')
        .getByRole('button', { name: 'Show the numbers as a table' })
        .click();
      await panel.page.getByText('200 of 90,000 rows.').waitFor();
    });

    it('can be exported', async () => {
      const panel = await show(hostile);
      const svg = String(await saved(panel, 'SVG'));
      // Beside the panel, whose policy refuses the styles of a file.
      const beside = await panel.page.context().newPage();
      const parsed = await beside.evaluate(
        (text) => new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror')?.textContent,
        svg,
      );
      assert.equal(parsed, undefined);
    });
  });
});
