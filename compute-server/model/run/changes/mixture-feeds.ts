/** Head outputs of another run that are mixed in, as the inputs of a layer's graph (models/instrument/interventions/mixture.ts). */
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import type { FedRows } from '../graphs/fed-rows';
import { usesChange } from './rare-changes';

/** Nothing where no variant mixes in this layer: the graph has no inputs for it. */
export function mixtureFeeds(
  { index: layer, attention: { heads, headDim } }: BlockSpec,
  { variants, start, length }: Omit<FedRows, 'keys'>,
): Record<string, RuntimeArray> {
  if (!usesChange('mixture', variants, layer)) return {};
  const b = variants.length;
  const share = new Float32Array(b * heads);
  const given = new Float32Array(b * heads * length * headDim);
  variants.forEach(({ mixtures = [] }, v) => {
    const own = mixtures.findLast((one) => one.layer === layer);
    if (!own) return;
    share.set(own.shares, v * heads);
    const rows = own.outputs.length / (heads * headDim);
    if (start + length > rows) throw new RangeError(`outputs of ${rows} rows are mixed into row ${start + length - 1}`);
    for (let head = 0; head < heads; head++) {
      const from = (head * rows + start) * headDim;
      given.set(own.outputs.subarray(from, from + length * headDim), (v * heads + head) * length * headDim);
    }
  });
  return {
    mixture_share: { data: share, shape: [b, heads] },
    mixture_given: { data: given, shape: [b, heads, length, headDim] },
  };
}
