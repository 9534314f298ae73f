/** The text that the model writes, and where its tokens look, without and with redistribution. */
import type { ImageSection } from '../../../protocol/sections/image';
import type { Section } from '../../../protocol/sections/section';
import { mostMaps, type ComparedToken, type VarResult } from './result';
import { overSeen, sectionIds, whatIsSeen } from './section-parts';
import * as build from '../../../protocol/sections/builders';

export function textSections(result: VarResult): readonly Section[] {
  const { words, texts } = result;
  return [
    ...(words && words.length > 0 ? [wordsSection(result, words), ...changedSections(words)] : []),
    ...mapSections(result),
    ...(texts
      ? [
          {
            kind: 'generations',
            id: 'texts',
            title: 'Texts',
            caption:
              'The most probable token each time. Tokens that are not those of the plain text at their place differ.',
            variants: texts.map(({ name }) => name),
            items: [
              {
                title: 'Behind the prompt',
                texts: texts.map(({ text }) => text),
                scores: texts.map(({ different }) => different),
              },
            ],
            score: { title: 'differ', unit: 'tokens' },
          } as const,
        ]
      : []),
  ];
}

function wordsSection(result: VarResult, words: readonly ComparedToken[]): Section {
  const what = whatIsSeen(result);
  const share = { unit: '', scale: build.ranges.share } as const;
  const seen = `attention on the ${what} of the query that chose the token, mean over the heads of the layers ${result.layers.join(', ')}`;
  return {
    kind: 'tokens',
    id: sectionIds.words,
    title: 'Text of the plain model, token by token',
    caption:
      'The redistributed model reads the same text. Marked: tokens in whose place it would have written another one.',
    ask: 'Show where it looks, before and after',
    tokens: words.map(({ text }) => text),
    numbers: [
      {
        name: 'before',
        title: `On the ${what}, before`,
        ...share,
        definition: seen,
        values: words.map((one) => one.seenBefore),
      },
      {
        name: 'after',
        title: `On the ${what}, after`,
        ...share,
        definition: `${seen}; redistributed`,
        values: words.map((one) => one.seenAfter),
      },
      {
        name: 'probability',
        title: 'Probability before',
        ...share,
        definition: 'of the token, under the plain model',
        values: words.map(({ probability }) => probability),
      },
      {
        name: 'probabilityAfter',
        title: 'Probability after',
        ...share,
        definition: 'of the token, under the redistributed model behind the same text',
        values: words.map(({ after }) => after),
      },
    ],
    classes: { names: ['changes'], of: words.map(({ changes }) => (changes ? 0 : -1)) },
  };
}

function changedSections(words: readonly ComparedToken[]): readonly Section[] {
  return [
    build.table(
      'changed',
      'Tokens that change',
      '',
      words.filter(({ changes }) => changes),
      [
        build.text('token', 'Plain', ({ text }) => text),
        build.number('before', 'Before', 'its probability under the plain model', ({ probability }) => probability),
        build.number('after', 'After', 'its probability under the redistributed model behind the same text'),
        build.text('instead', 'Redistributed'),
      ],
      { empty: 'Behind the same text both models write the same token each time.' },
    ),
  ];
}

function mapSections(result: VarResult): readonly Section[] {
  const { words = [], before, moved } = result;
  if (!before || !moved || words.length === 0) return [];
  const what = whatIsSeen(result);
  // Both maps of a token have one scale, so that their colours compare.
  const upTo = (one: readonly number[], other: readonly number[]) =>
    ({ kind: 'sequential', min: 0, max: Math.max(...one, ...other) }) as const;
  const definition = `attention of the query that chose the token, mean over the heads of the layers ${result.layers.join(', ')}`;
  const numbers = (
    mean: readonly number[],
    own: (token: ComparedToken) => readonly number[],
    under: string,
  ): ImageSection['numbers'] => [
    build.scaled(
      upTo(before, moved),
      'mean',
      'Mean over tokens',
      `${definition}, ${under}; mean over all tokens`,
      mean,
    ),
    ...words
      .slice(0, mostMaps)
      .map((token, at) =>
        build.scaled(
          upTo(token.before, token.moved),
          `token-${at}`,
          `${at}: ${token.text.trim()}`,
          `${definition}, ${under}`,
          own(token),
        ),
      ),
  ];
  return [
    overSeen(
      result,
      { id: 'map-before', title: `Where the text looks in the ${what}, before` },
      numbers(before, (token) => token.before, 'plain'),
    ),
    overSeen(
      result,
      { id: 'map-after', title: `Where the text looks in the ${what}, after` },
      numbers(moved, (token) => token.moved, 'redistributed'),
    ),
  ];
}
