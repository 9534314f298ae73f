/**
 * Gradient rules of recurrence.ts. The runtime computes each of its operators in one node, which keeps no intermediate values. Here it is
 * computed again in an equal form, made of operators that have rules, and that form is differentiated.
 *
 * LinearAttention in blocks of C positions (arXiv:2412.06464, section 3.3): with S the state in front of a block, g_t the decays, G_t
 * their sum in the block up to t, and a_ti = exp(G_t - G_i), which are at most 1,
 *   u = v, or by the delta rules the solution of u_t = beta_t (v_t - exp(G_t) k_t S - sum over i < t of a_ti (k_t . k_i) u_i),
 *   o_t = scale (exp(G_t) q_t S + sum over i <= t of a_ti (q_t . k_i) u_i), and S exp(G_C) + sum of a_Ci k_i u_i behind it.
 * So one state is kept for each block, not for each position. The equations of u are solved by halves, which is as exact as solving them
 * row by row. Powers of their matrix would not be, since they grow if keys resemble each other.
 */
import { multiplyDims, type Dim } from '../dims';
import type { Value } from '../records';
import { scan } from './control';
import { dimOf, shapeOf, sliceBy } from './dynamic';
import { add, exponential, greater, multiply, negate, sigmoid, subtract, where } from './elementwise';
import { floatOf, inputOf, intOf, textOf, zerosLike, type GradientRule, type GradientRules } from './gradient-rule';
import { concat, reshape, slice, transpose } from './layout';
import { fusedMatmul, matmul } from './matrix';
import { reduceSum } from './reduce';

/** Positions of a block; fewer if each row of the state has a decay of its own, as their exponents take C x C x rows numbers. */
export const recurrenceBlock = { head: 32, row: 16 } as const;

/** How many positions the blocks hold together; the last ones may be padding after the text. */
interface Blocks {
  readonly size: number;
  readonly count: Dim;
  /** [b, n, ..]; gives the number of positions of the text. */
  readonly like: Value;
}

function blocksOf(like: Value, size: number): Blocks {
  const length = like.shape[1] ?? 1;
  const count =
    typeof length === 'number' ? Math.ceil(length / size) : `blocks of ${String(length).replaceAll(/\W+/g, '_')}`;
  return { size, count, like };
}

/** x [b, n, groups d] in blocks, each group repeated `heads` / `groups` times: [blocks, b, heads, C, d]; zeros after the text. */
function inBlocks(x: Value, groups: number, heads: number, { size, count }: Blocks): Value {
  const { graph, type } = x;
  const [batch = 1, , width = 1] = x.shape;
  const int64 = (numbers: readonly number[]): Value => graph.constant('int64', [numbers.length], numbers);
  const missing = graph.node(
    'Mod',
    [negate(reshape(dimOf(x, 1), [1])), int64([size])],
    [{ type: 'int64', shape: [1] }],
  )[0];
  const amounts = concat([int64([0, 0, 0, 0]), missing, int64([0])], 0);
  const whole = [batch, multiplyDims(count, size), width];
  const padded = graph.node('Pad', [x, amounts, graph.constant(type, [], [0])], [{ type, shape: whole }])[0];
  const each = reshape(padded, [batch, count, size, groups, 1, Number(width) / groups]);
  const ones = graph.constant(type, [heads / groups, 1], new Array<number>(heads / groups).fill(1));
  const all = reshape(multiply(each, ones), [batch, count, size, heads, Number(width) / groups]);
  return transpose(all, [1, 0, 3, 2, 4]);
}

/** The gradient of x from that of `inBlocks(x, groups, heads, blocks)`. */
function outOfBlocks(gradient: Value, groups: number, { like, count, size }: Blocks): Value {
  const [, batch = 1, heads = 1, , width = 1] = gradient.shape;
  const rows = transpose(gradient, [1, 0, 3, 2, 4]);
  const shared = Number(heads) / groups;
  const sum = reduceSum(reshape(rows, [batch, count, size, groups, shared, width]), [4], false);
  const whole = reshape(sum, [batch, multiplyDims(count, size), groups * Number(width)]);
  const zero = like.graph.constant('int64', [1], [0]);
  return sliceBy(whole, 1, zero, shapeOf(like, 1, 2), like.shape[1] ?? 1);
}

/** [C, C]: 1 where the column comes before the row, or, with `own`, is the same. */
const earlier = (like: Value, size: number, own: boolean): Value =>
  like.graph.constant(
    like.type,
    [size, size],
    Array.from({ length: size * size }, (_, at) => {
      const distance = Math.floor(at / size) - (at % size);
      return distance > 0 || (own && distance === 0) ? 1 : 0;
    }),
  );

/** The exponent for what no row reads. */
const never = -1e30;

/** a_ti (x_t . k_i) [b, h, C, C] of x and k [b, h, C, d], for the i of `mask`; sums G of decays [b, h, C, 1 or d]. */
function pairs(x: Value, key: Value, sums: Value | undefined, mask: Value): Value {
  if (!sums) return multiply(fusedMatmul(x, key, { transposeB: true }), mask);
  const shown = greater(mask, 0);
  if (sums.shape[3] === 1) {
    const exponents = subtract(sums, transpose(sums, [0, 1, 3, 2]));
    return multiply(fusedMatmul(x, key, { transposeB: true }), exponential(where(shown, exponents, never)));
  }
  const [batch = 1, heads = 1, size = 1, width = 1] = sums.shape;
  const [rows, columns] = [
    [batch, heads, size, 1, width],
    [batch, heads, 1, size, width],
  ] as const;
  const exponents = subtract(reshape(sums, rows), reshape(sums, columns));
  const decays = exponential(where(reshape(shown, [size, size, 1]), exponents, never));
  return reduceSum(multiply(multiply(reshape(x, rows), reshape(key, columns)), decays), [4], false);
}

/** The inverse of 1 + `lower`, where `lower` is 0 on and above its diagonal. The inverse of a diagonal block comes from those of its halves. */
function inverse(lower: Value, size: number): Value {
  const { graph, type } = lower;
  const matrix = (of: (row: number, column: number) => boolean): Value =>
    graph.constant(
      type,
      [size, size],
      Array.from({ length: size * size }, (_, at) => (of(Math.floor(at / size), at % size) ? 1 : 0)),
    );
  let found = matrix((row, column) => row === column);
  for (let half = 1; half < size; half *= 2) {
    const between = matrix(
      (row, column) =>
        Math.floor(row / (2 * half)) === Math.floor(column / (2 * half)) &&
        Math.floor(row / half) > Math.floor(column / half),
    );
    const block = multiply(lower, between);
    // The first halves are single rows, whose inverses are 1.
    found = subtract(found, half === 1 ? block : matmul(matmul(found, block), found));
  }
  return found;
}

const linearAttentionRule: GradientRule = (applied, given) => {
  const { node, graph, back } = applied;
  const [query, key, value] = [0, 1, 2].map((at) => inputOf(applied, at)) as [Value, Value, Value];
  const [past, decay, beta] = [3, 4, 5].map((at) => applied.inputs[at]);
  const delta = textOf(node, 'update_rule', '').endsWith('delta');
  const heads = intOf(node, 'kv_num_heads', 1);
  const scale = floatOf(node, 'scale', 1);
  const [, , rows = 1] = applied.outputs[1]?.shape ?? [];
  const groups = {
    query: intOf(node, 'q_num_heads', 1),
    key: Number(key.shape[2]) / Number(rows),
    decay: heads,
    beta: Number(beta?.shape[2] ?? 1),
  };
  const blocks = blocksOf(value, decay && decay.shape[2] !== heads ? recurrenceBlock.row : recurrenceBlock.head);
  const { size } = blocks;
  const cut = {
    query: inBlocks(query, groups.query, heads, blocks),
    key: inBlocks(key, groups.key, heads, blocks),
    value: inBlocks(value, heads, heads, blocks),
    ...(decay ? { decay: inBlocks(decay, heads, heads, blocks) } : {}),
    ...(beta ? { beta: inBlocks(beta, groups.beta, heads, blocks) } : {}),
  };
  const first = past ?? zerosLike(applied.outputs[1]!);
  const names = Object.keys(cut) as (keyof typeof cut)[];

  const since = graph.nodes.length;
  const { states, outputs } = scan(
    [first],
    names.map((name) => cut[name]!),
    ([state], slices) => {
      const of = (name: keyof typeof cut): Value => slices[names.indexOf(name)]!;
      const [q, k, v] = [of('query'), of('key'), of('value')];
      const upTo = earlier(q, size, true);
      const sums = decay ? matmul(upTo, of('decay')) : undefined;
      const decayed = (x: Value): Value => (sums ? multiply(x, exponential(sums)) : x);
      let taken = v;
      if (delta) {
        const strength = of('beta');
        const lower = multiply(pairs(k, k, sums, earlier(q, size, false)), strength);
        const read = subtract(v, matmul(decayed(k), state!));
        taken = matmul(inverse(lower, size), multiply(read, strength));
      }
      const shown = add(matmul(decayed(q), state!), matmul(pairs(q, k, sums, upTo), taken));
      const last = sums && slice(sums, 2, size - 1, size);
      const kept = last ? multiply(state!, exponential(transpose(last, [0, 1, 3, 2]))) : state!;
      const written = last ? multiply(k, exponential(subtract(last, sums))) : k;
      return {
        states: [add(kept, fusedMatmul(written, taken, { transposeA: true }))],
        outputs: [scale === 1 ? shown : multiply(shown, scale)],
      };
    },
    'LinearAttention.blocks',
  );
  const [ofOutput, ofState] = given;
  const found = back(
    graph,
    since,
    [
      ...(ofOutput ? [[outputs[0]!, inBlocks(ofOutput, heads, heads, blocks)] as const] : []),
      ...(ofState ? [[states[0]!, ofState] as const] : []),
    ],
    [first, ...names.map((name) => cut[name]!)],
  );
  const whole = (name: keyof typeof cut, count: number) => (): Value | undefined => {
    const gradient = found[1 + names.indexOf(name)];
    return gradient && outOfBlocks(gradient, count, blocks);
  };
  return [
    whole('query', groups.query),
    whole('key', groups.key),
    whole('value', heads),
    past && (() => found[0]),
    decay && whole('decay', heads),
    beta && whole('beta', groups.beta),
  ];
};

/** With z the inputs before the first position, followed by x: y_t = bias + the sum over s of weight_s z_(t + s). */
const causalConvolutionRule: GradientRule = (applied, given) => {
  const { node, graph, back } = applied;
  const [x, weight] = [inputOf(applied, 0), inputOf(applied, 1)];
  const [bias, past] = [applied.inputs[2], applied.inputs[3]];
  const [channels = 1, , kernel] = weight.shape;
  const size = Number(kernel);
  const [, , length = 1] = x.shape;
  const all = concat([past ?? zerosLike(applied.outputs[1]!), x], 2);
  const rows = shapeOf(x, 2, 3);

  const since = graph.nodes.length;
  const taps = Array.from({ length: size }, (_, s) => {
    const start = x.graph.constant('int64', [1], [s]);
    const own = reshape(slice(weight, 2, s, s + 1), [channels, 1]);
    return multiply(sliceBy(all, 2, start, add(rows, start), length), own);
  });
  const sum = taps.reduce((total, tap) => add(total, tap));
  const mapped = bias ? add(sum, reshape(bias, [channels, 1])) : sum;
  const output = textOf(node, 'activation', 'none') === 'silu' ? multiply(mapped, sigmoid(mapped)) : mapped;
  const end = x.graph.constant('int64', [1], [2 ** 31 - 1]);
  const state = sliceBy(all, 2, rows, end, size - 1);
  const [ofOutput, ofState] = given;
  const found = back(
    graph,
    since,
    [...(ofOutput ? [[output, ofOutput] as const] : []), ...(ofState && size > 1 ? [[state, ofState] as const] : [])],
    [all, weight, ...(bias ? [bias] : [])],
  );
  const [ofAll] = found;
  return [
    () => ofAll && slice(ofAll, 2, size - 1),
    () => found[1],
    bias && (() => found[2]),
    past && (() => ofAll && slice(ofAll, 2, 0, size - 1)),
  ];
};

export const recurrenceRules: GradientRules = {
  LinearAttention: linearAttentionRule,
  CausalConvWithState: causalConvolutionRule,
};
