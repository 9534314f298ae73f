/** The bar under the finding: what can be done now, and the state of the run in words. Its height never changes. */
import { html, nothing, type TemplateResult } from 'lit';
import { differenceSentence } from '../../../protocol/results/comparability';
import type { HeadsResult } from '../../../protocol/results/heads';
import { button, toolbar } from '../../ui/controls';
import { asideBanners } from '../../ui/asides';
import { icon } from '../../ui/icons';
import '../../ui/menu';
import type { MenuItem } from '../../ui/menu';
import { significant } from '../../ui/numbers';
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
import { differencesOf } from './comparison';
import { sameGains } from './form';
import { took, writeGains } from './finding';
import { canStart, isStale, whyNotStart } from './run-plan';
import { layersDone } from './shown';
import { shapeOf, type State } from './state';

export function runBar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, place, result } = state;
  const running = phase.kind === 'running';
  const ready = canStart(state);
  const why = whyNotStart(state);
  const hint = why ?? 'Ctrl+Enter';
  const primary = running
    ? button({
        label: phase.cancelling ? 'Stopping' : 'Cancel',
        icon: 'debug-stop',
        id: 'cancel',
        disabled: phase.cancelling,
        hint: 'Stop after the layer in flight',
        onClick: () => actions.cancel(),
      })
    : button({
        label: result && !isStale(state) ? 'Run again' : 'Run',
        icon: 'play',
        appearance: 'primary',
        id: 'run',
        disabled: !ready,
        hint,
        onClick: () => actions.run(),
      });
  return html`<div class="run-bar">
      ${place === 'file' ? nothing : primary}
      ${
        // A compute server that is off has a banner of its own.
        place === 'file' || state.canRun !== true || why === undefined
          ? nothing
          : html`<span class="reason" id="why-not">${why}</span>`
      }
      ${toolbar(
        'Result',
        html`${
            place === 'file'
              ? button({
                  label: 'Open in the Heads panel',
                  icon: 'play',
                  id: 'open-full',
                  disabled: !result || state.asides.waiting?.refused !== undefined,
                  hint:
                    state.asides.waiting?.refused ??
                    `With the model${result ? ` in ${result.model.folder}` : ''}, prompt and gains of this result`,
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
          ${
            place === 'file'
              ? nothing
              : button({
                  label: 'Save the labels (heads.json)',
                  icon: 'tag',
                  appearance: 'icon',
                  id: 'save-labels',
                  disabled: !result || result.classes.length === 0,
                  onClick: () => actions.post({ kind: 'saveLabels' }),
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
      )}
      <div class="run-state" role="status">${runState(state)}</div>
      ${parityBadge(state)}
    </div>
    ${runProgress('Share of the run', running ? { done: phase.share, total: 1 } : undefined)}`;
}

function exportItems({ actions }: Part): readonly MenuItem[] {
  const item = (label: string, detail: string, format: ExportFormat, image = false): MenuItem => ({
    label,
    detail,
    icon: image ? 'file-media' : 'export',
    run: () => actions.exportAs(format),
  });
  return [
    item('PNG', 'grid and selected head', 'png', true),
    item('SVG', 'grid and selected head', 'svg', true),
    item('CSV', 'one line a head', 'csv'),
    item('JSON', 'the whole result', 'json'),
    item('HTML', 'page without network', 'html'),
  ];
}

function runState(state: State): TemplateResult | typeof nothing {
  const { phase, result } = state;
  if (phase.kind === 'running') return runningLine(phase, 'Stopping after the layer in flight');
  if (phase.kind === 'failed' || !result) return nothing;
  return html`${icon('pass')}<span>Done in ${took(result.seconds)}${savedWords(state)}</span>`;
}

function parityBadge({ result }: State): TemplateResult | typeof nothing {
  if (!result) return nothing;
  const { parity } = result;
  const words = parity.ok
    ? `instrumented = plain, ${significant(parity.maxLogitError, 2)} error`
    : `instrumented differs from plain by ${significant(parity.maxLogitError, 2)}${parity.worstLayer === undefined ? '' : `, worst in layer ${parity.worstLayer}`}`;
  return html`<span
    class="parity ${parity.ok ? 'ok' : 'bad'}"
    title=${`Largest difference of a logit between the instrumented run and the plain graph: ${parity.maxLogitError}. After each layer: ${parity.layerErrors.map((error) => significant(error, 2)).join(', ')}.`}
    >${icon(parity.ok ? 'pass' : 'warning')} ${words}</span
  >`;
}

/** Sentences that need an answer: nothing may run, something failed, the prompt or the gains have changed. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, result } = state;
  const back = html`<button type="button" class="link" @click=${() => actions.backToShown()}>
    Back to what is shown
  </button>`;
  const partial = !result && phase.kind !== 'running' && layersDone(state) > 0;
  return html`
    ${runBanners(state)}
    ${asideBanners(state.asides, 'see single heads', {
      load: () => actions.loadModel(),
      dismiss: () => actions.dismissNotice(),
    })}
    ${modelNotes(result?.model ?? state.model)}
    ${
      partial
        ? banner(
            'info',
            html`Only ${layersDone(state)} of ${shapeOf(state).layers} layers were computed: no labels, no single head.`,
          )
        : nothing
    }
    ${isStale(state) ? banner('info', html`${staleWords(state)} ${back}`) : nothing}
    ${
      result && !result.parity.ok
        ? banner(
            'warning',
            html`The instrumented run does not agree with the plain model: take the numbers below as doubtful.`,
          )
        : nothing
    }
    ${
      state.compareWith && result
        ? comparisonBanner(state.compareWith.name, comparisonWords(state, result), () => actions.dropComparison())
        : nothing
    }
  `;
}

function staleWords(state: State): string {
  const { form, shownPlan, result } = state;
  const onlyGains =
    form !== undefined &&
    shownPlan !== undefined &&
    !sameGains(form.gains, shownPlan.gains) &&
    !isStale({ ...state, form: { ...form, gains: shownPlan.gains } });
  if (!onlyGains) return 'The prompt or the options have changed since: Run computes the heads again.';
  const shown = result?.gains.length ? `with ${writeGains(result.gains)}` : 'without gains';
  return `The gains have changed: the pictures show the model ${shown}, the next token below already has them.`;
}

function comparisonWords(state: State, result: HeadsResult): string {
  const differences = differencesOf(state, state.view.statistic);
  if (!differences.ok) return differences.why;
  return state.compareWith ? differenceSentence(result, state.compareWith.result) : '';
}

/** The panel before its first run: what it is, and the demo. */
export function emptyState({ state, actions }: Part): TemplateResult {
  return html`<div class="empty-state">
    <p>
      Run reads a prompt with a model from your disk and draws every head: which tokens its queries read, what kind of
      head that makes it, and what the model says when the head is changed. Nothing leaves this machine.
    </p>
    ${
      state.form && state.place !== 'file'
        ? html`<p>
            ${button({
              label: canStart(state) ? `Run ${demoName(state)}` : 'Run',
              icon: 'play',
              appearance: 'primary',
              id: 'run-demo',
              disabled: !canStart(state),
              onClick: () => actions.run(),
            })}
          </p>`
        : nothing
    }
  </div>`;
}

const demoName = ({ form, models }: State): string =>
  models.find(({ folder }) => folder === form?.folder)?.label ?? 'this model';
