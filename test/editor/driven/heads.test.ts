/** Heads of the demo model in Look: numbers, changes that are tried, files of them, what outlasts a crash, and saved results. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FrameLocator } from 'playwright-core';
import { parseIntervention } from '../../../extension/results/intervention-file';
import { controlVectorBytes } from '../../../models/formats/gguf/control-vector';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import { headsOfAnalysis } from '../../../protocol/compute/heads-of-analysis';
import type { HeadLabelsFile } from '../../../protocol/results/head-labels';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { readThumbnails } from '../../../protocol/results/thumbnails';
import { significant } from '../../../webviews/ui/numbers';
import { repositoryRoot } from '../../support/host/versions';
import { eventually, patience } from '../../support/patience';
import { computeProcesses, processesOf } from './compute-processes';
import { savedResults, workbenchPanel } from './panels';
import { useWindow } from './window';

const pictures = join(repositoryRoot, 'out/editor-pictures');
/** The context of the demo model is 8,192 tokens; its causal check runs the prompts once more for each label. */
const longPrompt = Array.from({ length: 2000 }, (_, at) => 10 + ((at * 37) % 1000)).join(' ');
const shortPrompt = [0, ...Array.from({ length: 24 }, (_, at) => 300 + (at % 12) * 7)];

/** The text of a file once it is there and whole: it is written after its dialog has closed. */
async function written(file: string): Promise<string> {
  const text = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  await eventually(() => assert.ok(text().endsWith('}\n'), `${file} was not written: "${text().slice(0, 80)}".`));
  return text();
}

/** The one analysis that was saved, in the workspace or in the storage of the extension. */
function savedFile(workspace: string, profile: string): string {
  const places = [join(workspace, '.headscope'), join(profile, 'data/User/globalStorage/headscope.headscope/results')];
  const files = places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((file) => file.endsWith('.headscope-analysis.json'));
  assert.equal(files.length, 1, `one saved result in ${places.join(' or ')}`);
  return files[0] ?? '';
}

describe('heads in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow({ settings: { 'headscope.compute.threads': 1 } });
  const panelOf = (): Promise<FrameLocator> => workbenchPanel(window().bench, 'full');
  const done = (panel: FrameLocator) => panel.locator('.run-state', { hasText: /Done in / });
  const run = async (panel: FrameLocator): Promise<void> => {
    await panel.locator('#run:not([disabled])').click();
    await panel
      .locator('.run-state', { hasText: /Done in .*kept in the history/ })
      .waitFor({ timeout: patience(60_000) });
  };
  /** The head is opened, and the only one that follows what is chosen. */
  const open = async (panel: FrameLocator, head: string): Promise<void> => {
    await panel.locator('.heads-find').fill(head);
    await panel.locator(`.gain-line[data-head=${head}]`).waitFor();
    await panel.locator('.heads-find').fill('');
  };
  /** The number that is shown of the open head. */
  const shown = async (panel: FrameLocator, statistic: string): Promise<string> =>
    (await panel.locator(`[data-statistic='${statistic}']`).first().innerText()).trim();
  const entry = (panel: FrameLocator, at = 1) =>
    panel.getByLabel(`Intervention ${at}`, { exact: true }).locator('input');
  const changed = async (panel: FrameLocator, form: string): Promise<void> => {
    await entry(panel).waitFor();
    await eventually(async () => assert.equal(await entry(panel).inputValue(), form));
  };

  it('are there without a click, and every number agrees with the picture of its head', async () => {
    const { bench, workspace, host } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    const panel = await panelOf();
    await done(panel).waitFor({ timeout: patience(60_000) });
    await run(panel);
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasText: 'saved as' }).waitFor();

    const parsed = parseAnalysis(readFileSync(savedFile(workspace, host.profile), 'utf8'));
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
    const { statistics, thumbnails } = parsed.result.result as HeadsMeasured;
    const { ids, parity, layers, heads, model } = headsOfAnalysis(parsed.result);
    assert.ok(parity.ok);
    assert.deepEqual([layers, heads], [model.layers, model.heads]);
    const length = ids.length;
    assert.ok(thumbnails && length <= thumbnails.size, 'a picture of this prompt holds single probabilities');
    const { size, data } = readThumbnails(thumbnails);
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const from = (layer * heads + head) * size * size;
        const p = (i: number, j: number): number => data[from + i * size + j] ?? Number.NaN;
        const mean = (first: number, of: (i: number) => number): number => {
          let sum = 0;
          for (let i = first; i < length; i += 1) sum += of(i);
          return sum / (length - first);
        };
        const nats = (i: number): number => {
          let sum = 0;
          for (let j = 0; j <= i; j += 1) if (p(i, j) > 0) sum -= p(i, j) * Math.log(p(i, j));
          return sum;
        };
        const { previousToken, firstToken, selfToken, entropy } = statistics;
        for (const [name, table, expected] of [
          ['previous token', previousToken, mean(1, (i) => p(i, i - 1))],
          ['first token', firstToken, mean(1, (i) => p(i, 0))],
          ['self', selfToken, mean(0, (i) => p(i, i))],
          ['entropy', entropy, mean(0, nats)],
        ] as const) {
          const found = table[layer]?.[head] ?? Number.NaN;
          assert.ok(Math.abs(found - expected) < 1e-4, `${name} of L${layer}H${head}: ${found}, picture ${expected}`);
        }
      }
    }

    await open(panel, 'L1H2');
    for (const name of ['previousToken', 'firstToken', 'entropy'] as const) {
      const value = statistics[name][1]?.[2] ?? Number.NaN;
      assert.ok((await shown(panel, name)).startsWith(significant(value)), `${name}: ${await shown(panel, name)}`);
    }
    mkdirSync(pictures, { recursive: true });
    await bench.screenshot(join(pictures, 'heads.png'));
  });

  it('are removed, with what the model then says, and the text goes on both ways', async () => {
    const { bench } = window();
    const panel = await panelOf();
    const tryOut = panel.locator('#try');
    if ((await panel.locator('#generate').count()) === 0) await tryOut.locator('.disclosure-button').first().click();
    await open(panel, 'L1H2');
    await panel.getByRole('button', { name: 'Ablate' }).first().click();
    await changed(panel, 'gain:1.2=0');
    const divergence = panel.locator('#divergence');
    await divergence.waitFor();
    const kl = Number(/KL ([\d.e+-]+) nats/.exec(await divergence.innerText())?.[1]);
    assert.ok(kl > 0, `KL ${kl}`);
    const text = (variant: string) =>
      panel.locator(`.text[data-variant='${variant}']`, { hasText: /\d+ tokens(?! …)/ });
    // The look with the change, which starts by itself, takes the place of the one before and of what was tried with it.
    for (; (await text('changed').count()) === 0; await setTimeout(500)) {
      if ((await panel.locator('#stop-generation').count()) === 0) await panel.locator('#generate').click();
    }
    assert.equal(await text('plain').count(), 1);
    await panel.locator('#generate').waitFor();
    await bench.screenshot(join(pictures, 'heads-ablated.png'));
  });

  it('are there again, with the change, after the extension host was killed', async () => {
    const { bench, host } = window();
    const [extensionHost] = processesOf(host.profile, '--type=extensionHost');
    assert.ok(extensionHost);
    process.kill(extensionHost, 'SIGKILL');
    await bench.page.reload();
    await bench.restored();
    // VS Code does not open the panel again where it was killed before it had written down what is open.
    await bench.runCommand('Headscope: Open Workbench');
    const panel = await panelOf();
    await changed(panel, 'gain:1.2=0');
    // VS Code may have been killed before it had written down which head was open.
    await open(panel, 'L1H2');
    await panel.locator('.gain-line[data-head=L1H2] .gain-value', { hasText: '0.00' }).waitFor();
    await panel.getByRole('button', { name: 'Remove all changes' }).click();
    await entry(panel).waitFor({ state: 'detached' });
  });

  it('open as a saved file, whose model is not asked before the click', async () => {
    const { bench } = window();
    await (await savedResults(bench))('demo-lm-heads').click();
    const file = await workbenchPanel(bench, 'file');
    await file.locator('[data-section=heads] canvas').first().waitFor();
    await file.locator('#open-full:not([disabled])').waitFor();
    assert.equal(await file.locator('.head-drawing').count(), 0);
    await file.locator('#load-model').click();
    await file.locator('#load-model').waitFor({ state: 'detached' });
    await file.locator('[data-section=heads] > hs-section-picture .picture-frame').press('ArrowRight');
    await file.locator('.head-drawing canvas').first().waitFor();
  });

  it('are steered by a vector that is chosen in a dialog, and the changed text is written again when its slider is let go', async () => {
    const { bench, workspace } = window();
    const path = join(workspace, 'east.gguf');
    const direction = Float32Array.from({ length: 192 }, (_, at) => 3 * Math.sin(at));
    writeFileSync(path, controlVectorBytes(new Map([[3, direction]]), { modelHint: 'llama', headscope: 'test' }));
    await bench.runCommand('Headscope: Show Head Patterns');
    const panel = await panelOf();
    await panel.locator('[aria-label="Add an intervention"]').click();
    await panel.locator('vscode-option[value="add"]').click();
    await bench.answerFileDialog('Add a Vector to the Residual Stream', path);
    const strength = panel.locator('.intervention-slider output');
    await strength.filter({ hasText: 'strength 0.5' }).waitFor();
    await panel.locator('#divergence').waitFor();
    await panel.locator('#generate:not([disabled])').click();
    const text = (variant: string) => panel.locator(`[data-variant=${variant}] pre`);
    const both = async (): Promise<readonly (string | null)[]> => {
      await panel.locator('#generate').waitFor();
      await panel
        .locator('[data-variant=changed]')
        .getByText(/^\d+ tokens$/)
        .waitFor();
      return [await text('plain').textContent(), await text('changed').textContent()];
    };
    const [before, first] = await both();
    await panel.locator('.intervention-slider input').press('End');
    await strength.filter({ hasText: 'strength 100' }).waitFor();
    await panel
      .locator('#stop-generation')
      .waitFor({ timeout: 2000 })
      .catch(() => undefined);
    const [after, second] = await both();
    assert.equal(after, before);
    assert.notEqual(second, first);
    await panel.getByRole('button', { name: 'Remove all changes' }).click();
    await strength.waitFor({ state: 'detached' });
  });

  it('have their gains written to a file and loaded again; a long run is stopped in one sentence', async () => {
    const { bench, workspace, host } = window();
    const panel = await panelOf();
    // Where a look takes long, none begins by itself.
    const stale = panel.locator('#stale');
    await done(panel)
      .or(stale)
      .first()
      .waitFor({ timeout: patience(60_000) });
    if (await stale.isVisible()) await run(panel);
    await open(panel, 'L0H3');
    await panel.locator('.gain-line[data-head=L0H3] input').fill('0.5');
    await changed(panel, 'gain:0.3=0.5');
    await panel.getByRole('button', { name: 'Save the changes' }).click();
    const file = join(workspace, 'half.headscope-intervention.json');
    await bench.answerFileDialog('Save Intervention', file);
    const read = parseIntervention(await written(file), { layers: 6, heads: 6 });
    assert.deepEqual(read, { ok: true, result: [{ kind: 'gain', layer: 0, head: 3, gain: 0.5 }] });
    await panel.getByRole('button', { name: 'Remove all changes' }).click();
    await entry(panel).waitFor({ state: 'detached' });
    await panel.getByRole('button', { name: 'Load changes' }).click();
    await bench.answerFileDialog('Load Intervention', file);
    await changed(panel, 'gain:0.3=0.5');

    await panel.getByRole('radio', { name: 'Token ids' }).click();
    await panel.locator('#prompt').fill(longPrompt);
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
      await panel.locator('.run-state', { hasText: 'Stopping after the current step' }).waitFor();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await panel
      .locator('[role=alert]', { hasText: /cancelled/i })
      .first()
      .waitFor();
    await panel.locator('#prompt').fill(shortPrompt.join(' '));
    await run(panel);
  });

  it('leave their labels as a file', async () => {
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

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
