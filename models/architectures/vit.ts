/** ViT, DeiT (a second summary row) and DINOv2 (layer scales, perhaps a gated network). */
import { activationOf, epsilonOf, Names } from './architecture';
import { flag } from '../formats/families/shared/family';
import {
  classifierOf,
  encoderBlock,
  patchGrid,
  towerStack,
  type VisionArchitecture,
  type VisionTower,
} from './vision-tower';
import type { ArchitectureInput } from './architecture';

const attention = {
  query: 'attention.attention.query',
  key: 'attention.attention.key',
  value: 'attention.attention.value',
  output: 'attention.output.dense',
} as const;

const plain = {
  ...attention,
  up: 'intermediate.dense',
  down: 'output.dense',
  before: 'layernorm_before',
  after: 'layernorm_after',
} as const;

function vitLike(
  input: ArchitectureInput,
  roots: readonly string[],
  leading: readonly string[],
  layer: Omit<Parameters<typeof encoderBlock>[3], 'epsilon' | 'activation'>,
  resizable?: true,
): VisionTower {
  const { part } = input;
  const names = Names.find(input, roots, 'embeddings.patch_embeddings.projection.weight');
  const hidden = part.hiddenSize;
  const { patch, size, channels, rows, columns, patches } = patchGrid(input);
  const epsilon = epsilonOf(part);
  // The gated network of DINOv2 is SwiGLU whatever hidden_act says (Dinov2SwiGLUFFN).
  const activation = layer.fusedGate ? 'silu' : activationOf(part.activation);
  return {
    stack: towerStack(
      input,
      part.layers.map((each) =>
        encoderBlock(each, names.at(`encoder.layer.${each.index}.`), hidden, { ...layer, epsilon, activation }),
      ),
    ),
    patches: {
      projection: names.name('embeddings.patch_embeddings.projection.weight'),
      bias: names.name('embeddings.patch_embeddings.projection.bias'),
      channels,
      patch,
      size,
      rows,
      columns,
      leading: leading.map((name) => ({ name: names.name(name), shape: [1, 1, hidden] })),
      positions: {
        name: names.name('embeddings.position_embeddings'),
        shape: [1, patches + leading.length, hidden],
      },
      ...(resizable ? { resizable } : {}),
    },
    norm: names.layerNorm('layernorm', hidden, epsilon),
    // DINOv2's reads the mean of the patches beside the class row.
    ...classifierOf(input, resizable ? 'class and patches' : 'class'),
  };
}

export const vit: VisionArchitecture = {
  families: ['vit'],
  tower: (input) => vitLike(input, ['vit.', ''], ['embeddings.cls_token'], plain),
};

export const deit: VisionArchitecture = {
  families: ['deit'],
  tower: (input) => vitLike(input, ['deit.', ''], ['embeddings.cls_token', 'embeddings.distillation_token'], plain),
};

export const dinov2: VisionArchitecture = {
  families: ['dinov2'],
  tower: (input) => {
    const gated = flag(input.part, 'use_swiglu_ffn');
    return vitLike(
      input,
      ['dinov2.', ''],
      ['embeddings.cls_token'],
      {
        ...attention,
        up: gated ? 'mlp.weights_in' : 'mlp.fc1',
        down: gated ? 'mlp.weights_out' : 'mlp.fc2',
        before: 'norm1',
        after: 'norm2',
        gains: ['layer_scale1.lambda1', 'layer_scale2.lambda1'],
        ...(gated ? { fusedGate: true } : {}),
      },
      true,
    );
  },
};
