/** What the page asks of the extension for what the request and the page lack. */
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import { canonical } from '../../ui/canonical';
import { Later } from '../../ui/later';
import type { Asking } from '../../ui/run-panel';
import { besideWhat } from './beside';
import { cardWanted } from './known';
import { briefPlan, isAskedBriefly, lookToRun } from './look-runs';
import { pairToRead, picturesNeeded, promptToRead, setupOf } from './shown';
import { reading, type State } from './state';

/** Milliseconds behind the last change of the form. */
const estimateAfter = 400;
const pairAfter = 250;
const historyAfter = 200;

export class WorkbenchQuestions {
  private readonly asking: Asking<State, FromWorkbench>;
  private readonly later = new Later<'estimate' | 'tokenise' | 'pair' | 'history' | 'beside'>();
  /** By hash and path: a file may be another one in the next run, and of two equal files one may be gone. */
  private readonly askedPictures = new Set<string>();
  private estimatedSetup = '';
  /** The folder of the model whose card was asked for last. */
  private askedCard = '';

  constructor(asking: Asking<State, FromWorkbench>) {
    this.asking = asking;
  }

  /** What the state lacks that was not asked for yet. */
  ask(): void {
    this.scheduleEstimate();
    this.scheduleReading();
    this.schedulePair();
    this.scheduleBeside();
    this.card();
    const { view, opened, history } = this.asking.state();
    if (view.front === 'history' && opened && !history) this.history();
    for (const { path, sha256 } of picturesNeeded(this.asking.state())) {
      const asked = `${sha256} ${path}`;
      if (this.askedPictures.has(asked)) continue;
      this.askedPictures.add(asked);
      this.asking.post({ kind: 'picture', path, sha256 });
    }
    this.estimateBriefly();
    this.look();
  }

  /** Earlier results, a moment after the last letter. */
  historySoon(): void {
    this.later.do('history', historyAfter, () => this.history());
  }

  private scheduleEstimate(): void {
    const { opened, canRun, place, phase } = this.asking.state();
    const plan = opened ? setupOf(this.asking.state()) : undefined;
    const waits = phase.kind === 'running' && this.asking.state().tabs === undefined;
    if (!plan || canRun !== true || waits || place === 'file') return;
    if (place === 'side' && !this.asking.touched()) return;
    const written = canonical(plan);
    if (written === this.estimatedSetup && (this.asking.state().estimated || this.later.waits('estimate'))) return;
    this.estimatedSetup = written;
    this.later.do('estimate', estimateAfter, () => {
      const newest = setupOf(this.asking.state());
      if (!newest) return;
      const request = this.asking.nextRequest();
      this.asking.post({ kind: 'estimate', request, plan: newest });
      this.asking.setState({ ...this.asking.state(), estimated: { request } });
    });
  }

  /** The prompt of a form, as the model reads it. */
  private scheduleReading(): void {
    const { opened, canRun, place, phase, read } = this.asking.state();
    const asked = opened ? promptToRead(this.asking.state()) : undefined;
    if (!asked || canRun !== true || phase.kind === 'running' || read?.of === asked.key) return;
    if (place === 'side' && !this.asking.touched()) return;
    this.later.do('tokenise', estimateAfter, () => {
      const newest = promptToRead(this.asking.state());
      if (!newest || this.asking.state().phase.kind === 'running' || this.asking.state().read?.of === newest.key)
        return;
      const { key, folder, prompt, pictures } = newest;
      const request = this.asking.nextRequest();
      this.asking.post({ kind: 'tokenise', request, folder, prompt, ...(pictures ? { pictures } : {}) });
      this.asking.setState({
        ...this.asking.state(),
        read: reading(this.asking.state().read, { request, of: key, folder }),
      });
    });
  }

  /** Prompt and counterpart are aligned while they are typed. */
  private schedulePair(): void {
    const { opened, canRun, place, pair } = this.asking.state();
    const asked = opened ? pairToRead(this.asking.state()) : undefined;
    if (!asked || canRun !== true || pair?.of === asked.key) return;
    if (place === 'side' && !this.asking.touched()) return;
    this.later.do('pair', pairAfter, () => {
      const newest = pairToRead(this.asking.state());
      if (!newest || this.asking.state().pair?.of === newest.key) return;
      const { key, folder, prompt, counterpart } = newest;
      const request = this.asking.nextRequest();
      this.asking.post({ kind: 'tokenisePair', request, folder, prompt, counterpart });
      // What stood there stays until the answer comes, so that nothing jumps.
      this.asking.setState({ ...this.asking.state(), pair: { ...this.asking.state().pair, request, of: key } });
    });
  }

  /** Each model once, and only when a result that its card speaks of is on the screen. */
  private card(): void {
    const folder = cardWanted(this.asking.state());
    if (folder === undefined || folder === this.askedCard) return;
    this.askedCard = folder;
    this.asking.post({ kind: 'card', folder });
  }

  private scheduleBeside(): void {
    const { opened, canRun, place, beside } = this.asking.state();
    const asked = opened ? besideWhat(this.asking.state()) : undefined;
    if (!asked || canRun !== true || beside?.of === asked.path) return;
    if (place === 'side' && !this.asking.touched()) return;
    this.later.do('beside', estimateAfter, () => this.beside());
  }

  private beside(): void {
    const state = this.asking.state();
    const newest = besideWhat(state);
    if (!newest || state.beside?.of === newest.path) return;
    const request = this.asking.nextRequest();
    this.asking.post({ kind: 'beside', request, ...newest });
    this.asking.setState({ ...state, beside: { request, of: newest.path } });
  }

  /** Run was pressed while it is not known what lies beside the picture: it begins with the answer. */
  runOnceRead(): void {
    this.beside();
    const state = this.asking.state();
    if (state.beside) this.asking.setState({ ...state, beside: { ...state.beside, runs: true } });
  }

  history(): void {
    const request = this.asking.nextRequest();
    this.asking.post({ kind: 'history', request, words: this.asking.state().view.words.history });
    this.asking.setState({ ...this.asking.state(), history: { ...this.asking.state().history, request } });
  }

  /** What makes a look slow is left out of one that runs by itself, where it is brief without. */
  private estimateBriefly(): void {
    const state = this.asking.state();
    const plan = isAskedBriefly(state) ? briefPlan(state) : undefined;
    const { estimated } = state;
    if (!plan || !estimated) return;
    const request = this.asking.nextRequest();
    this.asking.post({ kind: 'estimate', request, plan });
    this.asking.setState({ ...state, estimated: { ...estimated, brief: { request } } });
  }

  private look(): void {
    const state = this.asking.state();
    const plan = lookToRun(state);
    if (!plan) return;
    this.asking.post({ kind: 'lookByItself', plan });
    this.asking.setState({ ...state, looked: { of: canonical(setupOf(state)) } });
  }
}
