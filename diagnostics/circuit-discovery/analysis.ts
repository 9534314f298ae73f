/** The analysis `circuit-discovery`: the heads and MLPs that a task needs, and how well they stand for the model. */
import { random, seedFor } from '../../kernels/tensors/random';
import { meansOver } from '../ablation/stand-ins';
import type { Analysis, AnalysisJob, Step } from '../analysis';
import { pairsOf, type Pair } from '../activation-patching/pairs';
import { Ablated, type AblatedSettings } from '../circuits/ablated';
import { circuitOf, type Circuit } from '../circuits/circuit';
import { discover, type Found } from '../circuits/discover';
import { edgesOf, edgesOfPrompt } from '../circuits/edges';
import type { PathMeasured } from '../circuits/effects';
import { requireGap } from '../circuits/gap';
import { halves, subjectOf } from '../circuits/prompts';
import { verdictOf, type Verdict } from '../circuits/verdict';
import { measures } from '../effects/metric';
import { outputBytes } from '../effects/outputs';
import { partsOf, type Part } from '../effects/parts';
import type { ModelRunner } from '../model-runner/model-runner';
import { mean } from '../statistics/mean';
import { ask } from './ask';
import { compare } from './compare';
import { finding, methodWords, offers } from './finding';
import { discoveryTable, type DiscoveryParameters } from './parameters';
import { discoveryResult, type DiscoveryResult } from './result';
import { sections } from './sections';

/** Prompts on which edges are measured at most: they cost a run for each node and each input of the others. */
const mostEdgePrompts = 4;

export const circuitDiscovery: Analysis<DiscoveryParameters, DiscoveryResult> = {
  id: 'circuit-discovery',
  title: 'Circuit discovery',
  question: 'Which heads and MLPs does the task need, and do they do it alone?',
  group: 'circuits',
  source: {
    reference:
      'arXiv:2304.14997, algorithm 1 (threshold); arXiv:2211.00593, section 4 (faithfulness, completeness, minimality); arXiv:2304.05969 (edges)',
    trust: 'medium',
    note: 'On heads and MLPs, not on their inputs, and with the metric of the task in place of the KL divergence. The greedy order, the held-out prompts and the intervals are choices of Headscope.',
  },
  inputs: ['task'],
  usualTask: { task: 'indirect-object', samples: 32 },
  files: [{ field: 'circuit', title: 'Circuit, for circuit-reuse and for this analysis' }],
  parameters: discoveryTable,
  result: discoveryResult,
  supports: measures,
  estimate(facts, { task }, { heldOut, edges, subsets, randomCircuits, circuit, mode }) {
    const prompts = task?.samples ?? [];
    const longest = Math.max(0, ...prompts.map(({ prompt }) => prompt.ids.length));
    const parts = partsOf(facts.blocks).length;
    const held = (heldOut / 100) * prompts.length;
    // A quarter of the parts is what a large circuit has.
    const nodes = Math.ceil(parts / 4);
    const search = circuit === '' ? 2 * parts + nodes : 0;
    const each = edges ? Math.min(prompts.length - held, mostEdgePrompts) * 2 * nodes * nodes : 0;
    return {
      passes: Math.round(
        (prompts.length - held) * search + held * (4 + 2 * subsets + randomCircuits + 2 * nodes) + each,
      ),
      bytes: (mode === 'resample' ? prompts.length : 1) * outputBytes(facts, ['head', 'mlp'], longest),
    };
  },
  run: discovery,
  ask,
  finding,
  sections,
  compare,
  offers,
};

async function* discovery(
  model: ModelRunner,
  job: AnalysisJob<DiscoveryParameters>,
): AsyncGenerator<Step<DiscoveryResult>, DiscoveryResult> {
  const { parameters, variant, seed, step, input } = job;
  const { mode, mlps, threshold, edgeThreshold } = parameters;
  const given =
    parameters.circuit === ''
      ? undefined
      : circuitOf(parameters.circuit, await model.textFile(parameters.circuit), model.facts);
  const { pairs, metric, lacking } = await pairsOf(model, job);
  const { found, held } = halves(pairs, parameters.heldOut, seed);
  const method = given ? 'given' : parameters.method;
  let result: DiscoveryResult = {
    method,
    threshold,
    mode,
    mlps,
    metric,
    found: found.length,
    held: held.length,
    ...(lacking > 0 ? { leftOut: lacking } : {}),
    edgeThreshold,
    removals: [],
  };

  // Work is counted in parts tried, prompts whose edges are measured, and the verdict, which costs as many runs as some parts.
  const parts = partsOf(model.facts.blocks).filter(({ head }) => mlps || head !== undefined).length;
  const edgePrompts = parameters.edges ? found.slice(0, mostEdgePrompts) : [];
  const before = mode === 'mean' ? found.length : 0;
  const tries = given ? 0 : parts;
  const verdictWork = 8;
  const total = before + tries + edgePrompts.length + verdictWork;
  const stage = (sentence: string, done: number): Step<DiscoveryResult> => ({ sentence, done, total, partial: result });

  const means = mode === 'mean' ? yield* meansOver(model, found.map(subjectOf), job, (done) => ({ done, total })) : [];
  const settings: AblatedSettings = { mode, metric, variant, means, mlps };
  yield stage('Outputs that stand in', before);
  const of = (some: readonly Pair[]) => Ablated.of(model, some.map(subjectOf), settings);
  const [onFound, onHeld] = [await of(found), await of(held)];
  const least = (gap: number): void => requireGap(gap, parameters.leastGap, metric);

  let searched: Found | undefined;
  if (!given) {
    const search = discover(onFound, { method: parameters.method, threshold, step, name: 'search', requireGap: least });
    for (;;) {
      const next = await search.next();
      if (next.done) {
        searched = next.value;
        break;
      }
      const { tried, kept } = next.value;
      yield stage(`Taking parts away: ${tried} of ${parts} tried, ${kept} kept`, before + tried);
    }
  } else {
    const [whole = [], nothing = []] = await step('whole and nothing', () => onFound.values([onFound.parts, []]));
    least(mean(whole) - mean(nothing));
  }
  const nodes = given?.nodes ?? searched?.nodes ?? [];
  const circuit: Circuit = given ?? {
    kind: 'headscope-circuit',
    version: 1,
    task: input.task?.task.id ?? '',
    heads: model.facts.blocks.map(({ heads }) => heads),
    method: methodWords(result),
    nodes,
    edges: [],
  };
  result = {
    ...result,
    circuit,
    ...(searched ? { ...ownOf(model, onFound.parts, searched), removals: searched.removals } : {}),
  };

  const measured: (readonly PathMeasured[])[] = [];
  for (const [at, pair] of edgePrompts.entries()) {
    yield stage(`Edges: prompt ${at + 1} of ${edgePrompts.length}`, before + tries + at);
    measured.push(await step(`edges of prompt ${at}`, () => edgesOfPrompt(model, pair, nodes, { metric, variant })));
    result = { ...result, circuit: { ...circuit, edges: edgesOf(nodes, measured) } };
  }

  yield stage('Measuring the circuit on held-out prompts', before + tries + edgePrompts.length);
  const verdict = await step('verdict', () =>
    verdictOf(onFound, onHeld, {
      nodes,
      all: byOwn(onFound.parts, searched),
      subsets: parameters.subsets,
      randomCircuits: parameters.randomCircuits,
      random: random(seedFor(seed, 'circuits')),
    }),
  );
  return { ...result, verdict, ...summaries(verdict) };
}

/** In an order that does not depend on the names of heads, where one is known. */
function byOwn(parts: readonly Part[], searched: Found | undefined): readonly Part[] {
  const size = (part: Part): number => Math.abs(searched?.own[parts.indexOf(part)] ?? 0);
  return [...parts].sort((a, b) => size(b) - size(a));
}

function ownOf(
  { facts }: ModelRunner,
  parts: readonly Part[],
  { own }: Found,
): Pick<DiscoveryResult, 'own' | 'ownMlp'> {
  const of = (layer: number, head: number | undefined): number =>
    own[parts.findIndex((part) => part.layer === layer && part.head === head)] ?? Number.NaN;
  return {
    own: facts.blocks.map(({ heads }, layer) => Array.from({ length: heads }, (_, head) => of(layer, head))),
    ownMlp: facts.blocks.map((_, layer) => of(layer, undefined)),
  };
}

function summaries({
  random: others,
  circuit,
  completeness,
}: Verdict): Pick<DiscoveryResult, 'chance' | 'incompleteness'> {
  const distances = completeness.map((point) => Math.abs(point.circuit - point.model));
  return {
    ...(others.length > 0
      ? {
          chance: {
            mean: mean(others),
            largest: Math.max(...others),
            // Phipson and Smyth 2010: a permutation p-value counts what was seen among the draws, and is never 0.
            share: (1 + others.filter((share) => share >= circuit.share).length) / (1 + others.length),
            n: others.length,
          },
        }
      : {}),
    incompleteness: { mean: mean(distances), largest: Math.max(...distances), n: distances.length },
  };
}
