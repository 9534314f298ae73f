/**
 * Answers the calls of protocol/compute/api.ts. The table of methods is typed by that interface; a method that streams is an
 * async generator. Every call that carries an id is answered exactly once, whatever goes wrong inside.
 */
import type { ComputeMethod, ComputeMethods, FromCompute } from '../../protocol/compute/api';
import { FailureError, refusal } from '../../protocol/wire/failures';
import type { Failure } from '../../protocol/wire/failures';
import { ProgressGate } from './progress-gate';

type Progress<M extends ComputeMethod> = ComputeMethods[M]['progress'];
type Result<M extends ComputeMethod> = ComputeMethods[M]['result'];

/** Yields progress and returns the result. */
export type Job<P, R> = AsyncGenerator<P, R, void>;

interface Method<M extends ComputeMethod> {
  /** Checks what came over the wire; throws a FailureError `bad-request` that names what is wrong. */
  readonly parse: (args: readonly unknown[]) => ComputeMethods[M]['args'];
  readonly run: (
    args: ComputeMethods[M]['args'],
    signal: AbortSignal,
  ) => Promise<Result<M>> | (Progress<M> extends never ? never : Job<Progress<M>, Result<M>>);
  /**
   * Messages of one key replace each other while they wait; final ones never wait. Each lane has half of the four messages a
   * second, so that many rows do not hold up the sentence that says what is going on.
   */
  readonly describe?: (progress: Progress<M>) => {
    readonly lane?: 'stage' | 'row';
    readonly key: string;
    readonly final: boolean;
  };
}

export type Methods = { readonly [M in ComputeMethod]: Method<M> };

export class Dispatcher {
  private readonly running = new Map<number, AbortController>();

  constructor(
    private readonly methods: Methods,
    private readonly send: (message: FromCompute) => void,
  ) {}

  /** Takes any message, well formed or not; never throws. */
  receive(message: unknown): void {
    const { kind, id } = fields(message);
    if (kind === 'cancel') {
      // An unknown id is a call that has been answered in the meantime.
      if (typeof id === 'number') this.running.get(id)?.abort();
      return;
    }
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
      this.send({ kind: 'log', level: 'error', message: 'a message without a call id was ignored' });
      return;
    }
    if (this.running.has(id)) {
      // Answering would settle the first call of that id.
      this.send({ kind: 'log', level: 'error', message: `call ${id} is running already; the second one was ignored` });
      return;
    }
    if (kind !== 'call') {
      this.fail(id, {
        code: 'bad-request',
        detail: `a message of kind ${JSON.stringify(kind) ?? 'nothing'} is unknown`,
      });
      return;
    }
    void this.answer(id, fields(message));
  }

  private async answer(id: number, { method, args }: Record<string, unknown>): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    let reply: FromCompute;
    try {
      reply = { kind: 'ok', id, result: await this.perform(id, method, args, controller.signal) };
    } catch (error) {
      reply = {
        kind: 'failed',
        id,
        failure: wasCancelled(error, controller.signal) ? { code: 'cancelled' } : failureOf(error),
      };
      if (reply.failure.code === 'internal') {
        this.send({
          kind: 'log',
          level: 'error',
          message: error instanceof Error ? (error.stack ?? '') : String(error),
        });
      }
    }
    this.running.delete(id);
    try {
      this.send(reply);
    } catch (error) {
      this.fail(id, { code: 'internal', detail: `the result could not be sent (${String(error)})` });
    }
  }

  private async perform(id: number, name: unknown, args: unknown, signal: AbortSignal): Promise<unknown> {
    if (typeof name !== 'string' || !Object.hasOwn(this.methods, name)) {
      throw refusal(
        `there is no method ${JSON.stringify(name) ?? 'nothing'}; choose from ${Object.keys(this.methods).join(', ')}`,
      );
    }
    if (!Array.isArray(args)) throw refusal('the arguments are not a list');
    // Correlated by name: each method parses its own arguments, which the type of a union of methods cannot say.
    const method = this.methods[name as ComputeMethod] as Method<'benchmark'>;
    const outcome = method.run(method.parse(args), signal);
    if (!(Symbol.asyncIterator in outcome)) return outcome;
    const send = (progress: Progress<'benchmark'>) => this.send({ kind: 'progress', id, progress });
    const gates = { stage: new ProgressGate(2, send), row: new ProgressGate(2, send) };
    try {
      for (;;) {
        const step = await outcome.next();
        if (step.done) return step.value;
        const { lane = 'stage', key, final } = method.describe?.(step.value) ?? { key: '', final: false };
        gates[lane].offer(step.value, key, final);
      }
    } catch (error) {
      gates.stage.release();
      gates.row.release();
      throw error;
    } finally {
      gates.stage.close();
      gates.row.close();
    }
  }

  private fail(id: number, failure: Failure): void {
    this.send({ kind: 'failed', id, failure });
  }
}

const fields = (message: unknown): Record<string, unknown> =>
  typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : {};

/** What waits for a signal throws its own error: a person who cancels is told that alone. */
const wasCancelled = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && error instanceof Error && error.name === 'AbortError';

export function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
}
