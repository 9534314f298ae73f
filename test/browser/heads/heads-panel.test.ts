import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { headStatisticNames } from '../../../protocol/results/heads';
import type { HeadStatistics } from '../../../protocol/results/heads-schema';
import { contrastOfThumb } from '../support/slider-contrast';
import { answering, finishedMessage, model, openMessage, plan, result, thumbnails } from './heads-host';
import { chosenIn, clickCell, headsPanels, hoverCell, pictures, settle, textsIn, type Panel } from './opened-panels';
import { plantedModel, plantedResult, plantedRow } from '../workbench/planted-model';

describe('the heads panel', () => {
  const { start, finished } = headsPanels();
  const heading = (panel: Panel): Promise<string> => panel.page.innerText('h1');
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const statistic = async (panel: Panel, name: string): Promise<string> =>
    (await text(panel, `[data-statistic=${name}]`)).split(/[a-z]+$/)[0]?.trim() ?? '';
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel);
  };
  const layerMessage = (layer: number): ToHeadsPanel => {
    const each = thumbnails.heads * thumbnails.size ** 2;
    return {
      kind: 'layer',
      layer,
      statistics: Object.fromEntries(
        headStatisticNames.map((name) => [name, result.statistics[name][layer] ?? []]),
      ) as unknown as { readonly [K in keyof HeadStatistics]: readonly number[] },
      thumbnails: { ...thumbnails, layers: 1, data: thumbnails.data.slice(layer * each, (layer + 1) * each) },
    };
  };
  const select = (panel: Panel, layer: number, head: number): Promise<void> =>
    panel.send(finishedMessage({ select: { layer, head } }));

  describe('with a result', () => {
    it('says that the prompt went through the chat template, and what the model read of it', async () => {
      const chatPrompt = { text: '<|user|>\nWho?\n<|assistant|>', why: 'asked' } as const;
      const panel = await finished({ host: answering(finishedMessage({ result: { ...result, chatPrompt } })) });
      const note = panel.page.locator('header details:has-text("chat template")');
      assert.match(
        await note.locator('summary').innerText(),
        /^The prompt went through the chat template of the model/,
      );
      assert.equal(await note.locator('pre').isVisible(), false);
      await note.locator('summary').click();
      assert.equal(await note.locator('pre').innerText(), chatPrompt.text);
      const without = await finished();
      assert.equal(await without.page.locator('header details').count(), 0);
    });

    it('says what the run leaves unread of the checkpoint, before a run, beside its result and in what is exported', async () => {
      const notes = ['The weights have layer 4, beyond num_hidden_layers 4. They would be left unread.'];
      const before = await start({ host: answering(openMessage({ model: { ...result.model, notes } })) });
      assert.equal(await text(before, '.model-notes'), notes[0]);
      const noted = { ...result, model: { ...result.model, notes } };
      const panel = await start({ host: answering(finishedMessage({ result: noted })) });
      assert.equal(await text(panel, '.model-notes'), notes[0]);
      await panel.page.click('#provenance .disclosure-button');
      assert.ok((await text(panel, 'ul.provenance')).includes(notes[0] ?? ''));
      assert.equal(await (await finished()).page.$('.model-notes'), null);
    });

    it('says the finding first, with the numbers of the selected head', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 1 } })) });
      const sink = result.classes.find(({ layer, head }) => layer === 0 && head === 1);
      assert.equal(sink?.label, 'first-token-sink');
      assert.match(
        await heading(panel),
        new RegExp(
          `^${new Set(result.classes.map((one) => `${one.layer}.${one.head}`)).size} of 32 heads have a label on 32 tokens; L0H1 is a first-token sink head \\(${sink.score.toPrecision(2)}; null ${sink.null.mean.toFixed(3)} ± `,
        ),
      );
      assert.equal(
        Number(await statistic(panel, 'firstToken')),
        Number(result.statistics.firstToken[0]?.[1]?.toPrecision(3)),
      );
      assert.equal(
        Number(await statistic(panel, 'entropy')),
        Number(result.statistics.entropy[0]?.[1]?.toPrecision(3)),
      );
      assert.match(await text(panel, '.parity'), /Checked: recording did not change the output/);
    });

    it('says what the head is worth alone and what all of its label are, on the random sequence and on the prompt', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 2, head: 4 } })) });
      const own = result.classes.find(({ layer, head }) => layer === 2 && head === 4);
      const all = result.classAblations?.find(({ label }) => label === 'induction');
      assert.ok(own?.causal?.promptLossChange !== undefined && all);
      const signed = (change: number): string => `${change < 0 ? '−' : '+'}${Math.abs(change).toPrecision(2)}`;
      const finding = await heading(panel);
      const { lossChange, promptLossChange } = own.causal;
      assert.ok(
        finding.includes(
          `without it the loss changes by ${signed(lossChange)} nats a token on a repeated random sequence and ${signed(promptLossChange)} on the prompt, without all ${all.heads} induction heads by ${signed(all.lossChange)} and ${signed(all.promptLossChange ?? Number.NaN)}.`,
        ),
        finding,
      );
      const row = await panel.page.innerText('table:has(caption:text("all heads of a label")) tbody tr:last-child');
      assert.match(row, new RegExp(`^\\s*uniform\\s+\\d+\\s+\\+[\\d.]+\\s+\\+0\\.\\d+$`));
    });

    it('shows the score behind every label of the head, what the label needs, and a floor of the null model as a floor', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 1 } })) });
      const cells = (label: string): Promise<string[]> =>
        panel.page.$$eval(`[data-label=${label}] td`, (all) => all.map((cell) => (cell as HTMLElement).innerText));
      assert.equal(await panel.page.locator('.label-scores tbody tr').count(), 8);
      assert.deepEqual(await cells('retrieval'), ['0', '0.989', '0 ± below 0.001', '0.45']);
      const [score, p, none] = await cells('first-token-sink');
      assert.equal(Number(score), Number(result.statistics.firstToken[0]?.[1]?.toPrecision(2)));
      assert.deepEqual([none, p], ['0.090 ± 0.040', '< 0.001']);
    });

    it('says under the search that a head is not there, and reads out all numbers of one that is', async () => {
      const panel = await finished();
      await panel.page.fill('input.search', 'L9H9');
      await settle(panel);
      assert.match(await text(panel, '#no-such-head'), /^There is no L9H9: 4 layers and 8 heads/);
      await panel.page.fill('input.search', '');
      await settle(panel);
      assert.equal(await text(panel, '#no-such-head'), '');
      assert.match(await text(panel, '.grid-readout'), /distance/);
      const cut = await panel.page.$eval('.grid-readout', (line) => line.scrollHeight - line.clientHeight);
      assert.ok(cut <= 0, `${cut} px of the readout are hidden`);
    });

    it('says beside Run why it is off', async () => {
      const plain = { ...plan, prompt: { kind: 'text', text: '' } } as const;
      const panel = await start({ host: answering(openMessage({ plan: plain })) });
      await panel.page.waitForSelector('#run[disabled] ~ #why-not');
      assert.equal(await text(panel, '#why-not'), 'Type a prompt first.');
      await panel.page.fill('#prompt', 'Mary');
      await panel.page.waitForSelector('#why-not', { state: 'detached' });
    });

    it('says of a head without a label what it reads most', async () => {
      const panel = await finished();
      const plain = [0, 1, 2, 3]
        .flatMap((layer) => [0, 1, 2, 3, 4, 5, 6, 7].map((head) => ({ layer, head })))
        .find(({ layer, head }) => model.plant(layer, head) === 'mixed');
      assert.ok(plain);
      await select(panel, plain.layer, plain.head);
      await settle(panel);
      assert.match(
        await heading(panel),
        new RegExp(`L${plain.layer}H${plain.head} has no label: it has a .+ of 0\\.\\d+\\.$`),
      );
    });

    it('draws a pixel of the picture for what the head reads and none for what it does not', async () => {
      const panel = await finished();
      // L0H7 reads the previous token alone: its diagonal is bright, its first column is not.
      assert.equal(model.plant(0, 7), 'previous');
      const [onDiagonal = 0, offDiagonal = 0] = await panel.page.$eval(pictures.grid, (grid) => {
        const { x, y, width } = (
          grid as unknown as { scene: { box(cursor: string): { x: number; y: number; width: number } } }
        ).scene.box('0.7');
        const canvas = grid.querySelector('canvas');
        const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        const step = (width - 2) / 32;
        const at = (row: number, column: number): number => {
          const [px, py] = [Math.floor(x + (column + 0.5) * step), Math.floor(y + (row + 0.5) * step)];
          const from = (py * (canvas?.width ?? 0) + px) * 4;
          return (pixels[from] ?? 0) + (pixels[from + 1] ?? 0) + (pixels[from + 2] ?? 0);
        };
        return [at(24, 23), at(24, 4)];
      });
      assert.ok(onDiagonal > offDiagonal + 100, `${onDiagonal} against ${offDiagonal}`);
    });

    it('colours the keys that the selected head reads from the selected query, and lists them exactly', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await panel.page.waitForSelector('.top-keys td.token-cell');
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
      assert.equal(first[0], '30');
      assert.equal(first[1], '␣book');
      assert.equal(Number(first[3]), Number(row[30]?.toPrecision(3)));
      assert.deepEqual(await chosenIn(panel, pictures.strip), ['31']);
      await hoverCell(panel, pictures.strip, '30');
      assert.match(await text(panel, `${pictures.strip} .picture-tip`), new RegExp(`id ${model.ids[30]}`));
    });

    it('asks for the row of another query when a token is chosen', async () => {
      const panel = await finished();
      await panel.page.waitForSelector('.top-keys td.token-cell');
      const before = panel.posted.length;
      await clickCell(panel, pictures.strip, '12');
      const asked = await panel.posts('row', before);
      assert.equal(asked.query, 12);
      await settle(panel);
      assert.deepEqual(await chosenIn(panel, pictures.strip), ['12']);
    });

    it('puts the rows of several chosen tokens together as their mean, and says so', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await clickCell(panel, pictures.strip, '12');
      await clickCell(panel, pictures.strip, '20', ['Control']);
      await panel.page.waitForSelector('.top-keys h3:text("2 queries read")');
      await panel.page.waitForSelector('.top-keys td.token-cell');
      assert.deepEqual([...(await chosenIn(panel, pictures.strip))], ['12', '20']);
      // L0H7 reads the previous token: each of the two keys gets half of what its query gives it.
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
      await clickCell(panel, pictures.strip, '14', ['Shift']);
      assert.equal((await chosenIn(panel, pictures.strip)).length, 8, '12, and 14 to 20');
      await press(panel, `${pictures.strip} .picture-frame`, 'Shift+ArrowLeft');
      assert.equal((await chosenIn(panel, pictures.strip)).length, 9, '13 too');
      await press(panel, `${pictures.strip} .picture-frame`, 'Control+ArrowLeft', 'Control+ArrowLeft', 'Control+Space');
      assert.deepEqual((await chosenIn(panel, pictures.strip)).at(-1), '11');
      assert.equal((await chosenIn(panel, pictures.strip)).length, 10);
      await panel.page.click('[aria-label="Only the last query"]');
      await settle(panel);
      assert.equal((await chosenIn(panel, pictures.strip)).length, 1);
    });

    it('says the exact probability of the cell under the pointer', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await panel.posts('tile');
      await settle(panel);
      await hoverCell(panel, pictures.matrix, '20.19');
      const said = await text(panel, `${pictures.matrix} .picture-tip`);
      assert.match(said, /query 20 "␣John" → key 19 "␣and"/);
      assert.equal(Number(said.trim().split(/\s/).at(-1)), Number(plantedRow(model, 0, 7, 20)[19]?.toPrecision(3)));
      assert.deepEqual(
        await panel.page.$eval(pictures.strip, (strip) => (strip as unknown as { linked: readonly string[] }).linked),
        ['19', '20'],
      );
      await hoverCell(panel, pictures.matrix, '20.25');
      assert.match(await text(panel, `${pictures.matrix} .picture-tip`), /not read: the key stands behind the query/);
    });

    it('marks the row and the column of a token and of a row of the top keys under the pointer', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await panel.page.waitForSelector('.top-keys tbody tr:first-child td.token-cell');
      const readout = async (): Promise<string> =>
        (await text(panel, `${pictures.matrix} .picture-tip`)).replace('\n', ': ');
      /** Pixels of the matrix, as drawn. */
      const picture = (): Promise<string> =>
        panel.page.$eval(`${pictures.matrix} canvas`, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
      const plain = await picture();
      await hoverCell(panel, pictures.strip, '19');
      assert.match(await readout(), /^query 31 "␣to" → key 19 "␣and": \d/);
      const marked = await picture();
      assert.notEqual(marked, plain);
      await panel.page.hover('h1');
      await settle(panel);
      assert.equal(await picture(), plain, 'nothing is marked once the pointer has left the tokens');
      await panel.page.hover('.top-keys tbody tr:first-child');
      await settle(panel);
      const key = (await text(panel, '.top-keys tbody tr:first-child td')).trim();
      assert.match(await readout(), new RegExp(`^query 31 "␣to" → key ${key} "`));
      await panel.page.hover('h1');
      await settle(panel);
      assert.equal(await picture(), plain);
      // A token behind the query is read by no row before it: its own row is marked.
      await clickCell(panel, pictures.strip, '10');
      await hoverCell(panel, pictures.strip, '20');
      assert.match(await readout(), /^query 20 "␣John" → key 10 "\.": \d/);
    });

    it('walks from cell to cell by arrow keys and reads each value out; Shift moves the picture', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await panel.page.waitForSelector('.top-keys tbody tr:first-child td.token-cell');
      const live = '.head-drawing .chosen-words';
      const matrix = `${pictures.matrix} .picture-frame`;
      await press(panel, matrix, 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowUp');
      const said = await text(panel, live);
      assert.match(said, /^query 30 "␣book" → key 2 "ary": /);
      assert.equal(Number(said.split(': ')[1]), Number(plantedRow(model, 0, 7, 30)[2]?.toPrecision(3)));
      assert.equal((await panel.posts('row')).query, 31);
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
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
      await panel.page.waitForSelector('.top-keys tbody tr:first-child td.token-cell');
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

    it('hides the sink column and says so', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 1 } })) });
      await panel.page.waitForSelector('.top-keys tr td.token-cell');
      await panel.page.click('text=Hide the sink column');
      await settle(panel);
      assert.match(await text(panel, '.one-head'), /Key 0 is hidden/);
      assert.notEqual(await text(panel, '.top-keys tr:first-child td'), '0');
      assert.match(await text(panel, '.top-keys .rest'), /others and key 0/);
    });

    it('draws lines instead of the matrix', async () => {
      const panel = await finished();
      await panel.page.click('role=radio[name="Lines"]');
      await settle(panel);
      const before = panel.posted.length;
      await press(panel, `${pictures.matrix} .picture-frame`, 'ArrowUp');
      assert.equal((await panel.posts('row', before)).query, 30);
    });
  });

  describe('the grid', () => {
    it('walks by arrow keys and says the cell in focus', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 2, head: 3 } })) });
      await press(panel, '.grid .picture-frame', 'ArrowRight');
      const induction = result.classes.find((one) => one.layer === 2 && one.head === 4);
      assert.equal(induction?.label, 'induction');
      assert.ok(
        (await text(panel, '[role=status][aria-live]')).startsWith(
          `layer 2 head 4, induction ${induction.score.toFixed(3)}`,
        ),
      );
      await press(panel, '.grid .picture-frame', 'End', 'ArrowDown');
      assert.match(await text(panel, '[role=status][aria-live]'), /^layer 3 head 7/);
      await press(panel, '.grid .picture-frame', 'Enter');
      assert.ok(
        await panel.page.evaluate(() => document.activeElement?.closest('.head-drawing') !== null),
        'Enter goes on to the matrix of the head',
      );
    });

    it('finds a head by its name and filters by label', async () => {
      const panel = await finished();
      await panel.page.fill('.search', 'L1H3');
      await settle(panel);
      assert.match(await heading(panel), /L1H3/);
      await panel.page.fill('.search', '');
      await panel.page.click('.legend-entry:has-text("previous token")');
      await settle(panel);
      const rows = await panel.page.$$eval('.labels tbody tr', (all) =>
        all.map((row) => (row as HTMLElement).innerText),
      );
      assert.deepEqual(rows.length, result.classes.filter(({ label }) => label === 'previous-token').length);
      assert.ok(rows.every((row) => row.includes('previous token')));
      await panel.page.keyboard.press('Escape');
      await settle(panel);
      assert.equal(await panel.page.$$eval('.labels tbody tr', (all) => all.length), result.classes.length);
    });

    it('lets a head that was found go: by Escape, by its button, and when another head is chosen', async () => {
      const panel = await finished();
      /** What is looked for, and whether all heads are shown. */
      const found = async (): Promise<readonly [string, boolean]> => {
        await settle(panel);
        return [await panel.page.inputValue('.search'), !(await panel.page.isVisible('#show-all'))];
      };
      const find = async (): Promise<void> => {
        await panel.page.fill('.search', 'L2H4');
        assert.deepEqual(await found(), ['L2H4', false]);
      };
      assert.equal(await panel.page.isVisible('#show-all'), false);
      await find();
      await panel.page.keyboard.press('Escape');
      assert.deepEqual(await found(), ['', true]);
      await find();
      await press(panel, '.grid .picture-frame', 'Escape');
      assert.deepEqual(await found(), ['', true]);
      await find();
      await press(panel, '#show-all', 'Enter');
      assert.deepEqual(await found(), ['', true]);
      assert.equal(await panel.page.isVisible('#show-all'), false);
      await find();
      await press(panel, '.grid .picture-frame', 'ArrowRight');
      assert.deepEqual(await found(), ['', true]);
      assert.match(await heading(panel), /L2H5/);
      await find();
      await select(panel, 0, 1);
      assert.deepEqual(await found(), ['', true], 'a link names another head');
    });

    it('forgets what was looked for with the result of another model', async () => {
      const panel = await finished();
      await panel.page.fill('.search', 'L3H7');
      await settle(panel);
      const small = plantedModel(undefined, 2, 4, 4);
      await panel.send(finishedMessage({ result: plantedResult(small, { created: '2026-11-25T00:00:00.000Z' }) }));
      await settle(panel);
      assert.equal(await panel.page.inputValue('.search'), '');
      assert.equal(await text(panel, '#no-such-head'), '');
      const letters = async (): Promise<number> => panel.page.locator('.legend-entry').count();
      await panel.page.click('.legend-entry:has-text("induction")');
      await panel.send(finishedMessage({ result: { ...result, created: '2026-11-26T00:00:00.000Z', classes: [] } }));
      await settle(panel);
      assert.equal(await letters(), 0);
      assert.equal(await panel.page.isVisible('#show-all'), false, 'no label is left that could be looked for');
    });

    it('fills while layers come, without labels yet', async () => {
      const panel = await start();
      await panel.page.click('#run');
      assert.deepEqual((await panel.posts('run')).plan, plan);
      await panel.send(layerMessage(0), { kind: 'stage', sentence: 'Layer 1 of 4', share: 0.25, secondsLeft: 3 });
      await settle(panel);
      assert.equal(await heading(panel), 'Reading the heads: 1 of 4 layers are there.');
      assert.match(await text(panel, '.run-state'), /Layer 1 of 4: 25 %, about 3 s left/);
      await hoverCell(panel, pictures.grid, '0.0');
      await panel.page.locator('.grid-readout', { hasText: 'L0H0' }).waitFor();
      assert.match(await text(panel, '.grid-readout'), /^L0H0 · no label · on this prompt: first 0\.\d/);
      await panel.send({ kind: 'result', result, savedAs: 'x.headscope-heads.json' });
      await settle(panel);
      assert.match(await heading(panel), /32 heads have a label/);
      // The pictures that came with the layers stay.
      assert.match(await text(panel, '.grid-key'), /Pictures: query down/);
    });

    it('shows the query of each generated token while it is generated', async () => {
      const panel = await finished();
      await panel.page.click('#generate');
      const { request, interventions } = await panel.posts('generate');
      assert.deepEqual(interventions, []);
      const live = Object.fromEntries(
        headStatisticNames.map((name) => [name, result.statistics[name].map((row) => row.map(() => 0.25))]),
      ) as unknown as HeadStatistics;
      await panel.send({
        kind: 'token',
        request,
        variant: false,
        index: 0,
        text: ' Mary',
        probability: 0.7,
        statistics: live,
      });
      await settle(panel);
      assert.match(await text(panel, '.live'), /generated token 1/);
      await hoverCell(panel, pictures.grid, '2.4');
      assert.match(await text(panel, `${pictures.grid} .picture-tip`), /induction 0\.250/);
      await panel.send({ kind: 'generated', request, variant: false, text: ' Mary.' });
      await settle(panel);
      assert.equal(await panel.page.$('.live'), null);
      assert.equal((await panel.page.textContent('[data-variant=plain] pre'))?.trim(), 'Mary.');
    });
  });

  describe('the prompt', () => {
    it('counts tokens, says what is stale and what cannot be run', async () => {
      const panel = await finished();
      await panel.page.waitForSelector('text=32 of 2,048 tokens');
      const before = panel.posted.length;
      await panel.page.fill('#prompt', 'Another prompt');
      const asked = await panel.posts('tokenise', before);
      assert.deepEqual(asked.prompt, { kind: 'text', text: 'Another prompt' });
      await settle(panel);
      assert.match(await text(panel, '.banner'), /have changed since/);
      // The tokens of the editor beside those of the pictures.
      const typed = pictures.typed;
      await panel.page.waitForSelector(`${typed} [aria-label^="Tokens of the prompt in the editor"]`);
      await settle(panel);
      assert.deepEqual(await textsIn(panel, typed), [...model.tokens.map((token) => token.replaceAll(' ', '␣'))]);
      await panel.page.click('text=Back to what is shown');
      await settle(panel);
      assert.equal(await panel.page.$(typed), null);
      assert.equal(await panel.page.inputValue('#prompt'), result.prompt);
      await panel.page.click('role=radio[name="Token ids"]');
      await panel.page.fill('#prompt', '1 2 999999');
      await settle(panel);
      assert.match(await text(panel, '.problem'), /Token id 999999 is outside the vocabulary of 1,280/);
      assert.equal(await panel.page.$eval('#run', (button) => (button as HTMLButtonElement).disabled), true);
    });

    it('keeps what was typed over a reload', async () => {
      const panel = await start();
      await panel.page.fill('#prompt', 'Typed and not run');
      await panel.posts('planned');
      await panel.page.reload();
      await panel.page.waitForSelector('#prompt');
      assert.equal(await panel.page.inputValue('#prompt'), 'Typed and not run');
    });

    it('gives what was typed up for a plan that was chosen outside the form, also one that it had before', async () => {
      const panel = await start();
      await panel.page.fill('#prompt', 'Typed and not run');
      await panel.posts('planned');
      // The state of an opening that is sent again is older than what was typed since.
      await panel.send(openMessage());
      await settle(panel);
      assert.equal(await panel.page.inputValue('#prompt'), 'Typed and not run');
      await panel.send(openMessage({ replaces: true }));
      await settle(panel);
      assert.equal(await panel.page.inputValue('#prompt'), result.prompt);
    });

    it('shows the model of the form in its list, however the list changes under it', async () => {
      const panel = await finished();
      const { models } = openMessage();
      const first = { folder: '/models/aardvark', label: 'aardvark', family: 'llama', runs: true } as const;
      const listed = async (): Promise<string> => {
        await settle(panel);
        return panel.page.$eval('vscode-dropdown[aria-label=Model]', (list) => {
          const { value, displayValue } = list as unknown as { readonly value: string; readonly displayValue: string };
          return `${value} as ${displayValue}`;
        });
      };
      const opens = (folder: string, change: Parameters<typeof finishedMessage>[0] = {}): Promise<void> =>
        panel.send(finishedMessage({ plan: { ...plan, folder }, replaces: true, ...change }));
      assert.equal(await listed(), '/models/planted as planted');
      // A folder that was browsed to, a model found before the others, the browsed one found as well.
      await opens('/home/me/browsed');
      assert.equal(await listed(), '/home/me/browsed as browsed');
      await panel.send({ kind: 'models', models: [first, ...models] });
      assert.equal(await listed(), '/home/me/browsed as browsed');
      await opens('/models/planted', { models: models.slice(0, 1) });
      await panel.send({ kind: 'models', models: [first, ...models] });
      assert.equal(await listed(), '/models/planted as planted');
      // Another model from the Models view while the list is short, a comparison, and the whole list again.
      const other = plantedResult(model, { created: '2026-11-23T00:00:00.000Z' });
      await opens('/models/other', { models: models.slice(0, 1), compareWith: { name: 'saved', result: other } });
      assert.equal(await listed(), '/models/other as other');
      await panel.send({ kind: 'models', models: [first, ...models] });
      assert.equal(await listed(), '/models/other as other');
      await panel.send({ kind: 'models', models: [...models].reverse() });
      assert.equal(await listed(), '/models/other as other');
    });

    it('says why a model does not run before Run is pressed: by the list, or by opening it', async () => {
      const models = [
        ...openMessage().models,
        {
          folder: '/models/bare',
          label: 'bare',
          family: 'llama',
          runs: 'There are no weights beside bare.',
          mark: 'no weights',
        },
        { folder: '/models/torn', label: 'torn', family: 'llama', runs: true, mark: '2 errors' },
      ] as const;
      const torn = {
        kind: 'failed',
        folder: '/models/torn',
        sentence: 'torn cannot be run: a shard is missing.',
      } as const;
      let opens = false;
      const panel = await start({
        host: (message) => {
          if (message.kind === 'chooseModel' && message.folder === '/models/bare') return [];
          const isTorn = message.kind === 'chooseModel' && message.folder === '/models/torn' && !opens;
          return isTorn ? [torn] : answering(openMessage({ models }))(message);
        },
      });
      const option = (folder: string): Promise<readonly [string, boolean]> =>
        panel.page.$eval(`vscode-option[value="${folder}"]`, (one) => [
          one.textContent.trim(),
          one.hasAttribute('disabled'),
        ]);
      assert.deepEqual(
        await option('/models/bare'),
        ['bare (no weights)', false],
        'chosen, it says why it does not run',
      );
      assert.deepEqual(await option('/models/torn'), ['torn (2 errors)', false]);
      const off = async (): Promise<boolean> => {
        await settle(panel);
        return (await panel.page.getAttribute('#run', 'disabled')) !== null;
      };
      await panel.page.click('vscode-dropdown[aria-label=Model]');
      await panel.page.click('vscode-option[value="/models/bare"]');
      await panel.posts('chooseModel');
      assert.equal(await off(), true);
      assert.equal(await text(panel, '#why-not'), 'There are no weights beside bare.');
      const before = panel.posted.length;
      await panel.page.click('vscode-dropdown[aria-label=Model]');
      await panel.page.click('vscode-option[value="/models/torn"]');
      await panel.posts('chooseModel', before);
      assert.equal(await off(), true);
      assert.equal(await text(panel, '#why-not'), torn.sentence);
      assert.match(await text(panel, 'section[aria-label=Model] .problem'), /a shard is missing\. Try again/);
      opens = true;
      await press(panel, '#open-again', 'Enter');
      assert.equal(await off(), false);
      assert.equal(await panel.page.$('#why-not'), null);
    });

    it('keeps the head that was chosen over a reload', async () => {
      const panel = await finished();
      const heading = (): Promise<string> => text(panel, '.one-head h2');
      await panel.page.focus('.grid .picture-frame');
      const before = await heading();
      for (const key of ['Home', 'PageUp', 'ArrowDown', 'ArrowRight']) await panel.page.keyboard.press(key);
      await settle(panel);
      const chosen = await heading();
      assert.match(chosen, /^L1H1/);
      assert.notEqual(chosen, before);
      await panel.page.reload();
      await panel.page.waitForSelector('.one-head h2');
      await settle(panel);
      assert.equal(await heading(), chosen);
    });

    it('in the side bar asks for nothing before it is touched', async () => {
      const panel = await finished({ place: 'side', width: 300 });
      await settle(panel);
      await settle(panel);
      assert.deepEqual(
        panel.posted.map(({ kind }) => kind).filter((kind) => kind !== 'planned'),
        ['ready'],
      );
      await panel.page.click('#open-full');
      assert.deepEqual((await panel.posts('openFull')).plan, plan);
    });
  });

  describe('states', () => {
    it('empty: says what it is and starts the demo by one button', async () => {
      const panel = await start();
      assert.equal(await heading(panel), 'What does each head of a model look at?');
      await panel.page.click('#run-demo');
      assert.deepEqual((await panel.posts('run')).plan, plan);
    });

    it('failed: the sentence, the details, and the layers that had come', async () => {
      const panel = await start();
      await panel.page.click('#run');
      await panel.send(layerMessage(0), layerMessage(1), {
        kind: 'failed',
        sentence: 'The model folder is gone. Choose it again.',
        details: 'ENOENT',
      });
      await settle(panel);
      assert.match(await text(panel, '[role=alert]'), /The model folder is gone/);
      assert.match(await text(panel, 'header'), /Only 2 of 4 layers were computed/);
    });

    it('cancels, and says what takes long', async () => {
      const panel = await start();
      await panel.page.click('#run');
      await panel.page.click('#cancel');
      await panel.posts('cancel');
      await panel.send({ kind: 'overdue', sentence: 'The layer in flight takes long.' });
      await settle(panel);
      assert.match(await text(panel, '.banner'), /takes long/);
    });

    it('draws a head that is still being read in no colour of the scale, and says so', async () => {
      const answer = answering(finishedMessage());
      const panel = await start({ host: (message) => (message.kind === 'tile' ? [] : answer(message)) });
      const asked = await panel.posts('tile');
      await settle(panel);
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
      await settle(panel);
      assert.doesNotMatch(await text(panel, '#around-matrix'), /being read/);
    });

    it('says why a tile did not come and asks again', async () => {
      let refuse = true;
      const answer = answering(finishedMessage());
      const panel = await start({
        host: (message) =>
          message.kind === 'tile' && refuse
            ? [{ kind: 'failed', request: message.request, sentence: 'The model folder is gone. Choose it again.' }]
            : answer(message),
      });
      await panel.page.waitForSelector('.head-drawing .problem');
      assert.match(await text(panel, '.head-drawing .problem'), /The model folder is gone/);
      refuse = false;
      await panel.page.click('text=Try again');
      await panel.page.waitForSelector('.head-drawing .problem', { state: 'detached' });
    });

    it('a saved file shows the result and opens in the panel', async () => {
      const panel = await start({
        place: 'file',
        host: answering(finishedMessage({ place: 'file', plan: { ...plan, prompt: { kind: 'text', text: '' } } })),
      });
      await settle(panel);
      assert.match(await heading(panel), /heads have a label/);
      assert.equal(await panel.page.$('#run'), null);
      await panel.page.click('#open-full');
      assert.deepEqual((await panel.posts('openFull')).plan, plan);
    });

    it('a saved file asks nothing of its model before the click, which says path and size', async () => {
      const waiting = { folder: '/models/planted', bytes: 508e6 };
      const file = finishedMessage({ place: 'file' });
      const panel = await start({
        place: 'file',
        host: (message) => (message.kind === 'loadModel' ? [file] : answering({ ...file, waiting })(message)),
      });
      await settle(panel);
      await panel.page.waitForSelector('#load-model');
      await press(panel, '.grid .picture-frame', 'ArrowRight');
      assert.match(await text(panel, '#model-waits'), /To see single heads, .*\/models\/planted, 508 MB by the file/s);
      assert.equal(await panel.page.$(pictures.matrix), null);
      assert.match(await text(panel, '.top-keys'), /not in the file/);
      const asked = () =>
        panel.posted.map(({ kind }) => kind).filter((kind) => !['ready', 'planned', 'loadModel'].includes(kind));
      // The grid, its statistics and its labels are from the file.
      assert.equal(await panel.page.$$eval('.labels tbody tr', (all) => all.length), result.classes.length);
      assert.deepEqual(asked(), []);
      await press(panel, '#load-model', 'Enter');
      await panel.posts('loadModel');
      await panel.posts('tile');
      await panel.page.waitForSelector(`${pictures.matrix} canvas`);
      assert.equal(await panel.page.$('#load-model'), null);
    });

    it('a saved file that names a model on another machine says so, and offers nothing that would open it', async () => {
      const refused = 'The file names //server/share, which is on another machine.';
      const waiting = { folder: '//server/share', bytes: 1, refused };
      const panel = await start({ place: 'file', host: answering(finishedMessage({ place: 'file', waiting })) });
      await settle(panel);
      assert.equal(await text(panel, '#model-refused'), refused);
      assert.equal(await panel.page.$('#load-model'), null);
      assert.notEqual(await panel.page.getAttribute('#open-full', 'disabled'), null);
      assert.equal(await panel.page.getAttribute('#open-full', 'title'), refused);
    });

    it('keeps what it was told until it is dismissed', async () => {
      const panel = await finished();
      await panel.send({ kind: 'notice', tone: 'info', sentence: 'Saved heads.csv.' });
      await panel.send(finishedMessage());
      await settle(panel);
      assert.equal(await text(panel, '#notice'), 'Saved heads.csv.');
      await panel.page.click('.banner:has(#notice) button');
      await settle(panel);
      assert.equal(await panel.page.$('#notice'), null);
    });

    it('compares head by head', async () => {
      const panel = await finished();
      const other = plantedResult(plantedModel([...model.tokens].reverse()), { created: '2026-11-23T00:00:00.000Z' });
      await panel.send(finishedMessage({ compareWith: { name: 'reversed', result: other } }));
      await settle(panel);
      const shown = await panel.page.$$eval('#changes tbody tr:first-child > *', (all) =>
        all.map((cell) => (cell as HTMLElement).innerText.trim()),
      );
      const [, layer, head] = /^L(\d+)H(\d+)$/.exec(shown[0] ?? '') ?? [];
      const here = result.statistics.induction[Number(layer)]?.[Number(head)] ?? Number.NaN;
      const there = other.statistics.induction[Number(layer)]?.[Number(head)] ?? Number.NaN;
      assert.equal(Number(shown[3]), Number((here - there).toPrecision(3)));
      assert.ok((await textsIn(panel, pictures.grid)).includes('Change of induction mass'));
      await panel.send(
        finishedMessage({ compareWith: { name: 'small', result: plantedResult(plantedModel(undefined, 2, 4, 4)) } }),
      );
      await settle(panel);
      assert.match(await text(panel, '.banner'), /2 of 4: heads can be compared one by one only/);
      await panel.page.getByText('Stop comparing').click();
      await panel.posts('stopComparing');
      await settle(panel);
      assert.equal(await panel.page.getByText('Stop comparing').count(), 0);
    });
  });

  describe('everywhere', () => {
    for (const width of [300, 600, 1280]) {
      for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
        it(`fits ${width} px in ${theme}`, async () => {
          const place = width === 300 ? 'side' : 'full';
          const panel = await finished({ width, theme, place });
          if (width === 300) {
            for (const fold of ['head', 'tokens', 'effects'])
              await panel.page.click(`#fold-${fold} .disclosure-button`);
          }
          await settle(panel);
          const over = await panel.page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.equal(over, 0);
        });
      }
    }

    for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
      it(`shows the thumb of the slider of the gain in ${theme}`, async () => {
        const panel = await finished({ theme });
        // At the left end, where the thumb alone stands over the first pixels.
        await panel.page.fill('#gain', await panel.page.$eval('#gain', (slider) => (slider as HTMLInputElement).min));
        await settle(panel);
        assert.ok((await contrastOfThumb(panel.page, '#gain')) >= 3, 'WCAG 2.2, 1.4.11: 3 to 1');
      });
    }

    it('draws a thousand heads, none of them an element', async () => {
      const large = plantedModel(undefined, 32, 32, 8);
      const panel = await finished({ host: answering(finishedMessage({ result: plantedResult(large) }), large) });
      assert.equal(await panel.page.$$eval(`${pictures.grid} *`, (all) => all.length < 20), true);
      const rows = await panel.page.$$eval('.labels tbody tr', (all) => all.length);
      assert.ok(rows <= 64);
    });
  });
});
