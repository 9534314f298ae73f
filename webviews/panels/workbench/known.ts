/** What is known of reinforcement in the model that is shown: its own card, or else the figures of the paper's models, as theirs. */
import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../../ui/icons';
import type { Part } from './actions';
import type { State } from './state';

/** arXiv 2412.13949, table 1: CHAIR_S in % over 500 pictures of COCO, plain and reinforced by 2. */
const paperFigures = [
  { model: 'LLaVA-1.5-7B', plain: 49.68, reinforced: 33.32 },
  { model: 'InstructBLIP', plain: 45.32, reinforced: 37.76 },
  { model: 'LLaVA-NeXT', plain: 29.08, reinforced: 24.96 },
] as const;

const paperWords = paperFigures
  .map(({ model, plain, reinforced }) => `${model} ${plain.toFixed(1)} to ${reinforced.toFixed(1)} %`)
  .join(', ');

/** Analyses whose results scale heads. */
const scaling: readonly string[] = ['divergence', 'divergence-set'];

/** The model whose card matters to what is shown; a saved file may name any folder, and asks for nothing. */
export function cardWanted({ result, place, canRun, opened }: State): string | undefined {
  const isWanted = opened && place === 'full' && canRun === true && result !== undefined;
  return isWanted && scaling.includes(result.analysis) ? result.model.folder : undefined;
}

export function known({ state, actions }: Part): TemplateResult | typeof nothing {
  const { result } = state;
  if (!result || !scaling.includes(result.analysis)) return nothing;
  const { folder } = result.model;
  // Undefined: it was not asked for, as of a saved file, which may name any folder.
  const looked = state.card?.folder === folder ? state.card : undefined;
  const card = looked?.card;
  const link = (words: string): TemplateResult =>
    html`<button
      type="button"
      class="link"
      id="open-card"
      title="Open README.md of the model folder as text"
      @click=${() => actions.post({ kind: 'openCard', folder })}
    >
      ${words}
    </button>`;
  const { reinforcement } = card ?? {};
  if (card && reinforcement) {
    return html`<p class="reason known">
      ${icon('info')} What was measured of this model:
      ${link(reinforcement.heading === undefined ? 'reinforcement, in its card' : `“${reinforcement.heading}”, in its card`)}
    </p>`;
  }
  return html`<p class="reason known">
    ${icon('info')}
    ${
      card
        ? html`${link('The card of this model')} says nothing of reinforcement.`
        : looked
          ? 'This model has no card that says what reinforcement does in it.'
          : nothing
    }
    Of other models the paper says (CHAIR_S of 500 COCO pictures, alpha 2): ${paperWords}; arXiv 2412.13949.
  </p>`;
}
