import assert from 'node:assert/strict';
import { mechanismById } from '../../../kernels/catalogue';
import { growthOf } from '../../../kernels/cost/growth';
import { parametersOf } from '../../../compute-server/harness/cell';
import type { AttentionShape } from '../../../kernels/shape';

const flops = (id: string) => {
  const mechanism = mechanismById(id)!;
  const at = (length: number): AttentionShape => ({
    pattern: 'noncausal-self',
    batch: 1,
    heads: 8,
    kvHeads: 8,
    queries: length,
    keys: length,
    headDim: 64,
    valueDim: 64,
  });
  return growthOf((length) => mechanism.cost(at(length), parametersOf(mechanism)).flops);
};

describe('A cost as a polynomial of the length', () => {
  it('reads a polynomial off exactly', () => {
    const growth = growthOf((n) => 3 * n * n + 5 * n + 700);
    assert.deepEqual([growth.square, growth.linear, Math.round(growth.constant)], [3, 5, 700]);
    assert.ok(growth.deviation < 1e-12);
  });

  it('says how far a cost is from it', () => {
    assert.ok(growthOf((n) => n ** 3).deviation > 0.01);
  });

  it('gives plain attention 4 d multiply-adds a pair in 8 heads, and linear attention no square', () => {
    const plain = flops('scaled-dot-product');
    assert.ok(plain.square >= 8 * 4 * 64 && plain.square < 8 * (4 * 64 + 16), `${plain.square}`);
    assert.equal(flops('linear').square, 0);
    assert.ok(flops('linear').linear > 0);
  });
});
