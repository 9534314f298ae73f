/** How a message of the extension changes what the workbench shows. No DOM: tests drive it directly. */
import { noDemos } from '../../../protocol/analysis/next-start';
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Tokenised } from '../../../protocol/compute/models';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { ShownTabs, WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import { opened } from '../../ui/asides';
import { headKey } from '../../ui/head-names';
import { isOwnPrompt, ownPromptOf } from '../../ui/own-prompt';
import { failedPhase, idle, runningPhase, type Phase } from '../../ui/phase';
import { devicesOf, failedRun, isOfForm, receiveCommon } from '../../ui/run-state';
import { attentionSections, hasHead } from './attention';
import { toForm } from './form';
import { isForPictures } from './input-form';
import { isLook, questionKey, toLook, toQuestionOf } from './look';
import { viewKey } from './shown';
import { ofTask, type Answer, type ReadPrompt, type State } from './state';
import { answered as triedAnswered, failed as triedFailed } from './trial';

export function receive(state: State, message: ToWorkbench): State {
  switch (message.kind) {
    case 'open':
      return receiveOpen(state, message);
    case 'models':
      return { ...state, models: message.models };
    case 'devices':
      return { ...state, devices: devicesOf(message) };
    case 'model':
      return state.form && isOfForm(message.model, state.form) ? withModel(state, message.model) : state;
    case 'estimate':
      return estimated(state, message.request, message.estimate);
    case 'tokenised':
      return message.request === state.read?.request
        ? { ...state, read: withTokens(state.read, message.tokenised) }
        : state;
    case 'stage':
      return isOfAnotherRun(state, message)
        ? state
        : {
            ...state,
            phase: runningPhase(state.phase, message),
            kept: message.kept,
            outlasts: message.outlasts === true,
            runNote: message.note ?? state.runNote,
          };
    case 'partial':
      return isOfAnotherRun(state, message)
        ? state
        : { ...state, partial: { finding: message.finding, sections: message.sections } };
    case 'result':
      return isOfAnotherRun(state, message)
        ? state
        : {
            ...state,
            result: message.result,
            savedAs: message.savedAs,
            partial: undefined,
            phase: idle,
            shownSetup: setupOfShown(message.result),
            ...arranged(state, message.result),
          };
    case 'looks':
      return looks(state, message);
    case 'tabs':
      return receiveTabs(state, message);
    case 'history':
      return message.request === state.history?.request ? { ...state, history: message } : state;
    case 'pair':
      return message.request === state.pair?.request
        ? {
            ...state,
            pair: {
              request: message.request,
              of: state.pair.of,
              prompt: message.prompt,
              counterpart: message.counterpart,
            },
          }
        : state;
    case 'card': {
      const { kind: _, ...card } = message;
      return { ...state, card };
    }
    case 'beside':
      return message.request === state.beside?.request
        ? { ...state, beside: { ...state.beside, found: message.beside } }
        : state;
    case 'answer':
      return answered(state, message.request, { section: message.section });
    case 'extending': {
      const { kind: _, request, ...going } = message;
      return answered(state, request, { going });
    }
    case 'extended':
      return {
        ...answered(state, message.request, undefined),
        ...(state.result?.created === message.result.created ? { result: message.result, savedAs: undefined } : {}),
      };
    case 'nextTokens':
    case 'token':
    case 'generated':
      return { ...state, trials: triedAnswered(state.trials, message) };
    case 'corpusNote':
      return { ...state, corpusNote: message };
    case 'tile':
    case 'row':
    case 'picture':
      // The panel decodes bytes first, what it makes of them comes by `withPicture`; who asked for a tile or a row gets it.
      return state;
    case 'chosen':
      return chosen(state, message.field, message.path);
    case 'failed':
      return receiveFailed(state, message);
    case 'overdue':
    case 'notice':
      return receiveCommon(state, message);
    default:
      return unreachable(message);
  }
}

function receiveOpen(before: State, message: Extract<ToWorkbench, { kind: 'open' }>): State {
  const state = withChosen(before, message.tabs?.tabs ?? []);
  const { result } = message;
  const same = result !== undefined && result.created === state.result?.created;
  return {
    ...state,
    opened: true,
    place: message.place,
    analyses: message.analyses,
    tasks: message.tasks,
    demos: message.demos ?? noDemos,
    models: message.models,
    devices: devicesOf(message.devices),
    canRun: message.canRun,
    form: state.form ?? toForm(message.plan),
    model: message.model ?? state.model,
    result: result ?? undefined,
    partial: result ? undefined : state.partial,
    shownSetup: result ? setupOfShown(result) : state.shownSetup,
    savedAs: message.savedAs,
    compareWith: message.compareWith,
    answers: same ? state.answers : [],
    asides: opened(state.asides, message),
    ...(message.tabs ? openedTabs(state, message.tabs, result, same) : {}),
    ...(message.tabs ? questionOfOpened(state, message, message.tabs) : {}),
    ...(message.asks ? asked(state, message) : {}),
  };
}

/** Heads that were chosen in tabs for which the page has kept none. */
function withChosen(state: State, tabs: readonly WorkbenchTab[]): State {
  const { view } = state;
  const chosen = tabs
    .flatMap(({ id, chosen: one }) =>
      one ? [[viewKey({ active: id }, one.section), { cursor: headKey(one.head.layer, one.head.head) }] as const] : [],
    )
    .filter(([key]) => !(key in view.sections));
  if (chosen.length === 0) return state;
  return { ...state, view: { ...view, sections: { ...view.sections, ...Object.fromEntries(chosen) } } };
}

/** A prompt for a picture that stands for no words of the person becomes the one of the model that was chosen. */
function withModel(state: State, model: ModelSummary): State {
  const now = { ...state, model, modelProblem: undefined };
  const { form } = state;
  if (!form || !isForPictures(form.input) || !isOwnPrompt({ prompt: form.input.text, chat: form.input.chat }))
    return now;
  // The prompt of the model that is shown already is the one that was chosen.
  const own = state.model?.folder === model.folder ? undefined : ownPromptOf(model, state.models);
  if (!own) return now;
  return { ...now, form: { ...form, input: { ...form.input, text: own.prompt, chat: own.chat } } };
}

/** What was asked for elsewhere is in front, with its plan in the form. */
function asked(state: State, message: Extract<ToWorkbench, { kind: 'open' }>): Partial<State> {
  const { asks, plan, tabs, model = state.model, select } = message;
  const { view } = state;
  if (asks === 'question')
    return { form: state.form ?? toForm(plan), view: { ...view, front: 'question', look: false } };
  const form = state.form ?? { ...toForm(plan), parameters: view.typed[questionKey(plan.analysis, true)] ?? {} };
  const look = state.form === undefined || view.look;
  const now: State = { ...state, form, model, tabs: tabs?.tabs, view: { ...view, look } };
  return { ...toLook(now), ...(select ? { select: ofPrompt(select, plan) } : {}) };
}

/** A query is one of the prompt that is asked for: the head waits for the look at that. */
function ofPrompt(
  { query, ...head }: NonNullable<Extract<ToWorkbench, { kind: 'open' }>['select']>,
  plan: AnalysisSetup,
) {
  const prompt = 'prompt' in plan.input ? plan.input.prompt : undefined;
  return query !== undefined && prompt?.kind === 'ids' ? { ...head, query, ids: prompt.ids } : head;
}

/** Another tab is in front: what was asked of its sections before stands under them again. */
function openedTabs(
  state: State,
  { tabs, active }: ShownTabs,
  result: AnalysisResult | undefined,
  same: boolean,
): Partial<State> {
  const tab = tabs.find(({ id }) => id === active);
  const parked = new Map(state.parked);
  if (state.active !== undefined) parked.set(state.active, state.answers);
  const open = new Map([...parked].filter(([id]) => tabs.some((one) => one.id === id)));
  return {
    tabs,
    active,
    awaitsTab: false,
    parked: open,
    answers: same && state.active === active ? state.answers : (open.get(active ?? '') ?? []),
    partial: undefined,
    shownSetup: result ? setupOfShown(result) : tab?.setup,
    phase: phaseOf(tab),
    kept: 0,
    outlasts: false,
    runNote: undefined,
    replaced: undefined,
  };
}

/** A tab was brought to the front by what was done elsewhere: its question is the one in the form. */
function questionOfOpened(
  state: State,
  { refused }: { readonly refused?: true },
  { tabs, active }: ShownTabs,
): Partial<State> {
  const tab = tabs.find(({ id }) => id === active);
  const { view } = state;
  if (!state.opened) return tab && view.front === 'tab' ? { view: { ...view, look: tab.look === true } } : {};
  if (!tab || active === state.active) return {};
  if (!refused) return toQuestionOf(state, tab);
  // What was refused is corrected where it was asked; its parameters stand beside a tab of the same question.
  const { look } = state.view;
  const isSame = tab.setup.analysis === state.form?.analysis && look === (tab.look ?? false);
  return { view: { ...state.view, front: isSame ? 'tab' : look ? 'look' : 'question' } };
}

function phaseOf(tab: WorkbenchTab | undefined): Phase {
  if (tab?.standing) return runningPhase(idle, tab.standing);
  return tab?.failed === undefined ? idle : failedPhase({ sentence: tab.failed });
}

/** The tab that the page has asked for is in front: what it shows stays. Another one comes to the front by `open`. */
function receiveTabs(before: State, { tabs, active }: ShownTabs): State {
  const state = withChosen(before, tabs);
  return state.awaitsTab ? { ...state, tabs, active, awaitsTab: active === state.active } : { ...state, tabs };
}

function estimated(state: State, request: number, estimate: AnalysisEstimate): State {
  const { estimated: asked } = state;
  if (asked?.request === request) return { ...state, estimated: { request, estimate } };
  if (asked?.brief?.request === request) return { ...state, estimated: { ...asked, brief: { request, estimate } } };
  return state;
}

/** A Look has begun, or was not run by itself. Until it has something, the look before it stays on the screen. */
function looks(state: State, { tab, byItself }: Extract<ToWorkbench, { kind: 'looks' }>): State {
  const { view, active, looked } = state;
  if (tab === undefined) return { ...state, looked: looked && { ...looked, over: true } };
  const front = view.front === 'look' ? 'tab' : view.front;
  const began: State = { ...state, active: tab, awaitsTab: false, view: { ...view, front } };
  if (!byItself || active === tab) return began;
  const parked = active === undefined ? state.parked : new Map(state.parked).set(active, state.answers);
  const after: State = { ...began, parked, compareWith: undefined, savedAs: undefined };
  return isLook(state) && view.front === 'tab' && active !== undefined
    ? { ...after, view: { ...after.view, sections: carried(view.sections, active, tab) } }
    : { ...after, result: undefined, partial: undefined, shownSetup: undefined, answers: [] };
}

/** What was arranged in the look before stays arranged. */
const carried = (sections: State['view']['sections'], from: string, to: string): State['view']['sections'] =>
  Object.fromEntries(
    Object.entries(sections).flatMap(([key, view]) =>
      key.startsWith(`${from} `)
        ? [
            [key, view],
            [`${to}${key.slice(from.length)}`, view],
          ]
        : [[key, view]],
    ),
  );

/** What is arranged and open stays for the next result of the same question; another question has other grids. */
function arranged(state: State, result: AnalysisResult): Pick<State, 'answers' | 'view'> {
  const { view, active, shownSetup } = state;
  if (shownSetup === undefined || shownSetup.analysis === result.analysis)
    return { answers: ofNewResult(state.answers, result), view };
  const others = Object.entries(view.sections).filter(([key]) => !key.startsWith(`${active ?? ''} `));
  return { answers: [], view: { ...view, sections: Object.fromEntries(others) } };
}

/** Heads that were open stay open in the result that takes the place of another one; what that one was asked stays with it. */
const ofNewResult = (answers: readonly Answer[], result: AnalysisResult): readonly Answer[] =>
  answers.flatMap((answer) => {
    const { own, question } = answer;
    const stack = answer.section?.kind === 'matrix' ? answer.section.stack : undefined;
    if (!own || question.place.kind !== 'head' || !hasHead(result, question.place, stack)) return [];
    const section = attentionSections(result, question.place, stack).find(({ id }) => id === answer.section?.id);
    return section ? [{ ...answer, section }] : [];
  });

/** Said by a run whose tab is not in front. */
function isOfAnotherRun({ tabs, active, awaitsTab }: State, { run }: { readonly run?: number }): boolean {
  if (tabs === undefined || run === undefined) return false;
  return awaitsTab || tabs.find(({ id }) => id === active)?.run !== run;
}

/** The request of a result, with the device where it ran, or what was asked for where that names several. */
const setupOfShown = (result: AnalysisResult): AnalysisSetup => ({
  ...setupOfAnalysis(result),
  device: result.device.asked ?? result.device.id,
});

function answered(
  state: State,
  request: number,
  what: Pick<Answer, 'section' | 'problem' | 'going'> | undefined,
): State {
  return {
    ...state,
    answers: withAnswer(state.answers, request, what),
    parked: new Map([...state.parked].map(([tab, answers]) => [tab, withAnswer(answers, request, what)])),
  };
}

/** What is known of it by then stays; undefined: it is done, and nothing of it stands there. */
function withAnswer(answers: readonly Answer[], request: number, what: Partial<Answer> | undefined): readonly Answer[] {
  if (what === undefined) return answers.filter((one) => one.request !== request);
  return answers.map((one) => {
    if (one.request !== request) return one;
    const { isOld: _, ...asked } = one;
    return { ...asked, ...what, ...(what.going ? { going: { ...one.going, ...what.going } } : {}) };
  });
}

const withTokens = ({ request, of, folder }: ReadPrompt, prompt: Tokenised): ReadPrompt => ({
  ...{ request, of, folder, prompt },
});

function receiveFailed(state: State, message: Extract<ToWorkbench, { kind: 'failed' }>): State {
  const { request, sentence, folder } = message;
  if (request !== undefined) {
    if (state.estimated?.request === request || state.estimated?.brief?.request === request)
      return estimated(state, request, { supported: sentence });
    if (state.pair?.request === request) return { ...state, pair: { ...state.pair, problem: sentence } };
    if (state.history?.request === request) return { ...state, history: { request, rows: [], problems: [sentence] } };
    // The fields stay as they are.
    if (state.beside?.request === request) return { ...state, beside: { ...state.beside, failed: true } };
    if (state.read?.request === request) return { ...state, read: { ...state.read, problem: sentence } };
    const trials = triedFailed(state.trials, request, sentence);
    return trials ? { ...state, trials } : answered(state, request, { problem: sentence });
  }
  if (folder !== undefined && state.phase.kind !== 'running') return { ...state, modelProblem: { folder, sentence } };
  const looked = state.looked && { ...state.looked, over: true as const };
  const failed = { ...failedRun(state, message), looked };
  // A run that was refused at once has no tab to wait for.
  return message.refused ? { ...failed, awaitsTab: false } : failed;
}

function chosen(state: State, field: string, path: string): State {
  const { form } = state;
  if (!form) return state;
  switch (field) {
    case 'input.file':
      return { ...state, form: { ...form, input: { ...form.input, file: path } } };
    case 'input.folder':
      return { ...state, form: { ...form, input: { ...form.input, folder: path } } };
    case 'input.image':
      return { ...state, form: { ...form, input: { ...form.input, image: path } } };
    case 'input.taskFile': {
      // A pair that was written as a task is asked as one.
      const asTask = { kind: 'task', taskFrom: 'file', samples: '1' } as const;
      const change = form.input.kind === 'prompt-pair' ? asTask : {};
      return { ...state, form: { ...form, input: { ...form.input, ...change, taskFile: path } } };
    }
    default:
      if (field.startsWith(ofTask)) {
        const taskParameters = { ...form.input.taskParameters, [field.slice(ofTask.length)]: path };
        return { ...state, form: { ...form, input: { ...form.input, taskParameters } } };
      }
      return { ...state, form: { ...form, parameters: { ...form.parameters, [field]: path } } };
  }
}
