import { flag, amount } from '../shared/family';
import { readImage, visionFamily, writePatches } from './vision';

/**
 * DINOv3: patches are rotated by their place in the picture, in two directions; the class token and the registers are not
 * (arXiv:2508.10104). Each projection has a bias of its own or none.
 */
export const dinov3 = visionFamily({
  id: 'dinov3_vit',
  title: 'DINOv3',
  types: ['dinov3_vit'],
  architectures: /^DINOv3ViT/,
  task: 'base',
  extraTokens: 1,
  positions: () => 'rope',
  image: (reader) => readImage(reader, 1 + (reader.integer('num_register_tokens') ?? 0)),
  gated: (reader) => reader.boolean('use_gated_mlp') === true,
  record: ['query_bias', 'key_bias', 'value_bias', 'proj_bias', 'mlp_bias'],
  exact: (_part, className) => className === undefined || className === 'DINOv3ViTModel',
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const registers = amount(part, 'num_register_tokens') ?? 0;
    writer.add('embedding', 'embeddings.cls_token', [1, 1, hidden]);
    writer.add('embedding', 'embeddings.mask_token', [1, 1, hidden]);
    writer.add('embedding', 'embeddings.register_tokens', [1, registers, hidden]);
    writePatches(part, writer, 'embeddings.patch_embeddings', true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'layer.{layer}.');
      for (const name of ['query', 'key', 'value'] as const)
        own.linear('attention', `attention.${name[0] ?? ''}_proj`, hidden, hidden, flag(part, `${name}_bias`));
      own.linear('attention', 'attention.o_proj', hidden, hidden, flag(part, 'proj_bias'));
      const { size, gated } = layer.feedForward;
      for (const name of gated ? ['gate_proj', 'up_proj'] : ['up_proj'])
        own.linear('mlp', `mlp.${name}`, hidden, size, flag(part, 'mlp_bias'));
      own.linear('mlp', 'mlp.down_proj', size, hidden, flag(part, 'mlp_bias'));
      for (const index of [1, 2]) {
        own.norm(`norm${index}`, hidden, true);
        own.add('other', `layer_scale${index}.lambda1`, [hidden]);
      }
    }
    writer.norm('norm', hidden, true);
  },
});
