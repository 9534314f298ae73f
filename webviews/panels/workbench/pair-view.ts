/** A prompt and its counterpart with their tokens aligned and counted, as they are typed. */
import { html, nothing, type TemplateResult } from 'lit';
import { shownToken } from '../../../protocol/wire/token-name';
import { button, field, textField } from '../../ui/controls';
import { modelOfForm } from '../../ui/run-state';
import type { Part } from './actions';
import { pairParts, pairWords, type AlignedPair } from './pair';
import { pairToRead } from './shown';

/** Columns that are written out: the places before the first difference are cut first. */
const mostColumns = 120;
/** Places in front of the first difference that stay. */
const lead = 8;

/** Circuits are found on tasks: a pair with its answers is one. */
export function pairTask({ state, actions }: Part): TemplateResult | typeof nothing {
  const input = state.form?.input;
  // Tasks are texts without a target.
  if (!state.tabs || !input || input.mode !== 'text' || modelOfForm(state)?.source) return nothing;
  const { text, counterText, answer, counterAnswer } = input;
  const ready = [text, counterText, answer, counterAnswer].every((one) => one !== '');
  return html`<details class="pair-task">
    <summary>Ask circuits of this pair</summary>
    <p class="reason">
      Circuits are found on tasks. Say what follows each text, with the space before it: the pair becomes a task file of
      one prompt.
    </p>
    <div class="fields">
      ${field(
        'Answer',
        textField({
          label: 'Answer',
          value: answer,
          placeholder: ' Paris',
          onInput: (typed) => actions.editInput({ answer: typed }),
        }),
      )}
      ${field(
        'Its counterpart',
        textField({
          label: 'Answer of the counterpart',
          value: counterAnswer,
          placeholder: ' Rome',
          onInput: (typed) => actions.editInput({ counterAnswer: typed }),
        }),
      )}
    </div>
    ${button({
      label: 'Save as a Task…',
      id: 'pair-task',
      disabled: !ready,
      hint: ready ? 'The task becomes the input' : 'Both texts and both answers are needed',
      onClick: () =>
        actions.post({
          kind: 'pairTask',
          prompt: text,
          counterpart: counterText,
          answer,
          counterpartAnswer: counterAnswer,
        }),
    })}
  </details>`;
}

export function pairView({ state }: Part): TemplateResult {
  const { pair } = state;
  const asked = pairToRead(state);
  if (!asked || !pair) return html`<p class="reason">As many tokens as the prompt, with one thing changed.</p>`;
  if (pair.problem !== undefined) return html`<p class="problem" role="alert">${pair.problem}</p>`;
  const { prompt, counterpart } = pair;
  if (!prompt || !counterpart) return html`<p class="reason" role="status">Counting the tokens…</p>`;
  return html`${pairParts(prompt, counterpart).map((part) => {
    const { lengths, first } = part.pair;
    return html`<p
        class=${lengths[0] === lengths[1] && first !== undefined ? 'reason' : 'reason warning'}
        id=${part.what === undefined ? 'pair-words' : `pair-words-${part.what}`}
        role="status"
      >
        ${pairWords(part)}
      </p>
      ${columnsOf(part.pair)}`;
  })}`;
}

function columnsOf({ columns, first = 0 }: AlignedPair): TemplateResult {
  const from = columns.length > mostColumns ? Math.max(0, first - lead) : 0;
  const shown = columns.slice(from, from + mostColumns);
  const cut = columns.length - shown.length;
  return html`<div class="pair-columns" role="img" aria-label="Tokens of both, aligned">
      ${shown.map(
        ({ prompt, counterpart, differs }, at) =>
          html`<span class=${differs ? 'pair-column differs' : 'pair-column'} title=${`Token ${from + at + 1}`}
            ><code>${visible(prompt)}</code><code>${visible(counterpart)}</code></span
          >`,
      )}
    </div>
    ${cut > 0 ? html`<p class="reason">${cut} more tokens are not drawn.</p>` : nothing}`;
}

const visible = (token: string | undefined): string => (token === undefined ? '·' : shownToken(token));
