/** The facts as a table: one column of values for one model, two and their difference for a comparison. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ShownModel } from '../../../protocol/panels/model';
import { type Column, countColumn, textColumn } from '../../ui/table';
import type { Fact } from './fact';
import { comparedFacts, factsOf, type ComparedFact } from './facts';

const groupsOf = <Row extends { readonly group: string }>(
  rows: readonly Row[],
): ReadonlyMap<string, readonly Row[]> => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
};

const exact = (fact: Fact | undefined): string | typeof nothing =>
  fact?.value === undefined || fact.unit === undefined
    ? nothing
    : `${fact.value.toLocaleString('en-US', { maximumFractionDigits: 0 })} ${fact.unit}`;

const valueCell = (fact: Fact | undefined): TemplateResult =>
  html`<td class=${fact?.compare === 'text' ? 'words' : 'number'} title=${fact?.detail ?? exact(fact)}>
    ${fact?.text ?? '–'}
  </td>`;

const groupHead = (title: string, columns: number): TemplateResult =>
  html`<tr class="group">
    <th scope="rowgroup" colspan=${columns}>${title}</th>
  </tr>`;

export function factsTable(model: ShownModel): TemplateResult {
  return html`<div class="table-frame" tabindex="0" role="region" aria-label="Facts of ${model.label}">
    <table class="facts">
      <caption class="unseen">
        Facts of ${model.label}
      </caption>
      ${[...groupsOf(factsOf(model))].map(
        ([group, facts]) =>
          html`<tbody>
            ${groupHead(group, 2)}
            ${facts.map(
              (fact) =>
                html`<tr data-fact=${fact.id}>
                    <th scope="row" title=${fact.meaning}>${fact.title}</th>
                    ${valueCell(fact)}
                  </tr>
                  ${
                    fact.detail === undefined
                      ? nothing
                      : html`<tr class="detail">
                          <td colspan="2">${fact.detail}</td>
                        </tr>`
                  }`,
            )}
          </tbody>`,
      )}
    </table>
  </div>`;
}

export function comparisonTable(
  first: ShownModel,
  second: ShownModel,
  labels: readonly [string, string],
  differencesOnly: boolean,
): TemplateResult {
  const rows = comparedFacts(first, second).filter(({ differs }) => differs || !differencesOnly);
  return html`<div class="table-frame" tabindex="0" role="region" aria-label="Facts of both models">
    <table class="facts compared">
      <caption class="unseen">
        Facts of both models and how the first differs from the second
      </caption>
      <thead>
        <tr>
          <th scope="col">Fact</th>
          <th scope="col" class="number">${labels[0]}</th>
          <th scope="col" class="number">${labels[1]}</th>
          <th scope="col" title="The first model against the second">Difference</th>
        </tr>
      </thead>
      ${[...groupsOf(rows)].map(
        ([group, facts]) =>
          html`<tbody>
            ${groupHead(group, 4)}
            ${facts.map(
              (fact) =>
                html`<tr data-fact=${fact.id} class=${fact.differs ? 'different' : ''}>
                  <th scope="row" title=${fact.meaning}>${fact.title}</th>
                  ${valueCell(fact.first)}${valueCell(fact.second)}
                  <td class="difference">${differenceWords(fact, labels)}</td>
                </tr>`,
            )}
          </tbody>`,
      )}
    </table>
  </div>`;
}

const differenceWords = ({ difference }: ComparedFact, [first, second]: readonly [string, string]): string =>
  difference === 'first only' ? `${first} only` : difference === 'second only' ? `${second} only` : difference;

/** For Markdown and CSV: `value` is exact, `text` as shown. */
export const factColumns: readonly Column<Fact>[] = [
  textColumn('part', 'Of', ({ group }) => group),
  textColumn('fact', 'Fact', ({ title }) => title),
  countColumn('value', 'Value', ({ value, text }) => value ?? text, {
    text: ({ text, detail }) => (detail === undefined ? text : `${text}. ${detail}`),
  }),
  textColumn('unit', 'Unit', ({ unit }) => unit, { text: ({ unit }) => unit ?? '' }),
];

export const comparedColumns = (labels: readonly [string, string]): readonly Column<ComparedFact>[] => [
  textColumn('part', 'Of', ({ group }) => group),
  textColumn('fact', 'Fact', ({ title }) => title),
  countColumn('first', labels[0], ({ first }) => first?.value ?? first?.text, {
    text: ({ first }) => first?.text ?? '–',
  }),
  countColumn('second', labels[1], ({ second }) => second?.value ?? second?.text, {
    text: ({ second }) => second?.text ?? '–',
  }),
  textColumn('unit', 'Unit', ({ first, second }) => (first ?? second)?.unit, {
    text: ({ first, second }) => (first ?? second)?.unit ?? '',
  }),
  textColumn('difference', 'Difference', (row) => row.difference, { text: (row) => differenceWords(row, labels) }),
];
