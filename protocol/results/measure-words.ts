/** How divergences are measured, in words. */
import type { OutlierRule, RemovedPositions, VhdDistance } from '../interventions/reinforcement';

export const distanceInfos: readonly {
  readonly id: VhdDistance;
  readonly title: string;
  readonly definition: string;
}[] = [
  {
    id: 'l2',
    title: 'Euclidean (paper)',
    definition: 'Norm of the difference of the head’s output with and without the image, before the output projection.',
  },
  { id: 'squared', title: 'Squared (release)', definition: 'The square of it, as the released code computes.' },
  {
    id: 'relative',
    title: 'Relative',
    definition:
      'The norm of the difference over the norm of the output without the image: free of the head’s own size.',
  },
  { id: 'cosine', title: 'Cosine', definition: '1 − cosine of the two outputs: direction alone, 0 to 2.' },
];

export const outlierInfos: readonly {
  readonly id: OutlierRule;
  readonly title: string;
  readonly definition: string;
}[] = [
  {
    id: 'paper',
    title: 'Paper',
    definition:
      'A head is left out when both its divergence and its text energy pass mean + standard deviation of its layer: a burst when the image is absent, not a look at it.',
  },
  {
    id: 'release',
    title: 'Release',
    definition:
      'As the released code: unbiased deviation, and tried only where the layer’s deviation exceeds 1 in squared units.',
  },
  { id: 'off', title: 'Off', definition: 'No head is left out.' },
];

export const positionInfos: readonly {
  readonly id: RemovedPositions;
  readonly title: string;
  readonly definition: string;
}[] = [
  {
    id: 'contiguous',
    title: 'Contiguous',
    definition: 'The text moves together, as in the released code; text heads then also differ, by their distances.',
  },
  { id: 'original', title: 'Original', definition: 'Control: each token keeps its position.' },
];

/** As the table of an analysis names its options. */
export const namesOf = (
  infos: readonly { readonly id: string; readonly title: string; readonly definition: string }[],
): Readonly<Record<string, { readonly title: string; readonly definition: string }>> =>
  Object.fromEntries(infos.map(({ id, title, definition }) => [id, { title, definition }]));
