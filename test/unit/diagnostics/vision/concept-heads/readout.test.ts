/** The end of a vision encoder. */
import assert from 'node:assert/strict';
import { LinearReadout } from '../../../../../diagnostics/vision/concept-heads/readout';
import type { AttentionReadout } from '../../../../../diagnostics/model-runner/joint-space';

const size = 2;
const norm = { kind: 'layer', gain: Float32Array.of(1, 1), epsilon: 0 } as const;
/** [2, 2]: `scale` times the identity, and a bias. */
const map = (scale: number, ...bias: readonly number[]) => ({
  ...{ data: Float32Array.of(scale, 0, 0, scale), rows: size, columns: size },
  bias: Float32Array.from(bias),
});

describe('the readout of a picture', () => {
  // What is pooled is (1, 3) whatever is read, and what enters the activation is (1, -2).
  const networkBy = (activation: AttentionReadout['activation']) =>
    new LinearReadout({
      norm,
      pooling: {
        ...{ kind: 'attention', probe: Float32Array.of(0, 0), heads: 1, norm, activation },
        ...{ query: map(0, 0, 0), key: map(0, 0, 0), value: map(0, 0, 0), output: map(0, 1, 3) },
        ...{ up: map(0, 1, -2), down: map(1, 0, 0) },
      },
    }).of(Float32Array.of(1, 2));

  // x Phi(x) is 0.8413 and -0.0455; the approximation by tanh, x / (1 + e^(-1.702 x)) and SiLU to six places by a calculator.
  for (const [activation, ...expected] of [
    ['gelu-tanh', 0.841192, -0.045402],
    ['quick-gelu', 0.845796, -0.064341],
    ['silu', 0.731059, -0.238406],
    ['relu', 1, 0],
  ] as const) {
    it(`of a pooling by attention adds what the network makes by ${activation}`, () => {
      const { network, embedding, constant } = networkBy(activation);
      assert.deepEqual([...constant], [1, 3]);
      expected.forEach((value, i) => {
        assert.ok(Math.abs((network?.[i] ?? NaN) - value) < 1e-6, `${network?.join()}, not ${expected.join()}`);
        assert.ok(Math.abs((embedding[i] ?? NaN) - value - [1, 3][i]!) < 1e-6);
      });
    });
  }
});
