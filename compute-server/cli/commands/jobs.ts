import { JobFolders, jobsRoot, type JobFolder } from '../../../files/job-folder';
import {
  goneWords,
  parseFailure,
  parseJob,
  parseStage,
  stateOfJob,
  stateWords,
  type JobState,
} from '../../../protocol/jobs/job';
import { printableLine } from '../../../protocol/wire/printable';
import { sentenceOf } from '../../../protocol/wire/words';
import { CommandError, exitCodes } from '../exit-codes';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { textTable } from '../table';

interface JobRow {
  readonly id: string;
  readonly title: string;
  readonly model: string;
  readonly state: JobState;
  readonly created: string;
  /** Folders of the window that started it. */
  readonly workspace: readonly string[];
  readonly sentence?: string;
  /** 0..1 */
  readonly share?: number;
  readonly secondsLeft?: number;
  readonly pid?: number;
  readonly host?: string;
  /** Seconds since its process gave a sign of life. */
  readonly heard?: number;
  /** Path of the result. */
  readonly result?: string;
  /** Why there is none. */
  readonly reason?: string;
}

/** headscope jobs: runs that go on without the window that started them. */
export const jobs: Registration = (program, session) => {
  const folders = new JobFolders(jobsRoot(process.env));
  const command = program
    .command('jobs')
    .description('List the runs that go on without the window that started them, and how those that ended did so.')
    .addOption(jsonOption())
    .action(async ({ json }: { readonly json?: string }) => {
      const rows = (await Promise.all((await folders.list()).map(rowOf))).filter((row) => row !== undefined);
      if (json !== undefined) await session.writeJson(json, { jobs: rows });
      if (json !== '-') session.print(rows.length === 0 ? nothing : asText(rows));
    });
  command
    .command('stop')
    .description('Stop a run: after its current step, or at once where that takes longer than a second or two.')
    .argument('<id>', 'as "headscope jobs" lists it; its first characters are enough')
    .action(async (id: string) => {
      const found = (await folders.list()).filter((folder) => folder.id.startsWith(id));
      const [folder, other] = found;
      if (folder === undefined) {
        throw new CommandError(
          exitCodes.wrongUsage,
          `There is no job ${printableLine(id)}. "headscope jobs" lists those that there are.`,
        );
      }
      if (other !== undefined) {
        throw new CommandError(
          exitCodes.wrongUsage,
          `${found.length} jobs begin with ${printableLine(id)}. Give more of the id.`,
        );
      }
      const before = (await rowOf(folder))?.state ?? 'gone';
      if (before === 'starting' || before === 'running' || before === 'stopping') await folder.stop();
      const after = (await rowOf(folder))?.state ?? 'gone';
      session.print(
        before === after
          ? `${folder.id} has ended before: ${stateWords[after]}.`
          : `${folder.id}: ${stateWords[after]}.`,
      );
    });
};

const nothing = 'There are no jobs. A run of the workbench becomes one with "Keep running when the window closes".';

async function rowOf(folder: JobFolder): Promise<JobRow | undefined> {
  const job = parseJob(await folder.read('job'));
  if (!job.ok) return undefined;
  const { title, model, created, workspace } = job.result;
  // Before what it has written: a job that ends in between has written its end.
  const lock = await folder.lock();
  const [hasResult, stopAsked] = [await folder.has('result'), await folder.has('stop')];
  const failure = parseFailure(await folder.read('failure'));
  const state = stateOfJob({ created, lock: lock.state, hasResult, failure: failure?.code, stopAsked }, Date.now());
  const goesOn = state === 'starting' || state === 'running' || state === 'stopping';
  const stage = goesOn ? parseStage(await folder.read('stage')) : undefined;
  const reason = failure ? sentenceOf(failure) : state === 'gone' ? goneWords : undefined;
  return {
    id: folder.id,
    title,
    model,
    state,
    created,
    workspace,
    ...(stage
      ? {
          sentence: stage.sentence,
          share: stage.share,
          ...(stage.secondsLeft === undefined ? {} : { secondsLeft: stage.secondsLeft }),
        }
      : {}),
    ...(goesOn && lock.state === 'held'
      ? {
          pid: lock.holder.pid,
          host: lock.holder.host,
          heard: Math.max(0, Math.round((Date.now() - lock.heard) / 1000)),
        }
      : {}),
    ...(hasResult ? { result: folder.pathOf('result') } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

function asText(rows: readonly JobRow[]): string {
  const cells = rows.map(({ id, title, model, state, share, sentence, reason, result }) => [
    id,
    stateWords[state],
    share === undefined ? '' : `${Math.floor(100 * share)} %`,
    model === '' ? title : `${title}, ${model}`,
    reason ?? sentence ?? result ?? '',
  ]);
  return textTable(['job', 'state', 'done', 'run', ''], cells, [2]);
}
