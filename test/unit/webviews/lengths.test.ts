import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseLengths, toggleLength } from '../../../webviews/panels/kernels/lengths';

describe('typed lengths', () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['512, 1024', [512, 1024]],
    ['1024 512  512', [512, 1024]],
    ['8k;16K', [8192, 16384]],
    ['64,256,1024', [64, 256, 1024]],
    ['256,512', [256, 512]],
    ['128,256,512,1024', [128, 256, 512, 1024]],
    ['8, 192', [8, 192]],
    ['100', [100]],
  ];
  for (const [text, lengths] of cases) {
    it(`“${text}” is ${lengths.join(' and ')}`, () => assert.deepEqual(parseLengths(text), { ok: true, lengths }));
  }

  for (const [text, why] of [
    ['', /at least one length/],
    ['12.5', /“12\.5” is not a length/],
    ['-3', /“-3” is not a length/],
    ['abc', /“abc” is not a length/],
    ['0', /“0” is not a length/],
    ['1,024, 2,048', /“1,024” is two lengths, as commas separate them: write 1024\./],
    ['512, 8,192', /“8,192” is two lengths, .*: write 8192\./],
    ['1,024,2,048', /“1,024” is two lengths/],
    ['512,1,000', /“1,000” is two lengths/],
    ['17000000', /longer than 16,777,216/],
    [Array.from({ length: 30 }, (_, index) => index + 1).join(' '), /30 lengths are too many/],
  ] as const) {
    it(`“${text.slice(0, 20)}” is refused with a next step`, () => {
      const parsed = parseLengths(text);
      assert.match(parsed.ok ? '' : parsed.why, why);
    });
  }

  it('chips add and take out, and leave alone what cannot be read', () => {
    assert.equal(toggleLength('512, 2048', 1024), '512, 1024, 2048');
    assert.equal(toggleLength('512, 1024', 1024), '512');
    assert.equal(toggleLength('', 128), '128');
    assert.equal(toggleLength('51x', 128), '51x');
  });
});
