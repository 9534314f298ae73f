/** Two results side by side: other prompts, another autoencoder, another model of the same heads. */
import type { Section } from '../../../protocol/sections/section';
import { spearman } from '../../shared/statistics/correlation';
import { threeDigits } from '../../../protocol/wire/number-words';
import { isScored } from './finding';
import type { SaeResult } from './result';
import { nodeDefinition } from './sections';
import * as build from '../../../protocol/sections/builders';

export function compare(a: SaeResult, b: SaeResult): readonly Section[] {
  if (!isScored(a) || !isScored(b) || a.heads?.join() !== b.heads?.join()) {
    return [
      build.paragraphs('incomparable', 'Change of the node score', [
        'The two models have other numbers of heads: no head of one stands beside one of the other.',
      ]),
    ];
  }
  const { r } = spearman(a.node.mean.flat(), b.node.mean.flat());
  return [
    build.heads(
      'change',
      'Change of the node score',
      `${Number.isNaN(r) ? '' : `Spearman's correlation of the two: ${threeDigits(r)}. `}${a.pairs === b.pairs ? '' : `The results have ${a.pairs} and ${b.pairs} prompts, and scores grow with their number.`}`,
      [
        build.signed(
          'change',
          'Change',
          `Node score of this result less that of the other. ${nodeDefinition(b.share === true)}`,
          a.node.mean.map((row, layer) => row.map((value, head) => (b.node.mean[layer]?.[head] ?? Number.NaN) - value)),
          b.share === true ? '' : 'codes',
        ),
      ],
    ),
  ];
}
