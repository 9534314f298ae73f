/** The choice of a device, which is the same control in every panel that runs a model: tested, chosen by keyboard, run, said. */
import assert from 'node:assert/strict';
import type { FromWorkbench } from '../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../protocol/panels/workbench';
import type { DeviceChoices, PanelPlace } from '../../protocol/panels/run-panel';
import type { DeviceSummary } from '../../protocol/schema/parts';
import { patience } from '../support/patience';
import { testedDevices, untested } from '../support/device/panel-devices';
import * as workbench from './workbench/workbench-host';
import { PanelBrowser } from './support/panel-page';

type Host = (message: FromWorkbench) => readonly ToWorkbench[];

const tested: DeviceChoices = { devices: testedDevices, setting: 'cpu' };

const hosts: Readonly<Record<string, (place: PanelPlace, devices: DeviceChoices) => Host>> = {
  workbench: (place, devices) => workbench.answering(workbench.finished({ place, devices })),
};

/** With a model that is open on these devices. */
const sharedHost = (place: PanelPlace, devices: DeviceChoices, device: DeviceSummary): Host =>
  workbench.answering(workbench.openMessage({ place, devices, model: { ...workbench.model, device } }));

for (const [panel, hostOf] of Object.entries(hosts)) {
  describe(`the device of the ${panel} panel`, function () {
    this.timeout(patience(30_000));
    let browser: PanelBrowser<ToWorkbench, FromWorkbench>;
    before(async () => {
      browser = await PanelBrowser.start<ToWorkbench, FromWorkbench>(panel);
    });
    after(() => browser.stop());

    it('is tested on demand, chosen by keyboard, asked of the model at once, and named by the next run', async () => {
      const panel = await browser.open({ host: hostOf('full', untested) });
      const { page, posted, complaints } = panel;
      const dropdown = page.locator('vscode-dropdown[aria-label="Device"]');
      const options = () => dropdown.locator('vscode-option').allTextContents();
      await dropdown.waitFor();
      assert.deepEqual(
        (await options()).map((text) => text.trim()),
        ['cpu (setting)'],
      );
      await page.getByRole('button', { name: 'Test the devices' }).click();
      await panel.posts('refreshDevices');
      await page.getByText('Testing the devices…').waitFor();
      await panel.send({ kind: 'devices', ...tested });
      await page.getByText('agree with float64').waitFor();
      assert.deepEqual(
        (await options()).map((text) => text.trim()),
        ['cpu (setting): AMD EPYC', 'webgpu: WebGPU adapter', 'cuda: not here', 'auto: layers by memory'],
      );
      await page.locator('.devices-missing summary').focus();
      await page.keyboard.press('Enter');
      await page.getByText('CUDA libraries are not part of Headscope').waitFor();
      const before = posted.length;
      await dropdown.focus();
      await page.keyboard.press('ArrowDown');
      const { device } = await panel.posts('chooseModel', before);
      assert.equal(device, 'webgpu');
      await page.getByText('This was computed on cpu: Run computes it on webgpu.').waitFor();
      const { plan } = await panel.posts('planned', before);
      assert.equal(plan.device, 'webgpu');
      assert.deepEqual(
        complaints.filter((text) => !text.includes('GL Driver Message')),
        [],
      );
      await panel.close();
    });

    it('several devices that share the layers are said, and one of them that is not here turns Run off', async () => {
      for (const [setting, words] of [
        ['auto', 'The layers are shared out over the devices by their memory.'],
        ['webgpu:0-1,cpu:3-4', 'No device has layer 2. Let cpu begin at 2, or give them to another device.'],
        ['cuda,cpu', 'cuda cannot be used here: '],
      ] as const) {
        const panel = await browser.open({ host: hostOf('full', { ...tested, setting }) });
        await panel.page.getByText(words).first().waitFor();
        assert.deepEqual(
          panel.complaints.filter((text) => !text.includes('GL Driver Message')),
          [],
        );
        await panel.close();
      }
    });

    it('what each of several devices holds stands below the list, wide and in 300 px', async () => {
      const setting = 'webgpu,cpu';
      const name = 'WebGPU adapter';
      const parts = [
        { id: 'webgpu', name, weightBytes: 3.1e9, memoryBytes: 4e9, layers: { first: 0, last: 11 } },
        {
          id: 'cpu',
          name: 'AMD EPYC',
          weightBytes: 2.5e9,
          layers: { first: 12, last: 23 },
          embedding: true,
          head: true,
        },
      ];
      const device = {
        ...{ id: 'webgpu:0-11,cpu:12-23', provider: 'webgpu,cpu', name: `${name} and AMD EPYC`, asked: setting, parts },
        ...{ threads: 1, runtime: 'onnxruntime-node 1.30.0', platform: 'linux-x64' },
      };
      for (const [place, width] of [
        ['full', 1200],
        ['side', 300],
      ] as const) {
        const panel = await browser.open({ host: sharedHost(place, { ...tested, setting }, device), place, width });
        const { page } = panel;
        await page.waitForSelector('#settings .disclosure-button, #device-parts');
        if ((await page.locator('#device-parts').count()) === 0) await page.click('#settings .disclosure-button');
        const lines = page.locator('#device-parts div');
        await lines.first().waitFor();
        assert.deepEqual(await lines.allTextContents(), [
          'webgpu holds layers 0 to 11 (3.1 GB of 4.0 GB)',
          'cpu holds the token embedding, layers 12 to 23 and the language head (2.5 GB)',
        ]);
        const { right, inner } = await lines.last().evaluate((one) => ({
          right: one.getBoundingClientRect().right,
          inner: document.documentElement.clientWidth,
        }));
        assert.ok(right <= inner, `${right} of ${inner}`);
        await panel.close();
      }
    });

    it('fits into 300 px with its reasons; one that is not here turns Run off with the reason', async () => {
      const host = hostOf('side', { ...tested, setting: 'cuda' });
      const panel = await browser.open({ host, place: 'side', width: 300 });
      const { page } = panel;
      await page.waitForSelector('#settings .disclosure-button');
      if ((await page.locator('#test-devices').count()) === 0) await page.click('#settings .disclosure-button');
      const problem = page.locator('.problem', { hasText: 'CUDA libraries are not part of Headscope' });
      await problem.waitFor();
      const { width, right } = await page.evaluate(() => ({
        width: document.documentElement.clientWidth,
        right: Math.max(
          ...[...document.querySelectorAll('vscode-dropdown[aria-label="Device"], #test-devices, .problem')].map(
            (one) => one.getBoundingClientRect().right,
          ),
        ),
      }));
      assert.ok(right <= width, `${right} of ${width}`);
      assert.equal(await page.locator('#run[disabled]').count(), 1);
      await panel.close();
    });
  });
}
