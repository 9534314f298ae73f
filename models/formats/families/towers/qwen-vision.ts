import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount } from '../shared/family';

/** Vision towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL: patches of two frames, merged two by two for the language model. */
interface QwenVision {
  readonly id: string;
  readonly title: string;
  /** Names of the tower; files mostly write the name of the whole model. */
  readonly types: readonly string[];
  readonly read: (reader: ConfigReader) => ModelPart;
  readonly tensors: (part: ModelPart, writer: TensorWriter) => void;
}

const qwenVision = ({ id, title, types, read, tensors }: QwenVision): StackFamily => ({
  kind: 'stack',
  id,
  title,
  modelTypes: types,
  role: 'vision',
  tied: false,
  task: 'base',
  read,
  tensors,
});

const merged = (part: ModelPart): number => part.hiddenSize * (amount(part, 'spatial_merge_size') ?? 2) ** 2;

function writePatches(part: ModelPart, writer: TensorWriter, bias: boolean): void {
  const patch = part.image?.patch ?? 0;
  const frames = amount(part, 'temporal_patch_size') ?? 2;
  writer.add('embedding', 'patch_embed.proj.weight', [
    part.hiddenSize,
    part.image?.channels ?? 3,
    frames,
    patch,
    patch,
  ]);
  if (bias) writer.add('embedding', 'patch_embed.proj.bias', [part.hiddenSize]);
}

const imageOf = (reader: ConfigReader): NonNullable<ModelPart['image']> => {
  const patch = reader.integer('patch_size', 1);
  return { channels: reader.integer('num_channels', 1) ?? 3, ...(patch === undefined ? {} : { patch }) };
};

export const qwen2Vision = qwenVision({
  id: 'qwen2_vl_vision',
  title: 'Qwen2-VL vision',
  types: ['qwen2_vl_vision'],
  read: (reader) => {
    // Here hidden_size is the width of the language model, embed_dim that of the tower.
    const width = reader.integer('embed_dim') ?? 0;
    return readTransformer(reader, {
      family: 'qwen2_vl_vision',
      role: 'vision',
      hiddenSize: width,
      gated: false,
      norm: 'layer',
      positions: 'rope',
      intermediateSize: Math.trunc(width * (reader.number('mlp_ratio') ?? 4)),
      image: imageOf(reader),
      record: ['hidden_size', 'spatial_merge_size', 'temporal_patch_size'],
      rope: { dimensions: Math.floor(width / (reader.integer('num_heads', 1) ?? 16)) },
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writePatches(part, writer, false);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'blocks.{layer}.');
      own.norm('norm1', hidden, true);
      own.norm('norm2', hidden, true);
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, true);
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
    }
    writer.as('projector').norm('merger.ln_q', hidden, true);
    writer.linear('projector', 'merger.mlp.0', merged(part), merged(part), true);
    writer.linear('projector', 'merger.mlp.2', merged(part), amount(part, 'hidden_size') ?? 0, true);
  },
});

export const qwen25Vision = qwenVision({
  id: 'qwen2_5_vl_vision',
  title: 'Qwen2.5-VL vision',
  types: ['qwen2_5_vl_vision', 'qwen2_5_omni_vision_encoder'],
  read: (reader) => {
    const full = new Set(reader.numbers('fullatt_block_indexes'));
    const patch = reader.integer('patch_size', 1) ?? 14;
    // window_size is in pixels; attention is within windows of so many patches in both directions.
    const side = Math.floor((reader.integer('window_size', 1) ?? 112) / patch);
    return readTransformer(reader, {
      family: 'qwen2_5_vl_vision',
      role: 'vision',
      gated: true,
      norm: 'rms',
      positions: 'rope',
      image: imageOf(reader),
      window: side * side,
      record: ['out_hidden_size', 'spatial_merge_size', 'temporal_patch_size'],
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          full.has(index) ? { kind: 'full' } : { kind: 'window', note: `windows of ${side} by ${side} patches` },
        ),
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writePatches(part, writer, false);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'blocks.{layer}.');
      own.norm('norm1', hidden, false);
      own.norm('norm2', hidden, false);
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, true);
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      own.linear('mlp', 'mlp.gate_proj', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.up_proj', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.down_proj', layer.feedForward.size, hidden, true);
    }
    writer.as('projector').norm('merger.ln_q', hidden, false);
    writer.linear('projector', 'merger.mlp.0', merged(part), merged(part), true);
    writer.linear('projector', 'merger.mlp.2', merged(part), amount(part, 'out_hidden_size') ?? 0, true);
  },
});

export const qwen3Vision = qwenVision({
  id: 'qwen3_vl_vision',
  title: 'Qwen3-VL vision',
  types: ['qwen3_vl_vision', 'qwen3_vl_moe_vision', 'qwen3_5_vision', 'qwen3_5_moe_vision'],
  read: (reader) =>
    readTransformer(reader, {
      family: 'qwen3_vl_vision',
      role: 'vision',
      gated: false,
      norm: 'layer',
      positions: 'rope',
      image: imageOf(reader),
      record: [
        'out_hidden_size',
        'spatial_merge_size',
        'temporal_patch_size',
        'num_position_embeddings',
        'deepstack_visual_indexes',
      ],
    }),
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const output = amount(part, 'out_hidden_size') ?? 0;
    writePatches(part, writer, true);
    writer.add('embedding', 'pos_embed.weight', [amount(part, 'num_position_embeddings') ?? 0, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'blocks.{layer}.');
      own.norm('norm1', hidden, true);
      own.norm('norm2', hidden, true);
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, true);
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      own.linear('mlp', 'mlp.linear_fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.linear_fc2', layer.feedForward.size, hidden, true);
    }
    writer.as('projector').norm('merger.norm', hidden, true);
    writer.linear('projector', 'merger.linear_fc1', merged(part), merged(part), true);
    writer.linear('projector', 'merger.linear_fc2', merged(part), output, true);
    const taps = part.fields['deepstack_visual_indexes']?.value;
    if (!Array.isArray(taps)) return;
    // A layer is tapped once at most.
    taps.slice(0, part.layers.length).forEach((_, index) => {
      const own = writer.under(`deepstack_merger_list.${index}.`);
      own.as('projector').norm('norm', merged(part), true);
      own.linear('projector', 'linear_fc1', merged(part), merged(part), true);
      own.linear('projector', 'linear_fc2', merged(part), output, true);
    });
  },
});
