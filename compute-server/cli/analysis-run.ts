/** What commands share that run an analysis on a model: its options, its input, the run itself and its words. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AnalysisInfo, InputKind } from '../../protocol/analysis/analysis';
import { waysToGive } from '../../protocol/analysis/input-settings';
import type { AnalysisInput, AnalysisRequest, AnalysisResult, Part } from '../../protocol/analysis/schema';
import type { ParameterTable } from '../../protocol/analysis/parameters';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { TaskInfo } from '../../protocol/analysis/tasks';
import { usualTaskOf } from '../../protocol/analysis/usual-task';
import type { ComputeClient } from '../../protocol/compute/client';
import type { PromptInput } from '../../protocol/inputs/prompt';
import type { OwnFilePlace } from '../../protocol/inputs/own-file';
import { wrongUsage } from './exit-codes';
import { interventionsFrom } from './intervention-options';
import {
  addEncoderOptions,
  addPromptOptions,
  inputFrom,
  isPrompted,
  promptFrom,
  type EncoderOptions,
  type PromptOptions,
} from './model-options';
import { modelPath } from './model-path';
import { sayChatPrompt, sayNotes } from './model-provenance';
import { collect, partOption, seed, whole } from './options';
import { jsonOption } from './output-options';
import { sectionText } from './section-text';
import type { CommandSession } from './session';
import { namedValues, taskName } from './task-options';
import { textFile } from './text-files';
import { codeFileOf } from './workspace-of';

export interface AnalysisOptions extends PromptOptions, EncoderOptions {
  readonly counterpart?: string;
  readonly counterpartFile?: string;
  readonly counterpartTarget?: string;
  readonly images?: string;
  readonly task?: string;
  readonly taskParam?: readonly string[];
  readonly corpus?: string;
  readonly samples: number;
  readonly param?: readonly string[];
  readonly against?: string;
  readonly resume?: string;
  readonly part?: Part;
  readonly seed: number;
  readonly json?: string;
}

export const addAnalysisOptions = (command: Command): Command =>
  addEncoderOptions(addPromptOptions(command))
    .option('--counterpart <text>', 'for analyses of a prompt pair: the other prompt, of as many tokens')
    .option('--counterpart-file <file>', 'the same as a text file')
    .option('--counterpart-target <text>', 'of an encoder-decoder: the target of the counterpart (default: --target)')
    .option('--images <folder>', 'for analyses of a set of pictures: their folder')
    .option(
      '--task <id or file>',
      'for analyses of a task: its id, or a file of your own: *.jsonl, *.csv, *.headscope-task.ts',
    )
    .option('--task-param <name=value>', 'a parameter of the task; may be given several times', collect)
    .option('--corpus <file>', 'for analyses of documents: a JSONL or text file, or a folder of them')
    .option('--samples <n>', 'samples of the task, or pictures of the folder, at most', whole(1, 100_000), 100)
    .option('--param <name=value>', 'a parameter of the analysis; may be given several times', collect)
    .option('--against <model>', 'for analyses of two models: the one that the model is compared with')
    .option('--resume <folder>', 'keep finished steps in this folder, and continue after those that are in it already')
    .addOption(partOption())
    .option('--seed <n>', 'seed of everything that is drawn at random', seed, 0)
    .addOption(jsonOption());

/** Which analyses a command runs, and what it calls one. */
export interface Choice {
  readonly among: (info: AnalysisInfo) => boolean;
  readonly what: string;
}

export async function analysisNamed(client: ComputeClient, id: string, choice?: Choice): Promise<AnalysisInfo> {
  const { among = () => true, what = 'analysis' } = choice ?? {};
  const catalogue = (await client.call('analyses', [])).filter(among);
  const info = catalogue.find((analysis) => analysis.id === id);
  if (info) return info;
  const known = catalogue.map((analysis) => analysis.id).join(', ');
  throw wrongUsage(`There is no ${what} "${id}". Choose one of ${known}.`);
}

export interface Asked {
  readonly info: AnalysisInfo;
  /** Of an analysis file. */
  readonly file?: OwnFilePlace | undefined;
  /** None where the analysis trains its own. */
  readonly model: string | undefined;
  /** These stand before those of the options. */
  readonly parameters?: ParameterValues;
  /** Put on the model; absent: as the process was started. */
  readonly adapter?: string;
}

export async function analysisResult(
  session: CommandSession,
  client: ComputeClient,
  asked: Asked,
  options: AnalysisOptions,
): Promise<AnalysisResult> {
  const result = await analysed(session, client, await requestFrom(session, client, asked, options));
  saySources(session, result);
  return result;
}

export async function requestFrom(
  session: Pick<CommandSession, 'signal'>,
  client: ComputeClient,
  { info, file, model, parameters = {}, adapter }: Asked,
  options: AnalysisOptions,
): Promise<AnalysisRequest> {
  const folder = model === undefined ? '' : await modelPath(model);
  const { signal } = session;
  const taskFile = options.task === undefined ? undefined : codeFileOf(options.task);
  return {
    analysis: info.id,
    ...(file ? { file } : {}),
    folder,
    ...(adapter === undefined ? {} : { adapter: resolve(adapter) }),
    input: await analysisInputFrom(info, folder, options, () => tasksFor(options, client, signal)),
    ...(taskFile ? { taskFile } : {}),
    parameters: {
      ...parameters,
      ...otherModel(info, options),
      ...namedValues(info.id, info.parameters, options.param ?? []),
    },
    interventions: await interventionsFrom(options, () => client.call('openModel', [folder], { signal })),
    seed: options.seed,
    ...(options.resume === undefined ? {} : { keepIn: resolve(options.resume) }),
    ...(options.part === undefined ? {} : { part: options.part }),
  };
}

/** Those that can be named; a task file that is named is among them, by its path. */
async function tasksFor(
  { task, taskParam = [] }: AnalysisOptions,
  client: ComputeClient,
  signal: AbortSignal,
): Promise<readonly TaskInfo[]> {
  const file = task === undefined || taskParam.length === 0 ? undefined : codeFileOf(task);
  return file ? [await client.call('taskOfFile', [file], { signal })] : client.call('tasks', []);
}

/** The model that the first is compared with, if the analysis takes one. */
function otherModel({ title, parameters }: AnalysisInfo, { against }: AnalysisOptions): ParameterValues {
  if (against === undefined) return {};
  if (parameters['against']?.kind !== 'folder')
    throw wrongUsage(`${title} looks at a single model. Leave --against out.`);
  return { against: resolve(against) };
}

/** What is to be said of the model and its prompts. */
export function saySources(session: CommandSession, { model, prompts }: AnalysisResult): void {
  sayNotes(session, model);
  for (const prompt of prompts) sayChatPrompt(session, prompt);
}

/** The run, with its progress. */
export function analysed(
  session: CommandSession,
  client: ComputeClient,
  request: AnalysisRequest,
): Promise<AnalysisResult> {
  return client.call('analysis', [request], {
    signal: session.signal,
    onProgress(progress) {
      if (progress.kind === 'stage') session.progress(lineOf(progress), progress.share);
    },
  });
}

function lineOf({ sentence, share, secondsLeft }: { sentence: string; share: number; secondsLeft?: number }): string {
  const left = secondsLeft === undefined ? '' : `, about ${Math.ceil(secondsLeft)} s left`;
  return `${sentence} (${Math.floor(share * 100)} %${left})`;
}

async function analysisInputFrom(
  info: AnalysisInfo,
  model: string,
  options: AnalysisOptions,
  tasks: () => Promise<readonly TaskInfo[]>,
): Promise<AnalysisInput> {
  const { title } = info;
  switch (kindGiven(info, options)) {
    case 'prompt':
      return { kind: 'prompt', prompt: await inputFrom(options, model) };
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
        // An encoder reads no text.
        prompt: info.readsPictures && !isPrompted(options) ? { kind: 'text', text: '' } : await promptFrom(options),
        samples: options.samples,
      };
    case 'none':
      return { kind: 'none' };
  }
}

function wayToGive(kind: InputKind): string {
  const { title, settings } = waysToGive[kind];
  return settings.length === 0 ? title : `${title} (${settings.map((name) => `--${name}`).join(', ')})`;
}

/** An analysis that reads one kind of input says itself what is missing; of several, one must be meant. */
function kindGiven({ inputs, title }: AnalysisInfo, options: AnalysisOptions): InputKind {
  const kind = inputs.find((each) => isGiven(each, options));
  if (kind !== undefined || inputs.length === 1) return kind ?? inputs[0];
  if (inputs.includes('prompt') && (isPrompted(options) || options.image !== undefined)) return 'prompt';
  throw wrongUsage(`${title} runs on ${inputs.map(wayToGive).join(', or ')}. Give one of them.`);
}

/** Whether an option says that the input is of this kind: of an analysis that reads several. */
function isGiven(kind: InputKind, options: AnalysisOptions): boolean {
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

function taskInput(name: string, options: AnalysisOptions, tasks: readonly TaskInfo[]): AnalysisInput {
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

async function counterpartFrom(options: AnalysisOptions): Promise<PromptInput> {
  const { counterpart, counterpartFile, chat = false, counterpartTarget: target = options.target } = options;
  if ((counterpart === undefined) === (counterpartFile === undefined)) {
    throw wrongUsage('Give exactly one of --counterpart and --counterpart-file.');
  }
  const text = counterpart ?? (await textFile(counterpartFile ?? ''));
  return { kind: 'text', text, chat, ...(target === undefined ? {} : { target }) };
}

export const analysisWords = ({ finding, sections }: AnalysisResult): string =>
  [finding, ...sections.map(sectionText).filter((text) => text !== '')].join('\n\n');
