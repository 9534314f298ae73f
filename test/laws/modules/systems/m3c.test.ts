/** M3C's memory: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { mapped } from '../../../../kernels/module-parts/layers';
import { memoryRead } from '../../../../kernels/modules/m3c/memory-read';
import { landmarkMultiplyAdds, pays, readAgainstHistory } from '../../../../kernels/modules/m3c/pictures';
import { readMemory, similarities, type Reading } from '../../../../kernels/modules/m3c/read';
import {
  earlier,
  infoNce,
  meanReciprocalRank,
  rankOf,
  recallAt,
  unitEmbedding,
} from '../../../../kernels/modules/m3c/retrieval';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor, random } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';

const reading: Reading = {
  similarity: 'cosine',
  beta: 3,
  eta: 0,
  k: 5,
  read: 'soft',
  nullUnit: false,
  floor: 0,
};
const size = { queries: 3, units: 5, width: 4, tokens: 2, valueWidth: 3, batch: 1 };
const { inputs } = drawCall(memoryRead, { ...size, ...reading }, 4);
const apart = (a: Tensor, b: Tensor): number => measureError(a, b).maxAbsolute;
const of = (shape: readonly number[], numbers: readonly number[]) => tensor(shape, Float64Array.from(numbers));

describe('M3C, memory read', () => {
  it('a large beta reads the value of the best unit', () => {
    const scores = similarities(inputs['query']!, inputs['keys']!, 'cosine');
    const { output } = readMemory(inputs, { ...reading, beta: 1000 });
    for (let i = 0; i < 3; i++) {
      const row = [...scores.data.subarray(5 * i, 5 * i + 5)];
      const [best, next] = [...row].sort((a, b) => b - a) as [number, number];
      assert.ok(best - next > 0.02, `query ${i} has a gap`);
      const unit = row.indexOf(best);
      for (let c = 0; c < 6; c++) {
        assert.ok(Math.abs(output.data[6 * i + c]! - inputs['values']!.data[6 * unit + c]!) < 1e-4);
      }
    }
  });

  it('cosine: longer keys and queries read the same; zeros have similarity 0', () => {
    const longer = {
      ...inputs,
      query: mapped(inputs['query']!, (value) => 7 * value),
      keys: mapped(inputs['keys']!, (value, at) => (1 + Math.floor(at / 4)) * value),
    };
    assert.ok(apart(readMemory(longer, reading).output, readMemory(inputs, reading).output) < 1e-12);
    const none = similarities(zeros([1, 3, 4]), inputs['keys']!, 'cosine');
    assert.ok(none.data.every((score) => score === 0));
  });

  it('units in another order: the same read, other numbers', () => {
    const order = [2, 4, 0, 3, 1];
    const moved = (x: Tensor, each: number) =>
      mapped(x, (_, at) => x.data[order[Math.floor(at / each)]! * each + (at % each)]!);
    const other = { ...inputs, keys: moved(inputs['keys']!, 4), values: moved(inputs['values']!, 6) };
    const [first, second] = [inputs, other].map((each) => readMemory(each, { ...reading, k: 2 }));
    assert.ok(apart(first!.output, second!.output) < 1e-14);
    assert.deepEqual(
      [...second!.indices.data].map((unit) => order[unit]),
      [...first!.indices.data],
    );
  });

  it('a masked unit is not read, hard or soft, by likeness or over a link', () => {
    const masked = { ...inputs, there: of([1, 5], [1, 0, 1, 0, 0]) };
    const full = mapped(zeros([1, 5, 5]), () => 1);
    for (const eta of [0, 0.7]) {
      const read = readMemory({ ...masked, links: full }, { ...reading, eta, k: 2 });
      assert.ok([...read.indices.data].every((unit) => unit === 0 || unit === 2));
      for (let i = 0; i < 3; i++)
        assert.ok(Math.abs(read.weights.data[2 * i]! + read.weights.data[2 * i + 1]! - 1) < 1e-14);
    }
    const hard = readMemory(masked, { ...reading, read: 'hard', k: 4 });
    // [queries, k, s, dv]: of four units two are there.
    hard.weights.data.forEach((weight, at) => {
      const rows = hard.output.data.subarray(6 * at, 6 * at + 6);
      assert.equal(weight === 0, at % 4 > 1);
      assert.equal(
        rows.every((value) => value === 0),
        at % 4 > 1,
      );
    });
  });

  it('nothing that may be read, or no unit at all: zeros beside the query', () => {
    const none = readMemory({ ...inputs, there: zeros([1, 5]) }, { ...reading, k: 2 });
    assert.ok(none.output.data.every((value) => value === 0) && none.weights.data.every((value) => value === 0));
    const empty = {
      query: inputs['query']!,
      keys: zeros([1, 0, 4]),
      values: zeros([1, 0, 2, 3]),
      there: zeros([1, 0]),
      links: zeros([1, 0, 0]),
    };
    const { output } = readMemory(empty, { ...reading, k: 0 });
    assert.deepEqual(output.shape, [1, 3, 2, 3]);
    assert.ok(output.data.every((value) => value === 0));
  });

  it('a null unit takes what nothing answers: weights by hand', () => {
    const call = {
      query: of([1, 1, 2], [1, 0]),
      keys: of([1, 2, 2], [0, 3, -2, 0]),
      values: of([1, 2, 1, 1], [10, 20]),
      there: of([1, 2], [1, 1]),
      links: zeros([1, 2, 2]),
    };
    // Cosines 0 and -1, the null unit 0.5, beta 2.
    const total = 1 + Math.exp(-2) + Math.exp(1);
    const { weights, output } = readMemory(call, { ...reading, beta: 2, k: 2, nullUnit: true, floor: 0.5 });
    assert.ok(Math.abs(weights.data[0]! - 1 / total) < 1e-15);
    assert.ok(Math.abs(weights.data[1]! - Math.exp(-2) / total) < 1e-15);
    assert.ok(Math.abs(output.data[0]! - (10 + 20 * Math.exp(-2)) / total) < 1e-14);
  });

  it('links: without a share nothing changes; weights sum to 1; an answer one hop away needs them', () => {
    const linked = {
      ...inputs,
      links: of(
        [1, 5, 5],
        [...Array(25).keys()].map((at) => (at === 3 ? 1 : 0)),
      ),
    };
    const [without, plain] = [linked, inputs].map((each) => readMemory(each, reading));
    assert.equal(apart(without!.output, plain!.output), 0);
    for (const eta of [0.1, 0.5, 1]) {
      const { all } = readMemory(linked, { ...reading, eta });
      for (let i = 0; i < 3; i++) {
        const row = all.data.subarray(5 * i, 5 * i + 5);
        assert.ok(row.every((weight) => weight >= 0));
        assert.ok(Math.abs(row.reduce((a, b) => a + b, 0) - 1) < 1e-14);
      }
    }
    // The query is unit 0, which leads to unit 3, whose key is opposite.
    const keys = of([1, 5, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0, 1]);
    const hop = { ...linked, query: of([1, 1, 4], [1, 0, 0, 0]), keys };
    const unitsRead = (eta: number) => [...readMemory(hop, { ...reading, beta: 20, eta, k: 2 }).indices.data];
    assert.ok(!unitsRead(0).includes(3));
    assert.deepEqual(unitsRead(0.5), [0, 3]);
  });

  it('reading pays from few units on: multiply-adds by hand', () => {
    const sizes = { ...reading, queries: 8, units: 12, width: 256, tokens: 16, valueWidth: 256, k: 1, read: 'hard' };
    // 8 M 256 to score, 2 8 16 256 to attend; against 2 8 16 M 256.
    assert.deepEqual(readAgainstHistory(sizes, 12), { read: 24_576 + 65_536, history: 786_432 });
    assert.equal(pays(sizes), 2);
    assert.equal(pays({ ...sizes, tokens: 1, read: 'soft', k: 512, eta: 1 }), undefined);
    // Each query costs 12 landmarks of 2 256 + 5 operations, 16 tokens and itself of 4 256 + 5, 1 to choose, 3 256 to sum the block.
    assert.equal(landmarkMultiplyAdds(sizes, 12), (8 * (12 * 517 + 17 * 1029 + 1 + 768)) / 2);
    // Where all blocks are opened nothing is chosen, and each of its 3 16 weights takes one more.
    assert.equal(landmarkMultiplyAdds({ ...sizes, k: 3 }, 3), (8 * (3 * 517 + 49 * 1029 + 48)) / 2);
  });
});

describe('M3C, retrieval', () => {
  it('ranks 1, 2, 4', () => {
    const ranks = [1, 2, 4];
    assert.equal(recallAt(1, ranks), 1 / 3);
    assert.equal(recallAt(2, ranks), 2 / 3);
    assert.ok(Math.abs(meanReciprocalRank(ranks) - 0.583_333_333) < 1e-8);
    assert.equal(rankOf([0.1, 0.9, 0.5], 2), 2);
    assert.equal(rankOf([0.5, 0.5, 0.5], 0), 2);
  });

  it('InfoNCE of pairs that are orthogonal to all others', () => {
    for (const [count, temperature] of [
      [4, 0.5],
      [7, 1],
      [3, 0.05],
    ] as const) {
      const scores = Array.from({ length: count }, (_, i) =>
        Array.from({ length: count }, (__, j) => (i === j ? 1 : 0)),
      );
      const expected = Math.log(1 + (count - 1) * Math.exp(-1 / temperature));
      assert.ok(Math.abs(infoNce(scores, temperature).loss - expected) < 1e-12);
    }
  });

  it('InfoNCE of random directions: ln B when warm, more when cold', () => {
    const [count, width] = [16, 64];
    const [a, b] = [normalTensor([1, count, width], 1), normalTensor([1, count, width], 2)];
    const { data } = similarities(a, b, 'cosine');
    const scores = Array.from({ length: count }, (_, i) => [...data.subarray(i * count, (i + 1) * count)]);
    assert.ok(Math.abs(infoNce(scores, 1).loss - Math.log(count)) < 0.05);
    assert.ok(infoNce(scores, 0.05).loss > Math.log(count) + 0.5);
  });

  it('the slope of InfoNCE against differences', () => {
    const source = random(3);
    const scores = Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => source.normal()));
    const { slope } = infoNce(scores, 0.3);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        const moved = (by: number) =>
          infoNce(
            scores.map((row, r) => row.map((score, c) => (r === i && c === j ? score + by : score))),
            0.3,
          ).loss;
        assert.ok(Math.abs((moved(1e-5) - moved(-1e-5)) / 2e-5 - slope[i]![j]!) < 1e-7);
      }
    }
  });

  it('parts of a unit weigh alike however long they are; parts that are missing leave no gap', () => {
    const [text, picture] = [
      [3, 0],
      [0, 500],
    ];
    const both = unitEmbedding([text, picture, undefined], 2);
    assert.ok(both.every((value) => Math.abs(value - Math.SQRT1_2) < 1e-15));
    assert.deepEqual(unitEmbedding([undefined, picture], 2), [0, 1]);
    assert.deepEqual(unitEmbedding([undefined], 2), [0, 0]);
  });

  it('only earlier sessions may be read', () => {
    assert.deepEqual(earlier([1, 2, 2, 3, 4], 3), [1, 1, 1, 0, 0]);
  });

  it('a planted joint space: InfoNCE finds the rotation between two modalities', () => {
    const [width, bank] = [8, 12];
    const source = random(9);
    const direction = (): number[] => {
      const x = Array.from({ length: width }, () => source.normal());
      const length = Math.hypot(...x);
      return x.map((value) => value / length);
    };
    // The second modality is the first turned: coordinates moved round by 3, every other one with its sign turned.
    const other = (x: readonly number[]) => x.map((_, c) => (c % 2 === 0 ? 1 : -1) * x[(c + 3) % width]!);
    const map = Array.from({ length: width }, () => direction());
    const score = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, r) => sum + value * map[r]!.reduce((total, each, c) => total + each * b[c]!, 0), 0);
    const scoresOf = (from: readonly (readonly number[])[]) => from.map((a) => from.map((b) => score(a, other(b))));
    const recall = () => {
      const ranks = Array.from({ length: 30 }, () =>
        scoresOf(Array.from({ length: bank }, direction)).map((row, i) => rankOf(row, i)),
      ).flat();
      return recallAt(1, ranks);
    };
    const untrained = recall();
    assert.ok(untrained < 2.5 / bank, `untrained ${untrained}, chance ${1 / bank}`);
    for (let step = 0; step < 150; step++) {
      const batch = Array.from({ length: 16 }, direction);
      const { slope } = infoNce(scoresOf(batch), 0.2);
      slope.forEach((row, i) =>
        row.forEach((by, j) => {
          const [a, b] = [batch[i]!, other(batch[j]!)];
          for (let r = 0; r < width; r++) for (let c = 0; c < width; c++) map[r]![c]! -= 0.5 * by * a[r]! * b[c]!;
        }),
      );
    }
    const trained = recall();
    assert.ok(trained > 0.95, `trained ${trained}`);
  });
});
