/** All numbers of a head whose attention is open: those of its grid, and the score behind every label, also of those that it lacks. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnalysisResult } from '../../../../protocol/analysis/schema';
import { labelWords } from '../../../../protocol/results/head-words';
import { headLabels, type PerHead } from '../../../../protocol/results/heads';
import { labelScoresOfResult } from '../../../../protocol/results/labelled-heads';
import type { Stack } from '../../../../protocol/sections/section-base';
import type { HeadPlace } from '../../../../protocol/schema/written-form';
import { remembered } from '../../../sections/remembered';
import { probability, significant } from '../../../ui/numbers';

const scoresOf = remembered(({ result }: AnalysisResult) => labelScoresOfResult(result));

/** Scores behind labels are those of the own heads of the model. */
export function headNumbers(result: AnalysisResult, grid: string, place: HeadPlace, stack?: Stack): TemplateResult {
  return html`<div class="head-numbers">
    ${ofGrid(result, grid, place)} ${stack === undefined ? ofLabels(result, place) : nothing}
  </div>`;
}

function ofGrid({ sections }: AnalysisResult, grid: string, { layer, head }: HeadPlace) {
  const section = sections.find(({ id }) => id === grid);
  if (section?.kind !== 'heads') return nothing;
  return html`<dl class="statistics">
    ${section.numbers.map(({ name, title, unit, definition, values }) => {
      const value = values[layer]?.[head] ?? Number.NaN;
      return html`<dt title=${definition}>${title}</dt>
        <dd title=${Number.isNaN(value) ? 'The head has no such number.' : definition} data-statistic=${name}>
          ${significant(value)}<span class="unit">${unit}</span>
        </dd>`;
    })}
  </dl>`;
}

function ofLabels(result: AnalysisResult, { layer, head }: HeadPlace): TemplateResult | typeof nothing {
  const scores = scoresOf(result);
  if (!scores) return nothing;
  const at = (values: PerHead | undefined): number => values?.[layer]?.[head] ?? Number.NaN;
  const rows = headLabels.flatMap((label) => {
    const of = scores[label];
    return of ? [{ label, of }] : [];
  });
  const needs = rows.some(({ of }) => of.needed !== undefined);
  const known = (value: number, digits?: number): string => (Number.isNaN(value) ? '–' : significant(value, digits));
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
        ${rows.map(({ label, of }) => {
          const { title, definition } = labelWords[label];
          const confidence = at(of.confidence);
          const sd = at(of.nullSd);
          // A deviation that a floor stood in for is said to be below it.
          const spread = of.nullFloor !== undefined && sd < of.nullFloor ? `below ${of.nullFloor}` : known(sd, 2);
          return html`<tr data-label=${label}>
            <th scope="row" title=${definition}>${title}</th>
            <td class="number">${known(at(of.score), 2)}</td>
            <td class="number">${Number.isNaN(confidence) ? '–' : probability(Math.max(0, 1 - confidence))}</td>
            <td class="number muted">${known(at(of.nullMean), 2)} ± ${spread}</td>
            ${needs ? html`<td class="number muted">${known(at(of.needed), 2)}</td>` : nothing}
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}
