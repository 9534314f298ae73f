/** Token mixers of the unified view: each is its own mixing matrix times the tokens, by means of its own. */
import assert from 'node:assert/strict';
import type { Module, ModuleCall, Tensors } from '../../../../kernels/module';
import type { ParameterValues } from '../../../../kernels/mechanism';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { covarianceMixing } from '../../../../kernels/modules/mixers/covariance-attention';
import { fourierMixing } from '../../../../kernels/modules/mixers/fourier-mixing';
import { mixersOf } from '../../../../kernels/modules/mixers/template';
import { toeplitzAt, toeplitzMixing } from '../../../../kernels/modules/mixers/toeplitz-mixing';
import { mixingMatrix, tokenMlp } from '../../../../kernels/modules/mixers/token-mlp';
import { stepsOf } from '../../../../kernels/modules/mixers/transform';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';

const draw = <P extends ParameterValues>(module: Module<P>, given: Partial<P>, seed = 1) => {
  const parameters = resolved(module, given as ParameterValues);
  return { parameters, call: drawCall(module, parameters, seed) };
};

const mostBetween = (a: Float64Array, b: readonly number[] | Float64Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);

const withTokens = (call: ModuleCall, order: readonly number[]): ModuleCall => {
  const x = call.inputs['x']!;
  const width = x.shape[2]!;
  const moved = x.data.map((_, at) => x.data[order[Math.floor(at / width)]! * width + (at % width)]!);
  return { ...call, inputs: { x: tensor(x.shape, moved) } };
};

/** Powers of e^(-2 pi i / n) by repeated products: the Vandermonde matrix. */
function vandermonde(n: number): readonly (readonly (readonly [number, number])[])[] {
  const root = [Math.cos((2 * Math.PI) / n), -Math.sin((2 * Math.PI) / n)] as const;
  const times = (a: readonly [number, number], b: readonly [number, number]): readonly [number, number] => [
    a[0] * b[0] - a[1] * b[1],
    a[0] * b[1] + a[1] * b[0],
  ];
  const power = (of: readonly [number, number], exponent: number): readonly [number, number] =>
    exponent === 0 ? [1, 0] : times(power(of, exponent - 1), of);
  return Array.from({ length: n }, (_, k) => {
    const base = power(root, k);
    return Array.from({ length: n }, (__, j) => power(base, j));
  });
}

describe('token mixers in one template', () => {
  it('Fourier mixing is the real part of the product with both Vandermonde matrices', () => {
    const { parameters, call } = draw(fourierMixing, { tokens: 6, width: 5 });
    const { output } = fourierMixing.reference(call, parameters) as { output: Tensor };
    const [f, g] = [vandermonde(6), vandermonde(5)];
    const expected = Array.from({ length: 30 }, (_, at) => {
      const [k, c] = [Math.floor(at / 5), at % 5];
      let real = 0;
      for (let j = 0; j < 6; j++) {
        for (let e = 0; e < 5; e++) {
          const [[a, b], [p, q]] = [f[k]![j]!, g[e]![c]!];
          real += call.inputs['x']!.data[j * 5 + e]! * (a * p - b * q);
        }
      }
      return real;
    });
    assert.ok(mostBetween(output.data, expected) < 1e-12);
  });

  it('a long convolution is its Toeplitz matrix times the tokens, and follows when all tokens move', () => {
    const { parameters, call } = draw(toeplitzMixing, { tokens: 8, width: 4, kernels: 2 });
    const output = (of: ModuleCall): Tensor => toeplitzMixing.reference(of, parameters)['output']!;
    const kernel = call.weights['kernel']!;
    const expected = Array.from({ length: 32 }, (_, at) => {
      const [i, c] = [Math.floor(at / 4), at % 4];
      return Array.from({ length: 8 }, (__, j) => j).reduce(
        (total, j) => total + toeplitzAt(kernel, c < 2 ? 0 : 1, i, j, parameters) * call.inputs['x']!.data[j * 4 + c]!,
        0,
      );
    });
    assert.ok(mostBetween(output(call).data, expected) < 1e-12);
    for (let i = 1; i < 8; i++) {
      for (let j = 1; j < 8; j++) {
        assert.equal(toeplitzAt(kernel, 0, i, j, parameters), toeplitzAt(kernel, 0, i - 1, j - 1, parameters));
      }
    }
    // The first tokens empty: what comes out moves with what comes in.
    const x = tensor(
      [1, 8, 4],
      call.inputs['x']!.data.map((value, at) => (at < 16 ? value : 0)),
    );
    const later = tensor(
      [1, 8, 4],
      x.data.map((_, at) => (at < 8 ? 0 : x.data[at - 8]!)),
    );
    const [one, moved] = [x, later].map((tokens) => output({ ...call, inputs: { x: tokens } }).data);
    assert.ok(mostBetween(moved!.subarray(8), one!.subarray(0, 24)) < 1e-15);
  });

  it('an MLP over the tokens is the matrix that its activation opens, and an offset, channel by channel', () => {
    const { parameters, call } = draw(tokenMlp, { tokens: 6, width: 3, hidden: 4 });
    const { output } = tokenMlp.reference(call, parameters) as { output: Tensor };
    for (let channel = 0; channel < 3; channel++) {
      const { matrix, offset } = mixingMatrix(call, parameters, channel);
      for (let i = 0; i < 6; i++) {
        let total = offset[i]!;
        for (let j = 0; j < 6; j++) total += matrix.data[i * 6 + j]! * call.inputs['x']!.data[j * 3 + channel]!;
        assert.ok(Math.abs(total - output.data[i * 3 + channel]!) < 1e-12);
      }
    }
  });

  it('cross-covariance attention follows the tokens into any order, and its map stays', () => {
    const { parameters, call } = draw(covarianceMixing, { tokens: 5, width: 6, heads: 2 });
    const order = [3, 0, 4, 1, 2];
    const run = (of: ModuleCall): Tensors => covarianceMixing.reference(of, parameters);
    const [one, other] = [run(call), run(withTokens(call, order))];
    assert.ok(mostBetween(other['attention']!.data, one['attention']!.data) < 1e-12);
    const expected = one['output']!.data.map(
      (_, at) => one['output']!.data[order[Math.floor(at / 6)]! * 6 + (at % 6)]!,
    );
    assert.ok(mostBetween(other['output']!.data, expected) < 1e-12);
    for (let row = 0; row < 6; row++) {
      const whole = one['attention']!.data.subarray(row * 3, row * 3 + 3).reduce((total, share) => total + share, 0);
      assert.ok(Math.abs(whole - 1) < 1e-12);
    }
  });

  it('two steps take the factors that cost least, and none of a prime', () => {
    assert.deepEqual(stepsOf(4096, 'two steps'), [32, 128]);
    assert.deepEqual(stepsOf(13, 'two steps'), [1, 13]);
    assert.deepEqual(stepsOf(4096, 'direct'), [1, 4096]);
  });

  it('time grows as n squared by matrices and as n to the 1.5 in two steps', () => {
    const slope = <P extends ParameterValues>(module: Module<P>, given: Partial<P>): number => {
      const at = (tokens: number): number =>
        module.cost(resolved(module, { ...given, tokens } as ParameterValues)).multiplyAdds;
      return Math.log2(at(2048) / at(512)) / 2;
    };
    const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 0.1, `${value}`);
    near(slope(fourierMixing, { width: 1, form: 'direct' }), 2);
    near(slope(fourierMixing, { width: 1 }), 1.5);
    near(slope(toeplitzMixing, { form: 'matrix' }), 2);
    near(slope(toeplitzMixing, { form: 'transform' }), 1.5);
    near(slope(covarianceMixing, {}), 1);
  });

  it('the table says what the modules cost', () => {
    const rows = new Map(mixersOf(64, 32, 4).map((row) => [row.title, row]));
    const size = { tokens: 64, width: 32 };
    const costOf = <P extends ParameterValues>(module: Module<P>, given: ParameterValues) =>
      module.cost(resolved(module, { ...size, ...given }));
    const costs = [
      ['Fourier mixing', costOf(fourierMixing, {})],
      ['Long convolution', costOf(toeplitzMixing, {})],
      ['MLP over the tokens', costOf(tokenMlp, { hidden: 32 })],
      ['Cross-covariance attention', costOf(covarianceMixing, { heads: 4, bias: false })],
    ] as const;
    for (const [title, { multiplyAdds, parameters: count }] of costs) {
      assert.equal(rows.get(title)!.multiplyAdds, multiplyAdds, title);
      const bias = title === 'Cross-covariance attention' ? 32 : 0;
      assert.equal(rows.get(title)!.parameters + bias, count, title);
    }
  });
});
