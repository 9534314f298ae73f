/** What the experiment shows and says: success and hits by length, the trainings, the table of tests. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { meanInterval } from '../../shared/statistics/proportion';
import { armsProgress, armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { LandmarkRecallResult, LengthTest } from './result';
import * as build from '../../../protocol/sections/builders';

export const accuracyName = 'accuracy';

type Measured = 'success' | 'hit' | 'beside';
type Kind = Pick<LengthTest, 'mode' | 'open'>;

const titleOf = ({ mode, open }: Kind): string =>
  mode === 'plain'
    ? 'without landmarks'
    : mode === 'all'
      ? 'landmarks, all blocks open'
      : `landmarks, ${counted(open, 'block', 'blocks')} opened`;

/** Each kind of test once, in the order of the tests. */
const kindsOf = (tests: readonly LengthTest[]): readonly Kind[] => [
  ...new Map(tests.map(({ mode, open }) => [`${mode} ${open}`, { mode, open }])).values(),
];

const lengthsOf = (tests: readonly LengthTest[]): readonly number[] => [...new Set(tests.map(({ length }) => length))];

/** Mean over the runs with Student's interval. */
function valueOf(tests: readonly LengthTest[], kind: Kind, length: number, of: Measured) {
  const values = tests.flatMap((test) =>
    test.mode === kind.mode && test.open === kind.open && test.length === length && !Number.isNaN(test[of])
      ? [test[of]]
      : [],
  );
  return values.length > 0 ? { ...meanInterval(values, { range: [0, 1] }), n: values.length } : undefined;
}

const openedWords = {
  hit: 'Share of the sequences in which some head of the last layer opens the block of the key for the question at the end.',
  beside:
    'Share of the sequences in which some head of the last layer opens the block of the key, or reads the block after it, whose tokens may hold copies of the key.',
};

function byLength(
  { tests, values, sequences, length: trained, positions, chunk, block }: LandmarkRecallResult,
  of: 'success' | 'hit',
) {
  const lengths = lengthsOf(tests);
  const [from, to] = [Math.min(...lengths), Math.max(...lengths)];
  const kinds = kindsOf(tests).filter(({ mode }) => of === 'success' || mode === 'topk');
  const where =
    positions === 'stingy'
      ? `Where blocks are chosen, positions reach (k + 1) · ${block + 1} + ${chunk} at most; else they are those of the sequence.`
      : 'All positions are those of the sequence.';
  return build.chart(
    `${of}-by-length`,
    of === 'success' ? 'Keys found by length' : 'Block of the key opened, by length',
    {
      success: `Share of ${sequences} or more sequences whose answer has the largest logit, after training at ${trained} tokens. ${where} Means over the runs; their intervals are in the table.`,
      hit: `${openedWords.hit} A key can be found without, where tokens of later blocks have read it in the first layer. Means over the runs.`,
    }[of],
    build.logAxis('length', 'log2', 'tokens'),
    build.shareAxis(of === 'success' ? 'keys found' : 'block opened'),
    kinds.map((kind): SectionSeries =>
      build.line(
        `${kind.mode}-${kind.open}`,
        titleOf(kind),
        lengths.flatMap((length) => {
          const value = valueOf(tests, kind, length, of);
          return value ? [{ x: length, y: value.mean }] : [];
        }),
      ),
    ),
    {
      references: of === 'success' ? [{ label: 'chance', from: [from, 1 / values], to: [to, 1 / values] }] : undefined,
    },
  );
}

const columnsOf = (name: string, title: string, definition: string) => [
  build.number(name, title, `${definition} Mean over runs.`),
  build.number(`${name}-low`, 'from', "Lower end of Student's 95 % interval over runs."),
  build.number(`${name}-high`, 'to', 'Upper end of it.'),
];

function table({ tests }: LandmarkRecallResult) {
  return build.cellTable(
    'tests',
    'Keys found',
    '',
    [
      build.text('network', 'Network'),
      { ...build.number('length', 'Length', 'Tokens of a sequence, landmarks among them.', 'tokens'), digits: 6 },
      ...columnsOf('success', 'Found', 'Share of the sequences whose answer has the largest logit.'),
      ...columnsOf('hit', 'Opened', openedWords.hit),
      ...columnsOf('beside', 'Or next', openedWords.beside),
    ],
    kindsOf(tests).flatMap((kind) =>
      lengthsOf(tests).map((length) => {
        const values = (['success', 'hit', 'beside'] as const).map((of) => valueOf(tests, kind, length, of));
        return [
          titleOf(kind),
          length,
          ...values.flatMap((value) => [cellOf(value?.mean), cellOf(value?.low), cellOf(value?.high)]),
        ];
      }),
    ),
  );
}

const accuracyOf = ({ values, length }: LandmarkRecallResult): ArmMeasure => ({
  name: accuracyName,
  title: 'Keys found',
  unit: '',
  definition: `Share of 32 new sequences of ${length} tokens whose answer has the largest logit; all past blocks are open.`,
  range: [0, 1],
  levels: [{ title: 'chance', value: 1 / values }],
});

/** A difference below it is not told apart from none: about two standard errors of 32 sequences at a share of 0.9. */
const least = 0.1;

export function finding(given: Partial<LandmarkRecallResult>): string {
  const progress = armsProgress(given.arms, given.seeds);
  if (progress !== undefined || !given.tests || given.values === undefined) {
    return progress ?? 'The networks are not trained yet.';
  }
  const { tests, values, length: trained, folder } = given as LandmarkRecallResult;
  if (folder === undefined) return 'The networks are trained; longer sequences are being tested.';
  const longest = Math.max(...lengthsOf(tests));
  const most = Math.max(...tests.map(({ open }) => open));
  const said = kindsOf(tests).filter(({ mode, open }) => mode !== 'topk' || open === most);
  const words = said.map((kind) => {
    const [found, hit, beside] = (['success', 'hit', 'beside'] as const).map((of) => valueOf(tests, kind, longest, of));
    const reads =
      hit && beside
        ? ` (block of the key opened in ${threeDigits(hit.mean)}, it or the next in ${threeDigits(beside.mean)})`
        : '';
    return `${titleOf(kind)} ${found ? overSeedsWords(found, 2) : 'not measured'}${reads}`;
  });
  const head = `Keys found in ${longest} tokens after training at ${trained}: ${words.join('; ')}. Chance is ${threeDigits(1 / values)}.`;
  const differences = published(tests, longest, most);
  if (longest === trained || differences.length === 0) return head;
  const ahead = differences.filter((difference) => difference >= least).length;
  const order =
    ahead === differences.length
      ? 'the published order'
      : ahead === 0
        ? 'the published order is not found'
        : 'the published order in some runs alone';
  const runs = counted(differences.length, 'run', 'runs');
  return `${head} Landmarks with ${counted(most, 'block', 'blocks')} opened less plain attention there: ${overSeedsWords(meanInterval(differences), 2)}; ${least} or more in ${ahead} of ${runs}: ${order}.`;
}

/** By run: keys found with landmarks, as many blocks opened as were tried, less those found without. */
function published(tests: readonly LengthTest[], length: number, open: number): readonly number[] {
  const of = (mode: LengthTest['mode'], k: number): readonly LengthTest[] =>
    tests.filter((test) => test.mode === mode && test.open === k && test.length === length);
  const plain = of('plain', 0);
  return of('topk', open).flatMap(({ seed, success }) => {
    const beside = plain.find((test) => test.seed === seed);
    return beside ? [success - beside.success] : [];
  });
}

export function sections(given: Partial<LandmarkRecallResult>): readonly Section[] {
  if (!given.arms || !given.tests || given.arms.runs.length === 0) return [];
  const result = given as LandmarkRecallResult;
  const { tests, folder } = result;
  return [
    ...(tests.length > 0 ? [byLength(result, 'success')] : []),
    ...(tests.some(({ mode }) => mode === 'topk') ? [byLength(result, 'hit'), table(result)] : []),
    ...armsSections(result.arms, [accuracyOf(result)]),
    ...(folder === undefined
      ? []
      : [
          networksSection(
            `Weights of both networks of the first run are in ${folder}: two layers of a norm and attention, no MLP, logits by the embeddings.`,
          ),
        ]),
  ];
}
