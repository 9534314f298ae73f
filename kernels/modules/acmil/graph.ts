/** ACMIL in a graph: the equations are in definition.ts. */
import { add, hyperbolicTangent, multiply, rectify, sigmoid, subtract } from '../../graph/operators/elementwise';
import { concat, reshape, slice, tile, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceMean, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import { surprisals } from '../../training/losses';
import { diversity } from '../../training/regularisers';
import { normEpsilon } from './definition';

const layer = (graph: ModuleGraph, x: Value, name: string): Value =>
  linearLayer(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));

/** What is not there or not kept gets -30000: far enough that its exponential is 0 in every format, and a number in float16. */
const masked = (logits: Value, present: Value): Value => add(logits, multiply(subtract(present, 1), 30000));

const sizes = ({ shape }: Value): readonly number[] => shape.map(Number);

export interface PooledValues {
  /** [b, heads, M, n] */
  readonly attention: Value;
  /** [b, M, D] */
  readonly branches: Value;
  /** [b, D] */
  readonly bag: Value;
}

/** Attention [b, M, n] and the pooled rows [b, M, D] of instances [b, n, D]; `mask` [b, n], `kept` [b, M, n]. */
export function gatedPool(graph: ModuleGraph, h: Value, mask: Value, kept: Value): readonly [Value, Value] {
  const [batch, n] = sizes(h) as [number, number];
  const hidden = multiply(
    hyperbolicTangent(layer(graph, h, 'attention_V.0')),
    sigmoid(layer(graph, h, 'attention_U.0')),
  );
  const logits = transpose(layer(graph, hidden, 'attention_weights'), [0, 2, 1]);
  const attention = softmax(masked(logits, multiply(kept, reshape(mask, [batch, 1, n]))));
  return [attention, matmul(attention, h)];
}

/** The bag's row is the mean of the branches' rows, which spares its own product over the instances. */
export function gatedPooled(graph: ModuleGraph, h: Value, mask: Value, kept: Value): PooledValues {
  const [batch, , branches, n] = sizes(kept) as [number, number, number, number];
  const [attention, pooled] = gatedPool(inside(graph, 'attention.'), h, mask, reshape(kept, [batch, branches, n]));
  return {
    attention: reshape(attention, [batch, 1, branches, n]),
    branches: pooled,
    bag: reduceMean(pooled, [1], false),
  };
}

export function multiHeadPooled(graph: ModuleGraph, h: Value, mask: Value, kept: Value): PooledValues {
  const [batch, n, width] = sizes(h) as [number, number, number];
  const [, heads, branches] = sizes(kept) as [number, number, number];
  const split = (x: Value): Value => {
    const [b, rows] = sizes(x) as [number, number];
    return transpose(reshape(x, [b, rows, heads, width / heads]), [0, 2, 1, 3]);
  };
  const finished = (of: ModuleGraph, x: Value): Value =>
    layerNormalization(
      layer(of, reshape(transpose(x, [0, 2, 1, 3]), [batch, 1, width]), 'out_proj'),
      of.weight('layer_norm.weight'),
      of.weight('layer_norm.bias'),
      normEpsilon,
    );
  const present = multiply(kept, reshape(mask, [batch, 1, 1, n]));
  const parts = Array.from({ length: branches }, (_, i) => {
    const of = inside(graph, `sub_attention.${i}.`);
    const query = split(layer(of, slice(graph.weight('q'), 1, i, i + 1), 'q_proj'));
    const scores = fusedMatmul(query, split(layer(of, h, 'k_proj')), {
      transposeB: true,
      scale: 1 / Math.sqrt(width / heads),
    });
    const map = softmax(masked(scores, slice(present, 2, i, i + 1)));
    return { map, pooled: finished(of, matmul(map, split(layer(of, h, 'v_proj')))) };
  });
  const attention = concat(
    parts.map(({ map }) => map),
    2,
  );
  const of = inside(graph, 'bag_attention.');
  const bag = finished(of, matmul(reduceMean(attention, [2]), split(layer(of, h, 'v_proj'))));
  return {
    attention,
    branches: concat(
      parts.map(({ pooled }) => pooled),
      1,
    ),
    bag: reshape(bag, [batch, width]),
  };
}

export const reduced = (graph: ModuleGraph, x: Value): Value =>
  rectify(linearLayer(x, graph.weight('dimreduction.fc1.weight')));

export const branchClasses = (graph: ModuleGraph, branches: Value): Value =>
  concat(
    Array.from({ length: Number(branches.shape[1]) }, (_, i) =>
      layer(graph, slice(branches, 1, i, i + 1), `classifier.${i}.fc`),
    ),
    1,
  );

export const bagClasses = (graph: ModuleGraph, bag: Value): Value => layer(graph, bag, 'Slide_classifier.fc');

/** [b, 3]: L_b, L_p, L_d. */
export function losses(graph: ModuleGraph, attention: Value, branch: Value, bag: Value, labels: Value): Value {
  const [batch, branches] = sizes(branch) as [number, number];
  const own = reshape(surprisals(bag, labels), [batch, 1]);
  if (branches === 1) return concat([own, graph.constant([batch, 2], new Float64Array(2 * batch))], 1);
  const each = surprisals(branch, tile(reshape(labels, [batch, 1]), [1, branches]));
  return concat([own, reduceMean(each, [1]), reduceMean(diversity(attention), [1])], 1);
}
