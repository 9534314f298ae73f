/** What a result of labels says of itself: counts of what it holds, and a change of the loss where one was measured. */
import assert from 'node:assert/strict';
import { labelFinding as finding, labelOffers as offers } from '../../../../../protocol/results/sections/label-finding';
import { headsFinding } from '../../../../../protocol/results/sections/heads-finding';
import { labelSections as sections } from '../../../../../protocol/results/sections/labels';
import type { LabelsResult } from '../../../../../protocol/results/labelled-heads';
import { headStatisticNames, type PerHead } from '../../../../../protocol/results/heads';
import type { ClassAblation, HeadClass } from '../../../../../protocol/results/heads-schema';

const table = (rows: PerHead) =>
  Object.fromEntries(headStatisticNames.map((name) => [name, rows])) as unknown as LabelsResult['statistics'];
const whole: LabelsResult = {
  tokens: 9,
  statistics: table([
    [0.1, 0.2],
    [0.3, 0.4],
  ]),
  groups: {},
  labelScores: {},
  classes: [],
};
const has = (layer: number, head: number, label: HeadClass['label']): HeadClass => ({
  layer,
  head,
  label,
  score: 0.9,
  null: { mean: 0.1, sd: 0.1 },
  confidence: 1,
});
const on = 'repeated random sequence, second half';
const removed = (label: HeadClass['label'], heads: number, lossChange: number): ClassAblation => ({
  label,
  heads,
  lossChange,
  on,
});

describe('the finding of labels', () => {
  it('while it runs, says what is measured', () => {
    assert.equal(finding({}), 'Nothing is measured yet.');
    const half = table([
      [0.1, 0.2],
      [Number.NaN, Number.NaN],
    ]);
    assert.equal(finding({ statistics: half }), '1 of 2 layers are measured; labels follow with the null models.');
    // Nobody knows of a part whether labels were asked for.
    assert.equal(headsFinding({ statistics: half }), '1 of 2 layers are measured.');
  });

  it('without a label says by which test, and offers nothing', () => {
    assert.equal(
      finding(whole),
      'None of 4 heads has a label: no score is both above chance (p at most 0.05 over all scores) and high enough for a label.',
    );
    assert.deepEqual(offers(whole), []);
  });

  it('counts heads once, whatever labels they have', () => {
    const classes = [has(0, 1, 'induction'), has(0, 1, 'retrieval'), has(1, 0, 'induction')];
    assert.equal(finding({ ...whole, classes }), '2 of 4 heads have a label: 2 induction, 1 retrieval.');
    assert.deepEqual(
      offers({ ...whole, classes }).map(({ title }) => title),
      ['Without the 2 induction heads', 'Without the retrieval head'],
    );
  });

  it('says the largest change of the loss, its direction, and what was off already', () => {
    const classes = [has(0, 1, 'self'), has(1, 0, 'induction'), has(1, 1, 'induction')];
    const classAblations = [removed('self', 1, 0.01), { ...removed('induction', 2, -0.5), alreadyOff: 1 }];
    assert.equal(
      finding({ ...whole, classes, classAblations }),
      `3 of 4 heads have a label: 1 self, 2 induction. Without the 2 induction heads (1 already off) the loss on a ${on}, was 0.5 nats per token lower.`,
    );
    // All were off: there is no change to speak of.
    const none = [{ ...removed('induction', 2, Number.NaN), alreadyOff: 2 }];
    assert.equal(
      finding({ ...whole, classes, classAblations: none }),
      '3 of 4 heads have a label: 1 self, 2 induction.',
    );
  });

  it('of a model that predicts nothing says that no loss was measured', () => {
    const classes = [has(0, 1, 'self')];
    const shown = sections({ ...whole, classes, classAblations: [] }).find(({ id }) => id === 'together');
    assert.equal(shown?.empty, 'The model predicts no next token, so there is no loss to measure.');
  });
});
