/**
 * The one client of the compute server: the extension, the command line and the tests all call through it. It knows no
 * node: whoever uses it hands over a way to start the child process and a clock.
 *
 * The process is started by the first call and again by the first call after it went away. A call always settles: with its
 * result, with the failure that the server answered, or, when the process is gone, with `compute-restarted`.
 *
 * Cancelling has three grades. Asked: the server is notified and stops between two runs; a job then answers with what it has.
 * Overdue: it has not answered in time, because a run in flight cannot be interrupted; `onOverdue` hears of it. Killed: the
 * process is ended and started anew; the cancelled call settles with `cancelled`, others with `compute-restarted`.
 */
import { FailureError } from '../wire/failures';
import type { Failure } from '../wire/failures';
import { overdue, type TimeLimit } from '../wire/time-limit';
import type { ComputeMethod, ComputeMethods, FromCompute, ServerInfo, ToCompute } from './api';

/** A running compute server, as the client sees it (made from `child_process.fork` with `serialization: 'advanced'`). */
export interface ComputeProcess {
  /** May throw when the message cannot be sent; the call is then answered with `bad-request`. */
  send(message: ToCompute): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once when the process is gone or could not be started; `why` is one sentence (signal, exit code). */
  onExit(listener: (why: string) => void): void;
  /** Ends the process at once (SIGKILL); `onExit` follows. */
  kill(): void;
  /** Seconds of processor time that it has used; undefined where the system does not say. */
  computed?(): number | undefined;
}

/** The part of AbortSignal that the client reads. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export type ComputeState = 'stopped' | 'starting' | 'ready';

export interface ComputeClientOptions {
  readonly start: () => ComputeProcess;
  /** `setTimeout` with a function that clears it. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
  readonly onState?: (state: ComputeState, info?: ServerInfo) => void;
  readonly onLog?: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** A cancelled call has not stopped by itself; the process is about to be killed. */
  readonly onOverdue?: (method: ComputeMethod) => void;
  /** The process went away although nobody asked it to. */
  readonly onCrash?: (why: string) => void;
  /** Milliseconds from the cancel to `onOverdue` (default 700). */
  readonly overdueAfter?: number;
  /** Milliseconds from the cancel to the kill (default 1200: killed and started again within two seconds). */
  readonly killAfter?: number;
  /** How long a start may take until the process says `ready`; `usualStart` unless given. */
  readonly readyWithin?: TimeLimit;
}

/** A start computes for about a second, most of it in the runtime's library, which a cold or distant disk gives slowly. */
const usualStart: TimeLimit = { seconds: 15, ceiling: 120 };
/** Milliseconds between two looks at a process that starts. */
const lookEvery = 500;

export interface CallOptions<M extends ComputeMethod> {
  readonly signal?: CancelSignal;
  readonly onProgress?: (progress: ComputeMethods[M]['progress']) => void;
}

interface Pending {
  readonly method: ComputeMethod;
  readonly resolve: (result: unknown) => void;
  readonly reject: (failure: Failure) => void;
  readonly progress?: (progress: unknown) => void;
}

interface Running {
  readonly process: ComputeProcess;
  ready: boolean;
  stopReadyClock: () => void;
}

export class ComputeClient {
  private running: Running | undefined;
  private nextId = 1;
  private disposed = false;
  private readonly pending = new Map<number, Pending>();

  constructor(private readonly options: ComputeClientOptions) {}

  get state(): ComputeState {
    return this.running ? (this.running.ready ? 'ready' : 'starting') : 'stopped';
  }

  /** Settles always; rejects with a FailureError. */
  call<M extends ComputeMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    options: CallOptions<M> = {},
  ): Promise<ComputeMethods[M]['result']> {
    return new Promise((resolve, reject) => {
      const fail = (failure: Failure) => reject(new FailureError(failure));
      if (this.disposed) return fail({ code: 'compute-unavailable', detail: 'the client is closed' });
      if (options.signal?.aborted) return fail({ code: 'cancelled' });
      const id = this.nextId++;
      const stopWatching = options.signal ? this.watch(id, method, options.signal) : () => {};
      this.pending.set(id, {
        method,
        resolve: (result) => {
          stopWatching();
          resolve(result as ComputeMethods[M]['result']);
        },
        reject: (failure) => {
          stopWatching();
          fail(failure);
        },
        ...(options.onProgress ? { progress: options.onProgress as (progress: unknown) => void } : {}),
      });
      const server = this.start();
      if (!server) return;
      try {
        // The pairing of method and args is lost in the union that the wire needs; the signature above has checked it.
        server.process.send({ kind: 'call', id, method, args } as ToCompute);
      } catch (error) {
        this.settle(id, { code: 'bad-request', detail: `the call could not be sent: ${String(error)}` });
      }
    });
  }

  /** Ends the process and starts a new one; pending calls are answered with `compute-restarted`. */
  restart(): void {
    this.kill('it was restarted on request');
    this.start();
  }

  /** Ends the process; the next call starts a new one. */
  end(): void {
    this.kill('it was ended on request');
  }

  /** Ends the process; it is not started again. */
  dispose(): void {
    this.disposed = true;
    this.kill('it was closed');
  }

  private start(): Running | undefined {
    if (this.running || this.disposed) return this.running;
    let process: ComputeProcess;
    try {
      process = this.options.start();
    } catch (error) {
      this.answerAll(() => ({ code: 'compute-unavailable', detail: String(error) }));
      return undefined;
    }
    const server: Running = { process, ready: false, stopReadyClock: () => {} };
    this.running = server;
    this.watchStart(server, 0);
    process.onMessage((message) => {
      if (this.running === server) this.receive(server, message);
    });
    process.onExit((why) => {
      if (this.running !== server) return;
      this.gone(server, why, server.ready ? 'compute-restarted' : 'compute-unavailable');
      this.options.onCrash?.(why);
    });
    this.options.onState?.('starting');
    return server;
  }

  /** `waited`: seconds since the start. A machine that sleeps meanwhile does not count. */
  private watchStart(server: Running, waited: number): void {
    server.stopReadyClock = this.options.after(lookEvery, () => {
      if (this.running !== server) return;
      const now = waited + lookEvery / 1000;
      const computed = server.process.computed?.();
      const passed = overdue(this.options.readyWithin ?? usualStart, { computed, waited: now });
      if (passed === undefined) this.watchStart(server, now);
      else this.kill(`it did not get ready within ${passed} s`, 'compute-unavailable');
    });
  }

  private kill(why: string, code: 'compute-restarted' | 'compute-unavailable' = 'compute-restarted'): void {
    const server = this.running;
    if (!server) return;
    this.gone(server, why, code);
    server.process.kill();
  }

  /** Forgets the process and answers everything that waited for it. */
  private gone(server: Running, why: string, code: 'compute-restarted' | 'compute-unavailable'): void {
    server.stopReadyClock();
    this.running = undefined;
    this.options.onState?.('stopped');
    this.answerAll(() => ({ code, detail: why }));
  }

  private answerAll(failure: () => Failure): void {
    for (const id of [...this.pending.keys()]) this.settle(id, failure());
  }

  private settle(id: number, failure: Failure): void {
    const call = this.pending.get(id);
    this.pending.delete(id);
    call?.reject(failure);
  }

  /** Starts the three grades when the signal fires; returns how to stop watching. */
  private watch(id: number, method: ComputeMethod, signal: CancelSignal): () => void {
    const clocks: (() => void)[] = [];
    const abort = () => {
      if (!this.running) return;
      try {
        this.running.process.send({ kind: 'cancel', id });
      } catch {
        // The process is going away: onExit answers the call.
      }
      clocks.push(
        this.options.after(this.options.overdueAfter ?? 700, () => this.options.onOverdue?.(method)),
        this.options.after(this.options.killAfter ?? 1200, () => {
          this.settle(id, { code: 'cancelled' });
          this.kill(`a cancelled ${method} did not stop, so the process was ended`);
          this.start();
        }),
      );
    };
    signal.addEventListener('abort', abort);
    return () => {
      signal.removeEventListener('abort', abort);
      for (const stop of clocks) stop();
    };
  }

  private receive(server: Running, received: unknown): void {
    const message = received as FromCompute;
    switch (message.kind) {
      case 'ready':
        server.ready = true;
        server.stopReadyClock();
        this.options.onState?.('ready', message.info);
        return;
      case 'progress':
        this.pending.get(message.id)?.progress?.(message.progress);
        return;
      case 'ok': {
        const call = this.pending.get(message.id);
        this.pending.delete(message.id);
        call?.resolve(message.result);
        return;
      }
      case 'failed':
        this.settle(message.id, message.failure);
        return;
      case 'log':
        this.options.onLog?.(message.level, message.message);
        return;
      default:
        this.options.onLog?.('error', 'the compute server sent a message that this version does not know');
    }
  }
}
