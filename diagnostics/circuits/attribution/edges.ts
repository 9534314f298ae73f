/** Edges among the parts with the largest estimates: estimated, and the largest of them patched exactly. */
import {
  edgeName,
  estimatesOfPrompt,
  innerEdges,
  receiversAmong,
  sendersAmong,
  type EdgePlace,
} from '../../shared/circuits/edges';
import { PathRuns, type PathsAsked, type Sender } from '../../shared/circuits/paths';
import type { Receiver } from '../../shared/circuits/receivers';
import type { Part } from '../../shared/effects/parts';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { seedFor } from '../../../kernels/tensors/random';
import { drawFrom, largestCount } from './selection';
import type { Estimating } from './estimates';
import { agreementAmong } from './summary';
import type { Attributed } from '../../shared/gradients/objective';
import type { Agreement, EdgeEffect, Edges } from './result';
import { mean } from '../../../kernels/tensors/vectors';

/** Changes of the metric on one prompt: by chosen edge, and by sender for the edges into the logits. */
export interface EdgePatches {
  readonly chosen: readonly number[];
  readonly logits: readonly number[];
}

/** Prompts on which edges are estimated and patched at most, the first ones. */
export const mostEdgePrompts = 4;
/** Edges that are patched as the largest at most. */
const mostLargest = 200;

export interface EdgeLayout extends PathsAsked {
  readonly nodes: readonly Part[];
  /** Edges that end in a head or MLP, in the order of the nodes. */
  readonly places: readonly EdgePlace[];
}

/** `nodes`: largest estimate first, so that what is drawn does not depend on the numbers of heads. */
export function edgeLayout(
  nodes: readonly Part[],
  blocks: ModelFacts['blocks'],
  pairs: readonly Attributed[],
): EdgeLayout {
  const [receivers, places] = [receiversAmong(nodes, blocks), innerEdges(nodes, blocks)];
  const senders = sendersAmong(nodes);
  const length = Math.max(0, ...pairs.map(({ sequence }) => sequence.ids.length));
  return { nodes, senders, receivers, places, positions: Array.from({ length }, (_, position) => position) };
}

/** Estimates for one prompt, in the order of the places of the layout. */
export async function edgesEstimated(
  model: ModelRunner,
  { pair }: Attributed,
  layout: EdgeLayout,
  settings: Estimating,
): Promise<readonly number[]> {
  if (!pair) throw new RangeError('edges are those between a prompt and its counterpart');
  return estimatesOfPrompt(model, pair, layout.nodes, settings);
}

export interface ChosenEdge extends EdgePlace {
  readonly largest: boolean;
  readonly drawn: boolean;
}

/** The largest estimates, and as many as are asked for drawn from all without looking at them. */
export function chosenEdges(
  { places }: EdgeLayout,
  estimates: readonly number[],
  { checked, random }: { readonly checked: number; readonly random: number },
  seed: number,
): readonly ChosenEdge[] {
  const all = [...places.keys()];
  const size = (at: number): number => Math.abs(estimates[at] ?? 0);
  const largest = new Set(
    all
      .filter((at) => size(at) > 0)
      .sort((a, b) => size(b) - size(a))
      .slice(0, Math.min(mostLargest, largestCount(all.length, checked))),
  );
  const drawn = new Set(drawFrom(all, random, seedFor(seed, 'attribution, edges')));
  return all
    .filter((at) => largest.has(at) || drawn.has(at))
    .map((at) => ({ ...(places[at] as EdgePlace), largest: largest.has(at), drawn: drawn.has(at) }));
}

/** Changes of the metric on one prompt, along each chosen edge and along those into the logits. */
export async function edgesPatched(
  model: ModelRunner,
  { pair }: Attributed,
  { senders, receivers, positions }: EdgeLayout,
  chosen: readonly ChosenEdge[],
  settings: Estimating,
): Promise<EdgePatches> {
  if (!pair) throw new RangeError('edges are those between a prompt and its counterpart');
  const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps: true });
  const wanted = new Set(chosen.map(({ to, from }) => `${to} ${from}`));
  const only = (sender: Sender, receiver: Receiver): boolean =>
    receiver.input === 'logits' || wanted.has(`${receivers.indexOf(receiver)} ${senders.indexOf(sender)}`);
  const found = await runs.edges({ senders, receivers, positions }, only);
  const { original } = runs.ends;
  const logits = found[receivers.findIndex(({ input }) => input === 'logits')] ?? [];
  return {
    chosen: chosen.map(({ to, from }) => (found[to]?.[from] ?? Number.NaN) - original),
    logits: logits.map((value) => value - original),
  };
}

/** `estimates`: by prompt and place; `patched`: by prompt, once they are. */
export function edgesOf(
  { nodes, senders, receivers, places }: EdgeLayout,
  estimates: readonly (readonly number[])[],
  chosen: readonly ChosenEdge[],
  patched: readonly EdgePatches[],
): Edges {
  const over = (values: readonly (readonly number[])[], at: number): number =>
    mean(values.map((own) => own[at] ?? Number.NaN));
  const exact = new Map(
    patched.length === 0
      ? []
      : chosen.map(({ to, from }, at) => [
          `${to} ${from}`,
          over(
            patched.map((own) => own.chosen),
            at,
          ),
        ]),
  );
  const known = new Map(chosen.map((one) => [`${one.to} ${one.from}`, one]));
  const named = ({ to, from }: EdgePlace) => edgeName(senders[from] as Sender, receivers[to] as Receiver);
  const estimated = places.map((place, at): EdgeEffect => {
    const key = `${place.to} ${place.from}`;
    return {
      ...named(place),
      estimate: over(estimates, at),
      exact: exact.get(key) ?? Number.NaN,
      largest: known.get(key)?.largest ?? false,
      drawn: known.get(key)?.drawn ?? false,
    };
  });
  const to = receivers.findIndex(({ input }) => input === 'logits');
  const direct =
    patched.length === 0
      ? []
      : senders.map((_, from): EdgeEffect => ({
          ...named({ to, from }),
          estimate: Number.NaN,
          exact: over(
            patched.map((own) => own.logits),
            from,
          ),
          largest: false,
          drawn: false,
        }));
  const strength = ({ estimate, exact: measured }: EdgeEffect): number =>
    Math.abs(Number.isNaN(measured) ? estimate : measured);
  return {
    n: estimates.length,
    nodes: nodes.map(({ layer, head }) => ({ layer, ...(head === undefined ? {} : { head }) })),
    of: places.length,
    edges: [...estimated, ...direct].sort((a, b) => strength(b) - strength(a)),
  };
}

export function edgeAgreement({ edges, of }: Edges): readonly Agreement[] {
  const checked = edges.filter(({ estimate, exact }) => !Number.isNaN(estimate) && !Number.isNaN(exact));
  return agreementAmong('edges', checked, of);
}
