/** Sections of a result that answers no further questions. */
import type { TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Section } from '../../protocol/sections/section';
import { looksOf, withLooks } from './page-looks';
import type { SectionFormat, SectionView } from './section-kind';
import { sectionView } from './section-view';

export interface UnaskedSections {
  readonly sections: readonly Section[];
  /** Names the result: sections of another one are drawn anew. */
  readonly result: string;
  readonly dark: boolean;
  readonly compact: boolean;
  /** By the id of the section. */
  readonly views: Readonly<Record<string, SectionView>>;
  readonly actions: {
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(section: Section, view: SectionView, format: SectionFormat): void;
  };
}

export const unaskedSections = ({ sections, result, dark, compact, views, actions }: UnaskedSections) =>
  repeat(
    sections,
    ({ id }) => `${result} ${id}`,
    (section): TemplateResult => {
      const view = views[section.id] ?? {};
      return sectionView({
        section: withLooks(section, looksOf(sections)),
        view,
        dark,
        compact,
        loaded: new Map(),
        actions: {
          view: (change) => actions.view(section.id, change),
          ask: () => {},
          copy: (text, what) => actions.copy(text, what),
          save: (format) => actions.save(section, view, format),
        },
      });
    },
  );
