/** Domains and ticks of axes. On a logarithmic one ECharts labels only whole powers, which leaves a narrow domain without any. */

/** Where an axis begins and ends. */
export type Domain = readonly [number, number];

/** Smallest and largest positive value, widened by `padding` of the span (at least a factor of `least` overall). */
export function logDomain(values: readonly number[], padding = 0.05, least = 2): Domain {
  const positive = values.filter((value) => Number.isFinite(value) && value > 0).map(Math.log10);
  if (positive.length === 0) return [1, 10];
  let low = Math.min(...positive);
  let high = Math.max(...positive);
  const missing = Math.log10(least) - (high - low);
  if (missing > 0) {
    low -= missing / 2;
    high += missing / 2;
  }
  const pad = (high - low) * padding;
  return [10 ** (low - pad), 10 ** (high + pad)];
}

/** At most about `room` ticks: 1-2-5 in a decade, whole decades, or every n-th decade, as the span asks. */
export function decimalTicks([low, high]: Domain, room: number): readonly number[] {
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const within = (ticks: readonly number[]): number[] =>
    ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const decades = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const steps = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]];
  for (const step of steps) {
    const ticks = within(decades.flatMap((decade) => step.map((digit) => tidy(digit * 10 ** decade))));
    if (ticks.length <= room && ticks.length >= 2) return ticks;
  }
  const whole = within(decades.map((decade) => tidy(10 ** decade)));
  const every = Math.max(1, Math.ceil(whole.length / Math.max(2, room)));
  return whole.length >= 2 ? whole.filter((_, index) => index % every === 0) : [tidy(low), tidy(high)];
}

/** Values of a logarithmic axis whose ratio is less cannot both be written under it. */
export const leastApart = 1.4;

/** Powers of two, thinned evenly to `room`. */
export function binaryTicks([low, high]: Domain, room: number): readonly number[] {
  const from = Math.ceil(Math.log2(low) - 1e-9);
  const to = Math.floor(Math.log2(high) + 1e-9);
  const ticks = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => 2 ** (from + index));
  return thin(ticks, room);
}

/** Keeps the last of the ticks and every n-th before it. */
export function thin(ticks: readonly number[], room: number): readonly number[] {
  const every = Math.max(1, Math.ceil(ticks.length / Math.max(1, room)));
  return ticks.filter((_, index) => (ticks.length - 1 - index) % every === 0);
}

/** Removes the dust of 3 * 10 ** -4. */
const tidy = (value: number): number => Number(value.toPrecision(3));

/** Smallest and largest value, widened by `padding` of the span where no end is given; never empty. */
export function linearDomain(
  values: readonly number[],
  ends: { readonly min?: number | undefined; readonly max?: number | undefined } = {},
  padding = 0.05,
): Domain {
  const known = values.filter(Number.isFinite);
  const [least, most] = known.reduce(
    ([low, high], one) => [Math.min(low, one), Math.max(high, one)],
    [Infinity, -Infinity],
  );
  const low = ends.min ?? (least <= most ? least : 0);
  const high = ends.max ?? (least <= most ? most : 1);
  const span = high > low ? high - low : Math.abs(low) || 1;
  // Nothing negative was measured where the axis would go below zero by its padding alone.
  const padded = low >= 0 ? Math.max(0, low - span * padding) : low - span * padding;
  return [ends.min ?? padded, ends.max ?? (high > low ? high : low + span) + span * padding];
}

/** At most about `room` ticks in steps of 1, 2 or 5 times a power of ten. */
export function linearTicks([low, high]: Domain, room: number): readonly number[] {
  const least = (high - low) / Math.max(1, room);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = ([1, 2, 5].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10) * power;
  const from = Math.ceil(low / step - 1e-9);
  const to = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => Number(((from + at) * step).toPrecision(12)));
}
