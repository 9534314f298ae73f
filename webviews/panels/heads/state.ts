/** Everything the panel shows, and how a message or an action changes it. No DOM: tests drive it directly. */
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { headStatisticNames, type HeadThumbnails, type NextTokens } from '../../../protocol/results/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import { unreachable } from '../../../protocol/unreachable';
import { parseHead } from '../../ui/head-names';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ModelProblem } from '../../ui/model-field';
import { opened } from '../../ui/asides';
import { idle, runningPhase } from '../../ui/phase';
import {
  devicesOf,
  failedRun,
  initialModel,
  initialRun,
  modelOfForm,
  receiveCommon,
  type ModelState,
  type RunState,
  type RunView,
} from '../../ui/run-state';
import type { Sort } from '../../ui/table';
import { gainOf, sameSetup, toForm, withGain, type Form } from './form';
import { canonical } from '../../ui/canonical';
import { stoppedEffects, withStanding, type EffectsOfHeads } from './head-effects';
import { setupMatching } from './setup';
import { initialSampling, type Sampling, type SamplingForm } from './sampling';
import { noStatistics, statisticsOf, type PartialStatistics, type StatisticName } from './statistics';

/** What the cells are coloured by. */
export type Colouring = 'class' | 'picture' | 'difference' | 'effect' | StatisticName;
/** Numbers below and above 0: coloured to both sides of it. */
export const isSigned = (colouring: Colouring): boolean => colouring === 'difference' || colouring === 'effect';

export type SortBy = StatisticName | 'label' | 'effect';

/** Heads of all layers or of a third of them, the selected one, or those that search and filter leave in the grid. */
export type FirstTokenHeads = 'all' | 'shallow' | 'middle' | 'deep' | 'selected' | 'shown';

/** What a person arranged; survives a reload. */
export interface View extends RunView {
  readonly colouring: Colouring;
  /** Which statistic differences and the live grid show. */
  readonly statistic: StatisticName;
  /** Absent: layers x heads. */
  readonly sortBy?: SortBy | undefined;
  readonly filter?: string | undefined;
  readonly search: string;
  readonly head: 'matrix' | 'lines';
  readonly scale: 'log' | 'linear';
  readonly hideSink: boolean;
  /** Heads whose weight of the first token the slider sets. */
  readonly firstTokenHeads: FirstTokenHeads;
  /** How a continuation is written. */
  readonly sampling: SamplingForm;
  readonly tableSort?: Sort;
  readonly allHeads: boolean;
  readonly allLabels: boolean;
}

/** The next-token distributions asked for last. */
interface Effects {
  readonly request: number;
  readonly interventions: readonly Intervention[];
  readonly distributions?: readonly NextTokens[];
  readonly problem?: string;
}

export interface Continuation {
  readonly text: string;
  readonly tokens: number;
  readonly done: boolean;
}

interface Generation {
  readonly request: number;
  readonly interventions: readonly Intervention[];
  readonly sampling: Sampling;
  readonly plain?: Continuation;
  readonly changed?: Continuation;
  readonly running: boolean;
  readonly problem?: string;
}

export interface State extends RunState<Form, View>, ModelState {
  /** Why the model of a folder could not be opened. */
  readonly modelProblem: ModelProblem | undefined;
  /** The plan of what is shown. */
  readonly shownSetup: HeadsSetup | undefined;
  readonly result: HeadsResult | undefined;
  /** Statistics of the layers that have come. */
  readonly statistics: PartialStatistics | undefined;
  readonly thumbnails: HeadThumbnails | undefined;
  /** Statistics of the query that made the latest generated token. */
  readonly live: { readonly index: number; readonly statistics: PartialStatistics } | undefined;
  readonly compareWith: { readonly name: string; readonly result: HeadsResult } | undefined;
  readonly selected: HeadPlace | undefined;
  /** Positions of the chosen queries, one at least while there is a result. */
  readonly queries: readonly number[] | undefined;
  /** The chosen cell of the matrix, as `query.key`. */
  readonly cell: string | undefined;
  readonly effects: Effects | undefined;
  readonly generation: Generation | undefined;
  /** The effect of removing each head, once it was asked for. */
  readonly headEffects: EffectsOfHeads | undefined;
}

export const initialView: View = {
  colouring: 'class',
  statistic: 'induction',
  search: '',
  head: 'matrix',
  scale: 'log',
  hideSink: false,
  firstTokenHeads: 'all',
  sampling: initialSampling,
  allHeads: false,
  allLabels: false,
  open: {},
};

/** Asked of a result: it goes with it. */
const nothingAsked = {
  cell: undefined,
  effects: undefined,
  generation: undefined,
  headEffects: undefined,
  live: undefined,
} satisfies Partial<State>;

export const nothingShown = {
  ...nothingAsked,
  shownSetup: undefined,
  result: undefined,
  statistics: undefined,
  thumbnails: undefined,
} satisfies Partial<State>;

export const initialState = (place: PanelPlace): State => ({
  ...initialRun(place),
  ...initialModel,
  ...nothingShown,
  modelProblem: undefined,
  selected: undefined,
  queries: undefined,
  view: initialView,
});

/** Which of the panel's own requests are still the latest of their kind: an older answer is dropped. */
export interface Latest {
  readonly tokenise: number;
}

export function receive(state: State, message: ToHeadsPanel, latest: Latest): State {
  switch (message.kind) {
    case 'open':
      return open(state, message);
    case 'models':
      return { ...state, models: message.models };
    case 'devices':
      return { ...state, devices: devicesOf(message) };
    case 'model':
      return {
        ...state,
        model: message.model,
        modelProblem: undefined,
        form: state.form && { ...state.form, folder: message.model.folder },
      };
    case 'tokenised':
      return message.request === latest.tokenise
        ? { ...state, typed: message.tokenised, typedProblem: undefined }
        : state;
    case 'stage':
      return { ...state, phase: runningPhase(state.phase, message) };
    case 'layer':
      return withLayer(state, message);
    case 'result':
      return withResult(
        { ...state, phase: idle, savedAs: message.savedAs },
        message.result,
        // A run's pictures may have come layer by layer only.
        message.thumbnails ?? (state.phase.kind === 'running' ? state.thumbnails : undefined),
      );
    case 'tile':
    case 'row':
      return state;
    case 'nextTokens':
      return state.effects?.request === message.request
        ? {
            ...state,
            effects: {
              request: message.request,
              interventions: state.effects.interventions,
              distributions: message.distributions,
            },
          }
        : state;
    case 'token':
    case 'generated':
      return state.generation?.request === message.request ? withToken(state, state.generation, message) : state;
    case 'headEffects':
      return { ...state, headEffects: withStanding(state.headEffects, message) };
    case 'failed':
      return failed(state, message, latest);
    case 'notice':
    case 'overdue':
      return receiveCommon(state, message);
    default:
      return unreachable(message);
  }
}

function open(state: State, message: Extract<ToHeadsPanel, { kind: 'open' }>): State {
  const { place, models, devices, canRun, result, plan } = message;
  const goesOn = !result && state.phase.kind === 'running' && sameSetup(state.shownSetup, plan);
  const base: State = {
    ...state,
    opened: true,
    place,
    models,
    devices: devicesOf(devices),
    canRun,
    model: message.model ?? result?.model,
    // A text kept from before a reload wins while it is only a later state of the same plan: `panel.ts` decides that.
    form: state.form ?? toForm(plan),
    phase: goesOn ? state.phase : idle,
    savedAs: message.savedAs,
    compareWith: message.compareWith,
    asides: opened(state.asides, message),
    // A comparison that has just been chosen is what the person wants to see.
    view:
      message.compareWith && state.compareWith?.name !== message.compareWith.name && state.opened
        ? { ...state.view, colouring: 'difference' }
        : state.view,
  };
  const shown = result ? withResult(base, result, message.thumbnails) : goesOn ? base : { ...base, ...nothingShown };
  const { layers, heads } = shapeOf(shown);
  const named = message.select;
  return named && named.layer < layers && named.head < heads ? select(shown, named) : shown;
}

/** The same computation again: saved, compared, or sent once more. */
const isSame = (a: HeadsResult | undefined, b: HeadsResult): boolean =>
  a !== undefined && a.created === b.created && a.model.hash === b.model.hash && canonical(a.ids) === canonical(b.ids);

function withResult(state: State, result: HeadsResult, thumbnails: HeadThumbnails | undefined): State {
  if (isSame(state.result, result)) return { ...state, result, thumbnails: thumbnails ?? state.thumbnails };
  const inside =
    state.selected !== undefined && state.selected.layer < result.layers && state.selected.head < result.heads;
  const first = result.classes.toSorted((a, b) => b.confidence - a.confidence || b.score - a.score)[0];
  const selected = inside ? state.selected : first ? { layer: first.layer, head: first.head } : { layer: 0, head: 0 };
  const last = result.ids.length - 1;
  const samePrompt = state.result !== undefined && canonical(state.result.ids) === canonical(result.ids);
  return {
    ...state,
    result,
    model: state.model?.folder === result.model.folder ? state.model : (state.model ?? result.model),
    statistics: statisticsOf(result),
    thumbnails,
    // The plan that was run says more than the result (chat template): it is kept when it fits.
    shownSetup: { ...setupMatching(state.shownSetup, result), device: result.device.id },
    selected,
    queries: samePrompt && state.queries ? [...new Set(state.queries.map((at) => Math.min(at, last)))] : [last],
    ...nothingAsked,
    view: viewOf(state.view, result),
  };
}

/** The head that was looked for, or a label that no head has now, would hide what has come. */
function viewOf(view: View, { classes }: HeadsResult): View {
  const borne = view.filter === undefined || classes.some(({ label }) => label === view.filter);
  const search = parseHead(view.search) ? '' : view.search;
  return borne ? { ...view, search } : { ...view, search, filter: undefined };
}

function withLayer(state: State, message: Extract<ToHeadsPanel, { kind: 'layer' }>): State {
  const layers = Math.max(state.model?.layers ?? 0, message.layer + 1, state.statistics?.entropy.length ?? 0);
  const before = state.statistics ?? noStatistics(layers);
  const statistics = Object.fromEntries(
    headStatisticNames.map((name) => {
      const rows = [...before[name]];
      while (rows.length < layers) rows.push(undefined);
      rows[message.layer] = message.statistics[name];
      return [name, rows];
    }),
  ) as unknown as PartialStatistics;
  return {
    ...state,
    statistics,
    thumbnails: message.thumbnails
      ? withPictures(state.thumbnails, layers, message.layer, message.thumbnails)
      : state.thumbnails,
  };
}

function withPictures(
  before: HeadThumbnails | undefined,
  layers: number,
  layer: number,
  one: HeadThumbnails,
): HeadThumbnails {
  const each = one.heads * one.size * one.size;
  const fits = before?.size === one.size && before.heads === one.heads && before.layers >= layers;
  const data = fits ? before.data : new Float32Array(layers * each);
  // Written in place: a copy for each of 32 layers would cost more than the drawing. A new object says that it changed.
  data.set(one.data.subarray(0, each), layer * each);
  return { size: one.size, heads: one.heads, layers: fits ? before.layers : layers, data };
}

function withToken(
  state: State,
  generation: Generation,
  message: Extract<ToHeadsPanel, { kind: 'token' | 'generated' }>,
): State {
  const side = message.variant ? 'changed' : 'plain';
  const before = generation[side];
  const next: Generation = {
    ...generation,
    [side]:
      message.kind === 'token'
        ? { text: message.text, tokens: message.index + 1, done: false }
        : { text: message.text, tokens: before?.tokens ?? 0, done: true },
  };
  const running = !(next.plain?.done === true && (next.interventions.length === 0 || next.changed?.done === true));
  const live =
    message.kind === 'token' && message.statistics
      ? { index: message.index, statistics: message.statistics }
      : state.live;
  return { ...state, generation: { ...next, running }, live: running ? live : undefined };
}

function failed(state: State, message: Extract<ToHeadsPanel, { kind: 'failed' }>, latest: Latest): State {
  const { request, sentence } = message;
  if (request === undefined) {
    const ended = failedRun(state, message);
    return {
      ...ended,
      live: undefined,
      generation: ended.generation && { ...ended.generation, running: false },
      headEffects: ended.headEffects && stoppedEffects(ended.headEffects),
      asides: { ...ended.asides, loading: false },
      modelProblem: message.folder === undefined ? ended.modelProblem : { folder: message.folder, sentence },
    };
  }
  if (request === latest.tokenise) return { ...state, typed: undefined, typedProblem: sentence };
  if (state.effects?.request === request) return { ...state, effects: { ...state.effects, problem: sentence } };
  if (state.headEffects?.request === request)
    return { ...state, headEffects: { ...stoppedEffects(state.headEffects), problem: sentence } };
  if (state.generation?.request === request) {
    return { ...state, live: undefined, generation: { ...state.generation, running: false, problem: sentence } };
  }
  return state;
}

// What a person does.

export const select = (state: State, { layer, head }: HeadPlace): State =>
  state.selected?.layer === layer && state.selected.head === head
    ? state
    : {
        ...state,
        selected: { layer, head },
        view: letGo(state.view, { layer, head }),
      };

/** A search that names a head ends where another one is chosen: it would hide the choice. */
function letGo(view: View, chosen: HeadPlace): View {
  const named = parseHead(view.search);
  return named && (named.layer !== chosen.layer || named.head !== chosen.head) ? { ...view, search: '' } : view;
}

export function setGain(state: State, { layer, head }: HeadPlace, gain: number): State {
  return state.form
    ? { ...state, form: { ...state.form, gains: withGain(state.form.gains, layer, head, gain) } }
    : state;
}

/** Off when it is on, back to 1 when it is off. */
export const toggleAblation = (state: State, place: HeadPlace): State =>
  setGain(state, place, gainOf(state.form?.gains ?? [], place.layer, place.head) === 0 ? 1 : 0);

/** Layers and heads of what is shown, from the result or, while it runs, from the model. */
export function shapeOf(state: State): { readonly layers: number; readonly heads: number; readonly kvHeads: number } {
  const { result, statistics } = state;
  if (result) return { layers: result.layers, heads: result.heads, kvHeads: result.model.kvHeads };
  const model = modelOfForm(state) ?? state.model;
  const heads = statistics?.entropy.find((row) => row !== undefined)?.length ?? model?.heads ?? 0;
  return { layers: statistics?.entropy.length ?? 0, heads, kvHeads: model?.kvHeads ?? heads };
}
