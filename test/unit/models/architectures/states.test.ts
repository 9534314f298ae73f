/** Recurrences against loops in float64, position by position, written from their published definitions. */
import assert from 'node:assert/strict';
import { openSession } from '../../../../compute-server/runtime/session';
import { gradients } from '../../../../kernels/gradient/gradients';
import { GraphBuilder } from '../../../../kernels/graph/builder';
import { add, multiply } from '../../../../kernels/graph/operators/elementwise';
import { reshape, transpose } from '../../../../kernels/graph/operators/layout';
import { causalConvolution } from '../../../../kernels/graph/operators/recurrence';
import type { Value } from '../../../../kernels/graph/records';
import { random } from '../../../../kernels/tensors/random';
import { effectiveOfBlocks } from '../../../../models/architectures/states/channels';
import { deltaRule } from '../../../../models/architectures/states/gated-delta';
import { applied, effectiveAttention, type Recurrence } from '../../../../models/architectures/states/effective';
import { lightningRule, lightningSlopes } from '../../../../models/architectures/states/lightning';
import { decayingSum, gatedUnit, unitByChannels } from '../../../../models/architectures/states/real-gated';
import { channelwise, selectiveScan } from '../../../../models/architectures/states/selective-scan';
import { convolutionBand } from '../../../../models/architectures/states/short-convolution';
import { effectiveWkv6, wkv6 } from '../../../../models/architectures/states/matrix-wkv';
import { effectiveWkv, wkv } from '../../../../models/architectures/states/wkv';
import { stateSpaceDual } from '../../../../models/architectures/states/mamba2';

/** [n, width] of one text, numbers that float32 holds. */
interface Rows {
  readonly width: number;
  readonly data: Float32Array;
}

const length = 37;
const drawn = random(5);
const rows = (width: number, draw: () => number = () => drawn.normal()): Rows => ({
  width,
  data: Float32Array.from({ length: length * width }, draw),
});
const at = ({ width, data }: Rows, token: number, index: number): number => data[token * width + index]!;
const below0 = (): number => -2 * drawn.uniform();
const zeros = (size: number): Float64Array => new Float64Array(size);

type Outputs = Readonly<Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>>;

const mapped = <T, U>(given: Readonly<Record<string, T>>, to: (value: T, name: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, to(value, name)]));

/**
 * Runs a graph on the text in chunks of these lengths, which hand on the values whose names begin with `past.` and come out as
 * `next.`; what else comes out is joined along the axis of positions.
 */
async function inChunks(
  build: (graph: GraphBuilder) => void,
  inputs: Readonly<Record<string, Rows>>,
  first: Outputs,
  chunks: readonly number[],
): Promise<readonly Outputs[]> {
  const graph = new GraphBuilder('recurrence');
  build(graph);
  const session = await openSession(graph.finishDynamic(), { device: 'cpu', threads: 1 });
  try {
    const given: Outputs[] = [];
    let past = first;
    let from = 0;
    for (const count of chunks) {
      const cut = mapped(inputs, ({ width, data }) => ({
        data: data.subarray(from * width, (from + count) * width),
        shape: [1, count, width],
      }));
      const out = (await session.run({ ...cut, ...past })) as unknown as Outputs;
      past = Object.fromEntries(Object.keys(first).map((name) => [name, out[name.replace('past.', 'next.')]!]));
      given.push(out);
      from += count;
    }
    return given;
  } finally {
    await session.release();
  }
}

const nothing = (...shape: number[]): Outputs[string] => ({
  data: new Float32Array(shape.reduce((product, dim) => product * dim, 1)),
  shape,
});

/** Everything at once, position by position, and chunks of several lengths. */
const cuts = [[length], new Array<number>(length).fill(1), [5, 16, 1, 15]];

interface Case {
  readonly heads: number;
  readonly valueDim: number;
  /** With `value`, [n, heads values]. */
  readonly inputs: Readonly<Record<string, Rows>> & { readonly value: Rows };
  /** What is handed from chunk to chunk, [1, ..]; the graph reads `past.x` and gives `next.x`. */
  readonly states: Readonly<Record<string, readonly number[]>>;
  /** Output [1, n, heads, values], the states, effective attention. */
  readonly build: (
    inputs: Readonly<Record<string, Value>>,
    past: Readonly<Record<string, Value>>,
  ) => { readonly output: Value; readonly matrix: Value; readonly next: Readonly<Record<string, Value>> };
  /** Outputs [n, heads, values], in float64. */
  readonly definition: () => Float64Array;
}

/** Both what the recurrence gives and what its effective attention makes of the values, within 1e-5 of the largest output. */
async function assertRight({ heads, valueDim, inputs, states, build, definition }: Case): Promise<void> {
  const expected = definition();
  const most = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  assert.ok(most > 0.1);
  for (const chunks of cuts) {
    const given = await inChunks(
      (graph) => {
        const values = mapped(inputs, ({ width }, name) => graph.input(name, 'float32', [1, 'n', width]));
        const past = mapped(states, (shape, name) =>
          graph.input(
            `past.${name}`,
            'float32',
            shape.map((dim) => (dim === 0 ? 'past' : dim)),
          ),
        );
        const { output, matrix, next } = build(values, past);
        graph.output(output, 'output');
        graph.output(matrix, 'matrix');
        for (const [name, state] of Object.entries(next)) graph.output(state, `next.${name}`);
      },
      inputs,
      Object.fromEntries(Object.entries(states).map(([name, shape]) => [`past.${name}`, nothing(...shape)])),
      chunks,
    );
    let row = 0;
    for (const { output, matrix } of given) {
      const [, , count, keys] = matrix!.shape as [number, number, number, number];
      for (let i = 0; i < count; i++, row++) {
        for (let h = 0; h < heads; h++) {
          const weights = matrix!.data.subarray((h * count + i) * keys, (h * count + i + 1) * keys);
          assert.equal(keys, row - i + count);
          assert.ok(
            weights.subarray(row + 1).every((weight) => weight === 0),
            'nothing is read of what follows',
          );
          for (let d = 0; d < valueDim; d++) {
            const where = h * valueDim + d;
            const wanted = expected[row * heads * valueDim + where]!;
            const sum = weights.reduce(
              (total, weight, j) => (j > row ? total : total + weight * at(inputs.value, j, where)),
              0,
            );
            const off = { output: output!.data[i * heads * valueDim + where]! - wanted, matrix: sum - wanted };
            for (const [what, error] of Object.entries(off))
              assert.ok(Math.abs(error) <= 1e-5 * most, `${what} of row ${row} in ${chunks.length} chunks: ${error}`);
          }
        }
      }
    }
    assert.equal(row, length);
  }
}

const ofRule =
  (rule: (inputs: Readonly<Record<string, Value>>) => Recurrence, shape: readonly [number, number]): Case['build'] =>
  (inputs, past) => {
    const recurrence = rule(inputs);
    const { output, state } = applied(recurrence, reshape(inputs['value']!, [1, 'n', ...shape]), past['state']);
    const { matrix, reads } = effectiveAttention(recurrence, past['reads']!);
    return { output, matrix, next: { state, reads } };
  };

describe('Recurrences and their effective attention equal their definitions in float64', () => {
  it('gated delta rule (arXiv:2412.06464, equation 10), two value heads a key', async () => {
    const [heads, keyHeads, keyDim, valueDim] = [4, 2, 6, 5];
    const inputs = {
      query: rows(keyHeads * keyDim),
      key: rows(keyHeads * keyDim),
      value: rows(heads * valueDim),
      decay: rows(heads, below0),
      strength: rows(heads, () => drawn.uniform()),
    };
    await assertRight({
      heads,
      valueDim,
      inputs,
      states: { state: [1, heads, keyDim, valueDim], reads: [1, heads, keyDim, 0] },
      build: ofRule(
        ({ query, key, decay, strength }) =>
          deltaRule(query!, key!, { decay: decay!, strength: strength!, heads, keyHeads, keyDim }),
        [heads, valueDim],
      ),
      definition() {
        const output = zeros(length * heads * valueDim);
        for (let h = 0; h < heads; h++) {
          const state = Array.from({ length: keyDim }, () => zeros(valueDim));
          for (let t = 0; t < length; t++) {
            const head = (rows: Rows): number[] => {
              const own = Array.from({ length: keyDim }, (_, i) => at(rows, t, Math.floor(h / 2) * keyDim + i));
              const size = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0) + 1e-6);
              return own.map((x) => x / size);
            };
            const [q, k] = [head(inputs.query), head(inputs.key)];
            const [a, b] = [Math.exp(at(inputs.decay, t, h)), at(inputs.strength, t, h)];
            for (let d = 0; d < valueDim; d++) {
              // (I - b k k^T) S, column by column.
              const held = k.reduce((sum, x, i) => sum + x * state[i]![d]!, 0);
              const v = at(inputs.value, t, h * valueDim + d);
              k.forEach((x, i) => (state[i]![d] = a * (state[i]![d]! - b * x * held) + b * x * v));
              const read = q.reduce((sum, x, i) => sum + x * state[i]![d]!, 0);
              output[(t * heads + h) * valueDim + d] = read / Math.sqrt(keyDim);
            }
          }
        }
        return output;
      },
    });
  });

  it('Mamba-2 (arXiv:2405.21060, section 7), three heads a group', async () => {
    const [heads, groups, state, valueDim] = [6, 2, 4, 3];
    const skip = Float32Array.from({ length: heads }, () => drawn.normal());
    const inputs = {
      b: rows(groups * state),
      c: rows(groups * state),
      value: rows(heads * valueDim),
      decay: rows(heads, below0),
      step: rows(heads, () => 2 * drawn.uniform()),
    };
    await assertRight({
      heads,
      valueDim,
      inputs,
      states: { state: [1, heads, state, valueDim], reads: [1, heads, state, 0] },
      build: ofRule(
        ({ b, c, decay, step }) => {
          const direct = step!.graph.constant('float32', [heads], skip);
          return stateSpaceDual({ b: b!, c: c!, step: step!, decay: decay!, skip: direct, heads, groups });
        },
        [heads, valueDim],
      ),
      definition() {
        const output = zeros(length * heads * valueDim);
        for (let h = 0; h < heads; h++) {
          const group = Math.floor(h / 3);
          for (let d = 0; d < valueDim; d++) {
            const held = zeros(state);
            for (let t = 0; t < length; t++) {
              const x = at(inputs.value, t, h * valueDim + d);
              let read = skip[h]! * x;
              for (let n = 0; n < state; n++) {
                held[n] =
                  Math.exp(at(inputs.decay, t, h)) * held[n]! +
                  at(inputs.step, t, h) * at(inputs.b, t, group * state + n) * x;
                read += at(inputs.c, t, group * state + n) * held[n]!;
              }
              output[(t * heads + h) * valueDim + d] = read;
            }
          }
        }
        return output;
      },
    });
  });

  it('selective scan (arXiv:2312.00752, algorithm 2), channel by channel', async () => {
    const [channels, size] = [5, 4];
    const skip = Float32Array.from({ length: channels }, () => drawn.normal());
    const rates = Float32Array.from({ length: channels * size }, () => -3 * drawn.uniform());
    const inputs = {
      value: rows(channels),
      step: rows(channels, () => drawn.uniform()),
      b: rows(size),
      c: rows(size),
    };
    await assertRight({
      heads: channels,
      valueDim: 1,
      inputs,
      states: { state: [1, size, channels], reads: [1, channels, size, 0] },
      build({ value, step, b, c }, { state, reads }) {
        const { graph } = value!;
        const given = {
          values: value!,
          step: step!,
          rates: graph.constant('float32', [channels, size], rates),
          b: b!,
          c: c!,
        };
        const direct = graph.constant('float32', [channels], skip);
        const scanned = selectiveScan(given, state!);
        const effective = effectiveOfBlocks(channelwise(given, channels, 1, direct), reads!);
        return {
          output: add(scanned.output, multiply(value!, direct)),
          matrix: effective.matrix,
          next: { state: scanned.state, reads: effective.reads },
        };
      },
      definition() {
        const output = zeros(length * channels);
        for (let d = 0; d < channels; d++) {
          const held = zeros(size);
          for (let t = 0; t < length; t++) {
            const [x, dt] = [at(inputs.value, t, d), at(inputs.step, t, d)];
            let read = skip[d]! * x;
            for (let n = 0; n < size; n++) {
              held[n] = Math.exp(dt * rates[d * size + n]!) * held[n]! + dt * at(inputs.b, t, n) * x;
              read += at(inputs.c, t, n) * held[n]!;
            }
            output[t * channels + d] = read;
          }
        }
        return output;
      },
    });
  });

  it('RG-LRU (arXiv:2402.19427, section 2.4), whose first position has no root', async () => {
    const channels = 6;
    const lambda = Float32Array.from({ length: channels }, () => drawn.normal());
    const gate = (): number => drawn.uniform();
    const inputs = { value: rows(channels), input: rows(channels, gate), recurrence: rows(channels, gate) };
    await assertRight({
      heads: channels,
      valueDim: 1,
      inputs,
      states: { state: [1, channels], begun: [1, 1], reads: [1, channels, 1, 0] },
      build({ value, input, recurrence }, { state, begun, reads }) {
        const { decay, factor } = gatedUnit({
          input: input!,
          recurrence: recurrence!,
          lambda: value!.graph.constant('float32', [channels], lambda),
          begun: begun!,
        });
        const sum = decayingSum(decay, multiply(value!, factor), state!);
        const effective = effectiveOfBlocks(unitByChannels(decay, factor, channels, 1), reads!);
        return {
          output: sum.output,
          matrix: effective.matrix,
          next: { state: sum.state, begun: add(multiply(begun!, 0), 1), reads: effective.reads },
        };
      },
      definition() {
        const output = zeros(length * channels);
        for (let d = 0; d < channels; d++) {
          let held = 0;
          for (let t = 0; t < length; t++) {
            const a = Math.exp(-8 * Math.log1p(Math.exp(lambda[d]!)) * at(inputs.recurrence, t, d));
            const root = t === 0 ? 1 : Math.sqrt(1 - a * a);
            held = a * held + root * at(inputs.input, t, d) * at(inputs.value, t, d);
            output[t * channels + d] = held;
          }
        }
        return output;
      },
    });
  });

  it('lightning attention (arXiv:2501.08313, section 2.2)', async () => {
    const [heads, width] = [4, 3];
    const inputs = { query: rows(heads * width), key: rows(heads * width), value: rows(heads * width) };
    await assertRight({
      heads,
      valueDim: width,
      inputs,
      states: { state: [1, heads, width, width], reads: [1, heads, width, 0] },
      build: ofRule(({ query, key }) => lightningRule(query!, key!, lightningSlopes(heads, 3, 10)), [heads, width]),
      definition() {
        const output = zeros(length * heads * width);
        for (let h = 0; h < heads; h++) {
          // 2^(-8/4), 2^(-16/4), ..: halved twice from head to head; two thirds of that in the fourth of ten layers.
          const slope = 0.25 ** (h + 1) * (1 - 3 / 9.00001 + 1e-5);
          for (let t = 0; t < length; t++) {
            for (let j = 0; j <= t; j++) {
              let product = 0;
              for (let i = 0; i < width; i++)
                product += at(inputs.query, t, h * width + i) * at(inputs.key, j, h * width + i);
              for (let d = 0; d < width; d++)
                output[(t * heads + h) * width + d]! +=
                  Math.exp(-slope * (t - j)) * product * at(inputs.value, j, h * width + d);
            }
          }
        }
        return output;
      },
    });
  });

  it('gated short convolution, beside a bias', async () => {
    const [channels, size] = [4, 3];
    const kernel = Float32Array.from({ length: channels * size }, () => drawn.normal());
    const inputs = { value: rows(channels), b: rows(channels), c: rows(channels) };
    await assertRight({
      heads: channels,
      valueDim: 1,
      inputs,
      states: { state: [1, channels, size - 1], reads: [1, channels, 1, 0] },
      build({ value, b, c }, { state, reads }) {
        const weights = value!.graph.constant('float32', [channels, 1, size], kernel);
        const inner = transpose(multiply(b!, value!), [0, 2, 1]);
        const convolved = causalConvolution(inner, weights, undefined, state);
        const effective = convolutionBand({ b: b!, c: c!, kernel: weights }, reads!, channels);
        return {
          output: multiply(c!, transpose(convolved.output, [0, 2, 1])),
          matrix: effective.matrix,
          next: { state: convolved.state, reads: effective.reads },
        };
      },
      definition() {
        const output = zeros(length * channels);
        for (let t = 0; t < length; t++) {
          for (let d = 0; d < channels; d++) {
            for (let back = 0; back < size && back <= t; back++) {
              const taken = at(inputs.b, t - back, d) * at(inputs.value, t - back, d);
              // The last number of a kernel is that of the position itself.
              output[t * channels + d]! += at(inputs.c, t, d) * kernel[d * size + size - 1 - back]! * taken;
            }
          }
        }
        return output;
      },
    });
  });

  it('wkv of RWKV-4 (arXiv:2305.13048, equation 16), with exponents beyond float32', async () => {
    const channels = 5;
    const decay = Float32Array.from({ length: channels }, () => -2 * drawn.uniform());
    const first = Float32Array.from({ length: channels }, () => drawn.normal());
    const inputs = { value: rows(channels), key: rows(channels, () => 60 * drawn.normal()) };
    await assertRight({
      heads: channels,
      valueDim: 1,
      inputs,
      states: {
        numerator: [1, channels],
        denominator: [1, channels],
        largest: [1, channels],
        reads: [1, channels, 1, 0],
      },
      build({ value, key }, { numerator, denominator, largest, reads }) {
        const { graph } = value!;
        const given = {
          key: key!,
          values: value!,
          decay: graph.constant('float32', [channels], decay),
          first: graph.constant('float32', [channels], first),
        };
        const mixed = wkv(given, { numerator: numerator!, denominator: denominator!, largest: largest! });
        const effective = effectiveWkv(given, mixed.exponents, reads!, channels, 1);
        return { output: mixed.output, matrix: effective.matrix, next: { ...mixed.state, reads: effective.reads } };
      },
      definition() {
        const output = zeros(length * channels);
        for (let d = 0; d < channels; d++) {
          for (let t = 0; t < length; t++) {
            const exponents = Array.from({ length: t + 1 }, (_, j) =>
              j === t ? first[d]! + at(inputs.key, t, d) : at(inputs.key, j, d) + (t - 1 - j) * decay[d]!,
            );
            const most = Math.max(...exponents);
            const weights = exponents.map((exponent) => Math.exp(exponent - most));
            const sum = weights.reduce((a, b) => a + b, 0);
            output[t * channels + d] = weights.reduce((a, w, j) => a + (w / sum) * at(inputs.value, j, d), 0);
          }
        }
        return output;
      },
    });
  });

  it('wkv of RWKV-6 (arXiv:2404.05892, equation 19)', async () => {
    const [heads, width] = [3, 4];
    const first = Float32Array.from({ length: heads * width }, () => drawn.normal());
    const inputs = {
      ...{ value: rows(heads * width), key: rows(heads * width), query: rows(heads * width) },
      // exp of the last ones takes all of a state at once: its inverse is not a number.
      decay: rows(heads * width, () => (drawn.uniform() < 0.1 ? -200 : -0.5 * drawn.uniform())),
    };
    await assertRight({
      heads,
      valueDim: width,
      inputs,
      states: { recurrence: [1, heads, width, width], reads: [1, heads, width, 0] },
      build({ value, key, query, decay }, { recurrence, reads }) {
        const { graph } = value!;
        const given = {
          ...{ heads, query: query!, key: key!, decay: decay! },
          first: graph.constant('float32', [heads, width], first),
        };
        const { output, state } = wkv6(given, reshape(value!, [1, 'n', heads, width]), recurrence!);
        const effective = effectiveWkv6(given, reads!);
        return { output, matrix: effective.matrix, next: { recurrence: state, reads: effective.reads } };
      },
      definition() {
        const output = zeros(length * heads * width);
        for (let h = 0; h < heads; h++)
          for (let t = 0; t < length; t++)
            for (let j = 0; j <= t; j++)
              for (let k = h * width; k < (h + 1) * width; k++) {
                let kept = j === t ? first[k]! : 1;
                for (let s = j + 1; s < t; s++) kept *= Math.exp(at(inputs.decay, s, k));
                const share = at(inputs.query, t, k) * kept * at(inputs.key, j, k);
                for (let d = 0; d < width; d++)
                  output[(t * heads + h) * width + d]! += share * at(inputs.value, j, h * width + d);
              }
        return output;
      },
    });
  });

  it('a gate of RG-LRU that is shut has a gradient, which is a number', async () => {
    const [out] = await inChunks(
      (graph) => {
        const gate = graph.input('gate', 'float32', [1, 'n', 2]);
        const begun = graph.constant('float32', [1, 1], [1]);
        const lambda = graph.constant('float32', [2], [0.3, -0.4]);
        const { factor } = gatedUnit({ input: gate, recurrence: gate, lambda, begun });
        graph.output(gradients(graph, [[factor, factor]], [gate])[0]!, 'gradient');
      },
      { gate: rows(2, () => 0) },
      {},
      [length],
    );
    const wrong = [...out!['gradient']!.data].filter((value) => !Number.isFinite(value));
    assert.equal(wrong.length, 0);
  });

  it('of a block of channels is the mean of theirs', async () => {
    const channels = 6;
    const inputs = { decay: rows(channels, below0), factor: rows(channels) };
    const matrices = await Promise.all(
      [channels, 2].map(async (blocks) => {
        const [out] = await inChunks(
          (graph) => {
            const decay = graph.input('decay', 'float32', [1, 'n', channels]);
            const factor = graph.input('factor', 'float32', [1, 'n', channels]);
            const reads = graph.input('past.reads', 'float32', [1, channels, 1, 'past']);
            const effective = effectiveOfBlocks(unitByChannels(decay, factor, blocks, channels / blocks), reads);
            graph.output(effective.matrix, 'matrix');
            graph.output(effective.reads, 'next.reads');
          },
          inputs,
          { 'past.reads': nothing(1, channels, 1, 0) },
          [length],
        );
        return out!['matrix']!.data;
      }),
    );
    const [single, blocked] = matrices as [Float32Array, Float32Array];
    const area = length * length;
    for (let at = 0; at < 2 * area; at++) {
      const [block, place] = [Math.floor(at / area), at % area];
      const sum = [0, 1, 2].reduce((total, channel) => total + single[(3 * block + channel) * area + place]!, 0);
      assert.ok(Math.abs(blocked[at]! - sum / 3) <= 1e-6);
    }
  });
});
