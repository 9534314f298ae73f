import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { parseHeads } from '../../../extension/results/heads-file';
import type { SavedHeads } from '../../../extension/results/heads-file';
import { significant } from '../../../webviews/ui/numbers';
import { repositoryRoot } from '../../support/host/versions';
import { processesOf } from './compute-processes';
import { headsPanel, savedResults } from './panels';
import { useWindow } from './window';
import { patience } from '../../support/patience';

const pictures = join(repositoryRoot, 'out/editor-pictures');

const finished = (panel: FrameLocator) => panel.locator('.run-state', { hasText: /^\s*Done in / });

/** The number that the panel shows of the selected head. */
const shown = async (panel: FrameLocator, statistic: string): Promise<string> =>
  (await panel.locator(`[data-statistic='${statistic}']`).first().innerText()).trim();

async function select(panel: FrameLocator, head: string): Promise<void> {
  await panel.locator('input.search').fill(head);
  await panel.locator('.one-head h2', { hasText: head }).waitFor();
}

/** The one file of heads that was saved, in the workspace or in the storage of the extension. */
function savedHeads(workspace: string, profile: string): SavedHeads {
  const places = [join(workspace, '.headscope'), join(profile, 'data/User/globalStorage/headscope.headscope/results')];
  const files = places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((file) => file.endsWith('.headscope-heads.json'));
  assert.equal(files.length, 1, `one saved result in ${places.join(' or ')}`);
  const parsed = parseHeads(readFileSync(files[0] ?? '', 'utf8'));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
  return parsed.result;
}

/** The results in the history of the workspace. */
function keptRuns(profile: string): readonly string[] {
  const storage = join(profile, 'data/User/workspaceStorage');
  return readdirSync(storage, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /headscope\.headscope\/history\/[^/]+-[0-9a-f]{12}\.headscope-heads\.json$/.test(path),
  );
}

describe('the heads panel in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();

  it('runs the demo model by one click, and every number agrees with the picture of its head', async () => {
    const { bench, workspace, host } = window();
    await bench.runCommand('Headscope: Show Head Patterns');
    const panel = await headsPanel(bench, 'full');
    await panel.locator('#run:not([disabled])').click();
    await finished(panel).waitFor({ timeout: patience(90_000) });
    await panel.locator('hs-section-picture.grid').waitFor();
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasNotText: 'not saved' }).waitFor();

    const { result, thumbnails } = savedHeads(workspace, host.profile);
    assert.ok(result.parity.ok);
    assert.deepEqual([result.layers, result.heads], [result.model.layers, result.model.heads]);
    const length = result.ids.length;
    assert.ok(thumbnails && length <= thumbnails.size, 'a picture of this prompt holds single probabilities');
    const { size, data } = thumbnails;
    for (let layer = 0; layer < result.layers; layer += 1) {
      for (let head = 0; head < result.heads; head += 1) {
        const from = (layer * result.heads + head) * size * size;
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
        const { previousToken, firstToken, selfToken, entropy } = result.statistics;
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

    await select(panel, 'L1H2');
    for (const name of ['previousToken', 'firstToken', 'entropy'] as const) {
      const value = result.statistics[name][1]?.[2] ?? Number.NaN;
      assert.ok((await shown(panel, name)).startsWith(significant(value)), `${name}: ${await shown(panel, name)}`);
    }
    mkdirSync(pictures, { recursive: true });
    await bench.screenshot(join(pictures, 'heads.png'));
  });

  it('shows what the model says without a head, and goes on both ways', async () => {
    const panel = await headsPanel(window().bench, 'full');
    await panel.getByRole('button', { name: 'Ablate' }).first().click();
    const divergence = panel.locator('#divergence');
    await divergence.waitFor();
    const kl = Number(/KL ([\d.e+-]+) nats/.exec(await divergence.innerText())?.[1]);
    assert.ok(kl > 0, `KL ${kl}`);
    await panel.locator('#generate').click();
    for (const variant of ['plain', 'changed']) {
      await panel.locator(`.text[data-variant='${variant}']`, { hasText: /\d+ tokens(?! …)/ }).waitFor();
    }
    await panel.locator('#generate').waitFor();
    await window().bench.screenshot(join(pictures, 'heads-ablated.png'));
  });

  it('shows the result and the changed head again after the extension host was killed', async () => {
    const { bench, host } = window();
    const before = await shown(await headsPanel(bench, 'full'), 'entropy');
    const [extensionHost] = processesOf(host.profile, '--type=extensionHost');
    assert.ok(extensionHost);
    process.kill(extensionHost, 'SIGKILL');
    assert.equal(keptRuns(host.profile).length, 1, 'the one run lies in the history');
    await bench.page.reload();
    await bench.restored();
    const panel = await headsPanel(bench, 'full');
    await panel.locator('.gain-chip', { hasText: /L1H2.*off/s }).waitFor();
    await select(panel, 'L1H2');
    assert.equal(await shown(panel, 'entropy'), before);
  });

  it('opens the saved result as a file from the Models view', async () => {
    const { bench } = window();
    await (await savedResults(bench))('demo-lm-heads').click();
    const file = await headsPanel(bench, 'file');
    await file.locator('hs-section-picture.grid').waitFor();
    await file.locator('#open-full:not([disabled])').waitFor();
    // Its model is not asked before the click.
    assert.equal(await file.locator('.head-drawing').count(), 0);
    await file.locator('#load-model').click();
    await file.locator('.head-drawing canvas').waitFor();
    assert.equal(await file.locator('#load-model').count(), 0);
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
