/** The arrangement of the editor: the finding, the bar, brush and budget beside the map, then what the plan takes and where it is from. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { Plan } from '../../../protocol/plans/plan-file';
import { classCounts, planClasses, planClassNames } from '../../../protocol/plans/plan-words';
import type { Section } from '../../../protocol/sections/section';
import { unaskedSections } from '../../sections/unasked-sections';
import { button } from '../../ui/controls';
import { headKey } from '../../ui/head-names';
import '../../ui/menu';
import { bytes, count } from '../../ui/numbers';
import { banner, comparisonBanner, failureBanner } from '../../ui/run-status';
import type { PlanPage } from './part';
import { brushForm, budgetForm } from './controls';
import { finding } from './finding';
import { classColour } from './map-picture';
import './plan-map';
import { bytesAt, planSections } from './sections';
import type { Selection } from './selection';
import { changesBetween, headsOf, lengthOf, usualLength } from './state';

export function planPage(page: PlanPage): TemplateResult {
  const { state, compact, actions } = page;
  const { plan, problem, name = '', compareWith, canRun } = state.opened ?? {};
  return html`<main class="panel file plan ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${plan ? finding(state, plan) : name}</h1>
      ${plan ? title(page, plan) : nothing} ${plan ? bar(page) : nothing}
      ${
        problem
          ? html`${failureBanner({ sentence: problem })}
            ${button({ label: 'Open as Text', icon: 'file', onClick: () => actions.post({ kind: 'openText' }) })}`
          : nothing
      }
      ${plan && canRun !== undefined && canRun !== true ? banner('warning', html`${canRun}`) : nothing}
      ${plan && compareWith ? comparison(page, plan, compareWith) : nothing}
    </header>
    ${
      plan
        ? html`<div class="plan-body">
            <div class="plan-controls">${brushForm(page)} ${budgetForm(page)}</div>
            <section class="plan-picture" aria-label="Head map">${map(page, plan)}</section>
            <div class="plan-sections">${sections(page, plan)}</div>
          </div>`
        : nothing
    }
  </main>`;
}

function title({ actions }: PlanPage, { title: words, model, heads }: Plan): TemplateResult {
  const kvHeads = [...new Set(heads.map((layer) => layer.length))].sort((a, b) => a - b);
  return html`<input
      class="plan-title"
      type="text"
      spellcheck="false"
      aria-label="Title of the plan"
      placeholder="Title"
      .value=${live(words)}
      @change=${(event: Event) => actions.post({ kind: 'retitle', title: (event.target as HTMLInputElement).value })}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === 'Enter') (event.currentTarget as HTMLElement).blur();
      }}
    />
    <p class="circumstances">
      ${model.name}: ${count(heads.length)} layers of ${kvHeads.join(' to ')} key/value heads, head dimension
      ${model.headDim}
    </p>`;
}

function bar({ state, actions }: PlanPage): TemplateResult {
  const runs = state.opened?.canRun === true;
  const why = typeof state.opened?.canRun === 'string' ? state.opened.canRun : undefined;
  return html`<div class="run-bar plan-bar">
    ${button({
      label: 'Show Heads with This Plan',
      icon: 'eye',
      disabled: !runs,
      ...(why === undefined ? {} : { hint: why }),
      onClick: () => actions.post({ kind: 'showHeads' }),
    })}
    ${button({ label: 'Evaluate', icon: 'beaker', disabled: !runs, onClick: () => actions.post({ kind: 'evaluate' }) })}
    ${button({ label: 'Compare with', icon: 'compare-changes', onClick: () => actions.post({ kind: 'compare' }) })}
    ${button({ label: 'Copy as --do', icon: 'copy', onClick: () => actions.copyDo() })}
    <hs-menu
      .label=${'Export'}
      .icon=${'export'}
      .items=${(state.opened?.formats ?? []).map(({ id, title: words, extension }) => ({
        label: words,
        detail: extension,
        run: () => actions.post({ kind: 'write', format: id }),
      }))}
    ></hs-menu>
    <div class="toolbar" role="group" aria-label="Changes">
      ${button({ label: 'Undo', icon: 'discard', appearance: 'icon', hint: 'Undo (Ctrl+Z)', onClick: () => actions.post({ kind: 'undo' }) })}
      ${button({ label: 'Redo', icon: 'redo', appearance: 'icon', hint: 'Redo (Ctrl+Y)', onClick: () => actions.post({ kind: 'redo' }) })}
      ${button({ label: 'Open as Text', icon: 'file', appearance: 'icon', onClick: () => actions.post({ kind: 'openText' }) })}
    </div>
  </div>`;
}

function comparison(
  { state, actions }: PlanPage,
  plan: Plan,
  other: { readonly name: string; readonly plan: Plan },
): TemplateResult {
  const differing = changesBetween(other.plan.heads, headsOf(state)).length;
  const sameShape =
    other.plan.heads.length === plan.heads.length &&
    other.plan.heads.every((layer, index) => layer.length === plan.heads[index]?.length);
  const words = sameShape
    ? `${count(differing)} key/value heads differ; they are framed.`
    : 'It is for another number of layers or key/value heads.';
  return comparisonBanner(other.name, words, () => actions.post({ kind: 'stopComparing' }));
}

const noneMarked: ReadonlySet<string> = new Set();
let lastMarked: { readonly of: unknown; readonly with: unknown; readonly marked: ReadonlySet<string> } | undefined;

/** Kept as long as both plans are, so that the map is not drawn anew for a new cursor. */
function markedOf(heads: Plan['heads'], other: Plan | undefined): ReadonlySet<string> {
  if (!other) return noneMarked;
  if (lastMarked?.of !== heads || lastMarked.with !== other) {
    const marked = new Set(changesBetween(other.heads, heads).map(({ layer, head }) => headKey(layer, head)));
    lastMarked = { of: heads, with: other, marked };
  }
  return lastMarked.marked;
}

function map({ state, dark, actions }: PlanPage, plan: Plan): TemplateResult {
  const heads = headsOf(state);
  const length = lengthOf(state) ?? usualLength(state);
  const counts = classCounts(heads);
  return html`<hs-plan-map
      .heads=${heads}
      .marked=${markedOf(heads, state.opened?.compareWith?.plan)}
      .selection=${state.selection}
      .paints=${state.paints}
      .bytes=${(keep: HeadPlan) => `${bytes(bytesAt(plan, [[keep]], length).plan)} at ${count(length)} tokens`}
      @choose=${({ detail }: CustomEvent<Selection | null>) => actions.choose(detail ?? undefined)}
      @stroke=${({ detail }: CustomEvent<Selection>) => actions.paint(detail)}
    ></hs-plan-map>
    <ul class="plan-legend" aria-label="Kinds of heads">
      ${planClassNames
        .filter((name) => counts[name] > 0)
        .map(
          (name) =>
            html`<li title=${planClasses[name].definition}>
              <svg width="16" height="16" aria-hidden="true">
                <rect width="16" height="16" fill=${classColour(name, dark)}></rect>
              </svg>
              <strong>${planClasses[name].letter}</strong> ${planClasses[name].title}
              <span class="muted">${count(counts[name])}</span>
            </li>`,
        )}
    </ul>`;
}

function sections({ state, dark, compact, actions }: PlanPage, plan: Plan): unknown {
  const heads = headsOf(state);
  return unaskedSections({
    sections: sectionsOf(plan, heads, lengthOf(state) ?? usualLength(state), state.opened?.compareWith),
    result: 'plan',
    dark,
    compact,
    views: state.views,
    actions,
  });
}

let lastSections: { readonly given: readonly unknown[]; readonly made: readonly Section[] } | undefined;

/** Kept as long as what they are made of is: their pictures are drawn once. */
function sectionsOf(...given: Parameters<typeof planSections>): readonly Section[] {
  if (!lastSections?.given.every((one, at) => one === given[at]))
    lastSections = { given, made: planSections(...given) };
  return lastSections.made;
}
