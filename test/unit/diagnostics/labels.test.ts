import assert from 'node:assert/strict';
import {
  entropyOfRandomRows,
  labelsAmong,
  meanLogReadable,
  neededConfidence,
  scoreHeads,
  thresholds,
  type LabelInput,
  type ProbeScores,
} from '../../../diagnostics/patterns/labels';
import { entropyOf, planted, promptScores, randomFrom, uniform, type Matrix } from './planted';

const length = 60;
const noProbe = { probed: [], unstructured: [] };
const labelHeads = (input: LabelInput) => labelsAmong(scoreHeads(input));
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

  it('every head has every score that was measured, with null model and confidence, labelled or not', () => {
    const one: ProbeScores = { induction: [0.2, 0.01], duplicateToken: [0, 0], retrieval: [0.5, 0] };
    const prompt = [promptScores([previous, half], randomFrom(6))];
    const none = [0.01, 0.02, 0.03].map((value) => [
      { induction: [value, value], duplicateToken: [0, 0], retrieval: [0, 0] },
    ]);
    const scores = scoreHeads({ prompt, length, causal: true, probed: [one], unstructured: none });
    assert.equal(scores.length, 8 * 2);
    assert.ok(scores.every(({ confidence }) => confidence >= 0 && confidence <= 1));
    const of = (label: string, head: number) => scores.find((each) => each.label === label && each.head === head);
    // Below every threshold, and yet far above the null: t = 0.18 / (0.01 sqrt(4/3)) = 15.6 with 2 degrees of freedom.
    const weak = of('induction', 0);
    assert.ok(weak && Math.abs(weak.confidence - 0.99796) < 1e-5, String(weak?.confidence));
    assert.ok(weak.confidence < neededConfidence);
    assert.deepEqual(of('retrieval', 0)?.null, { mean: 0, sd: 0, seeds: 3, floor: 1e-3 });
    assert.equal(of('duplicate-token', 0)?.confidence, 0.5);
    assert.equal(of('previous-token', 0)?.null.seeds, undefined);
  });

  it('labels of probes need the score on the sequence with the structure and its absence on the others', () => {
    const scores = (value: number): ProbeScores => ({
      induction: [value, 0.02],
      duplicateToken: [0.01, value],
      retrieval: [0, value],
    });
    const prompt = [promptScores([half, half], randomFrom(3))];
    const input = { prompt, length, causal: true };
    const quiet = [0.01, 0.02, 0.03, 0.02].map((value) => [scores(value)]);
    assert.deepEqual(
      labelHeads({ ...input, probed: [scores(0.8)], unstructured: quiet }).map(({ head, label }) => [head, label]),
      [
        [0, 'induction'],
        [1, 'duplicate-token'],
        [1, 'retrieval'],
      ],
    );
    const loud = [0.7, 0.9, 0.75, 0.85].map((value) => [scores(value)]);
    assert.deepEqual(labelHeads({ ...input, probed: [scores(0.8)], unstructured: loud }), []);
    const below = thresholds.induction - 0.01;
    assert.deepEqual(labelHeads({ ...input, probed: [scores(below)], unstructured: quiet }), []);
  });

  it('what was not measured bears no label', () => {
    const nothing: ProbeScores = { induction: [Number.NaN], duplicateToken: [Number.NaN], retrieval: [Number.NaN] };
    const one = promptScores([[[1]]], randomFrom(4), 5);
    assert.deepEqual(
      labelHeads({ prompt: [one], length: 1, causal: true, probed: [nothing], unstructured: [[nothing], [nothing]] }),
      [],
    );
  });

  it('mean ln of the readable keys: all, of a window, of both directions', () => {
    assert.ok(Math.abs(meanLogReadable(3, true) - (Math.log(2) + Math.log(3)) / 3) < 1e-12);
    assert.ok(Math.abs(meanLogReadable(4, true, 2) - (3 * Math.log(2)) / 4) < 1e-12);
    assert.equal(meanLogReadable(5, false), Math.log(5));
  });
});
