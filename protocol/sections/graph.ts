/** A circuit: heads, MLPs and ends by layer, edges with weights. */
import type { Output } from '../schema/check';
import { type KindOutput, figure, list, number, object, oneOf, optional, text, wholeFrom } from '../schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../schema/parts';
import { base, mostPoints } from './section-base';

export const nodeFields = {
  id: text,
  kind: oneOf(['embedding', 'head', 'mlp', 'logits', 'feature']),
  /** -1 for the embedding; the number of layers for the logits. */
  layer: wholeFrom(-1, mostLayers),
  /** Place within the layer. */
  column: wholeFrom(0, mostHeads),
  label: text,
  weight: figure,
};
const node = object(nodeFields);
export type GraphNode = Output<typeof node>;

export const edgeFields = {
  from: text,
  to: text,
  /** Which input of the receiver. */
  input: optional(oneOf(['query', 'key', 'value', 'mlp', 'logits'])),
  weight: figure,
};
const edge = object(edgeFields);
export type GraphEdge = Output<typeof edge>;

export const graph = {
  ...base,
  nodes: list(node, 'a list of nodes', { most: mostHeadsInAll }),
  edges: list(edge, 'a list of edges', { most: mostPoints }),
  /** Unit of the weights of nodes and edges. */
  unit: text,
  definition: text,
  /** Edges at least this strong (absolute) are drawn at first; a slider prunes further. */
  threshold: number,
};
export type GraphSection = KindOutput<'graph', typeof graph>;
