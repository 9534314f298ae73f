/** What the panel asks of the extension for what is on the screen: tokens of the prompt, the next tokens. */
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import { canonical } from '../../ui/canonical';
import { isOpen } from '../../ui/disclosures';
import { Later } from '../../ui/later';
import type { Asking } from '../../ui/run-panel';
import { interventionsOf, readPrompt, sameInterventions } from './form';
import { modelOfForm } from '../../ui/run-state';
import type { Latest, State } from './state';

export class Questions {
  latest: Latest = { tokenise: -1 };
  private readonly later = new Later<'tokens' | 'effects'>();
  private askedPrompt = '';

  constructor(private readonly asking: Asking<State, FromHeadsPanel>) {}

  /** What the state lacks that was not asked for yet. */
  ask(): void {
    this.askTokens();
    this.askEffects();
  }

  /** The tokens of the prompt as typed. */
  private askTokens(): void {
    const { form, opened, place } = this.asking.state();
    if (!opened || !form || form.folder === '' || place === 'file' || (place === 'side' && !this.asking.touched()))
      return;
    const prompt = readPrompt(form, modelOfForm(this.asking.state()));
    if (typeof prompt === 'string') {
      this.askedPrompt = '';
      if (this.asking.state().typed)
        this.asking.setState({ ...this.asking.state(), typed: undefined, typedProblem: undefined });
      return;
    }
    const asked = canonical([form.folder, prompt]);
    if (asked === this.askedPrompt) return;
    this.askedPrompt = asked;
    this.later.do('tokens', 200, () => {
      const request = this.asking.nextRequest();
      this.latest = { ...this.latest, tokenise: request };
      this.asking.post({ kind: 'tokenise', request, folder: form.folder, prompt });
    });
  }

  private askEffects(): void {
    const { result, form, canRun, effects, place, phase } = this.asking.state();
    const shown = place === 'full' || (place === 'side' && isOpen(this.asking.state(), 'effects', false));
    if (!result || !form || canRun !== true || !shown || phase.kind === 'running') return;
    if (effects && sameInterventions(effects.interventions, interventionsOf(form))) return;
    this.later.do('effects', 150, () => {
      const now = this.asking.state().form;
      const interventions = now ? interventionsOf(now) : [];
      const request = this.asking.nextRequest();
      // The last answer stays on screen until the next one is there.
      const before = this.asking.state().effects?.distributions;
      this.asking.setState({
        ...this.asking.state(),
        effects: { request, interventions, ...(before ? { distributions: before } : {}) },
      });
      this.asking.post({ kind: 'nextTokens', request, interventions });
    });
  }
}
