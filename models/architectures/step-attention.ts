/** Attention of one new position over cached keys and values, for the graph of a step (step-graph.ts says what goes in and out). */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, divide, hyperbolicTangent, multiply } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, split } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { softmax } from '../../kernels/graph/operators/reduce';
import type { Rope } from '../formats/model-description';
import {
  movesProbabilities,
  movesScores,
  stepProbabilities,
  stepScores,
  type Kind,
} from '../instrument/changes/changes';
import { fixedGains } from '../instrument/changes/routing';
import type { AttentionSpec } from './attention-spec';
import { joinedHeads, lateGains, normedHeads } from './block-parts';
import { handedTo, type HeadRows } from './carried-rows';
import { ModelError, type ModelSpec } from './model-spec';
import type { StoredWeights } from './stored-weights';

export interface StepOptions {
  /** Each key/value head reads a cache of its own. Default: one holds the rows of all. */
  readonly apart?: boolean;
  /** Heads read the mean of what they dropped. With `apart`. */
  readonly means?: boolean;
  /** Kinds of changes that it is built for. Those that act on scores not with `apart`. */
  readonly changes?: readonly Kind[];
}

/** The new position, as the heads of a layer see it. */
interface NewRow {
  /** [g, h / g, d], times the factor. */
  readonly queries: Value;
  /** [g, h / g, 1]; with means the second column is theirs. */
  readonly scores: Value;
  /** [g, 1, d]; with means two rows. */
  readonly values: Value;
  readonly columns: number;
}

/** What attention adds to the stream, [1, w], for its input x [1, w]. */
export function stepAttention(
  graph: GraphBuilder,
  model: ModelSpec,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  {
    apart = false,
    means = false,
    changes = [],
    row,
    onHeads,
  }: StepOptions & { readonly row: Value; readonly onHeads: (heads: HeadRows) => void },
): Value {
  const { heads, kvHeads, headDim } = spec;
  const projected = normedHeads(graph, spec, weights, x, { handed: handedTo(model, spec, row) });
  onHeads(projected);
  const rope = spec.rope === undefined ? undefined : model.ropes[spec.rope];
  const angles = rope && {
    cos: graph.input('rope_cos', 'float32', [1, rope.dimensions / 2]),
    sin: graph.input('rope_sin', 'float32', [1, rope.dimensions / 2]),
  };
  const gains = lateGains(graph, spec, weights);
  /** [1, heads, d] -> [1, heads, 1, d], rotated. */
  const rotated = (y: Value, count: number, gain: Value | undefined): Value => {
    const rows = reshape(y, [1, count, 1, headDim]);
    const turned = rope && angles ? rotaryEmbedding(rows, angles.cos, angles.sin, rope) : rows;
    return gain ? multiply(turned, gain) : turned;
  };
  const perHead = (name: string): Value => graph.input(name, 'float32', [heads, 1]);
  const query = rotated(projected.query, heads, gains.query);
  const turnedKey = rotated(projected.key, kvHeads, gains.key);
  const key = graph.output(reshape(turnedKey, [kvHeads, headDim], 'new_key'));
  // The value of latent attention is its key.
  const ofValue = spec.projection.kind === 'latent' ? turnedKey : projected.value;
  const value = graph.output(reshape(ofValue, [kvHeads, headDim], 'new_value'));

  // Queries that read one key/value head lie side by side.
  const group = heads / kvHeads;
  const factor = reshape(perHead('query_factor'), [kvHeads, group, 1]);
  const queries = multiply(reshape(query, [kvHeads, group, headDim]), factor);
  const [ownKey, ownValue] = [key, value].map((rows) => reshape(rows, [kvHeads, 1, headDim])) as [Value, Value];
  if (means && spec.softcap !== undefined)
    throw new ModelError('the mean of scores that are capped is not the score of a mean');
  const scoresOf = (rows: Value): Value => fusedMatmul(queries, rows, { transposeB: true });
  const mean = (name: string, width: number): Value => graph.input(`mean_${name}`, 'float32', [kvHeads, 1, width]);
  const own: NewRow = means
    ? {
        queries,
        scores: concat([scoresOf(ownKey), add(scoresOf(mean('key', headDim)), mean('weight', 1))], -1),
        values: concat([ownValue, mean('value', headDim)], 1),
        columns: 2,
      }
    : { queries, scores: scoresOf(ownKey), values: ownValue, columns: 1 };
  const read = apart ? readApart(graph, spec, own) : readTogether(graph, spec, own, changes);
  // One row is a product of numbers.
  const near = means ? matmul(read.near, own.values) : multiply(read.near, own.values);
  const output = reshape(add(read.cached, near), [heads, headDim]);
  const { routing } = spec;
  const gated = projected.gate ? multiply(output, reshape(projected.gate, [heads, headDim])) : output;
  const routed = routing ? multiply(gated, reshape(fixedGains(routing, projected.query), [heads, 1])) : gated;
  const gained = graph.output(multiply(routed, perHead('head_gain'), 'head_output'));
  return joinedHeads(graph, spec, weights, reshape(gained, [1, heads * headDim]), projected.experts);
}

/** What the heads read: their probabilities on the new row, [g, h / g, columns], and what comes from the cached rows, [g, h / g, d]. */
interface Read {
  readonly near: Value;
  readonly cached: Value;
}

/** All heads read the same cached rows, [cached, g, d]. */
function readTogether(
  graph: GraphBuilder,
  { kvHeads, headDim, softcap }: AttentionSpec,
  { queries, scores: near, columns }: NewRow,
  changes: readonly Kind[],
): Read {
  const cache = (name: string): Value => graph.input(name, 'float32', ['cached', kvHeads, headDim]);
  const parts = [near, fusedMatmul(queries, cache('key'), { transposeB: true, rowsFirst: true })];
  const plain = movesScores(changes) ? undefined : 'scores';
  const scores = stepScores(graph, changes, capped(parts, softcap, plain));
  if (!movesProbabilities(changes)) graph.output(scores, 'scores');
  const softmaxed = softmax(scores, -1, movesProbabilities(changes) ? undefined : 'probabilities');
  const weights = graph.output(stepProbabilities(graph, changes, softmaxed), 'probabilities');
  return {
    near: slice(weights, -1, 0, columns),
    cached: fusedMatmul(slice(weights, -1, columns), cache('value'), { rowsFirst: true }),
  };
}

/** Each key/value head reads rows of its own, [1, cached.<g>, d]. */
function readApart(graph: GraphBuilder, { kvHeads, headDim, softcap }: AttentionSpec, own: NewRow): Read {
  const cache = (name: string, g: number): Value => graph.input(`${name}.${g}`, 'float32', [1, `cached.${g}`, headDim]);
  const each = new Array<number>(kvHeads).fill(1);
  const nearOf = split(own.scores, 0, each);
  const read = split(own.queries, 0, each).map((queries, g) => {
    const parts = [nearOf[g] ?? own.scores, fusedMatmul(queries, cache('key', g), { transposeB: true })];
    const scores = graph.output(capped(parts, softcap, `scores.${g}`));
    const weights = graph.output(softmax(scores, -1, `probabilities.${g}`));
    return {
      near: slice(weights, -1, 0, own.columns),
      cached: matmul(slice(weights, -1, own.columns), cache('value', g)),
    };
  });
  return {
    near: concat(
      read.map(({ near }) => near),
      0,
    ),
    cached: concat(
      read.map(({ cached }) => cached),
      0,
    ),
  };
}

/** Scores side by side as softmax reads them. Made with the name of an output: a value that is named afterwards is copied in every run. */
function capped(parts: readonly Value[], softcap: number | undefined, name: string | undefined): Value {
  if (softcap === undefined) return concat(parts, -1, name);
  return multiply(hyperbolicTangent(divide(concat(parts, -1), softcap)), softcap, name);
}

/**
 * The rotation of `rotate` for one row of x [1, heads, 1, d] in one node of nine: small nodes run cold behind the weights of a
 * layer. Of a token of 322 million parameters in 24 layers, these were 3 to 4 % (fastest of 40, onnxruntime 1.30, 2026-11-27).
 */
function rotaryEmbedding(x: Value, cos: Value, sin: Value, { dimensions, layout }: Rope): Value {
  const [, heads = 1, , width] = x.shape;
  const part = width === dimensions ? 0 : dimensions;
  return x.graph.node(
    'RotaryEmbedding',
    [x, x.graph.constant('int64', [1], [0]), cos, sin],
    [{ type: x.type, shape: x.shape }],
    {
      interleaved: { kind: 'int', value: layout === 'interleaved' ? 1 : 0 },
      ...(part === 0
        ? {}
        : {
            num_heads: { kind: 'int', value: Number(heads) },
            rotary_embedding_dim: { kind: 'int', value: part },
          }),
    },
    'com.microsoft',
  )[0];
}
