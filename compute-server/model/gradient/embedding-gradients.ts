/** Gradients of the tensors of the token embedding, from that of the stream that enters layer 0. */
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { besideTensors } from '../../../models/architectures/beside-spec';
import { carriedTensors, rowWidth } from '../../../models/architectures/carried-rows';
import type { EmbeddingSpec, ModelSpec } from '../../../models/architectures/model-spec';
import type { Chunk, ResidualStream } from '../run/stream/run-request';
import { int32, int64 } from '../run/graphs/runtime-arrays';
import { tablePositions } from '../run/stream/table-positions';
import type { OpenPart } from './open-part';
import type { WeightSums } from './weight-sums';

export async function embeddingGradients(
  model: ModelSpec,
  part: OpenPart,
  stream: ResidualStream,
  chunks: readonly Chunk[],
  request: GradientRequest,
  sums: WeightSums,
): Promise<void> {
  if (
    !model.embedding ||
    ![...tensorsOf(model.embedding), ...carriedTensors(model)].some((name) => sums.names.includes(name))
  )
    return;
  const session = await part('embedding');
  const replaced = new Set(request.embeddings?.rows);
  const width = rowWidth(model);
  for (const [index, { start, length }] of chunks.entries()) {
    const rows = Array.from({ length }, (_, i) => start + i);
    const gradient = stream.chunks[index]?.slice() ?? new Float32Array(0);
    // Rows that are given come from no table.
    for (const row of rows) if (replaced.has(row)) gradient.fill(0, (row - start) * width, (row - start + 1) * width);
    const ids = rows.map((row) => (replaced.has(row) ? 0 : (request.ids[row] ?? 0)));
    const values = await session.run({
      token_ids: int64(ids, [1, length]),
      ...(model.embedding.positions
        ? { query_positions: int32(tablePositions(model.embedding, request, start, ids), [length]) }
        : {}),
      'gradient.residual.out': { data: gradient, shape: [1, length, width] },
    });
    sums.add(values);
  }
}

const tensorsOf = ({ tokens, positions, types = [], beside, norm, project, widen }: EmbeddingSpec): readonly string[] =>
  [
    tokens,
    positions?.weight,
    ...types.map(({ weight }) => weight),
    ...(beside ? besideTensors(beside) : []),
    ...[norm, project, widen].flatMap((map) => [map?.weight, map?.bias]),
  ].flatMap((name) => name ?? []);
