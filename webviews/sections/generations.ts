import { html, nothing, type TemplateResult } from 'lit';
import type { GenerationsSection } from '../../protocol/sections/generations';
import { count, significant } from '../ui/numbers';
import { differingPart } from './differing-part';
import { stacked } from './scene';
import { twinColumn, type PageKind, type TwinRow } from './section-kind';
import { wrappedScene } from './text';
import { shortened, valueWords, withUnit } from './words';

const longest = 8000;
const mostItems = 100;
/** Shown before more are asked for: what stands below them shall be found. */
const firstItems = 12;

export const generationsKind: PageKind<GenerationsSection> = {
  drawn: 'page',
  isEmpty: ({ items }) => items.length === 0,
  place: ({ items }, cursor) => (items[Number(cursor)] ? { kind: 'row', row: Number(cursor) } : undefined),
  body: ({ section, view, actions }) => {
    const { length } = section.items;
    const most = Math.min(length, mostItems);
    return html`<div class="generations">
      ${section.items.slice(0, view.allRows ? most : firstItems).map(
        (item, at) =>
          html`<article class="generation" aria-label=${shortened(item.title, 120)}>
            <div class="generation-head">
              <h3>${shortened(item.title, 200)}</h3>
              ${
                section.ask === undefined
                  ? nothing
                  : html`<button
                      type="button"
                      class="link"
                      aria-pressed=${view.cursor === String(at)}
                      @click=${() => {
                        actions.view({ cursor: String(at) });
                        actions.ask({ kind: 'row', row: at });
                      }}
                    >
                      ${section.ask}
                    </button>`
              }
            </div>
            ${item.prompt === undefined ? nothing : html`<p class="generation-prompt">${item.prompt.slice(0, longest)}</p>`}
            <div class="generation-texts">
              ${section.variants.map((variant, which) => variantText(section, at, variant, which))}
            </div>
          </article>`,
      )}
      ${
        !view.allRows && length > firstItems
          ? html`<p class="reason">
              The first ${firstItems} of ${count(length)}.
              <button type="button" class="link" @click=${() => actions.view({ allRows: true })}>
                Show ${most === length ? 'all' : most}
              </button>
            </p>`
          : length > mostItems
            ? html`<p class="reason">The first ${mostItems} of ${count(length)}; the table holds all.</p>`
            : nothing
      }
    </div>`;
  },
  twin: ({ variants, items, score }) => ({
    columns: [
      twinColumn(0, 'item', 'Item'),
      twinColumn(1, 'prompt', 'Prompt'),
      ...variants.map((variant, at) => twinColumn(2 + at, `text_${variant}`, variant)),
      ...(score
        ? variants.map((variant, at) =>
            twinColumn(2 + variants.length + at, `score_${variant}`, `${score.title}, ${variant}`, {
              unit: score.unit,
              text: (value) => significant(value),
            }),
          )
        : []),
    ],
    rows: items.map((item): TwinRow => [
      item.title,
      item.prompt ?? '',
      ...variants.map((_, at) => item.texts[at] ?? ''),
      ...(score ? variants.map((_, at) => item.scores?.[at]) : []),
    ]),
  }),
  scene: ({ variants, items, score }, theme, width) =>
    stacked(
      items
        .slice(0, 12)
        .flatMap((item) => [
          wrappedScene([item.title, ...(item.prompt === undefined ? [] : [item.prompt])], theme, width, theme.muted),
          ...variants.map((variant, at) =>
            wrappedScene(
              [
                `${variant}${score && item.scores ? ` (${score.title} ${valueWords(item.scores[at] ?? Number.NaN, score.unit)})` : ''}: ${item.texts[at] ?? ''}`,
              ],
              theme,
              width,
            ),
          ),
        ]),
      4,
    ),
};

/** What differs from the first variant is marked, so that a change is found without reading both. */
function variantText(section: GenerationsSection, at: number, variant: string, which: number): TemplateResult {
  const item = section.items[at];
  const text = (item?.texts[which] ?? '').slice(0, longest);
  const first = (item?.texts[0] ?? '').slice(0, longest);
  const [before, changed, after] = which === 0 ? [text, '', ''] : differingPart(first, text);
  const score = item?.scores?.[which];
  return html`<div>
    <div class="generation-variant">
      <span>${shortened(variant, 80)}</span>
      ${
        section.score && score !== undefined && !Number.isNaN(score)
          ? html`<span class="tag" title=${withUnit(section.score.title, section.score.unit)}
              >${section.score.title} ${valueWords(score, section.score.unit)}</span
            >`
          : nothing
      }
    </div>
    <p class="generation-text">${before}${changed === '' ? nothing : html`<mark>${changed}</mark>`}${after}</p>
  </div>`;
}
