/** The twin of the bars beside the map of heads: every layer with what its heads add up to. */
import { html, type TemplateResult } from 'lit';
import { significant } from '../../ui/numbers';
import { folded } from '../../ui/panel-page';
import { table, type Column } from '../../ui/table';
import type { Part } from './actions';
import { copyButtons } from './copy-buttons';
import { percent } from './variant-words';
import { layerAttention, layerDivergence, type VhdModel } from './vhd-model';

export const layerRows = ({ layers }: VhdModel): readonly number[] =>
  Array.from({ length: layers }, (_, layer) => layer);

export function layerColumns(model: VhdModel): readonly Column<number>[] {
  const { step, k, lacks, reinforced } = model;
  const flagged = (flags: readonly (readonly boolean[])[], layer: number): number =>
    flags[layer]?.filter(Boolean).length ?? 0;
  return [
    { id: 'layer', title: 'Layer', numeric: true, value: (layer) => layer },
    {
      id: 'vhd_sum',
      title: k === 1 ? 'Largest VHD' : `Sum of the ${k} largest VHD`,
      numeric: true,
      hint: 'What the layer adds to T-VHD, outliers counted.',
      value: (layer) => layerDivergence(model, layer),
      text: (layer) => significant(layerDivergence(model, layer)),
    },
    ...(step.visualAttention
      ? [
          {
            id: 'visual_attention_mean',
            title: 'Mean attention',
            numeric: true,
            hint: `Share of the attention on ${lacks}, mean over the heads of the layer.`,
            value: (layer: number) => layerAttention(model, layer),
            text: (layer: number) => percent(layerAttention(model, layer)),
          } satisfies Column<number>,
        ]
      : []),
    {
      id: 'selected',
      title: 'Selected',
      unit: 'heads',
      numeric: true,
      value: (layer) => flagged(step.selected, layer),
    },
    { id: 'outliers', title: 'Outliers', unit: 'heads', numeric: true, value: (layer) => flagged(step.outlier, layer) },
    {
      id: 'reinforced',
      title: 'Reinforced',
      numeric: false,
      value: (layer) => (reinforced.has(layer) ? 'yes' : undefined),
    },
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
