/**
 * What a sweep can run, with the settings of each: from the commands of the command line and the tables of analyses and tasks.
 * `npm run manifest` writes it to a file for the language server, which has neither.
 */
import type { AnalysisInfo } from '../analysis/analysis';
import type { ParameterTable } from '../analysis/parameters';

/** Numbers that an option takes, ends included. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  readonly whole?: true;
  /** It takes several, separated by commas. */
  readonly list?: true;
}

/** An option or an argument of a command, by its name without dashes. */
export interface SettingInfo {
  readonly name: string;
  readonly description: string;
  /** `flag`: true or false; `many`: it may be given several times; `model` and the like are arguments, in their order. */
  readonly kind: 'argument' | 'value' | 'many' | 'flag';
  /** The command does not run without this argument. */
  readonly required?: true;
  /** It names a file or a folder. */
  readonly path?: true;
  readonly choices?: readonly string[];
  readonly range?: NumberRange;
  /** It takes a device, or several of them; ids of those that there are. */
  readonly devices?: readonly string[];
  /** It takes a size such as 6GB. */
  readonly size?: true;
}

export interface CommandInfo {
  /** Words of the command line, e.g. `plan evaluate`. */
  readonly words: string;
  readonly settings: readonly SettingInfo[];
}

export interface RunInfo {
  /** As a sweep names it: the id of an analysis or an experiment, or the words of a command. */
  readonly run: string;
  readonly title: string;
  /** Key of `commands`. */
  readonly command: string;
  /** Arguments before those of the settings: the id of an analysis. */
  readonly fixed: readonly string[];
  /** By `param.NAME`; absent: the command checks them itself. */
  readonly parameters?: ParameterTable;
  /** What an analysis runs on: one of these. Absent: the command checks it itself. */
  readonly inputs?: AnalysisInfo['inputs'];
  /** It trains its own model, and takes none. */
  readonly trains?: true;
  /** Its set of examples can be cut into parts. */
  readonly cuts?: true;
}

export interface SweepCatalogue {
  readonly commands: Readonly<Record<string, CommandInfo>>;
  readonly runs: readonly RunInfo[];
  /** Parameters of each task, by `task-param.NAME`. */
  readonly tasks: Readonly<Record<string, ParameterTable>>;
}

/** What a sweep may set of a command: everything but where its results go. */
export const unsettable: readonly string[] = [
  'json',
  'force',
  'output',
  'resume',
  'part',
  'field',
  'list-params',
  'help',
];

export const runNamed = (catalogue: SweepCatalogue, run: string): RunInfo | undefined =>
  catalogue.runs.find((one) => one.run === run);

export const parameterPrefix = 'param.';
export const taskParameterPrefix = 'task-param.';

/** Settings of what runs, without its parameters. */
export const settingsOf = ({ commands }: SweepCatalogue, { command, trains }: RunInfo): readonly SettingInfo[] =>
  (commands[command]?.settings ?? []).filter(({ name }) => !(trains && (name === 'model' || name === 'adapter')));
