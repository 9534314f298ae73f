/** The parts of a block that its graphs share: the two branches around the residual stream, projections, feed-forward network. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, multiply } from '../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../kernels/graph/operators/layout';
import { routedNetworks } from './experts';
import { latentHeads, latentValues } from './latent';
import { gainOf, held, innerOf, linear, norm } from './layers';
import {
  isRouted,
  type AttentionSpec,
  type BlockSpec,
  type BranchNorms,
  type FeedForwardSpec,
  type ModelSpec,
  type Norm,
} from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

export interface BlockBranches {
  /** What the attention branch makes of its input, between the norms; x [..., w]. */
  readonly attention: (x: Value) => Value;
  /** Takes and gives what attention adds to the residual stream. */
  readonly onAttention?: (added: Value) => Value;
  /** Takes and gives the input of the down projection, [..., u]. */
  readonly units?: (inner: Value) => Value;
  /** Experts that no row chose are computed too and count 0: for graphs that are differentiated. */
  readonly everyExpert?: boolean;
  /** Takes and gives what the feed-forward network adds to the residual stream. */
  readonly network?: (added: Value) => Value;
}

/** The residual stream that leaves a block, of the one that enters it. */
export function blockOutput(
  graph: GraphBuilder,
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  residual: Value,
  branches: BlockBranches,
): Value {
  const branch = (x: Value, norms: BranchNorms, compute: (x: Value) => Value): Value => {
    const input = norms.input ? norm(graph, weights, norms.input, x) : x;
    const output = compute(input);
    const normed = norms.output ? norm(graph, weights, norms.output, output) : output;
    return norms.gain === undefined ? normed : multiply(normed, weight(graph, weights, norms.gain, [model.hiddenSize]));
  };
  const join = (x: Value, output: Value, norms: BranchNorms): Value => {
    const sum = add(x, output);
    return norms.after ? norm(graph, weights, norms.after, sum) : sum;
  };
  const attention = (x: Value): Value => {
    const output = branch(x, block.attentionNorms, (input) =>
      graph.within('attention', () => branches.attention(input)),
    );
    return branches.onAttention?.(output) ?? output;
  };
  const network = (x: Value): Value => {
    const computed = branch(x, block.feedForwardNorms, (input) =>
      graph.within('mlp', () =>
        isRouted(block.feedForward)
          ? routedNetworks(graph, block.feedForward, weights, input, {
              network: (own, spec, rows) => feedForward(own, spec, weights, rows),
              every: branches.everyExpert === true,
            })
          : feedForward(graph, block.feedForward, weights, input, branches.units),
      ),
    );
    return branches.network?.(computed) ?? computed;
  };
  if (block.parallel) return add(residual, add(attention(residual), network(residual)));
  const middle = join(residual, attention(residual), block.attentionNorms);
  return join(middle, network(middle), block.feedForwardNorms);
}

export interface ProjectedHeads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

const usualOrder = ['query', 'key', 'value'] as const;

/** From x [b, n, w]: query [b, n, h, d], key and value [b, n, g, d]; key and value from another stream where it is given. */
function projectHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  forKeys: Value = x,
): ProjectedHeads {
  const { heads, kvHeads, headDim, projection } = spec;
  const rows = x.shape.slice(0, -1);
  const split = (y: Value, count: number): Value => reshape(y, [...rows, count, headDim]);
  switch (projection.kind) {
    case 'separate':
      return {
        query: split(linear(graph, weights, projection.query, x), heads),
        key: split(linear(graph, weights, projection.key, forKeys), kvHeads),
        value: split(linear(graph, weights, projection.value, forKeys), kvHeads),
      };
    case 'fused': {
      const { groups, order = usualOrder } = projection;
      const counts = { query: heads, key: kvHeads, value: kvHeads };
      const width = (heads + 2 * kvHeads) * headDim;
      const fused = (from: Value): Value => {
        const all = linear(graph, weights, projection.linear, from);
        return groups === 1 ? all : reshape(all, [...rows, groups, width / groups]);
      };
      const ofQuery = fused(x);
      const ofKeys = forKeys === x ? ofQuery : fused(forKeys);
      let at = 0;
      const parts = order.map((kind) => {
        const start = at;
        at += (counts[kind] * headDim) / groups;
        const part = split(slice(kind === 'query' ? ofQuery : ofKeys, -1, start, at), counts[kind]);
        const bias = kind === 'key' ? undefined : projection.biases?.[kind];
        if (bias === undefined) return [kind, part] as const;
        const stored = weight(graph, weights, bias, [counts[kind] * headDim]);
        return [kind, add(part, reshape(stored, [counts[kind], headDim]))] as const;
      });
      return Object.fromEntries(parts) as Record<'query' | 'key' | 'value', Value>;
    }
    case 'latent': {
      const { query, key } = latentHeads(graph, projection, heads, weights, x, forKeys);
      return { query, key, value: key };
    }
  }
}

/** What attention adds, [..., n, w], of the outputs of the heads [..., n, h d] side by side. */
export function joinedHeads(graph: GraphBuilder, spec: AttentionSpec, weights: StoredWeights, joined: Value): Value {
  const { projection, output, heads, outputNorm } = spec;
  const values = projection.kind === 'latent' ? latentValues(graph, projection, heads, weights, joined) : joined;
  return linear(graph, weights, output, outputNorm ? norm(graph, weights, outputNorm, values) : values);
}

/** Queries, keys and values behind the norms of query and key, before rotation; late norms lack their gain here (`lateGains`). */
export function normedHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  forKeys: Value = x,
): ProjectedHeads {
  const { query, key, value } = projectHeads(graph, spec, weights, x, forKeys);
  const { clip, headDim, lateNorms } = spec;
  const normed = (heads: Value, of: Norm | undefined): Value => {
    if (!of) return heads;
    if (lateNorms) return norm(graph, weights, { ...of, weight: undefined }, heads);
    if (of.size === headDim) return norm(graph, weights, of, heads);
    const whole = reshape(heads, [...heads.shape.slice(0, -2), of.size]);
    return reshape(norm(graph, weights, of, whole), heads.shape);
  };
  const bounded = (heads: Value): Value => (clip === undefined ? heads : held(heads, clip));
  return {
    query: bounded(normed(query, spec.queryNorm)),
    key: bounded(normed(key, spec.keyNorm)),
    value: bounded(value),
  };
}

/**
 * What rotated queries and keys are multiplied by, [d], where their norms come after the rotation: it changes no root mean square, so
 * that the rest of such a norm stands before it.
 */
export function lateGains(
  graph: GraphBuilder,
  { lateNorms, queryNorm, keyNorm }: AttentionSpec,
  weights: StoredWeights,
): { readonly query?: Value; readonly key?: Value } {
  if (!lateNorms || !queryNorm || !keyNorm) return {};
  return { query: gainOf(graph, weights, queryNorm), key: gainOf(graph, weights, keyNorm) };
}

function feedForward(
  graph: GraphBuilder,
  spec: FeedForwardSpec,
  weights: StoredWeights,
  x: Value,
  units: (inner: Value) => Value = (inner) => inner,
): Value {
  const { innerNorm } = spec;
  const gate = spec.gate && linear(graph, weights, spec.gate, x);
  const inner = innerOf(graph, weights, spec, linear(graph, weights, spec.up, x), gate);
  return linear(graph, weights, spec.down, units(innerNorm ? norm(graph, weights, innerNorm, inner) : inner));
}
