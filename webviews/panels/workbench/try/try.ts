/** What changes of the request do to the prompt of a result, before anything is run again. */
import { html, nothing, type TemplateResult } from 'lit';
import { interventionWords } from '../../../../protocol/interventions/do-form';
import { shortened } from '../../../sections/words';
import { button, segments } from '../../../ui/controls';
import { disclosure } from '../../../ui/controls';
import type { Part } from '../actions';
import { continuations } from './continuations';
import { firstTokenLine } from './first-token-line';
import { nextTokens } from './next-tokens';
import { answers, continues, isTryOpen, triedOf, tryName, whyNotTried, type Tried } from './tried';

export function tryOut(part: Part): TemplateResult | typeof nothing {
  const { state, actions, compact } = part;
  const tried = triedOf(state);
  // Without heads and without a next token nothing can be tried.
  if (!tried || (tried.result.model.heads === 0 && !continues(tried))) return nothing;
  return html`<section class="try" aria-label="Try changes">
    ${disclosure({
      title: continues(tried) ? 'Try changes: next token and continuation' : 'Try changes',
      id: tryName,
      open: isTryOpen(state, tried, compact),
      onToggle: (open) => actions.toggle(tryName, open),
      body: () => body(part, tried),
    })}
  </section>`;
}

const longestChanges = 200;

function body(part: Part, tried: Tried): TemplateResult {
  const { actions } = part;
  const { result, changes, at } = tried;
  const why = whyNotTried(part.state, tried);
  return html`
    ${
      result.prompts.length > 1
        ? segments({
            label: 'Prompt to try changes on',
            choices: ['Prompt', 'Counterpart'].map((label, place) => ({
              value: String(place),
              label: result.prompts[place]?.example ?? label,
            })),
            value: String(at),
            onChange: (to) => actions.arrangeTrying({ prompt: Number(to) }),
          })
        : nothing
    }
    <p class="reason" id="tried-changes">
      ${
        changes.length === 0
          ? 'Nothing is changed. Move the gain of an opened head, press X on a head of a grid, or add a change to the request.'
          : `Changed: ${shortened(interventionWords(changes), longestChanges)}.`
      }
    </p>
    ${why === undefined ? firstTokenLine(part, tried) : nothing}
    ${
      continues(tried)
        ? html`${nextTokens(part, tried, why)} ${continuations(part, tried, why)}`
        : html`<p class="reason" id="no-next-token">
            The model predicts no next token and writes no text. Run Look again to see what changes do to its heads.
          </p>`
    }
    ${
      answers(tried) && result.model.heads > 0
        ? html`<div class="removing">
            ${button({
              label: 'Remove each head',
              id: 'remove-heads',
              disabled: why !== undefined,
              hint:
                why ??
                'Sets the output of each head and each MLP to zero in turn, and measures the change of what the model says of this prompt',
              onClick: () => actions.post({ kind: 'removeHeads', prompt: at }),
            })}
            <p class="reason">Runs as a tab of its own: this prompt without one head after the other.</p>
          </div>`
        : nothing
    }
  `;
}
