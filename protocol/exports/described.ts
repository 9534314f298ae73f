/** What files say of their arrays and tables, in the same words in every form. */
import { float64Bytes, int64Bytes } from './bytes';
import { Names, type About, type Exported, type ExportedArray, type ExportedColumn } from './exported';

/** An array of a file that holds arrays alone: a matrix, or a column of a table. */
interface FileArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: 'number' | 'whole' | 'flag';
  readonly data: Uint8Array;
}

export interface FileTexts {
  readonly name: string;
  /** Empty where there is none. */
  readonly texts: readonly string[];
}

export interface ArraysForm {
  readonly arrays: readonly FileArray[];
  readonly texts: readonly FileTexts[];
  /** By the name of an array, or of texts. */
  readonly described: Readonly<Record<string, unknown>>;
}

/** Matrices, and the columns of tables that are none: `TABLE.COLUMN`. */
export function arraysForm({ tables, arrays }: Exported): ArraysForm {
  const described: Record<string, unknown> = {};
  const all: FileArray[] = [];
  const texts: FileTexts[] = [];
  const names = new Names();
  for (const array of arrays) {
    const name = names.free(array.name);
    described[name] = wordsOf(array);
    all.push({ name, shape: array.shape, type: array.type, data: arrayBytes(array) });
  }
  for (const { name: table, title, rows, columns, isInArrays } of tables) {
    if (isInArrays) continue;
    for (const column of columns) {
      const name = names.free(`${table}.${column.name}`);
      described[name] = { table: title, ...columnWords(column), axes: [{ name: 'row', title: 'Row' }], shape: [rows] };
      if (column.type === 'text') texts.push({ name, texts: column.values.map((value) => String(value ?? '')) });
      else all.push({ name, shape: [rows], type: column.type, data: columnBytes(column) });
    }
  }
  return { arrays: all, texts, described };
}

const wordsOf = ({ title, unit, definition, type, axes, shape }: ExportedArray) => ({
  ...{ title, unit, definition, type, axes, shape },
});

export const columnWords = ({ title, unit, definition, type }: ExportedColumn) => ({ title, unit, definition, type });

const arrayBytes = ({ type, data }: ExportedArray): Uint8Array =>
  type === 'number' ? float64Bytes(data) : type === 'whole' ? int64Bytes(data) : Uint8Array.from(data);

export const columnBytes = ({ type, values }: ExportedColumn): Uint8Array => {
  const numbers = values.map((value) => (typeof value === 'number' ? value : Number.NaN));
  return type === 'whole' ? int64Bytes(numbers) : float64Bytes(numbers);
};

/** The mark of Headscope's files stands first. */
export const aboutWords = ({ headscope, created, of }: About, { leftOut }: Exported) => ({
  ...{ headscope, created, of },
  ...(leftOut.length > 0 ? { leftOut } : {}),
});
