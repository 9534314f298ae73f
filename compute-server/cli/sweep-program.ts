/** What a sweep can run, from the commands of the program: their options are the settings of its cells. */
import type { Command, Option } from 'commander';
import { isTaskFile } from '../../protocol/analysis/tasks';
import {
  parameterPrefix,
  runNamed,
  settingsOf,
  unsettable,
  type CommandInfo,
  type RunInfo,
  type SettingInfo,
  type SweepCatalogue,
} from '../../protocol/sweeps/catalogue';
import type { SweepFile, SweepValue } from '../../protocol/sweeps/sweep-file';
import { analyses, experiments } from '../../diagnostics/catalogue';
import { folderParameter } from '../../diagnostics/experiment';
import { tasks } from '../../diagnostics/tasks/catalogue';
import type { CellProgram } from '../sweeps/cell-program';
import { commandNamed, isFlag, listOf, optionNamed, settingsIn, valueFault, wordsOf } from './command-settings';

/** Commands that a sweep runs; `run` runs what the catalogue of analyses has. */
const commandWords = ['run', 'bench', 'task', 'captions', 'plan evaluate'];
/** Commands whose set of examples can be cut into parts. */
const cutCommands = ['task', 'captions'];

export function sweepCatalogue(program: Command): SweepCatalogue {
  const commands = Object.fromEntries(
    commandWords.map((words): [string, CommandInfo] => [
      words,
      { words, settings: sweptSettings(commandNamed(program, words)) },
    ]),
  );
  const ofAnalyses = [...analyses, ...experiments].map((one): RunInfo => ({
    run: one.id,
    title: one.title,
    command: 'run',
    fixed: [one.id],
    parameters: one.parameters,
    inputs: one.inputs,
    ...('trains' in one ? { trains: true as const } : {}),
    ...('stepsOfPictures' in one ? { cuts: true as const } : {}),
  }));
  const ofCommands = commandWords.slice(1).map((words): RunInfo => ({
    run: words,
    title: `headscope ${words}`,
    command: words,
    fixed: [],
    ...(words === 'plan evaluate' ? ofPlanEvaluation() : {}),
    ...(cutCommands.includes(words) ? { cuts: true as const } : {}),
  }));
  return {
    commands,
    runs: [...ofAnalyses, ...ofCommands],
    tasks: Object.fromEntries(tasks.map(({ id, parameters }) => [id, parameters])),
  };
}

function ofPlanEvaluation(): Pick<RunInfo, 'parameters' | 'inputs'> {
  const found = analyses.find(({ id }) => id === 'plan-evaluation');
  return found ? { parameters: found.parameters, inputs: found.inputs } : {};
}

/** The analysis is that of the sweep, and a cell of `run` names its model. */
const sweptSettings = (command: Command): readonly SettingInfo[] =>
  settingsIn(command)
    .filter(({ name }) => name !== 'analysis' && !unsettable.includes(name))
    .map((one) => (command.name() === 'run' && one.kind === 'argument' ? { ...one, required: true } : one));

/** `run` of the sweep is known. */
export function cellProgram(program: Command, catalogue: SweepCatalogue, sweep: SweepFile): CellProgram {
  const run = runNamed(catalogue, sweep.run);
  if (!run) throw new RangeError(`nothing is called ${sweep.run}`);
  const command = commandNamed(program, run.command);
  const settings = settingsOf(catalogue, run);
  const given = settings.filter(({ kind }) => kind === 'argument');
  const optionOf = (name: string): Option | undefined => optionNamed(command, name);
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
      return valueFault(option, value);
    },
  };
}

/** Experiments write into the folder that they name. */
function isFileParameter({ parameters, trains }: RunInfo, name: string): boolean {
  const parameter = parameters?.[name.slice(parameterPrefix.length)];
  return parameter?.kind === 'file' || (parameter?.kind === 'folder' && !trains && !name.endsWith('.folder'));
}
