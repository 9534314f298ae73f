/** What a block has in the place where most have attention: its heads, and what to say where something is asked of attention alone. */
import type { MarkRule } from '../formats/families/shared/computation';
import type { AttentionSpec } from './attention-spec';
import { ModelError, type BlockSpec, type ModelSpec } from './model-spec';
import type { StateKind } from './state-spec';

export interface HeadSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * The heads that gains act on, and whose outputs `attention.head_output` has: those of attention, else those of the recurrence, which
 * has no key/value heads; none where a block has neither.
 */
export function headsOf({ attention, state }: Pick<BlockSpec, 'attention' | 'state'>): HeadSizes {
  if (attention) return attention;
  return { heads: state?.heads ?? 0, kvHeads: 0, headDim: state?.headDim ?? 0 };
}

const stateWords: Readonly<Record<StateKind, string>> = {
  'gated-delta': 'a gated delta rule',
  gla: 'gated linear attention',
  mamba2: 'a Mamba-2 recurrence',
  mamba: 'a Mamba recurrence',
  'rg-lru': 'an RG-LRU',
  lightning: 'a recurrence of lightning attention',
  'short-convolution': 'a short convolution',
  wkv: 'an RWKV recurrence',
  wkv6: 'an RWKV-6 recurrence',
};

/** A sentence about a block without attention; undefined where it has attention. */
export function withoutAttention({ index, attention, state, fourier }: BlockSpec): string | undefined {
  if (attention) return undefined;
  const other = state ? stateWords[state.kind] : fourier ? 'a Fourier transform' : 'a feed-forward network';
  return `Layer ${index} has ${other} and no attention.`;
}

type UnnamedParts = Pick<
  BlockSpec,
  'attention' | 'adapter' | 'convolved' | 'bottleneck' | 'shortcut' | 'altUp' | 'narrow' | 'vector' | 'shared'
>;

/**
 * A part of a block that no tap names and that is not known from what enters and leaves it, so that what the block adds is not divided among
 * its parts; undefined if there is none.
 */
export function undividedPart({
  attention,
  adapter,
  convolved,
  bottleneck,
  altUp,
  narrow,
}: UnnamedParts): string | undefined {
  if (attention?.groups)
    return 'The model joins neighbouring tokens between its blocks, so what a layer adds to one token cannot be split among its heads.';
  if (attention?.mappedBuckets)
    return 'A row of the model has two streams, of the text and of what it predicts, and a layer reads both, so what it adds cannot be split among its heads.';
  if (bottleneck)
    return 'The model narrows its stream in each layer and adds the output of several networks through one map, so what a layer adds cannot be split among its heads.';
  const part = adapter
    ? 'a network for each language'
    : convolved
      ? 'a convolution of its stream'
      : (altUp ?? narrow)
        ? 'several streams, mixed before and'
        : undefined;
  return part && notApart(part);
}

/** Whether a block adds to its stream what no tap names, which is what is left of the stream that leaves it. */
export const addsBeside = ({ shortcut, vector }: UnnamedParts): boolean => shortcut === 'joins' || vector !== undefined;

/** A part of a block that no tap names, so that the weights of its attention do not say what its heads add to the stream. */
export function unnamedPart(block: UnnamedParts): string | undefined {
  const { shared, shortcut, vector } = block;
  if (shared)
    return 'The attention of the model writes into the input of its recurrences and not into the stream, so the stream cannot be split among heads.';
  const part = shortcut ? 'the sum of experts of another layer' : vector ? 'a vector of the token' : undefined;
  return undividedPart(block) ?? (part && notApart(part));
}

const notApart = (part: string): string =>
  `The model has ${part} after a layer, so what the layer adds cannot be split among its heads.`;

/** The attention of a block for what is made of scores, or of queries, keys and values. */
export function attentionIn(block: BlockSpec): AttentionSpec {
  if (block.attention) return block.attention;
  throw new ModelError(`${withoutAttention(block) ?? ''} Choose a layer that has attention.`);
}

/** Blocks that have attention. */
export const withAttention = (
  blocks: readonly BlockSpec[],
): readonly (BlockSpec & { readonly attention: AttentionSpec })[] =>
  blocks.filter((block): block is BlockSpec & { readonly attention: AttentionSpec } => block.attention !== undefined);

/** Whether rows read later rows. */
export const readsBothWays = ({ blocks }: Pick<ModelSpec, 'blocks'>): boolean =>
  blocks.some(({ attention, fourier = false }) => fourier || attention?.causal === false);

const markedWords: Readonly<Record<MarkRule['kind'], string>> = {
  first: 'The first token reads all tokens and is read by all',
  question: 'The tokens in front of the first separator read all tokens and are read by all',
  text: 'The tokens behind the first two separators read all tokens and are read by all',
};

/**
 * What a person should know before looking at the heads of a model with other mixers, with groups of tokens, or with marked tokens; undefined
 * if it has none of them.
 */
export function noteOfHeads({ blocks, marks }: Pick<ModelSpec, 'blocks' | 'marks'>): string | undefined {
  const twice = blocks.find(({ attention }) => attention?.mappedBuckets)?.attention?.heads;
  if (twice !== undefined)
    return `Each row has two streams: one of the text, and one that predicts the next token. The first ${twice / 2} of the ${twice} heads of a layer are those of the predicting stream, the others the same heads in that of the text. A predicting row also reads itself, which maps leave out.`;
  const recurrent = blocks.filter(({ state }) => state !== undefined);
  const alone = recurrent.filter(({ attention }) => attention === undefined);
  if (blocks.some(({ fourier }) => fourier))
    return 'Its layers have a Fourier transform instead of attention, with no learned weights. It has no heads, and questions about heads are refused.';
  if (blocks.some(({ attention }) => attention?.groups))
    return 'Its blocks join neighbouring tokens into groups. All tokens of a group share one row, and attention to a group is shown at its first token. Tokens at the end may be left out.';
  if (marks)
    return `${markedWords[marks.kind]}, through projections of their own. Other tokens read their neighbours besides.`;
  if (recurrent.length === 0) return undefined;
  const have = (count: number): string =>
    `${count} of its ${blocks.length} layers ${count === 1 ? 'has' : 'have'} a recurrence`;
  if (alone.length === 0)
    return `${have(recurrent.length)} beside attention: heads are those of attention, and the recurrence is run with them.`;
  return `${have(alone.length)} in place of attention. Heads there have no probabilities, so statistics of probabilities leave them out. Their maps are effective attention, which may be below 0.`;
}
