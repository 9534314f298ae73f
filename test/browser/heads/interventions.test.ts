import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fromGains } from '../../../protocol/interventions/gains';
import { answering, finishedMessage, plan } from './heads-host';
import { headsPanels, settle, type Panel } from './opened-panels';
import { plantedNextTokens } from '../workbench/planted-model';

describe('the heads panel', () => {
  const { finished } = headsPanels();
  const text = (panel: Panel, selector: string): Promise<string> => panel.page.innerText(selector);
  const press = async (panel: Panel, selector: string, ...keys: readonly string[]): Promise<void> => {
    await panel.page.focus(selector);
    for (const key of keys) await panel.page.keyboard.press(key);
    await settle(panel);
  };

  describe('an intervention', () => {
    it('ablates by a key, lists the head, and shows what that does to the next token', async () => {
      const panel = await finished({ host: answering(finishedMessage({ select: { layer: 2, head: 4 } })) });
      await panel.posts('nextTokens');
      const before = panel.posted.length;
      await press(panel, '.grid .picture-frame', 'x');
      const asked = await panel.posts('nextTokens', before);
      assert.deepEqual(asked.interventions, [{ kind: 'gain', layer: 2, head: 4, gain: 0 }]);
      await panel.page.waitForSelector('#divergence');
      const [, changed] = plantedNextTokens(asked.interventions);
      assert.equal(await text(panel, '#divergence'), `KL ${changed?.divergence.toFixed(3)} nats`);
      const mary = await panel.page.$$eval('[data-token="100"] > *', (all) =>
        all.map((cell) => (cell as HTMLElement).innerText.trim()),
      );
      assert.deepEqual([mary[2], mary[4]], ['0.710', '0.220']);
      assert.match(await text(panel, '.gain-chips'), /L2H4\s*off/);
      assert.match(
        await text(panel, '.banner'),
        /The interventions have changed: the pictures show the model without interventions/,
      );
      await press(panel, '.grid .picture-frame', 'x');
      assert.equal(await panel.page.$('.gain-chips'), null);
      assert.equal(await panel.page.$('.banner'), null);
    });

    it('sets a gain by the slider, generates both ways and marks where they part', async () => {
      const panel = await finished();
      await panel.page.fill('#gain', '-1.5');
      await settle(panel);
      assert.equal(await text(panel, '.gain-value'), '-1.50');
      await panel.page.click('#generate');
      const { request, interventions } = await panel.posts('generate');
      assert.deepEqual(
        interventions.map((one) => one.kind === 'gain' && one.gain),
        [-1.5],
      );
      await panel.send(
        { kind: 'generated', request, variant: false, text: ' Mary. Mary' },
        { kind: 'generated', request, variant: true, text: ' Mary the' },
      );
      await settle(panel);
      assert.equal(await panel.page.textContent('[data-variant=changed] mark'), ' the');
      await panel.page.click('[aria-label="Save the intervention"]');
      assert.deepEqual((await panel.posts('saveIntervention')).interventions, interventions);
      await panel.page.click('[aria-label="Remove all interventions"]');
      await settle(panel);
      assert.equal(await text(panel, '.gain-value'), '1.00');
    });

    it('slides the strength of a vector, and writes the changed text again when it is let go', async () => {
      const panel = await finished();
      await panel.page.click('[aria-label="Add an intervention"]');
      await panel.page.click('vscode-option[value="add"]');
      await panel.posts('chooseVector');
      const source = { from: 'file', path: '/vectors/joy.gguf' } as const;
      const add = (strength: number) => ({ kind: 'add', layers: ['all'], source, strength }) as const;
      await panel.send({ ...finishedMessage({}), plan: { ...plan, interventions: [add(0.5)] }, replaces: true });
      await settle(panel);
      assert.equal(await text(panel, '.intervention-slider output'), 'strength 0.5');
      assert.match(
        await text(panel, '.interventions-list .reason'),
        /^0\.5 times the vector of \/vectors\/joy\.gguf is added to the residual stream that leaves each layer/,
      );
      await panel.page.click('#generate');
      const { request } = await panel.posts('generate');
      await panel.send(
        { kind: 'generated', request, variant: false, text: ' Mary. Mary' },
        { kind: 'generated', request, variant: true, text: ' Mary the' },
      );
      const before = panel.posted.length;
      // As a person drags: the thumb moves, and is let go.
      await press(panel, '.intervention-slider input', 'Home');
      const asked = await panel.posts('nextTokens', before);
      assert.deepEqual(asked.interventions, [add(-100)]);
      // Where it changes nothing: steps lead to 0 and to no number beside it.
      const input = panel.page.locator('.intervention-slider input');
      assert.equal(await input.evaluate((range: HTMLInputElement) => ((range.value = '0'), range.value)), '0');
      const again = await panel.posts('generate', before);
      assert.deepEqual([again.changedOnly, again.interventions], [true, [add(-100)]]);
      assert.equal(await text(panel, '[data-variant=plain] pre'), ' Mary. Mary');
      await panel.send({ kind: 'generated', request: again.request, variant: true, text: ' Sue' });
      await settle(panel);
      assert.equal(await text(panel, '[data-variant=changed] pre'), ' Sue');
      assert.equal(await panel.page.$('#stop-generation'), null);
    });

    it('writes on as it is told, says with what, and keeps that over a reload', async () => {
      const panel = await finished();
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
      assert.deepEqual(asked, { interventions: [], maxNewTokens: 7, temperature: 0.8, topP: 0.9, seed: 5 });
      await panel.send({ kind: 'generated', request, variant: false, text: ' Mary.' });
      await fill('Tokens', '9');
      // What made the text stands beside it, whatever is typed since.
      assert.match(
        await text(panel, '#generated-with'),
        /drawn with temperature 0\.800, top-p 0\.900, seed 5, at most 7 tokens/,
      );
      await panel.page.reload();
      await panel.page.waitForSelector('#sampling');
      await settle(panel);
      assert.equal(
        await panel.page.inputValue('vscode-text-field[aria-label="Tokens of the continuation"] input'),
        '9',
      );
    });

    it('adds, edits and removes interventions of every kind in their written form', async () => {
      const panel = await finished();
      for (const part of ['[aria-label="Add an intervention"]', '[value="mlp"]']) await panel.page.click(part);
      await settle(panel);
      const field = '[aria-label="Intervention 1"]';
      assert.equal(await panel.page.inputValue(`${field} input`), 'mlp:4=mean');
      assert.match(
        await text(panel, '.interventions-list .reason'),
        /The MLP output of layer 4 is replaced by its mean/,
      );
      const before = panel.posted.length;
      await panel.page.fill(`${field} input`, 'mlp:1@2-3=zero');
      const [zeros] = (await panel.posts('nextTokens', before)).interventions;
      assert.deepEqual(zeros, { kind: 'mlp', layer: 1, positions: { start: 2, end: 4 }, source: { from: 'zero' } });
      await panel.page.fill(`${field} input`, 'mlp:one=zero');
      await settle(panel);
      assert.match(await text(panel, '.interventions-list [role=alert]'), /is no replaced MLP output\. Write mlp:L/);
      await panel.page.click('[aria-label="Remove intervention 1"]');
      await settle(panel);
      assert.equal(await panel.page.$(field), null);
    });

    it('takes over gains that were loaded from a file', async () => {
      const panel = await finished();
      await panel.send(
        finishedMessage({ plan: { ...plan, interventions: fromGains([{ layer: 1, head: 1, gain: 0.5 }]) } }),
      );
      await settle(panel);
      assert.match(await text(panel, '.gain-chips'), /L1H1\s*x 0\.50/);
    });
  });
});
