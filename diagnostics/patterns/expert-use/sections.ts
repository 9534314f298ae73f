import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
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
  if (known.length === 0) return `${loadWords(layers)} What experts go by is not tested yet.`;
  const found = known.flatMap((by) => {
    const sure = layers.filter((layer) => (testOf(layer, by)?.p ?? 1) <= surely);
    return sure.length === 0 ? [] : [`by ${by} in ${sure.length}`];
  });
  const [first] = preferences;
  const named = first
    ? ` Most: ${expertName(first)} takes ${first.taken} of ${first.of} ${tokenWords(first)}, ${threeDigits(first.expected)} by chance.`
    : '';
  return found.length === 0
    ? `Experts go by no ${known.join(', ')} more than chance does in any of ${counted(layers.length, 'layer', 'layers')}. ${loadWords(layers)}`
    : `Experts specialise: ${found.join(', ')} of ${counted(layers.length, 'layer', 'layers')} with experts (p at most ${surely}).${named}`;
}

function loadWords(layers: readonly LayerUse[]): string {
  const [worst] = [...layers].sort((a, b) => b.variation - a.variation);
  return worst
    ? `Loads differ most in layer ${worst.layer}: their deviation is ${threeDigits(worst.variation)} of the mean, and ${percent(worst.unused)} of the experts are never taken.`
    : 'No layer has experts.';
}

export function sections(result: Partial<ExpertUseResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  return [specialisationChart(result), ...preferenceTable(result), loadMap(result), layerTable(result)];
}

function specialisationChart({ layers, permutations = 0, documents = 0, tokens = 0 }: Measured): Section {
  return build.chart(
    'specialisation',
    'What experts go by',
    `${counted(documents, 'document', 'documents')}, ${tokens} tokens; chance is the mean of ${permutations} deals of the tokens at equal loads.`,
    build.categoryAxis(
      'layer',
      layers.map(({ layer }) => `L${layer}`),
    ),
    build.axis('(information - chance) / entropy of the experts'),
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
      'What single experts take',
      'Largest deviation first; those with p of at most 0.05.',
      preferences,
      [
        build.text('expert', 'Expert', expertName),
        build.text('by', 'By', ({ by }) => by),
        build.text('name', 'Class', className),
        build.count('taken', 'Taken', 'Tokens of the class that take the expert.', ({ taken }) => taken),
        build.count('of', 'Of', 'Counted tokens of the class.', ({ of }) => of),
        build.number(
          'expected',
          'By chance',
          'Tokens of the class x share of all counted tokens that take the expert.',
          ({ expected }) => expected,
        ),
        build.number(
          'deviation',
          'Deviation',
          '(taken - by chance) in standard deviations of a draw without replacement.',
          ({ deviation }) => deviation,
        ),
        build.number(
          'p',
          'p',
          `Chance of as large a deviation of any class and expert in any layer: (1 + deals that reach it) / ${1 + permutations}.`,
          ({ p }) => p,
        ),
      ],
      { empty: 'No expert takes a token, positions or a domain more than chance does.' },
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
    caption: 'Share of all choices of the layer; 1 / E where its E experts are taken alike.',
    unit: '',
    definition: 'n_e / (k T): n_e of T tokens take the expert, and a token takes k',
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
    build.count('perToken', 'A token', 'Experts of a token.', ({ perToken }) => perToken),
    build.number(
      'variation',
      'Variation',
      'Standard deviation of the loads over their mean; 0: all are taken alike.',
      ({ variation }) => variation,
    ),
    build.number('unused', 'Never taken', 'Share of the experts that no token takes.', ({ unused }) => unused),
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
              `(information of expert and ${by} - mean of the deals) / entropy of the experts: 0 is chance.`,
              (layer) => testOf(layer, by)?.share,
            ),
            build.number<LayerUse>(
              `${by}P`,
              'p',
              `Chance of as many standard deviations in any layer: (1 + deals that reach it) / ${1 + permutations}.`,
              (layer) => testOf(layer, by)?.p,
            ),
          ]
        : [],
    ),
  ]);
}
