/** The same heads of two models or of two texts side by side. */
import type { Section } from '../../../protocol/sections/section';
import type { FiniteStateResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Nothing for models of other sizes. */
export function compareStates(a: FiniteStateResult, b: FiniteStateResult): readonly Section[] {
  const shape = ({ degree }: FiniteStateResult): string => degree.map((row) => row.length).join();
  if (shape(a) !== shape(b)) return [];
  return [
    build.heads('change', 'Change of each head', '', [
      build.signed(
        'degree',
        'Change of the smallest degree',
        'The value in this result minus that in the other; empty where one of them found none.',
        a.degree.map((row, layer) => row.map((value, head) => (b.degree[layer]?.[head] ?? Number.NaN) - value)),
      ),
    ]),
  ];
}
