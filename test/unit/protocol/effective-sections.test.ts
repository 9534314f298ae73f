/** What a result of heads shows where layers have recurrences: no probabilities, and their effective attention beside. */
import assert from 'node:assert/strict';
import { headStatisticNames, type PerHead } from '../../../protocol/results/heads';
import type { EffectiveHeads, HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { headsFinding } from '../../../protocol/results/sections/heads-finding';
import { labelFinding } from '../../../protocol/results/sections/label-finding';
import { labelSections } from '../../../protocol/results/sections/labels';
import { headsSections } from '../../../protocol/results/sections/heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import { headsOfAnalysis } from '../../../protocol/compute/heads-of-analysis';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { fromBase64 } from '../../../protocol/wire/base64';

const resultOf = (rows: PerHead, effective: EffectiveHeads): Partial<HeadsMeasured> => ({
  tokens: 2,
  texts: ['a', 'b'],
  statistics: Object.fromEntries(
    headStatisticNames.map((name) => [name, rows]),
  ) as unknown as HeadsMeasured['statistics'],
  groups: {},
  classes: [],
  effective,
});

/** A result of two layers of which the second has a recurrence of two heads; pictures of two tokens. */
const effective: EffectiveHeads = {
  recurrences: [null, 'gated-delta'],
  beside: [true, false],
  sum: [[], [0.5, -0.25]],
  size: [[], [1, 2]],
  negative: [[], [0.25, 0.75]],
  distance: [[], [0.5, 1]],
  thumbnails: writtenThumbnails({
    size: 2,
    layers: 2,
    heads: 2,
    data: Float32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, -0.25, 1, -4, 0, 1, 4]),
  }),
};

describe('sections of recurrences', () => {
  it('stand beside the heads of attention, on a scale about 0, and say why those have none', () => {
    const [heads, grid] = headsSections(resultOf([[0.5, 0.25], []], effective));
    assert.ok(heads?.kind === 'heads' && grid?.kind === 'heads');
    assert.deepEqual(heads.without, [null, 'a gated delta rule: no probabilities']);
    assert.deepEqual(grid.without, ['attention, or neither', null]);
    assert.equal(grid.cell, 'recurrence head');
    assert.deepEqual(
      grid.numbers.map(({ name, scale }) => [name, scale.kind]),
      [
        ['sum', 'diverging'],
        ['size', 'sequential'],
        ['negative', 'sequential'],
        ['distance', 'sequential'],
      ],
    );
    assert.ok(grid.numbers.every(({ name }) => !(headStatisticNames as readonly string[]).includes(name)));
    assert.equal(grid.pictures?.signed, true);
    // 128 + sqrt(|E| / largest) x 127, above it or below it: 1 and a quarter of it below 0.
    assert.deepEqual([...fromBase64(grid.pictures?.data ?? '').subarray(8, 12)], [255, 128, 64, 255]);
  });

  it('are in the result of the command, without their pictures', () => {
    const given = { prompts: [{}], parity: {}, parameters: {}, model: {}, interventions: [] };
    const analysis = { ...given, result: resultOf([[0.5, 0.25], []], effective) } as unknown as AnalysisResult;
    const { thumbnails: _, ...numbers } = effective;
    assert.deepEqual(headsOfAnalysis(analysis).effective, numbers);
  });

  it('stand alone in a model without attention, whose finding says so', () => {
    const alone = {
      ...resultOf([[], []], { ...effective, recurrences: ['mamba', 'mamba'], beside: [false, false] }),
      labelScores: {},
      classAblations: [],
    };
    assert.deepEqual(
      headsSections(alone).map(({ id }) => id),
      ['effective'],
      'no table of labels, and no chart of their scores',
    );
    const none = 'No layer has attention: there are no probabilities to measure, and no heads to label.';
    assert.equal(labelFinding(alone), none);
    assert.deepEqual(
      labelSections(alone).map((one) => one.kind === 'text' && one.paragraphs),
      [[none]],
    );
    assert.equal(
      headsFinding(alone),
      'No layer has attention: the effective attention of 2 heads of recurrences is measured on 2 tokens.',
    );
  });

  it('say why nothing was measured', () => {
    const why = 'Effective attention is measured of prompts of up to 1,024 tokens.';
    const [only] = headsSections(resultOf([[], []], { ...effective, why }));
    assert.deepEqual(only?.kind === 'text' && only.paragraphs, [why]);
    assert.equal(headsFinding(resultOf([[], []], { ...effective, why })), `No layer has attention. ${why}`);
  });
});
