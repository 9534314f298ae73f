/** The Hallucination panel: what is its own beside what every panel that runs something does (`ui/run-panel.ts`). */
import type { TemplateResult } from 'lit';
import type { ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import type { FromHallucinationPanel, HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import { writeFile } from '../../charts/leaving';
import { announce } from '../../ui/announce';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { decoded } from '../../sections/image/loaded-picture';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { ModelRunPanel } from '../../ui/model-run-panel';
import type { Spoken, StartedRun } from '../../ui/run-panel';
import { themeForFile } from '../../ui/theme';
import type { Actions, ExportKind, Part } from './actions';
import { exportName, formatOf, leavingOf, leavingSection } from './exports';
import { toForm, type Form } from './form';
import { keep, parseKept, restore, type Kept } from './kept';
import { page } from './page';
import { setupOf } from './setup';
import { Questions } from './questions';
import { startRun } from './run-setup';
import { viewOf } from './section-list';
import { spokenOf } from './spoken';
import { edited, initialState, receive, select, withDecoded, type State, type TokenPlace } from './state';

export class HallucinationPanel
  extends ModelRunPanel<State, ToHallucinationPanel, FromHallucinationPanel, HallucinationSetup, Kept>
  implements Actions
{
  private readonly decoding = new Set<string>();
  private readonly questions = new Questions(this.asking());

  constructor(root: HTMLElement, place: PanelPlace) {
    super(root, initialState(place), parseKept, restore);
  }

  protected override onMessage(message: ToHallucinationPanel): void {
    if (message.kind === 'open') {
      this.planOpened(message.plan, message.replaces);
      this.questions.opened(message.picture !== undefined);
    }
    super.onMessage(message);
  }

  protected received = (message: ToHallucinationPanel): State => receive(this.state, message, this.questions.latest);
  protected spoken = (message: ToHallucinationPanel): Spoken | undefined => spokenOf(message, this.state);
  protected setupOf = (): HallucinationSetup | undefined => setupOf(this.state);
  protected kept = (): Kept => keep(this.state, this.plans.basis);
  protected formOfShown = (): Form | undefined => this.state.shownSetup && toForm(this.state.shownSetup);
  protected page = (): TemplateResult => page(this.partOf<Actions>(this) satisfies Part);

  protected planToOpen(): HallucinationSetup | undefined {
    return this.state.place === 'file' ? this.state.shownSetup : setupOf(this.state);
  }

  protected override selectedHead(): HeadPlace | undefined {
    return this.state.selected;
  }

  protected begin(resume: boolean): StartedRun<State, FromHallucinationPanel> | undefined {
    const started = startRun(this.state, resume);
    return started && { state: started.state, message: { kind: 'run', plan: started.plan, resume }, said: 'Started' };
  }

  protected override ask(): void {
    this.questions.ask();
    void this.decode();
  }

  /** Makes the pictures of the form and of the result drawable, each once. */
  private async decode(): Promise<void> {
    for (const picture of [this.state.picture, this.state.shownPicture]) {
      const hash = picture?.image.sha256 ?? '';
      if (!picture || this.decoding.has(hash) || this.state.decoded.has(hash)) continue;
      this.decoding.add(hash);
      const loaded = await decoded(picture.bytes, picture.mime);
      // Where this editor cannot read what the compute server read, the values alone are drawn.
      if (!loaded) continue;
      this.decoding.delete(hash);
      this.change(withDecoded(this.state, hash, loaded));
    }
  }

  // What the parts ask for.

  override edit(change: Partial<Form>): void {
    this.touched = true;
    if (change.mode !== undefined && change.mode !== this.state.form?.mode) this.questions.left();
    this.change(edited(this.state, change));
  }

  chooseModel(folder: string): void {
    this.touched = true;
    const { form } = this.state;
    if (!form) return;
    this.host.post({ kind: 'chooseModel', folder, device: this.device });
    this.change({ ...this.state, form: { ...form, folder }, typed: undefined, typedProblem: undefined });
  }

  select(place: HeadPlace): void {
    this.touched = true;
    this.change(select(this.state, place));
  }

  selectToken(token: TokenPlace): void {
    this.touched = true;
    this.change({ ...this.state, token });
  }

  viewSection(id: string, change: Partial<SectionView>): void {
    this.view({ sections: { ...this.state.view.sections, [id]: { ...viewOf(this.state, id), ...change } } });
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

  saveSection(section: Section, view: SectionView, format: SectionFormat): void {
    const leaving = leavingSection(this.state, section, view, themeForFile(format));
    this.leave({ format, name: exportName(this.state, format, section.id), data: writeFile(leaving, format) });
  }

  exportAs(kind: ExportKind): void {
    const format = formatOf(kind);
    const leaving = leavingOf(this.state, themeForFile(format), kind);
    this.leave({ format, name: exportName(this.state, kind), data: writeFile(leaving, format) });
  }
}
