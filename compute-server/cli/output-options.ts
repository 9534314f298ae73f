/** Options that name what a command writes. What they name is looked at before the command does anything (lookAtOutputs). */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { whyNotReplaced, type OutputKind } from '../../files/output';
import { wrongUsage } from './exit-codes';
import type { CommandSession } from './session';

export class OutputOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly written: OutputKind,
    /** The file that a value names. */
    readonly fileOf: (value: string) => string = (value) => value,
  ) {
    super(flags, description);
  }
}

export const jsonOption = (description = 'write the result as JSON, - for stdout'): Option =>
  new OutputOption('--json <file>', description, 'result');

export const planOption = (description: string): Option => new OutputOption('-o, --output <file>', description, 'plan');

/** The program has it, and so has every command. */
export const forceOption = (): Option =>
  new Option('--force', 'replace files that Headscope did not write (docs/command-line.md)');

/** Whether what stands for the value of an option is a file or a folder, as in `<file>`. */
export const takesPath = ({ flags }: Option): boolean =>
  /[<[][^>\]]*(file|folder|truth|model)[^>\]]*[>\]]/u.test(flags);

/** Has every command of the program begin with a look at what it is going to write. */
export function lookAtOutputs(program: Command, session: CommandSession): Command {
  return program.hook('preAction', async (_, command) => {
    session.force = command.optsWithGlobals<{ readonly force?: boolean }>().force === true;
    await requireOutputs(command, session.force);
  });
}

/**
 * Refuses what may not be written, a file that two results would be written to, and options that took another for their value, before
 * anything is measured.
 */
async function requireOutputs(command: Command, force: boolean): Promise<void> {
  const taken = new Map<string, string>();
  for (const option of command.options) {
    if (!(option instanceof OutputOption) && !takesPath(option)) continue;
    for (const value of valuesOf(command, option)) {
      const name = option.long ?? option.flags;
      if (/^--?[a-z]/iu.test(value) && command.getOptionValueSource(option.attributeName()) === 'cli') {
        throw wrongUsage(
          `${name} takes a file, and ${value} was given. Name the file (./${value} where it is called so).`,
        );
      }
      if (!(option instanceof OutputOption)) continue;
      const file = option.fileOf(value);
      if (file === '-' || file === '') continue;
      const why = await whyNotReplaced(file, { kind: option.written, force });
      if (why !== undefined) throw wrongUsage(`${file} (${name}) was not written. ${why}`);
      const place = resolve(file);
      const other = taken.get(place);
      if (other !== undefined && !place.startsWith('/dev/')) {
        throw wrongUsage(`${other} and ${name} name the same file, ${file}. Name two files.`);
      }
      taken.set(place, name);
    }
  }
}

function valuesOf(command: Command, option: Option): readonly string[] {
  const value: unknown = command.getOptionValue(option.attributeName());
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((one) => typeof one === 'string');
}
