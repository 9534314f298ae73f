/** Numbers as every panel writes them. */

export const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 20 });

/** 1234.5 -> `1,230`, 0.0012345 -> `0.00123`, 1.2e-7 -> `1.20e-7`; not finite -> `–`. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-3 || magnitude >= 1e7) return value.toExponential(digits - 1).replace('e+', 'e');
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(
    rounded,
  );
}

/** A whole number with its thousands grouped: a length, a count. */
export const count = (value: number): string => grouped.format(value);
