/**
 * Numbers of ggml's blocks, one at a time in float64, from the comments and structures of ggml-common.h: number i of the block at `at`.
 * Also random valid blocks: any bytes, with scales of a size that keeps a model finite.
 */
import { fromHalf, toHalf } from '../../../kernels/tensors/half';
import { gridOf } from '../../../models/formats/number-formats/gguf-grids';
import { tensorType } from '../../../models/formats/gguf/tensor-types';

interface Definition {
  /** The number of the type in a file. */
  readonly id: number;
  /** Offsets of the float16 scales in a block. */
  readonly scales: readonly number[];
  /** About the standard deviation of the numbers, if the scale is 1. */
  readonly size: number;
  readonly number: (block: Uint8Array, i: number) => number;
}

const half = (block: Uint8Array, at: number): number => fromHalf(block[at]! + 256 * block[at + 1]!);
const signed = (byte: number): number => (byte > 127 ? byte - 256 : byte);
/** 4 bits of number i of a run of 32: the first 16 in the low halves of 16 bytes, the others in the high halves. */
const nibble = (block: Uint8Array, from: number, i: number): number =>
  Math.floor(block[from + (i % 16)]! / (i < 16 ? 1 : 16)) % 16;

const sixBitScale = (b: Uint8Array, sub: number): number =>
  sub < 4 ? b[4 + sub]! % 64 : (b[8 + sub]! % 16) + 16 * Math.floor(b[sub]! / 64);
const sixBitMinimum = (b: Uint8Array, sub: number): number =>
  sub < 4 ? b[8 + sub]! % 64 : Math.floor(b[8 + sub]! / 16) + 16 * Math.floor(b[4 + sub]! / 64);
const bit = (b: Uint8Array, from: number, i: number): number =>
  Math.floor(b[from + Math.floor(i / 8)]! / 2 ** (i % 8)) % 2;
/** 4 bits of number i of 256: runs of 64 in 32 bytes. */
const longNibble = (b: Uint8Array, from: number, i: number): number =>
  Math.floor(b[from + 32 * Math.floor(i / 64) + (i % 32)]! / (i % 64 < 32 ? 1 : 16)) % 16;
/** 2 bits of number i of 256: runs of 128 in 32 bytes. */
const pair = (b: Uint8Array, from: number, i: number): number =>
  Math.floor(b[from + 32 * Math.floor(i / 128) + (i % 32)]! / 4 ** (Math.floor(i / 32) % 4)) % 4;
/** The bit of number i of 256 in 32 bytes, the first 32 numbers in the lowest bits. */
const plane = (b: Uint8Array, from: number, i: number): number =>
  Math.floor(b[from + (i % 32)]! / 2 ** Math.floor(i / 32)) % 2;
/** Scale of 6 bits of sub-block k of Q3_K: low 4 bits in 8 bytes, upper 2 in the 4 bytes behind them. */
const q3Scale = (b: Uint8Array, k: number): number =>
  (Math.floor(b[96 + (k % 8)]! / (k < 8 ? 1 : 16)) % 16) +
  16 * (Math.floor(b[104 + (k % 4)]! / 4 ** Math.floor(k / 4)) % 4);
const q6 = (b: Uint8Array, i: number): number => {
  const [half, run, column] = [Math.floor(i / 128), Math.floor((i % 128) / 32), i % 32];
  const low = Math.floor(b[64 * half + 32 * (run % 2) + column]! / (run < 2 ? 1 : 16)) % 16;
  return low + 16 * (Math.floor(b[128 + 32 * half + column]! / 4 ** run) % 4) - 32;
};
const iq4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** 4 bits as a float of 1 sign, 2 exponent and 1 mantissa bits. */
const e2m1 = (code: number): number => {
  const [exponent, mantissa] = [Math.floor(code / 2) % 4, code % 2];
  const size = exponent === 0 ? mantissa / 2 : (1 + mantissa / 2) * 2 ** (exponent - 1);
  return code < 8 ? size : -size;
};
/** The digit of number i of TQ1_0 in base 3: a byte over 256 is a fraction, whose first digit is the number, and so on. */
const ternary = (b: Uint8Array, i: number): number => {
  const [byte, digit] =
    i < 160
      ? [i % 32, Math.floor(i / 32)]
      : i < 240
        ? [32 + ((i - 160) % 16), Math.floor((i - 160) / 16)]
        : [48 + ((i - 240) % 4), Math.floor((i - 240) / 4)];
  return Math.floor((((b[byte]! * 3 ** digit) % 256) * 3) / 256) - 1;
};
const e4m3 = (byte: number): number => {
  const [exponent, mantissa] = [Math.floor(byte / 8) % 16, byte % 8];
  if (byte % 128 === 127) return 0;
  return exponent === 0 ? (mantissa / 8) * 2 ** -6 : (1 + mantissa / 8) * 2 ** (exponent - 7);
};

const word = (b: Uint8Array, at: number): number => b[at]! + 256 * b[at + 1]!;
const long = (b: Uint8Array, at: number): number => word(b, at) + 65536 * word(b, at + 2);
/** Bits [from, from + count) of a number. */
const bits = (number: number, from: number, count: number): number => Math.floor(number / 2 ** from) % 2 ** count;
/** -1 where sign i of 7 is set; the eighth makes the number of negative signs even. */
const sign = (seven: number, i: number): number => {
  const set = [0, 1, 2, 3, 4, 5, 6].filter((each) => bits(seven, each, 1) === 1);
  return (i < 7 ? set.includes(i) : set.length % 2 === 1) ? -1 : 1;
};
const flip = (byte: number, i: number): number => (bits(byte, i, 1) === 1 ? -1 : 1);
const nibbleAt = (b: Uint8Array, from: number, k: number): number => bits(b[from + Math.floor(k / 2)]!, 4 * (k % 2), 4);
const run8 = (i: number): number => Math.floor(i / 8);
const iq1m = (b: Uint8Array, i: number): number => {
  const words = [48, 50, 52, 54].map((at) => word(b, at));
  const d = fromHalf(words.reduce((sum, each, k) => sum + bits(each, 12, 4) * 16 ** k, 0));
  const scale = 2 * bits(words[Math.floor(i / 64)]!, 3 * (Math.floor(i / 16) % 4), 3) + 1;
  const beside = nibbleAt(b, 32, run8(i));
  const row = b[run8(i)]! + 256 * (beside % 8);
  return d * scale * (gridOf('iq1s')[8 * row + (i % 8)]! + (beside < 8 ? 0.125 : -0.125));
};

export const ggufDefinitions: Readonly<Record<string, Definition>> = {
  Q4_0: { id: 2, scales: [0], size: 5, number: (b, i) => half(b, 0) * (nibble(b, 2, i) - 8) },
  Q4_1: { id: 3, scales: [0, 2], size: 8, number: (b, i) => half(b, 0) * nibble(b, 4, i) + half(b, 2) },
  Q5_0: { id: 6, scales: [0], size: 9, number: (b, i) => half(b, 0) * (nibble(b, 6, i) + 16 * bit(b, 2, i) - 16) },
  Q5_1: {
    ...{ id: 7, scales: [0, 2], size: 18 },
    number: (b, i) => half(b, 0) * (nibble(b, 8, i) + 16 * bit(b, 4, i)) + half(b, 2),
  },
  Q2_K: {
    ...{ id: 10, scales: [80, 82], size: 16 },
    number: (b, i) => {
      const both = b[Math.floor(i / 16)]!;
      return half(b, 80) * (both % 16) * pair(b, 16, i) - half(b, 82) * Math.floor(both / 16);
    },
  },
  Q3_K: {
    ...{ id: 11, scales: [108], size: 42 },
    number: (b, i) => half(b, 108) * (q3Scale(b, Math.floor(i / 16)) - 32) * (pair(b, 32, i) + 4 * plane(b, 0, i) - 4),
  },
  Q4_K: {
    ...{ id: 12, scales: [0, 2], size: 300 },
    number: (b, i) =>
      half(b, 0) * sixBitScale(b, Math.floor(i / 32)) * longNibble(b, 16, i) -
      half(b, 2) * sixBitMinimum(b, Math.floor(i / 32)),
  },
  Q5_K: {
    ...{ id: 13, scales: [0, 2], size: 600 },
    number: (b, i) =>
      half(b, 0) * sixBitScale(b, Math.floor(i / 32)) * (longNibble(b, 48, i) + 16 * plane(b, 16, i)) -
      half(b, 2) * sixBitMinimum(b, Math.floor(i / 32)),
  },
  Q6_K: {
    ...{ id: 14, scales: [208], size: 1400 },
    number: (b, i) => half(b, 208) * signed(b[192 + Math.floor(i / 16)]!) * q6(b, i),
  },
  IQ4_NL: { id: 20, scales: [0], size: 70, number: (b, i) => half(b, 0) * iq4[nibble(b, 2, i)]! },
  IQ4_XS: {
    ...{ id: 23, scales: [0], size: 1300 },
    number: (b, i) => {
      const sub = Math.floor(i / 32);
      const upper = Math.floor((b[2]! + 256 * b[3]!) / 4 ** sub) % 4;
      const scale = (Math.floor(b[4 + Math.floor(sub / 2)]! / (sub % 2 === 0 ? 1 : 16)) % 16) + 16 * upper - 32;
      return half(b, 0) * scale * iq4[nibble(b, 8 + 16 * sub, i % 32)]!;
    },
  },
  MXFP4: { id: 39, scales: [], size: 1, number: (b, i) => 2 ** (b[0]! - 127) * e2m1(nibble(b, 1, i)) },
  NVFP4: {
    ...{ id: 40, scales: [], size: 1 },
    number: (b, i) => {
      const [sub, column] = [Math.floor(i / 16), i % 16];
      const code = Math.floor(b[4 + 8 * sub + (column % 8)]! / (column < 8 ? 1 : 16)) % 16;
      return e4m3(b[sub]!) * e2m1(code);
    },
  },
  Q2_0: {
    id: 42,
    scales: [0],
    size: 1.2,
    number: (b, i) => half(b, 0) * ((Math.floor(b[2 + Math.floor(i / 4)]! / 4 ** (i % 4)) % 4) - 1),
  },
  Q1_0: { id: 41, scales: [0], size: 1, number: (b, i) => half(b, 0) * (2 * bit(b, 2, i) - 1) },
  TQ1_0: { id: 34, scales: [52], size: 0.8, number: (b, i) => half(b, 52) * ternary(b, i) },
  TQ2_0: { id: 35, scales: [64], size: 1.2, number: (b, i) => half(b, 64) * (pair(b, 0, i) - 1) },
  IQ1_S: {
    ...{ id: 19, scales: [0], size: 7 },
    number: (b, i) => {
      const beside = word(b, 34 + 2 * Math.floor(i / 32));
      const row = b[2 + run8(i)]! + 256 * bits(beside, 3 * (run8(i) % 4), 3);
      const delta = beside < 32768 ? 0.125 : -0.125;
      return half(b, 0) * (2 * bits(beside, 12, 3) + 1) * (gridOf('iq1s')[8 * row + (i % 8)]! + delta);
    },
  },
  // d is split into four parts of 4 bits, each in the upper bits of 2 bytes; the last part holds its exponent.
  IQ1_M: { id: 29, scales: [], size: 1, number: iq1m },
  IQ2_XXS: {
    ...{ id: 16, scales: [0], size: 60 },
    number: (b, i) => {
      const at = 2 + 8 * Math.floor(i / 32);
      const beside = long(b, at + 4);
      const number = gridOf('iq2xxs')[8 * b[at + (run8(i) % 4)]! + (i % 8)]!;
      return half(b, 0) * (0.5 + bits(beside, 28, 4)) * 0.25 * number * sign(bits(beside, 7 * (run8(i) % 4), 7), i % 8);
    },
  },
  IQ2_XS: {
    ...{ id: 17, scales: [0], size: 60 },
    number: (b, i) => {
      const both = word(b, 2 + 2 * run8(i));
      const number = gridOf('iq2xs')[8 * (both % 512) + (i % 8)]!;
      return half(b, 0) * (0.5 + nibbleAt(b, 66, Math.floor(i / 16))) * 0.25 * number * sign(bits(both, 9, 7), i % 8);
    },
  },
  IQ2_S: {
    ...{ id: 22, scales: [0], size: 60 },
    number: (b, i) => {
      const row = b[2 + run8(i)]! + 256 * bits(b[66 + Math.floor(i / 32)]!, 2 * (run8(i) % 4), 2);
      const scale = half(b, 0) * (0.5 + nibbleAt(b, 74, Math.floor(i / 16))) * 0.25;
      return scale * gridOf('iq2s')[8 * row + (i % 8)]! * flip(b[34 + run8(i)]!, i % 8);
    },
  },
  IQ3_XXS: {
    ...{ id: 18, scales: [0], size: 130 },
    number: (b, i) => {
      const beside = long(b, 66 + 4 * Math.floor(i / 32));
      const number = gridOf('iq3xxs')[4 * b[2 + Math.floor(i / 4)]! + (i % 4)]!;
      return half(b, 0) * (0.5 + bits(beside, 28, 4)) * 0.5 * number * sign(bits(beside, 7 * (run8(i) % 4), 7), i % 8);
    },
  },
  IQ3_S: {
    ...{ id: 21, scales: [0], size: 140 },
    number: (b, i) => {
      const row = b[2 + Math.floor(i / 4)]! + 256 * bits(b[66 + Math.floor(i / 32)]!, Math.floor(i / 4) % 8, 1);
      const scale = half(b, 0) * (1 + 2 * nibbleAt(b, 106, Math.floor(i / 32)));
      return scale * gridOf('iq3s')[4 * row + (i % 4)]! * flip(b[74 + run8(i)]!, i % 8);
    },
  },
  Q8_0: { id: 8, scales: [0], size: 74, number: (b, i) => half(b, 0) * signed(b[2 + i]!) },
};

/** Bytes of blocks with this many numbers, whose standard deviation is about `deviation`. */
export function randomBlocks(name: string, numbers: number, random: () => number, deviation: number): Uint8Array {
  const { id, scales, size } = ggufDefinitions[name]!;
  const { weights, bytes } = tensorType(id)!;
  const data = Uint8Array.from({ length: (numbers / weights) * bytes }, () => Math.floor(random() * 256));
  for (let at = 0; at < data.length; at += bytes) {
    if (name === 'IQ1_M') {
      const d = toHalf(((0.6 + 0.8 * random()) * deviation) / 7);
      for (let k = 0; k < 4; k++) data[at + 49 + 2 * k] = (data[at + 49 + 2 * k]! % 16) + 16 * bits(d, 4 * k, 4);
    }
    // Exponents of 8 and 4 bits.
    if (name === 'MXFP4') data[at] = 124 + Math.round(Math.log2(deviation)) + Math.floor(random() * 3);
    for (let i = 0; name === 'NVFP4' && i < 4; i++) {
      data[at + i] = 8 * (6 + Math.round(Math.log2(deviation))) + Math.floor(random() * 16);
    }
    for (const offset of scales) {
      const scale = toHalf(((random() < 0.3 ? -1 : 1) * (0.6 + 0.8 * random()) * deviation) / size);
      data.set([scale % 256, Math.floor(scale / 256)], at + offset);
    }
  }
  return data;
}

/** The numbers of blocks, in float64. */
export function numbersOfBlocks(name: string, data: Uint8Array): Float64Array {
  const { id, number } = ggufDefinitions[name]!;
  const { weights, bytes } = tensorType(id)!;
  return Float64Array.from({ length: (data.length / bytes) * weights }, (_, i) => {
    const at = Math.floor(i / weights) * bytes;
    return number(data.subarray(at, at + bytes), i % weights);
  });
}
