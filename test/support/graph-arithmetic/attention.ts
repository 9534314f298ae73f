/** The attention operators of onnxruntime in float64, query by query, from their documentation (ContribOperators.md). */
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { softmax, spread } from './arrays';
import type { Call, Operators } from './operators';

/** Row `head` at `position` of a sequence-first or heads-first tensor. */
type Row = (batch: number, head: number, position: number) => Float64Array;

const sequenceFirst =
  ({ shape, data }: Tensor, heads: number): Row =>
  (b, head, position) => {
    const width = shape[2]! / heads;
    const at = (b * shape[1]! + position) * shape[2]! + head * width;
    return data.subarray(at, at + width);
  };

const headsFirst =
  ({ shape, data }: Tensor): Row =>
  (b, head, position) => {
    const at = ((b * shape[1]! + head) * shape[2]! + position) * shape[3]!;
    return data.subarray(at, at + shape[3]!);
  };

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function attend(
  sizes: {
    readonly batch: number;
    readonly heads: number;
    readonly queries: number;
    readonly keys: number;
    readonly width: number;
  },
  rows: { readonly query: Row; readonly key: Row; readonly value: Row },
  score: (raw: number, b: number, head: number, query: number, key: number) => number,
): Tensor {
  const { batch, heads, queries, keys, width } = sizes;
  const out = new Float64Array(batch * queries * heads * width);
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < queries; i++) {
        const query = rows.query(b, head, i);
        const weights = softmax(
          Float64Array.from({ length: keys }, (_, key) => score(dot(query, rows.key(b, head, key)), b, head, i, key)),
        );
        const at = ((b * queries + i) * heads + head) * width;
        weights.forEach((weight, key) => {
          if (weight === 0) return;
          rows.value(b, head, key).forEach((value, e) => (out[at + e] = out[at + e]! + weight * value));
        });
      }
    }
  }
  return tensor([batch, queries, heads * width], out);
}

function multiHead({ x: [query, key, value, , , bias], number }: Call): Tensor {
  const heads = number('num_heads', 1);
  const [batch, queries, width] = query!.shape as [number, number, number];
  const keys = key!.shape[1]!;
  const scale = number('scale', (width / heads) ** -0.5);
  const biases = bias && spread(bias, [batch, heads, queries, keys]);
  return attend(
    { batch, heads, queries, keys, width: value!.shape[2]! / heads },
    { query: sequenceFirst(query!, heads), key: sequenceFirst(key!, heads), value: sequenceFirst(value!, heads) },
    (raw, b, head, i, at) => {
      if (number('unidirectional', 0) === 1 && at > i + keys - queries) return -Infinity;
      return raw * scale + (biases ? bias.data[biases[((b * heads + head) * queries + i) * keys + at]!]! : 0);
    },
  );
}

/** Heads-first keys or values of past and present. */
function present(past: Tensor | undefined, now: Tensor, heads: number): Tensor {
  const [batch, length] = now.shape as [number, number];
  const width = now.shape[2]! / heads;
  const before = past?.shape[2] ?? 0;
  const shape = [batch, heads, before + length, width];
  const row = sequenceFirst(now, heads);
  const old = past && headsFirst(past);
  const data = new Float64Array(sizeOf(shape));
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let at = 0; at < before + length; at++) {
        const from = old && at < before ? old(b, head, at) : row(b, head, at - before);
        data.set(from, ((b * heads + head) * (before + length) + at) * width);
      }
    }
  }
  return tensor(shape, data);
}

function groupQuery({ x: [query, key, value, pastKey, pastValue], number }: Call): readonly Tensor[] {
  const [heads, kvHeads] = [number('num_heads', 1), number('kv_num_heads', 1)];
  const [batch, queries, width] = query!.shape as [number, number, number];
  const keys = present(pastKey, key!, kvHeads);
  const values = present(pastValue, value!, kvHeads);
  const total = keys.shape[2]!;
  const scale = number('scale', (width / heads) ** -0.5);
  const cap = number('softcap', 0);
  const window = number('local_window_size', -1);
  const shared =
    (row: Row): Row =>
    (b, head, at) =>
      row(b, Math.floor(head / (heads / kvHeads)), at);
  const output = attend(
    { batch, heads, queries, keys: total, width: width / heads },
    { query: sequenceFirst(query!, heads), key: shared(headsFirst(keys)), value: shared(headsFirst(values)) },
    (raw, _b, _head, i, at) => {
      const own = i + total - queries;
      if (at > own || (window >= 0 && at <= own - window)) return -Infinity;
      return cap === 0 ? raw * scale : cap * Math.tanh((raw * scale) / cap);
    },
  );
  return [output, keys, values];
}

function rotary({ x: [x, positions, cosines, sines], number }: Call): Tensor {
  const heads = number('num_heads', 1);
  const width = x!.shape[2]! / heads;
  const rotated = number('rotary_embedding_dim', 0) || width;
  const half = rotated / 2;
  const out = x!.data.slice();
  positions!.data.forEach((position, row) => {
    for (let head = 0; head < heads; head++) {
      const at = row * x!.shape[2]! + head * width;
      for (let i = 0; i < half; i++) {
        const [a, b] = number('interleaved', 0) === 1 ? [at + 2 * i, at + 2 * i + 1] : [at + i, at + half + i];
        const [cos, sin] = [cosines!.data[position * half + i]!, sines!.data[position * half + i]!];
        out[a] = x!.data[a]! * cos - x!.data[b]! * sin;
        out[b] = x!.data[b]! * cos + x!.data[a]! * sin;
      }
    }
  });
  return tensor(x!.shape, out);
}

export const attentionOperators: Operators = {
  MultiHeadAttention: multiHead,
  GroupQueryAttention: groupQuery,
  RotaryEmbedding: rotary,
};
