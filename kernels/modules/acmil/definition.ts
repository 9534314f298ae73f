/**
 * Attention pooling of ACMIL (arXiv:2311.07125) in float64. A bag has n instances h_n in R^D; each of M branches has attention
 * A_i = softmax over instances of e_i and pools z_i = sum_n A_in h_n. Inputs `mask` [b, n] and `kept` [b, heads, M, n] are 1
 * where an instance is there, and where the training mask leaves it; others get no attention.
 */
import {
  joined,
  joinHeads,
  layerNorm,
  linear,
  mapped,
  matrixProduct,
  permuted,
  product,
} from '../../module-parts/layers';
import { relu, reshaped, sigmoid, sliced, softmax, splitHeads, tanh, turned } from '../../module-parts/layers';
import { under, weightOf } from '../../module-parts/weights';
import type { Tensors } from '../../module';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export const normEpsilon = 1e-6;

/** w (tanh(V h + b_V) * sigmoid(U h + b_U)) + b_w of [b, n, D], by the names of Attention_Gated: [b, M, n]. */
export function gatedLogits(h: Tensor, weights: Tensors): Tensor {
  const layer = (x: Tensor, name: string): Tensor =>
    linear(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
  const hidden = product(tanh(layer(h, 'attention_V.0')), sigmoid(layer(h, 'attention_U.0')));
  return permuted(layer(hidden, 'attention_weights'), [0, 2, 1]);
}

/** Softmax over the instances that are there and kept: logits and `kept` [b, ..., n], `mask` [b, n]. */
export function attentionOver(logits: Tensor, mask: Tensor, kept: Tensor): Tensor {
  const [batch, n] = [logits.shape[0]!, logits.shape.at(-1)!];
  const rows = logits.data.length / batch;
  return softmax(
    mapped(logits, (value, at) =>
      kept.data[at]! * mask.data[Math.floor(at / rows) * n + (at % n)]! > 0 ? value : -Infinity,
    ),
  );
}

/** Mean over an axis, which goes. */
export function meanOver(x: Tensor, axis: number): Tensor {
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = x.shape[axis]!;
  const y = zeros(x.shape.filter((_, at) => at !== axis));
  x.data.forEach((value, at) => {
    y.data[Math.floor(at / (inner * length)) * inner + (at % inner)]! += value / length;
  });
  return y;
}

export interface Pooled {
  /** [b, heads, M, n] */
  readonly attention: Tensor;
  /** z_i, [b, M, D]. */
  readonly branches: Tensor;
  /** z, [b, D]: pooled by the mean of the branches' attention. */
  readonly bag: Tensor;
}

/** Gated form: one head. */
export function gatedPooling(h: Tensor, weights: Tensors, mask: Tensor, kept: Tensor): Pooled {
  const logits = gatedLogits(h, weights);
  const attention = attentionOver(logits, mask, reshaped(kept, logits.shape));
  const [batch, branches, n] = attention.shape as [number, number, number];
  const mean = reshaped(meanOver(attention, 1), [batch, 1, n]);
  return {
    attention: reshaped(attention, [batch, 1, branches, n]),
    branches: matrixProduct(attention, h),
    bag: reshaped(matrixProduct(mean, h), [batch, h.shape[2]!]),
  };
}

/** Multi-head form: each branch has a learned query, projections and a norm; the bag has a value projection of its own. */
export function multiHeadPooling(h: Tensor, weights: Tensors, mask: Tensor, kept: Tensor, heads: number): Pooled {
  const [batch, , width] = h.shape as [number, number, number];
  const layer = (x: Tensor, of: Tensors, name: string): Tensor =>
    linear(x, weightOf(of, `${name}.weight`), weightOf(of, `${name}.bias`));
  const finished = (x: Tensor, of: Tensors): Tensor =>
    layerNorm(
      layer(joinHeads(x), of, 'out_proj'),
      weightOf(of, 'layer_norm.weight'),
      weightOf(of, 'layer_norm.bias'),
      normEpsilon,
    );
  const queries = weightOf(weights, 'q');
  const parts = Array.from({ length: queries.shape[1]! }, (_, i) => {
    const of = under(weights, `sub_attention.${i}.`);
    const query = layer(sliced(queries, 1, i, i + 1), of, 'q_proj');
    const each = joined(Array<Tensor>(batch).fill(splitHeads(query, heads)), 0);
    const scores = matrixProduct(each, turned(splitHeads(layer(h, of, 'k_proj'), heads)));
    const map = attentionOver(
      mapped(scores, (value) => value / Math.sqrt(width / heads)),
      mask,
      sliced(kept, 2, i, i + 1),
    );
    return { map, pooled: finished(matrixProduct(map, splitHeads(layer(h, of, 'v_proj'), heads)), of) };
  });
  const attention = joined(
    parts.map(({ map }) => map),
    2,
  );
  const of = under(weights, 'bag_attention.');
  const mean = meanOver(attention, 2);
  const bag = matrixProduct(reshaped(mean, [batch, heads, 1, h.shape[1]!]), splitHeads(layer(h, of, 'v_proj'), heads));
  return {
    attention,
    branches: joined(
      parts.map(({ pooled }) => pooled),
      1,
    ),
    bag: reshaped(finished(bag, of), [batch, width]),
  };
}

/** ReLU(W_1 x), without a bias. */
export const reducedFeatures = (x: Tensor, weights: Tensors): Tensor =>
  relu(linear(x, weightOf(weights, 'dimreduction.fc1.weight')));

/** g_i(z_i), [b, M, C]. */
export function branchLogits(branches: Tensor, weights: Tensors): Tensor {
  return joined(
    Array.from({ length: branches.shape[1]! }, (_, i) =>
      linear(
        sliced(branches, 1, i, i + 1),
        weightOf(weights, `classifier.${i}.fc.weight`),
        weightOf(weights, `classifier.${i}.fc.bias`),
      ),
    ),
    1,
  );
}

/** -ln softmax(logits)[label], nats. */
function crossEntropy(logits: Float64Array, label: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return Math.log(logits.reduce((total, value) => total + Math.exp(value - most), 0)) + most - logits[label]!;
}

export function cosine(a: Float64Array, b: Float64Array): number {
  let [dot, first, second] = [0, 0, 0];
  a.forEach((value, at) => {
    dot += value * b[at]!;
    first += value * value;
    second += b[at]! * b[at]!;
  });
  return dot / Math.sqrt(first * second);
}

/** Mean cosine of the pairs of branches and over heads, for each bag of [b, heads, M, n]; 0 where there is one branch. */
export function diversityLoss(attention: Tensor): readonly number[] {
  const [batch, heads, branches, n] = attention.shape as [number, number, number, number];
  const row = (b: number, head: number, i: number): Float64Array => {
    const from = ((b * heads + head) * branches + i) * n;
    return attention.data.subarray(from, from + n);
  };
  return Array.from({ length: batch }, (_, b) => {
    let total = 0;
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < branches; i++) {
        for (let j = i + 1; j < branches; j++) total += cosine(row(b, head, i), row(b, head, j));
      }
    }
    return branches === 1 ? 0 : (2 * total) / (heads * branches * (branches - 1));
  });
}

/** [L_b, L_p, L_d] of each bag: [b, 3]. L_p is the mean over branches, 0 where there is one. */
export function lossesOf(attention: Tensor, branch: Tensor, bag: Tensor, labels: Tensor): Tensor {
  const [batch, branches, classes] = branch.shape as [number, number, number];
  const diversity = diversityLoss(attention);
  return tensor(
    [batch, 3],
    Float64Array.from(
      Array.from({ length: batch }, (_, b) => {
        const label = labels.data[b]!;
        const each = Array.from({ length: branches }, (_unused, i) =>
          crossEntropy(branch.data.subarray((b * branches + i) * classes, (b * branches + i + 1) * classes), label),
        );
        const mean = each.reduce((a, c) => a + c, 0) / branches;
        return [
          crossEntropy(bag.data.subarray(b * classes, (b + 1) * classes), label),
          branches === 1 ? 0 : mean,
          diversity[b]!,
        ];
      }).flat(),
    ),
  );
}
