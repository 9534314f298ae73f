import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'mocha';
import { clippedText } from '../support/clipped-text';
import { answering, finishedMessage, model, result } from './heads-host';
import { headsPanels, settle, type Panel } from './opened-panels';
import { plantedModel, plantedResult, plantedRow } from '../workbench/planted-model';

describe('what leaves the heads panel', () => {
  const { finished } = headsPanels();
  const exported = async (panel: Panel, label: string) => {
    const before = panel.posted.length;
    await panel.page.click('hs-menu .menu-trigger');
    await panel.page.click(`[role=menuitem]:has-text("${label}")`);
    return panel.posts('export', before);
  };

  it('as PNG, SVG, CSV, JSON and a page that needs nothing else', async () => {
    const panel = await finished();
    const png = await exported(panel, 'PNG');
    assert.ok(png.data instanceof Uint8Array);
    assert.deepEqual([...png.data.slice(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert.equal(png.name, 'heads-planted-2026-11-24.png');
    const csv = String((await exported(panel, 'CSV')).data)
      .trim()
      .split('\r\n');
    assert.equal(csv.length, 33);
    const names = csv[0]?.split(',') ?? [];
    const cells = csv[1]?.split(',') ?? [];
    assert.equal(Number(cells[names.indexOf('induction')]), result.statistics.induction[0]?.[0]);
    assert.equal(cells[names.indexOf('model_hash')], result.model.hash);
    const json = await exported(panel, 'JSON');
    assert.equal(json.name, 'heads-planted-2026-11-24.headscope-heads.json');
    const { selectedHead, ...whole } = JSON.parse(String(json.data)) as {
      selectedHead: { layer: number; head: number; block: number; probabilities: number[][] };
    };
    assert.deepEqual(whole, JSON.parse(JSON.stringify(result)));
    const marked = csv.filter((line) => line.split(',')[names.indexOf('selected')] === '1');
    assert.equal(marked.length, 1);
    assert.deepEqual(marked[0]?.split(',').slice(0, 2).map(Number), [selectedHead.layer, selectedHead.head]);
    assert.equal(selectedHead.block, 1);
    assert.equal(selectedHead.probabilities.length, result.ids.length);
    // The picture of one row adds up to what a row of probabilities adds up to.
    const row = selectedHead.probabilities.at(-1) ?? [];
    assert.ok(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-4);
    const svg = String((await exported(panel, 'SVG')).data);
    assert.deepEqual(await clippedText(panel.page, svg), []);
    const page = String((await exported(panel, 'HTML')).data);
    // Opened as a file would be, under its own policy.
    const opened = await panel.page.context().newPage();
    const refused: string[] = [];
    opened.on('console', (message) => refused.push(message.text()));
    opened.on('request', (request) => {
      if (!request.url().startsWith('data:')) refused.push(request.url());
    });
    await opened.setContent(page);
    const parsed = await opened.evaluate((picture) => {
      const drawn = new DOMParser().parseFromString(picture, 'image/svg+xml');
      return {
        errors: drawn.querySelectorAll('parsererror').length,
        images: [...drawn.querySelectorAll('image')].map((image) => image.getAttribute('href')?.slice(0, 22)),
        words: [...drawn.querySelectorAll('text')].map((each) => each.textContent),
        metadata: drawn.querySelector('metadata')?.textContent ?? '',
        scripts: [...document.scripts].map((script) => script.type),
        data: document.getElementById('headscope-result')?.textContent ?? '',
        tables: document.querySelectorAll('table').length,
      };
    }, svg);
    assert.deepEqual(refused, []);
    assert.equal(parsed.errors, 0);
    // The grid, and the head on screen with its name.
    assert.deepEqual(parsed.images, ['data:image/png;base64,', 'data:image/png;base64,']);
    const name = `L${selectedHead.layer}H${selectedHead.head}`;
    assert.ok(
      parsed.words.some((words) => words?.startsWith(name)),
      parsed.words.join('\n'),
    );
    assert.ok(parsed.words.includes('key →') && parsed.words.includes('query'));
    assert.equal((JSON.parse(parsed.metadata) as { seed: number }).seed, 0);
    // What the page shows, the result, and the one script that its policy allows.
    assert.deepEqual(parsed.scripts, ['application/json', 'application/json', '']);
    // The numbers of the chosen head, labels, what each label is worth, all heads.
    assert.equal(parsed.tables, 4);
    // Every token of the prompt stands at both axes of the matrix.
    for (const token of new Set(result.tokens.map((one) => one.replaceAll(' ', '␣'))))
      assert.ok(parsed.words.filter((words) => words === token).length >= 2, token);
    assert.deepEqual((JSON.parse(parsed.data) as { ids: number[] }).ids, result.ids);
  });

  it('as a page from the disk where a person chooses heads and reads values, and nothing is loaded or evaluated', async () => {
    const panel = await finished({ host: answering(finishedMessage({ select: { layer: 2, head: 4 } })) });
    await panel.page.waitForSelector('.head-drawing canvas');
    await panel.posts('tile');
    await settle(panel);
    const { data } = await exported(panel, 'HTML');
    const folder = mkdtempSync(join(tmpdir(), 'headscope-page-'));
    try {
      const file = join(folder, 'page.html');
      writeFileSync(file, data);
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(String(data))?.[1] ?? '';
      assert.match(
        policy,
        /^default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-[\w+/]{43}='$/,
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
      // The head that was on screen: its exact probabilities.
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

  it('names both results of a comparison in every format and in its name', async () => {
    const other = plantedResult(plantedModel([...model.tokens].reverse()), {
      created: '2026-11-23T08:15:00.000Z',
      prompt: 'the other prompt',
    });
    const panel = await finished();
    await panel.send(finishedMessage({ compareWith: { name: 'reversed', result: other } }));
    await settle(panel);
    const name = 'heads-planted-2026-11-24-against-planted-2026-11-23';
    const both = (words: string, what: string): void => {
      for (const one of [result.prompt ?? '', 'the other prompt', 'reversed', '2026-11-24', '2026-11-23'])
        assert.ok(words.includes(one), `${what} lacks ${one}`);
    };
    const svg = await exported(panel, 'SVG');
    assert.equal(svg.name, `${name}.svg`);
    const seen = [...String(svg.data).matchAll(/<text[^>]*>([^<]*)</g)].map(([, line]) => line).join(' ');
    both(seen, 'SVG');
    assert.deepEqual(await clippedText(panel.page, String(svg.data)), []);
    const png = await exported(panel, 'PNG');
    assert.equal(png.name, `${name}.png`);
    const chunks = new TextDecoder('latin1').decode((png.data as Uint8Array).slice(0, 60_000));
    const [, description = ''] = /iTXtDescription\0{5}([^]*?)iTXt/.exec(chunks) ?? [];
    both(description, 'PNG');
    assert.match(chunks, /iTXtTitle\0{5}/);
    const csv = await exported(panel, 'CSV');
    assert.equal(csv.name, `${name}.csv`);
    const [heading = [], first = []] = String(csv.data)
      .split('\r\n')
      .map((line) => line.split(','));
    const cell = (column: string): string | undefined => first[heading.indexOf(column)];
    assert.deepEqual(
      [cell('compared_with'), cell('compared_prompt'), cell('compared_created'), cell('prompt')],
      ['reversed', 'the other prompt', other.created, result.prompt],
    );
    const change = (result.statistics.induction[0]?.[0] ?? 0) - (other.statistics.induction[0]?.[0] ?? 0);
    assert.equal(Number(cell('change_induction')), change);
    const json = await exported(panel, 'JSON');
    const { comparedWith } = JSON.parse(String(json.data)) as {
      comparedWith: { prompt: string; created: string; changes: { induction: number[][] } };
    };
    assert.deepEqual([comparedWith.prompt, comparedWith.created], ['the other prompt', other.created]);
    assert.equal(comparedWith.changes.induction[0]?.[0], change);
    const html = await exported(panel, 'HTML');
    assert.equal(html.name, `${name}.html`);
    both(/<ul class="caption">([^]*?)<\/ul>/.exec(String(html.data))?.[1] ?? '', 'HTML');
    await panel.page.click('#copy-changes');
    const { text: markdown } = await panel.posts('copy');
    both(markdown, 'Markdown');
    assert.match(markdown, /\| Head \|/);
  });

  it('as labels, a saved result and a copied row', async () => {
    const panel = await finished();
    await panel.page.click('#save-labels');
    await panel.posts('saveLabels');
    await panel.page.click('#save');
    await panel.posts('save');
    await panel.page.click('[aria-label="Copy the row"]:not([disabled])');
    const lines = (await panel.posts('copy')).text.trimEnd().split(/\r?\n/);
    assert.equal(lines.length, 33);
    assert.equal(lines[0], 'position,id,token,probability');
  });
});
