/** What the Devices tree says, from the tests of the compute server. */
import type { DeviceInfo } from '../../protocol/compute/api';
import { threeDigits } from '../results/result-words';
import type { TreeLine } from './tree-line';

export function deviceLine(device: DeviceInfo, inUse: boolean): TreeLine {
  const about = device.available ? device.name : (device.reason ?? 'not available');
  const failing = Object.values(device.selfTest?.operators ?? {}).filter((operator) => !operator.ok).length;
  return {
    id: device.id,
    label: device.id,
    description: inUse ? `in use: ${about}` : about,
    tooltip: [
      `${device.id}: ${device.name}`,
      `provider ${device.provider}`,
      ...(device.reason === undefined ? [] : [device.reason]),
    ],
    icon: !device.available ? 'circle-slash' : failing > 0 ? 'warning' : 'pass',
    ...(!device.available
      ? { colour: 'disabledForeground' }
      : { colour: failing > 0 ? 'list.warningForeground' : 'testing.iconPassed' }),
    spoken: `${device.id}, ${device.available ? 'works' : 'not available'}, ${inUse ? 'in use, ' : ''}${about}`,
  };
}

export function deviceFacts(device: DeviceInfo): readonly TreeLine[] {
  const lines: TreeLine[] = [];
  if (!device.available) lines.push({ label: device.reason ?? 'Not available on this machine.', icon: 'info' });
  if (device.peakGflops !== undefined) {
    lines.push({
      label: 'Arithmetic',
      description: `${threeDigits(device.peakGflops)} GFLOP/s, measured here`,
      icon: 'dashboard',
    });
  }
  if (device.peakBandwidthGBs !== undefined) {
    lines.push({
      label: 'Memory bandwidth',
      description: `${threeDigits(device.peakBandwidthGBs)} GB/s, measured here`,
      icon: 'arrow-swap',
    });
  }
  const test = device.selfTest;
  if (test !== undefined) {
    const operators = Object.entries(test.operators);
    const passed = operators.filter(([, operator]) => operator.ok).length;
    lines.push({
      label: 'Self-test',
      description: `${passed} of ${operators.length} operators right, largest error ${threeDigits(test.maxError)}`,
      icon: passed === operators.length ? 'pass' : 'warning',
    });
    // What does not run comes first: there are dozens.
    for (const [name, operator] of operators.sort(([, a], [, b]) => Number(a.ok) - Number(b.ok))) {
      lines.push({
        label: name,
        description: operator.ok
          ? operator.maxError === undefined
            ? 'right'
            : `error ${threeDigits(operator.maxError)}`
          : (operator.reason ?? 'wrong result'),
        icon: operator.ok ? 'check' : 'close',
        ...(operator.ok ? {} : { colour: 'list.warningForeground' }),
      });
    }
  }
  return lines;
}

/** As Markdown, for an issue or a note. */
export function deviceReport(device: DeviceInfo): string {
  const rows = deviceFacts(device).map((line) => `| ${line.label} | ${line.description ?? ''} |`);
  return [`**${device.id}**: ${device.name} (${device.provider})`, '', '| | |', '|---|---|', ...rows, ''].join('\n');
}
