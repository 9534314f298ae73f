/** The analysis `circuit-reuse`: whether two tasks are done by the same parts of a model. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { pairsOf, type Pairs } from '../../shared/effects/pairs';
import type { Analysis, AnalysisJob, ReadInput, Step } from '../../analysis';
import { methodWords } from '../../shared/circuits/words';
import { circuitOf, type Circuit } from '../../shared/circuits/circuit';
import { overlapOf } from '../../shared/circuits/overlap';
import { rolesOf } from '../../shared/circuits/roles';
import {
  byOwn,
  mostEdgePrompts,
  taskCircuit,
  workOf,
  type Searching,
  type TaskCircuit,
} from '../../shared/circuits/task-circuit';
import { levelOf, randomCircuit, shareOf } from '../../shared/circuits/verdict';
import { measuresNext } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { partsOf } from '../../shared/effects/parts';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { headList } from '../../shared/retrieval/head-list';
import { taskSamples } from '../../tasks/read-task';
import { TaskTokens } from '../../tasks/task-tokens';
import { ask } from './ask';
import { compare } from './compare';
import { finding, offers } from './finding';
import { reuseTable, type ReuseParameters } from './parameters';
import { moverAttention, moverMasses, moversBehind, type MoverMasses } from './movers';
import { repairedPrompt, repairOf, repairPlaces, type RepairedPrompt } from './repair';
import { reuseResult, type ReuseResult, type Side } from './result';
import { sections } from './sections';
import { mean } from '../../../kernels/tensors/vectors';

/** Prompts on which roles are tested at most: inhibition costs a run for each head. */
const mostRolePrompts = 8;

export const circuitReuse: Analysis<ReuseParameters, ReuseResult> = {
  id: 'circuit-reuse',
  title: 'Circuit reuse across tasks',
  question: 'Are two tasks done by the same parts of the model?',
  group: 'circuits',
  source: {
    reference: 'Merullo et al. 2023, arXiv:2310.08744',
    trust: 'medium',
    note: 'Circuits are found by circuit-discovery, not by the stages of the paper (path-patching has those). The overlap, its baselines, faithfulness across tasks and the tests of roles are choices of Headscope; the paper gives one share of heads.',
  },
  inputs: ['task'],
  usualTask: { task: 'coloured-objects', samples: 24 },
  exactWeights: true,
  parameters: reuseTable,
  result: reuseResult,
  recurrent: true,
  supports: (facts, { metric }) => measuresNext(facts, { metric, answer: '', against: '' }),
  estimate(facts, { task }, { heldOut, edges, randomCircuits, mode }) {
    const prompts = task?.samples ?? [];
    const longest = Math.max(0, ...prompts.map(({ prompt }) => prompt.ids.length));
    const parts = partsOf(facts.blocks).length;
    const held = (heldOut / 100) * prompts.length;
    const nodes = Math.ceil(parts / 4);
    const each = edges ? mostEdgePrompts * 2 * nodes * nodes : 0;
    const own = (prompts.length - held) * (2 * parts + nodes) + held * (4 + randomCircuits) + each;
    return {
      passes: Math.round(2 * (own + mostRolePrompts * 4 * nodes)),
      bytes: 2 * (mode === 'resample' ? prompts.length : 1) * outputBytes(facts, ['head', 'mlp'], longest),
    };
  },
  run: reuse,
  ask,
  finding,
  sections,
  compare,
  offers,
};

interface Task extends Pairs {
  readonly name: 'first' | 'second';
  readonly id: string;
  readonly title: string;
  readonly searching: Searching;
}

async function* reuse(
  model: ModelRunner,
  job: AnalysisJob<ReuseParameters>,
): AsyncGenerator<Step<ReuseResult>, ReuseResult> {
  const { parameters, seed, step, variant, input } = job;
  const repairing = headList(parameters.repair, model.facts);
  if (!repairing.ok) throw refusal(repairing.why);
  const tasks: readonly Task[] = [
    await taskOf(model, job, 'first', input),
    await taskOf(model, job, 'second', await secondInput(model, job)),
  ];
  const work = tasks.map(({ searching }) => workOf(model, searching));
  // What follows the two searches costs as many runs as some parts.
  const further = { cross: 6, roles: 6, repair: 2 };
  const searched = work.reduce((sum, one) => sum + one, 0);
  const total = searched + 2 * (further.cross + further.roles) + further.repair;

  const circuits: TaskCircuit[] = [];
  for (const [at, { searching, title }] of tasks.entries()) {
    const search = taskCircuit(model, searching);
    const before = at === 0 ? 0 : (work[0] ?? 0);
    for (;;) {
      const next = await search.next();
      if (next.done) {
        circuits.push(next.value);
        break;
      }
      yield { sentence: `${title}: ${lower(next.value.sentence)}`, done: before + next.value.done, total };
    }
  }
  const [one, other] = circuits;
  if (!one || !other) throw new RangeError('two circuits are compared');
  const sides: Side[] = [];
  let done = searched;
  for (const [task, own, visiting] of [
    [tasks[0], one, other],
    [tasks[1], other, one],
  ] as const) {
    if (!task) continue;
    yield { sentence: `${task.title}: both circuits on held-out prompts`, done, total };
    const levels = await step(`${task.name}: both circuits`, () => across(own, visiting, parameters, seed));
    done += further.cross;
    yield { sentence: `${task.title}: what the heads do`, done, total };
    const heads = headsOfEither(one.circuit, other.circuit);
    const roles = await step(`${task.name}: roles`, () =>
      rolesOf(model, own.found.slice(0, mostRolePrompts), heads, { metric: task.metric, variant }),
    );
    done += further.roles;
    const { found, held, circuit } = own;
    const { id, title, metric } = task;
    sides.push({ task: id, title, metric, found: found.length, held: held.length, circuit, ...levels, roles });
  }
  const [first, second] = sides;
  if (!first || !second) throw new RangeError('two circuits are compared');
  const strong = (circuit: Circuit): Circuit => ({
    ...circuit,
    edges: circuit.edges.filter(({ weight }) => Math.abs(weight) >= parameters.leastEdge),
  });
  const result: ReuseResult = {
    first,
    second,
    overlap: overlapOf(strong(first.circuit), strong(second.circuit)),
    sameRole: sameRoleOf(first, second),
  };
  const { heads } = repairing;
  if (heads.length === 0) return result;
  yield { sentence: 'Repair', done, total, partial: result };
  const pairs = [...one.found, ...one.held];
  const places = repairPlaces(parameters.repairTo, pairs);
  const prompts = await step('repair', async () => {
    const found: RepairedPrompt[] = [];
    for (const pair of pairs) {
      found.push(await repairedPrompt(model, pair, heads, places(pair), { metric: first.metric, variant }));
    }
    return found;
  });
  const movers = moversBehind(first.roles, heads);
  const masses = await step('movers before and after the repair', async () => {
    const found: MoverMasses[] = [];
    for (const pair of movers.length > 0 ? pairs : []) {
      found.push(await moverMasses(model, pair, { movers, heads, positions: places(pair), variant }));
    }
    return found;
  });
  const repair = { ...repairOf(heads, parameters.repairTo, prompts), movers: moverAttention(movers, masses) };
  return { ...result, repair };
}

const lower = (sentence: string): string => `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;

async function taskOf(
  model: ModelRunner,
  job: AnalysisJob<ReuseParameters>,
  name: Task['name'],
  input: ReadInput,
): Promise<Task> {
  const { parameters } = job;
  const asked = { metric: parameters.metric, answer: '', against: '' };
  const pairs = await pairsOf(model, { ...job, input, parameters: asked });
  const { id = '', title = '' } = input.task?.task ?? {};
  const path = name === 'first' ? parameters.circuit : parameters.otherCircuit;
  const given = path === '' ? undefined : circuitOf(path, await model.textFile(path), model.facts);
  const { metric } = pairs;
  const words = methodWords(parameters);
  const searching = { job, pairs: pairs.pairs, metric, parameters, given, task: id, words, name: `${name}: ` };
  return { ...pairs, name, id, title, searching };
}

async function secondInput(
  model: ModelRunner,
  { parameters, seed, input, groups }: AnalysisJob<ReuseParameters>,
): Promise<ReadInput> {
  const { samples: count } = input.given.kind === 'task' ? input.given : { samples: 0 };
  const { task, samples, notes } = await taskSamples(
    { task: parameters.other, samples: count, seed, parameters: {} },
    await TaskTokens.of(model),
    {
      textFile: (path) => model.textFile(path),
      pause: () => {
        model.signal.throwIfAborted();
        return Promise.resolve();
      },
    },
  );
  const withGroups = samples.map((sample) => ({
    ...sample,
    prompt: { ...sample.prompt, groups },
    ...(sample.counterpart ? { counterpart: { ...sample.counterpart, groups } } : {}),
  }));
  return {
    given: { kind: 'task', task: parameters.other, samples: count },
    prompts: [],
    task: { task, samples: withGroups, notes },
  };
}

/** What a task's own circuit keeps of it, the other one, and random ones as large as that. */
async function across(
  own: TaskCircuit,
  visiting: TaskCircuit,
  { randomCircuits: count }: ReuseParameters,
  seed: number,
): Promise<Pick<Side, 'own' | 'other' | 'chance'>> {
  const { onHeld, circuit } = own;
  const drawing = random(seedFor(seed, 'circuits'));
  const all = byOwn(own);
  const randomOnes = Array.from({ length: count }, () => randomCircuit(all, visiting.circuit.nodes, drawing));
  const [whole = [], nothing = [], mine = [], others = [], ...ofRandom] = await onHeld.values([
    onHeld.parts,
    [],
    circuit.nodes,
    visiting.circuit.nodes,
    ...randomOnes,
  ]);
  const ends = { whole, nothing };
  const other = levelOf(ends, others);
  const shares = ofRandom.map((values) => shareOf(ends, values).mean);
  return {
    own: levelOf(ends, mine),
    other,
    ...(shares.length > 0
      ? {
          chance: {
            mean: mean(shares),
            largest: Math.max(...shares),
            share: (1 + shares.filter((share) => share >= other.share).length) / (1 + shares.length),
            n: shares.length,
          },
        }
      : {}),
  };
}

function headsOfEither(first: Circuit, second: Circuit) {
  const heads = [...first.nodes, ...second.nodes].flatMap(({ layer, head }) =>
    head === undefined ? [] : [{ layer, head }],
  );
  const unique = new Map(heads.map((place) => [`${place.layer}.${place.head}`, place]));
  return [...unique.values()].sort((a, b) => a.layer - b.layer || a.head - b.head);
}

function sameRoleOf(first: Side, second: Side): ReuseResult['sameRole'] {
  const isIn = ({ circuit }: Side, layer: number, head: number): boolean =>
    circuit.nodes.some((node) => node.layer === layer && node.head === head);
  const shared = first.roles.filter(({ layer, head }) => isIn(first, layer, head) && isIn(second, layer, head));
  const same = shared.filter(
    ({ layer, head, role }) =>
      role !== 'other' && second.roles.some((one) => one.layer === layer && one.head === head && one.role === role),
  );
  return { shared: shared.length, same: same.length };
}
