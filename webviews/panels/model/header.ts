/** The first lines of the panel: the sentence, where it comes from, what is wrong, and what can be done. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ShownModel } from '../../../protocol/panels/model';
import { button, progressRing, toolbar } from '../../ui/controls';
import { icon } from '../../ui/icons';
import type { MenuItem } from '../../ui/menu';
import type { Part } from './actions';
import { sentenceOf } from './sentences';
import { plural } from '../../ui/numbers';

export function header(part: Part): TemplateResult {
  const { shown, state } = part;
  const { content } = shown;
  return html`<header>
    <h1 id="model-sentence">${content.state === 'loading' ? progressRing() : nothing}${sentenceOf(content)}</h1>
    ${content.state === 'model' ? html`<p class="circumstances">${origin(part, content.model)}</p>` : nothing}
    ${
      content.state === 'failed' && content.details !== undefined
        ? html`<details>
            <summary>Details</summary>
            <pre>${content.details}</pre>
          </details>`
        : nothing
    }
    ${bar(part)}
    ${
      state.failure === undefined
        ? nothing
        : html`<p class="failure" role="alert">${icon('error')} ${state.failure}</p>`
    }
  </header>`;
}

/** The file, and what the language server found in it. */
export const origin = (part: Part, { path, facts }: ShownModel): TemplateResult =>
  html`<button
      type="button"
      class="link"
      title="Open ${path}"
      @click=${() => part.actions.post({ kind: 'openFile', uri: facts.uri })}
    >
      ${path}</button
    >${facts.file === undefined ? html`<span class="findings">${findings(part, facts)}</span>` : nothing}`;

function findings({ actions }: Part, { uri, errors, warnings }: ShownModel['facts']): TemplateResult {
  if (errors + warnings === 0) return html`${icon('pass')} <span>no errors, no warnings</span>`;
  const words = [
    ...(errors > 0 ? [plural(errors, 'error')] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ].join(', ');
  return html`<button
    type="button"
    class="link ${errors > 0 ? 'error' : 'warning'}"
    title="Show them in the Problems panel"
    @click=${() => actions.post({ kind: 'showProblems', uri })}
  >
    ${icon(errors > 0 ? 'error' : 'warning')} ${words}
  </button>`;
}

function bar(part: Part): TemplateResult | typeof nothing {
  const { shown, actions, state } = part;
  const { content } = shown;
  switch (content.state) {
    case 'loading':
      return nothing;
    case 'empty':
      return html`<p class="empty-state">
          Open a config.json, or select a model in the Models view: its layers and heads are drawn here, with what they
          cost.
        </p>
        <div class="run-bar">${choose(part, 'primary')}${example(part)}</div>`;
    case 'not-a-model':
      return html`<div class="run-bar">${choose(part, 'secondary')}</div>`;
    case 'failed':
      return html`<div class="run-bar">
        ${button({ label: 'Try again', icon: 'refresh', appearance: 'primary', onClick: () => actions.post({ kind: 'retry' }) })}${choose(part, 'secondary')}
      </div>`;
    case 'model': {
      const { uri } = content.model.facts;
      return html`<div class="run-bar">
          ${runButtons(part, content.model, 'primary')}
          ${toolbar(
            'Model',
            html`${button({
              label: 'Compare with another model',
              icon: 'compare-changes',
              appearance: 'icon',
              id: 'compare',
              onClick: () => actions.post({ kind: 'compare', uri }),
            })}
            ${exportMenu(part)}
            ${
              state.place === 'side'
                ? button({
                    label: 'Open in full width',
                    icon: 'link-external',
                    appearance: 'icon',
                    id: 'open-full',
                    onClick: () => actions.post({ kind: 'openFull', uri }),
                  })
                : nothing
            }`,
          )}
        </div>
        ${refusals(part, content.model)}${notes(content.model)}`;
    }
    case 'comparison':
      return html`<div class="run-bar">
        ${button({
          label: 'Compare with another',
          icon: 'compare-changes',
          id: 'compare',
          hint: 'Keep the first model and choose another second one',
          onClick: () => actions.post({ kind: 'compare', uri: content.first.facts.uri }),
        })}
        ${button({ label: 'Swap', id: 'swap', hint: 'The first becomes the second', onClick: () => actions.post({ kind: 'swap' }) })}
        ${toolbar('Comparison', exportMenu(part))}
      </div>`;
  }
}

const choose = ({ actions }: Part, appearance: 'primary' | 'secondary'): TemplateResult =>
  button({ label: 'Choose a model', appearance, id: 'choose', onClick: () => actions.post({ kind: 'choose' }) });

const example = ({ actions }: Part): TemplateResult =>
  button({ label: 'Open the example workspace', onClick: () => actions.post({ kind: 'openExample' }) });

export function runButtons(
  { shown, actions }: Part,
  { facts }: ShownModel,
  appearance: 'primary' | 'secondary',
): TemplateResult {
  const { benchmark, heads } = shown.actions;
  const { uri, supported, file } = facts;
  const base = file?.base;
  if (file?.kind === 'adapter') {
    return base === undefined
      ? html``
      : button({
          label: `Show ${base.name}`,
          hint: 'The model that the adapter is for',
          onClick: () => actions.post({ kind: 'openFull', uri: base.uri }),
        });
  }
  if (facts.parts.length === 0) return html``;
  const mayShow = supported === true ? heads : supported;
  return html`${button({
    label: 'Benchmark this attention',
    icon: 'graph-line',
    appearance,
    disabled: benchmark !== true,
    ...(benchmark === true ? {} : { hint: benchmark }),
    onClick: () => actions.post({ kind: 'benchmark', uri }),
  })}
  ${
    heads === undefined
      ? nothing
      : button({
          label: 'Show heads',
          disabled: mayShow !== true,
          hint: mayShow === true || mayShow === undefined ? 'Run the model and see what its heads do' : mayShow,
          onClick: () => actions.post({ kind: 'showHeads', uri }),
        })
  }`;
}

/** What could not be read of a file, and what cannot be true. */
export const notes = ({ facts: { file } }: ShownModel): TemplateResult | typeof nothing =>
  file === undefined || file.notes.length === 0
    ? nothing
    : html`<ul class="notes">
        ${file.notes.map((note) => html`<li>${icon('info')} ${note}</li>`)}
      </ul>`;

/** Why a button is off, for those who do not hover. */
function refusals({ shown }: Part, { facts }: ShownModel): TemplateResult | typeof nothing {
  const { benchmark, heads } = shown.actions;
  if (benchmark !== true) return html`<p class="reason">${benchmark}</p>`;
  // A row of the facts says why a file is not run.
  if (facts.file !== undefined) return nothing;
  return heads !== undefined && facts.supported !== true
    ? html`<p class="reason">Heads cannot be shown. ${facts.supported}</p>`
    : nothing;
}

function exportMenu({ actions }: Part): TemplateResult {
  const items: readonly MenuItem[] = [
    { label: 'Copy as Markdown', detail: 'sentence and facts', icon: 'copy', run: () => actions.copyMarkdown() },
    { label: 'Copy as JSON', detail: 'every layer', icon: 'copy', run: () => actions.copyJson() },
    { label: 'PNG', detail: 'picture', icon: 'file-media', run: () => actions.exportAs('png') },
    { label: 'SVG', detail: 'picture', icon: 'file-media', run: () => actions.exportAs('svg') },
    { label: 'CSV', detail: 'facts', icon: 'export', run: () => actions.exportAs('csv') },
    { label: 'JSON', detail: 'every layer', icon: 'export', run: () => actions.exportAs('json') },
  ];
  return html`<hs-menu .label=${'Export'} .icon=${'export'} .iconOnly=${true} .items=${items}></hs-menu>`;
}
