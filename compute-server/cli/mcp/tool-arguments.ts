/** The arguments of a call, checked before anything runs, as the words of a command. */
import type { Command } from 'commander';
import { experiments } from '../../../diagnostics/catalogue';
import { folderParameter } from '../../../diagnostics/experiment';
import { faultOf } from '../../../protocol/analysis/parameters';
import { isTaskFile } from '../../../protocol/analysis/tasks';
import { isCodeFile } from '../../../protocol/inputs/own-file';
import { parameterPrefix, taskParameterPrefix, type SettingInfo } from '../../../protocol/sweeps/catalogue';
import type { SweepValue } from '../../../protocol/sweeps/sweep-file';
import { commandNamed, listOf, optionNamed, valueFault, wordsOf } from '../command-settings';
import { wrongUsage } from '../exit-codes';
import type { Roots } from './roots';
import { asksFirst, canSave, runsSomething, settingsOfTool, tableOf, takesParameters, type CommandTool } from './tools';

export interface Order {
  /** Of the command line, without the options that say where the result goes. */
  readonly words: readonly string[];
  /** The file that the result is also written to. */
  readonly save?: string;
  /** The person has agreed, says the agent. */
  readonly confirmed: boolean;
  readonly runs: boolean;
  /** What is written, as sentences. */
  readonly writes: readonly string[];
}

type Given = Readonly<Record<string, unknown>>;
type Settings = Record<string, SweepValue>;

const parameterNames = ['param', 'task-param'] as const;
const prefixes = { param: parameterPrefix, 'task-param': taskParameterPrefix } as const;

/** Throws a CommandError. */
export async function orderFrom(program: Command, tool: CommandTool, given: Given, roots: Roots): Promise<Order> {
  const command = commandNamed(program, tool.command);
  const settings = settingsOfTool(program, tool);
  const parameters = parameterNames.filter((name) => takesParameters(program, tool, name));
  const others = [...parameters, ...(canSave(tool) ? ['save'] : []), ...(asksFirst(tool) ? ['confirm'] : [])];
  const values: Settings = { ...tool.fixed };
  for (const [name, value] of Object.entries(given)) {
    if (others.includes(name)) continue;
    const setting = settings.find((one) => one.name === name);
    if (!setting) {
      const known = [...settings.map((one) => one.name), ...others].join(', ');
      throw wrongUsage(`${tool.name} has no parameter "${name.slice(0, 60)}". It takes ${known}.`);
    }
    values[name] = await checked(command, setting, value, roots);
  }
  for (const { name, required } of settings) {
    if ((required || name === 'paths') && listOf(values[name] ?? []).length === 0) {
      throw wrongUsage(`${tool.name} needs "${name}": ${describedAs(settings, name)}.`);
    }
  }
  for (const name of parameters) {
    for (const [key, value] of Object.entries(objectOf(name, given[name]))) {
      values[`${prefixes[name]}${key}`] = await parameterValue(tool, name, key, value, { values, roots });
    }
  }
  const save = given['save'] === undefined ? undefined : await roots.within(textOf('save', given['save']));
  const confirmed = given['confirm'] === undefined ? false : booleanOf('confirm', given['confirm']);
  const arguments_ = settings.filter(({ kind }) => kind === 'argument');
  return {
    words: [...tool.command.split(' '), ...wordsOf(values, arguments_, (name) => optionNamed(command, name))],
    ...(save === undefined ? {} : { save }),
    confirmed,
    runs: runsSomething(tool, values),
    writes: writesOf(values, save),
  };
}

const describedAs = (settings: readonly SettingInfo[], name: string): string =>
  settings.find((one) => one.name === name)?.description ?? name;

async function checked(command: Command, setting: SettingInfo, value: unknown, roots: Roots): Promise<SweepValue> {
  const { name, kind } = setting;
  if (kind === 'flag') return booleanOf(name, value);
  const takesSeveral = kind === 'many' || kind === 'argument' || setting.choices === undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (Array.isArray(value) && !takesSeveral) throw wrongUsage(`"${name}" takes one value, and a list is given.`);
  const parts: (string | number)[] = [];
  for (const part of list) {
    if (typeof part !== 'string' && typeof part !== 'number') {
      throw wrongUsage(`"${name}" takes ${typesOf(setting)}, not ${inWords(part)}.`);
    }
    if (name === 'analysis' && isCodeFile(String(part))) {
      throw wrongUsage('Agents run the analyses of the catalogue alone. Run the file yourself: headscope run FILE.');
    }
    if (name === 'task' && isCodeFile(String(part))) {
      throw wrongUsage(
        'Agents run no task files of code. Run it yourself: headscope task FILE, or write the prompts as JSONL.',
      );
    }
    const isPath = name === 'task' ? isTaskFile(String(part)) : setting.path === true;
    if (isPath && part === '') throw wrongUsage(`"${name}" is empty. Name a file or a folder.`);
    parts.push(isPath ? await roots.within(String(part)) : part);
  }
  const read: SweepValue = Array.isArray(value) ? parts : (parts[0] ?? '');
  const option = optionNamed(command, name);
  const fault = option ? valueFault(option, read) : undefined;
  if (fault !== undefined) throw wrongUsage(`"${name}": ${fault}`);
  return read;
}

const typesOf = ({ kind, range }: SettingInfo): string =>
  kind === 'many' ? 'a list of texts' : range ? (range.list ? 'a list of numbers' : 'a number') : 'a text';

async function parameterValue(
  tool: CommandTool,
  name: 'param' | 'task-param',
  key: string,
  value: unknown,
  { values, roots }: { readonly values: Settings; readonly roots: Roots },
): Promise<string | number | boolean> {
  const table = tableOf(tool, name, values);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw wrongUsage(`"${name}.${key}" takes a text, a number, true or false, not ${inWords(value)}.`);
  }
  // What is not in a catalogue is refused by the command, which says what is.
  if (!table) return value;
  const parameter = Object.hasOwn(table, key) ? table[key] : undefined;
  if (!parameter) {
    const known = Object.keys(table).join(', ') || 'none';
    throw wrongUsage(`"${name}" has no "${key.slice(0, 60)}". It takes ${known}.`);
  }
  const fault = faultOf(parameter, value);
  if (fault !== undefined) throw wrongUsage(`"${name}.${key}" ${fault}, not ${inWords(value)}.`);
  const isPath = (parameter.kind === 'file' || parameter.kind === 'folder') && value !== '';
  return isPath ? roots.within(String(value)) : value;
}

function objectOf(name: string, value: unknown): Given {
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Given;
  throw wrongUsage(`"${name}" takes an object of names and values, not ${inWords(value)}.`);
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrongUsage(`"${name}" takes a text, not ${inWords(value)}.`);
}

function booleanOf(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw wrongUsage(`"${name}" takes true or false, not ${inWords(value)}.`);
}

const inWords = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 60);

function writesOf(values: Settings, save: string | undefined): readonly string[] {
  const trains = experiments.some(({ id }) => id === values['analysis']);
  const folder = values[`${parameterPrefix}${folderParameter}`];
  const cache = values['cache-weights'];
  return [
    ...(save === undefined ? [] : [`It writes its result to ${save}.`]),
    ...(!trains && folder !== undefined && folder !== '' ? [`It writes a model to ${String(folder)}.`] : []),
    ...(trains ? [`It trains a model${folder === undefined ? '' : ` and writes it to ${String(folder)}`}.`] : []),
    ...(values['resume'] === undefined ? [] : [`It keeps its steps in ${String(values['resume'])}.`]),
    ...(cache === undefined ? [] : ['It keeps quantised weights on the disk.']),
    ...(values['fix'] === true && values['dry-run'] !== true
      ? [`It changes configurations in ${listOf(values['paths'] ?? []).join(', ')}.`]
      : []),
  ];
}
