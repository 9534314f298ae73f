/** The arrangement of the panel: picture and caption, heads, before and after, tables. */
import { html, nothing, type TemplateResult } from 'lit';
import { folded, panelPage } from '../../ui/panel-page';
import type { Part } from './actions';
import { captions } from './captions';
import { comparisonView, headsView, layersView, plainView, spanView } from './divergence-view';
import { known } from './known';
import { provenanceLines } from './exports';
import { circumstances, finding, findingHint } from './finding';
import { imageView } from './image-view';
import { setView } from './set-view';
import { settings, settingsSummary } from './settings';
import { readsTextOnly } from './run-setup';
import { pictureOf } from './shown';
import type { State } from './state';
import { banners, bar, emptyState } from './status';

export function page(part: Part): TemplateResult {
  const { state } = part;
  const made = state.result ?? state.set;
  return panelPage(part, {
    finding: finding(state),
    hint: findingHint(state),
    circumstances: circumstances(state),
    explain: () => part.actions.post({ kind: 'showPage', page: pageOf(state) }),
    // What is known of the model belongs beside what was found in it.
    known: (made?.variants.length ?? 0) > 0 ? known(part) : nothing,
    bar: bar(part),
    banners: banners(part),
    strip: {
      label: 'Model and prompt',
      summary: settingsSummary(state),
      empty: !hasResult(state),
      body: () => settings(part),
    },
    results: state.opened ? html`${results(part)} ${comparisonView(part)}` : nothing,
    provenance: made ? provenanceLines(made) : [],
  });
}

/** The page of what is shown, or of the form: one picture or a span, or a set of pictures. */
const pageOf = ({ set, result, shownSetup, form }: State): string =>
  set || (!result && (shownSetup ?? form)?.mode === 'set') ? 'analyses/divergence-set' : 'analyses/divergence';

const hasResult = ({ result, set, phase, firstStep, entries }: State): boolean =>
  result !== undefined ||
  set !== undefined ||
  phase.kind === 'running' ||
  firstStep !== undefined ||
  entries.length > 0;

function results(part: Part): TemplateResult {
  const { state, compact } = part;
  if (!hasResult(state)) {
    return html`${emptyState(part)}
    ${state.form?.mode === 'image' && state.picture && !readsTextOnly(state) ? imageView(part) : nothing}`;
  }
  if (state.set || (!state.result && state.shownSetup?.mode === 'set')) return setView(part);
  return compact ? column(part) : wide(part);
}

function wide(part: Part): TemplateResult {
  const { state } = part;
  const hasMap = pictureOf(state) !== undefined || state.result?.removed.kind === 'span';
  return html`<div class="pictures ${hasMap ? '' : 'without-picture'}">
      ${imageView(part)} ${spanView(part)}
      <div class="right">${plainView(part)} ${headsView(part)}</div>
    </div>
    ${captions(part)} ${layersView(part)}`;
}

/** One column: the picture first, then words and heads, the rest folded. */
function column(part: Part): TemplateResult {
  const { result, making } = part.state;
  const open = (result?.variants.length ?? 0) > 0 || making !== undefined;
  return html`${imageView(part)} ${spanView(part)} ${plainView(part)} ${headsView(part)}
  ${
    result
      ? html`${folded(part, { name: 'captions', title: 'Before and after', id: 'fold-captions', open }, () =>
          captions(part),
        )}
        ${layersView(part)}`
      : nothing
  }`;
}
