import assert from 'node:assert/strict';
import { spectralHeadsResult } from '../../../../../diagnostics/patterns/spectral-heads/result';
import { allFaults } from '../../../../../protocol/schema/check';

describe('the result of spectral heads', () => {
  const ofWidth = (width: number) => ({
    form: 'toeplitz',
    height: 1,
    width,
    inputs: 1,
    residual: [[0.1]],
    explained: [[0.9]],
    straight: [[0.1]],
    kernels: [[new Array<number>(width).fill(0)]],
  });

  it('holds kernels of up to 65,536 numbers', () => {
    assert.equal(allFaults(spectralHeadsResult, ofWidth(65_536)).length, 0);
    assert.equal(allFaults(spectralHeadsResult, ofWidth(65_537)).length, 1);
  });
});
