/** The bar under the finding, and the sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { asideBanners } from '../../ui/asides';
import { signWords } from '../../ui/changes';
import { button } from '../../ui/controls';
import { deviceWords } from '../../ui/device-field';
import { icon } from '../../ui/icons';
import { bytes, count, seconds, significant, took } from '../../ui/numbers';
import { exportItems, firstRun, runBar } from '../../ui/run-bar';
import { banner, comparisonBanner, modelNotes, runBanners, staleBanner } from '../../ui/run-status';
import { chatPromptWords } from '../../../protocol/results/chat-prompt';
import { partWords } from '../../../protocol/results/device-words';
import { parityWords } from '../../../protocol/results/parity-words';
import type { Part } from './actions';
import { comparisonWords } from './comparison';
import { awaitsLook, lacksLabels } from './look-runs';
import { canStart, findingOf, infoOf, isOfAnother, isStale, staleParts, whyNotStart } from './shown';
import type { State } from './state';
import { listed } from '../../../protocol/wire/listed';

/** It holds labels of heads, which can be saved for other tools. */
const labelled = (result: AnalysisResult | undefined): boolean => {
  const classes = result?.result['classes'];
  return result !== undefined && result.prompts.length > 0 && Array.isArray(classes) && classes.length > 0;
};

export function bar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { result, phase, kept } = state;
  const stale = isOutdated(state);
  const inHistory = state.tabs?.some(({ id, entry }) => id === state.active && entry !== undefined) === true;
  return runBar(part, {
    panel: 'workbench',
    again: result !== undefined && !stale,
    ready: canStart(state),
    queues: state.tabs !== undefined,
    why: whyNotStart(state),
    saysWhy: true,
    cancelHint: 'Stop after the current step; what is known so far stays',
    stopping: 'Stopping after the current step',
    made: result !== undefined,
    tools: labelled(result)
      ? button({
          label: 'Save the labels (heads.json)',
          icon: 'tag',
          appearance: 'icon',
          id: 'save-labels',
          onClick: () => actions.post({ kind: 'saveLabels' }),
        })
      : nothing,
    openHint: 'With the model, input and parameters of this result',
    exports: [
      {
        label: 'Copy the finding',
        icon: 'copy',
        run: () => actions.copy(findingOf(state) ?? '', 'The finding'),
      },
      ...exportItems((format) => actions.exportAs(format), { picture: 'every section', rows: 'every table' }),
      ...(infoOf(state)?.files ?? []).map(({ field, title }) => ({
        label: title,
        detail: 'JSON',
        icon: 'export' as const,
        run: () => actions.exportField(field),
      })),
    ],
    progress: 'Share of the run',
    ...(phase.kind === 'running' && kept > 0
      ? {
          far: `${Math.round((100 * phase.done) / phase.total)} %, ${count(kept)} ${kept === 1 ? 'step' : 'steps'} kept`,
        }
      : {}),
    ...(state.place === 'file' ? {} : { ahead: estimateLine(state) }),
    ...(phase.kind === 'running' && state.outlasts
      ? { badge: html`<span id="outlasts" class="reason">Goes on when the window closes.</span>` }
      : { badge: parityBadge(state) }),
    done: result && !stale ? { device: result.device, words: `Done in ${took(result.seconds)}`, inHistory } : undefined,
  });
}

/** `About 2 min, 300 MB`, or memory alone where no prompt is run; why it does not run is said beside Run. */
function estimateLine({ estimated, beside }: State): TemplateResult | typeof nothing {
  if (beside?.runs) return html`<span id="estimate">Reading the files beside the picture…</span>`;
  if (!estimated) return nothing;
  const { estimate } = estimated;
  if (!estimate) return html`<span id="estimate">Estimating…</span>`;
  if (estimate.supported !== true) return nothing;
  const { passes, seconds: time, bytes: memory, parts: devices = [] } = estimate;
  const parts = [
    ...(time === undefined ? [] : [time < 1 ? 'a second' : seconds(time)]),
    ...(memory === undefined || memory === 0 ? [] : [bytes(memory)]),
  ];
  const runs = passes === undefined ? '' : `${count(passes)} forward ${passes === 1 ? 'pass' : 'passes'}. `;
  const words = [
    time === undefined
      ? 'Memory beside its weights'
      : `${runs}From earlier runs of the model or, before the first, its size. Memory is beside its weights`,
    ...(devices.length === 0 ? [] : [listed(devices.map(partWords))]),
  ];
  return parts.length === 0
    ? nothing
    : html`<span id="estimate" title=${words.join('. ')}>About ${parts.join(', ')}</span>`;
}

function parityBadge({ result }: State): TemplateResult | typeof nothing {
  const parity = result?.parity;
  if (!parity) return nothing;
  const words = parityWords(parity, (value) => significant(value, 2));
  return html`<span
    class="parity ${parity.ok ? 'ok' : 'bad'}"
    title="The same prompt is run with and without recording, and the logits are compared."
    >${icon(parity.ok ? 'pass' : 'warning')} ${words}</span
  >`;
}

/** Nothing may run, something failed, the form has changed, only a part is there. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, result, partial, compareWith } = state;
  const stopped = !result && partial !== undefined && phase.kind !== 'running';
  return html`
    ${runBanners(state, stopped ? 'What was known by then is shown below.' : undefined)}
    ${asideBanners(state.asides, 'ask more of this result', actions)} ${modelNotes(result?.model ?? state.model)}
    ${chatBanner(result)} ${documentsBanner(state)}
    ${
      stopped && phase.kind !== 'failed'
        ? banner('info', html`The run was stopped: what follows is the part that was known by then.`)
        : nothing
    }
    ${isOutdated(state) ? outdated(part) : lacksLabels(state) ? withoutLabels(part) : nothing}
    ${
      result?.parity && !result.parity.ok
        ? banner('warning', html`Recording changed the output of the model, so the numbers below may be wrong.`)
        : nothing
    }
    ${
      compareWith && result
        ? comparisonBanner(
            compareWith.name,
            comparisonWords(state),
            () => actions.dropComparison(),
            signWords(result, compareWith.result),
          )
        : nothing
    }
  `;
}

/** A text without an image token is not what the model read. */
function chatBanner(result: AnalysisResult | undefined): TemplateResult | typeof nothing {
  const [words] = (result?.prompts ?? []).flatMap(({ chatPrompt }) => chatPromptWords(chatPrompt) ?? []);
  return words === undefined ? nothing : banner('info', html`${words}`);
}

/** The documents are others than those of the result, or of the run that was interrupted. */
function documentsBanner({ result, runNote, corpusNote }: State): TemplateResult | typeof nothing {
  const since = corpusNote?.created === result?.created ? corpusNote?.sentence : undefined;
  const words = [runNote, since].filter((one) => one !== undefined);
  return words.length === 0 ? nothing : banner('info', html`<span id="documents">${words.join(' ')}</span>`);
}

/** What is shown is of another request than the one in the form. */
const isOutdated = (state: State): boolean =>
  state.tabs ? staleParts(state).length > 0 && !awaitsLook(state) : isStale(state) || isOfAnother(state);

function outdated({ state, actions }: Part): TemplateResult {
  const { tabs, active } = state;
  if (!tabs) return staleBanner(staleWords(state), () => actions.backToShown());
  const parts = staleParts(state);
  const onlyDevice = parts.join('') === 'device' ? deviceWords(state, () => false) : undefined;
  return banner(
    'info',
    html`<span id="stale"
        >${onlyDevice ?? `Stale: this answers another request, which differs in ${listed(parts)}.`}</span
      >
      <button type="button" class="link" id="take-over" @click=${() => actions.backToShown()}>
        Take its request over
      </button>
      ${
        active === undefined
          ? nothing
          : html`<button type="button" class="link" id="rerun" @click=${() => actions.rerunTab(active)}>
              Run it again
            </button>`
      }`,
  );
}

/** Look ran by itself, without what would have made it slow. */
const withoutLabels = ({ state, actions }: Part): TemplateResult => {
  const time = state.estimated?.estimate?.seconds;
  return banner(
    'info',
    html`<span id="no-labels"
        >This look has no labels of heads: their null models take
        ${time === undefined ? 'longer' : `about ${seconds(time)}`}.</span
      >
      <button type="button" class="link" @click=${() => actions.run()}>Run with labels</button>`,
  );
};

const staleWords = (state: State): string =>
  isOfAnother(state)
    ? `What follows answers ${state.result?.title ?? 'another analysis'}. Run answers the question above.`
    : (deviceWords(state, (one) => isStale(one)) ?? 'The form has changed since: Run computes the result again.');

/** The panel before its first run: what this is, and what to do. */
export function emptyState(part: Part): TemplateResult {
  const { state } = part;
  if (state.phase.kind === 'running') return html`<p class="empty-state">The first numbers are on their way.</p>`;
  if (state.place === 'file') {
    return html`<p class="empty-state">This result holds no sections. Its JSON has all of its numbers.</p>`;
  }
  if (infoOf(state)?.trains) {
    return firstRun(
      part,
      'Run trains a small model on this machine and asks it this question: curves and pictures come here while it goes on. Nothing leaves this machine.',
      { label: 'Run', ready: canStart(state) },
    );
  }
  const name = state.models.find(({ folder }) => folder === state.form?.folder)?.label;
  if (!infoOf(state)) {
    return firstRun(
      part,
      'An analysis asks one question of a model from your disk and answers it in a sentence, with the numbers behind it. Choose one under “Analysis”.',
    );
  }
  return firstRun(
    part,
    `Run answers this question with ${name ?? 'a model from your disk'}: numbers and pictures come here while it goes on. Nothing leaves this machine.`,
    { label: name ? `Run on ${name}` : 'Run', ready: canStart(state) },
  );
}
