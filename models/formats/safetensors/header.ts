/**
 * The header of a safetensors file: eight bytes with its length (little-endian, unsigned), then a JSON object
 * {name: {dtype, shape, data_offsets: [begin, end]}} and perhaps `__metadata__`; offsets count from the end of the header.
 * Everything a hostile file may say is answered by a problem, never by an exception.
 */

/** The format's own limit for a header. */
export const longestHeader = 100_000_000;
/** A header nests three deep: file, tensor, shape. */
const deepest = 8;

import { jsonFault } from '../config/json-fault';
import { shortened, shownValue } from '../short-text';

/** Bits of an element. */
const dtypeBits: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte and the byte after the last one, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export type HeaderProblemCode =
  | 'too-short'
  | 'header-too-long'
  | 'header-beyond-file'
  | 'not-utf8'
  | 'not-json'
  | 'nesting'
  | 'duplicate-name'
  | 'bad-tensor'
  | 'unknown-dtype'
  | 'offsets-out-of-range'
  | 'offsets-overlap'
  | 'size-mismatch'
  | 'unused-bytes';

export interface HeaderProblem {
  readonly code: HeaderProblemCode;
  readonly message: string;
  readonly tensor?: string;
}

export interface SafetensorsHeader {
  readonly tensors: readonly SafetensorsTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Byte of the file at which the data begin: 8 + length of the JSON. */
  readonly dataStart: number;
  readonly problems: readonly HeaderProblem[];
}

const empty = (problem: HeaderProblem): SafetensorsHeader => ({
  tensors: [],
  metadata: {},
  dataStart: 0,
  problems: [problem],
});

/** Length of the JSON, from the first eight bytes of the file. */
export function headerLength(start: Uint8Array, fileSize: number): number | HeaderProblem {
  if (start.byteLength < 8 || fileSize < 8) {
    return {
      code: 'too-short',
      message: `The file has ${fileSize} bytes; a safetensors file has at least the 8 of its header's length.`,
    };
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) {
    return {
      code: 'header-too-long',
      message: `The header claims ${length} bytes, over the format's limit of ${longestHeader}: this is not a safetensors file, or it is damaged.`,
    };
  }
  const bytes = Number(length);
  if (bytes + 8 > fileSize) {
    return {
      code: 'header-beyond-file',
      message: `The header claims ${bytes} bytes, but the file ends after ${fileSize}: the download is incomplete.`,
    };
  }
  return bytes;
}

/** `bytes` is the beginning of the file: at least the eight bytes of the length and the header. */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number): SafetensorsHeader {
  const length = headerLength(bytes, fileSize);
  if (typeof length !== 'number') return empty(length);
  if (bytes.byteLength < length + 8) {
    return empty({
      code: 'header-beyond-file',
      message: `Only ${bytes.byteLength} bytes of the header could be read.`,
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
  } catch {
    return empty({ code: 'not-utf8', message: 'The header is not UTF-8 text.' });
  }
  const { nesting, keys } = scan(text);
  if (nesting > deepest) {
    return empty({ code: 'nesting', message: `The header nests ${nesting} levels deep; a tensor list needs 3.` });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return empty({ code: 'not-json', message: `The header is not valid JSON (${jsonFault(text)}).` });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return empty({ code: 'not-json', message: 'The header is not a JSON object.' });
  }
  const problems: HeaderProblem[] = [];
  const entries = Object.entries(json as Record<string, unknown>);
  if (keys > entries.length) {
    const count = keys - entries.length;
    problems.push({
      code: 'duplicate-name',
      message: `${count} tensor name${count === 1 ? ' is' : 's are'} used twice.`,
    });
  }
  const dataStart = 8 + length;
  const tensors: SafetensorsTensor[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = readMetadata(value);
    else {
      const tensor = readTensor(name, value, fileSize - dataStart, problems);
      if (tensor !== undefined) tensors.push(tensor);
    }
  }
  checkLayout(tensors, fileSize - dataStart, problems);
  return { tensors, metadata, dataStart, problems };
}

/** Deepest nesting and the number of keys of the outermost object, names that are used twice counted twice. */
function scan(text: string): { readonly nesting: number; readonly keys: number } {
  let depth = 0;
  let nesting = 0;
  let keys = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 92) index++;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) nesting = Math.max(nesting, ++depth);
    else if (code === 125 || code === 93) depth--;
    else if (code === 58 && depth === 1) keys++;
  }
  return { nesting, keys };
}

function readMetadata(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function readTensor(
  name: string,
  value: unknown,
  dataSize: number,
  problems: HeaderProblem[],
): SafetensorsTensor | undefined {
  const shown = shortened(name);
  const bad = (code: HeaderProblemCode, message: string): undefined => {
    problems.push({ code, message: `${shown}: ${message}`, tensor: name });
    return undefined;
  };
  if (typeof value !== 'object' || value === null) return bad('bad-tensor', 'its entry is not an object.');
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string') return bad('bad-tensor', 'its dtype is missing.');
  if (!Array.isArray(shape) || !shape.every(isSize)) return bad('bad-tensor', 'its shape is not a list of sizes.');
  if (!Array.isArray(offsets) || offsets.length !== 2) return bad('bad-tensor', 'its data_offsets are missing.');
  const [begin, end] = offsets as readonly unknown[];
  if (!isSize(begin) || !isSize(end) || begin > end || end > dataSize) {
    return bad(
      'offsets-out-of-range',
      `its data_offsets [${shownValue(begin)}, ${shownValue(end)}] are not within the ${dataSize} bytes of data.`,
    );
  }
  // The name is the file's: `constructor` is none of the table.
  const bits = Object.hasOwn(dtypeBits, dtype) ? dtypeBits[dtype] : undefined;
  if (bits === undefined) bad('unknown-dtype', `its dtype ${dtype.slice(0, 40)} is not one of the format's.`);
  else {
    const elements = shape.reduce((product, size) => product * size, 1);
    const needed = (elements * bits) / 8;
    if (needed !== end - begin) {
      bad(
        'size-mismatch',
        `[${shortened(shape.join(', '))}] of ${dtype} needs ${needed} bytes, and its offsets hold ${end - begin}.`,
      );
    }
  }
  return { name, dtype, shape, begin, end };
}

function checkLayout(tensors: readonly SafetensorsTensor[], dataSize: number, problems: HeaderProblem[]): void {
  const byPlace = [...tensors].sort((one, other) => one.begin - other.begin || one.end - other.end);
  let reached = 0;
  let unused = 0;
  let previous: SafetensorsTensor | undefined;
  for (const tensor of byPlace) {
    if (tensor.begin < reached && tensor.end > tensor.begin) {
      problems.push({
        code: 'offsets-overlap',
        message: `${tensor.name} begins at byte ${tensor.begin}, inside ${previous?.name ?? 'another tensor'}, which ends at ${reached}.`,
        tensor: tensor.name,
      });
    } else unused += tensor.begin - reached;
    if (tensor.end > reached) {
      reached = tensor.end;
      previous = tensor;
    }
  }
  unused += dataSize - reached;
  if (unused > 0 && tensors.length > 0) {
    problems.push({ code: 'unused-bytes', message: `${unused} bytes of the file belong to no tensor.` });
  }
}
