/** A lock is one process's, also where several take it from one that was killed, and a person's file is never taken for one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endHolder, lockAnew, longestSilence, lookAtLock } from '../../../files/lock';
import { removeShared } from '../../../files/remove';

describe('a lock', () => {
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-lock-'));
    path = join(folder, 'submit.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const left = (host: string): string => `${JSON.stringify({ kind: 'headscope-lock', pid: dead, host, began: '1' })}\n`;

  it('is refused while it is held, with its holder, and taken again when it was given back', async () => {
    const first = await lockAnew(path);
    assert.ok(first.ok);
    const second = await lockAnew(path);
    assert.ok(!second.ok);
    assert.deepEqual([second.holder?.pid, second.holder?.host], [process.pid, hostname()]);
    await first.free();
    assert.equal(existsSync(path), false);
    const third = await lockAnew(path);
    assert.ok(third.ok);
    await third.free();
  });

  it('of a process that was killed is taken by one of those who want it', async () => {
    for (let round = 0; round < 10; round++) {
      writeFileSync(path, left(hostname()));
      const all = await Promise.all(Array.from({ length: 8 }, () => lockAnew(path)));
      const taken = all.filter((one) => one.ok);
      assert.equal(taken.length, 1);
      await taken[0]?.free();
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('of another machine is held while it gives signs of life, and nobody ends its process from here', async () => {
    writeFileSync(path, left('another-machine'));
    assert.equal((await lockAnew(path)).ok, false);
    assert.equal(endHolder(await lookAtLock(path)), false);
    const before = new Date(Date.now() - longestSilence - 1000);
    utimesSync(path, before, before);
    const taken = await lockAnew(path);
    assert.ok(taken.ok);
    await taken.free();
  });

  it('that another process took since it was looked at stays', async () => {
    writeFileSync(path, 'of a dead process');
    await removeShared(path, (content) => {
      const isOld = content.toString('utf8') === 'of a dead process';
      if (isOld) writeFileSync(path, 'of another process');
      return isOld;
    });
    assert.equal(readFileSync(path, 'utf8'), 'of another process');
    assert.deepEqual(readdirSync(folder), ['submit.lock']);
  });

  it('is not made of a file that no process of Headscope wrote', async () => {
    const text = JSON.stringify({ pid: dead, host: hostname() });
    writeFileSync(path, text);
    assert.equal((await lockAnew(path)).ok, false);
    assert.equal(readFileSync(path, 'utf8'), text);
  });
});
