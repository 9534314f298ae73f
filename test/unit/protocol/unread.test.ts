/** Why a path that a person typed cannot be read. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyUnread } from '../../../protocol/wire/unread';

const errorOf = (reading: Promise<unknown>): Promise<unknown> =>
  reading.then(
    () => assert.fail('it was read'),
    (error: unknown) => error,
  );

describe('why a path cannot be read', () => {
  it('is said in words, without the system call of the error', async () => {
    const said = async (reading: Promise<unknown>): Promise<string> => whyUnread(await errorOf(reading));
    const gone = join(tmpdir(), 'headscope-no-such-file');
    assert.equal(await said(readFile(gone)), 'there is no such file or folder');
    assert.equal(await said(readFile(tmpdir())), 'it is a folder, not a file');
    assert.equal(await said(readdir(__filename)), 'a part of the path is not a folder');
  });

  it('is the message of any other error', () => {
    assert.equal(whyUnread(new Error('Unexpected end of JSON input')), 'Unexpected end of JSON input');
    assert.equal(whyUnread('gone'), 'gone');
  });
});
