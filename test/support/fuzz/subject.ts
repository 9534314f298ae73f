/**
 * What is fuzzed: a subject makes an input of a seed and gives it to the product. `test/fuzz/<name>/subject.ts` exports one
 * as `subject`; it is loaded in workers (worker.ts), so whatever it does to its process is found and named by the seed.
 */

/** What came of an input: a result, or the sentence with which it was refused. Anything else that is thrown is a fault. */
export type Outcome = { readonly value: unknown } | { readonly refusal: string };

export interface Limits {
  /** Processor time of the worker and its children, on the reference machine; not checked where a system does not report it. */
  readonly seconds: number;
  /** Seconds by the clock on an idle machine: an input that waits for something that never comes uses no processor. */
  readonly waitSeconds: number;
  /** Resident memory of the worker and its children together. */
  readonly megabytes: number;
}

export const usualLimits: Limits = { seconds: 5, waitSeconds: 90, megabytes: 1024 };

export interface Subject<Input = unknown> {
  /** How many seeds, from 1 on, `npm test` and `npm run test:fuzz` take. */
  readonly counts: { readonly tier: number; readonly full: number };
  /** Least shares of inputs that are answered and refused: a fuzz that only meets one of both proves little. */
  readonly least: { readonly values: number; readonly refusals: number };
  readonly limits?: Partial<Limits>;
  /** Done once in a run, before its workers start. */
  readonly prepare?: () => Promise<unknown>;
  /** Variables of its workers and of what they start, beside those of the run. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The same input for the same seed, always. */
  readonly make: (seed: number) => Input;
  /** `folder` is empty at first, the worker's own, and goes with it. */
  readonly run: (input: Input, folder: string) => Outcome | Promise<Outcome>;
}
