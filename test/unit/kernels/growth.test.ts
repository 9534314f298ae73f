import assert from 'node:assert/strict';
import { catalogue, mechanismById } from '../../../kernels/catalogue';
import { growthOf, type Growth } from '../../../kernels/cost/growth';
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
  return sureGrowth((length) => mechanism.cost(at(length), parametersOf(mechanism)).flops);
};

function sureGrowth(...given: Parameters<typeof growthOf>): Growth {
  const growth = growthOf(...given);
  assert.ok(growth);
  return growth;
}

describe('A cost as a polynomial of the length', () => {
  it('reads a polynomial off exactly', () => {
    const growth = sureGrowth((n) => 3 * n * n + 5 * n + 700);
    assert.deepEqual([growth.square, growth.linear, Math.round(growth.constant)], [3, 5, 700]);
    assert.ok(growth.deviation < 1e-12);
  });

  it('asks for supported lengths alone, and gives no formula where none is near', () => {
    const tens = (n: number) => {
      assert.equal(n % 10, 0);
      return 7 * n;
    };
    const growth = sureGrowth(tens, (n) => n % 10 === 0);
    assert.deepEqual([growth.square, growth.linear], [0, 7]);
    assert.equal(
      growthOf(tens, (n) => n <= 4096),
      undefined,
    );
  });

  it('says how far a cost is from it', () => {
    assert.ok(sureGrowth((n) => n ** 3).deviation > 0.01);
  });

  it('says from which length on it holds: a window is cut by shorter sequences', () => {
    const window = (n: number) => (n < 300 ? n * n : 300 * n - 100);
    assert.equal(sureGrowth(window).from, 384);
    assert.equal(sureGrowth((n) => 3 * n * n + 5 * n + 700).from, 16);
    assert.equal(sureGrowth((n) => n ** 3).from, undefined);
  });

  it('is positive and within a per mille of every mechanism’s cost wherever it is said to hold', () => {
    let held = 0;
    for (const mechanism of catalogue) {
      const at = (length: number): AttentionShape => ({
        ...{ pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 },
        ...{ queries: length, keys: length },
      });
      const parameters = parametersOf(mechanism);
      const takes = (length: number) => mechanism.supports(at(length), parameters).ok;
      const cost = (length: number) => mechanism.cost(at(length), parameters).flops;
      const growth = growthOf(cost, takes);
      if (growth?.from === undefined) continue;
      held++;
      for (const length of [64, 256, 1024, 2048, 8192, 32768].filter((each) => each >= growth.from! && takes(each))) {
        const said = growth.square * length ** 2 + growth.linear * length + growth.constant;
        assert.ok(Math.abs(said / cost(length) - 1) <= 1.001e-3, `${mechanism.id} at ${length}: ${said}`);
      }
    }
    assert.ok(held > catalogue.length / 2, `${held} formulas`);
    const gna = mechanismById('gna')!;
    const squares = (length: number): AttentionShape => ({
      ...{ pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 },
      ...{ queries: length, keys: length },
    });
    // Grids of 64 by 64 and of 64 by 128 cut windows differently: no polynomial of their product.
    assert.equal(sureGrowth((length) => gna.cost(squares(length), parametersOf(gna)).flops).from, undefined);
  });

  it('gives plain attention 4 d multiply-adds a pair in 8 heads, and linear attention no square', () => {
    const plain = flops('scaled-dot-product');
    assert.ok(plain.square >= 8 * 4 * 64 && plain.square < 8 * (4 * 64 + 16), `${plain.square}`);
    assert.equal(flops('linear').square, 0);
    assert.ok(flops('linear').linear > 0);
  });
});
