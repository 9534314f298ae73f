/** Everything the panel shows, and how a message or an action changes it. No DOM: tests drive it directly. */
import type { CaptionTime, OpenedImage } from '../../../protocol/compute/hallucination';
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type {
  FirstStep,
  ImageFolder,
  NamedHallucination,
  ToHallucinationPanel,
} from '../../../protocol/panels/hallucination';
import type { ModelCard } from '../../../protocol/panels/workbench';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type {
  DivergenceStep,
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../../../protocol/results/hallucination-schema';
import { strongest } from '../../../protocol/results/sections/ranked-heads';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import { opened } from '../../ui/asides';
import type { LoadedPicture } from '../../sections/scene';
import { canonical } from '../../ui/canonical';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { idle, runningPhase } from '../../ui/phase';
import {
  devicesOf,
  failedRun,
  forgiven,
  initialModel,
  initialRun,
  receiveCommon,
  type ModelState,
  type RunState,
} from '../../ui/run-state';
import { toForm, type Form } from './form';
import { initialView, type View } from './view';
import { isOwnPrompt, ownPromptOf } from '../../ui/own-prompt';
import { setupOf, setupOfResult, sameSetup } from './setup';

/** What was asked for and is not there yet, or why it does not come. */
interface Asked<T> {
  readonly request: number;
  readonly of: string;
  readonly value?: T;
  readonly problem?: string;
}

/** The variant that is being made. */
interface Making {
  readonly request: number;
  readonly name: string;
  readonly tokens: readonly CaptionToken[];
  readonly problem?: string;
}

/** A token of one of the captions: null is the plain one, else the place among the variants. */
export interface TokenPlace {
  readonly variant: number | null;
  readonly step: number;
}

export interface State extends RunState<Form, View>, ModelState {
  /** The picture of the form, or of a saved result. */
  readonly picture: OpenedImage | undefined;
  /** The picture of the result that is shown, also when the form names another one by now. */
  readonly shownPicture: OpenedImage | undefined;
  readonly pictureProblem: string | undefined;
  readonly imageFolder: ImageFolder | undefined;
  /** What a picture of that folder costs by the form. */
  readonly folderTime: Asked<CaptionTime> | undefined;
  /** The card of the model that was asked about last; no card: its folder has none. */
  readonly card: { readonly folder: string; readonly card?: ModelCard } | undefined;
  /** The plan of what is shown. */
  readonly shownSetup: HallucinationSetup | undefined;
  readonly firstStep: FirstStep | undefined;
  /** Tokens of the plain caption that is being written. */
  readonly written: readonly CaptionToken[];
  readonly result: HallucinationResult | undefined;
  readonly making: Making | undefined;
  readonly set: HallucinationSet | undefined;
  /** Entries of a set that is being captioned. */
  readonly entries: readonly DatasetEntry[];
  readonly entryFailures: readonly { readonly name: string; readonly why: string }[];
  readonly compareWith: NamedHallucination | undefined;
  readonly selected: HeadPlace | undefined;
  readonly token: TokenPlace;
  readonly map: Asked<Float32Array> | undefined;
  readonly step: Asked<DivergenceStep> | undefined;
  /** Pictures that can be drawn, by the hash of their files. */
  readonly decoded: ReadonlyMap<string, LoadedPicture>;
}

const firstToken: TokenPlace = { variant: null, step: 0 };

/** Before a run, and from its start. */
export const nothingShown = {
  shownSetup: undefined,
  firstStep: undefined,
  written: [],
  result: undefined,
  making: undefined,
  set: undefined,
  entries: [],
  entryFailures: [],
  savedAs: undefined,
  token: firstToken,
  map: undefined,
  step: undefined,
} satisfies Partial<State>;

export const initialState = (place: PanelPlace): State => ({
  ...initialRun(place),
  ...initialModel,
  ...nothingShown,
  picture: undefined,
  shownPicture: undefined,
  pictureProblem: undefined,
  imageFolder: undefined,
  folderTime: undefined,
  card: undefined,
  decoded: new Map(),
  selected: undefined,
  view: initialView,
});

/** Which of the panel's own requests are still the latest of their kind: an older answer is dropped. */
export interface Latest {
  readonly openImage: number;
  readonly tokenise: number;
}

export const receive = (state: State, message: ToHallucinationPanel, latest: Latest): State =>
  withShownPicture(received(state, message, latest));

/** The picture of a result stays with it: the form may open another one. */
function withShownPicture(state: State): State {
  const wanted = state.result?.image?.sha256;
  const found = [state.picture, state.shownPicture].find((one) => wanted !== undefined && one?.image.sha256 === wanted);
  return found === state.shownPicture ? state : { ...state, shownPicture: found };
}

/** The bytes that are drawn already are not decoded again for another prompt. */
const samePixels = (before: OpenedImage | undefined, now: OpenedImage): OpenedImage =>
  before?.image.sha256 === now.image.sha256 ? { ...now, bytes: before.bytes } : now;

function received(state: State, message: ToHallucinationPanel, latest: Latest): State {
  switch (message.kind) {
    case 'open':
      return open(state, message);
    case 'models':
      return { ...state, models: message.models };
    case 'devices':
      return { ...state, devices: devicesOf(message) };
    case 'model':
      return withModel(state, message.model);
    case 'picture':
      return message.request === undefined || message.request === latest.openImage
        ? { ...state, picture: samePixels(state.picture, message.picture), pictureProblem: undefined }
        : state;
    case 'imageFolder':
      return { ...state, imageFolder: message.imageFolder };
    case 'folderTime':
      return state.folderTime?.request === message.request
        ? { ...state, folderTime: { ...state.folderTime, value: message.time } }
        : state;
    case 'card':
      return { ...state, card: { folder: message.folder, ...(message.card ? { card: message.card } : {}) } };
    case 'tokenised':
      return message.request === latest.tokenise
        ? { ...state, typed: message.tokenised, typedProblem: undefined }
        : state;
    case 'stage':
      return { ...state, phase: runningPhase(state.phase, message) };
    case 'firstStep': {
      const { vhd, textEnergy, outlier, selected } = message;
      const firstStep = { vhd, textEnergy, outlier, selected };
      return { ...state, firstStep, selected: selectedIn(state.selected, firstStep) };
    }
    case 'token':
      return message.variant
        ? { ...state, making: state.making && { ...state.making, tokens: [...state.making.tokens, message.token] } }
        : { ...state, written: [...state.written, message.token] };
    case 'result':
      return withResult({ ...state, phase: idle, savedAs: message.savedAs }, message.result);
    case 'variant':
      return withVariant(state, message.request, message.caption);
    case 'map':
      return state.map?.request === message.request
        ? { ...state, map: { request: message.request, of: state.map.of, value: message.map } }
        : state;
    case 'step':
      return state.step?.request === message.request
        ? { ...state, step: { request: message.request, of: state.step.of, value: message.step } }
        : state;
    case 'entry':
      return { ...state, entries: withEntry(state.entries, message.entry) };
    case 'entryFailed':
      return { ...state, entryFailures: [...state.entryFailures, { name: message.name, why: message.why }] };
    case 'set':
      return withSet({ ...state, phase: idle, savedAs: message.savedAs }, message.set);
    case 'failed':
      return failed(state, message, latest);
    case 'notice':
    case 'overdue':
      return receiveCommon(state, message);
    default:
      return unreachable(message);
  }
}

/** A prompt that stands for no words of the person becomes the one of the model that was chosen. */
function withModel(state: State, model: ModelSummary): State {
  if (!state.form) return { ...state, model };
  const form = { ...state.form, folder: model.folder };
  const shown = state.shownSetup?.folder === model.folder;
  const own = shown || form.mode === 'span' || !isOwnPrompt(form) ? undefined : ownPromptOf(model, state.models);
  return { ...state, model, form: { ...form, ...own } };
}

/** The steps that a resumed run starts from are sent again by the extension. */
const withEntry = (entries: readonly DatasetEntry[], entry: DatasetEntry): readonly DatasetEntry[] =>
  entries.some(({ name }) => name === entry.name)
    ? entries.map((one) => (one.name === entry.name ? entry : one))
    : [...entries, entry];

function open(state: State, message: Extract<ToHallucinationPanel, { kind: 'open' }>): State {
  const { place, models, devices, canRun, result, set, plan, picture } = message;
  const goesOn = !result && !set && state.phase.kind === 'running' && sameSetup(state.shownSetup, plan);
  const base: State = {
    ...state,
    opened: true,
    place,
    models,
    devices: devicesOf(devices),
    canRun,
    model: message.model ?? result?.model ?? set?.model,
    // A text kept from before a reload wins while it is only a later state of the same plan: `panel.ts` decides that.
    form: state.form ?? toForm(plan),
    picture: picture ?? (state.picture?.image.path === plan.image ? state.picture : undefined),
    pictureProblem: undefined,
    imageFolder: message.imageFolder ?? state.imageFolder,
    phase: goesOn ? state.phase : idle,
    savedAs: message.savedAs,
    compareWith: message.compareWith,
    asides: opened(state.asides, message),
  };
  const shown = result
    ? withResult(base, result)
    : set
      ? withSet(base, set)
      : goesOn
        ? base
        : { ...base, ...nothingShown };
  const named = message.select;
  const { layers, heads } = shapeOf(shown);
  return named && named.layer < layers && named.head < heads ? select(shown, named) : shown;
}

/** The same computation again: saved, or sent once more. */
const isSame = (a: { readonly created: string } | undefined, b: { readonly created: string }): boolean =>
  a?.created === b.created;

function withResult(state: State, result: HallucinationResult): State {
  if (isSame(state.result, result)) return { ...state, result };
  return {
    ...state,
    set: undefined,
    entries: [],
    entryFailures: [],
    result,
    firstStep: undefined,
    written: [],
    model: state.model?.folder === result.model.folder ? state.model : (state.model ?? result.model),
    shownSetup: madeOn(setupOfResult(result, state.shownSetup ?? setupOf(state)), result),
    selected: selectedIn(state.selected, result),
    token: firstToken,
    map: undefined,
    step: undefined,
    making: undefined,
  };
}

/** The plan with the device where it ran. */
const madeOn = (
  plan: HallucinationSetup | undefined,
  { device }: HallucinationResult | HallucinationSet,
): HallucinationSetup | undefined => plan && { ...plan, device: device.id };

const withSet = (state: State, set: HallucinationSet): State => ({
  ...state,
  ...nothingShown,
  savedAs: state.savedAs,
  shownSetup: madeOn(state.shownSetup ?? setupOf(state), set),
  set,
  model: state.model ?? set.model,
});

function withVariant(state: State, request: number, caption: Caption): State {
  if (!state.result) return state;
  const same = (one: Caption): boolean => canonical(one.reinforcement) === canonical(caption.reinforcement);
  // A panel that shows the result already holds it when the extension has put it there.
  const others = state.result.variants.filter((one) => !same(one));
  return {
    ...state,
    result: { ...state.result, variants: [...others, caption] },
    making: state.making?.request === request ? undefined : state.making,
    ...(state.token.variant === null ? {} : { token: firstToken, map: undefined }),
  };
}

/** The head looked at stays while it is one of the model's; else the one that looks most at the image. */
function selectedIn(
  before: HeadPlace | undefined,
  { vhd, outlier }: Pick<FirstStep, 'vhd' | 'outlier'>,
): HeadPlace | undefined {
  if (before && vhd[before.layer]?.[before.head] !== undefined) return before;
  const [first] = strongest({ vhd, outlier });
  return first && { layer: first.layer, head: first.head };
}

function failed(state: State, message: Extract<ToHallucinationPanel, { kind: 'failed' }>, latest: Latest): State {
  const { request, sentence } = message;
  if (request === undefined)
    return {
      ...failedRun(state, message),
      asides: { ...state.asides, loading: false },
    };
  if (request === latest.openImage) return { ...state, picture: undefined, pictureProblem: sentence };
  if (request === latest.tokenise) return { ...state, typed: undefined, typedProblem: sentence };
  if (state.folderTime?.request === request)
    return { ...state, folderTime: { ...state.folderTime, problem: sentence } };
  if (state.map?.request === request) return { ...state, map: { ...state.map, problem: sentence } };
  if (state.step?.request === request) return { ...state, step: { ...state.step, problem: sentence } };
  if (state.making?.request === request) return { ...state, making: { ...state.making, problem: sentence } };
  return state;
}

/** Decoded pictures stay while they are shown or may be shown. */
export function withDecoded(state: State, sha256: string, loaded: LoadedPicture): State {
  const kept = [state.picture?.image.sha256, state.shownPicture?.image.sha256];
  return {
    ...state,
    decoded: new Map([...state.decoded, [sha256, loaded] as const].filter(([hash]) => kept.includes(hash))),
  };
}

// What a person does.

/** What was wrong with one mode is not said of another. */
export function edited(state: State, change: Partial<Form>): State {
  if (!state.form) return state;
  const now = { ...state, form: { ...state.form, ...change } };
  if (now.form.mode === state.form.mode) return now;
  return { ...now, phase: forgiven(state.phase), pictureProblem: undefined, typedProblem: undefined };
}

export const select = (state: State, { layer, head }: HeadPlace): State =>
  state.selected?.layer === layer && state.selected.head === head ? state : { ...state, selected: { layer, head } };

/** Layers and heads of what is shown. */
export function shapeOf(state: State): { readonly layers: number; readonly heads: number } {
  const vhd = state.result?.vhd ?? state.firstStep?.vhd;
  return { layers: vhd?.length ?? 0, heads: vhd?.[0]?.length ?? 0 };
}
