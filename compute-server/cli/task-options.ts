/** How the command line names a task: an id of the catalogue, or a file; and its parameters. */
import { resolve } from 'node:path';
import { valueOfText, type ParameterTable } from '../../protocol/analysis/parameters';
import { type ParameterValue } from '../../protocol/schema/parts';
import { isTaskFile } from '../../protocol/analysis/tasks';
import { wrongUsage } from './exit-codes';

/** A path becomes absolute, because the compute server has its own working folder. */
export const taskName = (text: string): string => (isTaskFile(text) ? resolve(text) : text);

/** `name=value` for each. `owner`: whose table it is. */
export function namedValues(
  owner: string,
  table: ParameterTable,
  given: readonly string[],
): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const text of given) {
    const at = text.indexOf('=');
    const name = text.slice(0, at).trim();
    const parameter = Object.hasOwn(table, name) ? table[name] : undefined;
    if (at < 1) throw wrongUsage(`"${text}" is not a parameter. Write name=value.`);
    if (!parameter) {
      const known = Object.keys(table).join(', ') || 'none';
      throw wrongUsage(`${owner} has no parameter "${name}". It takes ${known}.`);
    }
    const value = text.slice(at + 1);
    values[name] = parameter.kind === 'file' && value !== '' ? resolve(value) : valueOfText(parameter, value);
  }
  return values;
}
