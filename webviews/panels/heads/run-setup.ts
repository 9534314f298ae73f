/** What Run would do, and how a run begins. Pure. */
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import { placed, whyNotOnDevice } from '../../ui/device-field';
import { canonical } from '../../ui/canonical';
import { modelOfForm, started, whyModelOfFormDoesNotRun } from '../../ui/run-state';
import { readForm, readPrompt, sameSetup } from './form';
import { setupOf } from './setup';
import { nothingShown, type State } from './state';
import { noStatistics } from './statistics';

/** The form asks for something other than what is shown. */
export function isStale(state: State): boolean {
  if (state.place === 'file' || !state.result || state.phase.kind === 'running') return false;
  const plan = setupOf(state);
  const { shownSetup, devices } = state;
  if (plan === undefined) return false;
  return shownSetup === undefined || !sameSetup(placed(plan, devices), placed(shownSetup, devices));
}

/** Whether the prompt in the form differs from that of the result, so that the shown tokens are not those of the editor. */
export function isPromptChanged(state: State): boolean {
  const { form, shownSetup, result, place } = state;
  if (!form || !shownSetup || !result || place === 'file') return false;
  const prompt = readPrompt(form, modelOfForm(state));
  return (
    typeof prompt !== 'string' && canonical([form.folder, prompt]) !== canonical([shownSetup.folder, shownSetup.prompt])
  );
}

/** Why Run is off, as a sentence; undefined when it can be pressed or runs already. */
export function whyNotStart(state: State): string | undefined {
  const { canRun, form, phase } = state;
  if (canRun !== true) return canRun;
  if (!form || phase.kind === 'running') return undefined;
  const why = whyModelOfFormDoesNotRun(state, state.modelProblem);
  if (why !== undefined) return why;
  const notThere = whyNotOnDevice(state);
  if (notThere !== undefined) return notThere;
  const reading = readForm(form, modelOfForm(state));
  if (reading.ok) return undefined;
  const { folder, prompt, seed, others } = reading.problems;
  return folder ?? prompt ?? seed ?? others;
}

export const canStart = (state: State): boolean =>
  state.phase.kind !== 'running' && whyNotStart(state) === undefined && setupOf(state) !== undefined;

export function startRun(state: State): { readonly state: State; readonly plan: HeadsSetup } | undefined {
  const plan = setupOf(state);
  if (!plan || !canStart(state)) return undefined;
  const model = modelOfForm(state);
  const statistics = model && noStatistics(model.layers);
  return { plan, state: started(state, { ...nothingShown, shownSetup: plan, statistics, savedAs: undefined }) };
}
