/** A folder of pictures with their truth, as the commands that run a model over it take it: which pictures, and how long. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ComputeClient } from '../../protocol/compute/client';
import type { CaptionTimeRequest } from '../../protocol/compute/model-requests';
import { defaultPictures, withReferences, type ImageWithTruth } from '../../protocol/inputs/truth';
import { readCaptions, readTruth } from './caption-files';
import { whyUnread } from '../../protocol/wire/unread';
import { wrongUsage } from './exit-codes';
import { whole } from './options';
import type { CommandSession } from './session';

export interface SampleOptions {
  readonly count: number | 'all';
  readonly limit?: number;
  readonly seed: number;
}

export const addSampleOptions = (command: Command, seedOf: string): Command =>
  command
    .option('--count <n>', 'pictures to take, drawn by the seed, or all', countOrAll, defaultPictures)
    .addOption(
      new Option('--limit <n>', 'instead: the first so many pictures, by name')
        .argParser(whole(1, 1 << 24))
        .conflicts('count'),
    )
    .option('--seed <n>', `seed of the sample${seedOf}`, whole(0, 2 ** 32 - 1), 0);

const countOrAll = (text: string): number | 'all' => {
  if (text.trim() === 'all') return 'all';
  try {
    return whole(1, 1 << 24)(text);
  } catch {
    throw new InvalidArgumentError('It takes a whole number from 1, or all.');
  }
};

/** The sample of a request; none where all pictures are taken, or the first ones by name. */
export const sampleFrom = ({
  count,
  limit,
  seed,
}: SampleOptions): { readonly count: number; readonly seed: number } | undefined =>
  count === 'all' || limit !== undefined ? undefined : { count, seed };

/** As many as an input may name: all. */
const mostSamples = 100_000;

/** Pictures that are drawn for an analysis; all where the first ones by name are taken of them. */
export const samplesOf = ({ count, limit }: SampleOptions): number =>
  count === 'all' || limit !== undefined ? mostSamples : Math.min(count, mostSamples);

/** The pictures of a folder that the truth names, by name. */
export async function picturesFrom(options: {
  readonly images: string;
  readonly truth: string;
  readonly references?: string;
  readonly limit?: number;
}): Promise<readonly ImageWithTruth[]> {
  const references = options.references === undefined ? [] : await readCaptions(options.references);
  const truth = withReferences(await readTruth(options.truth), references);
  const folder = resolve(options.images);
  const pictures = (await namesIn(folder))
    .filter((name) => truth.has(name))
    .slice(0, options.limit)
    .map((name) => ({
      path: join(folder, name),
      truth: truth.get(name)?.objects ?? [],
      references: truth.get(name)?.captions ?? [],
    }));
  if (pictures.length > 0) return pictures;
  throw wrongUsage(
    `No image of ${options.images} is named in ${options.truth}. Its keys are file names, e.g. "scene-000.png".`,
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    throw wrongUsage(`${folder} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

/**
 * Says which pictures are taken and for how long, before the first one is run. `texts`: prompts of one picture;
 * `least`: what the length of the texts that are timed makes of the time. A picture that
 * cannot be read is named by the run itself; here it leaves the time unsaid.
 */
export async function saySample(
  session: CommandSession,
  client: ComputeClient,
  options: SampleOptions,
  pictures: readonly ImageWithTruth[],
  time: Omit<CaptionTimeRequest, 'image'>,
  { texts = 1, least = 'at most about' }: { readonly texts?: number; readonly least?: string } = {},
): Promise<void> {
  const sample = sampleFrom(options);
  const taken = Math.min(sample?.count ?? pictures.length, pictures.length);
  const [first] = pictures;
  const cost =
    first &&
    (await client
      .call('captionTime', [{ ...time, image: first.path }], { signal: session.signal })
      .catch(() => undefined));
  const drawn = sample !== undefined && taken < pictures.length;
  if (!drawn && cost === undefined) return;
  const which = drawn
    ? `${taken} of ${pictures.length} pictures, drawn by seed ${sample.seed} (--count all takes all)`
    : `${taken} ${taken === 1 ? 'picture' : 'pictures'}`;
  const long = cost && `: ${least} ${duration(taken * (cost.encodeSeconds + texts * cost.textSeconds))}`;
  session.note(`${which}${long ?? ''}.`);
}

function duration(seconds: number): string {
  if (seconds < 99.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
