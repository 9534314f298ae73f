/**
 * Which layers of a model each device holds. Layers of a device follow each other, so the stream goes from one device to the next once.
 * The token embedding is always on the CPU: only rows of its table are picked, which there stays mapped from its file. The language
 * head is on the device of the last layer, or on the CPU if it does not fit there; a head that is tied to the embedding is held
 * there like any other.
 */
import { rangeWords, type LayerRange } from '../../../../protocol/inputs/devices';
import { FailureError, refusal } from '../../../../protocol/wire/failures';
import { listed } from '../../../../protocol/wire/listed';
import { bytesInWords } from '../../../../protocol/wire/words';
import type { DeviceId } from '../../../runtime/session';

/** Share of the memory of a device for weights, if layers are given to it by its memory; the rest is for keys, values and activations. */
const weightShare = 0.8;

export interface SharingDevice {
  readonly device: DeviceId;
  /** Bytes that a run may take there; absent: not known, or the CPU's, which reads from the disk what its memory does not hold. */
  readonly memoryBytes?: number | undefined;
  /** As a person gave them; absent: by memory. Either all devices have them or none. */
  readonly layers?: LayerRange | undefined;
}

/** Bytes of weights when they are open. */
export interface WeightSizes {
  /** By layer. */
  readonly layers: readonly number[];
  /** 0: the model has no language head. */
  readonly head: number;
}

export interface DeviceShare extends SharingDevice {
  readonly layers: LayerRange;
  readonly head: boolean;
  /** Of its layers, and of the head if that is there. */
  readonly weightBytes: number;
}

/**
 * `sizes`: on the CPU, and on other devices, where weights may be held otherwise. Layers are given by memory in the order of the
 * devices: each device but the CPU takes as many as fit, those before the CPU from the first layer on, those behind it from the last layer
 * back, and the CPU takes the others, even if it has to read them from the disk in each pass. Rejects what cannot be held.
 */
export function sharesOf<D extends SharingDevice>(
  devices: readonly D[],
  sizes: { readonly cpu: WeightSizes; readonly device: WeightSizes },
): readonly (D & DeviceShare)[] {
  const last = sizes.device.layers.length - 1;
  const areGiven = devices.every(({ layers }) => layers);
  const parts = areGiven ? devices.map(({ layers }) => layers) : byMemory(devices, sizes.device);
  /** By device: a device that has layers in several places holds them all. */
  const held = new Map<DeviceId, number>();
  const shares = devices.flatMap((device, at): (D & DeviceShare)[] => {
    const layers = parts[at];
    if (!layers) return [];
    const own = device.device === 'cpu' ? sizes.cpu : sizes.device;
    const ofLayers = sumOf(own.layers.slice(layers.first, layers.last + 1));
    const all = (held.get(device.device) ?? 0) + ofLayers;
    held.set(device.device, all);
    const head = own.head > 0 && layers.last === last && fits(device, all + own.head, areGiven ? 1 : weightShare);
    return [{ ...device, layers, head, weightBytes: ofLayers + (head ? own.head : 0) }];
  });
  requireAll(shares, last);
  for (const share of shares) requireMemory(share, sizes.device.layers);
  for (const [device, bytes] of held) requireMemoryOfAll(device, bytes, shares);
  return shares;
}

const fits = ({ device, memoryBytes }: SharingDevice, bytes: number, share: number): boolean =>
  device === 'cpu' || memoryBytes === undefined || bytes <= memoryBytes * share;

/** By device; undefined for one that gets none. */
function byMemory(
  devices: readonly SharingDevice[],
  { layers, head }: WeightSizes,
): readonly (LayerRange | undefined)[] {
  const unknown = devices.find(({ device, memoryBytes }) => device !== 'cpu' && memoryBytes === undefined);
  if (unknown) {
    throw new FailureError({
      code: 'device-unavailable',
      device: unknown.device,
      detail: `How much memory it has is not known, so layers cannot be given to it by memory. Say how much (headscope.compute.deviceMemory, --device-memory), or which layers it gets, such as ${unknown.device}:0-11,cpu:12-23.`,
    });
  }
  const cpu = devices.findIndex(({ device }) => device === 'cpu');
  const found: (LayerRange | undefined)[] = devices.map(() => undefined);
  let [first, end] = [0, layers.length];
  const forward = cpu < 0 ? devices.length : cpu;
  // Those behind the CPU first: the last of them may hold the head too.
  for (let at = devices.length - 1; at >= forward; at--) {
    const device = devices[at];
    if (!device || at === cpu) continue;
    const atEnd = end === layers.length && fits(device, head + (layers[end - 1] ?? 0), weightShare) ? head : 0;
    const start = takenBack(device, layers, first, end, atEnd);
    if (start < end) found[at] = { first: start, last: end - 1 };
    end = start;
  }
  for (const [at, device] of devices.slice(0, forward).entries()) {
    let [taken, bytes] = [first, 0];
    while (taken < end && fits(device, bytes + (layers[taken] ?? 0), weightShare)) bytes += layers[taken++] ?? 0;
    if (taken > first) found[at] = { first, last: taken - 1 };
    first = taken;
  }
  if (first < end) {
    if (cpu < 0) throw tooLarge(devices, layers, first);
    found[cpu] = { first, last: end - 1 };
  }
  return found;
}

/** The first of the layers up to `end` that fit beside `held` bytes. */
function takenBack(device: SharingDevice, layers: readonly number[], first: number, end: number, held: number): number {
  let [start, bytes] = [end, held];
  while (start > first && fits(device, bytes + (layers[start - 1] ?? 0), weightShare)) bytes += layers[--start] ?? 0;
  return start;
}

function tooLarge(devices: readonly SharingDevice[], layers: readonly number[], first: number): FailureError {
  const memory = devices.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes * weightShare, 0);
  const ids = devices.map(({ device }) => device);
  return refusal(
    `The layers take ${bytesInWords(sumOf(layers))}, and ${ids.join(' and ')} have ${bytesInWords(memory)} for weights: nothing holds ${rangeWords({ first, last: layers.length - 1 })}. Add the CPU: ${[...ids, 'cpu'].join(',')}.`,
  );
}

function requireAll(shares: readonly DeviceShare[], last: number): void {
  const given = shares.at(-1)?.layers.last ?? -1;
  if (given === last) return;
  const has = `The model has ${last + 1} ${last === 0 ? 'layer' : 'layers'}, from 0 to ${last}`;
  throw refusal(
    given > last
      ? `${has}, and the devices are given layers up to ${given}. Write ${last} as the last one.`
      : `${has}, and no device has ${rangeWords({ first: given + 1, last })}. Give them to one.`,
  );
}

function requireMemory({ device, memoryBytes, layers, weightBytes }: DeviceShare, sizes: readonly number[]): void {
  if (device === 'cpu' || memoryBytes === undefined || weightBytes <= memoryBytes) return;
  let [count, bytes] = [0, 0];
  while (bytes + (sizes[layers.first + count] ?? Infinity) <= memoryBytes) bytes += sizes[layers.first + count++] ?? 0;
  const words = rangeWords(layers);
  throw refusal(
    `${words.charAt(0).toUpperCase()}${words.slice(1)} ${layers.first === layers.last ? 'takes' : 'take'} ${bytesInWords(weightBytes)} on ${device}, which has ${bytesInWords(memoryBytes)}: ${count === 0 ? 'none of them fits' : `${count} of them ${count === 1 ? 'fits' : 'fit'}`}. Give it fewer, or correct headscope.compute.deviceMemory (--device-memory) if it has more.`,
  );
}

/** Of a device that has layers in several places. */
function requireMemoryOfAll(device: DeviceId, bytes: number, all: readonly DeviceShare[]): void {
  const own = all.filter((share) => share.device === device);
  const memoryBytes = own[0]?.memoryBytes;
  if (device === 'cpu' || memoryBytes === undefined || bytes <= memoryBytes) return;
  throw refusal(
    `${device} is given ${listed(own.map(({ layers }) => rangeWords(layers)))}, which take ${bytesInWords(bytes)} together, and has ${bytesInWords(memoryBytes)}. Give it fewer, or correct headscope.compute.deviceMemory (--device-memory) if it has more.`,
  );
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
