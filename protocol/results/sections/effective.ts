/** What a result of heads shows of recurrences: their effective attention, on a scale of its own about 0. */
import * as build from '../../sections/builders';
import type { HeadsSection } from '../../sections/heads';
import type { Section } from '../../sections/section';
import type { EffectiveHeads, HeadsMeasured } from '../labelled-heads';
import { picturesOf, readThumbnails } from '../thumbnails';

export const effectiveId = 'effective';

/** What a cell is: no query head, whose rows are probabilities. */
const cell = 'recurrence head';

const definition =
  'E(i, j): the factor of the value of token j in the output of token i. It may be below 0, and its rows need not sum to 1.';

const recurrenceWords: Readonly<Record<string, string>> = {
  'gated-delta': 'a gated delta rule',
  gla: 'gated linear attention',
  mamba2: 'a Mamba-2 recurrence',
  mamba: 'a Mamba recurrence, in blocks of channels',
  'rg-lru': 'an RG-LRU, in blocks of channels',
  lightning: 'lightning attention',
  'short-convolution': 'a short convolution, in blocks of channels',
  wkv: 'an RWKV recurrence, in blocks of channels',
  wkv6: 'an RWKV-6 recurrence',
};

/** A kind in words; one that is not known yet as it is spelt. */
const wordsOf = (kind: string): string => recurrenceWords[kind] ?? kind;

/** Why layers have no cells among the heads of attention, by layer. */
export const withoutAttention = ({ recurrences, beside }: EffectiveHeads): NonNullable<HeadsSection['without']> =>
  recurrences.map((kind, layer) =>
    kind === null || beside[layer] === true ? null : `${wordsOf(kind)}: no probabilities`,
  );

export function effectiveSections({ effective, tokens = 0 }: Partial<HeadsMeasured>): readonly Section[] {
  if (!effective) return [];
  const { recurrences, sum, size, negative, distance, thumbnails, why } = effective;
  const title = 'Effective attention of recurrences';
  if (why !== undefined) return [build.paragraphs(effectiveId, title, [why])];
  const kinds = [...new Set(recurrences.flatMap((kind) => kind ?? []))].map(wordsOf);
  const pictures = thumbnails && picturesOf(readThumbnails(thumbnails), tokens, true);
  const grid = build.heads(
    effectiveId,
    title,
    `${definition} Here it is of ${kinds.join(', and ')}. Entropy, sinks and labels are of probabilities, and are not measured of it.`,
    [
      build.signed(
        'sum',
        'Sum of a row',
        'Mean over the tokens i of sum_j E(i, j); a row of probabilities has 1.',
        sum,
      ),
      build.amounts('size', 'Size of a row', 'Mean over the tokens i of sum_j |E(i, j)|.', size),
      build.shares('negative', 'Share below 0', 'sum |E(i, j)| of those below 0, over that of all.', negative),
      build.amounts('distance', 'Mean distance', 'sum_ij |E(i, j)| (i - j) over sum_ij |E(i, j)|.', distance, 'tokens'),
    ],
    { ask: 'Show its effective attention', cell, pictures },
  );
  const without = recurrences.map((kind) => (kind === null ? 'attention, or neither' : null));
  return [{ ...grid, without, asksAtOnce: true }];
}
