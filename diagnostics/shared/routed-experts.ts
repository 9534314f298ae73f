/** What the routers of a run did, from their taps (models/instrument/taps.ts). */
import { routerTaps, type LayerTap, type RouterTap } from '../../models/instrument/taps';
import type { ExpertLayer } from '../../protocol/sections/experts';
import type { ModelFacts } from '../model-runner/model-runner';
import type { LayerResult } from '../model-runner/run-request';

type RoutedBlock = { readonly layer: number; readonly count: number; readonly perToken: number };

/** Layers that have routed experts. */
export const routedBlocks = ({ blocks }: Pick<ModelFacts, 'blocks'>): readonly RoutedBlock[] =>
  blocks.flatMap(({ experts }, layer) => (experts ? [{ layer, ...experts }] : []));

export const routerTapsOf = (blocks: readonly RoutedBlock[]): readonly { layer: number; tap: LayerTap }[] =>
  blocks.flatMap(({ layer }) => routerTaps.map((tap) => ({ layer, tap })));

/** Choices of one layer, of variant 0. */
export interface Routing extends RoutedBlock {
  /** [tokens][experts of a token], largest weight first. */
  readonly chosen: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  /** [tokens]: entropy of the scores over their sum, nats. */
  readonly entropies: readonly number[];
}

export function routingOf({ taps }: Pick<LayerResult, 'taps'>, block: RoutedBlock): Routing {
  const data = (tap: RouterTap): Float32Array => {
    const found = taps[tap]?.data;
    if (!(found instanceof Float32Array)) throw new TypeError(`layer ${block.layer} gave no "${tap}"`);
    return found;
  };
  const [scores, weights, chosen] = routerTaps.map(data) as [Float32Array, Float32Array, Float32Array];
  const { count } = block;
  const rows = taps['router.scores']?.shape[1] ?? 0;
  const all = Array.from({ length: rows }, (_, row) => {
    const own = <T extends Float32Array>(of: T) => of.subarray(row * count, (row + 1) * count);
    const [marks, counts] = [own(chosen), own(weights)];
    const experts = Array.from(marks.keys())
      .filter((expert) => marks[expert] === 1)
      .sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b);
    return { experts, weights: experts.map((expert) => counts[expert] ?? 0), entropy: entropyOf(own(scores)) };
  });
  return {
    ...block,
    chosen: all.map(({ experts }) => experts),
    weights: all.map((row) => row.weights),
    entropies: all.map(({ entropy }) => entropy),
  };
}

/** Entropy of numbers of 0 and more as shares of their sum, in nats; NaN where all are 0. */
function entropyOf(scores: Float32Array): number {
  let [sum, product] = [0, 0];
  for (const score of scores) {
    sum += score;
    if (score > 0) product += score * Math.log(score);
  }
  return sum > 0 ? Math.max(0, Math.log(sum) - product / sum) : Number.NaN;
}

/** [experts]: share of all choices that fall on each. */
export function loadsOf({ count }: Pick<Routing, 'count'>, chosen: Routing['chosen']): readonly number[] {
  const loads = new Array<number>(count).fill(0);
  for (const expert of chosen.flat()) loads[expert] = (loads[expert] ?? 0) + 1;
  const all = loads.reduce((sum, load) => sum + load, 0);
  return loads.map((load) => load / Math.max(1, all));
}

/** As a result shows it: the first tokens one by one. */
export function shownRouting(routing: Routing, shown: number): ExpertLayer {
  const { layer, perToken, chosen, weights, entropies } = routing;
  const known = entropies.filter((entropy) => !Number.isNaN(entropy));
  return {
    ...{ layer, perToken, loads: loadsOf(routing, chosen) },
    entropy: known.reduce((sum, entropy) => sum + entropy, 0) / known.length,
    entropies: entropies.slice(0, shown),
    chosen: chosen.slice(0, shown),
    weights: weights.slice(0, shown).map((row) => row.map(rounded)),
  };
}

/** Four digits behind the point are enough for a colour and a tip, and keep files small. */
const rounded = (weight: number): number => Math.round(weight * 1e4) / 1e4;
