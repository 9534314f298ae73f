/** Answers the calls of an analysis file: what it asks of the model runs here, and what cannot cross is kept under a number. */
import type { AnalysisJob } from '../../diagnostics/analysis';
import type { Continuation, ModelRunner } from '../../diagnostics/model-runner/model-runner';
import type { KeptPrefix, LayerStep, RunResult } from '../../diagnostics/model-runner/run-request';
import { dataCalls, textCalls, weightCalls, type HeldContinuation } from '../../diagnostics/own/far-model';
import type { ParameterValues } from '../../protocol/schema/parts';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';

type Act = (...args: readonly unknown[]) => unknown;

interface OpenLayers {
  readonly run: AsyncGenerator<LayerStep, RunResult>;
  last?: LayerStep;
}

export class ModelDesk {
  private readonly held = new Map<number, unknown>();
  private handles = 0;
  private readonly steps = new Map<
    string,
    { readonly made: (value: unknown) => void; readonly done: Promise<unknown> }
  >();
  private readonly methods: Readonly<Record<string, Act>>;

  constructor(
    private readonly model: ModelRunner,
    private readonly job: AnalysisJob<ParameterValues>,
  ) {
    const of = (owner: object, names: readonly string[], before: string): [string, Act][] =>
      names.map((name) => [`${before}${name}`, (...args) => (owner as Record<string, Act>)[name]!(...args)]);
    this.methods = Object.fromEntries<Act>([
      ...of(model, dataCalls, ''),
      ...of(model.weights, weightCalls, 'weights.'),
      ['textFile', (path) => this.textFile(path)],
      ['prefix', (...args) => this.prefix(...(args as Parameters<ModelRunner['prefix']>))],
      ['continuation', (request) => this.continuation(request as Parameters<ModelRunner['continuation']>[0])],
      [
        'continuation.extend',
        (handle, ...args) => this.extend(handle, ...(args as Parameters<Continuation['extend']>)),
      ],
      ['layers.open', (request) => this.keep({ run: model.layers(request as Parameters<ModelRunner['layers']>[0]) })],
      ['layers.next', (handle) => this.nextLayer(this.of<OpenLayers>(handle))],
      ['layers.stream', (handle) => this.of<OpenLayers>(handle).last?.stream()],
      ['step.begin', (key) => this.beginStep(String(key))],
      ['step.end', (key, value) => this.endStep(String(key), value)],
    ]);
  }

  /** Throws what the model says. */
  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    const act = Object.hasOwn(this.methods, method) ? this.methods[method] : undefined;
    if (!act) throw new RangeError(`There is no call "${method}" of a model.`);
    for (const given of args) {
      this.requireSequence(given);
      this.requireHeads(given);
    }
    try {
      return await act(...args.map((given) => this.withPast(given)));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new RangeError(
        `model.${method} was given something else than it takes (${error.message}). Compare the call with its type.`,
        { cause: error },
      );
    }
  }

  /** What is answered while the file waits: `{ method, args }` as JSON, and `{ value }` or `{ why }`. */
  tell(text: string): string {
    try {
      const parsed = parseJsonText(text);
      const { method, args } = fieldsIn(parsed.ok ? parsed.value : undefined);
      if (!(textCalls as readonly unknown[]).includes(method) || !Array.isArray(args)) {
        throw new RangeError('There is no such call of a model.');
      }
      return JSON.stringify({
        value: (this.model as unknown as Record<string, Act>)[String(method)]!(...(args as unknown[])),
      });
    } catch (error) {
      return JSON.stringify({ why: (error as Error).message });
    }
  }

  private keep(value: unknown): number {
    this.held.set(++this.handles, value);
    return this.handles;
  }

  private of<T>(handle: unknown): T {
    const found = this.held.get(handle as number);
    if (found === undefined) throw new RangeError('What it goes on from was not made by this run.');
    return found as T;
  }

  /** The runtime looks tokens up without asking whether they are there. */
  private requireSequence(given: unknown): void {
    const { ids, variantIds, past } = fieldsIn(given);
    const lists = Array.isArray(variantIds) ? [ids, ...(variantIds as unknown[])] : [ids];
    const { vocabulary } = this.model.facts.summary;
    for (const list of lists) {
      if (list === undefined) continue;
      const wrong = Array.isArray(list)
        ? (list as unknown[]).find((id) => !Number.isInteger(id) || (id as number) < 0 || (id as number) >= vocabulary)
        : list;
      if (!Array.isArray(list) || wrong !== undefined) {
        throw new RangeError(`ids holds ${String(wrong)}, which is no token of the model.`);
      }
    }
    if (past !== undefined) this.of(fieldsIn(past)['handle']);
  }

  /** The runtime would take -1 for the last head of a layer. */
  private requireHeads(given: unknown): void {
    const { maps } = fieldsIn(given);
    if (!Array.isArray(maps)) return;
    const { blocks } = this.model.facts;
    for (const named of maps as unknown[]) {
      const { layer, head } = fieldsIn(named);
      const block = blocks[Number(layer)];
      if (!block) throw new RangeError(`maps names layer ${String(layer)}: the model has ${blocks.length}, from 0.`);
      if (!Number.isInteger(head) || (head as number) < 0 || (head as number) >= block.heads) {
        throw new RangeError(
          `maps names head ${String(head)} of layer ${String(layer)}, which has ${block.heads}, from 0.`,
        );
      }
    }
  }

  private withPast(given: unknown): unknown {
    const { past } = fieldsIn(given);
    return past === undefined ? given : { ...(given as object), past: this.of(fieldsIn(past)['handle']) };
  }

  private async prefix(...args: Parameters<ModelRunner['prefix']>): Promise<KeptPrefix & { readonly handle: number }> {
    const kept = await this.model.prefix(...args);
    return { length: kept.length, handle: this.keep(kept) };
  }

  private async continuation(request: Parameters<ModelRunner['continuation']>[0]): Promise<HeldContinuation> {
    const run = await this.model.continuation(request);
    return heldOf(run, this.keep(run));
  }

  private async extend(handle: unknown, ...args: Parameters<Continuation['extend']>): Promise<unknown> {
    const run = this.of<Continuation>(handle);
    const extension = await run.extend(...args);
    return { extension, now: heldOf(run, handle as number) };
  }

  private async nextLayer(open: OpenLayers): Promise<unknown> {
    const step = await open.run.next();
    if (step.done) return { done: true, value: step.value };
    open.last = step.value;
    const { stream: _, ...value } = step.value;
    return { done: false, value };
  }

  /** A file that a parameter names, and no other of this machine. */
  private textFile(path: unknown): Promise<string> {
    if (typeof path !== 'string' || path === '' || !Object.values(this.job.parameters).includes(path)) {
      throw new RangeError(
        'Only a file that a parameter names can be read. Give the analysis a parameter of the kind file.',
      );
    }
    return this.model.textFile(path);
  }

  private async beginStep(key: string): Promise<unknown> {
    let made: ((value: unknown) => void) | undefined;
    const wanted = new Promise<void>((resolve, reject) => {
      const done = this.job.step(key, () => {
        const value = new Promise((give) => (made = give));
        resolve();
        return value;
      });
      done.catch(reject);
      void done.then(
        () => resolve(),
        () => {},
      );
      this.steps.set(key, { made: (value) => made?.(value), done });
    });
    await wanted;
    if (made) return { known: false };
    return { known: true, value: await this.steps.get(key)!.done };
  }

  private async endStep(key: string, value: unknown): Promise<void> {
    const step = this.steps.get(key);
    if (!step) throw new RangeError(`no step is called "${key}"`);
    step.made(value);
    await step.done;
  }
}

const heldOf = (run: Continuation, handle: number): HeldContinuation => ({
  handle,
  logits: run.logits,
  observation: run.observation,
  length: run.length,
  chunk: run.chunk,
  canGoOn: run.canGoOn,
  cache: run.cacheBytes(),
});
