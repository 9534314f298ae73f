/** The twin of the bars beside the map of heads: every layer with what its heads add up to. */
import { html, type TemplateResult } from 'lit';
import { folded } from '../../ui/panel-page';
import { type Column, countColumn, numberColumn, table, textColumn } from '../../ui/table';
import type { Part } from './actions';
import { copyButtons } from '../../ui/whole-table';
import { layerAttention, layerDivergence, type VhdModel } from './vhd-model';
import { percent } from '../../ui/numbers';

export const layerRows = ({ layers }: VhdModel): readonly number[] =>
  Array.from({ length: layers }, (_, layer) => layer);

export function layerColumns(model: VhdModel): readonly Column<number>[] {
  const { step, k, lacks, reinforced } = model;
  const flagged = (flags: readonly (readonly boolean[])[], layer: number): number =>
    flags[layer]?.filter(Boolean).length ?? 0;
  return [
    countColumn('layer', 'Layer', (layer) => layer),
    numberColumn(
      'vhd_sum',
      k === 1 ? 'Largest VHD' : `Sum of the ${k} largest VHD`,
      (layer) => layerDivergence(model, layer),
      { hint: 'What the layer adds to T-VHD, outliers counted.' },
    ),
    ...(step.visualAttention
      ? [
          countColumn('visual_attention_mean', 'Mean attention', (layer: number) => layerAttention(model, layer), {
            hint: `Share of the attention on ${lacks}, mean over the heads of the layer.`,
            text: (layer: number) => percent(layerAttention(model, layer)),
          }),
        ]
      : []),
    countColumn('selected', 'Selected', (layer) => flagged(step.selected, layer), { unit: 'heads' }),
    countColumn('outliers', 'Outliers', (layer) => flagged(step.outlier, layer), { unit: 'heads' }),
    textColumn('reinforced', 'Reinforced', (layer) => (reinforced.has(layer) ? 'yes' : undefined)),
  ];
}

export function layerTable(part: Part, model: VhdModel): TemplateResult {
  const columns = layerColumns(model);
  const rows = layerRows(model);
  return folded(
    part,
    { name: 'layers', title: 'Layers as a table' },
    () => html`${copyButtons(part, columns, rows)} ${table({ caption: 'Layers', columns, rows, key: String })}`,
  );
}
