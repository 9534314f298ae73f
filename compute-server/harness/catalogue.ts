import { catalogue } from '../../kernels/catalogue';
import type { Mechanism } from '../../kernels/mechanism';

export const mechanisms: readonly Mechanism[] = catalogue;

/** Throws a RangeError that names what exists. */
export function mechanismOf(id: string): Mechanism {
  const found = mechanisms.find((mechanism) => mechanism.id === id);
  if (!found) {
    throw new RangeError(`there is no mechanism "${id}"; known are ${mechanisms.map((each) => each.id).join(', ')}`);
  }
  return found;
}
