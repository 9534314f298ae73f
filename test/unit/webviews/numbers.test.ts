import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytes, milliseconds, probability, seconds, significant, tick } from '../../../webviews/ui/numbers';

describe('numbers on the screen', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [1, '1.00'],
    [9.996, '10.0'],
    [12.34, '12.3'],
    [999.6, '1,000'],
    [1234.5, '1,230'],
    [0.0012345, '0.00123'],
    [0.00012345, '1.23e-4'],
    [12345678, '1.23e7'],
    [-3.14159, '-3.14'],
    [Number.NaN, '–'],
    [Infinity, '–'],
  ];
  for (const [value, text] of cases) it(`${value} is ${text}`, () => assert.equal(significant(value), text));

  it('axes carry as few digits as it takes', () => {
    assert.deepEqual([0.5, 1, 128, 1000, 0.0005, 2e6].map(tick), ['0.5', '1', '128', '1,000', '5e-4', '2e6']);
  });

  it('units are chosen by size', () => {
    assert.deepEqual([512, 1.5e6, 6.5e9].map(bytes), ['512 B', '1.50 MB', '6.50 GB']);
    assert.deepEqual([0.5, 9_999, 12_345].map(milliseconds), ['0.500 ms', '10,000 ms', '12.3 s']);
    assert.deepEqual([8.2, 60, 130, 3900].map(seconds), ['8 s', '1 min', '2 min 10 s', '1 h 5 min']);
  });

  it('a small probability is bounded', () =>
    assert.deepEqual([2e-6, 0.0123, 0.5].map(probability), ['< 0.001', '0.0123', '0.500']));
});
