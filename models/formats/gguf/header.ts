/**
 * The header of a GGUF file: metadata, then name, shape, number format and place of each tensor. Layout:
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3; version 2 is the same, version 1 has 32-bit counts.
 *
 * Our own reader: @huggingface/gguf 0.4.6 opens a path of any kind (a pipe holds it for ever), keeps every word of the
 * vocabulary, reads a long list again from its start for each further chunk, fills up a file that ends too early with
 * zeros, and writes the file's names into a plain object.
 */
import { shortened } from '../short-text';
import { FileRefused, openRegular, readBytes } from '../regular-file';
import { BudgetSpent, GgufBudget } from './budget';
import { Cursor, GgufError, numberTypes } from './cursor';
import type { NumberType } from './cursor';
import { tensorType } from './tensor-types';

/** A value of the metadata. Lists longer than `longestList` and strings longer than `longestText` are counted only. */
export type GgufValue =
  | number
  | string
  | boolean
  | { readonly list: readonly (number | string | boolean)[] | undefined; readonly length: number }
  | { readonly textBytes: number };

export interface GgufTensor {
  readonly name: string;
  /** Rows first, as safetensors has it: the file gives the axis that changes fastest first. */
  readonly shape: readonly number[];
  readonly elements: number;
  /** Name of the number format, `type 99` of an unknown one. */
  readonly type: string;
  /** Bytes of the data; undefined where the format is not known. */
  readonly bytes?: number;
  /** First byte of the data, counted from the end of the header. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Byte of the file at which the data begin. */
  readonly dataStart: number;
  readonly fileSize: number;
  readonly bytesRead: number;
  /** Sentences about what cannot be true. */
  readonly problems: readonly string[];
}

export type ReadGgufHeader =
  | { readonly ok: true; readonly header: GgufHeader }
  /** `spent`: the limits for the model as a whole are reached, so its other parts are not to be read either. */
  | { readonly ok: false; readonly message: string; readonly spent?: true };

/** The format's limit for a key. */
const longestKey = 65_535;
/** ggml takes 64 bytes. */
const longestName = 1024;
const mostAxes = 8;
const longestText = 16_384;
/** A number for each layer is kept, a score for each token is not. */
const longestList = 4096;
const deepestList = 3;

const valueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;
type ValueType = (typeof valueTypes)[number];

/** Formats of llama.cpp before GGUF, by their first four bytes. */
const olderFormats = new Set(['tjgg', 'lmgg', 'fmgg', 'algg']);

/**
 * Reads the header of one file, never its weights; all parts of a model share one `budget`. `whole` picks the keys whose lists and texts
 * are kept at any length that the budget allows.
 */
export async function readGgufHeader(
  path: string,
  budget = new GgufBudget(),
  whole: (key: string) => boolean = () => false,
): Promise<ReadGgufHeader> {
  try {
    const { handle, size } = await openRegular(path);
    try {
      const start = (await readBytes(handle, Math.min(40, size))).toString('latin1');
      if (start.startsWith('version https://git-lfs')) {
        return refused('A Git LFS pointer stands in for the file: run "git lfs pull" to download it.');
      }
      if (olderFormats.has(start.slice(0, 4))) {
        return refused(
          'This file is of a format before GGUF (August 2023), which is not read: convert the model again.',
        );
      }
      if (!start.startsWith('GGUF')) return refused('This is not a GGUF file: it does not begin with "GGUF".');
      return { ok: true, header: await readHeader(new Cursor(handle, size, budget), budget, whole) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof BudgetSpent) {
      return { ok: false, message: `This GGUF file is not read to its end: ${error.message}.`, spent: true };
    }
    if (error instanceof GgufError) return refused(`This GGUF file is damaged: ${error.message}.`);
    if (error instanceof FileRefused) return refused(error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return refused(`It cannot be read (${code}).`);
  }
}

const refused = (message: string): ReadGgufHeader => ({ ok: false, message });

/** Reads the parts of a header in the widths of its version. */
class HeaderReader {
  version = 0;
  /** Whether the value being read is kept at any length. */
  whole = false;

  constructor(
    readonly cursor: Cursor,
    private readonly budget: GgufBudget,
  ) {}

  private keeps(amount: number, most: number): boolean {
    return (this.whole || amount <= most) && this.budget.keeps(amount);
  }

  /** A count or a length: 32 bits in version 1, 64 since. */
  async count(what: string, most: number): Promise<number> {
    const type = this.version === 1 ? 'uint32' : 'uint64';
    await this.cursor.need(numberTypes[type].bytes);
    const value = this.cursor.number(type);
    if (value > most) throw new GgufError(`it gives ${value} as ${what}, and no model has more than ${most}`);
    return value;
  }

  async number(type: NumberType): Promise<number> {
    await this.cursor.need(numberTypes[type].bytes);
    return this.cursor.number(type);
  }

  /** A string that has to be short. */
  async name(what: string, longest: number): Promise<string> {
    const length = await this.count(`the length of ${what}`, longest);
    await this.cursor.need(length);
    return this.cursor.bytes(length).toString('utf8');
  }

  async text(): Promise<GgufValue> {
    const length = await this.count('the length of a text', this.cursor.size);
    if (!this.keeps(length, longestText)) {
      this.cursor.skip(length);
      return { textBytes: length };
    }
    await this.cursor.need(length);
    return this.cursor.bytes(length).toString('utf8');
  }

  async type(): Promise<ValueType> {
    const number = await this.number('uint32');
    const type = valueTypes[number];
    if (type === undefined) throw new GgufError(`a value has the type ${number}, which the format does not have`);
    return type;
  }

  async value(type: ValueType, depth = 0): Promise<GgufValue> {
    if (type === 'string') return this.text();
    if (type === 'bool') return (await this.number('uint8')) !== 0;
    if (type !== 'array') return this.number(type);
    if (depth >= deepestList) throw new GgufError(`lists are nested more than ${deepestList} deep`);
    this.budget.take('lists', 1);
    const inner = await this.type();
    const length = await this.count('the length of a list', this.cursor.size);
    if (inner === 'string') return this.texts(length);
    if (inner === 'array') {
      for (let index = 0; index < length; index++) await this.value(inner, depth + 1);
      return { list: undefined, length };
    }
    const width = inner === 'bool' ? 1 : numberTypes[inner].bytes;
    if (!this.keeps(length, longestList)) {
      this.cursor.skip(length * width);
      return { list: undefined, length };
    }
    await this.cursor.need(length * width);
    const list = Array.from({ length }, () =>
      inner === 'bool' ? this.cursor.number('uint8') !== 0 : this.cursor.number(inner),
    );
    return { list, length };
  }

  /** Skips a list of strings unless it is to be kept: a vocabulary has up to a quarter of a million. */
  private async texts(length: number): Promise<GgufValue> {
    const type = this.version === 1 ? 'uint32' : 'uint64';
    const { bytes } = numberTypes[type];
    if (this.whole && this.budget.keeps(length)) {
      const list: string[] = [];
      for (let index = 0; index < length; index++) {
        const value = await this.text();
        if (typeof value !== 'string') throw new GgufError('its lists of texts are longer than those of any model');
        list.push(value);
      }
      return { list, length };
    }
    for (let index = 0; index < length; index++) {
      if (!this.cursor.has(bytes)) await this.cursor.need(bytes);
      this.cursor.skip(this.cursor.number(type));
    }
    return { list: undefined, length };
  }
}

async function readHeader(cursor: Cursor, budget: GgufBudget, whole: (key: string) => boolean): Promise<GgufHeader> {
  const reader = new HeaderReader(cursor, budget);
  cursor.skip(4);
  await cursor.need(4);
  const version = await reader.number('uint32');
  // A version is a small number: with its bytes in the other order it is a large one.
  cursor.littleEndian = (version & 0xffff) !== 0;
  reader.version = cursor.littleEndian ? version : version >>> 24;
  if (reader.version < 1 || reader.version > 3) {
    throw new GgufError(`its version is ${version}, and versions 1 to 3 are known; perhaps it is newer than Headscope`);
  }
  const tensorCount = await reader.count('the number of its tensors', budget.limits.tensors);
  const valueCount = await reader.count('the number of its metadata', budget.limits.values);
  budget.take('tensors', tensorCount);
  budget.take('values', valueCount);
  const problems: string[] = [];
  const twice: string[] = [];
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < valueCount; index++) {
    const key = await reader.name('a key', longestKey);
    reader.whole = whole(key);
    const value = await reader.value(await reader.type());
    if (metadata.has(key)) twice.push(key);
    else metadata.set(key, value);
  }
  if (twice.length > 0) problems.push(`The metadata give ${someOf(twice)} more than once.`);
  const tensors: GgufTensor[] = [];
  for (let index = 0; index < tensorCount; index++) tensors.push(await readTensor(reader));
  const written = metadata.get('general.alignment') ?? 32;
  const alignment = typeof written === 'number' && written > 0 && Number.isInteger(written) ? written : 32;
  if (alignment !== written) problems.push('general.alignment is no number above 0; 32 is taken.');
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  problems.push(...layoutProblems(tensors, Math.max(0, cursor.size - dataStart), alignment));
  return {
    version: reader.version,
    bigEndian: !cursor.littleEndian,
    metadata,
    tensors,
    dataStart,
    fileSize: cursor.size,
    bytesRead: cursor.bytesRead,
    problems,
  };
}

async function readTensor(reader: HeaderReader): Promise<GgufTensor> {
  const name = await reader.name('the name of a tensor', longestName);
  const axes = await reader.number('uint32');
  if (axes > mostAxes) throw new GgufError(`${shortened(name)} has ${axes} axes`);
  const sizes: number[] = [];
  for (let axis = 0; axis < axes; axis++) sizes.push(await reader.count('the size of a tensor', 2 ** 40));
  const id = await reader.number('uint32');
  const offset = await reader.number('uint64');
  const elements = sizes.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(offset)) {
    throw new GgufError(`${shortened(name)} is larger than any file`);
  }
  const type = tensorType(id);
  const shape = sizes.toReversed();
  if (type === undefined) return { name, shape, elements, type: `type ${id}`, offset };
  const row = sizes[0] ?? 1;
  const bytes = elements === 0 ? 0 : (elements / row) * Math.ceil(row / type.weights) * type.bytes;
  return { name, shape, elements, type: type.name, bytes, offset };
}

/** A message lists this many of the names that share a fault. */
const mostNamed = 3;

const someOf = (names: readonly string[]): string => {
  const more = names.length - mostNamed;
  const said = names.slice(0, mostNamed).map((name) => shortened(name));
  return `${said.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

function layoutProblems(tensors: readonly GgufTensor[], dataSize: number, alignment: number): readonly string[] {
  const problems: string[] = [];
  const some = (found: readonly GgufTensor[], say: (names: string, many: boolean) => string): void => {
    if (found.length > 0) problems.push(say(someOf(found.map(({ name }) => name)), found.length > 1));
  };
  const names = new Set<string>();
  some(
    tensors.filter(({ name }) => names.size === names.add(name).size),
    (list, many) => `${list} ${many ? 'are' : 'is'} listed twice.`,
  );
  some(
    tensors.filter(({ bytes }) => bytes === undefined),
    (list, many) => `The number format of ${list} is not known, so ${many ? 'their' : 'its'} bytes are not counted.`,
  );
  some(
    tensors.filter(({ offset, bytes = 0 }) => offset + bytes > dataSize),
    (list, many) =>
      `The data of ${list} ${many ? 'lie' : 'lies'} beyond the ${dataSize} bytes of data in the file: the download is incomplete.`,
  );
  some(
    tensors.filter(({ offset }) => offset % alignment !== 0),
    (list, many) => `${list} ${many ? 'do' : 'does'} not begin at a multiple of ${alignment} bytes.`,
  );
  const inOrder = tensors.filter(({ bytes = 0 }) => bytes > 0).toSorted((one, other) => one.offset - other.offset);
  some(
    inOrder.filter(({ offset }, index) => {
      const before = inOrder[index - 1];
      return before !== undefined && before.offset + (before.bytes ?? 0) > offset;
    }),
    (list, many) => `${list} ${many ? 'begin' : 'begins'} inside of another tensor.`,
  );
  return problems;
}
