/** What serving the model takes: the device and how it is used, the headline figures, time by part, the roofline, every operator. */
import { html, nothing, type TemplateResult } from 'lit';
import {
  servingFigureNames,
  type ServingAnswer,
  type ServingBits,
  type ServingCostView,
  type ServingQuestion,
} from '../../../protocol/language/serving';
import type { ShownModel } from '../../../protocol/panels/model';
import type { PointKey } from '../../charts/chart';
import '../../sections/chart/chart-element';
import { disclosure, dropdown, field, segments } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { count } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import type { Part } from './actions';
import { operatorRoofline, phaseTitles, timeBars, type PhaseName } from './serving-charts';
import { operatorTable, partTable } from './serving-tables';
import { bytesWords, figureTitles, figureWords, meaningOf } from './serving-words';
import { isOpen } from './state';

/** Name of its disclosure. */
export const servingSection = 'serving';

const bitsWords: Readonly<Record<ServingBits, string>> = {
  stored: 'as stored',
  16: '16 bits',
  8: '8 bits',
  4: '4 bits',
};

const powers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => 2 ** (from + at));
const batches = powers(0, 10);
const parallels = powers(0, 4);

/** Powers of two up to what the model takes, and that itself. */
function contextsOf({ facts: { parts } }: ShownModel): readonly number[] {
  const longest = parts[0]?.contextLength ?? 2 ** 17;
  return [...powers(7, 20).filter((length) => length < longest), longest];
}

export function serving(part: Part, model: ShownModel): TemplateResult {
  const { state } = part;
  const shown = state.serving?.uri === model.facts.uri ? state.serving : undefined;
  const cost = shown?.answer.cost;
  return html`<div class="serving-section">
    <div class="serving-choices">
      ${form(part, model, state.view.serving, shown?.answer)}
      ${shown === undefined || typeof cost !== 'object' ? nothing : figures(shown.answer, cost)}
    </div>
    <div class="serving-results">
      ${shown === undefined ? html`<p class="muted" aria-busy="true">Counting …</p>` : answerOf(part, shown.answer)}
    </div>
  </div>`;
}

function form(
  part: Part,
  model: ShownModel,
  question: ServingQuestion,
  answer: ServingAnswer | undefined,
): TemplateResult {
  const { actions } = part;
  const known = answer?.devices ?? [{ id: question.device, title: question.device }];
  const devices = known.some(({ id }) => id === 'measured')
    ? known
    : [...known, { id: 'measured', title: 'This machine (measure it in Devices)' }];
  const contexts = contextsOf(model);
  // What was kept of another model may be longer than this one takes.
  const context = Math.min(question.context, contexts.at(-1) ?? question.context);
  const onBits = (name: 'weightBits' | 'cacheBits', label: string): TemplateResult =>
    dropdown({
      label,
      choices: Object.entries(bitsWords).map(([value, words]) => ({ value, label: words })),
      value: question[name],
      onChange: (value) => actions.serving({ [name]: value as ServingBits }),
    });
  return html`<div class="fields">
    ${field(
      'Device',
      dropdown({
        label: 'Device',
        choices: devices.map(({ id, title }) => ({ value: id, label: title })),
        value: question.device,
        onChange: (device) => actions.serving({ device }),
      }),
      'Published peaks, or what the test of the devices measured on this machine',
    )}
    ${field(
      'Batch',
      stops(
        'Batch',
        batches,
        question.batch,
        (n) => `${count(n)} ${n === 1 ? 'sequence' : 'sequences'}`,
        (batch) => actions.serving({ batch }),
      ),
      'Sequences that are served together',
    )}
    ${field(
      'Context',
      stops(
        'Context',
        contexts,
        context,
        (n) => `${count(n)} tokens`,
        (value) => actions.serving({ context: value }),
      ),
      'Tokens of the prompt, and before the token that is written',
    )}
    ${field('Weights', onBits('weightBits', 'Bits of the weights'))}
    ${field('KV cache', onBits('cacheBits', 'Bits of the cache'))}
    ${field(
      'Tensor parallel',
      dropdown({
        label: 'Devices that share each layer',
        choices: parallels.map((n) => ({ value: String(n), label: n === 1 ? 'one device' : `${n} devices` })),
        value: String(question.tensorParallel),
        onChange: (value) => actions.serving({ tensorParallel: Number(value) }),
      }),
      'Devices that share each layer, with sums over their link',
    )}
  </div>`;
}

/** A slider over stops: powers of two, so that it is logarithmic. */
function stops(
  label: string,
  values: readonly number[],
  value: number,
  words: (value: number) => string,
  onInput: (value: number) => void,
): TemplateResult {
  const after = values.findIndex((stop) => stop >= value);
  const at = after < 0 ? values.length - 1 : after;
  return html`<div class="stops">
    ${slider({
      label,
      value: at,
      min: 0,
      max: values.length - 1,
      step: 1,
      valueText: words(value),
      onInput: (index) => {
        const chosen = values[index];
        if (chosen !== undefined && chosen !== value) onInput(chosen);
      },
    })}<span class="amount">${words(value)}</span>
  </div>`;
}

function answerOf(part: Part, answer: ServingAnswer): TemplateResult {
  const { cost, device } = answer;
  if (typeof cost === 'string' || device === undefined)
    return html`<p class="reason" role="status">${typeof cost === 'string' ? cost : nothing}</p>`;
  const { state, actions, dark, compact } = part;
  const phase: PhaseName = isOpen(state, 'serving-prompt', false) ? 'prefill' : 'decode';
  const chart = operatorRoofline(cost[phase], device, phase);
  const pinned = chart.series
    .flatMap(({ points }) => points)
    .find(({ key }) => key.series === state.pinned?.series && key.at === state.pinned.at);
  return html`<div class="serving-times">
      <h3>Time by part</h3>
      ${timeBars(cost, dark)} ${partTable(cost, dark, compact)}
    </div>
    <div class="serving-head">
      <h3>Operators</h3>
      ${segments<PhaseName>({
        label: 'Operators of',
        choices: [
          { value: 'decode', label: phaseTitles.decode },
          { value: 'prefill', label: phaseTitles.prefill },
        ],
        value: phase,
        onChange: (value) => actions.toggle('serving-prompt', value === 'prefill'),
      })}
    </div>
    <hs-section-chart
      .chart=${chart}
      .pinned=${state.pinned}
      .label=${`${chart.description} Arrow keys walk the operators.`}
      @pin=${(event: CustomEvent<PointKey | undefined>) => actions.pin(event.detail ?? undefined)}
    ></hs-section-chart>
    <div class="readout">${pinned ? html`${icon('pinned')} ${pinned.text}` : chart.description}</div>
    ${operatorTable(answer, cost, phase, compact)}
    ${disclosure({
      title: 'How this is counted',
      open: isOpen(state, 'serving-formulas', false),
      onToggle: (open) => actions.toggle('serving-formulas', open),
      body: () => formulas(cost),
    })}`;
}

function figures({ device }: ServingAnswer, cost: ServingCostView): TemplateResult {
  const memory = device?.memory;
  const shown = servingFigureNames.filter((name) => name !== 'largestBatch' || memory !== undefined);
  return html`<table class="facts serving-figures">
    <caption class="unseen">
      Figures of serving
    </caption>
    <tbody>
      ${shown.map((name) => {
        const figure = cost.figures[name];
        const over = name === 'memory' && cost.fits === false;
        const of = name === 'memory' && memory !== undefined ? ` of ${bytesWords(memory)}` : '';
        return html`<tr data-figure=${name} title=${meaningOf(figure)}>
          <th scope="row">${figureTitles[name]}</th>
          <td class="number">
            ${over ? html`<span class="over">${icon('warning')} does not fit: </span>` : nothing}${figureWords(figure)}${of}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

const formulas = (cost: ServingCostView): TemplateResult =>
  html`<ul class="formulas">
    ${servingFigureNames.map(
      (name) => html`<li><strong>${figureTitles[name]}</strong>: ${cost.figures[name].formula}.</li>`,
    )}
    ${cost.assumptions.map((each) => html`<li>${each}</li>`)}
  </ul>`;
