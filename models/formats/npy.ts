/** The header of a .npy file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3. */
import { shortened } from './short-text';

/** Little-endian floating point numbers, by the names that safetensors has for them. */
const dtypes = { '<f2': 'F16', '<f4': 'F32', '<f8': 'F64' } as const;
const widths = { F16: 2, F32: 4, F64: 8 } as const;

export interface NpyHeader {
  readonly dtype: keyof typeof widths;
  readonly shape: readonly number[];
  /** Bytes of the file that hold the numbers, row after row: [begin, end). */
  readonly begin: number;
  readonly end: number;
}

/** A sentence where the file is no such array, or one of another layout. */
export function npyHeader(bytes: Buffer): NpyHeader | string {
  if (bytes.subarray(0, 6).toString('latin1') !== '\u0093NUMPY') return 'it does not begin as a .npy file does.';
  const [version = 0, start] = [bytes[6], bytes[6] === 1 ? 10 : 12];
  if (version < 1 || version > 3) return `it is of version ${version}, and versions 1 to 3 are read.`;
  if (bytes.length < start) return 'it ends within its header.';
  const begin = start + (version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (begin > bytes.length) return 'it ends within its header.';
  const text = bytes.subarray(start, begin).toString('utf8');
  const descr = /'descr': *'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order': *(True|False)/.exec(text)?.[1];
  const sizes = /'shape': *\(([\d, ]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    return `its header is not that of one array of numbers: ${shortened(text.trim())}`;
  }
  if (!(descr in dtypes))
    return `it is stored as ${descr}. Store it as <f2, <f4 or <f8 (little-endian floating point).`;
  const dtype = dtypes[descr as keyof typeof dtypes];
  const shape = sizes
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  if (order === 'True' && shape.length > 1) return 'it is stored column by column. Save numpy.ascontiguousarray of it.';
  const end = begin + widths[dtype] * shape.reduce((product, size) => product * size, 1);
  return end === bytes.length
    ? { dtype, shape, begin, end }
    : `its shape [${shape.join(', ')}] needs ${end - begin} bytes of numbers, and it has ${bytes.length - begin}.`;
}
