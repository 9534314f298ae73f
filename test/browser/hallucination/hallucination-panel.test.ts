import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { SectionPicture } from '../../../webviews/sections/picture';
import { clippedText } from '../support/clipped-text';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage, openMessage, plan } from './hallucination-host';
import {
  brokenCaption,
  cutResult,
  cutSet,
  entries,
  ofText,
  plain,
  plantedMap,
  reinforced,
  result,
  set,
  sink,
  summary,
  textOnly,
  tiledPicture,
  variantOf,
  vhd,
} from '../workbench/planted-result';

type Panel = PanelPage<ToHallucinationPanel, FromHallucinationPanel>;
type Options = OpenOptions<ToHallucinationPanel, FromHallucinationPanel>;

describe('the Hallucination panel', () => {
  let browser: PanelBrowser<ToHallucinationPanel, FromHallucinationPanel>;
  let open: Panel[] = [];

  before(async () => {
    browser = await PanelBrowser.start('hallucination');
  });
  after(() => browser.stop());
  // Whatever a test does: no refused style or script, no error on the console, no request elsewhere.
  afterEach(async () => {
    // The warning is about the tests' own reading of pixels.
    const complaints = open.flatMap((panel) => panel.complaints).filter((text) => !text.includes('getImageData'));
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    assert.deepEqual(complaints, []);
  });

  const start = async (options: Partial<Options> = {}): Promise<Panel> => {
    const panel = await browser.open({ host: answering(), ...options });
    open.push(panel);
    await panel.posts('ready');
    await panel.page.waitForSelector('.run-bar');
    return panel;
  };
  const finished = async (options: Partial<Options> = {}): Promise<Panel> => {
    const panel = await start({ host: answering(finishedMessage({ place: options.place ?? 'full' })), ...options });
    await panel.page.waitForSelector('.vhd-view canvas');
    return panel;
  };
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const exported = async (panel: Panel, label: string) => {
    const after = panel.posted.length;
    await panel.page.click('hs-menu button.menu-trigger');
    await panel.page.click(`[role=menuitem]:has-text("${label}")`);
    return panel.posts('export', after);
  };
  const settle = (panel: Panel): Promise<void> =>
    panel.page.evaluate(
      () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
    );
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel);
  };
  /** Red, green and blue in the middle of a patch, by its image token. */
  const pixel = (panel: Panel, token: number): Promise<readonly number[]> =>
    panel.page.$eval(
      '.image-view hs-section-picture',
      (element, cursor) => {
        const box = (element as SectionPicture).scene?.box(String(cursor));
        const context = element.querySelector('canvas')?.getContext('2d');
        if (!box || !context) return [];
        const at = [box.x + box.width / 2, box.y + box.height / 2].map((one) => Math.floor(one * devicePixelRatio));
        return [...context.getImageData(at[0] ?? 0, at[1] ?? 0, 1, 1).data].slice(0, 3);
      },
      token,
    );
  const chooseToken = async (panel: Panel, within: string, token: number): Promise<void> => {
    const box = await panel.page.$eval(
      `${within} hs-section-picture`,
      (element, cursor) => (element as SectionPicture).scene?.box(String(cursor)),
      token,
    );
    assert.ok(box);
    const position = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await panel.page.click(`${within} .picture-frame`, { position });
  };
  /** Asks the control of the toolkit itself: the browser does not know it as disabled. */
  const isDisabled = (panel: Panel, selector: string): Promise<boolean> =>
    panel.page.$eval(selector, (element) => (element as HTMLButtonElement).disabled);
  const mapShown = async (panel: Panel): Promise<void> => {
    await panel.page.waitForSelector('.image-view .section-caption:has-text("on these patches")');
    await settle(panel);
  };

  describe('with a result', () => {
    it('says what the run leaves unread of the checkpoint, before a run, beside its result and in what is exported', async () => {
      const notes = ['The weights have layer 4, beyond num_hidden_layers 4. They would be left unread.'];
      const before = await start({ host: answering(openMessage({ model: { ...summary, notes } })) });
      assert.equal(await text(before, '.model-notes'), notes[0]);
      const noted = { ...result, model: { ...result.model, notes } };
      const panel = await start({ host: answering(finishedMessage({ result: noted })) });
      assert.equal(await text(panel, '.model-notes'), notes[0]);
      await panel.page.click('#provenance .disclosure-button');
      assert.ok((await text(panel, 'ul.provenance')).includes(notes[0] ?? ''));
      assert.equal(await (await finished()).page.$('.model-notes'), null);
    });

    it('says the finding first: how many heads look, which word is said by habit', async () => {
      const panel = await finished();
      assert.equal(
        await text(panel, 'h1'),
        `3 of 48 heads look at the picture, L3H2 most (VHD ${(vhd[3]?.[2] ?? 0).toFixed(2)}). “cat” is not in the picture and leans on the language prior (T-VHD 3.10, median of the 2 object words in the picture 16.9).`,
      );
      const hint = (await panel.page.getAttribute('h1', 'title')) ?? '';
      assert.match(hint, /at least half of the largest VHD.+ 24 are selected: those above the median of their layer/);
      assert.match(
        await text(panel, '.vhd-view .section-caption'),
        /VHD above the median of its layer \(24 of 48\)\. Framed, and counted in the finding: at least half of the largest VHD at the first word \(3\)/,
      );
      assert.match(await text(panel, '.circumstances'), /49 image tokens \(7 x 7\)/);
    });

    it('draws what the head reads over the patches, and hatches a sink apart from the scale', async () => {
      const panel = await finished();
      await mapShown(panel);
      const { heads, step } = await panel.posts('map');
      assert.deepEqual(heads, [{ layer: 3, head: 2 }]);
      assert.equal(step, 0);
      // L3H2 reads the ball: tokens 8, 9, 15, 16 of the 7 x 7 patches, whose square begins at 24 of 160 pixels.
      const [inside, outside] = [await pixel(panel, 8), await pixel(panel, 2 * 7 + 4)];
      assert.ok((inside[0] ?? 0) > 200 && (inside[2] ?? 255) < 130, `yellow: ${inside.join()}`);
      assert.ok((outside[2] ?? 0) > (outside[0] ?? 0), `bluish: ${outside.join()}`);
      const mass = [...plantedMap(0, [{ layer: 3, head: 2 }])].reduce((sum, value) => sum + value, 0);
      assert.match(
        await text(panel, '.image-view .section-caption'),
        new RegExp(`^${(mass * 100).toPrecision(3)} % of the attention .+ 20\\.0 % of it all on sinks`),
      );
    });

    it('says by the sentence of the result that sinks cannot be told, whatever the width', async () => {
      const sinks = { dimensions: [], threshold: 20, tokens: [] };
      const notApplicable =
        'Attention sinks cannot be detected: the rule looks at the input of the third layer, and the model has 2.';
      const wide = { ...result, model: { ...summary, hiddenSize: 400 } };
      const told = { ...wide, sinks: { ...sinks, notApplicable } };
      const panel = await finished({ host: answering(finishedMessage({ result: told })) });
      const note = await text(panel, '.image-view .section-caption');
      assert.ok(note.endsWith(`${notApplicable} A bright corner or border may be a sink.`), note);
      const applies = { ...wide, created: '2026-11-24T18:06:00.000Z', sinks };
      await panel.send(finishedMessage({ result: applies }));
      await settle(panel);
      assert.doesNotMatch(await text(panel, '.image-view .section-caption'), /sink/);
    });

    it('walks the patches by keyboard and says each', async () => {
      const panel = await finished();
      await mapShown(panel);
      await press(panel, '.picture-frame', 'ArrowRight');
      const chosen = '.image-view .chosen-words';
      const share = 'Share of the attention';
      assert.equal(await text(panel, chosen), `row 0, column 0 (image token 0): ${share} 0.200, a sink, not a finding`);
      await press(panel, '.picture-frame', 'ArrowRight', 'ArrowDown');
      assert.equal(await text(panel, chosen), `row 1, column 1 (image token 8): ${share} 0.121`);
      await press(panel, '.picture-frame', 'Escape');
      assert.equal(await panel.page.$(chosen), null);
      assert.equal(sink, 0);
    });

    it('walks the heads by keyboard and asks for the map of each', async () => {
      const panel = await finished();
      await mapShown(panel);
      await press(panel, '.vhd-view .picture-frame', 'ArrowDown', 'End');
      assert.equal(await text(panel, '.vhd-view .chosen-words'), 'layer 4, head 7: Outlier: VHD 5.10');
      await panel.page.waitForFunction(() =>
        /^L4H7 for/.test(document.querySelector('.image-view h2')?.textContent ?? ''),
      );
      // Answered after the keys have rested: only the head where they stopped is asked about.
      const asked = () => panel.posted.filter((message) => message.kind === 'map').map(({ heads }) => heads[0]);
      while (asked().at(-1)?.layer !== 4) await panel.page.waitForTimeout(20);
      assert.deepEqual(asked().at(-1), { layer: 4, head: 7 });
      await panel.page.waitForSelector('[aria-live]:has-text("layer 4, head 7: Outlier, VHD 5.10")', {
        state: 'attached',
      });
    });

    it('shows the divergences of the step that a chosen word was made in', async () => {
      const panel = await finished();
      await chooseToken(panel, '.caption-view', 12);
      const asked = await panel.posts('step');
      assert.equal(asked.step, 12);
      await panel.page.waitForSelector('.vhd-view h2:has-text("at token 12")');
      assert.equal(await text(panel, '.caption-view .chosen-words'), 'token 12, ␣cat: T-VHD 3.10, not in the picture');
      await press(panel, '.vhd-view .picture-frame', 'Home', 'ArrowUp', ...Array<string>(6).fill('ArrowRight'));
      assert.match(await text(panel, '.vhd-view .chosen-words'), /^layer 2, head 6.*: VHD 7\.70$/);
      const map = await panel.posts('map', panel.posted.indexOf(asked));
      assert.equal(map.step, 12);
    });

    it('draws and says the attention on the picture, of every word, and selects a head in the table', async () => {
      const panel = await finished();
      await panel.page.click('.vhd-view [role="radio"]:has-text("Visual attention")');
      await settle(panel);
      assert.match(await text(panel, '.vhd-view .chosen-words'), /^layer 3, head 2.*: Visual attention 0\.700$/);
      await chooseToken(panel, '.caption-view', 12);
      await panel.page.waitForSelector('.vhd-view h2:has-text("at token 12")');
      await panel.page.click('.caption-view [role="radio"]:has-text("Visual attention")');
      await settle(panel);
      assert.match(await text(panel, '.caption-view .chosen-words'), /Visual attention 0\.0620, not in the picture/);
      await panel.page.click('.vhd-view [aria-label="Show the numbers as a table"]');
      for (let click = 0; click < 2; click += 1) {
        await panel.page.click('.vhd-view th button:has-text("Visual attention")');
        await settle(panel);
      }
      assert.match(await text(panel, '.vhd-view tbody tr'), /^L2H6\s+2\s+6\s+7\.70\s+[\d.]+\s+0\.620/);
      await panel.page.click('.vhd-view tbody tr');
      await panel.page.waitForSelector('.image-view h2:has-text("L2H6 for")');
    });

    it('asks for the mean map of the selected set', async () => {
      const panel = await finished();
      await mapShown(panel);
      const before = panel.posted.length;
      await panel.page.click('vscode-dropdown[aria-label="Whose attention"]');
      await panel.page.click('vscode-option[value="layer"]');
      const { heads } = await panel.posts('map', before);
      const chosen = result.selected[3]?.flatMap((yes, head) => (yes ? [{ layer: 3, head }] : [])) ?? [];
      assert.deepEqual(heads, chosen);
      assert.match(await text(panel, '.image-view h2'), new RegExp(`^${chosen.length} heads for`));
    });

    it('lists every head with its numbers', async () => {
      const panel = await finished();
      await panel.page.click('.vhd-view [aria-label="Show the numbers as a table"]');
      await settle(panel);
      assert.match(await text(panel, '.vhd-view tbody tr'), /^L4H7\s+4\s+7\s+5\.10\s+40\.0\s+0\.\d+\s+Outlier/);
      assert.equal((await panel.page.$$('.vhd-view tbody tr')).length, 48);
    });

    it('names the levels of a model that tiles, and finds the tokens behind newline tokens', async () => {
      const panel = await finished({ host: answering(finishedMessage({ picture: tiledPicture })) });
      await panel.page.click('vscode-dropdown[aria-label="Level of the tiles"]');
      await panel.page.click('vscode-option:has-text("2 tiles of 4 x 4")');
      await settle(panel);
      // Second tile, first patch: token 36 of the sequence of image tokens.
      await press(panel, '.picture-frame', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight');
      assert.match(await text(panel, '.image-view .chosen-words'), /^row 0, column 0 of tile 2 \(image token 36\)/);
    });
  });

  describe('before and after', () => {
    it('asks for a reinforced caption with alpha, layers and rule, and for each control', async () => {
      const panel = await finished();
      await panel.page.fill('#alpha', '1.5');
      const field = panel.page.locator('vscode-text-field[aria-label="Layers to reinforce"]');
      await field.evaluate((element) => {
        (element as HTMLInputElement).value = '1, 4-5';
        element.dispatchEvent(new Event('input', { bubbles: true }));
      });
      await settle(panel);
      await panel.page.click('#reinforce');
      const { reinforcement } = await panel.posts('reinforce');
      assert.deepEqual(reinforcement, {
        alpha: 1.5,
        outliers: 'paper',
        heads: 'selected',
        normMatched: false,
        executor: 'in-graph',
        seed: 0,
        layers: [1, 4, 5],
      });
    });

    it('reinforces by a rule of its own, which leaves the measurement as it is', async () => {
      const panel = await finished();
      await panel.page.click('vscode-dropdown[aria-label="Outlier rule of the reinforcement"]');
      await panel.page.click('.reinforcement vscode-option[value="off"]');
      await settle(panel);
      assert.equal(await panel.page.$('.banner'), null, 'what is shown is not outdated');
      await panel.page.click('#reinforce');
      const { reinforcement } = await panel.posts('reinforce');
      assert.equal(reinforcement.outliers, 'off');
      const { plan: changed } = await panel.posts('planned');
      assert.deepEqual([changed.outliers, changed.reinforcedOutliers], ['paper', 'off']);
    });

    it('puts the captions side by side with length and recall beside CHAIR', async () => {
      const panel = await finished();
      await panel.page.click('#reinforce');
      const { request } = await panel.posts('reinforce');
      await panel.send({ kind: 'token', variant: true, index: 0, token: reinforced.tokens[0] ?? plain.tokens[0]! });
      await panel.page.waitForSelector('.caption-card:has-text("Being written")');
      await panel.send({ kind: 'variant', request, caption: reinforced });
      await settle(panel);
      assert.match(await text(panel, 'h1'), /on this picture alone, it names none of them instead of 1\.$/);
      assert.equal(
        await text(panel, '[data-variant="0"] .section-caption'),
        '9 words · 2 objects, all in the picture · recall 100 %. The heads that diverge more than the median of their layer are scaled. Layers 1, 3-5, outlier rule paper, in-graph.',
      );
      const rows = await panel.page.$$eval('.captions tbody tr', (all) =>
        all.map((row) =>
          [...row.children]
            .slice(0, 6)
            .map((cell) => cell.textContent?.trim())
            .join(' | '),
        ),
      );
      assert.deepEqual(rows, ['Plain | 12 | 3 | 1 | 33.3 % | 100 %', 'Reinforced x 2 | 9 | 2 | 0 | 0 % | 100 %']);
      assert.match(await text(panel, '.captions tbody tr'), /cat✗/);
      await panel.page.click('#control-random');
      const control = await panel.posts('reinforce', panel.posted.findIndex(({ kind }) => kind === 'reinforce') + 1);
      assert.equal(control.reinforcement.heads, 'random');
      await panel.send({ kind: 'variant', request: control.request, caption: variantOf({ heads: 'random' }) });
      await settle(panel);
      assert.match(await text(panel, '.captions table'), /Random heads x 2/);
    });

    it('says beside a caption and on its card that it was cut, and which labels count for nothing', async () => {
      const panel = await finished({
        host: answering(finishedMessage({ result: { ...cutResult, references: ['a dog'] } })),
      });
      const plainWords = await text(panel, '.caption-view .section-caption');
      assert.match(
        plainWords,
        / · recall 100 % · stopped at 14 tokens\..* Cut after 14 tokens, before the text had ended/,
      );
      assert.doesNotMatch(await text(panel, '[data-variant="0"] .section-caption'), /stopped/);
      assert.match(
        await text(panel, '[data-section="scores"] .section-caption'),
        /^2 of 7 truth labels are unknown to the lexicon and count for nothing: dragon, wyvern\.$/,
      );
      assert.match(await text(panel, '.captions .references'), / Objects that 1 caption of the truth file names count/);
      await panel.send(finishedMessage({ result: { ...result, created: '2026-11-24T18:07:00.000Z' } }));
      await settle(panel);
      assert.equal(await panel.page.$('.references, [data-section="scores"] .section-caption'), null);
    });

    it('breaks a caption without spaces at its column, marks and all', async () => {
      const token = plain.tokens[0]!;
      const tokens = Array.from({ length: 40 }, (_, at) => ({ ...token, text: at % 2 === 0 ? 'Bone' : 'cat' }));
      const mention = plain.mentions.at(-1)!;
      const mentions = [{ ...mention, start: 0, end: 40 }];
      const caption = { ...variantOf({ heads: 'random' }), tokens, mentions };
      const panel = await finished({
        host: answering(finishedMessage({ result: { ...result, variants: [caption] } })),
      });
      const over = await panel.page.$eval('[data-variant="0"] hs-section-picture', (picture) => {
        const { marks = [] } = (picture as SectionPicture).scene ?? {};
        const ends = marks.map((mark) =>
          mark.kind === 'rect' ? mark.x + mark.width : mark.kind === 'text' && mark.text === '✗' ? mark.x + 8 : 0,
        );
        return Math.max(...ends) - picture.clientWidth;
      });
      assert.ok(over <= 1, `${over} px beyond the card`);
    });

    it('says of a caption of a stop token alone that the model ends at once', async () => {
      const panel = await finished();
      assert.doesNotMatch(await text(panel, '.caption-view .section-caption'), /ends at once/);
      const caption = { ...plain, tokens: [{ ...plain.tokens[0]!, text: '' }], mentions: [], text: '' };
      await panel.send(finishedMessage({ result: { ...result, created: '2026-11-24T18:07:00.000Z', caption } }));
      await settle(panel);
      assert.match(await text(panel, '.caption-view .section-caption'), /ends at once/);
    });

    it('warns when alpha breaks the text', async () => {
      const panel = await finished({
        host: answering(
          finishedMessage({ result: { ...result, variants: [brokenCaption] }, plan: { ...plan, alpha: 4 } }),
        ),
      });
      assert.match(await text(panel, '[data-variant="0"] .section-caption'), /repeats itself/);
      assert.match(await text(panel, '.captions .reason.warning'), /Look at the length and the recall/);
    });

    it('keeps what is shown when reinforcement fails', async () => {
      const panel = await finished();
      await panel.page.click('#reinforce');
      const { request } = await panel.posts('reinforce');
      await panel.send({ kind: 'failed', request, sentence: 'The compute process ended. Run again.' });
      await settle(panel);
      assert.match(await text(panel, '.caption-card [role=alert]'), /process ended/);
      assert.match(await text(panel, 'h1'), /^3 of 48 heads/);
    });
  });

  describe('beside another result', () => {
    const rowsOf = (panel: Panel): Promise<string[]> =>
      panel.page.$$eval('#changes tbody tr', (all) =>
        all.map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(' | ')),
      );

    it('compares head by head, and says what else is not the same', async () => {
      const half = { ...result, outliers: 'off', vhd: result.vhd.map((row) => row.map((one) => one / 2)) } as const;
      const panel = await finished();
      await panel.page.click('#compare');
      await panel.posts('compare');
      await panel.send(finishedMessage({ compareWith: { name: 'all heads', made: half } }));
      await settle(panel);
      assert.match(
        await text(panel, '.banner.info'),
        /^Compared with all heads: changes are this result less the other one\. Not the same: outlier rule \(paper, there off\)\./,
      );
      const rows = await rowsOf(panel);
      assert.equal(rows.length, 48);
      assert.equal(rows[0], 'L4H7 | 2.55 | 5.10 | +2.55');
      const change = '[data-section="change"]';
      assert.equal(await text(panel, `${change} .chosen-words`), 'layer 3, head 2: Change of VHD +2.35');
      await press(panel, `${change} .picture-frame`, 'ArrowDown', 'End');
      assert.equal(await text(panel, `${change} .chosen-words`), 'layer 4, head 7: Change of VHD +2.55');
      await panel.page.click('.banner .link');
      await panel.posts('stopComparing');
      await settle(panel);
      assert.equal(await panel.page.$('#changes'), null);
    });

    it('compares the scores of two folders of pictures', async () => {
      const other = { ...set, plain: { ...set.plain, chairS: 0.25 }, variants: [] };
      const compareWith = { name: 'another model', made: other };
      const panel = await start({
        host: answering(openMessage({ set, compareWith, plan: { ...plan, mode: 'set' } })),
      });
      await settle(panel);
      const rows = await rowsOf(panel);
      assert.equal(rows[0], 'Plain, CHAIR_S (%) | 41.0 | 25.0 | +16.0');
      assert.equal(rows.at(-1), 'AUROC of T-VHD | 0.994 | 0.994 | 0');
      assert.ok(
        rows.every((row) => !row.startsWith('Reinforced')),
        'captions that the other lacks',
      );
    });

    it('says why a folder and a single picture cannot be laid side by side', async () => {
      const panel = await finished({
        host: answering(finishedMessage({ compareWith: { name: 'folder', made: set } })),
      });
      assert.match(await text(panel, '.banner.info'), /compare folder with another of its kind/);
      assert.equal(await panel.page.$('#changes'), null);
    });
  });

  describe('a run', () => {
    it('draws the first step while the caption is written, and can be cancelled', async () => {
      const panel = await start();
      await panel.page.click('#run');
      const sent = await panel.posts('run');
      assert.deepEqual(sent.plan, plan);
      const { vhd: values, textEnergy, outlier, selected } = result;
      await panel.send({ kind: 'firstStep', vhd: values, textEnergy, outlier, selected });
      for (const [index, token] of plain.tokens.slice(0, 3).entries())
        await panel.send({ kind: 'token', variant: false, index, token });
      await panel.send({ kind: 'stage', sentence: 'Writing the caption', share: 0.25, secondsLeft: 3 });
      await settle(panel);
      assert.equal(await text(panel, '.run-state'), 'Writing the caption: 25 %, about 3 s left');
      assert.match(
        (await panel.page.getAttribute('.caption-view .picture-frame', 'aria-label')) ?? '',
        /^Caption: 3 tokens/,
      );
      assert.match(await text(panel, '.vhd-view .chosen-words'), /^layer 3, head 2.*: VHD 4\.70$/);
      await panel.page.click('#cancel');
      await panel.posts('cancel');
      await panel.send({ kind: 'failed', sentence: 'Cancelled.' });
      await settle(panel);
      assert.match(await text(panel, '.banner.error'), /Cancelled\. What was computed before is shown\./);
    });

    it('says what is missing before it can run', async () => {
      const panel = await start({ host: answering(openMessage({ plan: { ...plan, image: '' } })) });
      assert.equal(await text(panel, '#why-not'), 'Choose a picture first.');
      await panel.page.click('#image button');
      await panel.posts('browseImage');
    });

    it('sends a prompt through the chat template, as the family’s own prompt does', async () => {
      const model = { ...summary, chatTemplate: true };
      const panel = await start({ host: answering(openMessage({ model, plan: { ...plan, prompt: 'What is it?' } })) });
      await panel.posts('openImage');
      const before = panel.posted.length;
      await panel.page.click('#own-prompt');
      await panel.page.waitForFunction(
        () => document.querySelector<HTMLTextAreaElement>('#prompt')?.value === 'Describe the image.',
      );
      assert.equal(await panel.page.$('#own-prompt'), null);
      await panel.page.click('#run');
      const { plan: sent } = await panel.posts('run');
      assert.deepEqual([sent.prompt, sent.chat], ['Describe the image.', true]);
      const asked = await panel.posts('openImage', before);
      assert.deepEqual([asked.prompt, asked.chat], ['Describe the image.', true]);
    });

    it('names the whole model and its language model, and what empty fields stand for', async () => {
      const panel = await start({ host: answering(openMessage({ model: { ...summary, family: 'llama' } })) });
      assert.match(
        await text(panel, '.strip'),
        /llava on llama, 6 layers x 8 heads, 8\.40 MB; sees through clip_vision/,
      );
      const k = await panel.page.$eval('vscode-text-field[aria-label="Heads (k)"]', (field) =>
        field.getAttribute('placeholder'),
      );
      assert.equal(k, '1', 'an eighth of 8 heads');
    });

    it('shows why a picture cannot be used, in its place', async () => {
      const panel = await start({
        host: (message) =>
          message.kind === 'openImage'
            ? [{ kind: 'failed', request: message.request, sentence: 'The picture does not decode. Save it as PNG.' }]
            : message.kind === 'ready'
              ? [(({ picture: _picture, ...rest }) => rest)(openMessage())]
              : [],
      });
      await panel.page.waitForSelector('.strip .problem');
      assert.match(await text(panel, '.strip .problem'), /does not decode/);
    });

    it('asks again for the picture when the prompt changes, and can run once it has a place for it', async () => {
      const asking = answering(openMessage({ plan: { ...plan, prompt: 'What is left of the box?' } }));
      const panel = await start({
        host: (message) =>
          message.kind === 'openImage' && !message.prompt.includes('<image>')
            ? [{ kind: 'failed', request: message.request, sentence: 'The prompt has no image token.' }]
            : asking(message),
      });
      await panel.page.waitForSelector('.strip .problem');
      assert.equal(await isDisabled(panel, '#run'), true);
      await panel.page.fill('#prompt', '<image> What is left of the box?');
      await panel.page.waitForFunction(() => document.querySelector('.strip .problem') === null);
      assert.equal(await isDisabled(panel, '#run'), false);
      await panel.page.fill('#prompt', 'What is left?');
      await panel.page.waitForSelector('.strip .problem');
      assert.equal(await isDisabled(panel, '#run'), true);
    });

    it('forgets what is wrong with a picture where none is read, and asks again back in its mode', async () => {
      const asking = answering(openMessage({ plan: { ...plan, prompt: 'What is left of the box?' } }));
      const panel = await start({
        host: (message) =>
          message.kind === 'openImage'
            ? [{ kind: 'failed', request: message.request, sentence: 'The prompt has no image token.' }]
            : asking(message),
      });
      await panel.page.waitForSelector('.strip .problem');
      await panel.page.click('.strip [role="radio"]:has-text("Text")');
      await panel.page.waitForSelector('#span');
      assert.doesNotMatch(await text(panel, '.body'), /no image token/);
      const before = panel.posted.length;
      await panel.page.click('.strip [role="radio"]:has-text("A picture")');
      await panel.posts('openImage', before);
      await panel.page.waitForSelector('.strip .problem');
    });

    it('shows the result again when a run is refused before it began', async () => {
      const panel = await finished();
      await panel.page.click('#run');
      await panel.posts('run');
      await panel.send({ kind: 'failed', sentence: 'The prompt has no image token.', refused: true });
      await settle(panel);
      assert.match(await text(panel, '.banner.error'), /no image token/);
      assert.match(await text(panel, 'h1'), /^3 of 48 heads/);
    });

    it('keeps what was typed over a reload', async () => {
      const panel = await start();
      await panel.page.fill('#prompt', 'USER: <image>\nWhat is left of the box?');
      await panel.posts('planned');
      await panel.page.reload();
      await panel.page.waitForSelector('#prompt');
      assert.equal(await panel.page.inputValue('#prompt'), 'USER: <image>\nWhat is left of the box?');
    });

    it('gives what was typed up for a picture that was chosen outside the form, also one that it had before', async () => {
      const panel = await start();
      await panel.page.fill('#prompt', 'USER: <image>\nWhat is left of the box?');
      await panel.posts('planned');
      await panel.send(openMessage());
      await settle(panel);
      assert.equal(await panel.page.inputValue('#prompt'), 'USER: <image>\nWhat is left of the box?');
      await panel.send(openMessage({ replaces: true }));
      await settle(panel);
      assert.equal(await panel.page.inputValue('#prompt'), plan.prompt);
    });
  });

  describe('a model of text', () => {
    it('says what is missing and offers to take a part of the prompt away', async () => {
      const prompt = 'The lamp in the hall is red. The lamp is';
      const panel = await start({
        host: answering(openMessage({ model: textOnly, plan: { ...plan, folder: textOnly.folder, prompt } })),
      });
      assert.equal(await text(panel, 'h1'), 'This model has no vision part: no head of it can look at a picture.');
      assert.equal(await isDisabled(panel, '#run'), true);
      await panel.page.click('#use-span');
      await panel.page.waitForSelector('#span');
      await panel.page.click('#span [data-position="2"]');
      await panel.page.click('#span [data-position="6"]', { modifiers: ['Shift'] });
      await settle(panel);
      assert.match(await text(panel, '.strip'), /Tokens 2 to 6 are removed \(5 of 10\)/);
      await press(panel, '#span', 'Shift+ArrowRight');
      assert.match(await text(panel, '.strip'), /Tokens 2 to 7 are removed/);
      await press(panel, '#span', 'Shift+ArrowLeft', 'Shift+ArrowRight');
      await panel.page.click('#run');
      const sent = await panel.posts('run');
      assert.equal(sent.plan.mode, 'span');
      assert.deepEqual(sent.plan.span, [2, 8]);
    });
  });

  describe('a part of a text', () => {
    const spanPlan = {
      ...plan,
      mode: 'span',
      folder: textOnly.folder,
      prompt: ofText.prompt ?? '',
      span: [1, 7],
    } as const;

    it('is marked by keys also to the left, and beyond the tokens that are drawn at once', async () => {
      const prompt = Array.from({ length: 1000 }, (_, at) => `w${at}`).join(' ');
      const long = { ...spanPlan, prompt, span: null };
      const panel = await start({ host: answering(openMessage({ model: textOnly, plan: long })) });
      await panel.page.waitForSelector('#span');
      assert.match(await text(panel, '.token-pager'), /tokens 0 to 399 of 1,000/);
      await panel.page.click('.token-pager [aria-label="Later tokens"]');
      await panel.page.click('#span [data-position="401"]');
      await press(panel, '#span', 'Shift+ArrowLeft', 'Shift+ArrowLeft', 'Shift+ArrowLeft');
      assert.match(await text(panel, '.strip'), /Tokens 398 to 401 are removed \(4 of 1,000\)/);
      assert.match(await text(panel, '.token-pager'), /tokens 0 to 399 of 1,000/, 'the window follows');
      await press(panel, '#span', 'Shift+End');
      assert.match(await text(panel, '.strip'), /Tokens 401 to 999 are removed/);
    });

    it('shows on its tokens what the selected head reads from them', async () => {
      const opening = openMessage({ result: ofText, model: textOnly, plan: spanPlan });
      const panel = await start({ host: answering(opening) });
      await panel.page.waitForSelector('.span-map .section-caption:has-text("on these 6 tokens")');
      assert.equal(await text(panel, '.span-map .section-caption'), '70.0 % of the attention lies on these 6 tokens.');
      assert.match(await text(panel, '.span-map h2'), /^L3H2 for "␣red" on the removed text/);
      await panel.page.click('.span-map [aria-label="Show the numbers as a table"]');
      await settle(panel);
      const rows = await panel.page.$$eval('.span-map tbody tr', (all) =>
        all.map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(' | ')),
      );
      assert.equal(rows[6], '6 | ␣red | 0.600 | removed');
      assert.equal(rows[7]?.split(' | ')[2], '–', 'nothing is known of what was not removed');
    });
  });

  describe('a set of pictures', () => {
    const ofSet = { ...plan, mode: 'set' } as const;

    it('sets CHAIR beside recall and length, with and without, and tells words apart by T-VHD', async () => {
      const panel = await start({ host: answering(openMessage({ set, plan: ofSet })) });
      assert.equal(
        await text(panel, 'h1'),
        '41.0 % of 300 captions name an object that is not in the picture; reinforced x 2: 32.0 %, 9.0 points less (95 % interval −14.1 to −4.0), more than noise; recall 84.0 % instead of 79.5 %. T-VHD separates such words from true ones with AUROC 0.99.',
      );
      const rows = await panel.page.$$eval('[data-section="rates"] tbody tr', (all) =>
        all.map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(' | ')),
      );
      assert.equal(rows[0], 'Plain | 300 | 41.0 % | 20.5 % | 79.5 % | 79.5 % | 79.5 % | 5.10 | –');
      assert.equal(rows[1], 'Reinforced x 2 | 300 | 32.0 % | 16.0 % | 84.0 % | 84.0 % | 84.0 % | 5.00 | –');
      const words = '[data-section="t-vhd-by-truth"]';
      assert.match(await text(panel, `${words} .section-caption`), /with probability 0\.994 \(AUROC\)/);
      await panel.page.waitForSelector(`${words} canvas`);
    });

    it('counts the captions that were cut and the labels that are unknown, on the screen and in its files', async () => {
      const panel = await start({ host: answering(openMessage({ set: cutSet, plan: ofSet })) });
      assert.match(await text(panel, 'h1'), / 19 of 900 captions stopped at the token limit, unfinished\.$/);
      const cut = await panel.page.$$eval('[data-section="rates"] tr', (all) =>
        all.map((row) => row.children[8]?.textContent?.replaceAll(/\s+/g, ' ').trim()),
      );
      assert.match(cut[0] ?? '', /^unfinished/);
      assert.deepEqual(cut.slice(1), ['12', '7', '0']);
      assert.match(
        await text(panel, '[data-section="notes"]'),
        /2 of 7 truth labels are unknown to the lexicon and count for nothing: dragon, wyvern\.$/,
      );
      const csv = String((await exported(panel, 'CSV')).data)
        .trim()
        .split('\r\n');
      assert.match(
        csv[0] ?? '',
        /,caption,caption_1,words,.*,recall,stopped_at,.*,unfinished_of_set,unfinished_of_set_1,unfinished_of_set_2,/,
      );
      assert.match(csv[0] ?? '', /,truth_labels,truth_labels_unknown,truth_labels_unknown_names,/);
      assert.match(csv[1] ?? '', /,12,7,0,.*,7,2,"dragon, wyvern",/);
      const svg = String((await exported(panel, 'SVG')).data);
      assert.match(svg, />unfinished<[^]*>12</);
      assert.ok(svg.includes('dragon, wyvern.'));
    });

    it('fills while it runs, stops, and goes on behind what is there', async () => {
      const panel = await start({ host: answering(openMessage({ plan: ofSet })) });
      await panel.page.click('#run');
      for (const entry of entries.slice(0, 3)) await panel.send({ kind: 'entry', entry });
      await panel.send({ kind: 'stage', sentence: 'Captioning', share: 0.01, secondsLeft: 80 });
      await settle(panel);
      assert.match(await text(panel, 'h1'), /of 3 captions so far/);
      assert.equal((await panel.page.$$('[data-section="pictures"] tbody tr')).length, 3);
      await panel.page.click('#cancel');
      await panel.send({ kind: 'set', set: { ...set, entries: entries.slice(0, 3), state: 'cancelled', total: 301 } });
      await settle(panel);
      assert.match(await text(panel, '.run-state'), /^Stopped after/);
      await panel.page.click('#resume');
      const runs = panel.posted.filter((message) => message.kind === 'run');
      assert.deepEqual(
        runs.map(({ resume }) => resume),
        [false, true],
      );
      await settle(panel);
      assert.equal((await panel.page.$$('[data-section="pictures"] tbody tr')).length, 3, 'entries stay');
    });

    it('opens a picture of the set with its truth', async () => {
      const panel = await start({ host: answering(openMessage({ set, plan: ofSet })) });
      await panel.page.click('[data-section="pictures"] tbody tr');
      await panel.page.click('[data-section="pictures"] :text("Show its heads")');
      const { plan: changed } = await panel.posts('planned');
      assert.equal(changed.mode, 'image');
      assert.equal(changed.image, '/pictures/scene-000.png');
      assert.deepEqual(changed.truth, entries[0]?.truth);
    });
  });

  describe('everywhere', () => {
    for (const [place, width] of [
      ['side', 300],
      ['full', 600],
      ['full', 1280],
    ] as const) {
      it(`cuts nothing off at ${width} px`, async () => {
        const both = { ...result, variants: [reinforced] };
        const panel = await finished({ place, width, host: answering(finishedMessage({ place, result: both })) });
        await settle(panel);
        const wider = await panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${wider} px beyond the page`);
      });
    }

    it('in the side view asks nothing of the compute server before the person does something', async () => {
      const panel = await finished({ place: 'side', width: 300 });
      await settle(panel);
      assert.deepEqual(
        panel.posted.map(({ kind }) => kind).filter((kind) => kind !== 'planned'),
        ['ready'],
      );
    });

    it('inspects only in an untrusted workspace', async () => {
      const why = 'Nothing runs in an untrusted workspace.';
      const panel = await finished({ host: answering(finishedMessage({ canRun: why })) });
      assert.match(await text(panel, '.banner.warning'), /untrusted/);
      assert.equal(await isDisabled(panel, '#run'), true);
      assert.equal(await isDisabled(panel, '#reinforce'), true);
      assert.equal(panel.posted.filter(({ kind }) => kind === 'map' || kind === 'openImage').length, 0);
      assert.match(await text(panel, '.vhd-view .chosen-words'), /^layer 3, head 2/);
    });

    it('exports PNG, SVG, CSV, JSON and a page of its own with what made them', async () => {
      const panel = await finished();
      await mapShown(panel);
      const csv = await exported(panel, 'CSV');
      const lines = String(csv.data).trim().split('\r\n');
      assert.equal(lines.length, 1 + 48);
      assert.match(lines[0] ?? '', /^layer,head,vhd,text_energy,visual_attention,outlier,selected,step,image,distance/);
      assert.match(String(lines[1 + 4 * 8 + 7]), /^4,L4H7,5\.1,40,.*yes,,0,ball-and-box\.png,l2/);
      const wordsFile = await exported(panel, 'CSV of the words');
      assert.match(wordsFile.name, /\.words\.csv$/);
      assert.equal(wordsFile.format, 'csv');
      assert.equal(String(wordsFile.data).trim().split('\r\n').length, 1 + plain.tokens.length);
      /** The result, and the map over the picture that is shown. */
      const checkData = (text: string): void => {
        const { imageMap, ...data } = JSON.parse(text) as { imageMap?: { heads: unknown; shares: number[] } };
        assert.deepEqual(data, JSON.parse(JSON.stringify(result)));
        assert.deepEqual(imageMap?.heads, [{ layer: 3, head: 2 }]);
        assert.deepEqual(imageMap?.shares, [...plantedMap(0, [{ layer: 3, head: 2 }])]);
      };
      const json = await exported(panel, 'JSON');
      checkData(String(json.data));
      const svg = await exported(panel, 'SVG');
      assert.match(String(svg.data), /<title>3 of 48 heads/);
      assert.match(String(svg.data), /data:image\/png/);
      // The ribbon: the lowest T-VHD on the darkest step of the scale, in the ink that is read on it.
      assert.match(String(svg.data), /fill="rgb\(0, 32, 77\)"\/>\n<text [^>]*fill="#ffffff"[^>]*>␣cat<\/text>/);
      assert.match(String(svg.data), />✗<\/text>/);
      assert.deepEqual(await clippedText(panel.page, String(svg.data)), []);
      const png = await exported(panel, 'PNG');
      assert.deepEqual([...(png.data as Uint8Array).slice(1, 4)], [0x50, 0x4e, 0x47]);
      const html = String((await exported(panel, 'HTML')).data);
      assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
      assert.doesNotMatch(html, /(?:src|href)="(?!data:)|url\(|<script(?! type="application\/json")/);
      const data = /<script type="application\/json" id="headscope-result">(.*)<\/script>/.exec(html);
      checkData(data?.[1] ?? '');
      for (const caption of ['Vision-aware divergence at the first word', 'Layers', 'Caption'])
        assert.ok(html.includes(`<caption>${caption}</caption>`), caption);
      assert.match(html, /<tr><th>Plain<\/th>.*<td>[^<]*cat✗[^<]*<\/td><\/tr>/);
    });

    it('exports what a result says of its sinks, labels and cut captions', async () => {
      const panel = await finished({ host: answering(finishedMessage({ result: cutResult })) });
      await mapShown(panel);
      const svg = String((await exported(panel, 'SVG')).data);
      for (const words of ['Attention sinks cannot be detected', 'dragon, wyvern.', 'stopped at 14 tokens'])
        assert.ok(svg.includes(words), words);
      assert.deepEqual(await clippedText(panel.page, svg), []);
      const [head, first] = String((await exported(panel, 'CSV of the words')).data).split('\r\n');
      const at = head?.split(',').indexOf('stopped_at') ?? -1;
      assert.equal(first?.split(',')[at], '14');
      assert.match(String((await exported(panel, 'HTML')).data), /<th[^>]*>Stopped at/);
    });

    it('has a table for each picture also at 300 px: words, layers, patches', async () => {
      const panel = await finished({ place: 'side', width: 300, host: answering(finishedMessage({ place: 'side' })) });
      const asTable = '[aria-label="Show the numbers as a table"]';
      await panel.page.click(`.caption-view ${asTable}`);
      await settle(panel);
      assert.match(
        await text(panel, '.caption-view tbody tr:nth-child(13)'),
        /^12\s+␣cat\s+3\.10\s+[\d.]+\s+0\.0620\s+not in/,
      );
      await panel.page.click('.caption-view tbody tr:nth-child(10)');
      await panel.page.waitForSelector('.vhd-view h2:has-text("at token 9")');
      await panel.page.click('#layers .disclosure-button');
      await settle(panel);
      assert.equal((await panel.page.$$('#layers tbody tr')).length, 6);
      await mapShown(panel);
      await panel.page.click('.image-view [aria-label="Show the numbers as a table"]');
      await settle(panel);
      assert.equal((await panel.page.$$('.image-view tbody tr')).length, 49);
      const wider = await panel.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wider <= 0, `${wider} px beyond the page`);
    });
  });
});
