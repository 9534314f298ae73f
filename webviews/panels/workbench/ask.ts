/** The next question: what is asked first of this model and input, then all analyses, those that do not fit with the reason. */
import { html, nothing, type TemplateResult } from 'lit';
import { analysisGroups, groupTitles, type AnalysisInfo } from '../../../protocol/analysis/analysis';
import { whyNotFit, type Request } from '../../../protocol/analysis/fit';
import { suggestions } from '../../../protocol/analysis/questions';
import { modelOfForm } from '../../ui/run-state';
import type { Part } from './actions';
import { onRowKey } from './row-keys';
import { searchField } from './search-field';
import type { State } from './state';

const requestIn = (state: State): Request => ({
  input: state.form?.input.kind ?? 'none',
  model: modelOfForm(state),
});

/** Whether title, question, group and name hold every word. */
export function holds({ id, title, question, group }: AnalysisInfo, words: string): boolean {
  const held = [id, title, question, groupTitles[group]].join('\n').toLocaleLowerCase();
  return words
    .toLocaleLowerCase()
    .split(/\s+/u)
    .every((word) => held.includes(word));
}

export function ask(part: Part): TemplateResult {
  const { state, actions } = part;
  const request = requestIn(state);
  const words = state.view.words.ask.trim();
  const found = state.analyses.filter((one) => holds(one, words));
  const fitting = found.filter((one) => whyNotFit(one, request) === undefined);
  const others = found.filter((one) => whyNotFit(one, request) !== undefined);
  return html`<section
    class="ask"
    aria-label="Questions"
    @keydown=${(event: KeyboardEvent) => onRowKey(event, '.row-button')}
  >
    ${searchField({
      id: 'ask-words',
      label: 'Find a question',
      placeholder: 'Find a question, such as “induction” or “cache”',
      value: state.view.words.ask,
      onInput: (typed) => actions.search('ask', typed),
    })}
    ${words === '' ? first(part, request) : nothing}
    ${
      found.length === 0
        ? html`<p class="empty-state">No question holds these words. Fewer words find more.</p>`
        : nothing
    }
    ${analysisGroups.map((group) => {
      const list = fitting.filter((one) => one.group === group);
      return list.length === 0
        ? nothing
        : html`<h2>${groupTitles[group]}</h2>
            <ul class="rows">
              ${list.map((one) => row(part, one, one.question, one.title))}
            </ul>`;
    })}
    ${others.length === 0 ? nothing : unfit(part, others, request)}
  </section>`;
}

function first(part: Part, request: Request): TemplateResult | typeof nothing {
  const list = suggestions(part.state.analyses, request);
  return list.length === 0
    ? nothing
    : html`<h2>Asked first</h2>
        <ul class="rows first-questions">
          ${list.map(({ question, analysis }) => row(part, analysis, question, analysis.title))}
        </ul>`;
}

const row = ({ actions }: Part, { id }: AnalysisInfo, question: string, title: string): TemplateResult =>
  html`<li>
    <button type="button" class="row-button" data-analysis=${id} @click=${() => actions.chooseQuestion(id)}>
      <span>${question}</span><span class="muted">${title}</span>
    </button>
  </li>`;

const unfit = ({ state, actions }: Part, list: readonly AnalysisInfo[], request: Request): TemplateResult =>
  html`<details class="unfit" ?open=${state.view.words.ask.trim() !== ''}>
    <summary>${list.length} of another input or model</summary>
    <ul class="rows">
      ${list.map(
        (one) =>
          html`<li>
            <button
              type="button"
              class="row-button"
              data-analysis=${one.id}
              title="Asks it anyway: model and input change to what it reads"
              @click=${() => actions.chooseQuestion(one.id, true)}
            >
              <span>${one.question}</span><span class="muted">${one.title}</span>
              <span class="reason">${whyNotFit(one, request)}</span>
            </button>
          </li>`,
      )}
    </ul>
  </details>`;
