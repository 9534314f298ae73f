/** How numbers and counts are written in sentences. */

/** `1 head`, `3 heads` */
export const counted = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

export const threeDigits = (value: number): string => String(Number(value.toPrecision(3)));

/** A share from 0 to 1, with three digits; what is below a billionth is rounding, and 0. */
export const percent = (share: number): string => `${Math.abs(share) < 1e-9 ? 0 : threeDigits(100 * share)} %`;

/** With its sign, three digits. */
export const signed = (value: number): string => `${value < 0 ? '' : '+'}${threeDigits(value)}`;
