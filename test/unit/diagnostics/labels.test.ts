import assert from 'node:assert/strict';
import {
  entropyOfRandomRows,
  labelHeads,
  meanLogReadable,
  thresholds,
  type ProbeScores,
} from '../../../diagnostics/patterns/labels';
import { entropyOf, planted, promptScores, randomFrom, uniform, type Matrix } from './planted';

const length = 60;
const noProbe = { repeated: [], unrepeated: [] };
const previous = planted(length, (i) => Math.max(0, i - 1));
const self = planted(length, (i) => i);
const sink = planted(length, () => 0);
const local = planted(length, (i) => Math.max(0, i - 9));
const even = uniform(length);
/** Reads half-way back: none of the patterns of position. */
const half = planted(length, (i) => Math.floor(i / 2));

const labelsOf = (heads: readonly Matrix[], extra = {}) =>
  labelHeads({ prompt: [promptScores(heads, randomFrom(1))], length, causal: true, ...noProbe, ...extra });

describe('labels of heads', () => {
  it('a matrix that does one thing bears that label, and no other', () => {
    const heads = [previous, self, sink, local, half];
    const expected = ['previous-token', 'self', 'first-token-sink', 'local', undefined];
    const found = labelsOf(heads);
    heads.forEach((_, head) => {
      const own = found.filter((each) => each.head === head).map(({ label }) => label);
      const [first] = own;
      assert.equal(first, expected[head], `head ${head} bears ${own.join()}`);
      // What reads the previous token or itself reads its local window too.
      assert.deepEqual(own.slice(1), head < 2 ? ['local'] : []);
    });
  });

  it('scores, null models and confidence say what they are', () => {
    const [found] = labelsOf([previous]);
    assert.ok(found);
    // 0.9 on the previous key and 0.1 spread evenly.
    const spread = Array.from({ length: length - 1 }, (_, i) => 0.1 / (i + 2)).reduce((sum, x) => sum + x, 0);
    assert.ok(Math.abs(found.score - (0.9 + spread / (length - 1))) < 1e-12);
    const dealt = Array.from({ length: length - 1 }, (_, i) => 1 / (i + 2)).reduce((sum, x) => sum + x, 0);
    assert.ok(Math.abs(found.null.mean - dealt / (length - 1)) < 0.02);
    assert.ok(found.null.sd > 0 && found.confidence > 0.999 && found.confidence <= 1);
  });

  it('uniform: flatter than rows drawn at random, whatever the other heads do', () => {
    const random = randomFrom(8);
    // Exponential numbers over their sum are a point of the simplex, all points equally likely.
    const drawn = (): Matrix =>
      Array.from({ length }, (_, i) => {
        const row = Array.from({ length }, (_, j) => (j <= i ? -Math.log(1 - random()) : 0));
        const sum = row.reduce((total, each) => total + each, 0);
        return row.map((each) => each / sum);
      });
    const samples = Array.from({ length: 400 }, () => entropyOf(drawn()));
    const middle = samples.reduce((sum, value) => sum + value, 0) / samples.length;
    const deviation = Math.sqrt(samples.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (samples.length - 1));
    const chance = entropyOfRandomRows(Array.from({ length }, (_, i) => i + 1));
    // Four standard errors of 400 draws.
    assert.ok(Math.abs(middle - chance.mean) < (4 * chance.sd) / 20, `${middle} and ${chance.mean}`);
    assert.ok(Math.abs(deviation / chance.sd - 1) < 4 / Math.sqrt(2 * 400), `${deviation} and ${chance.sd}`);
    const uniformHeads = (heads: readonly Matrix[]) =>
      labelsOf(heads)
        .filter(({ label }) => label === 'uniform')
        .map(({ head }) => head);
    assert.deepEqual(uniformHeads([even, previous, self, sink, drawn()]), [0]);
    assert.deepEqual(uniformHeads([even, even]), [0, 1], 'one even head does not hide another');
    const [label] = labelsOf([even]).filter(({ label }) => label === 'uniform');
    assert.ok(label && Math.abs(label.score - 1) < 1e-9 && label.null.mean < 1 && label.null.sd > 0);
  });

  it('uniform in a window layer is measured by the keys of the window', () => {
    const window = 8;
    const inWindow = Array.from({ length }, (_, i) =>
      Array.from({ length }, (_, j) => (j <= i && j > i - window ? 1 / Math.min(i + 1, window) : 0)),
    );
    const uniformOf = (windows: readonly (number | null)[]) =>
      labelsOf([inWindow, self, sink, previous], { windows }).filter(({ label }) => label === 'uniform');
    assert.deepEqual(
      uniformOf([window]).map(({ head, score }) => [head, Math.round(score * 1e6) / 1e6]),
      [[0, 1]],
    );
    assert.deepEqual(uniformOf([null]), []);
  });

  it('a prompt inside the local window shows no local head: rows cannot be dealt otherwise', () => {
    const short = 12;
    const scores = promptScores([planted(short, (i) => Math.max(0, i - 1))], randomFrom(2), 20);
    // Rounding of the runtime: the score a hair above the mean, the deviation exactly 0.
    const rounded = {
      ...scores,
      localWindow: [1 + 1e-7],
      permutation: {
        mean: { ...scores.permutation.mean, localWindow: 1 },
        variance: { ...scores.permutation.variance, localWindow: [0] },
      },
    };
    const found = labelHeads({ prompt: [rounded], length: short, causal: true, ...noProbe });
    assert.ok(found.every(({ label }) => label !== 'local'));
  });

  it('labels of probes need the score on the repeated sequence and its absence on the others', () => {
    const scores = (value: number): ProbeScores => ({
      induction: [value, 0.02],
      duplicateToken: [0.01, value],
      copyRate: [value, 0],
    });
    const prompt = [promptScores([half, half], randomFrom(3))];
    const input = { prompt, length, causal: true };
    const quiet = [0.01, 0.02, 0.03, 0.02].map((value) => [scores(value)]);
    assert.deepEqual(
      labelHeads({ ...input, repeated: [scores(0.8)], unrepeated: quiet }).map(({ head, label }) => [head, label]),
      [
        [0, 'induction'],
        [0, 'retrieval'],
        [1, 'duplicate-token'],
      ],
    );
    const loud = [0.7, 0.9, 0.75, 0.85].map((value) => [scores(value)]);
    assert.deepEqual(labelHeads({ ...input, repeated: [scores(0.8)], unrepeated: loud }), []);
    const below = thresholds.induction - 0.01;
    assert.deepEqual(labelHeads({ ...input, repeated: [scores(below)], unrepeated: quiet }), []);
  });

  it('what was not measured bears no label', () => {
    const nothing: ProbeScores = { induction: [Number.NaN], duplicateToken: [Number.NaN], copyRate: [Number.NaN] };
    const one = promptScores([[[1]]], randomFrom(4), 5);
    assert.deepEqual(
      labelHeads({ prompt: [one], length: 1, causal: true, repeated: [nothing], unrepeated: [[nothing]] }),
      [],
    );
  });

  it('mean ln of the readable keys: all, of a window, of both directions', () => {
    assert.ok(Math.abs(meanLogReadable(3, true) - (Math.log(2) + Math.log(3)) / 3) < 1e-12);
    assert.ok(Math.abs(meanLogReadable(4, true, 2) - (3 * Math.log(2)) / 4) < 1e-12);
    assert.equal(meanLogReadable(5, false), Math.log(5));
  });
});
