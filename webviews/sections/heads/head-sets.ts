/** Chooses all heads of a class, or those of one layer, where heads can be asked about together. */
import { html, nothing, type TemplateResult } from 'lit';
import type { HeadsSection } from '../../../protocol/sections/heads';
import { dropdown } from '../../ui/controls';
import { headKey } from '../../ui/head-names';
import type { SectionActions, SectionView } from '../section-kind';
import { parse } from './heads-picture';

interface HeadSet {
  readonly value: string;
  readonly label: string;
  readonly heads: readonly string[];
}

/** Sets of the heads of each class, and of each class within the layer of the chosen head; sets of one head are none. */
export function setsOf({ classes = [] }: HeadsSection, { cursor }: SectionView): readonly HeadSet[] {
  const layer = cursor === undefined ? undefined : parse(cursor).layer;
  return classes.flatMap(({ name, title, heads }) => {
    const keys = (of: typeof heads): readonly string[] => of.map((head) => headKey(head.layer, head.head));
    const inLayer = heads.filter((head) => head.layer === layer);
    return [
      { value: name, label: `${title}: all ${heads.length}`, heads: keys(heads) },
      {
        value: `${name} ${layer ?? ''}`,
        label: `${title} in layer ${layer ?? ''}: ${inLayer.length}`,
        heads: keys(inLayer),
      },
    ].filter((set) => set.heads.length > 1);
  });
}

export function headSets(
  section: HeadsSection,
  view: SectionView,
  actions: SectionActions,
): TemplateResult | typeof nothing {
  const sets = section.together ? setsOf(section, view) : [];
  if (sets.length === 0) return nothing;
  const { chosen = [] } = view;
  const isChosen = ({ heads }: HeadSet): boolean =>
    heads.length === chosen.length && heads.every((head) => chosen.includes(head));
  const one = { value: '', label: chosen.length > 1 ? `${chosen.length} chosen heads` : 'The chosen head' };
  return html`<div class="head-sets">
    ${dropdown({
      label: 'Which heads',
      choices: [one, ...sets],
      value: sets.find(isChosen)?.value ?? '',
      onChange: (value) => {
        const heads = sets.find((set) => set.value === value)?.heads ?? [];
        const cursor = view.cursor ?? heads.at(-1);
        actions.view(heads.length === 0 ? { cursor, chosen: undefined } : { cursor: heads.at(-1), chosen: heads });
      },
    })}
  </div>`;
}
