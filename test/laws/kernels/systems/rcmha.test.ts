/** Checks of relative convolutional attention (arXiv:2308.03429 and its code): limits, distances, memory, gradients, sizes. */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { convolved, convolvedTensors, rcmhaWeights } from '../../../../kernels/mechanisms/rcmha/definition';
import { rcmha } from '../../../../kernels/mechanisms/rcmha/rcmha';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { effectiveAttention } from '../../../../kernels/effective-attention';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { sizeOf, tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { reopen } from '../../../../kernels/graph/reopen';
import { evaluate } from '../../../support/graph-arithmetic/evaluate';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const positions = 21;
const shape = causalShape(positions, { kvHeads: 2 });
const P = 24;
const whole = parametersFor(rcmha, { maxDistance: P });
const relativeOnly = parametersFor(rcmha, { maxDistance: P, convolution: false });
const drawn = drawInputs(rcmha, shape, whole, 5);

type Change = (name: string, x: Tensor) => Tensor;
const withWeights = (inputs: AttentionInputs, change: Change): AttentionInputs => ({
  ...inputs,
  weights: Object.fromEntries(Object.entries(inputs.weights).map(([name, x]) => [name, change(name, x)])),
});

/** Kernels with the given taps in every channel, no bias. */
const taps =
  (...numbers: readonly number[]): Change =>
  (name, x) => {
    if (!name.startsWith('convolution.')) return x;
    return name.endsWith('bias')
      ? zeros(x.shape)
      : tensor(
          x.shape,
          x.data.map((_, at) => numbers[at % 3]!),
        );
  };
const withoutTables: Change = (name, x) => (name.startsWith('convolution.') ? x : zeros(x.shape));
const identity = taps(0, 0, 1);

describe('Relative convolutional attention', () => {
  it('is plain attention with kernels that pass the own position on and tables of zeros', () => {
    const inputs = withWeights(withWeights(drawn, identity), withoutTables);
    const plain = scaledDotProduct.reference(inputs, shape, {});
    assertClose(rcmha.reference(inputs, shape, whole), plain, 1e-12);
  });

  it('gets its distances by the shift of the code: a column of zeros, another view, the last columns', () => {
    // rcmha/util.py, shift_right, on numbers that name their query and their distance; n queries, m keys, offsets -m .. n - 1.
    for (let m = 1; m <= 12; m++) {
      for (let n = 1; n <= m; n++) {
        // The code keeps offsets in rows: x[offset][query].
        const rows = Array.from({ length: m + n }, (_, r) => Array.from({ length: n }, (__, i) => 1000 * i + (r - m)));
        const flat = Array.from({ length: n }, (_, i) => [...rows.map((row) => row[i]!), Number.NaN]).flat();
        for (let i = 0; i < n; i++) {
          for (let j = 0; j <= i + m - n; j++) {
            // Row i of the view with m + n columns instead of m + n + 1, of which the last m are kept.
            const shifted = flat[i * (m + n) + n + j]!;
            assert.equal(shifted, 1000 * i + (j - i - (m - n)), `n ${n}, m ${m}, query ${i}, key ${j}`);
          }
        }
      }
    }
  });

  it('gives each pair the row of its distance: tables that name theirs, by reference and graph', async () => {
    for (const [queries, keys] of [
      [12, 12],
      [5, 12],
      [1, 9],
    ] as const) {
      const own = { ...causalShape(keys, { heads: 1, kvHeads: 1, queries }), valueDim: keys };
      const inputs = drawInputs(rcmha, own, relativeOnly, 3);
      // Scores of 3 for the distances 0, 2, 4, … and 0 otherwise.
      const weights = {
        'position.key': zeros([1, 2 * P, 8]),
        'query.bias': zeros([1, 8]),
        'position.bias': tensor(
          [1, 2 * P],
          Float64Array.from({ length: 2 * P }, (_, row) => (row <= P && (P - row) % 2 === 0 ? 3 * Math.sqrt(8) : 0)),
        ),
      };
      const units = zeros([1, 1, keys, keys]);
      for (let j = 0; j < keys; j++) units.data[j * keys + j] = 1;
      const given = { query: zeros([1, 1, queries, 8]), key: inputs.key, value: units, weights };
      const expected = zeros([1, 1, queries, keys]);
      for (let i = 0; i < queries; i++) {
        const position = i + keys - queries;
        const [even, odd] = [Math.floor(position / 2) + 1, Math.ceil(position / 2)];
        for (let j = 0; j <= position; j++) {
          const e = Math.exp(3);
          expected.data[i * keys + j] = ((position - j) % 2 === 0 ? e : 1) / (even * e + odd);
        }
      }
      assertClose(rcmha.reference(given, own, relativeOnly), expected, 1e-14);
      assertClose(await runMechanism(rcmha, given, own, relativeOnly), expected, 1e-6);
    }
  });

  it('knows no absolute position, and reads a memory as the sequence before, but for the convolution of queries', () => {
    const n = 8;
    const tail = (inputs: AttentionInputs): AttentionInputs => ({
      ...inputs,
      query: takePositions(
        inputs.query,
        Array.from({ length: n }, (_, i) => positions - n + i),
      ),
    });
    const last = (x: Tensor, count: number) =>
      takePositions(
        x,
        Array.from({ length: count }, (_, i) => x.shape[2]! - count + i),
      );
    const short = { ...shape, queries: n };
    const through = withWeights(drawn, identity);
    assertClose(rcmha.reference(tail(through), short, whole), last(rcmha.reference(through, shape, whole), n), 1e-14);
    // With kernels of three taps the queries of the first two rows lack what stands before them; the others do not.
    const [segment, sequence] = [
      rcmha.reference(tail(drawn), short, whole),
      last(rcmha.reference(drawn, shape, whole), n),
    ];
    assertClose(last(segment, n - 2), last(sequence, n - 2), 1e-14);
    for (const row of [0, 1]) {
      const [a, b] = [takePositions(segment, [row]), takePositions(sequence, [row])];
      assert.ok(
        a.data.some((x, at) => Math.abs(x - b.data[at]!) > 1e-3),
        `row ${row} lacks the memory`,
      );
    }
    // Counted from elsewhere: without the first keys, or with all and a beta that hides those.
    const later = { ...shape, queries: 1 };
    for (const cut of [3, 9]) {
      const keep = Array.from({ length: positions - cut }, (_, i) => cut + i);
      const dropped = { ...through, key: takePositions(through.key, keep), value: takePositions(through.value, keep) };
      const one = { query: last(through.query, 1) };
      const far = withWeights(through, (name, x) =>
        name === 'position.bias'
          ? tensor(
              x.shape,
              x.data.map((each, at) => (P - (at % (2 * P)) >= keep.length ? -1e9 : each)),
            )
          : x,
      );
      assertClose(
        rcmha.reference({ ...dropped, ...one }, { ...later, keys: keep.length }, whole),
        rcmha.reference({ ...far, ...one }, later, whole),
        1e-12,
        'positions counted from elsewhere',
      );
    }
  });

  it('depends on nothing that follows, through the convolutions too, to the last bit', () => {
    const before = rcmha.reference(drawn, shape, whole);
    for (const name of ['query', 'key', 'value'] as const) {
      const changed = { ...drawn, [name]: tensor(drawn[name].shape, Float64Array.from(drawn[name].data)) };
      const [, heads, length, width] = changed[name].shape as readonly [number, number, number, number];
      for (let h = 0; h < heads; h++) {
        for (let at = (h * length + 13) * width; at < (h * length + 14) * width; at++) changed[name].data[at]! += 1;
      }
      const after = rcmha.reference(changed, shape, whole);
      const first = Array.from({ length: 13 }, (_, i) => i);
      assert.deepEqual(takePositions(after, first).data, takePositions(before, first).data);
      assert.notDeepEqual(takePositions(after, [13]).data, takePositions(before, [13]).data);
      assert.notDeepEqual(takePositions(after, [15]).data, takePositions(before, [15]).data, 'two taps further');
    }
  });

  it('attends to the previous token where beta favours distance 1 in a head, and to itself at the first token', () => {
    const favoured = withWeights(withWeights(drawn, identity), (name, x) => {
      const y = withoutTables(name, x);
      if (name === 'position.bias') y.data[2 * 2 * P + P - 1] = 1e4;
      return y;
    });
    const head = effectiveAttention(rcmha, favoured, shape, whole, 2);
    for (let i = 0; i < positions; i++) {
      const read = Math.max(0, i - 1);
      assert.ok(Math.abs(head[i * positions + read]! - 1) < 1e-9, `query ${i}`);
    }
    const other = effectiveAttention(rcmha, favoured, shape, whole, 1);
    assert.ok(other[5 * positions + 4]! < 0.9, 'the other heads as before');
  });

  it('with queries of zeros has the probabilities softmax((u . k + beta) / sqrt(d))', () => {
    const inputs = { ...withWeights(drawn, identity), query: zeros(drawn.query.shape) };
    const head = effectiveAttention(rcmha, inputs, shape, whole, 3);
    const { 'query.bias': u, 'position.bias': beta } = inputs.weights;
    for (const i of [0, 4, 20]) {
      const scores = Array.from({ length: i + 1 }, (_, j) => {
        let score = beta!.data[3 * 2 * P + P - (i - j)]!;
        for (let c = 0; c < 8; c++) score += u!.data[3 * 8 + c]! * inputs.key.data[(positions + j) * 8 + c]!;
        return Math.exp(score / Math.sqrt(8));
      });
      const total = scores.reduce((sum, x) => sum + x, 0);
      scores.forEach((x, j) => assert.ok(Math.abs(head[i * positions + j]! - x / total) < 1e-10, `${i}, ${j}`));
    }
  });

  it('delays queries, keys and values by one token with taps of 0, 1, 0, and gives zeros first', () => {
    const delayed = convolvedTensors(withWeights(drawn, taps(0, 1, 0)), shape, whole);
    for (const name of ['query', 'key', 'value'] as const) {
      const { shape: dims } = drawn[name];
      assertClose(takePositions(delayed[name], [0]), zeros([1, dims[1]!, 1, dims[3]!]), 0);
      const [moved, kept] = [1, 0].map((from) => Array.from({ length: positions - 1 }, (_, i) => from + i));
      assertClose(takePositions(delayed[name], moved!), takePositions(drawn[name], kept!), 0);
    }
    // By hand: taps 2, 3, 5 and bias 1 on 1, 10, 100.
    const row = convolved(
      tensor([1, 1, 3, 1], Float64Array.of(1, 10, 100)),
      tensor([1, 1, 3], Float64Array.of(2, 3, 5)),
      tensor([1], Float64Array.of(1)),
    );
    assert.deepEqual([...row.data], [6, 54, 533]);
  });

  it('learns as many numbers as published: 3 (K + 1) d + 2 P h (d + 1) + h d', () => {
    const published = { ...shape, heads: 8, kvHeads: 8, headDim: 16, valueDim: 16 };
    const sizes = Object.fromEntries(
      rcmhaWeights(published, parametersFor(rcmha, {})).map(({ name, shape: dims }) => [name, sizeOf(dims)]),
    );
    assert.equal(sizes['position.key'], 1_048_576);
    const total = Object.values(sizes).reduce((sum, each) => sum + each, 0);
    assert.equal(total, 3 * 4 * 16 + 2 * 4096 * 8 * 17 + 8 * 16);
    // The four modules of the paper: none, 192 of the convolutions, 1,114,240 of the tables, both.
    const count = (change: Partial<typeof whole>) =>
      rcmhaWeights(published, parametersFor(rcmha, change)).reduce((sum, { shape: dims }) => sum + sizeOf(dims), 0);
    assert.deepEqual(
      [count({ convolution: false, relative: false }), count({ relative: false }), count({ convolution: false })],
      [0, 192, 1_114_240],
    );
  });

  it('has the gradients of finite differences, and exactly none for distances that do not occur', () => {
    const small = causalShape(9, { heads: 2, kvHeads: 1, headDim: 4, valueDim: 4 });
    const parameters = parametersFor(rcmha, { maxDistance: 14 });
    const inputs = drawInputs(rcmha, small, parameters, 8);
    const { graph, outputs } = reopen(rcmha.build(small, parameters, 'float32'));
    const output = outputs[0]!;
    const learned = graph.inputs.filter(({ name }) => name in inputs.weights);
    const seed = graph.input('seed', 'float32', output.shape);
    const found = gradients(graph, [[output, seed]], learned);
    const weight = normalTensor(output.shape.map(Number), 4);
    const { query, key, value } = inputs;
    const values = evaluate(graph, { query, key, value, ...inputs.weights, seed: weight });
    const objective = (name: string, moved: Tensor): number =>
      rcmha
        .reference({ ...inputs, weights: { ...inputs.weights, [name]: moved } }, small, parameters)
        .data.reduce((sum, x, at) => sum + x * weight.data[at]!, 0);
    learned.forEach(({ name }, which) => {
      const x = inputs.weights[name]!;
      const gradient = values.get(found[which]!.name)!;
      const most = gradient.data.reduce((a, each) => Math.max(a, Math.abs(each)), 0);
      // One number added to all keys takes the same from every score of a row: the softmax does not see it.
      if (name === 'convolution.key.bias') {
        assert.ok(most < 1e-12, `${most}`);
        return;
      }
      assert.ok(most > 1e-3, name);
      for (let at = 0; at < x.data.length; at += 3) {
        const moved = (by: number) =>
          tensor(
            x.shape,
            x.data.map((each, i) => (i === at ? each + by : each)),
          );
        const slope = (objective(name, moved(1e-5)) - objective(name, moved(-1e-5))) / 2e-5;
        assert.ok(Math.abs(slope - gradient.data[at]!) < 1e-5 * most, `${name} ${at}: ${slope}, ${gradient.data[at]}`);
      }
      if (!name.startsWith('position.')) return;
      const width = name === 'position.key' ? 4 : 1;
      gradient.data.forEach((each, at) => {
        const row = Math.floor(at / width) % 28;
        // Nine positions: distances 8 .. 0 are rows 6 .. 14.
        if (row < 6 || row > 14) assert.equal(each, 0, `${name}, row ${row}`);
      });
    });
  });
});
