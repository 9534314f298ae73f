/**
 * Rows from a file: safetensors (F32, F16, BF16) or JSON `{"name": nested lists of numbers}`. A tensor `rows` is for whatever
 * names the file, [positions, width] or one row for every position; tensors with the names of taps (docs/model-taps.md) are for
 * their layer, with the heads in front: `layer.2.attention.head_output` [heads, positions, width].
 */
import { isAbsolute } from 'node:path';
import { fromBfloat16, fromHalf } from '../../../kernels/tensors/half';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { FileRefused, readRegular } from '../../../models/formats/regular-file';
import { headerLength, parseSafetensorsHeader } from '../../../models/formats/safetensors/header';
import { replaceable, rowsOf } from '../../../models/instrument/interventions/replacement';
import { tapName } from '../../../models/instrument/taps';
import { FailureError } from '../../../protocol/wire/failures';
import { blockOf, widthOf, type Rows, type Wanted } from './wanted-rows';
import { tapOf } from '../../../models/instrument/interventions/replacement';

interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type RowsFile = ReadonlyMap<string, Tensor>;

const refused = (path: string, why: string): FailureError =>
  new FailureError({ code: 'bad-request', detail: `${path} gives no rows: ${why}` });

export async function readRowsFile(path: string, largestBytes: number): Promise<RowsFile> {
  if (!isAbsolute(path)) throw refused(path, 'its path is relative. Give the absolute path.');
  try {
    const bytes = await readRegular(path, largestBytes);
    return path.endsWith('.json') ? jsonTensors(bytes, path) : storedTensors(bytes, path);
  } catch (error) {
    if (error instanceof FileRefused) throw refused(path, error.message);
    throw error;
  }
}

function storedTensors(bytes: Buffer, path: string): RowsFile {
  const length = headerLength(bytes, bytes.length);
  if (typeof length !== 'number') throw refused(path, length.message);
  const { tensors, problems, dataStart } = parseSafetensorsHeader(bytes.subarray(0, length + 8), bytes.length);
  if (problems[0]) throw refused(path, problems[0].message);
  return new Map(
    tensors.map(({ name, dtype, shape, begin, end }) => {
      // A copy: the numbers of a file need not lie at a multiple of their size.
      const { buffer } = Uint8Array.from(bytes.subarray(dataStart + begin, dataStart + end));
      if (dtype === 'F32') return [name, { shape, data: new Float32Array(buffer) }];
      if (dtype !== 'F16' && dtype !== 'BF16') {
        throw refused(path, `"${name}" is stored as ${dtype}. Store it as F32, F16 or BF16.`);
      }
      const widen = dtype === 'BF16' ? fromBfloat16 : fromHalf;
      return [name, { shape, data: Float32Array.from(new Uint16Array(buffer), widen) }];
    }),
  );
}

function jsonTensors(bytes: Buffer, path: string): RowsFile {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw refused(path, `it is not valid JSON (${(error as Error).message}).`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused(path, 'it is not an object. Write {"rows": [[0.1, 0.2], [0.3, 0.4]]}.');
  }
  return new Map(
    Object.entries(value).map(([name, nested]) => {
      const shape: number[] = [];
      for (let level: unknown = nested; Array.isArray(level); level = level[0] as unknown) shape.push(level.length);
      const numbers: number[] = [];
      const gather = (one: unknown, depth: number): void => {
        if (depth === shape.length && typeof one === 'number' && Number.isFinite(one)) numbers.push(one);
        else if (depth < shape.length && Array.isArray(one) && one.length === shape[depth]) {
          for (const each of one) gather(each, depth + 1);
        } else throw refused(path, `"${name}" is not a list of lists of numbers, all as long as each other.`);
      };
      gather(nested, 0);
      return [name, { shape, data: Float32Array.from(numbers) }];
    }),
  );
}

export function rowsInFile(
  model: ModelSpec,
  file: RowsFile,
  path: string,
  one: Wanted,
  /** Positions of the prompt. */
  length: number,
): Rows {
  const { first, count } = one;
  const width = widthOf(model, one);
  const named = tapName(one.layer, tapOf[one.target]);
  const whole = file.get(named);
  const { slots } = rowsOf(one.target, { ...blockOf(model, one.layer).attention, hiddenSize: model.hiddenSize });
  if (whole) {
    const shape = replaceable[one.target].slots === undefined ? [length, width] : [slots, length, width];
    if (withoutOnes(whole.shape).join() !== withoutOnes(shape).join()) {
      throw refused(
        path,
        `"${named}" has the shape [${whole.shape.join(', ')}], and the run needs [${shape.join(', ')}].`,
      );
    }
    const at = (one.head ?? 0) * length * width;
    return finite(path, named, { data: whole.data.slice(at, at + length * width), everywhere: false });
  }
  const rows = file.get('rows');
  if (!rows) throw refused(path, `it has neither "${named}" nor "rows".`);
  const given = rows.data.length / width;
  const fits = rows.shape.length <= 2 && rows.shape.at(-1) === width;
  if (!fits || ![1, count, length].includes(given)) {
    throw refused(
      path,
      `"rows" has the shape [${rows.shape.join(', ')}], and the run needs [${count}, ${width}], a row for each position, or [${width}].`,
    );
  }
  if (given === 1) return finite(path, 'rows', { data: rows.data, everywhere: true });
  if (given === length) return finite(path, 'rows', { data: rows.data, everywhere: false });
  const data = new Float32Array(length * width);
  data.set(rows.data, first * width);
  return finite(path, 'rows', { data, everywhere: false });
}

/** A batch of one in front, as taps have it. */
const withoutOnes = (shape: readonly number[]): readonly number[] => shape.filter((size) => size !== 1);

function finite(path: string, name: string, rows: Rows): Rows {
  if (rows.data.every(Number.isFinite)) return rows;
  throw refused(path, `"${name}" holds numbers that are not finite.`);
}
