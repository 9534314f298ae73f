/** The analysis `circuit-discovery`: the heads and MLPs that a task needs, and how well they stand for the model. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { pairsOf } from '../../shared/effects/pairs';
import { circuitOf, type Circuit } from '../../shared/circuits/circuit';
import type { Searched } from '../../shared/circuits/discover';
import { besideHeads } from '../../shared/circuits/paths';
import { halves } from '../../shared/circuits/prompts';
import {
  byOwn,
  mostEdgePrompts,
  taskCircuit,
  workOf,
  type Searching,
  type TaskCircuit,
} from '../../shared/circuits/task-circuit';
import { verdictOf, type Verdict } from '../../shared/circuits/verdict';
import { measuresNext } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { partsOf, writingHeads } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { ask } from './ask';
import { compare } from './compare';
import { finding, offers } from './finding';
import { discoveryTable, type DiscoveryParameters } from './parameters';
import { discoveryResult, type DiscoveryResult } from './result';
import { methodWords } from '../../shared/circuits/words';
import { sections } from './sections';
import { mean } from '../../../kernels/tensors/vectors';

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
  exactWeights: true,
  parameters: discoveryTable,
  result: discoveryResult,
  recurrent: true,
  supports(facts, parameters) {
    const why = parameters.edges ? besideHeads(facts.blocks) : undefined;
    return why === undefined
      ? measuresNext(facts, parameters)
      : { ok: false, why: `Edges cannot be measured: ${why} Leave the edges out.` };
  },
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
  const { parameters, seed, step, input } = job;
  const { mode, mlps, threshold, edgeThreshold } = parameters;
  const given =
    parameters.circuit === ''
      ? undefined
      : circuitOf(parameters.circuit, await model.textFile(parameters.circuit), model.facts);
  const { pairs, metric, lacking } = await pairsOf(model, job);
  const { found, held } = halves(pairs, parameters.heldOut, seed);
  let result: DiscoveryResult = {
    method: given ? 'given' : parameters.method,
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
  const task = input.task?.task.id ?? '';
  const searching: Searching = { job, pairs, metric, parameters, given, task, words: methodWords(result), name: '' };
  const work = workOf(model, searching);
  // The verdict costs as many runs as some parts.
  const total = work + 8;
  const search = taskCircuit(model, searching);
  let searched: TaskCircuit | undefined;
  while (!searched) {
    const next = await search.next();
    if (next.done) searched = next.value;
    else {
      const { sentence, done, ...known } = next.value;
      result = { ...result, ...partsOfResult(model, known) };
      yield { sentence, done, total, partial: result };
    }
  }
  const { circuit, onFound, onHeld } = searched;
  const { edgePass } = searched;
  result = { ...result, ...partsOfResult(model, searched), ...(edgePass ? { edgePass } : {}) };
  yield { sentence: 'Measuring the circuit on held-out prompts', done: work, total, partial: result };
  const verdict = await step('verdict', () =>
    verdictOf(onFound, onHeld, {
      nodes: circuit.nodes,
      all: byOwn({ onFound, search: searched.search }),
      subsets: parameters.subsets,
      randomCircuits: parameters.randomCircuits,
      random: random(seedFor(seed, 'circuits')),
    }),
  );
  return { ...result, verdict, ...summaries(verdict) };
}

function partsOfResult(
  { facts }: ModelRunner,
  { circuit, search }: { readonly circuit?: Circuit; readonly search?: Searched | undefined },
): Pick<DiscoveryResult, 'circuit' | 'own' | 'ownMlp'> & Partial<Pick<DiscoveryResult, 'removals'>> {
  const of = (layer: number, head: number | undefined): number =>
    search?.own[search.parts.findIndex((part) => part.layer === layer && part.head === head)] ?? Number.NaN;
  return {
    ...(circuit ? { circuit } : {}),
    ...(search
      ? {
          own: facts.blocks.map((block, layer) =>
            Array.from({ length: writingHeads(block).heads }, (_, head) => of(layer, head)),
          ),
          ownMlp: facts.blocks.map((_, layer) => of(layer, undefined)),
          removals: search.removals,
        }
      : {}),
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
