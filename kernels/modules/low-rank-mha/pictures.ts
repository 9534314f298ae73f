/** What low-rank attention shows of the first text, and what other ways to pool words cost. */
import type { Tensors } from '../../module';
import type { Picture, PictureTable } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import type { Tensor } from '../../tensors/tensor';

interface Size {
  readonly words: number;
  readonly width: number;
  readonly heads: number;
  readonly rank: number;
  readonly context: string;
}

/** d_a of Lin et al. (arXiv:1703.03130), of additive attention as well. */
const hidden = 350;

interface Pooling {
  readonly title: string;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Operations beside products: activations, norms and softmax. */
  readonly others: number;
  /** Numbers of scores and hidden features that are written. */
  readonly written: number;
}

/** One text of n words of width d, pooled into m rows (or one). */
export function poolings({ words: n, width: d, heads: m, rank, context }: Size): readonly Pooling[] {
  const columns = m * rank;
  return [
    {
      title: 'Low-rank multi-head attention',
      parameters: 2 * d * columns + (context === 'learned' ? d : 0),
      multiplyAdds: n * d * columns + d * columns + n * d * m + (context === 'mean' ? n * d : 0),
      others: n * (columns + 10 * m),
      written: n * (columns + m),
    },
    {
      title: 'Additive attention, one head',
      parameters: hidden * d + hidden,
      multiplyAdds: n * d * hidden + n * hidden + n * d,
      others: n * (hidden + 5),
      written: n * (hidden + 1),
    },
    {
      title: 'Structured self-attention (Lin et al.)',
      parameters: hidden * d + m * hidden,
      multiplyAdds: n * d * hidden + n * hidden * m + n * d * m,
      others: n * (hidden + 5 * m),
      written: n * (hidden + m),
    },
    {
      title: 'Multi-head attention, one query',
      parameters: 4 * d * d,
      multiplyAdds: 2 * n * d * d + 2 * d * d + 2 * n * d,
      others: 5 * n * m,
      written: 2 * n * d + n * m,
    },
  ];
}

export function lamaPictures(outputs: Tensors, size: Size, scores: Tensor): readonly Picture[] {
  const { words, heads } = size;
  const attention = outputs['attention']!.data;
  const labels = Array.from({ length: heads }, (_, head) => `head ${head + 1}`);
  const strips = {
    rows: { title: 'Head', labels: labels.map((_, head) => String(head + 1)) },
    columns: { title: 'Word' },
  } as const;
  const reached = labels.map((_, head) => {
    const row = attention.subarray(head * words, (head + 1) * words);
    const entropy = row.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0);
    return { x: head, y: Math.exp(entropy) };
  });
  return [
    {
      kind: 'heat-map',
      id: 'attention',
      title: 'What each head reads',
      caption: `A strip for each head, not a square: words do not read words. Even attention over ${words} words is ${(1 / words).toPrecision(2)}; padding is 0.`,
      unit: '',
      definition: 'A_ki = softmax over words i of the score of head k; each row adds up to 1',
      scale: 'sequential',
      ...strips,
      values: rowsOf(attention, heads, words),
    },
    {
      kind: 'heat-map',
      id: 'scores',
      title: 'Scores',
      caption: 'Before mask, temperature and softmax. With the norm over heads, each column has length 1.',
      unit: '',
      definition: 'act((P^T c) * (Q^T h_i)), divided by its length over heads where that is on',
      scale: 'diverging',
      ...strips,
      values: rowsOf(scores.data, heads, words),
    },
    {
      kind: 'chart',
      id: 'reached',
      title: 'Words that a head reads',
      caption: `The number of words that even attention of the same entropy would read. Bounded scores keep it near ${words} in long texts; a lower temperature sharpens it.`,
      x: { title: 'Head', unit: '', scale: 'category', categories: labels },
      y: { title: 'Words, exp of the entropy', unit: '', scale: 'linear' },
      series: [{ title: 'words', mark: 'bars', points: reached }],
    },
    poolingTable(size),
  ];
}

/** Side by side, for one text of these sizes. */
export const poolingTable = (size: Size): PictureTable => ({
  kind: 'table',
  id: 'poolings',
  title: 'Ways to pool a text',
  caption: `One text of these sizes. Additive and structured attention have ${hidden} hidden features, as Lin et al.`,
  columns: [
    { title: 'Attention', kind: 'text' },
    { title: 'Parameters', kind: 'number' },
    {
      title: 'Operations',
      kind: 'number',
      definition: 'Two for each multiply-add, and those of activations, norms and softmax',
    },
    {
      title: 'Memory traffic',
      kind: 'number',
      unit: 'B',
      definition: 'Float32: parameters, words twice, and scores and hidden features written and read',
    },
  ],
  rows: poolings(size).map(({ title, parameters, multiplyAdds, others, written }) => [
    title,
    parameters,
    2 * multiplyAdds + others,
    4 * (parameters + 2 * size.words * size.width + 2 * written),
  ]),
});
