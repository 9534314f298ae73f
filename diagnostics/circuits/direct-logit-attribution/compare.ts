/** Two attributions side by side, e.g. without and with an intervention, or of two tokens. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import type { DirectResult } from './result';
import { changeGrids } from '../../shared/effects/change-grids';
import * as build from '../../../protocol/sections/builders';

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
    ...changeGrids([{ tables: [a.heads, b.heads] }, { stack: 'cross', tables: [a.cross, b.cross] }], {
      title: 'Change of what each head adds',
      number: 'Change',
      definition: 'Contribution of the head in this result, less that in the other.',
      unit,
      caption: '',
    }),
    build.cellTable(
      'parts-compared',
      'Parts of both',
      '',
      [
        build.text('part', 'Part'),
        build.number('first', 'Other', 'What the part adds in the other result.', unit),
        build.number('second', 'This', 'The same in this result.', unit),
        build.number('change', 'Change', 'This result less the other.', unit),
      ],
      [
        row('Embedding', a.embedding, b.embedding),
        ...a.attention.flatMap((value, layer) => [
          row(`L${layer} attention, all heads`, value, b.attention[layer]),
          row(`L${layer} MLP`, a.mlp[layer], b.mlp[layer]),
        ]),
        row('Biases', a.rest, b.rest),
        row('Logit', a.logit, b.logit),
      ],
    ),
  ];
}
