/** JSON Schemas of what commands, analyses, tasks and mechanisms take, from their own tables. */
import type { Command } from 'commander';
import type { Parameter, ParameterTable } from '../../../protocol/analysis/parameters';
import type { NumberRange, SettingInfo } from '../../../protocol/sweeps/catalogue';
import { optionNamed } from '../command-settings';

export type JsonSchema = Readonly<Record<string, unknown>>;
export interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties: boolean;
  readonly [more: string]: unknown;
}

const numbers = ({ least, most, whole }: NumberRange): JsonSchema => ({
  type: whole ? 'integer' : 'number',
  minimum: least,
  maximum: most,
});

const texts: JsonSchema = { type: 'array', items: { type: 'string' } };

/** Of an option or an argument of a command. */
export function schemaOfSetting(command: Command, setting: SettingInfo): JsonSchema {
  const { name, description, kind, choices, range } = setting;
  const usual: unknown = optionNamed(command, name)?.defaultValue;
  const about = { description, ...(usual === undefined ? {} : { default: usual }) };
  if (kind === 'flag') return { type: 'boolean', ...about };
  if (kind === 'many' || isList(command, setting)) return { ...texts, ...about };
  if (choices) return { type: 'string', enum: choices, ...about };
  if (!range) return { type: 'string', ...about };
  return { ...(range.list ? { type: 'array', items: numbers(range) } : numbers(range)), ...about };
}

/** An argument that takes several. */
const isList = (command: Command, { name, kind }: SettingInfo): boolean =>
  kind === 'argument' && command.registeredArguments.some((one) => one.name() === name && one.variadic);

export const schemaOfTable = (table: ParameterTable): ObjectSchema => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(table).map(([name, one]) => [name, schemaOf(one)])),
  additionalProperties: false,
});

function schemaOf(parameter: Parameter): JsonSchema {
  const { title, description, default: usual } = parameter;
  const about = { title, description, default: usual };
  switch (parameter.kind) {
    case 'integer':
    case 'number':
      return { type: parameter.kind, minimum: parameter.min, maximum: parameter.max, ...about };
    case 'choice':
      return { type: 'string', enum: parameter.options, ...about };
    case 'boolean':
      return { type: 'boolean', ...about };
    case 'text':
    case 'file':
    case 'folder':
    case 'heads':
    case 'regions':
      return { type: 'string', ...about };
  }
}
