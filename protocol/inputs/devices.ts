/**
 * Where a model runs, as a person writes it: a device (`webgpu`), `auto`, devices that share its layers by memory (`webgpu,cpu`), or
 * devices with the layers of each (`webgpu:0-11,cpu:12-23`, first and last layer, from 0).
 */
import { mostDevices } from '../schema/parts';

export interface WantedDevice {
  readonly id: string;
  /** Both are among them; absent: as many as its memory holds. */
  readonly layers?: LayerRange;
}

export interface LayerRange {
  readonly first: number;
  readonly last: number;
}

type DeviceChoice =
  | { readonly kind: 'one'; readonly id: string }
  | { readonly kind: 'auto' }
  /** In the order of their layers. */
  | { readonly kind: 'several'; readonly devices: readonly WantedDevice[] };

type Read<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly why: string };

/** `why` is a sentence with a next step. Whether this machine has the devices is not looked at. */
export function readDeviceChoice(text: string): Read<{ readonly choice: DeviceChoice }> {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1 && text.trim() === 'auto') return { ok: true, choice: { kind: 'auto' } };
  if (parts.length > mostDevices) {
    return {
      ok: false,
      why: `${parts.length} devices are named, and ${mostDevices} at most share a model. Name fewer.`,
    };
  }
  const devices: WantedDevice[] = [];
  for (const part of parts) {
    const read = readDevice(part, text);
    if (!read.ok) return read;
    devices.push(read.device);
  }
  const [first] = devices;
  if (first && devices.length === 1 && !first.layers) return { ok: true, choice: { kind: 'one', id: first.id } };
  const why = problemOf(devices);
  return why === undefined ? { ok: true, choice: { kind: 'several', devices } } : { ok: false, why };
}

/** What is wrong with a text, as sentences; undefined where it is readable and names only `known` devices. */
export function deviceFault(text: string, known: readonly string[]): string | undefined {
  const read = readDeviceChoice(text);
  if (!read.ok) return read.why;
  const unknown = devicesIn(text).find((id) => !known.includes(id));
  return unknown === undefined ? undefined : `${noDevice(unknown, known)}; auto chooses among those that work here.`;
}

/** A sentence without its end. */
export const noDevice = (id: string, known: readonly string[]): string =>
  `There is no device "${id.slice(0, 60)}". Devices are ${known.join(', ')}`;

/** Whether the text may name several devices. */
export const namesSeveral = (text: string): boolean => text === 'auto' || /[,:]/.test(text);

/** The ids that the text names; none of `auto`, and of what is not readable. */
export function devicesIn(text: string): readonly string[] {
  const read = readDeviceChoice(text);
  if (!read.ok || read.choice.kind === 'auto') return [];
  return read.choice.kind === 'one' ? [read.choice.id] : read.choice.devices.map(({ id }) => id);
}

export const rangeWords = ({ first, last }: LayerRange): string =>
  first === last ? `layer ${first}` : `layers ${first} ${last === first + 1 ? 'and' : 'to'} ${last}`;

/** As a person writes it. */
export const deviceWithLayers = (id: string, { first, last }: LayerRange): string => `${id}:${first}-${last}`;

function readDevice(part: string, text: string): Read<{ readonly device: WantedDevice }> {
  const [id = '', range, ...more] = part.split(':');
  if (id === '') {
    return {
      ok: false,
      why: `A device is missing in "${text}". Write for example webgpu,cpu or webgpu:0-11,cpu:12-23.`,
    };
  }
  if (id === 'auto') {
    return { ok: false, why: '"auto" stands alone: it chooses the devices and their layers. Leave the rest out.' };
  }
  if (range === undefined) return { ok: true, device: { id } };
  const found = more.length === 0 ? /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(range) : null;
  if (!found) {
    return { ok: false, why: `"${part}" has no layers. Write the first and the last one, such as ${id}:0-11.` };
  }
  const layers = { first: Number(found[1]), last: Number(found[2] ?? found[1]) };
  if (layers.last < layers.first) {
    return { ok: false, why: `"${part}" ends before it begins. Write the lower layer first.` };
  }
  return { ok: true, device: { id, layers } };
}

function problemOf(devices: readonly WantedDevice[]): string | undefined {
  const without = devices.find(({ layers }) => !layers);
  if (without) {
    if (devices.some(({ layers }) => layers)) {
      return `${without.id} has no layers, and another device has. Give layers to each device, or to none.`;
    }
    const twice = devices.find(({ id }, at) => devices.findIndex((one) => one.id === id) < at);
    return twice && `${twice.id} is named twice. Give layers to each part, such as ${twice.id}:0-11,${twice.id}:12-23.`;
  }
  let next = 0;
  for (const { id, layers } of devices) {
    if (!layers) continue;
    if (layers.first > next) {
      return `No device has ${rangeWords({ first: next, last: layers.first - 1 })}. Let ${id} begin at ${next}, or give them to another device.`;
    }
    if (layers.first < next) {
      const both = rangeWords({ first: layers.first, last: Math.min(next - 1, layers.last) });
      return `Two devices have ${both}. Write the devices in the order of their layers, each layer once.`;
    }
    next = layers.last + 1;
  }
  return undefined;
}
