/** The bar under the finding, and the sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import { chatPromptWords } from '../../../protocol/results/chat-prompt';
import { signWords } from '../../ui/changes';
import { asideBanners } from '../../ui/asides';
import { deviceWords } from '../../ui/device-field';
import { count, took } from '../../ui/numbers';
import { exportItems, firstRun, runBar } from '../../ui/run-bar';
import { banner, comparisonBanner, modelNotes, runBanners, staleBanner } from '../../ui/run-status';
import type { ExportKind, Part } from './actions';
import { comparisonWords } from './comparison';
import { canResume, canStart, isStale, readsTextOnly, whyNot } from './run-setup';
import type { State } from './state';

export function bar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { result, set } = state;
  const made = result ?? set;
  const stopped = set?.state === 'cancelled';
  return runBar(part, {
    panel: 'Hallucination panel',
    again: made !== undefined && !isStale(state),
    ready: canStart(state),
    why: whyNot(state),
    cancelHint: 'What is there stays',
    stopping: 'Stopping',
    resume: canResume(state)
      ? { label: 'Go on', hint: `The ${count(set?.entries.length ?? 0)} captioned pictures are kept`, first: false }
      : undefined,
    made: made !== undefined,
    openHint: 'With the model, picture and prompt of this result',
    exports: exportItems<ExportKind>(
      (kind) => actions.exportAs(kind),
      set
        ? { picture: 'scores and histograms', rows: 'one line a picture' }
        : { picture: 'picture, heads and captions', rows: 'one line a head' },
      set ? [] : [{ label: 'CSV of the words', detail: 'one line a token', format: 'words' }],
    ),
    progress: 'Share of the run',
    done: made && {
      stopped,
      device: made.device,
      words: `${stopped ? 'Stopped after' : 'Done in'} ${took(made.seconds)}`,
    },
  });
}

/** Nothing may run, something failed, what is typed has changed. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, compareWith } = state;
  const made = state.result ?? state.set;
  const partial = phase.kind === 'failed' && (state.entries.length > 0 || state.firstStep !== undefined);
  return html`
    ${runBanners(state, partial ? 'What was computed before is shown.' : undefined)}
    ${asideBanners(state.asides, state.result ? 'see its maps and words' : 'ask more of it', actions)}
    ${textOnlyBanner(part)} ${modelNotes(made?.model ?? state.model)} ${chatBanner(state)}
    ${
      compareWith && made
        ? comparisonBanner(
            compareWith.name,
            comparisonWords(state),
            () => actions.dropComparison(),
            signWords(made, compareWith.made),
          )
        : nothing
    }
    ${
      isStale(state)
        ? staleBanner(deviceWords(state, isStale) ?? 'What is typed has changed since: Run computes it.', () =>
            actions.backToShown(),
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
    html`Its config has no vision_config and its weights no image encoder. For text alone, the same divergence finds
      context-aware heads: those that depend on a part of the prompt.
      <button type="button" class="link" id="use-span" @click=${() => actions.edit({ mode: 'span' })}>
        Take a part of the prompt away
      </button>`,
  );
}

/** The panel before its first run: what it is, and the demo. */
export function emptyState(part: Part): TemplateResult {
  const { form } = part.state;
  const words =
    form?.mode === 'set'
      ? 'Run captions pictures of the folder and counts the objects that are not there: CHAIR, recall and length with and without reinforcement, the change of each with its interval, and how well T-VHD separates such words.'
      : form?.mode === 'span'
        ? 'Run reads the prompt twice, with and without the marked part. Heads whose output changes depend on it; generated words with a low T-VHD were said without it.'
        : 'Run reads the picture and the prompt with a model from your disk, and again without the picture. Heads whose output changes look at the picture; words with a low T-VHD were said by habit. Nothing leaves this machine.';
  return firstRun(part, words, { ready: canStart(part.state), why: whyNot(part.state) });
}
