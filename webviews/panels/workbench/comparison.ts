/** Two results: first what differs, then both beside each other. */
import { html, nothing, type TemplateResult } from 'lit';
import { differenceSentence } from '../../../protocol/results/comparability';
import type { Section } from '../../../protocol/sections/section';
import type { Part } from './actions';
import { sectionsOf } from './section-list';
import type { State } from './state';

/** Keys of views of the sections of a comparison, apart from those of the result. */
export const changesKey = 'compared ';
export const otherKey = 'other ';

/** What besides the numbers differs between the two. */
export const comparisonWords = ({ result, compareWith }: State): string =>
  result && compareWith ? differenceSentence(result, compareWith.result) : '';

export function comparison(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const { result, compareWith } = state;
  if (!result || !compareWith) return nothing;
  const here = state.savedAs ?? 'This result';
  const { sections: changes = [] } = compareWith;
  return html`<div class="comparison">
    ${
      changes.length > 0
        ? html`<section class="changes" aria-label="Changes">${sectionsOf(part, changes, changesKey)}</section>`
        : nothing
    }
    <div class="side-by-side">
      ${column(part, here, result.finding, result.sections, '')}
      ${column(part, compareWith.name, compareWith.result.finding, compareWith.result.sections, otherKey)}
    </div>
  </div>`;
}

const column = (
  part: Part,
  name: string,
  finding: string,
  sections: readonly Section[],
  prefix: string,
): TemplateResult =>
  html`<section class="compared" aria-label=${name}>
    <div class="compared-head">
      <h2>${name}</h2>
      <p>${finding}</p>
    </div>
    ${sectionsOf(part, sections, prefix)}
  </section>`;
