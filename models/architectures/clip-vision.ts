/** CLIP's vision tower: a class row, a norm before the first block, quick GELU. */
import { activationOf, epsilonOf, Names, type ArchitectureInput } from './architecture';
import {
  classifierOf,
  encoderBlock,
  patchGrid,
  towerStack,
  type VisionArchitecture,
  type VisionTower,
} from './vision-tower';

/** Names that CLIP and SigLIP share below `encoder.layers.N.`. */
export const clipNames = {
  query: 'self_attn.q_proj',
  key: 'self_attn.k_proj',
  value: 'self_attn.v_proj',
  output: 'self_attn.out_proj',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
  before: 'layer_norm1',
  after: 'layer_norm2',
} as const;

export const clipVision: VisionArchitecture = {
  families: ['clip_vision'],
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
        channels,
        patch,
        size,
        rows,
        columns,
        leading: [{ name: names.name('embeddings.class_embedding'), shape: [hidden] }],
        positions: { name: names.name('embeddings.position_embedding.weight'), shape: [patches + 1, hidden] },
        // The name is misspelt in every published checkpoint.
        norm: names.layerNorm('pre_layrnorm', hidden, layer.epsilon),
      },
      norm: names.layerNorm('post_layernorm', hidden, layer.epsilon),
      ...pooledBy(input, hidden),
      // CLIPForImageClassification reads the patches before that norm, which acts on the class row alone.
      ...classifierOf(input, 'patches', false),
    };
  },
};

/** The class row through `visual_projection` (CLIPModel, CLIPVisionModelWithProjection). */
function pooledBy({ weights, prefix }: ArchitectureInput, hidden: number): Pick<VisionTower, 'pooled'> {
  const [width] = weights.find(`${prefix}visual_projection.weight`)?.shape ?? [];
  if (width === undefined) return {};
  const project = new Names(weights, prefix).linear('visual_projection', hidden, width);
  return { pooled: { kind: 'row', row: 0, project } };
}
