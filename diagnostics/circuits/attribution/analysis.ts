/** The analysis `attribution`: effects of all heads, MLPs and positions by few gradients, the largest of them patched. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { longestByPosition } from '../../shared/effects/columns';
import { meansOver, standInsFor, type StandIn } from '../../shared/effects/stand-ins';
import { isMetric, measures } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { partsOf } from '../../shared/effects/parts';
import { measured } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { ask } from './ask';
import { cellsOf, groupOf, type Cell } from './cells';
import { chosenOf } from './selection';
import { compare } from './compare';
import { edgePasses, edgePrompts, edgeRun } from './edge-run';
import { estimated, type Estimating } from './estimates';
import { exactly } from './exact';
import { finding, offers } from './finding';
import { resultOf, type About, type Estimated } from './summary';
import { attributionTable, type AttributionParameters } from './parameters';
import { gradientsOf, passesOf } from './passes';
import { attributionOf, noSlope } from './prompts';
import { attributionResult, type AttributionResult } from './result';
import { sections } from './sections';
import { isLinear } from '../../shared/gradients/slope';
import { mean } from '../../../kernels/tensors/vectors';

export const attribution: Analysis<AttributionParameters, AttributionResult> = {
  id: 'attribution',
  title: 'Attribution by gradients',
  question: 'Which heads, MLPs, positions and edges matter, where patching each would take too long?',
  group: 'circuits',
  source: {
    reference:
      'arXiv:2310.10348 (attribution patching, of edges too); arXiv:2403.17806 (integrated gradients on the line between embeddings); arXiv:1703.01365',
    trust: 'medium',
    note: 'Gradients are taken at the middles of the steps. What is patched as a check, and its intervals, are choices of Headscope.',
  },
  inputs: ['task', 'prompt-pair'],
  usualTask: { task: 'indirect-object', samples: 16 },
  exactWeights: true,
  parameters: attributionTable,
  result: attributionResult,
  supports: (facts, parameters) =>
    parameters.metric === 'accuracy' ? { ok: false, why: noSlope } : measures(facts, parameters),
  estimate(facts, { prompts, task }, parameters) {
    const runs = task ? task.samples.map(({ prompt }) => prompt) : prompts.slice(0, 1);
    const longest = Math.max(0, ...runs.map(({ ids }) => ids.length));
    const compared = parameters.baseline === 'counterpart';
    const roles = 1 + Object.keys(task?.task.roles ?? {}).length;
    const width = !compared || !parameters.positions ? 0 : task && longest > longestByPosition ? roles : longest;
    const counts = [partsOf(facts.blocks).length, facts.blocks.length * width] as const;
    // The usual metric for a pair is mostly a difference of logits.
    const metric = parameters.metric === 'usual' ? (task?.task.metric ?? 'logit-difference') : parameters.metric;
    const { taken } = passesOf(counts, parameters, isMetric(metric) && isLinear(metric));
    const means = parameters.baseline === 'mean' ? runs.length : 0;
    // Outputs of both prompts, their difference and the gradients are held at the same time.
    const bytes = 4 * outputBytes(facts, width > 0 ? ['head', 'mlp', 'residual'] : ['head', 'mlp'], longest);
    const around = { layers: facts.blocks.length, parts: counts[0] };
    const edges = compared ? edgePrompts(runs.length) * edgePasses(parameters, around) : 0;
    return { passes: runs.length * taken + means + edges, bytes };
  },
  run: attributions,
  ask,
  finding,
  sections,
  compare,
  offers,
};

async function* attributions(
  model: ModelRunner,
  job: AnalysisJob<AttributionParameters>,
): AsyncGenerator<Step<AttributionResult>, AttributionResult> {
  const { parameters, variant, seed, step } = job;
  const { prompts, metric, columns, leftOut, answers } = await attributionOf(model, job);
  const cells = cellsOf(model.facts, columns);
  const count = (group: 'parts' | 'places'): number => cells.filter((cell) => groupOf(cell) === group).length;
  const passes = passesOf([count('parts'), count('places')], parameters, isLinear(metric));
  const gradients = gradientsOf(parameters);
  const compared = parameters.baseline === 'counterpart';
  const integrated = compared && parameters.method === 'integrated';
  const about: About = {
    metric,
    baseline: parameters.baseline,
    method: integrated ? 'integrated' : 'gradient',
    gradients,
    passes,
    ...(leftOut > 0 ? { leftOut } : {}),
    ...(answers ? { answers } : {}),
    ...(columns.length > 0 ? { columns: columns.map(({ label }) => label) } : {}),
  };
  const n = prompts.length;
  const before = parameters.baseline === 'mean' ? n : 0;
  const around = { layers: model.facts.blocks.length, parts: count('parts') };
  const ofEdges = compared ? edgePrompts(n) * edgePasses(parameters, around) : 0;
  const total = before + n * passes.taken + ofEdges;
  const standIn = yield* standInOf(model, job, prompts, (done) => ({ done, total }));
  const settings: Estimating = {
    metric,
    columns,
    variant,
    steps: integrated ? parameters.steps : 0,
    ...(standIn ? { standIn } : {}),
  };
  const found: Estimated[] = [];
  const perEstimate = Math.min(passes.taken, 4 + 3 * gradients);
  let partial: AttributionResult | undefined;
  const stage = (sentence: string, done: number): Step<AttributionResult> => ({
    sentence,
    done: before + done,
    total,
    ...(partial ? { partial } : {}),
  });
  for (const [at, prompt] of prompts.entries()) {
    yield stage(`Gradients: prompt ${at + 1} of ${n}`, at * perEstimate);
    const one = await step(`estimates of prompt ${at}`, async (): Promise<Estimated> => {
      const level = async (sequence: typeof prompt.sequence): Promise<number> => {
        const [[value = Number.NaN] = []] = await measured(model, sequence, prompt, metric, [variant]);
        return value;
      };
      const original = await level(prompt.sequence);
      return {
        original,
        ...(prompt.pair ? { counterpart: await level(prompt.pair.corrupted) } : {}),
        estimates: await estimated(model, prompt, cells, settings),
      };
    });
    found.push(one);
    partial = resultOf(model.facts, cells, about, found, [], []);
  }
  const estimates = cells.map((_, at) => mean(found.map((one) => one.estimates[at] ?? Number.NaN)));
  const chosen = chosenOf(cells, estimates, parameters, seed);
  const some: readonly Cell[] = chosen.map(({ cell }) => cell);
  const exact: (readonly number[])[] = [];
  for (const [at, prompt] of prompts.entries()) {
    if (some.length === 0) break;
    yield stage(
      `Patching ${some.length} places exactly: prompt ${at + 1} of ${n}`,
      n * perEstimate + at * (passes.taken - perEstimate),
    );
    exact.push(await step(`exact effects of prompt ${at}`, () => exactly(model, prompt, some, settings)));
  }
  const result = resultOf(model.facts, cells, about, found, chosen, exact);
  partial = result;
  return yield* edgeRun(model, job, result, {
    prompts,
    settings,
    stage: (sentence, done) => stage(sentence, n * passes.taken + done),
  });
}

/** What stands for an output where the baseline is no counterpart. */
async function* standInOf(
  model: ModelRunner,
  job: AnalysisJob<AttributionParameters>,
  prompts: Awaited<ReturnType<typeof attributionOf>>['prompts'],
  standing: Parameters<typeof meansOver>[3],
): AsyncGenerator<Step<never>, StandIn | undefined> {
  const { baseline } = job.parameters;
  if (baseline === 'counterpart') return undefined;
  const subjects = prompts.map((prompt) => ({ ...prompt, roles: {} }));
  const means = baseline === 'mean' ? yield* meansOver(model, subjects, job, standing) : [];
  return standInsFor(model, baseline, job.variant, means, undefined);
}
