/** The attention of one head: its prompt as tokens of which queries are chosen, matrix or lines, and what the queries read. */
import { html, nothing, type TemplateResult } from 'lit';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import { bar } from '../../charts/bar';
import { button, checkbox, segments } from '../../ui/controls';
import { toCsv } from '../../ui/csv';
import { headName } from '../../ui/head-names';
import { icon } from '../../ui/icons';
import { count, significant } from '../../ui/numbers';
import { gridKey, parseGridKey } from '../grid-keys';
import type { Choice, Picture } from '../picture';
import '../picture';
import { bandsOf, sidesOf } from '../looked-tokens';
import { remembered } from '../remembered';
import { twinColumn, type PageKind, type SectionPart, type SectionView, type TwinRow } from '../section-kind';
import { tokensPicture, windowOf } from '../tokens/tokens-picture';
import { cellWords, headPicture } from './head-picture';
import { keysOf, openHead, sourceOf, type HeadSource } from './head-source';
import { linesPicture } from './lines-picture';

type Part = SectionPart<MatrixSection>;

const matrixOf = remembered(
  (section: MatrixSection, source: HeadSource | undefined, logarithmic: boolean, hideFirst: boolean, queries: string) =>
    headPicture(section, source, { logarithmic, hideFirst, queries: queries.split(' ').map(Number) }),
);

/** The chosen queries, the one that was chosen last at the end; the last token where none is chosen. */
export function queriesOf({ tokens }: MatrixSection, { chosen = [] }: SectionView): readonly number[] {
  const known = chosen.map(Number).filter((at) => tokens[at] !== undefined);
  return known.length > 0 ? known : [tokens.length - 1];
}

/** What asks for the numbers; undefined where no model is at hand. */
const sourceFor = ({ section, actions }: Part): HeadSource | undefined =>
  actions.head ? openHead(section, actions.head(section), () => actions.redraw?.()) : sourceOf(section);

/** What the chosen queries read, once it is there. */
const rowOf = (part: Part): Float32Array | undefined => {
  const source = sourceFor(part);
  return source?.meanOf(queriesOf(part.section, part.view));
};

function choosing({ section, view, actions }: Part) {
  const queries = queriesOf(section, view);
  return {
    /** A token: the only query from now on. */
    one: (at: string | null) => actions.view({ chosen: at === null ? undefined : [at], cursor: undefined }),
    several: ({ chosen, cursor }: Choice) =>
      actions.view({ chosen: chosen.length === 0 ? [cursor] : chosen, cursor: undefined }),
    /** A cell: its query is chosen, unless it is among several. */
    cell: (cursor: string | null) => {
      const at = cursor === null ? undefined : parseGridKey(cursor);
      const kept = at === undefined || (queries.length > 1 && queries.includes(at.row));
      actions.view({ cursor: cursor ?? undefined, ...(kept ? {} : { chosen: [String(at.row)] }) });
    },
  };
}

/** Tokens that are drawn at once. */
const mostTokens = 240;
const mostCompact = 80;

const stripOf = remembered(
  (section: MatrixSection, row: Float32Array | undefined, hideFirst: boolean): TokensSection => ({
    kind: 'tokens',
    id: `${section.id}-tokens`,
    title: `${section.title}: ${section.keys ? 'source' : 'tokens'}`,
    tokens: keysOf(section),
    ...(keyIdsOf(section) ? { tokenIds: keyIdsOf(section) ?? [] } : {}),
    numbers: row
      ? [
          {
            name: 'read',
            title: 'read with',
            unit: '',
            definition: 'Probability that the chosen queries give this key; of several, the mean.',
            scale: { kind: 'sequential', min: 0, max: 1, curve: 'root' },
            values: Array.from(row, (weight, key) => (hideFirst && key === 0 ? Number.NaN : weight)),
          },
        ]
      : [],
  }),
);
const tokens = remembered(tokensPicture);

const keyIdsOf = ({ keys, keyIds, tokenIds }: MatrixSection): readonly number[] | undefined =>
  keys ? keyIds : tokenIds;

/** The target of a head of cross-attention: what its queries are chosen from. */
const targetOf = remembered(({ tokens: texts, tokenIds, id, title }: MatrixSection): TokensSection => ({
  kind: 'tokens',
  id: `${id}-target`,
  title: `${title}: target`,
  tokens: texts,
  ...(tokenIds ? { tokenIds } : {}),
  numbers: [],
}));

/** The prompt: the chosen queries framed, the keys coloured by what these read. */
function headStrip(
  part: Part,
  linked: { readonly queries: readonly string[]; readonly keys: readonly string[] },
  onHover?: (token: string | undefined, of: 'query' | 'key') => void,
) {
  const { section, view, compact, actions } = part;
  const queries = queriesOf(section, view);
  const strip = stripOf(section, rowOf(part), view.hideFirst === true);
  const most = compact ? mostCompact : mostTokens;
  const window = windowOf(section.tokens.length, queries.at(-1) ?? 0, most);
  const choose = choosing(part);
  const source = sourceFor(part);
  const [number] = strip.numbers;
  const words = `Coloured: what ${headName(section.of.layer, section.of.head)} reads from ${queriesWords(section, queries)}${view.hideFirst ? ', key 0 hidden' : ''}.`;
  return html`<div class="head-strip">
    <hs-section-picture
      .picture=${section.keys ? tokens(targetOf(section), undefined, ...window) : tokens(strip, number, ...window)}
      .cursor=${String(queries.at(-1))}
      .chosen=${queries.map(String)}
      .linked=${linked.queries}
      @cursor=${({ detail }: CustomEvent<string | null>) => choose.one(detail)}
      @choose=${({ detail }: CustomEvent<Choice>) => choose.several(detail)}
      @hover=${({ detail }: CustomEvent<string | null>) => onHover?.(detail ?? undefined, 'query')}
    ></hs-section-picture>
    ${
      section.keys
        ? html`<hs-section-picture
            .picture=${tokens(strip, number, ...windowOf(section.keys.length, part.looked?.source?.at ?? 0, most))}
            .linked=${linked.keys}
            @hover=${({ detail }: CustomEvent<string | null>) => onHover?.(detail ?? undefined, 'key')}
          ></hs-section-picture>`
        : nothing
    }
    <p class="token-caption muted">
      ${source?.rowProblem ? html`<span class="problem">${source.rowProblem}</span>` : source ? words : 'No model is at hand that could be asked.'}
      ${
        queries.length > 1
          ? button({
              label: 'Only the last query',
              icon: 'close',
              appearance: 'icon',
              onClick: () => choose.one(String(queries.at(-1))),
            })
          : nothing
      }
      ${button({
        label: 'Copy the row',
        icon: 'copy',
        appearance: 'icon',
        hint: 'Copy position, id, token and probability of each key as CSV',
        disabled: number === undefined,
        onClick: () => actions.copy(rowCsv(part), 'The row'),
      })}
    </p>
  </div>`;
}

/** `query 31 "␣to"`, or how several are put together. */
function queriesWords({ tokens: texts }: MatrixSection, queries: readonly number[]): string {
  const [first = 0] = queries;
  if (queries.length < 2) return `query ${count(first)} ${quotedToken(texts[first] ?? '')}`;
  return `${count(queries.length)} queries: the mean of their rows; ${count(queries.length)} times it is their sum`;
}

const lines = remembered(
  (
    section: MatrixSection,
    source: HeadSource | undefined,
    row: Float32Array | undefined,
    queries: string,
    hideFirst: boolean,
  ) => linesPicture(section, source, { queries: queries.split(' ').map(Number), row, hideFirst }),
);

/** Matrix or lines, with what belongs to the picture. */
function headDrawing(part: Part, linked: readonly string[] = [], onHover?: (cell: string | undefined) => void) {
  const { section, view, actions } = part;
  const source = sourceFor(part);
  const queries = queriesOf(section, view);
  const hideFirst = view.hideFirst === true;
  const choose = choosing(part);
  return html`<div class="head-drawing">
    ${
      view.lines
        ? html`<hs-section-picture
            .picture=${lines(section, source, rowOf(part), queries.join(' '), hideFirst)}
            .cursor=${String(queries.at(-1))}
            .chosen=${queries.map(String)}
            @cursor=${({ detail }: CustomEvent<string | null>) => choose.one(detail)}
            @choose=${({ detail }: CustomEvent<Choice>) => choose.several(detail)}
          ></hs-section-picture>`
        : html`<hs-section-picture
            .picture=${matrixOf(section, source, view.log !== false, hideFirst, queries.join(' '))}
            .cursor=${view.cursor}
            .linked=${linked}
            .bands=${bandsOf(part.looked, section.stack)}
            @cursor=${({ detail }: CustomEvent<string | null>) => choose.cell(detail)}
            @hover=${({ detail }: CustomEvent<string | null>) => onHover?.(detail ?? undefined)}
            @arrived=${() => actions.redraw?.()}
            @ask=${({ detail }: CustomEvent<string>) => explain(part, detail)}
          ></hs-section-picture>`
    }
    ${
      source?.problem
        ? html`<p class="problem" role="alert">
            ${icon('error')} ${source.problem}
            ${button({ label: 'Try again', icon: 'refresh', onClick: () => source.retry() })}
          </p>`
        : nothing
    }
    <div class="head-options">
      ${checkbox({
        label: 'Hide the sink column',
        checked: hideFirst,
        hint: 'Leaves key 0 out of the picture and of its colour scale; the numbers stay as they are.',
        onChange: (hide) => actions.view({ hideFirst: hide }),
      })}
      ${
        view.lines
          ? nothing
          : checkbox({
              label: 'Log colours',
              checked: view.log !== false,
              hint: 'Three decades below the largest probability; linear otherwise.',
              onChange: (log) => actions.view({ log }),
            })
      }
    </div>
    ${hideFirst ? html`<p class="reason">${hiddenWords(section)}</p>` : nothing}
    ${
      view.lines
        ? nothing
        : html`<p class="reason" id="around-matrix">${marginalWords(section, source)}</p>
            ${chosenCell(part)}`
    }
  </div>`;
}

const matrixOrLines = ({ view, actions }: Part): TemplateResult =>
  segments({
    label: 'Draw as',
    choices: [
      { value: 'matrix', label: 'Matrix' },
      { value: 'lines', label: 'Lines' },
    ],
    value: view.lines ? 'lines' : 'matrix',
    onChange: (as) => actions.view({ lines: as === 'lines' }),
  });

const hiddenWords = ({ tokens: texts }: MatrixSection): string =>
  texts.length > 256
    ? 'Key 0 is hidden, with the rest of its texel where a texel holds several keys; the colours span what is left.'
    : 'Key 0 is hidden; the colours span what is left.';

/** What stands around the matrix, and whether it is there yet. */
function marginalWords({ blocks, causal }: MatrixSection, source: HeadSource | undefined): string {
  if (!source) return '';
  if (!source.coarsest()) return source.problem === undefined ? 'The head is being read…' : '';
  const bars = source.whole()
    ? 'Above: mean attention on each key over all queries. Right: entropy of the attention of each query, divided by ln of the number of keys. '
    : blocks && blocks.length > 0
      ? `Above: mean mass of each of ${count(blocks.length)} blocks of keys over all queries. `
      : '';
  return `${bars}${causal ? 'Keys after the query are not read and left blank.' : ''}`;
}

/** The chosen cell, where its query reads its key. */
function readCell({ section, view }: Part): { readonly query: number; readonly key: number } | undefined {
  const at = view.cursor === undefined ? undefined : parseGridKey(view.cursor);
  if (!at || at.row >= section.tokens.length || at.column >= keysOf(section).length) return undefined;
  return section.causal && at.column > at.row ? undefined : { query: at.row, key: at.column };
}

function explain({ section, view, actions }: Part, cursor: string): void {
  const cell = readCell({ section, view: { ...view, cursor } } as Part);
  if (cell) actions.explain?.({ ...section.of, ...cell });
}

function chosenCell(part: Part): TemplateResult {
  const { section, view, actions } = part;
  const at = view.cursor === undefined ? undefined : parseGridKey(view.cursor);
  const words = at && cellWords(section, sourceFor(part), at);
  const cell = readCell(part);
  return html`<div class="section-chosen">
    ${
      words
        ? html`${icon('pinned')}<span class="chosen-words">${words.title}: ${words.value}</span>`
        : html`<span class="muted">A click or the arrow keys choose a cell.</span>`
    }
    ${
      actions.explain
        ? button({
            label: 'Explain the weight',
            id: 'explain-weight',
            hint: cell
              ? `Why query ${cell.query} reads key ${cell.key} (Enter)`
              : 'Choose a cell first: a click or the arrow keys',
            disabled: cell === undefined,
            onClick: () => explain(part, view.cursor ?? ''),
          })
        : nothing
    }
    ${
      words
        ? button({
            label: 'Copy the value',
            icon: 'copy',
            appearance: 'icon',
            onClick: () => actions.copy(`${words.title}: ${words.value}`, 'The value'),
          })
        : nothing
    }
  </div>`;
}

const topCount = 8;

/** What the chosen queries read most, exactly. */
function topKeys(part: Part, onHover?: (key: number | undefined) => void): TemplateResult {
  const { section, view, actions } = part;
  const queries = queriesOf(section, view);
  const row = rowOf(part);
  const source = sourceFor(part);
  const [query = 0] = queries;
  const single = queries.length === 1;
  const title = single
    ? `Query ${count(query)} ${quotedToken(section.tokens[query] ?? '')} reads`
    : `${count(queries.length)} queries read`;
  const head = html`<h3>${title}</h3>
    ${single ? nothing : html`<p class="reason">Of ${queriesWords(section, queries)}.</p>`}`;
  if (!row) {
    return html`<div class="top-keys">
      ${head}
      <p class="reason">
        ${source ? (source.rowProblem ?? 'Being read…') : 'What single queries read is not in the file.'}
      </p>
    </div>`;
  }
  const top = [...row.entries()]
    .filter(([key, weight]) => weight > 0 && !(view.hideFirst && key === 0))
    .sort((a, b) => b[1] - a[1])
    .slice(0, topCount);
  const rest = 1 - top.reduce((sum, [, weight]) => sum + weight, 0);
  return html`<div class="top-keys">
    ${head}
    <table aria-label="Keys read most">
      <tbody>
        ${top.map(
          ([key, weight]) =>
            html`<tr @pointerenter=${() => onHover?.(key)} @pointerleave=${() => onHover?.(undefined)}>
              <td class="number muted">${count(key)}</td>
              <td class="token-cell">${shownToken(keysOf(section)[key] ?? '')}</td>
              <td>${bar(weight)}</td>
              <td class="number">${significant(weight)}</td>
              ${
                actions.explain && single
                  ? html`<td>
                      ${button({
                        label: `Explain why query ${query} reads key ${key}`,
                        icon: 'info',
                        appearance: 'icon',
                        onClick: () => actions.explain?.({ ...section.of, query, key }),
                      })}
                    </td>`
                  : nothing
              }
            </tr>`,
        )}
        <tr class="rest">
          <td></td>
          <td class="muted">${view.hideFirst ? 'others and key 0' : 'others'}</td>
          <td>${bar(rest)}</td>
          <td class="number muted">${significant(Math.max(0, rest) < 1e-6 ? 0 : rest)}</td>
        </tr>
      </tbody>
    </table>
  </div>`;
}

/** What the chosen queries read: position, id, token and probability of each key. */
function twinOf(section: MatrixSection, row: ArrayLike<number> | undefined) {
  const whole = (value: number): string => String(value);
  return {
    columns: [
      twinColumn(0, 'position', 'Position', { text: whole }),
      twinColumn(1, 'id', 'Id', { text: whole }),
      twinColumn(2, 'token', 'Token'),
      twinColumn(3, 'probability', 'Probability', {
        hint: 'What the chosen queries give this key; of several, the mean of their rows.',
        text: (value) => significant(value),
      }),
    ],
    rows: keysOf(section).map((token, at): TwinRow => [at, keyIdsOf(section)?.[at], token, row?.[at]]),
  };
}

const rowCsv = (part: Part): string => {
  const { columns, rows } = twinOf(part.section, rowOf(part));
  return toCsv(columns, rows);
};

/** The whole head as it is looked at, for files. */
function headScene(section: MatrixSection, view: SectionView): Picture {
  const source = sourceOf(section);
  const { lines, log, hideFirst = false } = view;
  if (!lines) return headPicture(section, source, { logarithmic: log !== false, hideFirst, queries: [] });
  const queries = queriesOf(section, view);
  return linesPicture(section, source, { queries, row: source?.meanOf(queries), hideFirst });
}

interface Cell {
  readonly query: number;
  readonly key: number;
}

/** The cell under the pointer, wherever that is: in the strip, in the matrix, or in the list of keys that are read most. */
const hovered = new WeakMap<MatrixSection, Cell>();

function hover({ section, looked, actions }: Part, cell: Cell | undefined): void {
  const before = hovered.get(section);
  if (before?.query === cell?.query && before?.key === cell?.key) return;
  if (cell) hovered.set(section, cell);
  else hovered.delete(section);
  const [row, column] = sidesOf(section.stack);
  if (looked) actions.point?.(cell ? { [column]: cell.key, [row]: cell.query } : {});
  actions.redraw?.();
}

/** What the last chosen query reads of a token; of a token behind it, what that one reads of the query. */
function cellOfToken({ section, view }: Part, at: number, of: 'query' | 'key'): Cell {
  const query = queriesOf(section, view).at(-1) ?? 0;
  if (section.keys && of === 'query') return { query: at, key: hovered.get(section)?.key ?? 0 };
  return at > query && section.causal ? { query: at, key: query } : { query, key: at };
}

const placed = (cursor: string | undefined): Cell | undefined => {
  const at = cursor === undefined ? undefined : parseGridKey(cursor);
  return at && { query: at.row, key: at.column };
};

/** Both ends are in one list of tokens; cross-attention has a list for each. */
function linkedTokens({ section: { keys } }: Part, at: Cell | undefined) {
  if (!at) return { queries: [], keys: [] };
  return keys
    ? { queries: [String(at.query)], keys: [String(at.key)] }
    : { queries: [String(at.key), String(at.query)], keys: [] };
}

function body(part: Part): TemplateResult {
  const { section, view } = part;
  const at = hovered.get(section);
  const tokensAt = linkedTokens(part, at);
  const cellsAt = at ? [gridKey({ row: at.query, column: at.key })] : [];
  const query = queriesOf(section, view).at(-1) ?? 0;
  return html`${matrixOrLines(part)}
    ${headStrip(part, tokensAt, (token, of) => hover(part, token === undefined ? undefined : cellOfToken(part, Number(token), of)))}
    <div class="head-body">
      ${headDrawing(part, cellsAt, (cell) => hover(part, placed(cell)))}
      ${topKeys(part, (key) => hover(part, key === undefined ? undefined : { query, key }))}
    </div>`;
}

export const matrixKind: PageKind<MatrixSection> = {
  drawn: 'page',
  isEmpty: ({ tokens: texts }) => texts.length === 0,
  twin: (section, view) => {
    const source = sourceOf(section);
    return twinOf(section, source?.meanOf(queriesOf(section, view)));
  },
  body,
  scene: (section, theme, width, view) => headScene(section, view).draw(width, theme),
};
