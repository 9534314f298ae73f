/**
 * Edges of a circuit: what the output of one node does to the metric through one input of another, every other head and MLP held
 * (path patching with MLPs held, at all positions; Goldowsky-Dill et al. 2023, arXiv:2304.05969). Each is measured alone, in the
 * whole model, from prompt to counterpart.
 */
import type { Pair } from '../effects/pairs';
import type { Part } from '../effects/parts';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { nodeId, type CircuitEdge } from './circuit';
import { effectOf, leastEffect, type PathMeasured } from './effects';
import { PathRuns, reaches, type PathSettings, type Sender } from './paths';
import { edgeEstimates } from './edge-estimates';
import type { GradientSettings } from '../gradients/objective';
import { headInputs, type Receiver } from './receivers';

const idOf = (sender: Sender): string => (sender === 'embedding' ? sender : nodeId(sender));
const endOf = (receiver: Receiver): string => (receiver.input === 'logits' ? 'logits' : nodeId(partOf(receiver)));
const partOf = (receiver: Exclude<Receiver, { readonly input: 'logits' }>): Part =>
  receiver.input === 'mlp' ? { layer: receiver.layer } : { layer: receiver.layer, head: receiver.head };

export const edgeName = (sender: Sender, receiver: Receiver): Pick<CircuitEdge, 'from' | 'to' | 'input'> => ({
  from: idOf(sender),
  to: endOf(receiver),
  input: receiver.input,
});

type Blocks = ModelFacts['blocks'];

/** A head of a recurrence has no query, key or value, so edges begin at it but never end there. */
export const receiversAmong = (nodes: readonly Part[], blocks: Blocks): readonly Receiver[] => [
  ...nodes.flatMap(({ layer, head }): readonly Receiver[] => {
    if (head === undefined) return [{ input: 'mlp', layer }];
    return blocks[layer]?.heads === 0 ? [] : headInputs.map((input) => ({ input, layer, head }));
  }),
  { input: 'logits' },
];

/** An edge by its places among the receivers and senders of some nodes. */
export interface EdgePlace {
  readonly to: number;
  readonly from: number;
}

/** Edges that do not end in the logits. */
export const innerEdges = (nodes: readonly Part[], blocks: Blocks): readonly EdgePlace[] =>
  receiversAmong(nodes, blocks).flatMap((receiver, to) =>
    receiver.input === 'logits'
      ? []
      : sendersAmong(nodes).flatMap((sender, from) => (reaches(sender, receiver) ? [{ to, from }] : [])),
  );

export const sendersAmong = (nodes: readonly Part[]): readonly Sender[] => ['embedding', ...nodes];

/** Estimates of one prompt, in the order of `innerEdges`; unit: that of the metric. */
export async function estimatesOfPrompt(
  model: ModelRunner,
  pair: Pair,
  nodes: readonly Part[],
  settings: GradientSettings,
): Promise<readonly number[]> {
  const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps: true });
  const positions = pair.clean.ids.map((_, position) => position);
  const { blocks } = model.facts;
  const asked = { senders: sendersAmong(nodes), receivers: receiversAmong(nodes, blocks), positions };
  const found = await edgeEstimates(model, runs, pair, asked, settings);
  return innerEdges(nodes, blocks).map(({ to, from }) => found[to]?.[from] ?? Number.NaN);
}

/** The metric of one prompt for each edge, in the order of receivers and senders. */
export async function edgesOfPrompt(
  model: ModelRunner,
  pair: Pair,
  nodes: readonly Part[],
  settings: Omit<PathSettings, 'freezeMlps'>,
  /** Edges that are measured beside those into the logits; absent: all. */
  some?: readonly EdgePlace[],
): Promise<readonly PathMeasured[]> {
  const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps: true });
  const positions = pair.clean.ids.map((_, position) => position);
  const [senders, receivers] = [sendersAmong(nodes), receiversAmong(nodes, model.facts.blocks)];
  const wanted = new Set(some?.map(({ to, from }) => `${to} ${from}`));
  const only = (sender: Sender, receiver: Receiver): boolean =>
    some === undefined ||
    receiver.input === 'logits' ||
    wanted.has(`${receivers.indexOf(receiver)} ${senders.indexOf(sender)}`);
  const found = await runs.edges({ senders, receivers, positions }, only);
  return found.map((patched) => ({ ...runs.ends, patched }));
}

/** `measured`: by prompt, as `edgesOfPrompt` gives it. Strongest first; without those that do nothing or were not measured. */
export function edgesOf(
  nodes: readonly Part[],
  blocks: Blocks,
  measured: readonly (readonly PathMeasured[])[],
): readonly CircuitEdge[] {
  const edges = receiversAmong(nodes, blocks).flatMap((receiver, to) => {
    const prompts = measured.flatMap((own) => own[to] ?? []);
    return (['embedding', ...nodes] as const).flatMap((sender, from): readonly CircuitEdge[] =>
      reaches(sender, receiver) ? [{ ...edgeName(sender, receiver), weight: effectOf(prompts, from).mean }] : [],
    );
  });
  return edges
    .filter(({ weight }) => Math.abs(weight) >= leastEffect)
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}
