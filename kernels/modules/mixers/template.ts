/** Token mixers in one template, Y = A X W: what A is, and what it costs (arXiv:2302.06218). */
import type { PictureTable } from '../../picture';
import { stepsOf } from './transform';

interface Mixer {
  readonly title: string;
  readonly matrix: string;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** Hidden width over the tokens of the MLP: half of them, as MLP-Mixer has for its widths. */
const mixerHidden = (tokens: number): number => Math.max(1, Math.floor(tokens / 2));

/** n tokens of D features; `heads` of attention; projections included where the mixer has them. */
export function mixersOf(n: number, d: number, heads: number): readonly Mixer[] {
  const hidden = mixerHidden(n);
  const [first, second] = stepsOf(n, 'two steps');
  return [
    {
      title: 'Softmax attention',
      matrix: 'from the data, dense',
      parameters: 4 * d * d,
      multiplyAdds: 4 * n * d * d + 2 * n * n * d,
    },
    {
      title: 'Linear attention',
      matrix: 'from the data, low rank',
      parameters: 4 * d * d,
      multiplyAdds: 4 * n * d * d + (2 * n * d * d) / heads,
    },
    {
      title: 'Fourier mixing',
      matrix: 'fixed, dense',
      parameters: 0,
      multiplyAdds: 2 * n * d * d + n * d * (first > 1 ? 4 * first + 2 * second : 2 * n),
    },
    { title: 'Long convolution', matrix: 'learned, Toeplitz', parameters: n, multiplyAdds: n * n * d },
    {
      title: 'MLP over the tokens',
      matrix: 'learned, dense, changed by the activation',
      parameters: 2 * n * hidden + n + hidden,
      multiplyAdds: 2 * n * hidden * d,
    },
    {
      title: 'Cross-covariance attention',
      matrix: 'none over tokens: channels, from the data',
      parameters: 4 * d * d + heads,
      multiplyAdds: 4 * n * d * d + (2 * n * d * d) / heads,
    },
  ];
}

export const templateTable = (n: number, d: number, heads: number): PictureTable => ({
  kind: 'table',
  id: 'template',
  title: 'Mixers in one template',
  caption: `Each gives Y = A X W with a matrix A over the tokens. For ${n} tokens of ${d} features and ${heads} ${heads === 1 ? 'head' : 'heads'}.`,
  columns: [
    { title: 'Mixer', kind: 'text' },
    { title: 'Parameters', kind: 'number' },
    { title: 'Multiply-adds', kind: 'number', definition: 'Of one sequence, projections included' },
    { title: 'A', kind: 'text' },
  ],
  rows: mixersOf(n, d, heads).map(({ title, matrix, parameters, multiplyAdds }) => [
    title,
    parameters,
    multiplyAdds,
    matrix,
  ]),
});
