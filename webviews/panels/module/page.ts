/** The arrangement of a saved run of a module, alone or beside a second one. */
import { html, nothing, type TemplateResult } from 'lit';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { Section } from '../../../protocol/sections/section';
import { moduleMade } from '../../modules/module-exports';
import { moduleSections } from '../../modules/module-result';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { button } from '../../ui/controls';
import { comparisonBanner, failureBanner } from '../../ui/run-status';
import { comparedRuns } from './comparison';

/** Views of sections by their ids; those of the second run begin with `there `. */
export type Views = Readonly<Record<string, SectionView>>;

export interface ModulePage {
  /** Undefined until the extension has answered. */
  readonly opened: ToModulePanel | undefined;
  readonly views: Views;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly actions: {
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(result: ModuleResult, section: Section, view: SectionView, format: SectionFormat): void;
    compare(): void;
    stopComparing(): void;
  };
}

export function modulePage(part: ModulePage): TemplateResult {
  const { opened, compact, actions } = part;
  const { result, compareWith, problem, name = '' } = opened ?? {};
  return html`<main class="panel file ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${result?.finding ?? name}</h1>
      ${result ? html`<p class="circumstances">${moduleMade(result).join(' · ')}</p>` : nothing}
      ${
        result
          ? html`<div class="module-bar">
              ${button({ label: 'Compare with', icon: 'compare-changes', appearance: 'secondary', onClick: () => actions.compare() })}
            </div>`
          : nothing
      }
      ${problem ? failureBanner({ sentence: problem }) : nothing}
      ${
        result && compareWith
          ? comparisonBanner(
              compareWith.name,
              whyNotCompared(result, compareWith.result, compareWith.name) ??
                differenceSentence(result, compareWith.result),
              () => actions.stopComparing(),
            )
          : nothing
      }
    </header>
    <div class="body"><div class="results">${result ? results(part, name, result, compareWith) : nothing}</div></div>
  </main>`;
}

function results(
  part: ModulePage,
  name: string,
  result: ModuleResult,
  compareWith: ToModulePanel['compareWith'],
): TemplateResult {
  if (!compareWith) return sections(part, result, '');
  const compared = comparedRuns({ name, result }, compareWith);
  return html`${compared ? sections(part, { ...result, sections: [compared] }, '') : nothing}
    <div class="module-pair">
      ${column(part, name, result, '')} ${column(part, compareWith.name, compareWith.result, 'there ')}
    </div>`;
}

const column = (part: ModulePage, name: string, result: ModuleResult, prefix: string): TemplateResult =>
  html`<section aria-label=${name}>
    <h2>${name}</h2>
    <p class="muted">${result.finding}</p>
    ${sections(part, result, prefix)}
  </section>`;

const sections = (
  { views, dark, compact, actions }: ModulePage,
  result: ModuleResult,
  prefix: string,
): TemplateResult =>
  moduleSections({
    result,
    dark,
    compact,
    views: Object.fromEntries(result.sections.map(({ id }) => [id, views[prefix + id] ?? {}])),
    actions: { ...actions, view: (id, change) => actions.view(prefix + id, change) },
  });
