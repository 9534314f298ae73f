/** A run of a module on the page: its finding, what made it, and its sections. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ModuleResult } from '../../protocol/results/module';
import type { Section } from '../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { sectionView } from '../sections/section-view';
import { moduleMade } from './module-exports';

export interface ModuleSectionsPart {
  readonly result: ModuleResult;
  readonly dark: boolean;
  readonly compact: boolean;
  /** By the id of the section. */
  readonly views: Readonly<Record<string, SectionView>>;
  readonly actions: {
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(result: ModuleResult, section: Section, view: SectionView, format: SectionFormat): void;
  };
}

export const moduleResult = (part: ModuleSectionsPart): TemplateResult =>
  html`<section class="module-result" aria-label="Result of the module">
    <h2>${part.result.finding}</h2>
    <p class="muted">${moduleMade(part.result).join(' · ')}</p>
    ${moduleSections(part)}
  </section>`;

export const moduleSections = (part: ModuleSectionsPart): TemplateResult =>
  html`<div class="module-sections">
    ${repeat(
      part.result.sections,
      ({ id }) => `${part.result.created} ${id}`,
      (section) => one(part, section),
    )}
  </div>`;

function one({ result, dark, compact, views, actions }: ModuleSectionsPart, section: Section): TemplateResult {
  const view = views[section.id] ?? {};
  return sectionView({
    section,
    view,
    dark,
    compact,
    loaded: new Map(),
    actions: {
      view: (change) => actions.view(section.id, change),
      ask: () => {},
      copy: (text, what) => actions.copy(text, what),
      save: (format) => actions.save(result, section, view, format),
    },
  });
}
