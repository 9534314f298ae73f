import assert from 'node:assert/strict';
import { finding, offers } from '../../../../../diagnostics/interventions/act/finding';
import type { ActResult } from '../../../../../diagnostics/interventions/act/result';

const seen: Partial<ActResult> = {
  rule: 'alpha',
  alpha: 5,
  strength: 0.1,
  beta: 0.4,
  margin: 1,
  heads: 36,
  headsWithSinks: 9,
  kinds: [{ text: '\n', kind: 'line break', sinks: 4, share: 1, stands: 8 }],
};
const first = '9 of 36 heads have later sinks (column strength above 5 / n), most often at "↵".';

const method = (name: string, gain: number, low: number, high: number): ActResult['methods'][number] => ({
  ...{ name, accuracy: 0.5, labelLogProbability: -1, logProbability: -1, entropy: 1 },
  ...{ change: 0, low: 0, high: 0, gain, gainLow: low, gainHigh: high },
});

const calibrated = (change: number, low: number, high: number): Partial<ActResult> => ({
  ...seen,
  tried: 20,
  triedWithSinks: 7,
  chosen: [0, 3].map((head) => ({ layer: 2, head, value: 0.4, gain: 0.1 })),
  heldOut: { before: 0.5, after: 0.5 + change, change, low, high, n: 20 },
  methods: [method('plain model', Number.NaN, Number.NaN, Number.NaN), method('chosen heads', 0.02, -0.01, 0.05)],
  calibration: 20,
});
const alone = 'Calibrated alone, 2 of 7 heads with sinks gain more than 1 standard error';

describe('the finding of act', () => {
  it('says what is known while it runs, and that there may be nothing to calibrate', () => {
    assert.equal(finding({}), 'Nothing is measured yet.');
    assert.equal(finding(seen), first);
    assert.equal(
      finding({ ...seen, rule: 'strength', headsWithSinks: 0, kinds: [] }),
      'No head has a later sink on these prompts (column strength above 0.1), so there is nothing to calibrate.',
    );
    const none = { ...calibrated(0, 0, 0), chosen: [] };
    assert.equal(finding(none), `${first} ${alone.replace('2 of', '0 of')}, so none is calibrated.`);
  });

  it('says a change with its interval, and no more than that allows', () => {
    assert.equal(
      finding(calibrated(0.2, 0.05, 0.35)),
      `${first} ${alone}. With beta 0.4 in these heads the accuracy on 20 held-out prompts goes from 50 % to 70 % (+20 points, 95 % interval +5 to +35).`,
    );
    assert.match(finding(calibrated(0.05, -0.05, 0.15)), /; chance alone may give that\.$/);
    assert.equal(
      finding(calibrated(0, 0, 0)),
      `${first} ${alone}. With beta 0.4 in these heads the accuracy on 20 held-out prompts stays at 50 %; the mean ln p of the answer changes by +0.02 nats (95 % interval -0.01 to +0.05), as chance alone may give.`,
    );
  });

  it('offers the calibration of the chosen heads as an intervention; with beta 1 nothing', () => {
    const [offer] = offers(calibrated(0.2, 0.05, 0.35) as ActResult);
    assert.equal(offer?.title, 'Later sinks of 2 heads calibrated, beta 0.4');
    assert.deepEqual(offer.interventions, [
      {
        kind: 'redistribute',
        heads: [
          { layer: 2, head: 0 },
          { layer: 2, head: 3 },
        ],
        from: { kind: 'columns', alpha: 5 },
        to: 'rest',
        share: 0.6,
      },
    ]);
    assert.deepEqual(offers({ ...calibrated(0, 0, 0), beta: 1 } as ActResult), []);
  });
});
