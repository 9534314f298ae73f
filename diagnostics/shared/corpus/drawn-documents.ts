/** Documents of a corpus drawn at random, each from its beginning, with the tokens that the tokenizer puts in front. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { refusal } from '../../../protocol/wire/failures';
import type { Corpus, CorpusDocument } from '../../corpus';
import type { ModelRunner } from '../../model-runner/model-runner';
import { shuffled } from '../../tasks/draft';
import { idsOf, readingOf } from './reading';

export interface DrawnDocument {
  /** Its place in the corpus. */
  readonly index: number;
  readonly document: CorpusDocument | undefined;
  readonly ids: readonly number[];
}

export interface DrawnLimits {
  /** Documents at most. */
  readonly documents: number;
  /** Tokens of each at most. */
  readonly tokens: number;
}

/** Documents without a token are left out; fails where that leaves none. */
export async function drawnDocuments(
  model: ModelRunner,
  corpus: Corpus,
  { documents: most, tokens }: DrawnLimits,
  seed: number,
): Promise<readonly DrawnDocument[]> {
  const { shape } = await readingOf(model, tokens);
  const drawn = shuffled(random(seedFor(seed, 'documents')), [...corpus.documents.keys()]).slice(0, most);
  const documents = drawn
    .map((index) => ({
      index,
      document: corpus.documents[index],
      ids: [...shape.lead, ...idsOf(model, corpus, index)].slice(0, shape.size),
    }))
    .filter(({ ids }) => ids.length > shape.lead.length);
  if (documents.length === 0) throw refusal('No document of the corpus has a token. Give documents with text.');
  return documents;
}
