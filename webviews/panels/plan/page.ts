/** The arrangement of the editor: the finding, the bar, brush and budget beside the map, then what the plan takes and where it is from. */
import { html, type TemplateResult } from 'lit';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { Plan } from '../../../protocol/plans/plan-file';
import { classCounts, planClasses, planClassNames } from '../../../protocol/plans/plan-words';
import type { Section } from '../../../protocol/sections/section';
import { unaskedSections } from '../../sections/unasked-sections';
import { button } from '../../ui/controls';
import { headKey } from '../../ui/head-names';
import '../../ui/menu';
import { bytes, count } from '../../ui/numbers';
import { editedPage, whyNot } from '../file-page';
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
  const { opened } = state;
  return editedPage({
    opened,
    compact,
    post: (message) => actions.post(message),
    what: 'plan',
    parts: (plan: Plan) => ({
      finding: finding(state, plan),
      circumstances: html`${modelWords(plan)}`,
      runs: runs(page),
      leaves: html`${button({ label: 'Copy as --do', icon: 'copy', onClick: () => actions.copyDo() })}
        <hs-menu
          .label=${'Export'}
          .icon=${'export'}
          .items=${(opened?.formats ?? []).map(({ id, title, extension }) => ({
            label: title,
            detail: extension,
            run: () => actions.post({ kind: 'write', format: id }),
          }))}
        ></hs-menu>`,
      comparison: opened?.compareWith ? comparison(headsOf(state), opened.compareWith.result.heads) : '',
      body: html`<div class="plan-body">
        <div class="plan-controls">${brushForm(page)} ${budgetForm(page)}</div>
        <section class="plan-picture" aria-label="Head map">${map(page, plan)}</section>
        <div class="file-sections">${sections(page, plan)}</div>
      </div>`,
    }),
  });
}

function modelWords({ model, heads }: Plan): string {
  const kvHeads = [...new Set(heads.map((layer) => layer.length))].sort((a, b) => a - b);
  return `${model.name}: ${count(heads.length)} layers of ${kvHeads.join(' to ')} key/value heads, head dimension ${model.headDim}`;
}

function runs({ state: { opened }, actions }: PlanPage): TemplateResult {
  const disabled = opened?.canRun !== true;
  const why = whyNot(opened);
  const hint = why === undefined ? {} : { hint: why };
  return html`${button({ label: 'Show Heads with This Plan', icon: 'eye', disabled, ...hint, onClick: () => actions.post({ kind: 'showHeads' }) })}
  ${button({ label: 'Evaluate', icon: 'beaker', disabled, ...hint, onClick: () => actions.post({ kind: 'evaluate' }) })}`;
}

function comparison(heads: Plan['heads'], others: Plan['heads']): string {
  const sameShape =
    others.length === heads.length && others.every((layer, index) => layer.length === heads[index]?.length);
  return sameShape
    ? `${count(changesBetween(others, heads).length)} key/value heads differ; they are framed.`
    : 'It is for another number of layers or key/value heads.';
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
      .marked=${markedOf(heads, state.opened?.compareWith?.result)}
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
