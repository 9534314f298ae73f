/** What the analysis shows and says. */
import { representatives, type Representative } from '../../../protocol/interventions/block-retrieval';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { TextSection } from '../../../protocol/sections/text';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import { counted, threeDigits } from '../../shared/words';
import type { BlockRetrievalResult, Opened } from './result';

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
  ): ChartSection => ({
    kind: 'chart',
    id,
    title,
    caption,
    x: { title: 'blocks opened (k)', unit: '', scale: 'linear', min: 0 },
    y,
    series: representatives.map((by) => ({
      id: by,
      title: titles[by],
      mark: 'line' as const,
      points: result.opened.filter((one) => one.by === by).map((one) => ({ x: one.open, ...of(one) })),
    })),
    ...(interval === undefined ? {} : { interval }),
  });
  const { n, sought } = result;
  return [
    ...(n > 0
      ? [
          line(
            'accuracy',
            'Answers by blocks opened',
            'Share of prompts whose answer has the largest logit, token by token, in runs in which every head opens k blocks.',
            { title: 'answered', unit: '', scale: 'linear', min: 0, max: 1 },
            ({ share, low, high }) => ({ y: share, low, high }),
            "Wilson's 95 % interval over prompts",
          ),
        ]
      : []),
    line(
      'divergence',
      'What is lost of the attention',
      'Kullback-Leibler divergence of the attention that is left from the full one for the last position: -ln of the attention on what is read, in the plain run, mean over heads and prompts.',
      { title: 'divergence', unit: 'nats', scale: 'linear', min: 0 },
      ({ divergence }) => ({ y: divergence }),
    ),
    ...(sought > 0 ? [heads(result)] : []),
    table(result),
    bytes(result),
    reading(result),
  ];
}

function heads({ headOpen, headHits, headMass, sought, block }: BlockRetrievalResult): HeadsSection {
  return {
    kind: 'heads',
    id: 'hits',
    title: "Heads that open the needle's block",
    caption: `For the last position, with ${counted(headOpen, 'block', 'blocks')} of ${block} tokens by mean keys, over ${counted(sought, 'prompt', 'prompts')}.`,
    ask: 'Show its blocks',
    numbers: [
      {
        name: 'hits',
        title: 'hit rate',
        unit: '',
        definition: 'Share of prompts in which the head opens the block of the needle for the last position.',
        scale: { kind: 'sequential', min: 0, max: 1 },
        values: headHits,
      },
      {
        name: 'mass',
        title: 'attention read',
        unit: '',
        definition:
          'Attention of the last position, in the plain run, on the blocks that it would read; mean over prompts.',
        scale: { kind: 'sequential', min: 0, max: 1 },
        values: headMass,
      },
    ],
  };
}

const table = ({ opened, n, sought }: BlockRetrievalResult): TableSection => ({
  kind: 'table',
  id: 'opened',
  title: 'By what blocks are chosen',
  columns: [
    { name: 'by', title: 'By', kind: 'text' },
    countColumn('open', 'k', 'Blocks that are opened besides the first and the newest two.'),
    ...(n > 0 ? [countColumn('correct', 'Answered', `Of ${n} prompts.`)] : []),
    numberColumn(
      'mass',
      'Attention read',
      'Of the last position on what it would read, plain run, mean over heads and prompts.',
    ),
    numberColumn('divergence', 'Divergence', 'Mean of -ln of the attention read.', 'nats'),
    ...(sought > 0 ? [numberColumn('hits', 'Hit rate', 'How often a head reads the block of the needle.')] : []),
    numberColumn('change', 'Next token', 'Kullback-Leibler divergence of the next token from the plain run.', 'nats'),
  ],
  rows: opened.map((one) => [
    titles[one.by],
    one.open,
    ...(n > 0 ? [cellOf(one.correct)] : []),
    cellOf(one.mass),
    cellOf(one.divergence),
    ...(sought > 0 ? [cellOf(one.hits)] : []),
    cellOf(one.change),
  ]),
});

const bytes = ({ bytes: rows }: BlockRetrievalResult): TableSection => ({
  kind: 'table',
  id: 'bytes',
  title: 'Bytes of the caches',
  caption:
    'In float32, of all layers, mean over prompts. By mean keys or keys of the largest score only one key for each block has to be near; the rest could lie in slower memory, of which a token reads its opened blocks. Runs here keep everything in memory.',
  columns: [
    countColumn('open', 'k', 'Blocks that are opened besides the first and the newest two.'),
    countColumn('resident', 'Resident', 'A key for each complete block and key/value head.', 'bytes'),
    countColumn('whole', 'Offloaded', 'Keys and values of all positions.', 'bytes'),
    countColumn('read', 'Read by a token', 'Keys and values of k + 3 blocks for each query head, at most.', 'bytes'),
  ],
  rows: rows.map(({ open, resident, whole, read }) => [open, resident, whole, read]),
});

const reading = ({ note }: BlockRetrievalResult): TextSection => ({
  kind: 'text',
  id: 'reading',
  title: 'How to read this',
  paragraphs: [
    'The paper trains landmark tokens to stand for blocks; here nothing is trained, and a block is what its own keys say. Choosing by attention reads every key: it bounds what any representative can reach by the attention of a head, and the answers of a model can still be more with other blocks.',
    'Attention and hit rates come from the plain run. In the runs that give the answers every head reads blocks only, so later layers see other inputs.',
    ...(note === '' ? [] : [note]),
  ],
});
