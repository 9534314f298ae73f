import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { crc32, wrap, withText } from '../../../webviews/charts/image';

describe('the text chunk of a PNG', () => {
  it('uses the checksum of the standard', () => {
    assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  });

  it('stands behind the header, with its length and checksum', () => {
    const png = Uint8Array.from({ length: 40 }, (_, index) => index);
    const all = Buffer.from(withText(png, 'Comment', '{"a":"ä"}'));
    assert.deepEqual(all.subarray(0, 33), Buffer.from(png.subarray(0, 33)));
    const length = all.readUInt32BE(33);
    assert.equal(all.toString('latin1', 37, 41), 'iTXt');
    assert.equal(all.toString('utf8', 41, 41 + length), 'Comment\0\0\0\0\0{"a":"ä"}');
    assert.equal(all.readUInt32BE(41 + length), crc32(all.subarray(37, 41 + length)));
    assert.deepEqual(all.subarray(45 + length), Buffer.from(png.subarray(33)));
  });

  it('breaks long sentences at spaces only', () => {
    assert.equal(wrap('one two three four five', 60, 10).join(' '), 'one two three four five');
    assert.ok(wrap('one two three four five', 60, 10).length > 1);
  });
});
