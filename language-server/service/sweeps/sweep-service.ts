/** What the editor shows in a sweep: findings with their fixes, completions, hovers. */
import type { Parameter } from '../../../protocol/analysis/parameters';
import {
  parameterPrefix,
  runNamed,
  settingsOf,
  taskParameterPrefix,
  type RunInfo,
  type SettingInfo,
  type SweepCatalogue,
} from '../../../protocol/sweeps/catalogue';
import { readSweep, type PlacedSweepFault } from '../../../protocol/sweeps/read-sweep';
import { engineIds, partNames, sweepFields } from '../../../protocol/sweeps/sweep-file';
import type { Completion } from '../caret';
import type { Span } from '../json-document';
import written from './catalogue.json';
import { sweepCaretAt } from './sweep-caret';

const catalogue = written as unknown as SweepCatalogue;

export const sweepFindings = (text: string): readonly PlacedSweepFault[] => readSweep(text, catalogue).faults;

/** The text of a description, which valibot keeps among the actions of a schema. */
function describedIn(schema: unknown): string | undefined {
  const { pipe, wrapped, type, description } = (schema ?? {}) as {
    readonly pipe?: readonly unknown[];
    readonly wrapped?: unknown;
    readonly type?: unknown;
    readonly description?: unknown;
  };
  if (type === 'description' && typeof description === 'string') return description;
  if (wrapped !== undefined) return describedIn(wrapped);
  for (const inner of [...(pipe ?? [])].reverse()) {
    if (inner === schema) continue;
    const found = describedIn(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Entry {
  readonly name: string;
  readonly detail?: string;
  readonly documentation?: string;
}

/** Fields of the file whose value is an object or a list, which begins on the next line. */
const nested = new Set(['settings', 'matrix', 'cells', 'exclude', ...Object.keys(partNames)]);

/** Keys and values that may stand at a place. */
export function sweepCompletions(text: string, offset: number): readonly Completion[] {
  const { path, atKey, word, present } = sweepCaretAt(text, offset);
  const run = runOf(text);
  const entries = atKey ? keysAt(path, text, run) : valuesAt(path, text, run);
  return entries
    .filter(({ name }) => !atKey || !present.has(name))
    .map(({ name, detail, documentation }) => ({
      label: name,
      kind: atKey ? 'key' : 'value',
      ...(detail === undefined ? {} : { detail }),
      ...(documentation === undefined ? {} : { documentation }),
      text: atKey ? `${name}:${path.length === 0 && nested.has(name) ? '' : ' '}` : name,
      span: word,
    }));
}

/** Found by its line alone, because the file may not be valid YAML while it is typed. */
const runOf = (text: string): RunInfo | undefined =>
  runNamed(catalogue, /^run:[ \t]*["']?([^"'#\n]+?)["']?[ \t]*(?:#.*)?$/mu.exec(text)?.[1] ?? '');

const taskOf = (text: string): string => /\btask:[ \t]*["']?([\w-]+)/u.exec(text)?.[1] ?? '';

function keysAt(path: readonly string[], text: string, run: RunInfo | undefined): readonly Entry[] {
  const [first] = path;
  if (first === undefined) return described(sweepFields);
  if (path.length > 1) return [];
  const fields = partNames[first];
  if (fields) return described(fields);
  if (!['settings', 'matrix', 'cells', 'exclude'].includes(first) || !run) return [];
  return settingEntries(run, text);
}

const described = (fields: Readonly<Record<string, unknown>>): readonly Entry[] =>
  Object.entries(fields).map(([name, schema]) => {
    const documentation = describedIn(schema);
    return { name, ...(documentation === undefined ? {} : { documentation }) };
  });

/** Arguments, then parameters, then options. */
function settingEntries(run: RunInfo, text: string): readonly Entry[] {
  const settings = settingsOf(catalogue, run).filter(({ name }) => name !== 'param' && name !== 'task-param');
  const of = (some: readonly SettingInfo[]): readonly Entry[] =>
    some.map(({ name, description }) => ({ name, documentation: description }));
  const takesTask = settings.some(({ name }) => name === 'task');
  const ofTask = takesTask ? catalogue.tasks[taskOf(text)] : undefined;
  return [
    ...of(settings.filter(({ kind }) => kind === 'argument')),
    ...parameterEntries(run.command === 'task' ? ofTask : run.parameters, parameterPrefix),
    ...(run.command === 'task' ? [] : parameterEntries(ofTask, taskParameterPrefix)),
    ...of(settings.filter(({ kind }) => kind !== 'argument')),
  ];
}

const parameterEntries = (table: Readonly<Record<string, Parameter>> | undefined, prefix: string): readonly Entry[] =>
  Object.entries(table ?? {}).map(([name, { title, description }]) => ({
    name: `${prefix}${name}`,
    detail: title,
    documentation: description,
  }));

function valuesAt(path: readonly string[], text: string, run: RunInfo | undefined): readonly Entry[] {
  const [first, name, ...rest] = path;
  if (rest.length > 0) return [];
  if (name === undefined) {
    if (first === 'kind') return [{ name: 'headscope-sweep' }];
    if (first === 'version') return [{ name: '1' }];
    if (first === 'engine') return engineIds.map((id) => ({ name: id }));
    if (first === 'run') return catalogue.runs.map((one) => ({ name: one.run, detail: one.title }));
    return [];
  }
  if (!run || !['settings', 'matrix', 'cells', 'exclude'].includes(first ?? '')) return [];
  const parameter = parameterNamed(run, text, name);
  if (parameter) return parameterValues(parameter);
  if (name === 'task') return Object.keys(catalogue.tasks).map((id) => ({ name: id }));
  const setting = settingsOf(catalogue, run).find((one) => one.name === name);
  if (setting?.kind === 'flag') return [{ name: 'true' }, { name: 'false' }];
  const devices = setting?.devices ? ['auto', ...setting.devices] : [];
  return (setting?.choices ?? devices).map((choice) => ({ name: choice }));
}

function parameterNamed(run: RunInfo, text: string, name: string): Parameter | undefined {
  const ofTask = catalogue.tasks[taskOf(text)];
  if (name.startsWith(taskParameterPrefix)) return ofTask?.[name.slice(taskParameterPrefix.length)];
  if (!name.startsWith(parameterPrefix)) return undefined;
  return (run.command === 'task' ? ofTask : run.parameters)?.[name.slice(parameterPrefix.length)];
}

function parameterValues(parameter: Parameter): readonly Entry[] {
  if (parameter.kind === 'boolean') return [{ name: 'true' }, { name: 'false' }];
  if (parameter.kind !== 'choice') return [];
  return parameter.options.map((option) => {
    const named = parameter.names?.[option];
    return { name: option, ...(named ? { detail: named.title, documentation: named.definition } : {}) };
  });
}

/** What stands under the pointer: the key, explained. */
export function sweepHover(text: string, offset: number): { readonly text: string; readonly span: Span } | undefined {
  const [left = ''] = /[\w.-]*$/u.exec(text.slice(0, offset)) ?? [];
  const [right = ''] = /^[\w.-]*/u.exec(text.slice(offset)) ?? [];
  const end = offset + right.length;
  const { path, atKey } = sweepCaretAt(text, end);
  const word = `${left}${right}`;
  if (word === '') return undefined;
  const run = runOf(text);
  const entries = atKey ? keysAt(path, text, run) : valuesAt(path, text, run);
  const entry = entries.find(({ name }) => name === word);
  const words = [entry?.detail, entry?.documentation].filter((part) => part !== undefined && part !== '');
  return words.length === 0
    ? undefined
    : { text: words.join(': '), span: { offset: offset - left.length, length: word.length } };
}
