/** Vectors of files that are added to the residual stream, times their strengths. */
import type { Addition } from '../../../diagnostics/model-runner/variant';
import { covers } from '../../../protocol/interventions/which';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { FailureError } from '../../../protocol/wire/failures';
import { range } from '../run/graphs/runtime-arrays';
import { readSteering } from './steering-file';
import type { RunOf } from './resolve-rows';

/** Nothing of a strength of 0. Files are read for every run: they may have changed. */
export async function additionsOf(
  { model: { spec }, memoryLimit }: Pick<RunOf, 'model' | 'memoryLimit'>,
  list: readonly Intervention[],
): Promise<readonly Addition[]> {
  const additions: Addition[] = [];
  for (const one of list) {
    if (one.kind !== 'add') continue;
    const { layers, positions, source, strength } = one;
    const vectors = await readSteering(source.path, spec, memoryLimit * fileShare);
    const missing = layers.find((layer) => layer !== 'all' && !vectors.has(layer));
    if (missing !== undefined) {
      throw new FailureError({
        code: 'bad-request',
        detail: `${source.path} has no vector for layer ${missing}: it has those of ${[...vectors.keys()].join(', ')}. Name one of these, or * for all of them.`,
      });
    }
    if (strength === 0) continue;
    for (const [layer, vector] of vectors) {
      if (!layers.some((each) => covers(each, layer))) continue;
      additions.push({
        layer,
        vector: vector.map((value) => value * strength),
        ...(positions ? { positions: range(positions.start, positions.end - positions.start) } : {}),
      });
    }
  }
  return additions;
}

/** Share of the memory limit that the vectors of a file may take. */
const fileShare = 0.25;
