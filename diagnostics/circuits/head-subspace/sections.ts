/** What a run on the directions of one head shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn, TableSection } from '../../../protocol/sections/table';
import { mutationWords } from '../../shared/choices/layout';
import { partName } from '../../shared/effects/parts';
import type { Level } from '../multiple-choice/result';
import { cellOf, numberColumn as number } from '../../shared/sections/cell';
import { threeDigits } from '../../shared/words';
import { isMeasured } from './finding';
import { compressions, type Answers, type Both, type Compression, type SubspaceResult } from './result';
import { inputs, type Input } from './vectors';

const studentWords = "95 % interval over prompts (Student's t)";
const wilsonWords = '95 % interval over prompts (Wilson)';
const lossWords = 'Mean of -ln of the softmax over the labels, of the right one.';
const accuracyWords = 'Share of prompts whose right label has the largest logit of the labels.';

export const compressionWords: Readonly<Record<Compression, string>> = {
  query: 'query',
  key: 'keys',
  value: 'values',
  all: 'query, keys and values',
};

export function sections(result: Partial<SubspaceResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  const { mutations, notes } = result;
  return [
    levelsTable(result),
    lossChart(result),
    accuracyChart(result),
    ...inputs.flatMap((input) => [pointsChart(result, input, 1), pointsChart(result, input, 2)]),
    valuesChart(result),
    ...(mutations.length > 0 ? [mutationsTable(result), movedTable(result)] : []),
    limits(result),
    ...(notes.length > 0
      ? [{ kind: 'text', id: 'notes', title: 'Questions left out', paragraphs: notes } as const]
      : []),
  ];
}

const cells = ({ mean, low, high }: Level): readonly SectionCell[] => [cellOf(mean), cellOf(low), cellOf(high)];

const mostDraws = 10;

function levelsTable(result: SubspaceResult): TableSection {
  const { full, ablated, compressed, rank, random, chance, fit, held, head, sharing, at: where } = result;
  const none = Number.NaN;
  const constant = (value: number): Level => ({ mean: value, low: none, high: none });
  const chosen = compressed.filter((one) => one.rank === rank);
  const at: Answers = { loss: constant(chance.loss), accuracy: constant(chance.accuracy) };
  const rows: readonly (readonly [string, Both & { readonly kept?: number }])[] = [
    ['whole', full],
    ...chosen.map((one) => [`${rank} directions: ${compressionWords[one.input]}`, one] as const),
    ...random.slice(0, mostDraws).map((one, draw) => [`${rank} random directions, draw ${draw + 1}`, one] as const),
    ['mean output in its place', ablated],
    ['chance', { fit: at, held: at }],
  ];
  const shared =
    sharing > 1 ? ` Its keys and values are read by ${sharing} query heads, and are replaced for all of them.` : '';
  return {
    kind: 'table',
    id: 'levels',
    title: `${partName(head)} in few directions`,
    caption: `The query at the last position; keys and values at the ${where}. Directions were found on ${fit} prompts; ${held} others were held out.${shared}`,
    columns: [
      { name: 'what', title: 'The head', kind: 'text' },
      number('loss', 'Loss', `${lossWords} Held-out prompts.`, 'nats'),
      number('lossLow', 'From', `Lower end of its ${studentWords}.`, 'nats'),
      number('lossHigh', 'To', 'Upper end of it.', 'nats'),
      number('accuracy', 'Accuracy', `${accuracyWords} Held-out prompts.`),
      number('accuracyLow', 'From', `Lower end of its ${wilsonWords}.`),
      number('accuracyHigh', 'To', 'Upper end of it.'),
      number(
        'kept',
        'Kept',
        'Held out: (loss with the mean output - loss) / (loss with the mean output - loss of the whole head). Nothing where the head hardly lowers the loss.',
      ),
      number('fitLoss', 'Loss, fit', `${lossWords} Prompts that the directions were found on.`, 'nats'),
      number('fitAccuracy', 'Accuracy, fit', `${accuracyWords} Prompts that the directions were found on.`),
    ],
    rows: rows.map(([what, { held: own, fit: fitted, kept }]) => [
      what,
      ...cells(own.loss),
      ...cells(own.accuracy),
      cellOf(kept),
      cellOf(fitted.loss.mean),
      cellOf(fitted.accuracy.mean),
    ]),
  };
}

function rankChart(
  result: SubspaceResult,
  of: 'loss' | 'accuracy',
  words: Pick<ChartSection, 'title' | 'y' | 'interval' | 'caption'>,
): ChartSection {
  const { compressed, full, ablated, chance } = result;
  const last = Math.max(1, ...compressed.map(({ rank }) => rank));
  const level = (label: string, value: number) => ({ label, from: [0, value], to: [last, value] }) as const;
  return {
    kind: 'chart',
    id: of,
    ...words,
    x: { title: 'Directions kept', unit: '', scale: 'linear', min: 0, max: last },
    series: compressions.map((input) => ({
      id: input,
      title: compressionWords[input],
      mark: 'line',
      points: compressed
        .filter((one) => one.input === input)
        .map(({ rank, held }) => ({ x: rank, y: held[of].mean, low: held[of].low, high: held[of].high })),
    })),
    references: [
      level('whole head', full.held[of].mean),
      level('mean output', ablated.held[of].mean),
      // Chance, far above small losses, would flatten them.
      ...(of === 'accuracy' ? [level('chance', chance.accuracy)] : []),
    ],
  };
}

const lossChart = (result: SubspaceResult): ChartSection =>
  rankChart(result, 'loss', {
    title: 'Loss by number of directions',
    caption: `Held-out prompts. With no direction every prompt has the same mean vector. Chance is ${threeDigits(result.chance.loss)} nats.`,
    y: { title: 'Loss among the labels', unit: 'nats', scale: 'linear' },
    interval: studentWords,
  });

const accuracyChart = (result: SubspaceResult): ChartSection =>
  rankChart(result, 'accuracy', {
    title: 'Accuracy by number of directions',
    caption: 'Held-out prompts.',
    y: { title: 'Accuracy among the labels', unit: '', scale: 'linear', min: 0, max: 1 },
    interval: wilsonWords,
  });

const pointWords: Readonly<Record<Input, string>> = {
  query: 'Queries at the last position, by right label',
  key: 'Keys, by label',
  value: 'Values, by label',
};

/** The first direction across, another one up. */
function pointsChart({ points, labels, at: where }: SubspaceResult, input: Input, up: 1 | 2): ChartSection {
  const axis = (direction: number) =>
    ({ title: `Along direction ${direction + 1}`, unit: 'size of the vector', scale: 'linear' }) as const;
  return {
    kind: 'chart',
    id: `${input}-${up + 1}`,
    title: `${pointWords[input]} (directions 1 and ${up + 1})`,
    caption: `${input === 'query' ? '' : `At the ${where}. `}Less the mean, before rotation by position. All prompts, also those held out.`,
    x: axis(0),
    y: axis(up),
    series: labels.map((label, place) => ({
      id: String(place),
      title: label,
      mark: 'points',
      points: points[input].flatMap(({ label: of, at }) => (of === place ? [{ x: at[0], y: at[up] }] : [])),
    })),
  };
}

const shownValues = 12;

function valuesChart({ values, basis }: SubspaceResult): ChartSection {
  const most = Math.min(shownValues, Math.max(...inputs.map((input) => values[input].length)));
  return {
    kind: 'chart',
    id: 'values',
    title: 'Size of the directions',
    caption:
      basis === 'class means'
        ? 'Singular values of the centred class means: at most one fewer than labels.'
        : 'Singular values of all centred vectors, over the root of their number.',
    x: {
      title: 'Direction',
      unit: '',
      scale: 'category',
      categories: Array.from({ length: most }, (_, at) => String(at + 1)),
    },
    y: { title: 'Singular value', unit: 'size of the vector', scale: 'linear', min: 0 },
    series: inputs.map((input) => ({
      id: input,
      title: compressionWords[input],
      mark: 'bars',
      points: values[input].slice(0, most).map((y, x) => ({ x, y })),
    })),
  };
}

function mutationsTable({ mutations, rank, at }: SubspaceResult): TableSection {
  const loss = (name: string, title: string, what: string): SectionColumn =>
    number(name, title, `${lossWords} ${what}`, 'nats');
  return {
    kind: 'table',
    id: 'mutations',
    title: 'The same directions on changed prompts',
    caption:
      'Held-out questions, written otherwise. Directions and means are those of usual prompts: where a change makes the loss rise, they are not what the head uses there. The saved file has intervals.',
    columns: [
      { name: 'mutation', title: 'Prompt', kind: 'text' },
      { name: 'prompts', title: 'Prompts', kind: 'text' },
      loss('full', 'Loss, whole', 'The head is left as it is.'),
      ...compressions.map((one) =>
        loss(one, `${rank}: ${compressionWords[one]}`, `${rank} directions of ${compressionWords[one]} are kept.`),
      ),
      loss('ablated', 'Mean output', 'The mean output of the head on usual prompts is put in its place.'),
      number('accuracy', 'Accuracy, whole', accuracyWords),
      number('accuracyAll', `Accuracy, ${rank}`, `${accuracyWords} ${rank} directions of query, keys and values.`),
      number(
        'attention',
        'Attention',
        `Mean attention of the head from the last position to the right one of the ${at}.`,
      ),
      number('attentionAll', `Attention, ${rank}`, 'The same with query, keys and values in these directions.'),
    ],
    rows: mutations.map((row) => [
      mutationWords[row.mutation],
      String(row.prompts),
      cellOf(row.full.loss.mean),
      ...compressions.map((one) => cellOf(row.compressed[one].loss.mean)),
      cellOf(row.ablated.loss.mean),
      cellOf(row.full.accuracy.mean),
      cellOf(row.compressed.all.accuracy.mean),
      cellOf(row.attention),
      cellOf(row.attentionCompressed),
    ]),
  };
}

function movedTable({ mutations, at }: SubspaceResult): TableSection {
  const item = at === 'labels' ? 'label' : 'option';
  return {
    kind: 'table',
    id: 'moved',
    title: 'The query of another place',
    caption: `The query at the last position is replaced by the mean query of usual prompts whose right option is the n-th, n another place than the right one. A head that goes by places then attends to the n-th ${item} whatever its letter is; one that goes by letters to the ${item} with the letter that usually stands there.`,
    columns: [
      { name: 'mutation', title: 'Prompt', kind: 'text' },
      number('before', 'To n-th before', `Mean attention to the n-th ${item} with its own query.`),
      number('beforeLow', 'From', `Lower end of its ${studentWords}.`),
      number('beforeHigh', 'To', 'Upper end of it.'),
      number('after', 'To n-th after', `Mean attention to the n-th ${item} with the query of place n.`),
      number('afterLow', 'From', `Lower end of its ${studentWords}.`),
      number('afterHigh', 'To', 'Upper end of it.'),
      number(
        'letter',
        'To usual letter',
        `After: mean attention to the ${item} with the usual letter of place n, where that is in the list.`,
      ),
      number(
        'largest',
        'n-th first',
        `After: share of prompts in which the n-th ${item} has the most attention of the ${at}.`,
      ),
      number('largestLow', 'From', `Lower end of its ${wilsonWords}.`),
      number('largestHigh', 'To', 'Upper end of it.'),
      number(
        'answered',
        'n-th answered',
        'After: share of prompts in which the n-th label has the largest logit of the labels.',
      ),
      number('answeredLow', 'From', `Lower end of its ${wilsonWords}.`),
      number('answeredHigh', 'To', 'Upper end of it.'),
    ],
    rows: mutations.map((row) => [
      mutationWords[row.mutation],
      ...cells(row.before),
      ...cells(row.after),
      cellOf(row.letter),
      ...cells(row.largest),
      ...cells(row.answered),
    ]),
  };
}

const limits = ({ labels, basis }: SubspaceResult): Section => ({
  kind: 'text',
  id: 'limits',
  title: 'What this does not say',
  paragraphs: [
    ...(basis === 'class means'
      ? [
          `Means of ${labels.length} classes never differ in more than ${labels.length - 1} directions: that so many suffice on the prompts of the fit is partly so by construction. Read held-out prompts, and random directions beside them.`,
        ]
      : []),
    'That few directions suffice on usual prompts does not say what they mean: read the changed prompts. Other heads may do the same work, so that a loss that stays low does not show that this head still does it.',
  ],
});
