/** The graph of the shared gates, over folded weights. */
import { convolution } from '../../graph/operators/convolution';
import { add, multiply, power, rectify, sigmoid } from '../../graph/operators/elementwise';
import { concat, expand, reshape, slice } from '../../graph/operators/layout';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceMean } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { bilinearGraph, halvedGraph } from '../../module-parts/resize';
import { blankVariance, headsOf, levels, type GateParameters, type Head } from './definition';

function bodyGraph(graph: ModuleGraph, image: Value): Value {
  const [batch, , rows, columns] = image.shape.map(Number) as [number, number, number, number];
  const layer = (x: Value, name: string): Value =>
    rectify(convolution(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), { padding: 1 }));
  const twice = (x: Value, name: string): Value => layer(layer(x, `${name}.1`), `${name}.2`);
  const ones = graph.constant([rows * columns], new Float64Array(rows * columns).fill(1));
  const normal = layerNormalization(reshape(image, [batch, rows * columns]), ones, undefined, blankVariance);
  const skips = [twice(reshape(normal, image.shape), 'body.down1')];
  for (let level = 2; level <= levels; level++) skips.push(twice(halvedGraph(skips.at(-1)!), `body.down${level}`));
  let x = skips[levels - 1]!;
  for (let level = levels - 1; level >= 1; level--) {
    const skip = skips[level - 1]!;
    const doubled = bilinearGraph(graph, x, Number(skip.shape[2]), Number(skip.shape[3]), 'halves');
    x = twice(concat([doubled, skip], 1), `body.up${level}`);
  }
  return sigmoid(convolution(x, graph.weight('body.map.weight'), graph.weight('body.map.bias')));
}

/** What the heads read, [b, G, S, S]; undefined: nothing. */
export function contextGraph(graph: ModuleGraph, parameters: GateParameters): Value | undefined {
  const { context, batch, globals, image } = parameters;
  const shape = [batch, globals, image, image];
  if (context === 'none') return undefined;
  // An output is no input and no constant: one more operation makes it a value of the graph.
  if (context === 'mask') return multiply(graph.input('mask'), 1);
  if (context === 'ones') return expand(graph.constant([1, 1, 1, 1], [1]), shape);
  const map = bodyGraph(graph, graph.input('image'));
  if (context === 'mean') return expand(reduceMean(map, [2, 3]), shape);
  if (context === 'swapped') return concat([slice(map, 0, 1, batch), slice(map, 0, 0, 1)], 0);
  return map;
}

/** A_j and F^_j of one scale, of features [b, C_j, H_j, W_j]. */
export function headGraph(
  graph: ModuleGraph,
  features: Value,
  context: Value | undefined,
  { name, height, width, strength }: Head,
  gate: string,
): { readonly map: Value; readonly gated: Value } {
  const read = context ? concat([features, bilinearGraph(graph, context, height, width, 'halves')], 1) : features;
  const weight = (part: string): readonly [Value, Value] => [
    graph.weight(`${name}.${part}.weight`),
    graph.weight(`${name}.${part}.bias`),
  ];
  const hidden = rectify(convolution(read, ...weight('hidden'), { padding: 1 }));
  const open = sigmoid(convolution(hidden, ...weight('map')));
  const map = strength === 1 ? open : power(open, strength);
  const gated = multiply(features, map);
  return { map, gated: gate === 'residual' ? add(features, gated) : gated };
}

export function gateGraph(graph: ModuleGraph, parameters: GateParameters): Readonly<Record<string, Value>> {
  const context = contextGraph(graph, parameters);
  const outputs: Record<string, Value> = context ? { global: context } : {};
  for (const head of headsOf(parameters)) {
    const features = graph.input(`features${head.scale}`);
    const { map, gated } = headGraph(graph, features, context, head, parameters.gate);
    outputs[`map${head.scale}`] = map;
    outputs[`gated${head.scale}`] = gated;
  }
  return outputs;
}
