/**
 * Sweeps on a real Slurm, on this machine (`support/cluster.ts`): jobs that are killed, nodes that go, a disk that is full, time that runs
 * out, a person who cancels. Every result is there in the end, and none was made twice. The cases run at the same time.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SweepStatus } from '../../protocol/sweeps/sweep-status';
import { Cluster, killTree, processes, type NodeName } from './support/cluster';

const cli = resolve('dist/cli.js');

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let cluster: Cluster;

function headscope(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((done, fail) => {
    const env = { ...cluster.environment, HEADSCOPE_CACHE_DIR: join(cluster.folder, 'cache'), ...environment };
    const child = spawn(process.execPath, [cli, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
}

/** A sweep in a folder of its own. */
class Sweep {
  readonly file: string;
  readonly folder: string;

  constructor(name: string, lines: readonly string[], base = join(cluster.shared, name)) {
    mkdirSync(base, { recursive: true });
    this.file = join(base, `${name}.headscope-sweep.yaml`);
    this.folder = join(base, `${name}.headscope-sweep`);
    writeFileSync(this.file, ['kind: headscope-sweep', 'version: 1', 'engine: slurm', ...lines, ''].join('\n'));
  }

  async says(verb: string): Promise<string> {
    const { code, stdout, stderr } = await headscope(['sweep', verb, this.file]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async refusal(verb: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, stdout, stderr } = await headscope(['sweep', verb, this.file], environment);
    assert.notEqual(code, 0, stdout);
    return stderr;
  }

  async status(): Promise<SweepStatus> {
    const { stdout, stderr } = await headscope(['sweep', 'status', this.file, '--json', '-']);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as SweepStatus;
  }

  async until(holds: (now: SweepStatus) => boolean): Promise<SweepStatus> {
    for (;;) {
      const now = await this.status();
      if (holds(now)) return now;
      await pause(3000);
    }
  }

  ended(): Promise<SweepStatus> {
    return this.until(({ active }) => !active);
  }

  get results(): readonly string[] {
    return readdirSync(join(this.folder, 'results')).filter((name) => name.endsWith('.json'));
  }

  /** Keys of cells, once for each time that one was begun. */
  get begun(): readonly string[] {
    const submissions = join(this.folder, 'submissions');
    if (!existsSync(submissions)) return [];
    return readdirSync(submissions).flatMap((number) => {
      const journals = join(submissions, number, 'journals');
      const names = existsSync(journals) ? readdirSync(journals) : [];
      return names.flatMap((name) =>
        readFileSync(join(journals, name), 'utf8')
          .split('\n')
          .filter((line) => line.includes('"running"'))
          .map((line) => (JSON.parse(line) as { readonly key: string }).key),
      );
    });
  }

  /** Processes of its tasks. */
  get tasks(): readonly number[] {
    return processes().flatMap(({ pid, words }) =>
      words.includes('sweep work') && words.includes(this.file) ? [pid] : [],
    );
  }

  /** What was killed is gone a moment later. */
  async still(): Promise<void> {
    while (this.tasks.length > 0) await pause(100);
  }

  /** The process of the script of one of its tasks, once so many cells have begun. */
  async script(begun: number): Promise<number> {
    for (;;) {
      await pause(200);
      if (this.begun.length < begun) continue;
      const all = processes();
      const [task] = this.tasks;
      const parent = all.find(({ pid }) => pid === task)?.parent;
      const script = all.find(({ pid }) => pid === parent);
      if (script?.words.includes('slurm_script')) return script.pid;
    }
  }
}

/** About ten seconds of training each on an idle processor, with steps to go on from. */
const long = (seeds: number, ...more: readonly string[]): readonly string[] => [
  'run: toy-circuits',
  'settings: {param.steps: 150}',
  `seeds: ${seeds}`,
  'resources: {threads: 1}',
  ...more,
];

async function array(): Promise<void> {
  const sweep = new Sweep('array', [
    'run: task',
    'settings: {samples: 3}',
    'matrix: {task: [induction, capitals]}',
    'seeds: 5',
    'slurm: {tasks: 4}',
  ]);
  assert.match(await sweep.says('plan'), /10 runs are left, in 4 tasks on the engine slurm, 4 at a time\./);
  const [one, other] = await Promise.all([0, 1].map(() => headscope(['sweep', 'submit', sweep.file])));
  assert.deepEqual([one?.code, other?.code].toSorted(), [0, 3], 'one of two submits at once is refused');
  assert.match(`${one?.stderr}${other?.stderr}`, /The sweep (is being submitted by process|runs already)/);
  const ended = await sweep.ended();
  assert.deepEqual([ended.done, ended.total], [10, 10], JSON.stringify(ended.cells));
  assert.deepEqual([sweep.results.length, new Set(sweep.begun).size, sweep.begun.length], [10, 10, 10]);
  assert.match(await sweep.says('collect'), /induction/);
  assert.match(await sweep.says('submit'), /Nothing is left to run/);
}

/** The script of a task and everything below it is killed: the second array takes the task up. */
async function killed(): Promise<void> {
  const sweep = new Sweep('killed', long(2));
  await sweep.says('submit');
  killTree(await sweep.script(2));
  const ended = await sweep.ended();
  assert.deepEqual([ended.done, ended.total], [2, 2], JSON.stringify(ended.cells));
  assert.deepEqual(ended.cells.map(({ tries }) => tries).toSorted(), [1, 2]);
  assert.equal(sweep.begun.length, 3);
}

/** The node of a task goes: Slurm queues the job again, and it runs on another one. */
async function nodeGone(): Promise<void> {
  const sweep = new Sweep('node', long(1, 'title: node'));
  await sweep.says('submit');
  await sweep.script(1);
  const jobs = cluster.slurm('squeue', '-h', '-t', 'RUNNING', '-o', '%N|%j').trim().split('\n');
  const node = jobs.find((line) => line.includes('headscope node'))?.split('|')[0] as NodeName;
  cluster.killNode(node);
  await sweep.still();
  const ended = await sweep.ended();
  assert.deepEqual([ended.done, ended.cells[0]?.tries], [1, 2], JSON.stringify(ended.cells));
  assert.equal(sweep.begun.length, 2);
  cluster.startNode(node);
}

/** A disk that is full as a result shall be written: the cell says so, and is run again once there is room. */
async function fullDisk(): Promise<void> {
  const base = join(cluster.shared, 'disk');
  mkdirSync(base);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'none', base]);
  try {
    const sweep = new Sweep('disk', long(1), base);
    await sweep.says('submit');
    await sweep.script(1);
    const filler = join(base, 'filler');
    assert.throws(() => writeFileSync(filler, new Uint8Array(40e6)), /ENOSPC/);
    const full = await sweep.ended();
    assert.equal(full.done, 0);
    assert.deepEqual(sweep.results, []);
    rmSync(filler);
    await sweep.says('submit');
    const ended = await sweep.ended();
    assert.deepEqual([ended.done, sweep.results.length], [1, 1], JSON.stringify(ended.cells));
  } finally {
    execFileSync('umount', ['-l', base]);
  }
}

async function cancelled(): Promise<void> {
  const sweep = new Sweep('cancelled', [...long(3), 'title: Cancelled']);
  await sweep.says('submit');
  await sweep.script(1);
  assert.match(await sweep.says('cancel'), /cells were cancelled/);
  const ended = await sweep.status();
  assert.equal(ended.active, false);
  assert.equal(ended.states.cancelled + ended.done, 3, JSON.stringify(ended.cells));
  assert.deepEqual(sweep.tasks, []);
  assert.equal(cluster.slurm('squeue', '-h', '-o', '%j').includes('headscope Cancelled'), false);
}

/** Slurm itself ends a job at its limit, which it counts in minutes. */
async function outOfTime(): Promise<void> {
  const sweep = new Sweep('time', [
    'run: toy-circuits',
    'settings: {param.steps: 100000}',
    'tries: 1',
    "slurm: {options: ['--time=1']}",
  ]);
  await sweep.says('submit');
  const ended = await sweep.ended();
  assert.equal(ended.states.failed, 1, JSON.stringify(ended.cells));
  assert.match(
    ended.cells[0]?.reason ?? '',
    /^Its task ended early: It exceeded its time limit\. .* Submit the sweep again\.$/,
  );
  assert.deepEqual(sweep.tasks, []);
}

async function notShared(): Promise<void> {
  const sweep = new Sweep('apart', [
    'run: task',
    'settings: {task: induction, samples: 2}',
    'slurm: {partition: apart}',
    'tries: 1',
  ]);
  await sweep.says('submit');
  const ended = await sweep.ended();
  assert.match(
    ended.cells[0]?.reason ?? '',
    /The node n5 does not see .*apart\.headscope-sweep\. Put the sweep into a folder that all nodes share\. Submit the sweep again\.$/,
  );
}

async function refused(): Promise<void> {
  const of = (name: string, ...lines: readonly string[]): Sweep =>
    new Sweep(`refused-${name}`, ['run: task', 'settings: {task: induction, samples: 2}', ...lines]);
  const partition = of('partition', 'slurm: {partition: gone}');
  assert.match(
    await partition.refusal('submit'),
    /^The cluster has no partition gone\. It has main, apart, closed: correct slurm\.partition\./,
  );
  assert.equal(existsSync(join(partition.folder, 'submissions')), false, 'nothing is submitted');
  assert.match(
    await of('closed', 'slurm: {partition: closed}').refusal('plan'),
    /^The partition closed starts no jobs at the moment \(DOWN\)\./,
  );
  assert.match(
    await of('time', 'resources: {time: 2h}').refusal('plan'),
    /^A cell may take 2\.0 h, but the partition main ends jobs after 60 min\./,
  );
  assert.match(
    await of('memory', 'resources: {memory: 64GB}').refusal('plan'),
    /^No node of the partition main has what a cell needs \(1 thread, 61036 MiB\): the largest has 1 processor and 4000 MiB\./,
  );
  assert.match(
    await of('options', "slurm: {options: ['--nodes=9']}").refusal('submit'),
    /^No node of the default partition has what a cell needs/,
  );
  const bare = join(cluster.folder, 'bare');
  mkdirSync(bare);
  assert.match(
    await of('bare').refusal('plan', { PATH: bare }),
    /^Slurm's scontrol is not on the PATH of this machine\./,
  );
  // A cluster that is a quarter of an hour ahead, by what scontrol says.
  writeFileSync(
    join(bare, 'scontrol'),
    `#!/bin/sh\nprintf 'Configuration data as of %s\\n' "$(/usr/bin/date -d '+15 min' +%Y-%m-%dT%H:%M:%S)"\n`,
    { mode: 0o755 },
  );
  assert.match(
    await of('clock').refusal('plan', { PATH: bare }),
    /^The clock of the cluster is 15 min ahead of this machine's/,
  );
  writeFileSync(join(bare, 'scontrol'), '#!/bin/sh\necho "Unable to contact slurm controller" >&2\nexit 1\n', {
    mode: 0o755,
  });
  assert.match(await of('away').refusal('plan', { PATH: bare }), /^Slurm's controller \(slurmctld\) does not answer\./);
}

const cases = { array, killed, nodeGone, fullDisk, cancelled, outOfTime, notShared, refused };

describe('a sweep on Slurm', function () {
  this.timeout(230_000);
  const running = new Map<string, Promise<void>>();
  before(async () => {
    cluster = await Cluster.start();
    for (const [name, act] of Object.entries(cases)) {
      const done = act();
      done.catch(() => undefined);
      running.set(name, done);
    }
  });
  after(async () => {
    // What still goes on, as another case failed, ends with the cluster.
    cluster.end();
    await Promise.allSettled(running.values());
    cluster.remove();
  });

  const says: { readonly [Name in keyof typeof cases]: string } = {
    refused: 'is refused with a sentence where the cluster cannot take it, and nothing is submitted',
    array: 'runs as an array, each cell once, however often it is submitted',
    killed: 'goes on with the cells of a job that was killed',
    cancelled: 'ends when it is cancelled, and leaves nothing in the queue',
    notShared: 'says that its folder is not shared',
    fullDisk: 'says that the disk is full, and loses nothing but that try',
    nodeGone: 'goes on where a node went',
    outOfTime: 'says that its time ran out',
  };
  for (const [name, words] of Object.entries(says)) it(words, () => running.get(name));
});
