/** A second saved result beside the one shown: heads by their divergence, or the scores of two folders of pictures. */
import { html, nothing, type TemplateResult } from 'lit';
import type { HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import { comparedWith, divergenceChange } from '../../../protocol/results/divergence-change';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import {
  changeColumns,
  changeOf,
  headChangeColumns,
  headChanges,
  headChangeTable,
  whyOtherShape,
  type Change,
  type HeadChange,
} from '../../ui/changes';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { folded } from '../../ui/panel-page';
import { type Column, table, textColumn } from '../../ui/table';
import type { Part } from './actions';
import { scoreRows, setScoreColumns } from './set-view';
import { lacking } from './shown';
import type { State } from './state';
import './vhd-grid';
import { changeModel, distanceInfos } from './vhd-model';

type Made = HallucinationResult | HallucinationSet;

/** Both of the same kind, or why nothing can be laid side by side. */
type Pair =
  | { readonly kind: 'results'; readonly here: HallucinationResult; readonly there: HallucinationResult }
  | { readonly kind: 'sets'; readonly here: HallucinationSet; readonly there: HallucinationSet }
  | { readonly kind: 'none'; readonly why: string };

export function pairOf({ result, set, compareWith }: State): Pair | undefined {
  const here = result ?? set;
  if (!here || !compareWith) return undefined;
  const { name, made: there } = compareWith;
  if (here.kind === 'headscope-hallucination-set' && there.kind === 'headscope-hallucination-set') {
    const why = whyNotCompared(here, there, name);
    return why === undefined ? { kind: 'sets', here, there } : { kind: 'none', why };
  }
  if (here.kind === 'headscope-hallucination-set' || there.kind === 'headscope-hallucination-set') {
    const why = `One of them is a folder of pictures and the other a single text: compare ${name} with another of its kind.`;
    return { kind: 'none', why };
  }
  const shape = whyOtherShape(here, there, name);
  if (shape !== undefined) return { kind: 'none', why: shape };
  if (here.distance !== there.distance) {
    const why = `This result measures by ${distanceTitle(here)}, ${name} by ${distanceTitle(there)}: their numbers have different units.`;
    return { kind: 'none', why };
  }
  const why = whyNotCompared(here, there, name);
  return why === undefined ? { kind: 'results', here, there } : { kind: 'none', why };
}

const distanceTitle = ({ distance }: Made): string =>
  distanceInfos.find(({ id }) => id === distance)?.title ?? distance;

/** Why the two cannot be laid side by side, or what besides the numbers differs. */
export function comparisonWords(state: State): string {
  const pair = pairOf(state);
  if (!pair) return '';
  if (pair.kind === 'none') return pair.why;
  return pair.kind === 'sets' ? differenceSentence(pair.here, pair.there) : differenceSentence(pair.here, pair.there);
}

/** Every head with both divergences of the first word, the largest changes first. */
export const divergenceChanges = (here: HallucinationResult, there: HallucinationResult): readonly HeadChange[] => {
  const of = (one: HallucinationResult) => (place: HeadPlace) => one.vhd[place.layer]?.[place.head];
  return headChanges({ layers: here.vhd.length, heads: here.vhd[0]?.length ?? 0 }, of(here), of(there));
};

export interface ScoreChange extends Change {
  /** `Plain, CHAIR_S (%)`. */
  readonly measure: string;
}

/** Every score of the captions that both sets have, and the AUROC. */
export function scoreChanges(here: HallucinationSet, there: HallucinationSet): readonly ScoreChange[] {
  const others = new Map(scoreRows(there).map((row) => [row.name, row]));
  const rows = scoreRows(here);
  const numeric = setScoreColumns(rows).filter(({ numeric: is }) => is);
  const scores = rows.flatMap((row) => {
    const other = others.get(row.name);
    return numeric.flatMap((column): readonly ScoreChange[] => {
      const [mine, theirs] = [column.value(row), other && column.value(other)];
      if (typeof mine !== 'number' || typeof theirs !== 'number') return [];
      return [{ measure: `${row.name}, ${column.title} (${column.unit ?? ''})`, here: mine, there: theirs }];
    });
  });
  const [mine, theirs] = [here.separation.auroc, there.separation.auroc];
  return mine === null || theirs === null
    ? scores
    : [...scores, { measure: 'AUROC of T-VHD', here: mine, there: theirs }];
}

export const scoreTitle: Column<ScoreChange> = textColumn('measure', 'Score', ({ measure }) => measure);

/** For machines: what the result is compared with, and the changes where the two can be laid side by side. */
export function comparisonData(state: State): object {
  const pair = pairOf(state);
  if (!pair || !state.compareWith) return {};
  const { name, made } = state.compareWith;
  const changes =
    pair.kind === 'results'
      ? { vhd: divergenceChange(pair.here, pair.there) }
      : pair.kind === 'sets'
        ? { scores: scoreChanges(pair.here, pair.there).map((row) => ({ ...row, change: changeOf(row) })) }
        : undefined;
  return { comparedWith: comparedWith(name, made, changes) };
}

/** This result minus the other one, head by head. */
function changeMap(
  { state, actions, dark }: Part,
  here: HallucinationResult,
  there: HallucinationResult,
): TemplateResult {
  const model = changeModel({ ...here, step: 0 }, there.vhd, lacking(state));
  return html`<div class="vhd-view change-map">
    <hs-vhd-grid
      .model=${model}
      .selected=${state.selected}
      @select-head=${(event: CustomEvent<HeadPlace>) => actions.select(event.detail)}
    ></hs-vhd-grid>
    ${scaleBar({
      title: 'Change of the VHD',
      low: model.low,
      high: model.high,
      stops: scaleStops(true, dark),
      signed: true,
    })}
  </div>`;
}

export function comparison(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const pair = pairOf(state);
  if (!pair || pair.kind === 'none' || !state.compareWith) return nothing;
  const { name } = state.compareWith;
  return folded(part, { name: 'changes', title: `Changes from ${name}`, open: true }, () =>
    pair.kind === 'sets'
      ? table({
          caption: `Change of the scores from ${name}`,
          columns: changeColumns(scoreTitle, name),
          rows: scoreChanges(pair.here, pair.there),
          key: ({ measure }) => measure,
        })
      : html`${changeMap(part, pair.here, pair.there)}
          <p class="reason">Divergence at the first word, outliers kept. Largest changes first.</p>
          ${headChangeTable(
            `Change of the divergence from ${name}`,
            headChangeColumns(name),
            divergenceChanges(pair.here, pair.there),
            state.selected,
            (place) => actions.select(place),
          )}`,
  );
}
