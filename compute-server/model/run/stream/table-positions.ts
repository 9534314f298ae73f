/** Which row of a table of positions a token has, less the rows that stand before that of the first position. */
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { EmbeddingSpec } from '../../../../models/architectures/model-spec';

/** Of `ids`, which stand from row `start` of the sequence on. */
export function tablePositions(
  { positions }: EmbeddingSpec,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  start: number,
  ids: readonly number[],
): readonly number[] {
  const padding = positions?.weight === undefined ? undefined : positions.padding;
  let skipped = padding === undefined ? 0 : sequence.ids.slice(0, start).filter((id) => id === padding).length;
  return ids.map((id, i) => {
    // Padding is not counted, and has the row in front of that of the first position.
    if (id !== padding) return positionAt(sequence, start + i) - skipped;
    skipped++;
    return -1;
  });
}
