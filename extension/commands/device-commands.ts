import * as vscode from 'vscode';
import type { DeviceInfo } from '../../protocol/compute/api';
import type { Compute } from '../platform/compute';
import { updateSetting } from '../platform/settings';
import { deviceReport } from '../views/device-lines';
import { showDevicePick } from '../views/device-pick';
import { setupPage } from '../results/setup-words';
import type { Handlers } from './register';

type DeviceCommand =
  | 'headscope.devices.show'
  | 'headscope.devices.refresh'
  | 'headscope.devices.setUpCuda'
  | 'headscope.devices.use'
  | 'headscope.devices.copy';

export function deviceCommands(compute: Compute): Pick<Handlers, DeviceCommand> {
  return {
    'headscope.devices.refresh': async () => {
      await vscode.window.withProgress(
        { location: { viewId: 'headscope.devices' }, title: 'Testing the devices and measuring their roofs' },
        () => compute.devices(true),
      );
    },
    'headscope.devices.show': () => showDevicePick(compute, () => setUpCuda(compute)),
    'headscope.devices.setUpCuda': () => setUpCuda(compute),
    'headscope.devices.use': async (argument) => {
      const device = deviceOf(argument);
      if (device !== undefined)
        await updateSetting('headscope.compute.device', device.id, vscode.ConfigurationTarget.Global);
    },
    'headscope.devices.copy': async (argument) => {
      const device = deviceOf(argument);
      if (device !== undefined) await vscode.env.clipboard.writeText(deviceReport(device));
    },
  };
}

async function setUpCuda(compute: Compute): Promise<void> {
  const report = await compute.setup('cuda');
  const page = await vscode.workspace.openTextDocument({ language: 'markdown', content: setupPage(report) });
  await vscode.window.showTextDocument(page);
}

const deviceOf = (node: unknown): DeviceInfo | undefined =>
  typeof node === 'object' && node !== null && 'device' in node ? (node.device as DeviceInfo) : undefined;
