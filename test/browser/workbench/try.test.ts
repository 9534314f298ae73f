/** Changes that are tried on the prompt of a result, in Chromium: gains, next tokens, continuations, the weight of the first token. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fromGains } from '../../../protocol/interventions/gains';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { plantedNextTokens } from './planted-model';
import { answeringTrials, finished, plan, planted, summary } from './try-host';
import { usePanels, type Panel } from './workbench-host';

const grid = '[data-section=heads] .picture-frame';

describe('changes tried on the prompt of a result', function () {
  this.timeout(60_000);
  const open = usePanels();
  const start = async (opening = finished()): Promise<Panel> => {
    const panel = await open({ host: answeringTrials(opening) });
    await panel.page.waitForSelector(`${grid} canvas`);
    return panel;
  };
  /** The panel draws in one frame, its pictures in the next. */
  const settle = (panel: Panel): Promise<unknown> =>
    panel.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const text = async (panel: Panel, selector: string): Promise<string> => (await panel.page.innerText(selector)).trim();
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel);
  };
  const entries = (panel: Panel): Promise<readonly string[]> =>
    panel.page.$$eval('.intervention-row input', (all) => all.map((one) => (one as HTMLInputElement).value));
  /** The head that is open beside the grid. */
  const openHead = async (panel: Panel): Promise<{ readonly layer: number; readonly head: number }> => {
    await panel.page.waitForSelector('.gain-line');
    const name = await panel.page.getAttribute('.gain-line', 'data-head');
    const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name ?? '') ?? [];
    return { layer: Number(layer), head: Number(head) };
  };

  it('remove a head by a key, and show what that does to the next token, with a way back', async () => {
    const panel = await start();
    assert.deepEqual((await panel.posts('nextTokens')).interventions, []);
    const before = panel.posted.length;
    await press(panel, grid, 'ArrowRight');
    await press(panel, grid, 'x');
    const asked = await panel.posts('nextTokens', before);
    const [gain] = asked.interventions;
    assert.ok(gain?.kind === 'gain' && gain.gain === 0);
    const written = `gain:${gain.layer}.${gain.head}=0`;
    assert.deepEqual(await entries(panel), [written]);
    await panel.page.waitForSelector('#divergence');
    const [, changed] = plantedNextTokens(asked.interventions);
    assert.equal(await text(panel, '#divergence'), `KL ${changed?.divergence.toFixed(3)} nats`);
    const mary = await panel.page.$$eval('[data-token="100"] > *', (all) =>
      all.map((cell) => (cell as HTMLElement).innerText.trim()),
    );
    assert.deepEqual([mary[2], mary[4]], ['0.710', '0.220']);
    assert.match(await text(panel, '#tried-changes'), new RegExp(`L${gain.layer}H${gain.head} x 0`));
    assert.match(await text(panel, '.tab.front'), /stale/);
    for (const [way, expected] of [
      ['#undo', []],
      ['#redo', [written]],
    ] as const) {
      await panel.page.click(way);
      await settle(panel);
      assert.deepEqual(await entries(panel), expected, way);
    }
    await press(panel, grid, 'x');
    assert.deepEqual(await entries(panel), []);
    assert.doesNotMatch(await text(panel, '.tab.front'), /stale/);
  });

  it('set the gain of an opened head by its slider, write on both ways and mark where the texts part', async () => {
    const panel = await start();
    const { layer, head } = await openHead(panel);
    await panel.page.getByLabel(`Gain of L${layer}H${head}`).fill('-1.5');
    await settle(panel);
    assert.equal(await text(panel, '.gain-value'), '-1.50');
    await panel.page.click('#generate');
    const { request, interventions } = await panel.posts('generate');
    assert.deepEqual(interventions, fromGains([{ layer, head, gain: -1.5 }]));
    const { induction, ...others } = (planted.result as { statistics: Record<string, readonly number[][]> }).statistics;
    const statistics = { ...others, induction: induction?.map((row) => row.map(() => 0.25)) } as never;
    await panel.send({ kind: 'token', request, variant: false, index: 0, text: ' Mary', probability: 1, statistics });
    await settle(panel);
    assert.equal(await text(panel, '[data-variant=plain] h3'), 'plain 1 tokens …');
    assert.match(
      (await panel.page.getAttribute(grid, 'aria-label')) ?? '',
      /latest token/,
      'the grid shows the query of the latest token',
    );
    await panel.send(
      { kind: 'generated', request, variant: false, text: ' Mary. Mary' },
      { kind: 'generated', request, variant: true, text: ' Mary the' },
    );
    await settle(panel);
    assert.doesNotMatch((await panel.page.getAttribute(grid, 'aria-label')) ?? '', /latest token/);
    assert.equal(await panel.page.textContent('[data-variant=changed] mark'), ' the');
    await panel.page.click('[aria-label="Save the changes"]');
    assert.deepEqual((await panel.posts('saveIntervention')).interventions, interventions);
    await panel.page.click('[aria-label="Remove all changes"]');
    await settle(panel);
    assert.equal(await text(panel, '.gain-value'), '1.00');
    // A Look under other changes reads the same prompt: what was written stays.
    const again = { ...planted, created: '2026-11-30T10:00:00.000Z', interventions };
    await panel.send(finished({ result: again }));
    await settle(panel);
    assert.equal(await text(panel, '[data-variant=plain] pre'), ' Mary. Mary'.trim());
  });

  it('slide the strength of a vector, and write the changed text again when it is let go', async () => {
    const panel = await start();
    await panel.page.click('[aria-label="Add an intervention"]');
    await panel.page.click('vscode-option[value="add"]');
    await panel.posts('chooseVector');
    const source = { from: 'file', path: '/vectors/joy.gguf' } as const;
    const add = (strength: number) => ({ kind: 'add', layers: ['all'], source, strength }) as const;
    await panel.send(finished({ plan: { ...plan, interventions: [add(0.5)] }, replaces: true }));
    await settle(panel);
    assert.equal(await text(panel, '.intervention-slider output'), 'strength 0.5');
    await panel.page.click('#generate');
    const { request } = await panel.posts('generate');
    await panel.send(
      { kind: 'generated', request, variant: false, text: ' Mary. Mary' },
      { kind: 'generated', request, variant: true, text: ' Mary the' },
    );
    const before = panel.posted.length;
    // As a person drags: the thumb moves, and is let go.
    await press(panel, '.intervention-slider input', 'Home');
    assert.deepEqual((await panel.posts('nextTokens', before)).interventions, [add(-100)]);
    // Where it changes nothing: steps lead to 0 and to no number beside it.
    const input = panel.page.locator('.intervention-slider input');
    assert.equal(await input.evaluate((range: HTMLInputElement) => ((range.value = '0'), range.value)), '0');
    const again = await panel.posts('generate', before);
    assert.deepEqual([again.changedOnly, again.interventions], [true, [add(-100)]]);
    await panel.send({ kind: 'generated', request: again.request, variant: true, text: ' Sue' });
    await settle(panel);
    assert.deepEqual(await panel.page.$$eval('.text pre', (all) => all.map((one) => one.textContent)), [
      ' Mary. Mary',
      ' Sue',
    ]);
    assert.equal(await panel.page.$('#stop-generation'), null);
    // What a dialog put into the request is a step of its own.
    await panel.page.click('#undo');
    await panel.page.click('#undo');
    await settle(panel);
    assert.deepEqual(await entries(panel), []);
  });

  it('write on as it is said, say with what, stop, and keep that over a reload', async () => {
    const panel = await start();
    await panel.page.click('#sampling .disclosure-button');
    const fill = async (name: string, value: string): Promise<void> => {
      await panel.page.fill(`vscode-text-field[aria-label="${name} of the continuation"] input`, value);
      await settle(panel);
    };
    await fill('Temperature', 'warm');
    assert.match(await text(panel, '#sampling .problem'), /Temperature is a number from 0 to 100/);
    assert.equal(await panel.page.$eval('#generate', (one) => (one as HTMLButtonElement).disabled), true);
    for (const [name, value] of [
      ['Tokens', '7'],
      ['Temperature', '0.8'],
      ['Top-p', '.9'],
      ['Seed', '5'],
    ] as const)
      await fill(name, value);
    await panel.page.click('#generate');
    const { kind: _kind, request, ...asked } = await panel.posts('generate');
    assert.deepEqual(asked, { prompt: 0, interventions: [], maxNewTokens: 7, temperature: 0.8, topP: 0.9, seed: 5 });
    await panel.page.click('#stop-generation');
    await panel.posts('stopGenerating');
    await panel.send({ kind: 'generated', request, variant: false, text: ' Mary.' });
    await fill('Tokens', '9');
    assert.equal(await panel.page.$('#stop-generation'), null);
    // What made the text stands beside it, whatever is typed since.
    assert.match(
      await text(panel, '#generated-with'),
      /drawn with temperature 0\.800, top-p 0\.900, seed 5, at most 7 tokens/,
    );
    await panel.send({ kind: 'failed', request, sentence: 'The disk is full.' });
    await settle(panel);
    assert.equal(await text(panel, '.continuations > .problem'), 'The disk is full.');
    await panel.page.reload();
    await panel.page.waitForSelector('#sampling');
    await settle(panel);
    assert.equal(await panel.page.inputValue('vscode-text-field[aria-label="Tokens of the continuation"] input'), '9');
  });

  describe('at the first token', () => {
    const choose = async (panel: Panel, value: string): Promise<void> => {
      await panel.page.click('vscode-dropdown[aria-label="Heads in which the first token is reweighted"]');
      await panel.page.click(`vscode-option[value="${value}"]`);
      await settle(panel);
    };
    const heads = (layer: number, bias: number): readonly Intervention[] =>
      Array.from({ length: summary.heads }, (_, head) => ({
        kind: 'bias',
        layer,
        head,
        keys: { start: 0, end: 1 },
        bias,
      }));

    it('are set by a slider in a third of the layers, as biases of ln gamma on key 0, and taken back', async () => {
      const panel = await start();
      await panel.posts('nextTokens');
      await choose(panel, 'middle');
      let before = panel.posted.length;
      await panel.page.fill('#gamma', '0.3');
      // 10^0.3 is 2.00 in three digits.
      assert.deepEqual((await panel.posts('nextTokens', before)).interventions, heads(2, 0.693147));
      assert.equal(await text(panel, '.gamma-value'), 'x 2.00');
      assert.match(await text(panel, '#gamma-words'), /key 0 is multiplied by 2\.00 .* ln γ = \+0\.693/);
      await choose(panel, 'all');
      assert.equal(await text(panel, '.gamma-value'), 'mixed');
      await choose(panel, 'deep');
      assert.equal(await text(panel, '.gamma-value'), 'x 1.00');
      before = panel.posted.length;
      await panel.page.fill('#gamma', '-1');
      assert.deepEqual((await panel.posts('nextTokens', before)).interventions, [
        ...heads(2, 0.693147),
        ...heads(3, -2.30259),
      ]);
      // The first of many changes are written out, and the others when asked.
      assert.equal((await entries(panel)).length, 4);
      await panel.page.click(`text=Show the other ${2 * summary.heads - 4} interventions`);
      await settle(panel);
      assert.equal((await entries(panel)).length, 2 * summary.heads);
      await choose(panel, 'all');
      before = panel.posted.length;
      await panel.page.click('[aria-label="Reset the weight of the first token"]');
      assert.deepEqual((await panel.posts('nextTokens', before)).interventions, []);
      assert.deepEqual(await entries(panel), []);
    });
  });

  it('are not asked about the next token of a model that predicts none, and of one without heads nothing is', async () => {
    const of = (change: Partial<typeof summary>) => {
      const other = { ...summary, ...change };
      return finished({ model: other, result: { ...planted, model: other } });
    };
    const encoder = await start(of({ causal: false }));
    await settle(encoder);
    assert.match(await text(encoder, '#no-next-token'), /^The model predicts no next token/);
    for (const absent of ['.next-tokens', '#generate', '#remove-heads', '.try .problem'])
      assert.equal(await encoder.page.$(absent), null, absent);
    assert.ok(!encoder.posted.some(({ kind }) => kind === 'nextTokens'));
    const headless = await start(of({ causal: false, heads: 0 }));
    assert.equal(await headless.page.$('.try'), null);
  });

  it('end in runs and files: heads removed one by one, labels, and no trial on a model that the request does not name', async () => {
    const panel = await start();
    await panel.page.click('#remove-heads');
    assert.deepEqual(await panel.posts('removeHeads'), { kind: 'removeHeads', prompt: 0 });
    await panel.page.click('#save-labels');
    await panel.posts('saveLabels');
    await panel.send({ ...finished(), plan: { ...plan, folder: '/models/gpt2' }, replaces: true });
    await settle(panel);
    assert.match(await text(panel, '.next-tokens .problem'), /^The request is of another model than this result\./);
    assert.equal(await panel.page.$eval('#generate', (one) => (one as HTMLButtonElement).disabled), true);
    assert.equal(await panel.page.$('#gamma'), null);
  });
});
