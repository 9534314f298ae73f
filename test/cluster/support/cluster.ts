/**
 * A real Slurm on this machine: its controller and four nodes, as processes of the test, in a folder of their own. Debian 13, as root,
 * with slurm-wlm and munge (24.11 and 0.5.16 work so, 2026-12-01).
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** The last one sees nothing of the temporary folder of the others. */
const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
export type NodeName = (typeof nodes)[number];

const controllerPort = 17_000;

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'headscope-slurm-'));
  readonly config = join(this.folder, 'slurm.conf');
  /** What all nodes share, but one. */
  readonly shared = join(this.folder, 'shared');
  private readonly daemons = new Map<string, ChildProcess>();

  /** `more`: lines of slurm.conf. */
  static async start(more: readonly string[] = []): Promise<Cluster> {
    const cluster = new Cluster();
    process.once('exit', cluster.end);
    try {
      await cluster.begin(more);
      return cluster;
    } catch (error) {
      cluster.end();
      cluster.remove();
      throw error;
    }
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, SLURM_CONF: this.config };
  }

  slurm(command: string, ...words: string[]): string {
    return execFileSync(command, words, { env: this.environment, encoding: 'utf8', timeout: 30_000 });
  }

  startNode(name: NodeName): void {
    const words = ['-D', '-f', this.config, '-N', name];
    if (name !== 'n5') return this.daemon(name, 'slurmd', words);
    const hides = 'mount -t tmpfs none "$0" && exec slurmd "$@"';
    this.daemon(name, 'unshare', ['--mount', 'sh', '-c', hides, this.shared, ...words]);
  }

  /** The daemon, and with it what it started: its jobs go as they do with their machine. */
  killNode(name: NodeName): void {
    this.kill(name);
    for (const pid of this.stepsOf(name)) killTree(pid);
  }

  /** Also where the test itself is ended. */
  readonly end = (): void => {
    for (const name of [...this.daemons.keys()].reverse()) this.kill(name);
    for (const name of nodes) for (const pid of this.stepsOf(name)) killTree(pid);
  };

  remove(): void {
    process.off('exit', this.end);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** The slurmstepd of the jobs on a node. */
  private stepsOf(name: NodeName): readonly number[] {
    const log = join(this.folder, `slurmd-${name}.log`);
    return processes().flatMap(({ pid, words }) => (words.includes('slurmstepd') && hasOpen(pid, log) ? [pid] : []));
  }

  private async begin(more: readonly string[]): Promise<void> {
    chmodSync(this.folder, 0o755);
    const key = join(this.folder, 'munge.key');
    writeFileSync(key, randomBytes(128), { mode: 0o400 });
    const munge = join(this.folder, 'munge');
    mkdirSync(munge, { mode: 0o711 });
    const socket = join(munge, 'socket');
    const mungeFiles = [
      `--log-file=${join(munge, 'log')}`,
      `--pid-file=${join(munge, 'pid')}`,
      `--seed-file=${join(munge, 'seed')}`,
    ];
    this.daemon('munge', 'munged', ['--foreground', `--key-file=${key}`, `--socket=${socket}`, ...mungeFiles]);
    for (const name of ['state', 'shared']) mkdirSync(join(this.folder, name));
    const host = hostname().split('.')[0] ?? 'localhost';
    writeFileSync(
      this.config,
      [
        'ClusterName=one',
        `SlurmctldHost=${host}(127.0.0.1)`,
        `SlurmctldPort=${controllerPort}`,
        'SlurmUser=root',
        'SlurmdUser=root',
        'AuthType=auth/munge',
        // A job that is queued again waits until its credential has expired: 120 s by default.
        `AuthInfo=socket=${socket},cred_expire=10`,
        `StateSaveLocation=${join(this.folder, 'state')}`,
        `SlurmdSpoolDir=${join(this.folder, 'spool-%n')}`,
        `SlurmctldPidFile=${join(this.folder, 'slurmctld.pid')}`,
        `SlurmdPidFile=${join(this.folder, 'slurmd-%n.pid')}`,
        `SlurmctldLogFile=${join(this.folder, 'slurmctld.log')}`,
        `SlurmdLogFile=${join(this.folder, 'slurmd-%n.log')}`,
        'ProctrackType=proctrack/linuxproc',
        'TaskPlugin=task/none',
        'SelectType=select/cons_tres',
        'SelectTypeParameters=CR_Core',
        'ReturnToService=2',
        'MpiDefault=none',
        'SlurmdParameters=config_overrides',
        'SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=10000',
        'SlurmdTimeout=10',
        'MinJobAge=3600',
        'KillWait=5',
        ...more,
        `NodeName=n[1-5] NodeHostname=${host} NodeAddr=127.0.0.1 Port=[17001-17005] CPUs=1 RealMemory=4000 State=UNKNOWN`,
        'PartitionName=main Nodes=n[1-4] Default=YES MaxTime=60 State=UP',
        'PartitionName=apart Nodes=n5 MaxTime=60 State=UP',
        'PartitionName=closed Nodes=n1 MaxTime=60 State=DOWN',
        '',
      ].join('\n'),
    );
    await until(() => execFileSync('munge', ['-n', `--socket=${socket}`]), 'munged');
    this.daemon('controller', 'slurmctld', ['-D', '-f', this.config]);
    for (const name of nodes) {
      mkdirSync(join(this.folder, `spool-${name}`));
      this.startNode(name);
    }
    await until(() => {
      const idle = this.slurm('sinfo', '-h', '-N', '-t', 'idle', '-o', '%N').trim().split('\n');
      if (new Set(idle).size < nodes.length) throw new Error(`of the nodes only ${idle.join(', ')} are idle`);
    }, 'Slurm');
  }

  private daemon(name: string, program: string, words: readonly string[]): void {
    const child = spawn(program, words, { env: this.environment, stdio: 'ignore' });
    child.on('error', () => undefined);
    this.daemons.set(name, child);
  }

  private kill(name: string): void {
    this.daemons.get(name)?.kill('SIGKILL');
    this.daemons.delete(name);
  }
}

async function until(act: () => unknown, what: string): Promise<void> {
  for (let trial = 0; ; trial++) {
    try {
      act();
      return;
    } catch (error) {
      if (trial === 150) throw new Error(`${what} is not ready: ${String(error)}`);
      await pause(200);
    }
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}

export function processes(): readonly Process[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, parent, words = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/u.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), words }];
  });
}

/** A process and all below it. */
export function killTree(pid: number): void {
  const all = processes();
  const below = (of: number): readonly number[] =>
    all.filter(({ parent }) => parent === of).flatMap(({ pid: child }) => [child, ...below(child)]);
  for (const one of [pid, ...below(pid)]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** The log of its node is open in each slurmstepd (seen with 24.11). */
const hasOpen = (pid: number, file: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((one) => readlinkSync(`/proc/${pid}/fd/${one}`) === file);
  } catch {
    return false;
  }
};
