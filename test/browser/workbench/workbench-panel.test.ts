/** The workbench in Chromium: form, run, streaming, answers, comparison, offers, files. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { inputOf } from '../../../extension/panels/workbench/default-setup';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { Section } from '../../../protocol/sections/section';
import { planIntervention } from '../../../protocol/interventions/plan';
import { newPlan } from '../../../protocol/plans/edit';
import type { OpenOptions } from '../support/panel-page';
import {
  answering,
  finished,
  model,
  openMessage,
  pair,
  plan,
  result,
  retrieval,
  usePanels,
  tabOf,
  type Panel,
} from './workbench-host';
import { heads } from './look-host';
import { headsStory, lineStory, mapStory, stripsStory } from './stories';

type Options = Partial<OpenOptions<ToWorkbench, FromWorkbench>>;

describe('the workbench', () => {
  const open = usePanels();
  const start = async (options: Options = {}): Promise<Panel> => {
    const panel = await open({ host: answering(), ...options });
    await panel.page.waitForSelector('#run, #open-full');
    // The bar may be drawn before the extension has said what the page is about.
    await panel.page.locator('h1', { hasText: /\S/ }).waitFor();
    return panel;
  };
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const shown = (panel: Panel, words: string) => panel.page.getByText(words).first().waitFor();
  const count = (panel: Panel, selector: string): Promise<number> => panel.page.locator(selector).count();
  const type = async (panel: Panel, label: string, value: string): Promise<void> => {
    await panel.page.getByLabel(label, { exact: true }).locator('input').fill(value);
  };

  describe('before a run', () => {
    it('shows the question, what a run takes, and a field for each parameter', async () => {
      const panel = await start();
      assert.equal(await text(panel, 'h1'), 'Which heads fetch a fact from far back?');
      await panel.posts('estimate');
      await shown(panel, 'About 2 min 10 s, 300 MB');
      const parameters = (): Promise<readonly (string | undefined)[]> =>
        panel.page.locator('[data-parameter]').evaluateAll((all) => all.map((one) => one.dataset['parameter']));
      const few = ['lengths', 'threshold', 'removal'];
      assert.deepEqual(await parameters(), few);
      await panel.page.getByRole('button', { name: '4 more parameters' }).click();
      await panel.page.locator('[data-parameter=heads]').waitFor();
      assert.deepEqual(await parameters(), [...few, 'causal', 'needle', 'haystack', 'heads']);
      assert.match(await text(panel, '[data-parameter=lengths]'), /From 128 to 131,072, by default 4,096\./);
    });

    it('opens the page of the analysis from its head and from its form', async () => {
      const panel = await start();
      const links = panel.page.getByRole('button', { name: 'What does this say?' });
      for (const place of ['header', '#source']) {
        const before = panel.posted.length;
        await panel.page.locator(place).getByRole('button', { name: 'What does this say?' }).click();
        assert.equal((await panel.posts('showPage', before)).page, 'analyses/retrieval-heads');
      }
      assert.equal(await links.count(), 2);
    });

    it('says beside the field and beside Run what is wrong, and asks again for what a run takes once it is right', async () => {
      const panel = await start();
      const first = await panel.posts('estimate');
      await type(panel, 'Threshold', '3');
      await shown(panel, 'Threshold: Must be a number from 0 to 1.');
      assert.equal(await text(panel, '[data-parameter=threshold] .problem'), 'Must be a number from 0 to 1.');
      const asked = panel.posted.length;
      await type(panel, 'Threshold', '0.75');
      const next = await panel.posts('estimate', asked);
      assert.equal(next.plan.parameters['threshold'], 0.75);
      assert.notEqual(next.request, first.request);
    });

    it('takes the demo model that sees for an analysis of vision, and says nothing of passes where none is run', async () => {
      const sees = { ...pair, id: 'sees', title: 'Seen', group: 'vision', inputs: ['image'] } as const;
      const vision = { folder: '/demo-vlm', image: '/scenes/a.png', scenes: '/scenes', truth: '/truth.json' };
      const demos = { text: plan.folder, corpus: '', vision };
      const open = openMessage({ analyses: [retrieval, sees], demos });
      const host = answering(open);
      const weights = { supported: true, passes: 0, bytes: 3e6 } as const;
      const panel = await start({
        host: (message) =>
          message.kind === 'estimate' && message.plan.analysis === sees.id
            ? [{ kind: 'estimate', request: message.request, estimate: weights }]
            : host(message),
      });
      // What the first plan takes is asked after a moment without a change: of a slower hand before the analysis is chosen.
      await panel.posts('estimate');
      const before = panel.posted.length;
      await panel.page.click('#ask');
      await panel.page.getByText('1 of another input or model').click();
      await shown(panel, 'gpt2 reads no pictures.');
      await panel.page.click('[data-analysis=sees]');
      assert.equal((await panel.posts('chooseModel')).folder, '/demo-vlm');
      await shown(panel, 'About 3.00 MB');
      const { plan: asked } = await panel.posts('estimate', before);
      assert.deepEqual([asked.folder, asked.input.kind], ['/demo-vlm', 'image']);
    });

    it('offers the GGUF files beside the safetensors of a model as other forms of it, and keeps the interventions', async () => {
      const formOf = { folder: '/models/gpt2', title: 'GGUF Q4_K_M' };
      const file = '/models/gpt2/gpt2-Q4_K_M.gguf';
      const { models } = openMessage();
      const form = { folder: file, label: 'gpt2-Q4_K_M', family: 'gpt2', runs: true, formOf } as const;
      const panel = await start({ host: answering(openMessage({ models: [...models, form] })) });
      const labels = (name: string): Promise<readonly string[]> =>
        panel.page.locator(`vscode-dropdown[aria-label="${name}"] vscode-option`).allTextContents();
      assert.deepEqual(await labels('Model'), ['gpt2', 'llama']);
      assert.deepEqual(await labels('Form'), ['safetensors', 'GGUF Q4_K_M']);
      await panel.page.locator('vscode-dropdown[aria-label=Form]').click();
      await panel.page.getByRole('option', { name: 'GGUF Q4_K_M' }).click();
      assert.equal((await panel.posts('chooseModel')).folder, file);
      await panel.send({ kind: 'model', model: { ...model, folder: file, name: 'gpt2-Q4_K_M' } });
      const chosen = panel.page.locator('vscode-dropdown[aria-label=Model]');
      assert.equal(await chosen.evaluate((field) => (field as HTMLSelectElement).value), '/models/gpt2');
      await panel.page.click('#run:not([disabled])');
      const { plan: run } = await panel.posts('run');
      assert.equal(run.folder, file);
      assert.deepEqual(run.interventions, plan.interventions);
    });

    it('says why an analysis does not run on this model', async () => {
      const why = 'gpt2 reads no pictures.';
      const panel = await start({
        host: (message) =>
          message.kind === 'estimate'
            ? [{ kind: 'estimate', request: message.request, estimate: { supported: why } }]
            : answering()(message),
      });
      await panel.page.waitForSelector('#why-not');
      assert.equal(await text(panel, '#why-not'), why);
    });

    it('runs the plan of the form, with a path chosen in the dialog and an intervention changed, another taken out', async () => {
      const panel = await start();
      await panel.page.getByRole('button', { name: '4 more parameters' }).click();
      await panel.page.locator('[data-parameter=heads]').waitFor();
      await panel.page.getByRole('button', { name: 'Haystack: choose a file' }).click();
      assert.equal((await panel.posts('choosePath')).field, 'haystack');
      await panel.send({ kind: 'chosen', field: 'haystack', path: '/texts/essays.txt' });
      const written = panel.page.getByLabel('Intervention 1', { exact: true }).locator('input');
      assert.equal(await written.inputValue(), 'gain:2.5=0');
      await written.fill('gain:2.5=');
      await panel.page.waitForSelector('.interventions-list [role=alert]');
      await panel.page.waitForSelector('#why-not');
      await written.fill('gain:2.5=2');
      await panel.page.getByLabel('Add an intervention', { exact: true }).click();
      await panel.page.getByRole('option', { name: /gain/i }).first().click();
      await panel.page.getByRole('button', { name: 'Remove intervention 2' }).click();
      await panel.page.click('#run:not([disabled])');
      const { plan: run } = await panel.posts('run');
      assert.equal(run.parameters['haystack'], '/texts/essays.txt');
      assert.deepEqual(run.interventions, [{ kind: 'gain', layer: 2, head: 5, gain: 2 }]);
      assert.deepEqual(run.input, plan.input);
    });

    it('has a button for a file and one for a folder where a parameter may be either, and runs what was chosen', async () => {
      const dictionary = {
        kind: 'file',
        orFolder: true,
        title: 'Dictionary',
        description: 'The folder of a dictionary, or its file.',
        default: '',
      } as const;
      const analyses = [{ ...retrieval, parameters: { dictionary } }];
      const panel = await start({ host: answering(openMessage({ analyses, plan: { ...plan, parameters: {} } })) });
      for (const [what, path] of [
        ['file', '/dictionaries/mine.safetensors'],
        ['folder', '/dictionaries/layer_3'],
      ] as const) {
        const before = panel.posted.length;
        await panel.page.getByRole('button', { name: `Dictionary: choose a ${what}` }).click();
        assert.deepEqual(await panel.posts('choosePath', before), { kind: 'choosePath', field: 'dictionary', what });
        await panel.send({ kind: 'chosen', field: 'dictionary', path });
        await panel.page.waitForFunction((value) => {
          const field = document.querySelector<HTMLInputElement>('[data-parameter=dictionary] vscode-text-field');
          return field?.value === value;
        }, path);
      }
      await panel.page.click('#run:not([disabled])');
      assert.equal((await panel.posts('run')).plan.parameters['dictionary'], '/dictionaries/layer_3');
    });

    it('offers all kinds of input, says which one the question reads, and keeps what was typed in each', async () => {
      const reads = { ...pair, inputs: ['task', 'prompt'] } as const;
      const open = openMessage({ analyses: [reads], plan: { ...plan, analysis: pair.id } });
      const panel = await start({ host: answering(open) });
      const choose = async (name: string): Promise<void> => {
        await panel.page.getByRole('combobox', { name: 'Input', exact: true }).click();
        await panel.page.getByRole('option', { name, exact: true }).click();
      };
      await choose('Corpus');
      await shown(panel, 'It reads a task or a prompt, and the input is documents.');
      await choose('Prompt');
      await panel.page.getByLabel('Prompt text').fill('Mary gave');
      await panel.page.click('#run:not([disabled])');
      assert.deepEqual((await panel.posts('run')).plan.input, {
        kind: 'prompt',
        prompt: { kind: 'text', text: 'Mary gave' },
      });
      await choose('Task');
      await panel.page.locator('vscode-option[selected]', { hasText: 'Pass key' }).waitFor({ state: 'attached' });
    });

    it('lets one choose a task with its parameters, or a file of prompts', async () => {
      const panel = await start();
      const choose = async (name: string): Promise<void> => {
        await panel.page.getByRole('combobox', { name: 'Task', exact: true }).click();
        await panel.page.getByRole('option', { name }).first().click();
      };
      await choose('Needles');
      await panel.page.getByRole('textbox', { name: 'Depths' }).fill('200');
      await shown(panel, 'Depths: Must be a whole number from 1 to 100.');
      await panel.page.getByRole('textbox', { name: 'Depths' }).fill('3');
      await panel.page.getByRole('button', { name: 'Haystack text: choose a file' }).click();
      assert.deepEqual(await panel.posts('choosePath'), {
        kind: 'choosePath',
        field: 'input.task.haystack',
        what: 'file',
      });
      await panel.send({ kind: 'chosen', field: 'input.task.haystack', path: '/texts/essays.txt' });
      await panel.page.click('#run:not([disabled])');
      assert.deepEqual((await panel.posts('run')).plan.input, {
        kind: 'task',
        task: 'needles',
        samples: 64,
        taskParameters: { depths: 3, haystack: '/texts/essays.txt' },
      });
      const other = await start();
      await other.page.getByRole('combobox', { name: 'Task', exact: true }).click();
      await other.page.getByRole('option', { name: 'A file of your own…' }).click();
      await other.page.getByRole('button', { name: 'Task file: choose a file' }).click();
      await other.send({ kind: 'chosen', field: 'input.taskFile', path: '/mine/prompts.jsonl' });
      await other.page.click('#run:not([disabled])');
      assert.deepEqual((await other.posts('run')).plan.input, {
        kind: 'task',
        task: '/mine/prompts.jsonl',
        samples: 64,
      });
    });

    it('has the fields of each kind of input', async () => {
      for (const [input, label] of [
        ['prompt', 'Prompt text'],
        ['corpus', 'File or folder'],
        ['image', 'Picture'],
        ['image-set', 'Folder'],
      ] as const) {
        const open = openMessage({ plan: { ...plan, analysis: `of-${input}`, input: inputOf(input, undefined) } });
        const panel = await start({ host: answering(open) });
        await panel.page.getByLabel(label, { exact: true }).first().waitFor();
        if (input !== 'corpus') continue;
        for (const what of ['file', 'folder'] as const) {
          const before = panel.posted.length;
          await panel.page.getByLabel(`File or folder: choose a ${what}`).click();
          assert.deepEqual(await panel.posts('choosePath', before), { kind: 'choosePath', field: 'input.file', what });
        }
      }
      const pairPlan = { ...plan, analysis: pair.id, input: inputOf('prompt-pair', undefined) };
      const both = await start({ host: answering(openMessage({ plan: pairPlan })) });
      await both.page.getByLabel('Prompt text').fill('Mary gave');
      await both.page.getByLabel('Counterpart text').fill('John gave');
      await both.page.click('#run:not([disabled])');
      assert.deepEqual((await both.posts('run')).plan.input, {
        kind: 'prompt-pair',
        prompt: { kind: 'text', text: 'Mary gave' },
        counterpart: { kind: 'text', text: 'John gave' },
      });
    });
  });

  describe('while it runs', () => {
    it('draws partial results at once, keeps the chosen cell, and says how far it is and what is kept', async () => {
      const panel = await start();
      await panel.page.click('#run');
      await panel.send(
        { kind: 'stage', sentence: 'Prompt 2 of 64', share: 0.25, secondsLeft: 70, kept: 2 },
        { kind: 'partial', finding: 'So far 1 head.', sections: [headsStory()] },
      );
      await panel.page.waitForSelector('[data-section=retrieval] canvas');
      assert.equal(await text(panel, 'h1'), 'So far 1 head.');
      assert.equal(await text(panel, '.run-state'), 'Prompt 2 of 64: 25 %, 2 steps kept, about 1 min 10 s left');
      await panel.page.focus('[data-section=retrieval] .picture-frame');
      await panel.page.keyboard.press('ArrowRight');
      await shown(panel, 'layer 8, head 6: Retrieval: Retrieval score 0.');
      const cursor = () => text(panel, '[data-section=retrieval] .chosen-words');
      const before = await cursor();
      const next = headsStory();
      await panel.send({
        kind: 'partial',
        finding: 'So far 2 heads.',
        sections: [
          {
            ...next,
            numbers: next.numbers.map((one) => ({ ...one, values: one.values.map((row) => row.map(() => 0.125)) })),
          },
          lineStory(),
        ],
      });
      await shown(panel, 'layer 8, head 6: Retrieval: Retrieval score 0.125');
      assert.notEqual(await cursor(), before);
      assert.equal(await panel.page.evaluate(() => document.activeElement?.className), 'picture-frame');
      assert.equal(await count(panel, '.result-section'), 2);
      await panel.send({ kind: 'result', result, savedAs: 'a.headscope-analysis.json' });
      await shown(panel, 'Done in 1 min 23 s on cpu, saved as a.headscope-analysis.json');
      await shown(panel, 'layer 8, head 6: Retrieval: Retrieval score 0.');
    });

    it('stops once, and keeps what was known', async () => {
      const panel = await start();
      await panel.page.click('#run');
      await panel.send({ kind: 'partial', finding: 'So far 1 head.', sections: [headsStory()] });
      await panel.page.click('#cancel');
      await panel.posts('cancel');
      await panel.send({ kind: 'failed', sentence: 'The run was stopped.' });
      await shown(panel, 'What was known by then is shown below.');
      assert.equal(await count(panel, '[data-section=retrieval]'), 1);
      assert.equal(panel.posted.filter(({ kind }) => kind === 'cancel').length, 1);
    });
  });

  describe('with a result', () => {
    const withSections = (sections: readonly Section[] = [headsStory()], change = {}) =>
      answering(finished({ result: { ...result, sections, ...change } }));

    it('asks about the cell under the cursor, opens the answer under its section, and closes it', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.focus('[data-section=retrieval] .picture-frame');
      for (const key of ['ArrowRight', 'ArrowDown', 'Enter']) await panel.page.keyboard.press(key);
      assert.deepEqual((await panel.posts('ask')).question, {
        section: 'retrieval',
        place: { kind: 'head', layer: 9, head: 6 },
      });
      await panel.page.waitForSelector('[data-section=retrieval] .answer [data-kind=map] canvas');
      await panel.page.keyboard.press('Enter');
      await panel.page.getByRole('button', { name: 'Close this answer' }).click();
      await panel.page.waitForSelector('.answer', { state: 'detached' });
      assert.equal(panel.posted.filter(({ kind }) => kind === 'ask').length, 1);
    });

    it('explains a weight of an attention map, which an answer shows, and none that a query does not read', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.focus('[data-section=retrieval] .picture-frame');
      for (const key of ['ArrowRight', 'Enter']) await panel.page.keyboard.press(key);
      await panel.page.waitForSelector('.answer [data-kind=map] canvas');
      await panel.page.focus('.answer .picture-frame');
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight']) await panel.page.keyboard.press(key);
      await panel.page.keyboard.press('Enter');
      const { kind: _, ...cell } = await panel.posts('explainWeight');
      assert.deepEqual([cell.layer, cell.head, cell.query > cell.key], [9, 9, true]);
      const posted = panel.posted.length;
      await panel.page.locator('.answer').getByRole('button', { name: 'Explain this weight' }).click();
      const { kind: __, ...again } = await panel.posts('explainWeight', posted);
      assert.deepEqual(again, cell);
      // A key behind the query.
      for (let step = 0; step < 6; step++) await panel.page.keyboard.press('Escape');
      await panel.page.focus('.answer .picture-frame');
      for (let step = 0; step < 5; step++) await panel.page.keyboard.press('ArrowRight');
      await panel.page
        .locator('.answer')
        .getByRole('button', { name: 'Explain this weight' })
        .waitFor({ state: 'detached' });
    });

    it('opens the attention of a head of any grid that read a prompt, in tiles, with lines and several queries', async () => {
      const tokens = ['The', ' key', ' is', ' 7', '.'];
      const prompts = [{ text: tokens.join(''), ids: [1, 2, 3, 4, 5], tokens }];
      const { ask: _, ...grid } = headsStory();
      const read = { ...result, prompts, sections: [grid] };
      const row = (query: number): number[] => tokens.map((__, key) => (key > query ? 0 : 1 / (query + 1)));
      const panel = await start({
        host: (message) =>
          message.kind === 'row'
            ? [{ kind: 'row', request: message.request, row: Float32Array.from(row(message.query)) }]
            : message.kind === 'tile'
              ? [
                  {
                    kind: 'tile',
                    request: message.request,
                    tile: { ...message, data: Float32Array.from(tokens.flatMap((__, query) => row(query))) },
                  },
                ]
              : answering(finished({ result: read }))(message),
      });
      const picture = `[data-section=${grid.id}] > hs-section-picture .picture-frame`;
      await panel.page.focus(picture);
      for (const key of ['ArrowRight', 'ArrowDown', 'Enter']) await panel.page.keyboard.press(key);
      const { request: __, ...asked } = await panel.posts('tile');
      const whole = { rowStart: 0, rowCount: 5, columnStart: 0, columnCount: 5, outRows: 5, outColumns: 5 };
      assert.deepEqual(asked, { kind: 'tile', prompt: 0, layer: 9, head: 6, ...whole });
      assert.equal((await panel.posts('row')).query, 4);
      const answer = panel.page.locator('.answer [data-kind=matrix]');
      await answer.getByText('Right: entropy of the attention of each query').waitFor();
      assert.equal(await answer.locator('h2').innerText(), 'Attention of L9H6');
      const listed = (): Promise<string[]> => answer.locator('.top-keys tr:first-child td').allInnerTexts();
      await answer.locator('.top-keys td.token-cell').first().waitFor();
      assert.equal((await listed())[3], '0.200');
      // Two queries: the mean of 1/5 and 1/4 on the keys that both read.
      await panel.page.focus('.answer .head-strip .picture-frame');
      await panel.page.keyboard.press('Shift+ArrowLeft');
      await answer.getByRole('heading', { name: '2 queries read' }).waitFor();
      await answer.locator('.top-keys td.token-cell').first().waitFor();
      assert.equal((await listed())[3], '0.225');
      await answer.getByRole('radio', { name: 'Lines' }).click();
      await panel.page.waitForSelector('.answer .head-drawing [aria-label*="as lines"]');
      await panel.page.getByRole('button', { name: 'Close this answer' }).click();
      await panel.page.waitForSelector('.answer', { state: 'detached' });
    });

    it('offers no attention where no prompt was read, or the cells are no query heads', async () => {
      const { ask: _, ...grid } = headsStory();
      const prompts = [{ text: 'a', ids: [1], tokens: ['a'] }];
      for (const [sections, read] of [
        [[grid], []],
        [[{ ...grid, cell: 'key/value head' }], prompts],
      ] as const) {
        const panel = await start({ host: answering(finished({ result: { ...result, prompts: read, sections } })) });
        await panel.page.focus(`[data-section=${grid.id}] .picture-frame`);
        await panel.page.keyboard.press('ArrowRight');
        await panel.page.waitForSelector('.chosen-words');
        assert.equal(await count(panel, 'text=Show its attention'), 0);
      }
    });

    const strips = stripsStory();

    it('shades the tokens of a strip by their weight, and says each', async () => {
      const analyses = [...finished().analyses, heads];
      const made = finished({ analyses, result: { ...result, sections: [strips] } });
      const panel = await start({ host: answering(made) });
      const row = '[data-section=examples] tbody tr:first-child';
      const marked = panel.page.locator(`${row} .token`);
      const titles = await marked.evaluateAll((all) => all.map((one) => (one as HTMLElement).title));
      assert.deepEqual(titles, ['token 0, "<s>": weight 0.200', 'key 1, "␣one": weight 0.750', 'query 3, "␣three"']);
      assert.equal(await text(panel, `${row} .token-strip`), '<s> one two three');
      // 0.75 is step 15 of 20, at most 60 %.
      const shades = await marked.evaluateAll((all) =>
        all.map((one) => getComputedStyle(one).getPropertyValue('--shade')),
      );
      assert.deepEqual(shades, ['12%', '45%', '']);
      await panel.page.click(row);
      await shown(panel, '"␣three" reads "␣one" (0.750) and "<s>" (0.200), every other token at most 0.200');
      await panel.page.keyboard.press('Enter');
      const ran = await panel.posts('run');
      assert.equal(ran.look, true);
      assert.equal(ran.plan.analysis, 'heads');
      assert.deepEqual(ran.plan.input, { kind: 'prompt', prompt: { kind: 'ids', ids: [1, 20, 31, 42] } });
      assert.ok(
        panel.posted.every(({ kind }) => kind !== 'ask'),
        'the analysis is not asked',
      );
    });

    it('of a saved file opens a strip in the panel, with its head and query', async () => {
      const saved = finished({ place: 'file', result: { ...result, sections: [strips] } });
      const panel = await start({ place: 'file', host: answering(saved) });
      await panel.page.click('[data-section=examples] tbody tr:last-child');
      await panel.page.getByRole('button', { name: 'Open in Look' }).click();
      const { plan: asked, select } = await panel.posts('openFull');
      assert.deepEqual(select, { layer: 9, head: 2, query: 2 });
      assert.deepEqual(asked.input, { kind: 'prompt', prompt: { kind: 'ids', ids: [1, 20, 31, 42] } });
    });

    it('says that documents have changed: of the result on the screen, and of a run that was interrupted', async () => {
      const panel = await start({ host: answering(finished()) });
      const sentence = 'mine.jsonl has changed since this result was made.';
      await panel.send({ kind: 'corpusNote', created: 'another result', sentence });
      assert.equal(await count(panel, '#documents'), 0);
      await panel.send({ kind: 'corpusNote', created: result.created, sentence });
      await shown(panel, sentence);
      const note = 'mine.jsonl has changed since a run of this request was interrupted.';
      const stage = { kind: 'stage', sentence: 'Document 1 of 4', share: 0, kept: 0 } as const;
      await panel.page.click('#run');
      await panel.send({ ...stage, note }, { ...stage, share: 0.5 });
      await shown(panel, note);
      await panel.send({ kind: 'result', result: { ...result, created: 'later' } });
      assert.equal(await text(panel, '#documents'), note, 'the new result is of the documents as they are');
    });

    it('says why there is no answer', async () => {
      const panel = await start({
        host: (message) =>
          message.kind === 'ask'
            ? [{ kind: 'failed', request: message.request, sentence: 'The model has changed since.' }]
            : withSections()(message),
      });
      await panel.page.focus('[data-section=retrieval] .picture-frame');
      for (const key of ['ArrowRight', 'Enter']) await panel.page.keyboard.press(key);
      await panel.page.waitForSelector('.answer .problem');
      assert.equal(await text(panel, '.answer .problem'), 'The model has changed since.');
    });

    it('takes over the plan and the result of a run that was started in another webview', async () => {
      const panel = await start({ host: withSections() });
      const parameters = { threshold: 0.9 };
      const setup = { ...plan, parameters };
      const going = tabOf(result, {
        id: 't2',
        run: 5,
        setup,
        standing: { state: 'running', sentence: 'On', share: 0.4 },
      });
      await panel.send(openMessage({ tabs: { tabs: [tabOf(result), going], active: 't2' } }));
      await shown(panel, 'On: 40 %');
      const made = { ...result, parameters, created: '2026-11-27T00:00:00.000Z' };
      await panel.send({ kind: 'result', run: 5, result: made });
      await panel.send({ kind: 'tabs', tabs: [tabOf(result), tabOf(made, { id: 't2' })], active: 't2' });
      await shown(panel, 'Done in 1 min 23 s on cpu, kept in the history');
      assert.equal(await count(panel, '#stale'), 0);
      await panel.page.getByRole('button', { name: 'Parameters: Threshold 0.9' }).click();
      assert.equal(await panel.page.getByLabel('Threshold', { exact: true }).locator('input').inputValue(), '0.9');
    });

    it('is marked as old once the form says something else, and goes back', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.getByRole('button', { name: 'Parameters: all by default' }).click();
      await type(panel, 'Threshold', '0.9');
      await panel.page.waitForSelector('#stale');
      await type(panel, 'Seed', '4');
      await shown(panel, 'which differs in seed and parameters.');
      await panel.page.click('#rerun');
      assert.equal((await panel.posts('rerunTab')).tab, 't1');
      await panel.page.click('#take-over');
      await panel.page.waitForSelector('#stale', { state: 'detached' });
      await panel.page.locator('.stale-mark').waitFor({ state: 'detached' });
    });

    it('goes by keyboard alone: a question that is found, its run, an earlier result, a comparison, undo', async () => {
      const later = { ...result, seed: 4, created: '2026-11-25T10:00:00.000Z' };
      const two = { tabs: [tabOf(result), tabOf(later, { id: 't2' })], active: 't1' };
      const panel = await start({ host: answering(openMessage({ result, tabs: two })) });
      const { keyboard } = panel.page;
      const ask = async (): Promise<void> => {
        for (const key of ['ArrowRight', 'ArrowRight', 'Enter']) await keyboard.press(key);
        await panel.page.locator('#ask-words:focus').waitFor();
      };
      await panel.page.focus('[data-tab=t1] .tab-button');
      await ask();
      // The tab keeps the focus while it comes to the front.
      await panel.page.focus('[data-tab=t1] .tab-button');
      await keyboard.press('Enter');
      await panel.page.locator('#ask-words').waitFor({ state: 'detached' });
      await ask();
      await keyboard.type('far back');
      for (const key of ['ArrowDown', 'Enter']) await keyboard.press(key);
      await panel.page.getByRole('heading', { level: 1, name: retrieval.question }).waitFor();
      await keyboard.press('Control+Enter');
      assert.equal((await panel.posts('run')).plan.analysis, retrieval.id);

      await panel.page.focus('#history');
      await keyboard.press('Enter');
      await panel.page.locator('#history-words:focus').waitFor();
      await keyboard.type('France');
      await panel.page.locator('[data-entry=cccccccccccc]').waitFor({ state: 'detached' });
      for (const key of ['ArrowDown', 'Enter']) await keyboard.press(key);
      assert.equal((await panel.posts('openEntry')).id, 'bbbbbbbbbbbb');

      await panel.page.locator('[data-tab=t2] .menu-trigger').press('Enter');
      await panel.page.locator('[data-tab=t2] [role=menuitem]').first().press('Enter');
      const { tab, other } = await panel.posts('compareTabs');
      assert.deepEqual([tab, other], ['t2', 't1']);

      const seed = panel.page.getByLabel('Seed', { exact: true }).locator('input');
      const becomes = async (value: string): Promise<void> => {
        for (let times = 0; times < 100 && (await seed.inputValue()) !== value; times += 1)
          await panel.page.waitForTimeout(50);
        assert.equal(await seed.inputValue(), value);
      };
      await seed.fill('12');
      await panel.page.focus('#ask');
      await keyboard.press('Control+z');
      await becomes('0');
      await keyboard.press('Control+y');
      await becomes('12');
    });

    it('aligns a pair while it is typed, and makes a task of it', async () => {
      const open = openMessage({ plan: { ...plan, analysis: pair.id, parameters: {} } });
      const panel = await start({ host: answering(open) });
      await panel.page.getByRole('combobox', { name: 'Input', exact: true }).click();
      await panel.page.getByRole('option', { name: 'Prompt and counterpart' }).click();
      await panel.page.getByLabel('Prompt text').fill('Mary gave John');
      await panel.page.getByLabel('Counterpart text').fill('Mary gave Anna a');
      await shown(panel, 'The prompt has 3 tokens and the counterpart 4');
      await panel.page.getByLabel('Counterpart text').fill('Mary gave Anna');
      await shown(panel, 'Both have 3 tokens. They differ at token 3');
      assert.equal(await count(panel, '.pair-column.differs'), 1);
      await panel.page.getByText('Ask circuits of this pair').click();
      await type(panel, 'Answer', ' a');
      await type(panel, 'Answer of the counterpart', ' b');
      await panel.page.click('#pair-task:not([disabled])');
      const { kind: _, ...line } = await panel.posts('pairTask');
      assert.deepEqual(line, {
        prompt: 'Mary gave John',
        counterpart: 'Mary gave Anna',
        answer: ' a',
        counterpartAnswer: ' b',
      });
      await panel.send({ kind: 'chosen', field: 'input.taskFile', path: '/tasks/pair.jsonl' });
      await shown(panel, 'It reads a prompt with its counterpart, and the input is a task.');
    });

    it('does not put its finding under the question of another analysis', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.click('#ask');
      await panel.page.fill('#ask-words', 'edges carry');
      await panel.page.click(`[data-analysis=${pair.id}]`);
      await panel.page.getByRole('heading', { level: 1, name: pair.question }).waitFor();
      assert.equal(await count(panel, '[data-section]'), 0);
      await panel.page.click('[data-tab=t1] .tab-button');
      await panel.page.getByRole('heading', { level: 1, name: result.finding }).waitFor();
      // The counterpart that was begun for the other question stays.
      await shown(panel, 'which differs in input.');
    });

    it('compares: what differs first, then both with their names', async () => {
      const other = {
        ...result,
        created: '2026-01-01T00:00:00.000Z',
        seed: 4,
        finding: 'Another finding.',
        sections: [headsStory()],
      };
      const panel = await start({
        host: answering(
          finished({
            result: { ...result, sections: [headsStory()] },
            compareWith: {
              name: 'other.json',
              result: other,
              sections: [{ ...mapStory(), id: 'change', title: 'Change' }],
            },
          }),
        ),
      });
      await shown(
        panel,
        'Compared with other.json: changes are this result less the earlier one. Not the same: seed (0, there 4).',
      );
      assert.deepEqual(await panel.page.locator('.comparison h2').allInnerTexts(), [
        'Change',
        'retrieval-gpt2.headscope-analysis.json',
        'Retrieval score of every head',
        'other.json',
        'Retrieval score of every head',
      ]);
      await panel.page.focus('.compared:last-child .picture-frame');
      await panel.page.keyboard.press('ArrowRight');
      await panel.page.waitForSelector('.compared:last-child .chosen-words');
      assert.equal(await count(panel, '.chosen-words'), 1);
      await panel.page.getByText('Stop comparing').click();
      await panel.posts('stopComparing');
      await panel.page.waitForSelector('.comparison', { state: 'detached' });
    });

    it('saves an offer, or makes it the changes of the request and goes to Look', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.getByText('Save as file').click();
      const saved = await panel.posts('saveOffer');
      assert.deepEqual([saved.where, saved.offer], ['file', result.offers?.[0]]);
      await panel.page.getByText('Apply', { exact: true }).click();
      await panel.page.waitForSelector('#look[aria-current=page]');
      const typed = panel.page.locator('.intervention-row input');
      await typed.nth(2).waitFor();
      const entries = await typed.evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
      assert.deepEqual(entries, ['gain:8.6=0', 'gain:9.9=0', 'gain:10.7=0']);
    });

    it('saves the cache plan of an offer, and takes a plan as one intervention in words', async () => {
      const [offer] = result.offers ?? [];
      assert.ok(offer);
      const model = { name: 'toy', hash: 'abc', headDim: 8, heads: 2 };
      const cachePlan = newPlan({ title: 'Toy', model, layers: 40, kvHeads: 2, created: '2026', headscope: '0.1.0' });
      const offering = { ...result, offers: [{ ...offer, plan: cachePlan }] };
      const interventions = [planIntervention(cachePlan.heads)];
      const panel = await start({
        host: answering(openMessage({ result: offering, plan: { ...plan, interventions } })),
      });
      await panel.page.getByText('Save Plan…').click();
      const saved = await panel.posts('saveOffer');
      assert.deepEqual([saved.where, saved.offer.plan], ['plan', cachePlan]);
      await panel.page.waitForSelector('.long-intervention:has-text("plan: each of 80 heads keeps everything")');
      await panel.page.getByText('Apply a Plan…').click();
      await panel.posts('applyPlan');
    });

    it('copies the finding and the chosen value', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.getByRole('button', { name: 'Export', exact: true }).click();
      await panel.page.getByRole('menuitem', { name: 'Copy the finding' }).click();
      assert.equal((await panel.posts('copy')).text, result.finding);
      await panel.page.focus('[data-section=retrieval] .picture-frame');
      await panel.page.keyboard.press('ArrowRight');
      const before = panel.posted.length;
      await panel.page.getByRole('button', { name: 'Copy the value' }).click();
      assert.match((await panel.posts('copy', before)).text, /^layer 8, head 6: Retrieval: Retrieval score 0\.\d+ \(/);
    });

    it('writes a field that others read as a file of its own', async () => {
      const info = { ...retrieval, files: [{ field: 'score', title: 'The score alone' }] };
      const panel = await start({ host: answering(finished({ analyses: [info] })) });
      await panel.page.getByRole('button', { name: 'Export', exact: true }).click();
      await panel.page.getByRole('menuitem', { name: 'The score alone' }).click();
      const { format, name, data } = await panel.posts('export');
      assert.deepEqual(
        [format, name, data],
        ['json', 'retrieval-heads-gpt2-2026-11-24.score.json', `${JSON.stringify(result.result['score'])}\n`],
      );
    });

    it('keeps what a person chose over a reload', async () => {
      const panel = await start({ host: withSections() });
      await panel.page.getByRole('radio', { name: 'Effect of removal' }).click();
      await panel.page.reload();
      await panel.page.waitForSelector('[data-section=retrieval] canvas');
      assert.equal(
        await panel.page.getByRole('radio', { name: 'Effect of removal' }).getAttribute('aria-checked'),
        'true',
      );
    });

    it('of a saved file can be opened in the panel', async () => {
      const panel = await start({ place: 'file', host: answering(finished({ place: 'file' })) });
      await panel.page.click('#open-full');
      assert.deepEqual((await panel.posts('openFull')).plan, plan);
      assert.equal(await count(panel, '#run'), 0);
    });
  });
});
