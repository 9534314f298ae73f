/** The selected head as a matrix section, and what the panel does where that section is drawn. */
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { html, nothing, type TemplateResult } from 'lit';
import { parseGridKey, gridKey } from '../../sections/grid-keys';
import '../../sections/picture';
import { headStrip } from '../../sections/matrix/matrix';
import { remembered } from '../../sections/remembered';
import type { SectionPart, SectionView } from '../../sections/section-kind';
import { tokensPicture, windowOf } from '../../sections/tokens/tokens-picture';
import { canonical } from '../../ui/canonical';
import { headName } from '../../ui/head-names';
import type { CellPlace, Part } from './actions';
import { isPromptChanged } from './run-setup';
import { tokensOf } from './shown';
import type { State } from './state';

let last: { readonly key: string; readonly section: MatrixSection } | undefined;

/** The same section as long as the head of that result is selected, so that its tiles stay. */
export function attentionOf(state: State): MatrixSection | undefined {
  const { result, selected, thumbnails } = state;
  if (!result || !selected) return undefined;
  const key = canonical([result.created, result.model.hash, result.ids, selected, thumbnails !== undefined]);
  if (last?.key === key) return last.section;
  const blocks = blockMarginal(state);
  const section: MatrixSection = {
    kind: 'matrix',
    id: 'attention',
    title: headName(selected.layer, selected.head),
    of: selected,
    tokens: result.tokens,
    tokenIds: result.ids,
    causal: result.model.causal,
    ...(blocks ? { blocks } : {}),
  };
  last = { key, section };
  return section;
}

/** Whether something can be run on what is shown. */
const canAsk = ({ result, canRun, asides }: State): boolean =>
  result !== undefined && canRun === true && !asides.waiting;

/** How the section is looked at. */
export const attentionView = ({ queries, cell, view }: State): SectionView => ({
  chosen: queries?.map(String),
  cursor: cell,
  lines: view.head === 'lines',
  log: view.scale === 'log',
  hideFirst: view.hideSink,
});

export function attentionPart({ state, actions, dark, compact, supply }: Part): SectionPart<MatrixSection> | undefined {
  const section = attentionOf(state);
  if (!section) return undefined;
  return {
    section,
    view: attentionView(state),
    dark,
    compact,
    loaded: new Map(),
    actions: {
      view: (change) => actions.viewAttention(change),
      ask: () => {},
      ...(canAsk(state) ? { explain: (cell) => actions.explainWeight(cell), ...(supply ? { head: supply } : {}) } : {}),
      copy: (text, what) => actions.copy(text, what),
      save: () => {},
      redraw: () => actions.redrawn(),
    },
  };
}

/** What the selected query reads of a token; of a token behind it, what that one reads of the selected query. */
function cellOfToken({ queries, result }: State, at: number): CellPlace {
  const chosen = queries?.at(-1) ?? 0;
  return at > chosen && result?.model.causal === true ? { query: at, key: chosen } : { query: chosen, key: at };
}

/** The cell under a pointer, wherever that is, for the strip and for the matrix. */
const linkedTokens = ({ hovered }: Part): readonly string[] =>
  hovered ? [String(hovered.key), String(hovered.query)] : [];
export const linkedCells = ({ hovered }: Part): readonly string[] =>
  hovered ? [gridKey({ row: hovered.query, column: hovered.key })] : [];

export function hoverOver({ actions }: Part, cell: string | undefined): void {
  const at = cell === undefined ? undefined : parseGridKey(cell);
  actions.hoverCell(at && { query: at.row, key: at.column });
}

/** The prompt as tokens: of the result with its queries, else of the form. */
export function tokenStrip(part: Part): TemplateResult | typeof nothing {
  const { state, actions, compact } = part;
  const attention = attentionPart(part);
  if (attention) {
    return html`<section class="tokens" aria-label="Prompt as tokens">
      ${headStrip(attention, linkedTokens(part), (token) =>
        actions.hoverCell(token === undefined ? undefined : cellOfToken(state, Number(token))),
      )}
    </section>`;
  }
  return plainTokens(tokensOf(state), 'Prompt as tokens', compact);
}

/** The tokens of the prompt in the editor, while those of another one are shown. */
export function typedTokens({ state, compact }: Part): TemplateResult | typeof nothing {
  const { typed } = state;
  if (!typed || !isPromptChanged(state)) return nothing;
  return html`<div class="typed-tokens">
    <p class="reason">Tokens of this prompt; the pictures show the one before it.</p>
    ${plainTokens(typed, 'Tokens of the prompt in the editor', compact)}
  </div>`;
}

interface Texts {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

const plain = remembered(({ ids, tokens }: Texts, title: string, most: number) =>
  tokensPicture(
    { kind: 'tokens', id: 'plain', title, tokens, tokenIds: ids, numbers: [] } satisfies TokensSection,
    undefined,
    ...windowOf(tokens.length, 0, most),
  ),
);

const plainTokens = (texts: Texts, title: string, compact: boolean): TemplateResult | typeof nothing =>
  texts.ids.length === 0
    ? nothing
    : html`<hs-section-picture .picture=${plain(texts, title, compact ? 80 : 240)}></hs-section-picture>`;

/** Mean mass of each block of keys over all queries, from the thumbnail; blocks of queries weigh by their queries. */
function blockMarginal({ thumbnails, result, selected }: State): readonly number[] | undefined {
  if (!thumbnails || !result || !selected) return undefined;
  const { size, heads, data } = thumbnails;
  const { length } = result.ids;
  const used = Math.min(size, length);
  const start = (selected.layer * heads + selected.head) * size * size;
  const queries = new Array<number>(used).fill(0);
  for (let at = 0; at < length; at += 1) {
    const block = length <= size ? at : Math.floor((at * size) / length);
    queries[block] = (queries[block] ?? 0) + 1;
  }
  return Array.from({ length: used }, (_, column) =>
    queries.reduce((sum, weight, row) => sum + (weight / length) * (data[start + row * size + column] ?? 0), 0),
  );
}
