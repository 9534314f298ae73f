/** A folder of pictures: scores with and without reinforcement, T-VHD of true and hallucinated words, every picture. */
import { html, type TemplateResult } from 'lit';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { drawnWords } from './sample-words';
import { oneSection } from './section-list';
import { picturesId, sectionsOfSet, shownEntries } from './set-sections';

export function setView(part: Part): TemplateResult {
  const { state, actions } = part;
  const { set } = state;
  const sections = sectionsOfSet(state);
  const entries = shownEntries(state);
  return html`<div class="set-sections">
    ${
      set && set.total > entries.length
        ? html`<p class="reason">${count(entries.length)} of ${count(set.total)} pictures${drawnWords(set.sample)}.</p>`
        : ''
    }
    ${sections.length === 0 ? html`<p class="reason">The pictures appear here one by one.</p>` : ''}
    ${sections.map((section) =>
      oneSection(part, section, {
        ask: (place) => {
          const entry = section.id === picturesId && place.kind === 'row' ? entries[place.row] : undefined;
          if (entry) actions.openEntry(entry);
        },
      }),
    )}
  </div>`;
}
