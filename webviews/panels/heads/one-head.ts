/** The selected head: gain, matrix or lines, what the selected query reads most, all its numbers. */
import { html, nothing, type TemplateResult } from 'lit';
import type { PerHead } from '../../../protocol/results/heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import { symbol } from '../../charts/symbol';
import { headDrawing, matrixOrLines, topKeys } from '../../sections/matrix/matrix';
import type { SectionPart } from '../../sections/section-kind';
import { button } from '../../ui/controls';
import { headKey, headName } from '../../ui/head-names';
import { count, probability, significant } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import type { Part } from './actions';
import { attentionPart, hoverOver, linkedCells } from './attention';
import { gainOf } from './form';
import { labelInfo, labelInfos, labelsByHead, nullWords } from './labels';
import { shapeOf, type State } from './state';
import { statisticInfos, valueOf } from './statistics';

export function oneHead(part: Part): TemplateResult | typeof nothing {
  const { state, compact } = part;
  const { selected, result } = state;
  if (!selected || !result) return nothing;
  const { layer, head } = selected;
  const { kvHeads, heads } = shapeOf(state);
  const share = heads / Math.max(1, kvHeads);
  const window = result.model.windows[layer] ?? null;
  const attention = state.asides.waiting ? undefined : attentionPart(part);
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
      ${labelChips(part, selected)} ${attention ? matrixOrLines(attention) : nothing}
    </div>
    ${state.place === 'file' ? nothing : gainLine(part, selected)}
    <div class="head-body ${compact ? 'compact' : ''}">
      ${attention ? headDrawing(attention, linkedCells(part), (cell) => hoverOver(part, cell)) : nothing}
      <div class="head-numbers">
        ${keysRead(part, attention)} ${statisticsList(state, selected)} ${labelScores(part, selected)}
      </div>
    </div>
  </section>`;
}

/** What the chosen queries read; of a file whose model is not loaded, that it is not known. */
function keysRead(part: Part, attention: SectionPart<MatrixSection> | undefined): TemplateResult {
  const { state, actions } = part;
  if (!attention) {
    return html`<div class="top-keys">
      <h3>What a query reads</h3>
      <p class="reason">What single queries read is not in the file.</p>
    </div>`;
  }
  return topKeys(attention, (key) =>
    actions.hoverCell(key === undefined ? undefined : { query: state.queries?.at(-1) ?? 0, key }),
  );
}

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
