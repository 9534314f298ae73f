/** CAB's measures of the shown result: efficiency lengths by pattern, and the compositional index where scores were given. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AttentionPattern } from '../../../protocol/results/attention-pattern';
import type { CabMeasures, EfficiencyLengths, FittedLength } from '../../../protocol/results/cab';
import { count, significant } from '../../ui/numbers';
import type { State } from './state';

const titles: Readonly<Record<AttentionPattern, string>> = {
  'noncausal-self': 'Noncausal self',
  'causal-self': 'Causal self',
  'noncausal-cross': 'Noncausal cross',
  'causal-cross': 'Causal cross',
};
const order = Object.keys(titles) as readonly AttentionPattern[];

export function cabTable(state: State): TemplateResult | typeof nothing {
  const cab = state.result?.cab;
  if (!cab || cab.efficiency.length === 0) return nothing;
  return html`<section class="cab" aria-label="Efficiency length by pattern">
    <h2>Efficiency length by pattern (CAB)</h2>
    ${efficiency(cab, state)} ${cab.index ? indexOf(cab.index, state) : nothing}
  </section>`;
}

function efficiency({ efficiency: found }: CabMeasures, state: State): TemplateResult {
  const { plan } = state.result!;
  const patterns = order.filter((pattern) => found.some((each) => each.pattern === pattern));
  const mechanisms = [...new Set(found.map(({ mechanism }) => mechanism))];
  const cell = (mechanism: string, pattern: AttentionPattern) =>
    cells(found.find((each) => each.mechanism === mechanism && each.pattern === pattern));
  return html`<div class="table-frame">
    <table>
      <caption class="muted">
        Tokens from which it takes less than ${titleOf(plan.baseline, state)}: the fitted curves a n² + b n + c and d n
        + e meet there. Batch ${count(plan.shape.batch)}, ${count(plan.shape.heads)} heads, width
        ${count(plan.shape.headDim)}
      </caption>
      <thead>
        <tr>
          <th scope="col">Mechanism</th>
          ${patterns.map(
            (pattern) =>
              html`<th scope="col">${titles[pattern]}, time</th>
                <th scope="col">${titles[pattern]}, memory</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${mechanisms.map(
          (mechanism) =>
            html`<tr>
              <th scope="row">${titleOf(mechanism, state)}</th>
              ${patterns.map((pattern) => cell(mechanism, pattern))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function cells(found: EfficiencyLengths | undefined): TemplateResult {
  if (found && found.supported !== true)
    return html`<td colspan="2" class="muted" title=${found.supported}>not run</td>`;
  return html`<td class="number">${fitted(found?.time, found?.timeByModel)}</td>
    <td class="number">${fitted(found?.memory, found?.memoryByModel)}</td>`;
}

/** Measured; by the model in its tooltip, or alone and marked where nothing was measured. */
function fitted(measured: FittedLength | undefined, model: FittedLength | undefined): TemplateResult | string {
  const shown = measured ?? model;
  if (!shown) return '–';
  const words = [
    ...(measured ? [`R² ${significant(measured.r2Baseline)} and ${significant(measured.r2Mechanism)}`] : []),
    ...(model ? [`by the cost model: ${lengthText(model)}`] : []),
  ];
  return html`<span title=${words.join('; ')}>${lengthText(shown)}${measured ? '' : ' (model)'}</span>`;
}

const lengthText = ({ length }: FittedLength): string =>
  typeof length === 'number' ? count(Math.round(length)) : length;

function indexOf(
  { baseline, tasks, methods, correlations }: NonNullable<CabMeasures['index']>,
  state: State,
): TemplateResult {
  const patterns = order.filter((pattern) => tasks.some((task) => task.pattern === pattern));
  const names = [...new Set(methods.map(({ method }) => method))];
  const value = (method: string, pattern: AttentionPattern): string => {
    const found = methods.find((each) => each.method === method && each.pattern === pattern);
    if (!found) return '–';
    return `${significant(found.index)}${found.delta === undefined ? '' : ` (${signed(found.delta)})`}`;
  };
  return html`<div class="table-frame">
    <table>
      <caption class="muted">
        Compositional index of ${count(tasks.length)} tasks: mean of the standardised scores, in brackets the distance
        from ${titleOf(baseline, state)}
      </caption>
      <thead>
        <tr>
          <th scope="col">Method</th>
          ${patterns.map((pattern) => html`<th scope="col">${titles[pattern]}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${names.map(
          (method) =>
            html`<tr>
              <th scope="row">${titleOf(method, state)}</th>
              ${patterns.map((pattern) => html`<td class="number">${value(method, pattern)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
    ${correlations.map(
      ({ patterns: [first, second], r }) =>
        html`<p class="muted">Rankings of ${titles[first]} and ${titles[second]} correlate by ${significant(r)}.</p>`,
    )}
  </div>`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${significant(Math.abs(value))}`;

const titleOf = (id: string, state: State): string => state.mechanisms.find((each) => each.id === id)?.title ?? id;
