/** Layers that a person names in a parameter. */
import { refusal } from '../../protocol/wire/failures';

/** Numbers of layers are below this. */
const mostLayers = 2 ** 24;

/** `auto`, or `1,18-31`. */
export function layersIn(written: string): 'auto' | readonly number[] {
  if (written.trim() === 'auto') return 'auto';
  return written.split(',').flatMap((part) => {
    const range = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part);
    const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
    if (!range || last < first || last >= mostLayers) {
      throw refusal(`"${written.slice(0, 60)}" names no layers. Write auto, or layers from 0 such as 1,18-31.`);
    }
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/** Layers that are named, rising; a sentence where the text names none of the model. */
export function layersNamed(text: string, count: number): readonly number[] | string {
  if (text.trim() === '') return Array.from({ length: count }, (_, layer) => layer);
  const named = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/u.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first || last >= count) {
      return `"${part.trim()}" names no layers of this model, which has ${count}, from 0. Name some, e.g. 0-${count - 1}.`;
    }
    for (let layer = first; layer <= last; layer++) named.add(layer);
  }
  return [...named].sort((a, b) => a - b);
}
