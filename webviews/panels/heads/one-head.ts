/** The selected head: gain, matrix or lines, what the selected query reads most, all its numbers. */
import { html, nothing, type TemplateResult } from 'lit';
import { symbol } from '../../charts/symbol';
import { button, checkbox, segments } from '../../ui/controls';
import { count, probability, significant } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import type { Part } from './actions';
import type { PerHead } from '../../../protocol/results/heads';
import { canExplain, explainKey } from './explain-weight';
import { gainOf } from './form';
import './head-lines';
import './head-matrix';
import type { CellPlace } from './matrix-place';
import { labelInfo, labelInfos, labelsByHead, nullWords } from './labels';
import { headKey, headName } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { tokensOf } from './shown';
import { shapeOf, type State } from './state';
import { statisticInfos, valueOf } from './statistics';
import { wholeMatrix } from './tile-source';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';

export function oneHead(part: Part): TemplateResult | typeof nothing {
  const { state, actions, compact } = part;
  const { selected, result, view } = state;
  if (!selected || !result) return nothing;
  const { layer, head } = selected;
  const { kvHeads, heads } = shapeOf(state);
  const share = heads / Math.max(1, kvHeads);
  const window = result.model.windows[layer] ?? null;
  const common = {
    tokens: tokensOf(state).tokens,
    row: rowOf(state),
  };
  const waits = state.asides.waiting !== undefined;
  return html`<section class="one-head" aria-label=${`Head ${headName(layer, head)}`}>
    <div class="section-head">
      <h2>
        ${headName(layer, head)}
        <span class="muted"
          >${[
            ...(share > 1 ? [`key/value head ${Math.floor(head / share)}`] : []),
            ...(window === null ? [] : [`window of ${count(window)} tokens`]),
          ].join(' · ')}</span
        >
      </h2>
      ${labelChips(part, selected)}
      ${
        waits
          ? nothing
          : segments({
              label: 'Draw as',
              choices: [
                { value: 'matrix', label: 'Matrix' },
                { value: 'lines', label: 'Lines' },
              ],
              value: view.head,
              onChange: (head) => actions.view({ head }),
            })
      }
    </div>
    ${state.place === 'file' ? nothing : gainLine(part, selected)}
    <div class="head-body ${compact ? 'compact' : ''}">
      ${
        waits
          ? nothing
          : html`<div class="head-picture">
              ${
                view.head === 'matrix'
                  ? html`<hs-head-matrix
                      .source=${part.source}
                      .version=${part.tileVersion}
                      .tokens=${common.tokens}
                      .query=${state.query}
                      .linked=${part.hovered}
                      .hideSink=${view.hideSink}
                      .logarithmic=${view.scale === 'log'}
                      .marginal=${blockMarginal(state, selected)}
                      .canExplain=${canExplain(state)}
                      @explain-cell=${(event: CustomEvent<CellPlace>) => actions.explainWeight(event.detail)}
                      @hover-cell=${(event: CustomEvent<CellPlace | undefined>) => actions.hoverCell(event.detail)}
                      @select-query=${(event: CustomEvent<number>) => actions.selectQuery(event.detail)}
                    ></hs-head-matrix>`
                  : html`<hs-head-lines
                      .source=${part.source}
                      .version=${part.tileVersion}
                      .tokens=${common.tokens}
                      .query=${state.query}
                      .row=${common.row}
                      .hideSink=${view.hideSink}
                      @select-query=${(event: CustomEvent<number>) => actions.selectQuery(event.detail)}
                    ></hs-head-lines>`
              }
              <div class="head-options">
                ${checkbox({
                  label: 'Hide the sink column',
                  checked: view.hideSink,
                  hint: 'Leaves key 0 out of the picture and of its colour scale; the numbers stay as they are.',
                  onChange: (hideSink) => actions.view({ hideSink }),
                })}
                ${
                  view.head === 'matrix'
                    ? checkbox({
                        label: 'Log colours',
                        checked: view.scale === 'log',
                        hint: 'Three decades below the largest probability; linear otherwise.',
                        onChange: (log) => actions.view({ scale: log ? 'log' : 'linear' }),
                      })
                    : nothing
                }
                ${part.source?.problem ? button({ label: 'Try again', icon: 'refresh', onClick: () => actions.retryTiles() }) : nothing}
              </div>
              ${view.hideSink ? html`<p class="reason">${sinkWords(part)}</p>` : nothing}
              ${view.head === 'matrix' ? html`<p class="reason">${marginalWords(part)}</p>` : nothing}
            </div>`
      }
      <div class="head-numbers">${topKeys(part)} ${statisticsList(state, selected)} ${labelScores(part, selected)}</div>
    </div>
  </section>`;
}

const rowOf = ({ row, selected, query }: State): Float32Array | undefined =>
  row && selected && row.layer === selected.layer && row.head === selected.head && row.query === query
    ? row.values
    : undefined;

function labelChips({ state, dark }: Part, { layer, head }: HeadPlace): TemplateResult {
  const own = labelsByHead(state.result?.classes ?? []).get(headKey(layer, head)) ?? [];
  return html`<span class="label-chips">
    ${own.map(({ label, score, null: nothingness, confidence }) => {
      const info = labelInfo(label);
      return html`<span
        class="tag"
        title=${`${info.definition}\nscore ${significant(score)}, null ${nullWords(nothingness)}, p ${probability(1 - confidence)}`}
        >${symbol(info.identity, dark)} ${info.title} ${significant(score, 2)}</span
      >`;
    })}
  </span>`;
}

function gainLine({ state, actions }: Part, place: HeadPlace): TemplateResult {
  const gain = gainOf(state.form?.gains ?? [], place.layer, place.head);
  return html`<div class="gain-line">
    <span
      title="The head’s output is multiplied by this before the output projection; 1 changes nothing, 0 removes the head."
      >Gain</span
    >
    ${slider({
      label: `Gain of ${headName(place.layer, place.head)}`,
      id: 'gain',
      value: gain,
      min: -2,
      max: 2,
      step: 0.05,
      valueText: gain === 0 ? '0, ablated' : significant(gain),
      hint: '−2 to 2; 1 changes nothing',
      onInput: (value) => actions.setGain(place, Math.round(value * 100) / 100),
    })}
    <output class="gain-value">${gain.toFixed(2)}</output>
    ${button({
      label: gain === 0 ? 'Restore' : 'Ablate',
      id: 'ablate',
      hint: gain === 0 ? 'Back to gain 1 (X in the grid)' : 'Gain 0 (X in the grid, or Alt+click)',
      onClick: () => actions.toggleAblation(place),
    })}
    ${button({
      label: 'Reset the gain',
      icon: 'discard',
      appearance: 'icon',
      disabled: gain === 1,
      onClick: () => actions.setGain(place, 1),
    })}
  </div>`;
}

/** Mean mass of each block of keys over all queries, from the thumbnail; blocks of queries weigh by their queries. */
function blockMarginal(state: State, { layer, head }: HeadPlace): readonly number[] | undefined {
  const { thumbnails, result } = state;
  if (!thumbnails || !result) return undefined;
  const { size, heads, data } = thumbnails;
  const length = result.ids.length;
  const used = Math.min(size, length);
  const start = (layer * heads + head) * size * size;
  const queries = new Array<number>(used).fill(0);
  for (let at = 0; at < length; at += 1) {
    const block = length <= size ? at : Math.floor((at * size) / length);
    queries[block] = (queries[block] ?? 0) + 1;
  }
  return Array.from({ length: used }, (_, column) =>
    queries.reduce((sum, weight, row) => sum + (weight / length) * (data[start + row * size + column] ?? 0), 0),
  );
}

function marginalWords({ source, state }: Part): string {
  if (!source) return '';
  if (wholeMatrix(source))
    return 'Above: mean attention on each key over all queries. Right: entropy of the attention of each query, divided by ln T.';
  const blocks = state.thumbnails ? Math.min(state.thumbnails.size, source.length) : 0;
  return blocks > 0 && source.length > 256
    ? `Above: mean mass of each of ${blocks} blocks of keys over all queries.`
    : '';
}

const sinkWords = ({ source }: Part): string =>
  source && source.length > 256
    ? 'Key 0 is hidden, with the rest of its texel where a texel holds several keys; the colours span what is left.'
    : 'Key 0 is hidden; the colours span what is left.';

const topCount = 8;

function topKeys({ state, actions }: Part): TemplateResult {
  const row = rowOf(state);
  const { tokens } = tokensOf(state);
  const query = state.query ?? 0;
  const head = html`<h3>Query ${count(query)} ${quotedToken(tokens[query] ?? '')} reads</h3>`;
  if (!row)
    return html`<div class="top-keys">
      ${head}
      <p class="reason">
        ${state.rowProblem ?? (state.asides.waiting ? 'What single queries read is not in the file.' : 'Being read…')}
      </p>
    </div>`;
  const top = [...row.entries()]
    .filter(([key, weight]) => weight > 0 && !(state.view.hideSink && key === 0))
    .sort((a, b) => b[1] - a[1])
    .slice(0, topCount);
  const rest = 1 - top.reduce((sum, [, weight]) => sum + weight, 0);
  return html`<div class="top-keys">
    ${head}
    <table aria-label="Keys read most">
      <tbody>
        ${top.map(
          ([key, weight]) =>
            html`<tr
              @pointerenter=${() => actions.hoverCell({ query, key })}
              @pointerleave=${() => actions.hoverCell(undefined)}
            >
              <td class="number muted">${count(key)}</td>
              <td class="token-cell">${shownToken(tokens[key] ?? '')}</td>
              <td>${bar(weight)}</td>
              <td class="number">${significant(weight)}</td>
              ${canExplain(state) ? html`<td>${explainKey({ query, key }, (cell) => actions.explainWeight(cell))}</td>` : nothing}
            </tr>`,
        )}
        <tr class="rest">
          <td></td>
          <td class="muted">${state.view.hideSink ? 'others and key 0' : 'others'}</td>
          <td>${bar(rest)}</td>
          <td class="number muted">${significant(Math.max(0, rest) < 1e-6 ? 0 : rest)}</td>
        </tr>
      </tbody>
    </table>
  </div>`;
}

/** A share of one as a bar, in SVG: its attributes need no inline style. */
export const bar = (share: number, changed = false): TemplateResult =>
  html`<svg class=${changed ? 'bar changed' : 'bar'} width="60" height="8" viewBox="0 0 60 8" aria-hidden="true">
    <rect x="0" y="0" width=${Math.max(0, Math.min(60, 60 * share))} height="8" />
  </svg>`;

/** The score behind every label, of this head: also of those that it does not have. */
function labelScores({ state, dark }: Part, { layer, head }: HeadPlace): TemplateResult | typeof nothing {
  const { result } = state;
  if (!result?.labelScores) return nothing;
  const rows = labelInfos.flatMap((info) => {
    const scores = result.labelScores?.[info.id];
    const of = (values: PerHead | undefined): number => values?.[layer]?.[head] ?? Number.NaN;
    return scores
      ? [
          {
            info,
            score: of(scores.score),
            mean: of(scores.nullMean),
            sd: of(scores.nullSd),
            floor: scores.nullFloor ?? 0,
            confidence: of(scores.confidence),
            needed: of(scores.needed),
          },
        ]
      : [];
  });
  const needs = rows.some(({ needed }) => !Number.isNaN(needed));
  return html`<div class="label-scores">
    <h3>Scores behind the labels</h3>
    <table aria-label="Score, null model and p of every label">
      <thead>
        <tr>
          <th scope="col">label</th>
          <th scope="col" class="number">score</th>
          <th scope="col" class="number" title="Chance of such a score under the null model.">p</th>
          <th scope="col" class="number" title="The same score where the structure that the label needs is absent.">
            null
          </th>
          ${
            needs
              ? html`<th
                  scope="col"
                  class="number"
                  title="The label needs a score from here on: far beyond its null model and beyond what the other heads of the model do. A dash: no score would do."
                >
                  needs
                </th>`
              : nothing
          }
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ info, score, mean, sd, floor, confidence, needed }) =>
            html`<tr data-label=${info.id}>
              <th scope="row" title=${info.definition}>${symbol(info.identity, dark)} ${info.title}</th>
              <td class="number">${significant(score, 2)}</td>
              <td class="number">${Number.isNaN(confidence) ? '–' : probability(Math.max(0, 1 - confidence))}</td>
              <td class="number muted">${nullWords({ mean, sd, ...(sd < floor ? { floor } : {}) })}</td>
              ${
                needs
                  ? html`<td class="number muted">${Number.isNaN(needed) ? '–' : significant(needed, 2)}</td>`
                  : nothing
              }
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function statisticsList(state: State, { layer, head }: HeadPlace): TemplateResult {
  const { result } = state;
  const groups = Object.entries(result?.groups ?? {});
  return html`<div class="statistics">
    <h3>On this prompt</h3>
    <dl>
      ${statisticInfos.map(({ id, title, unit, definition }) => {
        const value = result ? valueOf(result.statistics, id, layer, head) : Number.NaN;
        return html`<dt title=${definition}>${title}</dt>
          <dd title=${Number.isNaN(value) ? 'The prompt has no query that counts.' : definition} data-statistic=${id}>
            ${significant(value)}<span class="unit">${unit ?? ''}</span>
          </dd>`;
      })}
      ${groups.map(
        ([name, values]) =>
          html`<dt title="Mean mass on the keys of this group">${name}</dt>
            <dd>${significant(values[layer]?.[head] ?? Number.NaN)}<span class="unit"></span></dd>`,
      )}
    </dl>
  </div>`;
}
