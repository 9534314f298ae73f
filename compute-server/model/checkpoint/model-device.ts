/** The device of an opened model, as its results name it, and what a person should know of the model there. */
import type { StoredTensor } from '../../../models/architectures/stored-weights';
import type { SelfTest } from '../../../protocol/compute/api';
import type { DeviceSummary } from '../../../protocol/results/provenance';
import { FailureError } from '../../../protocol/wire/failures';
import { bytesInWords } from '../../../protocol/wire/words';
import { cpuName } from '../../provenance';
import { runtimeVersion, type DeviceId } from '../../runtime/session';
import type { DeviceRoom } from '../run/budget';
import type { LayerSessions } from '../run/layer-sessions';

/** A device that models are opened on. */
export interface ModelDevice {
  readonly device: DeviceId;
  readonly threads: number;
  /** Of another device than the cpu: its operators, and its name. */
  readonly selfTest?: SelfTest | undefined;
  readonly name?: string;
  /** Bytes that a run may take on a device other than the cpu; absent: not known. */
  readonly memoryBytes?: number | undefined;
}

export interface Sessions {
  readonly text?: LayerSessions;
  readonly vision?: LayerSessions;
}

/** With the parts that run on the cpu instead, as far as they are known by now. */
export async function summaryOf(
  { device, name, threads }: ModelDevice,
  { text, vision }: Sessions,
): Promise<DeviceSummary> {
  const onCpu = [text, vision].flatMap((sessions) => sessions?.placement.sentences() ?? []);
  return {
    id: device,
    provider: device,
    name: name ?? (device === 'cpu' ? cpuName : device),
    threads,
    runtime: await runtimeVersion(),
    platform: `${process.platform}-${process.arch}`,
    ...(onCpu.length > 0 ? { onCpu } : {}),
  };
}

/** What a run finds on the device, before anything is opened there. `memoryBytes`: absent where it is not known. */
export function roomOn(device: DeviceId, memoryBytes: number | undefined, { text, vision }: Sessions): DeviceRoom {
  // A number of float32 takes twice the bytes of one of float16, which the other types are or are widened from.
  const inHalf = ({ length, dtype }: StoredTensor): number => (dtype === 'F32' ? length / 2 : length);
  const sum = (of: (sessions: LayerSessions) => number): number => (text ? of(text) : 0) + (vision ? of(vision) : 0);
  return {
    device,
    memoryBytes,
    weightBytes: sum((sessions) => sessions.bytesOnDevice()),
    halfWeightBytes: sum((sessions) => sessions.bytesOnDevice(inHalf)),
  };
}

/** Refuses a model of which one layer, or another part that is opened as a whole, passes the memory limit of the process. */
export function requireParts({ text, vision }: Sessions, memoryLimit = Infinity): void {
  for (const sessions of [text, vision]) {
    const largest = sessions?.largestPiece();
    if (!largest || largest.bytes <= memoryLimit) continue;
    throw new FailureError({
      code: 'out-of-memory',
      part: largest.name,
      neededBytes: largest.bytes,
      limitBytes: memoryLimit,
    });
  }
}

/** Half weights on the CPU are worth a word from this share of the memory limit: nobody asks what a small model saves. */
const worthSaying = 0.1;

/** What the device does with the weights, in sentences. */
export async function deviceNotes(
  { name, id, onCpu = [] }: DeviceSummary,
  dtypes: readonly string[],
  { text, vision }: Sessions,
  limitBytes: number,
  room: DeviceRoom | undefined,
): Promise<readonly string[]> {
  const halves = dtypes.filter((dtype) => dtype === 'F16' || dtype === 'BF16');
  const bytes = (text?.weightBytes() ?? 0) + (vision?.weightBytes() ?? 0);
  const widened = `Its ${halves.join(' and ')} weights are widened to float32 when they are opened, and take ${bytesInWords(bytes)}`;
  const unsaid = halves.length === 0 || (id === 'cpu' && bytes < worthSaying * limitBytes);
  return [
    ...onCpu,
    ...(room && room.memoryBytes === undefined
      ? [
          `How much memory ${name} has is not known, so a run that does not fit is not refused before it starts; the weights take ${bytesInWords(room.weightBytes)} of it. Say it in headscope.compute.deviceMemory (--device-memory).`,
        ]
      : []),
    ...(unsaid
      ? []
      : [id === 'cpu' ? `${widened}: half weights save no memory on the CPU.` : `${widened} on ${name}.`]),
    ...(await reopeningNote(text, 'layers')),
    ...(await reopeningNote(vision, 'layers of the vision encoder')),
  ];
}

async function reopeningNote(sessions: LayerSessions | undefined, what: string): Promise<readonly string[]> {
  const reopening = await sessions?.reopening();
  if (!sessions || !reopening) return [];
  const { bytes, limitBytes, layers, seconds } = reopening;
  const all =
    sessions.layerCount === layers ? `Its ${layers} ${what}` : `${layers} of its ${sessions.layerCount} ${what}`;
  return [
    `Its weights take ${bytesInWords(bytes)} and ${bytesInWords(limitBytes)} of the memory limit are theirs. ${all} are read from the disk in each pass over the model (in a generation: for each token), which takes about ${secondsInWords(layers * seconds)} a pass, the next layer being read while one runs. A higher limit (headscope.compute.memoryLimit) makes it faster.`,
  ];
}

const secondsInWords = (seconds: number): string =>
  seconds < 0.95 ? `${Math.max(10, Math.round(seconds * 100) * 10)} ms` : `${seconds.toFixed(seconds < 9.5 ? 1 : 0)} s`;
