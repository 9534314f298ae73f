/** What package.json has to say of the typed contributions; the test compares, and a person pastes from its message. */
import { commands } from '../../../protocol/contributions/commands';
import type { Setting } from '../../../protocol/contributions/settings';
import { settings } from '../../../protocol/contributions/settings';

function typeOf(setting: Setting): Record<string, unknown> {
  switch (setting.kind) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
    case 'number':
      return { type: setting.kind, minimum: setting.min, maximum: setting.max };
    case 'text':
      return { type: 'string' };
    case 'choice':
      return { type: 'string', enum: Object.keys(setting.options), enumDescriptions: Object.values(setting.options) };
    case 'textList':
      return { type: 'array', items: { type: 'string' }, uniqueItems: true };
    case 'integerList':
      return {
        type: 'array',
        items: { type: 'integer', minimum: setting.min, maximum: setting.max },
        minItems: 1,
        uniqueItems: true,
      };
    case 'choiceMap':
      return {
        type: 'object',
        additionalProperties: {
          type: 'string',
          enum: Object.keys(setting.options),
          enumDescriptions: Object.values(setting.options),
        },
      };
  }
}

export const schemaOf = (setting: Setting): Record<string, unknown> => ({
  ...typeOf(setting),
  default: setting.default,
  scope: setting.scope,
  description: setting.description,
});

/** The areas of the settings, as the settings editor groups them. */
export const areas: Readonly<Record<string, string>> = {
  compute: 'Compute',
  models: 'Models',
  benchmark: 'Benchmark',
  diagnostics: 'Diagnostics',
  inlayHints: 'Diagnostics',
  codeLens: 'Diagnostics',
};

export function configurationOfTable(): readonly unknown[] {
  return [...new Set(Object.values(areas))].map((title) => ({
    title,
    properties: Object.fromEntries(
      Object.entries(settings)
        .filter(([key]) => areas[key.split('.')[1] ?? ''] === title)
        .map(([key, setting]) => [key, schemaOf(setting)]),
    ),
  }));
}

export const commandsOfTable = (): readonly unknown[] =>
  Object.entries(commands).map(([command, entry]) => ({
    command,
    title: entry.title,
    category: 'Headscope',
    ...('icon' in entry ? { icon: `$(${entry.icon})` } : {}),
    ...('needs' in entry ? { enablement: 'isWorkspaceTrusted' } : {}),
  }));
