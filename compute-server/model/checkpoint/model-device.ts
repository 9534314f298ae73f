/** The device of an opened model, as its results name it, and what a person should know of the model there. */
import type { SelfTest } from '../../../protocol/compute/api';
import { deviceWithLayers } from '../../../protocol/inputs/devices';
import { partWords } from '../../../protocol/results/device-words';
import type { DevicePart, DeviceSummary } from '../../../protocol/schema/parts';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import { FailureError } from '../../../protocol/wire/failures';
import { listed } from '../../../protocol/wire/listed';
import { bytesInWords } from '../../../protocol/wire/words';
import { cpuName } from '../../provenance';
import { runtimeVersion, type DeviceId } from '../../runtime/session';
import type { DeviceRoom } from '../run/stream/budget';
import type { DeviceShare, SharingDevice } from '../run/graphs/device-shares';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import type { CacheOptions } from '../weights/weight-cache';
import type { WeightFacts } from '../weights/weight-notes';

/** A device that models are opened on. */
export interface ModelDevice {
  readonly device: DeviceId;
  readonly threads: number;
  /** The operators and the name of a device other than the cpu. */
  readonly selfTest?: SelfTest | undefined;
  readonly name?: string | undefined;
  /** Bytes that a run may take on a device other than the cpu; absent: not known. */
  readonly memoryBytes?: number | undefined;
  /** What a person asked for, if it is not the id of the device. */
  readonly asked?: string | undefined;
  /** What was left out of it, as sentences. */
  readonly leftOut?: readonly string[] | undefined;
}

/** Devices of which the layers of a model are held; `device` and its fields are then those of the first that is not the CPU. */
export interface Candidate extends SharingDevice {
  readonly name: string;
  readonly selfTest?: SelfTest | undefined;
}

/** Layers on one of several devices. */
export type HeldShare = DeviceShare & Candidate;

/** How weights are held. */
export interface WeightOptions {
  /** Default: as stored. */
  readonly weights?: WeightChoice;
  /** Why these and not those that a person chose, as a sentence. */
  readonly whyWeights?: string | undefined;
  /** Where packed weights are kept, if a person allows it. */
  readonly cache?: CacheOptions | undefined;
  /** Reports that they cannot be kept. */
  readonly say?: ((sentence: string) => void) | undefined;
}

export interface Sessions {
  readonly text?: LayerSessions;
  readonly vision?: LayerSessions;
  /** The encoder of an encoder-decoder. */
  readonly source?: LayerSessions;
}

export const partsOf = ({ text, vision, source }: Sessions): readonly LayerSessions[] =>
  [text, vision, source].filter((sessions) => sessions !== undefined);

/** With the parts that run on the cpu instead, as far as they are known by now. */
export async function summaryOf(
  { device, name, threads, asked }: ModelDevice,
  opened: Sessions,
  shares?: readonly HeldShare[],
): Promise<DeviceSummary> {
  const onCpu = partsOf(opened).flatMap((sessions) => sessions.places.sentences());
  const parts = shares && partsOfShares(shares, opened);
  const id = shares ? idOf(shares) : device;
  const names = [...new Set(parts?.map((part) => part.name))];
  return {
    id,
    provider: parts ? [...new Set(parts.map((part) => part.id))].join(',') : device,
    name: parts ? listed(names) : (name ?? (device === 'cpu' ? cpuName : device)),
    threads,
    runtime: await runtimeVersion(),
    platform: `${process.platform}-${process.arch}`,
    ...(onCpu.length > 0 ? { onCpu } : {}),
    ...(asked === undefined || asked === id ? {} : { asked }),
    ...(parts ? { parts } : {}),
  };
}

/** As a person asks for them: `webgpu:0-11,cpu:12-23`. */
const idOf = (shares: readonly HeldShare[]): string =>
  shares.map(({ device, layers }) => deviceWithLayers(device, layers)).join();

/** What each share holds; the embedding, and a head that no share holds, are the CPU's. */
function partsOfShares(shares: readonly HeldShare[], { text, vision }: Sessions): readonly DevicePart[] {
  const sessions = text ?? vision;
  const ofShares = shares.map(({ device, name, layers, head, weightBytes, memoryBytes }) => ({
    ...{ id: device, name, layers, weightBytes },
    ...(head ? { head } : {}),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }));
  const onCpu = {
    ...(sessions?.pieces.hasEmbedding ? { embedding: true } : {}),
    ...(sessions?.pieces.hasHead && !shares.some(({ head }) => head) ? { head: true } : {}),
  };
  const besides = (sessions?.sizes.heldBy('cpu') ?? 0) - sumOf(shares.filter(({ device }) => device === 'cpu'));
  const at = ofShares.findIndex(({ id }) => id === 'cpu');
  if (at < 0) return [{ id: 'cpu', name: cpuName, weightBytes: besides, ...onCpu }, ...ofShares];
  return ofShares.map((part, index) =>
    index === at ? { ...part, ...onCpu, weightBytes: part.weightBytes + besides } : part,
  );
}

const sumOf = (shares: readonly HeldShare[]): number => shares.reduce((sum, { weightBytes }) => sum + weightBytes, 0);

/** What a run finds on a device, before anything is opened there. `memoryBytes`: absent where it is not known. */
export function roomOn(
  device: DeviceId,
  memoryBytes: number | undefined,
  opened: Sessions,
  parts?: DeviceRoom['parts'],
): DeviceRoom {
  const sum = (of: (sessions: LayerSessions) => number): number =>
    partsOf(opened).reduce((all, sessions) => all + of(sessions), 0);
  return {
    device,
    memoryBytes,
    weightBytes: sum((sessions) => sessions.bytesOnDevice(device)),
    halfWeightBytes: sum((sessions) => sessions.bytesOnDevice(device, 'float16')),
    ...(parts ? { parts } : {}),
  };
}

/** Refuses a model of which one layer, or another part that is opened as a whole, passes the memory limit of the process. */
export function requireParts(opened: Sessions, memoryLimit = Infinity): void {
  for (const sessions of partsOf(opened)) {
    const largest = sessions.sizes.largest();
    if (largest.bytes <= memoryLimit) continue;
    throw new FailureError({
      code: 'out-of-memory',
      part: largest.name,
      neededBytes: largest.bytes,
      limitBytes: memoryLimit,
    });
  }
}

/** What the device does with the model, in sentences. */
export async function deviceNotes(
  { name, onCpu = [], parts = [] }: DeviceSummary,
  weights: readonly string[],
  { text, vision, source }: Sessions,
  rooms: readonly DeviceRoom[],
): Promise<readonly string[]> {
  const nameOf = ({ device }: DeviceRoom): string => parts.find(({ id }) => id === device)?.name ?? name;
  return [
    ...(parts.length > 0 ? [`${listed(parts.map(partWords))}.`] : []),
    ...onCpu,
    ...weights,
    ...rooms
      .filter(({ memoryBytes }) => memoryBytes === undefined)
      .map(
        (room) =>
          `How much memory ${nameOf(room)} has is not known, so a run that does not fit is not refused before it starts; the weights take ${bytesInWords(room.weightBytes)} of it. Say it in headscope.compute.deviceMemory (--device-memory).`,
      ),
    ...(await reopeningNote(text, 'layers')),
    ...(await reopeningNote(vision, 'layers of the vision encoder')),
    ...(await reopeningNote(source, 'layers of the encoder')),
  ];
}

async function reopeningNote(sessions: LayerSessions | undefined, what: string): Promise<readonly string[]> {
  const reopening = await sessions?.reopening();
  if (!sessions || !reopening) return [];
  const { bytes, limitBytes, layers, seconds } = reopening;
  const all =
    sessions.pieces.layerCount === layers
      ? `Its ${layers} ${what}`
      : `${layers} of its ${sessions.pieces.layerCount} ${what}`;
  const own = sessions.places.areSeveral ? 'weights on the CPU' : 'weights';
  return [
    `Its ${own} take ${bytesInWords(bytes)} and ${bytesInWords(limitBytes)} of the memory limit are theirs. ${all} are read from the disk in each pass over the model (in a generation: for each token), which takes about ${secondsInWords(layers * seconds)} a pass, the next layer being read while one runs. A higher limit (headscope.compute.memoryLimit) makes it faster.`,
  ];
}

const secondsInWords = (seconds: number): string =>
  seconds < 0.95 ? `${Math.max(10, Math.round(seconds * 100) * 10)} ms` : `${seconds.toFixed(seconds < 9.5 ? 1 : 0)} s`;

/** Where weights are that the CPU does not multiply, for notes. */
export function placeOfWeights(
  { id, name }: DeviceSummary,
  onCpu: boolean,
  shares: readonly HeldShare[] | undefined,
): WeightFacts['device'] {
  if (onCpu || !shares) return { id: onCpu ? 'cpu' : id, name };
  const others = shares.filter(({ device }) => device !== 'cpu');
  return {
    id,
    name: listed([...new Set(others.map((share) => share.name))]),
    besideCpu: others.length < shares.length,
  };
}
