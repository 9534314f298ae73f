/** One section of each kind as an analysis of a small model gives it, drawn from a seeded generator. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { ExpertsSection } from '../../../protocol/sections/experts';
import type { GenerationsSection } from '../../../protocol/sections/generations';
import type { GraphNode, GraphSection } from '../../../protocol/sections/graph';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { ImageSection } from '../../../protocol/sections/image';
import type { MapSection } from '../../../protocol/sections/map';
import type { TableSection } from '../../../protocol/sections/table';
import type { TextSection } from '../../../protocol/sections/text';
import type { TokensSection } from '../../../protocol/sections/tokens';

/** Numbers from 0 to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const grid = (layers: number, heads: number, value: (layer: number, head: number) => number): number[][] =>
  Array.from({ length: layers }, (_, layer) => Array.from({ length: heads }, (__, head) => value(layer, head)));

export function headsStory(layers = 12, heads = 12, id = 'retrieval'): HeadsSection {
  const next = random(7);
  const strong = new Set(['5.1', '6.9', '8.6', '8.10', '9.9', '10.7']);
  const score = grid(layers, heads, (layer, head) =>
    strong.has(`${layer}.${head}`) ? 0.55 + 0.4 * next() : 0.18 * next() ** 2,
  );
  const effect = grid(layers, heads, (layer, head) =>
    strong.has(`${layer}.${head}`) ? (head % 2 === 0 ? -1 : 1) * (0.6 + 1.4 * next()) : 0.2 * (next() - 0.5),
  );
  if (score[0] && heads > 3) score[0][3] = Number.NaN;
  return {
    kind: 'heads',
    id,
    title: 'Retrieval score of every head',
    caption: 'How often a head looks at the token of the needle that the model is about to copy, over 64 prompts.',
    ask: 'Show its attention',
    numbers: [
      {
        name: 'score',
        title: 'Retrieval score',
        unit: '',
        definition: 'Share of copied needle tokens at which the head’s largest attention lies on that token (0 to 1).',
        scale: { kind: 'sequential', min: 0, max: 1 },
        values: score,
        low: score.map((row) => row.map((value) => Math.max(0, value - 0.05))),
        high: score.map((row) => row.map((value) => Math.min(1, value + 0.05))),
        interval: '95 % interval over prompts',
      },
      {
        name: 'effect',
        title: 'Effect of removal',
        unit: 'nats',
        definition: 'Change of the loss on the needle when the output of the head is set to its mean.',
        scale: { kind: 'diverging' },
        values: effect,
      },
    ],
    classes: [
      {
        name: 'retrieval',
        title: 'Retrieval',
        definition: 'Score above 0.5.',
        heads: [...strong].flatMap((key) => {
          const [layer = 0, head = 0] = key.split('.').map(Number);
          return layer < layers && head < heads ? [{ layer, head }] : [];
        }),
      },
      {
        name: 'induction',
        title: 'Induction',
        definition: 'Attends to the token after an earlier copy of the current one.',
        heads: [
          { layer: 5, head: 1 },
          { layer: 5, head: 5 },
          { layer: 6, head: 9 },
          { layer: 7, head: 2 },
        ].filter(({ layer, head }) => layer < layers && head < heads),
      },
      {
        name: 'previous',
        title: 'Previous token',
        definition: 'Attends to the token before the current one.',
        heads: [
          { layer: 2, head: 2 },
          { layer: 4, head: 11 },
        ].filter(({ layer, head }) => layer < layers && head < heads),
      },
    ],
    marked: [
      { layer: 8, head: 6 },
      { layer: 9, head: 9 },
      { layer: 10, head: 7 },
    ].filter(({ layer, head }) => layer < layers && head < heads),
  };
}

const sentence = [
  'When',
  ' Mary',
  ' and',
  ' John',
  ' went',
  ' to',
  ' the',
  ' store',
  ',',
  ' John',
  ' gave',
  ' a',
  ' drink',
  ' to',
];

export function mapStory(): MapSection {
  const next = random(11);
  const values = sentence.map((_, row) => {
    const raw = sentence.map((__, column) =>
      column > row ? 0 : 0.05 + next() * 0.2 + (column === 0 ? 0.8 : 0) + (row === 13 && column === 1 ? 4 : 0),
    );
    const sum = raw.reduce((total, value) => total + value, 0);
    return raw.map((value, column) => (column > row ? Number.NaN : value / sum));
  });
  return {
    kind: 'map',
    id: 'attention',
    title: 'Attention of layer 9, head 9',
    caption: 'The last query reads the indirect object.',
    unit: '',
    definition: 'Probability that the query reads the key, after softmax; keys behind the query are masked.',
    scale: { kind: 'sequential' },
    rows: { title: 'Query', labels: sentence },
    columns: { title: 'Key', labels: sentence },
    attentionOf: { layer: 9, head: 9 },
    values,
  };
}

export function tokensStory(): TokensSection {
  const next = random(3);
  const text =
    'The pass key is 71432 . Remember it . The grass is green . The sky is blue . Here we go . There and back again . What is the pass key ? The pass key is 71432';
  const tokens = text.split(' ').map((word, at) => (at === 0 ? word : ` ${word}`));
  return {
    kind: 'tokens',
    id: 'needle',
    title: 'Attention to each token at the last query',
    caption: 'Mean over the heads that the finding names.',
    tokens,
    numbers: [
      {
        name: 'mass',
        title: 'Attention',
        unit: '%',
        definition: 'Mean attention of layer 8 head 6, layer 9 head 9 and layer 10 head 7 at the last query.',
        scale: { kind: 'sequential' },
        values: tokens.map((token, at) => (token === ' 71432' && at < 10 ? 62 : at === 0 ? 14 : 2 * next())),
      },
      {
        name: 'loss',
        title: 'Change of loss',
        unit: 'nats',
        definition: 'Loss of the token without the three heads, minus its loss with them.',
        scale: { kind: 'diverging' },
        values: tokens.map((_, at) => (at === tokens.length - 1 ? 4.2 : at === 0 ? Number.NaN : next() - 0.5)),
      },
    ],
    classes: {
      names: ['needle', 'question'],
      of: tokens.map((_, at) => (at >= 1 && at <= 4 ? 0 : at >= 24 && at <= 29 ? 1 : -1)),
    },
  };
}

export function lineStory(): ChartSection {
  const next = random(5);
  const lengths = [256, 512, 1024, 2048, 4096, 8192];
  const line = (id: string, title: string, from: number, fall: number): ChartSection['series'][number] => ({
    id,
    title,
    mark: 'line',
    points: lengths.map((x, at) => {
      const y = Math.max(0.02, from - fall * at + 0.02 * next());
      return { x, y, low: Math.max(0, y - 0.05), high: Math.min(1, y + 0.05) };
    }),
  });
  return {
    kind: 'chart',
    id: 'accuracy',
    title: 'Accuracy over length',
    caption: 'Pass key found, 50 prompts at each length.',
    x: { title: 'Length', unit: 'tokens', scale: 'log2' },
    y: { title: 'Accuracy', unit: '', scale: 'linear', min: 0, max: 1 },
    series: [line('plain', 'Plain model', 0.98, 0.03), line('removed', 'Without the three heads', 0.7, 0.13)],
    references: [{ label: 'chance', from: [256, 0.1], to: [8192, 0.1] }],
    interval: '95 % interval over prompts (Wilson)',
  };
}

export function pointsStory(): ChartSection {
  const next = random(13);
  const points = (id: string, title: string, shift: number): ChartSection['series'][number] => ({
    id,
    title,
    mark: 'points',
    points: Array.from({ length: 40 }, (_, at) => {
      const x = 2 * next() - 1;
      return { x, y: 0.8 * x + shift + 0.3 * (next() - 0.5), label: `L${at % 12}H${at % 7}` };
    }),
  });
  return {
    kind: 'chart',
    id: 'direct',
    title: 'Attributed against measured effect',
    x: { title: 'Attributed', unit: 'logits', scale: 'linear' },
    y: { title: 'Measured', unit: 'logits', scale: 'linear' },
    series: [points('heads', 'Heads', 0), points('mlps', 'MLPs', -0.4)],
    references: [{ label: 'y = x', from: [-1, -1], to: [1, 1] }],
    ask: 'Show the head',
  };
}

export function barsStory(): ChartSection {
  const categories = ['Mean', 'Zero', 'Resampled', 'Counterpart', 'Knock-out of keys'];
  return {
    kind: 'chart',
    id: 'ablations',
    title: 'Loss by kind of removal',
    x: { title: 'Removal', unit: '', scale: 'category', categories },
    y: { title: 'Change of loss', unit: 'nats', scale: 'linear' },
    series: [
      {
        id: 'named',
        title: 'Heads of the finding',
        mark: 'bars',
        points: [1.9, 2.8, 1.7, 1.2, 2.1].map((y, x) => ({ x, y, low: y - 0.3, high: y + 0.3 })),
      },
      {
        id: 'others',
        title: 'As many other heads',
        mark: 'bars',
        points: [0.1, 0.4, 0.05, -0.1, 0.2].map((y, x) => ({ x, y, low: y - 0.15, high: y + 0.15 })),
      },
    ],
    interval: '95 % interval over 20 draws',
  };
}

export function tableStory(): TableSection {
  const next = random(17);
  return {
    kind: 'table',
    id: 'strongest',
    title: 'Strongest heads',
    ask: 'Show its attention',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'score', title: 'Retrieval score', kind: 'number', unit: '', definition: 'Share of copied tokens.' },
      { name: 'effect', title: 'Effect of removal', kind: 'number', unit: 'nats', definition: 'Change of the loss.' },
      { name: 'p', title: 'p', kind: 'number', digits: 2, definition: 'Against 200 shuffled prompts.' },
      { name: 'class', title: 'Class', kind: 'text' },
    ],
    rows: [
      [8, 6],
      [9, 9],
      [10, 7],
      [8, 10],
      [6, 9],
      [5, 1],
    ].map(([layer = 0, head = 0], at) => [
      { layer, head },
      0.95 - 0.07 * at,
      at === 3 ? null : 2 - 0.3 * at + 0.1 * next(),
      0.0004 * (at + 1),
      at < 4 ? 'retrieval' : 'retrieval, induction',
    ]),
  };
}

/** What two queries of a short text read. */
export const stripsStory = (): TableSection => ({
  kind: 'table',
  id: 'examples',
  title: 'Examples',
  ask: 'Open in Look',
  opensTexts: true,
  columns: [{ name: 'text', title: 'Text', kind: 'reading', definition: 'Tokens.' }],
  texts: [{ tokens: ['<s>', ' one', ' two', ' three'], tokenIds: [1, 20, 31, 42] }],
  around: 2,
  rows: [
    [{ of: { layer: 8, head: 6 }, text: 0, query: 3, key: 1, keys: [1, 0], weights: [0.75, 0.2] }],
    [{ of: { layer: 9, head: 2 }, text: 0, query: 2, key: 1, keys: [1], weights: [0.02] }],
  ],
});

/** A grid of twelve heads and two strips of each: L1H2 reads " two" twice, L2H0 once, and no other head. */
export function gridOfStrips(): readonly [HeadsSection, TableSection] {
  const places = [0, 1, 2].flatMap((layer) => [0, 1, 2, 3].map((head) => ({ layer, head })));
  const texts = ['<s> one', '<s> one two'].map((words) => ({
    tokens: words.split(/(?= )/),
    tokenIds: words.split(' ').map((_, at) => at),
  }));
  const textOf = (name: string, at: number): number => (name === '1.2' || (name === '2.0' && at === 0) ? 1 : 0);
  const rows = places.flatMap((of) =>
    [0, 1].map((at) => {
      const text = textOf(`${of.layer}.${of.head}`, at);
      return [of, at + 1, { of, text, query: text + 1, key: 0, keys: [0], weights: [0.5] }];
    }),
  );
  const grid: HeadsSection = {
    kind: 'heads',
    id: 'strengths',
    title: 'Strengths',
    ask: 'Show its examples',
    rows: { in: 'of-heads', title: 'Examples', complete: true },
    numbers: [
      {
        ...{ name: 'mean', title: 'Mean', unit: '', definition: 'a mean', scale: { kind: 'sequential' } },
        values: [0, 1, 2].map((layer) => [0, 1, 2, 3].map((head) => (layer + head) / 10)),
      },
    ],
  };
  const table: TableSection = {
    ...{ kind: 'table', id: 'of-heads', title: 'Examples of all heads', ask: 'Open in Look', opensTexts: true },
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'rank', title: 'Rank', kind: 'number', wide: true },
      { name: 'text', title: 'Text', kind: 'reading', definition: 'Tokens.' },
    ],
    ...{ texts, around: 8, rows },
  };
  return [grid, table];
}

/** A picture of 448 x 336 pixels, whole and in two tiles. */
export function imageStory(): ImageSection {
  const next = random(19);
  const [rows, columns] = [12, 16];
  const whole = rows * columns;
  const values = Array.from({ length: whole * 2 }, (_, at) => {
    // Behind the whole picture come its left and its right half, of eight columns each.
    const half = Math.floor((at - whole) / (rows * 8));
    const [row, column] =
      at < whole
        ? [Math.floor(at / columns), at % columns]
        : [Math.floor(((at - whole) % (rows * 8)) / 8), ((at - whole) % 8) + 8 * half];
    return Math.exp(-((row - 7) ** 2 + (column - 10) ** 2) / 14) + 0.1 * next();
  });
  return {
    kind: 'image',
    id: 'patches',
    title: 'Attention to the picture at “dog”',
    caption: 'Summed over the three heads with the largest head divergence.',
    ask: 'Show the patch',
    image: {
      name: 'dog.png',
      path: '/pictures/dog.png',
      sha256: '0'.repeat(64),
      width: 448,
      height: 336,
      start: 1,
      end: 1 + whole * 2,
      tokens: whole * 2,
      tiles: [
        { x: 0, y: 0, width: 448, height: 336, rows, columns, first: 0, stride: columns },
        { x: 0, y: 0, width: 224, height: 336, rows, columns: 8, first: whole, stride: 8 },
        { x: 224, y: 0, width: 224, height: 336, rows, columns: 8, first: whole + rows * 8, stride: 8 },
      ],
    },
    numbers: [
      {
        name: 'mass',
        title: 'Attention',
        unit: '',
        definition: 'Share of the attention of the three heads that falls on the patch.',
        scale: { kind: 'sequential' },
        values,
      },
    ],
  };
}

export function graphStory(layers = 12, heads = 12): GraphSection {
  const next = random(23);
  const nodes: GraphNode[] = [
    { id: 'embed', kind: 'embedding', layer: -1, column: 0, label: 'embedding', weight: 1.2 },
    { id: 'logits', kind: 'logits', layer: layers, column: 0, label: 'logits', weight: 3.4 },
  ];
  for (let layer = 0; layer < layers; layer += 1) {
    for (let head = 0; head < heads; head += 1) {
      nodes.push({
        id: `h${layer}.${head}`,
        kind: 'head',
        layer,
        column: head,
        label: `L${layer}H${head}`,
        weight: next() ** 4,
      });
    }
    nodes.push({ id: `m${layer}`, kind: 'mlp', layer, column: heads, label: `MLP ${layer}`, weight: next() ** 3 });
  }
  const edges: GraphSection['edges'][number][] = [
    { from: 'embed', to: 'h2.2', input: 'value', weight: 0.9 },
    { from: 'embed', to: 'h4.11', input: 'query', weight: 0.6 },
    { from: 'h2.2', to: 'h5.5', input: 'key', weight: 1.1 },
    { from: 'h4.11', to: 'h6.9', input: 'key', weight: 0.8 },
    { from: 'h5.5', to: 'h8.6', input: 'value', weight: 0.7 },
    { from: 'h6.9', to: 'h8.10', input: 'value', weight: -0.5 },
    { from: 'h8.6', to: 'h9.9', input: 'query', weight: 1.6 },
    { from: 'h8.10', to: 'h9.9', input: 'query', weight: -0.9 },
    { from: 'h9.9', to: 'logits', input: 'logits', weight: 2.1 },
    { from: 'h9.6', to: 'logits', input: 'logits', weight: 1.3 },
    { from: 'h10.7', to: 'logits', input: 'logits', weight: -1.4 },
    { from: 'h8.6', to: 'h10.7', input: 'query', weight: 0.8 },
    { from: 'embed', to: 'm0', input: 'mlp', weight: 0.7 },
    { from: 'm0', to: 'h8.6', input: 'key', weight: 0.4 },
    { from: 'h8.6', to: 'h9.6', input: 'query', weight: 0.9 },
  ].map((edge) => ({ ...edge, input: edge.input as 'query' }));
  for (let at = 0; at < 300; at += 1) {
    const layer = Math.floor(next() * (layers - 1));
    const to = layer + 1 + Math.floor(next() * (layers - layer - 1));
    edges.push({
      from: `h${layer}.${Math.floor(next() * heads)}`,
      to: `h${to}.${Math.floor(next() * heads)}`,
      input: 'value',
      weight: 0.28 * (next() - 0.5),
    });
  }
  return {
    kind: 'graph',
    id: 'circuit',
    title: 'Circuit of the indirect object',
    caption: 'Edges by attribution patching from the counterpart.',
    ask: 'Patch it for real',
    nodes,
    edges,
    unit: 'logits',
    definition: 'Change of the logit difference when the edge carries the counterpart, to first order.',
    threshold: 0.35,
  };
}

export function textStory(): TextSection {
  return {
    kind: 'text',
    id: 'limits',
    title: 'What this does not show',
    paragraphs: [
      'A high score says that a head looks at the token that is copied. Whether the model needs the head is another question: the effect of its removal answers that.',
      'The prompts are English sentences with a number. A head that fetches names may not be found.',
    ],
  };
}

export function generationsStory(): GenerationsSection {
  return {
    kind: 'generations',
    id: 'continuations',
    title: 'Continuations without the three heads',
    variants: ['before', 'after'],
    score: { title: 'Right', unit: '' },
    ask: 'Show its tokens',
    items: [
      {
        title: 'Depth 10 %, 4,096 tokens',
        prompt: '… What is the pass key? The pass key is',
        texts: [
          ' 71432. Remember it, and do not write it down anywhere else.',
          ' 10000. Remember it, and do not write it down anywhere else.',
        ],
        scores: [1, 0],
      },
      {
        title: 'Depth 90 %, 4,096 tokens',
        prompt: '… What is the pass key? The pass key is',
        texts: [' 55012.', ' 55012.'],
        scores: [1, 1],
      },
    ],
  };
}

/** Layers of 64 experts, of which a token has 6; expert 5 of layer 2 takes every `the`, expert 63 of layer 0 nothing. */
export function expertsStory(layers = 6, count = 64, perToken = 6): ExpertsSection {
  const next = random(31);
  const text = 'the cat sat on the mat , and the dog looked at the cat . Then the rain came and both ran in'.split(' ');
  const tokens = text.map((word, at) => (at === 0 ? word : ` ${word}`));
  const entropy = (): number => Math.log(count) * (0.55 + 0.35 * next());
  return {
    kind: 'experts',
    id: 'experts',
    title: 'Routed experts',
    caption: 'Which experts each token takes, and what they count.',
    tokens,
    of: tokens.length,
    layers: Array.from({ length: layers }, (_, layer) => {
      const chosen = tokens.map((token) => {
        const taken = new Set(layer === 2 && token.trim() === 'the' ? [5] : []);
        while (taken.size < perToken) taken.add(Math.floor((count - 1) * next() ** 1.4));
        return [...taken];
      });
      const all = chosen.flat();
      const weights = chosen.map((experts) => {
        const raw = experts.map(() => next()).sort((a, b) => b - a);
        const sum = raw.reduce((total, one) => total + one, 0);
        return raw.map((one) => one / sum);
      });
      const loads = Array.from({ length: count }, (__, one) => all.filter((each) => each === one).length / all.length);
      return { layer, perToken, loads, entropy: entropy(), entropies: tokens.map(entropy), chosen, weights };
    }),
  };
}

export const everySection = () => [
  headsStory(),
  graphStory(),
  mapStory(),
  tokensStory(),
  lineStory(),
  pointsStory(),
  barsStory(),
  tableStory(),
  imageStory(),
  generationsStory(),
  textStory(),
  expertsStory(),
];
