/** SigLIP's vision tower (and that of Idefics3 and SmolVLM): patches alone, tanh GELU, a norm behind the last block. */
import { activationOf, epsilonOf, Names } from './architecture';
import { clipNames } from './clip-vision';
import { classifierOf, encoderBlock, patchGrid, towerStack, type VisionArchitecture } from './vision-tower';

export const siglipVision: VisionArchitecture = {
  families: ['siglip_vision'],
  tower(input) {
    const { part } = input;
    const names = Names.find(input, ['vision_model.', ''], 'embeddings.patch_embedding.weight');
    const hidden = part.hiddenSize;
    const { patch, size, channels, rows, columns, patches } = patchGrid(input);
    const layer = { ...clipNames, epsilon: epsilonOf(part), activation: activationOf(part.activation) };
    return {
      stack: towerStack(
        input,
        part.layers.map((each) => encoderBlock(each, names.at(`encoder.layers.${each.index}.`), hidden, layer)),
      ),
      patches: {
        projection: names.name('embeddings.patch_embedding.weight'),
        bias: names.name('embeddings.patch_embedding.bias'),
        channels,
        patch,
        size,
        rows,
        columns,
        leading: [],
        positions: { name: names.name('embeddings.position_embedding.weight'), shape: [patches, hidden] },
      },
      norm: names.layerNorm('post_layernorm', hidden, layer.epsilon),
      ...classifierOf(input, 'patches'),
    };
  },
};
