/** Two results side by side: other prompts, another autoencoder, another model of the same heads. */
import type { Section } from '../../../protocol/sections/section';
import { spearman } from '../../shared/statistics/correlation';
import { threeDigits } from '../../shared/words';
import { isScored } from './finding';
import type { SaeResult } from './result';
import { nodeDefinition } from './sections';

export function compare(a: SaeResult, b: SaeResult): readonly Section[] {
  if (!isScored(a) || !isScored(b) || a.heads?.join() !== b.heads?.join()) {
    return [
      {
        kind: 'text',
        id: 'incomparable',
        title: 'Change of the node score',
        paragraphs: ['The two models have other numbers of heads: no head of one stands beside one of the other.'],
      },
    ];
  }
  const { r } = spearman(a.node.mean.flat(), b.node.mean.flat());
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the node score',
      caption: `${Number.isNaN(r) ? '' : `Spearman's correlation of the two: ${threeDigits(r)}. `}${a.pairs === b.pairs ? '' : `The results have ${a.pairs} and ${b.pairs} prompts, and scores grow with their number.`}`,
      numbers: [
        {
          name: 'change',
          title: 'Change',
          unit: b.share === true ? '' : 'codes',
          definition: `Node score of this result less that of the other. ${nodeDefinition(b.share === true)}`,
          scale: { kind: 'diverging' },
          values: a.node.mean.map((row, layer) =>
            row.map((value, head) => (b.node.mean[layer]?.[head] ?? Number.NaN) - value),
          ),
        },
      ],
    },
  ];
}
