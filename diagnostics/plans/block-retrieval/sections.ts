/** What the analysis shows and says. */
import { representatives, type Representative } from '../../../protocol/interventions/block-retrieval';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { BlockRetrievalResult, Opened } from './result';
import * as build from '../../../protocol/sections/builders';

const isDone = (result: Partial<BlockRetrievalResult>): result is BlockRetrievalResult => (result.prompts ?? 0) > 0;

const titles: Readonly<Record<Representative, string>> = {
  mean: 'mean key',
  max: 'key of the largest score',
  mass: 'attention (upper bound)',
};

export function finding(result: Partial<BlockRetrievalResult>): string {
  if (!isDone(result)) return 'No prompt has been read yet.';
  const { opened, candidates, plain, n, block, headOpen } = result;
  if (candidates === 0)
    return `The prompts have no block of ${block} tokens that could be left closed; take shorter blocks.`;
  const at = (by: Representative): Opened | undefined => opened.find((one) => one.by === by && one.open === headOpen);
  const [byMean, byMax, byMass] = [at('mean'), at('max'), at('mass')];
  if (!byMean || !byMax || !byMass) return 'No number of blocks was given.';
  const blocks = `${counted(headOpen, 'block', 'blocks')} of ${block} tokens, chosen among ${threeDigits(candidates)} on average,`;
  if (n > 0)
    return `With ${blocks} ${byMean.correct} of ${n} prompts are answered by mean keys, ${byMax.correct} by keys of the largest score and ${byMass.correct} by the blocks of the most attention; everything read, ${plain.correct}.`;
  return `With ${blocks} heads read ${threeDigits(100 * byMean.mass)} % of their attention by mean keys, ${threeDigits(100 * byMax.mass)} % by keys of the largest score and ${threeDigits(100 * byMass.mass)} % at best.`;
}

export function sections(result: Partial<BlockRetrievalResult>): readonly Section[] {
  if (!isDone(result)) return [];
  const line = (
    id: string,
    title: string,
    caption: string,
    y: ChartSection['y'],
    of: (one: Opened) => { readonly y: number; readonly low?: number; readonly high?: number },
    interval?: string,
  ) =>
    build.chart(
      id,
      title,
      caption,
      build.axis('blocks opened (k)', '', { min: 0 }),
      y,
      representatives.map((by) =>
        build.line(
          by,
          titles[by],
          result.opened.filter((one) => one.by === by).map((one) => ({ x: one.open, ...of(one) })),
        ),
      ),
      { interval },
    );
  const { n, sought } = result;
  return [
    ...(n > 0
      ? [
          line(
            'accuracy',
            'Answers by blocks opened',
            'Share of prompts whose answer has the largest logit, token by token, in runs in which every head opens k blocks.',
            build.shareAxis('answered'),
            ({ share, low, high }) => ({ y: share, low, high }),
            "Wilson's 95 % interval over prompts",
          ),
        ]
      : []),
    line(
      'divergence',
      'What is lost of the attention',
      'Kullback-Leibler divergence of the attention that is left from the full one for the last position: -ln of the attention on what is read, in the plain run, mean over heads and prompts.',
      build.axis('divergence', 'nats', { min: 0 }),
      ({ divergence }) => ({ y: divergence }),
    ),
    ...(sought > 0 ? [heads(result)] : []),
    table(result),
    bytes(result),
    reading(result),
  ];
}

function heads({ headOpen, headHits, headMass, sought, block }: BlockRetrievalResult) {
  return build.heads(
    'hits',
    "Heads that open the needle's block",
    `For the last position, with ${counted(headOpen, 'block', 'blocks')} of ${block} tokens by mean keys, over ${counted(sought, 'prompt', 'prompts')}.`,
    [
      build.shares(
        'hits',
        'hit rate',
        'Share of prompts in which the head opens the block of the needle for the last position.',
        headHits,
      ),
      build.shares(
        'mass',
        'attention read',
        'Attention of the last position, in the plain run, on the blocks that it would read; mean over prompts.',
        headMass,
      ),
    ],
    { ask: 'Show its blocks' },
  );
}

const table = ({ opened, n, sought }: BlockRetrievalResult) =>
  build.table('opened', 'By what blocks are chosen', '', opened, [
    build.text('by', 'By', (one) => titles[one.by]),
    build.count('open', 'k', 'Blocks that are opened besides the first and the newest two.', (one) => one.open),
    n > 0 && build.count('correct', 'Answered', `Prompts answered correctly, of ${n}.`, (one) => one.correct),
    build.number(
      'mass',
      'Attention read',
      'Attention of the last position to what it would read, in the plain run, mean over heads and prompts.',
      (one) => one.mass,
    ),
    build.number('divergence', 'Divergence', 'Mean of -ln of the attention read.', 'nats', (one) => one.divergence),
    sought > 0 &&
      build.number('hits', 'Hit rate', 'How often a head reads the block of the needle.', (one) => one.hits),
    build.number(
      'change',
      'Next token',
      'Kullback-Leibler divergence of the next token from the plain run.',
      'nats',
      (one) => one.change,
    ),
  ]);

const bytes = ({ bytes: rows }: BlockRetrievalResult) =>
  build.table(
    'bytes',
    'Bytes of the caches',
    'In float32, of all layers, mean over prompts. By mean keys or keys of the largest score only one key for each block has to be near; the rest could lie in slower memory, of which a token reads its opened blocks. Runs here keep everything in memory.',
    rows,
    [
      build.count('open', 'k', 'Blocks that are opened besides the first and the newest two.'),
      build.count('resident', 'Resident', 'A key for each complete block and key/value head.', 'bytes'),
      build.count('whole', 'Offloaded', 'Keys and values of all positions.', 'bytes'),
      build.count('read', 'Read by a token', 'Keys and values of k + 3 blocks for each query head, at most.', 'bytes'),
    ],
  );

const reading = ({ note }: BlockRetrievalResult) =>
  build.paragraphs('reading', 'How to read this', [
    'The paper trains landmark tokens to stand for blocks; here nothing is trained, and a block is what its own keys say. Choosing by attention reads every key: it bounds what any representative can reach by the attention of a head, and the answers of a model can still be more with other blocks.',
    'Attention and hit rates come from the plain run. In the runs that give the answers every head reads blocks only, so later layers see other inputs.',
    ...(note === '' ? [] : [note]),
  ]);
