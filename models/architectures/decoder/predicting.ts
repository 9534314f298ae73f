/** A decoder with a stream that predicts beside that of its text (predicting-stream.ts): each map and norm of a stack is of both streams. */
import type { Names } from '../architecture';
import type { AttentionSpec } from '../attention-spec';
import { ModelError, type BlockSpec, type BranchNorms, type CrossSpec, type ModelSpec } from '../model-spec';
import { isRouted } from '../network-spec';
import type { Linear, Norm } from '../weights-spec';
import type { Stack } from './stack';

const each = (linear: Linear): Linear => ({ ...linear, each: 2 });

const eachNorm = (norm: Norm): Norm => ({ ...norm, each: 2 });

const norms = (branch: BranchNorms): BranchNorms => ({
  ...branch,
  ...(branch.input ? { input: eachNorm(branch.input) } : {}),
  ...(branch.output ? { output: eachNorm(branch.output) } : {}),
  ...(branch.after ? { after: eachNorm(branch.after) } : {}),
});

/** As it is where the layout has no such stream. */
export function withPredictingStream(stack: Stack, names: Names, model: ModelSpec): ModelSpec {
  const { part, layout } = stack;
  const { predicts, mappedBuckets } = layout;
  const { embedding, hiddenSize } = model;
  if (!predicts || !mappedBuckets || !embedding) return model;
  const { buckets, farthest } = mappedBuckets.of(part);
  const blockOf = (block: BlockSpec): BlockSpec => {
    const { index, attention, cross, feedForward, attentionNorms, feedForwardNorms } = block;
    if (!attention || !feedForward || isRouted(feedForward) || typeof layout.layer !== 'string')
      throw new ModelError(
        `Layer ${index} has no attention or no dense network, and a stream that predicts needs both.`,
      );
    const at = names.layer(index, layout.layer).at(layout.attention.prefix);
    const map = at.linear(mappedBuckets.name, hiddenSize, buckets * attention.heads);
    return {
      ...block,
      attention: attentionOf(attention, { map: each(map), buckets, farthest }),
      ...(cross ? { cross: crossOf(cross) } : {}),
      feedForward: { ...feedForward, up: each(feedForward.up), down: each(feedForward.down) },
      attentionNorms: norms(attentionNorms),
      feedForwardNorms: norms(feedForwardNorms),
    };
  };
  const rows = predicts.streams(part);
  return {
    ...model,
    hiddenSize: 2 * hiddenSize,
    embedding: {
      ...embedding,
      // The class takes the last row for the first stream.
      predicts: { table: names.name(`${predicts.table}.weight`), rows, row: rows - 1 },
    },
    blocks: model.blocks.map(blockOf),
    head: { ...model.head, first: hiddenSize },
  };
}

function attentionOf(spec: AttentionSpec, mapped: NonNullable<AttentionSpec['mappedBuckets']>): AttentionSpec {
  const { projection, heads, kvHeads, output } = spec;
  if (projection.kind !== 'separate' || heads !== kvHeads || !spec.causal)
    throw new ModelError(
      'A stream that predicts reads from left to right, by maps of its own for queries, keys and values.',
    );
  const { query, key, value } = projection;
  return {
    ...spec,
    ...{ heads: 2 * heads, kvHeads: 2 * heads },
    projection: { kind: 'predicting', query: each(query), key, value },
    output: each(output),
    mappedBuckets: mapped,
  };
}

/** Both streams read the source, whose keys stand twice. */
function crossOf({ attention, norms: own }: CrossSpec): CrossSpec {
  const { projection, heads, output } = attention;
  if (projection.kind !== 'separate')
    throw new ModelError('Cross-attention of two streams has maps of its own for queries, keys and values.');
  return {
    attention: {
      ...attention,
      ...{ heads: 2 * heads, kvHeads: 2 * heads, twice: true },
      projection: { ...projection, query: each(projection.query) },
      output: each(output),
    },
    norms: norms(own),
  };
}
