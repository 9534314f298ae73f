/** Look in VS Code: the first finding without a further click, another prompt in its place, and what was run by hand stays. */
import assert from 'node:assert/strict';
import type { FrameLocator } from 'playwright-core';
import { workbenchPanel } from './panels';
import { useWindow } from './window';
import { patience } from '../../support/patience';

describe('Look in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();
  const panelOf = (): Promise<FrameLocator> => workbenchPanel(window().bench, 'full');
  const results = async (): Promise<number> => (await panelOf()).locator('[data-tab]').count();
  const finding = async (words: RegExp): Promise<string> => {
    const heading = (await panelOf()).locator('h1', { hasText: words });
    await heading.waitFor({ timeout: patience(60_000) });
    return (await heading.innerText()).trim();
  };
  const done = async (): Promise<void> =>
    (await panelOf()).locator('.run-state', { hasText: /Done in / }).waitFor({ timeout: patience(60_000) });
  const type = async (text: string): Promise<void> => {
    const panel = await panelOf();
    await panel.locator('textarea#prompt, #prompt textarea').first().fill(text);
  };
  /** The time that a result was made stands behind its title. */
  const madeAt = async (): Promise<string> =>
    (await (await panelOf()).locator('#look').getAttribute('title'))?.split('\n')[0] ?? '';

  it('shows what the heads of the demo model do, without a further click', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    await finding(/heads/);
    await done();
    assert.match(await (await panelOf()).locator('.tab-button').first().innerText(), /Look/);
    assert.equal(await results(), 1);
  });

  it('takes another prompt in its place, and stays as a tab once a person has run it', async () => {
    const first = await madeAt();
    await type('One two three one two three one two');
    const panel = await panelOf();
    await panel.locator('.circumstances', { hasText: 'One two three' }).waitFor({ timeout: patience(30_000) });
    await done();
    assert.notEqual(await madeAt(), first);
    assert.equal(await results(), 1, 'the one before gave it its place');
    await panel.locator('#run').click();
    await done();
    await type('A cat and a dog, a cat and a dog');
    await panel.locator('.circumstances', { hasText: 'A cat' }).waitFor({ timeout: patience(30_000) });
    assert.equal(await results(), 2, 'what was run by hand stays');
  });

  it('shows which heads look at the picture of the demo that sees', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Hallucination Heads');
    const panel = await panelOf();
    for (const words of ['demo-vlm', 'Which heads look at the image']) await panel.getByText(words).first().waitFor();
    await panel.locator('#run:not([disabled])').click();
    await panel
      .locator('[data-section=heads] canvas')
      .first()
      .waitFor({ timeout: patience(60_000) });
    await finding(/./);
    assert.match(await (await panelOf()).locator('#look').innerText(), /Look/);
  });
});
