/** What Slurm's commands say, read; on a cluster they are run by `npm run test:cluster`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Submission, TaskResources } from '../../../../compute-server/sweeps/engine';
import { secondsOfLimit } from '../../../../compute-server/sweeps/slurm/cluster';
import { fieldsOf } from '../../../../compute-server/sweeps/slurm/commands';
import { slurmEngine } from '../../../../compute-server/sweeps/slurm/slurm-engine';
import type { SweepFile } from '../../../../protocol/sweeps/sweep-file';

const sweep: SweepFile = { kind: 'headscope-sweep', version: 1, run: 'task', engine: 'slurm' };

describe('Slurm', () => {
  let folder: string;
  const path = process.env['PATH'];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-slurm-words-'));
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'engine'));
    process.env['PATH'] = `${join(folder, 'bin')}:${path}`;
  });
  afterEach(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true, force: true });
  });
  const command = (name: string, ...lines: readonly string[]): void =>
    writeFileSync(join(folder, 'bin', name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  const submission = (program: readonly string[], changes: Partial<Submission> = {}): Submission => ({
    title: 'A title',
    folder,
    number: 1,
    ownFolder: join(folder, 'engine'),
    command: program,
    resources: { threads: 2, gpus: 1, memoryBytes: 3 * 2 ** 30, secondsOfCell: 90 },
    stages: [
      { first: 0, count: 2, cellsOfTask: 3 },
      { first: 2, count: 1, cellsOfTask: 1 },
    ],
    tries: 3,
    ...changes,
  });
  const cluster = (): void => {
    command(
      'scontrol',
      'case "$2" in',
      'config) echo "Configuration data as of $(date +%Y-%m-%dT%H:%M:%S)"; echo "MaxArraySize            = 1001"; echo "MaxJobCount = 10000";;',
      'partition) echo "PartitionName=main Default=YES MaxTime=1-00:00:00 State=UP";;',
      'job) echo "JobId=7 ArrayJobId=5 ArrayTaskId=1 JobState=TIMEOUT ExitCode=0:15 NodeList=n2";;',
      'esac',
    );
    command('sinfo', 'echo "n1|8|64000"');
    command('sacctmgr', 'exit 1');
    command('sacct', 'echo "Slurm accounting storage is disabled" >&2; exit 1');
  };

  it('is refused with a sentence where it is not there, or can never take a cell', async () => {
    const why = async (resources: Partial<TaskResources> = {}, slurm: SweepFile['slurm'] = {}): Promise<string> => {
      const of = { ...sweep, slurm };
      const planned = await slurmEngine(of).plan(of, { threads: 1, gpus: 0, ...resources });
      return planned.ok ? '' : planned.why;
    };
    const path = process.env['PATH'];
    process.env['PATH'] = join(folder, 'bin');
    assert.match(await why(), /^Slurm's scontrol is not on the PATH of this machine\. Run this on a login node/u);
    process.env['PATH'] = path;
    cluster();
    assert.equal(await why(), '');
    assert.match(await why({}, { partition: 'gone' }), /^The cluster has no partition gone\. It has main: correct/u);
    // The node has 64,000 MiB.
    assert.match(await why({ memoryBytes: 65_000 * 2 ** 20 }), /^No node of the partition main has what a cell needs/u);
    assert.match(await why({ secondsOfCell: 90_000 }), /^A cell may take 25\.0 h, but the partition main ends jobs/u);
    const ahead = new Date(Date.now() + 900_000).toLocaleString('sv').replace(' ', 'T');
    command('scontrol', `echo "Configuration data as of ${ahead}"`);
    assert.match(await why(), /^The clock of the cluster is 15 min ahead of this machine's/u);
  });

  it('says limits of time as sbatch(1) writes them', () => {
    const limits = {
      '30': 1800,
      '30:10': 1810,
      '1:30:00': 5400,
      '2-00:00:00': 172_800,
      '1-6': 108_000,
      UNLIMITED: undefined,
    };
    for (const [text, seconds] of Object.entries(limits)) assert.equal(secondsOfLimit(text), seconds, text);
  });

  it('says the fields of scontrol in both of its forms', () => {
    assert.equal(fieldsOf('MaxArraySize            = 1001\nMaxJobCount=7').get('MaxArraySize'), '1001');
    assert.equal(fieldsOf('JobId=7 JobState=FAILED ExitCode=1:0').get('ExitCode'), '1:0');
  });

  it('gets an array for each stage, a second one for what failed, and the next stage after both', async () => {
    cluster();
    command(
      'sbatch',
      `n=$(($(wc -l <"${folder}/asked" 2>/dev/null || echo 0) + 5)); echo "$*" >>"${folder}/asked"; echo "$n;one"`,
    );
    const handle = await slurmEngine({
      ...sweep,
      slurm: { partition: 'main', account: 'lab', options: ['--qos=low'] },
    }).submit(submission(['node', 'cli.js', 'sweep', 'work', 'a.yaml', '1']));
    assert.deepEqual(handle, {
      stages: [
        { first: 0, count: 2, jobs: ['5', '6'] },
        { first: 2, count: 1, jobs: ['7', '8'] },
      ],
    });
    const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
    const words = '--cpus-per-task=2 --mem=3072M --gres=gpu:1 --time=5 --partition=main --account=lab --qos=low';
    assert.ok(asked[0]?.includes('--array=0-1 --requeue') && asked[0].includes(words), asked[0]);
    assert.match(asked[1] ?? '', /--dependency=afternotok:5 --kill-on-invalid-dep=yes/);
    assert.match(asked[2] ?? '', /--array=0-0 .*--time=2 .*--dependency=afterany:5:6/);
  });

  it('takes back what it gave where a later stage is refused', async () => {
    cluster();
    command(
      'sbatch',
      `echo >>"${folder}/asked"; [ "$(wc -l <"${folder}/asked")" -lt 3 ] && echo 5 || { echo "sbatch: error: AssocMaxSubmitJobLimit" >&2; exit 1; }`,
    );
    command('scancel', `echo "$*" >"${folder}/cancelled"`);
    command('squeue', 'exit 0');
    await assert.rejects(
      slurmEngine(sweep).submit(submission(['node', 'x'])),
      /^Error: The cluster accepts no more jobs from you at the moment/,
    );
    assert.equal(readFileSync(join(folder, 'cancelled'), 'utf8').trim(), '5 5');
  });

  it('finds a job whose answer did not come', async () => {
    cluster();
    command(
      'sbatch',
      `for word; do case "$word" in --comment=*) echo "9|\${word#--comment=}" >"${folder}/queue";; esac; done; echo "Socket timed out" >&2; exit 1`,
    );
    command('squeue', `cat "${folder}/queue"`);
    const handle = await slurmEngine(sweep).submit(
      submission(['node', 'x'], { tries: 1, stages: [{ first: 0, count: 1, cellsOfTask: 1 }] }),
    );
    assert.deepEqual(handle, { stages: [{ first: 0, count: 1, jobs: ['9'] }] });
  });

  it('runs a task again that was killed, says what a node lacks, and how tasks stand and ended', async () => {
    cluster();
    const flaky = join(folder, 'flaky');
    writeFileSync(
      flaky,
      `#!/bin/sh\n[ "$2" = --version ] && exit 0\necho "$*" >>"${folder}/runs"\n[ "$(wc -l <"${folder}/runs")" -lt 2 ] && kill -9 $$\nexit 0\n`,
      { mode: 0o755 },
    );
    const given = submission([flaky, flaky, 'work'], { stages: [{ first: 0, count: 6, cellsOfTask: 1 }] });
    command('sbatch', 'echo 5');
    const handle = await slurmEngine(sweep).submit(given);
    const script = join(folder, 'engine', 'stage-0.sh');
    const run = (index: number): void =>
      void execFileSync('sh', [script], { env: { ...process.env, SLURM_ARRAY_TASK_ID: String(index) } });
    run(0);
    assert.equal(readFileSync(join(folder, 'runs'), 'utf8'), `${flaky} work 0\n`.repeat(2));
    assert.deepEqual(readdirSync(join(folder, 'engine', 'ends')), ['0.0']);
    writeFileSync(join(folder, 'engine', 'ends', '4.98'), 'n3\n');
    command('squeue', 'printf "5_2|RUNNING|None\\n5_3|PENDING|Resources\\n5_5|PENDING|launch failed requeued held\\n"');
    const states = await slurmEngine(sweep).status(given, { stages: [{ first: 0, count: 6, jobs: ['5'] }] });
    assert.deepEqual(handle, { stages: [{ first: 0, count: 6, jobs: ['5', '5'] }] });
    assert.deepEqual(
      [...states].toSorted(([a], [b]) => a - b).map(([task, { state }]) => `${task} ${state}`),
      ['0 ended', '1 died', '2 running', '3 waiting', '4 died', '5 died'],
    );
    const reasonOf = (task: number): string => {
      const state = states.get(task);
      return state?.state === 'died' ? state.reason : '';
    };
    assert.match(reasonOf(1), /^It exceeded its time limit\./);
    writeFileSync(join(folder, 'engine', 'ends', '4.97'), 'n3\n');
    rmSync(join(folder, 'engine', 'ends', '4.98'));
    const unshared = (await slurmEngine(sweep).status(given, { stages: [{ first: 0, count: 6, jobs: ['5'] }] })).get(4);
    assert.match(unshared?.state === 'died' ? unshared.reason : '', /^The node n3 does not see .* all nodes share\.$/u);
    assert.match(reasonOf(4), /^The node n3 has no .*npm run package:cli/);
    assert.match(reasonOf(5), /^Slurm holds it \(launch failed requeued held\)\. scontrol release 5_5/);
  });
});
