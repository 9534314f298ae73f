/** The result of the tests that were run so far. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { wilson } from '../../shared/statistics/proportion';
import { overTests, rankedHeads, scoreBins, type Counting, type HeadTable } from '../../shared/retrieval/copy-events';
import type { MaskMode } from '../../shared/retrieval/masking';
import { headScoresOf, pearson } from '../../shared/retrieval/score-file';
import type { HeadSet } from './head-sets';
import { scorePlans, type Planning } from './plan';
import { readKinds, type Answer, type HeadsInTest, type NeedleTest } from './needle-test';
import type { Grid, Looked, LookedByHead, MaskedResult, Published, RetrievalHeadResult, TestResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export interface RunTest {
  readonly test: NeedleTest;
  readonly answer: Answer;
  readonly heads: HeadsInTest;
}

export interface Gathered {
  readonly blocks: readonly { readonly heads: number; readonly kvHeads: number }[];
  readonly counting: Counting;
  readonly needed: number;
  readonly mode: MaskMode;
  readonly chosen: readonly HeadPlace[];
  readonly run: readonly RunTest[];
  readonly masked: readonly { readonly set: HeadSet; readonly answers: readonly Answer[] }[];
  readonly notMasked: readonly string[];
  readonly notes: readonly string[];
  readonly published?: Pick<Published, 'file' | 'scores'> | undefined;
  readonly planning: Planning;
}

/** Heads whose reading is shown by test. */
const mostShown = 8;
/** Tokens behind a right answer that a strip shows: what comes there is another sentence. */
const tokensBehind = 4;
/** Characters of a prompt's end, and of an answer, that a result keeps. */
const [questionLength, answerLength] = [200, 2000];
const shortLine = 12;

export function gathered(known: Gathered): RetrievalHeadResult {
  const { blocks, counting, needed, mode, chosen, run, masked, notMasked, notes, published, planning } = known;
  const passes = ({ recall }: Pick<Answer, 'recall'>): boolean => recall > needed;
  const [passed, failed] = [true, false].map((wanted) => run.filter(({ answer }) => passes(answer) === wanted));
  const nothing: HeadTable = blocks.map(({ heads }) => new Array<number>(heads).fill(Number.NaN));
  const counted = (passed ?? []).map(({ heads }) => heads.scores);
  const { scores, activationFrequency } = overTests(counted) ?? { scores: nothing, activationFrequency: nothing };
  const topHeads = shownHeads(scores, chosen);
  const looks = (tests: readonly RunTest[] = []): LookedByHead => ({
    tests: tests.length,
    needle: meanOf(tests.map(({ heads }) => heads.needleMass)) ?? nothing,
    firstToken: meanOf(tests.map(({ heads }) => heads.firstMass)) ?? nothing,
    top: meanLook(tests.map((one) => lookOf(one, topHeads))),
  });
  const width = tokensBehind + Math.max(0, ...run.map(({ test }) => test.answerTokens));
  const own = passShare(run.map(({ answer }) => passes(answer)));
  const grid = gridOf(
    run.map(({ test }) => test),
    [run.map(({ answer }) => answer), ...masked.map(({ answers }) => answers)],
  );
  return {
    counting,
    needed,
    tests: run.length,
    passed: own.passed,
    passedShare: own.share,
    passedLow: own.low,
    passedHigh: own.high,
    recall: mean(run.map(({ answer }) => answer.recall)),
    scores,
    activationFrequency,
    bins:
      counted.length === 0 ? [] : scoreBins(scores).map(({ from, to, ...bin }) => ({ bin: binName(from, to), ...bin })),
    headScores: headScoresOf(counted),
    topHeads,
    byTest: run.map((one) => testResult(one, { top: topHeads, blocks, width, passed: passes(one.answer) })),
    looked: { passed: looks(passed), failed: looks(failed) },
    mode,
    masked: masked.map(({ set, answers }) => maskedResult(set, answers, passes)),
    notMasked,
    notes,
    ...(grid ? { grid } : {}),
    plans: scorePlans(planning, blocks, [
      ...(counted.length > 0 ? [['run', scores] as const] : []),
      ...(published ? [['file', published.scores] as const] : []),
    ]),
    ...(published ? { published: { ...published, ...correlation(scores, published.scores) } } : {}),
  };
}

const meanOf = (tables: readonly HeadTable[]): HeadTable | undefined =>
  tables[0]?.map((heads, layer) => heads.map((_, head) => mean(tables.map((table) => table[layer]?.[head] ?? 0))));

const binName = (from: number, to: number): string =>
  to === 0 ? '0' : Number.isFinite(to) ? `above ${from} to ${to}` : `above ${from}`;

const correlation = (own: HeadTable, theirs: HeadTable): Pick<Published, 'pearson' | 'heads'> => {
  const { r, heads } = pearson(own, theirs);
  return { pearson: r, heads };
};

function shownHeads(scores: HeadTable, chosen: readonly HeadPlace[]): readonly HeadPlace[] {
  const scored = rankedHeads(scores).filter(({ score }) => score > 0);
  return (scored.length > 0 ? scored : chosen).slice(0, mostShown).map(({ layer, head }) => ({ layer, head }));
}

function lookOf({ heads: { needleMass, firstMass } }: RunTest, top: readonly HeadPlace[]): Looked {
  const over = (table: HeadTable): number => mean(top.map(({ layer, head }) => table[layer]?.[head] ?? Number.NaN));
  const [needle, firstToken] = [over(needleMass), over(firstMass)];
  return { needle, firstToken, elsewhere: Math.max(0, 1 - needle - firstToken) };
}

const meanLook = (looks: readonly Looked[]): Looked => ({
  needle: mean(looks.map(({ needle }) => needle)),
  firstToken: mean(looks.map(({ firstToken }) => firstToken)),
  elsewhere: mean(looks.map(({ elsewhere }) => elsewhere)),
});

interface Shown {
  readonly top: readonly HeadPlace[];
  readonly blocks: Gathered['blocks'];
  /** Tokens of a strip, at most. */
  readonly width: number;
  readonly passed: boolean;
}

function testResult(one: RunTest, { top, blocks, width, passed }: Shown): TestResult {
  const {
    test: { sample, length, depth, repeated },
    answer,
    heads: { read },
  } = one;
  const before = blocks.map((_, layer) => blocks.slice(0, layer).reduce((sum, { heads }) => sum + heads, 0));
  const share = (kind: (typeof readKinds)[number]): readonly number[] =>
    top.length === 0
      ? []
      : read
          .slice(0, width)
          .map(
            (kinds) =>
              top.filter(({ layer, head }) => kinds[(before[layer] ?? 0) + head] === readKinds.indexOf(kind)).length /
              top.length,
          );
  return {
    length,
    depth,
    passed,
    repeated,
    recall: answer.recall,
    question: questionOf(sample.prompt.text),
    expected: sample.answers.texts.right.map((text) => text.trim()).join(' or '),
    answer: answer.text.slice(0, answerLength),
    looked: lookOf(one, top),
    strip: { needle: share('needle'), firstToken: share('first token') },
  };
}

/** The last line of a prompt, with the one before it where it is a word or two: `Answer:`. */
function questionOf(text: string): string {
  const lines = text.slice(-questionLength).trim().split('\n');
  const last = lines.at(-1) ?? '';
  return last.length < shortLine ? lines.slice(-2).join(' ') : last;
}

interface PassShare {
  readonly passed: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

function passShare(tests: readonly boolean[]): PassShare {
  const passed = tests.filter((one) => one).length;
  const share = passed / tests.length;
  return {
    passed,
    share,
    ...(tests.length === 0 ? { low: Number.NaN, high: Number.NaN } : wilson(share, tests.length)),
  };
}

function maskedResult(
  { kind, name, heads }: HeadSet,
  answers: readonly Answer[],
  passes: (answer: Answer) => boolean,
): MaskedResult {
  return {
    kind,
    name,
    heads,
    tests: answers.length,
    ...passShare(answers.map(passes)),
    recall: mean(answers.map(({ recall }) => recall)),
    answers: answers.map(({ text, recall }) => ({ answer: text.slice(0, answerLength), recall })),
  };
}

const rising = (values: readonly number[]): readonly number[] => [...new Set(values)].sort((a, b) => a - b);

function gridOf(tests: readonly NeedleTest[], runs: readonly (readonly Answer[])[]): Grid | undefined {
  if (tests.length === 0 || tests.some(({ planned }) => !planned)) return undefined;
  const [lengths, depths] = [rising(tests.map(({ length }) => length)), rising(tests.map(({ depth }) => depth))];
  if (lengths.length * depths.length === 1) return undefined;
  const recall = runs.map((answers) =>
    depths.map((depth) =>
      lengths.map((length) => {
        const cell = answers.filter((_, at) => tests[at]?.length === length && tests[at].depth === depth);
        return mean(cell.map((answer) => answer.recall));
      }),
    ),
  );
  return { lengths, depths, recall };
}
