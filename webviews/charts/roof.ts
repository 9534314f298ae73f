/** The roof of a device: min(peak, bandwidth x intensity), from `low` to `high` operations a byte, in the units of peak and bandwidth. */
export function roofPoints(
  { peak, bandwidth }: { readonly peak: number; readonly bandwidth: number },
  [low, high]: readonly [low: number, high: number],
): readonly (readonly [x: number, y: number])[] {
  return [
    [low, bandwidth * low],
    [peak / bandwidth, peak],
    [high, peak],
  ];
}

/** Ends of the axis of intensities: the points found, and a quarter and four times where the roof bends. */
export const roofEnds = (ridge: number, found: readonly number[]): readonly [low: number, high: number] => [
  Math.min(ridge / 4, ...found) / 1.5,
  Math.max(ridge * 4, ...found) * 1.5,
];
