/**
 * The Job of a stage: an Indexed Job, each index a task. Its pods see the volume of the sweep at the same path as this machine, so that all
 * paths hold. The script of a pod checks that it has what it needs, and its exit code says what is missing.
 */
import { join } from 'node:path';
import type { V1Job, V1PodSpec } from '@kubernetes/client-node';
import type { SweepFile } from '../../../protocol/sweeps/sweep-file';
import { headscopeVersion } from '../../version';
import type { Stage, Submission, TaskResources } from '../engine';

type KubernetesSettings = NonNullable<SweepFile['kubernetes']>;

/** What the engine cannot do without. */
export type PlacedSettings = KubernetesSettings & Required<Pick<KubernetesSettings, 'image' | 'volume' | 'mount'>>;

/** Exit codes of the script for what the pod lacks. No program that a task starts uses them. */
export const lacks = { folder: 97, program: 98, start: 96, room: 95, version: 94 } as const;

/** A process of Headscope beside the cell, and what the system keeps for both. */
const besideCell = 256 * 2 ** 20;
/** Seconds that a finished Job is kept, for people who look at it. */
const keptSeconds = 7 * 86_400;
/** Pods that run at the same time where the sweep does not say. */
export const usualPods = 8;
/** Completions of an Indexed Job: the status of a larger one, and the list of its pods, grow too long. */
export const mostTasks = 10_000;

export const containerName = 'headscope';
export const markLabel = 'app.kubernetes.io/managed-by';
/** The folder of the sweep: an annotation, because a label has at most 63 characters. */
export const folderAnnotation = 'headscope/sweep';

export const logFile = (ownFolder: string, task: number): string => join(ownFolder, 'logs', `${task}.txt`);

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A name of at most 40 characters, so that those of its pods, with index and suffix, stay below 63. */
export function jobName(title: string, unique: string, stage: number): string {
  const slug = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, '-')
    .slice(0, 16)
    .replace(/^-|-$/gu, '');
  return ['headscope', ...(slug === '' ? [] : [slug]), unique, String(stage)].join('-');
}

/** `name`: of the Job; a later stage waits (`suspend`) until it is resumed. */
export function jobOf(
  submission: Submission,
  { first, count, cellsOfTask }: Stage,
  settings: PlacedSettings,
  { name, suspend }: { readonly name: string; readonly suspend: boolean },
): V1Job {
  // Each start of a task ends at least one cell. Without a limit, a task that cannot start would be started again endlessly.
  const starts = submission.tries * Math.max(1, cellsOfTask);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      labels: { [markLabel]: 'headscope' },
      annotations: { [folderAnnotation]: submission.folder },
    },
    spec: {
      completionMode: 'Indexed',
      completions: count,
      parallelism: Math.min(count, settings.pods ?? usualPods),
      suspend,
      backoffLimitPerIndex: starts - 1,
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: keptSeconds,
      podFailurePolicy: {
        rules: [
          // What a pod lacks, the next one lacks as well.
          {
            action: 'FailIndex',
            onExitCodes: { containerName, operator: 'In', values: [...Object.values(lacks)].sort((a, b) => a - b) },
          },
          // Its node is drained or gone, or another pod takes its place.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: {
        metadata: { labels: { [markLabel]: 'headscope' } },
        spec: podOf(settings, submission.resources, taskScript(submission, first)),
      },
    },
  };
}

/** The pod of a task, with the rights of the person who submits: it writes into their folder. */
export function podOf(settings: PlacedSettings, resources: TaskResources, script: string): V1PodSpec {
  const { image, volume, mount, nodeSelector, tolerations = [], pullSecrets = [], gpu = 'nvidia.com/gpu' } = settings;
  const { threads, memoryBytes, gpus } = resources;
  const memory = memoryBytes === undefined ? {} : { memory: `${Math.ceil((memoryBytes + besideCell) / 2 ** 20)}Mi` };
  const devices = gpus > 0 ? { [gpu]: String(gpus) } : {};
  const [user = 0, group = 0] = [process.getuid?.(), process.getgid?.()];
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(nodeSelector ? { nodeSelector: { ...nodeSelector } } : {}),
    ...(tolerations.length > 0 ? { tolerations: tolerations.map((key) => ({ key, operator: 'Exists' })) } : {}),
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
    securityContext: {
      ...(user > 0 ? { runAsNonRoot: true, runAsUser: user, runAsGroup: group } : {}),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: containerName,
        image,
        command: ['/bin/sh', '-c', script],
        // The user of the person need not be one of the image, and has no home there.
        env: [
          { name: 'HOME', value: '/tmp' },
          { name: 'HEADSCOPE_CACHE_DIR', value: '/tmp/headscope-cache' },
        ],
        resources: {
          requests: { cpu: String(Math.max(1, threads)), ...memory, ...devices },
          limits: { ...memory, ...devices },
        },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'sweep', mountPath: mount }],
      },
    ],
    volumes: [{ name: 'sweep', persistentVolumeClaim: { claimName: volume } }],
  };
}

/** Kubernetes gives a pod of an Indexed Job its index in JOB_COMPLETION_INDEX. */
function taskScript({ ownFolder, command }: Submission, first: number): string {
  // The program and script of this machine are those of the image there.
  const words = ['headscope', ...command.slice(2)].map(quoted).join(' ');
  return `task=$((${first} + JOB_COMPLETION_INDEX))
own=${quoted(ownFolder)}
[ -d "$own/logs" ] || exit ${lacks.folder}
: >>"$own/logs/$task.txt" || exit ${lacks.room}
exec >>"$own/logs/$task.txt" 2>&1
command -v headscope >/dev/null || exit ${lacks.program}
there=$(headscope --version) || exit ${lacks.start}
[ "$there" = ${quoted(headscopeVersion)} ] || { echo "$there"; exit ${lacks.version}; }
exec ${words} "$task"
`;
}
