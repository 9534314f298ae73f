/** The removed text, each token on the colour of what the selected head or set reads from it. */
import { html, nothing, type TemplateResult } from 'lit';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { count, percent } from '../../ui/numbers';
import { folded } from '../../ui/panel-page';
import { type Column, countColumn, numberColumn, table, textColumn } from '../../ui/table';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import type { Part } from './actions';
import { copyButtons } from '../../ui/whole-table';
import { mapChooser, mapTitle, waiting } from './map-words';
import { shadeOf } from './ribbon-model';
import { mapHeads } from './shown';
import { windowAt } from './span-mark';
import type { State } from './state';
import { tokenPager } from './token-pager';

/** Tokens before and behind the part, so that it is found in its text. */
const around = 12;
const mostRead = 16;

export interface SpanToken {
  /** In the prompt, from 0. */
  readonly position: number;
  readonly text: string;
  /** Share of the attention of the query; undefined while the map is not there. */
  readonly share: number | undefined;
}

/** The tokens of the part that the second pass lacks; none for a picture. */
export function spanTokens(
  { removed, promptTokens }: Pick<HallucinationResult, 'removed' | 'promptTokens'>,
  map: Float32Array | undefined,
): readonly SpanToken[] {
  if (removed.kind !== 'span') return [];
  return promptTokens
    .slice(removed.start, removed.end)
    .map((text, at) => ({ position: removed.start + at, text, share: map?.[at] }));
}

export function spanMapView(part: Part): TemplateResult | typeof nothing {
  const { state, actions, dark } = part;
  const { result, map, view } = state;
  if (result?.removed.kind !== 'span') return nothing;
  const { start, end } = result.removed;
  const tokens = spanTokens(result, map?.value);
  const [from, to] = windowAt(view.spanMapWindow, tokens.length);
  const high = Math.max(0, ...tokens.map(({ share }) => share ?? 0));
  const mass = tokens.reduce((sum, { share }) => sum + (share ?? 0), 0);
  const outside = (first: number, last: number): TemplateResult[] =>
    result.promptTokens
      .slice(Math.max(0, first), last)
      .map((text) => html`<span class="token muted">${shownToken(text)}</span>`);
  return html`<section class="image-view span-map" aria-label="Removed text">
    <div class="section-head">
      <h2>${mapTitle(state) ?? 'Removed text'} <span class="muted">on the removed text</span></h2>
    </div>
    <div class="image-tools">${mapChooser(part)}</div>
    ${tokenPager({ at: from, tokens: tokens.length, onMove: (spanMapWindow) => actions.view({ spanMapWindow }) })}
    <div class="token-list" tabindex="0" role="group" aria-label="Tokens of the removed text">
      ${from === 0 ? outside(start - around, start) : nothing}${tokens
        .slice(from, to)
        .map(
          (token) =>
            html`<span
              class="token ${token.share === undefined ? 'taken' : `tv-${shadeOf({ low: 0, high }, token.share)}`}"
              data-position=${token.position}
              title=${tokenWords(token)}
              >${shownToken(token.text)}</span
            >`,
        )}${to === tokens.length ? outside(end, end + around) : nothing}
    </div>
    ${
      map?.value
        ? html`${scaleBar({ title: 'Share of the attention', low: 0, high, stops: scaleStops(false, dark) })}
            <p class="reason" id="span-mass">
              ${percent(mass)} of the attention ${view.map === 'head' ? '' : 'of these heads, on average, '}lies on
              these ${count(tokens.length)} tokens.
            </p>
            ${readMost(part, tokens)}`
        : html`<p class="reason">${waiting(state)}</p>`
    }
  </section>`;
}

const tokenWords = ({ position, text, share }: SpanToken): string =>
  `token ${position} ${quotedToken(text)}${share === undefined ? '' : ` · ${percent(share)} of the attention`}`;

export const spanColumns: readonly Column<SpanToken>[] = [
  countColumn('position', 'Position', ({ position }) => position),
  textColumn('text', 'Token', ({ text }) => text, { text: ({ text }) => shownToken(text) }),
  numberColumn('attention', 'Share', ({ share }) => share, { hint: 'Share of all attention of the query.' }),
];

/** Of the map in a file: whose attention, of which word. */
export const spanMapTitle = (state: State): string => `${mapTitle(state) ?? 'Attention'} on the removed text`;

/** For machines: what the heads of the map read from each image token, or token of the part; nothing without a map. */
export function mapData(state: State): object {
  const { result, map, token } = state;
  if (!result || !map?.value) return {};
  const of = { token, heads: mapHeads(state) };
  if (result.removed.kind === 'span') return { spanMap: { ...of, shares: spanTokens(result, map.value) } };
  return result.image ? { imageMap: { ...of, shares: [...map.value] } } : {};
}

function readMost(part: Part, tokens: readonly SpanToken[]): TemplateResult {
  const sorted = tokens.toSorted((a, b) => (b.share ?? 0) - (a.share ?? 0));
  return folded(
    part,
    { name: 'span-tokens', title: 'Tokens read most' },
    () =>
      html`${copyButtons(part, spanColumns, sorted)}
      ${table({
        caption: 'Tokens that are read most',
        columns: spanColumns,
        rows: sorted.slice(0, mostRead),
        key: ({ position }) => String(position),
      })}`,
  );
}
