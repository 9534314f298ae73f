/**
 * ggml's formats of 32 numbers a block with a scale d in float16, and a minimum m where the name ends in 1. From the block structures
 * of ggml-common.h and dequantize_row_* of ggml-quants.c (llama.cpp, October 2026). Number i and number i + 16 share a byte, the
 * first in its low half.
 */
import { exactBlocks, halfAt, unpackHalves } from './gguf-blocks';
import type { ExactRows } from './number-format';

const middle = { block: 32, weights: 32, zeroPoints: 'middle', minima: false } as const;

/** d, int8 [32]: d q. */
export const q8_0 = exactBlocks(
  'Q8_0',
  { ...middle, bits: 8, size: 34 },
  (bytes, at, { fours, scales }, to, block, view) => {
    scales[block] = halfAt(bytes, at);
    const first = to >> 2;
    for (let i = 0; i < 8; i++) fours[first + i] = view.getUint32(at + 2 + 4 * i, true) ^ 0x80808080;
  },
);

/** d, 4 bits [32]: d (q - 8). */
export const q4_0 = exactBlocks(
  'Q4_0',
  { ...middle, bits: 4, size: 18 },
  (bytes, at, { fours, scales }, to, block, view) => {
    scales[block] = halfAt(bytes, at);
    unpackHalves(view, at + 2, 16, fours, to);
  },
);

const offset = { block: 32, weights: 32, zeroPoints: 0, minima: true } as const;

/** d, m, 4 bits [32]: d q + m. */
export const q4_1 = exactBlocks('Q4_1', { ...offset, bits: 4, size: 20 }, (bytes, at, into, to, block, view) => {
  scaleAndOffset(bytes, at, into, block);
  unpackHalves(view, at + 4, 16, into.fours, to);
});

/** d, the fifth bits [32], 4 bits [32]: d (q - 16). */
export const q5_0 = exactBlocks(
  'Q5_0',
  { ...middle, bits: 8, size: 22 },
  (bytes, at, { codes, fours, scales }, to, block, view) => {
    scales[block] = halfAt(bytes, at);
    unpackHalves(view, at + 6, 16, fours, to);
    for (let i = 0; i < 32; i++) codes[to + i]! += 112 + 16 * fifth(bytes, at + 2, i);
  },
);

/** d, m, the fifth bits [32], 4 bits [32]: d q + m. */
export const q5_1 = exactBlocks('Q5_1', { ...offset, bits: 8, size: 24 }, (bytes, at, into, to, block, view) => {
  scaleAndOffset(bytes, at, into, block);
  unpackHalves(view, at + 8, 16, into.fours, to);
  for (let i = 0; i < 32; i++) into.codes[to + i]! += 16 * fifth(bytes, at + 4, i);
});

const fifth = (bytes: Uint8Array, at: number, i: number): number => (bytes[at + (i >> 3)]! >> (i & 7)) & 1;

function scaleAndOffset(bytes: Uint8Array, at: number, { scales, minima }: ExactRows, block: number): void {
  scales[block] = halfAt(bytes, at);
  minima![block] = -halfAt(bytes, at + 2);
}
