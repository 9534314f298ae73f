/** What an agent can call. What a tool takes comes from the options of the command that it runs and from the tables of the catalogues. */
import type { Command } from 'commander';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { tasks } from '../../../diagnostics/tasks/catalogue';
import { catalogue as mechanisms } from '../../../kernels/catalogue';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { unsettable, type SettingInfo } from '../../../protocol/sweeps/catalogue';
import type { CellSettings } from '../../../protocol/sweeps/sweep-file';
import { commandNamed, settingsIn } from '../command-settings';
import { servingSettings } from '../serving-options';
import type { ToolInfo } from './agent';
import { schemaOfSetting, type JsonSchema, type ObjectSchema } from './json-schema';

export interface CommandTool {
  readonly kind: 'command';
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly command: string;
  /** Settings of the command that the tool always makes. */
  readonly fixed?: CellSettings;
  /** Settings that it has; absent: all of the command. */
  readonly only?: readonly string[];
  /** Settings that it has not. */
  readonly without?: readonly string[];
  /** It runs kernels or a model; a list: only if one of these is set (a name, or a name and its value). */
  readonly runs: boolean | readonly (string | readonly [name: string, value: string])[];
}

interface OwnTool<K extends string> {
  readonly kind: K;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly runs: false;
}

export type Tool = CommandTool | OwnTool<'catalogue'> | OwnTool<'compare'>;

const seeCatalogue = 'The tool "catalogue" says what each takes.';

export const tools: readonly Tool[] = [
  {
    kind: 'command',
    name: 'check',
    title: 'Check configurations of models',
    description:
      'Finds faults in config.json and the generation, tokenizer, processor, adapter, index and ONNX files beside it, each with its line, reason and rule. Runs nothing.',
    command: 'check',
    only: ['paths', 'device-memory', 'quiet', 'ignore-others', 'fix', 'dry-run'],
    runs: false,
  },
  {
    kind: 'command',
    name: 'inspect',
    title: 'Inspect a model',
    description:
      'What the attention of a model is and what it costs: layers, heads, parameters, KV cache, operations. Read from its config and the headers of its weights; nothing is loaded or run.',
    command: 'inspect',
    only: ['model', 'base'],
    runs: false,
  },
  {
    kind: 'command',
    name: 'serve_cost',
    title: 'Estimate what serving a model takes',
    description:
      'What serving a model takes on a device: time of a prompt and of a token by part, memory, how many sequences fit. An estimate from the config; with "measure", or the profile "measured", something is run here.',
    command: 'inspect',
    fixed: { serve: true },
    only: ['model', ...servingSettings],
    runs: ['measure', ['device-profile', 'measured']],
  },
  {
    kind: 'command',
    name: 'bench',
    title: 'Benchmark attention mechanisms',
    description: `Checks attention mechanisms against their float64 reference and times them against a baseline on this machine. "param" takes MECHANISM.NAME. ${seeCatalogue}`,
    command: 'bench',
    without: ['resume'],
    runs: true,
  },
  {
    kind: 'command',
    name: 'heads',
    title: 'Look at the heads of a model',
    description:
      'Statistics and labels of every attention head of a local model on a prompt; with "causal", how the loss changes without each labelled head. Without a model: the demo model that comes with Headscope.',
    command: 'heads',
    without: ['labels'],
    runs: true,
  },
  {
    kind: 'command',
    name: 'run',
    title: 'Run an analysis of a model',
    description: `Runs an analysis of the catalogue on a local model, or an experiment that trains its own. ${seeCatalogue}`,
    command: 'run',
    runs: true,
  },
  {
    kind: 'command',
    name: 'task',
    title: 'Ask a model the prompts of a task',
    description: `Prompts of a task with their counterparts; with a model, its accuracy with an interval. ${seeCatalogue}`,
    command: 'task',
    runs: ['model'],
  },
  {
    kind: 'compare',
    name: 'compare',
    title: 'Compare two results',
    description:
      'What changed between two results of one kind, and whether they can be compared. A result is a file in an open folder, or the headscope://results/….json of an earlier answer of "run", "heads", "bench", or of "task" with a model.',
    inputSchema: {
      type: 'object',
      properties: {
        result: { type: 'string', description: 'the result that is looked at' },
        other: { type: 'string', description: 'the result that it is compared with' },
      },
      required: ['result', 'other'],
      additionalProperties: false,
    },
    runs: false,
  },
  {
    kind: 'catalogue',
    name: 'catalogue',
    title: 'List analyses, tasks and mechanisms',
    description:
      'Without "id", lists what can be run or benchmarked. With "id", says what it reads and gives the JSON schema of its parameters.',
    inputSchema: {
      type: 'object',
      properties: {
        kind: { type: 'string', enum: ['analyses', 'tasks', 'mechanisms'], default: 'analyses' },
        id: { type: 'string', description: 'an id of the list' },
      },
      additionalProperties: false,
    },
    runs: false,
  },
];

/** Where results go is chosen by `save`, and what forces or splits a run is not for agents. */
const notForAgents = unsettable.filter((name) => name !== 'resume');

export function settingsOfTool(program: Command, tool: CommandTool): readonly SettingInfo[] {
  const { only, without = [] } = tool;
  return settingsIn(commandNamed(program, tool.command)).filter(
    ({ name, kind }) =>
      !notForAgents.includes(name) &&
      !without.includes(name) &&
      (only?.includes(name) ?? true) &&
      // `param` and `task-param` are given as objects.
      !(kind === 'many' && (name === 'param' || name === 'task-param')),
  );
}

/** Whether the tool takes parameters of what it runs (`param`), or of the task of an analysis (`task-param`). */
export const takesParameters = (program: Command, tool: CommandTool, name: 'param' | 'task-param'): boolean =>
  tool.only === undefined && settingsIn(commandNamed(program, tool.command)).some((one) => one.name === name);

/** The table of the parameters of what a call runs; undefined where nothing of this name is known. */
export function tableOf(
  { command }: CommandTool,
  name: 'param' | 'task-param',
  given: CellSettings,
): ParameterTable | undefined {
  if (command === 'bench') return mechanismParameters;
  if (command === 'run' && name === 'param') {
    return [...analyses, ...experiments].find(({ id }) => id === given['analysis'])?.parameters;
  }
  return tasks.find(({ id }) => id === given['task'])?.parameters;
}

const mechanismParameters: ParameterTable = Object.fromEntries(
  mechanisms.flatMap(({ id, parameters }) =>
    Object.entries(parameters).map(([name, parameter]) => [`${id}.${name}`, parameter] as const),
  ),
);

const parametersSchema = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: { type: ['string', 'number', 'boolean'] },
});

/** Names of the catalogues that a setting takes. */
const known: Readonly<Record<string, readonly string[]>> = {
  analysis: [...analyses, ...experiments].map(({ id }) => id),
};

export function toolInfo(program: Command, tool: Tool): ToolInfo {
  const { name, title, description } = tool;
  if (tool.kind !== 'command') return { name, title, description, inputSchema: tool.inputSchema, readsOnly: true };
  const command = commandNamed(program, tool.command);
  const settings = settingsOfTool(program, tool);
  const properties: Record<string, JsonSchema> = {};
  for (const setting of settings) {
    const choices = known[setting.name];
    const schema = schemaOfSetting(command, setting);
    properties[setting.name] = choices ? { ...schema, enum: choices } : schema;
  }
  if (takesParameters(program, tool, 'param'))
    properties['param'] = parametersSchema('parameters by name, as the catalogue has them');
  if (takesParameters(program, tool, 'task-param'))
    properties['task-param'] = parametersSchema('parameters of the task by name');
  if (canSave(tool)) properties['save'] = saveSchema;
  if (asksFirst(tool)) properties['confirm'] = confirmSchema;
  const required = settings.filter((one) => one.required === true || one.name === 'paths').map((one) => one.name);
  return {
    name,
    title,
    description,
    inputSchema: {
      type: 'object',
      properties,
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    },
    readsOnly: tool.runs === false && !asksFirst(tool),
  };
}

export const canSave = ({ runs }: CommandTool): boolean => runs !== false;
export const asksFirst = (tool: CommandTool): boolean => tool.runs !== false || tool.name === 'check';

const saveSchema: JsonSchema = {
  type: 'string',
  description: 'a file in an open folder that the result is written to, which the editor opens; asks first',
};

const confirmSchema: JsonSchema = {
  type: 'boolean',
  description: 'true: the person has agreed to a run that takes long or writes files',
};

/** Whether a call of the tool runs kernels or a model. */
export const runsSomething = ({ runs }: CommandTool, given: CellSettings): boolean =>
  typeof runs === 'boolean'
    ? runs
    : runs.some((one) => (typeof one === 'string' ? isSet(given[one]) : given[one[0]] === one[1]));

const isSet = (value: CellSettings[string] | undefined): boolean => value !== undefined && value !== false;
