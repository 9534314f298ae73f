/** The option that names keys of the prompt: `--group` measures their mass. */
import type { Command } from 'commander';
import type { NamedKeys } from '../../protocol/compute/models';
import { rangeOf } from '../../protocol/schema/written-form';
import { wrongUsage } from './exit-codes';
import { collect } from './options';

export interface GroupOptions {
  readonly group?: readonly string[];
}

export const addGroupOption = (command: Command): Command =>
  command.option(
    '--group <name=FROM-TO>',
    'measure the mass on the keys FROM to TO, both counted, e.g. name=3-9; may be given several times',
    collect,
  );

export const groupsFrom = ({ group = [] }: GroupOptions): readonly NamedKeys[] =>
  group.map((text) => {
    const parts = /^\s*([^=]*[^=\s])\s*=(.*)$/.exec(text);
    const keys = rangeOf(parts?.[2] ?? '');
    if (!parts || !keys) {
      throw wrongUsage(`"${text}" is not a group of keys. Write name=from-to, e.g. needle=3-9 for the keys 3 to 9.`);
    }
    const { start, end } = keys;
    return { name: parts[1] ?? '', positions: Array.from({ length: end - start }, (_, at) => start + at) };
  });
