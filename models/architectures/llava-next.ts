/** LLaVA-NeXT: LLaVA over the whole image and over tiles of an enlarged one (transformers LlavaNextForConditionalGeneration). */
import type { ModelDescription } from '../formats/model-description';
import { specifyLlava } from './llava';
import { ModelError } from './model-spec';
import type { MultimodalArchitecture } from './vision-tower';

/** `image_grid_pinpoints`: the sizes that an image may be enlarged to, [height, width]. */
function pinpointsOf(model: ModelDescription): readonly (readonly [height: number, width: number])[] {
  const value: unknown = model.fields['image_grid_pinpoints']?.value;
  const pairs = (Array.isArray(value) ? value : []) as readonly unknown[];
  const sizes = pairs.map((pair) => {
    const [height, width] = (Array.isArray(pair) ? pair : []) as readonly unknown[];
    return typeof height === 'number' && typeof width === 'number' ? ([height, width] as const) : undefined;
  });
  const known = sizes.filter((size) => size !== undefined);
  if (known.length === 0 || known.length < sizes.length) {
    throw new ModelError('image_grid_pinpoints is not a list of [height, width] pairs. Correct the config.');
  }
  return known;
}

export const llavaNext: MultimodalArchitecture = {
  families: ['llava_next'],
  specify: (input) => specifyLlava(input, { kind: 'anyres', pinpoints: pinpointsOf(input.model) }),
};
