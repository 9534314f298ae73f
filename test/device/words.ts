/** How the table of a device is written. */
import { FailureError } from '../../protocol/wire/failures';
import { sentenceOf } from '../../protocol/wire/words';

export const wordsOf = (error: unknown): string =>
  error instanceof FailureError ? sentenceOf(error.failure) : error instanceof Error ? error.message : String(error);

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** `12.3`, with three significant digits. */
export const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** `12.3 (4.00, x 3.08)`: milliseconds there, on the cpu, and how often the one is in the other. */
export const beside = (there: number, here: number): string =>
  `${digits(there)} (${digits(here)}, x ${digits(there / here)})`;
