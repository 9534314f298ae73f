/** What arXiv:2505.11739 says of its operator, on the weights of the float64 definition and on the output of the graph. */
import assert from 'node:assert/strict';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { sinkBias } from '../../../../kernels/mechanisms/sink-bias';
import type { Mechanism } from '../../../../kernels/mechanism';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions, withKeys } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const positions = 21;
/** Values as wide as there are keys, so that a row of the output can be the row of weights. */
const shape: AttentionShape = causalShape(positions, { kvHeads: 2, valueDim: positions });
const plain = scaledDotProduct as unknown as Mechanism;
const tuned = sinkBias as unknown as Mechanism;
const settingsOf = (gamma: number, heads = 'all') => parametersFor(sinkBias, { gamma, heads });

const drawn = drawInputs(tuned, shape, settingsOf(2), 11);

/** Value j is the j-th unit vector. */
function showingWeights(inputs: AttentionInputs): AttentionInputs {
  const { batch, kvHeads } = shape;
  const data = new Float64Array(batch * kvHeads * positions * positions);
  for (let at = 0; at < data.length; at += positions * positions)
    for (let j = 0; j < positions; j++) data[at + j * (positions + 1)] = 1;
  return { ...inputs, value: tensor([batch, kvHeads, positions, positions], data) };
}

/** Rows of weights of all heads and queries, those of keys that are not read being 0. */
const rowsOf = ({ data }: Tensor): number[][] =>
  Array.from({ length: data.length / positions }, (_, at) => [...data.subarray(at * positions, (at + 1) * positions)]);
const weightsOf = (gamma: number): number[][] =>
  rowsOf(tuned.reference(showingWeights(drawn), shape, settingsOf(gamma)));
const plainWeights = (): number[][] => rowsOf(plain.reference(showingWeights(drawn), shape, {}));

function assertRows(actual: readonly number[][], expected: readonly number[][], allowed: number): void {
  assert.equal(actual.length, expected.length);
  const most = Math.max(...actual.flatMap((row, at) => row.map((weight, j) => Math.abs(weight - expected[at]![j]!))));
  assert.ok(most <= allowed, `differs by ${most}`);
}

/** a'_0 = gamma a_0 / D and a'_i = a_i / D, D = (gamma - 1) a_0 + 1. */
const rescaled = (rows: readonly number[][], gamma: number): number[][] =>
  rows.map((row) => row.map((weight, j) => (weight * (j === 0 ? gamma : 1)) / ((gamma - 1) * row[0]! + 1)));

describe('Law: a bias on the score of the first key rescales its weight', () => {
  for (const gamma of [0.1, 0.5, 2, 10]) {
    it(`gamma ${gamma}: log(gamma) on the score is the operator on the weights`, () => {
      assertRows(weightsOf(gamma), rescaled(plainWeights(), gamma), 1e-14);
    });

    it(`gamma ${gamma}: the weights among the other keys, and their entropy, stay`, () => {
      const before = plainWeights();
      weightsOf(gamma).forEach((row, at) => {
        const among = (weights: readonly number[]): number[] => {
          const rest = weights.slice(1).filter((weight) => weight > 0);
          const total = rest.reduce((sum, weight) => sum + weight, 0);
          return rest.map((weight) => weight / total);
        };
        const entropy = (weights: readonly number[]) =>
          weights.reduce((sum, weight) => sum - weight * Math.log(weight), 0);
        const [now, then] = [among(row), among(before[at]!)];
        assert.equal(now.length, at % positions);
        now.forEach((weight, j) => assert.ok(Math.abs(weight - then[j]!) < 1e-14));
        assert.ok(Math.abs(entropy(now) - entropy(then)) < 1e-13);
      });
    });
  }

  it('gamma 1 is the identity to the bit, by the definition and by the graph', async () => {
    assert.deepEqual(tuned.reference(drawn, shape, settingsOf(1)).data, plain.reference(drawn, shape, {}).data);
    const [neutral, two] = [await runMechanism(tuned, drawn, shape, settingsOf(1)), 2];
    assertClose(neutral, await runMechanism(plain, drawn, shape, {}), 1e-6, 'gamma 1');
    const changed = await runMechanism(tuned, drawn, shape, settingsOf(two));
    assert.ok(changed.data.some((x, at) => Math.abs(x - neutral.data[at]!) > 0.01));
  });

  it('gamma 1e-12 hides the first key from every later row', () => {
    const later = Array.from({ length: positions - 1 }, (_, at) => at + 1);
    // The same without the first key: query t reads keys 1..t.
    const shorter: AttentionShape = { ...shape, queries: positions - 1, keys: positions - 1 };
    const without = {
      ...drawn,
      query: takePositions(drawn.query, later),
      key: takePositions(drawn.key, later),
      value: takePositions(drawn.value, later),
    };
    assertClose(
      takePositions(tuned.reference(drawn, shape, settingsOf(1e-12)), later),
      plain.reference(without, shorter, {}),
      1e-6,
    );
  });

  it('gamma 1e12 gives the first value to every row', () => {
    const output = tuned.reference(drawn, shape, settingsOf(1e12));
    const first = takePositions(
      drawn.value,
      Array.from({ length: positions }, () => 0),
    );
    for (let head = 0; head < shape.heads; head++) {
      const size = positions * positions;
      const [from, kv] = [head * size, Math.floor(head / 2) * size];
      for (let at = 0; at < size; at++)
        assert.ok(Math.abs(output.data[from + at]! - first.data[kv + at]!) < 1e-9, `head ${head}, ${at}`);
    }
  });

  it('gamma 3 after gamma 0.4 is gamma 1.2', () => {
    assertRows(rescaled(weightsOf(0.4), 3), weightsOf(1.2), 1e-14);
  });

  it('alternating heads take gamma and 1 / gamma', () => {
    const at = (gamma: number, heads?: string) =>
      rowsOf(tuned.reference(showingWeights(drawn), shape, settingsOf(gamma, heads)));
    const [mixed, up, down] = [at(4, 'alternating'), at(4), at(0.25)];
    mixed.forEach((row, place) => assert.deepEqual(row, (Math.floor(place / positions) % 2 === 0 ? up : down)[place]));
    assert.notDeepEqual(up, down);
  });

  it('row 0 never changes, in float64 and in the graph', async () => {
    const firstRow = (x: Tensor) => takePositions(x, [0]).data;
    const expected = firstRow(plain.reference(drawn, shape, {}));
    for (const gamma of [1e-12, 0.3, 7, 1e12]) {
      assert.deepEqual(firstRow(tuned.reference(drawn, shape, settingsOf(gamma))), expected);
      assertClose(
        tensor([expected.length], firstRow(await runMechanism(tuned, drawn, shape, settingsOf(gamma)))),
        tensor([expected.length], expected),
        1e-6,
      );
    }
  });

  it('a step of decoding gives the row of the whole pass', async () => {
    const whole = await runMechanism(tuned, drawn, shape, settingsOf(6));
    const step = await runMechanism(
      tuned,
      withKeys(drawn, { query: takePositions(drawn.query, [positions - 1]) }),
      { ...shape, queries: 1 },
      settingsOf(6),
    );
    assertClose(step, takePositions(whole, [positions - 1]), 1e-6);
  });
});
