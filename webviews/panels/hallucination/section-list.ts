/** Sections of the panel, each with what the person arranged in it. */
import type { TemplateResult } from 'lit';
import type { Section } from '../../../protocol/sections/section';
import type { LoadedPictures, SectionView } from '../../sections/section-kind';
import { sectionView } from '../../sections/section-view';
import type { Part } from './actions';
import { pictureOf } from './shown';
import type { State } from './state';

const noView: SectionView = {};

export const viewOf = ({ view }: State, id: string): SectionView => view.sections[id] ?? noView;

/** The picture that is shown, by the path that its section names. */
export function loadedOf(state: State): LoadedPictures {
  const picture = pictureOf(state);
  const loaded = picture && state.decoded.get(picture.image.sha256);
  return new Map(picture && loaded ? [[picture.image.path, loaded]] : []);
}

export function oneSection({ state, actions, dark, compact }: Part, section: Section): TemplateResult {
  const view = viewOf(state, section.id);
  return sectionView({
    section,
    view,
    dark,
    compact,
    loaded: loadedOf(state),
    actions: {
      view: (change) => actions.viewSection(section.id, change),
      ask: () => undefined,
      copy: (text, what) => actions.copy(text, what),
      save: (format) => actions.saveSection(section, view, format),
    },
  });
}
