/** Label attention over two sources in a graph: the equations are in definition.ts. */
import {
  add,
  hyperbolicTangent,
  multiply,
  negate,
  rectify,
  sigmoid,
  softplus,
  subtract,
} from '../../graph/operators/elementwise';
import { concat, reshape, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceMax, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { normEpsilon, type Switches } from './definition';

/** The mask is multiplied in once more: a source without tokens gets zeros. */
const overTokens = (scores: Value, there: Value): Value =>
  multiply(softmax(add(scores, multiply(subtract(there, 1), 30000))), there);

/** Two rows by their shares, which add up to 1. */
const blended = (share: Value, first: Value, second: Value): Value =>
  add(multiply(share, first), multiply(subtract(1, share), second));

function view(
  graph: ModuleGraph,
  source: string,
  switches: Switches,
): { readonly weights: Value; readonly rows: Value } {
  const h = graph.input(source);
  const mask = graph.input(`${source}_mask`);
  const there = reshape(mask, [mask.shape[0]!, 1, mask.shape[1]!]);
  const scale = switches.scaled ? 1 / Math.sqrt(Number(h.shape[2])) : 1;
  const scores = fusedMatmul(graph.input('labels'), h, { transposeB: true, scale });
  const weights = switches.softmax ? overTokens(scores, there) : multiply(scores, there);
  const read = matmul(weights, h);
  if (!switches.selfView) return { weights, rows: read };
  const hidden = hyperbolicTangent(linearLayer(h, graph.weight('self.fc1.weight')));
  const content = transpose(linearLayer(hidden, graph.weight('self.fc2.weight')), [0, 2, 1]);
  const own = matmul(overTokens(content, there), h);
  const gate = (x: Value, name: string): Value => linearLayer(x, graph.weight(`${name}.weight`));
  // sigmoid(r) / (sigmoid(r) + sigmoid(s)) by logarithms: both sigmoids may be 0 in float16, and 0 / 0 is no number.
  const share = sigmoid(subtract(softplus(negate(gate(own, 'gate_self'))), softplus(negate(gate(read, 'gate_label')))));
  return { weights, rows: blended(share, read, own) };
}

export function labelledGraph(graph: ModuleGraph, switches: Switches): Readonly<Record<string, Value>> {
  const document = view(graph, 'document', switches);
  const knowledge = view(graph, 'knowledge', switches);
  const [batch, labels, width] = document.rows.shape.map(Number) as [number, number, number];
  const some = reshape(reduceMax(graph.input('knowledge_mask'), [1]), [batch, 1, 1]);
  const gate = sigmoid(linearLayer(concat([document.rows, knowledge.rows], 2), graph.weight('mix.weight')));
  const share = add(multiply(gate, some), subtract(1, some));
  const mixed = blended(share, document.rows, knowledge.rows);
  const rows = switches.labelBlock ? correlated(graph, mixed, width) : mixed;
  const hidden = rectify(linearLayer(rows, graph.weight('fc.weight')));
  const logits = linearLayer(hidden, graph.weight('output.weight'), graph.weight('output.bias'));
  return {
    rows,
    probabilities: reshape(sigmoid(logits), [batch, labels]),
    document_attention: document.weights,
    knowledge_attention: knowledge.weights,
    mix: reshape(share, [batch, labels]),
  };
}

function correlated(graph: ModuleGraph, rows: Value, width: number): Value {
  const layer = (x: Value, name: string): Value => linearLayer(x, graph.weight(`block.${name}.weight`));
  const scores = fusedMatmul(layer(rows, 'q_proj'), layer(rows, 'k_proj'), {
    transposeB: true,
    scale: 1 / Math.sqrt(width),
  });
  const out = layer(matmul(softmax(scores), layer(rows, 'v_proj')), 'out_proj');
  return layerNormalization(
    add(rows, out),
    graph.weight('block.norm.weight'),
    graph.weight('block.norm.bias'),
    normEpsilon,
  );
}
