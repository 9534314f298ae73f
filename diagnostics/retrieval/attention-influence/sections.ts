/** What a result shows. */
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn } from '../../../protocol/sections/table';
import { chartSections } from './charts';
import { repeatedStretch } from './influence';
import type { DocumentResult, InfluenceResult } from './result';
import { counted, documentName, headsInWords, inOrder, sourcesNamed, sourceTitle } from './words';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

export const sections = (partial: Partial<InfluenceResult>): readonly Section[] => {
  if (!isWhole(partial)) return [];
  return [
    documentsSection(partial),
    ...chartSections(partial),
    ...(partial.overall.documents > 0 ? [sourcesSection(partial), lossesSection(partial)] : []),
    ...(partial.scores ? [headsSection(partial, partial.scores)] : []),
    aboutSection(partial),
  ];
};

/** Partial results have every field, and some of the documents. */
const isWhole = (partial: Partial<InfluenceResult>): partial is InfluenceResult => partial.overall !== undefined;

const influenceDefinition = 'AI = (L masked - L plain) / L plain: the rise of the loss as a share of it.';

const number = (name: string, title: string, unit: string, definition: string): SectionColumn =>
  build.number(name, title, definition, unit);

/** Whole numbers, written whole. */
const whole = (name: string, title: string, unit: string, definition: string): SectionColumn => ({
  ...number(name, title, unit, definition),
  digits: 9,
});

function documentsSection(result: InfluenceResult) {
  const { controls, top } = result;
  const named = sourcesNamed(result);
  return build.table(
    'documents',
    'Documents',
    `Best first${named ? ' within each source: losses of different sources are not comparable' : ''}. The top ${top} % ${named ? 'of each source ' : ''}are selected, rounded up. Exports have every row.`,
    inOrder(result),
    [
      {
        ...whole('rank', 'Rank', '', 'Place by influence among the documents of the source, from 1.'),
        cell: (document) => document.rank,
      },
      build.text('selected', 'Selected', (document) => selectedWords(document)),
      named && build.text('source', 'Source', (document) => sourceTitle(document.source ?? '')),
      build.text('document', 'Document', (document) => documentName(document)),
      { ...number('influence', 'Influence', '', influenceDefinition), cell: (document) => document.influence },
      controls.length > 0 && {
        ...number('control', 'Random heads', '', 'The same with as many random heads masked, mean over the controls.'),
        cell: (document) => document.control,
      },
      {
        ...number('loss', 'Loss', 'nats/token', 'Mean of -ln of the probability of each predicted token.'),
        cell: (document) => document.loss,
      },
      {
        ...number('maskedLoss', 'Loss masked', 'nats/token', 'The same with the heads masked.'),
        cell: (document) => document.maskedLoss,
      },
      {
        ...whole('tokens', 'Length', 'tokens', 'Tokens of the document that are predicted.'),
        cell: (document) => document.tokens,
      },
      {
        ...number(
          'repeated',
          'Repeated',
          '',
          `Share of its tokens in a stretch of ${repeatedStretch} that stood in it before: boilerplate earns a high influence.`,
        ),
        cell: (document) => document.repeated,
      },
      build.text('start', 'Begins with', (document) => document.start),
    ],
    { ask: 'Show its tokens', empty: 'No document is scored yet.' },
  );
}

const selectedWords = ({ selected, duplicateOf }: DocumentResult): string =>
  duplicateOf === undefined ? (selected ? 'yes' : 'no') : `copy of #${duplicateOf + 1}`;

function sourcesSection({ sources, controls }: InfluenceResult) {
  return build.table(
    'sources',
    'Sources',
    '',
    sources,
    [
      build.text('source', 'Source', (one) => sourceTitle(one.source)),
      { ...whole('documents', 'Documents', '', 'Ranked documents.'), cell: (one) => one.documents },
      {
        ...whole('selected', 'Selected', '', 'How many of these are selected, rounded up.'),
        cell: (one) => one.selected,
      },
      { ...whole('copies', 'Copies', '', 'Documents whose text came before: not ranked.'), cell: (one) => one.copies },
      { ...number('median', 'Median influence', '', influenceDefinition), cell: (one) => one.median },
      {
        ...number('low', '10th percentile', '', '10th percentile of the influence of its documents.'),
        cell: (one) => one.low,
      },
      {
        ...number('high', '90th percentile', '', '90th percentile of the influence of its documents.'),
        cell: (one) => one.high,
      },
      controls.length > 0 && {
        ...number('control', 'Random heads', '', 'Median influence with as many random heads masked.'),
        cell: (one) => one.control,
      },
      {
        ...number('threshold', 'Selected from', '', 'Least influence of a selected document.'),
        cell: (one) => one.threshold,
      },
      {
        ...number('tokens', 'Median length', 'tokens', 'Median length of the ranked documents.'),
        cell: (one) => one.tokens,
      },
      {
        ...number('selectedTokens', 'Of selected', 'tokens', 'Median length of the selected documents.'),
        cell: (one) => one.selectedTokens,
      },
    ],
    { empty: 'No document is scored yet.' },
  );
}

function lossesSection({ overall, masked, controls }: InfluenceResult) {
  const random = controls.map(headsInWords).join('; ');
  return build.cellTable(
    'losses',
    'All documents together',
    Number.isNaN(overall.difference)
      ? 'Means over all tokens of the ranked documents.'
      : 'Losses are means over all tokens of the ranked documents; the difference is a mean over documents, with its 95 % interval (Student’s t).',
    [
      build.text('model', 'Model'),
      build.text('heads', 'Heads'),
      number('loss', 'Loss', 'nats/token', 'Mean over all tokens.'),
      number('influence', 'Median influence', '', influenceDefinition),
      number('difference', 'More than random', '', 'Mean of influence less that of the random heads.'),
      number('differenceLow', 'From', '', 'Lower end of its 95 % interval over documents.'),
      number('differenceHigh', 'To', '', 'Upper end of its 95 % interval over documents.'),
    ],
    [
      ['plain', '', cellOf(overall.loss), null, null, null, null],
      [
        'masked',
        headsInWords(masked),
        cellOf(overall.maskedLoss),
        cellOf(overall.median),
        cellOf(overall.difference),
        cellOf(overall.differenceLow),
        cellOf(overall.differenceHigh),
      ],
      ...(controls.length > 0
        ? [['random heads masked', random, cellOf(overall.controlLoss), cellOf(overall.control), null, null, null]]
        : []),
    ],
  );
}

const headsSection = ({ masked, probe }: InfluenceResult, values: HeadsSection['numbers'][number]['values']) =>
  build.heads(
    'heads',
    'How much each head copies',
    `Marked: the heads that are masked. ${probe ? probeWords(probe) : ''}`,
    [
      build.shares(
        'score',
        'Copied share',
        'Share of the tokens of the answer that the head reads most, where they stand, in the row that says them; mean over the probes.',
        values,
      ),
    ],
    { marked: masked },
  );

const formatWords = { json: 'JSON objects', table: 'tables of words', tokens: 'random tokens' } as const;

function probeWords({ format, probes, tokens, answered, tests, tried }: NonNullable<InfluenceResult['probe']>): string {
  const before = tried
    .filter((one) => one.format !== format)
    .map((one) => `${formatWords[one.format]} (${one.answered} of ${one.tests} answered)`);
  const instead = before.length > 0 ? ` Tried before, with too few answers: ${before.join(', ')}.` : '';
  return `${counted(probes, 'probe')} of ${formatWords[format]}, of about ${Math.round(tokens)} tokens; ${answered} of ${counted(tests, 'question')} answered.${instead}`;
}

function aboutSection({ corpus, window, documents, masked }: InfluenceResult) {
  const cut = documents.filter(({ windows }) => windows > 1).length;
  const copies = documents.filter(({ duplicateOf }) => duplicateOf !== undefined).length;
  return build.paragraphs('about', 'What was measured', [
    `${counted(documents.length, 'document')} of ${corpus.name}, each run plain and with ${headsInWords(masked)} masked: a masked head gives all keys that it may read the same weight, so that its output is the mean of their values.`,
    ...(corpus.chosen < corpus.documents
      ? [`${counted(corpus.chosen, 'document')} of ${corpus.documents.toLocaleString('en-US')} were drawn by the seed.`]
      : []),
    ...(cut > 0
      ? [
          `${counted(cut, 'document')} longer than ${window} tokens ${cut === 1 ? 'was' : 'were'} cut into windows; losses are means over all their tokens.`,
        ]
      : []),
    ...(copies > 0 ? [`${counted(copies, 'copy', 'copies')} of a document that came before: not ranked.`] : []),
    ...corpus.notes,
    'A high influence says that these heads help to predict the document. That such documents make better training data is a claim of the paper for models of 1.3 to 7 billion parameters; nothing here tests it.',
  ]);
}
