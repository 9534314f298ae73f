/** The model with latent attention as a checkpoint: its config, and where each of its tensors comes from. */
import { specifyModel } from '../../../models/architectures/catalogue';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { weightsOf, type TensorShapes } from '../../../models/architectures/training-network';
import { describeModel } from '../../../models/formats/describe-model';
import type { ModelCheckpoint, NewTensor } from '../../model-runner/checkpoint';
import type { LatentLayer } from './head-outputs';

type Config = Readonly<Record<string, unknown>>;

/** Ranks and widths of a layer, which name the shapes of its tensors. */
type Sizes = Pick<LatentLayer, 'heads' | 'headDim' | 'rank' | 'queryRank' | 'rotary' | 'layout'>;

/** Why no checkpoint with latent attention can be made of a model; undefined where one can. */
export function whyNotLatent({ spec, config }: Pick<ModelCheckpoint<unknown>, 'spec' | 'config'>): string | undefined {
  if (spec.blocks.some(({ attention }) => attention?.projection.kind !== 'separate'))
    return 'Queries, keys and values of this model are stored in one tensor. Choose a model of Llama’s layout.';
  const scaled = spec.ropes.find(({ scaling: { kind } }) => !['none', 'linear', 'llama3'].includes(kind));
  if (scaled)
    return `The rotation of this model is stretched in the form "${scaled.scaling.kind}", whose frequencies depend on the width of a head. Choose a model without it.`;
  return 'model_type' in config ? undefined : 'The config names no model_type. Add it.';
}

/** The fields of the release's config beside those of a llama. */
export function latentConfig(config: Config, layers: readonly Sizes[]): Config {
  const { head_dim: _, auto_map: __, ...kept } = config;
  const [first] = layers;
  if (!first) throw new RangeError('a model without layers');
  const { heads, headDim, rotary, layout } = first;
  const queries = layers.map(({ queryRank }) => queryRank ?? 0);
  return {
    ...kept,
    model_type: 'x_ecomla',
    architectures: ['XEcoMlaForCausalLM'],
    num_key_value_heads: heads,
    kv_lora_rank: Math.max(...layers.map(({ rank }) => rank)),
    ...(queries.includes(0) ? {} : { q_lora_rank: Math.max(...queries) }),
    qk_nope_head_dim: headDim - rotary,
    qk_rope_head_dim: rotary,
    v_head_dim: headDim,
    layer_rank_list: Object.fromEntries(
      layers.map(({ rank, queryRank }, layer) => [
        layer,
        { kv_rank: rank, ...(queryRank === undefined ? {} : { q_rank: queryRank }) },
      ]),
    ),
    rope_interleave: layout === 'interleaved',
    use_lora_layer_norm: false,
  };
}

/** All tensors of the new checkpoint; `latent` gives a layer when it is written. */
export function latentTensors(
  { spec, tensors }: Pick<ModelCheckpoint<unknown>, 'spec' | 'tensors'>,
  layers: readonly Sizes[],
  latent: (layer: number) => Promise<LatentLayer>,
): readonly NewTensor[] {
  const made = new Map<string, readonly NewTensor[]>();
  const gone = new Set<string>();
  spec.blocks.forEach(({ index, attention }) => {
    const [sizes, projection] = [layers[index], attention?.projection];
    if (projection?.kind !== 'separate' || !sizes) throw new RangeError(`layer ${index} has no projections of its own`);
    const { query, key, value } = projection;
    const dtype = tensors.find(({ name }) => name === query.weight)?.dtype ?? 'F32';
    const root = query.weight.replace(/q_proj\.weight$/u, '');
    const width = spec.hiddenSize;
    const { heads, headDim, rank, rotary, queryRank } = sizes;
    const computed = (
      name: string,
      shape: readonly number[],
      of: (layer: LatentLayer) => Float64Array | undefined,
    ): NewTensor => ({
      name: `${root}${name}.weight`,
      dtype,
      shape,
      made: { kind: 'computed', numbers: async () => Float32Array.from(of(await latent(index)) ?? []) },
    });
    const queries =
      queryRank === undefined
        ? [computed('q_proj', [heads * headDim, width], ({ weights }) => weights.query)]
        : [
            computed('q_a_proj', [queryRank, width], ({ weights }) => weights.queryDown),
            computed('q_b_proj', [heads * headDim, queryRank], ({ weights }) => weights.query),
          ];
    made.set(query.weight, [
      ...queries,
      computed('kv_a_proj_with_mqa', [rank + rotary, width], ({ weights }) => weights.down),
      computed('kv_b_proj', [heads * (2 * headDim - rotary), rank], ({ weights }) => weights.up),
    ]);
    gone.add(key.weight).add(value.weight);
  });
  return tensors.flatMap(({ name, dtype, shape }): readonly NewTensor[] => {
    if (gone.has(name)) return [];
    return made.get(name) ?? [{ name, dtype, shape, made: { kind: 'copied', of: name } }];
  });
}

export const shapesOf = (tensors: readonly NewTensor[]): TensorShapes =>
  Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));

/** What a checkpoint of this config and these tensors computes. */
export function specOf(config: Config, tensors: readonly NewTensor[]): ModelSpec {
  const specified = specifyModel(describeModel(config), weightsOf(shapesOf(tensors)));
  if (specified.kind !== 'text') throw new RangeError('latent attention is of a model of text');
  return specified.text;
}
