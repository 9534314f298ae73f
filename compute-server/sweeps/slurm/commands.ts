/** Runs the commands of Slurm on the PATH, and turns what they refuse into sentences with a next step. */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { EngineRefusal } from '../engine';
import { printableLine } from '../../../protocol/wire/printable';

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A busy controller answers late, a missing one never. */
const longestMs = 60_000;
const mostBytes = 256 * 2 ** 20;

export type SlurmCommand = 'sbatch' | 'scancel' | 'squeue' | 'sacct' | 'sacctmgr' | 'scontrol' | 'sinfo';

/** The controller was not reached, or its answer did not come. */
const isUnanswered = /unable to contact slurm controller|connection refused|timed out|authentication error/iu;
const mostTrials = 3;
const pauseMs = 2000;

/** Gives any answer, failures included. A controller that restarts or is busy is asked again, except by sbatch, which would submit twice. */
export async function ask(command: SlurmCommand, words: readonly string[]): Promise<Answer> {
  for (let trial = 1; ; trial++) {
    const answer = await once(command, words);
    if (answer.code === 0 || command === 'sbatch' || trial === mostTrials || !isUnanswered.test(answer.stderr))
      return answer;
    await pause(pauseMs);
  }
}

function once(command: SlurmCommand, words: readonly string[]): Promise<Answer> {
  // English messages and standard times, whatever the environment says.
  const env = { ...process.env, LC_ALL: 'C', SLURM_TIME_FORMAT: 'standard' };
  return new Promise((resolve, reject) => {
    execFile(command, [...words], { env, timeout: longestMs, maxBuffer: mostBytes }, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr });
      if (error.code === 'ENOENT') return reject(new EngineRefusal(missing(command)));
      if (error.killed) return resolve({ code: 1, stdout, stderr: 'timed out' });
      resolve({ code: typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
  });
}

const missing = (command: string): string =>
  `Slurm's ${command} is not on the PATH of this machine. Run this on a login node of the cluster, or load Slurm's module, or choose another engine with --engine.`;
const silent =
  "Slurm's controller (slurmctld) does not answer. Try again later, or ask the administrators. Jobs that were submitted keep running.";

/** Throws an EngineRefusal if the command fails. */
export async function outputOf(command: SlurmCommand, words: readonly string[], of: Asked = {}): Promise<string> {
  const answer = await ask(command, words);
  if (answer.code !== 0) throw new EngineRefusal(refusalOf(command, answer, of));
  return answer.stdout;
}

/** What the sweep asks for, to name it in a refusal. */
export interface Asked {
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
}

function refusalOf(command: string, { stdout, stderr }: Answer, { partition, account }: Asked): string {
  const said = printableLine((stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '').replace(
    /^[a-z]+: (error: )?/u,
    '',
  );
  if (/unable to establish|could not establish|slurm\.conf/iu.test(stderr)) {
    return `Slurm is not configured on this machine (${said}). Run this on a login node of the cluster, or set SLURM_CONF.`;
  }
  if (/expired credential|rewound credential|authentication error/iu.test(stderr)) {
    return "Slurm rejects this machine's credentials because its clock differs from the cluster's. Synchronise the clocks, or submit on a login node.";
  }
  if (isUnanswered.test(stderr)) return silent;
  if (/invalid partition/iu.test(stderr)) return noPartition(partition ?? '', []);
  if (/invalid account/iu.test(stderr)) {
    return `Slurm does not let you use ${account === undefined ? 'your default account' : `the account ${account}`} there. sacctmgr show assoc user=$USER lists yours: correct slurm.account.`;
  }
  if (/submit ?job ?limit|max ?submit|QOSMaxSubmit/iu.test(stderr)) {
    return `The cluster accepts no more jobs from you at the moment (${said}). Wait until some have ended, or lower slurm.tasks.`;
  }
  if (/node configuration is not available|memory specification|more processors requested/iu.test(stderr)) {
    return `No node of the ${partition === undefined ? 'default partition' : `partition ${partition}`} has what a cell needs (${said}). Lower the values under resources, or choose another partition.`;
  }
  if (/time limit/iu.test(stderr)) {
    return `The partition does not allow that much time (${said}). Lower resources.time, or choose another partition.`;
  }
  return `Slurm's ${command} refused: ${said === '' ? 'it gave no reason' : said.replace(/\.$/u, '')}. Correct the settings under slurm.`;
}

export const noPartition = (name: string, known: readonly string[]): string =>
  `The cluster has no partition ${printableLine(name)}. ${known.length === 0 ? 'sinfo lists those that it has' : `It has ${known.map(printableLine).join(', ')}`}: correct slurm.partition.`;

/** `Key=value` words of `scontrol`. */
export function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/(?<=^|\s)([\w:/-]+)\s*=\s*(\S*)/gmu)].map(([, key = '', value = '']) => [key, value]),
  );
}
