/**
 * PaliGemma 1 and 2: SigLIP's finished rows through one linear layer, in front of a Gemma whose prompt reads in both
 * directions (arXiv:2407.07726, section 3). The release divides the image rows by sqrt(hidden size) and Gemma multiplies all
 * rows by it: here they enter the first block as the projector gives them.
 */
import { Names } from './architecture';
import { imageTokenOf, layoutOf } from './llava';
import type { MultimodalArchitecture } from './vision-tower';

export const paligemma: MultimodalArchitecture = {
  families: ['paligemma'],
  specify(input) {
    const at = layoutOf(input, 'multi_modal_projector.linear.weight');
    const text = input.text(at.text, at.head);
    const vision = input.vision(at.vision);
    const names = new Names(input.weights, `${at.rest}multi_modal_projector.`);
    return {
      text,
      vision,
      connector: {
        states: [vision.stack.blocks.length],
        norm: vision.norm,
        skipped: 0,
        linears: [names.linear('linear', vision.stack.hiddenSize, text.hiddenSize)],
      },
      layout: { kind: 'single' },
      imageToken: imageTokenOf(input.model),
      bidirectionalPrompt: true,
    };
  },
};
