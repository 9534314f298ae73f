/** What a sweep can run, from the commands of the program: their options are the settings of its cells. */
import { InvalidArgumentError, type Command, type Option } from 'commander';
import { isTaskFile } from '../../protocol/analysis/tasks';
import {
  parameterPrefix,
  runNamed,
  settingsOf,
  taskParameterPrefix,
  unsettable,
  type CommandInfo,
  type RunInfo,
  type SettingInfo,
  type SweepCatalogue,
} from '../../protocol/sweeps/catalogue';
import type { CellSettings, SweepFile, SweepValue } from '../../protocol/sweeps/sweep-file';
import { analyses, experiments } from '../../diagnostics/catalogue';
import { folderParameter } from '../../diagnostics/experiment';
import { tasks } from '../../diagnostics/tasks/catalogue';
import type { CellProgram } from '../sweeps/cell-program';
import { collect, rangeOf } from './options';
import { takesPath } from './output-options';

/** Commands that a sweep runs; `run` runs what the catalogue of analyses has. */
const commandWords = ['run', 'bench', 'task', 'captions', 'plan evaluate'];
/** Commands whose set of examples can be cut into parts. */
const cutCommands = ['task', 'captions'];

const commandOf = (program: Command, words: string): Command => {
  const found = words
    .split(' ')
    .reduce<Command | undefined>((group, word) => group?.commands.find((one) => one.name() === word), program);
  if (!found) throw new RangeError(`there is no command ${words}`);
  return found;
};

export function sweepCatalogue(program: Command): SweepCatalogue {
  const commands = Object.fromEntries(
    commandWords.map((words): [string, CommandInfo] => [
      words,
      { words, settings: settingsIn(commandOf(program, words)) },
    ]),
  );
  const ofAnalyses = [...analyses, ...experiments].map((one): RunInfo => ({
    run: one.id,
    title: one.title,
    command: 'run',
    fixed: [one.id],
    parameters: one.parameters,
    ...('trains' in one ? { trains: true as const } : {}),
    ...('stepsOfPictures' in one ? { cuts: true as const } : {}),
  }));
  const ofCommands = commandWords.slice(1).map((words): RunInfo => ({
    run: words,
    title: `headscope ${words}`,
    command: words,
    fixed: [],
    ...(words === 'plan evaluate' ? planParameters() : {}),
    ...(cutCommands.includes(words) ? { cuts: true as const } : {}),
  }));
  return {
    commands,
    runs: [...ofAnalyses, ...ofCommands],
    tasks: Object.fromEntries(tasks.map(({ id, parameters }) => [id, parameters])),
  };
}

function planParameters(): Pick<RunInfo, 'parameters'> {
  const found = analyses.find(({ id }) => id === 'plan-evaluation');
  return found ? { parameters: found.parameters } : {};
}

function settingsIn(command: Command): readonly SettingInfo[] {
  const given = command.registeredArguments
    .filter((one) => one.name() !== 'analysis')
    .map((one): SettingInfo => ({
      name: one.name(),
      description: one.description,
      kind: 'argument',
      ...(one.required || command.name() === 'run' ? { required: true as const } : {}),
      ...(one.name() === 'model' ? { path: true as const } : {}),
    }));
  const options = command.options.filter((option) => !unsettable.includes(nameOf(option)));
  return [...given, ...options.map(settingOf)];
}

/** `--no-memory` and `--memory` are one setting. */
const nameOf = ({ long = '' }: Option): string => long.replace(/^--(no-)?/u, '');

/** `--no-memory` is one as well, which commander does not count. */
const isFlag = ({ required, optional }: Option): boolean => !required && !optional;

const settingOf = (option: Option): SettingInfo => {
  const range = rangeOf(option.parseArg);
  return {
    name: nameOf(option),
    description: option.description,
    kind: isFlag(option) ? 'flag' : option.parseArg === collect ? 'many' : 'value',
    ...(takesPath(option) ? { path: true as const } : {}),
    ...(option.argChoices ? { choices: option.argChoices } : {}),
    ...(range ? { range } : {}),
  };
};

const listOf = (value: SweepValue): readonly (string | number | boolean)[] =>
  typeof value === 'object' ? value : [value];

/** `run` of the sweep is known. */
export function cellProgram(program: Command, catalogue: SweepCatalogue, sweep: SweepFile): CellProgram {
  const run = runNamed(catalogue, sweep.run);
  if (!run) throw new RangeError(`nothing is called ${sweep.run}`);
  const command = commandOf(program, run.command);
  const settings = settingsOf(catalogue, run);
  const given = settings.filter(({ kind }) => kind === 'argument');
  const optionOf = (name: string): Option | undefined => command.options.find((option) => nameOf(option) === name);
  const pathIn = (name: string, value: SweepValue): readonly string[] => {
    const isPath = name.startsWith(parameterPrefix)
      ? isFileParameter(run, name)
      : settings.some((one) => one.name === name && one.path);
    const texts = isPath || name === 'task' ? listOf(value).map(String) : [];
    return texts.filter((text) => text !== '' && (name !== 'task' || isTaskFile(text)));
  };
  return {
    run: run.run,
    resumes: command.options.some((option) => option.long === '--resume' && /folder/u.test(option.flags)),
    ...(run.trains && run.parameters?.[folderParameter] ? { writes: `${parameterPrefix}${folderParameter}` } : {}),
    takes: (setting) => settings.some(({ name }) => name === setting),
    words: (cell, further) => [...run.command.split(' '), ...run.fixed, ...further, ...wordsOf(cell, given, optionOf)],
    paths: (cell) =>
      Object.entries(cell).flatMap(([name, value]) => pathIn(name, value).map((path) => [name, path] as const)),
    fault(name, value) {
      const option = optionOf(name);
      // Threads are checked against the processors of this machine, but the cell may run on another.
      if (!option || isFlag(option) || name === 'threads') return undefined;
      const texts = option.parseArg === collect ? listOf(value).map(String) : [listOf(value).join(',')];
      return texts.map((text) => optionFault(option, text)).find((fault) => fault !== undefined);
    },
  };
}

/** Experiments write into the folder that they name. */
function isFileParameter({ parameters, trains }: RunInfo, name: string): boolean {
  const parameter = parameters?.[name.slice(parameterPrefix.length)];
  return parameter?.kind === 'file' || (parameter?.kind === 'folder' && !trains && !name.endsWith('.folder'));
}

function optionFault(option: Option, text: string): string | undefined {
  try {
    option.parseArg?.(text, undefined as never);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return `"${text.slice(0, 60)}" is not valid. ${error.message}`;
    throw error;
  }
}

function wordsOf(
  cell: CellSettings,
  given: readonly SettingInfo[],
  optionOf: (name: string) => Option | undefined,
): readonly string[] {
  const places = given.flatMap(({ name }) => (cell[name] === undefined ? [] : [String(cell[name])]));
  const options = Object.entries(cell).flatMap(([name, value]): readonly string[] => {
    if (given.some((one) => one.name === name)) return [];
    for (const [prefix, option] of [
      [parameterPrefix, '--param'],
      [taskParameterPrefix, '--task-param'],
    ] as const) {
      if (name.startsWith(prefix)) return [`${option}=${name.slice(prefix.length)}=${listOf(value).join(',')}`];
    }
    const option = optionOf(name);
    if (typeof value === 'boolean') {
      // `--memory` is left out where the command has only `--no-memory`.
      return value === (option?.negate !== true) ? [value ? `--${name}` : `--no-${name}`] : [];
    }
    if (option?.parseArg === collect) return listOf(value).map((one) => `--${name}=${one}`);
    return [`--${name}=${listOf(value).join(',')}`];
  });
  // What begins with a dash is still the model.
  return [...options, '--', ...places];
}
