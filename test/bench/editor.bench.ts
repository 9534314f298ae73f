import { rmSync } from 'node:fs';
import { median } from 'simple-statistics';
import { copyOfExamples } from '../editor/workspace';
import { launchBrowser } from '../support/host/browser';
import { startHost } from '../support/host/server';
import { repositoryRoot } from '../support/host/versions';
import { Workbench } from '../support/host/workbench';
import type { Bench } from './support/bench';

const openings = 5;
const command = 'Headscope: Benchmark Attention Kernels';

/**
 * What VS Code itself says of the extension ("Show Running Extensions"): milliseconds to load the bundle and to run
 * `activate`, on the extension host's own thread.
 */
async function activation(bench: Workbench): Promise<number> {
  // By a command in a window at rest: at the opening of a JSON file six other extensions load on the same thread, and
  // VS Code counts their time into ours.
  await bench.runCommand('Headscope: Show Log');
  // The log takes the focus when it opens, which closes an open palette.
  await bench.page.locator('.part.panel .composite.title', { hasText: /output/i }).waitFor();
  await bench.page.waitForTimeout(500);
  await bench.runCommand('Developer: Show Running Extensions');
  const row = bench.page.locator('.monaco-list-row', {
    has: bench.page.locator('[aria-label="headscope"], .name', { hasText: /^Headscope$/ }),
  });
  const text = await row.locator('.activation-time').innerText();
  const milliseconds = /(\d+) ?ms/.exec(text)?.[1];
  if (milliseconds === undefined) throw new Error(`VS Code says no time of activation, but "${text}".`);
  return Number(milliseconds);
}

const experiment = 'Circuits of a toy model';

/** Starts an experiment, which trains for minutes, and waits until the status bar says so. */
async function train(bench: Workbench): Promise<void> {
  await bench.runCommand('Headscope: Run an Analysis…');
  await bench.pick(experiment);
  const panel = await bench.webviewWith("#root[data-panel='workbench'] #run:not([disabled])");
  await panel.locator('#run:not([disabled])').click();
  await bench.page.locator('.statusbar-item[id*="headscope"]', { hasText: experiment }).first().waitFor();
}

/** Milliseconds from the command to a panel whose Run button can be pressed. */
async function opening(bench: Workbench): Promise<number> {
  await bench.offers(command);
  await bench.page.keyboard.press('F1');
  // A webview that has the focus gives it to the palette a moment later: what is typed at once would be lost.
  await bench.page.locator('.quick-input-widget:not([style*="display: none"]) input').first().fill(`>${command}`);
  await bench.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: command }).waitFor();
  const from = performance.now();
  await bench.page.keyboard.press('Enter');
  const panel = await bench.webviewWith("#root[data-panel='kernels'][data-place='full'] #run:not([disabled])");
  await panel.locator('#run:not([disabled])').waitFor();
  const taken = performance.now() - from;
  await bench.runCommand('View: Close All Editors');
  await bench.page.locator('iframe.webview.ready').waitFor({ state: 'detached' });
  return taken;
}

/** Milliseconds from another prompt in the request to the heads on it. */
async function look(bench: Workbench, prompt: string): Promise<number> {
  const panel = await bench.webviewWith("#root[data-panel='workbench'][data-place='full'] #look");
  await panel.locator('.run-state', { hasText: 'Done in' }).waitFor();
  const from = performance.now();
  await panel.locator('textarea#prompt, #prompt textarea').first().fill(prompt);
  await panel.locator('.circumstances', { hasText: prompt }).waitFor();
  return performance.now() - from;
}

const spread = (values: readonly number[]) =>
  `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms of ${values.length}`;

const editor: Bench = {
  name: 'The extension in VS Code',
  async run(report) {
    const workspace = copyOfExamples();
    const activations: number[] = [];
    const panels: number[] = [];
    const besideTraining: number[] = [];
    const looks: number[] = [];
    let first = 0;
    const browser = await launchBrowser();
    const host = await startHost({ workspace: workspace.folder, extension: repositoryRoot });
    try {
      const bench = await Workbench.open(browser, host, { width: 1400, height: 1200 });
      bench.page.setDefaultTimeout(30_000);
      for (let time = 0; time < openings; time++) {
        activations.push(await activation(bench));
        await bench.page.reload();
        await bench.restored();
      }
      first = await opening(bench);
      for (let time = 0; time < openings; time++) panels.push(await opening(bench));
      await bench.runCommand('Headscope: Show Head Patterns');
      for (let time = 0; time < openings; time++) looks.push(await look(bench, `${time} and one, ${time} and two`));
      await train(bench);
      for (let time = 0; time < openings; time++) besideTraining.push(await opening(bench));
    } finally {
      await browser.close();
      await host.stop();
      workspace.remove();
      rmSync(host.profile, { recursive: true, force: true });
    }
    report.figure({
      name: 'activation, by VS Code itself (load of the bundle and activate)',
      value: median(activations),
      unit: 'ms',
      target: 50,
      note: spread(activations),
    });
    report.figure({ name: 'first panel of a window, from the command to its Run button', value: first, unit: 'ms' });
    report.figure({
      name: 'panel after the first webview, from the command to its Run button',
      value: median(panels),
      unit: 'ms',
      target: 1000,
      note: spread(panels),
    });
    report.figure({
      name: 'Look at demo-lm, from another prompt to its heads, the pause of 400 ms counted in',
      value: median(looks),
      unit: 'ms',
      target: 1500,
      note: spread(looks),
    });
    report.figure({
      name: 'panel while an experiment trains, from the command to its Run button',
      value: median(besideTraining),
      unit: 'ms',
      target: 1000,
      note: spread(besideTraining),
    });
  },
};

export default editor;
