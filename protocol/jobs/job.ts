/** A run that goes on without the window that started it: what its folder holds, and how it stands. */
import { analysisRequest } from '../analysis/schema';
import { check, type Checked, type Output } from '../schema/check';
import { exactly, fieldsIn, filledText, list, number, object, optional, text, whole } from '../schema/fields';
import type { Failure } from '../wire/failures';
import { parseJsonText } from '../wire/json-text';

const jobFile = object({
  kind: exactly('headscope-job'),
  version: exactly(1),
  /** ISO 8601 */
  created: filledText,
  title: text,
  /** Name of the model; empty where it trains its own. */
  model: text,
  /** Folders of the window that started it: another window with one of them shows it too. Empty: no folder was open. */
  workspace: list(text, 'a list of folders'),
  request: analysisRequest,
});
export type JobDescription = Output<typeof jobFile>;

/** How far a job is. */
const jobStage = object({
  sentence: text,
  /** 0..1 */
  share: number,
  secondsLeft: optional(number),
  /** Steps on disk. */
  kept: whole,
  note: optional(text),
});
type JobStage = Output<typeof jobStage>;

/**
 * `starting`: its process has not begun; `gone`: its process ended without a result, as when it was killed or the machine was
 * restarted.
 */
export type JobState = 'starting' | 'running' | 'stopping' | 'done' | 'failed' | 'cancelled' | 'gone';

export function parseJob(content: string | undefined): Checked<JobDescription> {
  const json = content === undefined ? undefined : parseJsonText(content);
  if (!json?.ok) return { ok: false, why: 'The file of the job cannot be read.' };
  return check(jobFile, json.value, 'The job');
}

export function parseStage(content: string | undefined): JobStage | undefined {
  const json = content === undefined ? undefined : parseJsonText(content);
  const read = json?.ok ? check(jobStage, json.value) : undefined;
  return read?.ok ? read.result : undefined;
}

/** Milliseconds until a job whose process has not begun will not begin any more. */
const longestStart = 30_000;

interface JobSigns {
  readonly created: string;
  readonly lock: 'free' | 'held' | 'stale';
  readonly hasResult: boolean;
  /** Code of its failure. */
  readonly failure: string | undefined;
  readonly stopAsked: boolean;
}

export function stateOfJob({ created, lock, hasResult, failure, stopAsked }: JobSigns, now: number): JobState {
  if (hasResult) return 'done';
  if (failure !== undefined) return failure === 'cancelled' ? 'cancelled' : 'failed';
  if (lock === 'stale') return stopAsked ? 'cancelled' : 'gone';
  if (lock === 'held') return stopAsked ? 'stopping' : 'running';
  return now - Date.parse(created) < longestStart ? 'starting' : 'gone';
}

/** The process of a job is gone: said by the tab of the run, and by `headscope jobs`. */
export const goneWords =
  'its process ended without a result, as when it is killed or the machine is restarted; steps that it had finished are kept';

export const stateWords: { readonly [State in JobState]: string } = {
  starting: 'starts',
  running: 'runs',
  stopping: 'stops after its current step',
  done: 'done',
  failed: 'failed',
  cancelled: 'stopped',
  gone: 'gone',
};

const codes: { readonly [Code in Failure['code']]: true } = {
  'bad-request': true,
  unsupported: true,
  'device-unavailable': true,
  'out-of-memory': true,
  'model-unusable': true,
  'kernel-file': true,
  'runtime-failed': true,
  cancelled: true,
  'compute-restarted': true,
  'compute-unavailable': true,
  internal: true,
};

/** How a job failed, as its process wrote it. */
export function parseFailure(content: string | undefined): Failure | undefined {
  const json = content === undefined ? undefined : parseJsonText(content);
  if (json === undefined) return undefined;
  const { code } = fieldsIn(json.ok ? json.value : undefined);
  const isKnown = json.ok && typeof code === 'string' && Object.hasOwn(codes, code);
  return isKnown
    ? (json.value as Failure)
    : { code: 'internal', detail: 'what the job said of its failure cannot be read' };
}
