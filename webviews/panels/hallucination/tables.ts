/** The twins of the pictures: every head with its numbers, every picture of a set with its words. */
import { nothing, type TemplateResult } from 'lit';
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import { headKey, headName } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { type Column, countColumn, numberColumn, textColumn } from '../../ui/table';
import { wholeTable } from '../../ui/whole-table';
import type { Part } from './actions';
import { nameOf } from './variant-words';
import { attentionAt, divergenceAt, isOutlier, isSelected, type VhdModel } from './vhd-model';
import { modelOfStep } from './vhd-view';
import { percent } from '../../ui/numbers';

export const headRows = ({ layers, heads }: VhdModel): readonly HeadPlace[] =>
  Array.from({ length: layers * heads }, (_, at) => ({ layer: Math.floor(at / heads), head: at % heads }));

export function headColumns(model: VhdModel): readonly Column<HeadPlace>[] {
  const yes = (value: boolean): string | undefined => (value ? 'yes' : undefined);
  return [
    textColumn('head', 'Head', ({ layer, head }) => headName(layer, head)),
    numberColumn('vhd', 'VHD', (place) => divergenceAt(model, place), {
      hint: 'Distance of the head’s output with the image from its output without.',
    }),
    numberColumn('text_energy', 'Text energy', ({ layer, head }) => model.step.textEnergy[layer]?.[head], {
      hint: 'Squared norm of the head’s output without the image.',
    }),
    ...(model.step.visualAttention
      ? [
          countColumn(
            'visual_attention',
            model.lacks === 'the picture' ? 'On the image' : 'On the part',
            (place: HeadPlace) => attentionAt(model, place),
            {
              hint: `Visual attention ratio: share of the query’s attention on ${model.lacks}.`,
              text: (place: HeadPlace) => percent(attentionAt(model, place)),
            },
          ),
        ]
      : []),
    textColumn('outlier', 'Outlier', (place) => yes(isOutlier(model, place))),
    textColumn('selected', 'Selected', (place) => yes(isSelected(model, place))),
  ];
}

export function headTable(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const model = modelOfStep(state);
  if (!model) return nothing;
  const columns = headColumns(model);
  return wholeTable(part, {
    caption: 'All heads',
    noun: 'heads',
    columns,
    rows: headRows(model),
    key: ({ layer, head }) => headKey(layer, head),
    sort: state.view.tableSort ?? { column: 'vhd', descending: true },
    onSort: (tableSort) => actions.view({ tableSort }),
    selected: state.selected && headKey(state.selected.layer, state.selected.head),
    onSelect: (place) => actions.select(place),
    whole: state.view.allHeads,
    onWhole: () => actions.view({ allHeads: true }),
  });
}

const wrongOf = (entry: DatasetEntry, variant: number | null): readonly string[] => {
  const caption = variant === null ? entry.plain : entry.variants[variant];
  return [...new Set(caption?.mentions.filter(({ inTruth }) => inTruth === false).map(({ object }) => object))];
};

export function entryColumns(entries: readonly DatasetEntry[]): readonly Column<DatasetEntry>[] {
  const [first] = entries;
  return [
    textColumn('picture', 'Picture', ({ name }) => name),
    textColumn('truth', 'In it', ({ truth }) => truth.join(', ')),
    textColumn('hallucinated', 'Not there, plain', (entry) => wrongOf(entry, null).join(', ') || undefined, {
      hint: 'Objects that the plain caption names and the picture lacks.',
    }),
    ...(first?.variants ?? []).map((caption, at): Column<DatasetEntry> =>
      textColumn(`hallucinated_${at + 1}`, nameOf(caption), (entry) => wrongOf(entry, at).join(', ') || undefined),
    ),
    textColumn('caption', 'Plain caption', ({ plain }) => plain.text.trim()),
    ...(first?.variants ?? []).map((caption, at): Column<DatasetEntry> =>
      textColumn(`caption_${at + 1}`, `Caption, ${nameOf(caption).toLowerCase()}`, ({ variants }) =>
        variants[at]?.text.trim(),
      ),
    ),
  ];
}
