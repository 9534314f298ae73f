/** What a check of a file of a person's own found, as problems of lines. */
import { untriedShapes, type KernelCheck, type LawResult } from '../../protocol/compute/own-kernels';
import type { FilePlace } from '../../protocol/wire/failures';

export interface OwnProblem extends FilePlace {
  /** The law that does not hold; absent: the file is at fault as a whole. */
  readonly law?: string;
  readonly sentence: string;
  /** Nothing is wrong: something to know. */
  readonly note?: true;
}

/**
 * A law that fails at several shapes with the same place is one problem: the first shape, and how many others. Where all laws hold, the
 * shapes that none was tried on are notes.
 */
export function kernelProblems(check: Pick<KernelCheck, 'file' | 'laws' | 'refused'>): readonly OwnProblem[] {
  const { file, laws } = check;
  if (laws.every(({ ok }) => ok)) {
    return untriedShapes(check).map(({ words, place }) => ({
      file,
      line: 1,
      ...place,
      sentence: `No law was tried ${words}`,
      note: true,
    }));
  }
  const grouped = new Map<string, LawResult[]>();
  for (const result of laws.filter(({ ok }) => !ok)) {
    const { law, place } = result;
    const key = JSON.stringify([law, place?.file, place?.line]);
    grouped.set(key, [...(grouped.get(key) ?? []), result]);
  }
  return [...grouped.values()].map((results) => {
    const [{ law, place, sentence, pattern, queries, keys }] = results as [LawResult];
    const more =
      results.length === 1
        ? ''
        : results.length === 2
          ? ', and 1 more shape'
          : `, and ${results.length - 1} more shapes`;
    const where = pattern === '' ? '' : ` (${pattern}, ${queries} queries, ${keys} keys${more})`;
    return {
      file: place?.file ?? file,
      line: place?.line ?? 1,
      ...(place?.column === undefined ? {} : { column: place.column }),
      law,
      sentence: `${law}${where}: ${sentence ?? 'It does not hold.'}`,
    };
  });
}
