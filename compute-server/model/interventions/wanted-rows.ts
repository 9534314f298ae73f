/** The rows of a run that replacements need, by where they come from. */
import { rowsOf, type Replaceable } from '../../../models/instrument/changes/replacement';
import { layerSizes } from '../../../models/architectures/layer-sizes';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import type { Source } from '../../../protocol/interventions/source';

/** One head, MLP or residual stream whose rows are wanted. */
export interface Wanted {
  readonly layer: number;
  readonly target: Replaceable;
  /** The key/value head for `key` and `value`; absent where the layer has only one. */
  readonly head?: number;
  readonly source: Source;
  /** Positions that are replaced. */
  readonly first: number;
  readonly count: number;
}

export interface Rows {
  /** [positions, width], or one row for every position. */
  readonly data: Float32Array;
  readonly everywhere: boolean;
}

/** Runs give all positions; rows of a file are those of the positions. */
export const wantedKey = ({ layer, target, head, source, first, count }: Wanted): string =>
  JSON.stringify([layer, target, head, source, ...(source.from === 'file' ? [first, count] : [])]);

type Place = Pick<Wanted, 'layer' | 'target'>;

export const shapeOf = (model: ModelSpec, { layer, target }: Place): ReturnType<typeof rowsOf> =>
  rowsOf(target, layerSizes(model, blockOf(model, layer)));

export const widthOf = (model: ModelSpec, place: Place): number => shapeOf(model, place).width;

export function blockOf(model: ModelSpec, layer: number): BlockSpec {
  const block = model.blocks[layer];
  if (!block) throw new RangeError(`there is no layer ${layer}`);
  return block;
}
