/** The template of each mechanism (kernels/template.ts): what it claims is asked of the definition. */
import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { AttentionInputs, Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { denseReads } from '../../../kernels/reference/pattern';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/tensors/inputs';
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';

/** Causal where the mechanism has it, in an order of as many heads of keys as of queries. */
function shapeFor(mechanism: Mechanism, parameters: ParameterValues, length: number): AttentionShape {
  const base = { batch: 1, heads: 4, kvHeads: 4, queries: length, keys: length, headDim: 8, valueDim: 8 };
  const causal: AttentionShape = { ...base, pattern: 'causal-self' };
  return mechanism.supports(causal, parameters).ok ? causal : { ...base, pattern: 'noncausal-self' };
}

/** Parameters as small as the lengths of these tests, where the mechanism has some. */
const smallOf = (mechanism: Mechanism): ParameterValues => settings(mechanism)[1] ?? settings(mechanism)[0]!;

const headOf = (x: Tensor, head: number): Float64Array => {
  const size = sizeOf(x.shape.slice(2));
  return x.data.slice(head * size, (head + 1) * size);
};

/** The heads of `other` in the place of all but head 0. */
function withOtherHeads(x: Tensor, other: Tensor): Tensor {
  const size = sizeOf(x.shape.slice(2));
  const data = Float64Array.from(other.data);
  data.set(x.data.subarray(0, size));
  return tensor(x.shape, data);
}

const differ = (a: Float64Array, b: Float64Array): boolean => a.some((value, at) => Math.abs(value - b[at]!) > 1e-9);

/** The most positions before the middle that some query from the middle on may read, over the heads. */
function stillRead(mechanism: Mechanism, parameters: ParameterValues, length: number): number {
  const shape = shapeFor(mechanism, parameters, length);
  const { reads } = mechanism.pattern(shape, parameters);
  const middle = length / 2;
  const counts = Array.from({ length: shape.heads }, (_, head) => {
    let count = 0;
    for (let key = 0; key < middle; key++) {
      for (let query = middle; query < length; query++) {
        if (!reads(head, query, key)) continue;
        count++;
        break;
      }
    }
    return count;
  });
  return Math.max(...counts);
}

describe('Law: a mechanism is what its row of the template says', function () {
  this.timeout(30_000);

  for (const mechanism of catalogue) {
    const { template, id } = mechanism;
    const small = smallOf(mechanism);
    const [defaults] = settings(mechanism);

    it(`${id}: positions are chosen by data, or beforehand`, () => {
      const byData = settings(mechanism).some(
        (parameters) => mechanism.pattern(shapeFor(mechanism, parameters, 96), parameters).dependsOnData,
      );
      assert.equal(template.positions.chosen, byData ? 'by data' : 'beforehand');
    });

    it(`${id}: outputs are averages of values, or not`, () => {
      const shape = shapeFor(mechanism, defaults!, 40);
      const inputs = drawInputs(mechanism, shape, defaults!, 3);
      const up = tensor(
        inputs.value.shape,
        inputs.value.data.map((x) => x + 1),
      );
      const plain = mechanism.reference(inputs, shape, defaults!).data;
      const shifted = mechanism.reference({ ...inputs, value: up }, shape, defaults!).data;
      assert.equal(
        shifted.every((value, at) => Math.abs(value - plain[at]! - 1) < 1e-6),
        template.normaliser.averagesValues,
      );
    });

    it(`${id}: a head needs the others, or not`, () => {
      // Small parameters alone show what positions are chosen by.
      const depends = [defaults!, small].some((parameters) => {
        const shape = shapeFor(mechanism, parameters, 96);
        const [own, other] = [3, 4].map((seed) => drawInputs(mechanism, shape, parameters, seed)) as [
          AttentionInputs,
          AttentionInputs,
        ];
        const changed: AttentionInputs = {
          ...own,
          query: withOtherHeads(own.query, other.query),
          key: withOtherHeads(own.key, other.key),
          value: withOtherHeads(own.value, other.value),
        };
        return differ(
          headOf(mechanism.reference(own, shape, parameters), 0),
          headOf(mechanism.reference(changed, shape, parameters), 0),
        );
      });
      assert.equal(depends, !template.sharded.headsIndependent);
    });

    it(`${id}: what mixes the positions depends on the data, or is fixed`, () => {
      const shape = shapeFor(mechanism, small, 40);
      const inputs = drawInputs(mechanism, shape, small, 5);
      const other = drawInputs(mechanism, shape, small, 6);
      const output = (changed: Partial<AttentionInputs>) =>
        mechanism.reference({ ...inputs, ...changed }, shape, small).data;
      const twice = tensor(
        inputs.value.shape,
        inputs.value.data.map((x) => 2 * x),
      );
      const depends =
        differ(output({ query: other.query, key: other.key }), output({})) ||
        differ(
          output({ value: twice }),
          output({}).map((x) => 2 * x),
        );
      assert.equal(template.mixing, depends ? 'data-dependent' : 'fixed');
    });

    it(`${id}: the matrix is ${template.matrix}`, () => {
      const leavesOut = settings(mechanism).some((parameters) => {
        const shape = shapeFor(mechanism, parameters, 256);
        const { reads, dependsOnData } = mechanism.pattern(shape, parameters);
        const plain = denseReads(shape);
        if (dependsOnData && template.positions.chosen === 'by data' && template.matrix === 'sparse') return true;
        for (let head = 0; head < shape.heads; head++) {
          for (let query = 0; query < 256; query++) {
            for (let key = 0; key < 256; key++) if (plain(head, query, key) && !reads(head, query, key)) return true;
          }
        }
        return false;
      });
      if (template.matrix === 'dense') assert.ok(!leavesOut && mechanism.exponent === 2);
      if (template.matrix === 'sparse') assert.ok(leavesOut);
      if (template.matrix === 'low rank' || template.matrix === 'diagonal') assert.equal(mechanism.exponent, 1);
    });

    it(`${id}: the state of a decoder grows, or not`, () => {
      const lengths = [256, 512] as const;
      const grows = mechanism.decode
        ? sizesOf(mechanism, small, lengths).some(([short, long]) => long > short)
        : // Without a matrix of pairs a running sum stands for all that came before.
          !['low rank', 'diagonal'].includes(template.matrix) &&
          stillRead(mechanism, small, lengths[1]) > stillRead(mechanism, small, lengths[0]);
      assert.equal(template.state.grows, grows);
    });

    it(`${id}: every column has words`, () => {
      const { projected, scores, aggregation, positions, normaliser, state, sharded } = template;
      const words = [
        projected,
        scores,
        aggregation,
        positions.words,
        normaliser.words,
        state.words,
        sharded.heads,
        sharded.sequence,
      ];
      for (const text of words) assert.match(text, /^\S.*[^.\s]$/u);
    });
  }
});

/** Numbers of each state after so many positions. */
function sizesOf(
  mechanism: Mechanism,
  parameters: ParameterValues,
  lengths: readonly [number, number],
): readonly (readonly [number, number])[] {
  const [short, long] = lengths.map((length) =>
    mechanism.decode!.states({ ...shapeFor(mechanism, parameters, length), queries: 1 }, parameters),
  );
  return short!.map((state, at) => [sizeOf(state.shape), sizeOf(long![at]!.shape)]);
}
