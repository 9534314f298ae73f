/**
 * Named tensors from a file: safetensors (F64, F32, F16, BF16), the arrays of a .npz file, the columns of an Arrow file,
 * JSON `{"name": nested lists of numbers}`, or the array of a .npy file under the name `rows`.
 */
import { fromBfloat16, fromHalf } from '../kernels/tensors/half';
import { npyHeader } from '../models/formats/npy';
import { readNpz } from '../models/formats/npz';
import { FileRefused, readRegular } from '../models/formats/regular-file';
import { headerLength, parseSafetensorsHeader } from '../models/formats/safetensors/header';
import { parseJsonText } from '../protocol/wire/json-text';
import { arrowTensors } from './arrow-tensors';

export interface FileTensor {
  /** As it is stored, in the names of safetensors. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TensorFile {
  readonly names: readonly string[];
  shapeOf(name: string): readonly number[] | undefined;
  /** Read and widened when it is asked for: a state dict also holds counters and other numbers that nobody wants. */
  tensor(name: string): FileTensor | undefined;
}

/** Makes an error from a sentence that says why the file cannot be used. */
export type Refuse = (why: string) => Error;

export async function readTensorFile(path: string, largestBytes: number, refuse: Refuse): Promise<TensorFile> {
  try {
    const bytes = await readRegular(path, largestBytes);
    if (path.endsWith('.json')) return jsonTensors(bytes, refuse);
    if (path.endsWith('.npz')) return arraysOf(bytes, largestBytes, refuse);
    if (/\.(arrow|feather)$/u.test(path)) return arrowTensors(bytes, refuse);
    return path.endsWith('.npy') ? arrayOf(bytes, refuse) : storedTensors(bytes, refuse);
  } catch (error) {
    if (error instanceof FileRefused) throw refuse(error.message);
    throw error;
  }
}

function storedTensors(bytes: Buffer, refuse: Refuse): TensorFile {
  const length = headerLength(bytes, bytes.length);
  if (typeof length !== 'number') throw refuse(length.message);
  const { tensors, problems, dataStart } = parseSafetensorsHeader(bytes.subarray(0, length + 8), bytes.length);
  if (problems[0]) throw refuse(problems[0].message);
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return {
    names: tensors.map(({ name }) => name),
    shapeOf: (name) => named.get(name)?.shape,
    tensor(name) {
      const found = named.get(name);
      if (!found) return undefined;
      const { dtype, shape, begin, end } = found;
      const data = widened(dtype, bytes.subarray(dataStart + begin, dataStart + end));
      if (!data) throw refuse(`"${name}" is stored as ${dtype}. Store it as F32, F16 or BF16.`);
      return { dtype, shape, data };
    },
  };
}

/** Undefined where it is no floating point format that is read. */
function widened(dtype: string, bytes: Uint8Array): Float32Array | undefined {
  // A copy: the numbers of a file need not lie at a multiple of their size.
  const { buffer } = Uint8Array.from(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), fromHalf);
    case 'BF16':
      return Float32Array.from(new Uint16Array(buffer), fromBfloat16);
    default:
      return undefined;
  }
}

/** What a .npy file is called, which has no names: that of rows for whatever reads them. */
const npyName = 'rows';

function arrayOf(bytes: Buffer, refuse: Refuse): TensorFile {
  const array = numbersOf(bytes);
  if (typeof array === 'string') throw refuse(array);
  return {
    names: [npyName],
    shapeOf: (name) => (name === npyName ? array.shape : undefined),
    tensor: (name) => (name === npyName ? array : undefined),
  };
}

/** The array of a .npy file; a sentence where it is none. */
function numbersOf(bytes: Buffer): FileTensor | string {
  const header = npyHeader(bytes);
  if (typeof header === 'string') return header;
  const { dtype, shape, begin, end } = header;
  return { dtype, shape, data: widened(dtype, bytes.subarray(begin, end)) ?? new Float32Array(0) };
}

function arraysOf(bytes: Buffer, largestBytes: number, refuse: Refuse): TensorFile {
  const file = readNpz(bytes, largestBytes);
  if (typeof file === 'string') throw refuse(file);
  const { names } = file;
  const read = (name: string): FileTensor | undefined => {
    const content = file.bytesOf(name);
    if (content === undefined) return undefined;
    if (typeof content === 'string') throw refuse(content);
    const array = numbersOf(content);
    if (typeof array === 'string') throw refuse(`"${name}" cannot be read: ${array}`);
    return array;
  };
  return { names, shapeOf: (name) => read(name)?.shape, tensor: read };
}

function jsonTensors(bytes: Buffer, refuse: Refuse): TensorFile {
  const parsed = parseJsonText(bytes.toString('utf8'));
  if (!parsed.ok) throw refuse(`it is not valid JSON (${parsed.fault}).`);
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('it is not an object. Write {"rows": [[0.1, 0.2], [0.3, 0.4]]}.');
  }
  const read = new Map(
    Object.entries(value).map(([name, nested]) => {
      const shape: number[] = [];
      for (let level: unknown = nested; Array.isArray(level); level = level[0] as unknown) shape.push(level.length);
      const numbers: number[] = [];
      const gather = (one: unknown, depth: number): void => {
        if (depth === shape.length && typeof one === 'number' && Number.isFinite(one)) numbers.push(one);
        else if (depth < shape.length && Array.isArray(one) && one.length === shape[depth]) {
          for (const each of one) gather(each, depth + 1);
        } else throw refuse(`"${name}" is not a list of lists of numbers, all as long as each other.`);
      };
      gather(nested, 0);
      return [name, { dtype: 'F64', shape, data: Float32Array.from(numbers) }] as const;
    }),
  );
  return {
    names: [...read.keys()],
    shapeOf: (name) => read.get(name)?.shape,
    tensor: (name) => read.get(name),
  };
}
