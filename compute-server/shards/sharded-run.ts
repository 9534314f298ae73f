/**
 * One attention call split over worker processes. Shards are resident: each worker draws its queries, keys and values from the
 * seed when it opens and keeps them, as a sharded deployment does.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { gridOf, shapeOfShard } from '../../kernels/mechanisms/distributed/distributed-mha';
import { lengthOf, shardsOf, type Shard } from '../../kernels/mechanisms/distributed/partition';
import { isCausalSelf } from '../../kernels/shape';
import { FailureError, type Failure } from '../../protocol/wire/failures';
import { exitInWords } from '../processes/exit-words';
import { openExchange, outputFile, readArrays, removeExchange } from './exchange';
import type { FromWorker, ShardedCall, ToWorker, WorkerTimes } from './messages';
import { placePart } from './parts';
import { workerFlag } from './worker';

export interface ShardedOptions {
  /** The compute server's own script. */
  readonly entry: string;
  /** Ends every worker at once; the call in progress rejects with `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface ShardedResult {
  /**
   * Wall time in ms, from the first message to the workers until all have answered and, with `collect`, the whole output is
   * in the caller's memory. In it: waking the workers, the attention of each, the exchange of keys and values by the schedule,
   * the merge by log-sums. Not in it: starting processes, opening sessions, drawing and placing the shards.
   */
  readonly ms: number;
  /** By worker. */
  readonly workers: readonly WorkerTimes[];
  /** With `collect`: [b, h, n, dv]. */
  readonly output?: Float32Array;
}

interface Pending {
  readonly resolve: (message: FromWorker) => void;
  readonly reject: (error: FailureError) => void;
}

export class ShardedRun {
  private readonly workers: readonly ChildProcess[];
  private readonly closed: Promise<unknown>;
  private readonly shards: readonly Shard[];
  /** The folder through which parts are exchanged; removed when all workers have ended. */
  readonly folder = openExchange();
  private readonly pending = new Map<number, Pending>();
  private ended: Failure | undefined;
  private output: Float32Array | undefined;

  /** Starts the workers and waits until all hold their shards. */
  static async open(call: ShardedCall, options: ShardedOptions): Promise<ShardedRun> {
    if (options.signal?.aborted) throw new FailureError({ code: 'cancelled' });
    refuse(call);
    const run = new ShardedRun(call, options);
    try {
      await run.askAll((worker) => ({ kind: 'open', worker, call, folder: run.folder }));
      return run;
    } catch (error) {
      await run.close();
      throw error;
    }
  }

  private constructor(
    private readonly call: ShardedCall,
    { entry, signal }: ShardedOptions,
  ) {
    this.shards = shardsOf(call.shape, gridOf(call.parameters));
    this.workers = this.shards.map(({ worker }) => this.start(worker, entry));
    const cancel = () => this.end({ code: 'cancelled' });
    signal?.addEventListener('abort', cancel, { once: true });
    this.closed = Promise.all(
      this.workers.map((worker) => new Promise((resolve) => worker.once('close', resolve))),
    ).finally(() => {
      signal?.removeEventListener('abort', cancel);
      removeExchange(this.folder);
    });
  }

  /** Process ids by worker. */
  get pids(): readonly number[] {
    return this.workers.map(({ pid }) => pid!);
  }

  /** One call. The output is overwritten by the next one. */
  async run({ collect }: { readonly collect: boolean }): Promise<ShardedResult> {
    const from = performance.now();
    const answers = await this.askAll(() => ({ kind: 'run', collect }));
    const output = collect ? this.collected() : undefined;
    const ms = performance.now() - from;
    const workers = answers.map((answer) => (answer as FromWorker & { kind: 'ran' }).times);
    return { ms, workers, ...(output ? { output } : {}) };
  }

  /** Ends the workers and waits until nothing of them is left. */
  async close(): Promise<void> {
    this.end({ code: 'cancelled' });
    await this.closed;
  }

  private start(worker: number, entry: string): ChildProcess {
    const child = fork(entry, [workerFlag], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    child.on('message', (message) => this.receive(worker, message as FromWorker));
    child.on('error', (error) =>
      this.end({ code: 'compute-restarted', detail: `${this.named(worker)}: ${error.message}` }),
    );
    child.on('close', (code, signal) =>
      this.end({
        code: 'compute-restarted',
        detail: `${this.named(worker)} ended: ${exitInWords(code, signal, errors)}`,
      }),
    );
    return child;
  }

  private readonly named = (worker: number): string => `worker ${worker + 1} of ${this.shards.length}`;

  private receive(worker: number, message: FromWorker): void {
    if (message.kind === 'handed') return this.passOn(worker, message.step);
    if (message.kind === 'failed') return this.end(message.failure);
    const waiting = this.pending.get(worker);
    this.pending.delete(worker);
    waiting?.resolve(message);
  }

  /** Notifies the neighbour in the ring, or all others with the same heads, that a part is ready. */
  private passOn(from: number, step: number): void {
    const { sequenceWorkers: parts, schedule } = gridOf(this.call.parameters);
    const first = from - (from % parts);
    const next = first + ((from - first + 1) % parts);
    const all = Array.from({ length: parts }, (_, c) => first + c).filter((other) => other !== from);
    for (const to of schedule === 'ring' ? [next] : all) this.notify(to, { kind: 'handed', from, step });
  }

  private notify(worker: number, message: ToWorker): void {
    // A worker that is gone is reported by its `close`.
    this.workers[worker]!.send(message, () => {});
  }

  private askAll(message: (worker: number) => ToWorker): Promise<readonly FromWorker[]> {
    if (this.ended) return Promise.reject(new FailureError(this.ended));
    return Promise.all(
      this.shards.map(
        ({ worker }) =>
          new Promise<FromWorker>((resolve, reject) => {
            this.pending.set(worker, { resolve, reject });
            this.notify(worker, message(worker));
          }),
      ),
    );
  }

  /** The first failure ends all workers: the others would wait for it for ever. */
  private end(failure: Failure): void {
    if (this.ended) return;
    this.ended = failure;
    for (const worker of this.workers) worker.kill('SIGKILL');
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(new FailureError(failure));
  }

  private collected(): Float32Array {
    const { shape } = this.call;
    const { batch, heads, queries, valueDim } = shape;
    this.output ??= new Float32Array(batch * heads * queries * valueDim);
    for (const shard of this.shards) {
      const rows = lengthOf(shard.rows);
      if (rows === 0) continue;
      const part = new Float32Array(batch * shapeOfShard(shape, shard).heads * rows * valueDim);
      readArrays(outputFile(this.folder, shard.worker), [part]);
      placePart(part, this.output, { batch, heads, positions: queries, width: valueDim }, shard.heads, shard.rows);
    }
    return this.output;
  }
}

function refuse({ shape, parameters: { headWorkers } }: ShardedCall): void {
  if (headWorkers > shape.kvHeads) {
    throw new FailureError({
      code: 'unsupported',
      detail: `${shape.kvHeads} key/value heads cannot be split over ${headWorkers} workers without copying keys. Choose a number of workers that divides them.`,
    });
  }
  if (isCausalSelf(shape) && shape.queries > shape.keys) {
    throw new FailureError({
      code: 'unsupported',
      detail: `With ${shape.queries} queries and ${shape.keys} keys, the first queries would read nothing.`,
    });
  }
}
