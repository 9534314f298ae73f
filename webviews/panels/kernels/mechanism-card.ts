/** The card of one mechanism: what each query reads, what that costs as a formula, where the definition is from. */
import { html, nothing, type TemplateResult } from 'lit';
import type { MechanismInfo } from '../../../protocol/compute/api';
import {
  longestPicture,
  longestProbe,
  longestSystem,
  pictureLengths,
  type CostAt,
  type CostGrowth,
  type MechanismView,
  type MechanismViewRequest,
} from '../../../protocol/compute/mechanism-view';
import { templateColumns } from '../../../protocol/compute/template';
import { button, dropdown, segments } from '../../ui/controls';
import { bytes, count, significant } from '../../ui/numbers';
import type { Part } from './actions';
import { readForm } from './form';
import { sourceLine } from './mechanism-list';
import { neighborhoodSimulator } from './neighborhood';
import { systemView } from './system-view';
import './grid-picture';
import './pattern-picture';
import './workers-picture';
import type { CardChoice, State } from './state';

/** The request that the card's choices and the form make; undefined while the form cannot be read. */
export function viewRequest(state: State): MechanismViewRequest | undefined {
  const { card } = state.view;
  if (!card || !state.form) return undefined;
  const reading = readForm(state.form, state.mechanisms, state.processors);
  if (!reading.ok) return undefined;
  const { pattern, heads, kvHeads, headDim, valueDim, lengths } = reading.plan.shape;
  const [effective, system] = [card.show === 'effective', card.show === 'system'];
  return {
    mechanism: card.mechanism,
    parameters: reading.plan.parameters[card.mechanism] ?? {},
    shape: { pattern, heads, kvHeads, headDim, valueDim },
    length: card.length === 'fitting' ? card.length : Math.min(card.length, longestOf(card)),
    head: headOf(card, heads, effective || system),
    effective,
    ...(system ? { system } : {}),
    seed: reading.plan.seed,
    lengths,
  };
}

const longestOf = ({ show }: CardChoice): number =>
  show === 'system' ? longestSystem : show === 'effective' ? longestProbe : longestPicture;

/** One head at a time is probed, or shown as a system. */
function headOf({ head }: CardChoice, heads: number, alone: boolean): MechanismViewRequest['head'] {
  if (head === undefined || (head === 'any' && alone)) return heads - 1;
  return head === 'any' ? head : Math.min(head, heads - 1);
}

export function mechanismCard(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const { card } = state.view;
  const mechanism = state.mechanisms.find(({ id }) => id === card?.mechanism);
  if (!card || !mechanism) return nothing;
  const shown = state.mechanismView?.request.mechanism === card.mechanism ? state.mechanismView : undefined;
  const view = shown?.view;
  return html`<section class="mechanism-card" tabindex="-1" aria-label="${mechanism.title}: pattern and costs">
    <div class="section-head">
      <h2>${mechanism.title}</h2>
      ${trustTag(mechanism)}
      ${button({
        label: 'Close the card',
        icon: 'close',
        appearance: 'icon',
        onClick: () => actions.showCard(undefined),
      })}
    </div>
    <p>${mechanism.summary}</p>
    <p class="muted">${sourceLine(mechanism, actions)}</p>
    <div class="card-body">
      <div class="card-picture">
        ${pictureControls(part, card, view)}
        ${
          shown?.problem
            ? html`<div class="chart-empty">${shown.problem}</div>`
            : html`${
                card.show === 'system' && view?.system
                  ? systemView(part, view.system, card)
                  : card.show === 'pattern' && view?.grid
                    ? html`<hs-grid-pattern .grid=${view.grid}></hs-grid-pattern>`
                    : card.show === 'pattern' && view?.workerPieces
                      ? html`<hs-workers
                          .view=${view}
                          .causal=${shown?.request.shape.pattern === 'causal-self'}
                        ></hs-workers>`
                      : html`<hs-pattern .view=${view}></hs-pattern>`
              }
              ${view?.system ? nothing : view ? legend(view, card) : html`<div class="muted">Asking the definition…</div>`}`
        }
      </div>
      ${view ? facts(view, mechanism, state) : nothing}
    </div>
    ${mechanism.id === 'gna' ? neighborhoodSimulator(part) : nothing}
  </section>`;
}

const trustTag = ({ source }: MechanismInfo): TemplateResult | typeof nothing =>
  source.trust === 'high'
    ? nothing
    : html`<span class="tag" title=${source.note ?? ''}>${source.trust} trust in the definition</span>`;

function pictureControls({ actions }: Part, card: CardChoice, view: MechanismView | undefined): TemplateResult {
  const groups = view?.groups ?? [];
  const lengths = pictureLengths.filter((each) => each <= longestOf(card));
  const own = view?.grid ? 'Grid' : view?.workerPieces ? 'Workers' : undefined;
  const linear = view?.linear ?? card.show === 'system';
  const absent = (card.show === 'matrix' && !own) || (card.show === 'system' && !linear);
  const show = absent ? 'pattern' : card.show;
  const drawn = groups.find((heads) => heads.includes(typeof view?.head === 'number' ? view.head : -1))?.[0];
  return html`<div class="card-controls">
    ${segments({
      label: 'What is drawn',
      choices: [
        ...(own
          ? ([
              { value: 'pattern', label: own },
              { value: 'matrix', label: 'Matrix' },
            ] as const)
          : ([{ value: 'pattern', label: 'May read' }] as const)),
        { value: 'effective', label: 'Depends on' },
        ...(linear ? [{ value: 'system', label: 'System' } as const] : []),
      ],
      value: show,
      onChange: (next) => actions.showCard({ ...card, show: next }),
    })}
    <label class="at-length"
      >Positions
      ${dropdown({
        label: 'Positions of the picture',
        choices: [
          { value: 'fitting', label: 'Fitting' },
          ...lengths.map((each) => ({ value: String(each), label: count(each) })),
        ],
        value: String(card.length),
        onChange: (value) => actions.showCard({ ...card, length: value === 'fitting' ? value : Number(value) }),
      })}</label
    >
    ${
      groups.length > 1
        ? html`<label class="at-length"
            >Heads
            ${dropdown({
              label: 'Heads of the picture',
              choices: [
                ...groups.map((heads) => ({ value: String(heads[0] ?? 0), label: headsInWords(heads) })),
                ...(show === 'effective' || show === 'system' ? [] : [{ value: 'any', label: 'All together' }]),
              ],
              value: view?.head === 'any' ? 'any' : String(drawn ?? 0),
              onChange: (value) => actions.showCard({ ...card, head: value === 'any' ? value : Number(value) }),
            })}</label
          >`
        : nothing
    }
  </div>`;
}

/** 0, 1, 2, 5 -> `0–2, 5`. */
function headsInWords(heads: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const head of heads) {
    const last = runs.at(-1);
    if (last && last[1] === head - 1) last[1] = head;
    else runs.push([head, head]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
}

function legend(view: MechanismView, { show }: CardChoice): TemplateResult {
  const { scale, block, grid } = view;
  const cells = `${count(scale)} x ${count(scale)} positions`;
  if (view.effective) {
    return html`<p class="muted">
      ${
        scale === 1
          ? 'Root mean square change of an output with a value'
          : `Weight that the last query of a cell of ${cells} gives to its keys together`
      },
      by probing the float64 definition with random queries and keys; square root of it as the colour, brightest the
      largest.
    </p>`;
  }
  if (show === 'pattern' && view.workerPieces) {
    return html`<p class="muted">
      A colour and number for each worker of this head: strong in the chosen step, faint in earlier ones. Keys pass from
      worker to worker after each step.
    </p>`;
  }
  if (show === 'pattern' && grid) {
    return html`<p class="pattern-legend muted">
      <span><i class="swatch read"></i>read</span><span><i class="swatch none"></i>not read</span>
      <span><i class="swatch outlined"></i>the query: choose it by click or arrow keys</span>
      ${grid.tile ? html`<span>lines: queries computed together, ${grid.tile.map(count).join(' x ')}</span>` : nothing}
    </p>`;
  }
  return html`<p class="pattern-legend muted">
      <span><i class="swatch read"></i>read</span>
      ${view.cells.includes(2) ? html`<span><i class="swatch average"></i>read inside an average</span>` : nothing}
      <span><i class="swatch none"></i>not read</span>
      ${block ? html`<span>lines: blocks of ${count(block.queries)} x ${count(block.keys)}</span>` : nothing}
    </p>
    ${
      scale === 1
        ? nothing
        : html`<p class="muted">A cell covers ${cells}: the stronger its colour, the more of its pairs are read.</p>`
    }`;
}

function facts(view: MechanismView, mechanism: MechanismInfo, state: State): TemplateResult {
  const { cost, costs } = view;
  const rows: (readonly [string, TemplateResult | string])[] = [
    [
      'Density',
      `${significant(100 * view.density)} % of the pairs of the plain pattern at ${count(view.queries)} positions`,
    ],
    ...(cost || costs.length > 0
      ? ([
          ['Operations', costWords(cost?.flops, costs, ({ flops }) => `${number(flops)} FLOPs`, 'FLOPs')],
          ['Bytes moved', costWords(cost?.bytes, costs, (at) => bytes(at.bytes), 'B')],
          ['Peak memory', costWords(cost?.peakBytes, costs, ({ peakBytes }) => bytes(peakBytes), 'B')],
        ] as const)
      : [['Cost', 'not known: the lengths of the settings are refused with these parameters and widths'] as const]),
    ...predictions(mechanism, state),
    ['Growth', html`n<sup>${count(mechanism.exponent)}</sup> operations of long sequences`],
    ...(view.weights.length === 0
      ? []
      : [
          [
            'Learned',
            view.weights.map(({ name, shape, initial }) => `${name} [${shape.join(', ')}] ${initial}`).join('; '),
          ] as const,
        ]),
    ...(view.limits.length === 0
      ? []
      : [
          [
            'Equals',
            view.limits
              .map(
                ({ name, equals }) => `${state.mechanisms.find(({ id }) => id === equals)?.title ?? equals}: ${name}`,
              )
              .join('; '),
          ] as const,
        ]),
  ];
  const notes = [
    ...(view.dependsOnData
      ? [
          view.chosen
            ? 'Which keys are read depends on the numbers: the picture is the choice for random ones.'
            : 'Which keys are read depends on the numbers: the picture shows all that may be.',
        ]
      : []),
    ...(mechanism.template.matrix === 'sparse' && view.density === 1 && !view.cells.includes(2)
      ? [
          `At ${count(view.queries)} positions nothing is left out: take more positions, or smaller sizes among its parameters.`,
        ]
      : []),
    ...(view.dependsOnFuture
      ? ['Which of the earlier keys are read depends on later positions too: decoding gives other numbers.']
      : []),
    ...(view.dependsOnLength ? ['Which keys a query reads depends on the whole length.'] : []),
    ...(view.joinsHeads ? ['An output depends on every head of its position.'] : []),
  ];
  return html`<div class="card-facts">
    <table>
      <caption class="muted">
        n queries and n keys at the shape of the settings; FLOPs: a multiply-add counts as two
      </caption>
      <tbody>
        ${rows.map(
          ([name, value]) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td>${value}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${notes.map((note) => html`<p class="muted">${note}</p>`)}
    <table class="card-template">
      <caption class="muted">
        In the terms that all mechanisms share (causal where it can be, default parameters; p workers)
      </caption>
      <tbody>
        ${templateColumns.map(
          ({ title, of }) =>
            html`<tr>
              <th scope="row">${title}</th>
              <td>${of(mechanism.template)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Predicted and measured time at each length of the shown result that has both. */
function predictions({ id }: MechanismInfo, { rows }: State): (readonly [string, string])[] {
  const found = rows.filter((row) => row.mechanism === id && row.ok && row.predictedMs !== undefined && row.medianMs);
  if (found.length === 0) return [];
  const words = [...found]
    .sort((a, b) => a.length - b.length)
    .map(({ length, predictedMs = 0, medianMs = 1 }) => {
      const times = `${significant(predictedMs)} of ${significant(medianMs)} ms`;
      return `${count(length)}: ${times} (${significant(predictedMs / medianMs)}x)`;
    });
  return [['Predicted of measured time, by tokens', words.join('; ')]];
}

/** The formula where one holds, and from which length; else the cost model's own values at the lengths of the settings. */
function costWords(
  growth: CostGrowth | undefined,
  costs: readonly CostAt[],
  value: (at: CostAt) => string,
  unit: string,
): TemplateResult | string {
  if (growth?.from !== undefined) {
    return html`from n = ${count(growth.from)}: ${formula(growth)} ${unit}`;
  }
  const values = costs.map((at) => `${value(at)} at ${count(at.length)}`).join('; ');
  return `${values || 'unknown at the lengths of the settings'} (no polynomial of n holds)`;
}

/** 2,112 n² + 66,600 n + 12. */
function formula({ square, linear, constant }: CostGrowth): TemplateResult {
  const terms = [
    { value: square, power: html` n<sup>2</sup>` },
    { value: linear, power: html` n` },
    { value: constant, power: nothing },
  ].filter(({ value }) => value !== 0);
  const sum = terms.map(({ value, power }, at) => {
    const sign = at === 0 ? (value < 0 ? '−' : '') : value < 0 ? ' − ' : ' + ';
    return html`${sign}${number(Math.abs(value))}${power}`;
  });
  return html`${sum.length === 0 ? '0' : sum}`;
}

const number = (value: number): string =>
  Math.abs(value) < 1e7 && Number.isInteger(value) ? count(value) : significant(value, 4);
