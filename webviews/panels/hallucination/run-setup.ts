/** Whether what is typed can be run, is what is shown already, and how a run begins. Pure. */
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import { placed, whyNotOnDevice } from '../../ui/device-field';
import { modelOfForm, started, whyModelOfFormDoesNotRun } from '../../ui/run-state';
import { readForm } from './form';
import { setupOf, sameSetup } from './setup';
import { nothingShown, type State } from './state';

/** A model of text alone has no image to leave out. */
export const readsTextOnly = (state: State): boolean => {
  const model = modelOfForm(state);
  return model !== undefined && model.vision === undefined;
};

/** The form asks for something other than what is shown. */
export function isStale(state: State): boolean {
  if (state.place === 'file' || !(state.result ?? state.set) || state.phase.kind === 'running') return false;
  const plan = setupOf(state);
  const { shownSetup, devices } = state;
  if (plan === undefined || shownSetup === undefined) return false;
  return !sameSetup(placed(plan, devices), placed(shownSetup, devices));
}

/** Why nothing can be run with what is typed; undefined when it can. */
export function whyNot(state: State): string | undefined {
  if (state.canRun !== true) return state.canRun;
  if (!state.form) return 'Choose a model first.';
  const model = modelOfForm(state);
  const why = whyModelOfFormDoesNotRun(state);
  if (why !== undefined) return why;
  const notThere = whyNotOnDevice(state);
  if (notThere !== undefined) return notThere;
  const reading = readForm(state.form, model);
  if (!reading.ok) return (Object.values(reading.problems) as readonly string[])[0];
  if (state.form.mode !== 'span' && readsTextOnly(state)) {
    return 'This model reads text alone: choose a vision-language model, or take a span of the prompt away.';
  }
  if (model?.vocabulary === 0)
    return 'This model is a vision encoder alone: it writes no words. Choose a vision-language model.';
  const processor = model?.vision?.processor;
  if (state.form.mode !== 'span' && typeof processor === 'string') return processor;
  if (state.form.mode === 'image' && state.pictureProblem) return state.pictureProblem;
  if (state.form.mode === 'set' && state.typedProblem) return state.typedProblem;
  return undefined;
}

export const canStart = (state: State): boolean => state.phase.kind !== 'running' && whyNot(state) === undefined;

/** A set that was cancelled, and whose plan still stands, goes on behind its entries. */
export const canResume = (state: State): boolean =>
  canStart(state) && state.set?.state === 'cancelled' && !isStale(state) && state.form?.mode === 'set';

export function startRun(
  state: State,
  resume: boolean,
): { readonly state: State; readonly plan: HallucinationSetup } | undefined {
  const plan = setupOf(state);
  if (!plan || !canStart(state)) return undefined;
  const kept = resume ? (state.set?.entries ?? []) : [];
  return {
    plan,
    state: started(state, { ...nothingShown, shownSetup: plan, entries: kept }),
  };
}
