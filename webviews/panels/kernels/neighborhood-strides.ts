/** Bars of the bound by stride, as in figure 3 of arXiv:2504.16922: strides that gain nothing over a smaller one are left out. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import type {
  NeighborhoodBound,
  NeighborhoodRequest,
  NeighborhoodStride,
} from '../../../protocol/compute/neighborhood';
import { significant } from '../../ui/numbers';

/** More would be a page of near repeats: the chosen stride, the smallest and the best ones stay. */
const mostBars = 16;

export function strideBars(
  { strides, flopBound }: NeighborhoodBound,
  { axes }: NeighborhoodRequest,
  take: (strides: readonly number[]) => void,
): TemplateResult | typeof nothing {
  if (strides.length === 0) return nothing;
  const chosen = axes.map(({ stride }) => stride).join(' x ');
  const named = strides.map((each) => ({ ...each, name: each.strides.join(' x ') }));
  const shown = thinned(named, chosen);
  const most = Math.max(flopBound, ...shown.map(({ bound }) => bound));
  return html`<table class="stride-bars">
      <caption class="muted">
        Bound by stride, without strides that gain nothing over a smaller
        one${shown.length < strides.length ? ` (${shown.length} of ${strides.length})` : ''}; the line is the skipped
        work alone
      </caption>
      <thead>
        <tr>
          <th scope="col">Stride</th>
          <th scope="col"><span class="unseen">Bar</span></th>
          <th scope="col" class="number">Bound</th>
          <th scope="col" class="number">Whole step</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          ({ strides: each, name, bound, endToEnd }) =>
            html`<tr class=${name === chosen ? 'selected' : ''}>
              <th scope="row">
                <button type="button" class="link" title="Take this stride" @click=${() => take(each)}>${name}</button>
              </th>
              <td>
                <svg class="stride-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  ${svg`<rect width=${(100 * bound) / most} height="10" />
                  <line x1=${(100 * flopBound) / most} x2=${(100 * flopBound) / most} y1="0" y2="10" />`}
                </svg>
              </td>
              <td class="number">${significant(bound)}x</td>
              <td class="number">${significant(endToEnd)}x</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${
      named.some(({ name }) => name === chosen)
        ? nothing
        : html`<p class="muted">The chosen stride of ${chosen} gains nothing over a smaller one.</p>`
    }`;
}

interface Named extends NeighborhoodStride {
  readonly name: string;
}

/** The chosen and the smallest stride, and evenly spread ones up to the best. */
function thinned(all: readonly Named[], chosen: string): readonly Named[] {
  if (all.length <= mostBars) return all;
  const kept = new Set(
    Array.from({ length: mostBars }, (_, at) => Math.round((at * (all.length - 1)) / (mostBars - 1))),
  );
  return all.filter(({ name }, at) => kept.has(at) || name === chosen);
}
