/**
 * The recurrences of onnxruntime 1.30 (com.microsoft, float32 on the cpu): a state for each head that is read by queries, and a causal
 * convolution that remembers its last inputs.
 */
import { divideDims, printShape, type Dim } from '../dims';
import { float, int, text, type Value } from '../records';
import { describe, fail, rankOf, sameType } from './checks';

/**
 * How the state S [d_k, d_v] of a head changes at a token, before it is read as output = scale S^T q:
 * - `linear`: S + k v^T
 * - `gated`: exp(g) S + k v^T
 * - `delta`: S + beta k (v - S^T k)^T
 * - `gated_delta`: the same with exp(g) S for S.
 */
export interface LinearAttentionOptions {
  readonly rule: 'linear' | 'gated' | 'delta' | 'gated_delta';
  /** Heads of the query, which divide `heads`: neighbouring heads share one. */
  readonly queryHeads: number;
  /** Heads of the value, each with a state. */
  readonly heads: number;
  /** g, at most 0: [b, n, heads], or [b, n, heads d_k] with a decay for each row of the state. */
  readonly decay?: Value | undefined;
  /** [b, n, heads] or [b, n, 1]. */
  readonly beta?: Value | undefined;
  /** The state before the first token, [b, heads, d_k, d_v]; absent: zeros. */
  readonly past?: Value | undefined;
  /** Absent: 1. */
  readonly scale?: number;
}

/**
 * LinearAttention of query [b, n, queryHeads d_k], key [b, n, (heads of keys) d_k] and value [b, n, heads d_v]; neighbouring heads of the
 * value share a key where there are fewer. Gives [b, n, heads d_v] and the state after the last token.
 */
export function linearAttention(
  query: Value,
  key: Value,
  value: Value,
  options: LinearAttentionOptions,
  name?: string,
): { readonly output: Value; readonly state: Value } {
  const operator = 'LinearAttention';
  const { rule, queryHeads, heads, decay, beta, past, scale = 1 } = options;
  const given = [query, key, value, ...[decay, beta].filter((each) => each !== undefined)];
  for (const each of given) rankOf(operator, name, each, 3);
  sameType(operator, name, ...given, ...(past ? [past] : []));
  const [batch = 1, length = 1] = query.shape;
  const other = given.find(({ shape }) => shape[0] !== batch || shape[1] !== length);
  if (other) fail(operator, name, `${describe(query)} and ${describe(other)} are not of the same tokens.`);
  const width = Number(shareOf(operator, name, query, queryHeads));
  const valueWidth = shareOf(operator, name, value, heads);
  const keyHeads = Number(key.shape[2]) / width;
  if (heads % queryHeads !== 0 || !Number.isInteger(keyHeads) || heads % keyHeads !== 0) {
    fail(operator, name, `the heads of ${describe(query)} and ${describe(key)} do not divide ${heads} heads.`);
  }
  if ((decay !== undefined) !== rule.startsWith('gated') || (beta !== undefined) !== rule.endsWith('delta')) {
    fail(
      operator,
      name,
      `the rule "${rule}" takes ${decay ? 'no decay' : 'a decay'} or ${beta ? 'no beta' : 'a beta'}.`,
    );
  }
  if (decay && decay.shape[2] !== heads && decay.shape[2] !== heads * width) {
    fail(operator, name, `${describe(decay)} has no decay for each of ${heads} heads, or of their ${width} rows.`);
  }
  if (beta && beta.shape[2] !== heads && beta.shape[2] !== 1) {
    fail(operator, name, `${describe(beta)} has no factor for each of ${heads} heads.`);
  }
  const state = [batch, heads, width, valueWidth];
  if (past && past.shape.join() !== state.join()) {
    fail(operator, name, `the past state ${describe(past)} is not ${printShape(state)}.`);
  }
  const [output, present] = query.graph.node(
    operator,
    [query, key, value, past, decay, beta],
    [
      { type: query.type, shape: value.shape, name },
      { type: query.type, shape: state },
    ],
    { update_rule: text(rule), q_num_heads: int(queryHeads), kv_num_heads: int(heads), scale: float(scale) },
    'com.microsoft',
  );
  return { output, state: present };
}

/**
 * CausalConvWithState: each channel of x [b, c, n] with a kernel of its own, `weight` [c, 1, k], whose last number is that of the token
 * itself. `past` [b, c, k - 1] holds the inputs before the first token (absent: zeros); gives those after the last one beside the output.
 */
export function causalConvolution(
  x: Value,
  weight: Value,
  bias: Value | undefined,
  past: Value | undefined,
  activation: 'none' | 'silu' = 'none',
  name?: string,
): { readonly output: Value; readonly state: Value } {
  const operator = 'CausalConvWithState';
  for (const each of [x, weight, ...(past ? [past] : [])]) rankOf(operator, name, each, 3);
  sameType(operator, name, x, weight, ...[bias, past].filter((each) => each !== undefined));
  const [batch = 1, channels = 1] = x.shape;
  const [kernels, one, size] = weight.shape;
  if (kernels !== channels || one !== 1) {
    fail(operator, name, `${describe(weight)} holds no kernel for each channel of ${describe(x)}.`);
  }
  const state: readonly Dim[] = [batch, channels, Number(size) - 1];
  if (past && past.shape.join() !== state.join()) {
    fail(operator, name, `the past inputs ${describe(past)} are not ${printShape(state)}.`);
  }
  const [output, present] = x.graph.node(
    operator,
    [x, weight, bias, past],
    [
      { type: x.type, shape: x.shape, name },
      { type: x.type, shape: state },
    ],
    { ndim: int(1), activation: text(activation) },
    'com.microsoft',
  );
  return { output, state: present };
}

/** Width of one of several heads side by side. */
function shareOf(operator: string, name: string | undefined, value: Value, heads: number): Dim {
  const width = divideDims(value.shape[2] ?? 0, heads);
  if (width === undefined) fail(operator, name, `${heads} heads do not divide ${describe(value)}.`);
  return width;
}
