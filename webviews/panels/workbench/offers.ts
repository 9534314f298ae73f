/** Changes that the analysis offers: applied to the request in one click, or saved. */
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
  return html`<section class="offers" aria-label="Changes to try">
    <h2>Changes to try</h2>
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
              label: 'Apply',
              hint: 'Make it the changes of the request, and see what the model then says',
              onClick: () => actions.applyOffer(offer),
            })}
            ${
              offer.plan
                ? button({
                    label: 'Save Plan…',
                    onClick: () => actions.post({ kind: 'saveOffer', offer, where: 'plan' }),
                  })
                : nothing
            }
            ${button({
              label: 'Save as file',
              onClick: () => actions.post({ kind: 'saveOffer', offer, where: 'file' }),
            })}
          </div>
        </li>`;
      })}
    </ul>
  </section>`;
}
