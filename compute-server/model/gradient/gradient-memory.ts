/** Memory of a gradient, estimated before it runs. */
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { rowWidth } from '../../../models/architectures/carried-rows';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { FailureError } from '../../../protocol/wire/failures';
import { largestChunk } from '../run/stream/budget';

/** Scores, activations and streams that live at once on the way back, in forward passes of one sequence. */
const forwardPasses = 3;

/** Rows that go back as one chunk: in several, keys and values of each layer are computed once more. */
const oneChunk = 1024;

/** The chunk of queries to go back with; refuses what does not fit, as a run does. */
export function gradientChunk(
  spec: ModelSpec,
  { ids, source, prefix, chunk }: Pick<GradientRequest, 'ids' | 'source' | 'prefix' | 'chunk'>,
  limitBytes: number,
): number {
  const streams = 4 * ids.length * rowWidth(spec) * (spec.blocks.length + 1);
  const left = limitBytes - 2 * streams;
  if (left <= 0) throw new FailureError({ code: 'out-of-memory', neededBytes: 2 * streams, limitBytes });
  const chunkOf = (wanted?: number): number =>
    largestChunk(
      spec,
      { length: ids.length, batch: forwardPasses, keepCache: false, logits: 'none', prefix, source, backwards: true },
      left,
      wanted,
    );
  if (chunk !== undefined || ids.length > oneChunk) return chunkOf(chunk);
  try {
    return chunkOf(ids.length);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return chunkOf();
  }
}
