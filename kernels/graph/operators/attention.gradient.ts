/**
 * Gradient rules of attention.ts: the operators give no probabilities, so the way back rebuilds them from MatMul and Softmax, and
 * the rotation from products, and goes through those.
 */
import {
  constantOf,
  floatOf,
  inputOf,
  intOf,
  isFixed,
  type Applied,
  type GradientRule,
  type GradientRules,
} from './gradient-rule';
import { GraphError, type Value } from '../records';
import { lowest } from '../types';
import { add, divide, hyperbolicTangent, multiply, subtract } from './elementwise';
import { concat, gather, reshape, slice, transpose, unsqueeze } from './layout';
import { fusedMatmul, matmul } from './matrix';
import { softmax } from './reduce';

/** The outputs built again from operators that have rules. */
const composed =
  (build: (applied: Applied) => readonly Value[]): GradientRule =>
  (applied, gradients) => {
    const { graph, inputs, wanted, back } = applied;
    const first = (at: number): boolean => inputs.findIndex((other) => other?.name === inputs[at]?.name) === at;
    const operands = inputs.flatMap((value, at) => (value && wanted[at] && first(at) ? [value] : []));
    let known: readonly (Value | undefined)[] | undefined;
    const all = (): readonly (Value | undefined)[] => {
      if (known) return known;
      const since = graph.nodes.length;
      const seeds = build(applied).flatMap((value, at) => (gradients[at] ? [[value, gradients[at]] as const] : []));
      return (known = back(graph, since, seeds, operands));
    };
    // A value that is read twice gets its whole gradient at once.
    return inputs.map((value, at) => (value && first(at) ? () => all()[operands.indexOf(value)] : undefined));
  };

/** [b, n, heads * d] -> [b, heads, n, d] */
function byHead(x: Value, heads: number): Value {
  const [batch = 1, length = 1, width = 1] = x.shape;
  return transpose(reshape(x, [batch, length, heads, Number(width) / heads]), [0, 2, 1, 3]);
}

/** [b, heads, n, d] -> [b, n, heads * d] */
function joinHeads(x: Value): Value {
  const [batch = 1, heads = 1, length = 1, width = 1] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, Number(heads) * Number(width)]);
}

/** Keys that each query may read: from `first` to `last`, 0 there and a very low number elsewhere. */
function band(like: Value, queries: number, keys: number, reads: (row: number, key: number) => boolean): Value {
  const numbers = new Float32Array(queries * keys);
  for (let row = 0; row < queries; row++) {
    for (let key = 0; key < keys; key++) numbers[row * keys + key] = reads(row, key) ? 0 : lowest(like);
  }
  return like.graph.constant(like.type, [queries, keys], numbers);
}

function lengthsOf(applied: Applied, ...values: readonly Value[]): void {
  if (values.every(isFixed)) return;
  throw new GraphError(
    `${applied.node.operator} "${applied.node.name}" has lengths that a run decides: no gradient here.`,
  );
}

function multiHead(applied: Applied): readonly Value[] {
  const { node, inputs } = applied;
  const [query, key, value] = [inputOf(applied, 0), inputOf(applied, 1), inputOf(applied, 2)];
  if (inputs[3] || inputs[4]) throw new GraphError(`${node.operator} "${node.name}" has a bias or a padding mask.`);
  const heads = intOf(node, 'num_heads', 1);
  const q = byHead(query, heads);
  const scale = floatOf(node, 'scale', Number(q.shape[3]) ** -0.5);
  let scores = fusedMatmul(q, byHead(key, heads), { transposeB: true, scale });
  if (inputs[5]) scores = add(scores, inputs[5]);
  if (intOf(node, 'unidirectional', 0) === 1) {
    lengthsOf(applied, query, key);
    const [queries, keys] = [Number(query.shape[1]), Number(key.shape[1])];
    scores = add(
      scores,
      band(scores, queries, keys, (row, at) => at <= row + keys - queries),
    );
  }
  return [joinHeads(matmul(softmax(scores), byHead(value, heads)))];
}

/** [b, g, t, d] -> [b, h, t, d], each key/value head beside itself. */
function repeated(x: Value, heads: number): Value {
  const count = Number(x.shape[1]);
  if (count === heads) return x;
  const index = Array.from({ length: heads }, (_, head) => Math.floor(head / (heads / count)));
  return gather(x, x.graph.constant('int64', [heads], index), 1);
}

function groupQuery(applied: Applied): readonly Value[] {
  const { node, inputs } = applied;
  const query = inputOf(applied, 0);
  const heads = intOf(node, 'num_heads', 1);
  const kvHeads = intOf(node, 'kv_num_heads', heads);
  const present = (at: number, past: Value | undefined): Value => {
    const now = byHead(inputOf(applied, at), kvHeads);
    return past ? concat([past, now], 2) : now;
  };
  const [keys, values] = [present(1, inputs[3]), present(2, inputs[4])];
  lengthsOf(applied, query, keys);
  const [queries, total] = [Number(query.shape[1]), Number(keys.shape[2])];
  if (constantOf(applied, 5).some((last) => last !== total - 1)) {
    throw new GraphError(`${node.operator} "${node.name}" has rows of different lengths: no gradient here.`);
  }
  const q = byHead(query, heads);
  const scale = floatOf(node, 'scale', Number(q.shape[3]) ** -0.5);
  const raw = fusedMatmul(q, repeated(keys, heads), { transposeB: true, scale });
  const cap = floatOf(node, 'softcap', 0);
  const scores = cap === 0 ? raw : multiply(hyperbolicTangent(divide(raw, cap)), cap);
  const window = intOf(node, 'local_window_size', -1);
  const mask = band(scores, queries, total, (row, key) => {
    const own = row + total - queries;
    return key <= own && (window < 0 || key > own - window);
  });
  const output = joinHeads(matmul(softmax(add(scores, mask)), repeated(values, heads)));
  return [output, keys, values];
}

function rotary(applied: Applied): readonly Value[] {
  const { node } = applied;
  const [x, positions] = [inputOf(applied, 0), inputOf(applied, 1)];
  const heads = intOf(node, 'num_heads', 0);
  const [batch = 1, length = 1, all = 1] = x.shape;
  const width = Number(all) / heads;
  const rows = reshape(x, [batch, length, heads, width]);
  const rotated = intOf(node, 'rotary_embedding_dim', 0) || width;
  const half = rotated / 2;
  const angle = (at: number): Value => unsqueeze(gather(inputOf(applied, at), positions), 2);
  const [cos, sin] = [angle(2), angle(3)];
  const turn = (a: Value, b: Value): readonly [Value, Value] => [
    subtract(multiply(a, cos), multiply(b, sin)),
    add(multiply(b, cos), multiply(a, sin)),
  ];
  const part = slice(rows, 3, 0, rotated);
  let turned: Value;
  if (intOf(node, 'interleaved', 0) === 0) {
    turned = concat(turn(slice(part, 3, 0, half), slice(part, 3, half, rotated)), 3);
  } else {
    const pairs = reshape(part, [...part.shape.slice(0, 3), half, 2]);
    const flat = [...part.shape.slice(0, 3), half];
    const both = turn(reshape(slice(pairs, 4, 0, 1), flat), reshape(slice(pairs, 4, 1, 2), flat));
    turned = reshape(
      concat(
        both.map((value) => unsqueeze(value, 4)),
        4,
      ),
      part.shape,
    );
  }
  return [reshape(rotated === width ? turned : concat([turned, slice(rows, 3, rotated)], 3), x.shape)];
}

export const attentionRules: GradientRules = {
  MultiHeadAttention: composed(multiHead),
  GroupQueryAttention: composed(groupQuery),
  RotaryEmbedding: composed(rotary),
};
