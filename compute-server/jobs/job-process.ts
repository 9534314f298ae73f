/**
 * A run in a process of its own, which no window and no terminal has to wait for: the compute server with one call, that of the
 * folder's job, whose answers are files (`files/job-folder.ts`).
 */
import { setTimeout as wait } from 'node:timers/promises';
import { JobFolder, type JobFile } from '../../files/job-folder';
import { NotWritten } from '../../files/write-file';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import { analysisText, type AnalysisResult } from '../../protocol/analysis/schema';
import type { FromCompute } from '../../protocol/compute/api';
import { parseJob, parseStage } from '../../protocol/jobs/job';
import { exitCodes } from '../cli/exit-codes';
import { writeErr } from '../cli/terminal';
import { Dispatcher, type Methods } from '../dispatch/dispatcher';

/** The flag by which main.ts knows that it works on a job; followed by the job's folder. */
export const jobFlag = '--job';

/** Milliseconds between two looks whether it shall stop, and between two trials to write what a full disk did not take. */
const [lookEvery, againAfter] = [250, 5000];
const call = 1;

type Send = (message: FromCompute) => void;

export async function serveJob(path: string, methods: (send: Send) => Methods): Promise<number> {
  const folder = new JobFolder(path);
  const job = parseJob(await folder.read('job'));
  if (!job.ok) {
    writeErr(`${job.why}\n`);
    return exitCodes.wrongUsage;
  }
  // Another process works on it, or did.
  if (!(await folder.take())) return exitCodes.done;
  const report = new Report(folder);
  const ended = new Promise<void>((resolve) => {
    const send: Send = (message) => {
      if (message.kind === 'progress') report.progress(message.progress as AnalysisProgress);
      else if (message.kind === 'log') writeErr(`${message.level}: ${message.message}\n`);
      else if (message.kind === 'ok')
        void report.end('result', analysisText(message.result as AnalysisResult)).then(resolve);
      else if (message.kind === 'failed')
        void report.end('failure', `${JSON.stringify(message.failure)}\n`).then(resolve);
    };
    const dispatcher = new Dispatcher(methods(send), send);
    dispatcher.receive({ kind: 'call', id: call, method: 'analysis', args: [job.result.request] });
    setInterval(() => {
      void folder.has('stop').then((stops) => {
        if (stops) dispatcher.receive({ kind: 'cancel', id: call });
      });
    }, lookEvery).unref();
  });
  await ended;
  return exitCodes.done;
}

/** Writes one file after another; of what comes meanwhile the newest. */
class Report {
  private readonly folder: JobFolder;
  private readonly waiting = new Map<JobFile, string>();
  private writing: Promise<void> | undefined;

  constructor(folder: JobFolder) {
    this.folder = folder;
  }

  progress(progress: AnalysisProgress): void {
    const { kind, ...said } = progress;
    this.waiting.set(kind, `${JSON.stringify(said)}\n`);
    this.writing ??= this.write();
  }

  /** What a full disk does not take is tried again until there is room: the steps of the run are gone by then. */
  async end(file: 'result' | 'failure', content: string): Promise<void> {
    for (;;) {
      await this.writing;
      try {
        return await this.folder.write(file, content);
      } catch (error) {
        if (!(error instanceof NotWritten)) throw error;
        writeErr(`The ${file} is not written yet. ${error.message}\n`);
        if (await this.folder.has('stop')) return;
        const kept = parseStage(await this.folder.read('stage'))?.kept ?? 0;
        const sentence = `The ${file} waits to be written. ${error.message}`;
        this.progress({ kind: 'stage', sentence, share: 1, kept });
        await wait(againAfter);
      }
    }
  }

  private async write(): Promise<void> {
    for (const [file, content] of this.waiting) {
      this.waiting.delete(file);
      // How far it is may be lost.
      await this.folder.write(file, content).catch(() => undefined);
    }
    this.writing = undefined;
  }
}
