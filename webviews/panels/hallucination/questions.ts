/** What the panel asks of the extension for what is on the screen: picture, tokens, times, maps, steps, the model card. */
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import { canonical } from '../../ui/canonical';
import { Later } from '../../ui/later';
import type { Asking } from '../../ui/run-panel';
import { modelOfForm } from '../../ui/run-state';
import { setupOf, samePrompt } from './setup';
import { mapHeads } from './shown';
import type { Latest, State } from './state';

export class Questions {
  latest: Latest = { openImage: -1, tokenise: -1 };
  private readonly later = new Later<'image' | 'tokens' | 'time' | 'map' | 'step'>();
  private asked = { image: '', tokens: '', card: '' };

  constructor(private readonly asking: Asking<State, FromHallucinationPanel>) {}

  private get state(): State {
    return this.asking.state();
  }

  private set state(state: State) {
    this.asking.setState(state);
  }

  /** What the state lacks that was not asked for yet. */
  ask(): void {
    this.askImage();
    this.askTokens();
    this.askTime();
    this.askCard();
    this.askMap();
    this.askStep();
  }

  /** What is wrong with a picture is not in the message that opens the panel: it is asked again. */
  opened(picture: boolean): void {
    if (!picture) this.asked = { ...this.asked, image: '' };
  }

  /** Answers about the mode that is left are dropped; back in it they are asked for again. */
  left(): void {
    this.asked = { ...this.asked, image: '', tokens: '' };
    this.latest = { openImage: -1, tokenise: -1 };
  }

  private get mayAsk(): boolean {
    const { opened, place, canRun, asides } = this.state;
    return opened && canRun === true && !asides.waiting && (place !== 'side' || this.asking.touched());
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
      const request = this.asking.nextRequest();
      this.latest = { ...this.latest, openImage: request };
      this.asking.post({
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
    const model = modelOfForm(this.state);
    if (pictures && !model?.vision) return;
    const chat = form.chat && model?.chatTemplate !== false;
    const asked = canonical([form.folder, form.prompt, chat, pictures]);
    if (asked === this.asked.tokens) return;
    this.asked.tokens = asked;
    this.later.do('tokens', 200, () => {
      const request = this.asking.nextRequest();
      this.latest = { ...this.latest, tokenise: request };
      this.asking.post({
        kind: 'tokenise',
        request,
        folder: form.folder,
        text: form.prompt,
        chat,
        pictures,
      });
    });
  }

  /** Asks only for a folder that could be run as it is typed. */
  private askTime(): void {
    const { form, place, phase, imageFolder, typedProblem } = this.state;
    const plan = setupOf(this.state);
    if (!this.mayAsk || place === 'file' || phase.kind === 'running' || form?.mode !== 'set' || !plan) return;
    if (!modelOfForm(this.state)?.vision || imageFolder?.folder !== plan.images || imageFolder.images === 0) return;
    if (typedProblem !== undefined) return;
    const { folder, images, prompt, chat, maxNewTokens, setCaptions } = plan;
    const of = canonical([folder, images, prompt, chat, maxNewTokens, setCaptions]);
    if (this.state.folderTime?.of === of) return;
    this.state = { ...this.state, folderTime: { request: -1, of } };
    this.later.do('time', 500, () => {
      const request = this.asking.nextRequest();
      if (this.state.folderTime) this.state = { ...this.state, folderTime: { ...this.state.folderTime, request } };
      this.asking.post({ kind: 'folderTime', request, plan });
    });
  }

  /** Asks only for the model that the person chose: a saved file may name any folder, and asks for nothing. */
  private askCard(): void {
    const { form, place } = this.state;
    if (!this.mayAsk || place === 'file' || !form || form.folder === '') return;
    if (this.asked.card === form.folder) return;
    this.asked.card = form.folder;
    this.asking.post({ kind: 'card', folder: form.folder });
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
      const request = this.asking.nextRequest();
      if (this.state.map) this.state = { ...this.state, map: { ...this.state.map, request } };
      this.asking.post({ kind: 'map', request, step: token.step, variant: token.variant, heads });
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
      const request = this.asking.nextRequest();
      if (this.state.step) this.state = { ...this.state, step: { ...this.state.step, request } };
      this.asking.post({ kind: 'step', request, step: token.step });
    });
  }
}
