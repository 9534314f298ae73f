/** Sections of the analysis `training-free`. */
import type { ShareChange } from '../../../protocol/results/hallucination-schema';
import { isMoreThanNoise, pointsOf } from '../../../protocol/results/share-change';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { GenerationsSection } from '../../../protocol/sections/generations';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';
import { notesOf } from '../../../protocol/results/sections/caption-notes';
import { failuresOf } from '../../../protocol/results/sections/unread-pictures';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { Changes, MethodRow, PictureEntry, TrainingFreeResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Pictures whose captions are listed. */
const listed = 1000;

type Partly = Partial<TrainingFreeResult>;

export function sections(result: Partly): readonly Section[] {
  const { rows = [], entries = [], methods = [] } = result;
  if (rows.length === 0 || entries.length === 0) return failuresOf(result);
  return [
    ratesOf(result),
    ...(rows.some(({ changes }) => changes) ? [changesOf(result)] : []),
    chartOf(result),
    picturesOf(result),
    ...failuresOf(result),
    ...notesOf(result, [
      ...(result.notAsked === undefined ? [] : [result.notAsked]),
      ...(result.leftOut ?? []).map(
        ({ method, pictures, why }) =>
          `${methods.find(({ id }) => id === method)?.title ?? method} is left out of ${counted(pictures, 'picture', 'pictures')}: ${why}`,
      ),
      ...methods.map(({ title, settings, source }) => `${title}${settings === '' ? '' : ` (${settings})`}: ${source}.`),
    ]),
  ];
}

const titleOf = ({ methods = [] }: Partly, { method }: MethodRow): string =>
  methods.find(({ id }) => id === method)?.title ?? method;

const number = (name: string, title: string, definition: string, unit = ''): SectionColumn =>
  build.number(name, title, definition, unit);

const count = (name: string, title: string, definition: string): SectionColumn => ({
  ...number(name, title, definition),
  digits: 6,
});

function ratesOf(result: Partly) {
  const { rows = [] } = result;
  const asked = rows.some(({ questions }) => questions > 0);
  const timed = rows.some(({ tokenMs }) => tokenMs !== null);
  const points = (of: ShareChange | null | undefined): string => (of ? pointsOf(of) : '');
  const cells = (row: MethodRow): SectionCell[] => {
    const { score, changes, accuracy, yesRatio, tokenMs, promptMs } = row;
    return [
      titleOf(result, row),
      score.captions,
      changes ? row.different : null,
      score.chairS,
      points(changes?.chairS),
      score.chairI,
      score.recall,
      score.f1,
      score.length,
      ...(asked ? [accuracy, yesRatio] : []),
      ...(timed ? [tokenMs, ratioWords(changes?.time), promptMs] : []),
    ];
  };
  return build.cellTable(
    'methods',
    'Methods',
    'The same pictures under each method. A caption that says less is wrong less often: read recall and words beside CHAIR. Intervals of the other measures are in the next table.',
    [
      build.text('method', 'method'),
      count('captions', 'captions', 'captions that were scored'),
      count('different', 'changed', 'captions that are not the plain one, word for word'),
      number('chairS', 'CHAIR_S', 'captions that name an object which is not there / captions'),
      {
        ...build.text('change', 'change of it'),
        definition: 'percentage points against the plain model on the same pictures, with the 95 % interval',
      },
      number('chairI', 'CHAIR_I', 'mentions of objects that are not there / mentions, pooled'),
      number('recall', 'recall', 'distinct true objects mentioned / true objects, pooled'),
      number(
        'f1',
        'F1',
        'harmonic mean of recall and precision (distinct true objects mentioned / distinct objects mentioned)',
      ),
      number('length', 'words', 'words per caption'),
      ...(asked
        ? [
            number('accuracy', 'POPE accuracy', 'questions about objects that are answered rightly / questions'),
            number('yes', 'yes ratio', 'answers read as yes / answers; half of the right answers are yes'),
          ]
        : []),
      ...(timed
        ? [
            number('token', 'a token', 'time of each token after the first of a caption, mean over captions', 'ms'),
            {
              ...build.text('token-ratio', 'times plain'),
              definition:
                'geometric mean over pictures of the time of a token / that of the plain model, with the 95 % interval',
            },
            number(
              'prompt',
              'the prompt',
              'time up to the first token, all passes of the method over the prompt, mean',
              'ms',
            ),
          ]
        : []),
    ],
    rows.map(cells),
  );
}

const ratioWords = (ratio: Changes['time'] | undefined): string =>
  ratio ? `${threeDigits(ratio.ratio)} (${threeDigits(ratio.low)} to ${threeDigits(ratio.high)})` : '';

const measures: readonly (readonly [keyof Omit<Changes, 'time'>, string])[] = [
  ['chairS', 'CHAIR_S'],
  ['chairSAtLength', 'CHAIR_S at equal length'],
  ['chairI', 'CHAIR_I'],
  ['recall', 'recall'],
  ['f1', 'F1'],
  ['length', 'words'],
  ['accuracy', 'POPE accuracy'],
  ['yesRatio', 'POPE yes ratio'],
];

function changesOf(result: Partly) {
  const { rows = [] } = result;
  const verdict = (of: ShareChange): string => verdictWords(isMoreThanNoise(of));
  return build.cellTable(
    'changes',
    'Changes from the plain model',
    '95 % intervals over pictures, each of one method and measure alone: of twenty without an effect one leaves 0 out. CHAIR_S: paired proportions (Tango); words: Student; the others: jackknife. At equal length both captions are cut to the words of the shorter one.',
    [
      build.text('measure', 'measure'),
      build.text('method', 'method'),
      number(
        'difference',
        'change',
        'measure of the method less that of the plain model, on the same pictures; of times their ratio',
      ),
      number('low', 'low', 'lower end of the 95 % interval'),
      number('high', 'high', 'upper end of the 95 % interval'),
      { ...build.text('verdict', 'interval'), definition: 'more than noise: the interval leaves 0 out; of a ratio 1' },
    ],
    [
      ...measures.flatMap(([name, title]) =>
        rows.flatMap((row): SectionCell[][] => {
          const { changes } = row;
          if (!changes || (row.questions === 0 && (name === 'accuracy' || name === 'yesRatio'))) return [];
          const of = changes[name];
          const cells = of
            ? [of.difference, of.low, of.high, verdict(of)]
            : [null, null, null, 'too few pictures changed'];
          return [[title, titleOf(result, row), ...cells]];
        }),
      ),
      ...rows.flatMap((row): SectionCell[][] => {
        const time = row.changes?.time;
        if (!time) return [];
        const { ratio, low, high } = time;
        return [['time of a token', titleOf(result, row), ratio, low, high, verdictWords(low > 1 || high < 1)]];
      }),
    ],
  );
}

const verdictWords = (isMore: boolean): string => (isMore ? 'more than noise' : 'no more than noise');

function chartOf(result: Partly) {
  const { rows = [] } = result;
  return build.chart(
    'chair-recall',
    'CHAIR_S against recall',
    'Down and to the right is better: fewer captions that are wrong, and more of the objects named.',
    build.axis('Recall'),
    build.axis('CHAIR_S', '', { min: 0 }),
    rows.flatMap((row): ChartSection['series'] => {
      const { score, chairSInterval } = row;
      if (score.chairS === null || score.recall === null) return [];
      const title = titleOf(result, row);
      return [
        build.points(row.method, title, [
          { x: score.recall, y: score.chairS, ...(chairSInterval ?? {}), label: title },
        ]),
      ];
    }),
    { interval: '95 % interval of CHAIR_S, Wilson, of each method alone' },
  );
}

function picturesOf(result: Partly) {
  const { rows = [], entries = [] } = result;
  return build.cellTable(
    'pictures',
    'Pictures',
    'What each caption names and the picture does not have.',
    [
      build.text('picture', 'picture'),
      build.text('truth', 'objects in it'),
      ...rows.map((row): SectionColumn => build.text(`wrong-${row.method}`, `not there, ${titleOf(result, row)}`)),
    ],
    entries
      .slice(0, listed)
      .map(({ name, truth, outputs }) => [
        name,
        truth.join(', '),
        ...outputs.map((output) => output?.wrong.join(', ') ?? ''),
      ]),
    { ask: 'Show its captions' },
  );
}

/** Captions and answers of one picture, method beside method. */
export function captionsOf({ methods }: TrainingFreeResult, entry: PictureEntry): GenerationsSection {
  const { name, truth, questions, outputs } = entry;
  return {
    kind: 'generations',
    id: 'captions-of-picture',
    title: `Captions of ${name}`,
    caption: `It has ${truth.length === 0 ? 'nothing that the lexicon knows' : truth.join(', ')}.`,
    variants: methods.map(({ title }) => title),
    score: { title: 'CHAIR_I', unit: '' },
    items: [
      {
        title: name,
        texts: outputs.map((output) => output?.text ?? ''),
        scores: outputs.map((output) => output?.chairI ?? Number.NaN),
      },
      ...questions.map(({ object, label }, at) => ({
        title: `${object}: ${label}`,
        texts: outputs.map((output) => output?.answers[at]?.text ?? ''),
      })),
    ],
  };
}
