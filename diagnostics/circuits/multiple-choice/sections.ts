/** What a run of multiple choice shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { partName } from '../../shared/effects/parts';
import { cellOf } from '../../../protocol/sections/cell';
import { outputOf } from './finding';
import type { ByShots, ChoiceResult, Node } from './result';
import {
  headTypes,
  leastElsewhere,
  leastFollowed,
  leastOnLabels,
  leastShare,
  mostUneven,
  type HeadType,
} from './types';
import * as build from '../../../protocol/sections/builders';
import type { MeasuredMean } from '../../shared/statistics/proportion';

const wilsonWords = '95 % interval over prompts (Wilson)';
const studentWords = "95 % interval over prompts (Student's t)";

export function sections(result: Partial<ChoiceResult>): readonly Section[] {
  const { byShots = [], chance, nodes, notes = [], patched } = result;
  if (byShots.length === 0 || !chance) return [];
  const found: Section[] = [
    accuracyChart(byShots, chance.accuracy),
    answersTable(byShots, 'shares'),
    answersTable(byShots, 'losses'),
  ];
  if (nodes) {
    const output = outputOf(result);
    const shown =
      output.find(({ attention }) => attention?.type === 'correct letter') ?? output.find((one) => one.attention);
    const [first] = output;
    found.push(headsSection(result), mlpSection(result), nodesTable(result), cumulativeChart(result));
    if (shown) found.push(attentionMap(result, shown, 'attention'));
    if (first) found.push(writtenMap(result, shown?.written ? shown : first, 'written'));
    if (nodes.some(({ total }) => total)) found.push(effectsChart(nodes));
  }
  if (patched) found.push(patchedTable(result));
  if (notes.length > 0) found.push(build.paragraphs('notes', 'Questions left out', notes));
  return found;
}

const cells = ({ mean, low, high }: MeasuredMean): readonly SectionCell[] => [cellOf(mean), cellOf(low), cellOf(high)];

function accuracyChart(byShots: readonly ByShots[], chance: number) {
  const series = (id: 'letter' | 'content' | 'contentByToken', title: string): ChartSection['series'] => {
    const known = byShots.filter((one) => !Number.isNaN(one[id].mean));
    const points = known.map((one) => ({ x: one.shots, y: one[id].mean, low: one[id].low, high: one[id].high }));
    return points.length === 0 ? [] : [build.line(id, title, points)];
  };
  const last = Math.max(...byShots.map(({ shots }) => shots));
  return build.chart(
    'accuracy',
    'Accuracy by letter and by content',
    'By letter: the right label has the largest logit of the labels behind the list. By content: the right option is the most probable text behind the question alone, as a whole or by token. What content knows and the letter does not say is what correct-letter heads would add.',
    build.axis('Solved examples', '', { min: 0, max: Math.max(1, last) }),
    build.shareAxis('Accuracy'),
    [
      ...series('letter', 'by letter'),
      ...series('content', 'by content'),
      ...series('contentByToken', 'by content, by token'),
    ],
    { references: [{ label: 'chance', from: [0, chance], to: [Math.max(1, last), chance] }], interval: wilsonWords },
  );
}

/** One row for each measure: a row of all of them would be wider than a side bar. */
function answersTable(byShots: readonly ByShots[], of: 'shares' | 'losses') {
  const shares = [
    ['by letter, of the labels', ({ letter }: ByShots) => letter],
    ['by letter, of all tokens', ({ first }: ByShots) => first],
    ['by content', ({ content }: ByShots) => content],
    ['by content, by token', ({ contentByToken }: ByShots) => contentByToken],
  ] as const;
  const losses = [
    ['of the labels', ({ loss }: ByShots) => loss],
    ['of all tokens', ({ fullLoss }: ByShots) => fullLoss],
  ] as const;
  const [rows, title, unit, words, definition] =
    of === 'shares'
      ? ([
          shares,
          'Accuracy',
          '',
          wilsonWords,
          'Share of prompts: the right label or option is the most probable.',
        ] as const)
      : ([
          losses,
          'Loss',
          'nats',
          studentWords,
          'Mean of -ln of the softmax over the labels, or over all tokens, of the right label.',
        ] as const);
  return build.cellTable(
    of,
    title,
    '',
    [
      build.text('shots', 'Examples'),
      build.text('measure', of === 'shares' ? 'Answer' : 'Softmax'),
      build.number('value', title, definition, unit),
      build.number('low', 'From', `Lower end of its ${words}.`, unit),
      build.number('high', 'To', 'Upper end of it.', unit),
    ],
    byShots.flatMap((one) => rows.map(([what, level]) => [String(one.shots), what, ...cells(level(one))])),
  );
}

const directWords =
  'w[c] - mean over the labels t of w[t], w[t] what its output at the last position adds to the logit of label t through the residual stream alone (final norm frozen), c the right label. Mean over prompts.';
const totalWords =
  'Loss among the labels with its output at the last position taken from prompts with another right label, less the loss without. Mean over prompts.';

const typeWords: Readonly<Record<HeadType, string>> = {
  'correct letter': `Labels have at least ${leastOnLabels} of the attention; the right one the most, and at least ${leastShare} of that.`,
  'single letter': `Attention to one label where that is right, at least ${leastOnLabels} and twice that of any other case.`,
  'one label': `Labels have at least ${leastOnLabels} of the attention, one of them at least ${leastShare} of it whichever is right.`,
  uniform: `Labels have at least ${leastOnLabels} of the attention, none more than ${mostUneven} times its equal share.`,
  'content gatherer': `The options have at least ${leastElsewhere} of the attention.`,
  amplification: `The end of the prompt has at least ${leastElsewhere} of the attention, and the direct effect is positive.`,
  other: 'None of the others.',
};

const tableOf = ({ heads = [], nodes = [] }: Partial<ChoiceResult>, of: (node: Node) => number): readonly number[][] =>
  heads.map((_, layer) => nodes.filter((node) => node.layer === layer && node.head !== undefined).map(of));

function headsSection(result: Partial<ChoiceResult>) {
  const { nodes = [], error, rest, logit } = result;
  const sums = [rest, logit, error].every((value) => value !== undefined)
    ? ` All parts of the centred logit of the right label sum to it within ${error?.toExponential(1)} of the largest logit.`
    : '';
  const place = ({ layer, head = 0 }: Node) => ({ layer, head });
  return build.heads(
    'direct',
    'Direct effect on the right label',
    `At the last position, by head.${sums}`,
    [
      build.signed(
        'direct',
        'Direct effect',
        directWords,
        tableOf(result, ({ direct }) => direct),
        'logits',
        { low: tableOf(result, ({ low }) => low), high: tableOf(result, ({ high }) => high), interval: studentWords },
      ),
      build.signed(
        'total',
        'Total effect',
        totalWords,
        tableOf(result, ({ total }) => total?.mean ?? Number.NaN),
        'nats',
      ),
      build.shares(
        'labels',
        'Attention to the labels',
        'Attention from the last position to the labels of the list together. Mean over prompts.',
        tableOf(result, ({ attention }) => attention?.labels ?? Number.NaN),
      ),
    ],
    {
      ask: 'Show its attention to labels or options',
      classes: headTypes
        .filter((type) => type !== 'other')
        .map((type) =>
          build.headClass(
            type.replaceAll(' ', '-'),
            type,
            typeWords[type],
            nodes.filter(({ attention }) => attention?.type === type).map(place),
          ),
        ),
      marked: outputOf(result)
        .filter(({ head }) => head !== undefined)
        .map(place),
    },
  );
}

const mlpSection = ({ nodes = [] }: Partial<ChoiceResult>) => {
  const mlps = nodes.filter(({ head }) => head === undefined);
  return build.heads(
    'mlps',
    'Direct effect of MLPs',
    '',
    [
      build.signed(
        'direct',
        'Direct effect',
        directWords,
        mlps.map(({ direct }) => [direct]),
        'logits',
        { low: mlps.map(({ low }) => [low]), high: mlps.map(({ high }) => [high]), interval: studentWords },
      ),
    ],
    { cell: 'MLP' },
  );
};

const mostRows = 60;

/** Output nodes, largest direct effect first, then the others that were patched, largest total effect first. */
export function rowsOf(result: Partial<ChoiceResult>): readonly Node[] {
  const output = outputOf(result);
  const others = (result.nodes ?? [])
    .filter((node) => node.total && !output.includes(node))
    .sort((a, b) => Math.abs(b.total?.mean ?? 0) - Math.abs(a.total?.mean ?? 0));
  return [...output, ...others].slice(0, Math.max(output.length, mostRows));
}

function nodesTable(result: Partial<ChoiceResult>) {
  const output = new Set(outputOf(result));
  return build.cellTable(
    'nodes',
    'Heads and MLPs',
    `Output nodes are the fewest that reach the chosen share of all positive direct effects. A total effect without a direct one works through other heads. Follows: with the letters in another order, attention to the label of the right place or to the letter that usually stands there (at least ${leastFollowed}, and twice the other).`,
    [
      build.head(),
      build.text('mlp', 'MLP'),
      build.text('output', 'Output node'),
      build.number('direct', 'Direct', directWords, 'logits'),
      build.number('low', 'From', `Lower end of its ${studentWords}.`, 'logits'),
      build.number('high', 'To', 'Upper end of it.', 'logits'),
      build.number('total', 'Total', totalWords, 'nats'),
      build.number('totalLow', 'From', `Lower end of its ${studentWords}.`, 'nats'),
      build.number('totalHigh', 'To', 'Upper end of it.', 'nats'),
      build.text('type', 'Type'),
      build.number('labels', 'To labels', 'Attention from the last position to the labels. Mean over prompts.'),
      build.number('options', 'To options', 'Attention from the last position to the options. Mean over prompts.'),
      build.number('right', 'To right option', 'Attention to the right option. Mean over prompts.'),
      build.number(
        'end',
        'To the end',
        'Attention to the end of the prompt and the last position itself. Mean over prompts.',
      ),
      build.text('follows', 'Follows'),
      build.number(
        'place',
        'Place',
        'With shuffled letters: attention to the label of the right option. Mean over prompts.',
      ),
      build.number(
        'letter',
        'Letter',
        'With shuffled letters: attention to the letter that usually has its place. Mean over prompts.',
      ),
    ],
    rowsOf(result).map((node) => {
      const { layer, head, direct, low, high, total, attention } = node;
      return [
        head === undefined ? null : { layer, head },
        head === undefined ? `layer ${layer}` : null,
        output.has(node) ? 'yes' : 'no',
        ...cells({ mean: direct, low, high }),
        ...(total ? cells(total) : [null, null, null]),
        attention?.type ?? null,
        cellOf(attention?.labels),
        cellOf(attention?.options),
        cellOf(attention?.rightOption),
        cellOf(attention?.end),
        attention?.follows ?? null,
        cellOf(attention?.place),
        cellOf(attention?.letter),
      ];
    }),
    { ask: 'Show what it writes, or attends to', empty: 'No head or MLP has a positive direct effect.' },
  );
}

function cumulativeChart(result: Partial<ChoiceResult>) {
  const { nodes = [], cumulative = [], output = [] } = result;
  const order = [...nodes].filter(({ direct }) => direct > 0).sort((a, b) => b.direct - a.direct);
  return build.chart(
    'cumulative',
    'How many nodes make the direct effect',
    `The largest direct effects added up, over the sum of all positive ones. The first ${output.length} are the output nodes.`,
    build.categoryAxis(
      'Node',
      cumulative.map((_, at) => (order[at] ? partName(order[at]).replace('the MLP of layer ', 'MLP ') : '')),
    ),
    build.shareAxis('Share of the positive direct effects'),
    [build.bars('share', 'Share so far', cumulative)],
    { empty: 'No head or MLP has a positive direct effect.' },
  );
}

const rightLabels = (labels: readonly string[]) => ({ title: 'Right label', labels });

/** To the options where the head attends more to these. */
export function attentionMap({ labels = [] }: Partial<ChoiceResult>, node: Node, id: string): MapSection {
  const { attention } = node;
  const of = (attention?.options ?? 0) > (attention?.labels ?? 0) ? 'option' : 'label';
  return {
    kind: 'map',
    id,
    title: `What ${partName(node)} attends to, by right label`,
    caption: `Type: ${attention?.type ?? 'none'}. ${typeWords[attention?.type ?? 'other']}`,
    unit: '',
    definition: `Attention from the last position to each ${of} of the list. Mean over the prompts with each right label.`,
    scale: build.ranges.share,
    rows: rightLabels(labels),
    columns: { title: of === 'label' ? 'Label attended to' : 'Option attended to, by its label', labels },
    values: (of === 'label' ? attention?.matrix : attention?.optionMatrix) ?? [],
  };
}

export const writtenMap = ({ labels = [] }: Partial<ChoiceResult>, node: Node, id: string): MapSection => ({
  kind: 'map',
  id,
  title: `What ${partName(node)} writes, by right label`,
  caption: 'Its output at the last position through the unembedding of the labels.',
  unit: 'logits',
  definition: 'w[t] less its mean over the labels. Mean over the prompts with each right label.',
  scale: build.ranges.diverging,
  rows: rightLabels(labels),
  columns: { title: 'Label whose logit is raised', labels },
  values: node.written ?? [],
});

const effectsChart = (nodes: readonly Node[]) =>
  build.chart(
    'effects',
    'Direct and total effect',
    'Heads and MLPs that were patched. High at the left: what works through others.',
    build.axis('Direct effect', 'logits'),
    build.axis('Total effect', 'nats'),
    [
      build.points(
        'nodes',
        'Heads and MLPs',
        nodes.flatMap((node) =>
          node.total
            ? [
                {
                  x: node.direct,
                  y: node.total.mean,
                  low: node.total.low,
                  high: node.total.high,
                  label: partName(node),
                },
              ]
            : [],
        ),
      ),
    ],
    { interval: studentWords },
  );

function patchedTable({ patched = [], chance }: Partial<ChoiceResult>) {
  const none = Number.NaN;
  const rows = [
    ...patched,
    {
      what: 'chance',
      loss: { mean: chance?.loss ?? none, low: none, high: none },
      accuracy: { mean: chance?.accuracy ?? none, low: none, high: none },
    },
  ];
  return build.cellTable(
    'patched',
    'Are the output nodes enough, and are they needed?',
    'Outputs at the last position are replaced by those of prompts with another right label. Enough: little is lost where all others are replaced. Needed: much is lost where the output nodes are. Held: they keep the outputs that they have in the unchanged prompt.',
    [
      build.text('what', 'Replaced'),
      build.number('loss', 'Loss', 'Mean of -ln of the softmax over the labels, of the right one.', 'nats'),
      build.number('lossLow', 'From', `Lower end of its ${studentWords}.`, 'nats'),
      build.number('lossHigh', 'To', 'Upper end of it.', 'nats'),
      build.number(
        'accuracy',
        'Accuracy',
        'Share of prompts and sources whose right label has the largest logit of the labels.',
      ),
      build.number('accuracyLow', 'From', `Lower end of its ${studentWords}.`),
      build.number('accuracyHigh', 'To', 'Upper end of it.'),
    ],
    rows.map(({ what, loss, accuracy }) => [what, ...cells(loss), ...cells(accuracy)]),
  );
}
