import assert from 'node:assert/strict';
import {
  entropyOfRandomRows,
  judged,
  labelsAmong,
  meanLogReadable,
  neededConfidence,
  scoreHeads,
  type LabelInput,
  type ProbeScores,
} from '../../../../../diagnostics/shared/labels/labels';
import { thresholds } from '../../../../../protocol/results/label-rules';
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

const harmonic = (n: number): number => Array.from({ length: n }, (_, i) => 1 / (i + 1)).reduce((sum, x) => sum + x, 0);

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
      assert.equal(first, expected[head], `head ${head} has ${own.join()}`);
      // What reads the previous token or itself reads its local window too: that is no second thing to say.
      assert.deepEqual(own.slice(1), []);
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

  it('uniform: flatter than rows drawn at random, and than the other heads', () => {
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
    const others = [previous, self, sink, local, half, drawn(), drawn()];
    assert.deepEqual(uniformHeads([even, ...others]), [0]);
    assert.deepEqual(uniformHeads([even, even, ...others]), [0, 1], 'one even head does not hide another');
    assert.deepEqual(uniformHeads([...Array<Matrix>(9).fill(even), ...others]), [], 'what most heads do is not named');
    assert.deepEqual(uniformHeads([even, ...others.slice(1)]), [], 'six others do not say what is usual');
    const [label] = labelsOf([even, ...others]).filter(({ label }) => label === 'uniform');
    assert.ok(label && Math.abs(label.score - 1) < 1e-9 && label.null.mean < 1 && label.null.sd > 0);
  });

  it('40 tokens lie near each other: what chance gives within 16 of them is no local head', () => {
    const short = 40;
    // At most 16 of i + 1 readable keys are near: (16 + 16 (H_40 - H_16)) / 40.
    const chance = (16 + 16 * (harmonic(40) - harmonic(16))) / 40;
    assert.ok(Math.abs(chance - 0.759) < 5e-4);
    // A fifth of the mass 4 tokens back, the rest spread evenly: a little nearer than chance, and significantly so.
    const leaning = planted(short, (i) => Math.max(0, i - 4), 0.2);
    const scores = scoreHeads({
      prompt: [promptScores([leaning], randomFrom(9))],
      length: short,
      causal: true,
      ...noProbe,
    });
    const near = scores.find(({ label }) => label === 'local');
    assert.ok(near && near.score > 0.8 && near.confidence > neededConfidence(scores.length), JSON.stringify(near));
    assert.deepEqual(labelsAmong(scores), []);
    const needed = judged(scores).find(({ label }) => label === 'local')?.needed ?? Number.NaN;
    assert.ok(Math.abs(needed - (chance + 0.8 * (1 - chance))) < 0.01, String(needed));
  });

  it('where all heads read nearby, only one that stands out from the others is local', () => {
    const short = 40;
    /** Mass falls by the same factor from key to key, so that its half lies within `reach` tokens. */
    const fading = (reach: number): Matrix =>
      Array.from({ length: short }, (_, i) => {
        const row = Array.from({ length: short }, (_, j) => (j > i ? 0 : 0.5 ** ((i - j) / reach)));
        const sum = row.reduce((total, each) => total + each, 0);
        return row.map((each) => each / sum);
      });
    // 5 layers of 8 heads, half of whose mass lies within 3.5 to 6 tokens.
    const layers = Array.from({ length: 5 }, (_, layer) =>
      Array.from({ length: 8 }, (_unused, head) => fading(3.5 + ((layer * 8 + head) % 6) / 2)),
    );
    const scoresOf = (heads: readonly (readonly Matrix[])[]) =>
      scoreHeads({
        prompt: heads.map((each) => promptScores(each, randomFrom(10), 60)),
        length: short,
        causal: true,
        ...noProbe,
      });
    const scores = scoresOf(layers);
    assert.ok(scores.filter(({ label, score }) => label === 'local' && score >= 0.8).length === 40, 'all read nearby');
    assert.deepEqual(labelsAmong(scores), []);
    const nearest = planted(short, (i) => Math.max(0, i - 2), 0.99);
    const [first = [], ...rest] = layers;
    assert.deepEqual(
      labelsAmong(scoresOf([[nearest, ...first.slice(1)], ...rest])).map(({ layer, head, label }) => [
        layer,
        head,
        label,
      ]),
      [[0, 0, 'local']],
    );
  });

  it('a label goes to at most half of the heads where there are eight or more', () => {
    const found = (count: number) =>
      labelsOf([...Array<Matrix>(count).fill(sink), ...Array<Matrix>(8 - count).fill(half)]).filter(
        ({ label }) => label === 'first-token-sink',
      ).length;
    assert.deepEqual([1, 3, 4, 5, 8].map(found), [1, 3, 4, 0, 0]);
  });

  it('the confidence a label needs grows with the number of scores: at most one model in twenty is labelled by chance', () => {
    assert.equal(neededConfidence(1), 0.95);
    // 32 heads with 8 labels each.
    assert.equal(neededConfidence(256), 0.9998046875);
  });

  it('uniform in a window layer is measured by the keys of the window', () => {
    const window = 8;
    const inWindow = Array.from({ length }, (_, i) =>
      Array.from({ length }, (_, j) => (j <= i && j > i - window ? 1 / Math.min(i + 1, window) : 0)),
    );
    const uniformOf = (windows: readonly (number | null)[]) =>
      labelsOf([inWindow, self, sink, previous, local, half, self, sink], { windows }).filter(
        ({ label }) => label === 'uniform',
      );
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
    assert.ok(labelsAmong(scores).every(({ label, head }) => label !== 'induction' || head !== 0));
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

  it('what was not measured has no label', () => {
    const nothing: ProbeScores = { induction: [Number.NaN], duplicateToken: [Number.NaN], retrieval: [Number.NaN] };
    const one = promptScores([[[1]]], randomFrom(4), 5);
    assert.deepEqual(
      labelHeads({ prompt: [one], length: 1, causal: true, probed: [nothing], unstructured: [[nothing], [nothing]] }),
      [],
    );
  });

  it('mean ln of the readable keys: all, of a window, of both directions', () => {
    assert.ok(Math.abs(meanLogReadable(3, { causal: true }) - (Math.log(2) + Math.log(3)) / 3) < 1e-12);
    assert.ok(Math.abs(meanLogReadable(4, { causal: true, window: 2 }) - (3 * Math.log(2)) / 4) < 1e-12);
    assert.equal(meanLogReadable(5, { causal: false }), Math.log(5));
  });
});
