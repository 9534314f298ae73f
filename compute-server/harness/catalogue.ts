import { catalogue } from '../../kernels/catalogue';
import type { Mechanism } from '../../kernels/mechanism';

/** Throws a RangeError that names what exists. */
export function mechanismOf(id: string): Mechanism {
  const found = catalogue.find((mechanism) => mechanism.id === id);
  if (!found) {
    throw new RangeError(`there is no mechanism "${id}"; choose from ${catalogue.map((each) => each.id).join(', ')}`);
  }
  return found;
}
