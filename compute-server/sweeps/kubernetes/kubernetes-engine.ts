/**
 * The engine of a Kubernetes cluster: an Indexed Job for each stage, each index a task. Kubernetes starts a pod that died again. Jobs have no
 * dependencies there, so that of a later stage is made suspended, and resumed by the first look at its status after the stage before has
 * ended.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import type { SweepFile } from '../../../protocol/sweeps/sweep-file';
import { whatKubernetesLacks } from '../../../protocol/sweeps/sweep-faults';
import { EngineRefusal, type EngineHandle, type Submission, type SweepEngine, type TaskState } from '../engine';
import { isBelow } from '../opened-sweep';
import type { Connected } from './kubernetes-client';
import {
  folderAnnotation,
  jobName,
  jobOf,
  logFile,
  markLabel,
  mostTasks,
  podOf,
  usualPods,
  type PlacedSettings,
} from './manifest';
import { indexesIn, podsByIndex, stateOfIndex } from './pod-states';
import { codeOf, messageOf, refusalOf, type Place } from './refusals';

interface StageJob {
  readonly first: number;
  readonly count: number;
  readonly job: string;
}

type Handle = EngineHandle & {
  readonly namespace: string;
  readonly context?: string;
  readonly stages: readonly StageJob[];
};

type Cluster = Connected & Place;

/** Since it counts failures by index (KEP 3850, on by default). */
const oldestMinor = 29;
/** Pods end within terminationGracePeriodSeconds, 30 s by default. */
const longestEndMs = 120_000;
const podsOfPage = 500;

export interface Places {
  /** The folder of the sweep. */
  readonly folder: string;
  /** The first path of a cell that does not lie below a folder. */
  readonly pathOutside: (folder: string) => string | undefined;
}

export function kubernetesEngine(sweep: SweepFile, { folder, pathOutside }: Places): SweepEngine {
  const { kubernetes = {} } = sweep;
  const settings = (): PlacedSettings => {
    const why = whatKubernetesLacks(sweep);
    if (why !== undefined) throw new EngineRefusal(why);
    return kubernetes as PlacedSettings;
  };
  const cluster = (kept: Partial<Handle> = {}): Promise<Cluster> =>
    connected(kept.context ?? kubernetes.context, kept.namespace ?? kubernetes.namespace);
  return {
    id: 'kubernetes',
    async plan(_, resources) {
      try {
        const placed = settings();
        requireShared(placed.mount, folder, pathOutside(placed.mount));
        const own = await cluster();
        await requireVersion(own);
        const trial = { title: '', folder, number: 0, ownFolder: folder, command: [], resources, stages: [], tries: 1 };
        const body = jobOf(trial, { first: 0, count: 1, cellsOfTask: 1 }, placed, {
          name: jobName('trial', randomBytes(4).toString('hex'), 0),
          suspend: false,
        });
        const { namespace } = own;
        await asked(own, 'create jobs', () => own.batch.createNamespacedJob({ namespace, body, dryRun: 'All' }));
        await requireVolume(own, placed.volume);
        await requireQuota(own, placed, resources);
        const atOnce = placed.pods ?? usualPods;
        return { ok: true, capacity: { mostTasks: Math.min(mostTasks, placed.tasks ?? mostTasks), atOnce } };
      } catch (error) {
        if (!(error instanceof EngineRefusal)) throw error;
        return { ok: false, why: error.message };
      }
    },
    async submit(submission) {
      const placed = settings();
      const own = await cluster();
      const { namespace } = own;
      await mkdir(join(submission.ownFolder, 'logs'), { recursive: true });
      const unique = randomBytes(4).toString('hex');
      const stages: StageJob[] = [];
      try {
        for (const stage of submission.stages) {
          const name = jobName(submission.title, unique, stages.length);
          const body = jobOf(submission, stage, placed, { name, suspend: stages.length > 0 });
          stages.push({ first: stage.first, count: stage.count, job: name });
          await created(own, body, name);
        }
      } catch (error) {
        // Without the rest, the first stages would run for nothing.
        for (const { job } of stages) await removed(own, job, submission.folder).catch(() => undefined);
        throw error;
      }
      return { namespace, ...(kubernetes.context === undefined ? {} : { context: kubernetes.context }), stages };
    },
    async status(submission, handle) {
      const kept = handle as Handle;
      return statesOf(await cluster(kept), submission, kept, kubernetes);
    },
    async cancel(submission, handle) {
      const kept = handle as Handle;
      const own = await cluster(kept);
      const jobs = kept.stages.map(({ job }) => job);
      // The last stage first: one that is gone is not resumed.
      for (const job of [...jobs].reverse()) await removed(own, job, submission.folder);
      const selector = `batch.kubernetes.io/job-name in (${jobs.join(',')})`;
      for (const until = Date.now() + longestEndMs; Date.now() < until; await pause(500)) {
        const { items } = await asked(own, 'list pods', () =>
          own.core.listNamespacedPod({ namespace: own.namespace, labelSelector: selector, limit: 1 }),
        );
        if (items.length === 0) return;
      }
      throw new EngineRefusal(
        `Kubernetes has not ended all pods of ${submission.title} yet. kubectl get pods -n ${own.namespace} -l "${selector}" shows them; cancel again.`,
      );
    },
  };
}

/** Throws an EngineRefusal. */
async function connected(context: string | undefined, namespace: string | undefined): Promise<Cluster> {
  const file = join(homedir(), '.kube', 'config');
  const inCluster = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  if (!process.env['KUBECONFIG'] && !existsSync(file) && !existsSync(inCluster)) {
    throw new EngineRefusal(
      `There is no kubeconfig: KUBECONFIG is not set, and ${file} does not exist. Log in to the cluster, or choose another engine with --engine.`,
    );
  }
  const { connect } = await import('./kubernetes-client').catch((error: unknown) => {
    if (!/MODULE_NOT_FOUND$/u.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new EngineRefusal(
      'This installation has no client of Kubernetes. Use the package that npm run package:cli makes, or choose another engine with --engine.',
    );
  });
  let connection: ReturnType<typeof connect>;
  try {
    connection = connect(context);
  } catch (error) {
    const why = messageOf(error).replace(/\.?$/u, '.');
    throw new EngineRefusal(`The kubeconfig cannot be read: ${why} Correct it, or set KUBECONFIG to another one.`);
  }
  if (!connection.ok) {
    const known = connection.contexts.length === 0 ? 'none' : connection.contexts.join(', ');
    const which = context === undefined ? 'no current context' : `no context ${context} with a cluster`;
    throw new EngineRefusal(`The kubeconfig has ${which}. It has ${known}: set kubernetes.context to one of them.`);
  }
  return { ...connection, namespace: namespace ?? connection.namespace ?? 'default' };
}

/** Throws an EngineRefusal if the request fails. */
async function asked<T>(place: Place, doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw refusalOf(error, doing, place);
  }
}

function requireShared(mount: string, folder: string, outside: string | undefined): void {
  if (!existsSync(mount)) {
    throw new EngineRefusal(
      `This machine has no folder ${mount}, where pods see the volume. Mount the volume there, because results are read from it, or correct kubernetes.mount.`,
    );
  }
  for (const path of [folder, outside]) {
    if (path === undefined || isBelow(mount, path)) continue;
    throw new EngineRefusal(
      `${path} is not below ${mount}, so pods do not see it. Put the sweep, its models and its files on the volume.`,
    );
  }
}

async function requireVersion(own: Cluster): Promise<void> {
  const { major, minor, gitVersion } = await asked(own, 'ask for the version', () => own.version.getCode());
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= oldestMinor) return;
  throw new EngineRefusal(
    `The cluster runs Kubernetes ${gitVersion}, but sweeps need 1.${oldestMinor} or later. Choose another cluster with kubernetes.context, or another engine with --engine.`,
  );
}

async function requireVolume(own: Cluster, name: string): Promise<void> {
  const { namespace } = own;
  try {
    const { spec } = await own.core.readNamespacedPersistentVolumeClaim({ namespace, name });
    const modes = spec?.accessModes ?? [];
    if (modes.length === 0 || modes.some((mode) => mode.startsWith('ReadWrite'))) return;
  } catch (error) {
    if (codeOf(error) === 404) {
      throw new EngineRefusal(
        `The namespace ${namespace} has no volume claim ${name}. kubectl get pvc -n ${namespace} lists those that it has: correct kubernetes.volume.`,
      );
    }
    // Who may start jobs need not be allowed to read claims.
    if (codeOf(error) === 403) return;
    throw refusalOf(error, 'read volume claims', own);
  }
  throw new EngineRefusal(
    `Pods cannot write to the volume claim ${name}: it is read-only. Use one with ReadWriteMany under kubernetes.volume.`,
  );
}

/** A pod that the quota or the limits of the namespace can never allow is refused now: its Job would wait without a word. */
async function requireQuota(own: Cluster, placed: PlacedSettings, resources: Submission['resources']): Promise<void> {
  const { namespace } = own;
  const body: V1Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'headscope-trial-', labels: { [markLabel]: 'headscope' } },
    spec: podOf(placed, resources, 'exit 0'),
  };
  try {
    await own.core.createNamespacedPod({ namespace, body, dryRun: 'All' });
  } catch (error) {
    // Who may start jobs need not be allowed to start pods.
    if (codeOf(error) === 403 && /cannot create resource/iu.test(messageOf(error))) return;
    throw refusalOf(error, 'create pods', own);
  }
}

/** If no answer came, the name of the job shows whether the cluster has it. */
async function created(own: Cluster, body: V1Job, name: string): Promise<void> {
  const { namespace } = own;
  try {
    await own.batch.createNamespacedJob({ namespace, body });
  } catch (error) {
    const there = await own.batch.readNamespacedJob({ namespace, name }).catch(() => undefined);
    if (there === undefined) throw refusalOf(error, 'create jobs', own);
  }
}

/** Deletes a job of this sweep with its pods. */
async function removed(own: Cluster, name: string, folder: string): Promise<void> {
  const { namespace } = own;
  try {
    const { metadata } = await own.batch.readNamespacedJob({ namespace, name });
    if (metadata?.annotations?.[folderAnnotation] !== folder) return;
    await own.batch.deleteNamespacedJob({ namespace, name, propagationPolicy: 'Foreground' });
  } catch (error) {
    if (codeOf(error) !== 404) throw refusalOf(error, 'delete jobs', own);
  }
}

async function jobNamed(own: Cluster, name: string): Promise<V1Job | undefined> {
  try {
    return await own.batch.readNamespacedJob({ namespace: own.namespace, name });
  } catch (error) {
    if (codeOf(error) === 404) return undefined;
    throw refusalOf(error, 'read jobs', own);
  }
}

/** Pods of a job that have not succeeded. */
async function openPods(own: Cluster, job: string): Promise<readonly V1Pod[]> {
  const pods: V1Pod[] = [];
  let next: string | undefined;
  do {
    const page = await asked(own, 'list pods', () =>
      own.core.listNamespacedPod({
        namespace: own.namespace,
        labelSelector: `batch.kubernetes.io/job-name=${job}`,
        fieldSelector: 'status.phase!=Succeeded',
        limit: podsOfPage,
        ...(next === undefined ? {} : { _continue: next }),
      }),
    );
    pods.push(...page.items);
    next = page.metadata?._continue || undefined;
  } while (next !== undefined);
  return pods;
}

async function statesOf(
  own: Cluster,
  { folder, ownFolder }: Submission,
  { stages }: Handle,
  { image = '', volume = '', mount = '' }: NonNullable<SweepFile['kubernetes']>,
): Promise<ReadonlyMap<number, TaskState>> {
  const states = new Map<number, TaskState>();
  let before = true;
  for (const { first, count, job: name } of stages) {
    const job = await jobNamed(own, name);
    // Finished jobs are deleted after a week, and people delete them too.
    if (!job) continue;
    const isSuspended = job.spec?.suspend === true;
    if (isSuspended && before) await resumed(own, name);
    const newest = podsByIndex(isSuspended ? [] : await openPods(own, name));
    const known = { completed: indexesIn(job.status?.completedIndexes), failed: indexesIn(job.status?.failedIndexes) };
    const named = {
      image,
      volume,
      mount,
      folder,
      said: (index: number) => lastLine(logFile(ownFolder, first + index)),
    };
    for (let index = 0; index < count; index++) {
      const state = await stateOfIndex(index, job, newest.get(index), known, named);
      states.set(first + index, state);
      if (state.state === 'waiting' || state.state === 'running') before = false;
    }
  }
  return states;
}

async function resumed(own: Cluster, name: string): Promise<void> {
  const body = [{ op: 'replace', path: '/spec/suspend', value: false }];
  await asked(own, 'change jobs', () => own.batch.patchNamespacedJob({ namespace: own.namespace, name, body }));
}

const tailBytes = 400;

async function lastLine(file: string): Promise<string> {
  const log = await readFile(file, 'utf8').catch(() => '');
  return log.slice(-tailBytes).trim().split('\n').at(-1) ?? '';
}
