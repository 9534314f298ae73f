/** The template of each mechanism (kernels/template.ts): what it claims is asked of the definition. */
import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { effectiveAttention } from '../../../kernels/effective-attention';
import { denseReads } from '../../../kernels/reference/pattern';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/inputs';
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';
import type { AttentionInputs } from '../../../kernels/tensors/tensor';

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

const columns = [0, 5, 11, 17, 22, 29, 36, 41];

/**
 * Whether each output of each head reads the values at `columns`, by a change of one key's value at a time. An average shows a
 * small one; anything else a NaN, however little of it is left. [column][head * positions + query]
 */
function readSets(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  seed: number,
): readonly (readonly boolean[])[] {
  const inputs = drawInputs(mechanism, shape, parameters, seed);
  const { keys, kvHeads, valueDim, queries, heads } = shape;
  const plain = mechanism.reference(inputs, shape, parameters).data;
  const change = mechanism.template.normaliser.averagesValues ? 1e-3 : Number.NaN;
  return columns.map((key) => {
    const data = Float64Array.from(inputs.value.data);
    for (let head = 0; head < kvHeads; head++) {
      for (let at = (head * keys + key) * valueDim; at < (head * keys + key + 1) * valueDim; at++) data[at]! += change;
    }
    const output = mechanism.reference({ ...inputs, value: tensor(inputs.value.shape, data) }, shape, parameters);
    return Array.from(
      { length: heads * queries },
      (_, row) => !(Math.abs(output.data[row * valueDim]! - plain[row * valueDim]!) < 1e-15),
    );
  });
}

/** Whether a query that reads some of the positions that it could read leaves out others. */
const leavesOutSome = (shape: AttentionShape, sets: readonly (readonly boolean[])[]): boolean => {
  const plain = denseReads(shape);
  return sets[0]!.some((_, row) => {
    const [head, query] = [Math.floor(row / shape.queries), row % shape.queries];
    const read = columns.flatMap((key, at) => (plain(head, query, key) ? [sets[at]![row]!] : []));
    return read.includes(true) && read.includes(false);
  });
};

/** Whether a pattern leaves out a pair that attention of its kind reads. */
function missesSome(shape: AttentionShape, reads: ReturnType<typeof denseReads>): boolean {
  const plain = denseReads(shape);
  for (let head = 0; head < shape.heads; head++) {
    for (let query = 0; query < shape.queries; query++) {
      for (let key = 0; key < shape.keys; key++) if (plain(head, query, key) && !reads(head, query, key)) return true;
    }
  }
  return false;
}

/**
 * How many numbers of the first half a later output needs, for each channel of the values: the rank of the matrix of weights
 * from the positions before the middle to the queries from the middle on. A decoder carries as many, whatever it is made of.
 */
function carried(mechanism: Mechanism, parameters: ParameterValues, length: number): number {
  const shape = { ...shapeFor(mechanism, parameters, length), pattern: 'causal-self' as const };
  assert.ok(mechanism.supports(shape, parameters).ok);
  const weights = effectiveAttention(mechanism, drawInputs(mechanism, shape, parameters, 3), shape, parameters, 1);
  const half = length / 2;
  const rows = Array.from({ length: half }, (_, i) =>
    Array.from(weights.subarray((half + i) * length, (half + i) * length + half)),
  );
  return rankOf(rows);
}

/** Gaussian elimination by the largest number that is left, which ends at a ten-thousandth of the first. */
function rankOf(rows: number[][]): number {
  let [rank, first] = [0, 0];
  for (; rank < rows.length; rank++) {
    let [most, row, column] = [0, 0, 0];
    for (let i = rank; i < rows.length; i++) {
      for (let j = 0; j < rows.length; j++) {
        if (Math.abs(rows[i]![j]!) > most) [most, row, column] = [Math.abs(rows[i]![j]!), i, j];
      }
    }
    if (rank === 0) first = most;
    if (most <= 1e-4 * first) return rank;
    [rows[rank], rows[row]] = [rows[row]!, rows[rank]!];
    for (let i = rank + 1; i < rows.length; i++) {
      const share = rows[i]![column]! / rows[rank]![column]!;
      for (let j = 0; j < rows.length; j++) rows[i]![j]! -= share * rows[rank]![j]!;
    }
  }
  return rank;
}

describe('Law: a mechanism is what its row of the template says', function () {
  this.timeout(30_000);

  for (const mechanism of catalogue) {
    const { template, id } = mechanism;
    const small = smallOf(mechanism);
    const [defaults] = settings(mechanism);

    it(`${id}: positions are chosen by data, or beforehand`, () => {
      const byData = settings(mechanism).some((parameters) => {
        const shape = shapeFor(mechanism, parameters, 48);
        const sets = [3, 4].map((seed) => JSON.stringify(readSets(mechanism, shape, parameters, seed)));
        return sets[0] !== sets[1];
      });
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
        // That outputs depend on what the pattern reads, and on nothing else, is a law of its own (effective-attention.test.ts).
        const long = shapeFor(mechanism, parameters, 256);
        const { reads, dependsOnData } = mechanism.pattern(long, parameters);
        if (!dependsOnData) return missesSome(long, reads);
        const shape = shapeFor(mechanism, parameters, 48);
        return leavesOutSome(shape, readSets(mechanism, shape, parameters, 3));
      });
      if (template.matrix === 'dense') assert.ok(!leavesOut && mechanism.exponent === 2);
      if (template.matrix === 'sparse') assert.ok(leavesOut);
      // The exponent is that of the multiply-adds in the graph (cost.test.ts): no matrix of pairs is made.
      if (template.matrix.endsWith('low rank') || template.matrix === 'diagonal') assert.equal(mechanism.exponent, 1);
      if (template.matrix === 'sparse and low rank') assert.ok(!leavesOut, 'the part of low rank reads everything');
    });

    it(`${id}: the state of a decoder grows, or not`, () => {
      if (mechanism.decode) {
        const grows = sizesOf(mechanism, small, [256, 512]).some(([short, long]) => long > short);
        assert.equal(template.state.grows, grows);
        return;
      }
      const resolution = resolveTable(mechanism.id, mechanism.parameters, {});
      assert.ok(resolution.ok);
      const [short, long] = [24, 48].map((length) => carried(mechanism, resolution.values, length));
      assert.equal(template.state.grows, long! > short!, `${short} numbers of 12 positions, ${long} of 24`);
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
