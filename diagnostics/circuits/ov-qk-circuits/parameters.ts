import type { ParameterTable } from '../../../protocol/analysis/parameters';

export type CircuitParameters = {
  readonly layers: string;
  readonly rotations: number;
};

export const parameters: ParameterTable<CircuitParameters> = {
  layers: {
    kind: 'text',
    title: 'Layers',
    description: 'Which layers are compared, e.g. 0-5,8. Empty: all.',
    default: '',
  },
  rotations: {
    kind: 'integer',
    title: 'Random rotations',
    description:
      'How often what a head writes is turned at random before another reads it: the composition that comes by chance. p is at least 1 / (rotations + 1).',
    min: 19,
    max: 9999,
    default: 199,
  },
};

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
