/** How the weights of an opened model are held, by what a person chose. */
import type { HeldWeights } from '../../../protocol/schema/parts';
import type { DeviceId } from '../../runtime/session';
import type { Holding } from './piece-layout';
import type { Bits } from './quantise';

/** Linear maps with float weights are quantised to integers of `bits` bits. */
export const quantising = (bits: Bits): Holding => ({ bits, codes: true, activations: 'float' });

/** Undefined: all weights are read where they are stored. */
export function holdingOf(held: HeldWeights, device: DeviceId, encoded: boolean): Holding | undefined {
  if (held === 'q8' || held === 'q4') return quantising(held === 'q8' ? 8 : 4);
  // Products with codes have been tried on the CPU only.
  const codes = device === 'cpu';
  return encoded ? { codes, activations: held === 'int8-activations' ? 'int8' : 'float' } : undefined;
}
