/** A run of heads that is cancelled, an intervention as a file there and back, two results compared, labels as a file. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FrameLocator } from 'playwright-core';
import { controlVectorBytes } from '../../../models/formats/gguf/control-vector';
import { parseIntervention } from '../../../extension/results/intervention-file';
import type { HeadLabelsFile } from '../../../protocol/results/head-labels';
import { computeProcesses } from './compute-processes';
import { headsPanel } from './panels';
import { useWindow } from './window';
import { patience } from '../../support/patience';

/** The context of the demo model is 8,192 tokens; its causal check runs the prompts once more for each label. */
const longPrompt = Array.from({ length: 2000 }, (_, at) => 10 + ((at * 37) % 1000)).join(' ');
const shortPrompt = [0, ...Array.from({ length: 24 }, (_, at) => 300 + (at % 12) * 7)];

/** The text of a file once it is there and whole: it is written after its dialog has closed. */
async function written(file: string): Promise<string> {
  const deadline = Date.now() + patience(10_000);
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.endsWith('}\n')) return text;
    if (Date.now() > deadline) throw new Error(`${file} was not written: "${text.slice(0, 80)}".`);
    await setTimeout(50);
  }
}

describe('interventions on heads in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow({ settings: { 'headscope.compute.threads': 1 } });

  const run = async (panel: FrameLocator): Promise<void> => {
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /^\s*Done in .*not saved/ }).waitFor({ timeout: patience(60_000) });
  };

  const save = async (panel: FrameLocator): Promise<string> => {
    await panel.locator('#save').click();
    const name = await panel.locator('.run-state [title]:not(#made-on)').first().getAttribute('title');
    assert.ok(name, 'the panel names the file it saved');
    return name;
  };

  it('cancels a long run in one sentence, and runs again', async () => {
    const { bench, host } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    const panel = await headsPanel(bench, 'full');
    await panel.getByRole('radio', { name: 'Token ids' }).click();
    await panel.locator('#prompt').fill(longPrompt);
    await panel.getByRole('checkbox', { name: 'Causal check' }).click();
    // The compute process has counted them: it is there.
    await panel.getByText('2,000 of 8,192 tokens').waitFor();
    await panel.locator('#run:not([disabled])').waitFor();
    // The demo model is quick: its process stands still until both buttons are pressed, so that there is a run to cancel.
    const processes = computeProcesses(host.profile);
    assert.equal(processes.length, 1, `one compute process, not ${processes.join(', ')}`);
    const [pid = 0] = processes;
    process.kill(pid, 'SIGSTOP');
    try {
      await panel.locator('#run').click();
      await panel.locator('#cancel').click();
      await panel.locator('.run-state', { hasText: 'Stopping after the layer in flight' }).waitFor();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await panel.locator('[role=alert]', { hasText: /cancelled/i }).waitFor();
    assert.equal(await panel.locator('.run-state', { hasText: 'Done in' }).count(), 0);
    await panel.getByRole('checkbox', { name: 'Causal check' }).click();
    await panel.locator('#prompt').fill(shortPrompt.join(' '));
    await run(panel);
    assert.equal(await panel.locator('[role=alert]').count(), 0);
  });

  it('steers by a vector that is chosen in a dialog, and writes the changed text again when its slider is let go', async () => {
    const { bench, workspace } = window();
    const path = join(workspace, 'east.gguf');
    const direction = Float32Array.from({ length: 192 }, (_, at) => 3 * Math.sin(at));
    writeFileSync(path, controlVectorBytes(new Map([[3, direction]]), { modelHint: 'llama', headscope: 'test' }));
    const panel = await headsPanel(bench, 'full');
    await panel.locator('[aria-label="Add an intervention"]').click();
    await panel.locator('vscode-option[value="add"]').click();
    await bench.answerFileDialog('Add a Vector to the Residual Stream', path);
    const strength = panel.locator('.intervention-slider output');
    await strength.filter({ hasText: 'strength 0.5' }).waitFor();
    await panel.locator('#divergence').waitFor();
    await panel.locator('#generate:not([disabled])').click();
    const [plain, changed] = (['plain', 'changed'] as const).map((variant) =>
      panel.locator(`[data-variant=${variant}]`),
    );
    const done = async (): Promise<readonly (string | undefined)[]> => {
      await panel.locator('#generate').waitFor();
      await changed?.getByText(/^\d+ tokens$/).waitFor();
      return [await plain?.locator('pre').textContent(), await changed?.locator('pre').textContent()] as string[];
    };
    const [before, first] = await done();
    await panel.locator('.intervention-slider input').press('End');
    await strength.filter({ hasText: 'strength 100' }).waitFor();
    await panel
      .locator('#stop-generation')
      .waitFor({ timeout: 2000 })
      .catch(() => undefined);
    const [after, second] = await done();
    assert.equal(after, before);
    assert.notEqual(second, first);
    assert.equal(await panel.locator('[role=alert]').count(), 0);
    await panel.locator('[aria-label="Remove all interventions"]').click();
    await strength.waitFor({ state: 'detached' });
  });

  it('writes the gains to a file and loads them again', async () => {
    const { bench, workspace } = window();
    const panel = await headsPanel(bench, 'full');
    await save(panel);
    await panel.locator('input.search').fill('L0H3');
    await panel.locator('.one-head h2', { hasText: 'L0H3' }).waitFor();
    await panel.locator('#gain').fill('0.5');
    const chip = panel.locator('.gain-chip', { hasText: /L0H3.*x 0\.50/s });
    await chip.waitFor();
    await panel.locator('[aria-label="Save the intervention"]').click();
    const file = join(workspace, 'half.headscope-intervention.json');
    await bench.answerFileDialog('Save Intervention', file);
    const read = parseIntervention(await written(file), { layers: 6, heads: 6 });
    assert.deepEqual(read, { ok: true, result: [{ kind: 'gain', layer: 0, head: 3, gain: 0.5 }] });

    await panel.locator('[aria-label="Remove all interventions"]').click();
    await chip.waitFor({ state: 'detached' });
    await panel.locator('[aria-label="Load an intervention"]').click();
    await bench.answerFileDialog('Load Intervention', file);
    await chip.waitFor();
  });

  it('compares the plain heads with those behind the gain', async () => {
    const { bench } = window();
    const panel = await headsPanel(bench, 'full');
    await run(panel);
    await save(panel);
    await bench.runCommand('Headscope: Compare Heads of Two Results…');
    await bench.pickNth('Compare (1 of 2)', 0);
    await bench.pickNth('Compare with', 0);
    const file = await headsPanel(bench, 'file');
    await file.locator('#changes').waitFor();
    assert.ok((await file.locator('#changes tbody tr').count()) > 0, 'heads that changed are listed');
  });

  it('exports the labels of the heads on the screen', async () => {
    const { bench, workspace } = window();
    await bench.runCommand('Headscope: Export Labels of the Heads…');
    const path = join(workspace, 'labels.json');
    await bench.answerFileDialog('Export Labels of the Heads', path);
    const file = JSON.parse(await written(path)) as HeadLabelsFile;
    assert.deepEqual([file.kind, file.version], ['headscope-labels', 1]);
    assert.deepEqual(file.promptIds, shortPrompt);
    assert.deepEqual(file.interventions, [{ kind: 'gain', layer: 0, head: 3, gain: 0.5 }]);
    assert.ok(file.heads.length > 0, 'some heads have a label');
  });
});
