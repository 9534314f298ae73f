/** Which devices work here: each provider is probed in a process of its own by the numeric self-test. */
import { cpus } from 'node:os';
import type { DeviceInfo, SelfTest } from '../../protocol/compute/api';
import type { DeviceSummary } from '../../protocol/schema/parts';
import { FailureError } from '../../protocol/wire/failures';
import { runInProcess } from '../processes/task-process';
import { operatorsTriedOn, selfTestTask } from './self-test';
import { deviceIds, runtimeVersion, type DeviceId } from '../runtime/session';
import type { Surroundings } from '../surroundings';
import { cachedRoof } from './roof-cache';

interface Provider {
  readonly name: string;
  /** Where the provider can exist at all (process.platform); absent: everywhere. */
  readonly platforms?: readonly NodeJS.Platform[];
  /** What to do when it does not open. */
  readonly missing: string;
}

const providers: Readonly<Record<DeviceId, Provider>> = {
  cpu: { name: cpus()[0]?.model.trim() ?? 'CPU', missing: 'Reinstall Headscope for this platform.' },
  webgpu: {
    name: 'WebGPU adapter',
    missing: 'No graphics driver with Vulkan, Metal or Direct3D 12 answered.',
  },
  cuda: {
    name: 'NVIDIA GPU (CUDA)',
    platforms: ['linux', 'win32'],
    missing: "onnxruntime's CUDA libraries are not part of Headscope: `headscope setup cuda` says what is missing.",
  },
  coreml: { name: 'Apple Core ML', platforms: ['darwin'], missing: 'Core ML did not open on this Mac.' },
  dml: { name: 'DirectML adapter', platforms: ['win32'], missing: 'No Direct3D 12 adapter answered.' },
};

/**
 * Self-tests of the devices that work, by operator: a device is tried once in the life of the process, for models, kernels and
 * the list of devices alike. One that does not work is tried again by whoever asks next, as a driver may have come back. A device
 * that is lost ends the process (model/calls), and its proof with it.
 */
const proved = new Map<DeviceId, SelfTest>();

/** How often all devices were to be tried anew. */
let rounds = 0;

/** Every device is tried anew. */
export function forgetProofs(): void {
  proved.clear();
  rounds++;
}

/** What a caller keeps of the tests is of this round. */
export const roundOfTests = (): number => rounds;

/** Without these two right, nothing of the catalogue can be. */
const essential = ['MatMul', 'Softmax'];

export const isDeviceId = (id: string): id is DeviceId => (deviceIds as readonly string[]).includes(id);

export interface DeviceOptions {
  /** Also measure the two ceilings of each device that works (from the cache when they were measured here before). */
  readonly roof: boolean;
}

export async function listDevices(
  options: DeviceOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<DeviceInfo[]> {
  const devices: DeviceInfo[] = [];
  for (const id of deviceIds) {
    const device = await probe(id, surroundings, signal);
    const roof =
      options.roof && device.available
        ? await cachedRoof(id, surroundings.defaultThreads, surroundings, signal)
        : undefined;
    devices.push({
      ...device,
      ...(roof ? { peakGflops: roof.peakGflops, peakBandwidthGBs: roof.peakBandwidthGBs } : {}),
    });
  }
  return devices;
}

/** `operators`: those that are wanted; absent: all. */
export async function probe(
  id: DeviceId,
  surroundings: Surroundings,
  signal: AbortSignal,
  operators?: readonly string[],
): Promise<DeviceInfo> {
  const { name, platforms, missing } = providers[id];
  const head = { id, provider: id, name };
  if (platforms && !platforms.includes(process.platform)) {
    return { ...head, available: false, reason: `${name} does not exist on ${process.platform}.` };
  }
  const known = proved.get(id);
  const untried = (operators ?? operatorsTriedOn(id)).filter((operator) => known?.operators[operator] === undefined);
  if (known && untried.length === 0) return { ...head, available: true, selfTest: known };
  try {
    const tried = await runInProcess(
      selfTestTask,
      { device: id, threads: surroundings.defaultThreads, operators: untried },
      { entry: surroundings.entry, signal, timeout: 180_000 },
    );
    const selfTest = joined(known, tried);
    const reason = whyUnusable(selfTest);
    if (reason === undefined) proved.set(id, selfTest);
    return {
      ...head,
      available: reason === undefined,
      ...(reason === undefined ? {} : { reason: `${missing} The runtime says: ${reason}` }),
      // A provider that does not open has no numbers to show.
      ...(Object.values(selfTest.operators).some(({ maxError }) => maxError !== undefined) ? { selfTest } : {}),
    };
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code === 'cancelled') throw error;
    const detail = 'detail' in error.failure ? error.failure.detail : error.failure.code;
    return { ...head, available: false, reason: `${missing} Probing it failed: ${detail.replace(/[.!]$/, '')}.` };
  }
}

const joined = (known: SelfTest | undefined, tried: SelfTest): SelfTest => ({
  maxError: Math.max(known?.maxError ?? 0, tried.maxError),
  operators: { ...known?.operators, ...tried.operators },
});

function whyUnusable(selfTest: SelfTest): string | undefined {
  const failed = essential.find((operator) => !selfTest.operators[operator]?.ok);
  const reason = failed === undefined ? undefined : (selfTest.operators[failed]?.reason ?? `${failed} does not run.`);
  return reason === undefined || /[.!?]$/.test(reason) ? reason : `${reason}.`;
}

/** The device as results name it. Throws `device-unavailable` for one that does not work here. */
export async function requireDevice(
  id: string,
  threads: number,
  surroundings: Surroundings,
  signal: AbortSignal,
  /** Those that the run needs; absent: all. */
  operators?: readonly string[],
): Promise<DeviceSummary & { readonly id: DeviceId; readonly selfTest: SelfTest | undefined }> {
  let selfTest: SelfTest | undefined;
  if (!isDeviceId(id)) {
    throw new FailureError({
      code: 'device-unavailable',
      device: id,
      detail: `it is none of ${deviceIds.join(', ')}`,
    });
  }
  // The cpu needs no probe: each kernel that runs on it is compared with its reference anyway.
  if (id !== 'cpu') {
    const { available, reason, selfTest: found } = await probe(id, surroundings, signal, operators);
    selfTest = found;
    if (!available) {
      throw new FailureError({ code: 'device-unavailable', device: id, detail: reason ?? 'it does not work here' });
    }
  }
  return {
    id,
    provider: id,
    name: providers[id].name,
    threads,
    runtime: await runtimeVersion(),
    platform: `${process.platform}-${process.arch}`,
    selfTest,
  };
}
