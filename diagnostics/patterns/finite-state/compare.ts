/** The same heads of two models or of two texts side by side. */
import type { Section } from '../../../protocol/sections/section';
import type { FiniteStateResult } from './result';

/** Nothing for models of other sizes. */
export function compareStates(a: FiniteStateResult, b: FiniteStateResult): readonly Section[] {
  const shape = ({ degree }: FiniteStateResult): string => degree.map((row) => row.length).join();
  if (shape(a) !== shape(b)) return [];
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of each head',
      numbers: [
        {
          name: 'degree',
          title: 'Change of the smallest degree',
          unit: '',
          definition: 'Of this result, less that of the other; empty where one of them found none.',
          scale: { kind: 'diverging' },
          values: a.degree.map((row, layer) =>
            row.map((value, head) => (b.degree[layer]?.[head] ?? Number.NaN) - value),
          ),
        },
      ],
    },
  ];
}
