/** Labels and embedding of a prompt, as a result of heads shows them. */
import * as build from '../../sections/builders';
import type { Section } from '../../sections/section';
import type { HeadsMeasured } from '../labelled-heads';
import { bestSpan, labelShares, readoutWords } from '../readout';

/** Rows of a table of tokens: the grid below it is of all. */
const listed = 1024;

export function readoutSections({ readout, texts = [] }: Partial<HeadsMeasured>): readonly Section[] {
  const { labels, embedding } = readout ?? {};
  return [
    ...(labels ? [labelTable(labels, texts)] : []),
    ...(embedding ? [build.paragraphs('embedding', 'Embedding', readoutWords({ embedding }, texts))] : []),
  ];
}

const probability = 'Softmax over the labels.';

function labelTable(
  labels: NonNullable<NonNullable<HeadsMeasured['readout']>['labels']>,
  texts: readonly string[],
): Section {
  const { of, logits } = labels;
  if (of === 'text') {
    return build.table(
      'labels',
      'Labels of the text',
      'What the classifier on top makes of the text.',
      labelShares(labels, logits[0] ?? []),
      [
        build.text('label', 'Label', ({ name }) => name),
        build.number('logit', 'Logit', 'What the head gives the label.'),
        build.number('probability', 'Probability', probability),
      ],
    );
  }
  const rows = logits.slice(0, listed).map((row, position) => ({ position, token: texts[position] ?? '', row }));
  const token = [build.count('position', 'Position', 'From 0.'), build.text('token', 'Token')] as const;
  if (of === 'span') {
    const { start, end } = bestSpan(logits);
    return build.table(
      'labels',
      'Where the answer begins and ends',
      `Tokens ${start} to ${end} have the largest sum of logits, of answers of at most 15 tokens.`,
      rows.map(({ row: [from = Number.NaN, to = Number.NaN], ...own }) => ({ ...own, from, to })),
      [
        ...token,
        build.number('from', 'Begins', 'Logit of the token as the first of the answer.'),
        build.number('to', 'Ends', 'Logit of the token as the last of the answer.'),
      ],
    );
  }
  return build.table(
    'labels',
    'Label of each token',
    'The label with the largest logit.',
    rows.map(({ row, ...own }) => ({ ...own, ...labelShares(labels, row)[0] })),
    [
      ...token,
      build.text('label', 'Label', ({ name = '' }) => name),
      build.number('probability', 'Probability', probability),
    ],
  );
}
