/**
 * The K formats of ggml: a block of 256 numbers has a scale d in float16, which each sub-block of 16 or 32 multiplies by a small integer
 * of its own; minima work in the same way. From the block structures of ggml-common.h and dequantize_row_* of ggml-quants.c
 * (llama.cpp, October 2026). d times the integer is exact in float32.
 */
import { exactBlocks, halfAt, unpackHalves } from './gguf-blocks';
import type { ExactRows } from './number-format';

const of = { weights: 256, zeroPoints: 0, minima: true } as const;
const middle = { weights: 256, zeroPoints: 'middle', minima: false } as const;

/** scale and minimum 4 bits each [16], 2 bits [256], d, dmin: d sc q - dmin m. */
export const q2_k = exactBlocks('Q2_K', { ...of, bits: 4, block: 16, size: 84 }, (bytes, at, into, to, block, view) => {
  const d = halfAt(bytes, at + 80);
  const least = halfAt(bytes, at + 82);
  for (let sub = 0; sub < 16; sub++) {
    const both = bytes[at + sub]!;
    into.scales[block + sub] = d * (both & 15);
    into.minima![block + sub] = least * (both >> 4);
  }
  twoBits(view, at + 16, into.fours, to);
});

/** The third bits [256], 2 bits [256], scales of 6 bits [16], d: d (sc - 32) (q - 4). */
export const q3_k = exactBlocks(
  'Q3_K',
  { ...middle, bits: 4, block: 16, size: 110 },
  (bytes, at, into, to, block, view) => {
    const { fours, scales } = into;
    const d = halfAt(bytes, at + 108);
    const packed = at + 96;
    for (let sub = 0; sub < 16; sub++) {
      const low = (bytes[packed + (sub & 7)]! >> (sub < 8 ? 0 : 4)) & 15;
      const high = (bytes[packed + 8 + (sub & 3)]! >> (2 * (sub >> 2))) & 3;
      scales[block + sub] = d * ((low | (high << 4)) - 32);
    }
    twoBits(view, at + 32, fours, to);
    const first = to >> 2;
    for (let i = 0; i < 64; i++) {
      fours[first + i]! += 0x04040404 + (((view.getUint32(at + 4 * (i & 7), true) >>> (i >> 3)) & 0x01010101) << 2);
    }
  },
);

/** d, dmin, scales and minima of 6 bits [8], 4 bits [256]: d sc q - dmin m. */
export const q4_k = exactBlocks(
  'Q4_K',
  { ...of, bits: 4, block: 32, size: 144 },
  (bytes, at, into, to, block, view) => {
    sixBits(bytes, at, into, block);
    fourBits(view, at + 16, into.fours, to);
  },
);

/** d, dmin, scales and minima of 6 bits [8], the fifth bits [256], 4 bits [256]: d sc q - dmin m. */
export const q5_k = exactBlocks(
  'Q5_K',
  { ...of, bits: 8, block: 32, size: 176 },
  (bytes, at, into, to, block, view) => {
    const { fours } = into;
    sixBits(bytes, at, into, block);
    fourBits(view, at + 48, fours, to);
    const first = to >> 2;
    for (let i = 0; i < 64; i++) {
      fours[first + i]! += ((view.getUint32(at + 16 + 4 * (i & 7), true) >>> (i >> 3)) & 0x01010101) << 4;
    }
  },
);

/** 4 bits [256], the upper two bits [256], scales int8 [16], d: d sc (q - 32). */
export const q6_k = exactBlocks(
  'Q6_K',
  { ...middle, bits: 8, block: 16, size: 210 },
  (bytes, at, into, to, block, view) => {
    const { fours, scales } = into;
    const d = halfAt(bytes, at + 208);
    for (let sub = 0; sub < 16; sub++) scales[block + sub] = d * ((bytes[at + 192 + sub]! << 24) >> 24);
    for (let half = 0; half < 2; half++) {
      const low = at + 64 * half;
      const high = at + 128 + 32 * half;
      const first = (to + 128 * half) >> 2;
      for (let i = 0; i < 8; i++) {
        const one = view.getUint32(low + 4 * i, true);
        const other = view.getUint32(low + 32 + 4 * i, true);
        const upper = view.getUint32(high + 4 * i, true);
        // 96 is added to each, so that 128 is the middle. No sum is above 255.
        fours[first + i] = 0x60606060 + ((one & 0x0f0f0f0f) | ((upper & 0x03030303) << 4));
        fours[first + 8 + i] = 0x60606060 + ((other & 0x0f0f0f0f) | ((upper & 0x0c0c0c0c) << 2));
        fours[first + 16 + i] = 0x60606060 + (((one >>> 4) & 0x0f0f0f0f) | (upper & 0x30303030));
        fours[first + 24 + i] = 0x60606060 + (((other >>> 4) & 0x0f0f0f0f) | ((upper >>> 2) & 0x30303030));
      }
    }
  },
);

/** d and dmin at `at`, then 8 scales and 8 minima in 12 bytes: four and four of 6 bits, and the others in 4 bits and the 2 left over. */
function sixBits(bytes: Uint8Array, at: number, { scales, minima }: ExactRows, block: number): void {
  const d = halfAt(bytes, at);
  const least = halfAt(bytes, at + 2);
  for (let sub = 0; sub < 4; sub++) {
    const scale = bytes[at + 4 + sub]!;
    const minimum = bytes[at + 8 + sub]!;
    const both = bytes[at + 12 + sub]!;
    scales[block + sub] = d * (scale & 63);
    minima![block + sub] = least * (minimum & 63);
    scales[block + 4 + sub] = d * ((both & 15) | ((scale >> 6) << 4));
    minima![block + 4 + sub] = least * ((both >> 4) | ((minimum >> 6) << 4));
  }
}

/** Four runs of 32 bytes, each of 64 numbers. */
function fourBits(view: DataView, at: number, fours: Uint32Array, to: number): void {
  for (let run = 0; run < 4; run++) unpackHalves(view, at + 32 * run, 32, fours, to + 64 * run);
}

/** 32 bytes hold four runs of 32 numbers, the first in their lowest bits. */
export function twoBits(view: DataView, at: number, fours: Uint32Array, to: number): void {
  const first = to >> 2;
  for (let half = 0; half < 2; half++) {
    for (let i = 0; i < 8; i++) {
      const four = view.getUint32(at + 32 * half + 4 * i, true);
      const from = first + 32 * half + i;
      fours[from] = four & 0x03030303;
      fours[from + 8] = (four >>> 2) & 0x03030303;
      fours[from + 16] = (four >>> 4) & 0x03030303;
      fours[from + 24] = (four >>> 6) & 0x03030303;
    }
  }
}
