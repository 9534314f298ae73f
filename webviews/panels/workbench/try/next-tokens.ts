/** The next token of the plain model and under the changes, side by side. */
import { html, nothing, type TemplateResult } from 'lit';
import { shownToken } from '../../../../protocol/wire/token-name';
import { bar } from '../../../charts/bar';
import { significant } from '../../../ui/numbers';
import type { Part } from '../actions';
import type { Tried } from './tried';

const most = 10;
const mostCompact = 5;

export function nextTokens({ compact }: Part, { trial: { tokens } }: Tried, why: string | undefined): TemplateResult {
  const { problem = why, distributions = [] } = tokens ?? {};
  const [plain, changed] = distributions;
  if (problem !== undefined || !plain) {
    return html`<div class="next-tokens">
      <h3>Next token</h3>
      ${problem === undefined ? html`<p class="reason">Being computed…</p>` : html`<p class="problem" role="alert">${problem}</p>`}
    </div>`;
  }
  const after = new Map(changed?.top.map((token) => [token.id, token.probability]));
  const before = new Map(plain.top.map((token) => [token.id, token.probability]));
  const byId = new Map([...plain.top, ...(changed?.top ?? [])].map((token) => [token.id, token]));
  const larger = (id: number): number => Math.max(before.get(id) ?? 0, after.get(id) ?? 0);
  const rows = [...byId.values()].sort((a, b) => larger(b.id) - larger(a.id)).slice(0, compact ? mostCompact : most);
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
              ${probability(before.get(id), false)} ${changed ? probability(after.get(id), true) : nothing}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const probability = (value: number | undefined, changed: boolean): TemplateResult =>
  html`<td>${bar(value ?? 0, changed)}</td>
    <td class="number" title=${value === undefined ? 'Not among the most likely tokens' : nothing}>
      ${value === undefined ? '–' : significant(value)}
    </td>`;
