/**
 * Rows from a file: safetensors (F32, F16, BF16) or JSON `{"name": nested lists of numbers}`. A tensor `rows` is for whatever
 * names the file, [positions, width] or one row for every position; tensors with the names of taps (docs/model-taps.md) are for
 * their layer, with the heads in front: `layer.2.attention.head_output` [heads, positions, width].
 */
import { isAbsolute } from 'node:path';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { replaceable } from '../../../models/instrument/changes/replacement';
import { tapName } from '../../../models/instrument/taps';
import { type FailureError, refusal } from '../../../protocol/wire/failures';
import { readTensorFile, type FileTensor } from '../../tensor-file';
import { shapeOf, type Rows, type Wanted } from './wanted-rows';
import { tapOf } from '../../../models/instrument/changes/replacement';

export type RowsFile = ReadonlyMap<string, FileTensor>;

const refused = (path: string, why: string): FailureError => refusal(`${path} gives no rows: ${why}`);

export async function readRowsFile(path: string, largestBytes: number): Promise<RowsFile> {
  if (!isAbsolute(path)) throw refused(path, 'its path is relative. Give the absolute path.');
  const file = await readTensorFile(path, largestBytes, (why) => refused(path, why));
  return new Map(file.names.map((name) => [name, file.tensor(name)!]));
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
  const { slots, width } = shapeOf(model, one);
  const named = tapName(one.layer, tapOf[one.target]);
  const whole = file.get(named);
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
