/** The residual stream that enters layer 0: token embeddings, some rows with embeddings of their own. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { requireFinite } from './finite';
import type { LayerSessions } from './layer-sessions';
import type { Chunk } from './run-chunks';
import type { ResidualStream, RunRequest } from './run-request';
import { floats, int32, int64 } from './runtime-arrays';
import { positionAt, type Sequence } from '../../../diagnostics/model-runner/sequence';

export async function embed(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  chunks: readonly Chunk[],
  signal: AbortSignal | undefined,
): Promise<ResidualStream> {
  const width = model.hiddenSize;
  const replaced = new Map(request.embeddings?.rows.map((row, at) => [row, at]) ?? []);
  const out: Float32Array[] = [];
  const byVariant = request.variantIds ?? [request.ids];
  for (const { start, length } of chunks) {
    const rows = new Float32Array(byVariant.length * length * width);
    for (const [variant, own] of byVariant.entries()) {
      signal?.throwIfAborted();
      const chunk = rows.subarray(variant * length * width, (variant + 1) * length * width);
      // The id of an image token may lie outside of the table; its row is replaced.
      const ids = own.slice(start, start + length).map((id, i) => (replaced.has(start + i) ? 0 : id));
      if (ids.some((_, i) => !replaced.has(start + i))) {
        chunk.set(await embedTokens(model, sessions, request, start, ids));
      }
      for (let i = 0; i < length; i++) {
        const at = replaced.get(start + i);
        if (at !== undefined && request.embeddings) {
          chunk.set(request.embeddings.data.subarray(at * width, (at + 1) * width), i * width);
        }
      }
    }
    requireFinite(rows, width, byVariant.length, start, 'The embedding');
    out.push(rows);
  }
  return { layer: 0, chunks: out, chunk: request.chunk, batch: byVariant.length, width };
}

/** Embeddings of ids that stand from row `start` of a sequence on, [ids, w]. */
export async function embedTokens(
  model: ModelSpec,
  sessions: LayerSessions,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  start: number,
  ids: readonly number[],
): Promise<Float32Array> {
  if (!model.embedding) throw new RangeError('the rows of a vision tower come from patches');
  const session = await sessions.session({ kind: 'embedding' });
  const positions = ids.map((_, i) => positionAt(sequence, start + i));
  const values = await session.run({
    token_ids: int64(ids, [1, ids.length]),
    ...(model.embedding.positions ? { query_positions: int32(positions, [ids.length]) } : {}),
  });
  return floats(values, 'residual.out');
}
