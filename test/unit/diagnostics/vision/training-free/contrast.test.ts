import assert from 'node:assert/strict';
import { contrasted } from '../../../../../diagnostics/vision/training-free/contrast';

const floats = (...values: readonly number[]): Float32Array => Float32Array.from(values);

describe('contrastive decoding', () => {
  it('takes w times the second logits from 1 + w times the first', () => {
    // 2 x 1 - 0.5, 2 x 3 - 4, 2 x 2 + 1
    const made = contrasted(floats(1, 3, 2), floats(0.5, 4, -1), { weight: 1, cut: 0 });
    assert.deepEqual([...made], [1.5, 2, 5]);
    const half = contrasted(floats(1, 3, 2), floats(0.5, 4, -1), { weight: 0.5, cut: 0 });
    assert.deepEqual([...half], [1.25, 2.5, 3.5]);
  });

  it('leaves out tokens below a share of the largest probability of the first, whatever the second says', () => {
    // e^-2.2 is above 0.1, e^-2.4 below.
    const made = contrasted(floats(5, 2.8, 2.6), floats(0, 0, -100), { weight: 1, cut: 0.1 });
    assert.deepEqual([made[0], Math.fround(made[1] ?? 0), made[2]], [10, Math.fround(2 * Math.fround(2.8)), -Infinity]);
    assert.deepEqual(
      [...contrasted(floats(1, 3, 2), floats(9, 9, -9), { weight: 1, cut: 1 })],
      [-Infinity, -3, -Infinity],
    );
  });

  it('with a weight of 0 and no cut is the first alone', () => {
    const first = floats(0.25, -3, 7.125);
    assert.deepEqual(contrasted(first, floats(1, 2, 3), { weight: 0, cut: 0 }), first);
  });

  it('ranks as gamma log p(y | V) - (gamma - 1) log p(y) does', () => {
    const [first, second] = [floats(0.1, 1.2, -0.4, 2), floats(2, -1, 0.3, 1.9)];
    const logs = (logits: Float32Array): number[] => {
      const all = Math.log([...logits].reduce((sum, logit) => sum + Math.exp(logit), 0));
      return [...logits].map((logit) => logit - all);
    };
    const [p, q] = [logs(first), logs(second)];
    const gamma = 1.6;
    const wanted = p.map((log, token) => gamma * log - (gamma - 1) * (q[token] ?? 0));
    const made = contrasted(first, second, { weight: gamma - 1, cut: 0 });
    const apart = wanted.map((value, token) => value - (made[token] ?? 0));
    for (const value of apart) assert.ok(Math.abs(value - (apart[0] ?? 0)) < 1e-6, String(apart));
  });
});
