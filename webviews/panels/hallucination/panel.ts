/** Holds the state, draws it, does what its parts ask for, and asks the extension for what the picture lacks. */
import { render } from 'lit';
import type { ReinforcementRequest } from '../../../protocol/compute/hallucination';
import type {
  FromHallucinationPanel,
  HallucinationPlace,
  ToHallucinationPanel,
} from '../../../protocol/panels/hallucination';
import type { DatasetEntry } from '../../../protocol/results/hallucination';
import { unreachable } from '../../../protocol/unreachable';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { canonical } from '../../ui/canonical';
import type { HeadPlace } from '../../ui/head-names';
import { acquireHost, type Host } from '../../ui/host';
import { Later } from '../../ui/later';
import { seconds } from '../../ui/numbers';
import { PlanTelling } from '../../ui/plan-telling';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme } from '../../ui/theme';
import type { Actions, ExportKind, Part } from './actions';
import { exportData, exportName } from './exports';
import { finding } from './finding';
import { toForm, type Form } from './form';
import { mapModel } from './map-model';
import { page } from './page';
import { patchWords } from './picture-map';
import { levelsOf, patchesOf, type Patch } from './picture-layout';
import { runsOf, tokenWords } from './ribbon-model';
import { continues } from '../../ui/kept-form';
import { keep, parseKept, restore, type Kept } from './kept';
import { modelOfForm, planOf, samePrompt } from './plan';
import { startRun } from './run-plan';
import { captionOf, lacking, mapHeads, pictureOf } from './shown';
import { edited, initialState, receive, select, type Latest, type State, type TokenPlace, type View } from './state';
import { announcementOf } from './vhd-model';
import { modelOfStep } from './vhd-view';

export class HallucinationPanel implements Actions {
  private state: State;
  private readonly host: Host<ToHallucinationPanel, FromHallucinationPanel, Kept>;
  private readonly plans: PlanTelling<NonNullable<ReturnType<typeof planOf>>>;
  private readonly later = new Later<'image' | 'tokens' | 'time' | 'map' | 'step'>();
  private requests = 0;
  private latest: Latest = { openImage: -1, tokenise: -1 };
  private asked = { image: '', tokens: '', card: '' };
  /** In the side view nothing is computed before the person does something: it would start a process for an open side bar. */
  private touched = false;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private announced = '';

  constructor(
    private readonly root: HTMLElement,
    place: HallucinationPlace,
  ) {
    this.host = acquireHost(parseKept);
    this.redraw = new Redraw(root, () => this.drawNow());
    const kept = this.host.restore();
    this.state = restore(initialState(place), kept?.place === place ? kept : undefined);
    this.plans = new PlanTelling(kept?.basis ?? [], {
      plan: () => (this.state.opened ? planOf(this.state) : undefined),
      tell: (plan) => this.host.post({ kind: 'planned', plan }),
      keep: () => this.keepState(),
    });
    this.arrangement = new Arrangement(root, place === 'side', () => this.draw());
    onThemeChange(() => this.draw());
    document.addEventListener('keydown', (event) => this.onKey(event));
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private nextRequest(): number {
    this.requests += 1;
    return this.requests;
  }

  private onMessage(message: ToHallucinationPanel): void {
    if (message.kind === 'open') {
      if (message.replaces || !continues(keep(this.state, this.plans.basis), message.plan))
        this.state = { ...this.state, form: undefined };
      this.plans.opened(message.plan);
      // What is wrong with a picture is not in the message: it is asked again.
      if (!message.picture) this.asked = { ...this.asked, image: '' };
    }
    this.change(receive(this.state, message, this.latest));
    this.tell(message);
  }

  /** Says the steps of a run to those who do not see them. */
  private tell(message: ToHallucinationPanel): void {
    switch (message.kind) {
      case 'result':
      case 'set':
        announce(finding(this.state));
        break;
      case 'failed':
      case 'overdue':
      case 'notice':
        announce(message.sentence);
        break;
      case 'stage': {
        const said = `${Math.floor(message.share * 10) * 10} % done`;
        if (said === this.announced) return;
        this.announced = said;
        announce(message.secondsLeft === undefined ? said : `${said}, about ${seconds(message.secondsLeft)} left`);
        break;
      }
      case 'variant':
        announce(`Caption: ${message.caption.text}`);
        break;
      case 'open':
      case 'models':
      case 'model':
      case 'picture':
      case 'imageFolder':
      case 'tokenised':
      case 'folderTime':
      case 'card':
      case 'firstStep':
      case 'token':
      case 'map':
      case 'step':
      case 'entry':
      case 'entryFailed':
        break;
      default:
        unreachable(message);
    }
  }

  private change(state: State): void {
    this.state = state;
    this.keepState();
    if (state.place !== 'file') this.plans.schedule();
    this.askImage();
    this.askTokens();
    this.askTime();
    this.askCard();
    this.askMap();
    this.askStep();
    this.draw();
  }

  private keepState(): void {
    this.host.keep(keep(this.state, this.plans.basis));
  }

  private get mayAsk(): boolean {
    const { opened, place, canRun, asides } = this.state;
    return opened && canRun === true && !asides.waiting && (place !== 'side' || this.touched);
  }

  /** The picture of the form as its model sees it. */
  private askImage(): void {
    const { form, picture, place } = this.state;
    const model = modelOfForm(this.state);
    if (!this.mayAsk || !form || place === 'file' || form.mode !== 'image' || form.image === '' || !model?.vision)
      return;
    // The prompt says where the picture stands, or lacks its place.
    const asked = canonical([form.folder, form.image, form.prompt, form.chat]);
    if (asked === this.asked.image) return;
    this.asked.image = asked;
    const { result } = this.state;
    if (picture?.image.path === form.image && result?.image?.path === form.image && samePrompt(result, form)) return;
    this.later.do('image', 200, () => {
      if (this.state.form?.mode !== form.mode) return;
      const request = this.nextRequest();
      this.latest = { ...this.latest, openImage: request };
      this.host.post({
        kind: 'openImage',
        request,
        folder: form.folder,
        image: form.image,
        prompt: form.prompt,
        chat: form.chat,
      });
    });
  }

  private askTokens(): void {
    const { form, place } = this.state;
    if (!this.mayAsk || !form || place === 'file' || form.mode === 'image' || form.folder === '' || form.prompt === '')
      return;
    const pictures = form.mode === 'set';
    if (pictures && !modelOfForm(this.state)?.vision) return;
    const asked = canonical([form.folder, form.prompt, form.chat, pictures]);
    if (asked === this.asked.tokens) return;
    this.asked.tokens = asked;
    this.later.do('tokens', 200, () => {
      const request = this.nextRequest();
      this.latest = { ...this.latest, tokenise: request };
      this.host.post({ kind: 'tokenise', request, folder: form.folder, text: form.prompt, chat: form.chat, pictures });
    });
  }

  /** Of a folder that could be run as it is typed. */
  private askTime(): void {
    const { form, place, phase, imageFolder, typedProblem } = this.state;
    const plan = planOf(this.state);
    if (!this.mayAsk || place === 'file' || phase.kind === 'running' || form?.mode !== 'set' || !plan) return;
    if (!modelOfForm(this.state)?.vision || imageFolder?.folder !== plan.images || imageFolder.images === 0) return;
    if (typedProblem !== undefined) return;
    const { folder, images, prompt, chat, maxNewTokens, setCaptions } = plan;
    const of = canonical([folder, images, prompt, chat, maxNewTokens, setCaptions]);
    if (this.state.folderTime?.of === of) return;
    this.state = { ...this.state, folderTime: { request: -1, of } };
    this.later.do('time', 500, () => {
      const request = this.nextRequest();
      if (this.state.folderTime) this.state = { ...this.state, folderTime: { ...this.state.folderTime, request } };
      this.host.post({ kind: 'folderTime', request, plan });
    });
  }

  /** Of the model that the person chose: a saved file may name any folder, and asks for nothing. */
  private askCard(): void {
    const { form, place } = this.state;
    if (!this.mayAsk || place === 'file' || !form || form.folder === '') return;
    if (this.asked.card === form.folder) return;
    this.asked.card = form.folder;
    this.host.post({ kind: 'card', folder: form.folder });
  }

  private askMap(): void {
    const { result, token } = this.state;
    const heads = mapHeads(this.state);
    if (!this.mayAsk || !result || heads.length === 0) return;
    if (!result.image && result.removed.kind !== 'span') return;
    const of = canonical([result.created, token, heads]);
    if (this.state.map?.of === of) return;
    const before = this.state.map?.value;
    // The last map stays on screen until the next one is there.
    this.state = { ...this.state, map: { request: -1, of, ...(before ? { value: before } : {}) } };
    this.later.do('map', 40, () => {
      const request = this.nextRequest();
      if (this.state.map) this.state = { ...this.state, map: { ...this.state.map, request } };
      this.host.post({ kind: 'map', request, step: token.step, variant: token.variant, heads });
    });
  }

  private askStep(): void {
    const { result, token, step } = this.state;
    if (!this.mayAsk || !result || token.variant !== null || token.step === 0) return;
    if (result.steps?.some((one) => one.step === token.step)) return;
    const of = canonical([result.created, token.step]);
    if (step?.of === of) return;
    this.state = { ...this.state, step: { request: -1, of } };
    this.later.do('step', 120, () => {
      const request = this.nextRequest();
      if (this.state.step) this.state = { ...this.state, step: { ...this.state.step, request } };
      this.host.post({ kind: 'step', request, step: token.step });
    });
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run();
    } else if (event.key === 'Escape' && this.state.patch !== undefined) {
      this.change({ ...this.state, patch: undefined });
    }
  }

  // What the parts ask for.

  edit(change: Partial<Form>): void {
    this.touched = true;
    if (change.mode !== undefined && change.mode !== this.state.form?.mode) {
      // Answers about the mode that is left are dropped; back in it they are asked for again.
      this.asked = { ...this.asked, image: '', tokens: '' };
      this.latest = { openImage: -1, tokenise: -1 };
    }
    this.change(edited(this.state, change));
  }

  view(change: Partial<View>): void {
    this.touched = true;
    this.change({ ...this.state, view: { ...this.state.view, ...change } });
  }

  toggle(name: string, open: boolean): void {
    this.view({ open: { ...this.state.view.open, [name]: open } });
  }

  chooseModel(folder: string): void {
    this.touched = true;
    const { form } = this.state;
    if (!form) return;
    this.host.post({ kind: 'chooseModel', folder });
    this.change({ ...this.state, form: { ...form, folder }, typed: undefined, typedProblem: undefined });
  }

  select(place: HeadPlace): void {
    this.touched = true;
    const before = this.state.selected;
    this.change(select(this.state, place));
    const model = modelOfStep(this.state);
    if (model && (before?.layer !== place.layer || before.head !== place.head)) announce(announcementOf(model, place));
  }

  selectToken(token: TokenPlace): void {
    this.touched = true;
    this.change({ ...this.state, token });
    const caption = captionOf(this.state, token.variant);
    const chosen = caption.tokens[token.step];
    const run = runsOf(caption).find(({ from, to }) => token.step >= from && token.step < to);
    if (chosen) announce(tokenWords(chosen, token.step, run?.mention, lacking(this.state)));
  }

  selectPatch(patch: Patch): void {
    this.touched = true;
    this.change({ ...this.state, patch: patch.token });
    const { map, result, view } = this.state;
    const picture = pictureOf(this.state);
    if (!picture) return;
    const level = levelsOf(picture.image)[view.level] ?? [];
    announce(patchWords(mapModel(patchesOf(picture.image, level), map?.value, result?.sinks), patch, level));
  }

  run(resume = false): void {
    this.touched = true;
    const started = startRun(this.state, resume);
    if (!started) return;
    this.announced = '';
    this.host.post({ kind: 'run', plan: started.plan, resume });
    this.change(started.state);
    announce('Started');
  }

  cancel(): void {
    const { phase } = this.state;
    if (phase.kind !== 'running' || phase.cancelling) return;
    this.host.post({ kind: 'cancel' });
    this.change({ ...this.state, phase: { ...phase, cancelling: true } });
    announce('Stopping');
  }

  reinforce(name: string, reinforcement: ReinforcementRequest): void {
    this.touched = true;
    const request = this.nextRequest();
    this.change({ ...this.state, making: { request, name, tokens: [] } });
    this.host.post({ kind: 'reinforce', request, reinforcement });
  }

  openEntry(entry: DatasetEntry): void {
    const { form, set } = this.state;
    const folder = form?.images ?? '';
    if (!form || (!set && this.state.phase.kind === 'running')) return;
    this.edit({ mode: 'image', image: `${folder.replace(/[\\/]$/, '')}/${entry.name}`, truth: entry.truth.join(', ') });
    announce(`${entry.name} is chosen: Run shows its heads.`);
  }

  backToShown(): void {
    const { shownPlan } = this.state;
    if (shownPlan) this.change({ ...this.state, form: toForm(shownPlan) });
  }

  dropComparison(): void {
    this.host.post({ kind: 'stopComparing' });
    this.change({ ...this.state, compareWith: undefined });
  }

  openFull(): void {
    const { selected, place, shownPlan } = this.state;
    const plan = place === 'file' ? shownPlan : planOf(this.state);
    if (plan) this.host.post({ kind: 'openFull', plan, ...(selected ? { select: selected } : {}) });
  }

  loadModel(): void {
    this.touched = true;
    this.host.post({ kind: 'loadModel' });
    this.change({ ...this.state, phase: { kind: 'idle' }, asides: { ...this.state.asides, loading: true } });
    announce('Loading the model');
  }

  dismissNotice(): void {
    this.change({ ...this.state, asides: { ...this.state.asides, notice: undefined } });
  }

  post(message: FromHallucinationPanel): void {
    this.touched = true;
    this.host.post(message);
  }

  copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`${what} is copied`);
  }

  exportAs(kind: ExportKind): void {
    const format = kind === 'words' ? 'csv' : kind;
    exportData(this.state, kind, readTheme()).then(
      (data) => this.host.post({ kind: 'export', format, name: exportName(this.state, kind), data }),
      (error: unknown) => {
        const sentence = error instanceof Error ? error.message : 'The export failed. Try SVG or CSV.';
        this.change({ ...this.state, phase: { kind: 'failed', sentence } });
        announce(sentence);
      },
    );
  }

  // Drawing.

  private draw(): void {
    this.redraw.request();
  }

  private drawNow(): void {
    render(page(this.part()), this.root);
  }

  private part(): Part {
    const { compact, beside } = this.arrangement;
    return { state: this.state, actions: this, dark: readTheme().dark, compact, beside };
  }
}
