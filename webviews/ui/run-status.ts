/** What the bar and the lines under a finding are made of: the state of a run in words, and sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ModelSummary } from '../../protocol/schema/parts';
import { disclosure, progressRing } from './controls';
import { icon } from './icons';
import { seconds } from './numbers';
import type { Phase, Running } from './phase';

export const banner = (kind: 'info' | 'warning' | 'error', content: TemplateResult): TemplateResult =>
  html`<div class="banner ${kind}" role=${kind === 'error' ? 'alert' : 'note'}>
    ${icon(kind)}
    <div>${content}</div>
  </div>`;

/** `more` says what is left of the result. */
export const failureBanner = (
  failure: { readonly sentence: string; readonly details?: string },
  more?: string,
): TemplateResult =>
  banner(
    'error',
    html`${failure.sentence} ${more ?? nothing}
    ${
      failure.details
        ? html`<details>
            <summary>Details</summary>
            <pre>${failure.details}</pre>
          </details>`
        : nothing
    }`,
  );

/** What is typed is no longer what is shown. */
export const staleBanner = (words: string, back: () => void, label = 'Back to what is shown'): TemplateResult =>
  banner('info', html`${words} <button type="button" class="link" @click=${back}>${label}</button>`);

/** `sign` says which of the two is subtracted, where one is. */
export const comparisonBanner = (name: string, words: string, stop: () => void, sign?: string): TemplateResult =>
  banner(
    'info',
    html`Compared with ${name}${sign === undefined ? '' : `: ${sign}`}. ${words}
      <button type="button" class="link" @click=${stop}>Stop comparing</button>`,
  );

/** What a run does, how far it is and how long it takes yet; `stopping` says so once it was asked to stop. */
export function runningLine(
  { cancelling, sentence, done, total, secondsLeft }: Running,
  stopping: string,
  far = `${Math.round((100 * done) / total)} %`,
): TemplateResult {
  const left = secondsLeft === undefined ? '' : `, about ${seconds(secondsLeft)} left`;
  const what = cancelling ? stopping : sentence.replace(/[.…]+$/, '');
  return html`${progressRing()}<span>${what}: ${far}${left}</span>`;
}

/** Nothing may run; the run does not stop; it failed (`more` says what is left of it). */
export const runBanners = (
  { canRun, phase }: { readonly canRun: true | string; readonly phase: Phase },
  more?: string,
): TemplateResult =>
  html`${canRun === true ? nothing : banner('warning', html`${canRun}`)}
  ${phase.kind === 'running' && phase.overdue ? banner('warning', html`${phase.overdue}`) : nothing}
  ${phase.kind === 'failed' ? failureBanner(phase, more) : nothing}`;

/** What the run of the model leaves unread of its checkpoint (`notes`, protocol/results/heads.ts). */
export const modelNotes = (model: ModelSummary | undefined): TemplateResult | typeof nothing =>
  model?.notes && model.notes.length > 0
    ? banner('info', html`<span class="model-notes">${model.notes.join(' ')}</span>`)
    : nothing;

/** Takes its two pixels also while nothing runs, so that nothing moves. */
export const runProgress = (label: string, run: { readonly done: number; readonly total: number } | undefined) =>
  html`<progress
    class=${run ? 'run-progress' : 'run-progress idle'}
    aria-label=${label}
    aria-hidden=${run === undefined}
    max=${run ? Math.max(1, run.total) : 1}
    .value=${run?.done ?? 0}
  ></progress>`;

/** Goes on a sentence about a finished run. */
export const savedWords = ({ savedAs }: { readonly savedAs?: string | undefined }, inHistory = false) =>
  savedAs ? html`, saved as <span title=${savedAs}>${savedAs}</span>` : inHistory ? ', kept in the history' : nothing;

/** What made the result, folded. */
export const measuredHow = (
  lines: readonly string[],
  open: boolean,
  onToggle: (open: boolean) => void,
): TemplateResult =>
  disclosure({
    title: 'How this was measured',
    open,
    id: 'provenance',
    onToggle,
    body: () =>
      html`<ul class="provenance">
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>`,
  });
