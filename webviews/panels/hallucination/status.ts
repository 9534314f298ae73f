/** The bar under the finding: what can be done now, and the state of the run in words. Its height never changes. */
import { html, nothing, type TemplateResult } from 'lit';
import { chatPromptWords } from '../../../protocol/results/chat-prompt';
import { button, toolbar } from '../../ui/controls';
import { asideBanners } from '../../ui/asides';
import { icon } from '../../ui/icons';
import '../../ui/menu';
import type { MenuItem } from '../../ui/menu';
import { count } from '../../ui/numbers';
import {
  banner,
  comparisonBanner,
  modelNotes,
  runBanners,
  runningLine,
  runProgress,
  savedWords,
} from '../../ui/run-status';
import type { ExportKind, Part } from './actions';
import { comparisonWords } from './comparison';
import { took } from './finding';
import { canResume, canStart, isStale, readsTextOnly, whyNot } from './run-plan';
import type { State } from './state';

export function runBar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, place } = state;
  const made = state.result ?? state.set;
  return html`<div class="run-bar">
      ${place === 'file' ? nothing : primary(part)}
      ${
        place !== 'file' && canResume(state)
          ? button({
              label: 'Go on',
              icon: 'debug-continue',
              id: 'resume',
              hint: `The ${count(state.set?.entries.length ?? 0)} captioned pictures are kept`,
              onClick: () => actions.run(true),
            })
          : nothing
      }
      ${toolbar(
        'Result',
        html`${
            place === 'file'
              ? button({
                  label: 'Open in the Hallucination panel',
                  icon: 'play',
                  id: 'open-full',
                  disabled: !made || state.asides.waiting?.refused !== undefined,
                  hint: state.asides.waiting?.refused ?? 'With the model, picture and prompt of this result',
                  onClick: () => actions.openFull(),
                })
              : button({
                  label: 'Save the result',
                  icon: 'save',
                  appearance: 'icon',
                  id: 'save',
                  disabled: !made,
                  onClick: () => actions.post({ kind: 'save' }),
                })
          }
          ${button({
            label: 'Compare with another saved result',
            icon: 'compare-changes',
            appearance: 'icon',
            id: 'compare',
            disabled: !made,
            onClick: () => actions.post({ kind: 'compare' }),
          })}
          <hs-menu
            .label=${'Export'}
            .icon=${'export'}
            .iconOnly=${true}
            .items=${exportItems(part)}
            .disabled=${!made}
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
    </div>
    ${runProgress('Share of the run', phase.kind === 'running' ? { done: phase.share, total: 1 } : undefined)}`;
}

function primary({ state, actions }: Part): TemplateResult {
  const { phase, result, set } = state;
  if (phase.kind === 'running') {
    return button({
      label: phase.cancelling ? 'Stopping' : 'Cancel',
      icon: 'debug-stop',
      id: 'cancel',
      disabled: phase.cancelling,
      hint: 'What is there stays',
      onClick: () => actions.cancel(),
    });
  }
  return button({
    label: (result ?? set) && !isStale(state) ? 'Run again' : 'Run',
    icon: 'play',
    appearance: 'primary',
    id: 'run',
    disabled: !canStart(state),
    hint: whyNot(state) ?? 'Ctrl+Enter',
    onClick: () => actions.run(),
  });
}

function exportItems({ actions, state }: Part): readonly MenuItem[] {
  const item = (label: string, detail: string, kind: ExportKind, image = false): MenuItem => ({
    label,
    detail,
    icon: image ? 'file-media' : 'export',
    run: () => actions.exportAs(kind),
  });
  const picture = state.set ? 'scores and histograms' : 'picture, heads and captions';
  return [
    item('PNG', picture, 'png', true),
    item('SVG', picture, 'svg', true),
    item('CSV', state.set ? 'one line a picture' : 'one line a head', 'csv'),
    ...(state.set ? [] : [item('CSV of the words', 'one line a token', 'words')]),
    item('JSON', 'the whole result', 'json'),
    item('HTML', 'page without network', 'html'),
  ];
}

function runState(state: State): TemplateResult | typeof nothing {
  const { phase } = state;
  if (phase.kind === 'running') return runningLine(phase, 'Stopping');
  const made = state.result ?? state.set;
  if (phase.kind === 'failed' || !made) return nothing;
  const stopped = state.set?.state === 'cancelled';
  return html`${icon(stopped ? 'circle-slash' : 'pass')}<span
      >${stopped ? 'Stopped after' : 'Done in'} ${took(made.seconds)}${savedWords(state)}</span
    >`;
}

/** Sentences that need an answer: nothing may run, something failed, what is typed has changed. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase } = state;
  const partial = phase.kind === 'failed' && (state.entries.length > 0 || state.firstStep !== undefined);
  return html`
    ${runBanners(state, partial ? 'What was computed before is shown.' : undefined)}
    ${asideBanners(state.asides, state.result ? 'see its maps and words' : 'ask more of it', {
      load: () => actions.loadModel(),
      dismiss: () => actions.dismissNotice(),
    })}
    ${textOnlyBanner(part)} ${modelNotes((state.result ?? state.set)?.model ?? state.model)} ${chatBanner(state)}
    ${
      state.compareWith && (state.result ?? state.set)
        ? comparisonBanner(state.compareWith.name, comparisonWords(state), () => actions.dropComparison())
        : nothing
    }
    ${
      isStale(state)
        ? banner(
            'info',
            html`What is typed has changed since: Run computes it.
              <button type="button" class="link" @click=${() => actions.backToShown()}>Back to what is shown</button>`,
          )
        : nothing
    }
  `;
}

function chatBanner({ result, set }: State): TemplateResult | typeof nothing {
  const words = chatPromptWords((result ?? set)?.chatPrompt);
  return words === undefined ? nothing : banner('info', html`${words}`);
}

/** What is missing in a model of text, and what it can be asked instead. */
function textOnlyBanner({ state, actions }: Part): TemplateResult | typeof nothing {
  if (!readsTextOnly(state) || state.form?.mode === 'span' || state.place === 'file') return nothing;
  return banner(
    'info',
    html`Its config has no vision_config and its weights no image encoder. Of text alone, the same divergence finds
      context-aware heads: those that depend on a part of the prompt.
      <button type="button" class="link" id="use-span" @click=${() => actions.edit({ mode: 'span' })}>
        Take a part of the prompt away
      </button>`,
  );
}

/** The panel before its first run: what it is, and the demo. */
export function emptyState({ state, actions }: Part): TemplateResult {
  const { form, place } = state;
  const why = whyNot(state);
  const words =
    form?.mode === 'set'
      ? 'Run captions pictures of the folder and counts the objects that are not there: CHAIR, recall and length with and without reinforcement, the change of each with its interval, and how well T-VHD tells such words apart.'
      : form?.mode === 'span'
        ? 'Run reads the prompt twice, with and without the marked part. Heads whose output changes depend on it; generated words with a low T-VHD were said without it.'
        : 'Run reads the picture and the prompt with a model from your disk, and again without the picture. Heads whose output changes look at the picture; words with a low T-VHD were said by habit. Nothing leaves this machine.';
  return html`<div class="empty-state">
    <p>${words}</p>
    ${
      form && place !== 'file'
        ? html`<p>
              ${button({
                label: 'Run',
                icon: 'play',
                appearance: 'primary',
                id: 'run-demo',
                disabled: !canStart(state),
                onClick: () => actions.run(),
              })}
            </p>
            ${why === undefined ? nothing : html`<p class="reason" id="why-not">${why}</p>`}`
        : nothing
    }
  </div>`;
}
