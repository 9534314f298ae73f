/** The circuit of one task: given, or searched for; its edges; and the prompts that were held out. */
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { meansOver, type Mode } from '../effects/stand-ins';
import type { Pair } from '../effects/pairs';
import type { AnalysisJob } from '../../analysis';
import { partsGap, requireGap, rounding } from '../effects/gap';
import { partsOf, writingHeads, type Part } from '../effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { CircuitRun } from './circuit-run';
import type { Circuit } from './circuit';
import { discover, type Found, type Method, type Searched } from './discover';
import { edgesOf, edgesOfPrompt, estimatesOfPrompt, innerEdges } from './edges';
import { effectOf, type PathMeasured } from './effects';
import { firstPassOf, patchedOf, shareOf, type FirstPass, type Patched } from './first-pass';
import { halves, subjectOf, type Halves } from './prompts';
import { mean } from '../../../kernels/tensors/vectors';

/** Prompts on which edges are measured at most: they cost a run for each node and each input of the others. */
export const mostEdgePrompts = 4;
/** Gradients on the line to the counterpart, of a first pass. */
const edgeSteps = 5;

// A type and no interface: values are records.
export type SearchParameters = {
  readonly method: Method;
  readonly threshold: number;
  readonly mode: Mode;
  readonly mlps: boolean;
  readonly heldOut: number;
  readonly edges: boolean;
  readonly leastGap: number;
  readonly exactShare: number;
};

export interface Searching {
  readonly job: Pick<AnalysisJob<Record<never, never>>, 'variant' | 'seed' | 'step'>;
  readonly pairs: readonly Pair[];
  readonly metric: EffectMetric;
  readonly parameters: SearchParameters;
  readonly given: Circuit | undefined;
  /** Id of the task. */
  readonly task: string;
  /** How it is found, in a sentence. */
  readonly words: string;
  /** Before the names of steps, where there is more than one circuit. */
  readonly name: string;
}

export interface TaskCircuit extends Halves {
  readonly circuit: Circuit;
  /** Undefined of a circuit that was given. */
  readonly search: Found | undefined;
  /** Where gradients chose the edges that were patched. */
  readonly edgePass: FirstPass | undefined;
  readonly onFound: CircuitRun;
  readonly onHeld: CircuitRun;
}

/** `done` of `workOf`. */
export interface Working {
  readonly sentence: string;
  readonly done: number;
  readonly circuit?: Circuit;
  readonly search?: Searched | undefined;
}

const partCount = ({ facts }: ModelRunner, { parameters: { mlps } }: Pick<Searching, 'parameters'>): number =>
  partsOf(facts.blocks).filter(({ head }) => mlps || head !== undefined).length;

/** Parts that are tried, prompts whose mean outputs are taken, and prompts whose edges are measured. */
export function workOf(model: ModelRunner, searching: Searching): number {
  const { parameters, pairs, job, given } = searching;
  const { found } = halves(pairs, parameters.heldOut, job.seed);
  const edges = parameters.edges ? Math.min(found.length, mostEdgePrompts) : 0;
  return (parameters.mode === 'mean' ? found.length : 0) + (given ? 0 : partCount(model, searching)) + edges;
}

export async function* taskCircuit(model: ModelRunner, searching: Searching): AsyncGenerator<Working, TaskCircuit> {
  const { pairs, metric, parameters, given, name } = searching;
  const { variant, seed } = searching.job;
  const step = <T>(key: string, act: () => Promise<T>): Promise<T> => searching.job.step(`${name}${key}`, act);
  const { mode, mlps, method, threshold, leastGap } = parameters;
  const { found, held } = halves(pairs, parameters.heldOut, seed);
  const before = mode === 'mean' ? found.length : 0;
  let means: readonly Float32Array[] = [];
  if (mode === 'mean') {
    const taken = meansOver(model, found.map(subjectOf), { variant, seed, step }, (done) => ({ done, total: before }));
    for (;;) {
      const next = await taken.next();
      if (next.done) {
        means = next.value;
        break;
      }
      yield next.value;
    }
  }
  yield { sentence: 'Outputs that stand in for parts', done: before };
  const of = (some: readonly Pair[]) =>
    CircuitRun.of(model, some.map(subjectOf), { mode, metric, variant, means, mlps });
  const [onFound, onHeld] = [await of(found), await of(held)];
  const least = (gap: number): void => requireGap(gap, Math.max(leastGap, rounding), metric, partsGap);

  let search: Found | undefined;
  const tries = given ? 0 : onFound.parts.length;
  if (given) {
    const [whole = [], nothing = []] = await step('whole and nothing', () => onFound.values([onFound.parts, []]));
    least(mean(whole) - mean(nothing));
  } else {
    const searched = discover(onFound, { method, threshold, step, name: 'search', requireGap: least });
    for (;;) {
      const next = await searched.next();
      if (next.done) {
        search = next.value;
        break;
      }
      const { removals, own } = next.value;
      const gone = removals.filter(({ removed }) => removed).length;
      yield {
        sentence: `Taking parts away: ${removals.length} of ${tries} tried, ${gone} not needed`,
        done: before + removals.length,
        ...(own.length > 0 ? { search: next.value } : {}),
      };
    }
  }
  const nodes = given?.nodes ?? search?.nodes ?? [];
  const { blocks } = model.facts;
  const withoutMlp = blocks.flatMap(({ noNetwork }, layer) => (noNetwork ? [layer] : []));
  let circuit: Circuit = given ?? {
    kind: 'headscope-circuit',
    version: 1,
    task: searching.task,
    heads: blocks.map((block) => writingHeads(block).heads),
    ...(withoutMlp.length > 0 ? { withoutMlp } : {}),
    method: searching.words,
    nodes,
    edges: [],
  };
  const measured: (readonly PathMeasured[])[] = [];
  const edgePrompts = parameters.edges ? found.slice(0, mostEdgePrompts) : [];
  const places = innerEdges(nodes, blocks);
  const percent = shareOf(parameters.exactShare, places.length, 'edges');
  let chosen: Patched | undefined;
  // What is right or wrong has no slope.
  if (percent < 100 && metric !== 'accuracy') {
    const estimates: (readonly number[])[] = [];
    for (const [at, pair] of edgePrompts.entries()) {
      yield {
        sentence: `Gradients of edges: prompt ${at + 1} of ${edgePrompts.length}`,
        done: before + tries,
        circuit,
        search,
      };
      const settings = { metric, variant, steps: edgeSteps };
      estimates.push(
        await step(`estimates of edges of prompt ${at}`, () => estimatesOfPrompt(model, pair, nodes, settings)),
      );
    }
    const means = places.map((_, at) => mean(estimates.map((own) => own[at] ?? Number.NaN)));
    chosen = patchedOf(means, percent, seed);
  }
  const some = chosen && [...chosen.largest, ...chosen.drawn].flatMap((at) => places[at] ?? []);
  for (const [at, pair] of edgePrompts.entries()) {
    const sentence = `Edges: prompt ${at + 1} of ${edgePrompts.length}`;
    yield { sentence, done: before + tries + at, circuit, search };
    measured.push(
      await step(`edges of prompt ${at}`, () => edgesOfPrompt(model, pair, nodes, { metric, variant }, some)),
    );
    circuit = { ...circuit, edges: edgesOf(nodes, blocks, measured) };
  }
  const effect = (at: number): number => {
    const { to, from } = places[at] ?? { to: -1, from: -1 };
    const own = measured.flatMap((ofPrompt) => ofPrompt[to] ?? []);
    return effectOf(own, from).mean;
  };
  const edgePass = chosen && measured.length > 0 ? firstPassOf(chosen, places.length, effect) : undefined;
  return { found, held, circuit, search, edgePass, onFound, onHeld };
}

/** All parts in an order that does not depend on the names of heads, where one is known: circuits are drawn from it. */
export function byOwn({ onFound: { parts }, search }: Pick<TaskCircuit, 'onFound' | 'search'>): readonly Part[] {
  const size = (part: Part): number => Math.abs(search?.own[parts.indexOf(part)] ?? 0);
  return [...parts].sort((a, b) => size(b) - size(a));
}
