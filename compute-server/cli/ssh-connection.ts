/**
 * A command that came over ssh without a terminal gets no signal when the connection ends, be it by Ctrl+C there or by a network that goes:
 * sshd only closes its pipes, which a run that prints nothing before its end does not notice. It would compute for nobody (seen with
 * OpenSSH 10.0, 2026-12-01).
 */
import { fstatSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

export interface ProcessRow {
  readonly name: string;
  readonly parent: number;
}

/** How often is looked whether the connection is still there. */
const everyMs = 500;

/** The process of the ssh server that carries this one; undefined without one. `rowOf` says nothing of a process that is gone. */
export function sshServerAbove(pid: number, rowOf: (pid: number) => ProcessRow | undefined): number | undefined {
  for (let [at, row] = [pid, rowOf(pid)]; row !== undefined && at > 1; [at, row] = [row.parent, rowOf(row.parent)]) {
    if (isServer(row)) return at;
  }
  return undefined;
}

/** OpenSSH calls it sshd, from 9.8 on sshd-session. */
const isServer = ({ name }: ProcessRow): boolean => /^(sshd|dropbear)/u.test(name);

/** By Linux's /proc; other systems have none, and a command runs on there. */
function rowOf(pid: number): ProcessRow | undefined {
  try {
    // The name is in parentheses and may hold some itself; the state and the parent follow.
    const [, name, parent] = /\((.*)\) \S+ (\d+)/su.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return name === undefined ? undefined : { name, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/**
 * Calls `act` when the connection is gone that carries the output of this process. With a terminal the system itself sends a signal then; what
 * writes to files alone was meant to stay.
 */
export function onSshConnectionEnd(act: () => void): void {
  if ([0, 1, 2].some((stream) => isatty(stream)) || ![1, 2].some(isPipe)) return;
  const server = sshServerAbove(process.pid, rowOf);
  if (server === undefined) return;
  const timer = setInterval(() => {
    const row = rowOf(server);
    if (row !== undefined && isServer(row)) return;
    clearInterval(timer);
    act();
  }, everyMs);
  timer.unref();
}

function isPipe(stream: number): boolean {
  try {
    const stat = fstatSync(stream);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}
