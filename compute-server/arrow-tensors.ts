/**
 * The columns of an Arrow IPC file (a stream, a file or Feather version 2) as tensors. A row of a column is a number, nested lists of
 * numbers as long as each other, or a tensor of the extension `arrow.fixed_shape_tensor`
 * (https://arrow.apache.org/docs/format/CanonicalExtensions.html); the rows are the outermost axis.
 */
import { DataType, Precision, tableFromIPC, type Field, type Table, type Vector } from 'apache-arrow';
import { fromHalf } from '../kernels/tensors/half';
import { parseJsonText } from '../protocol/wire/json-text';

interface Column {
  /** In the names of safetensors. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Makes an error from a sentence that says why the file cannot be used. */
type Refuse = (why: string) => Error;

export function arrowTensors(
  bytes: Uint8Array,
  refuse: Refuse,
): {
  readonly names: readonly string[];
  readonly shapeOf: (name: string) => readonly number[] | undefined;
  readonly tensor: (name: string) => Column | undefined;
} {
  const table = tableOf(bytes, refuse);
  const read = (name: string): Column | undefined => {
    const at = table.schema.fields.findIndex((field) => field.name === name);
    const field = table.schema.fields[at];
    const column = table.getChildAt(at);
    return field && column ? tensorOf(field, column, (why) => refuse(`"${name}" ${why}`)) : undefined;
  };
  return {
    names: table.schema.fields.map(({ name }: Field) => String(name)),
    shapeOf: (name) => read(name)?.shape,
    tensor: read,
  };
}

function tableOf(bytes: Uint8Array, refuse: Refuse): Table {
  try {
    return tableFromIPC(bytes);
  } catch (error) {
    const why = error instanceof Error && /compress|codec/iu.test(error.message) ? compressed : damaged;
    throw refuse(why);
  }
}

const compressed =
  'it is compressed. Write it without compression: feather.write_feather(table, path, compression="uncompressed").';
const damaged = 'it is no Arrow file, or it is damaged. Write it again.';

function tensorOf(field: Field, column: Vector, refuse: Refuse): Column {
  const parts: Float32Array[] = [];
  const inner: number[] = [];
  const gather = (rows: Vector, depth: number): void => {
    if (rows.nullCount > 0) throw refuse('has no value in some rows. Write a number for each.');
    if (depth > 0 && rows.length !== (inner[depth - 1] ??= rows.length)) {
      throw refuse('has lists that are not as long as each other. Pad them, or write a column for each.');
    }
    if (rows.length === 0) throw refuse('is empty. Write at least one row.');
    if (isList(typeOf(rows))) {
      for (let row = 0; row < rows.length; row++) gather(rows.get(row) as Vector, depth + 1);
    } else {
      const numbers = numbersOf(rows, refuse);
      if (numbers.length !== rows.length) throw refuse('ends too early. Write the file again.');
      parts.push(numbers);
    }
  };
  try {
    gather(column, 0);
  } catch (error) {
    // What the library throws where lengths lie.
    throw error instanceof TypeError || error instanceof RangeError ? refuse(`cannot be read: ${damaged}`) : error;
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return {
    dtype: dtypeOf(elementOf(typeOf(column))) ?? 'F32',
    shape: [column.length, ...innerShape(field, inner, refuse)],
    data,
  };
}

const typeOf = (rows: Vector): DataType => rows.type as DataType;

const isList = (type: DataType): boolean => DataType.isFixedSizeList(type) || DataType.isList(type);

const elementOf = (type: DataType): DataType => {
  const [child] = type.children ?? [];
  return isList(type) && child ? elementOf(child.type as DataType) : type;
};

/** In the names of safetensors; undefined where it is no floating point. */
function dtypeOf(type: DataType): string | undefined {
  if (!DataType.isFloat(type)) return undefined;
  return type.precision === Precision.DOUBLE ? 'F64' : type.precision === Precision.SINGLE ? 'F32' : 'F16';
}

function numbersOf(rows: Vector, refuse: Refuse): Float32Array {
  const dtype = dtypeOf(typeOf(rows));
  if (dtype === undefined)
    throw refuse(`holds ${(typeOf(rows) as { toString(): string }).toString()}. Write float64, float32 or float16.`);
  const numbers = rows.toArray() as Float64Array | Float32Array | Uint16Array;
  return dtype === 'F16' ? Float32Array.from(numbers, fromHalf) : Float32Array.from(numbers);
}

/** The lists of a tensor of fixed shape are flat: its shape stands in the metadata of the column. */
function innerShape({ metadata }: Field, inner: readonly number[], refuse: Refuse): readonly number[] {
  if (metadata.get('ARROW:extension:name') !== 'arrow.fixed_shape_tensor') return inner;
  const said = parseJsonText(metadata.get('ARROW:extension:metadata') ?? '');
  const { shape, permutation } = (said.ok ? said.value : {}) as {
    readonly shape?: unknown;
    readonly permutation?: unknown;
  };
  const sizes =
    Array.isArray(shape) && shape.every((size) => Number.isInteger(size)) ? (shape as readonly number[]) : [];
  if (sizes.length === 0 || sizes.reduce((product, size) => product * size, 1) !== inner[0]) {
    throw refuse('says a shape that does not fit its lists. Write the file again.');
  }
  const inOrder =
    permutation === undefined || (Array.isArray(permutation) && permutation.every((axis, at) => axis === at));
  if (!inOrder) throw refuse('has its axes in another order than in memory. Write it without a permutation.');
  return sizes;
}
