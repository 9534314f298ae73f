/** The parts of Segment Anything: an encoder of pictures, mostly in windows, and a small decoder that draws masks. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { Attention, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { visionFamily, writePatches } from './vision';

/** Patches on a side of the picture. */
const sideOf = (part: ModelPart): number => Math.floor((part.image?.size ?? 0) / Math.max(1, part.image?.patch ?? 1));

/** Windows are squares, `window_size` patches on a side; layers of `global_attn_indexes` read the whole picture. */
const windows = (reader: ConfigReader) => {
  const side = reader.integer('window_size') ?? 14;
  const global = new Set(reader.numbers('global_attn_indexes'));
  return {
    ...(side > 0 ? { window: side * side } : {}),
    layerKinds: (count: number) =>
      Array.from({ length: count }, (_, index) =>
        side === 0 || global.has(index)
          ? { kind: 'full' as const }
          : { kind: 'window' as const, note: `windows of ${side} by ${side} patches` },
      ),
  };
};

const neck = (own: TensorWriter, input: number, output: number): void => {
  own.add('other', 'neck.conv1.weight', [output, input, 1, 1]);
  own.norm('neck.layer_norm1', output, true);
  own.add('other', 'neck.conv2.weight', [output, output, 3, 3]);
  own.norm('neck.layer_norm2', output, true);
};

export const samVision = visionFamily({
  id: 'sam_vision',
  title: 'SAM vision',
  types: ['sam_vision_model'],
  architectures: /^SamVision/,
  task: 'base',
  extraTokens: 0,
  record: ['output_channels', 'qkv_bias', 'use_abs_pos', 'use_rel_pos', 'num_pos_feats', 'mlp_ratio'],
  // An `intermediate_size` that older files hold is read by nothing.
  intermediateSize: (reader) =>
    reader.integer('mlp_dim', 1) ??
    Math.trunc((reader.integer('hidden_size') ?? 0) * (reader.number('mlp_ratio') ?? 4)),
  choice: windows,
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const side = sideOf(part);
    writePatches(part, writer, 'patch_embed.projection', true);
    if (flag(part, 'use_abs_pos', true)) writer.add('embedding', 'pos_embed', [1, side, side, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'layers.{layer}.');
      const reach = layer.attention.window === undefined ? side : Math.round(Math.sqrt(layer.attention.window));
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, flag(part, 'qkv_bias', true));
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      if (flag(part, 'use_rel_pos', true))
        for (const name of ['rel_pos_h', 'rel_pos_w'])
          own.add('attention', `attn.${name}`, [2 * reach - 1, layer.attention.headDim]);
      for (const name of ['layer_norm1', 'layer_norm2']) own.norm(name, hidden, true);
      own.linear('mlp', 'mlp.lin1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.lin2', layer.feedForward.size, hidden, true);
    }
    neck(writer, hidden, amount(part, 'output_channels') ?? 256);
  },
});

/** Queries of the prompt and of the masks read the picture in narrower heads, and the picture reads them. */
const crossNarrow = (reader: ConfigReader, heads: number, width: number): Attention => {
  const headDim =
    heads > 0 ? Math.floor(width / Math.max(1, reader.integer('attention_downsample_rate') ?? 2) / heads) : 0;
  return { kind: 'full', causal: false, heads, kvHeads: heads, headDim, valueDim: headDim };
};

function writeAttention(own: TensorWriter, name: string, width: number, inner: number): void {
  for (const projection of ['q_proj', 'k_proj', 'v_proj'])
    own.linear('attention', `${name}.${projection}`, width, inner, true);
  own.linear('attention', `${name}.out_proj`, inner, width, true);
}

/** One network of `iou_head_depth` layers; the outer two have names, the inner ones are counted. */
function writeNetwork(own: TensorWriter, width: number, inner: number, output: number, depth: number): void {
  own.linear('head', 'proj_in', width, inner, true);
  for (let index = 0; index < Math.min(depth - 2, 64); index++)
    own.linear('head', `layers.${index}`, inner, inner, true);
  own.linear('head', 'proj_out', inner, output, true);
}

export const samMaskDecoder: StackFamily = {
  kind: 'stack',
  id: 'sam_mask_decoder',
  title: 'SAM mask decoder',
  modelTypes: ['sam_mask_decoder'],
  role: 'decoder',
  tied: false,
  task: 'base',
  read: (reader) => {
    const size = reader.integer('mlp_dim', 1);
    const part = readTransformer(reader, {
      family: 'sam_mask_decoder',
      role: 'decoder',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      ...(size === undefined ? {} : { intermediateSize: size }),
      record: ['num_multimask_outputs', 'iou_head_depth', 'iou_head_hidden_dim', 'attention_downsample_rate'],
    });
    const crossAttention = crossNarrow(reader, part.heads, part.hiddenSize);
    return { ...part, layers: part.layers.map((layer) => ({ ...layer, crossAttention })) };
  },
  tensors: (part, writer) => {
    const width = part.hiddenSize;
    const inner = Math.floor(width / Math.max(1, amount(part, 'attention_downsample_rate') ?? 2));
    const masks = (amount(part, 'num_multimask_outputs') ?? 3) + 1;
    writer.add('embedding', 'iou_token.weight', [1, width]);
    writer.add('embedding', 'mask_tokens.weight', [masks, width]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'transformer.layers.{layer}.');
      writeAttention(own, 'self_attn', width, width);
      writeAttention(own, 'cross_attn_token_to_image', width, inner);
      writeAttention(own, 'cross_attn_image_to_token', width, inner);
      for (const index of [1, 2, 3, 4]) own.norm(`layer_norm${index}`, width, true);
      own.linear('mlp', 'mlp.lin1', width, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.lin2', layer.feedForward.size, width, true);
    }
    writeAttention(writer, 'transformer.final_attn_token_to_image', width, inner);
    writer.norm('transformer.layer_norm_final_attn', width, true);
    // Two transposed convolutions, stored [input, output], make the picture four times as large.
    const [half, narrow] = [Math.floor(width / 4), Math.floor(width / 8)];
    writer.add('head', 'upscale_conv1.weight', [width, half, 2, 2]);
    writer.add('head', 'upscale_conv1.bias', [half]);
    writer.add('head', 'upscale_conv2.weight', [half, narrow, 2, 2]);
    writer.add('head', 'upscale_conv2.bias', [narrow]);
    writer.norm('upscale_layer_norm', half, true);
    for (let index = 0; index < Math.min(masks, 64); index++)
      writeNetwork(writer.under(`output_hypernetworks_mlps.${index}.`), width, width, narrow, 3);
    const [depth, hidden] = [amount(part, 'iou_head_depth') ?? 3, amount(part, 'iou_head_hidden_dim') ?? 256];
    writeNetwork(writer.under('iou_prediction_head.'), width, hidden, masks, depth);
  },
};
