/** The changes of a run at the inputs of a layer graph (models/instrument/changes). */
import type { Variant } from '../../../../models/instrument/changes/changes';
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import { layerSizes } from '../../../../models/architectures/layer-sizes';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { blockShapeOf, changeFeeds, rarePartsIn, type GraphParts } from '../../../../models/instrument/changes/changes';
import type { FedRows } from '../../../../models/instrument/changes/fed-rows';
import type { HeadGain } from '../../../../models/instrument/changes/gain';
import type { LayerTap } from '../../../../models/instrument/taps';
import { droppedBefore } from '../../../../protocol/plans/held';
import type { RuntimeArray } from '../../../runtime/session';
import { columnLimits, readersOf } from '../cache/key-sources';
import { unitTurns, unitTurnsAt } from '../graphs/chunk-tables';
import { requireWhole } from './chosen-blocks';

export const gainsOfSelected = (layer: number, selected: readonly boolean[], gain: number): HeadGain[] =>
  selected.flatMap((is, head) => (is ? [{ layer, head, gain }] : []));

export interface ChunkOfRun extends Pick<
  FedRows,
  'start' | 'length' | 'groups' | 'keyGroups' | 'sources' | 'blocks' | 'directions' | 'reinforcement'
> {
  readonly variants: readonly Variant[];
  /** Whose rows these are. */
  readonly sequence: Pick<Sequence, 'ids' | 'positions' | 'prefix'>;
  /** Taps that the run reads of this layer. */
  readonly taps?: readonly LayerTap[];
}

/** The inputs of one layer for one chunk; of a graph that has these parts, or of the one that the variants need. */
export function interventionFeeds(
  model: ModelSpec,
  block: BlockSpec,
  chunk: ChunkOfRun,
  of: GraphParts = {
    parts: rarePartsIn(chunk.variants, block.index, chunk.taps),
    blocks: chunk.blocks && blockShapeOf(chunk.variants, block.index),
  },
): Record<string, RuntimeArray> {
  const { variants, sequence, start, length } = chunk;
  const index = block.attention?.rope;
  const rope = index === undefined ? undefined : model.ropes[index];
  const none = new Float32Array(0);
  requireWhole(of.blocks, sequence, start + length);
  const rows: FedRows = {
    ...chunk,
    keys: chunk.keyGroups.shape[1] ?? 0,
    position: (row) => positionAt(sequence, row),
    turns: (first, count) => (rope ? unitTurns(rope, model, { start: first, length: count, sequence }) : none),
    turnsOf: (positions) => (rope ? unitTurnsAt(rope, model, positions, start + length) : none),
    dropped: droppedBefore,
    limits: (from) => columnLimits(from, readersOf(block, start + length, sequence.prefix)),
  };
  return changeFeeds(variants, layerSizes(model, block), rows, of);
}
