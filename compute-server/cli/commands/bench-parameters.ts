import type { MechanismInfo, ParameterInfo } from '../../../protocol/compute/api';
import type { ParameterValue } from '../../../protocol/results/benchmark';
import { wrongUsage } from '../exit-codes';

/** `sliding-window.window=256` as values by mechanism and name, typed by the mechanism's table. */
export function parametersFrom(
  given: readonly string[],
  known: readonly MechanismInfo[],
): Readonly<Record<string, Readonly<Record<string, ParameterValue>>>> {
  const values: Record<string, Record<string, ParameterValue>> = {};
  for (const text of given) {
    const [, id, name, value] = /^([^.=]+)\.([^=]+)=(.*)$/.exec(text) ?? [];
    if (id === undefined || name === undefined || value === undefined) {
      throw wrongUsage(`--param takes MECHANISM.NAME=VALUE, such as sliding-window.window=256, not "${text}".`);
    }
    const mechanism = known.find((each) => each.id === id);
    if (!mechanism) throw wrongUsage(`There is no mechanism "${id}". Choose among ${names(known)}.`);
    const parameter = mechanism.parameters.find((each) => each.name === name);
    if (!parameter) {
      const own = mechanism.parameters.map((each) => each.name).join(', ');
      throw wrongUsage(`${id} has no parameter "${name}". ${own ? `It has ${own}.` : 'It has none.'}`);
    }
    (values[id] ??= {})[name] = typed(parameter, value, text);
  }
  return values;
}

const names = (known: readonly MechanismInfo[]): string => known.map((each) => each.id).join(', ');

/** Ranges are checked by the compute server, which knows them for every caller. */
function typed(parameter: ParameterInfo, value: string, text: string): ParameterValue {
  switch (parameter.kind) {
    case 'choice':
      return value;
    case 'boolean':
      if (value === 'true' || value === 'false') return value === 'true';
      throw wrongUsage(`--param ${text}: ${parameter.name} is true or false.`);
    case 'integer':
    case 'number': {
      const number = Number(value);
      if (value.trim() !== '' && Number.isFinite(number)) return number;
      throw wrongUsage(`--param ${text}: ${parameter.name} takes a number.`);
    }
  }
}
