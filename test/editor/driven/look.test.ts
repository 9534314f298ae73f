/** Look in VS Code: the first finding without a further click, another prompt in its place, and what was run by hand stays. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { workbenchPanel } from './panels';
import { useWindow } from './window';
import { eventually, patience } from '../../support/patience';
import { safetensorsBytes, type Tensors } from '../../support/safetensors-file';

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
    const tab = (await panelOf()).locator('.tab-button').first();
    await eventually(async () => assert.match(await tab.innerText(), /Look/));
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
    const look = (await panelOf()).locator('#look');
    await eventually(async () => assert.match(await look.innerText(), /Look/));
  });

  it('shows captured attention, and of a model only its name: nothing of it runs', async () => {
    const { bench, workspace } = window();
    // Each token reads the one before it; in the second file the last row sums to 2.
    const rows = [1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
    captureIn(workspace, 'reads-previous', attention(rows));
    captureIn(workspace, 'sums-to-two', attention([...rows.slice(0, 14), 2, 0]));

    await bench.openFile('reads-previous.headscope-capture.json');
    await bench.runCommand('Headscope: Open Captured Attention');
    const panel = await panelOf();
    await panel.getByText('Captured attention, 1 layer x 1 head, 4 tokens').waitFor();
    await panel.locator('#run:not([disabled])').click();
    await finding(/1 previous token/);
    await done();

    await bench.openFile('sums-to-two.headscope-capture.json');
    await bench.runCommand('Headscope: Open Captured Attention');
    const refused = await panelOf();
    await refused.locator('.problem', { hasText: 'query 3: its probabilities sum to 2, not 1' }).waitFor();
    assert.deepEqual(await refused.locator('.controls h2:visible').allInnerTexts(), ['Model', 'Input']);
    assert.equal(await refused.getByRole('region', { name: 'Model' }).getByRole('combobox').count(), 1);
  });
});

const attention = (values: readonly number[]): Tensors =>
  new Map([['attention', { shape: [1, 1, 4, 4], data: Float32Array.from(values) }]]);

/** A description of captured tensors over four tokens, and its file. */
function captureIn(folder: string, name: string, tensors: Tensors): void {
  writeFileSync(join(folder, `${name}.safetensors`), safetensorsBytes(tensors));
  const description = {
    kind: 'headscope-capture',
    ...{ version: 1, model: 'captured-toy', file: `${name}.safetensors`, tokens: ['a', 'b', 'c', 'd'], causal: true },
    tensors: [{ name: 'attention', holds: 'attention', layout: ['layers', 'heads', 'queries', 'keys'] }],
  };
  writeFileSync(join(folder, `${name}.headscope-capture.json`), JSON.stringify(description));
}
