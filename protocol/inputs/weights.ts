/** How the weights of a model are held while it is open. */
import type { Schema } from '../schema/check';
import { oneOf } from '../schema/fields';
import type { HeldWeights } from '../schema/parts';

/** What a person chooses; `as-stored` and `float32` are the same where the device multiplies in float32. */
export const weightChoices = {
  'as-stored': 'The exact weights of the checkpoint; half-width ones are widened to float32.',
  float32: 'The exact weights in float32.',
  float16: 'Linear layers in float16 on devices that multiply in it; the CPU takes float32.',
  q8: 'Linear layers in 8-bit integers, quantised when the model is opened: about half of the memory of float16.',
  q4: 'Linear layers in 4-bit integers, quantised when the model is opened: about a third of the memory of float16.',
} as const;

export type WeightChoice = keyof typeof weightChoices;

/** In a request. */
export const weightChoice: Schema<WeightChoice> = oneOf(Object.keys(weightChoices) as readonly WeightChoice[]);

/** What to ask for, to have the weights of a result again. */
export const choiceOfHeld = (held: HeldWeights): WeightChoice => (held === 'float32' ? 'as-stored' : held);

export const isWeightChoice = (text: string): text is WeightChoice => Object.hasOwn(weightChoices, text);

/** Held by a device that was asked for `choice`. */
export function heldWeights(choice: WeightChoice, device: string): HeldWeights {
  if (choice === 'q8' || choice === 'q4') return choice;
  return choice === 'float16' && device !== 'cpu' ? 'float16' : 'float32';
}

/** `8-bit weights`, for badges and lists. */
export const heldWords: Readonly<Record<HeldWeights, string>> = {
  float32: 'exact weights',
  float16: 'float16 weights',
  q8: '8-bit weights',
  q4: '4-bit weights',
};
