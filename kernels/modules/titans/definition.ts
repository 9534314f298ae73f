/**
 * A Titans block in float64, token by token (arXiv:2501.00663, sections 3 and 4). With u = norm(x) w [n, D], C a causal depthwise
 * convolution, heads of width d = D / h, and (x) of two rows sigmoid(norm(m) w_m) norm(y) w_y (gated below):
 *
 *   Mem(u): q = unit(C_q(u W_q)), k = unit(C_k(u W_k)), v = silu(C_v(u W_v)), unit(z) = silu(z) / |silu(z)| for each head;
 *     alpha, theta, eta = sigmoid(u W + b), a number each for a token and head, theta times the largest step;
 *     S_t = eta S_(t-1) - theta grad, Phi_t = (1 - alpha) Phi_(t-1) + S_t, grad that of |M(k_t; Phi~) - v_t|^2 / 2 at the start
 *     of the chunk; Mem_t = M(q_t; Phi_t), heads joined;
 *   memory:  x + (norm(Mem(u)) w (.) sigmoid(u G)) W_o;
 *   layer:   x + SWA((norm(Mem([P | u])) w (.) sigmoid([P | u] G)) W_o);
 *   gate:    x + (Mem([P | u]) (x) SWA(u, P visible)) W_o;
 *   context: h = M(q; Phi before the segment); y = Attn([P | h | u], token i reads h_j and u_j for j <= i of its segment, and P);
 *     the memory learns from y (k, v, gates of y); x + (M(q(y_i); Phi_i) (x) y_i) W_o.
 */
import { gradientsOf, answerOf, type Network } from '../../mechanisms/titans/network';
import { learnOne, unit, type Gates, type Memory } from '../../mechanisms/titans/memory';
import { memoryLayers } from '../../mechanisms/titans/layers';
import type { ModuleCall, Tensors } from '../../module';
import { joined, linear, mapped, product, reshaped, sigmoid, sliced, splitHeads, sum } from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { headWidth, learnedBefore, memoryShape, memoryWeightName, type TitansParameters } from './parameters';

/** In the mean square of the norms. */
export const normEpsilon = 1e-6;

/** x / sqrt(mean of x^2 + 1e-6) times the gain, over the last axis. */
export function rootMeanSquareNorm(x: Tensor, gain: Tensor): Tensor {
  const width = x.shape.at(-1)!;
  const scale = Array.from({ length: x.data.length / width }, (_, row) => {
    const squares = x.data.subarray(row * width, (row + 1) * width).reduce((total, each) => total + each * each, 0);
    return 1 / Math.sqrt(squares / width + normEpsilon);
  });
  return mapped(x, (each, at) => each * scale[Math.floor(at / width)]! * gain.data[at % width]!);
}

/** Each channel of [b, n, D] with its own kernel [D, 1, k] over its own and the k - 1 tokens before; the last tap is its own. */
export function causalConvolution(x: Tensor, kernel: Tensor): Tensor {
  const [, tokens, width] = x.shape as [number, number, number];
  const taps = kernel.shape[2]!;
  return mapped(x, (_, at) => {
    const [channel, token] = [at % width, Math.floor(at / width) % tokens];
    let total = 0;
    for (let back = 0; back < Math.min(taps, token + 1); back++) {
      total += kernel.data[channel * taps + taps - 1 - back]! * x.data[at - back * width]!;
    }
    return total;
  });
}

const weight = (weights: Tensors, name: string): Tensor => weightOf(weights, `${name}.weight`);

/** Convolved projections, heads apart [b, h, n, d]; queries and keys before `unit`, values before SiLU. */
const projected = (u: Tensor, weights: Tensors, name: string, heads: number): Tensor =>
  splitHeads(causalConvolution(linear(u, weight(weights, `to_${name}`)), weight(weights, `conv_${name}`)), heads);

/** Numbers of every token, [b, n, h] each. */
function gatesOf(u: Tensor, weights: Tensors, parameters: TitansParameters) {
  const { forgetting, momentum, rate, freeze, reset, heads } = parameters;
  const [before, rows] = [learnedBefore(parameters), u.shape[1]!];
  const gate = (name: string, change: (value: number, token: number) => number): Tensor => {
    const all = sigmoid(linear(u, weight(weights, name), weightOf(weights, `${name}.bias`)));
    return mapped(all, (value, at) => change(value, (Math.floor(at / heads) % rows) - before));
  };
  return {
    forget: gate('to_decay_factor', (value, token) => (reset > 0 && token === reset ? 1 : forgetting ? value : 0)),
    learn: gate('to_adaptive_step', (value, token) => (freeze > 0 && token >= freeze ? 0 : rate * value)),
    keep: gate('to_momentum', (value) => (momentum ? value : 0)),
  };
}

/** What the memories did, token by token, persistent ones included: [b, h, n] each. */
interface MemoryTrace {
  /** |grad| of the loss by all weights of the memory: the surprise. */
  readonly surprise: Tensor;
  /** |M(k_t; Phi_(t-1)) - v_t|^2 / 2, before the token is learned. */
  readonly loss: Tensor;
  /** alpha, theta and eta. */
  readonly forget: Tensor;
  readonly learn: Tensor;
  readonly keep: Tensor;
}

function emptyTrace({ batch, heads }: TitansParameters, rows: number): MemoryTrace {
  const shape = [batch, heads, rows];
  return {
    surprise: zeros(shape),
    loss: zeros(shape),
    forget: zeros(shape),
    learn: zeros(shape),
    keep: zeros(shape),
  };
}

function initialMemory({ weights }: ModuleCall, parameters: TitansParameters, head: number): Memory {
  const initial: Network = memoryLayers(memoryShape(parameters, 1), parameters).map(({ rows, columns }, layer) => {
    const size = rows * columns;
    return tensor(
      [rows, columns],
      weightOf(weights, memoryWeightName(layer)).data.slice(head * size, (head + 1) * size),
    );
  });
  return { memory: initial, surprise: initial.map(({ shape }) => zeros(shape)), start: initial };
}

/** The memories of all heads of a batch: learn tokens from rows of keys, values and gates, and are read by queries. */
class Memories {
  readonly states: Memory[];
  readonly trace: MemoryTrace;
  constructor(
    private readonly call: ModuleCall,
    private readonly parameters: TitansParameters,
    rows: number,
  ) {
    const { batch, heads } = parameters;
    this.states = Array.from({ length: batch * heads }, (_, at) => initialMemory(call, parameters, at % heads));
    this.trace = emptyTrace(parameters, rows);
  }

  /** Learns rows [from, to) of `u` [b, n, D] one by one, and writes the joined answers of the memories, [b, n, D]. */
  learn(u: Tensor, from: number, to: number, output: Tensor): void {
    const { call, parameters, trace } = this;
    const { heads, chunk, width } = parameters;
    const d = headWidth(parameters);
    const [queries, keys, values] = ['queries', 'keys', 'values'].map((name) =>
      projected(u, call.weights, name, heads),
    ) as [Tensor, Tensor, Tensor];
    const gates = gatesOf(u, call.weights, parameters);
    const [rows, before] = [u.shape[1]!, learnedBefore(parameters)];
    this.states.forEach((_, at) => {
      const [b, head] = [Math.floor(at / heads), at % heads];
      for (let i = from; i < to; i++) {
        let state = this.states[at]!;
        if ((i - before) % chunk === 0) state = { ...state, start: state.memory };
        const row = (at * rows + i) * d;
        const key = unit(keys.data, row, d);
        const value = values.data.slice(row, row + d).map((each) => each / (1 + Math.exp(-each)));
        const gate = (name: keyof Gates): number => gates[name].data[(b * rows + i) * heads + head]!;
        const own: Gates = { forget: gate('forget'), learn: gate('learn'), keep: gate('keep') };
        const place = at * trace.loss.shape[2]! + i;
        const error = answerOf(state.memory, key).map((each, x) => each - value[x]!);
        trace.loss.data[place] = error.reduce((total, each) => total + each * each, 0) / 2;
        trace.surprise.data[place] = Math.hypot(
          ...gradientsOf(state.start, key, value).map(({ data }) =>
            Math.sqrt(data.reduce((total, each) => total + each * each, 0)),
          ),
        );
        for (const name of ['forget', 'learn', 'keep'] as const) trace[name].data[place] = own[name];
        state = learnOne(state, key, value, own);
        this.states[at] = state;
        output.data.set(answerOf(state.memory, unit(queries.data, row, d)), (b * rows + i) * width + head * d);
      }
    });
  }

  /** What the memories answer now for the queries of rows [from, to), joined, into `output` [b, n, D]. */
  read(u: Tensor, from: number, to: number, output: Tensor): void {
    const { heads, width } = this.parameters;
    const d = headWidth(this.parameters);
    const queries = projected(u, this.call.weights, 'queries', heads);
    const rows = u.shape[1]!;
    this.states.forEach(({ memory }, at) => {
      for (let i = from; i < to; i++) {
        const answer = answerOf(memory, unit(queries.data, (at * rows + i) * d, d));
        output.data.set(answer, (Math.floor(at / heads) * rows + i) * width + (at % heads) * d);
      }
    });
  }
}

/** sigmoid(norm(memory) w_m) norm(attention) w_y over the joined heads. */
const gated = (memory: Tensor, attention: Tensor, weights: Tensors): Tensor =>
  product(
    sigmoid(rootMeanSquareNorm(memory, weight(weights, 'memory_norm'))),
    rootMeanSquareNorm(attention, weight(weights, 'attention_norm')),
  );

/** Multi-head attention of rows [b, n, D] over other rows [b, m, D] where `reads` says so. */
function attended(
  from: Tensor,
  over: Tensor,
  weights: Tensors,
  heads: number,
  reads: (query: number, key: number) => boolean,
): Tensor {
  const [batch, n, width] = from.shape as [number, number, number];
  const [m, d] = [over.shape[1]!, width / heads];
  const part = (x: Tensor, name: string): Tensor => linear(x, weight(weights, `attention.to_${name}`));
  const [q, k, v] = [part(from, 'q').data, part(over, 'k').data, part(over, 'v').data];
  const output = zeros(from.shape);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) {
      const read = Array.from({ length: m }, (_, j) => j).filter((j) => reads(i, j));
      for (let first = 0; first < width; first += d) {
        const scores = read.map((j) => {
          let total = 0;
          for (let x = first; x < first + d; x++) total += q[(b * n + i) * width + x]! * k[(b * m + j) * width + x]!;
          return total / Math.sqrt(d);
        });
        const most = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - most));
        const whole = shares.reduce((total, each) => total + each, 0);
        read.forEach((j, at) => {
          for (let x = first; x < first + d; x++) {
            output.data[(b * n + i) * width + x]! += (shares[at]! / whole) * v[(b * m + j) * width + x]!;
          }
        });
      }
    }
  }
  return part(output, 'out');
}

/** The persistent tokens in front of every sequence. */
function behindPersistent(u: Tensor, { weights }: ModuleCall): Tensor {
  const rows = weights['persistent_memory'];
  if (!rows) return u;
  const one = reshaped(rows, [1, ...rows.shape]);
  return joined(
    [
      joined(
        Array.from({ length: u.shape[0]! }, () => one),
        0,
      ),
      u,
    ],
    1,
  );
}

/** Segments one after another: the memories answer, attention reads, the memories learn its outputs. */
function inContext(u: Tensor, call: ModuleCall, parameters: TitansParameters) {
  const { tokens, heads, window, persistent } = parameters;
  const memories = new Memories(call, parameters, tokens);
  const [answers, y, read] = [zeros(u.shape), zeros(u.shape), zeros(u.shape)];
  for (let from = 0; from < tokens; from += window) {
    const to = Math.min(tokens, from + window);
    const length = to - from;
    memories.read(u, from, to, answers);
    const own = sliced(u, 1, from, to);
    const over = behindPersistent(joined([sliced(answers, 1, from, to), own], 1), call);
    const segment = attended(
      own,
      over,
      call.weights,
      heads,
      (i, j) => j < persistent || (j - persistent) % length <= i,
    );
    const size = segment.data.length / parameters.batch;
    for (let b = 0; b < parameters.batch; b++) {
      y.data.set(segment.data.subarray(b * size, (b + 1) * size), (b * tokens + from) * parameters.width);
    }
    memories.learn(y, from, to, read);
  }
  return { mixed: gated(read, y, call.weights), trace: memories.trace };
}

/**
 * For a memory of one layer: what the gradient of row i weighs in the answer at row t, W_ti (q_t . k_i), of head `head` of the first
 * sequence; not of the form `context`, whose memory reads attention. W by its recurrence: step_t = eta_t step_(t-1) and theta_i
 * where i = t, W_t = (1 - alpha_t) W_(t-1) + step_t.
 */
export function memoryReads(call: ModuleCall, parameters: TitansParameters, head: number): number[][] {
  const { weights, inputs } = call;
  const { form, heads } = parameters;
  const own = rootMeanSquareNorm(inputs['x']!, weight(weights, 'norm'));
  const u = form === 'memory' ? own : behindPersistent(own, call);
  const [rows, d] = [u.shape[1]!, headWidth(parameters)];
  const unitRows = (name: string): Float64Array[] => {
    const { data } = projected(u, weights, name, heads);
    return Array.from({ length: rows }, (_, i) => unit(data, (head * rows + i) * d, d));
  };
  const [queries, keys] = [unitRows('queries'), unitRows('keys')];
  const gates = gatesOf(u, weights, parameters);
  const at = (gate: Tensor, i: number): number => gate.data[i * heads + head]!;
  const [step, total] = [new Float64Array(rows), new Float64Array(rows)];
  return queries.map((query, t) => {
    for (let i = 0; i <= t; i++) {
      step[i] = i === t ? at(gates.learn, t) : at(gates.keep, t) * step[i]!;
      total[i] = (1 - at(gates.forget, t)) * total[i]! + step[i]!;
    }
    return Array.from(total, (share, i) => share * keys[i]!.reduce((sum, each, x) => sum + each * query[x]!, 0));
  });
}

export interface TitansRun {
  readonly output: Tensor;
  readonly trace: MemoryTrace;
}

export function titansBlock(call: ModuleCall, parameters: TitansParameters): TitansRun {
  const { inputs, weights } = call;
  const { form, tokens, heads, window, persistent } = parameters;
  const x = inputs['x']!;
  const u = rootMeanSquareNorm(x, weight(weights, 'norm'));
  const combine = (y: Tensor): Tensor => linear(y, weight(weights, 'combine_heads'));
  if (form === 'context') {
    const { mixed, trace } = inContext(u, call, parameters);
    return { output: sum(x, combine(mixed)), trace };
  }
  const all = form === 'memory' ? u : behindPersistent(u, call);
  const rows = all.shape[1]!;
  const memories = new Memories(call, parameters, rows);
  const read = zeros(all.shape);
  memories.learn(all, 0, rows, read);
  const { trace } = memories;
  const last = (y: Tensor): Tensor => sliced(y, 1, rows - tokens, rows);
  if (form === 'gate') {
    const reads = (i: number, j: number): boolean =>
      j < persistent || (j - persistent <= i && j - persistent > i - window);
    return { output: sum(x, combine(gated(last(read), attended(u, all, weights, heads, reads), weights))), trace };
  }
  const open = sigmoid(linear(all, weight(weights, 'to_gate')));
  const y = combine(product(rootMeanSquareNorm(read, weight(weights, 'memory_norm')), open));
  if (form === 'memory') return { output: sum(x, y), trace };
  const over = attended(y, y, weights, heads, (i, j) => j <= i && j > i - window);
  return { output: sum(x, last(over)), trace };
}
