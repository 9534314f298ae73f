import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/inputs';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';
import type { AttentionInputs } from '../../../kernels/tensors/tensor';

const length = 40;
const base = { batch: 1, heads: 4, kvHeads: 2, queries: length, keys: length, headDim: 8, valueDim: 8 };

/** The pattern test of CAB (scripts of Shark-NLP/CAB): an output may not change when what follows it is cut off. */
describe('Law: a causal reference gives the same outputs on every prefix, in float64', () => {
  for (const mechanism of catalogue) {
    for (const parameters of settings(mechanism)) {
      const self: AttentionShape = { ...base, pattern: 'causal-self' };
      if (mechanism.supports(self, parameters).ok) {
        const name = `${mechanism.id} ${JSON.stringify(parameters)}`;
        const { dependsOnLength, dependsOnFuture } = mechanism.pattern(self, parameters);
        if (dependsOnFuture) {
          it(`${name}, causal self: outputs depend on later positions, as its pattern says`, () => {
            assert.throws(() => compareFutures(mechanism, self, parameters), /differs when/);
          });
        } else if (dependsOnLength) {
          it(`${name}, causal self: what follows a position replaced`, () => {
            compareFutures(mechanism, self, parameters);
          });
        } else {
          it(`${name}, causal self: queries, keys and values cut together`, () => {
            comparePrefixes(mechanism, self, parameters, (prefix) => ({ ...self, queries: prefix, keys: prefix }));
          });
        }
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

  it('and a reference that reads everything fails the replaced future too', () => {
    const plain = catalogue.find((mechanism) => mechanism.id === 'scaled-dot-product')!;
    assert.throws(() => compareFutures(plain, { ...base, pattern: 'noncausal-self' }, {}), /differs when/);
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

/** Where the length of the whole decides what is read, nothing can be cut off: the later positions get other numbers instead. */
function compareFutures(mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues): void {
  const inputs = drawInputs(mechanism, shape, parameters, 3);
  const others = drawInputs(mechanism, shape, parameters, 4);
  const whole = mechanism.reference(inputs, shape, parameters);
  for (let prefix = 1; prefix < length; prefix += 3) {
    const mixed: AttentionInputs = {
      ...inputs,
      query: withFuture(inputs.query, others.query, prefix),
      key: withFuture(inputs.key, others.key, prefix),
      value: withFuture(inputs.value, others.value, prefix),
    };
    const output = mechanism.reference(mixed, shape, parameters);
    for (let h = 0; h < shape.heads; h++) {
      for (let position = 0; position < prefix; position++) {
        assert.deepEqual(
          rowOf(output, h, position),
          rowOf(whole, h, position),
          `output ${position} differs when the positions from ${prefix} on change, in head ${h}`,
        );
      }
    }
  }
}

/** The first `count` positions of `x`, then those of `later`. */
function withFuture(x: Tensor, later: Tensor, count: number): Tensor {
  const [, , positions = 1, width = 1] = x.shape;
  return tensor(
    x.shape,
    x.data.map((value, at) => (Math.floor(at / width) % positions < count ? value : later.data[at]!)),
  );
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
