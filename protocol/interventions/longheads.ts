import type { Output } from '../schema/check';
import { ensure, exactly, object, optional, wholeFrom } from '../schema/fields';
import { rangeField } from './fields';
import type { InterventionKind } from './kind';
import { settingsOf, wholeOf } from './settings';
import { rangeOf, rangeText } from '../schema/written-form';

/** Chunks of the budget: each is a product of its own in the graph of a layer. */
export const mostBudgetChunks = 64;
const largestChunk = 1 << 16;

const fits = ({ chunk, budget }: LongHeads): boolean =>
  budget % chunk === 0 && budget >= 3 * chunk && budget <= mostBudgetChunks * chunk;

/**
 * LongHeads (arXiv:2402.10685): beyond `begin` each query head reads `budget` positions that it chooses itself, in chunks of
 * `chunk`: the first chunk, its own, the one before it and those whose summaries fit its query best, renumbered one behind the
 * other, so that no distance is larger than the budget.
 */
const longHeads = object({
  kind: exactly('longheads'),
  /** Positions of a chunk. */
  chunk: wholeFrom(1, largestChunk),
  /** Positions that a query reads at most; a multiple of `chunk`, three chunks at least. */
  budget: wholeFrom(3, largestChunk * mostBudgetChunks),
  /** Positions that are read as the plain model reads them; absent, or less than the budget: the budget. */
  begin: optional(wholeFrom(0, largestChunk * mostBudgetChunks)),
  /** Absent: all. */
  layers: optional(rangeField),
});
export type LongHeads = Output<typeof longHeads>;

export const longheads: InterventionKind<LongHeads> = {
  kind: 'longheads',
  name: 'chunk selection beyond the trained length (LongHeads)',
  meaning:
    'Beyond a number of tokens each query head reads the chunks of the text that fit its query best, renumbered so that no distance exceeds the budget: a rotary model reads further than it was trained for. Below, nothing changes.',
  form: 'longheads:w=CHUNK,S=BUDGET[,begin=TOKENS][,layers=FROM-TO]',
  example: 'longheads:w=64,S=512',
  parameters: [
    { name: 'w', takes: `tokens, from 1 to ${largestChunk}`, meaning: 'the length of a chunk' },
    {
      name: 'S',
      takes: `a multiple of w, from 3 w to ${mostBudgetChunks} w`,
      meaning: 'the tokens that a query reads at most; take the trained length of the model or less',
    },
    { name: 'begin', takes: 'tokens; absent: S', meaning: 'from which position on chunks are chosen' },
    { name: 'layers', takes: 'a layer, or the first and the last, from 0; absent: all', meaning: 'the layers' },
  ],
  schema: ensure(longHeads, fits, `a budget of 3 to ${mostBudgetChunks} whole chunks`),
  parse(text) {
    const given = settingsOf(text, ['w', 'S', 'begin', 'layers']);
    const [chunk, budget, begin] = [wholeOf(given?.w), wholeOf(given?.S), wholeOf(given?.begin)];
    const layers = given?.layers === undefined ? undefined : rangeOf(given.layers);
    if (!given || chunk === undefined || budget === undefined) return undefined;
    if ((given.begin !== undefined && begin === undefined) || (given.layers !== undefined && !layers)) return undefined;
    return {
      kind: 'longheads',
      chunk,
      budget,
      ...(begin === undefined ? {} : { begin }),
      ...(layers ? { layers } : {}),
    };
  },
  print: ({ chunk, budget, begin, layers }) =>
    `w=${chunk},S=${budget}${begin === undefined ? '' : `,begin=${begin}`}${layers ? `,layers=${rangeText(layers)}` : ''}`,
  words: ({ chunk, budget }) => `LongHeads: ${budget} positions in chunks of ${chunk}`,
  sentence: ({ chunk, budget, begin, layers }) =>
    `From position ${Math.max(begin ?? 0, budget)} on, each query head${layers ? ` of the layers ${rangeText(layers)}` : ''} reads ${budget} positions in chunks of ${chunk} that it chooses itself, renumbered one behind the other.`,
  neutral: () => false,
  anywhere: () => true,
};
