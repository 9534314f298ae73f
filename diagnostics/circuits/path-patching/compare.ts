/** Two results of path patching side by side. */
import type { Section } from '../../../protocol/sections/section';
import type { PathResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: PathResult, b: PathResult): readonly Section[] {
  const shape = ({ stages }: PathResult): string =>
    JSON.stringify(stages.slice(0, 1).map(({ receivers, effect }) => [receivers, effect.map(({ length }) => length)]));
  const [first, second] = [a.stages[0], b.stages[0]];
  if (!first || !second || shape(a) !== shape(b)) {
    return [
      build.paragraphs('incomparable', 'Change of the effects', [
        'The two results have other receivers in their first stage, or other numbers of heads: no head of one stands beside one of the other.',
      ]),
    ];
  }
  return [
    build.heads(
      'change',
      'Change of the effects of the first stage: this result less the other',
      'No test is made of a difference: it is one mean less another.',
      [
        build.signed(
          'change',
          'Change of the effect',
          'Effect in this result, less that in the other.',
          first.effect.map((row, layer) =>
            row.map((value, head) => (second.effect[layer]?.[head] ?? Number.NaN) - value),
          ),
        ),
      ],
    ),
  ];
}
