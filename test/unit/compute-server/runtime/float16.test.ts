import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

describe('float16 data', () => {
  it('goes in and comes out as bits where Float16Array exists (Node 24), as everywhere', async () => {
    const script = join(__dirname, 'double-halves.ts');
    // Which array type it takes is settled once a process: a process of its own.
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script]);
    // 3, -4, the least number above zero twice, infinity.
    const doubled = ['Uint16Array', 0x4200, 0xc400, 0x0002, 0x7c00];
    assert.deepEqual(JSON.parse(stdout), [
      ['run', ...doubled],
      ['bind', ...doubled],
    ]);
  });
});
