/** How runs of a model are cut so that they fit the memory: rows of a chunk, variants of a batch, layers. */
import { changesOf } from '../../models/instrument/changes/changes';
import type { KeptPrefix, RunRequest } from '../../diagnostics/model-runner/run-request';
import { goesByColumns } from '../../diagnostics/model-runner/redistribution-sources';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { FailureError } from '../../protocol/wire/failures';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { type RunShape, chunkThatFits } from '../model/run/stream/budget';
import type { CachedPrefix, RunRequest as ServerRequest } from '../model/run/stream/run-request';

/** Variants of a batch at most: more of them make no run faster. */
const mostSideBySide = 16;

export class PlannedRuns {
  constructor(
    private readonly model: LoadedModel,
    private readonly memoryLimit: number,
  ) {}

  /** The model up to the depth of the request. */
  specFor({ depth, logits, lossAt, answersAt }: RunRequest): LoadedModel['spec'] {
    const { spec } = this.model;
    if (depth === undefined || depth >= spec.blocks.length) return spec;
    if (logits !== 'none' || lossAt || answersAt)
      throw new RangeError('a run that ends before the last layer has no logits');
    return { ...spec, blocks: spec.blocks.slice(0, depth) };
  }

  requestFor(request: RunRequest): ServerRequest {
    const { past, depth: _, ...rest } = request;
    const variants = request.variants ?? [];
    // Heads that choose blocks have the scores of each place side by side, and are faster where these stay in the processor's caches.
    const chooses = variants.some((each) => changesOf(each, 'blocks').length > 0);
    const planned = this.chunkFor(
      {
        atOnce: variants.some((each) => goesByColumns(each)),
        length: request.ids.length,
        batch: Math.max(1, variants.length) * (chooses ? 3 : 1),
        keepCache: false,
        logits: request.logits,
        effective: request.effective ?? false,
        prefix: request.prefix,
        source: request.source,
      },
      request.chunk,
    );
    const chunk = chooses && request.chunk === undefined ? Math.min(planned, 64) : planned;
    return { ...rest, chunk, ...(past ? { past: cached(past) } : {}) };
  }

  chunkFor(shape: RunShape, wanted?: number): number {
    return chunkThatFits(this.model, shape, this.memoryLimit, wanted);
  }

  /** Variants at a time, and the rows of a chunk of them. */
  batchFor(sequence: Sequence, variants: number): { readonly batch: number; readonly chunk: number } {
    const batch = this.largestBatch(sequence, variants);
    return { batch, chunk: this.chunkFor(shapeOf(sequence, batch)) };
  }

  /** Half as many at a time until the memory suffices: one at a time needs what a plain run needs. */
  largestBatch(sequence: Sequence, variants: number): number {
    for (let batch = Math.min(mostSideBySide, variants); batch > 1; batch = Math.floor(batch / 2)) {
      try {
        this.chunkFor(shapeOf(sequence, batch));
        return batch;
      } catch (error) {
        if (!(error instanceof FailureError) || error.failure.code !== 'out-of-memory') throw error;
      }
    }
    return 1;
  }
}

const shapeOf = ({ ids, prefix, source }: Sequence, batch: number): RunShape => ({
  length: ids.length,
  batch,
  keepCache: false,
  logits: 'none',
  prefix,
  source,
});

function cached(past: KeptPrefix): CachedPrefix {
  if (!('cache' in past)) throw new RangeError('the prefix is of another runner');
  return past as CachedPrefix;
}
