/** The legend, which is also the switch of what is drawn, and the charts. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { backwardOverLength, hasBackward } from '../../charts/backward-over-length';
import type { Chart } from '../../charts/chart';
import '../../charts/chart-card';
import type { ChartExport } from '../../charts/chart-card';
import { errorOverLength } from '../../charts/error-over-length';
import { apart, identify, type Identities } from '../../charts/palette';
import { peakMemory } from '../../charts/peak-memory';
import { ratioToBaseline } from '../../charts/ratio-to-baseline';
import { roofline } from '../../charts/roofline';
import type { Measured } from '../../charts/rows';
import { symbol } from '../../charts/symbol';
import { timeOverLength } from '../../charts/time-over-length';
import { significant } from '../../ui/numbers';
import type { ResultPart } from './actions';
import { comparable } from './comparison';
import { measuredMechanisms, type State } from './state';

/** Least R² of a fit whose exponent is written with three digits rather than two. */
const goodFit = 0.95;

/** Catalogue first, so that a mechanism keeps its colour from run to run. */
export function identitiesOf(state: State): Identities {
  const compared = comparable(state);
  const catalogue = state.mechanisms.length > 0 ? state.mechanisms : state.titles;
  const known = new Set(catalogue.map(({ id }) => id));
  const more = [
    ...(state.measuredSetup ? measuredMechanisms(state.measuredSetup) : []),
    ...(compared ? measuredMechanisms(compared.result.plan) : []),
  ].filter((id) => !known.has(id));
  const own = ownTitles(state, compared);
  const all = identify([...catalogue, ...more.map((id) => ({ id, title: own.get(id) ?? titleFromId(id) }))]);
  return apart(all, [...(state.measuredSetup ? measuredMechanisms(state.measuredSetup) : []), ...more]);
}

/** How a mechanism is named. */
export const titleOf =
  (state: State) =>
  (id: string): string =>
    identitiesOf(state).get(id)?.title ?? id;

/** The titles that kernel files give themselves, by the names of their rows. */
function ownTitles({ result, measuredSetup }: State, compared: State['compareWith']): ReadonlyMap<string, string> {
  // Of a file that has another title since the last run, the later one counts.
  const files = [
    ...(compared?.result.kernelFiles ?? []),
    ...(result?.kernelFiles ?? []),
    ...(measuredSetup?.kernels ?? []),
  ];
  return new Map(files.flatMap(({ id, title }) => (title === undefined ? [] : [[id, title] as const])));
}

const titleFromId = (id: string): string => {
  const words = id.replace(/^own:/u, '').replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export function measuredOf(state: State, identities: Identities): Measured {
  const compared = comparable(state);
  return {
    rows: state.rows,
    provisional: new Set(state.provisional),
    lengths: state.measuredSetup?.shape.lengths ?? [],
    baseline: state.measuredSetup?.baseline ?? '',
    fits: state.result?.fits ?? [],
    crossover: state.result?.crossover ?? [],
    roof: state.result?.roof ?? roofOfDevice(state),
    identities,
    hidden: new Set(state.view.hidden),
    other: compared && { name: compared.name, rows: compared.result.rows },
  };
}

/** While a run goes on its result is not there yet; the device's own roof is. */
function roofOfDevice({ devices, measuredSetup }: State): Measured['roof'] {
  const device = devices.find(({ id }) => id === measuredSetup?.device);
  return device?.peakGflops !== undefined && device.peakBandwidthGBs !== undefined
    ? { peakGflops: device.peakGflops, peakBandwidthGBs: device.peakBandwidthGBs, measured: '' }
    : undefined;
}

export const chartsOf = (measured: Measured): readonly Chart[] => [
  timeOverLength(measured),
  ...(hasBackward(measured) ? [backwardOverLength(measured)] : []),
  ratioToBaseline(measured),
  peakMemory(measured),
  roofline(measured),
  errorOverLength(measured),
];

export function legendEntries(state: State, identities: Identities) {
  const { measuredSetup: plan, result } = state;
  if (!plan) return [];
  const ids = new Set(measuredMechanisms(plan));
  return [...identities.values()]
    .filter(({ id }) => ids.has(id))
    .map((identity) => {
      const fit = result?.fits.find(({ mechanism }) => mechanism === identity.id);
      return { identity, ...(fit ? { fit } : {}) };
    });
}

export function legend(part: ResultPart, identities: Identities): TemplateResult {
  const { state, actions } = part;
  const compared = comparable(state);
  const { hidden } = state.view;
  return html`<div class="legend" role="group" aria-label="Mechanisms shown">
    ${repeat(
      legendEntries(state, identities),
      ({ identity }) => identity.id,
      ({ identity, fit }) => {
        const shown = !hidden.includes(identity.id);
        return html`<button
          type="button"
          class="legend-entry"
          aria-pressed=${shown}
          title=${`${shown ? 'Hide' : 'Show'} ${identity.title}${fit ? `\nTime grows as length to the ${significant(fit.exponent)} (R² ${significant(fit.r2)})` : ''}`}
          @click=${() =>
            actions.view({ hidden: shown ? [...hidden, identity.id] : hidden.filter((id) => id !== identity.id) })}
          @pointerenter=${() => actions.emphasise(shown ? identity.id : undefined)}
          @pointerleave=${() => actions.emphasise(undefined)}
        >
          ${symbol(identity, part.dark)}<span>${identity.title}</span
          ><span class="exponent"
            >${fit ? html`n<sup>${significant(fit.exponent, fit.r2 < goodFit ? 2 : 3)}</sup>` : nothing}</span
          >
        </button>`;
      },
    )}
    ${compared ? html`<span class="legend-note muted">hollow: ${compared.name}</span>` : nothing}
  </div>`;
}

export function chartCards(part: ResultPart, charts: readonly Chart[], emphasised: string | undefined): TemplateResult {
  const { state, actions } = part;
  return html`${repeat(
    charts,
    ({ id }) => id,
    (chart) =>
      html`<hs-chart-card
        data-chart=${chart.id}
        .chart=${chart}
        .pinned=${state.view.pinned}
        .emphasised=${emphasised}
        .asTable=${state.view.asTable.includes(chart.id)}
        @pin=${(event: CustomEvent<State['view']['pinned']>) => actions.pin(event.detail)}
        @as-table=${(event: CustomEvent<boolean>) =>
          actions.view({
            asTable: [...state.view.asTable.filter((id) => id !== chart.id), ...(event.detail ? [chart.id] : [])],
          })}
        @chart-export=${(event: CustomEvent<ChartExport>) => actions.exportChart(chart.id, event.detail)}
      ></hs-chart-card>`,
  )}`;
}
