/** The bar under the finding: what can be done now, and the state of the run in words. Its height never changes. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExportFormat } from '../../protocol/panels/messages';
import type { DeviceSummary } from '../../protocol/schema/parts';
import type { AnyPart } from './actions';
import { deviceLine } from './made';
import { button, toolbar } from './controls';
import { icon } from './icons';
import './menu';
import type { MenuItem } from './menu';
import { runningLine, runProgress, savedWords } from './run-status';

type Content = TemplateResult | string | typeof nothing;

export interface RunBar {
  /** As in "Open in the workbench". */
  readonly panel: string;
  /** What Run would make is shown already. */
  readonly again: boolean;
  /** Why Run is off, as a sentence. */
  readonly why: string | undefined;
  /** Beside the button too, for those who do not hover. */
  readonly saysWhy?: boolean;
  readonly ready: boolean;
  /** A run can be asked for while another one goes on: it waits for its turn. */
  readonly queues?: boolean;
  readonly cancelHint: string;
  /** Said in place of the stage once the run was asked to stop. */
  readonly stopping: string;
  /** What was stopped can be gone on with; `first`: rather than run again. */
  readonly resume?: { readonly label: string; readonly hint: string; readonly first: boolean } | undefined;
  /** There is a whole result, to be saved and compared. */
  readonly made: boolean;
  /** There is something to export; absent: the result. */
  readonly exportable?: boolean;
  readonly exports: readonly MenuItem[];
  /** Tooltip of the button that runs a saved file's plan again. */
  readonly openHint: string;
  readonly tools?: Content;
  readonly progress: string;
  /** How far the run is, where that is no share. */
  readonly far?: string;
  /** Said while nothing runs and nothing is done: what a run would take. */
  readonly ahead?: Content;
  /** How the run ended, with the icon before it. */
  readonly done:
    | {
        readonly stopped?: boolean;
        readonly words: string;
        /** Where the result was made, where the words go on so. */
        readonly device?: DeviceSummary;
        /** The history has it; absent where the page does not know. */
        readonly inHistory?: boolean;
        readonly after?: string;
      }
    | undefined;
  readonly badge?: Content;
}

export function runBar({ state, actions }: AnyPart, given: RunBar): TemplateResult {
  // Before the extension has answered, an empty form is nothing to be corrected.
  const bar = state.opened ? given : { ...given, why: undefined };
  const { phase, place, asides } = state;
  const running = phase.kind === 'running' ? phase : undefined;
  const openFull = (): void => actions.openFull();
  return html`<div class="run-bar">
      ${place === 'file' || (running && !bar.queues) ? nothing : runButtons(bar, actions)}
      ${place !== 'file' && running ? cancelButton(running, bar, actions) : nothing}
      ${
        // Nothing that runs at all has a banner of its own.
        place === 'file' || state.canRun !== true || bar.why === undefined || !bar.saysWhy
          ? nothing
          : html`<span class="reason" id="why-not">${bar.why}</span>`
      }
      ${toolbar(
        'Result',
        html`${
            place === 'file'
              ? button({
                  label: `Open in the ${bar.panel}`,
                  icon: 'play',
                  id: 'open-full',
                  disabled: !bar.made || asides.waiting?.refused !== undefined,
                  hint: asides.waiting?.refused ?? bar.openHint,
                  onClick: openFull,
                })
              : nothing
          }
          ${
            // A file is saved already, unless it is of an earlier version.
            place === 'file' && (!bar.made || state.savedAs !== undefined)
              ? nothing
              : button({
                  label: 'Save the result',
                  icon: 'save',
                  appearance: 'icon',
                  id: 'save',
                  disabled: !bar.made,
                  onClick: () => actions.post({ kind: 'save' }),
                })
          }
          ${place === 'file' ? nothing : (bar.tools ?? nothing)}
          ${button({
            label: 'Compare with another saved result',
            icon: 'compare-changes',
            appearance: 'icon',
            id: 'compare',
            disabled: !bar.made,
            onClick: () => actions.post({ kind: 'compare' }),
          })}
          <hs-menu
            .label=${'Export'}
            .icon=${'export'}
            .iconOnly=${true}
            .items=${bar.exports}
            .disabled=${!(bar.exportable ?? bar.made)}
          ></hs-menu>
          ${
            place === 'side'
              ? button({
                  label: 'Open the full panel',
                  icon: 'link-external',
                  appearance: 'icon',
                  id: 'open-full',
                  onClick: openFull,
                })
              : nothing
          }`,
      )}
      <div class="run-state" role="status">${runState(state, bar)}</div>
      ${bar.badge ?? nothing}
    </div>
    ${runProgress(bar.progress, running)}`;
}

const cancelButton = (
  { cancelling }: { readonly cancelling: boolean },
  { cancelHint }: RunBar,
  actions: AnyPart['actions'],
): TemplateResult =>
  button({
    label: cancelling ? 'Stopping' : 'Cancel',
    icon: 'debug-stop',
    id: 'cancel',
    disabled: cancelling,
    hint: cancelHint,
    onClick: () => actions.cancel(),
  });

function runButtons({ again, why, ready, resume }: RunBar, actions: AnyPart['actions']): TemplateResult {
  const run = button({
    label: again || resume?.first ? 'Run again' : 'Run',
    icon: 'play',
    appearance: resume?.first ? 'secondary' : 'primary',
    id: 'run',
    disabled: !ready,
    hint: resume?.first ? 'Measure everything again' : (why ?? 'Ctrl+Enter'),
    onClick: () => actions.run(),
  });
  if (!resume) return run;
  const goOn = button({
    label: resume.label,
    icon: 'debug-continue',
    appearance: resume.first ? 'primary' : 'secondary',
    id: 'resume',
    disabled: !ready,
    hint: resume.hint,
    onClick: () => actions.run(true),
  });
  return resume.first ? html`${goOn} ${run}` : html`${run} ${goOn}`;
}

function runState(state: AnyPart['state'], { stopping, far, ahead, done }: RunBar): Content {
  const { phase } = state;
  if (phase.kind === 'running') return runningLine(phase, stopping, far);
  if (!done) return ahead ?? nothing;
  if (phase.kind === 'failed') return nothing;
  return html`${icon(done.stopped ? 'circle-slash' : 'pass')}<span
      >${done.words}${madeOn(done.device)}${savedWords(state, done.inHistory)}${done.after ?? ''}</span
    >`;
}

const madeOn = (device: DeviceSummary | undefined): Content =>
  device ? html` on <span id="made-on" title=${deviceLine(device)}>${device.id}</span>` : nothing;

/** The menu of every panel: pictures first, then numbers, then the page. */
export function exportItems<Format extends string = never>(
  exportAs: (format: Format | ExportFormat) => void,
  of: { readonly picture: string; readonly rows: string; readonly whole?: boolean },
  more: readonly { readonly label: string; readonly detail: string; readonly format: Format }[] = [],
): readonly MenuItem[] {
  const item = (label: string, detail: string, format: Format | ExportFormat, image = false): MenuItem => ({
    label,
    detail,
    icon: image ? 'file-media' : 'export',
    run: () => exportAs(format),
  });
  return [
    item('PNG', of.picture, 'png', true),
    item('SVG', of.picture, 'svg', true),
    item('CSV', of.rows, 'csv'),
    ...more.map(({ label, detail, format }) => item(label, detail, format)),
    ...((of.whole ?? true) ? [item('JSON', 'the whole result', 'json')] : []),
    item('HTML', 'page without network', 'html'),
    item('npz', 'numbers for NumPy', 'npz'),
    item('safetensors', 'numbers for PyTorch', 'safetensors'),
    item('Arrow', 'zip, a file for each table', 'zip'),
  ];
}

/** Run, in the middle of a panel that has nothing to show yet. */
export const firstRun = (
  { state, actions }: AnyPart,
  words: Content,
  run?: { readonly label?: string; readonly ready: boolean; readonly why?: string | undefined },
): TemplateResult =>
  html`<div class="empty-state">
    <p>${words}</p>
    ${
      run && state.form && state.place !== 'file'
        ? html`<p>
              ${button({
                label: run.label ?? 'Run',
                icon: 'play',
                appearance: 'primary',
                id: 'run-demo',
                disabled: !run.ready,
                onClick: () => actions.run(),
              })}
            </p>
            ${run.why === undefined ? nothing : html`<p class="reason" id="why-not">${run.why}</p>`}`
        : nothing
    }
  </div>`;
