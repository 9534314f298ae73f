/** What sinks are worth: rows behind the picture cannot read them, or as many other tokens of the picture, or any of it. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { random, seedFor } from '../../../kernels/tensors/random';
import { largestIsolation } from '../../../protocol/interventions/isolate';
import { divergenceOf, logProbabilities } from '../../shared/maps/changed-output';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { sample } from '../../tasks/draft';
import type { MaskedRun } from './result';

/** Rows of the sequence, by layer; layers that are left out have none masked. */
export type MaskedRows = ReadonlyMap<number, readonly number[]>;

/**
 * The variant in which rows from `behind` on, up to `end`, give these keys nothing. All other rows read as before, but for the rows of
 * these keys where a prompt is read in both directions: they do not read the text either.
 */
export function maskedFrom(
  variant: Variant,
  { blocks }: Pick<ModelFacts, 'blocks'>,
  masked: MaskedRows,
  { behind, end }: { readonly behind: number; readonly end: number },
): Variant {
  const reading = Array.from({ length: end - behind }, (_, at) => behind + at);
  const own = [...masked].flatMap(([layer, rows]) => {
    if (rows.length === 0) return [];
    const regions = [reading, rows];
    return Array.from({ length: blocks[layer]?.heads ?? 0 }, (_, head) => ({
      ...{ kind: 'isolation' as const, layer, head, regions },
      beta: largestIsolation,
    }));
  });
  return [...variant, ...own];
}

/** In each layer as many tokens of the picture as it has sinks, drawn among the others; all of them where there are fewer. */
export function drawnRows(image: readonly number[], sinks: MaskedRows, seed: number, draw: number): MaskedRows {
  return new Map(
    [...sinks].map(([layer, rows]) => {
      const others = image.filter((row) => !rows.includes(row));
      const source = random(seedFor(seed, `masked, draw ${draw}, layer ${layer}`));
      return [layer, sample(source, others, Math.min(others.length, rows.length))];
    }),
  );
}

/** Logits behind the last row. */
export async function lastLogits(model: ModelRunner, sequence: Sequence, variant: Variant): Promise<Float32Array> {
  const { logits } = await model.run({ ...sequence, variants: [variant], logits: 'last' });
  if (!(logits?.data instanceof Float32Array)) throw new TypeError('the run gave no logits');
  return logits.data;
}

export function maskedRun(
  model: ModelRunner,
  { name, rows }: { readonly name: string; readonly rows: MaskedRows },
  plain: Float32Array,
  masked: Float32Array,
): MaskedRun {
  const best = largestOf(plain);
  const [leading = ''] = model.pieces([largestOf(masked)]);
  return {
    name,
    tokens: [...rows.values()].reduce((sum, { length }) => sum + length, 0),
    divergence: divergenceOf(plain, masked),
    probability: Math.exp(logProbabilities(masked)[best] ?? Number.NaN),
    leading,
  };
}

/** The lower id of two that are equally probable. */
export const largestOf = (logits: Float32Array): number =>
  logits.reduce((best, value, id) => (value > (logits[best] ?? -Infinity) ? id : best), 0);
