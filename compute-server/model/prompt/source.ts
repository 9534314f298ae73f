/** What the encoder of an encoder-decoder makes of a source, for the cross-attention of its decoder. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ResidualStream } from '../../../diagnostics/model-runner/run-request';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { chunkThatFits } from '../run/stream/budget';
import { floats } from '../run/graphs/runtime-arrays';
import { runPrompt } from '../run/stream/model-run';

/** What encoding a picture or a source needs. */
export interface EncodingRun {
  readonly memoryLimit: number;
  readonly signal?: AbortSignal | undefined;
}

interface Encoding extends EncodingRun {
  /** What is changed in the encoder; its groups are those of the source. */
  readonly variant?: Variant;
  /** The encoder goes on behind the layers that left this. */
  readonly from?: ResidualStream | undefined;
}

/** The stream that leaves the encoder, behind its last norm, [m, w] (`SourceRows.stream`). */
export async function encodedSource(
  encoder: LoadedModel,
  source: Pick<Sequence, 'ids' | 'embeddings' | 'groups'>,
  { memoryLimit, signal, variant, from }: Encoding,
): Promise<Float32Array> {
  const { spec, sessions } = encoder;
  const { length } = source.ids;
  const run = await runPrompt(
    spec,
    sessions,
    {
      ...source,
      chunk: from?.chunk ?? chunkThatFits(encoder, { length, batch: 1, keepCache: false, logits: 'none' }, memoryLimit),
      logits: 'none',
      keepLast: true,
      ...(from ? { from } : {}),
      ...(variant ? { variants: [variant] } : { plain: true }),
    },
    { signal },
  );
  const [last] = run.last?.chunks ?? [];
  if (!last) throw new RangeError('the stream that leaves the encoder was not kept');
  return behindNorm(encoder, last);
}

/** Streams [m, w] behind the norm at the end of the encoder. */
async function behindNorm({ spec, sessions }: LoadedModel, last: Float32Array): Promise<Float32Array> {
  if (!spec.head.norm) return last;
  const session = await sessions.session({ kind: 'further', name: 'source' });
  const width = spec.hiddenSize;
  return floats(
    await session.run({ residual: { data: last, shape: [1, last.length / width, width] } }),
    'residual.out',
  );
}
