/** What a pointer shows: where each step points, over the grid and by head. */
import { rowsOf } from '../../module-parts/pictures';
import type { HeatMap, Picture } from '../../picture';
import type { Tensor } from '../../tensors/tensor';
import { cosines, publishedSigma } from './positions';

export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Steps whose map is drawn over the grid. */
const stepsShown = 3;
const headsShown = 2;

const places = ({ rows, columns }: Grid): readonly string[] => [
  ...Array.from({ length: rows * columns }, (_, at) => `${Math.floor(at / columns)},${at % columns}`),
  'end',
  'null',
];

const steps = (n: number): readonly string[] => Array.from({ length: n }, (_, at) => String(at));

/** Shares [b, n, P + 2] of the first sample. */
export function pointerMaps(shares: Tensor, grid: Grid): readonly Picture[] {
  const [, n, columns] = shares.shape as [number, number, number];
  const one = shares.data.subarray(0, n * columns);
  const objects = grid.rows * grid.columns;
  const maps: Picture[] = [
    {
      kind: 'heat-map',
      id: 'pointer',
      title: 'Where each step points',
      caption: `Each row sums to 1. The last columns stop the search (end) and stand for padding (null); a pointer that points nowhere gives every column ${(1 / columns).toFixed(3)}.`,
      unit: '',
      definition: 'softmax of the logits of a step over objects, end and null',
      scale: 'sequential',
      rows: { title: 'Step', labels: steps(n) },
      columns: { title: 'Object (row,column)', labels: places(grid) },
      values: rowsOf(one, n, columns),
    },
  ];
  for (let step = 0; step < Math.min(n, stepsShown); step++) {
    maps.push({
      kind: 'heat-map',
      id: `grid-${step}`,
      title: `Step ${step} over the grid`,
      caption: `What the step gives to each object in its place. Beside them: end ${share(one[step * columns + objects]!)}, null ${share(one[step * columns + objects + 1]!)}.`,
      unit: '',
      definition: 'share of the step that points at the object',
      scale: 'sequential',
      rows: { title: 'Row' },
      columns: { title: 'Column' },
      values: rowsOf(one.subarray(step * columns, step * columns + objects), grid.rows, grid.columns),
    });
  }
  return maps;
}

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** s^h of the first sample, of the first heads, with what the mix makes of them. */
export const headMaps = (
  scores: readonly Tensor[],
  mix: ArrayLike<number> | undefined,
  grid: Grid,
): readonly HeatMap[] =>
  scores.slice(0, headsShown).map((each, head): HeatMap => {
    const [, n, columns] = each.shape as [number, number, number];
    const factor = mix?.[head] ?? 1;
    return {
      kind: 'heat-map',
      id: `head-${head}`,
      title: `Scores of head ${head}`,
      caption: `The mix multiplies them by ${factor.toFixed(2)}${factor < 0 ? ': the head repels what it scores high' : ''}. The null column is 0.`,
      unit: '',
      definition: '(D d)^T (E e) / sqrt(width)',
      scale: 'diverging',
      rows: { title: 'Step', labels: steps(n) },
      columns: { title: 'Object (row,column)', labels: places(grid) },
      values: rowsOf(each.data.subarray(0, n * columns), n, columns),
    };
  });

export function codePicture(table: Tensor, choice: string): Picture {
  const matched = choice === 'distance-matched';
  return {
    kind: 'heat-map',
    id: 'codes',
    title: 'Likeness of position codes',
    caption: matched
      ? 'Cosine of the codes of two rows of the grid; columns use the same table. It falls with the distance in the same way everywhere.'
      : 'Cosine of the codes of two rows of the grid; columns use the same table. Sines and cosines also repeat with the distance, where a distance-matched table only falls.',
    unit: '',
    definition: matched
      ? `cos(W_i, W_j), which is exp(-(i - j)^2 / (2 sigma^2)) with sigma = ${publishedSigma}`
      : 'cos(W_i, W_j)',
    scale: matched ? 'sequential' : 'diverging',
    rows: { title: 'Row of the table' },
    columns: { title: 'Row of the table' },
    values: cosines(table),
  };
}

/** What each step of the first sample was at and where it points most: fixations [b, T], shares [b, T, P + 2]. */
export function pathTable(fixations: Tensor, shares: Tensor, grid: Grid): Picture {
  const [, n, columns] = shares.shape as [number, number, number];
  const names = places(grid);
  const objects = grid.rows * grid.columns;
  return {
    kind: 'table',
    id: 'path',
    title: 'The path, and what is predicted',
    caption:
      'Each step knows the fixations up to it; a place is its row and column. A prediction is right where it is the place of the next step.',
    columns: [
      { title: 'Step', kind: 'text' },
      { title: 'At', kind: 'text' },
      { title: 'Points at', kind: 'text', definition: 'The object, or the end, with the largest share.' },
      { title: 'Share', kind: 'number', definition: 'Of the step that points there.' },
      { title: 'Next', kind: 'text' },
    ],
    rows: Array.from({ length: n }, (_, step) => {
      const row = shares.data.subarray(step * columns, (step + 1) * columns - 1);
      const best = row.reduce((most, value, at) => (value > row[most]! ? at : most), 0);
      const at = (index: number): string => {
        const place = fixations.data[index];
        return place === objects ? 'start' : (names[place ?? -1] ?? '');
      };
      return [String(step), at(step), names[best]!, row[best]!, step + 1 < n ? at(step + 1) : ''];
    }),
  };
}
