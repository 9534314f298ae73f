import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRegular } from '../../../../models/formats/regular-file';
import { readText, trackedFiles } from '../../../support/repository-files';

describe('files of a model folder', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-regular-'));
    writeFileSync(join(root, 'file'), 'abc');
    mkdirSync(join(root, 'folder'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    symlinkSync('pipe', join(root, 'link-to-pipe'));
    symlinkSync('loop', join(root, 'loop'));
    writeFileSync(join(root, 'large'), '');
    truncateSync(join(root, 'large'), 2 ** 40);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('are read when they are regular and small', async () => {
    assert.equal((await readRegular(join(root, 'file'), 3)).toString(), 'abc');
  });
  const refused: readonly (readonly [name: string, code: string, message: RegExp])[] = [
    ['pipe', 'not-a-file', /^It is a named pipe, no regular file\.$/],
    ['link-to-pipe', 'not-a-file', /named pipe/],
    ['folder', 'not-a-file', /^It is a folder, no regular file\.$/],
    ['/dev/zero', 'not-a-file', /^It is a device, no regular file\.$/],
    ['large', 'too-large', /^It has 1099511627776 bytes, and at most 1000 are read\.$/],
    ['absent', 'not-found', /^It does not exist\.$/],
    ['loop', 'unreadable', /link to itself/],
  ];
  for (const [name, code, message] of refused) {
    it(`are refused: ${name}`, () => {
      const path = name.startsWith('/') ? name : join(root, name);
      return assert.rejects(readRegular(path, 1000), { code, message });
    });
  }
  it('are opened in regular-file.ts alone', () => {
    const openers = trackedFiles().filter(
      (path) =>
        /^(models|language-server)\/.*\.ts$/.test(path) &&
        /import [^;]*\b(open|readFile|createReadStream|openSync|readFileSync)\b[^;]*from 'node:fs/.test(
          readText(path) ?? '',
        ),
    );
    assert.deepEqual(openers, ['models/formats/regular-file.ts']);
  });
});
