/** What a result of attribution shows. */
import assert from 'node:assert/strict';
import type { AttributionResult, Effects } from '../../../../../diagnostics/circuits/attribution/result';
import { sections } from '../../../../../diagnostics/circuits/attribution/sections';

const [none, level] = [Number.NaN, { mean: 1, low: 0.5, high: 1.5 }];
const effects = (estimate: readonly number[], exact: readonly number[]): Effects => ({
  estimate: [estimate],
  low: [estimate.map(() => none)],
  high: [estimate.map(() => none)],
  exact: [exact],
});

const result: AttributionResult = {
  ...{ metric: 'logit-difference', baseline: 'zero', method: 'gradient', gradients: 1, n: 1, original: level },
  heads: effects([0.25, -0.125], [-0.5, none]),
  mlps: effects([4], [none]),
  checked: [{ site: 'head', layer: 0, slot: 0, estimate: 0.25, exact: -0.5, largest: true, drawn: false }],
  agreement: [],
  passes: { taken: 4, exact: 4 },
};

describe('sections of attribution', () => {
  it('colour estimates and exact effects of heads by the largest of both, whatever its sign', () => {
    const [heads] = sections(result);
    assert.ok(heads?.kind === 'heads');
    assert.deepEqual(
      heads.numbers.map(({ name, scale }) => [name, scale]),
      [
        ['estimate', { kind: 'diverging', max: 0.5 }],
        ['exact', { kind: 'diverging', max: 0.5 }],
      ],
    );
  });
});
