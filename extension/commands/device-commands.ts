import * as vscode from 'vscode';
import type { Compute } from '../platform/compute';
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
  const show = () => showDevicePick(compute, () => setUpCuda(compute));
  return {
    'headscope.devices.refresh': async () => {
      await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: 'Testing the devices and measuring their roofs' },
        () => compute.devices(true),
      );
    },
    'headscope.devices.show': show,
    'headscope.devices.setUpCuda': () => setUpCuda(compute),
    // The list has both for each device.
    'headscope.devices.use': show,
    'headscope.devices.copy': show,
  };
}

async function setUpCuda(compute: Compute): Promise<void> {
  const report = await compute.setup('cuda');
  const page = await vscode.workspace.openTextDocument({ language: 'markdown', content: setupPage(report) });
  await vscode.window.showTextDocument(page);
}
