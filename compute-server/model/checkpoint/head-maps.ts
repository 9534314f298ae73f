/** The maps of the heads of one layer, for what is made of scores alone and for comparing models. More layers have these than can be taken apart. */
import type { HeadMaps, HeadNormWeights, ScoreWeights } from '../../../diagnostics/model-runner/weights';
import type { AttentionSpec } from '../../../models/architectures/attention-spec';
import type { BlockSpec } from '../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { Norm } from '../../../models/architectures/weights-spec';
import { FailureError } from '../../../protocol/wire/failures';
import { noRows, normWeights, outputOf, projections, wholeTensor } from './layer-weights';

/** `folder` is the one that the locations of the tensors are relative to. */
export async function headMaps(
  { attention, shared }: Pick<BlockSpec, 'attention' | 'shared'>,
  weights: StoredWeights,
  folder: string,
): Promise<HeadMaps> {
  if (!attention) return { query: noRows, key: noRows, value: noRows, output: noRows };
  const problem = shared ? 'shares its attention among layers' : jointMaps(attention);
  if (problem !== undefined)
    throw new FailureError({
      code: 'unsupported',
      detail: `The model ${problem}, so its heads have no maps of their own. Choose another model.`,
    });
  const [query, key, value] = await projections(attention, weights, folder);
  return { query, key, value, output: await outputOf(attention, weights, folder) };
}

/** Why the maps of a layer are not four, with rows or columns of each head and one width; undefined where they are. */
function jointMaps({ projection, output, valueDim }: AttentionSpec): string | undefined {
  const parts: readonly (readonly [holds: boolean, part: string])[] = [
    [projection.kind === 'paired', 'subtracts one head of a pair from the other'],
    [projection.kind === 'mixture', 'chooses queries and output maps among experts'],
    [projection.kind === 'handed', 'has layers that read the keys and values of another'],
    [projection.kind === 'separate' && projection.shared !== undefined, 'narrows its stream before queries and keys'],
    [
      projection.kind === 'latent' && (projection.latentNorm ?? projection.queryNorm) !== undefined,
      'norms the latents that queries, keys and values are made of',
    ],
    [output.groups !== undefined, 'maps its stream by groups of channels'],
    [valueDim !== undefined, 'has values that are narrower than its keys'],
  ];
  return parts.find(([holds]) => holds)?.[1];
}

export async function scoreWeights(block: BlockSpec, weights: StoredWeights, folder: string): Promise<ScoreWeights> {
  const { attention, attentionNorms, shared } = block;
  if (!attention) return { query: noRows, key: noRows, scale: 1 };
  const problem = noForm(attention);
  if (problem !== undefined) throw new FailureError({ code: 'unsupported', detail: problem });
  const { scale, queryNorm, keyNorm } = attention;
  const [query, key] = await projections(attention, weights, folder);
  const input = shared?.norm ?? attentionNorms.input;
  const ofHeads = (norm: Norm): Promise<HeadNormWeights> => headNorm(norm, weights, folder);
  return {
    ...{ query, key, scale },
    ...(queryNorm ? { queryNorm: await ofHeads(queryNorm) } : {}),
    ...(keyNorm ? { keyNorm: await ofHeads(keyNorm) } : {}),
    ...(input ? { input: await normWeights(input, weights, folder) } : {}),
  };
}

/**
 * Why scores are no form of the two streams that they compare, up to a factor of each token and to terms of one of them or of their distance;
 * undefined where they are.
 */
function noForm({ clip, lateNorms, projection }: AttentionSpec): string | undefined {
  const parts: readonly (readonly [holds: boolean, part: string])[] = [
    [projection.kind === 'paired', 'subtracts one head of a pair from the other'],
    [projection.kind === 'mixture', 'chooses queries among experts'],
    [projection.kind === 'handed', 'has layers that read the keys of another'],
    [projection.kind === 'separate' && projection.query.groups !== undefined, 'maps its stream by groups of channels'],
    [
      projection.kind === 'separate' && projection.query.beside !== undefined,
      'adds an adapter to shared queries and keys',
    ],
    [clip !== undefined, 'holds queries and keys between bounds'],
    [lateNorms === true, 'norms queries and keys behind their rotation'],
    [
      projection.kind === 'latent' && (projection.latentNorm ?? projection.queryNorm) !== undefined,
      'norms the latents that queries and keys are made of, and not their rotary parts',
    ],
  ];
  const part = parts.find(([holds]) => holds)?.[1];
  return part && `The model ${part}, so its scores are no form of its stream. Choose another model.`;
}

async function headNorm(norm: Norm, weights: StoredWeights, folder: string): Promise<HeadNormWeights> {
  const { heads, ...plain } = norm;
  const { size } = norm;
  if (!heads) return { ...(await normWeights(norm, weights, folder)), size };
  const own = await normWeights({ ...plain, weight: undefined }, weights, folder);
  const names = heads.each ?? (norm.weight === undefined ? [] : [norm.weight]);
  const gains = await Promise.all(names.map((name) => wholeTensor(name, weights, folder)));
  return { ...own, size, gain: Float32Array.from(gains.flatMap((gain) => [...gain])) };
}
