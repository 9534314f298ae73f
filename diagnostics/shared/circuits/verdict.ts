/**
 * How well a circuit C stands for the model M, on prompts that it was not found on. F(X) is the mean metric with the parts X alone at
 * work (ablated.ts), F(0) that with none.
 *
 * - Faithfulness: (F(C) - F(0)) / (F(M) - F(0)); 1 where the circuit does what the model does. Wang et al. 2022 (arXiv:2211.00593,
 *   section 4) give F(M) - F(C); as a share as in Marks et al. 2024 (arXiv:2403.19647, section 3).
 * - Completeness (Wang et al., section 4.1): for sets K of nodes, |F(C \ K) - F(M \ K)|; small for every K where the circuit lacks
 *   nothing that would take over. Here a share of F(M) - F(0), of K drawn at random, and K = C.
 * - Minimality (Wang et al., section 4.2): for each node v there is a set K of other nodes with a large |F(C \ K) - F(C \ (K, v))|.
 *   Here K is the empty set or one of some drawn at random, whichever changes most on the prompts of the discovery, and the change is
 *   measured on the others.
 * - Random circuits: as many heads and as many MLPs, drawn from all.
 *
 * Intervals are those of ratio estimators, by Student's t over prompts (../activation-patching/effects.ts).
 */
import { object, figure, list, whole } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Random } from '../../../kernels/tensors/random';
import { gapOf, valueOf, type Mean } from '../effects/patch-effects';
import type { Part } from '../effects/parts';
import { without, type CircuitRun } from './circuit-run';
import { nodeId } from './circuit';
import { mean } from '../../../kernels/tensors/vectors';

export const level = object({
  mean: figure,
  low: figure,
  high: figure,
  /** Share of F(M) - F(0), with its interval. */
  share: figure,
  shareLow: figure,
  shareHigh: figure,
});
export type Level = Output<typeof level>;

/** [circuits][prompts] beside the ends of the same prompts. */
interface Ends {
  readonly whole: readonly number[];
  readonly nothing: readonly number[];
}

const sharesOf = ({ whole, nothing }: Ends, values: readonly number[], base: readonly number[] = nothing) =>
  values.map((value, at) => ({
    clean: (whole[at] ?? Number.NaN) - (nothing[at] ?? Number.NaN) + (base[at] ?? Number.NaN),
    corrupted: base[at] ?? Number.NaN,
    patched: [value],
  }));

/** (values - base) over (whole - nothing), means over prompts. */
export function shareOf(ends: Ends, values: readonly number[], base?: readonly number[]): Mean {
  const { mean, low, high } = valueOf(sharesOf(ends, values, base), 0);
  // Never -0, which no file has.
  return { mean: mean + 0, low: low + 0, high: high + 0 };
}

export function levelOf(ends: Ends, values: readonly number[]): Level {
  const { mean: share, low, high } = shareOf(ends, values);
  const level = gapOf(values.map((value) => ({ clean: value, corrupted: 0, patched: [] })));
  return { ...level, share, shareLow: low, shareHigh: high };
}

/** A set drawn from a list that is in an order of its own, so that names of heads do not matter. */
export function drawn<T>(from: readonly T[], count: number, random: Random): readonly T[] {
  const left = [...from];
  return Array.from({ length: Math.min(count, from.length) }, () => left.splice(random.whole(left.length), 1)).flat();
}

/** As many heads and as many MLPs as the circuit has, from all. */
export function randomCircuit(all: readonly Part[], circuit: readonly Part[], random: Random): readonly Part[] {
  const isHead = ({ head }: Part): boolean => head !== undefined;
  const heads = circuit.filter(isHead).length;
  return [
    ...drawn(all.filter(isHead), heads, random),
    ...drawn(
      all.filter((part) => !isHead(part)),
      circuit.length - heads,
      random,
    ),
  ];
}

/** Half of the nodes, each set of another draw. */
const subsetsOf = (nodes: readonly Part[], count: number, random: Random): readonly (readonly Part[])[] =>
  Array.from({ length: count }, () => drawn(nodes, Math.ceil(nodes.length / 2), random));

const completenessPoint = object({
  /** Nodes taken away; all of the circuit in the last point. */
  removed: whole,
  /** F(M \ K) and F(C \ K), shares of F(M) - F(0) above F(0). */
  model: figure,
  circuit: figure,
});

const nodeVerdict = object({
  /** |F(C \ K) - F(C \ (K, v))| as a share, at the K that was chosen; its interval keeps the sign of the change. */
  change: figure,
  low: figure,
  high: figure,
  /** Nodes in K. */
  beside: whole,
});
type NodeVerdict = Output<typeof nodeVerdict>;

export const verdict = object({
  model: level,
  nothing: level,
  circuit: level,
  /** The model without the circuit. */
  rest: level,
  completeness: list(completenessPoint),
  /** In the order of the nodes. */
  minimality: list(nodeVerdict),
  /** Faithfulness of random circuits. */
  random: list(figure),
});
export type Verdict = Output<typeof verdict>;

export interface VerdictAsked {
  readonly nodes: readonly Part[];
  /** The order from which random circuits are drawn. */
  readonly all: readonly Part[];
  readonly subsets: number;
  readonly randomCircuits: number;
  readonly random: Random;
}

/** `found`: the prompts of the discovery; `held`: others. */
export async function verdictOf(found: CircuitRun, held: CircuitRun, asked: VerdictAsked): Promise<Verdict> {
  const { nodes, all, random } = asked;
  const model = held.parts;
  const sets = nodes.length > 1 ? subsetsOf(nodes, asked.subsets, random) : [];
  const randomCircuits = Array.from({ length: asked.randomCircuits }, () => randomCircuit(all, nodes, random));
  const removed = [...sets, nodes];
  const [whole = [], nothing = [], circuit = [], rest = [], ...others] = await held.values([
    model,
    [],
    nodes,
    without(model, nodes),
    ...removed.flatMap((set) => [without(model, set), without(nodes, set)]),
    ...randomCircuits,
  ]);
  const ends: Ends = { whole, nothing };
  return {
    model: levelOf(ends, whole),
    nothing: levelOf(ends, nothing),
    circuit: levelOf(ends, circuit),
    rest: levelOf(ends, rest),
    completeness: removed.map((set, at) => ({
      removed: set.length,
      model: shareOf(ends, others[2 * at] ?? []).mean,
      circuit: shareOf(ends, others[2 * at + 1] ?? []).mean,
    })),
    minimality: await minimality(found, held, nodes, sets, ends),
    random: randomCircuits.map((_, at) => shareOf(ends, others[2 * removed.length + at] ?? []).mean),
  };
}

/** Sets beside which a node is tried at most: each costs a run for each node and prompt. */
const mostBesides = 4;

async function minimality(
  found: CircuitRun,
  held: CircuitRun,
  nodes: readonly Part[],
  sets: readonly (readonly Part[])[],
  ends: Ends,
): Promise<readonly NodeVerdict[]> {
  // Each K with v and without it; many of these circuits are the same.
  const choices = nodes.map((node) => {
    const besides = [[], ...sets.slice(0, mostBesides).map((set) => without(set, [node]))];
    return besides.map((set) => ({ set, with: without(nodes, set), less: without(nodes, [...set, node]) }));
  });
  const onFound = await valuesOnce(found, choices.flat());
  const sizeOf = ({ with: more, less }: (typeof choices)[number][number]): number =>
    Math.abs(mean(onFound(more)) - mean(onFound(less)));
  const chosen = choices.map((own) => own.reduce((best, each) => (sizeOf(each) > sizeOf(best) ? each : best)));
  const onHeld = await valuesOnce(held, chosen);
  return chosen.map(({ set, with: more, less }) => {
    const { mean: change, low, high } = shareOf(ends, onHeld(more), onHeld(less));
    return { change, low, high, beside: set.length };
  });
}

async function valuesOnce(
  ablated: CircuitRun,
  pairs: readonly { readonly with: readonly Part[]; readonly less: readonly Part[] }[],
): Promise<(circuit: readonly Part[]) => readonly number[]> {
  const keyOf = (circuit: readonly Part[]): string => circuit.map(nodeId).sort().join();
  const unique = new Map(pairs.flatMap((one) => [one.with, one.less]).map((circuit) => [keyOf(circuit), circuit]));
  const values = await ablated.values([...unique.values()]);
  const known = new Map([...unique.keys()].map((key, at) => [key, values[at] ?? []]));
  return (circuit) => known.get(keyOf(circuit)) ?? [];
}
