/** The model of an analysis file: each call is a message to the compute server, which runs it. Tensors come beside the text of a message. */
import type {
  CancelSignal,
  Continuation,
  ContinuationRequest,
  Extension,
  ModelFacts,
  ModelRunner,
} from '../model-runner/model-runner';
import type { LayersRequest, LayerStep, ResidualStream, RunResult } from '../model-runner/run-request';

/** What the file waits for. Arguments are data. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Asks the compute server and waits: text in and out. */
export type Outside = (text: string) => string;

export class Outbox {
  private calls: Call[] = [];
  private readonly open = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void; readonly error: Error }
  >();
  private made = 0;

  get waiting(): number {
    return this.open.size;
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    // Made here: its stack leads to the line that called.
    const error = new Error();
    return new Promise((resolve, reject) => {
      const id = ++this.made;
      this.open.set(id, { resolve, reject, error });
      this.calls.push({ id, method, args });
    });
  }

  take(): readonly Call[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }

  answer(id: number, value: unknown): void {
    this.open.get(id)?.resolve(value);
    this.open.delete(id);
  }

  refuse(id: number, why: string): void {
    const { reject, error } = this.open.get(id) ?? {};
    if (error) error.message = why;
    reject?.(error!);
    this.open.delete(id);
  }
}

/** Calls whose arguments and answers are data. */
export const dataCalls = [
  'prompt',
  'variant',
  'parity',
  'run',
  'losses',
  'answers',
  'nextTokens',
  'gradients',
  'encoded',
  'textFile',
] as const satisfies readonly (keyof ModelRunner)[];

export const weightCalls = [
  'layer',
  'heads',
  'scores',
  'map',
  'product',
] as const satisfies readonly (keyof ModelRunner['weights'])[];

/** Calls that are answered at once: text alone. */
export const textCalls = ['encode', 'pieces', 'named', 'decode'] as const satisfies readonly (keyof ModelRunner)[];

const notHere = [
  'withPixels',
  'reinforced',
  'pictures',
  'encoder',
  'beside',
  'source',
  'direct',
  'readout',
  'joint',
  'trainer',
  'checkpoint',
] as const satisfies readonly (keyof ModelRunner)[];

/** The state of a continuation that lies in the compute server. */
export type HeldContinuation = Pick<Continuation, 'logits' | 'observation' | 'length' | 'chunk' | 'canGoOn'> & {
  readonly handle: number;
  readonly cache: ReturnType<Continuation['cacheBytes']>;
};

/** Calls that are answered while the file waits. */
export const toldBy =
  (outside: Outside) =>
  (method: string) =>
  (...args: readonly unknown[]): unknown => {
    const { value, why } = JSON.parse(outside(JSON.stringify({ method, args }))) as { value?: unknown; why?: string };
    if (why !== undefined) throw new Error(why);
    return value;
  };

/** The model of a file. Calls of it that are not offered throw a sentence. */
export function farModel(facts: ModelFacts, outbox: Outbox, outside: Outside): ModelRunner {
  const call =
    (method: string) =>
    (...args: readonly unknown[]) =>
      outbox.call(method, args);
  const told = toldBy(outside);
  const signal: CancelSignal = { aborted: false, throwIfAborted() {} };
  const model: Record<string, unknown> = {
    facts,
    signal,
    seconds: () => Date.now() / 1000,
    prefix: call('prefix'),
    layers: (request: LayersRequest) => layers(outbox, request),
    continuation: (request: ContinuationRequest) => continuation(outbox, request),
    weights: Object.fromEntries(weightCalls.map((name) => [name, call(`weights.${name}`)])),
  };
  for (const name of dataCalls) model[name] = call(name);
  for (const name of textCalls) model[name] = told(name);
  for (const name of notHere) {
    Object.defineProperty(model, name, {
      get() {
        throw new Error(`An analysis file cannot use model.${name}. docs/own-analyses.md lists what it can call.`);
      },
    });
  }
  return new Proxy(model, {
    get(from, name) {
      // What is awaited is asked for "then".
      if (typeof name === 'symbol' || name in from || name === 'then' || name === 'toJSON') return from[name as string];
      throw new Error(`A model has no "${name}". docs/own-analyses.md lists what it can call.`);
    },
  }) as unknown as ModelRunner;
}

async function* layers(outbox: Outbox, request: LayersRequest): AsyncGenerator<LayerStep, RunResult> {
  const handle = await outbox.call('layers.open', [request]);
  for (;;) {
    const next = (await outbox.call('layers.next', [handle])) as
      | { readonly done: true; readonly value: RunResult }
      | { readonly done: false; readonly value: Omit<LayerStep, 'stream'> };
    if (next.done) return next.value;
    yield { ...next.value, stream: () => outbox.call('layers.stream', [handle]) as Promise<ResidualStream> };
  }
}

async function continuation(outbox: Outbox, request: ContinuationRequest): Promise<Continuation> {
  let held = (await outbox.call('continuation', [request])) as HeldContinuation;
  return {
    get logits() {
      return held.logits;
    },
    get observation() {
      return held.observation;
    },
    get length() {
      return held.length;
    },
    get chunk() {
      return held.chunk;
    },
    get canGoOn() {
      return held.canGoOn;
    },
    cacheBytes: () => held.cache,
    async extend(ids, wanted) {
      const { extension, now } = (await outbox.call('continuation.extend', [held.handle, ids, wanted])) as {
        readonly extension: Extension;
        readonly now: HeldContinuation;
      };
      held = now;
      return extension;
    },
  };
}
