import assert from 'node:assert/strict';
import { passesNothing } from '../../../kernels/graph/operators/gradient-rule';
import { gradientRules } from '../../../kernels/gradient/rules';
import { checked, prepared } from './check';
import { operatorCases } from './operator-cases';

describe('Law: the rule of each operator gives central differences of its float64 arithmetic', function () {
  this.timeout(20_000);
  let redrawn = 0;
  for (const each of operatorCases) {
    it(each.name, async () => {
      const { redrawn: times, float64, float32 } = await checked(each);
      redrawn += times;
      if (process.env['GRADIENT_ERRORS']) console.log(each.name, float64.toExponential(1), float32.toExponential(1));
    });
  }

  it('few draws lie at a kink', () => {
    assert.ok(redrawn <= 3, `${redrawn} draws`);
  });

  it('every rule that passes a gradient has a case', () => {
    const used = new Set(operatorCases.flatMap((each) => prepared(each).graph.nodes.map(({ operator }) => operator)));
    const ruled = Object.keys(gradientRules).filter((operator) => gradientRules[operator] !== passesNothing);
    assert.deepEqual(
      ruled.filter((operator) => !used.has(operator)),
      [],
    );
  });
});
