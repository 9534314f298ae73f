/** The result of the prompts or windows that were run so far. */
import type { GivenPlan } from '../../../protocol/plans/plan-from';
import type { ModelFacts } from '../../model-runner/model-runner';
import { pairedProportions } from '../../shared/statistics/over-pictures';
import { meanInterval, wilson } from '../../shared/statistics/proportion';
import { factShares } from '../../shared/accuracy/fact-shares';
import { bytesOf, rowsOf, type Compared } from './plans';
import type { StartMode } from './parameters';
import type { EvaluatedPlan, FactRow, PlanEvaluationResult, ScoreKind } from './result';
import type { Unit } from './units';
import { mean } from '../../../kernels/tensors/vectors';

/** Outcome of one prompt or window under one plan. */
export interface Outcome {
  /** 1: answered, 0: not; of a window its loss. */
  readonly score: number;
  /** Loss of all tokens of the answer together, or the mean over a window; nats. */
  readonly loss: number;
}

export interface Gathered {
  readonly facts: ModelFacts;
  readonly plan: GivenPlan;
  readonly mode: StartMode;
  /** The full cache first, then the plan. */
  readonly compared: readonly Compared[];
  readonly what: string;
  readonly scored: ScoreKind;
  readonly total: number;
  readonly notes: readonly string[];
  readonly run: readonly { readonly unit: Unit; readonly outcomes: readonly Outcome[] }[];
  readonly timing?: NonNullable<PlanEvaluationResult['timed']> & {
    /** Tokens a second by place in `compared`. */
    readonly speeds: ReadonlyMap<number, number | null>;
  };
}

interface Measured extends Omit<EvaluatedPlan, 'plan' | 'kind' | 'tokensPerSecond'> {
  readonly of: Compared;
  readonly at: number;
}

export function gathered({
  facts,
  plan,
  mode,
  compared,
  what,
  scored,
  total,
  notes,
  run,
  timing,
}: Gathered): PlanEvaluationResult {
  const scoresOf = (at: number): readonly number[] => run.map(({ outcomes }) => outcomes[at]?.score ?? Number.NaN);
  const [full, own] = [scoresOf(0), scoresOf(1)];
  const all = compared.map((of, at): Measured => {
    const scores = scoresOf(at);
    const bytes = run.map(({ unit }) => bytesOf(of.heads(unit), unit, mode, facts));
    const [kept, whole] = [mean(bytes.map((each) => each.plan)), mean(bytes.map((each) => each.full))];
    const loss = mean(run.map(({ outcomes }) => outcomes[at]?.loss ?? Number.NaN));
    const change = difference(full, scores, scored);
    const lead = difference(scores, own, scored);
    return {
      of,
      at,
      bytes: Math.round(kept),
      bytesFull: Math.round(whole),
      share: kept / whole,
      ...scoreOf(scores, scored),
      n: scores.length,
      loss,
      perplexity: scored === 'loss' ? Math.exp(loss) : null,
      change: change.difference,
      changeLow: change.low,
      changeHigh: change.high,
      lead: lead.difference,
      leadLow: lead.low,
      leadHigh: lead.high,
    };
  });
  const main = all.filter(({ of }) => of.scale === 1);
  const points = all.filter(
    ({ of }) => of.kind === 'plan' || of.kind === 'uniform' || (of.kind === 'random' && isFirstRandom(of)),
  );
  return {
    plan,
    what,
    scored,
    from: mode,
    rows: main.map(({ of, at, ...row }) => ({
      plan: of.name,
      kind: of.kind,
      ...row,
      tokensPerSecond: timing?.speeds.get(at) ?? null,
    })),
    curve: points
      .map(({ of, bytes, score, low, high }) => ({ kind: of.kind, scale: of.scale, bytes, score, low, high }))
      .sort((a, b) => a.scale - b.scale),
    units: run.map(({ unit: { name, length, context, facts: drawn }, outcomes }) => ({
      name,
      length,
      context,
      facts: drawn,
      scores: main.map(({ at }) => outcomes[at]?.score ?? Number.NaN),
    })),
    byFact: scored === 'accuracy' ? byFact(run, main) : [],
    kept: keptOf(plan, run, mode, facts),
    length: mean(run.map(({ unit }) => unit.length)),
    undropped: run.filter(({ unit }) => {
      const bytes = bytesOf(plan.heads, unit, mode, facts);
      return bytes.plan >= bytes.full;
    }).length,
    ...(timing ? { timed: { tokens: timing.tokens, length: timing.length } } : {}),
    total,
    notes,
  };
}

/** The curve has one random plan; the others are rows. */
const isFirstRandom = ({ name }: Compared): boolean => /^random 1\b/u.test(name);

function scoreOf(scores: readonly number[], scored: ScoreKind): Pick<EvaluatedPlan, 'score' | 'low' | 'high'> {
  const nothing = { score: Number.NaN, low: Number.NaN, high: Number.NaN };
  if (scores.length === 0) return nothing;
  if (scored === 'loss') {
    const { mean: score, low, high } = meanInterval(scores, { range: [0, Infinity] });
    return { score, low, high };
  }
  const score = mean(scores);
  return { score, ...wilson(score, scores.length) };
}

/** Second less first, of the same prompts: Tango's interval of paired shares, Student's of mean differences. */
function difference(first: readonly number[], second: readonly number[], scored: ScoreKind) {
  const n = first.length;
  if (n === 0) return { difference: Number.NaN, low: Number.NaN, high: Number.NaN };
  const changes = first.map((score, at) => (second[at] ?? Number.NaN) - score);
  if (scored === 'accuracy') {
    const more = changes.filter((change) => change > 0).length;
    const fewer = changes.filter((change) => change < 0).length;
    return pairedProportions(n, more, fewer);
  }
  const { mean: value, low, high } = meanInterval(changes);
  return { difference: value, low, high };
}

function byFact(run: Gathered['run'], main: readonly Measured[]): readonly FactRow[] {
  const shares = main.map(({ at }) =>
    factShares(run.map(({ unit, outcomes }) => ({ correct: outcomes[at]?.score === 1, facts: unit.facts }))),
  );
  return (shares[0] ?? []).map(({ fact, value, share: { n } }, at) => ({
    fact,
    value,
    n,
    scores: shares.map((rows) => rows[at]?.share.value ?? Number.NaN),
  }));
}

function keptOf(
  { heads }: GivenPlan,
  run: Gathered['run'],
  mode: StartMode,
  facts: ModelFacts,
): readonly (readonly number[])[] {
  const rows = run.map(({ unit }) => rowsOf(heads, unit, mode, facts));
  return heads.map((row, layer) => row.map((_, head) => mean(rows.map((one) => one[layer]?.[head] ?? 0))));
}
