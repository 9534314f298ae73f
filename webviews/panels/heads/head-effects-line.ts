/** The line over the grid that starts, stops and sums up the measurement of the effect of each head. */
import { html, nothing, type TemplateResult } from 'lit';
import { button } from '../../ui/controls';
import { seconds } from '../../ui/numbers';
import type { Part } from './actions';

export function headEffectsLine({ state, actions }: Part): TemplateResult | typeof nothing {
  if (state.view.colouring !== 'effect' && state.view.sortBy !== 'effect') return nothing;
  const { headEffects: measured, result, canRun, phase, place, asides } = state;
  const { finding, problem } = measured ?? {};
  const why =
    !result || phase.kind === 'running'
      ? 'Run the prompt first: heads are removed from a run that is shown.'
      : canRun !== true
        ? canRun
        : place === 'file' && asides.waiting
          ? 'Load the model of this file first.'
          : undefined;
  if (measured?.running) {
    const { sentence, share, secondsLeft } = measured;
    const left = secondsLeft === undefined ? '' : `, about ${seconds(secondsLeft)} left`;
    return html`<div class="head-effects">
      <progress max="1" .value=${share} aria-label="Share of the heads that are removed"></progress>
      <span>${sentence}${left}</span>
      ${button({ label: 'Stop', icon: 'debug-stop', id: 'stop-effects', onClick: () => actions.cancel() })}
    </div>`;
  }
  return html`<div class="head-effects">
    ${
      finding === undefined
        ? button({
            label: measured?.effects ? 'Go on' : 'Remove each head',
            icon: 'play',
            id: 'measure-effects',
            disabled: why !== undefined,
            hint:
              why ??
              'Sets the output of each head and each MLP to zero in turn, and measures the loss of the tokens of this prompt',
            onClick: () => actions.measureEffects(),
          })
        : nothing
    }
    <p class="reason" id="effects-finding">
      ${finding ?? why ?? 'Sets the output of one head after the other to zero and measures the loss of the tokens of this prompt.'}
    </p>
    ${problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
  </div>`;
}
