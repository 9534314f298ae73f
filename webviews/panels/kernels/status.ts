/** The bar under the finding: what can be done now, and the state of the run in words. Its height never changes. */
import { html, nothing, type TemplateResult } from 'lit';
import { button, progressRing, toolbar } from '../../ui/controls';
import { icon } from '../../ui/icons';
import type { MenuItem } from '../../ui/menu';
import { seconds } from '../../ui/numbers';
import { banner, comparisonBanner, failureBanner, runProgress, savedWords } from '../../ui/run-status';
import type { Part } from './actions';
import { comparisonWords } from './comparison';
import { shapeWords } from './finding';
import { canResume, isStale, progressOf, runnablePlan, type State } from './state';

export function runBar(part: Part): TemplateResult {
  const { state, actions, compact } = part;
  const { phase, place } = state;
  const running = phase.kind === 'running';
  const ready = runnablePlan(state) !== undefined && state.canRun === true;
  const resumable = canResume(state);
  const again = state.rows.length > 0 && !isStale(state) && !resumable;
  const hint = state.canRun === true ? (ready ? 'Ctrl+Enter' : 'Correct the settings first') : state.canRun;
  const primary = running
    ? button({
        label: phase.cancelling ? 'Stopping' : 'Cancel',
        icon: 'debug-stop',
        appearance: 'secondary',
        id: 'cancel',
        disabled: phase.cancelling,
        hint: 'Stop after the call in flight; what is measured stays',
        onClick: () => actions.cancel(),
      })
    : resumable
      ? html`${button({ label: 'Resume', icon: 'debug-continue', appearance: 'primary', id: 'resume', disabled: !ready, hint: 'Measure only what is missing (Ctrl+Enter)', onClick: () => actions.run(true) })}
        ${button({ label: 'Run again', icon: 'play', id: 'run', disabled: !ready, hint: 'Measure everything anew', onClick: () => actions.run(false) })}`
      : button({
          label: again ? 'Run again' : 'Run',
          icon: 'play',
          appearance: 'primary',
          id: 'run',
          disabled: !ready,
          hint,
          onClick: () => actions.run(false),
        });
  return html`<div class="run-bar">
      ${place === 'file' ? nothing : primary}
      ${toolbar(
        'Result',
        html`${
            place === 'file'
              ? state.measuredPlan
                ? button({
                    label: compact ? 'Run' : 'Run with these settings',
                    icon: 'play',
                    hint: 'Open the kernels panel with the settings of this result',
                    onClick: () => state.measuredPlan && actions.post({ kind: 'openFull', plan: state.measuredPlan }),
                  })
                : nothing
              : button({
                  label: 'Save the result',
                  icon: 'save',
                  appearance: 'icon',
                  id: 'save',
                  disabled: !state.result,
                  onClick: () => actions.post({ kind: 'save' }),
                })
          }
          ${button({
            label: 'Compare with another saved result',
            icon: 'compare-changes',
            appearance: 'icon',
            id: 'compare',
            disabled: !state.result,
            onClick: () => actions.post({ kind: 'compare' }),
          })}
          <hs-menu
            .label=${'Export'}
            .icon=${'export'}
            .iconOnly=${true}
            .items=${exportItems(part)}
            .disabled=${state.rows.length === 0}
          ></hs-menu>
          ${
            place === 'side'
              ? button({
                  label: 'Open the full panel',
                  icon: 'link-external',
                  appearance: 'icon',
                  onClick: () => {
                    const plan = runnablePlan(state);
                    if (plan) actions.post({ kind: 'openFull', plan });
                  },
                  disabled: runnablePlan(state) === undefined,
                })
              : nothing
          }`,
      )}
      <div class="run-state" role="status">${runState(part)}</div>
    </div>
    ${runProgress('Points measured', running ? phase : undefined)}`;
}

function exportItems({ state, actions }: Part): readonly MenuItem[] {
  const item = (
    label: string,
    detail: string,
    format: Parameters<typeof actions.exportAll>[0],
    image = false,
  ): MenuItem => ({
    label,
    detail,
    icon: image ? 'file-media' : 'export',
    run: () => actions.exportAll(format),
  });
  return [
    item('PNG', 'all pictures', 'png', true),
    item('SVG', 'all pictures', 'svg', true),
    item('CSV', 'all numbers', 'csv'),
    ...(state.result ? [item('JSON', 'the whole result', 'json')] : []),
    item('HTML', 'page without network', 'html'),
  ];
}

function runState({ state }: Part): TemplateResult | typeof nothing {
  const { phase } = state;
  if (phase.kind === 'running') {
    const left = phase.secondsLeft === undefined ? '' : `, about ${seconds(phase.secondsLeft)} left`;
    const what = phase.cancelling ? 'Stopping after the call in flight' : phase.sentence.replace(/[.…]+$/, '');
    return html`${progressRing()}<span>${what}: ${phase.done} of ${phase.total} points${left}</span>`;
  }
  if (phase.kind === 'failed' || !state.result) return nothing;
  const { done, total } = progressOf(state);
  const saved = savedWords(state);
  if (state.result.state === 'cancelled') {
    const next = canResume(state) ? '; Resume goes on' : '';
    return html`${icon('circle-slash')}<span>Cancelled: ${done} of ${total} points kept${saved}${next}</span>`;
  }
  return html`${icon('pass')}<span>${done} points in ${seconds(state.result.seconds)}${saved}</span>`;
}

/** Sentences that need an answer: nothing may run, something failed, the settings have changed. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase } = state;
  const plan = runnablePlan(state);
  return html`
    ${state.canRun === true ? nothing : banner('warning', html`${state.canRun}`)}
    ${phase.kind === 'running' && phase.overdue ? banner('warning', html`${phase.overdue}`) : nothing}
    ${
      phase.kind === 'failed'
        ? failureBanner(phase, state.rows.length > 0 ? 'What was measured before stays below.' : undefined)
        : nothing
    }
    ${
      isStale(state)
        ? banner(
            'info',
            html`${staleWords(state)}
              <button type="button" class="link" @click=${() => actions.backToMeasured()}>
                Back to its settings
              </button>`,
          )
        : nothing
    }
    ${
      !plan &&
      state.mechanisms.length > 0 &&
      state.canRun === true &&
      state.place !== 'file' &&
      phase.kind !== 'running'
        ? banner('info', html`Nothing can run with these settings: the fields to correct say why.`)
        : nothing
    }
    ${
      state.compareWith
        ? comparisonBanner(state.compareWith.name, comparisonWords(state), () => actions.dropComparison())
        : nothing
    }
  `;
}

/** Over the results of another model the banner names the one that Run would measure. */
function staleWords({ form, measuredPlan }: State): string {
  const taken = form?.origin && form.origin !== measuredPlan?.origin ? form : undefined;
  return taken
    ? `What is below was measured for other settings. Run measures ${taken.origin}: ${shapeWords(taken)}.`
    : 'The settings have changed since this was measured.';
}

/** The panel before its first run: what it is. Run stands above it. */
export const emptyState = (): TemplateResult =>
  html`<p class="empty-state">
    Run measures the chosen kernels on this machine: each is proved against a float64 reference, then timed. Time, speed
    against a baseline, peak memory, roofline and error over length are drawn here as the points come in.
  </p>`;
