/** Rows of a prompt whose next token the model predicts: not those before a row of a picture. */
import type { Sequence } from './sequence';

export function predictedRows({ ids, embeddings }: Pick<Sequence, 'ids' | 'embeddings'>): readonly number[] {
  const pictured = new Set(embeddings?.rows);
  return ids.map((_, row) => row).filter((at) => at + 1 < ids.length && !pictured.has(at + 1));
}
