/**
 * The attention operators of onnxruntime (com.microsoft, see docs/ContribOperators.md of onnxruntime) and of ONNX opset 23.
 * All take sequence-first tensors: [batch, position, head * width].
 */
import { printShape, type Dim } from '../dims';
import { float, int, type Attribute, type Value } from '../records';
import { describe, fail, rankOf, sameType } from './checks';

export interface MultiHeadOptions {
  readonly heads: number;
  readonly scale?: number;
  readonly causal?: boolean;
  /** Added to the scores: [batch or 1, heads or 1, queries, keys]. */
  readonly bias?: Value;
  /** Mask value of masked positions; onnxruntime takes -10000 when left out. */
  readonly maskValue?: number;
}

/** com.microsoft MultiHeadAttention over equal numbers of query and key/value heads; keys may be wider than values. */
export function multiHeadAttention(
  query: Value,
  key: Value,
  value: Value,
  options: MultiHeadOptions,
  name?: string,
): Value {
  const operator = 'MultiHeadAttention';
  for (const x of [query, key, value]) rankOf(operator, name, x, 3);
  sameType(operator, name, query, key, value);
  const [batch, queries, width] = query.shape as readonly [Dim, Dim, Dim];
  const [, keys, keyWidth] = key.shape as readonly [Dim, Dim, Dim];
  const [, valueLength, valueWidth] = value.shape as readonly [Dim, Dim, Dim];
  if (keyWidth !== width || valueLength !== keys || key.shape[0] !== batch || value.shape[0] !== batch) {
    fail(
      operator,
      name,
      `query, key and value do not belong together: ${describe(query)}, ${describe(key)}, ${describe(value)}.`,
    );
  }
  divides(operator, name, query, width, options.heads);
  divides(operator, name, value, valueWidth, options.heads);
  const { bias } = options;
  if (bias && (bias.shape.length !== 4 || bias.shape[2] !== queries || bias.shape[3] !== keys)) {
    fail(operator, name, `the bias ${describe(bias)} does not end in ${printShape([queries, keys])}.`);
  }
  return query.graph.node(
    operator,
    [query, key, value, undefined, undefined, bias],
    [{ type: query.type, shape: [batch, queries, valueWidth], name }],
    {
      num_heads: int(options.heads),
      ...optionalFloat('scale', options.scale),
      ...optionalFloat('mask_filter_value', options.maskValue),
      ...(options.causal ? { unidirectional: int(1) } : {}),
    },
    'com.microsoft',
  )[0];
}

export interface GroupQueryOptions {
  readonly heads: number;
  readonly kvHeads: number;
  readonly scale?: number;
  /** Keys that a query may read including its own (-1: all before it). */
  readonly localWindow?: number;
  readonly softcap?: number;
}

/**
 * com.microsoft GroupQueryAttention, causal self-attention. `past` holds the keys and values of earlier positions,
 * heads-first [batch, kvHeads, past, width]; `lengths` is the total length of each row of the batch minus one (int32 [batch]),
 * `total` the longest total (int32 scalar). Gives the output and the keys and values of past and present, heads-first.
 */
export function groupQueryAttention(
  query: Value,
  key: Value,
  value: Value,
  past: { readonly key: Value; readonly value: Value } | undefined,
  lengths: Value,
  total: Value,
  totalLength: Dim,
  options: GroupQueryOptions,
  name?: string,
): readonly [output: Value, presentKey: Value, presentValue: Value] {
  const operator = 'GroupQueryAttention';
  for (const x of [query, key, value]) rankOf(operator, name, x, 3);
  sameType(operator, name, query, key, value);
  const [batch, queries, width] = query.shape as readonly [Dim, Dim, Dim];
  const head = divides(operator, name, query, width, options.heads);
  const keyHead = divides(operator, name, key, key.shape[2] ?? 0, options.kvHeads);
  const valueHead = divides(operator, name, value, value.shape[2] ?? 0, options.kvHeads);
  if (head !== keyHead || head !== valueHead) {
    fail(
      operator,
      name,
      `heads of query, key and value must be equally wide: ${describe(query)}, ${describe(key)}, ${describe(value)}.`,
    );
  }
  if (options.heads % options.kvHeads !== 0) {
    fail(operator, name, `${options.kvHeads} key/value heads do not divide ${options.heads} query heads.`);
  }
  const present = { type: query.type, shape: [batch, options.kvHeads, totalLength, head] };
  return query.graph.node(
    operator,
    [query, key, value, past?.key, past?.value, lengths, total],
    [{ type: query.type, shape: [batch, queries, width], name }, present, present],
    {
      num_heads: int(options.heads),
      kv_num_heads: int(options.kvHeads),
      ...optionalFloat('scale', options.scale),
      ...optionalFloat('softcap', options.softcap),
      ...(options.localWindow === undefined ? {} : { local_window_size: int(options.localWindow) }),
    },
    'com.microsoft',
  );
}

/**
 * com.microsoft RotaryEmbedding of [batch, position, heads * width] by caches [longest, rotary width / 2] and position ids
 * (int64 [batch, position]). `interleaved` turns neighbours, otherwise halves.
 */
export function rotaryEmbedding(
  x: Value,
  positions: Value,
  cosines: Value,
  sines: Value,
  options: { readonly heads: number; readonly interleaved?: boolean; readonly rotaryWidth?: number },
  name?: string,
): Value {
  rankOf('RotaryEmbedding', name, x, 3);
  divides('RotaryEmbedding', name, x, x.shape[2] ?? 0, options.heads);
  if (positions.type !== 'int64') fail('RotaryEmbedding', name, `positions must be int64, not ${describe(positions)}.`);
  return x.graph.node(
    'RotaryEmbedding',
    [x, positions, cosines, sines],
    [{ type: x.type, shape: x.shape, name }],
    {
      interleaved: int(options.interleaved ? 1 : 0),
      num_heads: int(options.heads),
      rotary_embedding_dim: int(options.rotaryWidth ?? 0),
    },
    'com.microsoft',
  )[0];
}

function divides(operator: string, name: string | undefined, value: Value, width: Dim, heads: number): number {
  if (typeof width !== 'number' || width % heads !== 0) {
    fail(operator, name, `${heads} heads do not divide the width ${width} of ${describe(value)}.`);
  }
  return width / heads;
}

const optionalFloat = (name: string, value: number | undefined): Record<string, Attribute> =>
  value === undefined ? {} : { [name]: float(value) };
