/** The Heads panel, coloured and ordered by what the model loses without each head. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { HeadEffects } from '../../../protocol/panels/heads';
import { result } from './heads-host';
import { headsPanels, pictures, textsIn, settle, type Panel } from './opened-panels';

describe('the effect of removing each head', () => {
  const { finished } = headsPanels();
  const values = Array.from({ length: result.layers }, (_, layer) =>
    Array.from({ length: result.heads }, (_unused, head) => (layer === 2 && head === 3 ? -2.5 : (layer + head) / 100)),
  );
  const shifted = (by: number) => values.map((row) => row.map((value) => value + by));
  const effects: HeadEffects = {
    title: 'Change of the loss',
    unit: 'nats',
    definition: '-ln p without the head, less that with it',
    values,
    low: shifted(-0.5),
    high: shifted(0.5),
    interval: '95 % interval over tokens',
  };
  const choose = async (panel: Panel, label: string, value: string): Promise<void> => {
    await panel.page.evaluate(
      ([name, chosen]) => {
        const dropdown = document.querySelector(`vscode-dropdown[aria-label="${name}"]`) as HTMLSelectElement;
        dropdown.value = chosen ?? '';
        dropdown.dispatchEvent(new Event('change'));
      },
      [label, value],
    );
    await settle(panel);
  };

  it('is measured by a button, coloured as it comes, stopped, and gone on with', async () => {
    const panel = await finished();
    assert.equal(await panel.page.$('.head-effects'), null);
    await choose(panel, 'Colour the heads by', 'effect');
    await panel.page.click('#measure-effects');
    const { request } = await panel.posts('measureEffects');
    // As a message brings them: NaN is null there.
    const partial = JSON.parse(
      JSON.stringify({ ...effects, values: values.map((row, layer) => (layer === 2 ? row : row.map(() => null))) }),
    ) as HeadEffects;
    await panel.send({ kind: 'headEffects', request, sentence: 'Layer 3 of 4', share: 0.5, effects: partial });
    await settle(panel);
    assert.match(await panel.page.innerText('.head-effects'), /Layer 3 of 4/);
    const words = await textsIn(panel, pictures.grid);
    for (const word of ['Change of the loss', '-2.5', '+2.5 nats', 'no value']) assert.ok(words.includes(word), word);
    await panel.page.click('#stop-effects');
    assert.equal((await panel.posts('cancel')).kind, 'cancel');
    assert.match(await panel.page.innerText('#measure-effects'), /Go on/);
    // What comes late of a measurement that was stopped is not shown.
    await panel.send({ kind: 'headEffects', request, sentence: 'Done', share: 1, effects, finding: 'Late.' });
    await settle(panel);
    assert.doesNotMatch(await panel.page.innerText('.head-effects'), /Late/);
  });

  it('orders the grid by size, stands in the table and in the CSV, and says its finding', async () => {
    const panel = await finished();
    await choose(panel, 'Order of the heads', 'effect');
    await panel.page.click('#measure-effects');
    const { request } = await panel.posts('measureEffects');
    const finding = 'Of 32 heads, L2H3 changes the loss most.';
    await panel.send({ kind: 'headEffects', request, sentence: 'Done', share: 1, effects, finding });
    await choose(panel, 'Colour the heads by', 'effect');
    assert.equal(await panel.page.innerText('#effects-finding'), finding);
    assert.equal(await panel.page.$('#measure-effects'), null);
    await panel.page.focus('.grid .picture-frame');
    // The first cell of the first row.
    for (const key of [...new Array<string>(result.layers).fill('ArrowUp'), 'Home'])
      await panel.page.keyboard.press(key);
    await settle(panel);
    assert.match(await panel.page.innerText('.grid-readout'), /L2H3 · change of the loss -2\.5/);
    await panel.page.click('#all-heads .disclosure-button');
    const row = await panel.page.innerText('table:has(caption:text("All heads")) tbody tr:has-text("L2H3")');
    assert.match(row, /-2\.50\s+-3\.00 to -2\.00/);
    await panel.page.click('hs-menu .menu-trigger');
    await panel.page.click('[role=menuitem]:has-text("CSV")');
    const { data } = await panel.posts('export');
    const [header = '', ...lines] = String(data).trim().split('\n');
    const at = header.split(',').indexOf('effect_nats');
    const line = lines.find((each) => each.startsWith('2,3,')) ?? '';
    assert.deepEqual(line.split(',').slice(at, at + 3), ['-2.5', '-3', '-2']);
  });
});
