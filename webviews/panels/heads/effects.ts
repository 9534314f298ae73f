/** What the interventions do: what is changed, the next token before and after, the continuation side by side. */
import { html, nothing, type TemplateResult } from 'lit';
import type { NextTokens } from '../../../protocol/results/heads';
import { button } from '../../ui/controls';
import { significant } from '../../ui/numbers';
import type { Part } from './actions';
import { bar } from '../../charts/bar';
import { headName } from '../../ui/head-names';
import { kindNames } from '../../../protocol/interventions/interventions';
import { interventionsList } from '../../ui/interventions-list';
import { interventionsOf } from './form';
import { isOpen } from '../../ui/disclosures';
import { firstTokenLine } from './first-token-line';
import { continuations } from './continuations';
import type { State } from './state';
import { shownToken } from '../../../protocol/wire/token-name';

/** Gains are set on the heads themselves. */
const offered = kindNames.filter((name) => name !== 'gain');

export function effects(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  if (!state.result || state.place === 'file') return nothing;
  return html`<section class="effects" aria-label="Interventions">
    ${changes(part)} ${distributions(part)} ${continuations(part)}
  </section>`;
}

function changes(part: Part): TemplateResult {
  const { state, actions } = part;
  const { gains = [], others = [] } = state.form ?? {};
  const none = gains.length + others.length === 0;
  const interventions = interventionsOf({ gains, others });
  return html`<div class="gain-list">
    <div class="section-head">
      <h2>Interventions</h2>
      <div class="toolbar" role="group" aria-label="Interventions">
        ${button({ label: 'Remove all interventions', icon: 'discard', appearance: 'icon', disabled: none, onClick: () => actions.resetGains() })}
        ${button({ label: 'Save the intervention', icon: 'save', appearance: 'icon', disabled: interventions.length === 0, onClick: () => actions.post({ kind: 'saveIntervention', interventions }) })}
        ${button({ label: 'Load an intervention', icon: 'folder-opened', appearance: 'icon', onClick: () => actions.post({ kind: 'loadIntervention' }) })}
      </div>
    </div>
    ${
      gains.length === 0
        ? html`<p class="reason">No gain is changed. Move one, or press X on a head of the grid to ablate it.</p>`
        : html`<div class="gain-chips">
            ${gains.map(
              ({ layer, head, gain }) =>
                html`<span class="gain-chip">
                  <button
                    type="button"
                    class="link"
                    title="Show this head"
                    @click=${() => actions.select({ layer, head })}
                  >
                    ${headName(layer, head)}</button
                  ><span>${gain === 0 ? 'off' : `x ${gain.toFixed(2)}`}</span>
                  ${button({ label: `Reset ${headName(layer, head)}`, icon: 'close', appearance: 'icon', onClick: () => actions.setGain({ layer, head }, 1) })}
                </span>`,
            )}
          </div>`
    }
    ${firstTokenLine(part)}
    ${interventionsList({
      label: 'Further interventions',
      entries: others,
      offered,
      whole: isOpen(state, 'all-interventions', false),
      onWhole: () => actions.toggle('all-interventions', true),
      onChange: (next) => actions.edit({ others: next }),
      // What was written without the change is still right.
      onSettled: () => state.generation && actions.generate('changed'),
      onChooseVector: () => actions.post({ kind: 'chooseVector' }),
      onApplyPlan: () => actions.post({ kind: 'applyPlan' }),
    })}
  </div>`;
}

/** The plain model comes first; the changed one is absent while nothing is changed. */
const variantsOf = (state: State): { readonly plain?: NextTokens; readonly changed?: NextTokens } => {
  const [plain, changed] = state.effects?.distributions ?? [];
  return { ...(plain ? { plain } : {}), ...(changed ? { changed } : {}) };
};

const topCount = 10;

function distributions({ state, compact }: Part): TemplateResult {
  const { plain, changed } = variantsOf(state);
  const { problem } = state.effects ?? {};
  if (problem)
    return html`<div class="next-tokens">
      <h3>Next token</h3>
      <p class="problem" role="alert">${problem}</p>
    </div>`;
  if (!plain)
    return html`<div class="next-tokens">
      <h3>Next token</h3>
      <p class="reason">Being computed…</p>
    </div>`;
  const after = new Map(changed?.top.map((token) => [token.id, token.probability]));
  const before = new Map(plain.top.map((token) => [token.id, token.probability]));
  const byId = new Map([...plain.top, ...(changed?.top ?? [])].map((token) => [token.id, token]));
  const rows = [...byId.values()]
    .sort(
      (a, b) =>
        Math.max(before.get(b.id) ?? 0, after.get(b.id) ?? 0) - Math.max(before.get(a.id) ?? 0, after.get(a.id) ?? 0),
    )
    .slice(0, compact ? 5 : topCount);
  const written = (value: number | undefined): string => (value === undefined ? '–' : significant(value));
  return html`<div class="next-tokens">
    <h3>
      Next
      token${
        changed
          ? html`: <strong id="divergence">KL ${significant(changed.divergence)} nats</strong> from the plain model,
              entropy ${significant(plain.entropy)} → ${significant(changed.entropy)} nats`
          : html`: entropy ${significant(plain.entropy)} nats`
      }
    </h3>
    <table aria-label="Next token before and after">
      <thead>
        <tr>
          <th scope="col">token</th>
          <th scope="col" class="number" colspan="2">${changed ? 'before' : 'probability'}</th>
          ${changed ? html`<th scope="col" class="number" colspan="2">after</th>` : nothing}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ id, text }) =>
            html`<tr data-token=${id}>
              <th scope="row" class="token-cell" title=${`id ${id}`}>${shownToken(text)}</th>
              <td>${bar(before.get(id) ?? 0)}</td>
              <td class="number" title=${before.has(id) ? nothing : 'Not among the most likely tokens'}>
                ${written(before.get(id))}
              </td>
              ${
                changed
                  ? html`<td>${bar(after.get(id) ?? 0, true)}</td>
                      <td class="number" title=${after.has(id) ? nothing : 'Not among the most likely tokens'}>
                        ${written(after.get(id))}
                      </td>`
                  : nothing
              }
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
