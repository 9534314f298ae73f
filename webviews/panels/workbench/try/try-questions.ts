/** What is asked of the extension for a trial: the next tokens whenever prompt or changes are others, and a continuation. */
import type { FromWorkbench } from '../../../../protocol/panels/workbench-schema';
import { canonical } from '../../../ui/canonical';
import { Later } from '../../../ui/later';
import type { Asking } from '../../../ui/run-panel';
import type { State } from '../state';
import { readSampling } from '../sampling';
import { stopped, withTrial, type Trial } from '../trial';
import { continues, isTryOpen, triedOf, whyNotTried, type Tried } from './tried';

/** Milliseconds behind the last change. */
const asksAfter = 150;

export class TryQuestions {
  private readonly later = new Later<'nextTokens'>();
  private readonly asking: Asking<State, FromWorkbench>;

  constructor(asking: Asking<State, FromWorkbench>) {
    this.asking = asking;
  }

  /** The next tokens, where they are looked at. */
  ask(compact: boolean): void {
    if (!this.lacking(compact)) return;
    this.later.do('nextTokens', asksAfter, () => {
      const tried = this.lacking(compact);
      if (!tried) return;
      const { at, changes, trial } = tried;
      const request = this.asking.nextRequest();
      // The last answer stays on screen until the next one is there.
      const before = trial.tokens?.distributions;
      const tokens = { request, interventions: changes, ...(before ? { distributions: before } : {}) };
      this.keep(tried, { tokens });
      this.asking.post({ kind: 'nextTokens', request, prompt: at, interventions: changes });
    });
  }

  /** `changed`: the text with the changes alone, where that without them is there. */
  generate(which: 'both' | 'changed' = 'both'): void {
    const state = this.asking.state();
    const tried = triedOf(state);
    const reading = readSampling(state.view.trying.sampling);
    if (!tried || !continues(tried) || !reading.ok || whyNotTried(state, tried) !== undefined) return;
    const { at, changes: interventions, trial } = tried;
    const { generation: before } = trial;
    const { sampling } = reading;
    const plain =
      which === 'changed' &&
      interventions.length > 0 &&
      before?.plain?.done === true &&
      canonical(before.sampling) === canonical(sampling)
        ? before.plain
        : undefined;
    const request = this.asking.nextRequest();
    this.keep(tried, {
      generation: { request, interventions, sampling, running: true, ...(plain ? { plain } : {}) },
    });
    const changedOnly = plain ? ({ changedOnly: true } as const) : {};
    this.asking.post({ kind: 'generate', request, prompt: at, interventions, ...sampling, ...changedOnly });
  }

  stop(): void {
    const tried = triedOf(this.asking.state());
    const { generation } = tried?.trial ?? {};
    if (!tried || !generation?.running) return;
    this.asking.post({ kind: 'stopGenerating' });
    this.keep(tried, { generation: stopped(generation) });
  }

  /** A slider was let go: what was written without the changes is still right. */
  settled(): void {
    const { generation } = triedOf(this.asking.state())?.trial ?? {};
    if (generation) this.generate('changed');
  }

  private keep({ subject }: Tried, change: Partial<Trial>): void {
    const state = this.asking.state();
    this.asking.setState({ ...state, trials: withTrial(state.trials, subject, change) });
  }

  /** What is tried and has no next tokens that are of the changes or on their way. */
  private lacking(compact: boolean): Tried | undefined {
    const state = this.asking.state();
    if (!state.opened || (state.place === 'side' && !this.asking.touched())) return undefined;
    const tried = triedOf(state);
    if (!tried || !continues(tried) || !isTryOpen(state, tried, compact)) return undefined;
    if (whyNotTried(state, tried) !== undefined) return undefined;
    const { tokens } = tried.trial;
    return tokens && canonical(tokens.interventions) === canonical(tried.changes) ? undefined : tried;
  }
}
