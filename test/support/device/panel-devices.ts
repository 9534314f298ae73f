/** Where panels may run, for tests of panels: one device that works beside the cpu, one that is not here. */
import type { DeviceInfo } from '../../../protocol/compute/api';
import type { DeviceChoices } from '../../../protocol/panels/run-panel';

const selfTest = { maxError: 2e-6, operators: { MatMul: { ok: true, maxError: 2e-6 } } };

export const testedDevices: readonly DeviceInfo[] = [
  { id: 'cpu', provider: 'cpu', name: 'AMD EPYC', available: true, selfTest },
  { id: 'webgpu', provider: 'webgpu', name: 'WebGPU adapter', available: true, selfTest },
  {
    id: 'cuda',
    provider: 'cuda',
    name: 'NVIDIA GPU (CUDA)',
    available: false,
    reason: "onnxruntime's CUDA libraries are not part of Headscope: `headscope setup cuda` says what is missing.",
  },
];

export const untested: DeviceChoices = { devices: [], setting: 'cpu' };

/** As the extension has them for a panel. */
export class PanelDevicesDouble {
  found: readonly DeviceInfo[] | undefined;
  of = 'cpu';
  readonly tests: boolean[] = [];
  private readonly listeners = new Set<() => void>();

  readonly known = (): readonly DeviceInfo[] | undefined => this.found;
  inTest = false;
  readonly testing = (): boolean => this.inTest;
  readonly setting = (): string => this.of;
  readonly weights = () => 'as-stored' as const;
  readonly test = (again: boolean): Promise<readonly DeviceInfo[]> => {
    this.tests.push(again);
    this.found = testedDevices;
    this.changed();
    return Promise.resolve(testedDevices);
  };
  readonly onChange = (listener: () => void): { dispose(): void } => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };

  changed(): void {
    for (const listener of this.listeners) listener();
  }
}
