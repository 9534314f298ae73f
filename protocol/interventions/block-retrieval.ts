import type { Output } from '../schema/check';
import { exactly, object, oneOf, optional, wholeFrom } from '../schema/fields';
import type { InterventionKind } from './kind';
import { settingsOf, wholeOf } from './settings';
import { whichHeadsField, whichHeadsOf, whichHeadsText } from './which';

/**
 * What stands for a block when a query chooses. `mean`: the mean of its keys. `max`: the key of the block that got the largest
 * score of any query of the block (of all query heads that share it; in both directions). `mass`: nothing, the blocks that got the
 * most attention are opened: an upper bound that needs every key.
 */
export const representatives = ['mean', 'max', 'mass'] as const;
export type Representative = (typeof representatives)[number];

/** Who chooses together, by the largest share of any of them: the query heads of a key/value head, or all heads of a layer. */
const sharings = ['group', 'heads'] as const;
const mostOpen = 1 << 16;

/**
 * Block retrieval after landmark attention (arXiv:2305.16300), without training: a query reads the first block, its own, the one
 * before it and the `open` blocks whose representatives fit it best; softmax is exact over the keys of these.
 */
const blockRetrievalSchema = object({
  kind: exactly('block-retrieval'),
  /** Query heads. */
  heads: whichHeadsField,
  /** Positions of a block. */
  block: wholeFrom(1, 1 << 16),
  /** Blocks that are opened besides the first, the own and the one before it. */
  open: wholeFrom(0, mostOpen),
  by: oneOf(representatives),
  /** Absent: each query head chooses alone. */
  shared: optional(oneOf(sharings)),
});
export type BlockRetrieval = Output<typeof blockRetrievalSchema>;

export const blockRetrieval: InterventionKind<BlockRetrieval> = {
  kind: 'block-retrieval',
  name: 'block retrieval',
  meaning:
    'Heads read the first block of the text, the newest two and the k others whose representatives fit the query best, instead of everything; a k that covers all blocks changes nothing.',
  form: 'block-retrieval:HEADS:B=BLOCK,k=OPEN[,by=mean|max|mass][,shared=group|heads]',
  example: 'block-retrieval:*.*:B=64,k=4',
  parameters: [
    { name: 'heads', takes: 'query heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    { name: 'B', takes: 'tokens, from 1', meaning: 'the length of a block' },
    {
      name: 'k',
      takes: 'a number from 0',
      meaning: 'blocks that are opened besides the first, the own and the one before',
    },
    {
      name: 'by',
      takes: '`mean` (absent), `max` or `mass`',
      meaning:
        'what blocks are chosen by: their mean key, their key of the largest score, or the attention that they get (an upper bound that reads all keys)',
    },
    {
      name: 'shared',
      takes: '`group`, `heads`, or absent',
      meaning: 'whether the heads of a key/value head, or all of a layer, open the same blocks',
    },
  ],
  schema: blockRetrievalSchema,
  parse(text) {
    const at = text.indexOf(':');
    const heads = whichHeadsOf(text.slice(0, Math.max(0, at)));
    const given = settingsOf(text.slice(at + 1), ['B', 'k', 'by', 'shared']);
    const [block, open] = [wholeOf(given?.B), wholeOf(given?.k)];
    const by = representatives.find((each) => each === (given?.by ?? 'mean'));
    const shared = sharings.find((each) => each === given?.shared);
    if (at < 0 || !heads || !given || block === undefined || open === undefined || by === undefined) return undefined;
    if (given.shared !== undefined && shared === undefined) return undefined;
    return { kind: 'block-retrieval', heads, block, open, by, ...(shared === undefined ? {} : { shared }) };
  },
  print: ({ heads, block, open, by, shared }) =>
    `${whichHeadsText(heads)}:B=${block},k=${open}${by === 'mean' ? '' : `,by=${by}`}${shared === undefined ? '' : `,shared=${shared}`}`,
  words: ({ heads, block, open, by }) => `${whichHeadsText(heads)} opens ${open} blocks of ${block} by ${by}`,
  sentence: ({ heads, block, open, by, shared }) =>
    `The heads ${whichHeadsText(heads)} read the first block of ${block} positions, the newest two and ${open} others chosen by ${
      by === 'mean'
        ? 'their mean keys'
        : by === 'max'
          ? 'their keys of the largest score'
          : 'the attention that they get'
    }${shared === undefined ? '' : shared === 'group' ? ', the same for the heads of a key/value head' : ', the same for all heads of a layer'}.`,
  neutral: () => false,
  anywhere: () => true,
};
