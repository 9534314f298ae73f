/** Two attributions side by side, e.g. without and with an intervention, or of two tokens. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../shared/sections/cell';
import type { DirectResult } from './result';

const unit = 'logits';

/** Nothing for models of other sizes. */
export function compareDirect(a: DirectResult, b: DirectResult): readonly Section[] {
  const shape = ({ heads }: DirectResult): string => heads.map((row) => row.length).join();
  if (shape(a) !== shape(b)) return [];
  const row = (name: string, first: number | undefined, second: number | undefined) => [
    name,
    cellOf(first),
    cellOf(second),
    cellOf((second ?? Number.NaN) - (first ?? Number.NaN)),
  ];
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of what each head adds',
      numbers: [
        {
          name: 'change',
          title: 'Change',
          unit,
          definition: 'Contribution of the head in this result, less that in the other.',
          scale: { kind: 'diverging' },
          values: a.heads.map((heads, layer) =>
            heads.map((value, head) => (b.heads[layer]?.[head] ?? Number.NaN) - value),
          ),
        },
      ],
    },
    {
      kind: 'table',
      id: 'parts-compared',
      title: 'Parts of both',
      columns: [
        { name: 'part', title: 'Part', kind: 'text' },
        { name: 'first', title: 'Other', kind: 'number', unit, definition: 'What the part adds in the other result.' },
        { name: 'second', title: 'This', kind: 'number', unit, definition: 'The same in this result.' },
        { name: 'change', title: 'Change', kind: 'number', unit, definition: 'This result less the other.' },
      ],
      rows: [
        row('Embedding', a.embedding, b.embedding),
        ...a.attention.flatMap((value, layer) => [
          row(`L${layer} attention, all heads`, value, b.attention[layer]),
          row(`L${layer} MLP`, a.mlp[layer], b.mlp[layer]),
        ]),
        row('Biases', a.rest, b.rest),
        row('Logit', a.logit, b.logit),
      ],
    },
  ];
}
