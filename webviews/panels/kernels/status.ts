/** The bar under the finding, and the sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import { machineWords } from '../../../protocol/results/machine';
import { seconds } from '../../ui/numbers';
import { exportItems, firstRun, runBar } from '../../ui/run-bar';
import { asideBanners } from '../../ui/asides';
import { banner, comparisonBanner, runBanners, staleBanner } from '../../ui/run-status';
import type { Part } from './actions';
import { comparisonWords } from './comparison';
import { shapeWords } from './finding';
import { canResume, isStale, progressOf, runnableSetup, type State } from './state';

export function bar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, result, rows } = state;
  const ready = runnableSetup(state) !== undefined && state.canRun === true;
  const resumable = canResume(state);
  return runBar(part, {
    panel: 'Kernels panel',
    again: rows.length > 0 && !isStale(state),
    ready,
    why: state.canRun === true ? (ready ? undefined : 'Correct the settings first') : state.canRun,
    cancelHint: 'Stop after the call in flight; what is measured stays',
    stopping: 'Stopping after the call in flight',
    resume: resumable ? { label: 'Resume', hint: 'Measure only what is missing (Ctrl+Enter)', first: true } : undefined,
    made: result !== undefined,
    exportable: rows.length > 0,
    openHint: 'With the settings of this result',
    exports: exportItems((format) => actions.exportAs(format), {
      picture: 'all pictures',
      rows: 'one line a point',
      whole: result !== undefined,
    }),
    progress: 'Points measured',
    ...(phase.kind === 'running' ? { far: `${phase.done} of ${phase.total} points` } : {}),
    done: doneWords(state, resumable),
  });
}

function doneWords(state: State, resumable: boolean) {
  if (!state.result) return undefined;
  const { device } = state.result;
  const { done, total } = progressOf(state);
  return state.result.state === 'cancelled'
    ? {
        stopped: true,
        words: `Cancelled: ${done} of ${total} points kept`,
        after: resumable ? '; Resume continues' : '',
      }
    : { device, words: `${done} points in ${seconds(state.result.seconds)}` };
}

/** Nothing may run, something failed, the settings have changed. */
export function banners({ state, actions }: Part): TemplateResult {
  const { phase, place, compareWith } = state;
  const machine = machineWords(state.result?.machine);
  const nothingRuns =
    runnableSetup(state) === undefined &&
    state.mechanisms.length > 0 &&
    state.canRun === true &&
    place !== 'file' &&
    phase.kind !== 'running';
  return html`
    ${runBanners(state, state.rows.length > 0 ? 'What was measured before stays below.' : undefined)}
    ${asideBanners(state.asides, '', actions)} ${machine === undefined ? nothing : banner('warning', html`${machine}`)}
    ${isStale(state) ? staleBanner(staleWords(state), () => actions.backToShown(), 'Back to its settings') : nothing}
    ${nothingRuns ? banner('info', html`Nothing can run with these settings: the fields to correct say why.`) : nothing}
    ${
      compareWith ? comparisonBanner(compareWith.name, comparisonWords(state), () => actions.dropComparison()) : nothing
    }
  `;
}

/** Over the results of another model the banner names the one that Run would measure. */
function staleWords({ form, measuredSetup }: State): string {
  const taken = form?.origin && form.origin !== measuredSetup?.origin ? form : undefined;
  return taken
    ? `What is below was measured for other settings. Run measures ${taken.origin}: ${shapeWords(taken)}.`
    : 'The settings have changed since this was measured.';
}

/** The panel before its first run: what it is. Run stands above it. */
export const emptyState = (part: Part): TemplateResult =>
  firstRun(
    part,
    'Run measures the chosen kernels on this machine: each is proved against a float64 reference, then timed. Time, speed against a baseline, peak memory, roofline and error over length are drawn here as the points come in.',
  );
