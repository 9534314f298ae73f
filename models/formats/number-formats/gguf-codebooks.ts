/**
 * Formats of ggml whose codes stand for the integers of a table: IQ4, MXFP4 and NVFP4 (E2M1, doubled), and those with two, three or four
 * numbers, Q1, TQ and Q2. From ggml-common.h and dequantize_row_* of ggml-quants.c (llama.cpp, October 2026).
 */
import { exactBlocks, halfAt } from './gguf-blocks';
import { twoBits } from './gguf-k';

const middle = { zeroPoints: 'middle', minima: false } as const;

const raised = (table: readonly number[]): Uint8Array => Uint8Array.from(table, (number) => number + 128);

const nonLinear = raised([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]);
/** E2M1, twice. */
const fourBitFloats = raised([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]);

/** d, 4 bits [32]: d table(q). */
export const iq4_nl = exactBlocks(
  'IQ4_NL',
  { ...middle, bits: 8, block: 32, weights: 32, size: 18 },
  (bytes, at, { codes, scales }, to, block) => {
    scales[block] = halfAt(bytes, at);
    lookUp(nonLinear, bytes, at + 2, codes, to);
  },
);

/** d, upper two bits of scales [8], lower four [8], 4 bits [256]: d (sc - 32) table(q). */
export const iq4_xs = exactBlocks(
  'IQ4_XS',
  { ...middle, bits: 8, block: 32, weights: 256, size: 136 },
  (bytes, at, { codes, scales }, to, block) => {
    const d = halfAt(bytes, at);
    const upper = bytes[at + 2]! | (bytes[at + 3]! << 8);
    for (let sub = 0; sub < 8; sub++) {
      const low = (bytes[at + 4 + (sub >> 1)]! >> (4 * (sub & 1))) & 15;
      scales[block + sub] = d * ((low | (((upper >> (2 * sub)) & 3) << 4)) - 32);
      lookUp(nonLinear, bytes, at + 8 + 16 * sub, codes, to + 32 * sub);
    }
  },
);

/** An exponent e, 4 bits [32]: 2^(e - 128) table(q). */
export const mxfp4 = exactBlocks(
  'MXFP4',
  { ...middle, bits: 8, block: 32, weights: 32, size: 17 },
  (bytes, at, { codes, scales }, to, block) => {
    scales[block] = 2 ** (bytes[at]! - 128);
    lookUp(fourBitFloats, bytes, at + 1, codes, to);
  },
);

/** Scales of four runs of 16, 4 bits [64]: half of the scale as unsigned E4M3, times table(q). 0x7f is not a number there and gives 0. */
export const nvfp4 = exactBlocks(
  'NVFP4',
  { ...middle, bits: 8, block: 16, weights: 64, size: 36 },
  (bytes, at, { codes, scales }, to, block) => {
    for (let sub = 0; sub < 4; sub++) {
      const scale = bytes[at + sub]! & 127;
      const [exponent, fraction] = [scale >> 3, scale & 7];
      const size = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10);
      scales[block + sub] = scale === 127 ? 0 : size / 2;
      lookUp(fourBitFloats, bytes, at + 4 + 8 * sub, codes, to + 16 * sub, 8);
    }
  },
);

/** A bit each [128], d: d if the bit is set, else -d. */
export const q1_0 = exactBlocks(
  'Q1_0',
  { ...middle, bits: 4, block: 128, weights: 128, size: 18 },
  (bytes, at, { codes, scales }, to, block) => {
    scales[block] = halfAt(bytes, at);
    for (let i = 0; i < 128; i++) codes[to + i] = 7 + 2 * ((bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1);
  },
);

/** d, 2 bits [64]: d (q - 1). */
export const q2_0 = exactBlocks(
  'Q2_0',
  { ...middle, bits: 4, block: 64, weights: 64, size: 18 },
  (bytes, at, { codes, scales }, to, block) => {
    scales[block] = halfAt(bytes, at);
    for (let i = 0; i < 64; i++) codes[to + i] = 7 + ((bytes[at + 2 + (i >> 2)]! >> (2 * (i & 3))) & 3);
  },
);

/** Five numbers a byte [240] and four [16], as fractions of 3^5, d: d (q - 1). */
export const tq1_0 = exactBlocks(
  'TQ1_0',
  { ...middle, bits: 4, block: 256, weights: 256, size: 54 },
  (bytes, at, { codes, scales }, to, block) => {
    scales[block] = halfAt(bytes, at + 52);
    let next = to;
    for (const [first, count, digits] of [
      [0, 32, 5],
      [32, 16, 5],
      [48, 4, 4],
    ] as const) {
      for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
        for (let i = 0; i < count; i++) codes[next++] = 7 + ((((bytes[at + first + i]! * power) & 255) * 3) >> 8);
      }
    }
  },
);

/** 2 bits [256], d: d (q - 1). */
export const tq2_0 = exactBlocks(
  'TQ2_0',
  { ...middle, bits: 4, block: 256, weights: 256, size: 66 },
  (bytes, at, { codes, fours, scales }, to, block, view) => {
    scales[block] = halfAt(bytes, at + 64);
    twoBits(view, at, fours, to);
    for (let i = 0; i < 256; i++) codes[to + i]! += 7;
  },
);

/** Numbers of 4 bits from a run of bytes: first their low halves, then their high halves. */
function lookUp(table: Uint8Array, bytes: Uint8Array, at: number, codes: Uint8Array, to: number, count = 16): void {
  for (let i = 0; i < count; i++) {
    const both = bytes[at + i]!;
    codes[to + i] = table[both & 15]!;
    codes[to + count + i] = table[both >> 4]!;
  }
}
