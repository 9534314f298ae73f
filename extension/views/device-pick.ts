/** The devices as a list: which works, which is used, details of each; they can be tested again, and CUDA set up. */
import { hostname } from 'node:os';
import * as vscode from 'vscode';
import type { DeviceInfo } from '../../protocol/compute/api';
import { namesSeveral } from '../../protocol/inputs/devices';
import type { Compute } from '../platform/compute';
import { setting, updateSetting } from '../platform/settings';
import { deviceFacts, deviceLine, deviceReport } from './device-lines';

interface Row extends vscode.QuickPickItem {
  readonly device?: DeviceInfo;
  readonly act?: 'test' | 'cuda';
}

const detailsButton = { iconPath: new vscode.ThemeIcon('info'), tooltip: 'Details' };
const copyButton = { iconPath: new vscode.ThemeIcon('copy'), tooltip: 'Copy details' };

const further: readonly Row[] = [
  { label: '', kind: vscode.QuickPickItemKind.Separator },
  { label: '$(refresh) Test Again', description: 'and measure arithmetic and memory of each', act: 'test' },
  { label: '$(chip) Set Up CUDA', description: 'what it needs here, and what is missing', act: 'cuda' },
];

function deviceRow(device: DeviceInfo): Row {
  const { label, description = '', icon } = deviceLine(device, device.id === setting('headscope.compute.device'));
  return { label: `$(${icon}) ${label}`, description, device, buttons: [copyButton, detailsButton] };
}

function chosenWords(devices: readonly DeviceInfo[]): string {
  const chosen = setting('headscope.compute.device');
  if (namesSeveral(chosen)) return `Models run on ${chosen} (headscope.compute.device), and kernels on the CPU`;
  return devices.some(({ id }) => id === chosen)
    ? 'The device on which kernels and models run'
    : `headscope.compute.device names "${chosen}", which is not among the devices of this machine. Choose another one.`;
}

/** `setUpCuda`: shows what it needs. */
export async function showDevicePick(
  compute: Pick<Compute, 'knownDevices' | 'devices' | 'queue'>,
  setUpCuda: () => unknown,
): Promise<void> {
  const pick = vscode.window.createQuickPick<Row>();
  // Of a remote window they are not those of the machine that the person sits at.
  const title = vscode.env.remoteName === undefined ? 'Devices' : `Devices of ${hostname()}`;
  Object.assign(pick, { title, matchOnDescription: true });
  let open = true;
  const draw = (devices: readonly DeviceInfo[], testing: boolean): void => {
    if (!open) return;
    const [active] = pick.activeItems;
    const waits = compute.queue.doing;
    pick.busy = testing;
    pick.placeholder = !testing
      ? chosenWords(devices)
      : waits.length === 0
        ? 'Testing the devices…'
        : `Waiting until Headscope is done ${waits.join(' and ')}, then the devices are tested…`;
    pick.items = [...devices.map(deviceRow), ...further];
    const same = pick.items.find(({ label }) => label === active?.label);
    if (same !== undefined) pick.activeItems = [same];
  };
  const test = async (again: boolean): Promise<void> => {
    draw(compute.knownDevices ?? [], true);
    try {
      await compute.devices(again);
    } finally {
      draw(compute.knownDevices ?? [], false);
    }
  };
  const failed = new Promise<never>((_, reject) => {
    // Said by whoever opened the list.
    if (compute.knownDevices === undefined) test(false).catch(reject);
    else draw(compute.knownDevices, false);
    pick.onDidAccept(() => {
      if (pick.activeItems[0]?.act === 'test') test(true).catch(reject);
    });
  });
  const chosen = new Promise<(() => unknown) | undefined>((resolve) => {
    pick.onDidAccept(() => {
      const [row] = pick.activeItems;
      if (row?.act === 'cuda') resolve(setUpCuda);
      if (row?.device !== undefined) resolve(() => use(row.device!));
    });
    pick.onDidTriggerItemButton(({ button, item: { device } }) => {
      if (device === undefined) return;
      if (button === copyButton) void vscode.env.clipboard.writeText(deviceReport(device));
      else resolve(() => showDetails(device));
    });
    pick.onDidHide(() => resolve(undefined));
    pick.show();
  });
  let act: (() => unknown) | undefined;
  try {
    act = await Promise.race([chosen, failed]);
  } finally {
    open = false;
    pick.dispose();
  }
  await act?.();
}

/** One that does not work says why. */
async function use(device: DeviceInfo): Promise<void> {
  if (!device.available) return showDetails(device);
  await updateSetting('headscope.compute.device', device.id, vscode.ConfigurationTarget.Global);
}

async function showDetails(device: DeviceInfo): Promise<void> {
  const rows = deviceFacts(device).map(({ label, description = '', icon }) => ({
    label: `$(${icon}) ${label}`,
    description,
  }));
  await vscode.window.showQuickPick(rows, { title: `${device.id}: ${device.name}`, placeHolder: 'Details' });
}
