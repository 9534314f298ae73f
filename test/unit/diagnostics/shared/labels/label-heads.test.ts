/** Labels are refused where a change acts on positions of the prompt: they are measured on other sequences. */
import assert from 'node:assert/strict';
import { requireAnywhere } from '../../../../../diagnostics/shared/labels/label-heads';

describe('labels under changes of a run', () => {
  const vector = { kind: 'addition', layer: 0, vector: new Float32Array(4) } as const;

  it('are measured under a vector added everywhere, and refused under one at some positions', () => {
    assert.doesNotThrow(() => requireAnywhere([vector]));
    assert.throws(() => requireAnywhere([{ ...vector, positions: [1] }]), /acts on positions of this prompt/);
  });
});
