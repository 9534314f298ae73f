/** Faults of the settings of a sweep: names that mean nothing, and values that what runs does not take. */
import { faultOf, valueOfText, type Parameter } from '../analysis/parameters';
import { isTaskFile } from '../analysis/tasks';
import { isCodeFile } from '../inputs/own-file';
import { deviceFault } from '../inputs/devices';
import { nearestName } from '../wire/nearest-name';
import {
  parameterPrefix,
  settingsOf,
  taskParameterPrefix,
  type NumberRange,
  type RunInfo,
  type SettingInfo,
  type SweepCatalogue,
} from './catalogue';
import { bytesOfText } from '../wire/quantities';
import type { CellSettings, SweepFile, SweepValue } from './sweep-file';

export interface SweepFault {
  readonly path: readonly (string | number)[];
  /** The key at the path is wrong, and not its value. */
  readonly ofKey: boolean;
  /** A sentence with a next step. */
  readonly message: string;
  /** The name that was meant, where there is one. */
  readonly meant?: string;
}

export const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

/** The most edits between a misspelt name and the one that was meant: a third of its length. */
const slip = (name: string): number => Math.min(6, Math.max(1, Math.floor(name.length / 3)));

export function misspelt(name: string, isNot: string, names: readonly string[]): Pick<SweepFault, 'message' | 'meant'> {
  const meant = nearestName(name.toLowerCase(), names, slip(name));
  const known = names.length <= 12 ? ` Choose from ${names.join(', ')}.` : ' docs/sweeps.md says how to list them.';
  const guess = meant === undefined ? '.' : `; did you mean "${meant}"?`;
  return { message: `${shown(name)} is ${isNot}${guess}${known}`, ...(meant === undefined ? {} : { meant }) };
}

interface SettingPlace {
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly values: readonly SweepValue[];
  /** Each value has a place of its own, by its index. */
  readonly inList: boolean;
}

/** Every place where a sweep gives values to settings. */
function* placesOf(sweep: SweepFile): Generator<SettingPlace> {
  const of = function* (settings: CellSettings, path: readonly (string | number)[]) {
    for (const [name, value] of Object.entries(settings))
      yield { path: [...path, name], name, values: [value], inList: false };
  };
  yield* of(sweep.settings ?? {}, ['settings']);
  for (const [name, values] of Object.entries(sweep.matrix ?? {}))
    yield { path: ['matrix', name], name, values, inList: true };
  for (const [at, cell] of (sweep.cells ?? []).entries()) yield* of(cell, ['cells', at]);
}

export function* settingFaults(sweep: SweepFile, catalogue: SweepCatalogue, run: RunInfo): Generator<SweepFault> {
  const settings = settingsOf(catalogue, run);
  for (const place of placesOf(sweep)) {
    const { path, name, values } = place;
    const found = settingNamed(run, name, settings);
    if ('message' in found) yield { path, ofKey: true, ...found };
    else if ('ofTask' in found) yield* taskParameterFaults(sweep, catalogue, place, found.ofTask);
    else
      for (const [at, value] of values.entries()) {
        const fault = valueFault(found, name, value, catalogue);
        if (fault !== undefined) yield { path: placeOfValue(place, at), ofKey: false, ...fault };
      }
  }
}

const placeOfValue = ({ path, inList }: SettingPlace, at: number): SweepFault['path'] =>
  inList ? [...path, at] : path;

type Fault = Pick<SweepFault, 'message' | 'meant'>;

/** `ofTask`: the parameter of a task, by its name. */
type Found =
  | { readonly setting: SettingInfo }
  | { readonly parameter: Parameter }
  | { readonly ofTask: string }
  | { readonly anything: true };

/** What a name of a setting means, or why it means nothing. */
function settingNamed(run: RunInfo, name: string, settings: readonly SettingInfo[]): Found | Fault {
  const own = run.parameters;
  const takesParameters = settings.some((one) => one.name === 'param');
  if (name.startsWith(parameterPrefix) && takesParameters) {
    const given = name.slice(parameterPrefix.length);
    if (run.command === 'task') return { ofTask: given };
    if (own === undefined) return { anything: true };
    const parameter = Object.hasOwn(own, given) ? own[given] : undefined;
    return parameter
      ? { parameter }
      : noParameter(given, parameterPrefix, `no parameter of ${run.title}`, Object.keys(own));
  }
  if (name.startsWith(taskParameterPrefix) && settings.some((one) => one.name === 'task-param'))
    return { ofTask: name.slice(taskParameterPrefix.length) };
  const setting = settings.find((one) => one.name === name);
  if (setting && name !== 'param' && name !== 'task-param') return { setting };
  if (Object.hasOwn(own ?? {}, name)) {
    return {
      message: `${shown(name)} is a parameter of ${run.title}. Write ${parameterPrefix}${name}.`,
      meant: `${parameterPrefix}${name}`,
    };
  }
  const names = settings.map((one) => one.name).filter((one) => one !== 'param' && one !== 'task-param');
  return misspelt(name, `no setting of ${run.title}`, [
    ...names,
    ...Object.keys(own ?? {}).map((one) => `${parameterPrefix}${one}`),
  ]);
}

function noParameter(name: string, prefix: string, isNot: string, known: readonly string[]): Fault {
  if (known.length === 0) return { message: `${shown(name)} is ${isNot}, which takes none. Remove it.` };
  const { message, meant } = misspelt(name, isNot, known);
  return { message, ...(meant === undefined ? {} : { meant: `${prefix}${meant}` }) };
}

/**
 * A parameter that one of the cells' tasks does not take, or a value that does not fit it. Tasks that `exclude` names are left out:
 * which of their cells remain is not looked at. A task from a file takes no parameters, and says so itself.
 */
function* taskParameterFaults(
  sweep: SweepFile,
  { tasks }: SweepCatalogue,
  place: SettingPlace,
  given: string,
): Generator<SweepFault> {
  const { path, name, values } = place;
  const prefix = name.slice(0, name.length - given.length);
  const excluded = new Set((sweep.exclude ?? []).map((entry) => entry['task']));
  const known = tasksAt(sweep, path).filter((id) => Object.hasOwn(tasks, id));
  for (const id of known) {
    const table = tasks[id] ?? {};
    if (known.length > 1 && excluded.has(id)) continue;
    const parameter = Object.hasOwn(table, given) ? table[given] : undefined;
    if (!parameter) {
      yield { path, ofKey: true, ...noParameter(given, prefix, `no parameter of the task ${id}`, Object.keys(table)) };
      return;
    }
    for (const [at, value] of values.entries()) {
      const fault = parameterFault(parameter, value);
      if (fault === undefined) continue;
      const which = known.length > 1 ? ` for the task ${id}` : '';
      yield { path: placeOfValue(place, at), ofKey: false, message: notFitting(name, `${fault}${which}`, value) };
    }
  }
}

/** Tasks of the cells that have the settings of a place. */
function tasksAt(
  { settings = {}, matrix = {}, cells = [] }: SweepFile,
  [part, at]: SweepFault['path'],
): readonly string[] {
  const shared = settings['task'] === undefined ? [] : [settings['task']];
  const inMatrix = matrix['task'] ?? shared;
  const inCells = cells.map((cell) => cell['task'] ?? shared[0]);
  const those = part === 'cells' ? [inCells[Number(at)]] : part === 'matrix' ? inMatrix : [...inMatrix, ...inCells];
  return [...new Set(those.flatMap((task) => (task === undefined ? [] : [String(task)])))];
}

const notFitting = (name: string, fault: string, value: SweepValue): string =>
  `${name} ${fault}, not ${JSON.stringify(value).slice(0, 60)}.`;

function valueFault(
  found: Exclude<Found, { readonly ofTask: string }>,
  name: string,
  value: SweepValue,
  catalogue: SweepCatalogue,
): Fault | undefined {
  if ('anything' in found) return undefined;
  if ('setting' in found && name === 'task') return taskFault(value, catalogue);
  if ('setting' in found && found.setting.devices && typeof value !== 'boolean') {
    const message = deviceFault(listOf(value).join(','), found.setting.devices);
    return message === undefined ? undefined : { message };
  }
  const fault = 'parameter' in found ? parameterFault(found.parameter, value) : settingFault(found.setting, value);
  return fault === undefined ? undefined : { message: notFitting(name, fault, value) };
}

function taskFault(value: SweepValue, { tasks }: SweepCatalogue): Fault | undefined {
  const name = listOf(value).join(',');
  if (isCodeFile(name)) {
    return {
      message: `A sweep runs no task file of code. Run ${shown(name)} with "headscope task", or write its prompts as JSONL.`,
    };
  }
  if (Object.hasOwn(tasks, name) || isTaskFile(name)) return undefined;
  const names = Object.keys(tasks);
  const meant = nearestName(name.toLowerCase(), names, slip(name));
  const guess = meant === undefined ? '.' : `; did you mean "${meant}"?`;
  const message = `There is no task ${shown(name)}${guess} Choose from ${names.join(', ')}, or name a file that ends in .jsonl or .csv.`;
  return { message, ...(meant === undefined ? {} : { meant }) };
}

/** The end of a sentence that begins with the name; undefined where the value fits. */
const parameterFault = (parameter: Parameter, value: SweepValue): string | undefined =>
  faultOf(parameter, typeof value === 'string' ? valueOfText(parameter, value) : textWhereAsked(parameter, value));

/** As `parameterFault`. */
function settingFault({ kind, choices, range, size }: SettingInfo, value: SweepValue): string | undefined {
  if (kind === 'flag') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (typeof value === 'boolean') return 'must be a value';
  if (typeof value === 'object' && kind === 'argument') return 'must be a single value';
  if (choices && !choices.includes(String(value))) return `must be one of ${choices.join(', ')}`;
  if (size && bytesOfText(String(value)) === undefined) return 'must be a size such as 6GB or 512MiB';
  return range && rangeFault(range, value);
}

function rangeFault({ least, most, whole, list }: NumberRange, value: SweepValue): string | undefined {
  const given = typeof value === 'object' ? value : list ? String(value).split(',') : [value];
  const fits = (one: string | number | boolean): boolean => {
    const number = typeof one === 'string' && one.trim() !== '' ? Number(one) : one;
    return typeof number === 'number' && number >= least && number <= most && (!whole || Number.isSafeInteger(number));
  };
  if ((list || typeof value !== 'object') && given.every(fits)) return undefined;
  return `must be ${whole ? 'a whole number' : 'a number'} from ${least} to ${most}${list ? ', or several separated by commas' : ''}`;
}

const listOf = (value: SweepValue): readonly (string | number | boolean)[] =>
  typeof value === 'object' ? value : [value];

/** YAML reads 1 as a number, also where a text is meant: heads, regions, lists of factors. */
const textWhereAsked = (parameter: Parameter, value: SweepValue): unknown => {
  if (typeof value === 'object') return value.map(String).join(',');
  return ['text', 'heads', 'regions', 'file', 'folder', 'choice'].includes(parameter.kind) ? String(value) : value;
};
