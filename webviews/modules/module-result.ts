/** A run of a module on the page: its finding, what made it, and its sections. */
import { html, type TemplateResult } from 'lit';
import type { ModuleResult } from '../../protocol/results/module-schema';
import type { Section } from '../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { unaskedSections } from '../sections/unasked-sections';
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

export const moduleSections = ({ result, actions, ...part }: ModuleSectionsPart): TemplateResult =>
  html`<div class="module-sections">
    ${unaskedSections({
      ...part,
      sections: result.sections,
      result: result.created,
      actions: { ...actions, save: (section, view, format) => actions.save(result, section, view, format) },
    })}
  </div>`;
