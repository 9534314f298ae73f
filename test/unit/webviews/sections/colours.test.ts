/** Where numbers stand on a scale, which colour that is, and how they are written. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { colourAt, domainOf, shareOf } from '../../../../webviews/sections/colours';
import { pooled } from '../../../../webviews/sections/map/map-pixels';
import { evenly, intervalWords, valueWords } from '../../../../webviews/sections/words';

describe('the scale of a section', () => {
  it('begins at 0 and ends at the largest number where no end is given', () => {
    assert.deepEqual(domainOf({ kind: 'sequential' }, [0.2, 0.7, Number.NaN]), {
      kind: 'sequential',
      low: 0,
      high: 0.7,
    });
    assert.deepEqual(domainOf({ kind: 'sequential', min: 1, max: 5 }, [9]), { kind: 'sequential', low: 1, high: 5 });
  });

  it('reaches as far to one side of 0 as to the other', () => {
    assert.deepEqual(domainOf({ kind: 'diverging' }, [-3, 1]), { kind: 'diverging', low: -3, high: 3 });
    assert.deepEqual(domainOf({ kind: 'diverging', max: 2 }, [-3, 1]), { kind: 'diverging', low: -2, high: 2 });
  });

  it('is never empty, whatever the numbers are', () => {
    for (const values of [[], [Number.NaN], [0, 0], [Infinity], [-1, -1]])
      for (const kind of ['sequential', 'diverging'] as const) {
        const { low, high } = domainOf({ kind }, values);
        assert.ok(Number.isFinite(low) && Number.isFinite(high) && high > low, `${kind} of ${String(values)}`);
      }
  });

  it('clamps what lies outside and has no colour for a missing number', () => {
    const domain = domainOf({ kind: 'sequential', min: 0, max: 1 }, []);
    assert.equal(shareOf(-4, domain), 0);
    assert.equal(shareOf(0.25, domain), 0.25);
    assert.equal(shareOf(4, domain), 1);
    assert.equal(colourAt(Number.NaN, domain, true), undefined);
    // The ends of cividis (Nuñez et al. 2018).
    assert.deepEqual(colourAt(0, domain, true), [0x00, 0x20, 0x4d]);
    assert.deepEqual(colourAt(1, domain, true), [0xff, 0xea, 0x46]);
  });

  it('spans from the smallest number above 0 by its logarithm, at most three decades', () => {
    const scale = { kind: 'sequential', curve: 'log' } as const;
    const near = domainOf(scale, [0, 0.01, 1, Number.NaN]);
    assert.deepEqual([near.low, near.high], [0.01, 1]);
    assert.ok(Math.abs(shareOf(0.1, near) - 0.5) < 1e-12);
    assert.deepEqual([shareOf(0, near), shareOf(1, near)], [0, 1]);
    const far = domainOf(scale, [1e-9, 1, 1000]);
    assert.equal(far.low, 1);
    assert.ok(Math.abs(shareOf(Math.sqrt(1000), far) - 0.5) < 1e-12);
    // One number alone, or none that is known yet.
    for (const values of [[5], []]) {
      const { low, high } = domainOf(scale, values);
      assert.ok(Math.abs(high / low - 1000) < 1e-9);
    }
  });

  it('draws no change in the neutral colour', () => {
    const domain = domainOf({ kind: 'diverging' }, [-1, 1]);
    assert.deepEqual(colourAt(0, domain, true), [0x3a, 0x3a, 0x3a]);
    assert.deepEqual(colourAt(0, domain, false), [0xec, 0xec, 0xec]);
  });
});

describe('a map with more cells than the screen has pixels', () => {
  it('keeps in each texel the number farthest from zero', () => {
    const values = [
      [0, 1, 0, 0],
      [0, 0, 0, -5],
      [Number.NaN, Number.NaN, 2, 0],
      [Number.NaN, Number.NaN, 0, 0],
    ];
    const { rows, columns, values: kept } = pooled(values, 4, 2, 2);
    assert.deepEqual([rows, columns], [2, 2]);
    assert.deepEqual([...kept], [1, -5, Number.NaN, 2]);
  });

  it('has no number where a row ends early', () => {
    assert.deepEqual([...pooled([[1, 2], [3]], 2, 9, 9).values], [1, 2, 3, Number.NaN]);
  });
});

describe('numbers of sections in words', () => {
  it('carry their unit, and a plus where they are changes', () => {
    assert.equal(valueWords(0.934, ''), '0.934');
    assert.equal(valueWords(1.5, 'nats', true), '+1.50 nats');
    assert.equal(valueWords(Number.NaN, 'nats'), 'no value');
    assert.equal(intervalWords(0.9, 1, '95 % interval'), '0.900 to 1.00, 95 % interval');
    assert.equal(intervalWords(undefined, 1, '95 % interval'), undefined);
  });

  it('have the same decimals within one picture', () => {
    assert.deepEqual(
      [0.000_02, 0.5, 1].map((value) => evenly(value, 1)),
      ['0.00', '0.50', '1.00'],
    );
    assert.deepEqual(
      [-0.01, 62].map((value) => evenly(value, 62)),
      ['0.0', '62.0'],
    );
  });

  it('are powers of ten where decimals would show zeros alone', () => {
    assert.deepEqual(
      [0.0214, -0.004, 0].map((value) => evenly(value, 0.0214)),
      ['0.0214', '-0.0040', '0.0000'],
    );
    assert.deepEqual(
      [2.14e-5, -5.8e-7, 0].map((value) => evenly(value, 2.14e-5)),
      ['2.1e-5', '-5.8e-7', '0'],
    );
  });
});
