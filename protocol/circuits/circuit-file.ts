/**
 * A circuit as a file (`*.headscope-circuit.json`): the graph that an analysis found, and beside it what a person has made of it:
 * where things stand, groups, names, notes and pins. A later run replaces the first part alone (merge.ts). Format 1 is the bare
 * circuit that `headscope run circuit-discovery --field circuit=F` writes (diagnostics/shared/circuits/circuit.ts).
 */
import * as v from 'valibot';
import { analysisSetup } from '../analysis/schema';
import { type Output, check, parseJson, type Checked, type Schema } from '../schema/check';
import { exactly, filledText, flag, list, number, numberFrom, object, optional, text } from '../schema/fields';
import { headOf, mostHeadsInAll, provenance } from '../schema/parts';
import { edgeFields, nodeFields } from '../sections/graph';
import { mostPoints } from '../sections/section-base';
import { printableLine } from '../wire/printable';

/** What a run after the first one said of a node or an edge. */
const ofRuns = {
  /** The last run found it, and the run before did not have it. */
  fresh: optional(exactly(true)),
  /** ISO 8601 time of the last run that found it; its weight is of that run. Absent: the last run found it. */
  gone: optional(text),
};

const node = object({ ...nodeFields, id: filledText, ...ofRuns });
export type CircuitNode = Output<typeof node>;

const edge = object({ ...edgeFields, ...ofRuns });
export type CircuitEdge = Output<typeof edge>;

/** In units of the plane, which are pixels without zoom: x to the right, y downwards. */
const coordinate = numberFrom(-1e6, 1e6);

/** What a person has said of a node or a group. */
const mark = object({
  of: filledText,
  /** Absent: it stands where the layout puts it. */
  at: optional(object({ x: coordinate, y: coordinate })),
  /** Of a node: in place of its label. */
  name: optional(filledText),
  note: optional(filledText),
  pinned: optional(exactly(true)),
});
export type CircuitMark = Output<typeof mark>;

const group = object({
  /** No id of a node. */
  id: filledText,
  name: text,
  /** Ids of nodes and of other groups; each is in one group at most. */
  members: list(filledText, 'a list of ids', { least: 1, most: mostHeadsInAll }),
  /** Its members are drawn; absent: it is drawn as one node. */
  open: optional(flag),
});
export type CircuitGroup = Output<typeof group>;

const origin = object({
  /** Title of the analysis and of its section. */
  title: text,
  /** Id of the section that holds the graph. */
  section: filledText,
  /** Enough to run it again. */
  setup: analysisSetup,
  /** ISO 8601 time of the last run. */
  created: text,
  /** Version of Headscope. */
  headscope: text,
  device: provenance.device,
  model: object({ name: text, hash: text }),
  /** What the analysis found, as a sentence. */
  finding: text,
});

const circuit = object(
  {
    ...headOf('headscope-circuit', 'circuit'),
    version: v.literal(2, ({ input }) =>
      input === 1
        ? 'It is the bare circuit that the command line writes, which has no picture. Run the analysis again in the workbench and choose Save as Circuit.'
        : `It was written in format ${printableLine(JSON.stringify(input) ?? 'none').slice(0, 20)}, and this Headscope reads format 2: update Headscope.`,
    ),
    title: text,
    origin,
    /** Of the weights of nodes and edges. */
    unit: text,
    /** What the weights are. */
    definition: text,
    /** Edges at least this strong are drawn at first. */
    threshold: number,
    nodes: list(node, 'a list of nodes', { most: mostHeadsInAll }),
    edges: list(edge, 'a list of edges', { most: mostPoints }),
    groups: list(group, 'a list of groups', { most: mostHeadsInAll }),
    marks: list(mark, 'a list of marks', { most: 2 * mostHeadsInAll }),
  },
  'a JSON object',
);
export type Circuit = Output<typeof circuit>;

const quoted = (id: string): string => `"${printableLine(id.length > 60 ? `${id.slice(0, 60)}…` : id)}"`;

/** Groups in groups. */
const deepest = 64;

/** What is wrong with the ids, as a sentence. */
function faultOfIds({ nodes, edges, groups, marks }: Circuit): string | undefined {
  const known = new Set<string>();
  for (const { id } of [...nodes, ...groups]) {
    if (known.has(id)) return `The id ${quoted(id)} is given twice. Give each node and group an id of its own.`;
    known.add(id);
  }
  const isNode = new Set(nodes.map(({ id }) => id));
  for (const { from, to } of edges)
    for (const id of [from, to])
      if (!isNode.has(id)) return `An edge names ${quoted(id)}, which is no node. Add the node or remove the edge.`;
  const parents = new Map<string, string>();
  for (const { id, members } of groups)
    for (const member of members) {
      if (!known.has(member))
        return `The group ${quoted(id)} has the member ${quoted(member)}, which is no node or group. Remove it from the group.`;
      if (parents.has(member))
        return `${quoted(member)} is in two groups, or twice in one. Remove it from all but one.`;
      parents.set(member, id);
    }
  for (const { id } of groups) {
    let steps = 0;
    for (let at = parents.get(id); at !== undefined; at = parents.get(at)) {
      steps += 1;
      if (steps > deepest && at !== id)
        return `The group ${quoted(id)} lies in more than ${deepest} groups. Take it out of some.`;
      if (at === id) return `The group ${quoted(id)} is inside itself. Remove it from the group that is in it.`;
    }
  }
  const marked = new Set<string>();
  for (const { of } of marks) {
    if (!known.has(of)) return `A mark is of ${quoted(of)}, which is no node or group. Correct its id or remove it.`;
    if (marked.has(of)) return `${quoted(of)} has two marks. Make them one.`;
    marked.add(of);
  }
  return undefined;
}

export const circuitField: Schema<Circuit> = v.pipe(
  circuit,
  v.check(
    (one) => faultOfIds(one) === undefined,
    ({ input }) => faultOfIds(input) ?? '',
  ),
);

export const checkCircuit = (given: unknown): Checked<Circuit> => check(circuitField, given, 'The circuit');
export const parseCircuit = (content: string): Checked<Circuit> => parseJson(circuitField, content);

/** One node, edge, group and mark a line, so that versions differ line by line. */
export function circuitText({ nodes, edges, groups, marks, ...rest }: Circuit): string {
  const lines = (name: string, items: readonly unknown[]): string => {
    const list =
      items.length === 0 ? '[]' : `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`;
    return `  ${JSON.stringify(name)}: ${list}`;
  };
  const head = JSON.stringify(rest, undefined, 2).replace(/\n\}$/u, '');
  const parts = Object.entries({ groups, marks, nodes, edges }).map(([name, items]) => lines(name, items));
  return `${[head, ...parts].join(',\n')}\n}\n`;
}

export const edgeKey = ({ from, to, input }: Pick<CircuitEdge, 'from' | 'to' | 'input'>): string =>
  JSON.stringify([from, to, input ?? '']);
