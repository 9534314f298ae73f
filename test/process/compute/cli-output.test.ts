/** Standard output that does not take what the command line writes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { StdioOptions } from 'node:child_process';
import { buildServer, environment } from './support/server';
import { bundledServer } from './support/bundle';

const { cliScript } = bundledServer('test-compute');

/** Runs `headscope` on these outputs; `onStart` may close the reader's end. */
function written(words: readonly string[], stdio: StdioOptions, closeReader = false) {
  return new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [cliScript, ...words], { env: environment(), stdio });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stderr }));
    if (closeReader) child.stdout?.destroy();
  });
}

describe('the headscope command and an output that does not take it', function () {
  this.timeout(60_000);
  before(buildServer);

  it('a reader that has closed its end is no failure, and nothing is said', async () => {
    for (const words of [['mechanisms', '--json', '-'], ['mechanisms'], ['mechanisms', '--template']]) {
      const outcome = await written(words, ['ignore', 'pipe', 'pipe'], true);
      assert.deepEqual(outcome, { code: 0, stderr: '' }, words.join(' '));
    }
  });

  it('an output that cannot be written ends with 3 and one sentence', async () => {
    // Opened for reading: every write fails, on each platform.
    const readOnly = openSync(__filename, 'r');
    try {
      for (const words of [['mechanisms', '--json', '-'], ['mechanisms']]) {
        const { code, stderr } = await written(words, ['ignore', readOnly, 'pipe']);
        assert.equal(code, 3, stderr);
        assert.match(stderr, /^Standard output could not be written \(.*\)\. .*--json\.\n$/, words.join(' '));
      }
    } finally {
      closeSync(readOnly);
    }
  });
});
