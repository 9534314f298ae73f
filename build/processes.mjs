// Ends a process with everything that it started, also what has a process group of its own (a hosted editor, a browser) or
// whose parent has gone. On Linux each carries the marker of its run in its environment; elsewhere the parents are asked.
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const variable = 'HEADSCOPE_RUN';

/** The environment of a process and of all that it starts; a run inside a run keeps the marker of the outer one too. */
export function marked(environment = process.env) {
  const marker = randomUUID();
  return { marker, environment: { ...environment, [variable]: `${environment[variable] ?? ''}/${marker}` } };
}

const tryRead = (file) => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // It ended while we looked, or belongs to someone else.
  }
};

/** Running processes: their parents and what they are called. What has ended and is only not yet asked for is left out. */
function processes() {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const stat = tryRead(`/proc/${name}/stat`);
        // The program's name is in brackets and may hold spaces and brackets: what follows the last one is fixed.
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (stat === '' || state === 'Z' || state === 'X') return [];
        return [{ pid: Number(name), parent: Number(parent) }];
      });
  }
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return (stdout ?? '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , state]) => pid !== undefined && pid !== '' && !state?.startsWith('Z'))
    .map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }));
}

/** Processes under `root`, itself included, and those that carry the marker; never this one. */
export function familyOf({ root, marker }) {
  const all = processes();
  const children = childrenOf(all);
  const found = new Set();
  const add = (pid) => {
    if (found.has(pid) || pid === process.pid) return;
    found.add(pid);
    for (const child of children.get(pid) ?? []) add(child.pid);
  };
  if (root !== undefined && all.some(({ pid }) => pid === root)) add(root);
  if (marker !== undefined && process.platform === 'linux') {
    for (const { pid } of all) if (tryRead(`/proc/${pid}/environ`).includes(marker)) add(pid);
  }
  return [...found];
}

/** Processes by the one that started them (Map.groupBy came only with Node 21). */
function childrenOf(all) {
  const groups = new Map();
  for (const one of all) groups.set(one.parent, [...(groups.get(one.parent) ?? []), one]);
  return groups;
}

const send = (pid, signal) => {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
};

/** Kills the family once, without waiting: for a process that is itself about to end. */
export function killFamily(family) {
  if (process.platform === 'win32') {
    if (family.root !== undefined)
      spawnSync('taskkill', ['/T', '/F', '/PID', String(family.root)], { stdio: 'ignore' });
    return;
  }
  // Stopped first, so that none of them starts another while the others are killed.
  for (let round = 0; round < 3; round += 1) for (const pid of familyOf(family)) send(pid, 'SIGSTOP');
  for (const pid of familyOf(family)) send(pid, 'SIGKILL');
}

/** Kills the family and waits until it is gone. */
export async function endFamily(family) {
  for (let round = 0; round < 100; round += 1) {
    killFamily(family);
    await pause(20);
    if (process.platform === 'win32' || familyOf(family).length === 0) return;
  }
}

/** The command line of a process, for a message. */
export const called = (pid) =>
  tryRead(`/proc/${pid}/cmdline`)
    .replaceAll(/[\0\s]+/g, ' ')
    .trim()
    .slice(0, 160);

/** What of a family still runs after `seconds`: whatever is about to end by itself has had its chance. */
export async function leftBehind(family, seconds) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const left = familyOf(family);
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(100);
  }
}
