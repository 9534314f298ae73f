import assert from 'node:assert/strict';
import { landmark } from '../../../../kernels/mechanisms/landmark/landmark';
import { landmarkChoice, landmarkRows, landmarkWeights } from '../../../../kernels/mechanisms/landmark/reference';
import { isLandmark, type SharedChoice } from '../../../../kernels/mechanisms/landmark/rule';
import { stingyPlaces } from '../../../../kernels/mechanisms/landmark/stingy';
import { rotated } from '../../../../kernels/mechanisms/longheads/reference';
import { allRows, softmaxRows } from '../../../../kernels/reference/softmax';
import { drawInputs } from '../../../../kernels/inputs';
import { random } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions, withKeys } from './support';

const block = 4;
const size = block + 1;
const everything = { block, open: Infinity };

/** Seeded scores of one query over `length` keys. */
function scoresOf(length: number, seed: number): number[] {
  const source = random(seed);
  return Array.from({ length }, () => 3 * (source.uniform() - 0.5));
}

const logSumExp = (scores: readonly number[]): number => {
  const highest = Math.max(...scores);
  return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0));
};

describe('Landmark attention: the kernel does what the paper and its code say', () => {
  it('with all tokens in one block it is causal attention', () => {
    const shape = causalShape(30);
    const inputs = drawInputs(landmark, shape, {}, 1);
    const plain = softmaxRows(inputs, shape, allRows(shape), { reads: (_h, i, j) => j <= i });
    assertClose(landmarkRows(inputs, shape, { block: 30, open: 2 }, allRows(shape)), plain, 1e-12);
  });

  it('a landmark that scores the log-sum-exp of its block gives full attention over the ordinary tokens', () => {
    for (const position of [3, 7, 13, 22, 33]) {
      const scores = scoresOf(40, position);
      for (let c = 0; c < 8; c++) scores[c * size + block] = logSumExp(scores.slice(c * size, c * size + block));
      const { weights } = landmarkWeights(scores, position, everything);
      const ordinary = scores.map((_, j) => j).filter((j) => j <= position && !isLandmark(everything, j));
      const total = logSumExp(ordinary.map((j) => scores[j]!));
      for (const j of ordinary) assert.ok(Math.abs(weights[j]! - Math.exp(scores[j]! - total)) < 1e-12);
    }
  });

  it('rows sum to one, landmarks weigh nothing, no weight is negative; a landmark reads its own block alone', () => {
    for (let position = 0; position < 40; position++) {
      for (const open of [0, 1, 3, Infinity]) {
        const { weights } = landmarkWeights(scoresOf(40, 7), position, { block, open });
        assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
        weights.forEach((weight, j) => {
          assert.ok(weight >= 0);
          if (isLandmark(everything, j) || j > position) assert.equal(weight, 0, `${position} ${j}`);
        });
      }
    }
    const { weights } = landmarkWeights(scoresOf(40, 7), 4, everything);
    assert.ok(weights.subarray(0, 4).every((weight) => weight > 0));
  });

  it('opening as many blocks as there are equals opening all; opening none is attention inside the block', () => {
    const shape = causalShape(43);
    const inputs = drawInputs(landmark, shape, {}, 2);
    const rows = allRows(shape);
    assertClose(
      landmarkRows(inputs, shape, { block, open: 8 }, rows),
      landmarkRows(inputs, shape, everything, rows),
      0,
    );
    const inside = softmaxRows(inputs, shape, rows, {
      reads: (_h, i, j) => j <= i && Math.floor(i / size) === Math.floor(j / size) && j % size !== block,
    });
    assertClose(landmarkRows(inputs, shape, { block, open: 0 }, rows), inside, 1e-12);
  });

  it('a landmark score of minus infinity closes its block, of plus infinity takes all, split by the block’s own softmax', () => {
    const position = 23;
    const closed = scoresOf(40, 3);
    closed[1 * size + block] = -Infinity;
    const without = landmarkWeights(closed, position, everything).weights;
    assert.ok(without.subarray(size, 2 * size).every((weight) => weight === 0));
    const open = scoresOf(40, 3);
    open[1 * size + block] = 1e9;
    const { weights } = landmarkWeights(open, position, everything);
    const total = logSumExp(open.slice(size, size + block));
    for (let j = size; j < size + block; j++) assert.ok(Math.abs(weights[j]! - Math.exp(open[j]! - total)) < 1e-12);
  });

  it('past blocks have no order: exchanging two with their landmarks changes nothing', () => {
    const length = 32;
    const shape = causalShape(length);
    const inputs = drawInputs(landmark, shape, {}, 4);
    const order = Array.from({ length }, (_, j) => {
      const c = Math.floor(j / size);
      return c === 1 ? j + 2 * size : c === 3 ? j - 2 * size : j;
    });
    const exchanged = withKeys(inputs, {
      key: takePositions(inputs.key, order),
      value: takePositions(inputs.value, order),
    });
    for (const open of [2, Infinity]) {
      assertClose(
        landmarkRows(exchanged, shape, { block, open }, [length - 1]),
        landmarkRows(inputs, shape, { block, open }, [length - 1]),
        1e-12,
      );
    }
  });

  it('the derivative by every score is that of the gated softmax, zero for the own block’s landmark', () => {
    const position = 3 * size + block;
    const scores = scoresOf(20, 9);
    const values = scoresOf(20, 10);
    const output = (given: readonly number[]) =>
      landmarkWeights(given, position, everything).weights.reduce((sum, weight, j) => sum + weight * values[j]!, 0);
    const { weights, opened } = landmarkWeights(scores, position, everything);
    const whole = output(scores);
    /** o_c: what block c gives when it is opened. */
    const inside = (c: number) => {
      const { share } = opened.find(({ block: each }) => each === c)!;
      let sum = 0;
      for (let j = c * size; j < c * size + block; j++) sum += (weights[j]! / share) * values[j]!;
      return { share, sum };
    };
    scores.forEach((_, j) => {
      const c = Math.floor(j / size);
      // Group 0 holds own tokens and landmarks: p (value of the member - output); an ordinary token of c: a_j (v_j - o_c).
      const exact =
        j === position
          ? 0
          : c === 3
            ? weights[j]! * (values[j]! - whole)
            : isLandmark(everything, j)
              ? inside(c).share * (inside(c).sum - whole)
              : weights[j]! * (values[j]! - inside(c).sum);
      const nudged = (by: number) => output(scores.map((score, at) => (at === j ? score + by : score)));
      const numeric = (nudged(1e-5) - nudged(-1e-5)) / 2e-5;
      assert.ok(
        Math.abs(numeric - exact) <= 1e-6 * Math.max(1e-3, Math.abs(exact)) + 1e-10,
        `${j}: ${numeric}, ${exact}`,
      );
    });
  });

  it('finds a planted block at every length, reference and runtime', async () => {
    for (const length of [64, 128, 512]) {
      const shape = causalShape(length, { heads: 2, kvHeads: 2 });
      const inputs = drawInputs(landmark, shape, {}, 6);
      const parameters = parametersFor(landmark, { block, open: 1 });
      const planted = Math.floor(length / size / 3);
      const key = tensor(inputs.key.shape, inputs.key.data.slice());
      const query = tensor(inputs.query.shape, inputs.query.data.slice());
      for (let h = 0; h < 2; h++) {
        for (let j = 0; j < length; j++) {
          const at = (h * length + j) * 8;
          query.data[at] = 6;
          if (isLandmark(everything, j)) key.data.fill(0, at, at + 8);
        }
        key.data[(h * length + planted * size + block) * 8] = 6;
      }
      const needle = withKeys(inputs, { key, query });
      const row = length - 1;
      const scores = Array.from({ length }, (_, j) => {
        let dot = 0;
        for (let x = 0; x < 8; x++) dot += query.data[row * 8 + x]! * key.data[j * 8 + x]!;
        return dot / Math.sqrt(8);
      });
      assert.deepEqual(
        landmarkWeights(scores, row, { block, open: 1 }).opened.map(({ block: each }) => each),
        [planted],
      );
      const output = await runMechanism(landmark, needle, shape, parameters);
      assertClose(output, landmark.reference(needle, shape, parameters), 1e-5, `length ${length}`);
    }
  });

  it('a cached run by chunks equals the single run', async () => {
    const length = 52;
    const shape = causalShape(length);
    const inputs = drawInputs(landmark, shape, {}, 8);
    const parameters = parametersFor(landmark, { block, open: 20 });
    const whole = landmark.reference(inputs, shape, parameters);
    for (const [from, to] of [
      [0, 13],
      [13, 14],
      [14, 40],
      [40, 52],
    ] as const) {
      const chunk = causalShape(to - from, { keys: to });
      const positions = Array.from({ length: to - from }, (_, i) => from + i);
      const cut = {
        ...inputs,
        query: takePositions(inputs.query, positions),
        key: takePositions(inputs.key, [...Array(to).keys()]),
        value: takePositions(inputs.value, [...Array(to).keys()]),
      };
      assertClose(landmark.reference(cut, chunk, parameters), takePositions(whole, positions), 1e-10);
      assertClose(await runMechanism(landmark, cut, chunk, parameters), takePositions(whole, positions), 1e-5);
    }
  });

  it('takes landmarks at any positions: regular ones give what the block says, and rows sum to one without landmarks', () => {
    const shape = causalShape(43);
    const inputs = drawInputs(landmark, shape, {}, 2);
    const rows = allRows(shape);
    const every = Array.from({ length: 8 }, (_, c) => c * size + block);
    for (const open of [0, 2, Infinity]) {
      const given = landmarkRows(inputs, shape, { block, landmarks: every, open }, rows);
      assertClose(given, landmarkRows(inputs, shape, { block, open }, rows), 0);
    }
    const landmarks = [1, 9, 11, 30];
    for (let position = 0; position < 43; position++) {
      const { weights } = landmarkWeights(scoresOf(43, 7), position, { block, landmarks, open: 2 });
      assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
      weights.forEach((weight, j) => {
        assert.ok(weight >= 0);
        if (landmarks.includes(j) || j > position) assert.equal(weight, 0, `${position} ${j}`);
      });
    }
    // No landmark at all is causal attention.
    const plain = softmaxRows(inputs, shape, rows, { reads: (_h, i, j) => j <= i });
    assertClose(landmarkRows(inputs, shape, { block, landmarks: [], open: 2 }, rows), plain, 1e-12);
  });

  it('opens the same blocks for all who share a choice, and each its own for itself', () => {
    const shape = causalShape(48, { heads: 4, kvHeads: 2 });
    const inputs = drawInputs(landmark, shape, {}, 12);
    const opened = (shared: SharedChoice, head: number, row: number) => {
      const reads = landmarkChoice(inputs, shape, { block, open: 1, chunk: 8, shared }, head);
      return Array.from({ length: 48 }, (_, j) => j).filter(
        (j) => j < 35 && reads(row, j) && !isLandmark(everything, j),
      );
    };
    // 40 to 47 are one chunk, which may choose among 8 blocks of 5 positions.
    const rows = [40, 43, 47];
    const differ = (lists: readonly (readonly number[])[]) => new Set(lists.map(String)).size > 1;
    for (const row of rows) {
      assert.ok(!differ([0, 1, 2, 3].map((head) => opened('heads', head, row))));
      assert.ok(!differ([0, 1].map((head) => opened('group', head, row))));
      assert.ok(!differ([2, 3].map((head) => opened('group', head, row))));
    }
    for (let head = 0; head < 4; head++) assert.ok(!differ(rows.map((row) => opened('tokens', head, row))));
    assert.ok(differ([0, 1, 2, 3].map((head) => opened('none', head, 40))));
    assert.ok(differ(rows.map((row) => opened('none', 0, row))));
    assert.equal(
      landmark.pattern(shape, parametersFor(landmark, { block, open: 1, chunk: 8, shared: 'tokens' })).dependsOnFuture,
      true,
    );
  });

  it('stingy positions are those of the release, bounded, and the true ones until more blocks are cached than opened', () => {
    const rule = { block, open: 2, chunk: 3, rotaryBase: 100 };
    // Position 28 is in the chunk that began at 27: 5 blocks of 5 are cached, the last two of them the latest.
    const places = stingyPlaces(rule, 28);
    assert.deepEqual([places.query, places.near(25), places.near(28)], [18, 15, 18]);
    assert.deepEqual([0, 1, 2, 3, 4].map(places.landmark), [4, 4, 4, 9, 14]);
    assert.deepEqual([places.read(0, 1), places.read(1, 4)], [0, 10]);
    assert.deepEqual([places.read(0, 3), places.read(1, 4)], [5, 10]);
    for (let position = 0; position < 500; position++) {
      const { query } = stingyPlaces(rule, position);
      // k + 1 blocks, the tail and the chunk.
      assert.ok(query < 3 * size + size + rule.chunk, `${query} at ${position}`);
      if (position < 3 * size) assert.equal(query, position);
    }

    const shape = causalShape(3 * size, { heads: 2, kvHeads: 1 });
    const inputs = drawInputs(landmark, shape, {}, 15);
    const turned = (x: Tensor) => {
      const data = x.data.slice();
      for (let at = 0; at < data.length / 8; at++) {
        data.set(rotated(data.subarray(8 * at, 8 * at + 8), at % shape.keys, 100), 8 * at);
      }
      return tensor(x.shape, data);
    };
    const placed = { ...inputs, query: turned(inputs.query), key: turned(inputs.key) };
    const rows = allRows(shape);
    const plain = landmarkRows(placed, shape, { block, open: 2, chunk: 3 }, rows);
    assertClose(landmarkRows(inputs, shape, rule, rows), plain, 1e-12);
  });

  it('a run by chunks of the release: beside the best cached blocks all of the tail and of the chunk is read', async () => {
    const [length, chunk] = [53, 12];
    const shape = causalShape(length);
    const inputs = drawInputs(landmark, shape, {}, 8);
    for (const open of [0, 2]) {
      const parameters = parametersFor(landmark, { block, open, chunk });
      const whole = landmark.reference(inputs, shape, parameters);
      assertClose(await runMechanism(landmark, inputs, shape, parameters), whole, 1e-5);
      for (let from = 0; from < length; from += chunk) {
        const to = Math.min(from + chunk, length);
        const cached = Math.floor(from / size);
        for (let row = from; row < to; row++) {
          // As the release does it: the chosen cached blocks, the tail and the chunk are put beside each other, and read as in training.
          const positions = (blocks: readonly number[]) => [
            ...blocks.flatMap((each) => Array.from({ length: size }, (_, at) => each * size + at)),
            ...Array.from({ length: row + 1 - cached * size }, (_, at) => cached * size + at),
          ];
          for (let h = 0; h < 4; h++) {
            const score = (j: number) => {
              let dot = 0;
              for (let x = 0; x < 8; x++) {
                dot += inputs.query.data[(h * length + row) * 8 + x]! * inputs.key.data[(h * length + j) * 8 + x]!;
              }
              return dot / Math.sqrt(8);
            };
            const best = Array.from({ length: cached }, (_, each) => each)
              .sort((a, b) => score(b * size + block) - score(a * size + block))
              .slice(0, open)
              .sort((a, b) => a - b);
            const read = positions(best);
            const { weights } = landmarkWeights(read.map(score), read.length - 1, everything);
            for (let y = 0; y < 8; y++) {
              const sum = read.reduce(
                (all, j, at) => all + weights[at]! * inputs.value.data[(h * length + j) * 8 + y]!,
                0,
              );
              assert.ok(Math.abs(sum - whole.data[(h * length + row) * 8 + y]!) < 1e-12, `${open} ${row} ${h}`);
            }
          }
        }
      }
    }
  });
});
