/**
 * How much memory devices have, as a person writes it: `8GB` for each device but the CPU, or `webgpu=6GB,cpu=20GB`. That of the CPU is the
 * memory limit, where none is set.
 */
import { bytesOfText } from '../wire/quantities';

export interface DeviceMemory {
  /** Bytes of each device but the CPU that has none of its own. */
  readonly each?: number;
  /** Bytes, by the id of a device. */
  readonly of: Readonly<Record<string, number>>;
}

/** `why` is a sentence with a next step. Whether there are such devices is not looked at. */
export function readDeviceMemory(
  text: string,
): { readonly ok: true; readonly memory: DeviceMemory } | { readonly ok: false; readonly why: string } {
  if (!text.includes('=')) {
    const each = bytesOfText(text);
    return each === undefined ? { ok: false, why: sizeWanted(text) } : { ok: true, memory: { each, of: {} } };
  }
  const of: Record<string, number> = {};
  for (const part of text.split(',').map((each) => each.trim())) {
    const [, id = '', size = ''] = /^([a-z]+)\s*=(.*)$/u.exec(part) ?? [];
    if (id === '') {
      return { ok: false, why: `"${part}" does not say which device has it. Write for example webgpu=6GB,cpu=20GB.` };
    }
    const bytes = bytesOfText(size);
    if (bytes === undefined) return { ok: false, why: sizeWanted(part) };
    if (Object.hasOwn(of, id)) return { ok: false, why: `The memory of ${id} is given twice. Give it once.` };
    of[id] = bytes;
  }
  return { ok: true, memory: { of } };
}

const sizeWanted = (text: string): string =>
  `"${text.trim()}" is no size. Write for example 8GB, or webgpu=6GB,cpu=20GB.`;

/** Undefined: nothing is said of the device. The CPU has no memory but its own. */
export const memoryOf = ({ each, of }: DeviceMemory, id: string): number | undefined =>
  Object.hasOwn(of, id) ? of[id] : id === 'cpu' ? undefined : each;
