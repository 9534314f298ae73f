/** A circuit from a result of an analysis, and what a later run of the same analysis makes of it. Pure. */
import type { AnalysisResult, AnalysisSetup } from '../analysis/schema';
import type { Checked } from '../schema/check';
import type { GraphSection } from '../sections/graph';
import { edgeKey, type Circuit, type CircuitEdge, type CircuitMark, type CircuitNode } from './circuit-file';
import { layOut } from './layout';

/** Edges that lead to no node of the section are left out, as its picture leaves them out. */
export function circuitFrom(result: AnalysisResult, section: GraphSection, setup: AnalysisSetup): Circuit {
  const nodes = [...new Map(section.nodes.filter(({ id }) => id !== '').map((node) => [node.id, node])).values()];
  const known = new Set(nodes.map(({ id }) => id));
  const { created, headscope, device, model, finding } = result;
  return {
    kind: 'headscope-circuit',
    version: 2,
    title: section.title,
    origin: {
      title: result.title,
      section: section.id,
      setup,
      created,
      headscope,
      device,
      model: { name: model.name, hash: model.hash },
      finding,
    },
    unit: section.unit,
    definition: section.definition,
    threshold: section.threshold,
    nodes,
    edges: section.edges.filter(({ from, to }) => known.has(from) && known.has(to)),
    groups: [],
    marks: [],
  };
}

/** Whether a circuit can be brought up to date by another: made by the same analysis, in the same section. */
export const isOfSameKind = (one: Circuit, other: Circuit): boolean =>
  one.origin.setup.analysis === other.origin.setup.analysis && one.origin.section === other.origin.section;

/**
 * The circuit with what a later run found. Title, groups, names, notes, pins and positions stay. A node or an edge that the run
 * does not have stays with its last weight, as gone; one that the circuit did not have, or had as gone, is fresh.
 */
export function merged(circuit: Circuit, run: Circuit): Checked<Circuit> {
  if (!isOfSameKind(circuit, run))
    return {
      ok: false,
      why: `The circuit is of "${circuit.origin.title}" (${circuit.origin.section}), and the result is of "${run.origin.title}" (${run.origin.section}). Choose a result of the same analysis, or save it as a new circuit.`,
    };
  const clash = circuit.groups.find(({ id }) => run.nodes.some((node) => node.id === id));
  if (clash)
    return {
      ok: false,
      why: `The result has a node with the id "${clash.id}", which is a group of the circuit. Change the id of the group in the text of the file.`,
    };
  const { created } = circuit.origin;
  const nodes = withRun<CircuitNode>(
    circuit.nodes,
    run.nodes,
    created,
    () =>
      ({ id }) =>
        id,
  );
  const edges = withRun<CircuitEdge>(circuit.edges, run.edges, created, numbered);
  const { title, groups } = circuit;
  return { ok: true, result: { ...run, title, nodes, edges, groups, marks: heldInPlace(circuit) } };
}

/** Parallel edges of one input are told apart by their order. */
function numbered(): (edge: CircuitEdge) => string {
  const counts = new Map<string, number>();
  return (edge) => {
    const key = edgeKey(edge);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return `${key} ${count}`;
  };
}

interface OfRuns {
  readonly fresh?: true;
  readonly gone?: string;
}

function withRun<T extends OfRuns>(
  before: readonly T[],
  now: readonly T[],
  lastRun: string,
  keys: () => (one: T) => string,
): readonly T[] {
  const [keyBefore, keyNow] = [keys(), keys()];
  const old = new Map(before.map((one) => [keyBefore(one), one]));
  const found = new Set<string>();
  const kept = now.map((one): T => {
    const key = keyNow(one);
    found.add(key);
    const known = old.get(key);
    const { fresh: _fresh, gone: _gone, ...rest } = one;
    return (known && known.gone === undefined ? rest : { ...rest, fresh: true }) as T;
  });
  const gone = [...old].flatMap(([key, one]): readonly T[] => {
    if (found.has(key)) return [];
    const { fresh: _fresh, ...rest } = one;
    return [{ ...rest, gone: one.gone ?? lastRun } as T];
  });
  return [...kept, ...gone];
}

/** Once a person has moved anything, everything stays where it stood: new nodes would shift what the layout places. */
function heldInPlace(circuit: Circuit): readonly CircuitMark[] {
  const { marks, nodes } = circuit;
  if (marks.every(({ at }) => at === undefined)) return marks;
  const { places } = layOut(circuit);
  const known = new Map(marks.map((mark) => [mark.of, mark]));
  const held = nodes.flatMap(({ id }): readonly CircuitMark[] => {
    const mark = known.get(id);
    const at = mark?.at ?? places.get(id);
    return at === undefined ? (mark ? [mark] : []) : [{ ...mark, of: id, at }];
  });
  const isNode = new Set(nodes.map(({ id }) => id));
  return [...held, ...marks.filter(({ of }) => !isNode.has(of))];
}

/** How many nodes and edges are new, and how many were not found again. */
export function changeWords({ nodes, edges }: Pick<Circuit, 'nodes' | 'edges'>): string {
  const count = (of: readonly OfRuns[], pick: (one: OfRuns) => boolean): number => of.filter(pick).length;
  const said = (words: string, pick: (one: OfRuns) => boolean): string => {
    const [some, others] = [count(nodes, pick), count(edges, pick)];
    return `${some} ${some === 1 ? 'node' : 'nodes'} and ${others} ${others === 1 ? 'edge' : 'edges'} ${words}`;
  };
  return `${said('are new', ({ fresh }) => fresh === true)}, ${said('were not found again', ({ gone }) => gone !== undefined)}`;
}
