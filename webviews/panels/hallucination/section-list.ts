/** Sections of the panel, each with what the person arranged in it. */
import type { TemplateResult } from 'lit';
import type { Section } from '../../../protocol/sections/section';
import type { SectionActions, SectionView } from '../../sections/section-kind';
import { sectionView } from '../../sections/section-view';
import type { Part } from './actions';
import type { State } from './state';

const noView: SectionView = {};

export const viewOf = ({ view }: State, id: string): SectionView => view.sections[id] ?? noView;

/** What the panel itself does with what is chosen in a section. */
export interface Own {
  /** What is chosen, where the panel holds it. */
  readonly cursor?: string | undefined;
  readonly choose?: (cursor: string | undefined) => void;
  readonly ask?: SectionActions['ask'];
}

export function oneSection(
  { state, actions, dark, compact }: Part,
  section: Section,
  { cursor, choose, ask = () => undefined }: Own = {},
): TemplateResult {
  const own = viewOf(state, section.id);
  const view = choose ? { ...own, cursor } : own;
  return sectionView({
    section,
    view,
    dark,
    compact,
    loaded: state.decoded,
    actions: {
      view: (change) => {
        if (choose && 'cursor' in change) choose(change.cursor);
        else actions.viewSection(section.id, change);
      },
      ask,
      copy: (text, what) => actions.copy(text, what),
      save: (format) => actions.saveSection(section, view, format),
    },
  });
}
