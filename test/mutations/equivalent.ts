/** Planted errors that change nothing, each with its reason. */
import type { Mutant } from './instrument';

interface Equivalent {
  readonly file: string;
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

const equivalents: readonly Equivalent[] = [];

export const reasonOf = ({ place, before, after }: Mutant): string | undefined =>
  equivalents.find(
    (each) => each.file === place.file && each.name === place.name && each.before === before && each.after === after,
  )?.reason;
