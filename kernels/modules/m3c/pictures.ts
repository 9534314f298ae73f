/** What a memory read shows: similarities, what is read, ranks of planted answers, and when reading pays. */
import { landmarkCost } from '../../mechanisms/landmark/cost';
import type { Tensors } from '../../module';
import { plainMultiplyAdds } from '../../module-parts/plain-attention';
import { rowsOf } from '../../module-parts/pictures';
import type { Picture } from '../../picture';
import { readMemory, readMultiplyAdds, similarities, type Reading } from './read';
import { meanReciprocalRank, rankOf, recallAt } from './retrieval';

interface Size extends Reading {
  readonly queries: number;
  readonly units: number;
  readonly width: number;
  readonly tokens: number;
  readonly valueWidth: number;
}

const banks = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/**
 * Multiply-adds of a read and of attention from its tokens, against those of attention over the whole history of M units of s tokens.
 * Both attend without projections: n queries of the width of a key, keys and values of M s or k s tokens.
 */
export function readAgainstHistory(size: Size, units: number): { readonly read: number; readonly history: number } {
  const { queries: n, width, tokens } = size;
  const k = Math.min(size.k, units);
  const over = (keys: number): number => 2 * n * keys * width;
  return {
    read: readMultiplyAdds({ ...size, units }, { ...size, k }) + over(size.read === 'hard' ? k * tokens : tokens),
    history: over(units * tokens),
  };
}

/**
 * Landmark attention over the same tokens: a landmark behind each of M blocks of s, and n queries that each score the landmarks of one
 * head, open the k best blocks and read one token beside them, their own. Half the floating-point operations of the kernel
 * (mechanisms/landmark/cost.ts), so that those of its softmax are in it.
 */
export function landmarkMultiplyAdds({ queries, width, tokens, k }: Size, units: number): number {
  const shape = { pattern: 'causal-self', batch: queries, heads: 1, kvHeads: 1, queries: 1 } as const;
  const keys = units * (tokens + 1) + 1;
  return (
    landmarkCost({ ...shape, keys, headDim: width, valueDim: width }, { block: tokens, open: Math.min(k, units) })
      .flops / 2
  );
}

/** The fewest units, up to the largest bank drawn, from which reading costs less; undefined where it never does. */
export const pays = (size: Size): number | undefined =>
  Array.from({ length: banks.at(-1)! }, (_, at) => at + 1).find((units) => {
    const { read, history } = readAgainstHistory(size, units);
    return read < history;
  });

export function memoryPictures(inputs: Tensors, outputs: Tensors, size: Size): readonly Picture[] {
  const { queries, units, k } = size;
  const { all } = readMemory(inputs, size);
  const scores = similarities(inputs['query']!, inputs['keys']!, size.similarity);
  const there = inputs['there']!.data.subarray(0, units);
  const ofFirst = rowsOf(scores.data.subarray(0, queries * units), queries, units);
  const axes = { rows: { title: 'Query' }, columns: { title: 'Memory unit' } };
  const [weights, indices] = ['weights', 'indices'].map((name) => outputs[name]!.data) as [Float64Array, Float64Array];
  return [
    {
      kind: 'heat-map',
      id: 'similarities',
      title: 'Similarity of queries and memory units',
      caption:
        'Units that may not be read are left empty. Where query i asks for unit i the diagonal stands out; queries that nothing answers have an even row.',
      unit: '',
      definition: size.similarity === 'cosine' ? 'q . k / (|q| |k|)' : 'q . k',
      scale: 'diverging',
      ...axes,
      values: ofFirst.map((row) => row.map((value, j) => (there[j] === 0 ? Number.NaN : value))),
    },
    {
      kind: 'heat-map',
      id: 'weights',
      title: `Weights before the ${k === 1 ? 'best unit is' : `best ${k} units are`} taken`,
      caption: `Without an answer each of the ${there.filter((value) => value !== 0).length} units that may be read gets the same.`,
      unit: '',
      definition: size.eta > 0 ? 'softmax(beta z), a hop over links added, divided by the sum' : 'softmax(beta z)',
      scale: 'sequential',
      ...axes,
      values: rowsOf(all.data.subarray(0, queries * units), queries, units),
    },
    {
      kind: 'chart',
      id: 'read',
      title: 'Units that each query reads',
      caption: 'A point for each unit that is read, with its weight beside it in the table of values.',
      x: { title: 'Query', unit: '', scale: 'linear' },
      y: { title: 'Memory unit', unit: '', scale: 'linear' },
      series: Array.from({ length: Math.min(k, 3) }, (_, place) => ({
        title: place === 0 ? 'best' : `place ${place + 1}`,
        mark: 'points' as const,
        points: Array.from({ length: queries }, (__, i) => ({
          x: i,
          y: indices[i * k + place]!,
          label: weights[i * k + place]!.toFixed(3),
        })),
      })),
    },
    retrieval(ofFirst, there, units),
    payingFrom(size),
  ];
}

function retrieval(scores: readonly (readonly number[])[], there: Float64Array, units: number): Picture {
  const ranks = scores.flatMap((row, i) =>
    there[i % units] === 0
      ? []
      : [
          rankOf(
            row.map((score, j) => (there[j] === 0 ? Number.NEGATIVE_INFINITY : score)),
            i % units,
          ),
        ],
  );
  const bank = there.filter((value) => value !== 0).length;
  return {
    kind: 'table',
    id: 'retrieval',
    title: 'Retrieval, if query i asks for unit i',
    caption: `Of ${bank} units that may be read; by chance the first is right in 1 of ${bank}.`,
    columns: [
      { title: 'Measure', kind: 'text' },
      {
        title: 'Value',
        kind: 'number',
        definition: 'R@k: share of queries whose unit has rank k or better. MRR: mean of 1 / rank.',
      },
      { title: 'Chance', kind: 'number', definition: 'The same if every order of the units were equally likely.' },
    ],
    rows:
      ranks.length === 0
        ? []
        : [
            ...[1, 3].map((k) => [`R@${k}`, recallAt(k, ranks), Math.min(1, k / bank)]),
            [
              'MRR',
              meanReciprocalRank(ranks),
              Array.from({ length: bank }, (_, at) => 1 / (at + 1)).reduce((a, b) => a + b, 0) / bank,
            ],
          ],
  };
}

function payingFrom(size: Size): Picture {
  const from = pays(size);
  const line = (title: string, of: (units: number) => number) => ({
    title,
    mark: 'line' as const,
    points: banks.map((units) => ({ x: units, y: of(units) })),
  });
  return {
    kind: 'chart',
    id: 'pays',
    title: 'When reading costs less than attending to everything',
    caption: `${
      from === undefined
        ? 'Reading never costs less with these sizes.'
        : `From ${from} ${from === 1 ? 'unit' : 'units'} on, a read and attention over what is read cost less than attention over all tokens of all units (${(plainMultiplyAdds({ batch: 1, queries: size.queries, keys: size.units * size.tokens, width: size.width, heads: 1 }) / 1e6).toFixed(1)} million multiply-adds with its four projections at the ${size.units} units here).`
    } Landmark attention opens as many blocks as units are read and chooses them by one key each too: it grows alike (its line is half the operations of the kernel, softmax included), but keeps keys and values of all tokens.`,
    x: { title: 'Units in memory', unit: '', scale: 'log2' },
    y: { title: 'Multiply-adds', unit: '', scale: 'log10' },
    series: [
      line('read, then attend to what is read', (units) => readAgainstHistory(size, units).read),
      line('landmark attention', (units) => landmarkMultiplyAdds(size, units)),
      line('attend to the whole history', (units) => readAgainstHistory(size, units).history),
    ],
  };
}
