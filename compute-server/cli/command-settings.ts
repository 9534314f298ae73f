/** The settings of a command from its own table of options: what a sweep, or an agent, may set, and the words that they make. */
import { InvalidArgumentError, type Command, type Option } from 'commander';
import { parameterPrefix, taskParameterPrefix, type SettingInfo } from '../../protocol/sweeps/catalogue';
import type { CellSettings, SweepValue } from '../../protocol/sweeps/sweep-file';
import { collect, takenBy } from './options';
import { takesPath } from './output-options';

export const commandNamed = (program: Command, words: string): Command => {
  const found = words
    .split(' ')
    .reduce<Command | undefined>((group, word) => group?.commands.find((one) => one.name() === word), program);
  if (!found) throw new RangeError(`there is no command ${words}`);
  return found;
};

/** Arguments in their order, then options. */
export function settingsIn(command: Command): readonly SettingInfo[] {
  const given = command.registeredArguments.map((one): SettingInfo => ({
    name: one.name(),
    description: one.description,
    kind: 'argument',
    ...(one.required ? { required: true as const } : {}),
    ...(one.name() === 'model' || one.name() === 'paths' ? { path: true as const } : {}),
  }));
  return [...given, ...command.options.map(settingOf)];
}

/** `--no-memory` and `--memory` are one setting. */
const nameOf = ({ long = '' }: Option): string => long.replace(/^--(no-)?/u, '');

/** `--no-memory` is one as well, which commander does not count. */
export const isFlag = ({ required, optional }: Option): boolean => !required && !optional;

const settingOf = (option: Option): SettingInfo => ({
  name: nameOf(option),
  description: option.description,
  kind: isFlag(option) ? 'flag' : option.parseArg === collect ? 'many' : 'value',
  ...(takesPath(option) ? { path: true as const } : {}),
  ...(option.argChoices ? { choices: option.argChoices } : {}),
  ...takenBy(option.parseArg),
});

export const listOf = (value: SweepValue): readonly (string | number | boolean)[] =>
  typeof value === 'object' ? value : [value];

export const optionNamed = (command: Command, name: string): Option | undefined =>
  command.options.find((option) => nameOf(option) === name);

/** What is wrong with the value of an option, as a sentence; undefined where nothing is. */
export function valueFault(option: Option, value: SweepValue): string | undefined {
  const texts = option.parseArg === collect ? listOf(value).map(String) : [listOf(value).join(',')];
  return texts.map((text) => optionFault(option, text)).find((fault) => fault !== undefined);
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

/** The words of a command: a setting that begins with `param.` is a parameter of what it runs. */
export function wordsOf(
  cell: CellSettings,
  given: readonly SettingInfo[],
  optionOf: (name: string) => Option | undefined,
): readonly string[] {
  const places = given.flatMap(({ name }) => listOf(cell[name] ?? []).map(String));
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
