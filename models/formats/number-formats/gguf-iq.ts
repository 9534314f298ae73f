/**
 * The IQ formats of ggml of 1 to 3 bits: runs of 8 or 4 numbers are rows of a table (gguf-grids.ts), with their signs and the scale of a
 * sub-block beside them. Table numbers are integers, so these are blocks of integers too. From the block structures of ggml-common.h and
 * dequantize_row_* of ggml-quants.c (llama.cpp, October 2026).
 */
import { exactBlocks, halfAt } from './gguf-blocks';
import { gridOf } from './gguf-grids';
import type { ExactRows } from './number-format';

const middle = { bits: 8, weights: 256, zeroPoints: 'middle', minima: false } as const;

const short = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

/** The eighth sign makes the number of negative ones even. */
const signsOf = (seven: number): number => {
  let odd = seven ^ (seven >> 4);
  odd ^= odd >> 2;
  odd ^= odd >> 1;
  return seven | ((odd & 1) << 7);
};

/** `width` numbers of row `row` of a table, negative where a bit of `signs` is set. */
function signed(codes: Uint8Array, to: number, grid: Int8Array, row: number, width: 4 | 8, signs: number): void {
  for (let i = 0; i < width; i++) {
    const number = grid[row * width + i]!;
    codes[to + i] = 128 + ((signs >> i) & 1 ? -number : number);
  }
}

/** d, then for 32 numbers 4 bytes of rows, 4 times 7 signs and a scale of 4 bits: d (1/2 + s) / 4. */
export const iq2_xxs = exactBlocks(
  'IQ2_XXS',
  { ...middle, block: 32, size: 66 },
  (bytes, at, { codes, scales }, to, block) => {
    const grid = gridOf('iq2xxs');
    const d = halfAt(bytes, at);
    for (let sub = 0; sub < 8; sub++) {
      const rows = at + 2 + 8 * sub;
      const beside = (short(bytes, rows + 4) | (short(bytes, rows + 6) << 16)) >>> 0;
      scales[block + sub] = (d * (0.5 + (beside >>> 28))) / 4;
      for (let run = 0; run < 4; run++) {
        signed(codes, to + 32 * sub + 8 * run, grid, bytes[rows + run]!, 8, signsOf((beside >>> (7 * run)) & 127));
      }
    }
  },
);

/** d, for 8 numbers 9 bits of a row and 7 signs, for 16 a scale of 4 bits: d (1/2 + s) / 4. */
export const iq2_xs = exactBlocks(
  'IQ2_XS',
  { ...middle, block: 16, size: 74 },
  (bytes, at, { codes, scales }, to, block) => {
    const grid = gridOf('iq2xs');
    quarterScales(bytes, at, at + 66, scales, block);
    for (let run = 0; run < 32; run++) {
      const both = short(bytes, at + 2 + 2 * run);
      signed(codes, to + 8 * run, grid, both & 511, 8, signsOf(both >> 9));
    }
  },
);

/** d, for 8 numbers 8 bits of a row and 8 signs, then the upper 2 bits of rows, for 16 a scale of 4 bits: d (1/2 + s) / 4. */
export const iq2_s = exactBlocks(
  'IQ2_S',
  { ...middle, block: 16, size: 82 },
  (bytes, at, { codes, scales }, to, block) => {
    const grid = gridOf('iq2s');
    quarterScales(bytes, at, at + 74, scales, block);
    for (let run = 0; run < 32; run++) {
      const upper = (bytes[at + 66 + (run >> 2)]! >> (2 * (run & 3))) & 3;
      signed(codes, to + 8 * run, grid, bytes[at + 2 + run]! | (upper << 8), 8, bytes[at + 34 + run]!);
    }
  },
);

/** d, for 4 numbers a row, then for 32 4 times 7 signs and a scale of 4 bits: d (1/2 + s) / 2. */
export const iq3_xxs = exactBlocks(
  'IQ3_XXS',
  { ...middle, block: 32, size: 98 },
  (bytes, at, { codes, scales }, to, block) => {
    const grid = gridOf('iq3xxs');
    const d = halfAt(bytes, at);
    for (let sub = 0; sub < 8; sub++) {
      const beside = (short(bytes, at + 66 + 4 * sub) | (short(bytes, at + 68 + 4 * sub) << 16)) >>> 0;
      scales[block + sub] = (d * (0.5 + (beside >>> 28))) / 2;
      for (let run = 0; run < 8; run++) {
        const signs = signsOf((beside >>> (7 * (run >> 1))) & 127) >> (4 * (run & 1));
        signed(codes, to + 32 * sub + 4 * run, grid, bytes[at + 2 + 8 * sub + run]!, 4, signs);
      }
    }
  },
);

/** d, for 4 numbers 8 bits of a row, then their ninth, for 8 numbers 8 signs, for 32 a scale of 4 bits: d (1 + 2 s). */
export const iq3_s = exactBlocks(
  'IQ3_S',
  { ...middle, block: 32, size: 110 },
  (bytes, at, { codes, scales }, to, block) => {
    const grid = gridOf('iq3s');
    const d = halfAt(bytes, at);
    for (let sub = 0; sub < 8; sub++) {
      scales[block + sub] = d * (1 + 2 * ((bytes[at + 106 + (sub >> 1)]! >> (4 * (sub & 1))) & 15));
    }
    for (let run = 0; run < 64; run++) {
      const ninth = (bytes[at + 66 + (run >> 3)]! >> (run & 7)) & 1;
      const signs = bytes[at + 74 + (run >> 1)]! >> (4 * (run & 1));
      signed(codes, to + 4 * run, grid, bytes[at + 2 + run]! | (ninth << 8), 4, signs);
    }
  },
);

/** d, for 8 numbers 8 bits of a row, then for 32 4 times its upper 3 bits, a scale of 3 bits and a sign: d (2 s + 1) (row + or - 1/8). */
export const iq1_s = exactBlocks(
  'IQ1_S',
  { ...middle, block: 32, size: 50 },
  (bytes, at, { codes, scales }, to, block) => {
    const d = halfAt(bytes, at);
    for (let sub = 0; sub < 8; sub++) {
      const beside = short(bytes, at + 34 + 2 * sub);
      scales[block + sub] = (d * (2 * ((beside >> 12) & 7) + 1)) / 8;
      for (let run = 0; run < 4; run++) {
        const row = bytes[at + 2 + 4 * sub + run]! | (((beside >> (3 * run)) & 7) << 8);
        shifted(codes, to + 32 * sub + 8 * run, row, (beside & 0x8000) !== 0);
      }
    }
  },
);

/**
 * For 8 numbers 8 bits of a row, then its upper 3 bits and a sign, then 4 times scales of 3 bits of four runs of 16 and 4 bits of d:
 * d (2 s + 1) (row + or - 1/8).
 */
export const iq1_m = exactBlocks(
  'IQ1_M',
  { ...middle, block: 16, size: 56 },
  (bytes, at, { codes, scales }, to, block) => {
    const packed = [0, 1, 2, 3].map((i) => short(bytes, at + 48 + 2 * i));
    const bits = packed.reduce((all, each, i) => all | ((each >> 12) << (4 * i)), 0);
    const d = halfAt(Uint8Array.of(bits & 255, bits >> 8), 0);
    for (let sub = 0; sub < 16; sub++) {
      scales[block + sub] = (d * (2 * ((packed[sub >> 2]! >> (3 * (sub & 3))) & 7) + 1)) / 8;
    }
    for (let run = 0; run < 32; run++) {
      const beside = (bytes[at + 32 + (run >> 1)]! >> (4 * (run & 1))) & 15;
      shifted(codes, to + 8 * run, bytes[at + run]! | ((beside & 7) << 8), (beside & 8) !== 0);
    }
  },
);

/** In eighths: a row of -1, 0 and 1, plus or minus an eighth. */
function shifted(codes: Uint8Array, to: number, row: number, less: boolean): void {
  const grid = gridOf('iq1s');
  for (let i = 0; i < 8; i++) codes[to + i] = 128 + 8 * grid[8 * row + i]! + (less ? -1 : 1);
}

function quarterScales(bytes: Uint8Array, at: number, from: number, scales: ExactRows['scales'], block: number): void {
  const d = halfAt(bytes, at);
  for (let sub = 0; sub < 16; sub++) {
    scales[block + sub] = (d * (0.5 + ((bytes[from + (sub >> 1)]! >> (4 * (sub & 1))) & 15))) / 4;
  }
}
