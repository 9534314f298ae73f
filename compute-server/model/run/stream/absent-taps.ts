/** Taps of what a block does not have, as those of no head: what goes through the heads of all layers has none there. */
import { headsOf } from '../../../../models/architectures/block-heads';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { LayerTap } from '../../../../models/instrument/taps';
import type { RuntimeArray } from '../../../runtime/session';

const ofAttention: readonly LayerTap[] = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.probabilities',
];

/** Whether the graphs of a block have the tap. */
export function hasTap(block: BlockSpec, tap: LayerTap): boolean {
  const { attention, state, feedForward } = block;
  if (ofAttention.includes(tap)) return attention !== undefined;
  if (tap === 'attention.head_output') return headsOf(block).heads > 0;
  if (tap === 'state.head_output') return attention !== undefined && state !== undefined;
  if (tap === 'state.effective') return state !== undefined;
  return tap !== 'mlp_units' || feedForward !== undefined;
}

/** In place of those that it does not have, [b, 0, n, 0], or [b, n, 0] of units. */
export const withoutHeads = (
  block: BlockSpec,
  taps: readonly LayerTap[],
  batch: number,
  rows: number,
): Readonly<Record<string, RuntimeArray>> =>
  Object.fromEntries(
    taps
      .filter((tap) => !hasTap(block, tap))
      .map((tap) => [
        tap,
        { data: new Float32Array(0), shape: tap === 'mlp_units' ? [batch, rows, 0] : [batch, 0, rows, 0] },
      ]),
  );
