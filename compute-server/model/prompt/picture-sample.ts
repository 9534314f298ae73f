/** Which pictures of a folder a run takes. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { PictureSample } from '../../../protocol/results/hallucination-schema';

/**
 * `count` of the pictures, in the order in which they were given; all where no sample is asked for or the folder has no more.
 *
 * The pictures whose names give the smallest SHA-256 behind the seed: a sample without replacement that depends on neither the
 * order nor the folder's place. A picture that is added to the folder replaces at most one of the sample, and a larger sample
 * of the same seed holds the smaller one, so that what was captioned is never thrown away.
 */
export function sampled<Picture extends { readonly path: string }>(
  pictures: readonly Picture[],
  sample: Pick<PictureSample, 'count' | 'seed'> | undefined,
): readonly Picture[] {
  if (!sample || sample.count >= pictures.length) return pictures;
  const ranked = pictures.map((picture) => ({ picture, rank: rankOf(basename(picture.path), sample.seed) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const taken = new Set(ranked.slice(0, sample.count).map(({ picture }) => picture));
  return pictures.filter((picture) => taken.has(picture));
}

const rankOf = (name: string, seed: number): string => createHash('sha256').update(`${seed}/${name}`).digest('hex');
