/** The bar under the finding: what can be done now, the state of the run in words, and sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import { button, toolbar } from '../../ui/controls';
import { asideBanners } from '../../ui/asides';
import { icon } from '../../ui/icons';
import '../../ui/menu';
import type { MenuItem } from '../../ui/menu';
import { bytes, count, seconds, significant } from '../../ui/numbers';
import {
  banner,
  comparisonBanner,
  modelNotes,
  runBanners,
  runningLine,
  runProgress,
  savedWords,
} from '../../ui/run-status';
import type { ExportFormat, Part } from './actions';
import { comparisonWords } from './comparison';
import { canStart, findingOf, infoOf, isStale, shownSections, whyNotStart } from './shown';
import type { State } from './state';

export function runBar(part: Part): TemplateResult {
  const { state } = part;
  const { phase, place } = state;
  const running = phase.kind === 'running';
  const why = whyNotStart(state);
  return html`<div class="run-bar">
      ${place === 'file' ? nothing : primary(part)}
      ${
        // A compute server that is off has a banner of its own.
        place === 'file' || state.canRun !== true || why === undefined
          ? nothing
          : html`<span class="reason" id="why-not">${why}</span>`
      }
      ${tools(part)}
      <div class="run-state" role="status">${runState(state)}</div>
      ${parityBadge(state)}
    </div>
    ${runProgress('Share of the run', running ? { done: phase.share, total: 1 } : undefined)}`;
}

function primary({ state, actions }: Part): TemplateResult {
  const { phase, result } = state;
  return phase.kind === 'running'
    ? button({
        label: phase.cancelling ? 'Stopping' : 'Cancel',
        icon: 'debug-stop',
        id: 'cancel',
        disabled: phase.cancelling,
        hint: 'Stop after the step in flight; what is known so far stays',
        onClick: () => actions.cancel(),
      })
    : button({
        label: result && !isStale(state) ? 'Run again' : 'Run',
        icon: 'play',
        appearance: 'primary',
        id: 'run',
        disabled: !canStart(state),
        hint: whyNotStart(state) ?? 'Ctrl+Enter',
        onClick: () => actions.run(),
      });
}

function tools(part: Part): TemplateResult {
  const { state, actions } = part;
  const { result, place } = state;
  const finding = findingOf(state);
  const refused = state.asides.waiting?.refused;
  return toolbar(
    'Result',
    html`${
        place === 'file'
          ? button({
              label: 'Open in the Analyses panel',
              icon: 'play',
              id: 'open-full',
              disabled: !result || refused !== undefined,
              hint: refused ?? 'With the model, input and parameters of this result',
              onClick: () => actions.openFull(),
            })
          : button({
              label: 'Save the result',
              icon: 'save',
              appearance: 'icon',
              id: 'save',
              disabled: !result,
              onClick: () => actions.post({ kind: 'save' }),
            })
      }
      ${button({
        label: 'Compare with another saved result',
        icon: 'compare-changes',
        appearance: 'icon',
        id: 'compare',
        disabled: !result,
        onClick: () => actions.post({ kind: 'compare' }),
      })}
      ${button({
        label: 'Copy the finding',
        icon: 'copy',
        appearance: 'icon',
        id: 'copy-finding',
        disabled: finding === undefined,
        onClick: () => actions.copy(finding ?? '', 'The finding'),
      })}
      <hs-menu
        .label=${'Export'}
        .icon=${'export'}
        .iconOnly=${true}
        .items=${exportItems(part)}
        .disabled=${!result}
      ></hs-menu>
      ${
        place === 'side'
          ? button({
              label: 'Open the full panel',
              icon: 'link-external',
              appearance: 'icon',
              id: 'open-full',
              onClick: () => actions.openFull(),
            })
          : nothing
      }`,
  );
}

function exportItems({ actions }: Part): readonly MenuItem[] {
  const item = (label: string, detail: string, format: ExportFormat, image = false): MenuItem => ({
    label,
    detail,
    icon: image ? 'file-media' : 'export',
    run: () => actions.exportAs(format),
  });
  return [
    item('PNG', 'every section', 'png', true),
    item('SVG', 'every section', 'svg', true),
    item('CSV', 'every table', 'csv'),
    item('JSON', 'the whole result', 'json'),
    item('HTML', 'page without network', 'html'),
  ];
}

function runState(state: State): TemplateResult | typeof nothing {
  const { phase, result, kept } = state;
  if (phase.kind === 'running') {
    return html`${runningLine(phase, 'Stopping after the step in flight')}${
      kept > 0
        ? html`<span class="kept" title="The same run goes on behind them, also after the process has ended."
            >${count(kept)} ${kept === 1 ? 'step' : 'steps'} kept</span
          >`
        : nothing
    }`;
  }
  if (phase.kind === 'failed') return nothing;
  if (result && !isStale(state))
    return html`${icon('pass')}<span>Done in ${seconds(result.seconds)}${savedWords(state)}</span>`;
  return state.place === 'file' ? nothing : estimateLine(state);
}

/** `About 12 passes, 300 MB`; why it does not run is said beside Run. */
function estimateLine({ estimated }: State): TemplateResult | typeof nothing {
  if (!estimated) return nothing;
  const { estimate } = estimated;
  if (!estimate) return html`<span id="estimate" class="muted">Estimating…</span>`;
  if (estimate.supported !== true) return nothing;
  const parts = [
    ...(estimate.passes === undefined
      ? []
      : [`${count(estimate.passes)} ${estimate.passes === 1 ? 'pass' : 'passes'}`]),
    ...(estimate.bytes === undefined ? [] : [bytes(estimate.bytes)]),
  ];
  return parts.length === 0
    ? nothing
    : html`<span id="estimate" title="Forward passes of the model, and memory beside its weights"
        >About ${parts.join(', ')}</span
      >`;
}

function parityBadge({ result }: State): TemplateResult | typeof nothing {
  const parity = result?.parity;
  if (!parity) return nothing;
  const words = parity.ok
    ? `instrumented = plain, ${significant(parity.maxLogitError, 2)} error`
    : `instrumented differs from plain by ${significant(parity.maxLogitError, 2)}${parity.worstLayer === undefined ? '' : `, worst in layer ${parity.worstLayer}`}`;
  return html`<span
    class="parity ${parity.ok ? 'ok' : 'bad'}"
    title="Largest difference of a logit between the instrumented run and the plain graph."
    >${icon(parity.ok ? 'pass' : 'warning')} ${words}</span
  >`;
}

/** Nothing may run, something failed, the form has changed, only a part is there. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, result, partial } = state;
  const back = html`<button type="button" class="link" @click=${() => actions.backToShown()}>
    Back to what is shown
  </button>`;
  const stopped = !result && partial !== undefined && phase.kind !== 'running';
  return html`
    ${runBanners(state, stopped ? 'What was known by then is shown below.' : undefined)}
    ${asideBanners(state.asides, 'ask more of this result', {
      load: () => actions.loadModel(),
      dismiss: () => actions.dismissNotice(),
    })}
    ${modelNotes(result?.model ?? state.model)}
    ${
      stopped && phase.kind !== 'failed'
        ? banner('info', html`The run was stopped: what follows is the part that was known by then.`)
        : nothing
    }
    ${isStale(state) ? banner('info', html`${staleWords(state)} ${back}`) : nothing}
    ${
      result?.parity && !result.parity.ok
        ? banner(
            'warning',
            html`The instrumented run does not agree with the plain model: take the numbers below as doubtful.`,
          )
        : nothing
    }
    ${
      state.compareWith && result
        ? comparisonBanner(state.compareWith.name, comparisonWords(state), () => actions.dropComparison())
        : nothing
    }
  `;
}

function staleWords(state: State): string {
  const { result, shownPlan } = state;
  const other = shownPlan !== undefined && shownPlan.analysis !== state.form?.analysis;
  return other
    ? `What follows is of ${result?.title ?? 'another analysis'}: Run answers the question above.`
    : 'The form has changed since: Run computes the result again.';
}

/** The panel before its first run: what this is, and what to do. */
export function emptyState({ state, actions }: Part): TemplateResult {
  const info = infoOf(state);
  if (state.phase.kind === 'running') return html`<p class="empty-state">The first numbers are on their way.</p>`;
  if (state.place === 'file') {
    return html`<p class="empty-state">This result holds no sections. Its JSON has all of its numbers.</p>`;
  }
  const name = state.models.find(({ folder }) => folder === state.form?.folder)?.label;
  return html`<div class="empty-state">
    <p>
      ${
        info
          ? `Run answers this question with ${name ?? 'a model from your disk'}: numbers and pictures come here while it goes on. Nothing leaves this machine.`
          : 'An analysis asks one question of a model from your disk and answers it in a sentence, with the numbers behind it. Choose one under “Analysis”.'
      }
    </p>
    ${
      info
        ? html`<p>
            ${button({
              label: name ? `Run on ${name}` : 'Run',
              icon: 'play',
              appearance: 'primary',
              id: 'run-first',
              disabled: !canStart(state),
              hint: whyNotStart(state) ?? 'Ctrl+Enter',
              onClick: () => actions.run(),
            })}
          </p>`
        : nothing
    }
  </div>`;
}

export const hasSections = (state: State): boolean => shownSections(state).length > 0;
