/** Runs of analyses in the process of the test, every step of them recorded. */
import { deserialize, serialize } from 'node:v8';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import type { Analysis, Step } from '../../../diagnostics/analysis';
import type { InputKind } from '../../../protocol/analysis/analysis';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { scatteredTensors, writeDictionary } from '../../support/dictionaries';
import { surroundingsOf } from '../../support/model-jobs';
import { inputOf, type Case } from './cases';

export type Result = Readonly<Record<string, unknown>>;

/** Values of steps as a run leaves them on disk. */
export type Kept = ReadonlyMap<string, Uint8Array>;

export interface Recorded {
  readonly steps: readonly Step<Result>[];
  /** How many of `worked` had begun when each of `steps` was said. */
  readonly begunBy: readonly number[];
  readonly result: Result;
  readonly kept: Kept;
  /** Steps whose work was done and not taken from `kept`. */
  readonly worked: readonly string[];
}

/** What the usual parameters do not fit: these checkpoints are tiny, and most read text alone. */
const fitting = (id: string, { pictures, questions, pairs, model }: Case): ParameterValues => {
  const choices = {
    questions,
    count: 4,
    shots: 1,
    labels: '#1 #2',
    others: '#3 #4 #5',
    before: '#6',
    after: '#7',
    end: '#8 #9',
    prelude: '',
  };
  const known: Readonly<Record<string, ParameterValues>> = {
    act: { rule: 'strength', strength: 0.22, beta: 0.2, skipFirst: 0, skipLast: 0, margin: 0, maps: 2, random: 1 },
    divergence: { removed: 'span', start: 2, end: 9, tokens: 4, layers: '0,1' },
    'divergence-set': { truth: pictures.truth, tokens: 4, layers: '0,1' },
    'concept-heads': { pictures: pictures.folder, texts: pictures.texts, labels: pictures.labels, layers: 2, span: 3 },
    // Times are never the same twice.
    'training-free': { truth: pictures.truth, tokens: 4, vhrLayers: '0,1', timed: false },
    'imbalanced-attention': {
      tokens: 4,
      largest: 4.5,
      layers: '0,1',
      localRatio: 0.4,
      spatialRatio: 0.2,
      heads: 'sensitivity',
    },
    'adapter-heads': { against: model.folder },
    'dictionary-features': { dictionary: dictionaryFor(model) },
    'quantisation-damage': { against: model.folder, texts: 2, tokens: 8 },
    pope: { truth: pictures.objects, tokens: 3, layers: '0,1' },
    'span-retrieval': { pairs },
    'retrieval-head': { tokens: 3, masked: '1', mode: 'mean', chosen: '0.1' },
    'attention-influence': { probes: 3, window: 24 },
    attribution: { steps: 2 },
    duoattention: {
      ...{ steps: 2, checks: 1, keys: 2, words: 3, shortest: 24, longest: 24, trainSinks: 1, trainRecent: 3 },
      ...{ sinks: 1, recent: 3, sparsity: 0.4 },
    },
    'activation-patching': { leastGap: 0 },
    'path-patching': { next: 'v', kept: 20, leastGap: 0 },
    'circuit-discovery': { threshold: 0.3, subsets: 2, randomCircuits: 3, leastGap: 0 },
    'circuit-reuse': {
      other: 'induction',
      mode: 'zero',
      threshold: 0.3,
      randomCircuits: 2,
      leastGap: 0,
      repair: '0.0,0.1',
      repairTo: '2-3',
    },
    'expert-use': { permutations: 19, tokens: 24, documents: 4, least: 2 },
    'head-index': { measure: 'value', documents: 4, tokens: 24 },
    moh: { curve: '50', sequences: 1, length: 8 },
    amp: { curve: '20', randomSets: 1, sequences: 1, length: 8 },
    'sae-circuits': { features: 12, steps: 8, trainings: 2, examples: 3, randomSets: 2, reference: '0.*' },
    'ov-qk-circuits': { rotations: 19 },
    'multiple-choice': { ...choices, sources: 1, patched: 6 },
    moa: {
      lengths: '14',
      further: '20',
      validation: 18,
      held: 1,
      random: 1,
      supervised: 'task',
      block: 4,
      floor: 0,
      intervals: 1,
    },
    'task-kv': { tokens: 4, random: 1 },
    'head-subspace': { ...choices, most: 2, random: 1 },
    'plan-evaluation': { rules: '*.*=1+4', random: 1, budgets: 3, sinks: 1, window: 24, windows: 2, speed: 0 },
    'block-retrieval': { block: 3, open: '2' },
    longheads: { chunk: 2, budget: 6 },
    var: { layers: '0,1', least: 0, ratio: 0, draws: 2, tokens: 3 },
    relevance: { tokens: 2, side: 4, region: '2-3', curves: 1, draws: 1 },
    'vit-visual-analytics': { labels: pictures.classes, steps: 8, maps: 3 },
  };
  return known[id] ?? {};
};

/** One of the stream that enters the last layer, beside the checkpoint. */
function dictionaryFor({ folder, spec }: Case['model']): string {
  const settings = { architecture: 'jumprelu', hook_name: `blocks.${spec.blocks.length - 1}.hook_resid_pre` };
  return writeDictionary(`${folder}-dictionary`, settings, scatteredTensors(spec.hiddenSize, 5));
}

/** Everything that the analysis can do is switched on. */
const parametersOf = ({ id, parameters }: Analysis, of: Case): ParameterValues => ({
  ...Object.fromEntries(
    Object.entries(parameters).map(([name, { kind, default: usual }]) => [name, kind === 'boolean' ? true : usual]),
  ),
  ...fitting(id, of),
});

interface Given {
  readonly interventions?: readonly Intervention[];
  readonly seed?: number;
  /** One of the inputs that the analysis reads; absent: the first. */
  readonly kind?: InputKind;
}

export type Started = Awaited<ReturnType<typeof started>>;

export async function started(analysis: Analysis, of: Case, given: Given = {}) {
  const { interventions = [], seed = 1, kind = analysis.inputs[0] } = given;
  const { model } = of;
  const { signal } = new AbortController();
  const { runner, job } = await prepare(
    { opened: model, analysis, surroundings: surroundingsOf(), signal },
    {
      analysis: analysis.id,
      folder: model.folder,
      input: inputOf(kind, of),
      parameters: parametersOf(analysis, of),
      interventions,
      seed,
    },
  );
  const run = (kept: Kept = new Map()) => {
    const all = new Map(kept);
    const worked: string[] = [];
    const step = async <T>(key: string, act: () => Promise<T>): Promise<T> => {
      const before = kept.get(key);
      if (before) return deserialize(before) as T;
      if (worked.includes(key)) throw new Error(`two steps of one run are called "${key}"`);
      worked.push(key);
      const value = await act();
      all.set(key, serialize(value));
      return value;
    };
    return { steps: analysis.run(runner, { ...job, step }), kept: all, worked };
  };
  return { runner, job, run };
}

export async function recorded({ run }: Started, before?: Kept): Promise<Recorded> {
  const { steps: running, kept, worked } = run(before);
  const steps: Step<Result>[] = [];
  const begunBy: number[] = [];
  for (;;) {
    const step = await running.next();
    if (step.done) return { steps, begunBy, result: step.value, kept, worked };
    steps.push(step.value);
    begunBy.push(worked.length);
  }
}
