/**
 * The run in flight and what the last one gave, shared by the side view and the full panel, so that both show the same. One run
 * at a time: starting one cancels the one before. Pure of VS Code.
 */
import type { Disposable } from 'vscode';
import type {
  HallucinationProgress,
  HallucinationRequest,
  HallucinationSetProgress,
  HallucinationSetRequest,
  Lexicon,
} from '../../../protocol/compute/hallucination';
import type { HallucinationPlan, ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type {
  Caption,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../../../protocol/results/hallucination';
import { unreachable } from '../../../protocol/unreachable';

import { Owner } from '../../platform/owner';
import { Signal } from '../../platform/signal';
import type { SavedHallucination } from '../../results/hallucination-file';
import { Sentence, sentenceOfError } from '../questions';
import type { BesideImage, FoundImages } from './image-folder';
import { requestOf, setRequestOf } from './requests';

type Message<Kind extends ToHallucinationPanel['kind']> = Extract<ToHallucinationPanel, { readonly kind: Kind }>;

/** What happened, as the panel is told; `started` comes first and names the plan. */
export type RunEvent =
  | { readonly kind: 'started'; readonly plan: HallucinationPlan }
  | Message<'stage' | 'firstStep' | 'token' | 'result' | 'entry' | 'entryFailed' | 'set' | 'failed' | 'overdue'>;

export interface RunWorld {
  hallucination(
    request: HallucinationRequest,
    signal: AbortSignal,
    onProgress: (progress: HallucinationProgress) => void,
  ): Promise<HallucinationResult>;
  hallucinationSet(
    request: HallucinationSetRequest,
    signal: AbortSignal,
    onProgress: (progress: HallucinationSetProgress) => void,
  ): Promise<HallucinationSet>;
  images(folder: string): Promise<FoundImages>;
  besideImage(path: string): Promise<BesideImage>;
  lexicon(path: string): Promise<Lexicon | undefined>;
  /** Keeps the result outside the process, so that a reload loses nothing. */
  keep(saved: SavedHallucination): Promise<void>;
}

export class HallucinationRun extends Owner {
  readonly #world: RunWorld;
  readonly #events = this.own(new Signal<RunEvent>());
  #abort: AbortController | undefined;
  #settled: Promise<void> = Promise.resolve();
  #plan: HallucinationPlan | undefined;
  /** What a panel that opens now has to be told, in order. */
  #told: RunEvent[] = [];
  #stage: Message<'stage'> | undefined;
  #last: SavedHallucination | undefined;
  #entries: DatasetEntry[] = [];

  constructor(world: RunWorld) {
    super();
    this.#world = world;
  }

  readonly onEvent = (listener: (event: RunEvent) => void): Disposable => this.#events.event(listener);

  get running(): boolean {
    return this.#abort !== undefined;
  }

  /** The plan in flight, or of the last run. */
  get plan(): HallucinationPlan | undefined {
    return this.#plan;
  }

  /** What the last run gave; undefined from the start of the next one. */
  get result(): SavedHallucination | undefined {
    return this.#last;
  }

  /** What a panel that opens now has to be told after `open`, so that it shows what the others show. */
  replay(): readonly RunEvent[] {
    if (this.#plan === undefined || this.#last !== undefined) return [];
    return [...this.#told, ...(this.running && this.#stage ? [this.#stage] : [])];
  }

  /** Settles when the run ended, however it ended; what it said went out as events. `done`: pictures captioned before. */
  start(plan: HallucinationPlan, done: readonly DatasetEntry[] = []): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    const run = this.#settled.then(() => this.#run(plan, done, abort));
    this.#settled = run;
    return run;
  }

  cancel(): void {
    this.#abort?.abort();
  }

  /** The cancelled run does not stop by itself. */
  overdue(): void {
    if (!this.running) return;
    this.#fire({
      kind: 'overdue',
      sentence: 'The run in flight does not stop by itself; its process is being restarted. What is shown is kept.',
    });
  }

  /** A caption that was made of the last result belongs to it from now on, whoever asked for it. */
  async addVariant(of: HallucinationResult, caption: Caption): Promise<HallucinationResult> {
    const same = (one: Caption): boolean => JSON.stringify(one.reinforcement) === JSON.stringify(caption.reinforcement);
    const result = { ...of, variants: [...of.variants.filter((one) => !same(one)), caption] };
    if (this.#last?.created === of.created) {
      this.#last = result;
      this.#fire({ kind: 'result', result });
      await this.#world.keep(result);
    }
    return result;
  }

  override dispose(): void {
    this.cancel();
    super.dispose();
  }

  async #run(plan: HallucinationPlan, done: readonly DatasetEntry[], abort: AbortController): Promise<void> {
    if (abort.signal.aborted) return;
    this.#plan = plan;
    this.#told = [];
    this.#stage = this.#last = undefined;
    this.#entries = [...done];
    this.#fire({ kind: 'started', plan });
    for (const entry of done) this.#tell({ kind: 'entry', entry });
    try {
      const saved = plan.mode === 'set' ? await this.#set(plan, done, abort) : await this.#one(plan, abort);
      this.#last = saved;
      this.#rest(abort);
      this.#fire(
        saved.kind === 'headscope-hallucination-set' ? { kind: 'set', set: saved } : { kind: 'result', result: saved },
      );
      await this.#keep(saved);
    } catch (error) {
      this.#rest(abort);
      this.#tell({ kind: 'failed', ...sentenceOfError(error) });
    }
  }

  async #one(plan: HallucinationPlan, { signal }: AbortController): Promise<HallucinationResult> {
    const judged = plan.mode === 'image' && plan.truth !== null;
    const lexicon = await this.#world.lexicon(plan.lexicon);
    const references = judged ? (await this.#world.besideImage(plan.image)).references : undefined;
    return this.#world.hallucination(requestOf(plan, lexicon, references), signal, (progress) =>
      this.#onProgress(progress),
    );
  }

  async #set(
    plan: HallucinationPlan,
    done: readonly DatasetEntry[],
    { signal }: AbortController,
  ): Promise<HallucinationSet> {
    const [lexicon, { images, shown }] = await Promise.all([
      this.#world.lexicon(plan.lexicon),
      this.#world.images(plan.images),
    ]);
    if (images.length === 0) throw new Sentence(`No picture with a truth lies in ${plan.images}. ${shown.note ?? ''}`);
    return this.#world.hallucinationSet(setRequestOf(plan, images, lexicon, done), signal, (progress) =>
      this.#onProgress(progress),
    );
  }

  async #keep(saved: SavedHallucination): Promise<void> {
    try {
      await this.#world.keep(saved);
    } catch (error) {
      this.#fire({
        kind: 'failed',
        sentence: 'The result is shown, but it could not be kept for the next start. Save it, or export it.',
        details: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** A newer run that waits for this one to end keeps its own controller. */
  #rest(abort: AbortController): void {
    this.#stage = undefined;
    if (this.#abort === abort) this.#abort = undefined;
  }

  #onProgress(progress: HallucinationProgress | HallucinationSetProgress): void {
    switch (progress.kind) {
      case 'stage':
        this.#stage = progress;
        return this.#fire(progress);
      case 'firstStep':
        return this.#tell(progress);
      case 'token':
        return this.#tell({ ...progress, variant: false });
      case 'entry':
        // Entries that were handed over are known already.
        if (this.#entries.some(({ name }) => name === progress.entry.name)) return;
        this.#entries.push(progress.entry);
        return this.#tell(progress);
      case 'failure':
        return this.#tell({ kind: 'entryFailed', name: progress.name, why: progress.why });
      default:
        return unreachable(progress);
    }
  }

  /** What was captioned so far: a run that was stopped goes on behind it. */
  get entries(): readonly DatasetEntry[] {
    return this.#last?.kind === 'headscope-hallucination-set' ? this.#last.entries : this.#entries;
  }

  #tell(event: RunEvent): void {
    this.#told.push(event);
    this.#fire(event);
  }

  #fire(event: RunEvent): void {
    this.#events.fire(event);
  }
}
