/** What a result says in a few sentences, and the plan with what it was measured to do. */
import { planIntervention } from '../../../protocol/interventions/plan';
import type { PlanMeasure } from '../../../protocol/plans/plan-file';
import { bytesInWords } from '../../../protocol/wire/words';
import type { GivenOffer } from '../../analysis';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { EvaluatedPlan, PlanEvaluationResult } from './result';

export const rowOf = ({ rows = [] }: Partial<PlanEvaluationResult>, kind: EvaluatedPlan['kind']) =>
  rows.find((row) => row.kind === kind);

/** Words for a score: how many of n prompts, or a loss. */
const scoreWords = ({ scored }: Partial<PlanEvaluationResult>, score: number, n: number): string =>
  scored === 'loss' ? threeDigits(score) : String(Math.round(score * n));

export function finding(result: Partial<PlanEvaluationResult>): string {
  const { scored, total = 0, rows = [] } = result;
  const [full, own, uniform] = (['full', 'plan', 'uniform'] as const).map((kind) => rowOf(result, kind));
  if (!full || !own || own.n === 0) return 'Nothing is measured yet.';
  const words = (score: number): string => scoreWords(result, score, own.n);
  const random = rows.filter(({ kind }) => kind === 'random').map(({ score }) => score);
  const [least, most] = [Math.min(...random), Math.max(...random)];
  const others = [
    `full cache ${words(full.score)}`,
    ...(uniform ? [`uniform plan ${words(uniform.score)}`] : []),
    ...(random.length === 0
      ? []
      : [
          `${counted(random.length, 'random plan', 'random plans')} ${least === most ? words(least) : `${words(least)} to ${words(most)}`}`,
        ]),
  ].join(', ');
  const of = own.n < total ? `${own.n} of ${total} so far` : String(own.n);
  const bytes = `With ${percent(own.share)} of the bytes of the full cache (${bytesInWords(own.bytes)} of ${bytesInWords(own.bytesFull)})`;
  const said =
    scored === 'loss'
      ? `the loss under the plan is ${words(own.score)} nats a token over ${counted(own.n, 'window', 'windows')}${own.n < total ? ` of ${total}` : ''} (${others})`
      : `the plan answers ${words(own.score)} of ${of} prompts (${others})`;
  const kept = undroppedWords(result, own.n);
  if (result.undropped === own.n) return `${kept} ${said.replace(/^t/, 'T')}.`;
  return `${bytes} ${said}.${againstFull(result, own)}${againstUniform(result, uniform)}${kept === '' ? '' : ` ${kept}`}`;
}

/** Where all that a plan keeps is all that there is, nothing is said of the plan. */
function undroppedWords({ scored, undropped = 0, units = [] }: Partial<PlanEvaluationResult>, n: number): string {
  if (undropped === 0) return '';
  const what = scored === 'loss' ? 'windows' : 'prompts';
  const longest = Math.max(...units.map(({ length }) => length)).toLocaleString('en-US');
  return undropped === n
    ? `The plan drops nothing at these lengths (at most ${longest} tokens): all caches here are the full one, and this says nothing of the plan. Take longer ${what}.`
    : `${undropped} of ${n} ${what} are so short that the plan drops nothing of them.`;
}

const unit = ({ scored }: Partial<PlanEvaluationResult>): ((value: number) => string) =>
  scored === 'loss' ? (value) => `${threeDigits(value)} nats` : (value) => `${threeDigits(100 * value)} points`;

const interval = (result: Partial<PlanEvaluationResult>, low: number, high: number): string =>
  `95 % interval ${unit(result)(low)} to ${unit(result)(high)}`;

function againstFull(result: Partial<PlanEvaluationResult>, { change, changeLow, changeHigh }: EvaluatedPlan): string {
  if (Number.isNaN(changeLow)) return '';
  const range = interval(result, changeLow, changeHigh);
  if (changeLow <= 0 && changeHigh >= 0) return ` No difference from the full cache is shown (${range}).`;
  const better = result.scored === 'loss' ? change < 0 : change > 0;
  return ` That is ${better ? 'better' : 'worse'} than the full cache by ${unit(result)(Math.abs(change))} (${range}).`;
}

function againstUniform(result: Partial<PlanEvaluationResult>, uniform: EvaluatedPlan | undefined): string {
  if (!uniform || Number.isNaN(uniform.leadLow)) return '';
  const { lead, leadLow, leadHigh } = uniform;
  const range = interval(result, leadLow, leadHigh);
  if (leadLow <= 0 && leadHigh >= 0)
    return ` No difference from the uniform plan of as many bytes is shown (${range}).`;
  const better = result.scored === 'loss' ? lead < 0 : lead > 0;
  return ` It is ${better ? 'better' : 'worse'} than the uniform plan of as many bytes by ${unit(result)(Math.abs(lead))} (${range}).`;
}

function measureOf(result: PlanEvaluationResult): PlanMeasure | undefined {
  const [full, own] = [rowOf(result, 'full'), rowOf(result, 'plan')];
  if (!full || !own || own.n === 0) return undefined;
  const { score, low, high, n, bytes, bytesFull } = own;
  return { what: result.what, score, low, high, n, full: full.score, bytes, bytesFull };
}

/** Earlier measures of the same are replaced. */
export function offers(result: PlanEvaluationResult): readonly GivenOffer[] {
  const { plan, from } = result;
  const measure = measureOf(result);
  if (!measure) return [];
  const earlier = (plan.measured ?? []).filter(({ what }) => what !== measure.what);
  return [
    {
      title: 'The plan, with what was measured',
      description: `Keeps ${percent(measure.bytes / measure.bytesFull)} of the bytes at the lengths that were measured; its file says what that did (${measure.what}).`,
      interventions: [planIntervention(plan.heads, from === 'context' ? 'dense' : 'spans', plan.prompt)],
      plan: { ...plan, measured: [...earlier, measure] },
    },
  ];
}
