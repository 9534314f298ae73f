/** Checks of Lightning Attention (arXiv:2405.17381) and Lightning Attention-2 (arXiv:2401.04658). */
import assert from 'node:assert/strict';
import { countMultiplyAdds } from '../../../../kernels/graph/count';
import { lightningAttention, simpleNorm, transnormerSlopes } from '../../../../kernels/mechanisms/lightning/attention';
import { lightningAttention2, lightningSlopes } from '../../../../kernels/mechanisms/lightning/attention-2';
import { decayedRows } from '../../../../kernels/mechanisms/lightning/decay';
import { headAngles, rotateTensor } from '../../../../kernels/mechanisms/lightning/rotation';
import { allRows } from '../../../../kernels/reference/softmax';
import type { AttentionShape } from '../../../../kernels/shape';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { positionsOf } from '../positions';
import { runGraph, runMechanism } from '../run';
import { backward } from './lightning-backward';
import { parametersOf } from '../../../../compute-server/harness/cell';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shapeOf = (length: number, heads = 2): AttentionShape => ({
  pattern: 'causal-self',
  batch: 1,
  heads,
  kvHeads: heads,
  queries: length,
  keys: length,
  headDim: 8,
  valueDim: 6,
});

const draw = (shape: AttentionShape): AttentionInputs => ({
  query: normalTensor([1, shape.heads, shape.queries, shape.headDim], 1),
  key: normalTensor([1, shape.kvHeads, shape.keys, shape.headDim], 2),
  value: normalTensor([1, shape.kvHeads, shape.keys, shape.valueDim], 3),
  weights: {},
});

const given = (changes: Parameters<typeof parametersOf>[1]) =>
  parametersOf(lightningAttention2, changes) as unknown as Parameters<typeof lightningAttention2.reference>[2];

/** o_t = q_t kv_t with kv_t = lambda kv_(t-1) + k_t v_t^T, in blocks by either placement of the exponents, in float64. */
function blocks(
  inputs: AttentionInputs,
  shape: AttentionShape,
  slope: number,
  size: number,
  placement: 'paper' | 'kernel',
) {
  const { heads, queries: n, headDim: d, valueDim: e } = shape;
  const output = zeros([1, heads, n, e]);
  const shift = placement === 'paper' ? 1 : 0;
  for (let h = 0; h < heads; h++) {
    let state = new Float64Array(d * e);
    for (let start = 0; start < n; start += size) {
      const rows = Math.min(size, n - start);
      const next = state.map((x) => x * Math.exp(-slope * rows));
      for (let i = 0; i < rows; i++) {
        const q = (h * n + start + i) * d;
        for (let y = 0; y < e; y++) {
          let sum = 0;
          for (let x = 0; x < d; x++)
            sum += inputs.query.data[q + x]! * state[x * e + y]! * Math.exp(-slope * (i + shift));
          for (let j = 0; j <= i; j++) {
            let score = 0;
            for (let x = 0; x < d; x++)
              score += inputs.query.data[q + x]! * inputs.key.data[(h * n + start + j) * d + x]!;
            sum += score * Math.exp(-slope * (i - j)) * inputs.value.data[(h * n + start + j) * e + y]!;
          }
          output.data[(h * n + start + i) * e + y] = sum;
        }
        for (let x = 0; x < d; x++) {
          for (let y = 0; y < e; y++) {
            const age = rows - shift - i;
            next[x * e + y]! +=
              Math.exp(-slope * age) *
              inputs.key.data[(h * n + start + i) * d + x]! *
              inputs.value.data[(h * n + start + i) * e + y]!;
          }
        }
      }
      state = next;
    }
  }
  return output;
}

const plain = parametersOf(lightningAttention) as unknown as Parameters<typeof lightningAttention.reference>[2];

const positionsIn = ({ query, key, value }: AttentionInputs, from: number, to: number) => ({
  query: positionsOf(query, from, to),
  key: positionsOf(key, from, to),
  value: positionsOf(value, from, to),
});

const apart = (a: Tensor, b: Tensor) => measureError(a, b).maxAbsolute;

describe('Lightning Attention-2', function () {
  this.timeout(60_000);

  for (const length of [97, 913]) {
    for (const slope of [0, 0.1, 0.84]) {
      it(`blocks of 1, 16, 64 and all of ${length} positions equal the left product, both placements, slope ${slope}`, () => {
        const shape = shapeOf(length);
        const inputs = draw(shape);
        const expected = lightningAttention2.reference(inputs, shape, given({ decay: 'given', slope }));
        for (const size of [1, 16, 64, length]) {
          for (const placement of ['paper', 'kernel'] as const) {
            const error = apart(blocks(inputs, shape, slope, size, placement), expected);
            assert.ok(error < 1e-10, `blocks of ${size}, ${placement}: ${error}`);
          }
        }
      });
    }
  }

  it('graphs of both forms agree at lengths that fill no block, with strong and without decay', async () => {
    for (const length of [97, 1213]) {
      const shape = shapeOf(length);
      const inputs = draw(shape);
      for (const slope of [0, 0.84]) {
        for (const block of [1, 16, 64, length].filter((size) => length / size < 200)) {
          const of = (form: string) =>
            runMechanism(lightningAttention2, inputs, shape, given({ decay: 'given', slope, block, form }));
          const [loop, parallel] = [await of('loop'), await of('parallel')];
          const scale = apart(loop, zeros(loop.shape));
          assert.ok(apart(loop, parallel) < 2e-6 * scale, `block ${block}, slope ${slope}`);
        }
      }
    }
  });

  it('hands its state over: a run of [0, a), then of [a, n) on the returned state, is one run', () => {
    const shape = shapeOf(61);
    const inputs = draw(shape);
    const parameters = given({ decay: 'given', slope: 0.3 });
    const whole = lightningAttention2.reference(inputs, shape, parameters);
    for (const a of [1, 20, 60]) {
      const first = { ...inputs, key: positionsOf(inputs.key, 0, a), value: positionsOf(inputs.value, 0, a) };
      const { state } = lightningAttention2.decode!.stateAfter(first, { ...shape, queries: a, keys: a }, parameters);
      const rest = shapeOf(61 - a);
      const tail = {
        ...inputs,
        query: positionsOf(inputs.query, a, 61),
        key: positionsOf(inputs.key, a, 61),
        value: positionsOf(inputs.value, a, 61),
      };
      const output = lightningAttention2.reference(tail, rest, parameters);
      for (let h = 0; h < 2; h++) {
        for (let i = 0; i < 61 - a; i++) {
          for (let y = 0; y < 6; y++) {
            let carried = 0;
            for (let x = 0; x < 8; x++) {
              carried += tail.query.data[(h * (61 - a) + i) * 8 + x]! * state!.data[(h * 8 + x) * 6 + y]!;
            }
            output.data[(h * (61 - a) + i) * 6 + y]! += carried * Math.exp(-0.3 * (i + 1));
          }
        }
      }
      assert.ok(apart(output, positionsOf(whole, a, 61)) < 1e-10, `cut at ${a}`);
    }
  });

  for (const form of ['loop', 'parallel']) {
    it(`reads a text in pieces: each call takes the state of the one before and hands its own on, form ${form}`, async () => {
      const shape = shapeOf(61);
      const inputs = draw(shape);
      for (const slope of [0, 0.3, 5]) {
        const parameters = given({ decay: 'given', slope, form, block: 8, carried: true });
        const whole = lightningAttention2.reference(inputs, shape, given({ decay: 'given', slope }));
        const scale = Math.max(...whole.data.map(Math.abs));
        let state: Tensor = zeros([1, 2, 8, 6]);
        for (const [from, to] of [
          [0, 5],
          [5, 37],
          [37, 61],
        ] as const) {
          const part = { ...positionsIn(inputs, from, to), weights: { 'state.before': state } };
          const own = shapeOf(to - from);
          const expected = positionsOf(whole, from, to);
          assert.ok(apart(lightningAttention2.reference(part, own, parameters), expected) < 1e-6 * scale);
          const { query, key, value, weights } = part;
          const outcome = await runGraph(lightningAttention2.build(own, parameters, 'float32'), {
            query,
            key,
            value,
            ...weights,
          });
          assert.ok(apart(outcome['output']!, expected) < 2e-6 * scale, `${from} to ${to}, slope ${slope}`);
          const { state: after } = lightningAttention2.decode!.stateAfter(part, own, parameters);
          state = outcome['next.state']!;
          assert.ok(apart(state, after!) < 2e-6 * scale, `state after ${to}, slope ${slope}`);
        }
        // The definition hands over exactly: states of its own, in float64.
        const first = positionsIn(inputs, 0, 37);
        const { state: exact } = lightningAttention2.decode!.stateAfter(
          { ...first, weights: { 'state.before': zeros([1, 2, 8, 6]) } },
          shapeOf(37),
          parameters,
        );
        const second = { ...positionsIn(inputs, 37, 61), weights: { 'state.before': exact! } };
        const output = lightningAttention2.reference(second, shapeOf(24), parameters);
        assert.ok(apart(output, positionsOf(whole, 37, 61)) < 1e-10);
      }
    });
  }

  it('counts the product that a carried state takes', () => {
    for (const decay of ['by head', 'none']) {
      const shape: AttentionShape = { ...shapeOf(2048), headDim: 64, valueDim: 64 };
      const parameters = given({ decay, carried: true });
      const counted = countMultiplyAdds(lightningAttention2.build(shape, parameters, 'float32').model);
      const ratio = lightningAttention2.cost(shape, parameters).flops / counted;
      assert.ok(ratio > 1.9 && ratio < 2.6, `${ratio} flops per multiply-add`);
    }
  });

  it('is linear in the sum over the width: the pieces of d, added, are the whole', () => {
    const shape = shapeOf(40);
    const inputs = draw(shape);
    const parameters = given({ decay: 'given', slope: 0.1 });
    const whole = lightningAttention2.reference(inputs, shape, parameters);
    const sum = zeros(whole.shape);
    for (const half of [0, 1]) {
      const kept = (x: Tensor) =>
        tensor(
          x.shape,
          x.data.map((each, at) => (Math.floor((at % 8) / 4) === half ? each : 0)),
        );
      const part = lightningAttention2.reference(
        { ...inputs, query: kept(inputs.query), key: kept(inputs.key) },
        shape,
        parameters,
      );
      part.data.forEach((each, at) => (sum.data[at]! += each));
    }
    assert.ok(apart(sum, whole) < 1e-12);
  });

  it('shifts in time: zero keys and values in front leave the outputs behind them as they were', () => {
    const shape = shapeOf(30);
    const inputs = draw(shape);
    const shifted = (x: Tensor): Tensor => {
      const [, heads = 1, rows = 1, width = 1] = x.shape;
      const y = zeros([1, heads, rows + 5, width]);
      for (let h = 0; h < heads; h++) {
        y.data.set(x.data.subarray(h * rows * width, (h + 1) * rows * width), (h * (rows + 5) + 5) * width);
      }
      return y;
    };
    const parameters = given({});
    const later = { query: shifted(inputs.query), key: shifted(inputs.key), value: shifted(inputs.value), weights: {} };
    const expected = lightningAttention2.reference(inputs, shape, parameters);
    const actual = positionsOf(lightningAttention2.reference(later, shapeOf(35), parameters), 5, 35);
    assert.equal(apart(actual, expected), 0);
  });

  it('weighs a value exactly lambda^distance when queries and keys are constant', () => {
    const shape = { ...shapeOf(20, 1), headDim: 8 };
    const one = (length: number, width: number) =>
      tensor([1, 1, length, width], new Float64Array(length * width).fill(1));
    const value = zeros([1, 1, 20, 6]);
    value.data[3 * 6] = 1;
    const output = lightningAttention2.reference(
      { query: one(20, 8), key: one(20, 8), value, weights: {} },
      shape,
      given({ decay: 'given', slope: 0.84 }),
    );
    for (let t = 0; t < 20; t++) {
      const expected = t < 3 ? 0 : 8 * Math.exp(-0.84 * (t - 3));
      assert.ok(Math.abs(output.data[t * 6]! - expected) < 1e-14);
    }
  });

  it('changes no earlier bit of the graph’s output when a later row changes', async () => {
    const shape = shapeOf(97);
    const inputs = draw(shape);
    const before = await runMechanism(lightningAttention2, inputs, shape, given({ block: 16 }));
    for (const x of [inputs.query, inputs.key, inputs.value]) x.data[53 * (x.shape[3] ?? 1)]! += 1;
    const after = await runMechanism(lightningAttention2, inputs, shape, given({ block: 16 }));
    assert.deepEqual(
      positionsOf(after, 0, 53).data.subarray(0, 53 * 6),
      positionsOf(before, 0, 53).data.subarray(0, 53 * 6),
    );
    assert.notDeepEqual(positionsOf(after, 53, 54).data, positionsOf(before, 53, 54).data);
  });

  for (const size of [1, 4, 7, 23, 64]) {
    for (const slope of [0, 0.3, 0.84]) {
      it(`has the gradients of its backward recursion in blocks of ${size}, slope ${slope}`, () => {
        const shape = shapeOf(23);
        const inputs = draw(shape);
        const g = normalTensor([1, 2, 23, 6], 4);
        const gradients = backward(inputs, g, shape, slope, size);
        const mechanisms = [
          (changed: AttentionInputs) => lightningAttention2.reference(changed, shape, given({ decay: 'given', slope })),
          ...(slope === 0 ? [(changed: AttentionInputs) => lightningAttention.reference(changed, shape, plain)] : []),
        ];
        for (const run of mechanisms) {
          for (const name of ['query', 'key', 'value'] as const) {
            for (let at = 0; at < inputs[name].data.length; at += 29) {
              // Outputs are linear in each of the three: a step of any length gives the derivative itself.
              const moved = (step: number): number => {
                const data = inputs[name].data.slice();
                data[at]! += step;
                const output = run({ ...inputs, [name]: tensor(inputs[name].shape, data) });
                return output.data.reduce((sum, o, i) => sum + o * g.data[i]!, 0);
              };
              const apartBy = Math.abs((moved(1) - moved(-1)) / 2 - gradients[name].data[at]!);
              assert.ok(apartBy < 1e-10, `${name} ${at}: ${apartBy}`);
            }
          }
        }
      });
    }
  }

  it('keeps half-lives of 1.4 to 177 positions with 8 heads', () => {
    const halfLives = lightningSlopes(8, { decay: 'by head', slope: 0 }).map((slope) => Math.LN2 / slope);
    assert.deepEqual(
      halfLives.map((x) => Number(x.toPrecision(2))),
      [1.4, 2.8, 5.5, 11, 22, 44, 89, 180],
    );
    const { decay } = lightningAttention2.parameters;
    assert.match(decay.description, new RegExp(`${halfLives[0]!.toFixed(1)} to ${halfLives[7]!.toFixed(0)} positions`));
  });
});

describe('Lightning Attention (TransNormerLLM)', () => {
  it('takes the slopes of the released code, and those of the paper', () => {
    const of = (heads: number, decay: 'code' | 'paper', layer: number, layers: number) =>
      transnormerSlopes(heads, { decay, layer, layers });
    of(8, 'code', 0, 12).forEach((slope, h) => assert.ok(Math.abs(slope - 2 ** -(h + 1) * (1 + 1e-5)) < 1e-15));
    assert.equal(of(12, 'code', 0, 12).length, 12);
    const last = of(8, 'code', 11, 12)[0]!;
    assert.ok(Math.abs(last - 0.5 * 1e-5) < 1e-12, 'the last layer hardly fades');
    assert.deepEqual(of(4, 'paper', 0, 10), [2, 4, 6, 8]);
    assert.deepEqual(of(2, 'paper', 5, 10), [2, 4]);
  });

  it('has a strong decay reduce it to (q . k) v of the own position', () => {
    const shape = shapeOf(12);
    const inputs = draw(shape);
    const output = decayedRows(inputs, shape, allRows(shape), [800, 800]);
    for (let row = 0; row < 24; row++) {
      let score = 0;
      for (let x = 0; x < 8; x++) score += inputs.query.data[row * 8 + x]! * inputs.key.data[row * 8 + x]!;
      for (let y = 0; y < 6; y++) {
        assert.ok(Math.abs(output.data[row * 6 + y]! - score * inputs.value.data[row * 6 + y]!) < 1e-14);
      }
    }
  });

  it('rotates: the doubled product equals sum q k cos(theta distance), wherever the positions begin', () => {
    const angles = headAngles(2, 8);
    const inputs = draw(shapeOf(15));
    for (const first of [0, 1000]) {
      const q = rotateTensor(inputs.query, angles, first);
      const k = rotateTensor(inputs.key, angles, first);
      for (const [h, t, s] of [
        [0, 14, 0],
        [1, 9, 3],
        [1, 4, 4],
      ] as const) {
        let doubled = 0;
        for (let x = 0; x < 16; x++) doubled += q.data[(h * 15 + t) * 16 + x]! * k.data[(h * 15 + s) * 16 + x]!;
        let expected = 0;
        for (let x = 0; x < 8; x++) {
          const product = inputs.query.data[(h * 15 + t) * 8 + x]! * inputs.key.data[(h * 15 + s) * 8 + x]!;
          expected += product * Math.cos(angles[h]![x]! * (t - s));
        }
        assert.ok(Math.abs(doubled - expected) < 1e-12);
      }
    }
  });

  it('norms: mean square 1, blind to a positive scale, so that scaled keys change nothing', () => {
    const x = normalTensor([2, 3, 5, 4], 9, 100);
    const y = simpleNorm(x);
    for (let b = 0; b < 2; b++) {
      for (let i = 0; i < 5; i++) {
        let square = 0;
        for (let h = 0; h < 3; h++) for (let c = 0; c < 4; c++) square += y.data[((b * 3 + h) * 5 + i) * 4 + c]! ** 2;
        assert.ok(Math.abs(square / 12 - 1) < 1e-8);
      }
    }
    const shape = shapeOf(20);
    const inputs = draw(shape);
    const parameters = parametersOf(lightningAttention, { norm: 'srms' }) as unknown as Parameters<
      typeof lightningAttention.reference
    >[2];
    const scaled = {
      ...inputs,
      key: tensor(
        inputs.key.shape,
        inputs.key.data.map((k) => 300 * k),
      ),
    };
    const [plain, other] = [inputs, scaled].map((each) => lightningAttention.reference(each, shape, parameters));
    assert.ok(apart(positionsOf(plain!, 2, 20), positionsOf(other!, 2, 20)) < 1e-4);
  });

  it('without decay, rotation and norm is linear attention without its normaliser', () => {
    const shape = shapeOf(25);
    const inputs = draw(shape);
    assert.ok(apart(lightningAttention.reference(inputs, shape, plain), blocks(inputs, shape, 0, 1, 'paper')) < 1e-12);
  });
});
