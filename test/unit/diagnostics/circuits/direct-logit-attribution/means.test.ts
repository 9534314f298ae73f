import assert from 'node:assert/strict';
import { compareDirect } from '../../../../../diagnostics/circuits/direct-logit-attribution/compare';
import { finding } from '../../../../../diagnostics/circuits/direct-logit-attribution/finding';
import { lensOf } from '../../../../../diagnostics/circuits/direct-logit-attribution/lens';
import { largest } from '../../../../../diagnostics/shared/statistics/largest';
import { resultOf, type Attributed } from '../../../../../diagnostics/circuits/direct-logit-attribution/means';

const attributed = (scale: number): Attributed => ({
  effects: {
    heads: [
      [1 * scale, -3 * scale],
      [0.5 * scale, 2 * scale],
    ],
    mlp: [0.25 * scale, 1 * scale],
    embedding: 0.25 * scale,
    rest: -1 * scale,
    logit: 1 * scale,
    tokens: [1 * scale],
  },
  error: 1e-7 * scale,
  lens: [{ probability: 0.1 * scale, rank: 3 * scale }],
});
const words = { token: ' Paris', id: 7 };

describe('direct logit attribution', () => {
  it('of one prompt sums layer by layer from the embedding to the logit', () => {
    const result = resultOf(words, [attributed(1)], { position: 4, positionToken: ' is' });
    assert.deepEqual(result.attention, [-2, 2.5]);
    assert.deepEqual(result.running, [0.25, -1.75, -1.5, 1, 2, 1]);
    assert.equal(result.check.sum, result.logit);
    assert.equal(result.low, undefined);
    assert.equal(
      finding(result),
      'The logit of "␣Paris" is 1: heads add +0.5, MLPs +1.25, the embedding +0.25, and the largest part of a head is -3 of L0H1. The parts sum to it within 1e-7 of the logit scale.',
    );
  });

  it('names what recurrences beside attention add', () => {
    const { effects, ...rest } = attributed(1);
    const result = resultOf(words, [{ ...rest, effects: { ...effects, recurrent: [0.5, -0.75], rest: -0.75 } }], {});
    assert.match(
      finding(result),
      /: heads add \+0\.5, MLPs \+1\.25, recurrences beside attention -0\.25, the embedding /,
    );
  });

  it('of several is their mean, with intervals, the largest error and the mean rank', () => {
    const result = resultOf({ token: 'right answers', against: 'wrong answers' }, [attributed(1), attributed(3)], {});
    assert.equal(result.heads[0]?.[1], -6);
    // Mean 2, deviation sqrt 2, so 1 about the mean; t of one degree of freedom 12.706.
    assert.ok(Math.abs((result.low?.logit ?? 0) - (2 - 12.706)) < 1e-3);
    assert.ok(Math.abs((result.high?.logit ?? 0) - (2 + 12.706)) < 1e-3);
    // Attention of layer 0: -2 and -6.
    assert.ok(Math.abs((result.attentionLow?.[0] ?? 0) - (-4 - 2 * 12.706)) < 1e-2);
    assert.ok(Math.abs(result.check.error - 3e-7) < 1e-15);
    assert.equal(result.lens?.[0]?.rank, 6);
    assert.match(
      finding(result),
      /^The logit of the right answers less that of the wrong answers is 2, mean over 2 prompts: /,
    );
  });

  it('compared gives what each head and each part adds more', () => {
    const [a, b] = [1, 3].map((scale) => resultOf(words, [attributed(scale)], {}));
    assert.ok(a && b);
    const [heads, parts] = compareDirect(a, b);
    assert.ok(heads?.kind === 'heads' && parts?.kind === 'table');
    assert.deepEqual(heads.numbers[0]?.values, [
      [2, -6],
      [1, 4],
    ]);
    assert.deepEqual(parts.rows.at(-1), ['Logit', 1, 3, 2]);
    assert.deepEqual(compareDirect(a, { ...b, heads: [[1]] }), []);
  });

  it('the lens gives rank and probability of the answer, and the top tokens', () => {
    const logits = Float32Array.from([0, Math.log(6), Math.log(2), Math.log(1)]);
    const lens = lensOf(logits, [2], [3], (ids) => ids.map((id) => `t${id}`));
    assert.equal(lens.rank, 2);
    assert.ok(Math.abs(lens.probability - 0.2) < 1e-6 && Math.abs((lens.against ?? 0) - 0.1) < 1e-6);
    assert.deepEqual(
      lens.top?.map(({ token }) => token),
      ['t1', 't2', 't0', 't3'],
    );
    assert.deepEqual(largest([1, 5, 5, 2, 9], 3), [4, 1, 2]);
  });
});
