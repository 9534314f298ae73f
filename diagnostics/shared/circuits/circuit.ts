/** A circuit: the heads and MLPs that a task needs, and what acts on what. It is part of results, and a file of its own. */
import * as v from 'valibot';
import { checkCircuit } from '../../../protocol/circuits/circuit-file';
import { type Checked, type Output, check, type Schema } from '../../../protocol/schema/check';
import {
  ensure,
  exactly,
  fieldsIn,
  figure,
  list,
  object,
  oneOf,
  optional,
  text,
  wholes,
  whole,
} from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';
import { printableLine } from '../../../protocol/wire/printable';
import { refusal } from '../../../protocol/wire/failures';
import { writingHeads, type Part } from '../effects/parts';
import type { ModelFacts } from '../../model-runner/model-runner';

export const edgeInputs = ['query', 'key', 'value', 'mlp', 'logits'] as const;

export const nodeId = ({ layer, head }: Part): string => (head === undefined ? `L${layer}MLP` : `L${layer}H${head}`);

const nodeName = /^(?:embedding|logits|L\d{1,5}(?:MLP|H\d{1,5}))$/u;
export const nodeField: Schema<string> = v.pipe(
  text,
  v.regex(nodeName, 'a node such as L5H1, L5MLP, embedding or logits'),
);

const circuitNode = object({
  layer: whole,
  head: optional(whole),
  /** What the metric loses when it is taken out of the circuit, as a share of what the whole model makes; NaN where not measured. */
  weight: figure,
});
export type CircuitNode = Output<typeof circuitNode>;

const circuitEdge = object({
  /** `embedding`, or a node as `L5H1` or `L5MLP`. */
  from: nodeField,
  /** A node, or `logits`. */
  to: nodeField,
  input: oneOf(edgeInputs),
  weight: figure,
});
export type CircuitEdge = Output<typeof circuitEdge>;

const circuit = object({
  kind: exactly('headscope-circuit'),
  version: exactly(1),
  /** Task that it was found on. */
  task: text,
  /** Heads of each layer of the model: query heads, or those of a recurrence in place of attention. */
  heads: wholes,
  /** Layers without an MLP; absent: none. */
  withoutMlp: optional(wholes),
  /** How it was found, in a sentence. */
  method: text,
  /** Largest weight first. */
  nodes: list(circuitNode, 'a list of nodes', {
    most: 2 ** 16,
  }),
  /** Strongest first. */
  edges: list(circuitEdge, 'a list of edges'),
});
export type Circuit = Output<typeof circuit>;

export const circuitField = ensure(
  circuit,
  ({ nodes, heads }) =>
    heads.length <= mostLayers &&
    nodes.every(({ layer, head = 0 }) => layer < heads.length && head < (heads[layer] ?? 0)) &&
    new Set(nodes.map(nodeId)).size === nodes.length,
  'a circuit whose nodes are heads and MLPs of its layers, each once',
);

/** A circuit file for a model; fails with a sentence. */
export function circuitOf(path: string, content: string, { blocks }: ModelFacts): Circuit {
  let data: unknown;
  try {
    data = JSON.parse(content);
  } catch {
    throw refusal(`${path} is no JSON. Give a circuit that circuit-discovery has saved.`);
  }
  const own = blocks.map((block) => writingHeads(block).heads);
  const read = fieldsIn(data)['version'] === 2 ? ofEditor(path, data, own) : check(circuitField, data, path);
  if (!read.ok) throw refusal(`${read.why} Give a circuit that circuit-discovery has saved.`);
  if (own.join() !== read.result.heads.join()) {
    throw refusal(
      `${path} is a circuit of a model of ${read.result.heads.length} layers with ${read.result.heads[0] ?? 0} heads in the first; this one has ${own.length} with ${own[0] ?? 0}. Give a circuit of this model.`,
    );
  }
  if (read.result.nodes.length === 0) throw refusal(`${path} is a circuit without a node. Give one that has some.`);
  return read.result;
}

/** What the editor of circuits keeps, as the circuit of a model of so many heads a layer. What the last run did not find is left out. */
function ofEditor(path: string, data: unknown, heads: readonly number[]): Checked<Circuit> {
  const read = checkCircuit(data);
  if (!read.ok) return read;
  const { nodes, edges, origin } = read.result;
  const { input } = origin.setup;
  const found = <T extends { readonly gone?: string }>(of: readonly T[]): readonly T[] =>
    of.filter(({ gone }) => gone === undefined);
  const written = (weight: number): number | null => (Number.isNaN(weight) ? null : weight);
  const circuit = {
    kind: 'headscope-circuit',
    version: 1,
    task: input.kind === 'task' ? input.task : '',
    heads,
    method: `${origin.title} of ${origin.model.name}, ${origin.created}`,
    nodes: found(nodes)
      .filter(({ kind }) => kind !== 'embedding' && kind !== 'logits')
      .map(({ id, layer, weight }) => {
        const head = /^L\d+H(\d+)$/u.exec(id)?.[1];
        return { id, layer, weight: written(weight), ...(head === undefined ? {} : { head: Number(head) }) };
      }),
    edges: found(edges).map((edge) => ({ ...edge, weight: written(edge.weight), input: edge.input ?? 'value' })),
  };
  const strange = circuit.nodes.find((node) => node.id !== nodeId(node));
  if (strange)
    return {
      ok: false,
      why: `${path} has the node "${printableLine(strange.id)}", which is no head or MLP of a model.`,
    };
  return check(circuitField, circuit, path);
}
