/** What the grid shows: order, places, colours and words of the cells. No DOM. */
import type { HeadEffects } from '../../../protocol/panels/heads';
import type { HeadClass } from '../../../protocol/results/heads-schema';
import type { HeadGain } from '../../../protocol/schema/parts';
import { cividis, diverging, mix, parseColour, type Rgb } from '../../charts/colour-map';
import type { Cell } from '../../charts/cell-painter';
import { darkHues, lightHues } from '../../charts/palette';
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

// Places.

export interface GridLayout {
  /** All in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly side: number;
  readonly gap: number;
  readonly x: (column: number) => number;
  readonly y: (row: number) => number;
  /** Query heads that share a key/value head: [first, last] column of each group; none when every head has its own. */
  readonly groups: readonly (readonly [number, number])[];
}

/** Cells smaller than this, in device pixels, show their label's colour instead of a picture nobody could read. */
const leastPicture = 9;

export function gridLayout(model: GridModel, width: number, most = 64): GridLayout {
  const { heads, kvHeads, natural, rows } = model;
  const share = kvHeads > 0 && heads % kvHeads === 0 ? heads / kvHeads : 1;
  const grouped = natural && share > 1;
  const left = 34;
  const top = natural ? (grouped ? 26 : 16) : 4;
  const gap = (width - left) / Math.max(1, heads) < 12 ? 1 : 2;
  const groupGap = gap + 3;
  const gaps = gap * Math.max(0, heads - 1) + (grouped ? (groupGap - gap) * (kvHeads - 1) : 0);
  const side = Math.max(3, Math.min(most, Math.floor((width - left - 2 - gaps) / Math.max(1, heads))));
  const x = (column: number): number =>
    left + column * (side + gap) + (grouped ? Math.floor(column / share) * (groupGap - gap) : 0);
  const y = (row: number): number => top + row * (side + gap);
  return {
    left,
    top,
    side,
    gap,
    x,
    y,
    width: Math.max(x(heads - 1) + side + 2, left + 10),
    height: y(Math.max(1, rows.length) - 1) + side + 2,
    groups: grouped
      ? Array.from({ length: kvHeads }, (_, group) => [group * share, (group + 1) * share - 1] as const)
      : [],
  };
}

export function placeAt(model: GridModel, layout: GridLayout, x: number, y: number): HeadPlace | undefined {
  const row = Math.floor((y - layout.top) / (layout.side + layout.gap));
  const places = model.rows[row];
  const column = places?.findIndex((_, at) => x >= layout.x(at) - 1 && x < layout.x(at) + layout.side + 1) ?? -1;
  return y < layout.top ? undefined : places?.[column];
}

export function whereIs(
  model: GridModel,
  place: HeadPlace,
): { readonly row: number; readonly column: number } | undefined {
  if (model.natural) {
    return place.layer < model.layers && place.head < model.heads
      ? { row: place.layer, column: place.head }
      : undefined;
  }
  for (const [row, places] of model.rows.entries()) {
    const column = places.findIndex(({ layer, head }) => layer === place.layer && head === place.head);
    if (column >= 0) return { row, column };
  }
  return undefined;
}

// Colours.

export interface Ink {
  readonly dark: boolean;
  readonly background: string;
  readonly muted: string;
}

export const hueOf = (label: HeadClass['label'], dark: boolean): string =>
  (dark ? darkHues : lightHues)[labelInfo(label).identity.hue] ?? lightHues[0];

/** Cells in device pixels. */
export function cellsOf(model: GridModel, layout: GridLayout, ratio: number, ink: Ink): Cell[] {
  const ground = parseColour(ink.background);
  const muted = parseColour(ink.muted);
  const low = mix(ground, muted, 0.14);
  const side = Math.max(1, Math.round(layout.side * ratio));
  return model.rows.flatMap((places, row) =>
    places.map((place, column): Cell => {
      const { layer, head } = place;
      const first = model.labels.get(headKey(layer, head))?.[0];
      const there = model.statistics?.entropy[layer] !== undefined;
      const base = {
        layer,
        head,
        x: Math.round(layout.x(column) * ratio),
        y: Math.round(layout.y(row) * ratio),
        side,
        low,
        strength: model.shown.has(headKey(layer, head)) ? 1 : 0.15,
      };
      if (!there) return { ...base, kind: 'fill', high: mix(ground, muted, 0.08) };
      if (model.colouring === 'picture') return { ...base, kind: 'picture', high: muted };
      if (model.colouring === 'class') {
        const hue = first && parseColour(hueOf(first.label, ink.dark));
        return side < leastPicture
          ? { ...base, kind: 'fill', high: hue ?? low }
          : { ...base, kind: 'tint', high: hue ?? muted };
      }
      return { ...base, kind: 'fill', high: colourOfValue(model, place, ink.dark) ?? low };
    }),
  );
}

export function colourOfValue(model: GridModel, place: HeadPlace, dark: boolean): Rgb | undefined {
  const value = model.valueAt(place);
  if (!model.scale || Number.isNaN(value)) return undefined;
  const { low, high } = model.scale;
  return isSigned(model.colouring)
    ? diverging(high > 0 ? value / high : 0, dark)
    : cividis((value - low) / Math.max(1e-12, high - low));
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
