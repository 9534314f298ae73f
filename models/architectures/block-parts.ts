/** The parts of a block that its graphs share: the two branches around the residual stream, projections, feed-forward network. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, multiply } from '../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../kernels/graph/operators/layout';
import { latentHeads, latentValues } from './latent';
import { activate, linear, norm } from './layers';
import type { AttentionSpec, BlockSpec, BranchNorms, FeedForwardSpec, ModelSpec } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

export interface BlockBranches {
  /** What the attention branch makes of its input, between the norms; x [..., w]. */
  readonly attention: (x: Value) => Value;
  /** Takes and gives what attention adds to the residual stream. */
  readonly onAttention?: (added: Value) => Value;
  /** Takes and gives the input of the down projection, [..., u]. */
  readonly units?: (inner: Value) => Value;
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
      graph.within('mlp', () => feedForward(graph, block.feedForward, weights, input, branches.units)),
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
    case 'fused-columns': {
      const fused = linear(graph, weights, projection.linear, x);
      const keys = forKeys === x ? fused : linear(graph, weights, projection.linear, forKeys);
      const [first, second] = [heads * headDim, (heads + kvHeads) * headDim];
      return {
        query: split(slice(fused, -1, 0, first), heads),
        key: split(slice(keys, -1, first, second), kvHeads),
        value: split(slice(keys, -1, second, second + kvHeads * headDim), kvHeads),
      };
    }
    case 'fused-heads': {
      const fused = (from: Value): Value =>
        reshape(linear(graph, weights, projection.linear, from), [...rows, heads, 3 * headDim]);
      const ofQuery = fused(x);
      const keys = forKeys === x ? ofQuery : fused(forKeys);
      const part = (of: Value, index: number): Value => slice(of, -1, index * headDim, (index + 1) * headDim);
      return { query: part(ofQuery, 0), key: part(keys, 1), value: part(keys, 2) };
    }
    case 'latent': {
      const { query, key } = latentHeads(graph, projection, heads, weights, x, forKeys);
      return { query, key, value: key };
    }
  }
}

/** What attention adds, [..., n, w], of the outputs of the heads [..., n, h d] side by side. */
export function joinedHeads(graph: GraphBuilder, spec: AttentionSpec, weights: StoredWeights, joined: Value): Value {
  const { projection, output, heads } = spec;
  const values = projection.kind === 'latent' ? latentValues(graph, projection, heads, weights, joined) : joined;
  return linear(graph, weights, output, values);
}

/** The same behind the norms of query and key, before rotation. */
export function normedHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  forKeys: Value = x,
): ProjectedHeads {
  const { query, key, value } = projectHeads(graph, spec, weights, x, forKeys);
  return {
    query: spec.queryNorm ? norm(graph, weights, spec.queryNorm, query) : query,
    key: spec.keyNorm ? norm(graph, weights, spec.keyNorm, key) : key,
    value,
  };
}

function feedForward(
  graph: GraphBuilder,
  spec: FeedForwardSpec,
  weights: StoredWeights,
  x: Value,
  units: (inner: Value) => Value = (inner) => inner,
): Value {
  const up = linear(graph, weights, spec.up, x);
  const inner = spec.gate
    ? multiply(activate(spec.activation, linear(graph, weights, spec.gate, x)), up)
    : activate(spec.activation, up);
  return linear(graph, weights, spec.down, units(inner));
}
