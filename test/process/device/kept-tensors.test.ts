/** Outputs of WebGPU sessions that stay on the device, through Mesa's software adapter where the machine has no other. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureSystem } from '../../support/host/system';

describe('tensors that stay on the WebGPU device', function () {
  this.timeout(60_000);
  before(() => ensureSystem(['adapter'], console.log));

  it('feed the next session, are fetched when asked for, and give their memory back', async () => {
    const script = join(__dirname, 'support', 'kept-tensors.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script]);
    assert.deepEqual(JSON.parse(stdout), {
      // x + 1 of the first run, to the host.
      next: [1, 2, 3],
      // First numbers of rows of 8: twice those of 3 rows that count from 0, then of 2 rows that count from 100.
      all: [0, 16, 32, 200, 216],
      // Rows 4 and 1 of these, on the device.
      lastRows: [216, 16],
      shape: [2, 1, 8],
      // A session on the cpu refuses another rank, and fetches what it needs: two rows, and twice one that counts from 0.
      elsewhere: 'string',
      joined: [216, 16, 0],
      // The last of 4 rows is NaN, which JSON writes as null.
      faults: [0, 0, 0, null],
      // What a run that fails had taken.
      wrong: 0,
      // 50 runs of which 2 rows of 8 float32 come to the host.
      fetchedOfFifty: 50 * 2 * 8 * 4,
      live: 0,
      used: 'TypeError: the tensor was disposed of',
    });
  });
});
