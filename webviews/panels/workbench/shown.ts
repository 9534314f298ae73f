/** What of the state is on the screen, and what can be done with it. Pure. */
import { choiceOfHeld, heldWeights } from '../../../protocol/inputs/weights';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import { isUsed } from '../../../protocol/analysis/parameters';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import { withTargetOf, type EncoderInput, type PromptInput } from '../../../protocol/inputs/prompt';
import type { ImageSpan } from '../../../protocol/schema/parts';
import type { WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import type { Section } from '../../../protocol/sections/section';
import type { SectionView } from '../../sections/section-kind';
import { placed, whyNotOnDevice } from '../../ui/device-field';
import { canonical } from '../../ui/canonical';
import { modelOfForm, whyModelOfFormDoesNotRun } from '../../ui/run-state';
import { readForm, toForm, type Form, type FormReading } from './form';
import { readInput } from './input-form';
import { isLook, lookIn } from './look';
import type { ReadPrompt, State } from './state';

/** The analysis in the form; of a file, that of the result. */
export function infoOf({ analyses, form, result, place }: State): AnalysisInfo | undefined {
  const id = place === 'file' && result ? result.analysis : form?.analysis;
  return analyses.find((one) => one.id === id);
}

export const readingOf = (state: State): FormReading | undefined =>
  state.form && readForm(state.form, infoOf(state), modelOfForm(state), state.tasks);

export function setupOf(state: State): AnalysisSetup | undefined {
  const reading = readingOf(state);
  return reading?.ok === true ? reading.plan : undefined;
}

/** Something of the prompt is marked on its picture or its tokens: regions, or a part of the text. */
export function isDrawnOn(state: State): boolean {
  const table = infoOf(state)?.parameters ?? {};
  return Object.entries(table).some(
    ([name, parameter]) =>
      (parameter.kind === 'regions' || ('spanTo' in parameter && parameter.spanTo !== undefined)) &&
      isUsed(table, name, state.form?.parameters ?? {}),
  );
}

interface PromptToRead {
  readonly key: string;
  readonly folder: string;
  readonly prompt: PromptInput | EncoderInput;
  /** The pictures of a folder come into it. */
  readonly pictures: boolean;
}

/** The prompt of the form where it is known how the model reads it: a text, also with something drawn on it or a picture in it. */
export function promptToRead(state: State): PromptToRead | undefined {
  const { form, tasks, place } = state;
  if (!form || form.folder === '' || place === 'file') return undefined;
  const { kind, image } = form.input;
  const model = modelOfForm(state);
  const pictures = kind === 'image-set' && infoOf(state)?.readsPictures !== true;
  const hasPicture = (kind === 'prompt' || kind === 'image') && image !== '';
  const isText = kind === 'prompt' && image === '' && model !== undefined;
  if (!isText && !isDrawnOn(state) && !((pictures || hasPicture) && model?.vision)) return undefined;
  // A folder that is not chosen yet says nothing of the prompt.
  const reading = readInput(pictures ? { ...form.input, folder: form.input.folder || '.' } : form.input, model, tasks);
  if (!reading.ok || !('prompt' in reading.input)) return undefined;
  const { folder } = form;
  const { prompt } = reading.input;
  return { key: canonical({ folder, prompt, pictures }), folder, prompt, pictures };
}

/** The prompt of the form as the model reads it, or why it cannot; undefined while that is not known. */
export function readOf(state: State): Pick<ReadPrompt, 'prompt' | 'problem'> | undefined {
  const { read } = state;
  return read && !read.isOld && read.of === promptToRead(state)?.key ? read : undefined;
}

/** Prompt and counterpart of the form, where both can be read. */
export function pairToRead(
  state: State,
):
  | { readonly key: string; readonly folder: string; readonly prompt: PromptInput; readonly counterpart: PromptInput }
  | undefined {
  const { form, tasks, place } = state;
  const model = modelOfForm(state);
  if (!form || !model || form.input.kind !== 'prompt-pair' || place === 'file') return undefined;
  const reading = readInput(form.input, model, tasks);
  if (!reading.ok || reading.input.kind !== 'prompt-pair') return undefined;
  const { folder } = form;
  const { prompt } = reading.input;
  const counterpart = withTargetOf(reading.input.counterpart, prompt);
  return { key: canonical({ folder, prompt, counterpart }), folder, prompt, counterpart };
}

/** What is arranged in tabs that were closed is forgotten. */
export const sectionsOfOpenTabs = (
  { tabs }: State,
  sections: Readonly<Record<string, SectionView>>,
): Readonly<Record<string, SectionView>> =>
  tabs === undefined
    ? sections
    : Object.fromEntries(Object.entries(sections).filter(([key]) => tabs.some(({ id }) => key.startsWith(`${id} `))));

export function shownSections(state: State): readonly Section[] {
  return state.result?.sections ?? state.partial?.sections ?? [];
}

/** All that the page draws, in its order. */
export function pageSections(state: State): readonly Section[] {
  const { compareWith, answers } = state;
  return [
    ...(compareWith?.sections ?? []),
    ...shownSections(state),
    ...(compareWith?.result.sections ?? []),
    ...answers.flatMap(({ section }) => section ?? []),
  ];
}

export const findingOf = ({ result, partial }: State): string | undefined => {
  const finding = result?.finding ?? partial?.finding;
  return finding === '' ? undefined : finding;
};

/** What a request is made of, in the words of the page. */
const partsOf = (
  { folder, adapter = '', input, interventions, seed, device, weights, parameters }: AnalysisSetup,
  trains: boolean,
): Readonly<Record<string, unknown>> => ({
  ...(trains ? {} : { model: [folder, adapter], input, changes: interventions, device, weights }),
  seed,
  parameters,
});

/** With the weights as they are then held: "as stored" and "float32" are the same on most devices. An analysis may need exact ones. */
function held(plan: AnalysisSetup, info: AnalysisInfo | undefined, state: State): AnalysisSetup {
  const { devices } = state;
  const model = modelOfForm(state);
  const chosen = plan.weights ?? devices.weights;
  const quantised = model && model.quantised === true;
  return {
    ...plan,
    weights: choiceOfHeld(
      info?.exactWeights ? 'float32' : heldWeights(chosen, plan.device ?? devices.setting, quantised),
    ),
  };
}

/** What differs between the request of the form and that of a tab, in the words of the page; none: the tab is of this request. */
export function differences(
  state: State,
  { setup: tab, look = false }: Pick<WorkbenchTab, 'setup'> & { readonly look?: boolean | undefined },
): readonly string[] {
  const info = state.analyses.find(({ id }) => id === tab.analysis);
  const { form } = state;
  if (!info || !form) return [];
  const own = toForm(tab).parameters;
  // The question of a tab brings its own parameters: only the one in the form has others.
  const isAsked = form.analysis === tab.analysis && look === state.view.look;
  // A look that runs by itself may leave labels out, which changes nothing else in it.
  const left = look && own['labels'] === 'false' ? { labels: 'false' } : {};
  const asked = { ...form, parameters: isAsked ? { ...form.parameters, ...left } : own };
  const read = (one: Form): AnalysisSetup | undefined => {
    const reading = readForm({ ...one, analysis: tab.analysis }, info, modelOfForm(state), state.tasks);
    return reading.ok ? held(placed(reading.plan, state.devices), info, state) : undefined;
  };
  const now = read(asked);
  // Read as the form is: a result may leave out what has its default.
  const then = read({ ...toForm(tab), device: tab.device ?? form.device });
  if (now === undefined || then === undefined) return roughDifferences(asked, toForm(tab), info.trains === true);
  const trains = info.trains === true;
  const a = partsOf(now, trains);
  const b = partsOf(then, trains);
  return Object.keys(a).filter((name) => canonical(a[name]) !== canonical(b[name]));
}

/** The form of a result. Where its question takes exact weights whatever is chosen, those of other questions stay. */
export const withChosenWeights = (form: Form, { analyses, form: before }: State): Form =>
  analyses.find(({ id }) => id === form.analysis)?.exactWeights && before ? { ...form, weights: before.weights } : form;

/** In what the request of what is shown differs from that of the form. */
export const staleParts = (state: State): readonly string[] =>
  (state.result || state.partial) && state.shownSetup && state.phase.kind !== 'running'
    ? differences(state, { setup: state.shownSetup, look: isLook(state) })
    : [];

/** Differences of forms that cannot be read yet: a half-typed prompt differs from every result. */
function roughDifferences(a: Form, b: Form, trains: boolean): readonly string[] {
  const of = ({
    folder,
    adapter,
    input,
    interventions,
    seed,
    parameters,
  }: Form): Readonly<Record<string, unknown>> => ({
    ...(trains
      ? {}
      : {
          model: [folder, adapter],
          input: [input.kind, input.text, input.ids, input.target, input.targetIds, input.task, input.file],
          changes: interventions,
        }),
    seed,
    parameters,
  });
  const [one, other] = [of(a), of(b)];
  return Object.keys(one).filter((name) => canonical(one[name]) !== canonical(other[name]));
}

/** A question is being asked, or a result looked for: no result is on the screen. */
export const isAway = ({ tabs, view, active, awaitsTab }: State): boolean =>
  tabs !== undefined && (view.front !== 'tab' || (active === undefined && !awaitsTab));

/** The form asks for something other than what is shown. */
export function isStale(state: State): boolean {
  if (state.place === 'file' || state.phase.kind === 'running') return false;
  if (!state.result && !state.partial) return false;
  const plan = setupOf(state);
  if (plan === undefined || state.shownSetup === undefined) return false;
  // Read as the form is: a result may leave out what has its default.
  const shown = readForm(toForm(state.shownSetup), infoOf(state), modelOfForm(state), state.tasks);
  const shownSetup = shown.ok ? shown.plan : state.shownSetup;
  const whole = (one: AnalysisSetup): string => canonical(held(placed(one, state.devices), infoOf(state), state));
  return whole(plan) !== whole(shownSetup);
}

/** What is shown answers the question of another analysis than the one in the form. */
export const isOfAnother = ({ place, shownSetup, form, result, partial }: State): boolean =>
  place !== 'file' &&
  (result !== undefined || partial !== undefined) &&
  shownSetup !== undefined &&
  form !== undefined &&
  shownSetup.analysis !== form.analysis;

/** Why Run is off, as a sentence; undefined when it can be pressed or runs already. */
export function whyNotStart(state: State): string | undefined {
  const { canRun, form, phase, estimated } = state;
  if (canRun !== true) return canRun;
  if (!form || (phase.kind === 'running' && state.tabs === undefined)) return undefined;
  if (!infoOf(state)?.trains) {
    const why = whyModelOfFormDoesNotRun(state, state.modelProblem) ?? whyNotOnDevice(state);
    if (why !== undefined) return why;
  }
  const look = state.view.look ? lookIn(state) : undefined;
  if (look && 'why' in look) return look.why;
  const reading = readingOf(state);
  if (reading?.ok === false) return reading.why;
  const supported = estimated?.estimate?.supported ?? true;
  // A text that could not be read just now is read again by the run.
  const isText = form.input.image === '' && form.input.kind === 'prompt';
  if (supported !== true) return supported;
  return isText ? undefined : readOf(state)?.problem;
}

export const canStart = (state: State): boolean =>
  (state.phase.kind !== 'running' || (state.tabs !== undefined && !state.awaitsTab)) &&
  whyNotStart(state) === undefined &&
  setupOf(state) !== undefined;

const noView: SectionView = {};

/** For an answer, or a section of a comparison, the key is longer than the id, so that two with the same id stay apart. */
export const viewOf = (state: State, key: string): SectionView => state.view.sections[viewKey(state, key)] ?? noView;

/** Each tab keeps its own arrangement. */
export const viewKey = ({ active }: Pick<State, 'active'>, key: string): string =>
  active === undefined ? key : `${active} ${key}`;

/** The pictures that the sections on the screen need, and of the one that regions are drawn on. */
export function picturesNeeded(state: State): readonly ImageSpan[] {
  const drawnOn = state.read?.prompt?.image;
  return [
    ...pageSections(state).flatMap((section) => (section.kind === 'image' ? [section.image] : [])),
    ...(drawnOn ? [drawnOn] : []),
  ];
}
