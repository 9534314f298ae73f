/** Everything the panel shows, and how a message or an action changes it. No DOM: tests drive it directly. */
import type { DeviceInfo, MechanismInfo, SupportInfo } from '../../../protocol/compute/api';
import type { MechanismView, MechanismViewRequest } from '../../../protocol/compute/mechanism-view';
import type { NeighborhoodBound, NeighborhoodRequest } from '../../../protocol/compute/neighborhood';
import type { ShapeChoice, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import { keptOnResume } from '../../../protocol/results/benchmark';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { unreachable } from '../../../protocol/unreachable';
import type { PointKey } from '../../charts/chart';
import { rowKey } from '../../charts/rows';
import { keepForm, parseKeptBy, type Kept as KeptOf } from '../../ui/kept-form';
import { idle, runningPhase } from '../../ui/phase';
import { failedRun, initialRun, receiveCommon, started, type RunState, type RunView } from '../../ui/run-state';
import type { Sort } from '../../ui/table';
import { readForm, sameSetup, takeShape, toForm, withShapeNamed, type Form } from './form';
import { initialModules, receiveModules, type ModuleState, type ModuleView } from '../../modules/module-state';
import type { SectionView } from '../../sections/section-kind';
import type { NeighborhoodForm } from './neighborhood-form';

/** Which mechanism's card is open, and how its picture is drawn. */
export interface CardChoice {
  readonly mechanism: string;
  /** `pattern` is drawn on the grid where there is one, `matrix` never. */
  readonly show: 'pattern' | 'matrix' | 'effective' | 'system';
  readonly length: MechanismViewRequest['length'];
  /** Absent: the last head, since first ones are the denser where heads differ. */
  readonly head?: MechanismViewRequest['head'];
  /** How the sections of the linear system are shown, by their ids. */
  readonly sections?: Readonly<Record<string, SectionView>>;
}

/** What a person arranged; survives a reload. */
export interface View extends RunView {
  readonly hidden: readonly string[];
  readonly sort?: Sort;
  readonly tableLength?: number | 'all';
  readonly pinned?: PointKey;
  /** Charts shown as tables. */
  readonly asTable: readonly string[];
  readonly card?: CardChoice;
  /** The simulator of neighborhood attention as typed; absent: as it begins. */
  readonly neighborhood?: NeighborhoodForm;
  /** Filter of the list of mechanisms, as typed. */
  readonly mechanismFilter?: string;
  /** The section of modules; absent: as it begins. */
  readonly module?: ModuleView;
  /** The table of all mechanisms in one template. */
  readonly template?: { readonly filter: string; readonly sort?: Sort };
}

export interface State extends RunState<Form, View> {
  readonly modules: ModuleState;
  readonly mechanisms: readonly MechanismInfo[];
  /** Of the mechanisms of the catalogue, in its order, where no more is known of them. */
  readonly titles: readonly Pick<MechanismInfo, 'id' | 'title'>[];
  readonly devices: readonly DeviceInfo[];
  readonly devicesAsked: boolean;
  readonly shapes: readonly ShapeChoice[];
  /** Processors of the machine that runs the kernels. */
  readonly processors: number;
  readonly supports: readonly SupportInfo[];
  readonly rows: readonly BenchmarkRow[];
  /** Keys of rows still being measured. */
  readonly provisional: readonly string[];
  /** The plan the rows belong to. */
  readonly measuredSetup: BenchmarkSetup | undefined;
  readonly result: BenchmarkResult | undefined;
  readonly compareWith: { readonly name: string; readonly result: BenchmarkResult } | undefined;
  /** The answer to the last question of the card. */
  readonly mechanismView:
    | { readonly request: MechanismViewRequest; readonly view?: MechanismView; readonly problem?: string }
    | undefined;
  readonly neighborhood:
    | { readonly request: NeighborhoodRequest; readonly bound?: NeighborhoodBound; readonly problem?: string }
    | undefined;
}

export const initialState = (place: PanelPlace): State => ({
  ...initialRun(place),
  modules: initialModules,
  mechanisms: [],
  titles: [],
  devices: [],
  devicesAsked: false,
  shapes: [],
  processors: 0,
  supports: [],
  rows: [],
  provisional: [],
  measuredSetup: undefined,
  result: undefined,
  mechanismView: undefined,
  neighborhood: undefined,
  view: { hidden: [], open: {}, asTable: [] },
});

export function receive(state: State, message: ToKernelsPanel): State {
  switch (message.kind) {
    case 'open':
      return open(state, message);
    case 'devices':
      return { ...state, devices: message.devices, devicesAsked: message.testing === true };
    case 'shapes': {
      const choice = message.shapes.find(({ uri }) => uri === message.shapeUri);
      const { form, mechanisms } = state;
      const named = form && (choice ? takeShape(form, choice, mechanisms) : withShapeNamed(form, message.shapes));
      return { ...state, shapes: message.shapes, form: named };
    }
    case 'supports':
      return { ...state, supports: message.supports };
    case 'mechanismView': {
      const { kind: _kind, ...mechanismView } = message;
      return { ...state, mechanismView };
    }
    case 'neighborhoodBound': {
      const { kind: _kind, ...neighborhood } = message;
      return { ...state, neighborhood };
    }
    case 'modules':
    case 'moduleStage':
    case 'moduleResult':
    case 'moduleFailed':
    case 'moduleFile':
      return receiveModules(state, message);
    case 'stage':
      return { ...state, phase: runningPhase(state.phase, message) };
    case 'row':
      return withRow(state, message.row, message.final);
    case 'result':
      return {
        ...state,
        phase: idle,
        result: message.result,
        measuredSetup: message.result.plan,
        rows: message.result.rows,
        provisional: [],
        savedAs: message.savedAs,
      };
    case 'failed':
      return failedRun(
        {
          ...state,
          // A point in the making when the run failed was never finished: it is not kept as if it were.
          rows: state.rows.filter((row) => !state.provisional.includes(rowKey(row))),
          provisional: [],
        },
        message,
      );
    case 'overdue':
    case 'notice':
      return receiveCommon(state, message);
    default:
      return unreachable(message);
  }
}

function open(state: State, message: Extract<ToKernelsPanel, { kind: 'open' }>): State {
  const { place, mechanisms, devices, shapes, processors, canRun, result, measured: ran = message.plan } = message;
  const choice = shapes.find(({ uri }) => uri === message.shapeUri);
  const planned = toForm(message.plan, shapes, message.shapeUri);
  // A text kept from before the reload wins over the extension's copy when it is only a later state of the same form.
  const kept = state.form !== undefined && choice === undefined ? state.form : undefined;
  const form = kept ?? (choice ? takeShape(planned, choice, mechanisms) : planned);
  // `open` is the whole new state. Only rows of the very same plan outlive it: those kept over a reload, or of a run that
  // goes on; the extension sends its own after it.
  const goesOn = sameSetup(state.measuredSetup, ran) && (!state.opened || state.phase.kind === 'running');
  const measured = result
    ? { result, measuredSetup: result.plan, rows: result.rows, provisional: [] }
    : {
        result: goesOn ? state.result : undefined,
        measuredSetup: ran,
        rows: goesOn ? state.rows : [],
        provisional: goesOn ? state.provisional : [],
      };
  return {
    ...state,
    opened: true,
    place,
    mechanisms,
    devices,
    shapes,
    processors,
    canRun,
    form,
    ...measured,
    phase: goesOn && !result ? state.phase : idle,
    savedAs: message.savedAs ?? (goesOn && !result ? state.savedAs : undefined),
    compareWith: message.compareWith,
  };
}

function withRow(state: State, row: BenchmarkRow, final: boolean): State {
  const key = rowKey(row);
  const at = state.rows.findIndex((other) => rowKey(other) === key);
  return {
    ...state,
    rows: at < 0 ? [...state.rows, row] : state.rows.with(at, row),
    provisional: [...state.provisional.filter((other) => other !== key), ...(final ? [] : [key])],
  };
}

/** The plan in the form, or undefined while it cannot be read. */
export function setupOf({ form, mechanisms, processors }: State): BenchmarkSetup | undefined {
  if (!form) return undefined;
  const reading = readForm(form, mechanisms, processors);
  return reading.ok ? reading.plan : undefined;
}

/** Why a mechanism cannot run what the form asks for; undefined when it can. */
export function whyNot({ form, supports }: State, mechanism: MechanismInfo): string | undefined {
  const pattern = form ? mechanism.patterns[form.pattern] : true;
  if (pattern !== true) return pattern;
  const support = supports.find((one) => one.mechanism === mechanism.id);
  return support?.ok === false ? (support.why ?? 'It does not support this shape.') : undefined;
}

/** The plan to run: without what is known not to run; undefined when nothing is left or the form cannot be read. */
export function runnableSetup(state: State): BenchmarkSetup | undefined {
  const plan = setupOf(state);
  if (!plan) return undefined;
  const runs = (id: string): boolean => {
    const mechanism = state.mechanisms.find((one) => one.id === id);
    return mechanism !== undefined && whyNot(state, mechanism) === undefined;
  };
  const mechanisms = plan.mechanisms.filter(runs);
  return mechanisms.length === 0 || !runs(plan.baseline) ? undefined : { ...plan, mechanisms };
}

/** Mechanisms measured for a plan, the baseline among them, in the plan's order. */
export const measuredMechanisms = (plan: BenchmarkSetup): readonly string[] => [
  ...new Set([...plan.mechanisms, plan.baseline]),
];

/** Measured to the end: not being timed, and not stopped while it was. */
const settled = ({ rows, provisional }: State): readonly BenchmarkRow[] =>
  rows.filter((row) => !provisional.includes(rowKey(row)) && !row.notes?.includes('cancelled'));

/** How many of the plan's points are measured to the end. */
export function progressOf(state: State): { readonly done: number; readonly total: number } {
  const plan = state.measuredSetup;
  const total = plan ? measuredMechanisms(plan).length * plan.shape.lengths.length : 0;
  return { done: settled(state).length, total };
}

/** Points are missing and the form still asks for the same run. */
export function canResume(state: State): boolean {
  const { done, total } = progressOf(state);
  return (
    state.phase.kind !== 'running' && done > 0 && done < total && sameSetup(runnableSetup(state), state.measuredSetup)
  );
}

/** The form asks for something other than what is shown. */
export function isStale(state: State): boolean {
  if (state.place === 'file' || state.rows.length === 0 || state.phase.kind === 'running') return false;
  // A series of a mechanism of the workspace comes when its file is saved, and no form asks for it.
  if (state.measuredSetup?.kernels) return false;
  const plan = runnableSetup(state);
  // CAB measures also what the form's own pattern does not run.
  return plan !== undefined && ![plan, setupOf(state)].some((each) => sameSetup(each, state.measuredSetup));
}

export function startRun(
  state: State,
  resume: boolean,
  plan: BenchmarkSetup | undefined = runnableSetup(state),
): { readonly state: State; readonly plan: BenchmarkSetup } | undefined {
  if (!plan || state.canRun !== true || state.phase.kind === 'running') return undefined;
  const done = resume ? settled(state).filter(keptOnResume) : [];
  const total = measuredMechanisms(plan).length * plan.shape.lengths.length;
  return {
    plan: { ...plan, ...(done.length > 0 ? { done } : {}) },
    state: {
      ...started(
        state,
        { rows: done, provisional: [], measuredSetup: plan, result: undefined, savedAs: undefined },
        { done: done.length, total },
      ),
      view: withoutPin(state.view, done),
    },
  };
}

function withoutPin(view: View, rows: readonly BenchmarkRow[]): View {
  const { pinned, ...rest } = view;
  const stays = pinned && rows.some((row) => row.mechanism === pinned.series && row.length === pinned.at);
  return stays ? view : rest;
}

export function pin(view: View, key: PointKey | undefined): View {
  const { pinned: _pinned, ...rest } = view;
  return key ? { ...rest, pinned: key } : rest;
}

export function withCard(view: View, card: CardChoice | undefined): View {
  const { card: _card, ...rest } = view;
  return card ? { ...rest, card } : rest;
}

/** What goes through `setState`. */
export interface Kept extends KeptOf<Form, View> {
  readonly rows: readonly BenchmarkRow[];
  readonly measuredSetup?: BenchmarkSetup;
  readonly result?: BenchmarkResult;
  readonly savedAs?: string;
}

export function keep(state: State, basis: readonly string[]): Kept {
  // The extension holds a saved file; what was measured here and not saved is held by the panel too.
  const held = state.place !== 'file';
  return {
    ...keepForm(state, basis),
    rows: held ? state.rows.filter((row) => !state.provisional.includes(rowKey(row))) : [],
    ...(state.measuredSetup && held ? { measuredSetup: state.measuredSetup } : {}),
    ...(state.result && held ? { result: state.result } : {}),
    ...(state.savedAs ? { savedAs: state.savedAs } : {}),
  };
}

export const parseKept = (value: unknown): Kept | undefined =>
  parseKeptBy<Kept>(value, ({ rows, view }) => Array.isArray(rows) && Array.isArray(view?.hidden));

export function restore(state: State, kept: Kept | undefined): State {
  if (!kept) return state;
  const { view, form, rows, measuredSetup, result, savedAs } = kept;
  return { ...state, view, form, rows, measuredSetup, result, savedAs };
}
