/**
 * LLaVA 1.5 and LLaVA-NeXT: the rows of one of the tower's last blocks, without the class row, through two linear layers
 * (arXiv:2310.03744, section 3; transformers LlavaForConditionalGeneration).
 */
import { amount, flag, word } from '../formats/families/shared/family';
import type { ModelDescription } from '../formats/model-description';
import { activationOf, Names } from './architecture';
import { ModelError } from './model-spec';
import type {
  ConnectorSpec,
  ImageLayout,
  MultimodalArchitecture,
  MultimodalInput,
  MultimodalSpec,
  VisionTower,
} from './vision-tower';

/** The prefixes of the parts in the two published layouts; the second is that of transformers 4.52 and later in memory. */
const layouts = [
  { text: 'language_model.', head: 'language_model.', vision: 'vision_tower.', rest: '' },
  { text: 'model.language_model.', head: '', vision: 'model.vision_tower.', rest: 'model.' },
] as const;

export function layoutOf({ weights }: MultimodalInput, probe: string) {
  const found = layouts.find(({ rest }) => weights.find(`${rest}${probe}`));
  if (!found) throw new ModelError(`The checkpoint has no tensor "${probe}", so its projector cannot be found.`);
  return found;
}

/** `vision_feature_layer` counts hidden states: 0 the patches, 1 the first block's output, negative from the last. */
function featureStates(model: ModelDescription, blocks: number): readonly number[] {
  const value = model.fields['vision_feature_layer']?.value;
  const layers = (Array.isArray(value) ? value : [value ?? -2]) as readonly unknown[];
  return layers.map((layer) => {
    const index = typeof layer === 'number' ? (layer < 0 ? blocks + 1 + layer : layer) : NaN;
    if (!Number.isInteger(index) || index < 0 || index > blocks) {
      throw new ModelError(
        `vision_feature_layer is ${String(layer)}, and the vision tower has ${blocks} blocks. Correct the config.`,
      );
    }
    return index;
  });
}

export function specifyLlava(input: MultimodalInput, layout: ImageLayout): MultimodalSpec {
  const { model } = input;
  const at = layoutOf(input, 'multi_modal_projector.linear_1.weight');
  const text = input.text(at.text, at.head);
  const vision = input.vision(at.vision);
  return {
    text,
    vision,
    connector: connectorOf(input, at.rest, vision, text.hiddenSize, layout),
    layout,
    imageToken: imageTokenOf(model),
    bidirectionalPrompt: false,
  };
}

function connectorOf(
  { model, weights }: MultimodalInput,
  rest: string,
  vision: VisionTower,
  width: number,
  layout: ImageLayout,
): ConnectorSpec {
  const states = featureStates(model, vision.stack.blocks.length);
  const strategy = word(model, 'vision_feature_select_strategy') ?? 'default';
  if (strategy !== 'default' && strategy !== 'full') {
    throw new ModelError(
      `vision_feature_select_strategy is "${strategy}"; "default" (without the class row) and "full" are known.`,
    );
  }
  const skipped = strategy === 'default' ? 1 : 0;
  const leading = vision.patches.leading.length;
  if (skipped > leading || (layout.kind === 'anyres' && skipped !== leading)) {
    throw new ModelError(
      `vision_feature_select_strategy is "${strategy}", and the vision encoder has ${leading === 0 ? 'no class row to leave out' : `${leading} class row${leading === 1 ? '' : 's'}, which tiles cannot keep`}. Correct the config.`,
    );
  }
  const names = new Names(weights, `${rest}multi_modal_projector.`);
  const inputs = vision.stack.hiddenSize * states.length;
  if (flag(model, 'multimodal_projector_bias', true) !== names.has('linear_1.bias')) {
    throw new ModelError(
      `multimodal_projector_bias is ${String(!names.has('linear_1.bias'))}, and the weights say otherwise. Correct the config.`,
    );
  }
  return {
    states,
    skipped,
    linears: [names.linear('linear_1', inputs, width), names.linear('linear_2', width, width)],
    activation: activationOf(word(model, 'projector_hidden_act') ?? 'gelu'),
    ...(layout.kind === 'anyres' ? { newline: `${rest}image_newline` } : {}),
  };
}

export function imageTokenOf(model: ModelDescription): number {
  const id = amount(model, 'image_token_index') ?? amount(model, 'image_token_id');
  const written = model.tokenIds.find(({ key }) => key === 'image_token_index' || key === 'image_token_id')?.ids[0];
  const token = written ?? id;
  if (token === undefined) throw new ModelError('The config names no image_token_index.');
  return token;
}

export const llava: MultimodalArchitecture = {
  families: ['llava'],
  specify: (input) => specifyLlava(input, { kind: 'single' }),
};
