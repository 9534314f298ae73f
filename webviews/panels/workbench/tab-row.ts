/** Results and runs as tabs, the way to the next question, and the list of earlier results. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import { button, progressRing } from '../../ui/controls';
import { icon } from '../../ui/icons';
import type { MenuItem } from '../../ui/menu';
import { seconds } from '../../ui/numbers';
import type { Part } from './actions';
import { isLook, lookTab } from './look';
import { awaitsLook } from './look-runs';
import { onRowKey } from './row-keys';
import { differences, isAway } from './shown';
import { clockTime, listedTime } from './times';

/** Tabs that stand in the row, and in a narrow page, where each has a line of its own: more are in a menu beside it. */
const [mostInRow, mostInColumn] = [12, 3];

/** The newest ones, those that run, and the one in front. */
function inRow(tabs: readonly WorkbenchTab[], front: string | undefined, most: number): readonly WorkbenchTab[] {
  const newest = new Set(tabs.slice(-most));
  return tabs.filter((tab) => newest.has(tab) || tab.standing !== undefined || tab.id === front);
}

export function tabRow(part: Part): TemplateResult {
  const { state, actions } = part;
  const { front } = state.view;
  const away = isAway(state);
  const look = lookTab(state);
  const others = (state.tabs ?? []).filter((tab) => tab !== look);
  const row = inRow(others, state.active, part.compact ? mostInColumn : mostInRow);
  const asks = away && front !== 'history' && !isLook(state);
  return html`<nav
    class="tabs"
    aria-label="Results"
    @keydown=${(event: KeyboardEvent) => onRowKey(event, '.tab-button')}
  >
    <ul>
      ${look ? oneTab(part, look, !away && look.id === state.active) : emptyLook(part, away && isLook(state))}
      ${repeat(
        row,
        ({ id }) => id,
        (tab) => oneTab(part, tab, !away && tab.id === state.active),
      )}
      <li class=${asks ? 'tab front' : 'tab'}>
        <button
          type="button"
          class="tab-button"
          id="ask"
          aria-current=${asks ? 'page' : nothing}
          title="Choose the next question: model, input and changes stay"
          @click=${() => actions.bring('ask')}
        >
          ${icon('add')}<span>Ask</span>
        </button>
      </li>
    </ul>
    ${row.length < others.length ? allTabs(part, others) : nothing}
    ${button({
      label: 'Earlier results',
      icon: 'history',
      appearance: 'icon',
      id: 'history',
      pressed: front === 'history',
      onClick: () => actions.bring(front === 'history' ? 'tab' : 'history'),
    })}
  </nav>`;
}

/** Newest first. */
const allTabs = ({ state, actions }: Part, tabs: readonly WorkbenchTab[]): TemplateResult =>
  html`<hs-menu
    id="all-tabs"
    .label=${`All ${tabs.length} tabs`}
    .icon=${'chevron-down'}
    .iconOnly=${true}
    .items=${tabs.toReversed().map(({ id, title, model, created }): MenuItem => ({
      label: title,
      detail: [model, listedTime(created)].filter((part) => part !== '').join(' · '),
      icon: id === state.active ? 'check' : 'file',
      run: () => actions.showTab(id),
    }))}
  ></hs-menu>`;

/** Look before its first result. */
const emptyLook = ({ actions }: Part, isFront: boolean): TemplateResult =>
  html`<li class=${isFront ? 'tab front' : 'tab'}>
    <button
      type="button"
      class="tab-button"
      id="look"
      aria-current=${isFront ? 'page' : nothing}
      title="What every head does on the prompt"
      @click=${() => actions.showLook()}
    >
      ${icon('eye')}<span>Look</span>
    </button>
  </li>`;

function oneTab(part: Part, tab: WorkbenchTab, isFront: boolean): TemplateResult {
  const { state, actions } = part;
  const { id, entry, created, model, standing, failed, pinned, finding } = tab;
  const title = tab.look ? 'Look' : tab.title;
  const stale = standing || (tab.look && awaitsLook(state)) ? [] : differences(state, tab);
  const time = clockTime(created);
  const words = [title, time, ...standingWords(tab), ...(stale.length > 0 ? [`stale: other ${stale.join(', ')}`] : [])];
  const stop = standing ? (standing.state === 'waiting' ? 'Take out of the queue' : 'Stop') : 'Close';
  return html`<li class=${isFront ? 'tab front' : 'tab'} data-tab=${id}>
    <button
      type="button"
      class="tab-button"
      aria-current=${isFront ? 'page' : nothing}
      aria-label=${words.join(', ')}
      id=${tab.look ? 'look' : nothing}
      title=${[finding ?? title, `${model === '' ? '' : `${model}, `}${listedTime(created)}`, ...words.slice(2)].join('\n')}
      @click=${() => (tab.look ? actions.showLook() : actions.showTab(id))}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === 'Delete') actions.closeTab(id);
      }}
    >
      ${standing ? progressRing() : failed !== undefined ? icon('error') : tab.look ? icon('eye') : nothing}
      <span class="tab-title">${title}</span>
      <span class="tab-time">${standing ? shareWords(standing) : time}</span>
      ${pinned ? icon('pinned') : nothing} ${stale.length > 0 ? html`<span class="stale-mark">stale</span>` : nothing}
    </button>
    ${standing ? nothing : tabMenu(part, tab)}
    ${button({
      label: `${stop}: ${title}, ${time}`,
      icon: standing ? 'debug-stop' : 'close',
      appearance: 'icon',
      hint: standing || entry === undefined ? stop : 'Close. The result stays in the list of earlier results',
      onClick: () => actions.closeTab(id),
    })}
  </li>`;
}

const shareWords = ({ state, share }: NonNullable<WorkbenchTab['standing']>): string =>
  state === 'waiting' ? 'waits' : `${Math.round(100 * share)} %`;

function standingWords({ standing, failed }: WorkbenchTab): readonly string[] {
  if (failed !== undefined) return ['stopped'];
  if (!standing) return [];
  const { state, sentence, share, secondsLeft } = standing;
  const left = secondsLeft === undefined ? [] : [`about ${seconds(secondsLeft)} left`];
  return state === 'waiting' ? [sentence] : [sentence, `${Math.round(100 * share)} %`, ...left];
}

function tabMenu({ state, actions }: Part, tab: WorkbenchTab): TemplateResult {
  const { id, entry, pinned, created } = tab;
  const title = tab.look ? 'Look' : tab.title;
  const front = state.tabs?.find((one) => one.id === state.active);
  const compares = entry !== undefined && front?.entry !== undefined && front.id !== id;
  const items: readonly MenuItem[] = [
    ...(compares
      ? [
          {
            label: 'Compare with the tab in front',
            detail: 'the later less the earlier',
            icon: 'compare-changes' as const,
            run: () => actions.compareTab(id),
          },
        ]
      : []),
    ...(entry === undefined || tab.setup.adapter === undefined
      ? []
      : [
          {
            label: 'Compare with the base',
            detail: 'runs it without the adapter',
            icon: 'compare-changes' as const,
            run: () => actions.compareBase(id),
          },
        ]),
    { label: 'Run again', detail: 'as a new tab', icon: 'play', run: () => actions.rerunTab(id) },
    ...(entry === undefined
      ? []
      : [
          {
            label: pinned ? 'Unpin' : 'Pin',
            detail: pinned ? '' : 'it stays in the history',
            icon: pinned ? ('pinned' as const) : ('pin' as const),
            run: () => actions.pinEntry(entry, !pinned),
          },
        ]),
  ];
  return html`<hs-menu
    .label=${`More of ${title}, ${clockTime(created)}`}
    .icon=${'ellipsis'}
    .iconOnly=${true}
    .items=${items}
  ></hs-menu>`;
}
