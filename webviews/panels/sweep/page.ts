/** The arrangement of the panel: the finding, the bar, the matrix with the chosen cell, pictures of results, and the list of cells. */
import { html, nothing, type TemplateResult } from 'lit';
import type { SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { unaskedSections } from '../../sections/unasked-sections';
import { button, dropdown, field, progressRing } from '../../ui/controls';
import { dotted } from '../../ui/dotted';
import { icon } from '../../ui/icons';
import { count } from '../../ui/numbers';
import { banner, failureBanner, runProgress } from '../../ui/run-status';
import { chosenCell } from './chosen-cell';
import { cellList } from './cell-list';
import { matrix } from './matrix';
import type { SweepPage } from './part';
import { finding, leftOf, stateOrder, stateSigns } from './words';

type Content = TemplateResult | typeof nothing;

export function sweepPage(part: SweepPage): TemplateResult {
  const { state, compact } = part;
  const { picture, opened, mistakes } = state;
  return html`<main class="panel file ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${heading(part)}</h1>
      <p class="circumstances">${picture ? dotted(circumstances(picture)) : nothing}</p>
      ${picture?.place === undefined ? nothing : html`<p class="circumstances" title=${ofFile}>${picture.place}</p>`}
      ${bar(part)}
      ${picture ? runProgress('Cells that are done', { done: picture.states.done, total: picture.total }) : nothing}
      ${banners(part)}
    </header>
    <div class="body">
      <div class="results">
        ${picture ? results(part, picture) : mistakes.length > 0 ? faults(part) : opened?.canRun === true ? reading : nothing}
      </div>
    </div>
  </main>`;
}

const ofFile =
  'The settings of VS Code do not count for cells. Write device under settings or matrix to run them elsewhere.';

const reading = html`<p class="empty-state" role="status">Reading the sweep and its results…</p>`;

function heading({ state: { picture, opened, mistakes } }: SweepPage): string {
  if (picture) return finding(picture);
  const { length } = mistakes;
  if (length === 0) return opened?.name ?? '';
  return `${opened?.name ?? 'The file'} has ${length === 1 ? 'a mistake' : `${length} mistakes`}.`;
}

const circumstances = ({ title, run, engine, total }: SweepPicture): string =>
  [
    ...(title === run ? [] : [title]),
    run,
    `${count(total)} ${total === 1 ? 'cell' : 'cells'}`,
    ...(engine === undefined ? ['not submitted yet'] : [`engine ${engine}`]),
  ].join(' · ');

function bar({ state, actions }: SweepPage): TemplateResult {
  const { picture, opened, doing } = state;
  const busy = doing !== undefined || opened?.canRun !== true;
  const left = picture ? leftOf(picture) : 0;
  const failed = picture?.states.failed ?? 0;
  return html`<div class="run-bar" role="toolbar" aria-label="Sweep">
    ${
      picture?.active
        ? button({
            label: 'Cancel',
            icon: 'debug-stop',
            id: 'cancel',
            disabled: busy,
            hint: 'Stop running cells and withdraw waiting ones; results are kept',
            onClick: () => actions.post({ kind: 'cancel' }),
          })
        : button({
            label: left === 0 ? 'Submit' : `Submit ${count(left)} ${left === 1 ? 'cell' : 'cells'}`,
            icon: 'play',
            appearance: 'primary',
            id: 'submit',
            disabled: busy || left === 0,
            hint: picture && left === 0 ? 'Every cell has a result' : 'Run all cells without a result',
            onClick: () => actions.post({ kind: 'submit', failedOnly: false }),
          })
    }
    ${
      picture && !picture.active && failed > 0
        ? button({
            label: `Run ${count(failed)} failed again`,
            icon: 'refresh',
            id: 'failed-again',
            disabled: busy,
            onClick: () => actions.post({ kind: 'submit', failedOnly: true }),
          })
        : nothing
    }
    ${button({ label: 'Open the file as text', icon: 'file', appearance: 'icon', id: 'open-text', onClick: () => actions.post({ kind: 'openText' }) })}
    ${button({ label: 'Refresh', icon: 'refresh', appearance: 'icon', id: 'refresh', disabled: opened?.canRun !== true, onClick: () => actions.post({ kind: 'refresh' }) })}
    ${doing === undefined ? nothing : html`<div class="run-state" role="status">${progressRing()}<span>${doing}</span></div>`}
  </div>`;
}

function banners({ state: { opened, said }, actions }: SweepPage): Content {
  return html`${typeof opened?.canRun === 'string' ? banner('warning', html`${opened.canRun}`) : nothing}
  ${opened?.unsaved ? banner('info', html`The file has changes that are not saved. This panel shows the saved file; Submit saves it first.`) : nothing}
  ${
    said === undefined
      ? nothing
      : said.kind === 'failed'
        ? failureBanner(said)
        : banner(
            'info',
            html`${said.sentence}
              <button type="button" class="link" @click=${() => actions.dismiss()}>Dismiss</button>`,
          )
  }`;
}

const faults = ({ state: { mistakes }, actions }: SweepPage): TemplateResult =>
  html`<div class="empty-state">
    <p>Correct these lines of the file, and save it. The text editor marks them as well.</p>
    <ul class="sweep-mistakes">
      ${mistakes.map(
        ({ line, message }) =>
          html`<li>
            ${icon('error')}
            <span
              ><button type="button" class="link" @click=${() => actions.post({ kind: 'openLine', line })}>
                Line ${line}</button
              >: ${message}</span
            >
          </li>`,
      )}
    </ul>
  </div>`;

function results(part: SweepPage, picture: SweepPicture): TemplateResult {
  const { state, dark, compact, actions } = part;
  const { states, sections, read } = picture;
  return html`${counts(part, picture)} ${choices(part, picture)}
    <div class="sweep-overview">${matrix(part, picture)} ${chosenCell(part, picture)}</div>
    ${
      states.done === 0
        ? html`<p class="empty-state">
            ${picture.active ? 'Results are drawn here as cells end.' : 'There is no result yet. Submit runs the cells, and their results are drawn here.'}
          </p>`
        : nothing
    }
    ${read < states.done ? html`<p class="muted" role="status">Reading results: ${count(read)} of ${count(states.done)}.</p>` : nothing}
    ${
      states.done > 0 && sections.length === 0 && read >= states.done
        ? html`<p class="empty-state">
            These results have no single numbers to draw. Choose a cell to open its result.
          </p>`
        : nothing
    }
    ${valueChoice(part, picture)}
    <div class="sweep-sections">
      ${unaskedSections({ sections, result: 'sweep', dark, compact, views: state.views, actions })}
    </div>
    ${cellList(part, picture)}`;
}

/** Counts by state, each a filter of the list. */
const counts = ({ actions }: SweepPage, { states, look }: SweepPicture): TemplateResult =>
  html`<div class="sweep-counts" role="group" aria-label="States of cells">
    ${stateOrder
      .filter((state) => states[state] > 0)
      .map(
        (state) =>
          html`<button
            type="button"
            class="sweep-count ${state}"
            aria-pressed=${look.show === state}
            title=${`A cell that is ${state} ${stateSigns[state].meaning}. Lists only these.`}
            @click=${() => actions.look({ show: look.show === state ? undefined : state })}
          >
            ${icon(stateSigns[state].icon)}<span>${count(states[state])} ${state}</span>
          </button>`,
      )}
  </div>`;

const all = '';

function choices({ actions }: SweepPage, { axes, look }: SweepPicture): Content {
  const several = axes.filter((axis) => axis.count > 1);
  if (several.length < 2) return nothing;
  const name = (axis: { readonly name: string }) => ({ value: axis.name, label: axis.name });
  const only = look.only ?? {};
  const others = several.filter(
    (axis) => ![look.rows, look.columns].includes(axis.name) || only[axis.name] !== undefined,
  );
  const withOnly = (axis: string, value: string): Readonly<Record<string, string>> => {
    const { [axis]: _before, ...rest } = only;
    return value === all ? rest : { ...rest, [axis]: value };
  };
  return html`<div class="sweep-choices">
    <div class="fields">
      ${field('Rows', dropdown({ label: 'Rows', choices: several.map(name), value: look.rows ?? '', onChange: (rows) => actions.look({ rows, columns: look.columns === rows ? look.rows : look.columns }) }))}
    </div>
    <div class="fields">
      ${field(
        'Columns',
        dropdown({
          label: 'Columns',
          choices: [...several.filter((axis) => axis.name !== look.rows).map(name), { value: '', label: 'none' }],
          value: look.columns ?? '',
          onChange: (columns) => actions.look({ columns }),
        }),
      )}
    </div>
    ${others.map(
      (axis) =>
        html`<div class="fields">
          ${field(
            axis.name,
            dropdown({
              label: `Only ${axis.name}`,
              choices: [
                { value: all, label: 'all values' },
                ...axis.values.map(({ id, label }) => ({ value: id, label })),
              ],
              value: only[axis.name] ?? all,
              onChange: (value) => actions.look({ only: withOnly(axis.name, value) }),
            }),
            'Only cells with this value are shown',
          )}
        </div>`,
    )}
  </div>`;
}

const valueChoice = ({ actions }: SweepPage, { values, look, sections }: SweepPicture): Content =>
  values.length < 2 || sections.length === 0
    ? nothing
    : html`<div class="sweep-value">
        <div class="fields">
          ${field(
            'Number',
            dropdown({
              label: 'Number of the results',
              choices: values.map((value) => ({ value, label: value })),
              value: look.value ?? '',
              onChange: (value) => actions.look({ value }),
            }),
            'The number of the results that is drawn',
          )}
        </div>
      </div>`;
