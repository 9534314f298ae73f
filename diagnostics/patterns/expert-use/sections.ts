import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { listed } from '../../../protocol/wire/listed';
import { quotedToken } from '../../../protocol/wire/token-name';
import * as build from '../../../protocol/sections/builders';
import { sortings, type ExpertUseResult, type LayerUse, type Preference, type Sorting, type Test } from './result';

type Measured = Pick<ExpertUseResult, 'layers'> & Partial<ExpertUseResult>;
const isMeasured = (result: Partial<ExpertUseResult>): result is Measured => result.layers !== undefined;

const testOf = ({ tests }: LayerUse, by: Sorting): Test | undefined => tests.find((test) => test.by === by);
const surely = 0.05;

export const expertName = ({ layer, expert }: Pick<Preference, 'layer' | 'expert'>): string => `L${layer}E${expert}`;
const percent = (share: number): string => `${threeDigits(100 * share)} %`;

const className = ({ by, name }: Preference): string =>
  by === 'token' ? quotedToken(name) : by === 'position' ? `position ${name}` : name;

/** What was counted: `9 of 9` of them. */
const tokenWords = (one: Preference): string =>
  one.by === 'token' ? className(one) : one.by === 'position' ? `tokens at ${className(one)}` : `tokens of ${one.name}`;

export function finding(result: Partial<ExpertUseResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { layers, preferences = [] } = result;
  const known = sortings.filter((by) => layers.some((layer) => testOf(layer, by)));
  if (known.length === 0) return `${loadWords(layers)} Specialisation is not tested yet.`;
  const found = known.flatMap((by) => {
    const sure = layers.filter((layer) => (testOf(layer, by)?.p ?? 1) <= surely);
    return sure.length === 0 ? [] : [`by ${by} in ${sure.length}`];
  });
  const [first] = preferences;
  const named = first
    ? ` Most: ${expertName(first)} is used by ${first.taken} of ${first.of} ${tokenWords(first)}, by chance ${threeDigits(first.expected)}.`
    : '';
  return found.length === 0
    ? `No specialisation by ${listed(known, 'or')} was found in ${counted(layers.length, 'layer', 'layers')} with experts (p above ${surely}). ${loadWords(layers)}`
    : `Experts specialise: ${found.join(', ')} of ${counted(layers.length, 'layer', 'layers')} with experts (p at most ${surely}).${named}`;
}

function loadWords(layers: readonly LayerUse[]): string {
  const [worst] = [...layers].sort((a, b) => b.variation - a.variation);
  return worst
    ? `Loads are least even in layer ${worst.layer}: their standard deviation is ${threeDigits(worst.variation)} of the mean, and ${percent(worst.unused)} of its experts are never used.`
    : 'No layer has experts.';
}

export function sections(result: Partial<ExpertUseResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  return [specialisationChart(result), ...preferenceTable(result), loadMap(result), layerTable(result)];
}

function specialisationChart({ layers, permutations = 0, documents = 0, tokens = 0 }: Measured): Section {
  return build.chart(
    'specialisation',
    'What experts specialise in',
    `${counted(documents, 'document', 'documents')}, ${tokens} tokens; chance is the mean of ${permutations} random permutations of the tokens, which leave the loads as they are. Specialisation: (mutual information - chance) / entropy of the experts, so 0 is chance.`,
    build.categoryAxis(
      'layer',
      layers.map(({ layer }) => `L${layer}`),
    ),
    build.axis('specialisation'),
    sortings.map(
      (by) =>
        layers.some((layer) => testOf(layer, by)) &&
        build.points(
          by,
          by,
          layers.flatMap((layer, x) => {
            const test = testOf(layer, by);
            return test ? [{ x, y: test.share }] : [];
          }),
        ),
    ),
    { empty: 'Documents are being read.' },
  );
}

function preferenceTable({ preferences, permutations = 0 }: Measured): readonly Section[] {
  if (!preferences) return [];
  return [
    build.table(
      'preferences',
      'What single experts prefer',
      'Largest deviation first; those with p of at most 0.05.',
      preferences,
      [
        build.text('expert', 'Expert', expertName),
        build.text('by', 'By', ({ by }) => by),
        build.text('name', 'Class', className),
        build.count('taken', 'Used by', 'Tokens of the class that use the expert.', ({ taken }) => taken),
        build.count('of', 'Of', 'Tokens of the class that are counted.', ({ of }) => of),
        build.number(
          'expected',
          'By chance',
          'Tokens of the class x share of all counted tokens that use the expert.',
          ({ expected }) => expected,
        ),
        build.number(
          'deviation',
          'Deviation',
          '(used by - by chance) in standard deviations of a draw without replacement.',
          ({ deviation }) => deviation,
        ),
        build.number(
          'p',
          'p',
          `Chance that any class and expert of any layer deviates as much: (1 + permutations that reach it) / ${1 + permutations}.`,
          ({ p }) => p,
        ),
      ],
      { empty: 'No expert prefers a token, a position or a domain more than chance does.' },
    ),
  ];
}

function loadMap({ layers }: Measured): Section {
  const most = Math.max(0, ...layers.map(({ experts }) => experts));
  const columns = Array.from({ length: most }, (_, expert) => expert);
  return {
    kind: 'map',
    id: 'loads',
    title: 'Load of each expert',
    caption: 'Share of all choices of the layer. Each of E experts that are used equally has 1 / E.',
    unit: '',
    definition: 'n_e / (k T): n_e of T tokens use the expert, and each token uses k',
    scale: build.ranges.fromZero,
    rows: { title: 'Layer', labels: layers.map(({ layer }) => String(layer)), named: true },
    columns: { title: 'Expert', labels: columns.map(String), named: true },
    values: layers.map(({ loads }) => columns.map((expert) => loads[expert] ?? Number.NaN)),
  };
}

function layerTable({ layers, permutations = 0 }: Measured): Section {
  return build.table('layers', 'Layers', undefined, layers, [
    build.count('layer', 'Layer', 'From 0.', ({ layer }) => layer),
    build.count('experts', 'Experts', 'Experts of the layer.', ({ experts }) => experts),
    build.count('perToken', 'Per token', 'Experts that each token uses.', ({ perToken }) => perToken),
    build.number(
      'variation',
      'Variation',
      'Standard deviation of the loads over their mean: 0 if all are used equally.',
      ({ variation }) => variation,
    ),
    build.number('unused', 'Never used', 'Share of the experts that no token uses.', ({ unused }) => unused),
    build.number(
      'entropy',
      'Entropy',
      'Mean over tokens of -sum p ln p, p the scores of the router over their sum.',
      'nats',
      ({ entropy }) => entropy,
    ),
    ...sortings.flatMap((by) =>
      layers.some((layer) => testOf(layer, by))
        ? [
            build.number<LayerUse>(
              by,
              `By ${by}`,
              `(mutual information of expert and ${by} - its mean over the permutations) / entropy of the experts: 0 is chance.`,
              (layer) => testOf(layer, by)?.share,
            ),
            build.number<LayerUse>(
              `${by}P`,
              'p',
              `Chance that any layer is as many standard deviations above its mean: (1 + permutations that are) / ${1 + permutations}.`,
              (layer) => testOf(layer, by)?.p,
            ),
          ]
        : [],
    ),
  ]);
}
