/** The command line as nodes of a cluster get it: with the runtime of one platform, and without the repository. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageCli } from '../../build/cli-package.mjs';

describe('the package of the command line', function () {
  this.timeout(60_000);

  it('runs a model where nothing of the repository is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-cli-package-'));
    try {
      stageCli(join(folder, 'headscope'));
      const program = join(folder, 'headscope', 'bin', 'headscope');
      const words = ['run', 'toy-circuits', '--param', 'steps=2', '--json', '-'];
      const env = { ...process.env, HEADSCOPE_CACHE_DIR: join(folder, 'cache') };
      const result = JSON.parse(execFileSync(program, words, { cwd: folder, encoding: 'utf8', env })) as {
        analysis: string;
      };
      assert.equal(result.analysis, 'toy-circuits');
      // What `headscope mcp` draws the pages of results with.
      for (const name of ['results.js', 'codicon.css', 'codicon.ttf']) {
        assert.ok(existsSync(join(folder, 'headscope', 'dist', 'webviews', name)), name);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
