import assert from 'node:assert/strict';
import { answering, finishedMessage } from './heads-host';
import { headsPanels } from './opened-panels';

describe('Heads panel in Chromium: why a weight', function () {
  this.timeout(60_000);
  const { finished } = headsPanels();

  it('is asked of the cell that was walked to or clicked, and of a key of the list of those read most', async () => {
    const panel = await finished({ host: answering(finishedMessage({ select: { layer: 0, head: 7 } })) });
    await panel.page.waitForSelector('.top-keys tbody tr:first-child td.token-cell');
    assert.ok(await panel.page.$('#explain-weight[disabled]'));
    await panel.page.focus('.head-drawing .picture-frame');
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowUp', 'Enter']) {
      await panel.page.keyboard.press(key);
    }
    const cell = { kind: 'explainWeight', layer: 0, head: 7, query: 30, key: 2 };
    assert.deepEqual(await panel.posts('explainWeight'), cell);
    let posted = panel.posted.length;
    await panel.page.click('#explain-weight');
    assert.deepEqual(await panel.posts('explainWeight', posted), cell);
    posted = panel.posted.length;
    await panel.page
      .getByRole('button', { name: /^Explain why query 30 reads key \d+$/ })
      .first()
      .click();
    const listed = Number(await panel.page.innerText('.top-keys tbody tr:first-child td'));
    assert.deepEqual(await panel.posts('explainWeight', posted), { ...cell, key: listed });
  });

  it('is offered where nothing runs by no button', async () => {
    const panel = await finished({
      host: answering(finishedMessage({ select: { layer: 0, head: 7 }, canRun: 'The workspace is not trusted.' })),
    });
    await panel.page.waitForSelector('.head-drawing');
    assert.equal(await panel.page.locator('#explain-weight').count(), 0);
  });
});
