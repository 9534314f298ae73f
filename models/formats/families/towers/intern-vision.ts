/** InternViT, under the names of its own code and of transformers. */
import { flag, word } from '../shared/family';
import { visionFamily, writePatches } from './vision';

/** The tower of InternVL's own code. */
export const internVit = visionFamily({
  id: 'intern_vit',
  title: 'InternViT',
  types: ['intern_vit_6b'],
  architectures: /^InternVisionModel/,
  task: 'base',
  extraTokens: 1,
  record: ['qkv_bias', 'qk_normalization', 'norm_type'],
  choice: (reader) => ({ norm: reader.string('norm_type') === 'rms_norm' ? 'rms' : 'layer' }),
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const normBias = word(part, 'norm_type') !== 'rms_norm';
    writer.add('embedding', 'embeddings.class_embedding', [1, 1, hidden]);
    writePatches(part, writer, 'embeddings.patch_embedding', true);
    writer.add('embedding', 'embeddings.position_embedding', [1, part.image?.tokens ?? 0, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'encoder.layers.{layer}.');
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, flag(part, 'qkv_bias'));
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      if (flag(part, 'qk_normalization'))
        for (const name of ['q_norm', 'k_norm']) own.norm(`attn.${name}`, hidden, false);
      own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
      for (const name of ['norm1', 'norm2']) own.norm(name, hidden, normBias);
      for (const name of ['ls1', 'ls2']) own.add('other', name, [hidden]);
    }
  },
});

/** The same network in the names of transformers. */
export const internVlVision = visionFamily({
  id: 'internvl_vision',
  title: 'InternVL vision',
  types: ['internvl_vision'],
  architectures: /^InternVLVision/,
  task: 'base',
  extraTokens: 1,
  record: [
    'attention_bias',
    'use_qk_norm',
    'norm_type',
    'use_mask_token',
    'use_absolute_position_embeddings',
    'use_mean_pooling',
  ],
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const normBias = word(part, 'norm_type') !== 'rms_norm';
    writer.add('embedding', 'embeddings.cls_token', [1, 1, hidden]);
    if (flag(part, 'use_mask_token')) writer.add('embedding', 'embeddings.mask_token', [1, 1, hidden]);
    if (flag(part, 'use_absolute_position_embeddings', true))
      writer.add('embedding', 'embeddings.position_embeddings', [1, part.image?.tokens ?? 0, hidden]);
    writePatches(part, writer, 'embeddings.patch_embeddings.projection', true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'encoder.layer.{layer}.');
      for (const name of ['q_proj', 'k_proj', 'v_proj'])
        own.linear('attention', `attention.${name}`, hidden, hidden, flag(part, 'attention_bias'));
      own.linear('attention', 'attention.projection_layer', hidden, hidden, true);
      if (flag(part, 'use_qk_norm'))
        for (const name of ['q_norm', 'k_norm']) own.norm(`attention.${name}`, hidden, false);
      own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
      for (const name of ['layernorm_before', 'layernorm_after']) own.norm(name, hidden, normBias);
      for (const name of ['lambda_1', 'lambda_2']) own.add('other', name, [hidden]);
    }
    if (!flag(part, 'use_mean_pooling', true)) writer.norm('layernorm', hidden, true);
  },
});
