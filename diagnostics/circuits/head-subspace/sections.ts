/** What a run on the directions of one head shows. */
import type { SectionAxis } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';
import { mutationWords } from '../../shared/choices/layout';
import { partName } from '../../shared/effects/parts';
import { cellOf } from '../../../protocol/sections/cell';
import { threeDigits } from '../../../protocol/wire/number-words';
import { isMeasured } from './finding';
import { compressions, type Answers, type Both, type Compression, type SubspaceResult } from './result';
import { inputs, type Input } from './vectors';
import * as build from '../../../protocol/sections/builders';
import type { MeasuredMean } from '../../shared/statistics/proportion';

const studentWords = "95 % interval over prompts (Student's t)";
const wilsonWords = '95 % interval over prompts (Wilson)';
const lossWords = 'Mean of -ln of the softmax over the labels, of the right one.';
const accuracyWords = 'Share of prompts whose right label has the largest logit of the labels.';

const compressionWords: Readonly<Record<Compression, string>> = {
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
    ...(notes.length > 0 ? [build.paragraphs('notes', 'Questions left out', notes)] : []),
  ];
}

const cells = ({ mean, low, high }: MeasuredMean): readonly SectionCell[] => [cellOf(mean), cellOf(low), cellOf(high)];

const mostDraws = 10;

function levelsTable(result: SubspaceResult) {
  const { full, ablated, compressed, rank, random, chance, fit, held, head, sharing, at: where } = result;
  const none = Number.NaN;
  const constant = (value: number): MeasuredMean => ({ mean: value, low: none, high: none });
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
  return build.cellTable(
    'levels',
    `${partName(head)} in few directions`,
    `The query at the last position; keys and values at the ${where}. Directions were found on ${fit} prompts; ${held} others were held out.${shared}`,
    [
      build.text('what', 'The head'),
      build.number('loss', 'Loss', `${lossWords} Held-out prompts.`, 'nats'),
      build.number('lossLow', 'From', `Lower end of its ${studentWords}.`, 'nats'),
      build.number('lossHigh', 'To', 'Upper end of it.', 'nats'),
      build.number('accuracy', 'Accuracy', `${accuracyWords} Held-out prompts.`),
      build.number('accuracyLow', 'From', `Lower end of its ${wilsonWords}.`),
      build.number('accuracyHigh', 'To', 'Upper end of it.'),
      build.number(
        'kept',
        'Kept',
        'On held-out prompts: (loss with the mean output - loss) / (loss with the mean output - loss of the whole head). Empty where the head hardly lowers the loss.',
      ),
      build.number('fitLoss', 'Loss, fit', `${lossWords} Prompts that the directions were found on.`, 'nats'),
      build.number('fitAccuracy', 'Accuracy, fit', `${accuracyWords} Prompts that the directions were found on.`),
    ],
    rows.map(([what, { held: own, fit: fitted, kept }]) => [
      what,
      ...cells(own.loss),
      ...cells(own.accuracy),
      cellOf(kept),
      cellOf(fitted.loss.mean),
      cellOf(fitted.accuracy.mean),
    ]),
  );
}

function rankChart(
  { compressed, full, ablated, chance }: SubspaceResult,
  of: 'loss' | 'accuracy',
  title: string,
  caption: string,
  y: SectionAxis,
  interval: string,
) {
  const last = Math.max(1, ...compressed.map(({ rank }) => rank));
  const level = (label: string, value: number) => ({ label, from: [0, value], to: [last, value] }) as const;
  return build.chart(
    of,
    title,
    caption,
    build.axis('Directions kept', '', { min: 0, max: last }),
    y,
    compressions.map((input) =>
      build.line(
        input,
        compressionWords[input],
        compressed
          .filter((one) => one.input === input)
          .map(({ rank, held }) => ({ x: rank, y: held[of].mean, low: held[of].low, high: held[of].high })),
      ),
    ),
    {
      references: [
        level('whole head', full.held[of].mean),
        level('mean output', ablated.held[of].mean),
        // Chance, far above small losses, would flatten them.
        ...(of === 'accuracy' ? [level('chance', chance.accuracy)] : []),
      ],
      interval,
    },
  );
}

const lossChart = (result: SubspaceResult) =>
  rankChart(
    result,
    'loss',
    'Loss by number of directions',
    `Held-out prompts. With no direction every prompt has the same mean vector. Chance is ${threeDigits(result.chance.loss)} nats.`,
    build.axis('Loss among the labels', 'nats'),
    studentWords,
  );

const accuracyChart = (result: SubspaceResult) =>
  rankChart(
    result,
    'accuracy',
    'Accuracy by number of directions',
    'Held-out prompts.',
    build.shareAxis('Accuracy among the labels'),
    wilsonWords,
  );

const pointWords: Readonly<Record<Input, string>> = {
  query: 'Queries at the last position, by right label',
  key: 'Keys, by label',
  value: 'Values, by label',
};

/** The first direction across, another one up. */
function pointsChart({ points, labels, at: where }: SubspaceResult, input: Input, up: 1 | 2) {
  const axis = (direction: number) => build.axis(`Along direction ${direction + 1}`, 'size of the vector');
  return build.chart(
    `${input}-${up + 1}`,
    `${pointWords[input]} (directions 1 and ${up + 1})`,
    `${input === 'query' ? '' : `At the ${where}. `}Less the mean, before rotation by position. All prompts, also those held out.`,
    axis(0),
    axis(up),
    labels.map((label, place) =>
      build.points(
        String(place),
        label,
        points[input].flatMap(({ label: of, at }) => (of === place ? [{ x: at[0], y: at[up] }] : [])),
      ),
    ),
  );
}

const shownValues = 12;

function valuesChart({ values, basis }: SubspaceResult) {
  const most = Math.min(shownValues, Math.max(...inputs.map((input) => values[input].length)));
  return build.chart(
    'values',
    'Size of the directions',
    basis === 'class means'
      ? 'Singular values of the centred class means: at most one fewer than labels.'
      : 'Singular values of all centred vectors, over the root of their number.',
    build.categoryAxis(
      'Direction',
      Array.from({ length: most }, (_, at) => String(at + 1)),
    ),
    build.axis('Singular value', 'size of the vector', { min: 0 }),
    inputs.map((input) => build.bars(input, compressionWords[input], values[input].slice(0, most))),
  );
}

function mutationsTable({ mutations, rank, at }: SubspaceResult) {
  const loss = (name: string, title: string, what: string): SectionColumn =>
    build.number(name, title, `${lossWords} ${what}`, 'nats');
  return build.cellTable(
    'mutations',
    'The same directions on changed prompts',
    'Held-out questions, written otherwise. Directions and means are those of usual prompts: where a change makes the loss rise, they are not what the head uses there. The saved file has intervals.',
    [
      build.text('mutation', 'Prompt'),
      build.text('prompts', 'Prompts'),
      loss('full', 'Loss, whole', 'The head is left as it is.'),
      ...compressions.map((one) =>
        loss(one, `${rank}: ${compressionWords[one]}`, `${rank} directions of ${compressionWords[one]} are kept.`),
      ),
      loss('ablated', 'Mean output', 'The output of the head is replaced by its mean on usual prompts.'),
      build.number('accuracy', 'Accuracy, whole', accuracyWords),
      build.number(
        'accuracyAll',
        `Accuracy, ${rank}`,
        `${accuracyWords} ${rank} directions of query, keys and values.`,
      ),
      build.number(
        'attention',
        'Attention',
        `Mean attention of the head from the last position to the right one of the ${at}.`,
      ),
      build.number('attentionAll', `Attention, ${rank}`, 'The same with query, keys and values in these directions.'),
    ],
    mutations.map((row) => [
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
  );
}

function movedTable({ mutations, at }: SubspaceResult) {
  const item = at === 'labels' ? 'label' : 'option';
  return build.cellTable(
    'moved',
    'The query of another place',
    `Another place n is chosen, and the query at the last position is replaced by the mean query of usual prompts whose right option stands at n. A head that goes by places then attends to the n-th ${item}, whatever its letter is. A head that goes by letters attends to the ${item} with the letter that usually stands there.`,
    [
      build.text('mutation', 'Prompt'),
      build.number('before', 'To n-th before', `Mean attention to the n-th ${item} with its own query.`),
      build.number('beforeLow', 'From', `Lower end of its ${studentWords}.`),
      build.number('beforeHigh', 'To', 'Upper end of it.'),
      build.number('after', 'To n-th after', `Mean attention to the n-th ${item} with the query of place n.`),
      build.number('afterLow', 'From', `Lower end of its ${studentWords}.`),
      build.number('afterHigh', 'To', 'Upper end of it.'),
      build.number(
        'letter',
        'To usual letter',
        `After: mean attention to the ${item} with the usual letter of place n, where that is in the list.`,
      ),
      build.number(
        'largest',
        'n-th first',
        `After: share of prompts in which the n-th ${item} has the most attention of the ${at}.`,
      ),
      build.number('largestLow', 'From', `Lower end of its ${wilsonWords}.`),
      build.number('largestHigh', 'To', 'Upper end of it.'),
      build.number(
        'answered',
        'n-th answered',
        'After: share of prompts in which the n-th label has the largest logit of the labels.',
      ),
      build.number('answeredLow', 'From', `Lower end of its ${wilsonWords}.`),
      build.number('answeredHigh', 'To', 'Upper end of it.'),
    ],
    mutations.map((row) => [
      mutationWords[row.mutation],
      ...cells(row.before),
      ...cells(row.after),
      cellOf(row.letter),
      ...cells(row.largest),
      ...cells(row.answered),
    ]),
  );
}

const limits = ({ labels, basis }: SubspaceResult): Section =>
  build.paragraphs('limits', 'What this does not say', [
    ...(basis === 'class means'
      ? [
          `Means of ${labels.length} classes never differ in more than ${labels.length - 1} directions: that so many suffice on the prompts of the fit is partly so by construction. Read held-out prompts, and random directions beside them.`,
        ]
      : []),
    'That few directions suffice on usual prompts does not say what they mean: read the changed prompts. Other heads may do the same work, so that a loss that stays low does not show that this head still does it.',
  ]);
