/** Vectors of files that are added to the residual stream, times their strengths. */
import type { AdditionChange } from '../../../models/instrument/changes/addition';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { range } from '../run/graphs/runtime-arrays';
import type { RunOf } from './resolve-rows';
import { vectorsOf } from './steering-file';

/** Share of the memory limit that the vectors of a file may take. */
const fileShare = 0.25;

/** Nothing of a strength of 0. Files are read for every run: they may have changed. */
export async function additionsOf(
  { model, memoryLimit }: Pick<RunOf, 'model' | 'memoryLimit'>,
  list: readonly Intervention[],
): Promise<readonly AdditionChange[]> {
  const additions: AdditionChange[] = [];
  for (const one of list) {
    if (one.kind !== 'add') continue;
    const vectors = await vectorsOf(one, model.spec, memoryLimit * fileShare);
    if (one.strength === 0) continue;
    const at = one.positions && { positions: range(one.positions.start, one.positions.end - one.positions.start) };
    for (const [layer, vector] of vectors) additions.push({ kind: 'addition', layer, vector, ...at });
  }
  return additions;
}
