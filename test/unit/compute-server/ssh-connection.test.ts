import assert from 'node:assert/strict';
import { sshServerAbove, type ProcessRow } from '../../../compute-server/cli/ssh-connection';

/** Process, name and parent, as a chain of /proc has them. */
const table =
  (...rows: readonly (readonly [number, string, number])[]) =>
  (pid: number): ProcessRow | undefined =>
    rows.flatMap(([own, name, parent]) => (own === pid ? [{ name, parent }] : []))[0];

describe('the ssh connection that carries a command', () => {
  it('is that of the nearest ssh server above it, through shells', () => {
    const rows = table(
      [1, 'systemd', 0],
      [10, 'sshd', 1],
      [20, 'sshd-session', 10],
      [21, 'sshd-session', 20],
      [30, 'bash', 21],
      [40, 'node', 30],
    );
    assert.equal(sshServerAbove(40, rows), 21);
    assert.equal(sshServerAbove(9, table([9, 'node', 8], [8, 'dropbear', 1], [1, 'init', 0])), 8);
  });

  it('is none below a terminal multiplexer, a job of a cluster, or what nobody waits for any more', () => {
    assert.equal(
      sshServerAbove(9, table([9, 'node', 8], [8, 'bash', 7], [7, 'tmux: server', 1], [1, 'sshd', 0])),
      undefined,
    );
    assert.equal(sshServerAbove(9, table([9, 'node', 8], [8, 'slurmstepd', 1])), undefined);
    assert.equal(sshServerAbove(9, table([9, 'node', 1])), undefined);
    assert.equal(sshServerAbove(9, table()), undefined);
  });
});
