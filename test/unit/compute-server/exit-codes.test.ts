import assert from 'node:assert/strict';
import { commandErrorOf, exitCodes } from '../../../compute-server/cli/exit-codes';
import { FailureError } from '../../../protocol/wire/failures';

describe('the exit code of a command', () => {
  const ended = new FailureError({ code: 'compute-unavailable', detail: 'it ended by SIGINT' });
  const full = new FailureError({ code: 'runtime-failed', detail: 'the disk is full' });

  it('says cancelled where Ctrl+C ended the compute process as it started, and failed where it ended by itself', () => {
    assert.equal(commandErrorOf(ended, true).exitCode, exitCodes.cancelled);
    assert.equal(commandErrorOf(ended).exitCode, exitCodes.failed);
    assert.match(commandErrorOf(ended).message, /^The compute process does not start/);
  });

  it('keeps another failure, also after Ctrl+C', () => {
    assert.equal(commandErrorOf(full, true).exitCode, exitCodes.failed);
  });
});
