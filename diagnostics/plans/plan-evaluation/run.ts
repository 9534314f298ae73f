/** The run of the analysis `plan-evaluation`: each prompt or window under all plans side by side. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { hasChange } from '../../../models/instrument/changes/changes';
import { seedFor } from '../../../kernels/tensors/random';
import { headPlanText } from '../../../protocol/plans/head-plan';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import { metricOf } from '../../shared/effects/metric';
import type { ModelRunner } from '../../model-runner/model-runner';
import { comparedPlans, variantOf, type Compared } from './plans';
import { gathered, type Outcome } from './summary';
import { givenPlan } from './given-plan';
import type { PlanEvaluationParameters, StartMode } from './parameters';
import type { PlanEvaluationResult } from './result';
import { speedFits, speeds } from './speed';
import { unitsOf, type Unit } from './units';

/** Partial results on the way, at most. */
const partialResults = 40;

export async function* runPlanEvaluation(
  model: ModelRunner,
  { input, parameters, variant, seed, step }: AnalysisJob<PlanEvaluationParameters>,
): AsyncGenerator<Step<PlanEvaluationResult>, PlanEvaluationResult> {
  if (hasChange(variant, 'plan')) {
    throw refusal(
      'The run is under a cache plan already, and a plan is compared with the full cache here. Name it as the parameter plan alone.',
    );
  }
  const { facts } = model;
  const { plan, notes } = await givenPlan(model, parameters);
  const units = await unitsOf(model, input, parameters, { seed, prompt: plan.prompt });
  const mode: StartMode = plan.prompt === undefined ? (parameters.from as StartMode) : 'context';
  const { random, budgets, sinks } = parameters;
  const compared = comparedPlans(plan.heads, facts, { random, budgets, sinks, seed, mode });
  const { task, corpus } = input;
  const known = {
    facts,
    plan,
    mode,
    compared,
    what: task ? `${task.task.title}, accuracy` : `${corpus?.name ?? 'Prompt'}, loss of the next token`,
    scored: task ? 'accuracy' : 'loss',
    total: units.length,
    notes: [...notes, ...(task?.notes ?? []), ...(corpus?.notes ?? [])],
  } as const;
  // A plan's file may change between two runs that are otherwise the same.
  const text = plan.heads.map((row) => row.map(headPlanText).join(' ')).join('\n');
  const mark = seedFor(0, text).toString(16);
  const run: { unit: Unit; outcomes: readonly Outcome[] }[] = [];
  const every = Math.ceil(units.length / partialResults);
  for (const [at, unit] of units.entries()) {
    yield {
      sentence: `${task ? 'Prompt' : 'Window'} ${at + 1} of ${units.length}, under ${compared.length} plans`,
      done: at,
      total: units.length,
      ...(at > 0 && at % every === 0 ? { partial: gathered({ ...known, run }) } : {}),
    };
    const outcomes = await step(`plan ${mark}, ${at}`, () => measured(model, unit, { compared, mode, variant }));
    run.push({ unit, outcomes });
  }
  const longest = units.reduce<Unit | undefined>(
    (most, unit) => (most && most.length >= unit.length ? most : unit),
    undefined,
  );
  const { speed: tokens } = parameters;
  if (tokens === 0 || !longest || !speedFits(model, longest, tokens)) return gathered({ ...known, run });
  yield {
    sentence: `Decoding ${tokens} tokens behind ${longest.length}`,
    done: units.length,
    total: units.length,
    partial: gathered({ ...known, run }),
  };
  const timed = compared.flatMap(({ kind, scale }, at) =>
    scale === 1 && ['full', 'plan', 'uniform'].includes(kind) ? [at] : [],
  );
  const measuredSpeeds = await step(`speed of plan ${mark}`, () =>
    speeds(
      model,
      longest,
      timed.map((at) => compared[at]?.heads(longest) ?? []),
      { variant, tokens },
    ),
  );
  return gathered({
    ...known,
    run,
    timing: {
      tokens,
      length: longest.length,
      speeds: new Map(timed.map((at, place) => [at, measuredSpeeds[place] ?? null])),
    },
  });
}

interface Under {
  readonly compared: readonly Compared[];
  readonly mode: StartMode;
  readonly variant: Variant;
}

/** By plan. Those that keep alike at this length are run once. */
async function measured(
  model: ModelRunner,
  unit: Unit,
  { compared, mode, variant }: Under,
): Promise<readonly Outcome[]> {
  const variants = compared.map(({ heads }) => variantOf(variant, heads(unit), unit, mode));
  const keys = variants.map((each) =>
    JSON.stringify(changesOf(each, 'plan'), (_, value: unknown) => (value === Infinity ? 'all' : value)),
  );
  const own = keys.flatMap((key, at) => (keys.indexOf(key) === at ? [at] : []));
  const found = await outcomesOf(
    model,
    unit,
    own.map((at) => variants[at] ?? variant),
  );
  return keys.map((key) => found[own.findIndex((at) => keys[at] === key)] ?? { score: Number.NaN, loss: Number.NaN });
}

async function outcomesOf(model: ModelRunner, unit: Unit, variants: readonly Variant[]): Promise<readonly Outcome[]> {
  if (unit.kind === 'window') {
    const losses = await model.losses(unit.sequence, unit.rows, variants);
    return losses.map((loss) => ({ score: loss, loss }));
  }
  const { asked } = unit;
  const answers = await model.answers(unit.sequence, asked, variants);
  return answers.map((byRow) => {
    const scores = byRow.map((answer, at) => {
      const tokens = asked[at]?.tokens ?? [];
      return {
        right: tokens.includes(answer.largest),
        loss: metricOf('loss', answer, tokens, tokens.length),
      };
    });
    return {
      score: scores.every(({ right }) => right) ? 1 : 0,
      loss: scores.reduce((sum, { loss }) => sum + loss, 0),
    };
  });
}
