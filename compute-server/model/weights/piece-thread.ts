/**
 * A thread that makes the weights of the pieces that are opened next, while the runtime opens and runs earlier pieces in the main thread.
 * There is one for the process. It ends when it has been idle for a while.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FormatRecipe } from '../../../models/formats/number-formats/number-format';
import type { Entry, PieceEntries } from './piece-layout';
import type { Encoded } from './tensor-source';

/** In the bundle the script is in the same folder. A thread does not load TypeScript by itself, so from sources it is given a loader. */
const fromSources = __filename.endsWith('.ts');
const script = fromSources
  ? `require('tsx/cjs'); require(${JSON.stringify(join(__dirname, 'piece-worker.ts'))});`
  : join(__dirname, 'piece-worker.js');

const idleMs = 10_000;

/** An entry with the recipes of its formats in their place. */
type Sent<T> = T extends { readonly of: readonly (infer R)[] }
  ? Omit<T, 'of'> & { readonly of: readonly Sent<R>[] }
  : T extends { readonly tensor: { readonly encoded: infer E } }
    ? Omit<T, 'tensor'> & {
        readonly tensor: Omit<T['tensor'], 'encoded'> & {
          readonly encoded: Omit<E, 'format'> & { readonly format: FormatRecipe };
        };
      }
    : T;

export interface PieceRequest {
  readonly id: number;
  readonly entries: readonly Sent<Entry>[];
  readonly size: number;
  /** The folder that the locations of the tensors are relative to. */
  readonly source: string;
  /** The file to write. */
  readonly path: string;
}

export interface PieceAnswer {
  readonly id: number;
  readonly failed: boolean;
}

class PieceThread {
  private readonly worker = new Worker(script, { eval: fromSources, execArgv: [] });
  private readonly waiting = new Map<number, (made: boolean) => void>();
  private next = 0;

  constructor(private readonly ended: (thread: PieceThread) => void) {
    this.worker.unref();
    this.worker.on('message', ({ id, failed }: PieceAnswer) => {
      this.waiting.get(id)?.(!failed);
      this.waiting.delete(id);
      if (this.waiting.size === 0) this.worker.unref();
    });
    this.worker.on('error', () => {});
    this.worker.on('exit', () => this.end());
  }

  ask(request: Omit<PieceRequest, 'id'>): Promise<boolean> {
    const id = this.next++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.worker.ref();
      this.worker.postMessage({ ...request, id } satisfies PieceRequest);
    });
  }

  get isIdle(): boolean {
    return this.waiting.size === 0;
  }

  end(): void {
    this.ended(this);
    void this.worker.terminate();
    for (const resolve of this.waiting.values()) resolve(false);
    this.waiting.clear();
  }
}

let thread: PieceThread | undefined;
let idle: NodeJS.Timeout | undefined;

/** Starts the thread, so that it is there when it is asked. */
export function startPieceThread(): PieceThread {
  clearTimeout(idle);
  idle = setTimeout(() => {
    if (thread?.isIdle) thread.end();
    else idle?.refresh();
  }, idleMs).unref();
  // One that was ended says so once more when it has, and another one may be there by then.
  return (thread ??= new PieceThread((one) => {
    if (thread === one) thread = undefined;
  }));
}

/** Undefined: its format has no recipe. */
function sent<T extends { readonly tensor: Encoded }>(one: T): Sent<T> | undefined {
  const { format, ...encoded } = one.tensor.encoded;
  if (!format.recipe) return undefined;
  return { ...one, tensor: { ...one.tensor, encoded: { ...encoded, format: format.recipe } } } as unknown as Sent<T>;
}

/** Writes the file of a piece in the thread. False: it could not be written there, for whatever reason. */
export async function writeInThread(layout: PieceEntries, source: string, path: string): Promise<boolean> {
  const entries: Sent<Entry>[] = [];
  for (const entry of layout.parts) {
    if (entry.kind === 'copy' || entry.kind === 'packed') {
      entries.push(entry);
      continue;
    }
    if (entry.kind === 'coded') {
      const of = entry.of.map(sent);
      if (!of.every((rows) => rows !== undefined)) return false;
      entries.push({ ...entry, of });
      continue;
    }
    const one = sent(entry);
    if (!one) return false;
    entries.push(one);
  }
  return startPieceThread().ask({ entries, size: layout.size, source, path });
}
