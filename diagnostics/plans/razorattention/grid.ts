/**
 * The ablation of RazorAttention on pass keys: {5, 8, 11, 14 %} induction heads x {0, 1 %} echo heads x {with, without} the
 * compensation token. All of a prompt is read under the plan.
 */
import { seedFor } from '../../../kernels/tensors/random';
import type { AnswerScore } from '../../../protocol/analysis/tasks';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import { FailureError } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { underPlan } from '../../shared/plans/plan-variant';
import type { Sample } from '../../tasks/task';
import { passkey } from '../../tasks/passkey';
import { drawSamples } from '../../tasks/samples';
import { scoreTask, summaryOf } from '../../shared/accuracy/score';
import { TaskTokens } from '../../tasks/task-tokens';
import type { RazorParameters } from './parameters';
import type { GridRow, RazorResult } from './result';
import { chooseHeads, cutPlan, planOf, retrievalHeads, type PerHead } from './selection';

const gridInduction = [0.05, 0.08, 0.11, 0.14] as const;
const gridEcho = [0, 0.01] as const;
/** Depths of the pass keys, none of them among the newest positions. */
const depths = [0.1, 0.3, 0.5, 0.7] as const;

type Grid = NonNullable<RazorResult['grid']>;
type Asked = Pick<RazorParameters, 'sinks' | 'compression' | 'gridPrompts' | 'gridLength' | 'gridRecent'>;

/** The prompts; or why there are none. */
export async function gridSamples(
  model: ModelRunner,
  { gridPrompts, gridLength }: Asked,
  seed: number,
): Promise<{ readonly samples: readonly Sample[] } | { readonly why: string }> {
  const { predicts, summary } = model.facts;
  if (!predicts) return { why: 'The model predicts no next token, so that the grid was left out.' };
  if (summary.tokenizer !== true) return { why: 'Without a tokenizer there are no pass keys: the grid was left out.' };
  const tokens = await TaskTokens.of(model);
  const samples: Sample[] = [];
  try {
    for (const [at, depth] of depths.entries()) {
      const count = Math.floor((gridPrompts + depths.length - 1 - at) / depths.length);
      if (count === 0) continue;
      const parameters = { length: gridLength, depth, key: 'digits' };
      const drawing = drawSamples(
        passkey,
        { count, seed: seedFor(seed, `depth ${depth}`), parameters, files: {} },
        tokens,
      );
      for (;;) {
        const step = drawing.next();
        if (step.done) {
          samples.push(...step.value.samples);
          break;
        }
      }
    }
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'unsupported') throw error;
    return { why: `The grid was left out. ${error.failure.detail}` };
  }
  return { samples };
}

export async function* gridRun(
  model: ModelRunner,
  samples: readonly Sample[],
  scores: { readonly induction: PerHead; readonly echo: PerHead },
  { sinks, compression, gridRecent }: Asked,
  step: AnalysisJob<never>['step'],
): AsyncGenerator<Pick<Step<never>, 'sentence' | 'done' | 'total'>, Grid> {
  const { blocks, summary } = model.facts;
  const kvHeads = blocks.map((block) => block.kvHeads);
  const settings = gridInduction.flatMap((induction) =>
    gridEcho.flatMap((echo) => [true, false].map((compensation) => ({ induction, echo, compensation }))),
  );
  const planned = settings.map((each) => {
    const full = retrievalHeads(chooseHeads(scores, each));
    const cut = cutPlan({ sinks, recent: gridRecent, compression, compensation: each.compensation });
    return { ...each, heads: full.length, plan: planOf(kvHeads, full, cut) };
  });
  const all = planOf(kvHeads, [], fullPlan);
  const plans: readonly (readonly (readonly HeadPlan[])[])[] = [all, ...planned.map(({ plan }) => plan)];
  const answered: AnswerScore[][] = plans.map(() => []);
  for (const [at, sample] of samples.entries()) {
    yield { sentence: `Pass key ${at + 1} of ${samples.length}`, done: at, total: samples.length };
    const own = await step(`pass key ${at}`, async () => {
      const { length } = sample.prompt.ids;
      // The full cache is no plan: of one batch, plain and planned variants share the layers below the first that is cut.
      const variants = plans.map((plan) => (plan === all ? [] : underPlan(plan, length)));
      return (await scoreTask(model, [sample], 'loss', variants)).map(({ samples: [score] }) => score);
    });
    own.forEach((score, plan) => score && answered[plan]?.push(score));
  }
  const rowOf = (
    plan: readonly (readonly HeadPlan[])[],
    scored: readonly AnswerScore[],
    words: Pick<GridRow, 'induction' | 'echo' | 'compensation' | 'heads'>,
  ): GridRow => {
    const { accuracy, metric } = summaryOf(scored, 'loss');
    const bytes = samples.map(({ prompt }) => planBytes(plan, summary.headDim, prompt.ids.length, summary));
    const sum = (side: 'plan' | 'full'): number => bytes.reduce((total, each) => total + each[side], 0);
    const { value, low, high } = accuracy;
    return { ...words, share: sum('plan') / sum('full'), accuracy: value, low, high, loss: metric.mean };
  };
  return {
    prompts: samples.length,
    full: rowOf(all, answered[0] ?? [], {
      induction: 1,
      echo: 1,
      compensation: false,
      heads: kvHeads.reduce((sum, heads) => sum + heads, 0),
    }),
    rows: planned.map(({ plan, ...words }, at) => rowOf(plan, answered[at + 1] ?? [], words)),
  };
}
