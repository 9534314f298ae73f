import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { workOf } from '../../../kernels/graph/work';
import type { AttentionShape } from '../../../kernels/shape';
import { settings } from './cases';

/**
 * From which length on the limit's power shows, where it is not 2^19: BiFormer's products of regions and the summaries that
 * LongHeads scores are few beside what is read; landmark attention computes 250 local scores a row, as many as there are
 * landmarks of 12,750 positions.
 */
const lateLengths: Readonly<Record<string, number>> = { biformer: 2 ** 32, longheads: 2 ** 28, landmark: 2 ** 21 };

/** Least squares of the logarithm over the logarithm of the length. */
function exponentOf(lengths: readonly number[], operations: readonly number[]): number {
  const [x, y] = [lengths.map(Math.log2), operations.map(Math.log2)];
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
  const [atX, atY] = [mean(x), mean(y)];
  const rise = x.reduce((sum, each, i) => sum + (each - atX) * (y[i]! - atY), 0);
  return rise / x.reduce((sum, each) => sum + (each - atX) ** 2, 0);
}

describe('Law: the cost model agrees with the multiply-adds counted in the built graph', function () {
  this.timeout(60_000);
  const lengths = [2048, 4096, 8192];
  for (const mechanism of catalogue) {
    const [parameters = {}] = settings(mechanism);
    // Cross attention over one length is non-causal self-attention.
    for (const pattern of ['noncausal-self', 'causal-self'] as const) {
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
      const modelled = (of: readonly number[]) => of.map((length) => mechanism.cost(at(length), parameters).flops);

      it(`${mechanism.id}, ${pattern}: one exponent over ${lengths.join(', ')}, and flops per multiply-add between 2 and 2.6`, () => {
        const counted = lengths.map((length) =>
          countMultiplyAdds(mechanism.build(at(length), parameters, 'float32').model),
        );
        // A gate multiplies number by number: there is no product to count.
        if (mechanism.family === 'gate') {
          assert.ok(counted.every((products) => products === 0));
          return;
        }
        const own = exponentOf(lengths, counted);
        const model = exponentOf(lengths, modelled(lengths));
        assert.ok(Math.abs(own - model) < 0.06, `counted exponent ${own}, modelled ${model}`);
        modelled(lengths).forEach((flops, i) => {
          const ratio = flops / counted[i]!;
          assert.ok(ratio > 1.9 && ratio < 2.6, `${ratio} flops per counted multiply-add at ${lengths[i]}`);
        });
      });

      it(`${mechanism.id}, ${pattern}: n^${mechanism.exponent} in the limit of long sequences`, () => {
        const late = [1, 2, 4].map((factor) => (lateLengths[mechanism.id] ?? 2 ** 19) * factor);
        const limit = exponentOf(late, modelled(late));
        assert.ok(Math.abs(limit - mechanism.exponent) < 0.06, `${limit} from ${late[0]} on`);
      });
    }
  }
});

/**
 * Models of bytes that count what every operator of the graph passes over. The others count inputs, output and what is large
 * beside them, and leave out passes over single vectors and small states: a part, never more than the whole.
 */
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
  'alibi',
  'sink-bias',
  'rcmha',
  'gaam',
  'latent',
];

describe('Law: the bytes of the cost model are those that the operators of the graph pass over', function () {
  this.timeout(60_000);
  const length = 2048;
  const base = { batch: 1, heads: 4, kvHeads: 4, queries: length, keys: length, headDim: 64, valueDim: 64 };
  for (const mechanism of catalogue) {
    // The model of distributed attention leaves out what each of many small tiles copies: tiles of usual size only.
    const tried = settings(mechanism).slice(0, mechanism.id === 'distributed-mha' ? 1 : undefined);
    for (const parameters of tried) {
      const shape = (['causal-self', 'noncausal-self'] as const)
        .map((pattern): AttentionShape => ({ ...base, pattern }))
        .find((each) => mechanism.supports(each, parameters).ok);
      if (!shape) continue;
      it(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
        const passed = workOf(mechanism.build(shape, parameters, 'float32').model).reduce(
          (sum, { bytes, times }) => sum + bytes * times,
          0,
        );
        const { bytes, peakBytes } = mechanism.cost(shape, parameters);
        const least = countsPasses.includes(mechanism.id) ? 0.65 : 0.2;
        assert.ok(bytes > least * passed && bytes < 1.35 * passed, `${bytes} of ${passed}: ${bytes / passed}`);
        const inputs = 4 * 4 * length * (4 * 64);
        assert.ok(bytes >= inputs, `${bytes}, and the inputs alone are ${inputs}`);
        assert.ok(peakBytes >= inputs && peakBytes < inputs + passed, `a peak of ${peakBytes}`);
      });
    }
  }
});

describe('Bytes of plain attention, by hand', () => {
  // 2 query heads, 3 queries, 5 keys, widths 4 and 6, float32: queries 24 numbers and outputs 36.
  const own = { batch: 1, heads: 2, queries: 3, keys: 5, headDim: 4, valueDim: 6 } as const;
  // 30 scores, written by Q K^T, read and written by the softmax, read by P V; a causal mask reads and writes them as well.
  const scores = 4 * 30;
  const cases = [
    ['scaled-dot-product', 'noncausal-cross', 2, 4 * (24 + 36 + 40 + 60), 4],
    ['scaled-dot-product', 'causal-self', 2, 4 * (24 + 36 + 40 + 60), 6],
    ['grouped-query', 'noncausal-cross', 1, 4 * (24 + 36 + 20 + 30), 4],
    ['grouped-query', 'causal-self', 1, 4 * (24 + 36 + 20 + 30), 6],
  ] as const;
  for (const [id, pattern, kvHeads, tensors, passes] of cases) {
    it(`${id}, ${pattern}, ${kvHeads} key/value heads`, () => {
      const mechanism = catalogue.find((each) => each.id === id)!;
      const [parameters = {}] = settings(mechanism);
      const { bytes, peakBytes } = mechanism.cost({ ...own, pattern, kvHeads }, parameters);
      assert.equal(bytes, tensors + passes * scores);
      assert.equal(peakBytes, tensors + 2 * scores, 'scores and probabilities at once');
    });
  }
});
