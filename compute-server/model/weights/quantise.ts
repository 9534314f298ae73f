/**
 * Weights in blocks of 4 or 8 bit integers, as MatMulNBits reads them. A block is 32 numbers of one output, along the inputs; it
 * has one factor s (float32) and integers q about a fixed middle, without a zero point of its own: w = s (q - 128) of 8 bits, w =
 * s (q - 8) of 4.
 *
 * - 8 bits: s = max |w| / 127, q from 1 to 255. A number moves by at most s / 2: 0.4 % of the largest of its block.
 * - 4 bits: s = -m / 8 with m the number that is largest by its size, sign kept, so that m itself is held exactly; q from 0 to 15
 *   (Q4_0 of llama.cpp has the same rule). A number moves by at most |s| / 2, and by |s| where it is near -m: 6 and 12 % of it.
 *
 * Factors take 4 bytes for 32 numbers: 9 and 5 bits a number in all.
 */
export type Bits = 4 | 8;

/** Numbers that share a factor. */
export const blockLength = 32;

/** Bytes of the integers of one block. */
export const bytesOfBlock = (bits: Bits): number => (blockLength * bits) / 8;

/** Outputs of a matrix, or all of them. */
export interface Packed {
  readonly bits: Bits;
  /** Blocks of one output; the last block is padded. */
  readonly blocks: number;
  /** [outputs, blocks, bytesOfBlock] */
  readonly values: Uint8Array;
  /** [outputs, blocks] */
  readonly scales: Float32Array;
}

/** Rows of numbers [rows, inputs], one an output, into the outputs from 0 on of `into`. */
export function packRows(rows: Float32Array, inputs: number, into: Packed): void {
  const pack = into.bits === 8 ? packBlock8 : packBlock4;
  const patterns = patternsOf(rows);
  for (let row = 0; row * inputs < rows.length; row++) {
    for (let block = 0; block < into.blocks; block++) {
      const first = block * blockLength;
      const length = Math.min(blockLength, inputs - first);
      pack(rows, patterns, row * inputs + first, length, into, row * into.blocks + block);
    }
  }
}

/** Columns of numbers [inputs, outputs], one an output: the inputs from `block` times 32 on, to the blocks from `block` on. */
export function packColumns(columns: Float32Array, outputs: number, block: number, into: Packed): void {
  const pack = into.bits === 8 ? packBlock8 : packBlock4;
  const inputs = columns.length / outputs;
  const column = new Float32Array(blockLength);
  const patterns = patternsOf(column);
  for (let first = 0; first < inputs; first += blockLength) {
    const length = Math.min(blockLength, inputs - first);
    for (let output = 0; output < outputs; output++) {
      for (let i = 0; i < length; i++) column[i] = columns[(first + i) * outputs + output]!;
      pack(column, patterns, 0, length, into, output * into.blocks + block + first / blockLength);
    }
  }
}

/** The bits of the numbers: without the sign they have the order of their sizes. */
const patternsOf = ({ buffer, byteOffset, length }: Float32Array): Int32Array =>
  new Int32Array(buffer, byteOffset, length);

/** Numbers `source[start + i]`, i below `length`, to block `at`. What is behind `length` is 0. */
function packBlock8(
  source: Float32Array,
  patterns: Int32Array,
  start: number,
  length: number,
  { values, scales }: Packed,
  at: number,
): void {
  scales[at] = Math.abs(largest(source, patterns, start, length)) / 127;
  const inverse = inverseOf(scales[at]);
  const base = at * blockLength;
  for (let i = 0; i < length; i++) {
    // The sum is above 0, so cutting it rounds the quotient.
    values[base + i] = (source[start + i]! * inverse + 128.5) | 0;
  }
  for (let i = length; i < blockLength; i++) values[base + i] = 128;
}

function packBlock4(
  source: Float32Array,
  patterns: Int32Array,
  start: number,
  length: number,
  { values, scales }: Packed,
  at: number,
): void {
  scales[at] = -largest(source, patterns, start, length) / 8;
  const inverse = inverseOf(scales[at]);
  const base = at * (blockLength / 2);
  for (let i = 0; i < blockLength; i += 2) {
    const low = i < length ? (source[start + i]! * inverse + 8.5) | 0 : 8;
    const high = i + 1 < length ? (source[start + i + 1]! * inverse + 8.5) | 0 : 8;
    values[base + i / 2] = (low > 15 ? 15 : low) | ((high > 15 ? 15 : high) << 4);
  }
}

/** The number that is largest by its size, the first of several. */
function largest(source: Float32Array, patterns: Int32Array, start: number, length: number): number {
  const end = start + length;
  let most = 0;
  // Without a branch, which would be guessed wrong for every second number.
  for (let i = start; i < end; i++) {
    const more = ((patterns[i]! & 0x7fffffff) - most) | 0;
    most = (most + (more & ~(more >> 31))) | 0;
  }
  for (let i = start; i < end; i++) if ((patterns[i]! & 0x7fffffff) === most) return source[i]!;
  return 0;
}

/** The inverse of the factor as held; a block of numbers too small for float32 becomes 0. */
const inverseOf = (scale: number): number => (Math.abs(scale) < 1e-36 ? 0 : 1 / scale);
