/** What a person can apply elsewhere in one click. */
import { html, nothing, type TemplateResult } from 'lit';
import { button } from '../../ui/controls';
import type { Part } from './actions';
import { shortened } from '../../sections/words';
import { printDo } from '../../../protocol/interventions/do-form';

const mostForms = 6;
const longestForm = 240;

export function offers({ state, actions }: Part): TemplateResult | typeof nothing {
  const list = state.result?.offers ?? [];
  if (list.length === 0) return nothing;
  return html`<section class="offers" aria-label="To apply elsewhere">
    <h2>To apply elsewhere</h2>
    <ul>
      ${list.map((offer) => {
        const forms = offer.interventions.slice(0, mostForms).map((one) => shortened(printDo(one), longestForm));
        const more = offer.interventions.length - forms.length;
        return html`<li class="offer">
          <div>
            <strong>${offer.title}</strong>
            <p class="muted">${offer.description}</p>
            <p class="do-forms">
              ${forms.map((form) => html`<code>${form}</code> `)}${more > 0 ? html`and ${more} more` : nothing}
            </p>
          </div>
          <div class="offer-buttons">
            ${button({
              label: 'Apply in Heads',
              onClick: () => actions.post({ kind: 'apply', offer, where: 'heads' }),
            })}
            ${
              offer.plan
                ? button({
                    label: 'Save Plan…',
                    onClick: () => actions.post({ kind: 'apply', offer, where: 'plan' }),
                  })
                : nothing
            }
            ${button({
              label: 'Save as file',
              onClick: () => actions.post({ kind: 'apply', offer, where: 'file' }),
            })}
          </div>
        </li>`;
      })}
    </ul>
  </section>`;
}
