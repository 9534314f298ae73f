import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { readerOfClass, recordedKeys } from '../shared/family-row';
import { encoderSizes, honoured, idle, idleOfText, pictureKeys } from '../shared/run-keys';
import { visionFamily, writePatches } from './vision';

/** The transformer that CLIP and SigLIP share. */
function writeClipLayers(part: ModelPart, writer: TensorWriter): void {
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

export const clipVision = visionFamily({
  id: 'clip_vision',
  title: 'CLIP vision',
  types: [
    'clip_vision_model',
    'metaclip_2_vision_model',
    'clipseg_vision_model',
    'chinese_clip_vision_model',
    'altclip_vision_model',
    'owlvit_vision_model',
    'owlv2_vision_model',
    'git_vision_model',
  ],
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
  types: ['siglip_vision_model', 'idefics3_vision', 'smolvlm_vision'],
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
  types: ['siglip2_vision_model'],
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

export const clipText: StackFamily = {
  kind: 'stack',
  id: 'clip_text',
  title: 'CLIP text',
  modelTypes: [
    'clip_text_model',
    'metaclip_2_text_model',
    'clipseg_text_model',
    'owlvit_text_model',
    'owlv2_text_model',
    'xclip_text_model',
    'groupvit_text_model',
  ],
  architectures: /^(CLIP|XCLIP|GroupViT)Text/,
  role: 'encoder',
  tied: true,
  task: 'base',
  run: clipTextKeys,
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
