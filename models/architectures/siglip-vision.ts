/** SigLIP's vision tower (and that of Idefics3 and SmolVLM): patches alone, tanh GELU, a norm behind the last block. */
import { activationOf, epsilonOf, Names, type ArchitectureInput } from './architecture';
import { clipNames } from './clip-vision';
import type { Activation, Linear } from './weights-spec';
import {
  classifierOf,
  encoderBlock,
  patchGrid,
  towerStack,
  type VisionArchitecture,
  type VisionTower,
} from './vision-tower';

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
      ...pooledBy(names.at('head.'), input, layer),
      ...classifierOf(input, 'patches'),
    };
  },
};

/** SiglipMultiheadAttentionPoolingHead: torch.nn.MultiheadAttention over the finished rows, then a network beside a residual. */
function pooledBy(
  names: Names,
  { part }: ArchitectureInput,
  { epsilon, activation }: { readonly epsilon: number; readonly activation: Activation },
): Pick<VisionTower, 'pooled'> {
  if (!names.has('probe')) return {};
  const hidden = part.hiddenSize;
  const inner = part.intermediateSize ?? 4 * hidden;
  const third = (at: number): Linear => ({
    weight: names.name('attention.in_proj_weight'),
    bias: names.name('attention.in_proj_bias'),
    inputs: hidden,
    outputs: hidden,
    stored: 'outputs-inputs',
    firstRow: at * hidden,
    storedRows: 3 * hidden,
  });
  return {
    pooled: {
      kind: 'attention',
      probe: names.name('probe'),
      heads: part.heads,
      query: third(0),
      key: third(1),
      value: third(2),
      output: names.linear('attention.out_proj', hidden, hidden),
      norm: names.layerNorm('layernorm', hidden, epsilon),
      up: names.linear('mlp.fc1', hidden, inner),
      activation,
      down: names.linear('mlp.fc2', inner, hidden),
    },
  };
}
