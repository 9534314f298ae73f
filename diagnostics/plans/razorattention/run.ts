/** The run of the analysis `razorattention`: the probe, the lists, the plan, and the grid where it is asked for. */
import type { Prefill } from '../../../protocol/interventions/plan';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { byScore, keyValueScores } from '../../../protocol/plans/plan-of-scores';
import { bytesByLength } from '../../shared/plans/bytes-table';
import { samePlace } from '../../shared/plans/places';
import { gridRun, gridSamples } from './grid';
import type { RazorParameters } from './parameters';
import { longPeriod, razorProbe, uniformScore } from './probe';
import type { RazorResult } from './result';
import { chooseHeads, cutPlan, planOf, retrievalHeads } from './selection';

export async function* runRazor(
  model: ModelRunner,
  { parameters, seed, step }: AnalysisJob<RazorParameters>,
): AsyncGenerator<Step<RazorResult>, RazorResult> {
  const { facts } = model;
  const probe = razorProbe(facts, parameters.period, seed);
  const { period, lead, ids, earlier } = probe;
  const wanted = parameters.grid ? await gridSamples(model, parameters, seed) : undefined;
  const samples = wanted && 'samples' in wanted ? wanted.samples : [];
  const total = 1 + samples.length;
  yield { sentence: `Reading ${ids.length} tokens of the probe`, done: 0, total };
  const layers = await step('probe', async () => {
    const run = await model.run({ ids, earlier, statistics: true, logits: 'none' });
    return run.layers.map(({ statistics }) => ({
      induction: statistics?.induction ?? [],
      echo: statistics?.duplicateToken ?? [],
    }));
  });
  const kvHeads = facts.blocks.map((block) => block.kvHeads);
  const inductionScores = layers.map(({ induction }) => induction);
  const echoScores = layers.map(({ echo }) => echo);
  const scores = {
    induction: keyValueScores(inductionScores, kvHeads),
    echo: keyValueScores(echoScores, kvHeads),
  };
  const chosen = chooseHeads(scores, parameters);
  const ranks = { induction: byScore(scores.induction), echo: byScore(scores.echo) };
  const full = retrievalHeads(chosen);
  const plan = planOf(kvHeads, full, cutPlan({ ...parameters, append: parameters.decoding === 'append' }));
  const known: RazorResult = {
    period,
    tokens: ids.length,
    uniform: uniformScore(period, lead),
    inductionScores,
    echoScores,
    ...scores,
    inductionHeads: chosen.induction,
    echoHeads: chosen.echo,
    retrieval: full.map((place) => ({
      ...place,
      inductionRank: 1 + ranks.induction.findIndex((each) => samePlace(each, place)),
      echoRank: 1 + ranks.echo.findIndex((each) => samePlace(each, place)),
    })),
    plan,
    prefill: parameters.prefill as Prefill,
    bytes: bytesByLength(facts, plan),
    notes: [
      ...(period < Math.min(longPeriod, parameters.period)
        ? [`The model has room for ${period} random tokens only: the scores say little about long texts.`]
        : []),
      ...(wanted && 'why' in wanted ? [wanted.why] : []),
    ],
  };
  if (samples.length === 0) return known;
  const grid = gridRun(model, samples, scores, parameters, step);
  for (;;) {
    const next = await grid.next();
    if (next.done) return { ...known, grid: next.value };
    yield { ...next.value, done: 1 + next.value.done, total, partial: known };
  }
}
