/** The later sinks of the plain model: where they stand, at which tokens, in which layers. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { shownToken } from '../../../protocol/wire/token-name';
import { counted } from '../../../protocol/wire/number-words';
import { ruleWords } from './finding';
import type { ActResult, LayerSinks } from './result';
import * as build from '../../../protocol/sections/builders';

type Partly = Partial<ActResult>;

export const sinkSections = (result: Partly): readonly Section[] => [
  ...(result.tokens && result.layerStrengths ? [ribbon(result)] : []),
  ...(result.places && result.places.length > 0 ? [placesSection(result.places, result)] : []),
  ...(result.kinds && result.kinds.length > 0 ? [kindsSection(result.kinds, result)] : []),
  ...(result.layers && result.layers.length > 0 ? layerSections(result.layers, result) : []),
];

const strengthDefinition = 'c_k: mean over the queries q that read key k of p(q, k)';

function ribbon({
  tokens = [],
  headsByAlpha = [],
  headsByStrength = [],
  largest = [],
  layerStrengths = [],
  alpha = Number.NaN,
  strength = Number.NaN,
}: Partly): TokensSection {
  const heads = (name: string, title: string, limit: string, values: readonly number[]) =>
    build.amounts(
      name,
      title,
      `Heads in which the token is a later sink: c_k above ${limit}, c_k the mean attention that key k gets from the queries that read it; not the first token, nor one that too few queries read.`,
      values,
      'heads',
    );
  const share = (name: string, title: string, definition: string, values: readonly number[]) =>
    build.shares(name, title, definition, values);
  return {
    kind: 'tokens',
    id: 'ribbon',
    title: 'Column strengths of the first prompt',
    caption: `Both rules are there to be chosen. Late tokens are read by few queries and are never sinks: at least 2 n / ${alpha} (2 / ${strength}) queries have to read one.`,
    tokens,
    numbers: [
      heads('alpha', `Heads, c above ${alpha} / n`, `${alpha} / n`, headsByAlpha),
      heads('strength', `Heads, c above ${strength}`, String(strength), headsByStrength),
      share('largest', 'Largest column strength', `${strengthDefinition}; the largest of all heads.`, largest),
      ...layerStrengths.map((values, layer) =>
        share(
          `layer-${layer}`,
          `Column strength, layer ${layer}`,
          `${strengthDefinition}; mean over the heads of layer ${layer}.`,
          values,
        ),
      ),
    ],
  };
}

const placesSection = (places: ActResult['places'], result: Partly) =>
  build.table(
    'places',
    'Later sinks of the first prompt',
    `A later sink of a head: ${ruleWords(result)}. Those of most heads first.`,
    places,
    [
      build.text('token', 'Token', ({ text }) => shownToken(text)),
      build.text('kind', 'Kind'),
      build.count('position', 'Position', 'Position of the token in the prompt, from 0.'),
      build.count('heads', 'Heads', 'In which it is a later sink.', 'heads'),
      build.number('strength', 'Column strength', `${strengthDefinition}; the largest of these heads.`),
    ],
  );

const kindsSection = (kinds: ActResult['kinds'], result: Partly) =>
  build.table(
    'kinds',
    'Which tokens are later sinks',
    `Over all heads and ${counted((result.calibration ?? 0) + (result.heldOutPrompts ?? 0), 'prompt', 'prompts')}; ${ruleWords(result)}.`,
    kinds,
    [
      build.text('token', 'Token', ({ text }) => shownToken(text)),
      build.text('kind', 'Kind'),
      build.count('sinks', 'Sinks', 'How often it is a later sink, counted over heads and prompts.'),
      build.number('share', 'Share', 'Share of all later sinks of all heads and prompts.'),
      build.count('stands', 'In the prompts', 'How often it stands in the prompts behind their first token.'),
    ],
  );

function layerSections(layers: readonly LayerSinks[], { maps = 0 }: Partly): readonly ChartSection[] {
  const series = (id: keyof LayerSinks, title: string, mark: 'stack' | 'bars') => ({
    id,
    title,
    mark,
    points: layers.map((one, layer) => ({ x: layer, y: one[id] })),
  });
  // Bars need room on both sides of their place, which categories have.
  const x = build.categoryAxis(
    'layer',
    layers.map((_, layer) => String(layer)),
  );
  return [
    build.chart(
      'mass-by-layer',
      'Where attention goes, by layer',
      `Mean over heads, the queries behind the first and ${counted(maps, 'prompt', 'prompts')}. The three shares of a layer add up to 1.`,
      x,
      build.shareAxis('share of attention'),
      [
        series('firstMass', 'first token', 'stack'),
        series('sinkMass', 'later sinks', 'stack'),
        series('restMass', 'all other tokens', 'stack'),
      ],
    ),
    build.chart(
      'sinks-by-layer',
      'Later sinks by layer',
      'Mean over heads and all prompts.',
      x,
      build.axis('later sinks of a head and prompt', '', { min: 0 }),
      [series('sinks', 'later sinks', 'bars')],
    ),
  ];
}
