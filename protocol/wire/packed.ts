/**
 * Values that cross into and out of the context of a person's file: data as JSON, and arrays of numbers beside it. Numbers that JSON has
 * not, maps and `undefined` keep what they are. Functions and cycles are left out or refused by whoever reads.
 */
export type NumberArray = Float32Array | Float64Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

const arrayKinds = [
  'Float32Array',
  'Float64Array',
  'Uint16Array',
  'Int32Array',
  'BigInt64Array',
  'Uint8Array',
] as const;
export type ArrayKind = (typeof arrayKinds)[number];

export interface Packed {
  readonly json: string;
  readonly arrays: readonly NumberArray[];
}

/** What a packed value has in the place of one that JSON has not. */
const mark = '$';

const deepest = 200;

/** Throws a TypeError that names the place of what is no data. `root`: what the value is called. */
export function pack(value: unknown, root: string): Packed {
  const arrays: NumberArray[] = [];
  const above: object[] = [];
  const packed = (given: unknown, path: string): unknown => {
    switch (typeof given) {
      case 'string':
      case 'boolean':
        return given;
      case 'number':
        return Number.isFinite(given) ? given : { [mark]: String(given) };
      case 'undefined':
        return { [mark]: 'undefined' };
      case 'object':
        break;
      case 'bigint':
      case 'function':
      case 'symbol':
        throw new TypeError(`${path} is a ${typeof given}. ${only}`);
    }
    if (given === null) return null;
    if (ArrayBuffer.isView(given)) {
      const kind = kindOf(given);
      if (!kind) throw new TypeError(`${path} is an array of another kind. Use a Float32Array or a list.`);
      return { [mark]: 'array', at: arrays.push(given as NumberArray) - 1 };
    }
    if (above.includes(given)) throw new TypeError(`${path} holds itself. ${only}`);
    if (above.length > deepest) throw new TypeError(`${path} lies more than ${deepest} levels deep. ${only}`);
    above.push(given);
    try {
      if (Array.isArray(given)) return given.map((one, at) => packed(one, `${path}[${at}]`));
      if (given instanceof Map) {
        const entries = [...given].map(([key, one]) => [
          packed(key, `${path}.key`),
          packed(one, `${path}.get(${String(key)})`),
        ]);
        return { [mark]: 'map', entries };
      }
      const prototype = Object.getPrototypeOf(given) as unknown;
      if (prototype !== Object.prototype && prototype !== null) {
        const { name = 'class' } = (given as { constructor?: { name?: string } }).constructor ?? {};
        throw new TypeError(`${path} is an object of ${name}. ${only}`);
      }
      return Object.fromEntries(
        Object.entries(given)
          .filter(([, one]) => one !== undefined)
          .map(([name, one]) => [name, packed(one, `${path}.${name}`)]),
      );
    } finally {
      above.pop();
    }
  };
  return { json: JSON.stringify(packed(value, root)), arrays };
}

const only = 'It has to be data: numbers, texts, true, false, lists and plain objects.';

/** Undefined for a view of another kind. */
export const kindOf = (view: ArrayBufferView): ArrayKind | undefined =>
  arrayKinds.find((kind) => kind === Object.prototype.toString.call(view).slice('[object '.length, -1));

/** Throws where the text is none that `pack` gave. */
export function unpack(json: string, arrays: readonly NumberArray[]): unknown {
  return JSON.parse(json, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, mark)) return value;
    const { [mark]: kind, at, entries } = value as { [mark]: string; at?: number; entries?: [unknown, unknown][] };
    if (kind === 'array') return arrays[at ?? -1];
    if (kind === 'map') return new Map(entries);
    return kind === 'undefined' ? undefined : Number(kind);
  }) as unknown;
}
