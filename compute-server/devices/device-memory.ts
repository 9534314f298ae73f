/**
 * How much memory a device has, where that can be known. onnxruntime-node 1.30.0 says it of none: its providers expose neither
 * the limits of a WebGPU adapter nor the memory of a card. What is left, in this order:
 * - what a person says (`headscope.compute.deviceMemory`, `--device-memory`), for any device but the cpu;
 * - CUDA: `nvidia-smi`, which comes with the driver and is only read;
 * - Apple silicon: all memory of the machine, which the GPU shares.
 * Elsewhere it is not known.
 */
import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import { memoryOf, type DeviceMemory } from '../../protocol/inputs/device-memory';
import type { DeviceId } from '../runtime/session';

/** Share of the memory of a card that a run may take: its context, the display and other programs have the rest. */
const usableShare = 0.9;

export interface MachineFacts {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly memoryBytes: number;
  /** What `nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits` prints; undefined: there is no such program. */
  nvidia(): Promise<string | undefined>;
}

const thisMachine: MachineFacts = {
  platform: process.platform,
  arch: process.arch,
  memoryBytes: totalmem(),
  async nvidia() {
    try {
      const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
      return (await promisify(execFile)('nvidia-smi', query, { timeout: 5000 })).stdout;
    } catch {
      return undefined;
    }
  },
};

/** Bytes that a run may take on the device; undefined where it is not known. `said`: by the person. */
export async function deviceMemory(
  device: DeviceId,
  said: DeviceMemory | undefined,
  machine: MachineFacts = thisMachine,
): Promise<number | undefined> {
  // Its limit is the memory limit.
  if (device === 'cpu') return undefined;
  const own = said && memoryOf(said, device);
  if (own !== undefined) return own;
  if (device === 'cuda') {
    // onnxruntime takes the first card. The figures are MiB.
    const [first = ''] = ((await machine.nvidia()) ?? '').trim().split('\n');
    const mebibytes = Number(first);
    return first !== '' && mebibytes > 0 ? Math.floor(mebibytes * 2 ** 20 * usableShare) : undefined;
  }
  const shared = machine.platform === 'darwin' && machine.arch === 'arm64';
  return shared ? Math.floor(machine.memoryBytes * usableShare) : undefined;
}
