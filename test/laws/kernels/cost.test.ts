import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { workOf } from '../../../kernels/graph/work';
import { attentionPatterns, type AttentionShape } from '../../../kernels/shape';
import { settings } from './cases';

/**
 * Where the power of n shows: LongHeads is linear while n is far below budget times chunk, 2^20 by its defaults; landmark
 * attention computes 250 local scores a row, as many as there are landmarks of 12,750 positions.
 */
const lateLengths: Readonly<Record<string, number>> = { longheads: 2 ** 16, landmark: 2 ** 22 };

describe('Law: the cost model agrees with the multiply-adds counted in the built graph', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    const [parameters = {}] = settings(mechanism);
    for (const pattern of attentionPatterns) {
      const at = (length: number): AttentionShape => ({
        pattern,
        batch: 1,
        heads: 2,
        kvHeads: 2,
        queries: length,
        keys: length,
        headDim: 64,
        valueDim: 64,
      });
      if (!mechanism.supports(at(2048), parameters).ok) continue;
      it(`${mechanism.id}, ${pattern}: exponent ${mechanism.exponent}, and flops per multiply-add between 2 and 2.6`, () => {
        const counted = [4096, 8192].map((length) =>
          countMultiplyAdds(mechanism.build(at(length), parameters, 'float32').model),
        );
        const modelled = [4096, 8192].map((length) => mechanism.cost(at(length), parameters).flops);
        // A gate multiplies number by number: there is no product to count.
        if (counted.every((products) => products === 0)) assert.equal(mechanism.family, 'gate');
        const slope = ([short, long]: readonly number[]) => Math.log2((long ?? 0) / (short ?? 1));
        const difference = Math.abs(slope(counted) - slope(modelled));
        assert.ok(
          difference < 0.06 || mechanism.family === 'gate',
          `counted exponent ${slope(counted)}, modelled ${slope(modelled)}`,
        );
        // Mixtures of full and windowed heads reach the exponent of the full ones only late.
        const late = slope(
          [1, 2]
            .map((factor) => (lateLengths[mechanism.id] ?? 2 ** 20) * factor)
            .map((length) => mechanism.cost(at(length), parameters).flops),
        );
        assert.ok(Math.abs(late - mechanism.exponent) < 0.06, `modelled exponent ${late} of long sequences`);
        counted.forEach((products, i) => {
          const ratio = (modelled[i] ?? 0) / products;
          assert.ok(
            (ratio > 1.9 && ratio < 2.6) || mechanism.family === 'gate',
            `${ratio} flops per counted multiply-add`,
          );
        });
      });
    }
  }
});

/** Mechanisms whose model of bytes counts every pass of the graph's operators; the others count a part of them. */
const countsPasses = [
  'scaled-dot-product',
  'fused',
  'tiled',
  'grouped-query',
  'sliding-window',
  'streaming',
  'duo-attention',
  'razor-attention',
  'elastic-span',
  'gna',
  's2-attention',
  'landmark',
];

describe('Law: the bytes of the cost model are those that the operators of the graph pass over', function () {
  this.timeout(60_000);
  const shape: AttentionShape = {
    pattern: 'causal-self',
    batch: 1,
    heads: 4,
    kvHeads: 4,
    queries: 4096,
    keys: 4096,
    headDim: 64,
    valueDim: 64,
  };
  for (const mechanism of catalogue.filter(({ id }) => countsPasses.includes(id))) {
    for (const parameters of settings(mechanism)) {
      it(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
        assert.ok(mechanism.supports(shape, parameters).ok);
        const passed = workOf(mechanism.build(shape, parameters, 'float32').model).reduce(
          (sum, { bytes, times }) => sum + bytes * times,
          0,
        );
        const { bytes, peakBytes } = mechanism.cost(shape, parameters);
        assert.ok(bytes > 0.65 * passed && bytes < 1.35 * passed, `${bytes} of ${passed}: ${bytes / passed}`);
        const inputs = 4 * 4 * 4096 * (4 * 64);
        assert.ok(peakBytes >= inputs && peakBytes < inputs + passed, `a peak of ${peakBytes}`);
      });
    }
  }
});
