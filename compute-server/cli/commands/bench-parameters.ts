import { catalogue } from '../../../kernels/catalogue';
import { resolveTable, valueOfText } from '../../../protocol/analysis/parameters';
import type { ParameterValue } from '../../../protocol/schema/parts';
import { wrongUsage } from '../exit-codes';

/** `sliding-window.window=256` as values by mechanism and name, checked against the mechanism's table. */
export function parametersFrom(
  given: readonly string[],
): Readonly<Record<string, Readonly<Record<string, ParameterValue>>>> {
  const values: Record<string, Record<string, ParameterValue>> = {};
  for (const text of given) {
    const [, id, name, value] = /^([^.=]+)\.([^=]+)=(.*)$/.exec(text) ?? [];
    if (id === undefined || name === undefined || value === undefined) {
      throw wrongUsage(`--param takes MECHANISM.NAME=VALUE, such as sliding-window.window=256, not "${text}".`);
    }
    const mechanism = catalogue.find((each) => each.id === id);
    if (!mechanism) {
      const known = catalogue.map((each) => each.id).join(', ');
      throw wrongUsage(`There is no mechanism "${id}" for --param ${text}. Choose among ${known}.`);
    }
    const parameter = Object.hasOwn(mechanism.parameters, name) ? mechanism.parameters[name] : undefined;
    const own = (values[id] ??= {});
    own[name] = parameter ? valueOfText(parameter, value) : value;
    const resolution = resolveTable(mechanism.id, mechanism.parameters, own);
    if (!resolution.ok) throw wrongUsage(`--param ${text} is not valid: ${resolution.why}`);
  }
  return values;
}
