/**
 * Figures of each method, and its differences to the plain model on the same pictures with 95 % intervals. The picture is the unit.
 *
 * - CHAIR_S: Tango's interval of paired proportions. CHAIR_I, recall, F1, accuracy and yes ratio of POPE: differences of pooled
 *   shares by the jackknife (`statistics/over-pictures.ts`); F1 is 2 found / (named + true), pooled.
 * - Words of a caption: Student's interval of the mean difference.
 * - CHAIR_S at equal length: both captions of a picture are cut to the words of the shorter one, and judged again.
 * - Time of a token: mean over pictures of ln(method / plain), Student's interval, as a ratio.
 */
import type { CaptionSetScore, ShareChange } from '../../../protocol/results/hallucination-schema';
import { CaptionJudge } from '../../shared/captions/caption';
import { chairScores, type JudgedCaption } from '../../shared/captions/chair';
import { repetitionIn } from '../../shared/captions/repetition';
import { firstWords } from '../../shared/captions/lexicon';
import { popeChange, popeFigures, type ReadAnswer } from '../../shared/captions/pope-figures';
import type { TruthFiles } from '../../shared/captions/truth-files';
import { pairedDifference, pairedProportions, pooled, type Part } from '../../shared/statistics/over-pictures';
import { meanInterval, wilson } from '../../shared/statistics/proportion';
import type { Changes, ComparedMethod, MethodOutput, MethodRow, PictureEntry, Ratio } from './result';
import { mean } from '../../../kernels/tensors/vectors';

type Lexicon = Pick<TruthFiles, 'lexicon'>;

/** One caption with what follows from it. */
interface Judged {
  readonly entry: PictureEntry;
  readonly output: MethodOutput;
  readonly caption: JudgedCaption;
  readonly judge: CaptionJudge;
}

interface Pair {
  readonly plain: Judged;
  readonly other: Judged;
}

export function rowsOf(
  methods: readonly ComparedMethod[],
  entries: readonly PictureEntry[],
  lexicon: Lexicon,
): readonly MethodRow[] {
  const pictures = entries.map((entry) => {
    const judge = new CaptionJudge({ ...lexicon, truth: entry.truth });
    return entry.outputs.map(
      (output): Judged | null => output && { entry, output, judge, caption: judge.judged(output.text) },
    );
  });
  return methods.map(({ id }, at) => {
    const own = pictures.flatMap((outputs) => outputs[at] ?? []);
    const pairs = pictures.flatMap(([plain, ...outputs]): Pair[] => {
      const other = outputs[at - 1];
      return plain && other ? [{ plain, other }] : [];
    });
    const different = pairs.filter(({ plain, other }) => plain.output.text !== other.output.text).length;
    return { method: id, ...figuresOf(own), different, ...(at === 0 ? {} : { changes: changesOf(pairs) }) };
  });
}

function figuresOf(own: readonly Judged[]): Omit<MethodRow, 'method' | 'changes' | 'different'> {
  const score = scoreOf(own);
  const figures = popeFigures(own.flatMap(answersOf));
  const times = own.flatMap(({ output: { time } }) => time ?? []);
  const tokenTimes = times.flatMap(({ tokenMs }) => tokenMs ?? []);
  return {
    score,
    chairSInterval: score.chairS === null ? null : wilson(score.chairS, own.length),
    questions: figures.questions,
    accuracy: figures.accuracy?.value ?? null,
    yesRatio: figures.yesRatio?.value ?? null,
    unclear: figures.unclear,
    broken: own.filter(({ output: { text } }) => repetitionIn(text) !== undefined).length,
    promptMs: times.length === 0 ? null : mean(times.map(({ promptMs }) => promptMs)),
    tokenMs: tokenTimes.length === 0 ? null : mean(tokenTimes),
  };
}

function scoreOf(own: readonly Judged[]): CaptionSetScore {
  const { hallucinated: _, ...rest } = chairScores(own.map(({ caption }) => caption));
  return { ...rest, unfinished: own.filter(({ output }) => output.stoppedAt !== undefined).length };
}

const answersOf = ({ entry, output }: Judged): readonly ReadAnswer[] =>
  output.answers.flatMap(({ readAs, clear }, at) => {
    const question = entry.questions[at];
    return question ? [{ image: entry.name, label: question.label, readAs, clear }] : [];
  });

const wrongIn = ({ mentions }: JudgedCaption): number => mentions.filter(({ inTruth }) => !inTruth).length;

/** The counted part and the whole of one caption, by measure. */
function partsOf(caption: JudgedCaption): Record<'chairI' | 'recall' | 'f1', Part> {
  const named = new Set(caption.mentions.map(({ object }) => object));
  const found = [...named].filter((object) => caption.truth.has(object)).length;
  return {
    chairI: { part: wrongIn(caption), whole: caption.mentions.length },
    recall: { part: found, whole: caption.truth.size },
    f1: { part: 2 * found, whole: named.size + caption.truth.size },
  };
}

function changesOf(pairs: readonly Pair[]): Changes {
  const parts = pairs.map(({ plain, other }) => [partsOf(plain.caption), partsOf(other.caption)] as const);
  const share = (name: 'chairI' | 'recall' | 'f1'): ShareChange | null =>
    pairedDifference(
      parts,
      (of, which) => pooled(of.map((pair) => pair[which][name])),
      ([one, two]) => one[name].part !== two[name].part || one[name].whole !== two[name].whole,
    );
  const [plainAnswers, otherAnswers] = [
    pairs.flatMap(({ plain }) => answersOf(plain)),
    pairs.flatMap(({ other }) => answersOf(other)),
  ];
  const { accuracy, yesRatio } = popeChange(plainAnswers, otherAnswers);
  return {
    chairS: proportionChange(pairs.map(({ plain, other }) => [plain.caption, other.caption])),
    chairI: share('chairI'),
    recall: share('recall'),
    f1: share('f1'),
    length: meanDifference(pairs.map(({ plain, other }) => other.caption.words - plain.caption.words)),
    chairSAtLength: proportionChange(pairs.map(atEqualLength)),
    accuracy,
    yesRatio,
    time: timeRatio(pairs),
  };
}

function proportionChange(pairs: readonly (readonly [JudgedCaption, JudgedCaption])[]): ShareChange | null {
  if (pairs.length === 0) return null;
  const only = (one: 0 | 1): number =>
    pairs.filter((pair) => wrongIn(pair[one]) > 0 && wrongIn(pair[one === 0 ? 1 : 0]) === 0).length;
  return pairedProportions(pairs.length, only(1), only(0));
}

function atEqualLength({ plain, other }: Pair): readonly [JudgedCaption, JudgedCaption] {
  const words = Math.min(plain.caption.words, other.caption.words);
  const cut = ({ judge, caption, output: { text } }: Judged): JudgedCaption =>
    caption.words === words ? caption : judge.judged(firstWords(text, words));
  return [cut(plain), cut(other)];
}

function meanDifference(differences: readonly number[]): ShareChange | null {
  if (differences.length < 2) return null;
  const { mean: difference, low, high } = meanInterval(differences);
  return { difference, low, high };
}

function timeRatio(pairs: readonly Pair[]): Ratio | null {
  const logs = pairs.flatMap(({ plain, other }) => {
    const [one, two] = [plain.output.time?.tokenMs, other.output.time?.tokenMs];
    return one && two ? [Math.log(two / one)] : [];
  });
  const change = meanDifference(logs);
  return change && { ratio: Math.exp(change.difference), low: Math.exp(change.low), high: Math.exp(change.high) };
}

/** What is said of one caption in the tables. */
export function judgedOutput<T extends { readonly text: string }>(
  output: T,
  judge: CaptionJudge,
): T & Pick<MethodOutput, 'wrong' | 'chairI' | 'recall'> {
  const judged = judge.judged(output.text);
  const { chairI, recall } = chairScores([judged]);
  const wrong = judged.mentions.filter(({ inTruth }) => !inTruth).map(({ object }) => object);
  return { ...output, wrong: [...new Set(wrong)], chairI, recall };
}
