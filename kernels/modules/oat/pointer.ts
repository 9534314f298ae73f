/**
 * The pointer of OAT: scores of n queries d over m keys e and one null column,
 *
 *   s^h_ij = (D_h d_i + b)^T (E_h e_j + b') / sqrt(d), 0 in the null column; logits = sum_h u_h s^h + c.
 *
 * The mix [u; c] stands over the null column as well; with one head there is none.
 */
import { add, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, expand, reshape } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { joined, linear, mapped, matrixProduct, softmax, sum, turned } from '../../module-parts/layers';
import { linearWeights, weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface PointerSize {
  readonly width: number;
  readonly heads: number;
}

/** Added to the logits of padding: its exponential is exactly 0, and float16 holds it. */
const hidden = 1e4;

const layer = (head: number, part: 'decode' | 'encode'): string => `cross_attentions.${head}.${part}_fc`;

const headsOf = ({ heads }: PointerSize): readonly number[] => Array.from({ length: heads }, (_, head) => head);

export const pointerWeights = (size: PointerSize): readonly ModuleWeight[] => [
  ...headsOf(size).flatMap((head) => [
    ...linearWeights(layer(head, 'decode'), size.width, size.width),
    ...linearWeights(layer(head, 'encode'), size.width, size.width),
  ]),
  ...(size.heads > 1 ? linearWeights('readout', 1, size.heads) : []),
];

const dense = (x: Tensor, weights: Tensors, name: string): Tensor =>
  linear(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));

/** s^h [b, n, m + 1] of every head. */
export function headScores(queries: Tensor, keys: Tensor, weights: Tensors, size: PointerSize): readonly Tensor[] {
  const [batch, n] = queries.shape as [number, number, number];
  return headsOf(size).map((head) => {
    const scores = matrixProduct(
      dense(queries, weights, layer(head, 'decode')),
      turned(dense(keys, weights, layer(head, 'encode'))),
    );
    return joined([mapped(scores, (score) => score / Math.sqrt(size.width)), zeros([batch, n, 1])], 2);
  });
}

export function pointerLogits(queries: Tensor, keys: Tensor, weights: Tensors, size: PointerSize): Tensor {
  const scores = headScores(queries, keys, weights, size);
  if (size.heads === 1) return scores[0]!;
  const mix = weightOf(weights, 'readout.weight').data;
  const mixed = scores.map((each, head) => mapped(each, (score) => mix[head]! * score)).reduce(sum);
  return mapped(mixed, (logit) => logit + weightOf(weights, 'readout.bias').data[0]!);
}

/** Softmax over keys that are there (`mask` [b, m]) and the null column. */
export function pointerShares(logits: Tensor, mask: Tensor): Tensor {
  const [, n, columns] = logits.shape as [number, number, number];
  return softmax(
    mapped(logits, (logit, at) => {
      const [sample, column] = [Math.floor(at / (n * columns)), at % columns];
      return column < columns - 1 && mask.data[sample * (columns - 1) + column] === 0 ? logit - hidden : logit;
    }),
  );
}

/** All heads in one product: u_h is multiplied into the queries of head h. */
export function pointerGraph(graph: ModuleGraph, queries: Value, keys: Value, size: PointerSize): Value {
  const { width, heads } = size;
  const [batch, n] = queries.shape.map(Number) as [number, number];
  const through = (x: Value, part: 'decode' | 'encode'): Value =>
    concat(
      headsOf(size).map((head) =>
        linearLayer(x, graph.weight(`${layer(head, part)}.weight`), graph.weight(`${layer(head, part)}.bias`)),
      ),
      2,
    );
  const decoded = through(queries, 'decode');
  const mixed =
    heads === 1
      ? decoded
      : multiply(
          decoded,
          reshape(expand(reshape(graph.weight('readout.weight'), [heads, 1]), [heads, width]), [heads * width]),
        );
  const scores = fusedMatmul(mixed, through(keys, 'encode'), { transposeB: true, scale: 1 / Math.sqrt(width) });
  const all = concat([scores, graph.constant([batch, n, 1], new Float64Array(batch * n))], 2);
  return heads === 1 ? all : add(all, graph.weight('readout.bias'));
}

/** `mask` [b, m]. */
export function sharesGraph(graph: ModuleGraph, logits: Value, mask: Value): Value {
  const [batch, m] = mask.shape.map(Number) as [number, number];
  const bias = multiply(subtract(mask, 1), hidden);
  const row = concat([bias, graph.constant([batch, 1], new Float64Array(batch))], 1);
  return softmaxOf(add(logits, reshape(row, [batch, 1, m + 1])));
}

/** Multiply-adds for one sample: M (n + m) d^2 + M n m d. */
export const pointerMultiplyAdds = (n: number, m: number, { width: d, heads }: PointerSize): number =>
  heads * ((n + m) * d * d + n * m * d);
