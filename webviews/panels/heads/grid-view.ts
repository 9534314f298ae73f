/** The grid with what arranges it: colours, order, filter, search, legend. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { headLabels } from '../../../protocol/results/heads';
import { symbol } from '../../charts/symbol';
import { button, dropdown } from '../../ui/controls';
import { headsKind } from '../../sections/heads/heads';
import '../../sections/picture';
import { dotted } from '../../ui/dotted';
import { headKey } from '../../ui/head-names';
import { count } from '../../ui/numbers';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Part } from './actions';
import { gridModel, noSuchHead, readoutOf, type GridModel } from './grid-model';
import { gridSection } from './grid-section';
import { headEffectsLine } from './head-effects-line';
import { labelInfo } from './labels';
import { type Colouring, type SortBy, type State } from './state';
import { statisticInfos, type StatisticName } from './statistics';

/** Numbers of the head under the pointer, else of the selected one. */
function readout({ state, hoveredHead }: Part, model: GridModel) {
  const place = hoveredHead ?? state.selected;
  return place ? dotted(readoutOf(model, place)) : '';
}

const parseHeadKey = (key: string): HeadPlace | undefined => {
  const [layer, head] = key.split('.').map(Number);
  return layer === undefined || head === undefined ? undefined : { layer, head };
};

/** Enter goes on to the matrix of the head. */
const toMatrix = (event: Event): void =>
  (event.target as HTMLElement)
    .closest('.panel, body')
    ?.querySelector<HTMLElement>('.head-drawing .picture-frame')
    ?.focus();

export function gridView(part: Part): TemplateResult {
  const { state, actions, compact } = part;
  const model = gridModel(state);
  const missing = noSuchHead(model, state.view.search);
  return html`<section class="grid-view" aria-label="Heads by layer">
    <div class="grid-tools">
      ${dropdown({
        label: 'Colour the heads by',
        choices: colourings(state),
        value: state.view.colouring,
        onChange: (value) => {
          const colouring = value as Colouring;
          const chosen = statisticInfos.some(({ id }) => id === colouring);
          actions.view({ colouring, ...(chosen ? { statistic: colouring as StatisticName } : {}) });
        },
      })}
      ${
        state.view.colouring === 'difference'
          ? dropdown({
              label: 'Difference of',
              choices: statisticInfos.map(({ id, title }) => ({ value: id, label: title })),
              value: state.view.statistic,
              onChange: (value) => actions.view({ statistic: value as StatisticName }),
            })
          : compact
            ? nothing
            : dropdown({
                label: 'Order of the heads',
                choices: [
                  { value: '', label: 'Layer by layer' },
                  { value: 'label', label: 'By label' },
                  { value: 'effect', label: 'By effect of removing it' },
                  ...statisticInfos.map(({ id, title }) => ({ value: id, label: `By ${title.toLowerCase()}` })),
                ],
                value: state.view.sortBy ?? '',
                onChange: (value) => actions.view({ sortBy: value === '' ? undefined : (value as SortBy) }),
              })
      }
      <div class="find">
        <input
          type="search"
          class="search"
          aria-label="Find a head"
          placeholder=${compact ? 'L5H3' : 'Find L5H3'}
          title="L5H3, 5.3 or a label; Escape shows all heads again"
          .value=${live(state.view.search)}
          @input=${(event: Event) => actions.view({ search: (event.target as HTMLInputElement).value })}
        />
        ${
          state.view.search === '' && state.view.filter === undefined
            ? nothing
            : button({
                label: 'Show all heads',
                hint: 'Show all heads (Escape)',
                icon: 'close',
                appearance: 'icon',
                id: 'show-all',
                onClick: () => actions.view({ search: '', filter: undefined }),
              })
        }
      </div>
    </div>
    ${headEffectsLine(part)}
    <p class="reason" id="no-such-head" role="status">${missing ?? nothing}</p>
    <hs-section-picture
      class="grid"
      .picture=${headsKind.picture(gridSection(state, model), {}, new Map())}
      .toggles=${true}
      .cursor=${state.selected && headKey(state.selected.layer, state.selected.head)}
      @cursor=${({ detail }: CustomEvent<string | null>) => {
        const place = detail === null ? undefined : parseHeadKey(detail);
        if (place) actions.select(place);
        else actions.view({ search: '', filter: undefined });
      }}
      @toggle=${({ detail }: CustomEvent<string>) => {
        const place = parseHeadKey(detail);
        if (place) actions.toggleAblation(place);
      }}
      @ask=${(event: Event) => toMatrix(event)}
      @hover=${({ detail }: CustomEvent<string | null>) =>
        actions.hoverHead(detail === null ? undefined : parseHeadKey(detail))}
    ></hs-section-picture>
    <div class="readout grid-readout">${readout(part, model)}</div>
    ${key(part, model)}
  </section>`;
}

function colourings(state: State) {
  return [
    { value: 'class', label: 'Label, with pictures' },
    { value: 'picture', label: 'Pictures (probability)' },
    { value: 'effect', label: 'Effect of removing the head', hint: 'Change of the loss of the prompt without it' },
    ...statisticInfos.map(({ id, title, definition }) => ({ value: id, label: title, hint: definition })),
    ...(state.compareWith ? [{ value: 'difference', label: `Change from ${state.compareWith.name}` }] : []),
  ];
}

/** What colours, letters and marks mean; labels are also the filter. */
function key(part: Part, model: GridModel): TemplateResult {
  const { state, actions, dark } = part;
  const counts = new Map<string, number>();
  for (const own of model.labels.values()) for (const { label } of own) counts.set(label, (counts.get(label) ?? 0) + 1);
  const present = headLabels.filter((label) => counts.has(label));
  const share = model.kvHeads > 0 ? model.heads / model.kvHeads : 1;
  const windows = model.windows.filter((window): window is number => window !== null);
  const setFilter = (filter: string): void =>
    actions.view({ filter: state.view.filter === filter ? undefined : filter });
  return html`<div class="grid-key">
    ${state.live ? html`<p class="live">Live: the query that made generated token ${count(state.live.index + 1)}.</p>` : nothing}
    ${
      present.length > 0
        ? html`<div class="legend" role="group" aria-label="Labels: show only">
            ${present.map((label) => {
              const info = labelInfo(label);
              return html`<button
                type="button"
                class="legend-entry"
                aria-pressed=${state.view.filter === label}
                title=${`${info.definition}\nShow only these heads`}
                @click=${() => setFilter(label)}
              >
                ${symbol(info.identity, dark)}<span class="code">${info.letter}</span><span>${info.title}</span
                ><span class="muted">${counts.get(label)}</span>
              </button>`;
            })}
          </div>`
        : nothing
    }
    <p class="reason">
      ${
        model.colouring === 'class' || model.colouring === 'picture'
          ? state.thumbnails
            ? 'Pictures: query down, key across; square root of the mass, each head on a scale of its own. '
            : state.result
              ? 'This file holds no pictures: run it again to see them. '
              : ''
          : ''
      }${share > 1 && model.natural ? `Brackets: ${share} query heads share a key/value head. ` : ''}${
        windows.length > 0 && model.natural ? `Bar at the layer: window of ${windowWords(windows)} tokens. ` : ''
      }${model.gains.length > 0 ? 'Struck through: gain 0; corner: another gain. ' : ''}
    </p>
  </div>`;
}

function windowWords(windows: readonly number[]): string {
  const [low, high] = [Math.min(...windows), Math.max(...windows)];
  return low === high ? count(low) : `${count(low)} to ${count(high)}`;
}
