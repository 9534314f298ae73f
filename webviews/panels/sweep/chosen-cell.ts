/** The cell that was chosen: its state in words, and what can be done with it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { button } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { took } from '../../ui/numbers';
import type { SweepPage } from './part';
import { nameOfCell, stateSigns } from './words';

export function chosenCell({ state, actions }: SweepPage, picture: SweepPicture): TemplateResult | typeof nothing {
  const { chosen, axes, active } = picture;
  if (!chosen) return nothing;
  const { key, reason, seconds, tries, parts, log, finding } = chosen;
  const isDone = chosen.state === 'done';
  const facts = [
    ...(parts ? [`${parts.done} of ${parts.total} parts done`] : []),
    ...(seconds === undefined ? [] : [`took ${took(seconds)}`]),
    ...(tries > 1 ? [`started ${tries} times`] : []),
  ];
  const name = nameOfCell(chosen, axes);
  const other = state.compared && state.compared.key !== key ? state.compared : undefined;
  const busy = state.doing !== undefined || state.opened?.canRun !== true;
  return html`<section class="sweep-cell" aria-labelledby="cell-title">
    <div class="section-head">
      <h2 id="cell-title">${name}</h2>
      <div class="toolbar">
        ${button({ label: 'Close', icon: 'close', appearance: 'icon', onClick: () => actions.look({ cell: undefined }) })}
      </div>
    </div>
    <p class="sweep-state ${chosen.state}">
      ${icon(stateSigns[chosen.state].icon)}<span
        ><strong>${chosen.state}</strong>${facts.length > 0 ? html`, ${facts.join(', ')}` : nothing}</span
      >
    </p>
    ${reason === undefined ? nothing : html`<p class="sweep-reason">${reason}</p>`}
    ${finding === undefined ? nothing : html`<p class="sweep-reason">${finding}</p>`}
    <div class="sweep-cell-actions">
      ${isDone ? button({ label: 'Open result', icon: 'open-preview', id: 'open-result', onClick: () => actions.post({ kind: 'openResult', cell: key }) }) : nothing}
      ${log === undefined ? nothing : button({ label: 'Show log', icon: 'output', id: 'open-log', onClick: () => actions.post({ kind: 'openLog', cell: key }) })}
      ${
        isDone && other
          ? button({
              label: 'Compare',
              icon: 'compare-changes',
              id: 'compare',
              hint: `Compare with ${other.name}`,
              onClick: () => {
                actions.post({ kind: 'compare', one: key, other: other.key });
                actions.compareWith(undefined);
              },
            })
          : nothing
      }
      ${
        isDone && !other
          ? button({
              label: state.compared ? 'Choose the other cell' : 'Compare with…',
              icon: 'compare-changes',
              id: 'compare-with',
              disabled: state.compared !== undefined,
              hint: 'Choose another cell that is done, then Compare',
              onClick: () => actions.compareWith({ key, name }),
            })
          : nothing
      }
      ${button({
        label: 'Run again',
        icon: 'refresh',
        id: 'again',
        disabled: busy || active,
        hint: active ? 'Wait until the sweep has ended, or cancel it' : 'Run this cell alone',
        onClick: () => actions.post({ kind: 'again', cell: key }),
      })}
    </div>
    ${
      state.compared
        ? html`<p class="reason">
            ${other ? `To be compared with ${other.name}.` : 'Choose another cell that is done.'}
            <button type="button" class="link" @click=${() => actions.compareWith(undefined)}>Do not compare</button>
          </p>`
        : nothing
    }
  </section>`;
}
