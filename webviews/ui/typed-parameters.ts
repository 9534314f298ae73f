/** Values of a table as they are typed, read back or refused. */
import { faultOf, isUsed, valueOfText, type ParameterTable } from '../../protocol/analysis/parameters';
import { type ParameterValue } from '../../protocol/schema/parts';

/** By name; those left out have their default. */
export type Typed = Readonly<Record<string, string>>;

/** What is typed in a field of the table: empty stands for the default, but not where a text may be empty. */
export const typedText = (table: ParameterTable, typed: Typed, name: string): string =>
  typed[name] ?? String(table[name]?.default ?? '');

export const typedOf = (values: Readonly<Record<string, ParameterValue>>): Typed =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

export interface ReadParameters {
  readonly values: Readonly<Record<string, ParameterValue>>;
  /** By name, a sentence each. */
  readonly problems: Readonly<Record<string, string>>;
}

/** Those that say nothing beside the others keep their defaults: what was typed for them is left out. */
export function readParameters(table: ParameterTable, typed: Typed): ReadParameters {
  const values: Record<string, ParameterValue> = {};
  const problems: Record<string, string> = {};
  for (const [name, parameter] of Object.entries(table)) {
    if (!isUsed(table, name, typed)) continue;
    const value = valueOfText(parameter, typedText(table, typed, name));
    const fault = faultOf(parameter, value);
    if (fault === undefined) values[name] = value;
    else problems[name] = `${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`;
  }
  return { values, problems };
}

/** The first problem, with the title of its field. */
export function firstProblem(table: ParameterTable, problems: ReadParameters['problems']): string | undefined {
  const [first] = Object.entries(problems);
  return first && `${table[first[0]]?.title ?? first[0]}: ${first[1]}`;
}
