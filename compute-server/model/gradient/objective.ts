/** The number that is differentiated, and its gradient with respect to the stream that leaves the last layer. */
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { rowWidth } from '../../../models/architectures/carried-rows';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { Chunk, ResidualStream } from '../run/stream/run-request';
import { floats, int64 } from '../run/graphs/runtime-arrays';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { dot } from '../../../kernels/tensors/vectors';
import type { OpenPart } from './open-part';
import type { WeightSums } from './weight-sums';

export interface ObjectiveGradients {
  readonly objective: number;
  readonly stream: ResidualStream;
}

/** Logits of one call of the language head at most: all rows of a prompt at once would not fit. */
const mostLogits = 2 ** 23;

/** What a row adds to the objective: coefficients of logits, and of ln sum e^logit. */
interface RowTerms {
  readonly tokens: number[];
  readonly coefficients: number[];
  normaliser: number;
}

export async function objectiveGradients(
  model: ModelSpec,
  part: OpenPart,
  last: ResidualStream,
  chunks: readonly Chunk[],
  request: GradientRequest,
  sums: WeightSums,
  signal: AbortSignal | undefined,
): Promise<ObjectiveGradients> {
  const { objective } = request;
  const width = rowWidth(model);
  const gradients = chunks.map(({ length }) => new Float32Array(length * width));
  if (objective.kind === 'stream') return streamObjective(last, chunks, objective.weights, width);
  if (objective.kind === 'distance') return distanceObjective(objective, part, last, chunks, sums, width);
  const vocabulary = model.head.vocabulary?.outputs;
  if (vocabulary === undefined) throw new RangeError('the model has no language head');
  const terms = termsOf(request);
  const session = await part('head');
  const most = Math.max(1, Math.floor(mostLogits / vocabulary));
  let total = 0;
  for (const [index, { start, length }] of chunks.entries()) {
    const rows = [...terms.keys()].filter((row) => row >= start && row < start + length);
    for (let at = 0; at < rows.length; at += most) {
      signal?.throwIfAborted();
      const some = rows.slice(at, at + most);
      const picked = new Float32Array(some.length * width);
      const stream = last.chunks[index] ?? new Float32Array(0);
      some.forEach((row, to) =>
        picked.set(stream.subarray((row - start) * width, (row - start + 1) * width), to * width),
      );
      const values = await session.run({
        residual: { data: picked, shape: [1, some.length, width] },
        ...headFeeds(some.map((row) => terms.get(row)!)),
      });
      total += floats(values, 'objective').reduce((sum, each) => sum + each, 0);
      sums.add(values);
      const found = floats(values, 'gradient.residual');
      some.forEach((row, from) =>
        gradients[index]?.set(found.subarray(from * width, (from + 1) * width), (row - start) * width),
      );
    }
  }
  return { objective: total, stream: { ...last, chunks: gradients } };
}

/** Gradients with respect to what an encoder gives its decoder, behind the norm at its end. */
export async function givenGradients(
  sessions: LayerSessions,
  last: ResidualStream,
  weights: Float32Array,
  sums: WeightSums,
): Promise<ObjectiveGradients> {
  const { width } = last;
  const shape = [1, weights.length / width, width];
  const residual = { data: last.chunks[0] ?? new Float32Array(0), shape };
  const graph = { kind: 'further', name: 'source' } as const;
  if (!sessions.pieces.has(graph))
    return { objective: dot(residual.data, weights), stream: { ...last, chunks: [weights] } };
  const given = floats(await (await sessions.session(graph)).run({ residual }), 'residual.out');
  const session = await sessions.session({ kind: 'further gradient', name: 'source', weights: sums.names });
  const values = await session.run({ residual, 'gradient.residual.out': { data: weights, shape } });
  sums.add(values);
  return { objective: dot(given, weights), stream: { ...last, chunks: [floats(values, 'gradient.residual')] } };
}

function headFeeds(rows: readonly RowTerms[]) {
  const k = Math.max(1, ...rows.map(({ tokens }) => tokens.length));
  const tokens = new Array<number>(rows.length * k).fill(0);
  const coefficients = new Float32Array(rows.length * k);
  rows.forEach((row, at) =>
    row.tokens.forEach((token, i) => {
      tokens[at * k + i] = token;
      coefficients[at * k + i] = row.coefficients[i] ?? 0;
    }),
  );
  return {
    tokens: int64(tokens, [1, rows.length, k]),
    coefficients: { data: coefficients, shape: [1, rows.length, k] },
    normaliser: { data: Float32Array.from(rows, ({ normaliser }) => normaliser), shape: [1, rows.length, 1] },
  };
}

/** By row, in the order of the rows. */
function termsOf({ objective, ids }: GradientRequest): ReadonlyMap<number, RowTerms> {
  const terms = new Map<number, RowTerms>();
  const at = (row: number): RowTerms => {
    if (!(Number.isInteger(row) && row >= 0 && row < ids.length))
      throw new RangeError(`no row ${row} of ${ids.length}`);
    const known = terms.get(row) ?? { tokens: [], coefficients: [], normaliser: 0 };
    terms.set(row, known);
    return known;
  };
  const put = (row: number, token: number, weight: number): void => {
    const { tokens, coefficients } = at(row);
    tokens.push(token);
    coefficients.push(weight);
  };
  if (objective.kind === 'loss') {
    const rows = objective.rows.filter((row) => row + 1 < ids.length);
    for (const row of rows) {
      put(row, ids[row + 1] ?? 0, -1 / rows.length);
      at(row).normaliser += 1 / rows.length;
    }
  }
  if (objective.kind === 'logits') {
    for (const { row, token, weight } of objective.terms) put(row, token, weight);
    for (const { row, weight } of objective.logSums ?? []) at(row).normaliser += weight;
  }
  if (terms.size === 0) throw new RangeError('there is nothing to differentiate: no row is asked for');
  return new Map([...terms].sort(([a], [b]) => a - b));
}

function streamObjective(
  last: ResidualStream,
  chunks: readonly Chunk[],
  weights: Float32Array,
  width: number,
): ObjectiveGradients {
  const gradients = chunks.map(({ start, length }) => weights.slice(start * width, (start + length) * width));
  let objective = 0;
  last.chunks.forEach((chunk, index) =>
    chunk.forEach((value, at) => (objective += value * (gradients[index]?.[at] ?? 0))),
  );
  return { objective, stream: { ...last, chunks: gradients } };
}

/** All rows at once: they are those of one prompt, and no wider than the stream. */
async function distanceObjective(
  { rows, other }: Extract<GradientRequest['objective'], { kind: 'distance' }>,
  part: OpenPart,
  last: ResidualStream,
  chunks: readonly Chunk[],
  sums: WeightSums,
  width: number,
): Promise<ObjectiveGradients> {
  if (rows.length === 0 || other.length !== rows.length * width)
    throw new RangeError('the distance is one of no rows, or of other rows than those that are given');
  const session = await part('distance');
  const weight = { data: Float32Array.of(1 / (rows.length * width)), shape: [1] };
  let total = 0;
  const gradients = chunks.map(({ length }) => new Float32Array(length * width));
  for (const [index, { start, length }] of chunks.entries()) {
    const own = rows.flatMap((row, at) => (row >= start && row < start + length ? [{ row: row - start, at }] : []));
    if (own.length === 0) continue;
    const shape = [1, own.length, width];
    const picked = (from: Float32Array, places: readonly number[]): Float32Array => {
      const data = new Float32Array(places.length * width);
      places.forEach((place, to) => data.set(from.subarray(place * width, (place + 1) * width), to * width));
      return data;
    };
    const stream = last.chunks[index] ?? new Float32Array(0);
    const values = await session.run({
      residual: {
        data: picked(
          stream,
          own.map(({ row }) => row),
        ),
        shape,
      },
      other: {
        data: picked(
          other,
          own.map(({ at }) => at),
        ),
        shape,
      },
      weight,
    });
    total += floats(values, 'objective').reduce((sum, each) => sum + each, 0);
    sums.add(values);
    const found = floats(values, 'gradient.residual');
    own.forEach(({ row }, from) =>
      gradients[index]?.set(found.subarray(from * width, (from + 1) * width), row * width),
    );
  }
  return { objective: total, stream: { ...last, chunks: gradients } };
}
