/**
 * Idefics3 and SmolVLM: SigLIP's finished rows, squares of neighbours joined to one (pixel shuffle), one linear layer without
 * bias, in front of a llama (arXiv:2408.12637, section 3.1).
 */
import { amount } from '../formats/families/shared/family';
import { Names } from './architecture';
import { imageTokenOf } from './llava';
import { ModelError } from './model-spec';
import type { MultimodalArchitecture } from './vision-tower';

export const idefics3: MultimodalArchitecture = {
  families: ['idefics3', 'smolvlm'],
  specify(input) {
    const text = input.text('model.text_model.', '');
    const vision = input.vision('model.');
    const shuffle = amount(input.model, 'scale_factor') ?? 2;
    const { rows, columns } = vision.patches;
    if (!Number.isInteger(shuffle) || shuffle < 1 || rows % shuffle !== 0 || columns % shuffle !== 0) {
      throw new ModelError(
        `scale_factor ${shuffle} does not divide the ${rows} x ${columns} patches of an image. Correct the config.`,
      );
    }
    const names = new Names(input.weights, 'model.connector.modality_projection.');
    return {
      text,
      vision,
      connector: {
        states: [vision.stack.blocks.length],
        norm: vision.norm,
        skipped: 0,
        shuffle,
        linears: [names.linear('proj', vision.stack.hiddenSize * shuffle ** 2, text.hiddenSize)],
      },
      layout: { kind: 'splits' },
      imageToken: imageTokenOf(input.model),
      bidirectionalPrompt: false,
    };
  },
};
