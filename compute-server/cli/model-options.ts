/** Options that the commands which run a model share. */
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { isCapture } from '../../protocol/wire/capture-name';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import { wrongUsage } from './exit-codes';
import { textFile } from './text-files';
import { addInterventionOptions, type InterventionOptions } from './intervention-options';
import {
  activationsOption,
  adapterOption,
  bytes,
  cacheWeightsOption,
  collect,
  decimal,
  deviceMemoryOption,
  deviceOption,
  threads,
  weightsOption,
  whole,
} from './options';

export interface PlaceOptions {
  readonly memoryLimit?: number;
  readonly threads: number;
  readonly device?: string;
  readonly weights?: string;
  readonly activations?: string;
  readonly adapter?: string;
  readonly cacheWeights?: number;
  readonly deviceMemory?: string;
}

export interface PromptOptions extends InterventionOptions, PlaceOptions {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly ids?: readonly number[];
  readonly source?: string;
  readonly target?: string;
  readonly targetIds?: readonly number[];
  readonly image?: readonly string[];
  readonly chat?: boolean;
}

export function addPromptOptions(command: Command): Command {
  const prompted = command
    .option('--prompt <text>', 'the prompt as text')
    .option('--prompt-file <file>', 'the prompt as a text file')
    .option('--ids <id,id>', 'the prompt as token ids, separated by commas', idList)
    .option('--source <text>', 'what the encoder of an encoder-decoder reads; the same as --prompt')
    .option('--target <text>', 'what the decoder of an encoder-decoder has written (default: the model writes it)')
    .option('--target-ids <id,id>', 'the same as token ids, the one that the decoder starts with included', idList)
    .option(
      '--image <file>',
      'a PNG or JPEG file for the image token of the prompt; a text without one goes through the chat template',
      collect,
    )
    .option('--chat', "put the text into the model's chat template");
  return addPlaceOptions(addInterventionOptions(prompted));
}

/** Where and how a model runs. */
export function addPlaceOptions(command: Command): Command {
  return command
    .addOption(deviceOption())
    .addOption(weightsOption())
    .addOption(activationsOption())
    .addOption(adapterOption())
    .addOption(cacheWeightsOption())
    .addOption(deviceMemoryOption())
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--memory-limit <size>', 'refuse runs that need more, e.g. 6GB (default: a share of the memory)', bytes);
}

export async function promptFrom(options: PromptOptions): Promise<PromptInput> {
  const given = waysToPrompt(options).filter((each) => each !== undefined);
  if (given.length !== 1) throw wrongUsage('Give exactly one of --prompt, --prompt-file and --ids.');
  if (options.target !== undefined && options.targetIds !== undefined) {
    throw wrongUsage('Give one of --target and --target-ids.');
  }
  const path = imageFrom(options);
  const image = path === undefined ? {} : { image: path };
  const { ids, target, targetIds } = options;
  if (ids) {
    if (target !== undefined) throw wrongUsage('A source of token ids takes its target as --target-ids.');
    return { kind: 'ids', ids, ...image, ...(targetIds ? { target: targetIds } : {}) };
  }
  if (targetIds) throw wrongUsage('--target-ids goes with --ids. Give the target of a text with --target.');
  const text = options.prompt ?? options.source ?? (await textFile(options.promptFile ?? ''));
  return { kind: 'text', text, chat: options.chat ?? false, ...image, ...(target === undefined ? {} : { target }) };
}

/** The options that each give the prompt, or the source. */
const waysToPrompt = ({ prompt, source, promptFile, ids }: PromptOptions): readonly unknown[] => [
  prompt,
  source,
  promptFile,
  ids,
];

export const isPrompted = (options: PromptOptions): boolean => waysToPrompt(options).some((each) => each !== undefined);

/** Absolute; one at most. */
function imageFrom({ image = [] }: PromptOptions): string | undefined {
  const [first, ...more] = image;
  if (more.length > 0)
    throw wrongUsage(`One image is read per prompt, and ${image.length} are given. Keep one --image.`);
  return first === undefined ? undefined : resolve(first);
}

export interface EncoderOptions {
  readonly encoder?: boolean;
  readonly tile?: number;
}

/** For commands that look at heads: an image without a prompt, or --encoder, means the vision encoder's. */
export function addEncoderOptions(command: Command): Command {
  return command
    .option('--encoder', 'the heads of the vision encoder on the image, without a prompt')
    .option('--tile <n>', 'with --encoder, the tile of an image that is cut into tiles, from 0', whole(0, 1 << 16));
}

/** `model`: its path. Captured attention brings its own text. */
export async function inputFrom(
  options: PromptOptions & EncoderOptions,
  model: string,
): Promise<PromptInput | EncoderInput> {
  const prompted = isPrompted(options);
  const image = imageFrom(options);
  if (isCapture(model) && !prompted && image === undefined) return { kind: 'text', text: '' };
  if (!options.encoder && (prompted || image === undefined)) return promptFrom(options);
  if (image === undefined) throw wrongUsage('--encoder looks at an image. Give one with --image.');
  if (prompted) throw wrongUsage('--encoder reads the image alone. Leave the prompt out, or --encoder.');
  const { tile } = options;
  return { kind: 'image', image, ...(tile === undefined ? {} : { tile }) };
}

export const environmentOf = (options: PlaceOptions): Record<string, string> => ({
  ...(options.device === undefined ? {} : { HEADSCOPE_DEVICE: options.device }),
  ...weightsAsked(options),
  ...(options.adapter === undefined ? {} : { HEADSCOPE_ADAPTER: resolve(options.adapter) }),
  ...(options.cacheWeights === undefined ? {} : { HEADSCOPE_CACHE_WEIGHTS: String(options.cacheWeights) }),
  ...(options.deviceMemory === undefined ? {} : { HEADSCOPE_DEVICE_MEMORY: options.deviceMemory }),
  ...(options.memoryLimit === undefined ? {} : { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) }),
  ...(options.threads === 0 ? {} : { HEADSCOPE_THREADS: String(options.threads) }),
});

function weightsAsked({ weights, activations }: PlaceOptions): Record<string, string> {
  if (activations === 'int8') {
    if (weights !== undefined && weights !== 'as-stored')
      throw wrongUsage(`--activations int8 takes weights as they are stored. Leave out --weights ${weights}.`);
    return { HEADSCOPE_WEIGHTS: 'int8-activations' };
  }
  return weights === undefined ? {} : { HEADSCOPE_WEIGHTS: weights };
}

function idList(text: string): number[] {
  return text.split(',').map((part) => {
    const id = decimal(part);
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new InvalidArgumentError('It takes token ids separated by commas, e.g. 1,2,3.');
    }
    return id;
  });
}
