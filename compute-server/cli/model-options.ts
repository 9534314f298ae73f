/** Options that the commands which run a model share. */
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import { wrongUsage } from './exit-codes';
import { textFile } from './text-files';
import { addInterventionOptions, type InterventionOptions } from './intervention-options';
import {
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
  readonly cacheWeights?: number;
  readonly deviceMemory?: number;
}

export interface PromptOptions extends InterventionOptions, PlaceOptions {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly ids?: readonly number[];
  readonly image?: readonly string[];
  readonly chat?: boolean;
}

export function addPromptOptions(command: Command): Command {
  const prompted = command
    .option('--prompt <text>', 'the prompt as text')
    .option('--prompt-file <file>', 'the prompt as a text file')
    .option('--ids <id,id>', 'the prompt as token ids, separated by commas', idList)
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
    .addOption(cacheWeightsOption())
    .addOption(deviceMemoryOption())
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--memory-limit <size>', 'refuse runs that need more, e.g. 6GB (default: a share of the memory)', bytes);
}

export async function promptFrom(options: PromptOptions): Promise<PromptInput> {
  const given = [options.prompt, options.promptFile, options.ids].filter((each) => each !== undefined);
  if (given.length !== 1) throw wrongUsage('Give exactly one of --prompt, --prompt-file and --ids.');
  const path = imageFrom(options);
  const image = path === undefined ? {} : { image: path };
  if (options.ids) return { kind: 'ids', ids: options.ids, ...image };
  const text = options.prompt ?? (await textFile(options.promptFile ?? ''));
  return { kind: 'text', text, chat: options.chat ?? false, ...image };
}

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

export async function inputFrom(options: PromptOptions & EncoderOptions): Promise<PromptInput | EncoderInput> {
  const prompted = options.prompt !== undefined || options.promptFile !== undefined || options.ids !== undefined;
  const image = imageFrom(options);
  if (!options.encoder && (prompted || image === undefined)) return promptFrom(options);
  if (image === undefined) throw wrongUsage('--encoder looks at an image. Give one with --image.');
  if (prompted) throw wrongUsage('--encoder reads the image alone. Leave the prompt out, or --encoder.');
  const { tile } = options;
  return { kind: 'image', image, ...(tile === undefined ? {} : { tile }) };
}

export const environmentOf = (options: PlaceOptions): Record<string, string> => ({
  ...(options.device === undefined ? {} : { HEADSCOPE_DEVICE: options.device }),
  ...(options.weights === undefined ? {} : { HEADSCOPE_WEIGHTS: options.weights }),
  ...(options.cacheWeights === undefined ? {} : { HEADSCOPE_CACHE_WEIGHTS: String(options.cacheWeights) }),
  ...(options.deviceMemory === undefined ? {} : { HEADSCOPE_DEVICE_MEMORY: String(options.deviceMemory) }),
  ...(options.memoryLimit === undefined ? {} : { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) }),
  ...(options.threads === 0 ? {} : { HEADSCOPE_THREADS: String(options.threads) }),
});

function idList(text: string): number[] {
  return text.split(',').map((part) => {
    const id = decimal(part);
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new InvalidArgumentError('It takes token ids separated by commas, e.g. 1,2,3.');
    }
    return id;
  });
}
