/** The states of tasks by Kubernetes: from the status of their Job, and from the pods of those that have not succeeded. */
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { timeInWords } from '../../../protocol/wire/quantities';
import { printableLine } from '../../../protocol/wire/printable';
import type { TaskState } from '../engine';
import { containerName, lacks } from './manifest';

/** `1,3-5,7`, as the status of an Indexed Job writes indexes. */
export function indexesIn(text: string | undefined): ReadonlySet<number> {
  const all = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/u.exec(part.trim()) ?? [];
    if (first === undefined) continue;
    for (let index = Number(first); index <= Number(last); index++) all.add(index);
  }
  return all;
}

/** The newest pod of each index. */
export function podsByIndex(pods: readonly V1Pod[]): ReadonlyMap<number, V1Pod> {
  const newest = new Map<number, V1Pod>();
  for (const pod of pods) {
    const text = pod.metadata?.annotations?.['batch.kubernetes.io/job-completion-index'];
    if (text === undefined || !/^\d+$/u.test(text)) continue;
    const before = newest.get(Number(text));
    if (!before || startOf(pod) >= startOf(before)) newest.set(Number(text), pod);
  }
  return newest;
}

const startOf = ({ metadata }: V1Pod): number => metadata?.creationTimestamp?.getTime() ?? 0;

/** What the reasons name. */
export interface Named {
  readonly image: string;
  readonly volume: string;
  readonly mount: string;
  readonly folder: string;
  /** What a task wrote last. */
  readonly said: (index: number) => Promise<string>;
}

export async function stateOfIndex(
  index: number,
  job: V1Job,
  pod: V1Pod | undefined,
  known: { readonly completed: ReadonlySet<number>; readonly failed: ReadonlySet<number> },
  named: Named,
): Promise<TaskState> {
  if (known.completed.has(index)) return { state: 'ended' };
  if (known.failed.has(index)) return died(await endInWords(pod, named, index));
  const failed = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (failed)
    return died(`Kubernetes ended its job (${printableLine(failed.message ?? failed.reason ?? 'no reason')})`);
  switch (pod?.status?.phase) {
    case 'Running':
      return { state: 'running' };
    case 'Pending': {
      const why = waitingFor(pod, named);
      return { state: 'waiting', ...(why === undefined ? {} : { why }) };
    }
    case undefined:
    default:
      // Its pod has not been made yet, or failed and is made again.
      return { state: 'waiting' };
  }
}

const died = (reason: string): TaskState => ({ state: 'died', reason: ended(reason) });
const ended = (text: string): string => text.replace(/\.?$/u, '.');

/** Why a pod does not start, as a sentence; undefined where it is only a matter of time. */
function waitingFor({ status, metadata }: V1Pod, { image, volume }: Named): string | undefined {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  const said = printableLine(waiting?.message ?? '').slice(0, 300);
  switch (waiting?.reason) {
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'InvalidImageName':
    case 'ErrImageNeverPull':
      return `Its node cannot fetch the image ${image} (${said || waiting.reason}). Correct kubernetes.image or kubernetes.pullSecrets, cancel the sweep and submit it again.`;
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return `Its container cannot be made (${said || waiting.reason}). Correct the image, cancel the sweep and submit it again.`;
    case undefined:
    default:
      break;
  }
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const message = printableLine(scheduled.message ?? '').slice(0, 300);
    const isVolume = /persistentvolumeclaim|volume/iu.test(message);
    const step = isVolume
      ? `Check the volume claim ${volume} with kubectl describe pvc`
      : 'It starts when a node has room. If none ever has, cancel the sweep, lower the values under resources and submit it again';
    return `No node takes it yet: ${ended(message)} ${step}.`;
  }
  const longest = 300;
  const since = metadata?.creationTimestamp ? (Date.now() - metadata.creationTimestamp.getTime()) / 1000 : 0;
  if (waiting?.reason === 'ContainerCreating' && since > longest) {
    return `Its container has been starting for ${timeInWords(since)}. A volume that only one node may mount is a usual reason: kubectl describe pod ${metadata?.name ?? ''} shows more.`;
  }
  return undefined;
}

async function endInWords(pod: V1Pod | undefined, named: Named, index: number): Promise<string> {
  const { status, spec } = pod ?? {};
  const terminated = status?.containerStatuses?.find(({ name }) => name === containerName)?.state?.terminated;
  const node = spec?.nodeName === undefined ? 'its node' : `the node ${printableLine(spec.nodeName)}`;
  const { image, volume, mount, folder } = named;
  const said = async (): Promise<string> => {
    const line = printableLine(await named.said(index));
    return line === '' ? '' : ` It said: ${line}`;
  };
  if (terminated?.reason === 'OOMKilled') return 'It exceeded the memory of its pod. Raise resources.memory';
  if (status?.reason === 'DeadlineExceeded') return 'It exceeded its time limit. Raise resources.time';
  if (status?.reason === 'Evicted')
    return `It was evicted from ${node} (${printableLine(status.message ?? '')}). Raise resources.memory`;
  switch (terminated?.exitCode) {
    case undefined:
      return `Its pod failed on ${node}${status?.message === undefined ? '' : ` (${printableLine(status.message)})`}`;
    case lacks.folder:
      return `The volume ${volume} at ${mount} does not hold ${folder}. Put the sweep on the volume, and set kubernetes.mount to where this machine sees it`;
    case lacks.room:
      return `Its pod cannot write to ${folder}. Free space on the volume, or correct the permissions of the folder`;
    case lacks.program:
      return `The image ${image} has no headscope on its PATH. Build it with the Dockerfile of docs/sweeps.md`;
    case lacks.start:
      return `Headscope does not start in the image ${image}. Build it for the processors of the nodes.${await said()}`;
    case lacks.version:
      return `The image ${image} has another version of Headscope than this machine. Build it from the same version.${await said()}`;
    default:
      return `Its process ended with exit code ${terminated?.exitCode} on ${node}.${await said()}`;
  }
}
