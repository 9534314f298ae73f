/** A TransNormerLLM layer in a graph (definition.ts has the equations). */
import { add, cast, cosine, elu, multiply, sigmoid, sine } from '../../graph/operators/elementwise';
import { concat, reshape, slice, transpose } from '../../graph/operators/layout';
import { rmsNormalization } from '../../graph/operators/normalize';
import type { Value } from '../../graph/records';
import { decayedBlocks } from '../../mechanisms/lightning/blocks';
import type { ModuleGraph } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { normEpsilon } from './definition';
import { headWidth, slopesOf, type TnlParameters } from './parameters';

function simpleNorm(graph: ModuleGraph, x: Value): Value {
  const width = Number(x.shape.at(-1));
  return rmsNormalization(x, graph.constant([width], new Float64Array(width).fill(1)), normEpsilon);
}

function active(x: Value, { features }: TnlParameters): Value {
  if (features === 'swish') return multiply(x, sigmoid(x));
  return features === 'elu + 1' ? add(elu(x), 1) : x;
}

/** Angles theta t [H, n, d], in float32 whatever the format of the graph: t times the rounding of half a format is far too much. */
function turns(graph: ModuleGraph, { tokens }: TnlParameters): (x: Value) => Value {
  const theta = cast(graph.weight('token_mixer.lrpe.theta'), 'float32');
  const positions = theta.graph.constant(
    'float32',
    [tokens, 1],
    Array.from({ length: tokens }, (_, t) => t),
  );
  const angles = multiply(theta, positions);
  const [cosines, sines] = [cosine(angles), sine(angles)].map((x) => cast(x, graph.precision)) as [Value, Value];
  return (x) => concat([multiply(x, cosines), multiply(x, sines)], 3);
}

export function tnlGraph(graph: ModuleGraph, parameters: TnlParameters): Value {
  const { batch, tokens, heads, hidden, rotation, block, form, gate } = parameters;
  const layer = (x: Value, name: string): Value => linearLayer(x, graph.weight(`${name}.weight`));
  const x = graph.input('x');
  const all = layer(simpleNorm(graph, x), 'token_mixer.qkvu_proj');
  const part = (at: number): Value => slice(all, 2, at * hidden, (at + 1) * hidden);
  const d = headWidth(parameters);
  const apart = (z: Value): Value => transpose(reshape(z, [batch, tokens, heads, d]), [0, 2, 1, 3]);
  const turned = rotation ? turns(graph, parameters) : (z: Value): Value => z;
  const mask = reshape(graph.input('mask'), [batch, tokens, 1]);
  const [query, key] = [0, 1].map((at) => turned(apart(active(part(at), parameters)))) as [Value, Value];
  const value = apart(multiply(part(2), mask));
  const shape = {
    pattern: 'causal-self',
    batch,
    heads,
    kvHeads: heads,
    queries: tokens,
    keys: tokens,
    headDim: Number(key.shape[3]),
    valueDim: d,
  } as const;
  const attention = decayedBlocks(query, key, value, shape, { block, form, slopes: slopesOf(parameters) });
  const output = simpleNorm(graph, reshape(transpose(attention, [0, 2, 1, 3]), [batch, tokens, hidden]));
  const between = add(x, layer(gate ? multiply(output, part(3)) : output, 'token_mixer.out_proj'));
  const u = simpleNorm(graph, between);
  const inner = multiply(layer(u, 'channel_mixer.l1'), layer(u, 'channel_mixer.l2'));
  return add(between, layer(inner, 'channel_mixer.l3'));
}
