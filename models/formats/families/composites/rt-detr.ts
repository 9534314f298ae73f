/** Detectors in real time: a ResNet, one layer of attention over its coarsest map, and queries that read a few points of all maps. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { Attention, ModelPart } from '../../model-description';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { readStack } from '../stacks';

function side(reader: ConfigReader, name: 'encoder' | 'decoder', width: number): ModelPart {
  const heads = reader.integer(`${name}_attention_heads`) ?? 0;
  const size = reader.integer(`${name}_ffn_dim`);
  const length = name === 'decoder' ? reader.integer('num_queries', 1) : undefined;
  return readTransformer(reader, {
    family: 'rt_detr',
    role: name === 'decoder' ? 'decoder' : 'vision',
    name: [...reader.path, name].join('.'),
    causal: false,
    hiddenSize: width,
    layers: reader.integer(`${name}_layers`) ?? 0,
    heads,
    kvHeads: heads,
    headDim: heads > 0 ? Math.floor(width / heads) : 0,
    gated: false,
    norm: 'layer',
    positions: name === 'decoder' ? 'learned' : 'sinusoidal',
    ...(size === undefined ? {} : { intermediateSize: size }),
    ...(length === undefined ? {} : { contextLength: length }),
  });
}

/** Each head reads `decoder_n_points` places of each of `num_feature_levels` maps, which the query itself chooses. */
function deformable(reader: ConfigReader, { heads, headDim }: ModelPart): Attention {
  const points = reader.integer('decoder_n_points', 1) ?? 4;
  const levels = reader.integer('num_feature_levels', 1) ?? 3;
  return {
    kind: 'full',
    causal: false,
    heads,
    kvHeads: heads,
    headDim,
    valueDim: headDim,
    sourcePositions: points * levels,
    note: `deformable: ${points} points of ${levels} maps, chosen by the query`,
  };
}

export const rtDetr: CompositeFamily = {
  kind: 'composite',
  id: 'rt_detr',
  title: 'RT-DETR',
  modelTypes: ['rt_detr', 'rt_detr_v2'],
  architectures: /^RTDetr(V2)?(Model|For)/,
  tied: false,
  task: 'base',
  read: (reader): CompositeReading => {
    reader.raw('encode_proj_layers');
    const decoder = side(reader, 'decoder', reader.integer('d_model') ?? 0);
    const encoder = side(reader, 'encoder', reader.integer('encoder_hidden_dim') ?? 0);
    const crossAttention = deformable(reader, decoder);
    const layers = decoder.layers.map((layer) => ({ ...layer, crossAttention }));
    const backbone = readStack(reader.childOrEmpty('backbone_config'), 'rt_detr_resnet');
    return { parts: [{ ...decoder, layers }, encoder, backbone.part], exact: false };
  },
};
