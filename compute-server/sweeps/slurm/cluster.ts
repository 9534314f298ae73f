/** What a cluster accepts: the limits of its configuration and of one partition, and whether a cell can ever run there. */
import type { SweepFile } from '../../../protocol/sweeps/sweep-file';
import { timeInWords } from '../../../protocol/wire/quantities';
import { counted } from '../../../protocol/wire/number-words';
import { EngineRefusal, type Capacity, type TaskResources } from '../engine';
import { ask, fieldsOf, noPartition, outputOf } from './commands';

export interface Cluster {
  readonly capacity: Capacity;
  /** Time limit of the partition; undefined if it has none. */
  readonly mostSeconds: number | undefined;
}

/** Munge takes no credential that is older, in seconds (munge(7)). */
const longestCredential = 300;
/** The largest share of MaxJobCount that one sweep may take, because other people submit jobs too. */
const shareOfJobs = 0.5;

/** Throws EngineRefusal. */
export async function clusterFor({ slurm = {} }: SweepFile, resources: TaskResources): Promise<Cluster> {
  const config = await outputOf('scontrol', ['show', 'config']);
  requireClock(config, Date.now());
  const limits = fieldsOf(config);
  const partition = await partitionOf(slurm.partition);
  const { memoryBytes, secondsOfCell } = resources;
  const mostSeconds = secondsOfLimit(partition.get('MaxTime') ?? '');
  const name = partition.get('PartitionName') ?? '';
  if (secondsOfCell !== undefined && mostSeconds !== undefined && secondsOfCell > mostSeconds) {
    throw new EngineRefusal(
      `A cell may take ${timeInWords(secondsOfCell)}, but the partition ${name} ends jobs after ${timeInWords(mostSeconds)}. Lower resources.time, or choose another partition.`,
    );
  }
  const nodes = await nodesOf(name);
  const threads = Math.max(1, resources.threads);
  const megabytes = (memoryBytes ?? 0) / 2 ** 20;
  const fitting = nodes.filter(({ processors, memory }) => processors >= threads && memory >= megabytes);
  if (fitting.length === 0) {
    const [processors, memory] = [
      Math.max(0, ...nodes.map((node) => node.processors)),
      Math.max(0, ...nodes.map((node) => node.memory)),
    ];
    throw new EngineRefusal(
      `No node of the partition ${name} has what a cell needs (${counted(threads, 'thread', 'threads')}, ${Math.ceil(megabytes)} MiB): the largest has ${counted(processors, 'processor', 'processors')} and ${memory} MiB. Lower the values under resources, or choose another partition.`,
    );
  }
  await requireAccount(slurm.account);
  const ofArray = Number(limits.get('MaxArraySize') ?? 1001);
  const ofJobs = Math.floor(Number(limits.get('MaxJobCount') ?? 10_000) * shareOfJobs);
  const mostTasks = Math.min(ofArray, ofJobs, await mostSubmitted(slurm.account), slurm.tasks ?? Infinity);
  if (!(mostTasks >= 1)) {
    throw new EngineRefusal(
      `The cluster accepts no job arrays (MaxArraySize is ${limits.get('MaxArraySize') ?? 'not set'}). Ask its administrators, or choose another engine with --engine.`,
    );
  }
  const atOnce = fitting.reduce((sum, node) => sum + Math.floor(node.processors / threads), 0);
  return { capacity: { mostTasks, atOnce: Math.max(1, atOnce) }, mostSeconds };
}

/** The first line says what time it is at the controller, in the zone of this machine. */
function requireClock(config: string, now: number): void {
  const time = /as of (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)/u.exec(config)?.[1];
  const ahead = time === undefined ? 0 : (Date.parse(time) - now) / 1000;
  if (Math.abs(ahead) < longestCredential) return;
  throw new EngineRefusal(
    `The clock of the cluster is ${timeInWords(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} this machine's, and Slurm rejects credentials that are ${longestCredential / 60} minutes off. Synchronise the clocks, or submit on a login node.`,
  );
}

async function partitionOf(asked: string | undefined): Promise<ReadonlyMap<string, string>> {
  const text = await outputOf('scontrol', ['show', 'partition', '-o']);
  const all = text
    .split('\n')
    .filter((line) => line.includes('PartitionName='))
    .map(fieldsOf);
  const names = all.map((one) => one.get('PartitionName') ?? '');
  const found = all.find((one) =>
    asked === undefined ? one.get('Default') === 'YES' : one.get('PartitionName') === asked,
  );
  if (found === undefined) {
    throw new EngineRefusal(
      asked === undefined
        ? `The cluster has no default partition. Set slurm.partition to one of ${names.join(', ')}.`
        : noPartition(asked, names),
    );
  }
  const state = found.get('State');
  if (state !== undefined && state !== 'UP') {
    throw new EngineRefusal(
      `The partition ${found.get('PartitionName')} starts no jobs at the moment (${state}). Choose another one with slurm.partition, or submit later.`,
    );
  }
  return found;
}

interface Node {
  readonly processors: number;
  /** MiB; Infinity where Slurm does not know it. */
  readonly memory: number;
}

async function nodesOf(partition: string): Promise<readonly Node[]> {
  const text = await outputOf('sinfo', ['-h', '-N', '-p', partition, '-o', '%N|%c|%m']);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, processors = '', memory = ''] = line.split('|');
      // A cluster that does not hand out memory says 1 for what it does not know.
      const megabytes = Number.parseInt(memory, 10);
      return { processors: Number.parseInt(processors, 10), memory: megabytes > 1 ? megabytes : Infinity };
    });
}

/** Checks the account if the cluster has accounts. A cluster without them accepts any. */
async function requireAccount(account: string | undefined): Promise<void> {
  if (account === undefined) return;
  const answer = await ask('sacctmgr', ['-n', '-P', 'show', 'assoc', `user=${user()}`, 'format=Account']).catch(
    () => undefined,
  );
  if (answer?.code !== 0) return;
  const known = [...new Set(answer.stdout.split('\n').filter((line) => line !== ''))];
  if (known.length === 0 || known.includes(account)) return;
  throw new EngineRefusal(
    `You may not use the account ${account}. Yours are ${known.join(', ')}: correct slurm.account.`,
  );
}

/** The most jobs that the person may have in the queue; Infinity if no limit is known. */
async function mostSubmitted(account: string | undefined): Promise<number> {
  const of = account === undefined ? [] : [`account=${account}`];
  const words = ['-n', '-P', 'show', 'assoc', `user=${user()}`, ...of, 'format=MaxSubmitJobs'];
  const answer = await ask('sacctmgr', words).catch(() => undefined);
  if (answer?.code !== 0) return Infinity;
  const limits = answer.stdout.split('\n').flatMap((line) => (/^\d+$/u.test(line.trim()) ? [Number(line)] : []));
  return limits.length === 0 ? Infinity : Math.min(...limits);
}

const user = (): string => process.env['USER'] ?? process.env['LOGNAME'] ?? 'root';

/** `2-12:00:00`, `01:30:00`, `30:00` or `30`, in seconds; undefined: no limit. */
export function secondsOfLimit(text: string): number | undefined {
  const parts = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/u.exec(text);
  if (parts === null) return undefined;
  const [, days = '0', first = '0', second, third] = parts;
  const numbers = [first, second, third].filter((one) => one !== undefined).map(Number);
  // Without days: minutes, minutes:seconds or hours:minutes:seconds; with them hours come first (sbatch(1)).
  const [hours, minutes, seconds] =
    parts[1] !== undefined || numbers.length === 3
      ? [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0]
      : [0, numbers[0] ?? 0, numbers[1] ?? 0];
  return Number(days) * 86_400 + hours * 3600 + minutes * 60 + seconds;
}
