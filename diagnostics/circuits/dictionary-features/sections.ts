/** What the analysis shows and says. */
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { quotedToken } from '../../../protocol/wire/token-name';
import * as build from '../../../protocol/sections/builders';
import type { Section } from '../../../protocol/sections/section';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { GivenOffer } from '../../analysis';
import type { DictionaryResult, FeatureRow, PositionRow } from './result';

const isWhole = (result: Partial<DictionaryResult>): result is DictionaryResult => result.features !== undefined;

/** A token as a table names it. */
const named = ({ tokens }: DictionaryResult, at: number): string => `${at} ${quotedToken(tokens[at] ?? '')}`;

/** `the logit of "␣Paris" less that of "␣Rome"` */
const targetWords = ({ token, against }: NonNullable<DictionaryResult['target']>): string =>
  `the logit of ${quotedToken(token)}${against === undefined ? '' : ` less that of ${quotedToken(against)}`}`;

export function finding(result: Partial<DictionaryResult>): string {
  if (!isWhole(result)) return 'No token has been read yet.';
  const { dictionary, everActive, meanActive, explained, features, target } = result;
  const share = Number.isNaN(explained)
    ? ''
    : explained < 0
      ? ', which describe it worse than its mean does'
      : `, which explain ${percent(explained)} of the variance there`;
  const first = `At ${dictionary.reads} ${counted(everActive, 'feature is', 'features are')} active, ${threeDigits(meanActive)} a token${share}.`;
  const [leading] = features;
  if (!leading) return first;
  const { feature, attribution, largest, at } = leading;
  if (target === undefined || attribution === undefined) {
    return `${first} Feature ${feature} is the strongest: ${threeDigits(largest)} at token ${named(result, at)}.`;
  }
  return `${first} Feature ${feature} moves ${targetWords(target)} most: ${threeDigits(attribution)} of ${threeDigits(target.logit)}.`;
}

export function sections(result: Partial<DictionaryResult>): readonly Section[] {
  if (!isWhole(result)) return [];
  return [
    featureTable(result),
    ribbon(result),
    tokenTable(result),
    ...headSections(result),
    ...(result.notes.length > 0 ? [build.paragraphs('notes', 'What is left out', result.notes)] : []),
  ];
}

const featureTable = (result: DictionaryResult) =>
  build.table(
    'features',
    'Features',
    `${result.everActive > result.features.length ? `The first ${result.features.length} of ${result.everActive}. ` : ''}${result.target ? `The largest attribution to ${targetWords(result.target)} first` : 'The largest activation first'}. Choose a row for its activation at each token.`,
    result.features,
    [
      build.count('feature', 'Feature', 'Its index in the dictionary, from 0.'),
      build.number('largest', 'Largest activation', 'Its largest activation on the prompt.'),
      build.text('at', 'At token', ({ at }) => named(result, at), 'The first token with this activation.'),
      build.wide(build.count('tokens', 'Tokens', 'Tokens at which it is above 0.')),
      result.target &&
        build.number(
          'attribution',
          'Attribution',
          'Sum over tokens of what it adds at the place times the gradient: to first order, what is lost without it.',
        ),
    ],
    { ask: 'Show its activation' },
  );

const ribbon = ({ tokens, positions, dictionary }: DictionaryResult): TokensSection => ({
  kind: 'tokens',
  id: 'tokens',
  title: 'Tokens',
  caption: `What the dictionary makes of ${dictionary.writes} at each token.`,
  tokens,
  numbers: [
    build.amounts(
      'active',
      'Active features',
      'Features above 0 at the token.',
      positions.map(({ active }) => active),
    ),
    build.amounts(
      'error',
      'Error',
      '|y - x|^2 / |x|^2, where x is what the model computes at the place and y what the dictionary gives back.',
      positions.map(({ error }) => error),
    ),
  ],
});

const tokenTable = (result: DictionaryResult) =>
  build.table<PositionRow>('by-token', 'Strongest features of each token', undefined, result.positions, [
    build.text('token', 'Token', (_, at) => named(result, at)),
    build.wide(build.count('active', 'Active features', 'Features above 0 at the token.')),
    build.wide(build.number('error', 'Error', '|y - x|^2 / |x|^2 of what the dictionary gives back.')),
    build.text(
      'top',
      'Features',
      ({ top }) => top.map(({ feature, activation }) => `${feature} (${threeDigits(activation)})`).join(', '),
      'Index of a feature and, in brackets, its activation; the largest first.',
    ),
  ]);

function headSections({ heads, row, tokens, dictionary }: DictionaryResult): readonly Section[] {
  if (!heads || heads.features.length === 0) return [];
  const token = `${row} ${quotedToken(tokens[row] ?? '')}`;
  return [
    build.heads(
      'heads',
      `What heads put into the features of token ${token}`,
      `Parts of what the encoder at ${dictionary.reads} gives a feature, before its activation function.`,
      heads.features.map(({ feature, activation }, at) =>
        build.signed(
          `feature-${feature}`,
          `Feature ${feature}`,
          `Product of what the head writes at the token and the column of W_enc of feature ${feature}, whose activation is ${threeDigits(activation)}.`,
          heads.parts[at] ?? [],
        ),
      ),
    ),
    build.table(
      'strongest-heads',
      'Top feature of each head',
      'Among the features of the grid, the one to which a head gives the largest part; heads with the largest parts first.',
      heads.strongest,
      [
        build.head(),
        build.count('feature', 'Feature', 'Its index in the dictionary, from 0.'),
        build.number('part', 'Part', 'Product of what the head writes at the token and the column of W_enc.'),
      ],
    ),
  ];
}

/** The activation of one feature at every token. */
export const tokensSection = ({ tokens }: DictionaryResult, { feature, activations }: FeatureRow): TokensSection => ({
  kind: 'tokens',
  id: `feature-${feature}`,
  title: `Feature ${feature}`,
  tokens,
  numbers: [build.amounts('activation', 'Activation', `Activation of feature ${feature} at the token.`, activations)],
});

/** Features whose removal is offered. */
const offered = 3;

export const offers = ({ features, dictionary: { path } }: DictionaryResult): readonly GivenOffer[] =>
  features.slice(0, offered).map(({ feature }) => ({
    title: `Without feature ${feature}`,
    description: 'Takes the feature out of what the model computes at the place of the dictionary; all else stays.',
    interventions: [{ kind: 'feature', feature, factor: 0, strength: 0, source: { from: 'file', path } }],
  }));
