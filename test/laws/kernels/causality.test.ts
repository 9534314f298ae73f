import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { AttentionInputs, Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/tensors/inputs';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';

const length = 40;
const base = { batch: 1, heads: 4, kvHeads: 2, queries: length, keys: length, headDim: 8, valueDim: 8 };

/** The pattern test of CAB (scripts of Shark-NLP/CAB): an output may not change when what follows it is cut off. */
describe('Law: a causal reference gives the same outputs on every prefix, in float64', () => {
  for (const mechanism of catalogue) {
    for (const parameters of settings(mechanism)) {
      const self: AttentionShape = { ...base, pattern: 'causal-self' };
      if (mechanism.supports(self, parameters).ok) {
        it(`${mechanism.id} ${JSON.stringify(parameters)}, causal self: queries, keys and values cut together`, () => {
          comparePrefixes(mechanism, self, parameters, (prefix) => ({ ...self, queries: prefix, keys: prefix }));
        });
      }
      const cross: AttentionShape = { ...base, pattern: 'causal-cross' };
      if (mechanism.supports(cross, parameters).ok) {
        it(`${mechanism.id} ${JSON.stringify(parameters)}, causal cross: only the queries are cut`, () => {
          comparePrefixes(mechanism, cross, parameters, (prefix) => ({ ...cross, queries: prefix }));
        });
      }
    }
  }

  it('and a reference that reads everything fails it', () => {
    const plain = catalogue.find((mechanism) => mechanism.id === 'scaled-dot-product')!;
    const open: AttentionShape = { ...base, pattern: 'noncausal-self' };
    assert.throws(
      () => comparePrefixes(plain, open, {}, (prefix) => ({ ...open, queries: prefix, keys: prefix })),
      /differs/,
    );
  });

  for (const mechanism of catalogue.filter((candidate) => 'referenceRows' in candidate)) {
    it(`${mechanism.id}: rows of the reference asked for one by one are the rows of the whole`, () => {
      const shape: AttentionShape = { ...base, pattern: 'causal-self', keys: length + 7 };
      const [parameters = {}] = settings(mechanism);
      const inputs = drawInputs(mechanism, shape, parameters, 5);
      const whole = mechanism.reference(inputs, shape, parameters);
      const rows = [length - 1, 0, 17];
      const some = mechanism.referenceRows?.(inputs, shape, parameters, rows);
      assert.deepEqual(some?.shape, [1, 4, rows.length, 8]);
      rows.forEach((row, at) => {
        for (let h = 0; h < 4; h++) {
          assert.deepEqual(some?.data.subarray((h * 3 + at) * 8, (h * 3 + at + 1) * 8), rowOf(whole, h, row));
        }
      });
    });
  }
});

function comparePrefixes(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  cut: (prefix: number) => AttentionShape,
): void {
  const inputs = drawInputs(mechanism, shape, parameters, 3);
  const whole = mechanism.reference(inputs, shape, parameters);
  for (let prefix = length / 2; prefix < length; prefix += 3) {
    const short = cut(prefix);
    const part: AttentionInputs = {
      ...inputs,
      query: firstPositions(inputs.query, short.queries),
      key: firstPositions(inputs.key, short.keys),
      value: firstPositions(inputs.value, short.keys),
    };
    const output = mechanism.reference(part, short, parameters);
    for (let h = 0; h < shape.heads; h++) {
      const expected = rowOf(whole, h, prefix - 1);
      rowOf(output, h, prefix - 1).forEach((value, x) => {
        const difference = Math.abs(value - (expected[x] ?? Number.NaN));
        assert.ok(difference < 1e-12, `the last output of prefix ${prefix} differs by ${difference} in head ${h}`);
      });
    }
  }
}

function rowOf(x: Tensor, head: number, position: number): Float64Array {
  const [, , positions = 1, width = 1] = x.shape;
  const from = (head * positions + position) * width;
  return x.data.slice(from, from + width);
}

function firstPositions(x: Tensor, count: number): Tensor {
  const [batch = 1, heads = 1, positions = 1, width = 1] = x.shape;
  const data = new Float64Array(batch * heads * count * width);
  for (let h = 0; h < batch * heads; h++) {
    data.set(x.data.subarray(h * positions * width, (h * positions + count) * width), h * count * width);
  }
  return tensor([batch, heads, count, width], data);
}
