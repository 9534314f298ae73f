/**
 * Label attention over a document and over knowledge that was found for it, in float64. arXiv:2403.01767 says which modules there
 * are; the formulas are chosen after label-specific attention networks (LSAN, EMNLP 2019). H^X [b, t, D] are tokens of a source,
 * C [L, D] a row for each label, masks [b, t] 1 where a token is.
 */
import {
  attention,
  joined,
  layerNorm,
  linear,
  mapped,
  matrixProduct,
  permuted,
  relu,
  reshaped,
  sigmoid,
  softmax,
  sum,
  tanh,
  turned,
} from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import type { Tensors } from '../../module';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export const normEpsilon = 1e-5;

export interface Switches {
  /** Scores by 1 / sqrt(D). */
  readonly scaled: boolean;
  /** Softmax over tokens of the label view; left out, the scores themselves are the weights. */
  readonly softmax: boolean;
  /** The second view, of the content alone, and the gates between the two. */
  readonly selfView: boolean;
  /** Self-attention over the rows of the labels. */
  readonly labelBlock: boolean;
}

/** Softmax over the tokens that are there, exactly 0 elsewhere; zeros where there are none. */
export function overTokens(scores: Tensor, mask: Tensor): Tensor {
  const [, labels, tokens] = scores.shape as [number, number, number];
  const there = (at: number): boolean => mask.data[Math.floor(at / (labels * tokens)) * tokens + (at % tokens)]! > 0;
  const weights = softmax(mapped(scores, (value, at) => (there(at) ? value : -Infinity)));
  return mapped(weights, (value, at) => (there(at) ? value : 0));
}

const masked = (scores: Tensor, mask: Tensor): Tensor => {
  const [, labels, tokens] = scores.shape as [number, number, number];
  return mapped(scores, (value, at) => value * mask.data[Math.floor(at / (labels * tokens)) * tokens + (at % tokens)]!);
};

/** By rows: factor [rows] times x [rows, width]. */
const weighted = (x: Tensor, factor: ArrayLike<number>): Tensor => {
  const width = x.shape.at(-1)!;
  return mapped(x, (value, at) => value * factor[Math.floor(at / width)]!);
};

interface View {
  /** A^X, [b, L, t]. */
  readonly weights: Tensor;
  /** M^X, [b, L, D]. */
  readonly rows: Tensor;
  /** Share of the label view, [b * L]: 1 where there is no other. */
  readonly share: Float64Array;
}

/** One source read by every label. */
function viewOf(h: Tensor, mask: Tensor, labels: Tensor, of: Tensors, switches: Switches): View {
  const [batch, , width] = h.shape as [number, number, number];
  const count = labels.shape[0]!;
  const scale = switches.scaled ? 1 / Math.sqrt(width) : 1;
  const rows = joined(Array<Tensor>(batch).fill(reshaped(labels, [1, count, width])), 0);
  const scores = mapped(matrixProduct(rows, turned(h)), (value) => value * scale);
  const weights = switches.softmax ? overTokens(scores, mask) : masked(scores, mask);
  const read = matrixProduct(weights, h);
  if (!switches.selfView) return { weights, rows: read, share: new Float64Array(batch * count).fill(1) };
  const content = linear(tanh(linear(h, weightOf(of, 'self.fc1.weight'))), weightOf(of, 'self.fc2.weight'));
  const own = matrixProduct(overTokens(permuted(content, [0, 2, 1]), mask), h);
  const alpha = sigmoid(linear(read, weightOf(of, 'gate_label.weight'))).data;
  const beta = sigmoid(linear(own, weightOf(of, 'gate_self.weight'))).data;
  const share = alpha.map((value, at) => value / (value + beta[at]!));
  return {
    weights,
    rows: sum(
      weighted(read, share),
      weighted(
        own,
        share.map((value) => 1 - value),
      ),
    ),
    share,
  };
}

export interface Labelled {
  readonly document: View;
  readonly knowledge: View;
  /** g, [b, L]: the share of the document. */
  readonly mix: Tensor;
  /** M, [b, L, D]. */
  readonly rows: Tensor;
  /** y, [b, L]. */
  readonly probabilities: Tensor;
}

export function labelled(inputs: Tensors, of: Tensors, switches: Switches): Labelled {
  const [labels, maskKnown] = [inputs['labels']!, inputs['knowledge_mask']!];
  const document = viewOf(inputs['document']!, inputs['document_mask']!, labels, of, switches);
  const knowledge = viewOf(inputs['knowledge']!, maskKnown, labels, of, switches);
  const [batch, count] = document.rows.shape as [number, number, number];
  const tokens = maskKnown.shape[1]!;
  const gates = sigmoid(linear(joined([document.rows, knowledge.rows], 2), weightOf(of, 'mix.weight')));
  const mix = mapped(reshaped(gates, [batch, count]), (value, at) => {
    const from = Math.floor(at / count) * tokens;
    return maskKnown.data.subarray(from, from + tokens).some((one) => one > 0) ? value : 1;
  });
  const mixed = sum(
    weighted(document.rows, mix.data),
    weighted(
      knowledge.rows,
      mix.data.map((value) => 1 - value),
    ),
  );
  const rows = switches.labelBlock ? correlated(mixed, of) : mixed;
  const logits = linear(
    relu(linear(rows, weightOf(of, 'fc.weight'))),
    weightOf(of, 'output.weight'),
    weightOf(of, 'output.bias'),
  );
  return { document, knowledge, mix, rows, probabilities: reshaped(sigmoid(logits), [batch, count]) };
}

/** LayerNorm(M + W_o attention(W_q M, W_k M, W_v M)) over the labels. */
function correlated(rows: Tensor, of: Tensors): Tensor {
  const [batch, count, width] = rows.shape as [number, number, number];
  const head = (name: string): Tensor =>
    reshaped(linear(rows, weightOf(of, `block.${name}.weight`)), [batch, 1, count, width]);
  const { output } = attention(head('q_proj'), head('k_proj'), head('v_proj'), 1 / Math.sqrt(width));
  const out = linear(reshaped(output, rows.shape), weightOf(of, 'block.out_proj.weight'));
  return layerNorm(sum(rows, out), weightOf(of, 'block.norm.weight'), weightOf(of, 'block.norm.bias'), normEpsilon);
}

/** softmax(c . h) h of one query over the tokens [t, D], number by number. */
export function pooledByOne(query: Float64Array, tokens: readonly Float64Array[], scale: number): Float64Array {
  const scores = tokens.map((row) => Math.exp(scale * row.reduce((total, value, at) => total + value * query[at]!, 0)));
  const total = scores.reduce((a, b) => a + b, 0);
  return query.map((_, c) => tokens.reduce((all, row, at) => all + (scores[at]! / total) * row[c]!, 0));
}

/** The mean of the tokens [b, t, D] that are there, for each of `labels` labels. */
export function maskedMean(h: Tensor, mask: Tensor, labels: number): Tensor {
  const [batch, tokens, width] = h.shape as [number, number, number];
  const y = zeros([batch, labels, width]);
  y.data.forEach((_, at) => {
    const b = Math.floor(at / (labels * width));
    let there = 0;
    for (let t = 0; t < tokens; t++) {
      there += mask.data[b * tokens + t]!;
      y.data[at]! += mask.data[b * tokens + t]! * h.data[(b * tokens + t) * width + (at % width)]!;
    }
    y.data[at]! /= there;
  });
  return tensor(y.shape, y.data);
}
