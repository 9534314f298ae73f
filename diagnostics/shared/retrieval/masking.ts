/**
 * Masking of heads, in three ways.
 *
 * - `uniform`: each query of the head attends to all keys that it may read with equal weights, so that its output is the mean of the
 *   values up to there (of its window, where it has one). The head is kept, what it chooses is not. The authors' code of
 *   arXiv:2404.15574 sets the scores to 0 behind the causal mask, which reads later tokens too: that is not done here.
 * - `zero`: the head outputs zero (gain 0): its part of the output projection is gone.
 * - `mean`: the head outputs the same vector at every position: its mean over rows of given prompts.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import { uniformHeads } from '../../../models/instrument/changes/uniform';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';

export const maskModes = ['uniform', 'zero', 'mean'] as const;
export type MaskMode = (typeof maskModes)[number];

/** Mean outputs by layer and head, [headDim]. */
export type MeanOutputs = ReadonlyMap<string, Float32Array>;

const placeKey = ({ layer, head }: HeadPlace): string => `${layer}.${head}`;

/** The variant with the heads masked on top of what it changes already. `means` are needed by the mode `mean`. */
export function masked(variant: Variant, heads: readonly HeadPlace[], mode: MaskMode, means?: MeanOutputs): Variant {
  switch (mode) {
    case 'uniform':
      return [...variant, ...uniformHeads(heads)];
    case 'zero':
      return [...variant, ...gainsOf(heads, 0)];
    case 'mean':
      return [
        ...variant,
        ...heads.map(({ layer, head }) => {
          const data = means?.get(placeKey({ layer, head }));
          if (!data) throw new RangeError(`no mean output of L${layer}H${head} was measured`);
          return { kind: 'replacement' as const, layer, target: 'head' as const, head, data, everywhere: true };
        }),
      ];
  }
}

/** Prompts and rows of each that a mean is over, at most: the mean moves little with more of them. */
const mostPrompts = 8;
const mostRows = 128;

/** Mean over evenly spaced rows of the first prompts; the outputs are those under the variant, before the output projection. */
export async function meanOutputs(
  model: ModelRunner,
  prompts: readonly Sequence[],
  heads: readonly HeadPlace[],
  variant: Variant = [],
): Promise<MeanOutputs> {
  const layers = [...new Set(heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const sums = new Map(
    heads.map((place) => [placeKey(place), new Float64Array(model.facts.blocks[place.layer]?.headDim ?? 0)]),
  );
  let rows = 0;
  for (const prompt of prompts.slice(0, mostPrompts)) {
    const { length } = prompt.ids;
    const count = Math.min(mostRows, length);
    const tapRows = Array.from({ length: count }, (_, at) => Math.floor((at * length) / count));
    const taps = layers.map((layer) => ({ layer, tap: 'attention.head_output' as const }));
    const run = model.layers({ ...prompt, variants: [variant], taps, tapRows, logits: 'none' });
    for await (const { layer, taps: given } of run) {
      const data = given['attention.head_output']?.data;
      if (!(data instanceof Float32Array)) continue;
      for (const place of heads) {
        const sum = place.layer === layer ? sums.get(placeKey(place)) : undefined;
        if (!sum) continue;
        const width = sum.length;
        for (let at = 0; at < count * width; at++)
          sum[at % width] = (sum[at % width] ?? 0) + (data[place.head * count * width + at] ?? 0);
      }
    }
    rows += count;
  }
  return new Map([...sums].map(([key, sum]) => [key, Float32Array.from(sum, (value) => value / rows)]));
}
