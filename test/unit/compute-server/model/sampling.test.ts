/** The choice of the next token, against probabilities written by hand. */
import assert from 'node:assert/strict';
import { argMax, divergence, mulberry32, probabilities, sampler } from '../../../../diagnostics/model-runner/sampling';

/** Logits whose softmax these are. */
const logitsOf = (p: readonly number[]): Float64Array => Float64Array.from(p, (each) => Math.log(each));
const draws = 20_000;

function frequencies(logits: ArrayLike<number>, settings: Parameters<typeof sampler>[0]): number[] {
  const choose = sampler(settings);
  const counts = Array.from({ length: logits.length }, () => 0);
  for (let draw = 0; draw < draws; draw++) {
    const token = choose(logits);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

/** Within five standard deviations of a binomial count; a token of probability 0 never comes. */
function assertNear(found: readonly number[], expected: readonly number[]): void {
  expected.forEach((p, token) => {
    const bound = 5 * Math.sqrt((p * (1 - p)) / draws);
    const difference = Math.abs((found[token] ?? Number.NaN) - p);
    assert.ok(difference <= bound, `token ${token}: ${found[token]}, not ${p} within ${bound}`);
  });
}

describe('sampling of the next token', () => {
  const p = [0.05, 0.4, 0.25, 0.2, 0.1];

  it('probabilities are the softmax of logits over the temperature', () => {
    const found = probabilities([1, 2, 4], 2);
    const weights = [Math.exp(0.5), Math.E, Math.exp(2)];
    const sum = weights.reduce((total, weight) => total + weight, 0);
    weights.forEach((weight, i) => assert.ok(Math.abs((found[i] ?? 0) - weight / sum) < 1e-15));
    assert.deepEqual(
      [...probabilities([1000, 1000 + Math.log(3)])].map((each) => each.toFixed(9)),
      ['0.250000000', '0.750000000'],
    );
  });

  it('at temperature 1 tokens come as often as their probability', () => {
    assertNear(frequencies(logitsOf(p), { temperature: 1, topP: 1, seed: 3 }), p);
  });

  it('temperature 2 takes square roots, temperature 1/2 squares', () => {
    for (const [temperature, power] of [
      [2, 0.5],
      [0.5, 2],
    ] as const) {
      const weights = p.map((each) => each ** power);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const expected = weights.map((weight) => weight / sum);
      assertNear(frequencies(logitsOf(p), { temperature, topP: 1, seed: 4 }), expected);
    }
  });

  it('top-p keeps the smallest set of the most probable tokens that reaches it, renormalised', () => {
    for (const [topP, kept] of [
      [1e-9, [1]],
      [0.39, [1]],
      [0.41, [1, 2]],
      [0.64, [1, 2]],
      [0.66, [1, 2, 3]],
      [0.84, [1, 2, 3]],
      [0.94, [1, 2, 3, 4]],
      [0.96, [0, 1, 2, 3, 4]],
    ] as const) {
      const sum = kept.reduce<number>((total, token) => total + (p[token] ?? 0), 0);
      const expected = p.map((each, token) => ((kept as readonly number[]).includes(token) ? each / sum : 0));
      assertNear(frequencies(logitsOf(p), { temperature: 1, topP, seed: 5 }), expected);
    }
  });

  it('top-p counts probabilities at the temperature', () => {
    // At temperature 1/2 the first has 0.16 / 0.275 = 0.58 of the mass, at temperature 1 it has 0.4.
    assertNear(frequencies(logitsOf(p), { temperature: 0.5, topP: 0.5, seed: 5 }), [0, 1, 0, 0, 0]);
  });

  it('small temperatures end in the greedy choice, the lowest id of equals', () => {
    const logits = [0.3, 2, 1.9, -4, 2];
    assert.equal(argMax(logits), 1);
    assertNear(frequencies(logits, { temperature: 0, topP: 1, seed: 6 }), [0, 1, 0, 0, 0]);
    for (const temperature of [1e-3, 1e-300]) {
      assertNear(frequencies(logits.slice(0, 4), { temperature, topP: 1, seed: 6 }), [0, 1, 0, 0]);
    }
  });

  it('takes tokens from the most probable down, the lowest id of equals first, as a sort of all does', () => {
    const random = mulberry32(11);
    // Halves of few numbers, so that many are equal.
    const logits = Array.from({ length: 300 }, () => Math.round(random() * 8) / 2);
    const p = probabilities(logits);
    const order = [...p.keys()].sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0) || a - b);
    for (const topP of [0.3, 0.9, 1]) {
      const choose = sampler({ temperature: 1, topP, seed: 12 });
      const drawn = mulberry32(12);
      const ends = order.map((_, at) => order.slice(0, at + 1).reduce((sum, token) => sum + (p[token] ?? 0), 0));
      const kept = topP < 1 ? (ends.find((end) => end >= topP) ?? NaN) : 1;
      for (let draw = 0; draw < 50; draw++) {
        const share = drawn() * kept;
        assert.equal(choose(logits), order[ends.findIndex((end) => end >= share)]);
      }
    }
  });

  it('the same seed gives the same tokens, another one others', () => {
    const run = (seed: number): number[] => {
      const choose = sampler({ temperature: 1, topP: 1, seed });
      return Array.from({ length: 64 }, () => choose(logitsOf(p)));
    };
    assert.deepEqual(run(7), run(7));
    assert.notDeepEqual(run(7), run(8));
  });

  it('the stream of random numbers is mulberry32', () => {
    const random = mulberry32(0);
    // The first outputs for seed 0 of the reference code, in units of 2^-32.
    assert.deepEqual(
      [random(), random()].map((value) => value * 2 ** 32),
      [1144304738, 1416247],
    );
  });

  it('KL divergence in nats, by hand', () => {
    const q = [0.2, 0.2, 0.2, 0.2, 0.2];
    const expected = p.reduce((sum, each) => sum + each * Math.log(each / 0.2), 0);
    assert.ok(Math.abs(divergence(logitsOf(p), logitsOf(q)) - expected) < 1e-12);
    assert.ok(Math.abs(divergence(logitsOf(p), logitsOf(p))) < 1e-15);
  });
});
