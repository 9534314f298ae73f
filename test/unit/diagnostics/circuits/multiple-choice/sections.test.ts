import assert from 'node:assert/strict';
import { sections } from '../../../../../diagnostics/circuits/multiple-choice/sections';

describe('the sections of multiple choice', () => {
  it('colour attention to the labels from 0 to 1, and effects about 0', () => {
    const level = { mean: 0.5, low: 0.4, high: 0.6 };
    const byShots = [
      { shots: 0, letter: level, first: level, content: level, contentByToken: level, loss: level, fullLoss: level },
    ];
    const nodes = [{ layer: 0, head: 0, direct: 1, low: 0, high: 2 }];
    const found = sections({ byShots, chance: { accuracy: 0.25, loss: Math.log(4) }, heads: [1], nodes });
    const direct = found.find(({ id }) => id === 'direct');
    assert.ok(direct?.kind === 'heads');
    assert.deepEqual(
      direct.numbers.map(({ name, scale }) => [name, scale]),
      [
        ['direct', { kind: 'diverging' }],
        ['total', { kind: 'diverging' }],
        ['labels', { kind: 'sequential', min: 0, max: 1 }],
      ],
    );
  });
});
