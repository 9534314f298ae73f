/** What everything that reads a bag of instances grows with, and the plain attention that it is timed against. */
import type { Growth, PlainAttention } from '../../module';
import type { ParameterValues } from '../../mechanism';
import { headsFor } from '../../module-parts/plain-attention';

interface Bag extends ParameterValues {
  readonly batch: number;
  readonly instances: number;
  readonly width: number;
}

export const instanceGrowth = {
  of: 'instances',
  sizes: [256, 1024, 4096].map((instances) => ({ instances })),
  size: ({ instances }: { readonly instances: number }) => instances,
  exponent: 1,
} as const satisfies Growth<Bag>;

export const plainOverInstances = ({ batch, instances, width }: Bag): PlainAttention => ({
  batch,
  queries: instances,
  keys: instances,
  width,
  heads: headsFor(width),
});
