/** The parts of a block that its graphs share: the two branches around the residual stream, projections, feed-forward network. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import {
  add,
  cast,
  divide,
  floor,
  logarithm,
  multiply,
  rectify,
  sigmoid,
  squareRoot,
  subtract,
} from '../../kernels/graph/operators/elementwise';
import { pad, reshape, slice } from '../../kernels/graph/operators/layout';
import type { HeadRows } from './carried-rows';
import { reduceMean } from '../../kernels/graph/operators/reduce';
import { convolvedStream } from './convolved-stream';
import { differences, pairedHeads } from './differential';
import { routedNetworks } from './experts';
import { expertHeads, type ExpertOutputs } from './head-experts';
import { latentHeads, latentValues } from './latent';
import { fourierTransform } from './fourier-transform';
import { gainOf, held, innerOf, linear, linears, norm } from './layers';
import { joinedHalves, markedHeads } from './marked-tokens';
import type { AttentionSpec } from './attention-spec';
import type { NarrowSpec } from './carried-spec';
import { ModelError, type BlockSpec, type BranchNorms, type CrossSpec, type ModelSpec } from './model-spec';
import { isRouted, type FeedForwardSpec } from './network-spec';
import type { Norm, NormedMap } from './weights-spec';
import { predictingHeads, type OwnReading } from './predicting-stream';
import type { RouterBranches } from './router';
import { channelMixing } from './states/channel-mixing';
import { joinedRows } from './token-groups';
import { weight, type StoredWeights } from './stored-weights';

export interface BlockBranches {
  /** What the mixer of the block makes of its input, between the norms; x [..., w]. Not called where the block has none. */
  readonly mixer: (x: Value) => Value;
  /** In a layer that reads a shared block: what that block adds to the input of the mixer; x is the stream. */
  readonly shared?: (x: Value) => Value;
  /** Takes and gives what the mixer adds to the residual stream: zeros where the block has none. */
  readonly onAttention?: (added: Value) => Value;
  /** What cross-attention makes of its input, in a block that has it. */
  readonly cross?: (x: Value) => Value;
  /** Takes and gives what cross-attention adds to the residual stream. */
  readonly onCross?: (added: Value) => Value;
  /** Takes and gives the input of the down projection, [..., u]. */
  readonly units?: (inner: Value) => Value;
  /** Experts that no row chose are computed too and count 0: for graphs that are differentiated. */
  readonly everyExpert?: boolean;
  /** What happens inside a router. */
  readonly router?: RouterBranches | undefined;
  /** What a block that joins the shortcut adds to the stream that leaves it. */
  readonly joining?: Value | undefined;
  /** Takes what a block leaves for the shortcut. */
  readonly leaving?: (sum: Value) => void;
  /** Takes and gives what the feed-forward network adds to the residual stream: zeros where the block has none. */
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
    const { gain, scalar } = norms;
    const gained = gain === undefined ? normed : multiply(normed, weight(graph, weights, gain, [model.hiddenSize]));
    return scalar === undefined ? gained : multiply(gained, weight(graph, weights, scalar, [1]));
  };
  const join = (x: Value, output: Value, norms: BranchNorms): Value => {
    const sum = add(carried(graph, weights, norms, x), output);
    return norms.after ? norm(graph, weights, norms.after, sum) : sum;
  };
  const mixed = (block.attention ?? block.state ?? block.fourier) !== undefined;
  const mixer = (x: Value): Value => (block.fourier ? fourierTransform(graph, x) : branches.mixer(x));
  const zeros = (x: Value): Value => multiply(x, 0);
  const attention = (x: Value): Value => {
    const { shared } = branches;
    if (block.shared && !shared) throw new RangeError(`the shared block of layer ${block.index} is left out`);
    const output = mixed
      ? branch(block.shared && shared ? add(x, shared(x)) : x, block.attentionNorms, (input) =>
          graph.within('attention', () => mixer(input)),
        )
      : zeros(x);
    return branches.onAttention?.(output) ?? output;
  };
  const cross = ({ norms }: CrossSpec, x: Value): Value => {
    const { cross: compute, onCross } = branches;
    if (!compute) throw new RangeError(`the cross-attention of layer ${block.index} is left out`);
    const output = branch(x, norms, (input) => graph.within('cross', () => compute(input)));
    return onCross?.(output) ?? output;
  };
  const { feedForward: inner } = block;
  const network = (x: Value): Value => {
    if (!inner) return branches.network?.(zeros(x)) ?? zeros(x);
    const computed = branch(x, block.feedForwardNorms, (input) =>
      graph.within('mlp', () =>
        isRouted(inner)
          ? routedNetworks(graph, inner, weights, input, {
              network: (own, spec, rows) => feedForward(own, spec, weights, rows),
              every: branches.everyExpert === true,
              router: branches.router,
              apart: block.shortcut === 'leaves' ? (sum) => shortcutOf(block, branches.leaving)(sum) : undefined,
            })
          : feedForward(graph, inner, weights, input, branches.units),
      ),
    );
    return branches.network?.(computed) ?? computed;
  };
  if (block.parallel) return add(residual, add(attention(residual), network(residual)));
  const { bottleneck } = block;
  const groups = block.attention?.groups;
  const entering = bottleneck
    ? normedMap(graph, weights, bottleneck.enter, residual)
    : groups && groups.level > groups.from
      ? joinedRows(graph, groups, residual)
      : residual;
  const joined = mixed || branches.onAttention ? join(entering, attention(residual), block.attentionNorms) : entering;
  const read = block.narrow ? besideAttention(graph, weights, block, block.narrow, residual, joined) : joined;
  const crossed = block.cross ? join(read, cross(block.cross, read), block.cross.norms) : read;
  const middle = (bottleneck?.networks ?? []).reduce(
    (x, one) => join(x, feedForward(graph, one.network, weights, x), one.norms),
    crossed,
  );
  const out = inner || branches.network ? join(middle, network(middle), block.feedForwardNorms) : middle;
  const { adapter } = block;
  const whole = block.shortcut === 'joins' ? add(out, shortcutOf(block, branches.joining)) : out;
  const adapted = adapter ? join(whole, feedForward(graph, adapter.network, weights, whole), adapter.norms) : whole;
  const left = bottleneck
    ? norm(
        graph,
        weights,
        bottleneck.leave.norm,
        add(residual, linear(graph, weights, bottleneck.leave.linear, adapted)),
      )
    : adapted;
  return block.convolved ? convolvedStream(graph, block.convolved, weights, residual, left) : left;
}

const normedMap = (graph: GraphBuilder, weights: StoredWeights, of: NormedMap, x: Value): Value =>
  norm(graph, weights, of.norm, linear(graph, weights, of.linear, x));

/** What a graph has for the shortcut of its block. */
function shortcutOf<T>({ index }: BlockSpec, given: T | undefined): T {
  if (given === undefined) throw new RangeError(`the shortcut of layer ${index} is left out`);
  return given;
}

/** The stream after attention and the narrow map beside it; the map reads what attention reads. */
function besideAttention(
  graph: GraphBuilder,
  weights: StoredWeights,
  { attentionNorms }: BlockSpec,
  { down, up, norm: by }: NarrowSpec,
  residual: Value,
  joined: Value,
): Value {
  const x = attentionNorms.input ? norm(graph, weights, attentionNorms.input, residual) : residual;
  const narrow = norm(graph, weights, by, linear(graph, weights, up, linear(graph, weights, down, x)));
  return multiply(add(joined, add(x, narrow)), Math.SQRT1_2);
}

/** The stream [..., w] as a branch is added to it. */
export function carried(graph: GraphBuilder, weights: StoredWeights, { carry, scalar }: BranchNorms, x: Value): Value {
  if (scalar !== undefined) return multiply(x, weight(graph, weights, scalar, [1]));
  return carry === undefined ? x : multiply(x, weight(graph, weights, carry, [Number(x.shape.at(-1))]));
}

export interface ProjectedHeads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** What multiplies the outputs of heads, [..., n, h, d], where they are gated. */
  readonly gate?: Value;
  /** What rows of a stream that predicts read of themselves. */
  readonly own?: OwnReading;
  /** Where queries and outputs are of experts (MixtureProjection). */
  readonly experts?: ExpertOutputs;
}

const usualOrder = ['query', 'key', 'value'] as const;

/** What projections read besides the stream. */
interface ProjectionInputs {
  /** The stream that keys and values are made of; absent: that of the queries. */
  readonly forKeys?: Value;
  /** Keys and values of an earlier layer. */
  readonly handed?: HeadRows | undefined;
  /** Experts that no row chose are computed too (BlockBranches). */
  readonly every?: boolean;
  /** 1 at the tokens that are marked, else 0, [n]. */
  readonly marks?: Value | undefined;
}

/** From x [b, n, w]: query [b, n, h, d], key and value [b, n, g, d]. */
function projectHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  { forKeys = x, handed, every = false, marks }: ProjectionInputs,
): ProjectedHeads {
  const { heads, kvHeads, headDim, projection } = spec;
  const rows = x.shape.slice(0, -1);
  const split = (y: Value, count: number): Value => reshape(y, [...rows, count, headDim]);
  switch (projection.kind) {
    case 'separate': {
      const { shared } = projection;
      const through = (from: Value): Value => (shared ? normedMap(graph, weights, shared, from) : from);
      const queried = through(x);
      const [ofQuery, ofKey, ofValue] = linears(
        graph,
        weights,
        [projection.query, projection.key, projection.value],
        [queried, forKeys === x ? queried : through(forKeys), forKeys],
      ) as [Value, Value, Value];
      const both = spec.gated && reshape(ofQuery, [...rows, heads, 2 * headDim]);
      return {
        query: both ? slice(both, -1, 0, headDim) : split(ofQuery, heads),
        ...(both ? { gate: sigmoid(slice(both, -1, headDim)) } : {}),
        key: split(ofKey, kvHeads),
        value: widened(spec, ofValue, rows),
      };
    }
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
    case 'beside': {
      const both = reshape(linear(graph, weights, projection.keysAndValues, forKeys), [...rows, kvHeads, 2 * headDim]);
      return {
        query: split(linear(graph, weights, projection.query, x), heads),
        key: slice(both, -1, 0, headDim),
        value: slice(both, -1, headDim),
      };
    }
    case 'handed':
      if (!handed) throw new RangeError(`the keys of layer ${projection.layer} are left out`);
      return { query: split(linear(graph, weights, projection.query, x), heads), ...handed };
    case 'paired':
      return pairedHeads(graph, spec, projection, weights, x);
    case 'marked':
      if (!marks)
        throw new ModelError(
          'Queries, keys and values of a token depend on whether it is marked, which its stream does not say. Choose another model.',
        );
      return markedHeads(graph, spec, projection, weights, x, forKeys, marks);
    case 'predicting':
      return predictingHeads(graph, spec, projection, weights, x);
    case 'mixture':
      return expertHeads(graph, spec, projection, weights, x, forKeys, every);
    case 'latent': {
      const { query, key } = latentHeads(graph, projection, heads, weights, x, forKeys);
      return { query, key, value: key };
    }
  }
}

/** Values [..., n, g d] by head, [..., n, g, d]; values narrower than d are padded with zeros. */
function widened({ kvHeads, headDim, valueDim = headDim }: AttentionSpec, values: Value, rows: Value['shape']): Value {
  const own = reshape(values, [...rows, kvHeads, valueDim]);
  return valueDim === headDim ? own : pad(own, -1, 0, headDim - valueDim);
}

/** Outputs of heads [..., n, h d] without the padding of narrow values. */
function narrowed({ heads, headDim, valueDim = headDim }: AttentionSpec, joined: Value): Value {
  if (valueDim === headDim) return joined;
  const rows = joined.shape.slice(0, -1);
  return reshape(slice(reshape(joined, [...rows, heads, headDim]), -1, 0, valueDim), [...rows, heads * valueDim]);
}

/** What attention adds, [..., n, w], of the outputs of the heads [..., n, h d] side by side. */
export function joinedHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  joined: Value,
  experts?: ExpertOutputs,
): Value {
  const { projection, output, heads, outputNorm, differential } = spec;
  if (experts) return experts(joined);
  const values = differential
    ? differences(graph, spec, differential, weights, joined)
    : projection.kind === 'latent'
      ? latentValues(graph, projection, heads, weights, joined)
      : projection.kind === 'marked'
        ? joinedHalves(spec, joined)
        : narrowed(spec, joined);
  return linear(graph, weights, output, outputNorm ? norm(graph, weights, outputNorm, values) : values);
}

/** Queries, keys and values behind the norms of query and key, before rotation; late norms lack their gain here (`lateGains`). */
export function normedHeads(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  inputs: ProjectionInputs = {},
): ProjectedHeads {
  const { query, key, value, ...beside } = projectHeads(graph, spec, weights, x, inputs);
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
    value: bounded(normed(value, spec.valueNorm)),
    ...beside,
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

/** Factor on each query, [n, 1], of positions [n]; undefined where there is none. */
export function temperedGains({ tempered }: AttentionSpec, positions: Value | undefined): Value | undefined {
  if (!tempered) return undefined;
  if (!positions) throw new RangeError('queries that are scaled by their position need it');
  const { by, every, from } = tempered;
  const steps = floor(divide(add(cast(positions, 'float32'), from), every));
  return reshape(add(multiply(logarithm(add(steps, 1)), by), 1), [positions.shape[0] ?? 1, 1]);
}

/** How far each number of x [..., u] is above the mean of its row plus so many standard deviations; 0 below. */
function aboveThreshold(x: Value, deviations: number): Value {
  const apart = subtract(x, reduceMean(x, [-1]));
  const deviation = squareRoot(reduceMean(multiply(apart, apart), [-1]));
  return rectify(subtract(apart, multiply(deviation, deviations)));
}

export function feedForward(
  graph: GraphBuilder,
  spec: FeedForwardSpec,
  weights: StoredWeights,
  x: Value,
  units: (inner: Value) => Value = (inner) => inner,
): Value {
  const { innerNorm, mixing, threshold } = spec;
  const mixed = mixing && channelMixing(graph, mixing, weights, x);
  const read = mixed?.up ?? x;
  const [up, gated] = spec.gate
    ? (linears(graph, weights, [spec.gate, spec.up], [x, read]).toReversed() as [Value, Value])
    : [linear(graph, weights, spec.up, read)];
  const gate = gated && threshold !== undefined ? aboveThreshold(gated, threshold) : gated;
  const inner = innerOf(graph, weights, spec, up, gate);
  const given = linear(graph, weights, spec.down, units(innerNorm ? norm(graph, weights, innerNorm, inner) : inner));
  return mixed ? multiply(given, mixed.gate) : given;
}
