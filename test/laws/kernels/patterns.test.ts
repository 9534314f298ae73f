import assert from 'node:assert/strict';
import { describeMechanisms } from '../../../compute-server/harness/describe';
import { catalogue } from '../../../kernels/catalogue';
import { attentionPatterns, type AttentionPattern, type AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/inputs';
import { settings } from './cases';

/** Cross: the two lengths have nothing to do with each other. */
const shapeIn = (pattern: AttentionPattern): AttentionShape => ({
  pattern,
  batch: 1,
  heads: 4,
  kvHeads: 4,
  queries: 24,
  keys: pattern.endsWith('cross') ? 17 : 24,
  headDim: 8,
  valueDim: 8,
});

describe("Law: every mechanism says of each of CAB's four patterns that it runs it, or why not", () => {
  for (const mechanism of catalogue) {
    const [parameters = {}] = settings(mechanism);
    for (const pattern of attentionPatterns) {
      it(`${mechanism.id}, ${pattern}`, () => {
        const shape = shapeIn(pattern);
        const support = mechanism.supports(shape, parameters);
        if (!support.ok) {
          assert.match(support.why, /^[A-Z].{15,}\.$/);
          return;
        }
        const output = mechanism.reference(drawInputs(mechanism, shape, parameters, 7), shape, parameters);
        assert.deepEqual(output.shape, [1, 4, shape.queries, 8]);
        assert.ok(output.data.every(Number.isFinite));
        assert.deepEqual(
          mechanism.build(shape, parameters, 'float32').outputs.map(({ name }) => name),
          ['output'],
        );
      });
    }
  }

  it('and each runs one at least by its defaults, as the list of mechanisms says', () => {
    for (const { id, patterns } of describeMechanisms()) {
      const answers = attentionPatterns.map((pattern) => patterns[pattern]);
      assert.ok(answers.includes(true), id);
    }
  });
});
