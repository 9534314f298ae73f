/** A circuit as a graph: its nodes between the embeddings and the logits. */
import type { GraphNode, GraphSection } from '../../../protocol/sections/graph';
import { partName } from '../effects/parts';
import { nodeId, type Circuit, type CircuitNode } from './circuit';

/** `heads`: of each layer of the model. `labels`: words behind the name of a node, by its id. */
export function graphNodes(
  nodes: readonly CircuitNode[],
  heads: readonly number[],
  labels: ReadonlyMap<string, string> = new Map(),
): readonly GraphNode[] {
  const named = (id: string, label: string): string => {
    const role = labels.get(id);
    return role === undefined ? label : `${label} ${role}`;
  };
  const end = (id: 'embedding' | 'logits', layer: number): GraphNode => ({
    id,
    kind: id,
    layer,
    column: 0,
    label: id === 'embedding' ? 'embeddings' : 'logits',
    weight: Number.NaN,
  });
  return [
    end('embedding', -1),
    ...nodes.map(({ layer, head, weight }): GraphNode => {
      const part = { layer, ...(head === undefined ? {} : { head }) };
      return {
        id: nodeId(part),
        kind: head === undefined ? 'mlp' : 'head',
        layer,
        column: head ?? heads[layer] ?? 0,
        label: named(nodeId(part), head === undefined ? `MLP ${layer}` : partName(part)),
        weight,
      };
    }),
    end('logits', heads.length),
  ];
}

export const circuitGraph = (
  { nodes, edges, heads }: Circuit,
  about: Pick<GraphSection, 'id' | 'title' | 'threshold'> & Partial<Pick<GraphSection, 'caption' | 'ask'>>,
  labels?: ReadonlyMap<string, string>,
): GraphSection => ({
  kind: 'graph',
  ...about,
  empty: 'No edge of the circuit was measured.',
  nodes: graphNodes(nodes, heads, labels),
  edges,
  unit: '',
  definition:
    'Edge: effect of the path on the metric, every other head and MLP held, as a share of the way from the prompt to its counterpart. Node: what the circuit loses without it, as a share of what all parts make.',
});
