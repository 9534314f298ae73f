/** What each of several devices holds of a model, in words. */
import { rangeWords } from '../inputs/devices';
import type { DevicePart } from '../schema/parts';
import { listed } from '../wire/listed';
import { bytesInWords } from '../wire/words';

/** `webgpu holds layers 0 to 11 and the language head (1.2 GB of 4.0 GB)`. */
export const partWords = ({ id, weightBytes, memoryBytes, ...part }: DevicePart): string =>
  `${id} holds ${heldWords(part)} (${bytesInWords(weightBytes)}${memoryBytes === undefined ? '' : ` of ${bytesInWords(memoryBytes)}`})`;

/** `the token embedding and layers 12 to 23`. */
export function heldWords({ embedding, layers, head }: Pick<DevicePart, 'embedding' | 'layers' | 'head'>): string {
  const held = [
    ...(embedding ? ['the token embedding'] : []),
    ...(layers ? [rangeWords(layers)] : []),
    ...(head ? ['the language head'] : []),
  ];
  return held.length === 0 ? 'nothing' : listed(held);
}
