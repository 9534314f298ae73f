/** Faults of a sweep that its schema does not find: what it runs, its settings, and impossible cells. */
import { faultOf, valueOfText, type Parameter } from '../analysis/parameters';
import { nearestName } from '../wire/nearest-name';
import {
  parameterPrefix,
  runNamed,
  settingsOf,
  taskParameterPrefix,
  type NumberRange,
  type RunInfo,
  type SettingInfo,
  type SweepCatalogue,
} from './catalogue';
import { Cells } from './cells';
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

const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

/** The most edits between a misspelt name and the one that was meant: a third of its length. */
const slip = (name: string): number => Math.min(6, Math.max(1, Math.floor(name.length / 3)));

function misspelt(
  name: string,
  isNot: string,
  names: readonly string[],
): Pick<SweepFault, 'message'> & { readonly meant?: string } {
  const meant = nearestName(name.toLowerCase(), names, slip(name));
  const known = names.length <= 12 ? ` Choose from ${names.join(', ')}.` : ' docs/sweeps.md says how to list them.';
  const guess = meant === undefined ? '.' : `; did you mean "${meant}"?`;
  return { message: `${shown(name)} is ${isNot}${guess}${known}`, ...(meant === undefined ? {} : { meant }) };
}

/** Every place where a sweep gives values to settings. */
function* placesOf(sweep: SweepFile): Generator<{
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly values: readonly SweepValue[];
  /** Each value has a place of its own, by its index. */
  readonly inList: boolean;
}> {
  const of = function* (settings: CellSettings, path: readonly (string | number)[]) {
    for (const [name, value] of Object.entries(settings))
      yield { path: [...path, name], name, values: [value], inList: false };
  };
  yield* of(sweep.settings ?? {}, ['settings']);
  for (const [name, values] of Object.entries(sweep.matrix ?? {}))
    yield { path: ['matrix', name], name, values, inList: true };
  for (const [at, cell] of (sweep.cells ?? []).entries()) yield* of(cell, ['cells', at]);
}

/** The faults in the order of the file. Values whose form only an option itself knows are left to the command. */
export function sweepFaults(sweep: SweepFile, catalogue: SweepCatalogue): readonly SweepFault[] {
  const run = runNamed(catalogue, sweep.run);
  if (run === undefined) {
    const names = catalogue.runs.map((one) => one.run);
    const commands = 'bench, task, captions and plan evaluate';
    const said = misspelt(sweep.run, 'not something that a sweep runs', names);
    const message = said.message.replace(
      / docs\/sweeps\.md .*$/u,
      ` It runs ${commands}, and what \`headscope analyses\` lists.`,
    );
    return [{ path: ['run'], ofKey: false, ...said, message }];
  }
  const cells = Cells.of(sweep);
  return [
    ...settingFaults(sweep, catalogue, run),
    ...missing(sweep, catalogue, run),
    ...exclusionFaults(sweep),
    ...kubernetesFaults(sweep),
    ...(sweep.seeds !== undefined && !settingsOf(catalogue, run).some(({ name }) => name === 'seed')
      ? [
          {
            path: ['seeds'],
            ofKey: true,
            message: `${run.title} takes no seed. Remove seeds.`,
          },
        ]
      : []),
    ...(sweep.split !== undefined && !run.cuts
      ? [
          {
            path: ['split'],
            ofKey: true,
            message: `The examples of ${run.title} cannot be cut into parts: those of ${cut(catalogue)} can. Remove split.`,
          },
        ]
      : []),
    ...(cells.ok ? [] : [{ path: [sweep.matrix ? 'matrix' : 'cells'], ofKey: true, message: cells.why }]),
  ];
}

const cut = ({ runs }: SweepCatalogue): string =>
  runs
    .filter(({ cuts }) => cuts)
    .map(({ run }) => run)
    .join(', ');

function* settingFaults(sweep: SweepFile, catalogue: SweepCatalogue, run: RunInfo): Generator<SweepFault> {
  const settings = settingsOf(catalogue, run);
  for (const { path, name, values, inList } of placesOf(sweep)) {
    const found = settingNamed(sweep, catalogue, run, name, settings);
    if ('message' in found) {
      yield { path, ofKey: true, ...found };
      continue;
    }
    for (const [at, value] of values.entries()) {
      const fault = valueFault(found, value);
      if (fault === undefined) continue;
      yield {
        path: inList ? [...path, at] : path,
        ofKey: false,
        message: `${name} ${fault}, not ${JSON.stringify(value).slice(0, 60)}.`,
      };
    }
  }
}

type Found = { readonly setting: SettingInfo } | { readonly parameter: Parameter } | { readonly anything: true };

/** What a name of a setting means, or why it means nothing. */
function settingNamed(
  sweep: SweepFile,
  catalogue: SweepCatalogue,
  run: RunInfo,
  name: string,
  settings: readonly SettingInfo[],
): Found | Pick<SweepFault, 'message' | 'meant'> {
  const own = run.parameters;
  const takesParameters = settings.some((one) => one.name === 'param');
  if (name.startsWith(parameterPrefix) && takesParameters) {
    const given = name.slice(parameterPrefix.length);
    const table = run.command === 'task' ? taskTable(sweep, catalogue, 'task') : own;
    return parameterNamed(table, given, parameterPrefix, `no parameter of ${run.title}`);
  }
  if (name.startsWith(taskParameterPrefix) && settings.some((one) => one.name === 'task-param')) {
    const given = name.slice(taskParameterPrefix.length);
    return parameterNamed(taskTable(sweep, catalogue, 'task'), given, taskParameterPrefix, 'no parameter of the task');
  }
  const setting = settings.find((one) => one.name === name);
  if (setting && name !== 'param' && name !== 'task-param') return { setting };
  if (Object.hasOwn(own ?? {}, name)) {
    return {
      message: `${shown(name)} is a parameter of ${run.title}. Write ${parameterPrefix}${name}.`,
      meant: `${parameterPrefix}${name}`,
    };
  }
  const names = settings.map((one) => one.name).filter((one) => one !== 'param' && one !== 'task-param');
  const all = [...names, ...Object.keys(own ?? {}).map((one) => `${parameterPrefix}${one}`)];
  const { message, meant } = misspelt(name, `no setting of ${run.title}`, all);
  return { message, ...(meant === undefined ? {} : { meant }) };
}

/** Undefined if cells have different tasks, or a task from a file. */
function taskTable(sweep: SweepFile, { tasks }: SweepCatalogue, name: string) {
  if (sweep.matrix?.[name] !== undefined || sweep.cells?.some((cell) => name in cell)) return undefined;
  return tasks[String(sweep.settings?.[name])];
}

function parameterNamed(
  table: Readonly<Record<string, Parameter>> | undefined,
  name: string,
  prefix: string,
  isNot: string,
): Found | Pick<SweepFault, 'message' | 'meant'> {
  if (table === undefined) return { anything: true };
  const parameter = Object.hasOwn(table, name) ? table[name] : undefined;
  if (parameter) return { parameter };
  const { message, meant } = misspelt(name, isNot, Object.keys(table));
  return { message, ...(meant === undefined ? {} : { meant: `${prefix}${meant}` }) };
}

/** The end of a sentence that begins with the name; undefined where the value fits. */
function valueFault(found: Found, value: SweepValue): string | undefined {
  if ('anything' in found) return undefined;
  if ('parameter' in found) {
    const { parameter } = found;
    return faultOf(
      parameter,
      typeof value === 'string' ? valueOfText(parameter, value) : textWhereAsked(parameter, value),
    );
  }
  const { kind, choices, range } = found.setting;
  if (kind === 'flag') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (typeof value === 'boolean') return 'must be a value';
  if (typeof value === 'object' && kind === 'argument') return 'must be a single value';
  if (choices && !choices.includes(String(value))) return `must be one of ${choices.join(', ')}`;
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

/** YAML reads 1 as a number, also where a text is meant: heads, regions, lists of factors. */
const textWhereAsked = (parameter: Parameter, value: SweepValue): unknown => {
  if (typeof value === 'object') return value.map(String).join(',');
  return ['text', 'heads', 'regions', 'file', 'folder', 'choice'].includes(parameter.kind) ? String(value) : value;
};

function* missing(sweep: SweepFile, catalogue: SweepCatalogue, run: RunInfo): Generator<SweepFault> {
  for (const { name, required } of settingsOf(catalogue, run)) {
    if (!required) continue;
    const everywhere = name in (sweep.settings ?? {});
    const inMatrix = sweep.matrix !== undefined && name in sweep.matrix;
    const inCells = (sweep.cells ?? []).every((cell) => name in cell);
    const matrixLacks = (sweep.matrix !== undefined || sweep.cells === undefined) && !inMatrix;
    if (everywhere || (!matrixLacks && inCells)) continue;
    yield {
      path: ['run'],
      ofKey: false,
      message: `${run.title} needs a ${name} in every cell. Add ${name} under settings, or as a list under matrix.`,
    };
  }
}

/** What the engine `kubernetes` cannot do without, as a sentence; undefined where all of it is there. */
export function whatKubernetesLacks({ kubernetes = {} }: SweepFile): string | undefined {
  const { image, volume, mount } = kubernetes;
  const lacking = Object.entries({ image, volume, mount }).flatMap(([name, value]) =>
    value === undefined ? [name] : [],
  );
  if (lacking.length === 0) return undefined;
  return `The engine kubernetes needs ${lacking.map((name) => `kubernetes.${name}`).join(', ')}. docs/sweeps.md explains them.`;
}

function kubernetesFaults(sweep: SweepFile): readonly SweepFault[] {
  const message = sweep.engine === 'kubernetes' ? whatKubernetesLacks(sweep) : undefined;
  return message === undefined ? [] : [{ path: ['engine'], ofKey: false, message }];
}

function* exclusionFaults(sweep: SweepFile): Generator<SweepFault> {
  for (const [at, entry] of (sweep.exclude ?? []).entries()) {
    for (const [name, value] of Object.entries(entry)) {
      const given = valuesOf(sweep, name);
      if (given === undefined) {
        yield {
          path: ['exclude', at, name],
          ofKey: true,
          message: `No cell has ${shown(name)}, so this entry excludes nothing. Use a name from the matrix.`,
        };
      } else if (!given.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
        yield {
          path: ['exclude', at, name],
          ofKey: false,
          message: `No cell has ${JSON.stringify(value).slice(0, 60)} as its ${name}, so this entry excludes nothing. Write it as in the matrix.`,
        };
      }
    }
  }
}

/** The values that cells have under a name; undefined if no cell has it. */
function valuesOf(sweep: SweepFile, name: string): readonly SweepValue[] | undefined {
  if (name === 'seed' && sweep.seeds !== undefined) {
    return typeof sweep.seeds === 'number' ? Array.from({ length: sweep.seeds }, (_, at) => at) : sweep.seeds;
  }
  const listed = (sweep.cells ?? []).flatMap((cell) => (name in cell ? [cell[name] ?? ''] : []));
  const shared = sweep.settings?.[name];
  const all = [...(sweep.matrix?.[name] ?? []), ...listed, ...(shared === undefined ? [] : [shared])];
  return all.length === 0 ? undefined : all;
}
