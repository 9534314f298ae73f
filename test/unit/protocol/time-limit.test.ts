import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { computingSeconds, limitOf, overdue } from '../../../protocol/wire/time-limit';

describe('a limit of time', () => {
  const limit = { seconds: 5, ceiling: 50 };

  it('counts what was computed, and lets what waits for a processor go on until its ceiling', () => {
    assert.equal(overdue(limit, { computed: 4.9, waited: 49 }), undefined);
    assert.equal(overdue(limit, { computed: 5.1, waited: 5.1 }), 5);
    assert.equal(overdue(limit, { computed: 0, waited: 50.1 }), 50);
    assert.deepEqual(limitOf(4), { seconds: 4, ceiling: 40 });
  });

  it('goes by the clock alone where the system does not say what was computed', () => {
    assert.equal(overdue(limit, { computed: undefined, waited: 49 }), undefined);
    assert.equal(overdue(limit, { computed: undefined, waited: 51 }), 50);
  });
});

describe('the computing time of a process', () => {
  it('is read from /proc, whatever the process is called', () => {
    // proc(5): field 14 is utime and 15 is stime, in hundredths of a second; the name is field 2.
    const stat = '71 (a) R 9 (b)) S 1 71 71 0 -1 4194560 900 0 2 0 250 125 7 7 20 0 11 0 5000 1000000 2000';
    const asked: string[] = [];
    const read = (file: string): string => {
      asked.push(file);
      return stat;
    };
    assert.equal(computingSeconds(71, { platform: 'linux', read }), 3.75);
    assert.equal(computingSeconds('self/task/78', { platform: 'linux', read }), 3.75);
    assert.deepEqual(asked, ['/proc/71/stat', '/proc/self/task/78/stat']);
  });

  it('is unknown of a process that is gone, and on other systems', () => {
    const gone = (): string => assert.fail('ENOENT');
    assert.equal(computingSeconds(71, { platform: 'linux', read: gone }), undefined);
    assert.equal(computingSeconds(71, { platform: 'darwin', read: gone }), undefined);
    assert.equal(computingSeconds(undefined, { platform: 'linux', read: gone }), undefined);
  });

  it('is what the process itself says, where the system has it', () => {
    const read = (file: string): string => readFileSync(file, 'utf8');
    const seen = computingSeconds(process.pid, { platform: process.platform, read });
    assert.equal(seen !== undefined, process.platform === 'linux');
    if (seen === undefined) return;
    const { user, system } = process.cpuUsage();
    // The system counts in hundredths, for user and system time apart.
    assert.ok(Math.abs((user + system) / 1e6 - seen) < 0.5, `${(user + system) / 1e6} s and ${seen} s`);
  });
});
