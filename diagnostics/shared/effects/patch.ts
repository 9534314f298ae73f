/** Outputs of one run put into another. */
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { Replaceable } from '../../../models/instrument/changes/replacement';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { Outputs } from './outputs';
import { firstDifference } from './pairs';

export interface Patch {
  readonly layer: number;
  /** Present at sites that are patched by head. */
  readonly head?: number;
  /** Absent: all. */
  readonly positions?: readonly number[] | undefined;
}

/** The first position at which two runs differ: before the first token that does, no token reads what is behind it. */
export function changedFrom({ blocks }: ModelFacts, run: Sequence, source: Sequence): number {
  const causal = blocks.every((block) => block.causal) && run.prefix === undefined;
  return causal ? firstDifference(run, source) : 0;
}

/** The outputs of the source put in at the positions of a patch from `from` on; undefined where there are none. */
export function replacementOf(
  { layer, head, positions }: Patch,
  target: Replaceable,
  outputs: Outputs,
  { ids }: Sequence,
  from: number,
): ReplacementChange | undefined {
  // Named even where all are patched: rows before them are then run once.
  const all = from > 0 ? ids.map((_, position) => position) : undefined;
  const changed = (positions ?? all)?.filter((position) => position >= from);
  if (changed?.length === 0) return undefined;
  return {
    kind: 'replacement',
    layer,
    target,
    ...(head === undefined ? {} : { head }),
    ...(changed ? { positions: changed } : {}),
    data: outputs.slot(target, layer, head ?? 0),
  };
}
