/** What the grid shows: order, places, colours and words of the cells. No DOM. */
import type { HeadEffects } from '../../../protocol/panels/heads';
import type { HeadClass } from '../../../protocol/results/heads-schema';
import type { HeadGain } from '../../../protocol/schema/parts';
import { plural, signed, significant } from '../../ui/numbers';
import { differencesOf } from './comparison';
import { gainOf } from './form';
import { labelInfo, labelsByHead } from './labels';
import { headKey, headName, parseHead } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { effectOf, largestEffect } from './head-effects';
import { isSigned, shapeOf, type Colouring, type SortBy, type State } from './state';
import { domainOf, statisticInfo, valueOf, type PartialStatistics, type StatisticName } from './statistics';

export interface GridModel {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** By layer: tokens of the window, or null. */
  readonly windows: readonly (number | null)[];
  /** Rows of the grid; layers x heads, or all heads in order of a statistic. */
  readonly rows: readonly (readonly HeadPlace[])[];
  readonly natural: boolean;
  readonly colouring: Colouring;
  /** What the colours stand for, when they are values. */
  readonly scale?: { readonly title: string; readonly unit?: string; readonly low: number; readonly high: number };
  readonly statistics: PartialStatistics | undefined;
  readonly labels: ReadonlyMap<string, readonly HeadClass[]>;
  readonly gains: readonly HeadGain[];
  /** Heads that search and filter leave. */
  readonly shown: ReadonlySet<string>;
  readonly valueAt: (place: HeadPlace) => number;
}

/** The model is made anew only when something it shows has changed: a grid of a thousand heads is not drawn for a hover. */
export function gridModel(state: State): GridModel {
  const { result, model, statistics, live, compareWith, view, form, headEffects } = state;
  const made = [
    result,
    model,
    statistics,
    live,
    compareWith,
    form?.gains,
    headEffects?.effects,
    view.colouring,
    view.statistic,
    view.sortBy,
    view.filter,
    view.search,
  ];
  if (last && made.every((value, at) => value === last?.made[at])) return last.grid;
  last = { made, grid: makeGridModel(state) };
  return last.grid;
}

let last: { readonly made: readonly unknown[]; readonly grid: GridModel } | undefined;

function makeGridModel(state: State): GridModel {
  const { layers, heads, kvHeads } = shapeOf(state);
  const { view, live } = state;
  const statistics = live?.statistics ?? state.statistics;
  const labels = labelsByHead(state.result?.classes ?? []);
  const differences = view.colouring === 'difference' ? differencesOf(state, view.statistic) : undefined;
  const colouring: Colouring = live
    ? view.colouring === 'class' || view.colouring === 'picture' || isSigned(view.colouring)
      ? view.statistic
      : view.colouring
    : view.colouring === 'difference' && !differences?.ok
      ? 'class'
      : view.colouring;
  const all = Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: heads }, (_unused, head): HeadPlace => ({ layer, head })),
  );
  const places = all.flat();
  const shown = new Set(
    places
      .filter((place) => matches(place, view.filter, view.search, labels))
      .map(({ layer, head }) => headKey(layer, head)),
  );
  const change = differences?.ok ? differences : undefined;
  const effects = state.headEffects?.effects;
  const valueAt = ({ layer, head }: HeadPlace): number => {
    if (colouring === 'difference') return change?.at(layer, head) ?? Number.NaN;
    if (colouring === 'effect') return effectOf(effects, { layer, head });
    if (colouring === 'class' || colouring === 'picture' || !statistics) return Number.NaN;
    return valueOf(statistics, colouring, layer, head);
  };
  const sorted = view.sortBy !== undefined && statistics !== undefined;
  return {
    layers,
    heads,
    kvHeads,
    windows: state.result?.model.windows ?? state.model?.windows ?? [],
    rows: sorted
      ? chunks(
          sortPlaces(places, view.sortBy, statistics, labels, effects).filter((place) =>
            shown.has(headKey(place.layer, place.head)),
          ),
          heads,
        )
      : all,
    natural: !sorted,
    colouring,
    ...(colouring === 'effect'
      ? effectScale(effects)
      : scaleOf(colouring, statistics, change?.largest, view.statistic, live !== undefined)),
    statistics,
    labels,
    gains: state.form?.gains ?? state.result?.gains ?? [],
    shown,
    valueAt,
  };
}

function effectScale(effects: HeadEffects | undefined): Pick<GridModel, 'scale'> {
  if (!effects) return {};
  const largest = largestEffect(effects);
  return { scale: { title: effects.title, unit: effects.unit, low: -largest, high: largest } };
}

function scaleOf(
  colouring: Exclude<Colouring, 'effect'>,
  statistics: PartialStatistics | undefined,
  largestChange: number | undefined,
  statistic: StatisticName,
  live: boolean,
): Pick<GridModel, 'scale'> {
  if (colouring === 'class' || colouring === 'picture' || !statistics) return {};
  const info = statisticInfo(colouring === 'difference' ? statistic : colouring);
  const unit = info.unit === undefined ? {} : { unit: info.unit };
  if (colouring === 'difference') {
    const largest = largestChange ?? 1;
    return { scale: { title: `Change of ${info.words}`, ...unit, low: -largest, high: largest } };
  }
  // A single query reads anything from 0 to 1: a scale that stays does not flicker from token to token.
  const [low, high] = live && info.unit === undefined ? [0, 1] : domainOf(statistics, info.id);
  return { scale: { title: info.title, ...unit, low, high } };
}

/** The sentence that a search gets that names a head beyond the model; undefined for any other. */
export function noSuchHead({ layers, heads }: GridModel, search: string): string | undefined {
  const named = parseHead(search);
  return named && layers > 0 && (named.layer >= layers || named.head >= heads)
    ? `There is no ${headName(named.layer, named.head)}: ${plural(layers, 'layer')} and ${plural(heads, 'head')} a layer, counted from 0.`
    : undefined;
}

function matches(
  { layer, head }: HeadPlace,
  filter: string | undefined,
  search: string,
  labels: GridModel['labels'],
): boolean {
  const own = labels.get(headKey(layer, head)) ?? [];
  if (filter === 'none' ? own.length > 0 : filter !== undefined && !own.some(({ label }) => label === filter))
    return false;
  const text = search.trim().toLowerCase();
  if (text === '') return true;
  const named = parseHead(text);
  if (named) return named.layer === layer && named.head === head;
  return (
    headName(layer, head).toLowerCase().startsWith(text) ||
    own.some(({ label }) => labelInfo(label).title.includes(text))
  );
}

function sortPlaces(
  places: readonly HeadPlace[],
  by: SortBy | undefined,
  statistics: PartialStatistics,
  labels: GridModel['labels'],
  effects: HeadEffects | undefined,
): HeadPlace[] {
  const order = new Map([...Object.keys(labelOrder)].map((label, at) => [label, at]));
  const key = ({ layer, head }: HeadPlace): number => {
    if (by === undefined) return 0;
    if (by === 'effect') return -Math.abs(effectOf(effects, { layer, head }));
    if (by !== 'label') return -valueOf(statistics, by, layer, head);
    const first = labels.get(headKey(layer, head))?.[0];
    return first ? (order.get(first.label) ?? 99) - first.score / 2 : 100;
  };
  const known = (value: number): number => (Number.isNaN(value) ? Infinity : value);
  return places
    .map((place, index) => ({ place, index, key: known(key(place)) }))
    .sort((a, b) => (a.key === b.key ? a.index - b.index : a.key - b.key))
    .map(({ place }) => place);
}

const labelOrder: Readonly<Record<HeadClass['label'], true>> = {
  induction: true,
  'previous-token': true,
  'first-token-sink': true,
  retrieval: true,
  'duplicate-token': true,
  self: true,
  local: true,
  uniform: true,
};

function chunks<T>(all: readonly T[], size: number): T[][] {
  const rows: T[][] = [];
  for (let at = 0; at < all.length; at += Math.max(1, size)) rows.push(all.slice(at, at + Math.max(1, size)));
  return rows;
}

// Words.

/** `layer 2 head 5, induction 0.93`: what is announced of the focused cell. */
export function announcementOf(model: GridModel, { layer, head }: HeadPlace): string {
  const gain = gainOf(model.gains, layer, head);
  return [
    `layer ${layer} head ${head}`,
    mainFact(model, { layer, head }),
    ...(gain === 1 ? [] : [`gain ${significant(gain)}`]),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function mainFact(model: GridModel, place: HeadPlace): string {
  const own = model.labels.get(headKey(place.layer, place.head)) ?? [];
  if (model.scale) {
    const value = model.valueAt(place);
    const unit = model.scale.unit ? ` ${model.scale.unit}` : '';
    return `${model.scale.title.toLowerCase()} ${significant(value)}${unit}`;
  }
  if (own.length > 0)
    return own.map(({ label, score }) => `${labelInfo(label).title} ${significant(score)}`).join(', ');
  return model.statistics?.entropy[place.layer] === undefined ? 'not computed yet' : 'no label';
}

/** One line with the exact values of a head. */
export function readoutOf(model: GridModel, { layer, head }: HeadPlace): string {
  const name = headName(layer, head);
  const { statistics } = model;
  if (!statistics || statistics.entropy[layer] === undefined) return `${name} · not computed yet`;
  const own = model.labels.get(headKey(layer, head)) ?? [];
  const labels = own.map(
    ({ label, score, null: nothing }) =>
      `${labelInfo(label).title} score ${significant(score)} (null ${significant(nothing.mean, 2)} ± ${significant(nothing.sd, 2)})`,
  );
  const value = (id: StatisticName): string => significant(valueOf(statistics, id, layer, head));
  const scaled =
    model.scale && isSigned(model.colouring)
      ? [`${model.scale.title.toLowerCase()} ${signed(model.valueAt({ layer, head }))}`]
      : [];
  return [
    name,
    ...scaled,
    ...(labels.length > 0 ? labels : ['no label']),
    // Labels may stand on random sequences: what follows is of the tokens that are shown.
    `on this prompt: first ${value('firstToken')}`,
    `previous ${value('previousToken')}`,
    `self ${value('selfToken')}`,
    `induction ${value('induction')}`,
    `entropy ${value('entropy')} nats`,
    `distance ${value('meanDistance')} tokens`,
  ].join(' · ');
}
