/** CAB's measures of the shown result: efficiency lengths by pattern, and the compositional index where scores were given. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AttentionPattern } from '../../../protocol/results/attention-pattern';
import type { CabMeasures, EfficiencyLengths, FittedLength } from '../../../protocol/results/benchmark-schema';
import { button, disclosure } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { count, significant } from '../../ui/numbers';
import type { Part } from './actions';
import { cabSetup, patternOrder } from './cab-setup';
import type { State } from './state';

const titles: Readonly<Record<AttentionPattern, string>> = {
  'noncausal-self': 'Noncausal self',
  'causal-self': 'Causal self',
  'noncausal-cross': 'Noncausal cross',
  'causal-cross': 'Causal cross',
};

/** A disclosure that is open where there is something to read; a saved result is read, not measured anew. */
export function cabSection(part: Part): TemplateResult | typeof nothing {
  const { state, actions, compact } = part;
  const cab = state.result?.cab;
  const measured = cab !== undefined && cab.efficiency.length > 0;
  if (!measured && (state.place === 'file' || state.mechanisms.length === 0)) return nothing;
  return html`<section class="cab" aria-label="Efficiency length by pattern">
    ${disclosure({
      title: 'Efficiency length by pattern (CAB)',
      open: isOpen(state, 'cab', measured && !compact),
      id: 'cab',
      onToggle: (open) => actions.toggle('cab', open),
      body: () =>
        html`${state.place === 'file' ? nothing : allPatterns(part)} ${measured ? efficiency(cab, state) : nothing}
        ${cab?.index ? indexOf(cab.index, state) : nothing}`,
    })}
  </section>`;
}

/** The run over all patterns; while one goes on it is shown and cancelled above. */
function allPatterns({ state, actions }: Part): TemplateResult {
  const plan = cabSetup(state);
  const why = typeof plan === 'string' ? plan : undefined;
  const runs = state.phase.kind === 'running' && state.measuredSetup?.furtherPatterns !== undefined;
  return html`<div class="cab-run">
    ${button({
      label: 'Measure all patterns',
      icon: 'play',
      appearance: 'secondary',
      id: 'run-cab',
      disabled: why !== undefined || state.phase.kind === 'running',
      hint: 'The selected mechanisms in the four patterns of attention, as "headscope cab" does',
      onClick: () => actions.runCab(),
    })}
    <span class="muted">
      ${
        runs
          ? 'Measuring pattern by pattern: the points above are those of the settings; Cancel keeps what is done.'
          : (why ??
            'From which length each selected mechanism takes less time and memory than the baseline, in each pattern.')
      }
    </span>
  </div>`;
}

function efficiency({ efficiency: found }: CabMeasures, state: State): TemplateResult {
  const { plan } = state.result!;
  const patterns = patternOrder.filter((pattern) => found.some((each) => each.pattern === pattern));
  const mechanisms = [...new Set(found.map(({ mechanism }) => mechanism))];
  const cell = (mechanism: string, pattern: AttentionPattern) =>
    cells(found.find((each) => each.mechanism === mechanism && each.pattern === pattern));
  return html`<div class="table-frame">
    <table>
      <caption class="muted">
        Tokens from which it takes less than ${titleOf(plan.baseline, state)}, fitted: the curves a n² + b n + c and d n
        + e through the measured points meet there, between or beyond the measured lengths. The chart and the
        measurements take the measured times first, so they may name another length. Batch ${count(plan.shape.batch)},
        ${count(plan.shape.heads)} heads, width ${count(plan.shape.headDim)}
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
  const patterns = patternOrder.filter((pattern) => tasks.some((task) => task.pattern === pattern));
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
