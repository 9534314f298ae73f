import assert from 'node:assert/strict';
import type { Mechanism } from '../../../../kernels/mechanism';
import { razorAttention, razorBuffer } from '../../../../kernels/mechanisms/streaming/razor-attention';
import { spanRows } from '../../../../kernels/mechanisms/streaming/reference';
import { allRows, softmaxRows } from '../../../../kernels/reference/softmax';
import { drawInputs } from '../../../../kernels/inputs';
import { sizeOf, tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { advanced, positionsOf } from '../positions';
import { runGraph, runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, readsOf, takePositions, withKeys } from './support';

const sinks = 2;
const buffer = 5;
const cut = parametersFor(razorAttention, { retrievalShare: 0, sinks, buffer, compression: 1e6 });
const length = 40;
const shape = causalShape(length);
const inputs = drawInputs(razorAttention, shape, cut, 2);
const row = length - 1;
const dropped = Array.from({ length: row - buffer - sinks + 1 }, (_, i) => sinks + i);

/** Mean of the rows of one head. */
function mean(data: Float64Array, width: number, head: number, positions: readonly number[]): readonly number[] {
  return Array.from({ length: width }, (_, x) =>
    positions.reduce((sum, j) => sum + data[(head * length + j) * width + x]! / positions.length, 0),
  );
}

describe('RazorAttention: the kernel does what the paper and its tools say', () => {
  it('keeps everything while N <= N0 + L', () => {
    const short = causalShape(sinks + buffer);
    const few = drawInputs(razorAttention, short, cut, 2);
    const whole = softmaxRows(few, short, allRows(short), { reads: (_h, i, j) => j <= i });
    assertClose(razorAttention.reference(few, short, cut), whole, 1e-12);
  });

  it('equals full attention when all dropped keys are equal, though their values differ', async () => {
    const key = tensor(inputs.key.shape, inputs.key.data.slice());
    for (let h = 0; h < 4; h++) {
      for (let j = sinks; j < length; j++) {
        for (let x = 0; x < 8; x++) key.data[(h * length + j) * 8 + x] = 0.3 * (x - 4);
      }
    }
    const equalKeys = withKeys(inputs, { key });
    const full = softmaxRows(equalKeys, shape, allRows(shape), { reads: (_h, i, j) => j <= i });
    assertClose(razorAttention.reference(equalKeys, shape, cut), full, 1e-12);
    assertClose(await runMechanism(razorAttention, equalKeys, shape, cut), full, 1e-5);
    const without = razorAttention.reference(equalKeys, shape, { ...cut, compensation: false });
    assert.ok(
      without.data.some((value, i) => Math.abs(value - full.data[i]!) > 1e-3),
      'the compensation matters',
    );
  });

  it('the compensated share never exceeds the true share of the dropped keys (Jensen)', async () => {
    // With ones as the values of dropped keys and zeros as the others an output is the share of the dropped.
    const value = tensor(inputs.value.shape, inputs.value.data.slice().fill(0));
    for (let h = 0; h < 4; h++) {
      for (const j of dropped) value.data.fill(1, (h * length + j) * 8, (h * length + j + 1) * 8);
    }
    const marked = withKeys(inputs, { value });
    const last = (x: Tensor) => takePositions(x, [row]).data;
    const truth = last(softmaxRows(marked, shape, allRows(shape), { reads: (_h, i, j) => j <= i }));
    for (const shares of [
      razorAttention.reference(marked, shape, cut),
      await runMechanism(razorAttention, marked, shape, cut),
    ].map(last)) {
      shares.forEach((share, at) => {
        assert.ok(share > 0.1 && share <= truth[at]!, `${share} of ${truth[at]}`);
      });
    }
  });

  it('the weighted form equals one more key with ln N added to its score', () => {
    const kept = [0, 1, ...Array.from({ length: buffer }, (_, i) => row - buffer + 1 + i)];
    const append = (x: typeof inputs.key) => {
      const some = takePositions(x, [...kept, 0]);
      for (let h = 0; h < 4; h++) {
        some.data.set(mean(x.data, 8, h, dropped), (h * (kept.length + 1) + kept.length) * 8);
      }
      return some;
    };
    const biased = softmaxRows(
      { query: takePositions(inputs.query, [row]), key: append(inputs.key), value: append(inputs.value), weights: {} },
      causalShape(1, { pattern: 'noncausal-cross', queries: 1, keys: kept.length + 1 }),
      [0],
      { bias: (_h, _i, j) => (j === kept.length ? Math.log(dropped.length) : 0) },
    );
    assertClose(razorAttention.referenceRows!(inputs, shape, cut, [row]), biased, 1e-12);
  });

  it('merging tokens one by one as they leave the buffer equals the mean taken anew after any number of steps', async () => {
    const decode = razorAttention.decode!;
    const until = (end: number) => ({
      query: positionsOf(inputs.query, 0, end),
      key: positionsOf(inputs.key, 0, end),
      value: positionsOf(inputs.value, 0, end),
      weights: {},
    });
    let state = decode.stateAfter(until(4), causalShape(4), cut);
    for (let position = 4; position < row; position++) {
      const step = causalShape(1, { keys: position + 1 });
      const own = (x: Tensor) => positionsOf(x, position, position + 1);
      const given = await runGraph(decode.build(step, cut, 'float32'), {
        query: own(inputs.query),
        key: own(inputs.key),
        value: own(inputs.value),
        ...state,
      });
      state = Object.fromEntries(
        decode
          .states(step, cut)
          .map((each) => [each.name, advanced(state[each.name]!, given[`next.${each.name}`], each)]),
      );
    }
    for (let head = 0; head < 4; head++) {
      mean(inputs.key.data, 8, head, dropped).forEach((expected, x) => {
        const merged = state['key.sum.0']!.data[head * 8 + x]! / dropped.length;
        assert.ok(Math.abs(expected - merged) < 1e-5, `head ${head}: ${merged} for ${expected}`);
      });
    }
  });

  it('a head reads its sinks and buffer, and the rest inside the mean', () => {
    const { summarises } = razorAttention.pattern(shape, cut);
    assert.deepEqual(readsOf(razorAttention as Mechanism, shape, cut, 1)[row], [0, 1, 35, 36, 37, 38, 39]);
    assert.deepEqual(
      Array.from({ length }, (_, j) => j).filter((j) => summarises?.(1, row, j)),
      dropped,
    );
    assert.equal(razorAttention.pattern(shape, { ...cut, compensation: false }).summarises, undefined);
  });

  it('with 15 % retrieval heads and C = 5 the cache is 3.125 times smaller at a million tokens', () => {
    const keys = 1e6;
    const wide = causalShape(1, { heads: 20, kvHeads: 20, keys: keys + 1 });
    const states = razorAttention.decode!.states(wide, {
      retrievalShare: 0.15,
      sinks: 4,
      buffer: 4000,
      compression: 5,
      compensation: true,
    });
    const kept = states.reduce((sum, state) => sum + sizeOf(state.shape), 0);
    const ratio = (20 * keys * (8 + 8)) / kept;
    assert.ok(Math.abs(ratio / 3.125 - 1) < 1e-3, `${ratio}`);
    assert.equal(razorBuffer(4000, { buffer: 4000, compression: 5 }), 4000, 'below S0 nothing is saved');
  });

  it('decoding one query on a cache equals the last row of the whole', async () => {
    const step = causalShape(1, { queries: 1, keys: length });
    const one = withKeys(inputs, { query: takePositions(inputs.query, [row]) });
    const whole = spanRows(
      inputs,
      shape,
      Array.from({ length: 4 }, () => ({ sinks, recent: buffer, compensated: true })),
      [row],
    );
    assertClose(razorAttention.reference(one, step, cut), whole, 1e-12);
    assertClose(await runMechanism(razorAttention, one, step, cut), whole, 1e-5);
  });
});
