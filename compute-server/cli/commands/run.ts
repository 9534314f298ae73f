/** headscope run: any analysis of the catalogue, on a model. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AnalysisInfo, AnalysisInput, AnalysisResult, InputKind } from '../../../protocol/analysis/analysis';
import type { Parameter, ParameterTable } from '../../../protocol/analysis/parameters';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { usualTaskOf } from '../../../protocol/analysis/usual-task';
import type { PromptInput } from '../../../protocol/compute/models';
import { wrongUsage } from '../exit-codes';
import { interventionsFrom } from '../intervention-options';
import {
  addEncoderOptions,
  addPromptOptions,
  environmentOf,
  inputFrom,
  promptFrom,
  type EncoderOptions,
  type PromptOptions,
} from '../model-options';
import { sayChatPrompt, sayNotes } from '../model-provenance';
import { collect, seed, whole } from '../options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { sectionText } from '../section-text';
import { textTable } from '../table';
import { namedValues, taskName } from '../task-options';
import { textFile } from '../text-files';

export interface RunOptions extends PromptOptions, EncoderOptions {
  readonly counterpart?: string;
  readonly counterpartFile?: string;
  readonly images?: string;
  readonly task?: string;
  readonly taskParam?: readonly string[];
  readonly corpus?: string;
  readonly samples: number;
  readonly param?: readonly string[];
  readonly listParams?: boolean;
  readonly resume?: string;
  readonly seed: number;
  readonly json?: string;
  readonly field?: readonly string[];
}

export const run: Registration = (program, session) => {
  addRunOptions(
    program
      .command('run')
      .description('Run an analysis on a local model. `headscope analyses` lists them.')
      .argument('<analysis>', 'the id of the analysis')
      .argument('[model]', 'a model folder; none where the analysis trains its own'),
  ).action((id: string, model: string | undefined, options: RunOptions) => runAnalysis(session, id, model, options));
};

/** Everything that a run of an analysis takes beside the analysis and the model. */
export function addRunOptions(command: Command): Command {
  return addEncoderOptions(addPromptOptions(command))
    .option('--counterpart <text>', 'for analyses of a prompt pair: the other prompt, of as many tokens')
    .option('--counterpart-file <file>', 'the same as a text file')
    .option('--images <folder>', 'for analyses of a set of pictures: their folder')
    .option('--task <id or file>', 'for analyses of a task: its id, or a JSONL file of your own')
    .option('--task-param <name=value>', 'a parameter of the task; may be given several times', collect)
    .option('--corpus <file>', 'for analyses of documents: a JSONL or text file, or a folder of them')
    .option('--samples <n>', 'samples of the task, or pictures of the folder, at most', whole(1, 100_000), 100)
    .option('--param <name=value>', 'a parameter of the analysis; may be given several times', collect)
    .option('--list-params', 'print the parameters of the analysis, and run nothing')
    .option('--resume <folder>', 'keep finished steps in this folder, and continue after those that are in it already')
    .option('--seed <n>', 'seed of everything that is drawn at random', seed, 0)
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .option(
      '--field <name=file>',
      'write a field of the result alone, in the form that others read; may be given several times',
      collect,
    );
}

/** `among`: which analyses the command runs. */
export async function runAnalysis(
  session: CommandSession,
  id: string,
  model: string | undefined,
  options: RunOptions,
  { among, what }: { readonly among: (info: AnalysisInfo) => boolean; readonly what: string } = {
    among: () => true,
    what: 'analysis',
  },
): Promise<void> {
  const client = session.compute(environmentOf(options));
  const catalogue = (await client.call('analyses', [])).filter(among);
  const info = catalogue.find((analysis) => analysis.id === id);
  if (!info) {
    const known = catalogue.map((analysis) => analysis.id).join(', ');
    throw wrongUsage(`There is no ${what} "${id}". Choose one of ${known}.`);
  }
  if (options.listParams) {
    if (options.json !== undefined) await session.writeJson(options.json, { parameters: info.parameters });
    if (options.json !== '-') session.print(parametersInWords(info));
    return;
  }
  if (model === undefined && !info.trains) throw wrongUsage('No model is named. Give the folder of one.');
  if (model !== undefined && info.trains) {
    throw wrongUsage(`${info.title} trains its own model. Give the folder for it with --param folder=….`);
  }
  const fields = fieldFiles(info, options.field ?? []);
  const result = await client.call(
    'analysis',
    [
      {
        analysis: id,
        folder: model === undefined ? '' : resolve(model),
        input: await analysisInputFrom(info, options, () => client.call('tasks', [])),
        parameters: namedValues(id, info.parameters, options.param ?? []),
        interventions: await interventionsFrom(options),
        seed: options.seed,
        ...(options.resume === undefined ? {} : { keepIn: resolve(options.resume) }),
      },
    ],
    {
      signal: session.signal,
      onProgress(progress) {
        if (progress.kind === 'stage') session.progress(lineOf(progress));
      },
    },
  );
  sayNotes(session, result.model);
  for (const prompt of result.prompts) sayChatPrompt(session, prompt);
  if (options.json !== undefined) await session.writeJson(options.json, result);
  for (const [field, file] of fields) await session.writeJson(file, result.result[field]);
  if (options.json !== '-') session.print(inWords(result));
}

/** Fields of the result that are written as files of their own, as [field, file]. */
const fieldFiles = ({ title, files = [] }: AnalysisInfo, given: readonly string[]): readonly [string, string][] =>
  given.map((one) => {
    const [, name = '', file = ''] = /^([^=]+)=(.+)$/u.exec(one) ?? [];
    if (files.some(({ field }) => field === name)) return [name, file];
    const known = files.length === 0 ? 'none' : files.map(({ field }) => field).join(', ');
    throw wrongUsage(`"${one}" names no field of ${title} with its file (name=file). Written alone are: ${known}.`);
  });

function lineOf({ sentence, share, secondsLeft }: { sentence: string; share: number; secondsLeft?: number }): string {
  const left = secondsLeft === undefined ? '' : `, about ${Math.ceil(secondsLeft)} s left`;
  return `${sentence} (${Math.floor(share * 100)} %${left})`;
}

async function analysisInputFrom(
  info: AnalysisInfo,
  options: RunOptions,
  tasks: () => Promise<readonly TaskInfo[]>,
): Promise<AnalysisInput> {
  const { title } = info;
  switch (kindGiven(info, options)) {
    case 'prompt':
      return { kind: 'prompt', prompt: await inputFrom(options) };
    case 'prompt-pair':
      return { kind: 'prompt-pair', prompt: await promptFrom(options), counterpart: await counterpartFrom(options) };
    case 'image':
      return { kind: 'image', prompt: await promptFrom(options) };
    case 'task':
      if (options.task === undefined) {
        const known = (await tasks()).map(({ id }) => id).join(', ');
        throw wrongUsage(
          `${title} runs on a task. Name one with --task, e.g. --task ${usualTaskOf(info).task}; there are ${known}.`,
        );
      }
      return taskInput(options.task, options, await tasks());
    case 'corpus':
      if (options.corpus === undefined)
        throw wrongUsage(`${title} reads documents. Name their file or folder with --corpus.`);
      return { kind: 'corpus', file: resolve(options.corpus) };
    case 'image-set':
      if (options.images === undefined) throw wrongUsage(`${title} reads pictures. Name their folder with --images.`);
      return {
        kind: 'image-set',
        folder: resolve(options.images),
        prompt: await promptFrom(options),
        samples: options.samples,
      };
    case 'none':
      return { kind: 'none' };
  }
}

/** What an analysis runs on, with the option that gives it. */
const waysToGive: Readonly<Record<InputKind, string>> = {
  prompt: 'a prompt (--prompt)',
  'prompt-pair': 'a prompt and its counterpart (--prompt, --counterpart)',
  image: 'a prompt with a picture (--prompt, --image)',
  task: 'a task (--task)',
  corpus: 'documents (--corpus)',
  'image-set': 'pictures (--images)',
  none: 'the model alone',
};

/** An analysis that reads one kind of input says itself what is missing; of several, one must be meant. */
function kindGiven({ inputs, title }: AnalysisInfo, options: RunOptions): InputKind {
  const kind = inputs.find((each) => isGiven(each, options));
  if (kind !== undefined || inputs.length === 1) return kind ?? inputs[0];
  const { prompt, promptFile, ids, image } = options;
  if (inputs.includes('prompt') && [prompt, promptFile, ids, image].some((each) => each !== undefined)) return 'prompt';
  throw wrongUsage(`${title} runs on ${inputs.map((each) => waysToGive[each]).join(', or ')}. Give one of them.`);
}

/** Whether an option says that the input is of this kind: of an analysis that reads several. */
function isGiven(kind: InputKind, options: RunOptions): boolean {
  switch (kind) {
    case 'prompt-pair':
      return options.counterpart !== undefined || options.counterpartFile !== undefined;
    case 'task':
      return options.task !== undefined;
    case 'corpus':
      return options.corpus !== undefined;
    case 'image-set':
      return options.images !== undefined;
    case 'prompt':
    case 'image':
    case 'none':
      return false;
  }
}

function taskInput(name: string, options: RunOptions, tasks: readonly TaskInfo[]): AnalysisInput {
  const task = taskName(name);
  const table: ParameterTable = tasks.find(({ id }) => id === task)?.parameters ?? {};
  const given = options.taskParam ?? [];
  return {
    kind: 'task',
    task,
    samples: options.samples,
    ...(given.length > 0 ? { taskParameters: namedValues(name, table, given) } : {}),
  };
}

async function counterpartFrom(options: RunOptions): Promise<PromptInput> {
  const { counterpart, counterpartFile, chat = false } = options;
  if ((counterpart === undefined) === (counterpartFile === undefined)) {
    throw wrongUsage('Give exactly one of --counterpart and --counterpart-file.');
  }
  return { kind: 'text', text: counterpart ?? (await textFile(counterpartFile ?? '')), chat };
}

function parametersInWords({ title, parameters }: AnalysisInfo): string {
  const rows = Object.entries(parameters).map(([name, parameter]) => [
    name,
    rangeOf(parameter),
    String(parameter.default),
    parameter.description,
  ]);
  return rows.length === 0
    ? `${title} takes no parameters.`
    : textTable(['parameter', 'values', 'default', 'what it is'], rows);
}

function rangeOf(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'integer':
    case 'number':
      return `${parameter.min} to ${parameter.max}${parameter.unit ? ` ${parameter.unit}` : ''}`;
    case 'choice':
      return parameter.options.join(', ');
    case 'boolean':
      return 'true, false';
    case 'text':
      return 'text';
    case 'file':
      return 'a path';
    case 'folder':
      return 'a folder';
    case 'heads':
      return 'heads, e.g. 2.5,3.*';
  }
}

const inWords = ({ finding, sections }: AnalysisResult): string =>
  [finding, ...sections.map(sectionText).filter((text) => text !== '')].join('\n\n');
