/** What the analysis shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { numberColumn } from '../../shared/sections/cell';
import type { LayerConcentration } from './layer';
import type { ConcentrationResult } from './result';

const mostPairs = 50;

const median = (values: readonly number[]): number => {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2;
};

const say = (value: number): string => String(Number(value.toPrecision(2)));

/** Each head with the head of its layer that reads most like it, the most alike first. */
const nearestOf = (layers: readonly LayerConcentration[]) =>
  layers
    .flatMap(({ cosine, nearest }, layer) =>
      nearest.map((value, head) => ({
        place: { layer, head },
        other: { layer, head: cosine[head]?.findIndex((each, at) => at !== head && each === value) ?? 0 },
        value,
      })),
    )
    .filter(({ value }) => !Number.isNaN(value))
    .sort((x, y) => y.value - x.value);

export function finding({ layers = [], strongest = 0 }: Partial<ConcentrationResult>): string {
  if (layers.length === 0) return 'No layer was looked at yet.';
  const mass = median(layers.flatMap((layer) => layer.mass));
  const first = Number.isNaN(mass)
    ? `No query may read more than ${strongest} keys`
    : `The ${strongest} strongest keys take ${say(mass)} of the attention of the median head`;
  const [pair] = nearestOf(layers);
  if (!pair) return `${first}.`;
  const cosines = layers.map(({ diversity }) => diversity);
  const most = Math.max(...cosines.filter((value) => !Number.isNaN(value)));
  return `${first}; heads are most alike in layer ${cosines.indexOf(most)} (mean cosine ${say(most)}), and of all pairs L${pair.place.layer}H${pair.place.head} and L${pair.other.layer}H${pair.other.head} (${say(pair.value)}).`;
}

export function sections({ layers = [], strongest = 0 }: Partial<ConcentrationResult>): readonly Section[] {
  if (layers.length === 0) return [];
  const unit = { kind: 'sequential', min: 0, max: 1 } as const;
  const pairs = nearestOf(layers).slice(0, mostPairs);
  return [
    {
      kind: 'heads',
      id: 'heads',
      title: 'Heads',
      ask: 'Show its attention',
      numbers: [
        {
          name: 'mass',
          title: `Mass on ${strongest} strongest`,
          unit: '',
          definition: `Sum of the ${strongest} largest p(i, .), mean over queries i that may read more keys.`,
          scale: unit,
          values: layers.map(({ mass }) => mass),
        },
        {
          name: 'entropy',
          title: 'Entropy',
          unit: 'nats',
          definition: '-sum_j p(i, j) ln p(i, j), mean over queries i that may read two keys or more.',
          scale: { kind: 'sequential', min: 0 },
          values: layers.map(({ entropy }) => entropy),
        },
        {
          name: 'alike',
          title: 'Cosine with other heads',
          unit: '',
          definition: 'Mean over the other heads of its layer of the cosine of p(i, .), mean over queries i.',
          scale: unit,
          values: layers.map(({ alike }) => alike),
        },
        {
          name: 'nearest',
          title: 'Cosine with the nearest head',
          unit: '',
          definition:
            'Largest over the other heads of its layer. A head that reads as another does adds little to where it looks.',
          scale: unit,
          values: layers.map(({ nearest }) => nearest),
        },
      ],
    },
    {
      kind: 'chart',
      id: 'diversity',
      title: 'How alike the heads of a layer read',
      caption: 'L_d of ACMIL: 1 where all heads of a layer read the same keys, 0 where no two share one.',
      x: { title: 'layer', unit: '', scale: 'category', categories: layers.map((_, layer) => String(layer)) },
      y: { title: 'mean cosine of pairs of heads', unit: '', scale: 'linear', min: 0, max: 1 },
      series: [
        {
          id: 'layers',
          title: 'mean over pairs',
          mark: 'bars',
          points: layers.map((layer, x) => ({ x, y: layer.diversity })),
        },
      ],
    },
    ...(pairs.length > 0
      ? [
          {
            kind: 'table' as const,
            id: 'pairs',
            title: 'Heads that read alike',
            columns: [
              { name: 'head', title: 'Head', kind: 'head' as const },
              { name: 'nearest', title: 'Nearest head', kind: 'head' as const },
              numberColumn('cosine', 'Cosine', 'Of their attention, mean over queries.'),
            ],
            rows: pairs.map(({ place, other, value }) => [place, other, value]),
          },
        ]
      : []),
  ];
}
