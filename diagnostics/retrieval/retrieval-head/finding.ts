/** What a result of `retrieval-head` says in a few sentences, and what can be applied elsewhere. */
import { type HeadPlace, headName } from '../../../protocol/schema/written-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { planIntervention } from '../../../protocol/interventions/plan';
import type { GivenOffer } from '../../analysis';
import { headPlanWords } from '../../../protocol/plans/head-plan';
import type { MaskMode } from '../../shared/retrieval/masking';
import { rankedHeads, retrievalThreshold, strongThreshold, type ScoredHead } from '../../shared/retrieval/copy-events';
import type { MaskedResult, RetrievalHeadResult, ScorePlan } from './result';
import { setWords } from './words';
import { counted } from '../../../protocol/wire/number-words';

export const retrievalHeads = ({ scores = [] }: Partial<RetrievalHeadResult>): readonly ScoredHead[] =>
  rankedHeads(scores).filter(({ score }) => score > retrievalThreshold);

export const strongHeads = (result: Partial<RetrievalHeadResult>): readonly ScoredHead[] =>
  retrievalHeads(result).filter(({ score }) => score > strongThreshold);

export function finding(result: Partial<RetrievalHeadResult>): string {
  const { tests = 0, passed = 0, scores = [], masked = [] } = result;
  if (tests === 0) return 'No test has been run yet.';
  const all = scores.reduce((sum, row) => sum + row.length, 0);
  const answered = `${passed} of ${counted(tests, 'test', 'tests')} passed`;
  if (passed === 0) {
    return `None of ${counted(tests, 'test', 'tests')} passed, so no head has a score: only answers that are right count.`;
  }
  const found = retrievalHeads(result);
  const [first] = rankedHeads(scores);
  const leads = first ? ` The highest score is ${Number(first.score.toPrecision(3))} (${headName(first)}).` : '';
  const heads =
    found.length === 0
      ? `No head of ${all} is a retrieval head (score above ${retrievalThreshold}).`
      : `${found.length} of ${counted(all, 'head', 'heads')} ${found.length === 1 ? 'is a retrieval head' : 'are retrieval heads'} (score above ${retrievalThreshold}).`;
  return [`${heads}${leads} ${answered}.`, ...maskingWords(masked, tests)].join(' ');
}

/** The largest set that every test was run without, and as many random heads. */
function maskingWords(masked: readonly MaskedResult[], tests: number): readonly string[] {
  const whole = masked.filter((one) => one.tests === tests);
  const of = ({ kind, name, heads }: MaskedResult): string => setWords({ kind, name, count: heads.length });
  const top = whole.findLast(({ kind }) => kind === 'top');
  if (!top) return [];
  const random = whole.filter(({ kind, heads }) => kind === 'random' && heads.length === top.heads.length);
  const without = random.map(({ passed }) => passed);
  const range =
    new Set(without).size > 1 ? `${Math.min(...without)} to ${Math.max(...without)}` : String(without[0] ?? '');
  const [other] = random;
  return [
    `Without ${of(top)} ${top.passed} ${top.passed === 1 ? 'passes' : 'pass'}${
      other ? `, without ${counted(top.heads.length, 'random other', 'random others')} ${range}` : ''
    }.`,
  ];
}

/** As the tests were run; a mean is that of the prompt that it is applied to. */
export function offers(result: RetrievalHeadResult): readonly GivenOffer[] {
  const { mode } = result;
  const mask = ({ layer, head }: HeadPlace): Intervention => masks[mode]({ layer, head });
  const what = offerWords[mode];
  const found = retrievalHeads(result);
  const all: GivenOffer[] =
    found.length === 0
      ? []
      : [
          {
            title: `Without the ${counted(found.length, 'retrieval head', 'retrieval heads')}`,
            description: `${what} for every head with a score above ${retrievalThreshold}, over ${counted(result.passed, 'test that passed', 'tests that passed')}.`,
            interventions: found.map(mask),
          },
        ];
  return [
    ...all,
    ...result.masked.map(({ kind, name, heads, passed, tests }): GivenOffer => ({
      title: `Without ${setWords({ kind, name, count: heads.length })}`,
      description: `${what} for ${heads.map(headName).join(', ')}; ${passed} of ${counted(tests, 'test', 'tests')} passed without ${heads.length === 1 ? 'it' : 'them'}.`,
      interventions: heads.map(mask),
    })),
    ...(result.plans ?? []).map((plan) => planOffer(result, plan)),
  ];
}

function planOffer({ passed, published }: RetrievalHeadResult, { of, keep, heads }: ScorePlan): GivenOffer {
  const all = heads.flat();
  const full = all.filter(({ kind }) => kind === 'full').length;
  const other = all.find(({ kind }) => kind !== 'full');
  const [title, from] =
    of === 'run'
      ? ['Cache plan by retrieval scores', `over ${counted(passed, 'test that passed', 'tests that passed')}`]
      : [`Cache plan by the scores of ${published?.file ?? 'the file'}`, 'of the published file'];
  const rest = other ? `; of the others each ${headPlanWords(other)}` : '';
  return {
    title,
    description: `Of ${all.length} key/value heads, the ${full} with the highest retrieval scores (${keep}) ${full === 1 ? 'keeps' : 'keep'} everything, by their best query head ${from}${rest}.`,
    interventions: [planIntervention(heads)],
    plan: { title, heads },
  };
}

const masks: Readonly<Record<MaskMode, (place: HeadPlace) => Intervention>> = {
  uniform: (place) => ({ kind: 'uniform', ...place }),
  zero: (place) => ({ kind: 'gain', ...place, gain: 0 }),
  mean: (place) => ({ kind: 'head', ...place, source: { from: 'mean' } }),
};

/** As the beginning of a sentence that goes on with the heads. */
const offerWords: Readonly<Record<MaskMode, string>> = {
  uniform: 'Uniform attention',
  zero: 'Gain 0',
  mean: 'The mean over the prompt as output',
};
