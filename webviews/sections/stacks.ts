/** The parts of an encoder-decoder whose heads are shown, in words. */
import type { Stack } from '../../protocol/sections/section-base';

export const stackTitles: Readonly<
  Record<
    Stack | 'decoder',
    { readonly attention: string; /** Stands before the name of a head. */ readonly prefix: string }
  >
> = {
  encoder: { attention: 'Attention in the encoder', prefix: 'encoder ' },
  decoder: { attention: 'Attention', prefix: '' },
  cross: { attention: 'Cross-attention', prefix: 'cross-attention, ' },
};
