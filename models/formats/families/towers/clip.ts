import type { JsonObject } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { readerOfClass, recordedKeys, transformers } from '../shared/family-row';
import { encoderSizes, honoured, idle, idleOfText, pictureKeys } from '../shared/run-keys';
import { visionFamily, writePatches } from './vision';

/** The transformer that CLIP and SigLIP share. */
export function writeClipLayers(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  for (const layer of part.layers) {
    const own = writer.layer(layer.index, 'encoder.layers.{layer}.');
    for (const name of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
      own.linear('attention', `self_attn.${name}`, hidden, hidden, true);
    own.norm('layer_norm1', hidden, true);
    own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
    own.norm('layer_norm2', hidden, true);
  }
}

/** A projection is as wide as its stored tensor. */
const projection = idle('the stored projection says its own width', 'projection_dim', 'projection_size');

const clipVisionValues: JsonObject = {
  hidden_size: 768,
  intermediate_size: 3072,
  projection_dim: 512,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_channels: 3,
  image_size: 224,
  patch_size: 32,
  hidden_act: 'quick_gelu',
  layer_norm_eps: 1e-5,
};

export const clipVision = visionFamily({
  id: 'clip_vision',
  title: 'CLIP vision',
  types: {
    clip_vision_model: ['CLIPVisionConfig', clipVisionValues],
    metaclip_2_vision_model: ['MetaClip2VisionConfig', clipVisionValues],
    clipseg_vision_model: ['CLIPSegVisionConfig', clipVisionValues],
    chinese_clip_vision_model: ['ChineseCLIPVisionConfig', clipVisionValues],
    altclip_vision_model: ['AltCLIPVisionConfig', clipVisionValues],
    owlvit_vision_model: ['OwlViTVisionConfig', { ...clipVisionValues, image_size: 768 }],
    owlv2_vision_model: ['Owlv2VisionConfig', { ...clipVisionValues, image_size: 768, patch_size: 16 }],
    git_vision_model: [
      'GitVisionConfig',
      {
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        num_channels: 3,
        image_size: 224,
        patch_size: 16,
        hidden_act: 'quick_gelu',
        layer_norm_eps: 1e-5,
      },
    ],
  },
  architectures: /^CLIPVision/,
  task: 'base',
  extraTokens: 1,
  run: { ...pictureKeys, ...projection },
  record: ['projection_dim'],
  tensors: (part, writer) => {
    const root = writer.under('vision_model.');
    root.add('embedding', 'embeddings.class_embedding', [part.hiddenSize]);
    writePatches(part, root, 'embeddings.patch_embedding', false);
    root.add('embedding', 'embeddings.position_embedding.weight', [part.image?.tokens ?? 0, part.hiddenSize]);
    root.norm('pre_layrnorm', part.hiddenSize, true);
    writeClipLayers(part, root);
    root.norm('post_layernorm', part.hiddenSize, true);
  },
});

/** Everything behind the patches: positions, layers and, unless switched off, a head that pools by attention. */
function writeSiglipTower(part: ModelPart, root: TensorWriter): void {
  const hidden = part.hiddenSize;
  root.add('embedding', 'embeddings.position_embedding.weight', [part.image?.tokens ?? 0, hidden]);
  writeClipLayers(part, root);
  root.norm('post_layernorm', hidden, true);
  if (!flag(part, 'vision_use_head')) return;
  const size = part.intermediateSize ?? 0;
  const head = root.under('head.');
  head.add('head', 'probe', [1, 1, hidden]);
  head.add('head', 'attention.in_proj_weight', [3 * hidden, hidden]);
  head.add('head', 'attention.in_proj_bias', [3 * hidden]);
  head.linear('head', 'attention.out_proj', hidden, hidden, true);
  head.as('head').norm('layernorm', hidden, true);
  head.linear('head', 'mlp.fc1', hidden, size, true);
  head.linear('head', 'mlp.fc2', size, hidden, true);
}

export const siglipVision = visionFamily({
  id: 'siglip_vision',
  title: 'SigLIP vision',
  types: {
    siglip_vision_model: [
      'SiglipVisionConfig',
      {
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        num_channels: 3,
        image_size: 224,
        patch_size: 16,
        hidden_act: 'gelu_pytorch_tanh',
        layer_norm_eps: 1e-6,
        vision_use_head: true,
      },
    ],
    idefics3_vision: [
      'Idefics3VisionConfig',
      {
        hidden_size: 1152,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 16,
        num_channels: 3,
        image_size: 224,
        patch_size: 32,
        hidden_act: 'gelu_pytorch_tanh',
        layer_norm_eps: 1e-6,
        vision_use_head: false,
      },
    ],
    smolvlm_vision: [
      'SmolVLMVisionConfig',
      {
        hidden_size: 1152,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 16,
        num_channels: 3,
        image_size: 224,
        patch_size: 32,
        hidden_act: 'gelu_pytorch_tanh',
        layer_norm_eps: 1e-6,
        vision_use_head: false,
      },
    ],
  },
  architectures: /^SiglipVision/,
  task: 'base',
  extraTokens: 0,
  run: { ...pictureKeys, ...honoured('vision_use_head'), ...projection },
  tensors: (part, writer) => {
    const root = writer.under('vision_model.');
    writePatches(part, root, 'embeddings.patch_embedding', true);
    writeSiglipTower(part, root);
  },
});

/** Patches of images of any shape, flattened: as many positions as `num_patches` says, at most. */
export const siglip2Vision = visionFamily({
  id: 'siglip2_vision',
  title: 'SigLIP 2 vision',
  types: {
    siglip2_vision_model: [
      'Siglip2VisionConfig',
      {
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        num_channels: 3,
        num_patches: 256,
        patch_size: 16,
        hidden_act: 'gelu_pytorch_tanh',
        layer_norm_eps: 1e-6,
        vision_use_head: true,
      },
    ],
  },
  architectures: /^Siglip2Vision/,
  task: 'base',
  extraTokens: 0,
  record: ['vision_use_head'],
  image: (reader) => {
    const [patch, tokens] = [reader.integer('patch_size', 1), reader.integer('num_patches', 1)];
    return {
      channels: reader.integer('num_channels', 1) ?? 3,
      ...(patch === undefined ? {} : { patch }),
      ...(tokens === undefined ? {} : { tokens, outputTokens: tokens }),
    };
  },
  tensors: (part, writer) => {
    const patch = part.image?.patch ?? 0;
    const root = writer.under('vision_model.');
    const pixels = (part.image?.channels ?? 3) * patch * patch;
    root.linear('embedding', 'embeddings.patch_embedding', pixels, part.hiddenSize, true);
    writeSiglipTower(part, root);
  },
});

const clipTextValues: JsonObject = {
  vocab_size: 49408,
  hidden_size: 512,
  intermediate_size: 2048,
  projection_dim: 512,
  num_hidden_layers: 12,
  num_attention_heads: 8,
  max_position_embeddings: 77,
  hidden_act: 'quick_gelu',
  layer_norm_eps: 1e-5,
  pad_token_id: 1,
  bos_token_id: 49406,
  eos_token_id: 49407,
};

const pairTextKeys = {
  ...idleOfText,
  ...encoderSizes,
  ...honoured('vocab_size', 'max_position_embeddings'),
  ...projection,
};
const clipTextKeys = { ...pairTextKeys, ...honoured('eos_token_id') };
const siglipTextKeys = { ...pairTextKeys, ...honoured('pad_token_id') };

function writeClipText(part: ModelPart, writer: TensorWriter): void {
  writer.add('embedding', 'embeddings.token_embedding.weight', [part.vocabularySize ?? 0, part.hiddenSize]);
  writer.add('embedding', 'embeddings.position_embedding.weight', [part.contextLength ?? 0, part.hiddenSize]);
  writeClipLayers(part, writer);
  writer.norm('final_layer_norm', part.hiddenSize, true);
}

/** Types that have CLIP's text model, and what their classes give otherwise. */
const clipTextTypes: Readonly<Record<string, readonly [className: string, values: JsonObject]>> = {
  clip_text_model: ['CLIPTextConfig', {}],
  metaclip_2_text_model: ['MetaClip2TextConfig', {}],
  clipseg_text_model: ['CLIPSegTextConfig', {}],
  owlvit_text_model: ['OwlViTTextConfig', { max_position_embeddings: 16, pad_token_id: 0 }],
  owlv2_text_model: ['Owlv2TextConfig', { max_position_embeddings: 16, pad_token_id: 0 }],
};

export const clipText: StackFamily = {
  kind: 'stack',
  id: 'clip_text',
  title: 'CLIP text',
  modelTypes: Object.keys(clipTextTypes),
  architectures: /^CLIPText/,
  role: 'encoder',
  tied: true,
  task: 'base',
  run: clipTextKeys,
  defaults: (modelType) => {
    const [className, more] = clipTextTypes[modelType ?? ''] ?? ['CLIPTextConfig', {}];
    return { from: `${transformers} ${className}`, values: { ...clipTextValues, ...more } };
  },
  read: (file) => {
    const reader = readerOfClass(file, clipTextKeys);
    const projected = JSON.stringify(reader.object['architectures'] ?? '').includes('WithProjection');
    if (projected) reader.derive('with_projection', true, 'architectures');
    return readTransformer(reader, {
      family: 'clip_text',
      role: 'encoder',
      causal: true,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      record: ['projection_dim', ...recordedKeys({ run: clipTextKeys })],
    });
  },
  tensors: (part, writer) => {
    writeClipText(part, writer.under('text_model.'));
    if (flag(part, 'with_projection')) {
      writer.linear('projector', 'text_projection', part.hiddenSize, amount(part, 'projection_dim') ?? 0, false);
    }
  },
};

export const siglipText: StackFamily = {
  kind: 'stack',
  id: 'siglip_text',
  title: 'SigLIP text',
  modelTypes: ['siglip_text_model', 'siglip2_text_model'],
  architectures: /^SiglipText/,
  role: 'encoder',
  tied: true,
  task: 'base',
  run: siglipTextKeys,
  defaults: () => ({
    from: `${transformers} SiglipTextConfig`,
    values: {
      vocab_size: 32000,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      max_position_embeddings: 64,
      hidden_act: 'gelu_pytorch_tanh',
      layer_norm_eps: 1e-6,
      pad_token_id: 1,
      bos_token_id: 49406,
      eos_token_id: 49407,
      projection_size: null,
    },
  }),
  read: (reader) =>
    readTransformer(readerOfClass(reader, siglipTextKeys), {
      family: 'siglip_text',
      role: 'encoder',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      record: ['projection_size', ...recordedKeys({ run: siglipTextKeys })],
    }),
  tensors: (part, writer) => {
    writeClipText(part, writer.under('text_model.'));
    const width = amount(part, 'projection_size') ?? part.hiddenSize;
    writer.linear('head', 'text_model.head', part.hiddenSize, width, true);
  },
};
