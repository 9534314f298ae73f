/**
 * The compute server as the rest of the extension sees it: one client, one state, the queue of its long jobs, and what
 * it said of its devices, asked once per process. Nothing starts before the first call.
 */
import type { Disposable } from 'vscode';
import type { ComputeMethod, ComputeMethods, DeviceInfo, ServerInfo } from '../../protocol/compute/api';
import type { AnalysisRequest } from '../../protocol/analysis/schema';
import type { AnalysisEstimate } from '../../protocol/compute/analyses';
import type { CallOptions, ComputeProcess } from '../../protocol/compute/client';
import { ComputeClient } from '../../protocol/compute/client';
import type { Failure } from '../../protocol/wire/failures';
import { FailureError } from '../../protocol/wire/failures';
import { sentenceOf } from '../../protocol/wire/words';
import { defined } from './defined';
import type { DetachedRuns } from './detached-runs';
import { OwnFilesServer, ofOwnFiles } from './own-files-server';
import { longJobs, type LongMethod, type Named } from './long-jobs';
import { Owner } from './owner';
import { RunQueue, type RunStanding } from './run-queue';
import { Signal } from './signal';

/** `stopped` is the normal state before first need; `failed` after a crash until the next successful start. */
export type ComputeState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly info: ServerInfo }
  | { readonly kind: 'busy'; readonly info: ServerInfo; readonly doing: string }
  | { readonly kind: 'failed'; readonly sentence: string };

interface ComputeLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface ComputeServices {
  readonly start: () => ComputeProcess;
  /** True, or the sentence that says why nothing may run here. */
  readonly mayRun: () => true | string;
  readonly log: ComputeLog;
  readonly after?: (milliseconds: number, act: () => void) => () => void;
  readonly named: Named;
  /** A request with the places of the files of a person's own that it runs; `asks`: whether they may run can be asked. */
  readonly withCode?: (request: AnalysisRequest, asks: boolean) => AnalysisRequest | Promise<AnalysisRequest>;
  /** Runs that go on when the window closes. */
  readonly detached: Pick<DetachedRuns, 'goesOn' | 'run'>;
}

/** Crashes after which the process is not started again by itself: as the language client does, 5 within 3 minutes. */
const crashLimit = { count: 5, milliseconds: 180_000 };

/** Requests whose time is remembered. */
const mostExpected = 50;

type Progress<M extends ComputeMethod> = (progress: ComputeMethods[M]['progress']) => void;

type Job<M extends LongMethod> = (
  ...given: [...args: ComputeMethods[M]['args'], signal: AbortSignal, onProgress: Progress<M>]
) => Promise<ComputeMethods[M]['result']>;

/** How far a job is; undefined where its progress does not say. */
function standingOf(progress: ComputeMethods[LongMethod]['progress']): RunStanding | undefined {
  if (progress.kind !== 'stage') return undefined;
  const { sentence, secondsLeft } = { secondsLeft: undefined, ...progress };
  const share = 'share' in progress ? progress.share : progress.done / Math.max(1, progress.total);
  return defined({ sentence, share, secondsLeft });
}

const after = (milliseconds: number, act: () => void): (() => void) => {
  const timer = setTimeout(act, milliseconds);
  return () => clearTimeout(timer);
};

/** What is said of any failure, and what is folded under it. */
export function wordsOf(error: unknown): { readonly sentence: string; readonly details?: string } {
  if (error instanceof FailureError) {
    const sentence = sentenceOf(error.failure);
    return 'detail' in error.failure ? { sentence, details: error.failure.detail } : { sentence };
  }
  const detail = error instanceof Error ? error.message : String(error);
  const words = { sentence: sentenceOf({ code: 'internal', detail }) };
  return error instanceof Error && error.stack !== undefined ? { ...words, details: error.stack } : words;
}

export const isCancelled = (error: unknown): boolean =>
  error instanceof FailureError && error.failure.code === 'cancelled';

/** The process died, or was killed. */
export const isRestart = (error: unknown): boolean =>
  error instanceof FailureError && error.failure.code === 'compute-restarted';

export class Compute extends Owner {
  /** The long jobs of this window. */
  readonly queue = this.own(new RunQueue());
  private readonly client: ComputeClient;
  private readonly filesServer: OwnFilesServer;
  private readonly changed = this.own(new Signal<ComputeState>());
  private readonly testing = this.own(new Signal<boolean>());
  private readonly overdue = this.own(new Signal<ComputeMethod>());
  private readonly services: ComputeServices;
  private current: ComputeState = { kind: 'stopped' };
  private serverInfo: ServerInfo | undefined;
  private crashes: number[] = [];
  private busy: string[] = [];
  private stale = false;
  private tests: Promise<readonly DeviceInfo[]> | undefined;
  private lastDevices: readonly DeviceInfo[] | undefined;
  /** Tests of the devices that have not ended. */
  private deviceTests = 0;
  /** Seconds that requests were last estimated to take, by the request as text. */
  private readonly expected = new Map<string, number>();

  readonly info = this.question('info');
  readonly setup = this.question('setup', 'looking for what a device needs');
  readonly mechanismView = this.question('mechanismView');
  readonly neighborhoodBound = this.question('neighborhoodBound');
  readonly supports = this.question('supports');
  readonly stoppedBenchmark = this.question('stoppedBenchmark');
  readonly openModel = this.question('openModel');
  readonly tokenise = this.question('tokenise');
  readonly headTile = this.question('headTile');
  readonly headRow = this.question('headRow');
  readonly nextTokens = this.question('nextTokens');
  readonly promptForPictures = this.question('promptForPictures');
  readonly compareAnalyses = this.question('compareAnalyses');
  readonly corpusOf = this.question('corpusOf');
  readonly askAnalysis = this.question('askAnalysis', 'looking closer at an analysis');

  readonly module = this.job('module');
  readonly benchmark = this.job('benchmark');
  readonly checkKernel = this.job('checkKernel');
  readonly analysisOfFile = this.job('analysisOfFile');
  readonly taskOfFile = this.job('taskOfFile');
  readonly generate = this.job('generate');
  private readonly runAnalysis = this.job('analysis');
  readonly analysis: Job<'analysis'> = (given, signal, onProgress) =>
    this.withCode(given, true, (request) => this.runAnalysis(request, signal, onProgress));
  /** The same in a process of its own, which goes on when the window closes. */
  readonly detachedAnalysis: Job<'analysis'> = (given, signal, onProgress) =>
    this.withCode(given, true, (request) => this.runDetached(request, signal, onProgress));
  private readonly runDetached: Job<'analysis'> = async (request, signal, onProgress) => {
    const { named, detached } = this.services;
    const may = this.services.mayRun();
    if (may !== true) throw new FailureError({ code: 'compute-unavailable', detail: may });
    const title = longJobs.analysis.title([request], named);
    const model = request.folder === '' ? '' : named.model(request.folder);
    const goesOn = await detached.goesOn(request);
    return this.inTurn('analysis', [request], { signal, onProgress, goesOn }, (both, say) =>
      detached.run(request, { title, model }, both, say),
    );
  };
  readonly extendAnalysis = this.job('extendAnalysis');

  constructor(services: ComputeServices) {
    super();
    this.services = services;
    const shared = {
      start: () => services.start(),
      after: services.after ?? after,
      onLog: (level: keyof ComputeLog, message: string) => services.log[level](message),
    };
    this.filesServer = new OwnFilesServer(shared);
    this.client = new ComputeClient({
      ...shared,
      onState: (state, info) => this.onClientState(state, info),
      onOverdue: (method) => {
        services.log.warn(`A cancelled ${method} does not stop by itself; its process is about to be restarted.`);
        this.overdue.fire(method);
      },
      onCrash: (why) => this.onCrash(why),
    });
  }

  readonly onState = (listener: (state: ComputeState) => void): Disposable => this.changed.event(listener);
  /** A test of the devices began, or ended, however it ended. */
  readonly onDeviceTest = (listener: (testing: boolean) => void): Disposable => this.testing.event(listener);
  readonly onOverdue = (listener: (method: ComputeMethod) => void): Disposable => this.overdue.event(listener);

  get state(): ComputeState {
    return this.current;
  }

  /** True when a question starts nothing. */
  get isUp(): boolean {
    return this.current.kind === 'ready' || this.current.kind === 'busy';
  }

  /** The devices as last tested, without asking. */
  get knownDevices(): readonly DeviceInfo[] | undefined {
    return this.lastDevices;
  }

  /** `again` tests them anew and measures the roof of each. */
  devices(again = false): Promise<readonly DeviceInfo[]> {
    if (again) this.tests = undefined;
    if (this.tests === undefined) {
      this.tests = this.testDevices(again);
      // A failed test is made anew next time; a good answer stays.
      this.tests.catch(() => (this.tests = undefined));
    }
    return this.tests;
  }

  get testsDevices(): boolean {
    return this.deviceTests > 0;
  }

  private async testDevices(again: boolean): Promise<readonly DeviceInfo[]> {
    this.countTests(1);
    try {
      const asked = this.call('devices', [{ roof: again, again }]);
      const devices = await this.during('testing the devices', asked);
      this.lastDevices = devices;
      return devices;
    } finally {
      this.countTests(-1);
    }
  }

  private countTests(more: 1 | -1): void {
    this.deviceTests += more;
    this.testing.fire(this.testsDevices);
  }

  /** Pending calls are answered with `compute-restarted`; also the way out after too many crashes. */
  restart(): void {
    this.crashes = [];
    this.tests = undefined;
    this.filesServer.end();
    this.client.restart();
  }

  /**
   * A setting changed that a process reads when it starts. A running one is replaced as soon as it has nothing to do: a change
   * of settings ends no benchmark.
   */
  settingsChanged(): void {
    this.stale = true;
    this.replaceStale();
  }

  /** What it says is kept: the queue says how long a run is expected to take. */
  estimateAnalysis(given: AnalysisRequest): Promise<AnalysisEstimate> {
    return this.withCode(given, false, (request) => this.estimate(request));
  }

  private async estimate(request: AnalysisRequest): Promise<AnalysisEstimate> {
    const estimate = await this.call('estimateAnalysis', [request]);
    const { seconds } = estimate;
    if (seconds !== undefined) this.expected.set(JSON.stringify(request), seconds);
    for (const oldest of [...this.expected.keys()].slice(0, -mostExpected)) this.expected.delete(oldest);
    return estimate;
  }

  /** At once, where the request runs no file of a person's own. */
  private withCode<T>(
    given: AnalysisRequest,
    asks: boolean,
    act: (request: AnalysisRequest) => Promise<T>,
  ): Promise<T> {
    const request = this.services.withCode?.(given, asks) ?? given;
    return request instanceof Promise ? request.then(act) : act(request);
  }

  private replaceStale(): void {
    if (!this.stale || this.busy.length > 0) return;
    this.stale = false;
    this.tests = undefined;
    this.filesServer.end();
    if (this.client.state === 'stopped') this.set({ kind: 'stopped' });
    else this.client.restart();
  }

  override dispose(): void {
    this.client.dispose();
    this.filesServer.dispose();
    super.dispose();
  }

  /** `doing`: said by the status bar meanwhile, where it may take long. */
  private question<M extends ComputeMethod>(method: M, doing?: string) {
    return (...args: ComputeMethods[M]['args']): Promise<ComputeMethods[M]['result']> => {
      const answer = this.call(method, args);
      return doing === undefined ? answer : this.during(doing, answer);
    };
  }

  /** A call that takes long: it takes its turn in the queue, can be cancelled, and says how far it is. */
  private job<M extends LongMethod>(method: M): Job<M> {
    const { doing } = longJobs[method];
    return (...given) => {
      const args = given.slice(0, -2) as ComputeMethods[M]['args'];
      const [signal, onProgress] = given.slice(-2) as [AbortSignal, Progress<M>];
      return this.inTurn(method, args, { signal, onProgress }, (both, onSaid) =>
        this.during(doing, this.call(method, args, { signal: both, onProgress: onSaid })),
      );
    };
  }

  private inTurn<M extends LongMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    how: { readonly signal: AbortSignal; readonly onProgress: Progress<M>; readonly goesOn?: boolean },
    act: (signal: AbortSignal, onProgress: Progress<M>) => Promise<ComputeMethods[M]['result']>,
  ): Promise<ComputeMethods[M]['result']> {
    const { signal, onProgress, goesOn = false } = how;
    const job = longJobs[method];
    const model = job.folder(args);
    const run = {
      title: job.title(args, this.services.named),
      model: model === '' ? '' : this.services.named.model(model),
      doing: job.doing,
      beside: 'beside' in args[0] && args[0].beside === true,
      goesOn,
      expected: this.expected.get(JSON.stringify(args[0])),
      onWaiting: (sentence: string) => {
        const progress = job.waiting?.(sentence, args);
        if (progress !== undefined) onProgress(progress);
      },
    };
    return this.queue.run(run, signal, (both, say) =>
      act(both, (progress) => {
        const standing = standingOf(progress);
        if (standing !== undefined) say(standing);
        onProgress(progress);
      }),
    );
  }

  private async call<M extends ComputeMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    options: CallOptions<M> = {},
  ): Promise<ComputeMethods[M]['result']> {
    const may = this.services.mayRun();
    if (may !== true) throw new FailureError({ code: 'compute-unavailable', detail: may });
    if (ofOwnFiles(method, args)) return this.filesServer.call(method, args, options);
    const now = Date.now();
    this.crashes = this.crashes.filter((time) => now - time < crashLimit.milliseconds);
    if (this.crashes.length >= crashLimit.count && this.client.state === 'stopped') {
      throw new FailureError(this.tooManyCrashes());
    }
    return this.client.call(method, args, options);
  }

  private tooManyCrashes(): Failure {
    return {
      code: 'compute-unavailable',
      detail: `it ended ${crashLimit.count} times within ${crashLimit.milliseconds / 60_000} minutes (run "Headscope: Restart Compute Server" to try again)`,
    };
  }

  private async during<T>(doing: string, work: Promise<T>): Promise<T> {
    this.busy.push(doing);
    this.refresh();
    try {
      return await work;
    } finally {
      this.busy.splice(this.busy.indexOf(doing), 1);
      this.refresh();
      this.replaceStale();
    }
  }

  private onClientState(state: 'stopped' | 'starting' | 'ready', info: ServerInfo | undefined): void {
    if (state === 'ready' && info !== undefined) {
      this.serverInfo = info;
      this.services.log.info(`Compute server ready: process ${info.pid}, ${info.runtime}, Node.js ${info.node}.`);
    }
    if (state !== 'ready') this.serverInfo = undefined;
    if (state === 'stopped') this.set({ kind: 'stopped' });
    else if (state === 'starting') this.set({ kind: 'starting' });
    else this.refresh();
  }

  private onCrash(why: string): void {
    this.crashes.push(Date.now());
    this.tests = undefined;
    this.services.log.error(`The compute server is gone: ${why}.`);
    this.set({ kind: 'failed', sentence: `The compute server is gone: ${why}.` });
  }

  /** Ready or busy, when the process is up. */
  private refresh(): void {
    const info = this.serverInfo;
    if (info === undefined || this.client.state !== 'ready') return;
    const doing = this.busy.at(-1);
    this.set(doing === undefined ? { kind: 'ready', info } : { kind: 'busy', info, doing });
  }

  private set(state: ComputeState): void {
    this.current = state;
    this.changed.fire(state);
  }
}
