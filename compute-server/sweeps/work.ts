/**
 * A task of a sweep: runs its units one after the other, each to a result under its own name. It is the same on every engine and may be
 * started again at any time. Units with a result are not run again, and those that died as often as the sweep allows are given up.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { markFile, ownMark } from '../../files/mark';
import { removeEmpty, removeProven } from '../../files/remove';
import { NotWritten, writeInOneStep } from '../../files/write-file';
import type { Cell } from '../../protocol/sweeps/cells';
import { settingOfVariable, shellSettingsOf, shellVariables, type ShellSettings } from './cell-key';
import type { CellProgram } from './cell-program';
import { runCell } from './run-cell';
import { Journal, StateStore, type KeptState } from './state-store';
import { donePart, unitName, type KeptSubmission, type SweepFolder, type Unit } from './sweep-folder';

export interface Work {
  readonly folder: SweepFolder;
  readonly submission: KeptSubmission;
  readonly task: number;
  readonly units: readonly Unit[];
  readonly program: CellProgram;
  readonly cellAt: (number: number) => Cell | undefined;
  /** The key that a cell has now. It differs from the submitted one if a model or a file has changed since. */
  readonly keyOf: (cell: Cell) => Promise<string>;
  readonly script: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Every unit ends in a state; what cannot be written is thrown. */
export async function work(of: Work): Promise<void> {
  const { folder, submission, task, units } = of;
  // A process that is started again has a journal of its own, so that nothing is appended to a line that was cut off.
  const journal = await Journal.open(
    folder.submission(submission.number),
    task,
    `${hostname().replace(/[^\w-]/gu, '')}-${process.pid}-${Date.now()}`,
  );
  const states = await new StateStore(folder.path).read();
  for (const unit of units) {
    const name = unitName(unit);
    if (await readable(folder.cancelFile(submission.number))) {
      if (states.get(name)?.state !== 'cancelled')
        await journal.add({ key: name, state: 'cancelled', tries: triesOf(states, name) });
      continue;
    }
    await runUnit(of, unit, journal, triesOf(states, name));
  }
}

const triesOf = (states: ReadonlyMap<string, KeptState>, name: string): number => states.get(name)?.tries ?? 0;

const readable = (path: string): Promise<boolean> =>
  readFile(path).then(
    () => true,
    () => false,
  );

async function runUnit(of: Work, unit: Unit, journal: Journal, before: number): Promise<void> {
  const { folder, submission, program, cellAt, keyOf } = of;
  const name = unitName(unit);
  const target = unit.part === undefined ? folder.resultFile(unit.key) : folder.partFile(unit);
  if (await readable(target)) {
    await journal.add({ key: name, state: 'done', tries: before });
    return;
  }
  const cell = cellAt(unit.cell);
  if (cell === undefined || (await keyOf(cell)) !== unit.key) {
    const reason = 'Its model or one of its files has changed since it was submitted. Submit the sweep again.';
    await journal.add({ key: name, state: 'failed', tries: before, reason });
    return;
  }
  const other = otherShell(shellSettingsOf(of.environment), submission.shell ?? {});
  if (other !== undefined) {
    await journal.add({ key: name, state: 'failed', tries: before, reason: other });
    return;
  }
  const steps = folder.stepsOf(unit.key);
  const { writes } = program;
  const settings =
    writes === undefined
      ? cell.settings
      : { ...cell.settings, [writes]: folder.modelOf(unit.key, cell.settings[writes]) };
  const words = (result: string): readonly string[] =>
    program.words(settings, [
      ...['--json', result],
      ...(program.resumes ? ['--resume', steps] : []),
      ...(unit.part === undefined ? [] : ['--part', `${unit.part}/${unit.of ?? 1}`]),
    ]);
  let last = 'Its process ended before it could say why';
  for (let tries = before + 1; ; tries++) {
    if (tries > submission.tries) {
      const reason = `It died ${submission.tries === 1 ? 'once' : `${submission.tries} times`}, as often as the sweep allows. ${last.replace(/\.?$/u, '.')} Submit the sweep again to have it tried again.`;
      await journal.add({ key: name, state: 'failed', tries: tries - 1, reason });
      return;
    }
    await journal.add({ key: name, state: 'running', tries });
    const { stderr, ...ended } = await runCell({
      script: of.script,
      words,
      folder: folder.base,
      resources: submission.resources,
      environment: withShell(of.environment, submission.shell ?? {}),
    });
    const { seconds } = ended;
    if (stderr.trim() !== '')
      await writeInOneStep(folder.logFile(unit.key), stderr, { isCache: true }).catch(() => undefined);
    if (ended.end === 'failed') {
      await journal.add({ key: name, state: 'failed', tries, seconds, reason: ended.reason });
      return;
    }
    if (ended.end === 'died') {
      last = ended.reason;
      continue;
    }
    const { run } = program;
    const made = { ...ended.result, sweep: { key: unit.key, run, cell: unit.cell, settings: cell.own } };
    try {
      await writeInOneStep(target, unit.part === undefined ? `${JSON.stringify(made, undefined, 2)}\n` : donePart);
    } catch (error) {
      if (!(error instanceof NotWritten)) throw error;
      await journal.add({
        key: name,
        state: 'failed',
        tries,
        seconds,
        reason: `Its result was not written. ${error.message}`,
      });
      return;
    }
    if (unit.part === undefined && program.resumes) await dropSteps(steps);
    await journal.add({ key: name, state: 'done', tries, seconds });
    return;
  }
}

/** A node may set variables that the shell of the submission did not: such a cell would not be what its key says. */
function otherShell(node: ShellSettings, submitted: ShellSettings): string | undefined {
  for (const variable of shellVariables) {
    const [here, there] = [node[variable], submitted[variable]];
    if (here === undefined || here === there) continue;
    const before = there === undefined ? `without ${variable}` : `with "${there}"`;
    return `${variable} is "${here}" on ${hostname()}, but the sweep was submitted ${before}. Set ${settingOfVariable[variable]} in the sweep, or remove the variable there, and submit again.`;
  }
  return undefined;
}

function withShell(environment: NodeJS.ProcessEnv, shell: ShellSettings): NodeJS.ProcessEnv {
  const others = Object.entries(environment).filter(([name]) => !Object.hasOwn(settingOfVariable, name));
  return { ...Object.fromEntries(others), ...shell };
}

/** The run has deleted its steps when it ended; their empty folder is left. */
async function dropSteps(steps: string): Promise<void> {
  const own = join(steps, 'headscope-steps');
  await removeProven(join(own, markFile), (content) => content.toString('utf8') === ownMark);
  await removeEmpty(own);
  await removeEmpty(steps);
}
