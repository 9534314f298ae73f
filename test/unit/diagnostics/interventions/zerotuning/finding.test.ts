import assert from 'node:assert/strict';
import { finding, offers } from '../../../../../diagnostics/interventions/zerotuning/finding';
import type { ZeroTuningResult } from '../../../../../diagnostics/interventions/zerotuning/result';

const heads = (count: number) => Array.from({ length: count }, (_, head) => ({ layer: 0, head }));

const profiled: Partial<ZeroTuningResult> = {
  target: 'labels',
  gamma: 2,
  tried: 8,
  upEffective: heads(5),
  downEffective: heads(2),
  // In layer 0, two of the first five heads have intervals above 0, and one of the first two.
  upRange: { low: [[0.1, -0.1, 0.02, 0, -0.3, 0, 0, 0]], high: [[0.3, 0.2, 0.1, 0.1, 0.4, 0, 0, 0]] },
  downRange: { low: [[-0.2, 0.1, 0, 0, 0, 0, 0, 0]], high: [[0.3, 0.4, 0, 0, 0, 0, 0, 0]] },
};
const first =
  'Of 8 heads, 2 raise the probability of the answers with gamma 2 on the first token and 1 with 0.5, by 95 % intervals above 0. The gains of 4 others are above 0 too, which chance alone may give.';

const tuned = (change: number, low: number, high: number): Partial<ZeroTuningResult> => ({
  ...profiled,
  direction: 'up',
  best: 3,
  chosen: heads(2).map((place) => ({ ...place, value: 3, gain: 0.1 })),
  heldOut: { before: 0.5, after: 0.5 + change, change, low, high, n: 20 },
  methods: [-1.5, -1.25].map((logProbability, at) => ({
    name: String(at),
    accuracy: 0.5,
    labelLogProbability: -1,
    logProbability,
    entropy: 1,
  })),
});

describe('the finding of zerotuning', () => {
  it('says what is known while it runs', () => {
    assert.equal(finding({}), 'Nothing is measured yet.');
    assert.equal(finding(profiled), first);
    assert.match(finding({ ...profiled, target: 'entropy' }), /2 lower the mean entropy with gamma 2/);
  });

  it('counts no head whose interval holds 0, and says where there are no intervals', () => {
    const clear = { ...profiled, upRange: { low: [new Array<number>(8).fill(0.01)], high: [[]] }, downEffective: [] };
    assert.equal(
      finding(clear),
      'Of 8 heads, 5 raise the probability of the answers with gamma 2 on the first token and 0 with 0.5, by 95 % intervals above 0.',
    );
    const none = { low: [new Array<number>(8).fill(Number.NaN)], high: [new Array<number>(8).fill(Number.NaN)] };
    assert.equal(
      finding({ ...profiled, upRange: none, downRange: none }),
      'Of 8 heads, 5 raise the probability of the answers with gamma 2 on the first token and 2 with 0.5; too few prompts for intervals, so chance alone may give that.',
    );
  });

  it('says a change with its interval, and that chance may give it where 0 lies within', () => {
    assert.equal(
      finding(tuned(0.2, 0.05, 0.35)),
      `${first} With gamma 3 on the best 2 heads the accuracy on 20 held-out prompts goes from 50 % to 70 % (+20 points, 95 % interval +5 to +35).`,
    );
    assert.match(finding(tuned(-0.05, -0.15, 0.05)), /to 45 % \(-5 points, .*\); chance alone may give that\.$/);
    assert.match(finding(tuned(0.1, Number.NaN, Number.NaN)), /\(\+10 points\); chance alone may give that\.$/);
  });

  it('says the probability where the accuracy stays, and that nothing is tuned where nothing helps', () => {
    assert.match(finding(tuned(0, 0, 0)), /stays at 50 %; the mean ln p of the answer goes from -1\.5 to -1\.25\.$/);
    const one = { ...tuned(0, 0, 0), heldOut: { before: 1, after: 1, change: 0, low: 0, high: 0, n: 1 } };
    assert.match(
      finding(one),
      /on 1 held-out prompt stays at 100 %; .* The plain model answers all of them: a harder task would show more\.$/,
    );
    const none = { ...tuned(0, 0, 0), direction: null, chosen: [], best: 1 };
    assert.equal(finding(none), `${first} No head helps, so none is tuned.`);
    assert.match(finding({ ...tuned(0, 0, 0), best: 1 }), /the best 2 heads do no better than gamma 1\.$/);
  });

  it('offers ln gamma on key 0 of the chosen heads, and nothing where gamma stays 1', () => {
    const [offer] = offers(tuned(0.2, 0.05, 0.35) as ZeroTuningResult);
    assert.equal(offer?.title, 'Gamma 3 on the first token of 2 heads');
    assert.deepEqual(offer.interventions[1], {
      kind: 'bias',
      layer: 0,
      head: 1,
      keys: { start: 0, end: 1 },
      bias: 1.09861,
    });
    assert.deepEqual(offers({ ...tuned(0, 0, 0), best: 1 } as ZeroTuningResult), []);
  });
});
