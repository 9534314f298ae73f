/** What the analysis shows and says. */
import type { Section } from '../../../protocol/sections/section';
import type { LayerConcentration } from './layer';
import type { ConcentrationResult } from './result';
import * as build from '../../../protocol/sections/builders';

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
  const unit = build.ranges.share;
  const pairs = nearestOf(layers).slice(0, mostPairs);
  return [
    build.heads(
      'heads',
      'Heads',
      '',
      [
        build.scaled(
          unit,
          'mass',
          `Mass on ${strongest} strongest`,
          `Sum of the ${strongest} largest p(i, .), mean over queries i that may read more keys.`,
          layers.map(({ mass }) => mass),
        ),
        build.amounts(
          'entropy',
          'Entropy',
          '-sum_j p(i, j) ln p(i, j), mean over queries i that may read two keys or more.',
          layers.map(({ entropy }) => entropy),
          'nats',
        ),
        build.scaled(
          unit,
          'alike',
          'Cosine with other heads',
          'Mean over the other heads of its layer of the cosine of p(i, .), mean over queries i.',
          layers.map(({ alike }) => alike),
        ),
        build.scaled(
          unit,
          'nearest',
          'Cosine with the nearest head',
          'Largest over the other heads of its layer. A head that reads as another does adds little to where it looks.',
          layers.map(({ nearest }) => nearest),
        ),
      ],
      { ask: 'Show its attention' },
    ),
    build.chart(
      'diversity',
      'How alike the heads of a layer read',
      'L_d of ACMIL: 1 where all heads of a layer read the same keys, 0 where no two share one.',
      build.categoryAxis(
        'layer',
        layers.map((_, layer) => String(layer)),
      ),
      build.shareAxis('mean cosine of pairs of heads'),
      [
        build.bars(
          'layers',
          'mean over pairs',
          layers.map((layer, x) => ({ x, y: layer.diversity })),
        ),
      ],
    ),
    ...(pairs.length > 0
      ? [
          build.table('pairs', 'Heads that read alike', '', pairs, [
            build.head(({ place }) => place),
            build.head(({ other }) => other, 'nearest', 'Nearest head'),
            build.number('cosine', 'Cosine', 'Cosine of their attention, mean over queries.', ({ value }) => value),
          ]),
        ]
      : []),
  ];
}
