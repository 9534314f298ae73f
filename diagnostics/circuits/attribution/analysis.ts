/** The analysis `attribution`: effects of all heads, MLPs and positions by few gradients, the largest of them patched. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { longestByPosition } from '../../shared/effects/columns';
import { meansOver, standInsFor } from '../../shared/effects/stand-ins';
import { isMetric, measures } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { measured } from '../../shared/effects/subjects';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { ask } from './ask';
import { cellSizes, cellsOf, groupOf, targetOf, type Cell } from './cells';
import { chosenOf } from './selection';
import { compare } from './compare';
import { edgePasses, edgePrompts, edgeRun } from './edge-run';
import { estimated, outputsOf, type Estimating } from './estimates';
import { exactly } from './exact';
import { finding, offers } from './finding';
import { resultOf, type About, type Estimated } from './summary';
import { attributionTable, type AttributionParameters } from './parameters';
import { gradientsOf, passesOf } from './passes';
import { attributionOf, noSlope } from './prompts';
import { attributionResult, type AttributionResult } from './result';
import { sections } from './sections';
import { sourceIn } from '../../shared/effects/encoder';
import type { Attributed } from '../../shared/gradients/objective';
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
  sources: 'also',
  exactWeights: true,
  parameters: attributionTable,
  result: attributionResult,
  recurrent: true,
  supports: (facts, parameters) =>
    parameters.metric === 'accuracy' ? { ok: false, why: noSlope } : measures(facts, parameters),
  estimate(facts, { prompts, task }, parameters) {
    const runs = task ? task.samples.map(({ prompt }) => prompt) : prompts.slice(0, 1);
    const longest = Math.max(0, ...runs.map(({ ids }) => ids.length));
    const compared = parameters.baseline === 'counterpart';
    const roles = 1 + Object.keys(task?.task.roles ?? {}).length;
    const width = !compared || !parameters.positions ? 0 : task && longest > longestByPosition ? roles : longest;
    const counts = [partCells(facts), facts.blocks.length * width] as const;
    // The usual metric for a pair is mostly a difference of logits.
    const metric = parameters.metric === 'usual' ? (task?.task.metric ?? 'logit-difference') : parameters.metric;
    const { taken } = passesOf(counts, parameters, isMetric(metric) && isLinear(metric));
    const means = parameters.baseline === 'mean' ? runs.length : 0;
    // Outputs of both prompts, their difference and the gradients are held at the same time.
    const bytes = 4 * outputBytes(facts, width > 0 ? ['head', 'mlp', 'residual'] : ['head', 'mlp'], longest);
    const around = { layers: facts.blocks.length, parts: counts[0] };
    const edges = compared && !facts.sourceBlocks ? edgePrompts(runs.length) * edgePasses(parameters, around) : 0;
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
  const ofEdges = compared && !model.facts.sourceBlocks ? edgePrompts(n) * edgePasses(parameters, around) : 0;
  const total = before + n * passes.taken + ofEdges;
  const standIn = yield* standInOf(model, job, prompts, cells, (done) => ({ done, total }));
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
  // Edges are paths of one text; the finding says so.
  if (model.facts.sourceBlocks) return result;
  partial = result;
  return yield* edgeRun(model, job, result, {
    prompts,
    settings,
    stage: (sentence, done) => stage(sentence, n * passes.taken + done),
  });
}

const partCells = (facts: ModelFacts): number => cellsOf(facts, []).length;

/** What stands for an output where the baseline is no counterpart. */
async function* standInOf(
  model: ModelRunner,
  job: AnalysisJob<AttributionParameters>,
  prompts: readonly Attributed[],
  cells: readonly Cell[],
  standing: Parameters<typeof meansOver>[3],
): AsyncGenerator<Step<never>, Estimating['standIn']> {
  const { baseline } = job.parameters;
  if (baseline === 'counterpart') return undefined;
  const subjects = prompts.map((prompt) => ({ ...prompt, roles: {} }));
  const means = baseline === 'mean' ? yield* meansOver(model, subjects, job, standing) : [];
  const ofPart = await standInsFor(model, baseline, job.variant, means, undefined);
  const beside = baseline === 'mean' ? await besideMeans(model, job, prompts, cells.filter(isBeside)) : undefined;
  return (cell) => {
    if (!isBeside(cell)) return ofPart({ layer: cell.layer, ...(cell.site === 'head' ? { head: cell.slot } : {}) });
    const data = beside?.get(placeOf(cell)) ?? new Float32Array(cellSizes(model.facts, cell).width);
    return { data, everywhere: true };
  };
}

const isBeside = ({ site }: Cell): boolean => site === 'cross-head' || site === 'encoder-head';
const placeOf = ({ site, layer, slot }: Cell): string => `${site} ${layer} ${slot}`;

/** Mean outputs of heads of cross-attention and of the encoder, over all positions of all prompts. */
async function besideMeans(
  model: ModelRunner,
  { variant, step }: AnalysisJob<AttributionParameters>,
  prompts: readonly Attributed[],
  cells: readonly Cell[],
): Promise<ReadonlyMap<string, Float32Array>> {
  const all: { readonly sums: readonly Float64Array[]; readonly rows: (cell: Cell) => number }[] = [];
  for (const [at, { sequence }] of prompts.entries()) {
    const sums = await step(`sums of further heads, prompt ${at}`, async () => {
      const outputs = await outputsOf(model, sequence, variant, cells);
      return cells.map(({ site, layer, slot }) => outputs(site).sumOf(targetOf(site), layer, slot));
    });
    all.push({ sums, rows: ({ site }) => (site === 'encoder-head' ? sourceIn(sequence) : sequence).ids.length });
  }
  return new Map(
    cells.map((cell, of) => {
      const rows = all.reduce((total, one) => total + one.rows(cell), 0);
      const mean = new Float32Array(cellSizes(model.facts, cell).width);
      for (const { sums } of all) sums[of]?.forEach((value, i) => (mean[i] = (mean[i] ?? 0) + value / rows));
      return [placeOf(cell), mean];
    }),
  );
}
