/** The arrangement of a saved run of a module, alone or beside a second one. */
import { html, nothing, type TemplateResult } from 'lit';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { FromModulePanel } from '../../../protocol/panels/module-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { moduleMade } from '../../modules/module-exports';
import { moduleSections, type ModuleSectionsPart } from '../../modules/module-result';
import { button } from '../../ui/controls';
import { comparisonBanner, failureBanner } from '../../ui/run-status';
import type { FilePage, Views } from '../file-panel';
import { comparedRuns } from './comparison';

/** Survives a reload. */
export interface Arranged {
  /** Those of the second run begin with `there `. */
  readonly views: Views;
}

export interface State extends Arranged {
  /** Undefined until the extension has answered. */
  readonly opened: ToModulePanel | undefined;
}

type Page = FilePage<State, FromModulePanel, Arranged>;

interface ModulePage extends Omit<Page, 'actions'> {
  readonly actions: Omit<Page['actions'], 'save'> & ModuleSectionsPart['actions'];
}

export function modulePage(part: ModulePage): TemplateResult {
  const { state, compact, actions } = part;
  const { result, compareWith, problem, name = '' } = state.opened ?? {};
  return html`<main class="panel file ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${result?.finding ?? name}</h1>
      ${result ? html`<p class="circumstances">${moduleMade(result).join(' · ')}</p>` : nothing}
      ${
        result
          ? html`<div class="run-bar module-bar">
              ${button({ label: 'Compare with', icon: 'compare-changes', appearance: 'secondary', onClick: () => actions.post({ kind: 'compare' }) })}
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
              () => actions.post({ kind: 'stopComparing' }),
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
  { state: { views }, dark, compact, actions }: ModulePage,
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
