/** Pictures in the workbench: what a word and a head read, reinforcement beside a caption, the request with a picture or a folder. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { resultOfVhd } from '../../../protocol/results/earlier/vhd';
import type { SectionPicture } from '../../../webviews/sections/picture';
import {
  cutResult,
  ofText,
  picture,
  plain,
  plantedMap,
  reinforced,
  result,
  summary,
  tiledPicture,
  variantOf,
} from './planted-result';
import { textsIn } from '../support/cells';
import type { OpenOptions } from '../support/panel-page';
import { answeringPictures, ofFolder, ofPicture, opened, sendPlanted } from './pictures-host';
import { startBrowser, type OpenMessage, type Panel, type WorkbenchBrowser } from './workbench-host';

type Options = Partial<OpenOptions<ToWorkbench, FromWorkbench>>;

describe('pictures in the workbench', () => {
  let browser: WorkbenchBrowser;
  const open: Panel[] = [];
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.stop());
  afterEach(async () => {
    // The warning is about the tests' own reading of pixels.
    const complaints = open.flatMap((panel) => panel.complaints).filter((text) => !text.includes('getImageData'));
    for (const panel of open.splice(0)) await panel.close();
    assert.deepEqual(complaints, []);
  });

  const start = async (opening: OpenMessage, options: Options = {}): Promise<Panel> => {
    const panel = await browser.open({ host: answeringPictures(opening), place: opening.place, ...options });
    open.push(panel);
    await panel.page.waitForSelector('.run-bar');
    return panel;
  };
  const shown = async (of: AnalysisResult = ofPicture, options: Options = {}): Promise<Panel> => {
    const panel = await start(opened(of, { place: options.place ?? 'full' }), options);
    await panel.page.waitForSelector('[data-section=heads] canvas');
    return panel;
  };
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const settle = (panel: Panel): Promise<void> =>
    panel.page.evaluate(
      () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
    );
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel);
  };
  /** A place on the page of a cell of the picture in `within`. */
  const placeOf = async (panel: Panel, within: string, cursor: string) => {
    const box = await panel.page.$eval(
      `${within} hs-section-picture`,
      (element, at) => (element as SectionPicture).scene?.box(at),
      cursor,
    );
    assert.ok(box);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const chooseToken = async (panel: Panel, token: number, within = '[data-section=caption]'): Promise<void> =>
    panel.page.click(`${within} .picture-frame`, { position: await placeOf(panel, within, String(token)) });
  const asked = (panel: Panel, from = 0) =>
    panel.posted.slice(from).flatMap((message) => (message.kind === 'ask' ? [message.question] : []));
  /** Red, green and blue in the middle of a patch of a map, by its image token. */
  const pixel = (panel: Panel, within: string, token: number): Promise<readonly number[]> =>
    panel.page.$eval(
      `${within} hs-section-picture`,
      (element, cursor) => {
        const box = (element as SectionPicture).scene?.box(String(cursor));
        const context = element.querySelector('canvas')?.getContext('2d');
        if (!box || !context) return [];
        const at = [box.x + box.width / 2, box.y + box.height / 2].map((one) => Math.floor(one * devicePixelRatio));
        return [...context.getImageData(at[0] ?? 0, at[1] ?? 0, 1, 1).data].slice(0, 3);
      },
      token,
    );
  const map = '.answer [data-kind=image]';
  const grid = '.answer [data-kind=heads]';
  const titled = (panel: Panel, selector: string, title: string) =>
    panel.page.locator(`${selector} h2`, { hasText: title }).waitFor();

  describe('a chosen head', () => {
    it('shows its map at once, over the patches, with a sink hatched apart from the scale', async () => {
      const panel = await shown();
      await sendPlanted(panel);
      assert.match(
        await text(panel, '[data-section=heads] .section-caption'),
        /24 of 48 heads\. Framed: 3 with at least half/,
      );
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowRight');
      await titled(panel, map, 'Where L3H2 looks');
      assert.deepEqual(asked(panel), [{ section: 'heads', place: { kind: 'head', layer: 3, head: 2 } }]);
      await settle(panel);
      // L3H2 reads the ball: tokens 8, 9, 15, 16 of the 7 x 7 patches, whose square begins at 24 of 160 pixels.
      const [inside, outside] = [await pixel(panel, map, 8), await pixel(panel, map, 2 * 7 + 4)];
      assert.ok((inside[0] ?? 0) > 200 && (inside[2] ?? 255) < 130, `yellow: ${inside.join()}`);
      assert.ok((outside[2] ?? 0) > (outside[0] ?? 0), `bluish: ${outside.join()}`);
      const mass = [...plantedMap(0, [{ layer: 3, head: 2 }])].reduce((sum, value) => sum + value, 0);
      assert.equal(
        await text(panel, `${map} .section-caption`),
        `${Number((mass * 100).toPrecision(3))} % of this attention lies on these patches, 20 % of it all on sinks.`,
      );
      await press(panel, `${map} .picture-frame`, 'ArrowRight');
      assert.equal(
        await text(panel, `${map} .chosen-words`),
        'row 0, column 0 (image token 0): Attention 0.200, a sink, not a finding',
      );
    });

    it('is asked about once the keys have rested, and its map takes the place of the one before', async () => {
      const panel = await shown();
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowRight');
      await titled(panel, map, 'Where L3H2 looks');
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowDown', 'End');
      assert.equal(await text(panel, '[data-section=heads] .chosen-words'), 'layer 4, head 7: Outlier: VHD 5.10');
      await titled(panel, map, 'Where L4H7 looks');
      assert.equal(await panel.page.locator(map).count(), 1);
      assert.deepEqual(
        asked(panel).map(({ place }) => (place.kind === 'head' ? [place.layer, place.head] : [])),
        [
          [3, 2],
          [4, 7],
        ],
      );
      await panel.page.waitForSelector('[aria-live]:has-text("Answered: Where L4H7 looks")', { state: 'attached' });
    });

    it('of several together, by Ctrl and by their class, gives one map', async () => {
      const panel = await shown();
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowRight', 'Shift+ArrowRight');
      await titled(panel, map, 'Where L3H2 L3H3 looks');
      const before = panel.posted.length;
      await panel.page.click('[data-section=heads] [aria-label="Which heads"]');
      await panel.page.getByRole('option', { name: /^Selected in layer 3/ }).click();
      const { question } = await panel.posts('ask', before);
      const selected = result.selected[3]?.flatMap((yes, head) => (yes ? [{ layer: 3, head }] : [])) ?? [];
      assert.deepEqual(question.place, { kind: 'heads', heads: selected });
      assert.match(await text(panel, '[data-section=heads] .chosen-words'), new RegExp(`^${selected.length} together`));
    });

    it('of a text shows what it reads of the part that was removed', async () => {
      const panel = await shown(resultOfVhd(ofText), { host: answeringPictures(opened(resultOfVhd(ofText))) });
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowRight');
      const span = '.answer [data-kind=tokens]';
      await titled(panel, span, 'L3H2');
      assert.equal(
        await text(panel, `${span} .section-caption`),
        '70 % of this attention lies on the 6 tokens of the span.',
      );
      assert.equal(await panel.page.locator('[data-kind=image]').count(), 0, 'no picture belongs to a text');
    });

    it('is found level by level where a model tiles, behind its newline tokens', async () => {
      const tiled = { ...result, image: tiledPicture.image };
      const panel = await shown(resultOfVhd(tiled));
      await press(panel, '[data-section=heads] .picture-frame', 'ArrowRight');
      await titled(panel, map, 'L3H2');
      await panel.page.click(`${map} [aria-label="Level of the tiles"]`);
      await panel.page.click('vscode-option:has-text("2 tiles of 4 x 4")');
      // Second tile, first patch: token 36 of the sequence of image tokens.
      await press(panel, `${map} .picture-frame`, ...Array<string>(5).fill('ArrowRight'));
      assert.match(await text(panel, `${map} .chosen-words`), /^row 0, column 0 of tile 2 \(image token 36\)/);
    });
  });

  describe('a chosen word', () => {
    it('shows the heads at it and the map of the one that looks most, then those of the next word in their place', async () => {
      const panel = await shown();
      await chooseToken(panel, 12);
      assert.equal(
        await text(panel, '[data-section=caption] .chosen-words'),
        'token 12, ␣cat: T-VHD 3.10, not in the picture',
      );
      await titled(panel, grid, 'Heads at token 12');
      await titled(panel, map, 'Where L2H6 looks at token 12');
      assert.deepEqual(asked(panel), [
        { section: 'caption', place: { kind: 'token', token: 12 } },
        { section: 'caption', place: { kind: 'heads', heads: [{ layer: 2, head: 6 }], token: 12 } },
      ]);
      await press(panel, `${grid} .picture-frame`, 'ArrowRight', 'ArrowUp');
      await titled(panel, map, 'Where L1H6 looks at token 12');
      // The head stays while the word changes.
      await chooseToken(panel, 9);
      await titled(panel, map, 'Where L1H6 looks at token 9');
      assert.equal(await panel.page.locator('.answer').count(), 2);
    });

    for (const [place, width] of [
      ['full', 1280],
      ['side', 300],
    ] as const) {
      it(`moves nothing from its choice to its heads and map, ${width} px wide`, async () => {
        const asking = answeringPictures(opened(ofPicture, { place }));
        const held: FromWorkbench[] = [];
        let holding = false;
        const panel = await shown(ofPicture, {
          place,
          width,
          host(message) {
            if (!holding || message.kind !== 'ask') return asking(message);
            held.push(message);
            return [];
          },
        });
        await chooseToken(panel, 1);
        await titled(panel, map, 'at token 1');
        await settle(panel);
        const tops = () =>
          panel.page.$$eval('.result-section, .answer canvas, .answer .section-chosen', (all) =>
            all.map((each) => Math.round(each.getBoundingClientRect().top + window.scrollY)),
          );
        const before = await tops();
        assert.ok(before.length > 6);
        holding = true;
        const from = panel.posted.length;
        await chooseToken(panel, 9);
        await panel.posts('ask', from);
        await settle(panel);
        assert.deepEqual(await tops(), before);
        holding = false;
        for (const message of held) await panel.send(...asking(message));
        await titled(panel, map, 'at token 9');
        await settle(panel);
        assert.deepEqual(await tops(), before);
        const wider = await panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${wider} px beyond the page`);
      });
    }

    it('is chosen in the table of the words too, with its attention on the picture', async () => {
      const panel = await shown();
      await panel.page.click('[data-section=caption] [role="radio"]:has-text("Visual attention")');
      await chooseToken(panel, 12);
      assert.match(
        await text(panel, '[data-section=caption] .chosen-words'),
        /Visual attention 0\.0620, not in the picture/,
      );
      await panel.page.click('[data-section=caption] [aria-label="Show the numbers as a table"]');
      await settle(panel);
      assert.match(
        await text(panel, '[data-section=caption] tbody tr:nth-child(13)'),
        /^12\s+␣cat\s+3\.10\s+[\d.]+\s+0\.0620\s+not in/,
      );
      await panel.page.click('[data-section=caption] tbody tr:nth-child(10)');
      await titled(panel, grid, 'Heads at token 9');
    });
  });

  describe('reinforcement', () => {
    const extensions = (panel: Panel) =>
      panel.posted.flatMap((message) => (message.kind === 'extend' ? [message] : []));

    it('asks for the caption with alpha, layers and a rule of its own, and for each control', async () => {
      const panel = await shown();
      await panel.page.fill('#alpha', '1.5');
      await panel.page.getByLabel('Layers to reinforce').locator('input').fill('1, 4-5');
      await panel.page.click('[aria-label="Outlier rule of the reinforcement"]');
      await panel.page.getByRole('option', { name: 'Off' }).click();
      await panel.page.click('#reinforce');
      const { request, question } = await panel.posts('extend');
      const wanted = {
        ...{ alpha: 1.5, outliers: 'off', heads: 'selected', normMatched: false, executor: 'in-graph', seed: 0 },
        layers: [1, 4, 5],
      };
      assert.deepEqual(question, { section: 'caption', place: { kind: 'variant', reinforcement: wanted } });
      assert.equal(await panel.page.locator('#stale').count(), 0, 'what is shown is not outdated');
      await panel.send({ kind: 'failed', request, sentence: 'The compute process ended. Run again.' });
      await panel.page.getByRole('alert').filter({ hasText: 'process ended' }).waitFor();
      assert.match(await text(panel, 'h1'), /^Without the image, 3 of 48 heads/);
      for (const [id, change] of [
        ['random', { heads: 'random' }],
        ['norm', { normMatched: true }],
        ['all', { heads: 'all' }],
      ] as const) {
        await panel.page.click(`#control-${id}:not([disabled])`);
        const next = extensions(panel).at(-1);
        assert.deepEqual(next?.question.place, { kind: 'variant', reinforcement: { ...wanted, ...change } });
        await panel.page.locator('#reinforce[disabled]').waitFor();
        await panel.page.getByRole('button', { name: 'Close this answer' }).last().click();
        assert.equal((await panel.posts('stopExtending')).kind, 'stopExtending');
      }
      await panel.page.getByLabel('Layers to reinforce').locator('input').fill('9');
      await panel.page.getByText('The model has layers 0 to 5: there is no layer 9.').waitFor();
    });

    it('draws the caption while it is written, and puts it beside the plain one with length and recall', async () => {
      const panel = await shown();
      await panel.page.click('#reinforce');
      const { request } = await panel.posts('extend');
      const both = resultOfVhd({ ...result, variants: [reinforced] });
      const written = both.sections.filter(({ id }) => id === 'reinforced-caption');
      assert.equal(written.length, 1);
      await panel.send({
        kind: 'extending',
        request,
        sentence: 'Reinforced token 4 of at most 32',
        share: 0.2,
        sections: written,
      });
      await panel.page.locator('.answer .waiting', { hasText: 'Reinforced token 4 of at most 32' }).waitFor();
      await panel.page.waitForSelector('.answer [data-section=reinforced-caption] canvas');
      await panel.send({ kind: 'extended', request, result: both });
      await panel.page.locator('.answer').waitFor({ state: 'detached' });
      assert.match(
        await text(panel, '[data-section=reinforced-caption] .section-caption'),
        /9 words, 2 objects, all of them in the picture, recall 100 %/,
      );
      const rows = await panel.page.$$eval('[data-section=scores] tbody tr', (all) =>
        all.map((row) =>
          [...row.children]
            .slice(0, 6)
            .map((cell) => cell.textContent?.trim())
            .join(' | '),
        ),
      );
      assert.deepEqual(rows, ['plain | 12 | 3 | 1 | 33.3 % | 100 %', 'heads x 2 | 9 | 2 | 0 | 0 % | 100 %']);
      assert.match(await text(panel, '[data-section=scores] tbody tr'), /cat✗/);
      assert.match(await text(panel, '[data-section=captions]'), /heads x 2/);
    });

    it('warns of an alpha that breaks the text, and of a caption that was cut or of labels that count for nothing', async () => {
      const panel = await shown(resultOfVhd({ ...cutResult, variants: [variantOf({ heads: 'random' })] }));
      await panel.page.fill('#alpha', '3');
      await panel.page.locator('.reinforcement .warning', { hasText: 'Look at the length and the recall' }).waitFor();
      assert.match(
        await text(panel, '[data-section=caption] .section-caption'),
        /Cut after 14 tokens, before the text had ended/,
      );
      assert.match(
        await text(panel, '[data-section=scores] .section-caption'),
        /2 of 7 truth labels are unknown to the lexicon and count for nothing: dragon, wyvern\./,
      );
    });

    it('has beside it what is known of the model, whose card opens at a click alone', async () => {
      const card = { folder: summary.folder, reinforcement: { line: 116, heading: 'Does it help?' } };
      const asking = answeringPictures(opened(ofFolder));
      const told: { card?: typeof card } = { card };
      const host: OpenOptions<ToWorkbench, FromWorkbench>['host'] = (message) =>
        message.kind === 'card' ? [{ kind: 'card', folder: message.folder, ...told }] : asking(message);
      const panel = await start(opened(ofFolder), { host });
      await panel.page.waitForSelector('.known #open-card');
      assert.match(
        await text(panel, 'header .known'),
        /What was measured of this model:\s+“Does it help\?”, in its card/,
      );
      assert.ok(panel.posted.every(({ kind }) => kind !== 'openCard'));
      await panel.page.click('#open-card');
      assert.equal((await panel.posts('openCard')).folder, summary.folder);
      delete told.card;
      const other = await start(opened(ofPicture), {
        host: (message) => (message.kind === 'ready' ? [opened(ofPicture)] : host(message)),
      });
      await other.page.locator('header .known', { hasText: 'has no card' }).waitFor();
      assert.match(
        await text(other, 'header .known'),
        /Of other models the paper says .*LLaVA-1\.5-7B 49\.7 to 33\.3 %.*arXiv 2412\.13949/s,
      );
      // A saved file may name any folder: nothing is asked, and nothing is said of a card.
      const file = await start(opened(ofPicture, { place: 'file' }), { place: 'file' });
      await file.page.waitForSelector('header .known');
      assert.doesNotMatch(await text(file, 'header .known'), /card/);
      assert.ok(file.posted.every(({ kind }) => kind !== 'card'));
    });
  });

  describe('a folder of pictures', () => {
    it('sets CHAIR beside recall and length, with and without, and says what reinforcement changed', async () => {
      const panel = await start(opened(ofFolder));
      const rowsOf = (id: string) =>
        panel.page.$$eval(`[data-section="${id}"] tbody tr`, (all) =>
          all.map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(' | ')),
        );
      await panel.page.waitForSelector('[data-section=rates]');
      const rates = await rowsOf('rates');
      assert.equal(rates[0], 'plain | 300 | 41.0 % | 20.5 % | 79.5 % | 79.5 % | 79.5 % | 5.10 | –');
      assert.equal(rates[1], 'heads x 2 | 300 | 32.0 % | 16.0 % | 84.0 % | 84.0 % | 84.0 % | 5.00 | –');
      const changes = await rowsOf('changes');
      assert.equal(changes[0], 'heads x 2 | CHAIR_S | −9.0 points | −14.1 points | −4.0 points | more than noise');
      assert.equal(
        changes[3],
        'random heads x 2 | CHAIR_S | −1.0 points | −3.9 points | +1.9 points | no more than noise',
      );
      assert.match(
        await text(panel, '[data-section=t-vhd-by-truth] .section-caption'),
        /with probability 0\.994 \(AUROC\)/,
      );
    });

    it('opens a picture as the input of Look, by its row and by its captions', async () => {
      const sections = ofFolder.sections.map((section) =>
        ['pictures', 'captions'].includes(section.id)
          ? { ...section, ask: 'Show its heads', opensPictures: true }
          : section,
      );
      const panel = await start(opened({ ...ofFolder, sections }));
      await panel.page.click('[data-section=pictures] tbody tr');
      await panel.page.click('[data-section=pictures] :text("Show its heads")');
      const chosen = panel.page.getByLabel('Picture', { exact: true }).locator('input');
      await chosen.waitFor();
      assert.equal(await chosen.inputValue(), '/pictures/scene-000.png');
      assert.equal(await panel.page.locator('#look').getAttribute('aria-current'), 'page');
      assert.deepEqual(asked(panel), [], 'the analysis is not asked');
    });

    it('says before the run what of it can be judged and how many are drawn, and that no picture can stand in the prompt', async () => {
      const plan = {
        ...opened(ofFolder).plan,
        input: {
          kind: 'image-set',
          folder: '/pictures',
          prompt: { kind: 'text', text: 'Describe it.' },
          samples: 20,
        } as const,
        seed: 3,
      };
      const opening = opened(undefined, { plan });
      const asking = answeringPictures(opening);
      const panel = await start(opening, {
        host: (message) =>
          message.kind === 'beside'
            ? [
                {
                  kind: 'beside',
                  request: message.request,
                  beside: { truth: '/pictures/truth.json', pictures: 301, note: '2 more have none and are left out.' },
                },
              ]
            : message.kind === 'tokenise' && message.prompt.kind === 'text' && !message.prompt.text.includes('<image>')
              ? [{ kind: 'failed', request: message.request, sentence: 'The prompt has no image token.' }]
              : asking(message),
      });
      await panel.page.locator('#planned-pictures').waitFor();
      assert.equal(
        (await text(panel, '#planned-pictures')).trim(),
        '301 pictures with a truth. 2 more have none and are left out. The run takes 20 of 301 pictures, drawn by seed 3.',
      );
      assert.equal((await panel.posts('tokenise')).pictures, true);
      await panel.page.locator('#why-not', { hasText: 'no image token' }).waitFor();
      await panel.page.getByLabel('Prompt text').fill('<image> Describe it.');
      await panel.page.click('#run:not([disabled])');
      const { parameters, input } = (await panel.posts('run')).plan;
      assert.equal(parameters['truth'], '/pictures/truth.json');
      assert.deepEqual(input.kind === 'image-set' && input.samples, 20);
    });
  });

  describe('a request with a picture', () => {
    const prompt = { kind: 'text', text: 'What is left of the box?', image: picture.image.path } as const;
    const asks = (change: Partial<OpenMessage> = {}): OpenMessage =>
      opened(undefined, {
        plan: { ...opened(ofPicture).plan, input: { kind: 'prompt', prompt }, parameters: {} },
        ...change,
      });

    it('shows it as it is read, fills what lies beside it, and says why it cannot be used until the prompt has a place', async () => {
      const asking = answeringPictures(asks());
      const panel = await start(asks(), {
        host: (message) =>
          message.kind === 'beside'
            ? [
                {
                  kind: 'beside',
                  request: message.request,
                  beside: { objects: ['ball', 'box'], lexicon: '/p/lexicon.txt' },
                },
              ]
            : message.kind === 'tokenise' && message.prompt.kind === 'text' && !message.prompt.text.includes('<image>')
              ? [{ kind: 'failed', request: message.request, sentence: 'The prompt has no image token.' }]
              : asking(message),
      });
      await panel.page.locator('.strip .problem, .settings .problem', { hasText: 'no image token' }).first().waitFor();
      assert.equal(await panel.page.$eval('#run', (button) => (button as HTMLButtonElement).disabled), true);
      await panel.page.getByLabel('Prompt text').fill('<image> What is left of the box?');
      await panel.page.getByText('160 x 112 pixels, 49 image tokens (7 x 7 patches)').waitFor();
      await sendPlanted(panel);
      await panel.page.locator('img.input-picture[alt="ball-and-box.png"]').waitFor();
      const objects = panel.page.getByRole('textbox', { name: 'Objects' });
      while ((await objects.inputValue()) !== 'ball, box') await panel.page.waitForTimeout(20);
      await panel.page.click('#run:not([disabled])');
      const { parameters } = (await panel.posts('run')).plan;
      assert.deepEqual([parameters['objects'], parameters['lexicon']], ['ball, box', '/p/lexicon.txt']);
    });

    for (const [what, answer] of [
      ['fills its fields', { kind: 'beside', beside: { objects: ['ball'], lexicon: '/p/deep/lexicon.txt' } }],
      ['cannot be read', { kind: 'failed', sentence: 'It cannot be read.' }],
    ] as const)
      it(`begins its run once what lies beside the picture ${what}`, async () => {
        const asking = answeringPictures(asks());
        const panel = await start(asks(), {
          host: (message) => (message.kind === 'beside' ? [] : asking(message)),
        });
        await panel.page.click('#run:not([disabled])');
        const { request } = await panel.posts('beside');
        await panel.page.locator('#estimate', { hasText: 'Reading the files beside the picture' }).waitFor();
        assert.equal(panel.posted.filter(({ kind }) => kind === 'run').length, 0);
        await panel.send({ ...answer, request });
        const { parameters } = (await panel.posts('run')).plan;
        assert.equal(parameters['objects'], answer.kind === 'beside' ? 'ball' : '');
        assert.equal(panel.posted.filter(({ kind }) => kind === 'run').length, 1);
      });

    it('shows the tokens of a picture as one, and of long paths the ends', async () => {
      const image = '/a/folder/of/pictures/whose/path/is/longer/than/any/field/of/the/request/ball-and-box.png';
      const input = { kind: 'prompt', prompt: { kind: 'text', text: 'What is it?', image } } as const;
      const parameters = { objects: 'ball', lexicon: '/some/other/place/lexicon.txt' };
      const opening = opened(ofPicture, { plan: { ...opened(ofPicture).plan, input, parameters } });
      const asking = answeringPictures(opening);
      const tokens = ['USER:', ...Array.from({ length: 49 }, () => '<image>'), 'What'];
      const read = { ids: tokens.map((_, at) => at), tokens, image: { ...picture.image, start: 1, end: 50 } };
      const panel = await start(opening, {
        host: (message) =>
          message.kind === 'tokenise'
            ? [{ kind: 'tokenised', request: message.request, tokenised: read }]
            : asking(message),
      });
      await panel.page.waitForSelector('.typed-tokens canvas');
      assert.deepEqual(await textsIn(panel.page, '.typed-tokens'), ['USER:', '<image>×49', 'What']);
      const words = await panel.page.$eval('.typed-tokens', (element) => {
        const { picture: drawn } = element as SectionPicture;
        return [drawn?.label.split('.')[0], ...['0', '1', '2'].map((at) => drawn?.words(at)?.title)];
      });
      assert.deepEqual(words, [
        ...['Tokens of the prompt: 51 tokens', 'token 0, USER: · id 0', 'tokens 1 to 49, <image>×49 · id 1'],
        'token 50, What · id 50',
      ]);
      const line = panel.page.locator('#parameters .disclosure-button > span:not(.codicon)');
      assert.equal((await line.innerText()).trim(), 'Parameters: Objects ball, Lexicon lexicon.txt');
      assert.match(
        (await line.locator('span').getAttribute('title')) ?? '',
        /Lexicon \/some\/other\/place\/lexicon\.txt/,
      );
      const field = panel.page.getByLabel('Picture', { exact: true }).first();
      assert.equal(await field.getAttribute('title'), image);
      /** CSS pixels of the path behind what is seen of it, and before. */
      const hidden = () =>
        field.evaluate((element) => {
          const { scrollWidth = 0, clientWidth = 0, scrollLeft = 0 } = element.shadowRoot?.querySelector('input') ?? {};
          return [Math.round(scrollWidth - clientWidth - scrollLeft), scrollLeft];
        });
      await settle(panel);
      const [behind, before] = await hidden();
      assert.ok(behind === 0 && (before ?? 0) > 100, `${behind} and ${before}`);
      await field.locator('input').focus();
      await panel.page.keyboard.press('Home');
      assert.equal((await hidden())[1], 0, 'whoever types moves it');
      await panel.page.getByLabel('Prompt text').focus();
      await settle(panel);
      assert.equal((await hidden())[0], 0);
    });

    it('sends a prompt through the chat template as the family’s own prompt does, and says what the model reads', async () => {
      const chatPrompt = { text: 'USER: <image>\nhello', why: 'no-image-token' } as const;
      const opening = asks({ model: { ...summary, chatTemplate: true } });
      const asking = answeringPictures(opening);
      const panel = await start(opening, {
        host: (message) =>
          asking(message).map((answer) =>
            answer.kind === 'tokenised' ? { ...answer, tokenised: { ...answer.tokenised, chatPrompt } } : answer,
          ),
      });
      await panel.page.locator('#chat-prompt').waitFor();
      assert.match(
        await text(panel, '#chat-prompt'),
        /no image token, so it went through the chat template of the model: "USER: <image>\\nhello"\./,
      );
      await panel.page.click('#own-prompt');
      await panel.page.locator('#own-prompt').waitFor({ state: 'detached' });
      await panel.page.click('#run:not([disabled])');
      const { input } = (await panel.posts('run')).plan;
      assert.deepEqual(input.kind === 'prompt' && input.prompt, {
        ...{ kind: 'text', text: 'Describe the image.', chat: true, image: picture.image.path },
      });
    });
  });

  it('asks nothing in the side view before the person does something, and nothing at all in an untrusted workspace', async () => {
    const side = await shown(ofPicture, { place: 'side', width: 300 });
    await settle(side);
    assert.deepEqual(
      side.posted.map(({ kind }) => kind).filter((kind) => !['planned', 'picture'].includes(kind)),
      ['ready'],
    );
    const why = 'Nothing runs in an untrusted workspace.';
    const untrusted = await start(opened(ofPicture, { canRun: why }));
    await untrusted.page.waitForSelector('[data-section=heads] canvas');
    await press(untrusted, '[data-section=heads] .picture-frame', 'ArrowRight');
    assert.match(await text(untrusted, '[data-section=heads] .chosen-words'), /^layer 3, head 2/);
    assert.equal(await untrusted.page.$eval('#reinforce', (one) => (one as HTMLButtonElement).disabled), true);
    assert.equal(untrusted.posted.filter(({ kind }) => ['ask', 'tokenise', 'beside', 'card'].includes(kind)).length, 0);
    assert.equal(plain.tokens.length, 14);
  });
});
