/** Who reads whom: the mean attention between regions, and how much each target token reads of its reference. */
import type { Tensors } from '../../module';
import type { Picture } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import type { Tensor } from '../../tensors/tensor';
import { disjoint, type IsolationParameters } from './definition';

/** Share of attention from tokens of each region (background first) to background, subjects and references; NaN: no such token. */
export function massByRegion(regions: Tensor, attention: Tensor): readonly (readonly number[])[] {
  const [subjects, height, width] = regions.shape as [number, number, number];
  const n = height * width;
  const [, heads, , keys] = attention.shape as [number, number, number, number];
  const others = keys / n - 1;
  const owner = Array.from({ length: n }, (_, at) => {
    const found = Array.from({ length: subjects }, (_, s) => s).findIndex((s) => regions.data[s * n + at]! > 0);
    return found + 1;
  });
  const sums = Array.from({ length: subjects + 1 }, () => new Array<number>(subjects + 1 + others).fill(0));
  for (let row = 0; row < heads * n; row++) {
    for (let key = 0; key < keys; key++) {
      const block = Math.floor(key / n);
      const to = block < others ? subjects + 1 + block : owner[key % n]!;
      sums[owner[row % n]!]![to]! += attention.data[row * keys + key]!;
    }
  }
  return sums.map((row, region) => {
    const count = heads * owner.filter((each) => each === region).length;
    return row.map((value) => (count === 0 ? NaN : value / count));
  });
}

export function isolationPictures(
  inputs: Tensors,
  attention: Tensor,
  { height, width }: IsolationParameters,
): readonly Picture[] {
  const regions = disjoint(inputs['regions']!);
  const n = height * width;
  const subjects = regions.shape[0]!;
  const [, heads, , keys] = attention.shape as [number, number, number, number];
  const others = keys / n - 1;
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, s) => `${prefix} ${s + 1}`);
  const borrowed = new Float64Array(n);
  for (let row = 0; row < heads * n; row++) {
    for (let key = 0; key < others * n; key++) borrowed[row % n]! += attention.data[row * keys + key]! / heads;
  }
  const axes = { rows: { title: 'Row' }, columns: { title: 'Column' } } as const;
  const map = Float64Array.from({ length: n }, (_, at) =>
    Array.from({ length: subjects }, (_, s) => (s + 1) * regions.data[s * n + at]!).reduce((a, b) => a + b, 0),
  );
  return [
    {
      kind: 'heat-map',
      id: 'mass',
      title: 'Who reads whom',
      caption: 'Isolated subjects read nothing of each other: 0 between different subjects.',
      unit: '',
      definition:
        'attention of a token of the row to all tokens of the column, mean over tokens and heads; rows add up to 1',
      scale: 'sequential',
      rows: { title: 'Reading', labels: ['ground', ...names('subject', subjects)] },
      columns: { title: 'Read', labels: ['ground', ...names('subject', subjects), ...names('reference', others)] },
      values: massByRegion(regions, attention),
    },
    ...(others === 0
      ? []
      : [
          {
            kind: 'heat-map' as const,
            id: 'borrowed',
            title: 'What is read of the references',
            caption: 'Tokens of a subject read its reference; the ground reads none.',
            unit: '',
            definition: 'attention to all reference tokens, mean over heads',
            scale: 'sequential' as const,
            ...axes,
            values: rowsOf(borrowed, height, width),
          },
        ]),
    {
      kind: 'heat-map',
      id: 'regions',
      title: 'Subjects in the target',
      caption: 'Which token belongs to which subject; 0 is the ground.',
      unit: '',
      definition: 'number of the subject',
      scale: 'sequential',
      ...axes,
      values: rowsOf(map, height, width),
    },
  ];
}
