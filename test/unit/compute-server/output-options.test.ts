/** What a command is going to write is looked at before it does anything. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookAtOutputs } from '../../../compute-server/cli/output-options';
import { headscopeProgram } from '../../../compute-server/cli/program';
import { CommandSession } from '../../../compute-server/cli/session';
import type { ComputeClient } from '../../../protocol/compute/client';

class BegunSession extends CommandSession {
  override compute(): ComputeClient {
    throw new Error('it has begun');
  }
}

describe('two results of one command', () => {
  const session = new BegunSession();
  const asked = (...words: readonly string[]): Promise<unknown> =>
    lookAtOutputs(headscopeProgram(session), session).parseAsync([...words], { from: 'user' });
  const file = join(tmpdir(), 'headscope-no-such-file.json');

  it('go to two files: the second would replace the first', async () => {
    await assert.rejects(
      asked('heads', 'model', '--labels', file, '--json', `${tmpdir()}/./headscope-no-such-file.json`),
      /^CommandError: --labels and --json name the same file, .*\. Name two files\.$/,
    );
    const field = `circuit=${file}`;
    await assert.rejects(asked('run', 'ablation', 'model', '--field', field, '--field', field), /name the same file/);
    await assert.rejects(asked('heads', 'model', '--labels', file, '--json', `${file}.json`), /it has begun/);
    await assert.rejects(asked('heads', 'model', '--labels', '/dev/null', '--json', '/dev/null'), /it has begun/);
  });
});
