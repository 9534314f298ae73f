/** Checks of complex-vector attention (arXiv:2505.10222, withdrawn; the definition is the authors' code). */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { cmha } from '../../../../kernels/mechanisms/cmha/cmha';
import { cmhaScores, cmhaWeights } from '../../../../kernels/mechanisms/cmha/definition';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { sizeOf, tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { evaluate } from '../../../support/graph-arithmetic/evaluate';
import { reopen } from '../../../../kernels/graph/reopen';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const n = 13;
const shape = causalShape(n, { heads: 2, kvHeads: 2 });
const code = parametersFor(cmha, {});
const flat = parametersFor(cmha, { base: 0 });
const drawn = drawInputs(cmha, shape, code, 6);

const learned = (delta: number | Tensor, b: number | Tensor, inputs = drawn): AttentionInputs => {
  const of = (x: number | Tensor) => (typeof x === 'number' ? tensor([2, 4], new Float64Array(8).fill(x)) : x);
  return { ...inputs, weights: { delta: of(delta), b: of(b) } };
};

const pairs = Array.from({ length: 2 * n * n }, (_, at): readonly [h: number, i: number, j: number] => [
  Math.floor(at / (n * n)),
  Math.floor(at / n) % n,
  at % n,
]);

function assertScores(
  actual: (b: number, h: number, i: number, j: number) => number,
  expected: (h: number, i: number, j: number) => number,
  allowed: number,
): void {
  for (const [h, i, j] of pairs) {
    const error = Math.abs(actual(0, h, i, j) - expected(h, i, j));
    assert.ok(error <= allowed, `head ${h}, query ${i}, key ${j}: ${error}`);
  }
}

const at = (x: Tensor, h: number, position: number, c: number): number => x.data[(h * n + position) * 8 + c]!;
const frequency = (plane: number): number => 10 ** -plane;

/** Plane `plane` of every row turned by `angle`. */
const turned = (x: Tensor, plane: number, angle: number): Tensor => {
  const data = Float64Array.from(x.data);
  for (let row = 0; row < data.length / 8; row++) {
    const [re, im] = [data[row * 8 + plane]!, data[row * 8 + plane + 4]!];
    data[row * 8 + plane] = re * Math.cos(angle) - im * Math.sin(angle);
    data[row * 8 + plane + 4] = re * Math.sin(angle) + im * Math.cos(angle);
  }
  return tensor(x.shape, data);
};

describe('Complex-vector attention', () => {
  it('with delta 1 and b 0 has the products of rotary attention, halves turned, undivided', () => {
    const rotary = (x: Tensor, h: number, position: number): number[] =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((c) => {
        const angle = position * frequency(c % 4);
        const other = c < 4 ? -at(x, h, position, c + 4) : at(x, h, position, c - 4);
        return at(x, h, position, c) * Math.cos(angle) + other * Math.sin(angle);
      });
    assertScores(
      cmhaScores(learned(1, 0), shape, code, 0),
      (h, i, j) => {
        const [q, k] = [rotary(drawn.query, h, i), rotary(drawn.key, h, j)];
        return q.reduce((sum, x, c) => sum + x * k[c]!, 0);
      },
      1e-12,
    );
  });

  it('is a plain product of queries and keys that are remapped one by one, in float64 and in both graphs', async () => {
    const { delta, b } = drawn.weights;
    const point = (x: Tensor, h: number, position: number, phase: number) =>
      [0, 1, 2, 3].flatMap((c) => {
        const [re, im] = [at(x, h, position, c), at(x, h, position, c + 4)];
        const angle =
          delta!.data[h * 4 + c]! * Math.atan2(im, re) + phase * b!.data[h * 4 + c]! + position * frequency(c);
        const radius = Math.sqrt(re ** 2 + im ** 2 + 1e-9);
        return [radius * Math.cos(angle), radius * Math.sin(angle)];
      });
    assertScores(
      cmhaScores(drawn, shape, code),
      (h, i, j) => {
        const [q, k] = [point(drawn.query, h, i, 1), point(drawn.key, h, j, 0)];
        return q.reduce((sum, x, c) => sum + x * k[c]!, 0);
      },
      1e-12,
    );
    const long: AttentionShape = causalShape(512, { heads: 1, kvHeads: 1 });
    const inputs = drawInputs(cmha, long, code, 9);
    const exact = cmha.reference(inputs, long, code);
    for (const form of ['factored', 'naive'] as const) {
      assertClose(await runMechanism(cmha, inputs, long, { ...code, form }), exact, 1e-4, form);
    }
  });

  it('counts distances only: scores are the same wherever the positions begin', () => {
    const all = cmhaScores(drawn, shape, code);
    const cut = 4;
    const rows = Array.from({ length: n - cut }, (_, i) => cut + i);
    const later = {
      ...drawn,
      query: takePositions(drawn.query, rows),
      key: takePositions(drawn.key, rows),
    };
    const short = cmhaScores(later, { ...shape, queries: n - cut, keys: n - cut }, code);
    for (const h of [0, 1]) {
      for (let i = 0; i < n - cut; i++) {
        for (let j = 0; j <= i; j++) {
          assert.ok(Math.abs(short(0, h, i, j) - all(0, h, i + cut, j + cut)) < 1e-9);
        }
      }
    }
  });

  it('with delta 0 and b 0 sees magnitudes and distances: turning any plane changes nothing', () => {
    const magnitude = (x: Tensor, h: number, i: number, c: number) =>
      Math.sqrt(at(x, h, i, c) ** 2 + at(x, h, i, c + 4) ** 2 + 1e-9);
    const expected = (h: number, i: number, j: number) =>
      [0, 1, 2, 3].reduce(
        (sum, c) =>
          sum + magnitude(drawn.query, h, i, c) * magnitude(drawn.key, h, j, c) * Math.cos((i - j) * frequency(c)),
        0,
      );
    assertScores(cmhaScores(learned(0, 0), shape, code), expected, 1e-12);
    const moved = { ...drawn, query: turned(drawn.query, 2, 0.7), key: turned(drawn.key, 0, -2.4) };
    assertScores(cmhaScores(learned(0, 0, moved), shape, code), expected, 1e-12);
  });

  it('has b for an angle, and a jump where an angle passes pi unless delta is a whole number', () => {
    const plain = cmhaScores(drawn, shape, code);
    const { delta, b } = drawn.weights;
    const around = tensor(
      [2, 4],
      b!.data.map((x) => x + 2 * Math.PI),
    );
    assertScores(cmhaScores(learned(delta!, around), shape, code), (h, i, j) => plain(0, h, i, j), 1e-12);

    // Keys whose plane 1 lies just above or just below the negative axis.
    const beside = (side: number): AttentionInputs => {
      const key = tensor(drawn.key.shape, Float64Array.from(drawn.key.data));
      for (let row = 0; row < 2 * n; row++) [key.data[row * 8 + 1], key.data[row * 8 + 5]] = [-1, side * 1e-13];
      return { ...drawn, key };
    };
    const across = (share: number) =>
      [1, -1].map((side) => cmhaScores(learned(share, 0.3, beside(side)), shape, code)) as [typeof plain, typeof plain];
    const [above, below] = across(2);
    assertScores(above, (h, i, j) => below(0, h, i, j), 1e-11);
    const [over, under] = across(0.5);
    // The term of plane 1 turns by 0.5 times 2 pi: its sign. Without it both are the same.
    const without = cmhaScores(
      learned(0.5, 0.3, {
        ...beside(1),
        query: tensor(
          drawn.query.shape,
          drawn.query.data.map((x, c) => ([1, 5].includes(c % 8) ? 0 : x)),
        ),
      }),
      shape,
      code,
      0,
    );
    assertScores(over, (h, i, j) => 2 * without(0, h, i, j) - under(0, h, i, j), 1e-6);
    assert.ok(pairs.some(([h, i, j]) => Math.abs(over(0, h, i, j) - under(0, h, i, j)) > 0.5));
  });

  it('gives the transposed scores when queries and keys change places and b its sign', () => {
    const { delta, b } = drawn.weights;
    const swapped = learned(
      delta!,
      tensor(
        [2, 4],
        b!.data.map((x) => -x),
      ),
      {
        ...drawn,
        query: drawn.key,
        key: drawn.query,
      },
    );
    const plain = cmhaScores(drawn, shape, code);
    assertScores(cmhaScores(swapped, shape, code), (h, i, j) => plain(0, h, j, i), 1e-12);
  });

  it('never exceeds the product of magnitudes, and without positions is q . k for delta 1', () => {
    const plain = cmhaScores(drawn, shape, code);
    const most = cmhaScores(learned(0, 0), shape, flat);
    for (const [h, i, j] of pairs) assert.ok(Math.abs(plain(0, h, i, j)) <= most(0, h, i, j) + 1e-12);
    assertScores(
      cmhaScores(learned(1, 0), shape, flat, 0),
      (h, i, j) =>
        [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, c) => sum + at(drawn.query, h, i, c) * at(drawn.key, h, j, c), 0),
      1e-12,
    );
  });

  it('decodes on a cache of raw keys and values to the rows of the pass', () => {
    const pass = cmha.reference(drawn, shape, code);
    for (let position = 0; position < n; position++) {
      const rows = Array.from({ length: position + 1 }, (_, i) => i);
      const step = {
        ...drawn,
        query: takePositions(drawn.query, [position]),
        key: takePositions(drawn.key, rows),
        value: takePositions(drawn.value, rows),
      };
      const row = cmha.reference(step, { ...shape, queries: 1, keys: position + 1 }, code);
      assertClose(row, takePositions(pass, [position]), 1e-10);
    }
  });

  it('learns h d numbers a layer, drawn with the deviation of the code', () => {
    const weights = cmhaWeights({ ...shape, heads: 12, kvHeads: 12, headDim: 64 });
    assert.equal(
      weights.reduce((sum, { shape: dims }) => sum + sizeOf(dims), 0),
      768,
    );
    // 1 / sqrt(32): most heads begin near 0.18, far from the 1 of rotary attention.
    const initial = weights[0]!.initial;
    assert.ok(initial.kind === 'normal' && Math.abs(initial.deviation - 0.1768) < 1e-4);
  });

  it('has the gradients of finite differences for delta, b and queries away from the jump', () => {
    const inputs = drawInputs(cmha, shape, code, 6);
    for (const x of [inputs.query, inputs.key]) {
      for (let row = 0; row < x.data.length / 8; row++) {
        for (let plane = 0; plane < 4; plane++) {
          // Angles within 2.5 of 0 and magnitudes from 0.2 on.
          const [re, im] = [x.data[row * 8 + plane]!, x.data[row * 8 + plane + 4]!];
          const [radius, angle] = [0.2 + Math.hypot(re, im), Math.atan2(im, re) * 0.8];
          x.data[row * 8 + plane] = radius * Math.cos(angle);
          x.data[row * 8 + plane + 4] = radius * Math.sin(angle);
        }
      }
    }
    const { graph, outputs } = reopen(cmha.build(shape, code, 'float32'));
    const output = outputs[0]!;
    const seed = graph.input('seed', 'float32', output.shape);
    const names = ['delta', 'b', 'query'] as const;
    const wrt = names.map((name) => graph.inputs.find((each) => each.name === name)!);
    const found = gradients(graph, [[output, seed]], wrt);
    const weight = normalTensor(output.shape.map(Number), 4);
    const { query, key, value } = inputs;
    const given: Readonly<Record<string, Tensor>> = { query, key, value, ...inputs.weights };
    const values = evaluate(graph, { ...given, seed: weight });
    const objective = (name: string, moved: Tensor): number => {
      const { query: q, delta, b } = { ...given, [name]: moved } as Readonly<Record<(typeof names)[number], Tensor>>;
      const output64 = cmha.reference({ ...inputs, query: q, weights: { delta, b } }, shape, code);
      return output64.data.reduce((sum, x, i) => sum + x * weight.data[i]!, 0);
    };
    names.forEach((name, which) => {
      const x = given[name]!;
      const gradient = values.get(found[which]!.name)!;
      const most = gradient.data.reduce((a, each) => Math.max(a, Math.abs(each)), 0);
      assert.ok(most > 0.01, name);
      for (let place = 0; place < x.data.length; place += name === 'query' ? 5 : 1) {
        const moved = (by: number) =>
          tensor(
            x.shape,
            x.data.map((each, i) => (i === place ? each + by : each)),
          );
        const slope = (objective(name, moved(1e-5)) - objective(name, moved(-1e-5))) / 2e-5;
        const error = Math.abs(slope - gradient.data[place]!);
        assert.ok(error < 1e-5 * most, `${name} ${place}: ${slope}, ${gradient.data[place]}`);
      }
    });
  });
});
