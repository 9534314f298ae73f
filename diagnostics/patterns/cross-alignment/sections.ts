/** What a result shows: every head, the best ones, the mean of each layer, and the best head's words. */
import * as build from '../../../protocol/sections/builders';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import { counted } from '../../../protocol/wire/number-words';
import { moments, type Moment } from './align';
import { momentWords, nameOf } from './finding';
import { linksText } from './links';
import type { CrossAlignmentResult } from './result';

const definitions = {
  aer: '1 - (|A and S| + |A and P|) / (|A| + |S|); A the links of the head, S the sure and P the sure and possible links of the gold alignment (Och and Ney 2003). 0 is best.',
  precision: '|A and P| / |A|: share of the head’s links that are possible.',
  recall: '|A and S| / |S|: share of the sure links that the head has.',
  order:
    'Spearman’s correlation of the places of the target’s words with those of the words that they read most: 1 from left to right.',
} as const;

const largestOf = (unit: string): string =>
  `Mean over the ${unit} of the target of the largest share of attention that one of the ${unit} of the source gets.`;

export function sections(result: Partial<CrossAlignmentResult>): readonly Section[] {
  if (!result.writing || !result.reading) return [];
  const whole = result as CrossAlignmentResult;
  return [
    grid(whole),
    ...(whole.drawn ? [words(whole, whole.drawn)] : []),
    ranked(whole),
    layers(whole),
    ...links(whole),
  ];
}

function grid(result: CrossAlignmentResult) {
  const { gold, unit, texts } = result;
  const of = (moment: Moment) => {
    const { aer, precision, recall, largest, order } = result[moment];
    const when = momentWords[moment];
    const title = (what: string): string => `${what}, ${moment}`;
    return [
      ...(gold
        ? [
            build.shares(`aer-${moment}`, title('AER'), `${definitions.aer} The head ${when}.`, aer),
            build.shares(
              `precision-${moment}`,
              title('Precision'),
              `${definitions.precision} The head ${when}.`,
              precision,
            ),
            build.shares(`recall-${moment}`, title('Recall'), `${definitions.recall} The head ${when}.`, recall),
          ]
        : []),
      build.shares(`largest-${moment}`, title('Largest share'), `${largestOf(unit)} The head ${when}.`, largest),
      build.scaled(
        { kind: 'diverging', min: -1, max: 1 },
        `order-${moment}`,
        title('Order'),
        `${definitions.order} The head ${when}.`,
        order,
      ),
    ];
  };
  const first = result.best[0]?.moment;
  const marked = result.best.filter(({ p }) => p <= 0.05).map(({ layer, head }) => ({ layer, head }));
  return build.heads(
    'heads',
    'How well each head of cross-attention aligns',
    `On ${counted(texts, 'text', 'texts')}. “Writing” looks at the row that predicts a token, “reading” at the row whose input it is.`,
    // That of the best head is seen first.
    moments.toSorted((one, other) => Number(other === first) - Number(one === first)).flatMap(of),
    { ask: 'Show its attention', stack: 'cross', marked },
  );
}

function words(
  { source, target, unit, goldLinks }: CrossAlignmentResult,
  { shares, ...drawn }: NonNullable<CrossAlignmentResult['drawn']>,
): MapSection {
  const given = goldLinks.length === 0 ? '' : ` Gold: ${linksText(goldLinks)}.`;
  return {
    kind: 'map',
    id: 'words',
    title: `What ${nameOf(drawn)} reads of the source, ${momentWords[drawn.moment]}`,
    caption: `Its links: ${linksText(drawn.links)}.${given}`,
    unit: '',
    definition: `Share of attention that a ${unit === 'words' ? 'word' : 'token'} of the target (row) gives one of the source (column): summed over the tokens of the source’s, the mean over those of the target’s.`,
    scale: build.ranges.share,
    rows: { title: 'target', labels: target, named: true },
    columns: { title: 'source', labels: source, named: true },
    values: shares,
  };
}

const ranked = ({ best, gold, unit, null: none }: CrossAlignmentResult) =>
  build.table(
    'best',
    'Heads that align best',
    gold ? 'The lowest error first.' : 'The sharpest first: without a gold alignment there is no error.',
    best,
    [
      build.head(),
      build.text('moment', 'Attention'),
      gold && build.number('aer', 'AER', definitions.aer),
      gold && build.number('precision', 'Precision', definitions.precision),
      gold && build.number('recall', 'Recall', definitions.recall),
      build.number('largest', 'Largest share', largestOf(unit)),
      build.number('order', 'Order', definitions.order),
      none !== null &&
        build.number(
          'p',
          'As good by chance',
          `Share of ${none.permutations} permutations of the source’s ${unit} in which some head, at either moment, has an AER as low; the run itself counts as one.`,
        ),
    ],
    { ask: 'Show its attention' },
  );

function layers(result: CrossAlignmentResult) {
  const rows = moments.flatMap((moment) => {
    const { layers: own, all } = result[moment];
    return [
      ...own.aer.map((aer, layer) => ({
        ...{ moment, layer: String(layer), aer },
        precision: own.precision[layer],
        recall: own.recall[layer],
      })),
      { moment, layer: 'all', ...all },
    ];
  });
  return build.table(
    'layers',
    'The mean over the heads of a layer',
    'Links of the mean attention of all heads of a layer, and of all heads of the model.',
    result.gold ? rows : [],
    [
      build.text('layer', 'Layer'),
      build.text('moment', 'Attention'),
      build.number('aer', 'AER', definitions.aer),
      build.number('precision', 'Precision', definitions.precision),
      build.number('recall', 'Recall', definitions.recall),
    ],
    { empty: 'Give a gold alignment to compare layers.' },
  );
}

/** For a file of other programs. */
const links = ({ drawn }: CrossAlignmentResult): readonly Section[] =>
  drawn && drawn.links.length > 0
    ? [build.paragraphs('links', `Links of ${nameOf(drawn)} in Pharaoh’s form`, [linksText(drawn.links)])]
    : [];
