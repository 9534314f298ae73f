/** The bar under the finding, and the sentences that need an answer. */
import { html, nothing, type TemplateResult } from 'lit';
import { differenceSentence } from '../../../protocol/results/comparability';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { signWords } from '../../ui/changes';
import { asideBanners } from '../../ui/asides';
import { chatPromptNote } from '../../ui/chat-prompt';
import { button } from '../../ui/controls';
import { deviceWords } from '../../ui/device-field';
import { icon } from '../../ui/icons';
import { parityWords } from '../../../protocol/results/parity-words';
import { significant, took } from '../../ui/numbers';
import { exportItems, firstRun, runBar } from '../../ui/run-bar';
import { banner, comparisonBanner, modelNotes, runBanners, staleBanner } from '../../ui/run-status';
import type { Part } from './actions';
import { differencesOf } from './comparison';
import { changesWords } from './finding';
import { changesOf, interventionsOf, sameInterventions } from './form';
import { canStart, isStale, whyNotStart } from './run-setup';
import { layersDone } from './shown';
import { shapeOf, type State } from './state';

export function bar(part: Part): TemplateResult {
  const { state, actions } = part;
  const { result } = state;
  return runBar(part, {
    panel: 'Heads panel',
    again: result !== undefined && !isStale(state),
    ready: canStart(state),
    why: whyNotStart(state),
    saysWhy: true,
    cancelHint: 'Stop after the layer in flight',
    stopping: 'Stopping after the layer in flight',
    made: result !== undefined,
    openHint: `With the model${result ? ` in ${result.model.folder}` : ''}, prompt and interventions of this result`,
    tools: button({
      label: 'Save the labels (heads.json)',
      icon: 'tag',
      appearance: 'icon',
      id: 'save-labels',
      disabled: !result || result.classes.length === 0,
      onClick: () => actions.post({ kind: 'saveLabels' }),
    }),
    exports: exportItems((format) => actions.exportAs(format), {
      picture: 'grid and selected head',
      rows: 'one line a head',
    }),
    progress: 'Share of the run',
    done: result && { device: result.device, words: `Done in ${took(result.seconds)}` },
    badge: parityBadge(state),
  });
}

function parityBadge({ result }: State): TemplateResult | typeof nothing {
  if (!result) return nothing;
  const { parity } = result;
  const words = parityWords(parity, (value) => significant(value, 2));
  return html`<span
    class="parity ${parity.ok ? 'ok' : 'bad'}"
    title=${`Largest difference of a logit between the runs with and without recording: ${parity.maxLogitError}. After each layer: ${parity.layerErrors.map((error) => significant(error, 2)).join(', ')}.`}
    >${icon(parity.ok ? 'pass' : 'warning')} ${words}</span
  >`;
}

/** Nothing may run, something failed, the prompt or the interventions have changed. */
export function banners(part: Part): TemplateResult {
  const { state, actions } = part;
  const { phase, result, compareWith } = state;
  const partial = !result && phase.kind !== 'running' && layersDone(state) > 0;
  return html`
    ${runBanners(state)} ${asideBanners(state.asides, 'see single heads', actions)}
    ${modelNotes(result?.model ?? state.model)} ${chatPromptNote(result?.chatPrompt)}
    ${
      partial
        ? banner(
            'info',
            html`Only ${layersDone(state)} of ${shapeOf(state).layers} layers were computed: no labels, no single head.`,
          )
        : nothing
    }
    ${isStale(state) ? staleBanner(staleWords(state), () => actions.backToShown()) : nothing}
    ${
      result && !result.parity.ok
        ? banner('warning', html`Recording changed the output of the model, so the numbers below may be wrong.`)
        : nothing
    }
    ${
      compareWith && result
        ? comparisonBanner(
            compareWith.name,
            comparisonWords(state, result),
            () => actions.dropComparison(),
            signWords(result, compareWith.result),
          )
        : nothing
    }
  `;
}

function staleWords(state: State): string {
  const { form, shownSetup, result } = state;
  const elsewhere = deviceWords(state, (one) => isStale(one));
  if (elsewhere !== undefined) return elsewhere;
  const onlyInterventions =
    form !== undefined &&
    shownSetup !== undefined &&
    !sameInterventions(interventionsOf(form), shownSetup.interventions) &&
    !isStale({ ...state, form: { ...form, ...changesOf(shownSetup) } });
  if (!onlyInterventions) return 'The prompt or the options have changed since: Run computes the heads again.';
  const shown = result?.interventions.length ? `with ${changesWords(result)}` : 'without interventions';
  return `The interventions have changed: the pictures show the model ${shown}, the next token below already has them.`;
}

function comparisonWords(state: State, result: HeadsResult): string {
  const differences = differencesOf(state, state.view.statistic);
  if (!differences.ok) return differences.why;
  return state.compareWith ? differenceSentence(result, state.compareWith.result) : '';
}

/** The panel before its first run: what it is, and the demo. */
export function emptyState(part: Part): TemplateResult {
  const { form, models } = part.state;
  const demo = models.find(({ folder }) => folder === form?.folder)?.label ?? 'this model';
  const ready = canStart(part.state);
  return firstRun(
    part,
    'Run reads a prompt with a model from your disk and draws every head: which tokens its queries read, what kind of head that makes it, and what the model says when the head is changed. Nothing leaves this machine.',
    { label: ready ? `Run ${demo}` : 'Run', ready },
  );
}
