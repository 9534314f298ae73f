/** The residual stream that enters layer 0: token embeddings, some rows with embeddings of their own. */
import { rowWidth } from '../../../../models/architectures/carried-rows';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { dispose, KeptOutputs, type RuntimeValue } from '../../../runtime/values';
import type { LayerSessions } from '../graphs/layer-sessions';
import type { Chunk, RunRequest } from './run-request';
import { numbersOf, requireFiniteChunk, type RunStream } from '../graphs/run-stream';
import { int32, int64, range } from '../graphs/runtime-arrays';
import { tablePositions } from './table-positions';
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';

export async function embed(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  chunks: readonly Chunk[],
  signal: AbortSignal | undefined,
): Promise<RunStream> {
  const width = rowWidth(model);
  const replaced = new Map(request.embeddings?.rows.map((row, at) => [row, at]) ?? []);
  const out: RuntimeValue[] = [];
  const byVariant = request.variantIds ?? [request.ids];
  try {
    for (const { start, length } of chunks) {
      signal?.throwIfAborted();
      const rows = range(start, length);
      const ids = byVariant.map((own) => own.slice(start, start + length));
      const [only = []] = ids;
      if (ids.length === 1 && !rows.some((row) => replaced.has(row))) {
        out.push(await embedRows(model, sessions, request, start, only));
      } else {
        const chunk = new Float32Array(ids.length * length * width);
        for (const [variant, own] of ids.entries()) {
          signal?.throwIfAborted();
          // The id of an image token may lie outside of the table; its row is replaced.
          const known = own.map((id, i) => (replaced.has(start + i) ? 0 : id));
          const into = chunk.subarray(variant * length * width, (variant + 1) * length * width);
          if (rows.some((row) => !replaced.has(row))) {
            into.set(await embedTokens(model, sessions, request, start, known));
          }
          for (const [i, row] of rows.entries()) {
            const at = replaced.get(row);
            if (at !== undefined && request.embeddings) {
              into.set(request.embeddings.data.subarray(at * width, (at + 1) * width), i * width);
            }
          }
        }
        out.push({ data: chunk, shape: [ids.length, length, width] });
      }
      await requireFiniteChunk(out.at(-1)!, start, 'The embedding');
    }
  } catch (error) {
    dispose(...out);
    throw error;
  }
  const hidden = model.carried ? { hidden: model.hiddenSize } : {};
  return { layer: 0, chunks: out, chunk: request.chunk, batch: byVariant.length, width, ...hidden };
}

/** Embeddings of ids that stand from row `start` of a sequence on, [ids, w]. */
export async function embedTokens(
  model: ModelSpec,
  sessions: LayerSessions,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  start: number,
  ids: readonly number[],
): Promise<Float32Array> {
  const value = await embedRows(model, sessions, sequence, start, ids);
  try {
    return await numbersOf(value);
  } finally {
    dispose(value);
  }
}

/** The same, [1, ids, w], where the embedding runs: the caller disposes of it. */
export async function embedRows(
  model: ModelSpec,
  sessions: LayerSessions,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  start: number,
  ids: readonly number[],
): Promise<RuntimeValue> {
  if (!model.embedding) throw new RangeError('the rows of a vision tower come from patches');
  const session = await sessions.session({ kind: 'embedding' });
  const positions = tablePositions(model.embedding, sequence, start, ids);
  const kept = new KeptOutputs(['residual.out']);
  const values = await session.run(
    {
      token_ids: int64(ids, [1, ids.length]),
      ...(model.embedding.positions ? { query_positions: int32(positions, [ids.length]) } : {}),
    },
    kept.names,
    kept,
  );
  return kept.of('residual.out', values);
}
