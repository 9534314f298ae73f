/**
 * The run of a model in flight and what the last one gave, shared by the side view and the full panel, so that both show the
 * same heads. One run at a time: starting one cancels the one before. Pure of VS Code.
 */
import type { Disposable } from 'vscode';
import type { HeadsProgress, HeadsReply, HeadsRequest } from '../../../protocol/compute/models';
import type { HeadsPlan, ToHeadsPanel } from '../../../protocol/panels/heads';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, isRestart, wordsOf } from '../../platform/compute';
import { Owner } from '../../platform/owner';
import { Signal } from '../../platform/signal';

type Message<Kind extends ToHeadsPanel['kind']> = Extract<ToHeadsPanel, { readonly kind: Kind }>;

/** What happened, as the panel is told; `started` comes first and names the plan. */
export type RunEvent =
  { readonly kind: 'started'; readonly plan: HeadsPlan } | Message<'stage' | 'layer' | 'result' | 'failed' | 'overdue'>;

export interface RunWorld {
  heads(request: HeadsRequest, signal: AbortSignal, onProgress: (progress: HeadsProgress) => void): Promise<HeadsReply>;
  /** Keeps the result outside the process, so that a reload loses nothing. */
  keep(reply: HeadsReply): Promise<void>;
}

export const requestOf = ({ folder, prompt, gains, classify, causal, seed }: HeadsPlan): HeadsRequest => ({
  folder,
  prompt,
  gains,
  classify,
  causal,
  thumbnails: true,
  seed,
});

export class HeadsRun extends Owner {
  readonly #world: RunWorld;
  readonly #events = this.own(new Signal<RunEvent>());
  #abort: AbortController | undefined;
  #settled: Promise<void> = Promise.resolve();
  #plan: HeadsPlan | undefined;
  readonly #layers = new Map<number, Message<'layer'>>();
  #stage: Message<'stage'> | undefined;
  /** Finished layers that the server has on disk. */
  #keptLayers = 0;
  #last: Message<'result'> | undefined;
  #failed: Message<'failed'> | undefined;

  constructor(world: RunWorld) {
    super();
    this.#world = world;
  }

  readonly onEvent = (listener: (event: RunEvent) => void): Disposable => this.#events.event(listener);

  get running(): boolean {
    return this.#abort !== undefined;
  }

  /** The plan in flight, or of the last run. */
  get plan(): HeadsPlan | undefined {
    return this.#plan;
  }

  /** What the last run gave; undefined from the start of the next one. */
  get result(): Message<'result'> | undefined {
    return this.#last;
  }

  /** What a panel that opens now has to be told after `open`, so that it shows what the others show. */
  replay(): readonly RunEvent[] {
    if (this.#plan === undefined || (this.#last !== undefined && !this.running)) return [];
    const layers = [...this.#layers.values()].sort((a, b) => a.layer - b.layer);
    return [...layers, ...(this.running && this.#stage ? [this.#stage] : []), ...(this.#failed ? [this.#failed] : [])];
  }

  /** Settles when the run ended, however it ended; what it said went out as events. */
  start(plan: HeadsPlan): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    const run = this.#settled.then(() => this.#run(plan, abort));
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
      sentence: 'The run in flight does not stop by itself; its process is being restarted. The heads shown are kept.',
    });
  }

  override dispose(): void {
    this.cancel();
    super.dispose();
  }

  async #run(plan: HeadsPlan, abort: AbortController): Promise<void> {
    if (abort.signal.aborted) return;
    this.#plan = plan;
    this.#layers.clear();
    this.#keptLayers = 0;
    this.#stage = this.#last = this.#failed = undefined;
    this.#fire({ kind: 'started', plan });
    try {
      const reply = await this.#world.heads(requestOf(plan), abort.signal, (progress) => this.#onProgress(progress));
      const { result, thumbnails } = reply;
      this.#last = { kind: 'result', result, ...(thumbnails === undefined ? {} : { thumbnails }) };
      this.#rest(abort);
      this.#fire(this.#last);
      await this.#world.keep(reply);
    } catch (error) {
      if (this.#last !== undefined) {
        const details = error instanceof Error ? error.message : String(error);
        this.#fire({
          kind: 'failed',
          sentence: 'The result is shown, but it could not be kept for the next start. Save it, or export it.',
          details,
        });
        return;
      }
      this.#fail(error, abort);
    }
  }

  #fail(error: unknown, abort: AbortController): void {
    const { sentence, details } = wordsOf(error);
    const count = this.#layers.size;
    const layers = count === 1 ? '1 layer is' : `${count} layers are`;
    // After the death of the server the same run goes on behind the layers on disk, which may be fewer than are shown.
    const kept = this.#keptLayers;
    const fewer = kept < count ? `, ${kept} ${kept === 1 ? 'is' : 'are'} kept` : '';
    const goesOn = isRestart(error) && kept > 0 ? `${fewer}: Run goes on from there` : '';
    const shown = count > 0 && !isCancelled(error) ? ` ${layers} shown${goesOn}.` : '';
    this.#failed = { kind: 'failed', sentence: `${sentence}${shown}`, ...(details === undefined ? {} : { details }) };
    this.#rest(abort);
    this.#fire(this.#failed);
  }

  /** A newer run that waits for this one to end keeps its own controller. */
  #rest(abort: AbortController): void {
    this.#stage = undefined;
    if (this.#abort === abort) this.#abort = undefined;
  }

  #onProgress(progress: HeadsProgress): void {
    switch (progress.kind) {
      case 'stage': {
        const { keptLayers = 0, ...stage } = progress;
        this.#keptLayers = keptLayers;
        this.#stage = stage;
        this.#fire(stage);
        break;
      }
      case 'layer':
        this.#layers.set(progress.layer, progress);
        this.#fire(progress);
        break;
      default:
        unreachable(progress);
    }
  }

  #fire(event: RunEvent): void {
    this.#events.fire(event);
  }
}
