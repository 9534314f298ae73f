/** The keys that an intervention acts on: a range of positions, or those of the picture. */
import type { Schema } from '../schema/check';
import { either, exactly } from '../schema/fields';
import { rangeField } from './fields';
import { type Range, rangeOf, rangeText } from '../schema/written-form';

export type Keys = Range | 'image';

export const keysField: Schema<Keys> = either(
  rangeField,
  exactly('image'),
  '"image" or a range of positions with start and end',
);

export const keysOf = (text: string): Keys | undefined => (text.trim() === 'image' ? 'image' : rangeOf(text));

export const keysText = (keys: Keys): string => (keys === 'image' ? 'image' : rangeText(keys));

export const keysWords = (keys: Keys): string =>
  keys === 'image'
    ? 'image tokens'
    : keys.end - keys.start === 1
      ? `key ${keys.start}`
      : `keys ${keys.start}-${keys.end - 1}`;
