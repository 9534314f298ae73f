/** Modules in the Kernels panel: the catalogue and the runs are those of the compute server. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeModules } from '../../compute-server/modules/describe';
import { moduleJob } from '../../compute-server/modules/module-job';
import type { ToKernelsPanel } from '../../protocol/panels/kernels';
import { savedModule, type ModuleSetup, type ModuleResult } from '../../protocol/results/module-schema';
import { parseJson } from '../../protocol/schema/check';
import { answering } from './support/kernels-host';
import { PanelBrowser, type OpenOptions, type PanelPage } from './support/panel-page';

const pictures = process.env['HEADSCOPE_PICTURES'];

async function run(plan: ModuleSetup): Promise<ModuleResult> {
  const surroundings = {
    entry: '',
    cacheFolder: path.join(tmpdir(), 'headscope-modules'),
    memoryLimit: 1e9,
    defaultThreads: 1,
    modelDevice: 'cpu',
    modelWeights: 'as-stored',
    keptWeightBytes: 0,
    log: () => {},
  } as const;
  const job = moduleJob({ ...plan, threads: 1 }, surroundings, new AbortController().signal);
  for (;;) {
    const step = await job.next();
    if (step.done) return step.value;
  }
}

describe('modules in the Kernels panel', () => {
  let browser: PanelBrowser;
  let open: PanelPage[] = [];

  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());
  afterEach(async () => {
    const complaints = open.flatMap((panel) => panel.complaints);
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    assert.deepEqual(complaints, []);
  });

  const opened = async (options: Partial<OpenOptions> = {}): Promise<PanelPage> => {
    const answer = answering(options.place === 'side' ? { place: 'side' } : {});
    const panel = await browser.open({
      host: (message): readonly ToKernelsPanel[] => {
        if (message.kind === 'modules') return [{ kind: 'modules', modules: describeModules() }];
        if (message.kind === 'chooseModuleFile') {
          return [{ kind: 'moduleFile', what: message.what, path: `/chosen/${message.what}.safetensors` }];
        }
        return answer(message);
      },
      ...options,
    });
    open.push(panel);
    await panel.page.waitForSelector('#modules .disclosure-button');
    assert.ok(!panel.posted.some(({ kind }) => kind === 'modules'), 'nothing is asked before the section is opened');
    await panel.page.click('#modules .disclosure-button');
    await panel.page.waitForSelector('.module-form');
    return panel;
  };

  const choose = async ({ page }: PanelPage, label: string, option: string): Promise<void> => {
    await page.click(`vscode-dropdown[aria-label="${label}"]`);
    await page.click(`vscode-dropdown[aria-label="${label}"] vscode-option:has-text("${option}")`);
  };

  it('a module runs by its form; its pictures stand beside it, and the run leaves as JSON', async () => {
    const panel = await opened();
    const { page } = panel;
    await choose(panel, 'Module', 'Token mixers: Fourier mixing (FNet)');
    await page.waitForSelector('[aria-label="Weights of the module"]', { state: 'detached' });
    await choose(panel, 'Module', 'Token mixers: Spectral gate (SpectFormer)');
    await page.waitForSelector('[aria-label="Weights of the module"]');
    await choose(panel, 'Sample', 'Waves');
    await page.fill('vscode-text-field[aria-label="Height"] input', '4');
    await page.fill('vscode-text-field[aria-label="Width"] input', '');
    await page.waitForSelector('.module-run [role="status"]:has-text("Width: Must be a whole number from 1 to 64.")');
    await page.fill('vscode-text-field[aria-label="Width"] input', '6');
    await page.fill('vscode-text-field[aria-label="Seconds of timing"] input', '0.2');
    await page.click('text=Run the module');
    const { plan } = await panel.posts('runModule');
    assert.deepEqual(
      { module: plan.module, input: plan.input, height: plan.parameters['height'], width: plan.parameters['width'] },
      { module: 'spectral-gate', input: { kind: 'sample', sample: 'waves' }, height: 4, width: 6 },
    );
    await panel.send({
      kind: 'moduleStage',
      progress: { kind: 'stage', sentence: 'Proving Spectral gate (SpectFormer)', share: 0.1 },
    });
    await page.waitForSelector('.module-run [role="status"]:has-text("Proving Spectral gate (SpectFormer) (10 %)")');
    await panel.send({ kind: 'moduleResult', result: await run(plan) });
    await page.waitForSelector('.module-result h2:has-text("equals its float64 reference")');
    await page.waitForSelector('[data-section="gate"] canvas');
    await page.waitForSelector('[data-section="cost"] table');
    await page.click('text=Save as JSON');
    const saved = await panel.posts('export');
    assert.match(saved.name, /^module-spectral-gate-.*\.headscope-module\.json$/);
    const checked = parseJson(savedModule, String(saved.data));
    assert.ok(checked.ok, checked.ok ? '' : checked.why);
  });

  it('weights and a picture are chosen in a dialog; a refusal is a sentence; a run is stopped', async () => {
    const panel = await opened();
    const { page } = panel;
    await page.click('[aria-label="Published weights: choose a file"]');
    await page.waitForSelector('[aria-label="Prefix of the weights"]');
    await page.click('[aria-label="Input from"] >> text=Picture');
    await page.click('[aria-label="Picture: choose a picture"]');
    await page.waitForFunction(
      () =>
        document
          .querySelector<HTMLInputElement>('vscode-text-field[aria-label="Picture"]')
          ?.value.startsWith('/chosen/') === true,
    );
    await page.click('text=Run the module');
    const { plan } = await panel.posts('runModule');
    assert.deepEqual(plan.weights, { file: '/chosen/weights.safetensors' });
    assert.deepEqual(plan.input, { kind: 'picture', file: '/chosen/picture.safetensors' });
    await page.click('.module-run >> text=Stop');
    await panel.posts('stopModule');
    await panel.send({
      kind: 'moduleFailed',
      sentence: 'It failed.',
      details: 'no name in it ends in "pre_norm.weight".',
    });
    await page.waitForSelector('.modules [role="alert"]:has-text("no name in it ends")');
    await page.waitForSelector('text=Run the module');
  });

  it('fits the side bar and both themes', async () => {
    const all = [
      ['dark', 1280],
      ['light', 300],
      ['light', 1280],
      ['dark', 300],
    ] as const;
    for (const [theme, width] of pictures ? all : all.slice(0, 2)) {
      const panel = await opened({ theme, width, ...(width === 300 ? { place: 'side' } : {}) });
      await panel.page.click('text=Run the module');
      const { plan } = await panel.posts('runModule');
      const small = {
        ...plan,
        input: { kind: 'sample', sample: 'discs' },
        parameters: { ...plan.parameters, height: 10, width: 12 },
        seconds: 0.2,
      } as const;
      await panel.send({ kind: 'moduleResult', result: await run(small) });
      await panel.page.waitForSelector('[data-section="received"] canvas');
      const [inner, outer] = await panel.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(inner <= outer, `${width}: ${inner} px wide`);
      if (!pictures) continue;
      mkdirSync(pictures, { recursive: true });
      await panel.page.evaluate(() => document.querySelector('#modules')?.scrollIntoView());
      await panel.page.screenshot({ path: path.join(pictures, `modules-${theme}-${width}.png`), fullPage: true });
    }
  });
});
