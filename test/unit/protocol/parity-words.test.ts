import assert from 'node:assert/strict';
import { parityWords } from '../../../protocol/results/parity-words';

const plain = { maxLogitError: 0, layerErrors: [0, 0], ok: true };
const there = { ...plain, maxLogitError: 2e-6, tolerance: 3e-4, device: 'WebGPU adapter', worstLayer: 1 };

describe('words of a parity', () => {
  it('say what was compared, the figure, and on a device what is allowed', () => {
    assert.equal(parityWords(plain, String), 'Checked: recording did not change the output');
    assert.equal(
      parityWords({ ...plain, ok: false, maxLogitError: 2, worstLayer: 0 }, String),
      'Recording changed the output: a logit differs by 2, worst in layer 0',
    );
    assert.equal(
      parityWords(there, String),
      'Checked: WebGPU adapter agrees with the CPU in float32 (largest difference of a logit 0.000002, allowed 0.0003)',
    );
    assert.equal(
      parityWords({ ...there, ok: false }, (value) => value.toExponential(0)),
      'WebGPU adapter differs from the CPU in float32 by 2e-6, worst in layer 1',
    );
  });

  it('say of rounded weights how far they are from the exact ones, and what else is rounded', () => {
    const packed = {
      ...plain,
      maxLogitError: 0.5,
      tolerance: 4,
      weights: 'q8',
      greedy: { same: 22, positions: 24 },
    } as const;
    assert.equal(
      parityWords(packed, String),
      'With 8-bit weights (activations rounded to int8), logits differ from those of exact weights by 0.5, same greedy token at 22 of 24 positions',
    );
    assert.equal(
      parityWords({ ...packed, weights: 'float16', device: 'WebGPU adapter' }, String),
      'With float16 weights on WebGPU adapter, logits differ from those of exact weights by 0.5, same greedy token at 22 of 24 positions',
    );
  });
});
