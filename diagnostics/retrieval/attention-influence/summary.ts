/** Documents ranked, and what is said of their sources and of all of them. */
import { meanInterval } from '../../shared/statistics/proportion';
import type { TokenDocument } from './documents';
import { bySource, influenceOf, quantileOf, ranked } from './influence';
import type { DocumentResult, InfluenceResult, Overall, SourceSummary } from './result';
import type { LossSums } from './score-documents';
import { mean } from '../../../kernels/tensors/vectors';

/** Shares between which most documents lie. */
const [lower, upper] = [0.1, 0.9];

/** `losses`: by place in `documents`; those that are not there are left out. Variants: plain, masked, then the controls. */
export function summarised(
  documents: readonly TokenDocument[],
  losses: ReadonlyMap<number, LossSums>,
  top: number,
): Pick<InfluenceResult, 'documents' | 'sources' | 'overall'> {
  const places = new Map(documents.map(({ index }, place) => [index, place]));
  const measured = documents.flatMap(({ ids: _, ...document }) => {
    const found = losses.get(places.get(document.duplicateOf ?? document.index) ?? -1);
    return found ? [{ ...document, ...lossesOf(found) }] : [];
  });
  const ranking = ranked(measured, top);
  const all = measured.map(({ controlLoss: _, ...document }, at): DocumentResult => ({
    ...document,
    ...(ranking[at] ?? { rank: Number.NaN, quantile: Number.NaN, selected: false }),
  }));
  const counted = measured.filter((_, at) => !Number.isNaN(all[at]?.rank));
  const tokens = counted.reduce((sum, document) => sum + document.tokens, 0);
  const weighted = (of: (document: (typeof counted)[number]) => number): number =>
    counted.reduce((sum, document) => sum + of(document) * document.tokens, 0) / tokens;
  const influences = counted.map(({ influence }) => influence);
  const differences = counted.map(({ influence, control }) => influence - control);
  const difference = differences.some(Number.isNaN) ? undefined : meanInterval(differences);
  const overall: Overall = {
    documents: counted.length,
    tokens,
    loss: weighted(({ loss }) => loss),
    maskedLoss: weighted(({ maskedLoss }) => maskedLoss),
    controlLoss: weighted(({ controlLoss }) => controlLoss),
    median: quantileOf(influences, 0.5),
    low: quantileOf(influences, lower),
    high: quantileOf(influences, upper),
    control: quantileOf(
      counted.map(({ control }) => control),
      0.5,
    ),
    difference: difference?.mean ?? Number.NaN,
    differenceLow: difference?.low ?? Number.NaN,
    differenceHigh: difference?.high ?? Number.NaN,
  };
  return { documents: all, sources: summariesOf(all), overall };
}

function lossesOf({ sums, tokens, windows }: LossSums) {
  const [loss = Number.NaN, maskedLoss = Number.NaN, ...controls] = sums.map((sum) => sum / tokens);
  return {
    tokens,
    windows,
    loss,
    maskedLoss,
    influence: influenceOf(loss, maskedLoss),
    control: mean(controls.map((control) => influenceOf(loss, control))),
    controlLoss: mean(controls),
  };
}

function summariesOf(documents: readonly DocumentResult[]): readonly SourceSummary[] {
  return [...bySource(documents)].map(([source, places]) => {
    const all = places.flatMap((at) => documents[at] ?? []);
    const counted = all.filter(({ rank }) => !Number.isNaN(rank));
    const selected = counted.filter((document) => document.selected);
    const of = (name: 'influence' | 'control' | 'tokens', share: number, some = counted): number =>
      quantileOf(
        some.map((document) => document[name]),
        share,
      );
    return {
      source,
      documents: counted.length,
      selected: selected.length,
      copies: all.filter(({ duplicateOf }) => duplicateOf !== undefined).length,
      median: of('influence', 0.5),
      low: of('influence', lower),
      high: of('influence', upper),
      control: of('control', 0.5),
      threshold: of('influence', 0, selected),
      tokens: of('tokens', 0.5),
      selectedTokens: of('tokens', 0.5, selected),
    };
  });
}
