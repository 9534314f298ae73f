/**
 * Gives a subject its seeds in batches, in workers that are killed with all that they started when an input takes too long
 * or too much memory, and replaced when one dies. Every fault is named by its seed, and tried once more in a fresh worker, to
 * say whether the input alone is enough.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overdue } from '../../../protocol/wire/time-limit';
import { computing, patience } from '../patience';
import { useOf } from './process-use';
import { usualLimits, type Limits, type Subject } from './subject';
import type { FromWorker, ToWorker } from './worker';

export interface Finding {
  readonly seed: number;
  readonly what: 'hung' | 'crashed' | 'took too much memory' | 'gave no clear answer';
  readonly detail: string;
  /** It happens again in a fresh worker, without the inputs before it. */
  readonly alone: boolean;
}

export interface Report {
  readonly inputs: number;
  readonly values: number;
  readonly refusals: number;
  readonly findings: readonly Finding[];
  /** Too few inputs were answered, or refused, or the subject did not load. */
  readonly complaint?: string;
}

export interface RunOptions {
  readonly file: string;
  readonly subject: Pick<Subject, 'limits' | 'least' | 'prepare' | 'environment'>;
  readonly from: number;
  readonly count: number;
  readonly workers: number;
  /** After so many findings the rest is not tried: the fault is known. */
  readonly mostFindings?: number;
}

type Answer =
  | { readonly kind: 'done'; readonly answered: 'value' | 'refusal'; readonly fault?: string; readonly spent: boolean }
  | { readonly kind: 'lost'; readonly what: Finding['what']; readonly detail: string };

const sampleMs = 100;
/** Seconds of processor time: a worker that has not loaded its subject by then never will. By the clock it is ten times as long. */
const loadSeconds = 60;
const heapMegabytes = 512;
/** Shares are asked of runs that are long enough to have them. */
const fewInputs = 50;

export async function runSubject(options: RunOptions): Promise<Report> {
  const limits: Limits = { ...usualLimits, ...options.subject.limits };
  const folder = mkdtempSync(join(tmpdir(), 'headscope-fuzz-'));
  const findings: Finding[] = [];
  const counts = { inputs: 0, values: 0, refusals: 0 };
  const end = options.from + options.count;
  const most = options.mostFindings ?? 10;
  let next = options.from;

  async function serve(): Promise<void> {
    let worker: Worker | undefined;
    try {
      while (next < end && findings.length < most) {
        const seed = next++;
        worker ??= await Worker.start(options, folder, limits);
        const answer = await worker.ask(seed);
        counts.inputs++;
        if (answer.kind === 'done' && answer.fault === undefined) {
          counts[answer.answered === 'value' ? 'values' : 'refusals']++;
        } else {
          findings.push(await found(seed, answer));
        }
        if (answer.kind === 'lost' || answer.spent) {
          worker.stop();
          worker = undefined;
        }
      }
    } finally {
      worker?.stop();
    }
  }

  async function found(seed: number, answer: Answer): Promise<Finding> {
    const fresh = await Worker.start(options, folder, limits);
    const again = await fresh.ask(seed);
    fresh.stop();
    const alone = again.kind === 'lost' || again.fault !== undefined;
    if (answer.kind === 'lost') return { seed, what: answer.what, detail: answer.detail, alone };
    return { seed, what: 'gave no clear answer', detail: answer.fault ?? '', alone };
  }

  try {
    await options.subject.prepare?.();
    await Promise.all(Array.from({ length: Math.min(options.workers, options.count) }, serve));
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error);
    return { ...counts, findings, complaint };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  findings.sort((a, b) => a.seed - b.seed);
  const complaint = lopsided(counts, options.subject.least);
  return { ...counts, findings, ...(complaint === undefined ? {} : { complaint }) };
}

function lopsided(
  { inputs, values, refusals }: Pick<Report, 'inputs' | 'values' | 'refusals'>,
  least: Subject['least'],
): string | undefined {
  if (inputs < fewInputs) return undefined;
  if (values < least.values * inputs)
    return `Only ${values} of ${inputs} inputs were answered: what is asked is too broken.`;
  if (refusals < least.refusals * inputs)
    return `Only ${refusals} of ${inputs} inputs were refused: what is asked is too tame.`;
  return undefined;
}

class Worker {
  private errors = '';
  private settle: ((answer: Answer) => void) | undefined;
  private gone = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly limits: Limits,
  ) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors = (this.errors + text).slice(-4000)));
    child.on('message', (message) => this.receive(message as FromWorker));
    child.on('error', (error) => this.lose('crashed', error.message));
    // `close`: the last words on stderr have arrived by then.
    child.on('close', (code, signal) => {
      this.gone = true;
      // V8 ends a process whose heap is full by SIGABRT or SIGTRAP, after this sentence.
      const full = /heap out of memory|Array buffer allocation failed/.test(this.errors);
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      this.lose(full ? 'took too much memory' : 'crashed', `its process ${how}: ${this.errors.trim().slice(-1500)}`);
    });
  }

  static start({ file, subject }: RunOptions, under: string, limits: Limits): Promise<Worker> {
    const folder = mkdtempSync(join(under, 'worker-'));
    mkdirSync(join(folder, 'inputs'));
    const limit = { seconds: computing(loadSeconds), ceiling: patience(1000 * loadSeconds) / 100 };
    const child = fork(join(__dirname, 'worker.ts'), [file, join(folder, 'inputs')], {
      execArgv: ['--import', 'tsx', `--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...subject.environment, ORT_DISABLE_TELEMETRY: '1' },
    });
    const worker = new Worker(child, folder, limits);
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        worker.stop();
        reject(new Error(`${file} could not be loaded: ${why}`));
      };
      const start = performance.now();
      const clock = setInterval(() => {
        const waited = (performance.now() - start) / 1000;
        const passed = overdue(limit, { computed: useOf(child.pid ?? 0)?.seconds, waited });
        if (passed !== undefined) fail(`it took more than ${Math.round(passed)} s.`);
      }, sampleMs);
      child.once('message', () => {
        clearInterval(clock);
        worker.settle = undefined;
        resolve(worker);
      });
      worker.settle = (answer) => {
        clearInterval(clock);
        fail(answer.kind === 'lost' ? answer.detail : 'it answered before it was asked.');
      };
    });
  }

  ask(seed: number): Promise<Answer> {
    const before = useOf(this.child.pid ?? 0)?.seconds ?? 0;
    const start = performance.now();
    const { seconds, waitSeconds, megabytes } = this.limits;
    const limit = { seconds: computing(seconds), ceiling: patience(1000 * waitSeconds) / 1000 };
    return new Promise((resolve) => {
      const watch = setInterval(() => {
        const use = useOf(this.child.pid ?? 0);
        const waited = (performance.now() - start) / 1000;
        const worked = use === undefined ? undefined : use.seconds - before;
        const passed = overdue(limit, { computed: worked, waited });
        if (passed === limit.seconds) this.lose('hung', `it was still working after ${seconds} s`);
        else if (passed !== undefined) this.lose('hung', `it was still waiting after ${waitSeconds} s`);
        else if (use && use.residentBytes > megabytes * 2 ** 20) {
          this.lose('took too much memory', `it and its children held ${(use.residentBytes / 2 ** 20).toFixed(0)} MB`);
        }
      }, sampleMs);
      this.settle = (answer) => {
        clearInterval(watch);
        resolve(answer);
      };
      if (this.gone) this.lose('crashed', 'its process was gone before it was asked');
      else this.child.send({ seed } satisfies ToWorker);
    });
  }

  private receive(message: FromWorker): void {
    if (message.kind !== 'done') return;
    const { answered, fault, peak } = message;
    const settle = this.settle;
    this.settle = undefined;
    if (peak > this.limits.megabytes * 2 ** 20) {
      settle?.({
        kind: 'lost',
        what: 'took too much memory',
        detail: `its process held ${(peak / 2 ** 20).toFixed(0)} MB at most`,
      });
    } else {
      settle?.({ kind: 'done', answered, spent: fault !== undefined, ...(fault === undefined ? {} : { fault }) });
    }
  }

  private lose(what: Finding['what'], detail: string): void {
    const settle = this.settle;
    this.settle = undefined;
    settle?.({ kind: 'lost', what, detail });
  }

  /** With all that it started. */
  stop(): void {
    const { pid } = this.child;
    for (const each of pid === undefined ? [] : (useOf(pid)?.pids ?? [])) {
      try {
        process.kill(each, 'SIGKILL');
      } catch {
        // Already gone.
      }
    }
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
