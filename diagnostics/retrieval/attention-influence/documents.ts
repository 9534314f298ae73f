/** The documents of a corpus in the tokens of a model. */
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { printable } from '../../../protocol/wire/printable';
import type { Corpus } from '../../corpus';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sample } from '../../tasks/draft';
import { repeatedShare } from './influence';
import type { DocumentResult } from './result';
import { idsOf } from '../../shared/corpus/reading';

export interface TokenDocument extends Pick<
  DocumentResult,
  'index' | 'id' | 'source' | 'start' | 'repeated' | 'duplicateOf'
> {
  /** Without the tokens that stand in front of every text. */
  readonly ids: Int32Array;
}

/** Places in the corpus, rising: all, or so many of them drawn by the seed. */
export function chosenDocuments({ documents }: Corpus, most: number, seed: number): readonly number[] {
  const all = documents.map((_, index) => index);
  if (all.length <= most) return all;
  return [...sample(randomFrom(seedFor(seed, 'documents')), all, most)].sort((a, b) => a - b);
}

const startCharacters = 80;

/** Documents, and characters or token ids of them, between two looks at whether the person cancelled. */
const [documentsAtOnce, charactersAtOnce] = [64, 200_000];

/** Yields how many were read, now and then: a large corpus takes a while. */
export function* tokenDocuments(
  model: ModelRunner,
  corpus: Corpus,
  chosen: readonly number[],
): Generator<number, readonly TokenDocument[]> {
  const known = new Map<string, number>();
  const read: TokenDocument[] = [];
  let since = Infinity;
  for (const index of chosen) {
    const { text, id, source, ids: given = [] } = corpus.documents[index] ?? { text: '' };
    if (since >= charactersAtOnce || read.length % documentsAtOnce === 0) {
      yield read.length;
      since = 0;
    }
    since += (text ?? '').length + given.length;
    const ids = idsOf(model, corpus, index);
    const key = text ?? ids.join();
    const before = known.get(key);
    if (before === undefined) known.set(key, index);
    const start = text ?? model.pieces([...ids.subarray(0, startCharacters)]).join('');
    read.push({
      index,
      ...(id === undefined ? {} : { id }),
      ...(source === undefined ? {} : { source }),
      start: printable(start.trimStart().slice(0, startCharacters).replace(/\s+/gu, ' ')),
      repeated: repeatedShare(ids),
      ...(before === undefined ? {} : { duplicateOf: before }),
      ids,
    });
  }
  return read;
}
