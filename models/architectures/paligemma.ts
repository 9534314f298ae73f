/**
 * PaliGemma 1 and 2: SigLIP's finished rows through one linear layer, in front of a Gemma whose prompt reads in both
 * directions (arXiv:2407.07726, section 3). The release divides the image rows by sqrt(hidden size) and Gemma multiplies all
 * rows by it: here they enter the first block as the projector gives them. The class of transformers (4.52 to 5.2) has a language head of
 * its own, which does not cap logits as Gemma 2's does; nor did the last stage of training (arXiv:2412.03555, section 3).
 */
import { Names } from './architecture';
import { imageTokenOf, layoutOf } from './llava';
import type { ModelSpec } from './model-spec';
import type { MultimodalArchitecture } from './vision-tower';

function withoutCap(text: ModelSpec): ModelSpec {
  const { softcap: _none, ...head } = text.head;
  return { ...text, head };
}

export const paligemma: MultimodalArchitecture = {
  families: ['paligemma'],
  specify(input) {
    const at = layoutOf(input, 'multi_modal_projector.linear.weight');
    const text = withoutCap(input.text(at.text, at.head));
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
