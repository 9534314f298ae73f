/** How the weights of a model are held while it is open. */
import type { Schema } from '../schema/check';
import { oneOf } from '../schema/fields';
import type { HeldWeights } from '../schema/parts';

/** What a person chooses; `as-stored` and `float32` are the same where the device multiplies in float32. */
export const weightChoices = {
  'as-stored':
    'The exact weights of the checkpoint; half-width ones are widened to float32, quantised ones multiplied as they are.',
  float32: 'The exact weights in float32.',
  float16: 'Linear layers in float16 on devices that multiply in it; the CPU takes float32.',
  q8: 'Linear layers in 8-bit integers, quantised when the model is opened: about half of the memory of float16.',
  q4: 'Linear layers in 4-bit integers, quantised when the model is opened: about a third of the memory of float16.',
  'int8-activations':
    'The exact weights of a quantised file, multiplied by activations that are rounded to 8 bits: faster, as llama.cpp does.',
} as const;

export type WeightChoice = keyof typeof weightChoices;

/** In a request. */
export const weightChoice: Schema<WeightChoice> = oneOf(Object.keys(weightChoices) as readonly WeightChoice[]);

/** What to ask for, to have the weights of a result again. */
export const choiceOfHeld = (held: HeldWeights): WeightChoice => (held === 'float32' ? 'as-stored' : held);

export const isWeightChoice = (text: string): text is WeightChoice => Object.hasOwn(weightChoices, text);

/**
 * How a device holds weights for `choice`. `quantised`: whether the weights of the model are quantised in its files, if that is known. Such
 * weights are not quantised again, and activations are rounded only for them.
 */
export function heldWeights(choice: WeightChoice, device: string, quantised?: boolean): HeldWeights {
  if (quantised === true && choice !== 'int8-activations') return 'float32';
  if (quantised === false && choice === 'int8-activations') return 'float32';
  if (choice === 'q8' || choice === 'q4') return choice;
  if (choice === 'int8-activations') return device === 'cpu' ? choice : 'float32';
  return choice === 'float16' && device !== 'cpu' ? 'float16' : 'float32';
}

/** `8-bit weights`, for badges and lists. */
export const heldWords: Readonly<Record<HeldWeights, string>> = {
  float32: 'exact weights',
  float16: 'float16 weights',
  q8: '8-bit weights',
  q4: '4-bit weights',
  'int8-activations': 'activations in 8 bits',
};
