/** A circuit: heads, MLPs and ends by layer, edges with weights. */
import type { Figure } from './figure';
import type { SectionOf } from './section-base';

export interface GraphNode {
  readonly id: string;
  readonly kind: 'embedding' | 'head' | 'mlp' | 'logits' | 'feature';
  /** -1 for the embedding; the number of layers for the logits. */
  readonly layer: number;
  /** Place within the layer. */
  readonly column: number;
  readonly label: string;
  readonly weight: Figure;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Which input of the receiver. */
  readonly input?: 'query' | 'key' | 'value' | 'mlp' | 'logits';
  readonly weight: Figure;
}

export interface GraphSection extends SectionOf<'graph'> {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Of the weights of nodes and edges. */
  readonly unit: string;
  readonly definition: string;
  /** Edges at least this strong (absolute) are drawn at first; a slider prunes further. */
  readonly threshold: number;
}
