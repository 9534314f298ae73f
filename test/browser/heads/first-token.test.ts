import assert from 'node:assert/strict';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { headsPanels, settle, type Panel } from './opened-panels';
import { result } from './heads-host';

describe('Heads panel in Chromium: the weight of the first token', function () {
  this.timeout(60_000);
  const { finished } = headsPanels();
  const text = async (panel: Panel, selector: string): Promise<string> => (await panel.page.innerText(selector)).trim();
  const choose = async (panel: Panel, value: string): Promise<void> => {
    await panel.page.click('vscode-dropdown[aria-label="Heads in which the first token is reweighted"]');
    await panel.page.click(`vscode-option[value="${value}"]`);
    await settle(panel);
  };
  const bias = (layer: number, head: number, number: number): Intervention => ({
    kind: 'bias',
    layer,
    head,
    keys: { start: 0, end: 1 },
    bias: number,
  });
  const heads = (layer: number, number: number): readonly Intervention[] =>
    Array.from({ length: result.heads }, (_, head) => bias(layer, head, number));

  it('is set by a slider in a third of the layers, as biases of ln gamma on key 0, and taken back', async () => {
    const panel = await finished();
    await panel.posts('nextTokens');
    await choose(panel, 'middle');
    let before = panel.posted.length;
    await panel.page.fill('#gamma', '0.3');
    // 10^0.3 is 2.00 in three digits.
    assert.deepEqual((await panel.posts('nextTokens', before)).interventions, heads(2, 0.693147));
    assert.equal(await text(panel, '.gamma-value'), 'x 2.00');
    assert.match(await text(panel, '#gamma-words'), /key 0 is multiplied by 2\.00 .* ln γ = \+0\.693/);
    await panel.page.waitForSelector('#divergence');
    assert.match(await text(panel, '.banner'), /The interventions have changed/);

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

    await choose(panel, 'all');
    before = panel.posted.length;
    await panel.page.click('[aria-label="Reset the weight of the first token"]');
    assert.deepEqual((await panel.posts('nextTokens', before)).interventions, []);
    assert.equal(await panel.page.$('.intervention-row'), null);
  });

  it('writes the first of many interventions out, and the others when asked', async () => {
    const panel = await finished();
    const rows = () => panel.page.$$eval('.intervention-row', (all) => all.length);
    await panel.page.fill('#gamma', '0.5');
    await settle(panel);
    assert.equal(await rows(), 4);
    const all = result.layers * result.heads;
    await panel.page.click(`text=Show the other ${all - 4} interventions`);
    await settle(panel);
    assert.equal(await rows(), all);
  });
});
