/** A head as a linear system in pictures: what its state forgets, what it reads of earlier positions, and how large it is. */
import type { Picture } from '../picture';
import { impulseResponse, type LinearSystem } from './linear-system';

export interface SystemSize {
  /** Widths of a key and of a value. */
  readonly headDim: number;
  readonly valueDim: number;
}

/**
 * Positions after which a cache of keys and values, i (d + e) numbers, is larger than the state of a head, n e.
 * d width of a key, e of a value.
 */
const breakEven = ({ size }: Pick<LinearSystem, 'size'>, { headDim, valueDim }: SystemSize): number =>
  (size * valueDim) / (headDim + valueDim);

export function systemPictures(system: LinearSystem, size: SystemSize): readonly Picture[] {
  const { size: n, transition } = system;
  const positions = transition.shape[0]!;
  /** |L_i| of the number of the state that is kept least, in the middle and most. */
  const kept = Array.from({ length: positions }, (_, i) => {
    const row = transition.data.slice(i * n, (i + 1) * n).map(Math.abs);
    return row.sort();
  });
  const line = (title: string, rank: number) => ({
    title,
    mark: 'line' as const,
    // L_1 is 0 by definition: nothing came before.
    points: kept.slice(1).map((row, at) => ({ x: at + 1, y: row[rank]! })),
  });
  const same = kept.every((row) => row[n - 1]! - row[0]! <= 1e-12 * Math.max(1, row[n - 1]!));
  const lines = same
    ? [line('all numbers of the state', 0)]
    : [line('kept least', 0), line('in the middle', n >> 1), line('kept most', n - 1)];
  const drawn = lines.flatMap(({ points }) => points.map(({ y }) => y));
  // Ratios of normalisers reach over decades.
  const wide = Math.min(...drawn) > 0 && Math.max(...drawn) > 4 * Math.min(...drawn);
  const response = impulseResponse(system);
  const signed = response.data.some((x) => x < 0);
  return [
    {
      kind: 'chart',
      id: 'transition',
      title: 'What is kept of the state',
      caption: `|L_i|: 1 keeps the state as it is, 0 begins anew, more than 1 grows it.${same ? ' All numbers of the state have the same.' : ''}`,
      x: { title: 'position i', unit: '', scale: 'linear' },
      y: { title: '|L_i|', unit: '', scale: wide ? 'log10' : 'linear' },
      series: lines,
    },
    {
      kind: 'heat-map',
      id: 'impulse',
      title: 'Impulse response',
      caption: 'What output i takes of the value at position j. A band along the diagonal forgets soon.',
      unit: '',
      definition: 'C_i L_i … L_(j+1) B_j, 0 for j > i: the weight of value j in output i',
      scale: signed ? 'diverging' : 'sequential',
      rows: { title: 'output i' },
      columns: { title: 'input j' },
      values: Array.from({ length: positions }, (_, i) =>
        Array.from(response.data.subarray(i * positions, (i + 1) * positions)),
      ),
    },
    {
      kind: 'table',
      id: 'size',
      title: 'Size of the state',
      caption: `h_i = L_i h_(i-1) + B_i u_i, y_i = C_i h_i for each channel u of the value, L_i diagonal (arXiv:2405.15731). n: numbers of h for a channel; a head has n times the ${size.valueDim} channels of its value. Break-even: positions from which a cache of keys and values, ${size.headDim + size.valueDim} numbers each, is larger.`,
      columns: [
        { title: 'n', kind: 'text' },
        { title: 'Numbers of a head', kind: 'text' },
        { title: 'Break-even', kind: 'text' },
      ],
      rows: [[String(n), String(n * size.valueDim), String(Math.ceil(breakEven(system, size)))]],
    },
  ];
}
