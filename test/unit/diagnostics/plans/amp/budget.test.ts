/** Budgets of AMP against the counts of the card, worked out from matrix shapes. */
import assert from 'node:assert/strict';
import { budgetFor } from '../../../../../diagnostics/plans/amp/budget';
import { chosenAtRandom, chosenByScore } from '../../../../../diagnostics/plans/amp/choose';
import { sharesOf } from '../../../../../diagnostics/plans/amp/run';
import { random } from '../../../../../kernels/tensors/random';

describe('budgets of amp', () => {
  it('take the wanted share of all parameters, within half a unit a layer', () => {
    const draw = random(7);
    const whole = (from: number, to: number): number => from + draw.whole(to - from + 1);
    let capped = 0;
    for (let trial = 0; trial < 400; trial++) {
      const [kvHeads, each, headDim, units, L] = [whole(1, 12), whole(1, 4), whole(4, 64), whole(8, 900), whole(1, 9)];
      const [hiddenSize, gated] = [whole(8, 300), draw.uniform() < 0.5];
      const heads = kvHeads * each;
      const layer = { heads, kvHeads, headDim, hiddenSize, units, gated };
      const ofLayer =
        2 * heads * headDim * hiddenSize + 2 * kvHeads * headDim * hiddenSize + (gated ? 3 : 2) * hiddenSize * units;
      const all = L * ofLayer + whole(0, 3 * ofLayer);
      const share = draw.uniform() * 0.6;
      const { removed, realised } = budgetFor(
        Array.from({ length: L }, () => layer),
        all,
        share,
      );
      const [{ groups, units: gone }] = removed as [(typeof removed)[number]];
      // Rows of query and output of each head, of key and value of each group; rows and columns of each unit.
      const weights = groups * (2 * each + 2) * headDim * hiddenSize + gone * (gated ? 3 : 2) * hiddenSize;
      assert.ok(Math.abs(realised - (L * weights) / all) < 1e-12);
      assert.ok(groups <= kvHeads - 1 && gone <= units - 1 && groups >= 0 && gone >= 0);
      if (gone === units - 1 || gone === 0 || groups === kvHeads - 1) capped++;
      else assert.ok(Math.abs(realised - share) <= (1.5 * hiddenSize * L) / all + 1e-12, `${realised} for ${share}`);
    }
    assert.ok(capped < 300, `${capped} trials met an end`);
  });

  it('of LLaMA-2-7B, worked by hand: a tenth takes 3 heads, and 1,202 units, or 1,146 by the rule of the release', () => {
    const layer = { heads: 32, kvHeads: 32, headDim: 128, hiddenSize: 4096, units: 11008, gated: true };
    const layers = Array.from({ length: 32 }, () => layer);
    // r = 0.1 x 6738415616 / (32 x (4 x 4096^2 + 3 x 4096 x 11008)) = 0.104050; r H = 3.3296, r I = 1145.38.
    const of = (rule: 'exact' | 'release') => budgetFor(layers, 6738415616, 0.1, rule).removed[0];
    assert.deepEqual(of('exact'), { groups: 3, units: Math.round(1145.38 + 0.3296 * ((4 * 128) / 3)) });
    assert.deepEqual(of('release'), { groups: 3, units: Math.round(1145.38 + 0.3296) });
  });

  it('the lowest scores go, the highest in reverse, whole groups by their sums; of equal ones the first', () => {
    const layers = [{ heads: 4, kvHeads: 2, headDim: 2, hiddenSize: 4, units: 4, gated: true }];
    const scores = [{ heads: [1, 5, 3, 2], units: [2, 1, 1, 3] }];
    const counts = [{ groups: 1, units: 1 }];
    assert.deepEqual(chosenByScore(layers, scores, counts, 'standard'), [{ groups: [1], units: [1] }]);
    assert.deepEqual(chosenByScore(layers, scores, counts, 'reversed'), [{ groups: [0], units: [3] }]);
    const drawn = chosenAtRandom(layers, [{ groups: 1, units: 3 }], 5);
    assert.deepEqual([drawn[0]!.groups.length, new Set(drawn[0]!.units).size], [1, 3]);
  });

  it('shares of the curve are refused with their text', () => {
    assert.deepEqual(sharesOf('5, 10'), [0.05, 0.1]);
    assert.deepEqual(sharesOf(' '), []);
    assert.throws(() => sharesOf('5,x'), { message: /"x" is no share/ });
  });
});
