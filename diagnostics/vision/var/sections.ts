/** What a result shows: where states are massive, which tokens are sinks, what they get, and what becomes of a text. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { headName } from '../../../protocol/schema/written-form';
import { quotedToken } from '../../../protocol/wire/token-name';
import { cellOf } from '../../../protocol/sections/cell';
import { threeDigits } from '../../../protocol/wire/number-words';
import { attentionAlpha } from './layer-numbers';
import type { VarResult } from './result';
import { centricHeads, isMeasured, overSeen, sectionIds, whatIsSeen } from './section-parts';
import { textSections } from './text-sections';
import * as build from '../../../protocol/sections/builders';

/** Tables of numbers that a section may have, less two. */
const mostShown = 62;
const mostBars = 16;

export const sections = (result: Partial<VarResult>): readonly Section[] =>
  result.profile
    ? [
        dimensionsSection(result as VarResult),
        ...(isMeasured(result)
          ? [
              ...phiSections(result),
              textSinksSection(result),
              countsSection(result),
              massSection(result),
              headsSection(result),
              gateSection(result),
              ...attentionSections(result),
              contributionSection(result),
              ...maskedSections(result),
              ...textSections(result),
            ]
          : []),
      ]
    : [];

function dimensionsSection({ profile, dimensions, tau, first, width, tokens }: VarResult): Section {
  const order = [...profile.keys()]
    .sort((a, b) => (profile[b] ?? 0) - (profile[a] ?? 0))
    .slice(0, Math.max(mostBars, dimensions.length));
  return build.chart(
    'dimensions',
    'Massive dimensions of the first token',
    `The ${order.length} largest of ${width} dimensions at position ${first} (${quotedToken(tokens[first] ?? '')}). No value of a state of this width can be above ${threeDigits(Math.sqrt(width))}.`,
    build.categoryAxis('dimension', order.map(String)),
    build.axis('value / RMS', '', { min: 0 }),
    [
      build.bars(
        'profile',
        '|x_d| / RMS(x), reached in more than half of the layers from the third on',
        order.map((d, x) => ({ x, y: profile[d] ?? Number.NaN, label: `dimension ${d}` })),
      ),
    ],
    { references: [{ label: `tau = ${threeDigits(tau)}`, from: [0, tau], to: [Math.max(1, order.length - 1), tau] }] },
  );
}

/** Layers in which attention is moved, then the others. */
function shownLayers({ layers, phi }: VarResult): readonly number[] {
  const all = [...phi.keys()];
  return [...all.filter((layer) => layers.includes(layer)), ...all.filter((layer) => !layers.includes(layer))].slice(
    0,
    mostShown,
  );
}

function phiSections(result: VarResult): readonly Section[] {
  const { phi, tau, dimensions } = result;
  if (dimensions.length === 0) return [];
  const numbers = shownLayers(result).map((layer) =>
    build.amounts(
      `layer-${layer}`,
      `Layer ${layer}`,
      `phi: largest |x_d| / RMS(x) over the massive dimensions, x the hidden state that enters layer ${layer}; above ${threeDigits(tau)} the token is a sink`,
      phi[layer] ?? [],
      'RMS',
    ),
  );
  return [
    overSeen(
      result,
      {
        id: 'phi',
        title: `Sink value over the ${whatIsSeen(result)}`,
        caption: `Tokens above tau = ${threeDigits(tau)} are sinks in the layer.`,
      },
      numbers,
    ),
  ];
}

const textSinksSection = ({ textSinks }: VarResult): Section =>
  build.table(
    'text-sinks',
    'Sinks in the text',
    'Their attention is moved too, in layers that have a sink in the picture or span.',
    textSinks,
    [
      build.count('position', 'Position', 'of the token in the prompt, from 0'),
      build.text('token', 'Token'),
      build.number('phi', 'Sink value', 'largest phi over the layers', 'RMS'),
      build.text('layers', 'Layers', ({ layers }) => layers.join(', ')),
    ],
    { empty: 'No token of the text is a sink.' },
  );

const lines = (id: string, title: string, values: readonly number[]): SectionSeries => build.line(id, title, values);

const layerAxis = build.axis('layer', '', { min: 0 });

function countsSection(result: VarResult) {
  const { counts } = result;
  const what = whatIsSeen(result);
  return build.chart(
    'counts',
    'Sinks by layer',
    `By attention: tokens of the ${what} that get more than ${attentionAlpha} / n of the attention of the rows behind it, mean over heads; n is the length of the prompt.`,
    layerAxis,
    build.axis('tokens', '', { min: 0 }),
    [
      lines('visual', `in the ${what}, by massive dimensions`, counts.visual),
      lines('byAttention', `in the ${what}, by attention`, counts.byAttention),
      lines('both', `in the ${what}, by both`, counts.both),
      lines('text', 'in the text, by massive dimensions', counts.text),
    ],
  );
}

function massSection(result: VarResult) {
  const what = whatIsSeen(result);
  return build.chart(
    'mass',
    'Attention on sinks by layer',
    `Rows behind the ${what}, mean over rows and heads.`,
    layerAxis,
    build.shareAxis('share of attention'),
    [
      lines('visual', `sinks in the ${what}`, result.mass.visual),
      lines('others', `other tokens of the ${what}`, result.mass.others),
      lines('text', 'sinks in the text', result.mass.text),
    ],
  );
}

function headsSection(result: VarResult): Section {
  const { imageMass, besideSinks, centric, onVisual, onText, least, ratio } = result;
  const what = whatIsSeen(result);
  const share = { unit: '', scale: build.ranges.share } as const;
  return build.heads(
    sectionIds.heads,
    `Heads that look at the ${what}`,
    `Image-centric: the last row gives the ${what} at least ${least}, and of that at least ${ratio} to tokens that are no sinks.`,
    [
      {
        name: 'imageMass',
        title: `Attention on the ${what}`,
        ...share,
        definition: `sum over tokens j of the ${what} of A_ij, i the last row`,
        values: imageMass,
      },
      {
        name: 'besideSinks',
        title: 'Beside the sinks',
        ...share,
        definition: `share of that on tokens that are no sinks; 1 in a layer whose ${what} has none`,
        values: besideSinks,
      },
      {
        name: 'centric',
        title: 'Image-centric rows',
        ...share,
        definition: `of the rows behind the ${what}, the share that passes both limits; 0 in a layer without a sink in the ${what}`,
        values: centric,
      },
      {
        name: 'onVisual',
        title: `On sinks of the ${what}`,
        ...share,
        definition: `attention on sinks in the ${what}, mean over the rows behind it`,
        values: onVisual,
      },
      {
        name: 'onText',
        title: 'On sinks of the text',
        ...share,
        definition: `attention on sinks in the text, mean over the rows behind the ${what}`,
        values: onText,
      },
    ],
    {
      ask: 'Show where it looks, before and after',
      classes: [
        build.headClass(
          'centric',
          'Image-centric',
          'their last row passes both limits, in a layer in which attention is moved',
          centricHeads(result),
        ),
      ],
    },
  );
}

function gateSection(result: VarResult) {
  const { imageMass, besideSinks, least, ratio } = result;
  const what = whatIsSeen(result);
  const chosen = new Set(centricHeads(result).map(headName));
  const points = imageMass.flatMap((row, layer) =>
    row.flatMap((x, head) => {
      const y = besideSinks[layer]?.[head] ?? Number.NaN;
      return Number.isNaN(x) || Number.isNaN(y) ? [] : [{ x, y, label: headName({ layer, head }) }];
    }),
  );
  const series = (id: string, title: string, of: typeof points): SectionSeries => ({
    ...{ id, title, points: of },
    mark: 'points',
  });
  return build.chart(
    'gate',
    'Which heads are changed',
    'One point a head, of the last row of the prompt. Those right of and above both lines are image-centric.',
    build.shareAxis(`attention on the ${what}`),
    build.shareAxis('share of it beside the sinks'),
    [
      series(
        'centric',
        'changed',
        points.filter(({ label }) => chosen.has(label)),
      ),
      series(
        'others',
        'left alone: below a line, or in a layer that is not changed',
        points.filter(({ label }) => !chosen.has(label)),
      ),
    ],
    {
      references: [
        { label: `at least ${least}`, from: [least, 0], to: [least, 1] },
        { label: `rho = ${ratio}`, from: [0, ratio], to: [1, ratio] },
      ],
    },
  );
}

function attentionSections(result: VarResult): readonly Section[] {
  const what = whatIsSeen(result);
  const numbers = shownLayers(result).map((layer) =>
    build.amounts(
      `layer-${layer}`,
      `Layer ${layer}`,
      `attention that the rows behind the ${what} give the token in layer ${layer}, mean over rows and heads`,
      result.attention[layer] ?? [],
    ),
  );
  return [
    overSeen(
      result,
      {
        id: 'attention',
        title: `Attention over the ${what}`,
        caption: `A sink by attention gets more than ${attentionAlpha} / n = ${threeDigits(attentionAlpha / result.tokens.length)}.`,
      },
      numbers,
    ),
  ];
}

function contributionSection(result: VarResult) {
  const { contribution } = result;
  const what = whatIsSeen(result);
  return build.chart(
    'contribution',
    'What one key adds to the stream',
    `|a_ij v_j W_O|, W_O the columns of the head, without gains: mean over heads, over the rows behind the ${what}, and over the keys.`,
    layerAxis,
    build.axis('norm', '', { min: 0 }),
    [
      lines('sinks', `sinks in the ${what}`, contribution.sinks),
      lines('random', 'as many other tokens, drawn at random', contribution.random),
      lines('others', 'all other tokens', contribution.others),
    ],
  );
}

function maskedSections(result: VarResult): readonly Section[] {
  const { masked, maskedRandom } = result;
  if (!masked || !maskedRandom) return [];
  const what = whatIsSeen(result);
  const of = (name: string) => masked.find((one) => one.name === name);
  const [sinks, all, drawn] = [of('sinks'), of('all'), masked.find(({ name }) => name.startsWith('random'))];
  const fewer = (drawn?.tokens ?? 0) < (sinks?.tokens ?? 0);
  const row = (title: string, one: typeof sinks) => [
    title,
    cellOf(one?.tokens),
    cellOf(one?.divergence),
    null,
    null,
    cellOf(one?.probability),
    one?.leading ?? '',
  ];
  return [
    build.cellTable(
      'masked',
      'Sinks that the text cannot read',
      `In the layers ${result.layers.join(', ')} the rows behind the ${what} give these tokens nothing. Random: in each layer as many tokens of the ${what} that are no sinks, ${maskedRandom.draws} draws${fewer ? '; all of them in layers that have fewer' : ''}.`,
      [
        build.text('masked', 'Masked'),
        build.count('tokens', 'Tokens', 'masked, summed over the layers'),
        build.number(
          'divergence',
          'Change',
          'Kullback-Leibler divergence of the next-token distribution from that of the plain model',
          'nats',
        ),
        build.number('low', 'Least', 'smallest of the draws', 'nats'),
        build.number('high', 'Most', 'largest of the draws', 'nats'),
        build.number('probability', 'Plain token', 'probability of the token that is most probable in the plain run'),
        build.text('leading', 'Leading token'),
      ],
      [
        row(`sinks in the ${what}`, sinks),
        [
          fewer ? 'others' : 'as many others',
          cellOf(drawn?.tokens),
          cellOf(maskedRandom.mean),
          cellOf(maskedRandom.low),
          cellOf(maskedRandom.high),
          null,
          '',
        ],
        row(`the whole ${what}`, all),
      ],
    ),
  ];
}
