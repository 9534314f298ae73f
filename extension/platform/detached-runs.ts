/**
 * Runs in processes of their own, which go on when the window closes: started here, or by another window of the same folder, or
 * before this one was opened. A request that such a run works on already is not run a second time, so that two windows show one run,
 * and a window that opens again goes on with it.
 */
import { spawn } from 'node:child_process';
import type { Disposable } from 'vscode';
import { isDeepStrictEqual } from 'node:util';
import { JobFolders, type JobFolder } from '../../files/job-folder';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import {
  analysisRequest,
  parseAnalysis,
  type AnalysisRequest,
  type AnalysisResult,
} from '../../protocol/analysis/schema';
import { sections } from '../../protocol/sections/section';
import {
  goneWords,
  parseFailure,
  parseJob,
  parseStage,
  stateOfJob,
  type JobDescription,
  type JobState,
} from '../../protocol/jobs/job';
import { check } from '../../protocol/schema/check';
import { object, text } from '../../protocol/schema/fields';
import { FailureError } from '../../protocol/wire/failures';
import { parseJsonText } from '../../protocol/wire/json-text';
import { isClosing } from './closing';
import { launchOptions, obstacle, type ComputeLaunch } from './compute-process';
import { Owner } from './owner';
import { Signal } from './signal';

export interface DetachedParts {
  /** Where the jobs of this user lie. */
  readonly root: string;
  /** Folders that are open in this window. */
  readonly workspace: () => readonly string[];
  readonly launch: () => ComputeLaunch;
  /** Milliseconds between two looks at what other windows have started, and at a run that goes on. */
  readonly lookEvery?: number;
  readonly followEvery?: number;
}

/** What a person calls a run. */
type Named = Pick<JobDescription, 'title' | 'model'>;

interface Job {
  readonly folder: JobFolder;
  readonly description: JobDescription;
}

const partial = object({ finding: text, sections });

export class DetachedRuns extends Owner {
  private readonly parts: DetachedParts;
  private readonly found = this.own(new Signal<AnalysisRequest>());
  private readonly folders: JobFolders;
  /** Ids of jobs that this window shows, or has looked at. */
  private readonly known = new Set<string>();
  /** Folders of the jobs that gave results to this window. */
  private readonly ended = new WeakMap<AnalysisResult, JobFolder>();
  private looks: NodeJS.Timeout | undefined;

  constructor(parts: DetachedParts) {
    super();
    this.parts = parts;
    this.folders = new JobFolders(parts.root);
  }

  /** One of this folder goes on, or has ended since, that this window does not show. */
  readonly onFound = (listener: (request: AnalysisRequest) => void): Disposable => {
    this.looks ??= setInterval(() => void this.look(), this.parts.lookEvery ?? 2000).unref();
    void this.look();
    return this.found.event(listener);
  };

  override dispose(): void {
    clearInterval(this.looks);
    super.dispose();
  }

  /** A run with this request goes on already: it waits for no turn. */
  async goesOn(request: AnalysisRequest): Promise<boolean> {
    return (await this.jobOf(request)) !== undefined;
  }

  /** Starts the run, or follows the one that works on the request. A signal that aborts as the window closes leaves it alone. */
  async run(
    request: AnalysisRequest,
    named: Named,
    signal: AbortSignal,
    onProgress: (progress: AnalysisProgress) => void,
  ): Promise<AnalysisResult> {
    const job = (await this.jobOf(request)) ?? (await this.start(request, named));
    return this.follow(job, signal, onProgress);
  }

  /** The result is kept elsewhere: no window has to show it again. */
  async taken(result: AnalysisResult): Promise<void> {
    await this.ended.get(result)?.write('taken', '');
  }

  private async look(): Promise<void> {
    for (const folder of (await this.folders.list()).toReversed()) {
      if (this.known.has(folder.id)) continue;
      const read = parseJob(await folder.read('job'));
      if (!read.ok || this.known.has(folder.id)) continue;
      this.known.add(folder.id);
      if (this.isOwn(read.result) && !(await folder.has('taken'))) this.found.fire(read.result.request);
    }
  }

  /** Those that a window with one of the same folders has started; newest first. */
  private async ownJobs(): Promise<readonly Job[]> {
    const jobs: Job[] = [];
    for (const folder of await this.folders.list()) {
      const read = parseJob(await folder.read('job'));
      if (!read.ok) continue;
      if (this.isOwn(read.result)) jobs.push({ folder, description: read.result });
    }
    return jobs;
  }

  private isOwn({ workspace: of }: JobDescription): boolean {
    const workspace = this.parts.workspace();
    return of.length === 0 ? workspace.length === 0 : of.some((one) => workspace.includes(one));
  }

  private async jobOf(given: AnalysisRequest): Promise<Job | undefined> {
    const request = checked(given);
    for (const job of await this.ownJobs()) {
      if (isDeepStrictEqual(job.description.request, request) && !(await job.folder.has('taken'))) return job;
    }
    return undefined;
  }

  private async start(request: AnalysisRequest, { title, model }: Named): Promise<Job> {
    const launch = this.parts.launch();
    const missing = obstacle(launch);
    if (missing !== undefined) throw new FailureError({ code: 'compute-unavailable', detail: missing });
    const description: JobDescription = {
      kind: 'headscope-job',
      version: 1,
      created: new Date().toISOString(),
      title,
      model,
      workspace: [...this.parts.workspace()],
      request: checked(request),
    };
    const folder = await this.folders.create(`${JSON.stringify(description, undefined, 2)}\n`);
    this.known.add(folder.id);
    const { execPath = process.execPath, env } = launchOptions(launch, process.env);
    const log = folder.openLog();
    try {
      const child = spawn(execPath, [launch.module, '--job', folder.path], {
        env,
        detached: true,
        windowsHide: true,
        stdio: ['ignore', log.file, log.file],
      });
      child.on('error', ({ message }) => {
        const failure = { code: 'compute-unavailable', detail: `its program cannot be run (${message})` };
        folder.write('failure', JSON.stringify(failure)).catch(() => undefined);
      });
      child.unref();
    } finally {
      log.close();
    }
    return { folder, description };
  }

  private async follow(
    { folder, description: { created } }: Job,
    signal: AbortSignal,
    onProgress: (progress: AnalysisProgress) => void,
  ): Promise<AnalysisResult> {
    this.known.add(folder.id);
    const said = { stage: '', partial: '' };
    let stops: Promise<void> | undefined;
    for (;;) {
      if (isClosing(signal)) throw new FailureError({ code: 'cancelled' });
      if (signal.aborted) stops ??= folder.stop().catch(() => undefined);
      for (const file of ['stage', 'partial'] as const) {
        const mark = await folder.mark(file);
        if (mark === '' || mark === said[file]) continue;
        said[file] = mark;
        const progress = progressOf(file, await folder.read(file));
        if (progress !== undefined) onProgress(progress);
      }
      const state = await stateOf(folder, created);
      if (state === 'done') return this.resultOf(folder);
      if (state === 'failed' || state === 'cancelled' || state === 'gone') {
        await folder.write('taken', '').catch(() => undefined);
        throw new FailureError(
          state === 'gone'
            ? { code: 'compute-restarted', detail: goneWords }
            : (parseFailure(await folder.read('failure')) ?? { code: 'cancelled' }),
        );
      }
      await new Promise((next) => setTimeout(next, this.parts.followEvery ?? 300));
    }
  }

  private async resultOf(folder: JobFolder): Promise<AnalysisResult> {
    const read = parseAnalysis((await folder.read('result')) ?? '');
    if (!read.ok)
      throw new FailureError({
        code: 'internal',
        detail: `the result of the job ${folder.id} cannot be read: ${read.why}`,
      });
    this.ended.set(read.result, folder);
    return read.result;
  }
}

/** Its lock is read before its signs: one that ends in between has written its end by then. */
async function stateOf(folder: JobFolder, created: string): Promise<JobState> {
  const { state: lock } = await folder.lock();
  const [hasResult, failure, stopAsked] = [
    await folder.has('result'),
    parseFailure(await folder.read('failure'))?.code,
    await folder.has('stop'),
  ];
  return stateOfJob({ created, lock, hasResult, failure, stopAsked }, Date.now());
}

function checked(request: AnalysisRequest): AnalysisRequest {
  const read = check(analysisRequest, JSON.parse(JSON.stringify(request)), 'The request');
  if (!read.ok) throw new FailureError({ code: 'bad-request', detail: read.why });
  return read.result;
}

function progressOf(file: 'stage' | 'partial', content: string | undefined): AnalysisProgress | undefined {
  if (file === 'stage') {
    const stage = parseStage(content);
    return stage && { kind: 'stage', ...stage, outlasts: true };
  }
  const json = content === undefined ? undefined : parseJsonText(content);
  const read = json?.ok ? check(partial, json.value) : undefined;
  return read?.ok ? { kind: 'partial', ...read.result } : undefined;
}
