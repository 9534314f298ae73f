import assert from 'node:assert/strict';
import { catalogue, mechanismById } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { effectiveAttention, effectiveMass, hasMass } from '../../../kernels/effective-attention';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/inputs';
import { settings } from './cases';

const length = 24;
const base = { batch: 1, heads: 4, kvHeads: 2, queries: length, keys: length, headDim: 8, valueDim: 8 };
const effectiveOf = (
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  head: number,
): Float64Array => effectiveAttention(mechanism, drawInputs(mechanism, shape, parameters, 5), shape, parameters, head);

describe('Law: an output depends on the values of keys that its pattern reads, and on no others', () => {
  for (const mechanism of catalogue) {
    for (const parameters of settings(mechanism)) {
      for (const pattern of ['causal-self', 'noncausal-self'] as const) {
        const shape: AttentionShape = { ...base, pattern };
        if (!mechanism.supports(shape, parameters).ok) continue;
        it(`${mechanism.id} ${JSON.stringify(parameters)}, ${pattern}`, () => {
          const { reads, summarises } = mechanism.pattern(shape, parameters);
          for (const head of [0, 3]) {
            const effective = effectiveOf(mechanism, shape, parameters, head);
            let read = 0;
            for (let query = 0; query < length; query++) {
              for (let key = 0; key < length; key++) {
                const weight = effective[query * length + key]!;
                assert.ok(Number.isFinite(weight));
                read += weight;
                if (reads(head, query, key) || summarises?.(head, query, key)) continue;
                assert.ok(weight < 1e-9, `head ${head}: output ${query} changes by ${weight} with value ${key}`);
              }
            }
            assert.ok(read > 0.1, 'outputs depend on values at all');
          }
        });
      }
    }
  }
});

describe('Law: of the pairs that a pattern allows an output depends on those that the numbers choose, and on no others', () => {
  for (const mechanism of catalogue.filter((each) => 'chosen' in each)) {
    for (const parameters of settings(mechanism)) {
      for (const pattern of ['causal-self', 'noncausal-self'] as const) {
        const shape: AttentionShape = { ...base, pattern };
        if (!mechanism.supports(shape, parameters).ok) continue;
        it(`${mechanism.id} ${JSON.stringify(parameters)}, ${pattern}`, () => {
          const { reads } = mechanism.pattern(shape, parameters);
          const inputs = drawInputs(mechanism, shape, parameters, 5);
          // A convolution of values beside the attention reads what the attention does not choose.
          const attention = parameters['local'] === '5 x 5' ? { ...parameters, local: 'none' } : parameters;
          for (const head of [0, 3]) {
            const chosen = mechanism.chosen!(inputs, shape, parameters, head);
            const effective = effectiveOf(mechanism, shape, attention, head);
            for (let query = 0; query < length; query++) {
              for (let key = 0; key < length; key++) {
                const weight = effective[query * length + key]!;
                const read = reads(head, query, key) && chosen(query, key);
                assert.equal(weight > 1e-9, read, `head ${head}, query ${query}, key ${key}: ${weight}`);
              }
            }
          }
        });
      }
    }
  }
});

describe('Law: the weight of a cell of keys is the sum of their weights', () => {
  for (const mechanism of catalogue.filter(hasMass)) {
    it(mechanism.id, () => {
      const parameters = settings(mechanism)[0]!;
      const shape = (['causal-self', 'noncausal-self'] as const)
        .map((pattern): AttentionShape => ({ ...base, pattern, headDim: 4, valueDim: 4 }))
        .find((each) => mechanism.supports(each, parameters).ok);
      assert.ok(shape);
      const inputs = drawInputs(mechanism, shape, parameters, 5);
      const effective = effectiveAttention(mechanism, inputs, shape, parameters, 3);
      // 24 keys in cells of 5: five cells for four channels, the last one short.
      const mass = effectiveMass(mechanism, inputs, shape, parameters, 3, 5);
      assert.equal(mass.length, 25);
      mass.forEach((weight, at) => {
        const [query, cell] = [Math.min(length - 1, 5 * Math.floor(at / 5) + 4), at % 5];
        const keys = effective.slice(query * length + 5 * cell, query * length + Math.min(length, 5 * cell + 5));
        const sum = keys.reduce((total, each) => total + each, 0);
        assert.ok(Math.abs(weight - sum) < 1e-9, `query ${query}, cell ${cell}: ${weight}, not ${sum}`);
      });
    });
  }
});

describe('Effective attention', () => {
  it('is the matrix of probabilities where there is one', () => {
    const plain = mechanismById('scaled-dot-product')!;
    const shape: AttentionShape = { ...base, pattern: 'causal-self' };
    const { query, key } = drawInputs(plain, shape, {}, 5);
    const head = 3;
    const effective = effectiveOf(plain, shape, {}, head);
    for (let i = 0; i < length; i++) {
      // Head 3 of 4 on 2 key heads reads key head 1.
      const scores = Array.from({ length: i + 1 }, (_, j) => {
        let score = 0;
        for (let c = 0; c < 8; c++) {
          score += query.data[(head * length + i) * 8 + c]! * key.data[(length + j) * 8 + c]!;
        }
        return Math.exp(score / Math.sqrt(8));
      });
      const sum = scores.reduce((total, each) => total + each, 0);
      for (let j = 0; j < length; j++) {
        assert.ok(Math.abs(effective[i * length + j]! - (scores[j] ?? 0) / sum) < 1e-9, `${i}, ${j}`);
      }
    }
  });
});
