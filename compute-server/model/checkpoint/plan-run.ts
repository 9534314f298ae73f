/** The chunk of a run of an opened model, in the process and on its device. */
import type { LoadedModel } from './loaded-model';
import { largestChunk, type RunShape } from '../run/stream/budget';

export const chunkThatFits = (
  { spec, room }: Pick<LoadedModel, 'spec' | 'room'>,
  run: RunShape,
  limitBytes: number,
  wanted?: number,
): number => largestChunk(spec, run, limitBytes, wanted, true, room);
