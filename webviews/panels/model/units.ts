/** Numbers of model facts in words, three significant digits. */

const scaled = (value: number, units: readonly (readonly [string, number])[], last: string): string => {
  const [unit, size] = units.find(([, least]) => value >= least) ?? [last, 1];
  const digits = size === 1 ? String(value) : String(Number((value / size).toPrecision(3)));
  return unit === '' ? digits : `${digits} ${unit}`;
};

/** Powers of two, as caches and files of weights are quoted: 131072 -> `128 KiB`. */
export const binaryBytes = (value: number): string =>
  scaled(
    value,
    [
      ['TiB', 2 ** 40],
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
    ],
    'bytes',
  );

/** Counts of parameters, as model cards write them: 8030261248 -> `8.03 B` (billion). */
export const parameterCount = (value: number): string =>
  scaled(
    value,
    [
      ['T', 1e12],
      ['B', 1e9],
      ['M', 1e6],
      ['K', 1e3],
    ],
    '',
  );

/** Floating-point operations; a multiply-add is two: 1.61e10 -> `16.1 GFLOP`. */
export const operations = (value: number): string =>
  scaled(
    value,
    [
      ['PFLOP', 1e15],
      ['TFLOP', 1e12],
      ['GFLOP', 1e9],
      ['MFLOP', 1e6],
    ],
    'FLOP',
  );

/** A ratio of at least one: 4 -> `4.0x`, 128 -> `128x`. */
export const times = (ratio: number): string =>
  ratio >= 100 ? `${Math.round(ratio).toLocaleString('en-US')}x` : `${ratio.toFixed(ratio < 1.1 ? 2 : 1)}x`;
