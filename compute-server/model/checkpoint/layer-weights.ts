/** Attention weights and norms of one layer on the host, widened to float32, however the family stores them. */
import type {
  BesideWeights,
  BranchWeights,
  HeadMap,
  LayerWeights,
  NormWeights,
} from '../../../diagnostics/model-runner/weights';
import type { AttentionSpec } from '../../../models/architectures/attention-spec';
import type { BlockSpec, BranchNorms } from '../../../models/architectures/model-spec';
import type { Linear, Norm } from '../../../models/architectures/weights-spec';
import { unnamedPart } from '../../../models/architectures/block-heads';
import { hasDistanceTerms } from '../../../models/architectures/score-terms';
import { FailureError } from '../../../protocol/wire/failures';
import type { StoredTensor, StoredWeights } from '../../../models/architectures/stored-weights';
import { readNumbers } from '../weights/tensor-source';
import { composed, latentKey, latentOutput, latentQueries } from './latent-weights';

/** `folder` is the one that the locations of the tensors are relative to. */
export async function layerWeights(
  block: BlockSpec,
  weights: StoredWeights,
  folder: string,
  beside: readonly BesideWeights[] = [],
): Promise<LayerWeights> {
  const { attention, attentionNorms, feedForwardNorms } = block;
  // A layer without attention has no heads that these maps are of.
  const problem = attention && (nonLinearPart(without(attention, beside)) ?? carriedPart(block));
  if (problem !== undefined) throw new FailureError({ code: 'unsupported', detail: problem });
  const norms = {
    attentionNorms: await branchWeights(attentionNorms, weights, folder),
    feedForwardNorms: await branchWeights(feedForwardNorms, weights, folder),
  };
  if (!attention) return { query: noRows, key: noRows, value: noRows, output: noRows, scale: 1, ...norms };
  const { scale, softcap, queryNorm, keyNorm, gated } = attention;
  const [query, key, value] = await projections(attention, weights, folder);
  const norm = (of: Norm): Promise<NormWeights> => normWeights(of, weights, folder);
  return {
    query,
    key,
    value,
    output: await outputOf(attention, weights, folder),
    scale,
    ...(gated ? { gated } : {}),
    ...(softcap === undefined ? {} : { softcap }),
    ...(queryNorm ? { queryNorm: await norm(queryNorm) } : {}),
    ...(keyNorm ? { keyNorm: await norm(keyNorm) } : {}),
    ...norms,
  };
}

/** The attention less what stands beside its weights. */
function without(spec: AttentionSpec, beside: readonly BesideWeights[]): AttentionSpec {
  const { gated, alibi, buckets, sinks, tempered, turns, ...plain } = spec;
  return {
    ...plain,
    ...(gated === undefined || beside.includes('gates') ? {} : { gated }),
    ...(beside.includes('scores')
      ? {}
      : {
          ...(alibi ? { alibi } : {}),
          ...(buckets ? { buckets } : {}),
          ...(sinks === undefined ? {} : { sinks }),
          ...(tempered ? { tempered } : {}),
          ...(turns ? { turns } : {}),
        }),
  };
}

export const noRows: HeadMap = { rows: 0, columns: 0, data: new Float32Array(0) };

/** Why the scores and outputs of heads are not made of their weights, head norms and rotation alone; undefined where they are. */
function nonLinearPart(spec: AttentionSpec): string | undefined {
  const { clip, queryNorm, lateNorms, outputNorm, projection, headDim, sinks, gated, valueDim, valueNorm } = spec;
  const parts: readonly (readonly [holds: boolean, part: string])[] = [
    [hasDistanceTerms(spec), 'adds to its scores what depends on distance'],
    [spec.valueBias !== undefined, 'adds to its scores what depends on values'],
    [spec.differential !== undefined, 'subtracts one head of a pair from the other'],
    [projection.kind === 'mixture', 'chooses queries and output maps among experts'],
    [spec.tempered !== undefined, 'scales queries by their position'],
    [spec.output.groups !== undefined, 'maps its stream by groups of channels'],
    [spec.convolution !== undefined, 'adds a convolution of values to the outputs of its heads'],
    [spec.turns !== undefined, 'rotates by a stored table'],
    [valueDim !== undefined, 'has values that are narrower than its keys'],
    [projection.kind === 'marked', 'has projections of their own for tokens that read all others'],
    [projection.kind === 'handed', 'has layers that read the keys and values of another'],
    [valueNorm !== undefined, 'normalises its values'],
    [clip !== undefined, 'holds queries, keys and values between bounds'],
    [gated === true, 'multiplies the outputs of its heads by gates'],
    [sinks !== undefined, 'has learned scores beside those of its keys'],
    [
      queryNorm !== undefined && (queryNorm.heads !== undefined || queryNorm.size !== headDim),
      'norms queries and keys of all heads together, or each head with a gain of its own',
    ],
    [lateNorms === true, 'norms queries and keys behind their rotation'],
    [
      projection.kind === 'fused' && projection.biases !== undefined,
      'stores biases of queries and values apart from their projection',
    ],
    [outputNorm !== undefined, 'norms the outputs of its heads before they are added'],
    [projection.kind === 'separate' && projection.shared !== undefined, 'narrows its stream before queries and keys'],
    [
      projection.kind === 'latent' && (projection.latentNorm ?? projection.queryNorm) !== undefined,
      'norms the latent that keys and values are made of',
    ],
  ];
  const part = parts.find(([holds]) => holds)?.[1];
  return part && `The model ${part}, so its weights alone do not say what its heads do. Choose another model.`;
}

function carriedPart(block: BlockSpec): string | undefined {
  const { attentionNorms, feedForwardNorms } = block;
  const unnamed = unnamedPart(block);
  if (unnamed !== undefined) return `${unnamed} Choose another model.`;
  if ((attentionNorms.carry ?? feedForwardNorms.carry ?? feedForwardNorms.scalar) === undefined) return undefined;
  return 'The model multiplies its stream by learned factors in each layer, so its weights alone do not say what its parts add. Choose another model.';
}

/** Queries, keys and values. */
export async function projections(
  { heads, kvHeads, headDim: d, valueDim = d, projection, gated }: AttentionSpec,
  weights: StoredWeights,
  folder: string,
): Promise<readonly [HeadMap, HeadMap, HeadMap]> {
  switch (projection.kind) {
    case 'separate': {
      const query = await mapWeights(projection.query, weights, folder);
      // The gates of each head follow its query.
      const queries = Array.from({ length: heads }, (_, head) => [2 * head * d, (2 * head + 1) * d]);
      return [
        gated ? taken(query, queries) : query,
        await mapWeights(projection.key, weights, folder),
        await mapWeights(projection.value, weights, folder),
      ];
    }
    case 'fused': {
      const all = await mapWeights(projection.linear, weights, folder);
      const { groups, order = ['query', 'key', 'value'] } = projection;
      const rows = { query: (heads * d) / groups, key: (kvHeads * d) / groups, value: (kvHeads * valueDim) / groups };
      const part = (kind: 'query' | 'key' | 'value'): HeadMap => {
        const before = order.slice(0, order.indexOf(kind)).reduce((sum, one) => sum + rows[one], 0);
        const first = (group: number): number => group * (all.rows / groups) + before;
        return taken(
          all,
          Array.from({ length: groups }, (_, group) => [first(group), first(group) + rows[kind]]),
        );
      };
      return [part('query'), part('key'), part('value')];
    }
    case 'beside': {
      const both = await mapWeights(projection.keysAndValues, weights, folder);
      const part = (first: number): HeadMap =>
        taken(
          both,
          Array.from({ length: kvHeads }, (_, head) => [(2 * head + first) * d, (2 * head + first + 1) * d]),
        );
      return [await mapWeights(projection.query, weights, folder), part(0), part(1)];
    }
    case 'handed':
      throw new RangeError('keys of another layer are not taken apart');
    case 'paired':
      throw new RangeError('pairs of heads are not taken apart');
    case 'marked':
      throw new RangeError('heads with two projections are not taken apart');
    case 'predicting':
      throw new RangeError('heads of two streams are not taken apart');
    case 'mixture':
      throw new RangeError('heads of experts are not taken apart');
    case 'latent': {
      const rows = (of: Linear): Promise<HeadMap> => mapWeights(of, weights, folder);
      const query = await rows(projection.query);
      const whole = projection.queryDown ? composed(query, await rows(projection.queryDown)) : query;
      const key = latentKey(projection, await rows(projection.down));
      return [latentQueries(projection, heads, whole, await rows(projection.up)), key, key];
    }
  }
}

export async function outputOf(
  { output, projection, heads }: AttentionSpec,
  weights: StoredWeights,
  folder: string,
): Promise<HeadMap> {
  const own = await mapWeights(output, weights, folder);
  return projection.kind === 'latent'
    ? latentOutput(projection, heads, own, await mapWeights(projection.up, weights, folder))
    : own;
}

/** Rows [start, end) of a map, range behind range. */
function taken({ data, columns, bias }: HeadMap, ranges: readonly (readonly number[])[]): HeadMap {
  const rows = ranges.reduce((sum, [start = 0, end = 0]) => sum + end - start, 0);
  const picked = new Float32Array(rows * columns);
  const biases = bias && new Float32Array(rows);
  let at = 0;
  for (const [start = 0, end = 0] of ranges) {
    picked.set(data.subarray(start * columns, end * columns), at * columns);
    if (bias) biases?.set(bias.subarray(start, end), at);
    at += end - start;
  }
  return { data: picked, rows, columns, ...(biases ? { bias: biases } : {}) };
}

async function branchWeights(
  { input, output, gain, after }: BranchNorms,
  weights: StoredWeights,
  folder: string,
): Promise<BranchWeights> {
  return {
    ...(input ? { input: await normWeights(input, weights, folder) } : {}),
    ...(output ? { output: await normWeights(output, weights, folder) } : {}),
    ...(gain === undefined ? {} : { gain: await wholeTensor(gain, weights, folder) }),
    ...(after ? { after: await normWeights(after, weights, folder) } : {}),
  };
}

export async function normWeights(norm: Norm, weights: StoredWeights, folder: string): Promise<NormWeights> {
  const { kind, weight, bias, size, epsilon, gainOffset = 0 } = norm;
  if (kind === 'affine')
    throw new FailureError({
      code: 'unsupported',
      detail:
        'The model scales and shifts its stream without norming it, so its weights alone do not say what its heads do. Choose another model.',
    });
  const stored = weight === undefined ? new Float32Array(size).fill(1) : await wholeTensor(weight, weights, folder);
  return {
    kind,
    gain: gainOffset === 0 ? stored : stored.map((value) => value + gainOffset),
    ...(bias === undefined ? {} : { bias: await wholeTensor(bias, weights, folder) }),
    epsilon,
  };
}

export const wholeTensor = (name: string, weights: StoredWeights, folder: string): Promise<Float32Array> => {
  const tensor = required(weights, name);
  return readNumbers(
    tensor,
    0,
    tensor.shape.reduce((product, axis) => product * axis, 1),
    folder,
  );
};

/** A linear map, [outputs, inputs], with its biases. */
export async function mapWeights(linear: Linear, weights: StoredWeights, folder: string): Promise<HeadMap> {
  const { inputs, outputs, firstRow = 0 } = linear;
  const tensor = required(weights, linear.weight);
  const bias =
    linear.bias === undefined
      ? undefined
      : await readNumbers(required(weights, linear.bias), firstRow, outputs, folder);
  const stored = await readNumbers(tensor, firstRow * inputs, outputs * inputs, folder);
  const laid = linear.stored === 'outputs-inputs' ? stored : transposed(stored, inputs, outputs);
  const { factor } = linear;
  const times = (of: Float32Array): Float32Array => (factor === undefined ? of : of.map((value) => value * factor));
  return { data: times(laid), rows: outputs, columns: inputs, ...(bias ? { bias: times(bias) } : {}) };
}

export async function linearWeights(
  linear: Linear,
  weights: StoredWeights,
  folder: string,
): Promise<{ readonly data: Float32Array; readonly transposed: Float32Array }> {
  const { data, rows, columns } = await mapWeights(linear, weights, folder);
  return { data, transposed: transposed(data, rows, columns) };
}

/** Rows [first, first + count) of a linear map that is stored row by row, [count, inputs]. */
export const someRows = async (
  { weight, inputs, firstRow = 0, factor }: Pick<Linear, 'weight' | 'inputs' | 'firstRow' | 'factor'>,
  first: number,
  count: number,
  weights: StoredWeights,
  folder: string,
): Promise<Float32Array> => {
  const rows = await readNumbers(required(weights, weight), (firstRow + first) * inputs, count * inputs, folder);
  return factor === undefined ? rows : rows.map((value) => value * factor);
};

function required(weights: StoredWeights, name: string): StoredTensor {
  const tensor = weights.find(name);
  if (!tensor) throw new RangeError(`the weights lack ${name}`);
  return tensor;
}

/** Stored [rows, columns] as [columns, rows]. */
function transposed(stored: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(stored.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = stored[row * columns + column] ?? 0;
  }
  return out;
}
