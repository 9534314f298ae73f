import { openRegular } from '../regular-file';
import { TokenCollector } from './token-names';
import type { NamedTokens } from './token-names';
import { VocabularyCounter } from './vocabulary-counter';

/** What `tokenizer.json` holds, counted from disk without keeping it. */
export interface TokenizerVocabulary {
  readonly bytes: number;
  /** Entries of `model.vocab`. */
  readonly entries: number;
  /** One more than the largest id of `model.vocab` and `added_tokens`. */
  readonly idCount: number;
}

/** The largest published tokenizers have some 40 MB. */
export const largestTokenizer = 128 * 1024 * 1024;

/** Streams a `tokenizer.json` of any size by; what is no JSON gives nonsense counts. */
export const countVocabulary = (file: string): Promise<TokenizerVocabulary> => streamBy(file, new VocabularyCounter());

/** The same with the tokens that have a name, in one reading. */
export async function readVocabulary(file: string): Promise<TokenizerVocabulary & { readonly named: NamedTokens }> {
  const collector = new TokenCollector();
  const counted = await streamBy(file, new VocabularyCounter(collector));
  return { ...counted, named: { ids: collector.ids, whole: collector.whole && counted.bytes <= largestTokenizer } };
}

async function streamBy(file: string, counter: VocabularyCounter): Promise<TokenizerVocabulary> {
  const { handle } = await openRegular(file);
  let bytes = 0;
  try {
    const chunk = Buffer.alloc(256 * 1024);
    while (bytes <= largestTokenizer) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, bytes);
      if (bytesRead === 0) break;
      counter.feed(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return { bytes, entries: counter.entries, idCount: counter.largestId + 1 };
}
