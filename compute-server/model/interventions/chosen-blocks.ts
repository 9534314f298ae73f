/** LongHeads and block retrieval on a model: which layers and heads choose, and which models cannot. */
import type { BlockChange } from '../../../models/instrument/changes/block-choice';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { withAttention } from '../../../models/architectures/block-heads';
import type { AttentionSpec } from '../../../models/architectures/attention-spec';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { hasDistanceTerms, hasScoreTerms } from '../../../models/architectures/score-terms';
import type { Rope } from '../../../models/formats/model-description';
import type { BlockRetrieval } from '../../../protocol/interventions/block-retrieval';
import type { LongHeads } from '../../../protocol/interventions/longheads';
import { coversHead } from '../../../protocol/interventions/which';
import { range } from '../run/graphs/runtime-arrays';

/** Those that have attention. */
const layersOf = (model: ModelSpec, { layers }: LongHeads): ReturnType<typeof withAttention> =>
  withAttention(model.blocks).filter(({ index }) => !layers || (index >= layers.start && index < layers.end));

export const longHeadsOf = (model: ModelSpec, one: LongHeads): readonly BlockChange[] =>
  layersOf(model, one).map(({ index, attention }) => ({
    kind: 'blocks',
    layer: index,
    heads: range(0, attention.heads).map(() => true),
    width: one.chunk,
    open: one.budget / one.chunk - 3,
    from: Math.max(one.begin ?? 0, one.budget),
    by: 'summary',
    reindexed: one.budget / one.chunk,
  }));

export function blockRetrievalOf(model: ModelSpec, one: BlockRetrieval): readonly BlockChange[] {
  const changes: BlockChange[] = [];
  for (const { index, attention } of withAttention(model.blocks)) {
    const heads = range(0, attention.heads).map((head) => coversHead(one.heads, index, head));
    if (!heads.includes(true)) continue;
    const { block, open, by, shared } = one;
    changes.push({
      kind: 'blocks',
      layer: index,
      heads,
      width: block,
      open,
      from: 0,
      by,
      ...(shared ? { shared } : {}),
    });
  }
  return changes;
}

export function longHeadsProblem(
  model: ModelSpec,
  one: LongHeads,
  { prefix }: Pick<Sequence, 'prefix'>,
): string | undefined {
  const count = model.blocks.length;
  if (one.layers && one.layers.end > count)
    return `There is no layer ${one.layers.end - 1}: the model has ${count}, from 0.`;
  if (prefix !== undefined) return bothWays;
  for (const { index, attention } of layersOf(model, one)) {
    const problem = unfit(index, attention);
    if (problem !== undefined) return problem;
    const rope = attention.rope === undefined ? undefined : model.ropes[attention.rope];
    if (!rope)
      return `Layer ${index} has no rotary positions, and LongHeads renumbers these. Choose a model with rotary positions.`;
    if (!renumbers(rope))
      return `The rotary form "${rope.scaling.kind}" of layer ${index} changes with the length of the text, so keys cannot be renumbered. Choose a model of another form.`;
  }
  return undefined;
}

export function blockRetrievalProblem(model: ModelSpec, one: BlockRetrieval): string | undefined {
  for (const { layer } of blockRetrievalOf(model, one)) {
    const attention = model.blocks[layer]?.attention;
    const problem = attention && unfit(layer, attention);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Whether a key turns alike in a text of any length. */
export const renumbers = (rope: Rope | undefined): boolean =>
  rope !== undefined && rope.scaling.kind !== 'dynamic' && rope.scaling.kind !== 'longrope';

const bothWays =
  'The prompt is read in both directions, so no block of it is past. Choose a model that reads from left to right.';

/** Why heads of a layer cannot choose blocks of the past, in a sentence; undefined where they can. */
export function unfit(layer: number, attention: AttentionSpec): string | undefined {
  const { causal, window, lateNorms } = attention;
  if (attention.sinks !== undefined)
    return `Layer ${layer} has learned scores beside those of its keys, which blocks are not chosen by. Choose another model.`;
  const part = hasDistanceTerms(attention)
    ? 'adds to its scores what depends on distance'
    : hasScoreTerms(attention)
      ? 'adds to its scores what depends on values'
      : lateNorms && 'norms queries and keys behind their rotation';
  if (part) return `Layer ${layer} ${part}, which blocks are not chosen by. Choose another model.`;
  if (!causal) return `Layer ${layer} reads in both directions, so it has no past of which blocks could be chosen.`;
  return window === undefined
    ? undefined
    : `Layer ${layer} reads a window of ${window} positions, so blocks before it are gone. Choose a model without windows.`;
}
