/** Multi-head attention with its four projections, the usual token mixer: what a module is timed against. */
import { GraphBuilder } from '../graph/builder';
import type { Graph } from '../graph/graph';
import { multiHeadAttention } from '../graph/operators/attention';
import type { Value } from '../graph/records';
import type { PlainAttention, Tensors } from '../module';
import type { Precision } from '../shape';
import { normalTensor, seedFor } from '../tensors/random';
import type { Tensor } from '../tensors/tensor';
import { attention, joinHeads, linear, splitHeads } from './layers';
import { linearLayer } from './graph';

/** The most heads of width 32 or more that divide the width. */
export function headsFor(width: number): number {
  for (let heads = Math.floor(width / 32); heads > 1; heads--) if (width % heads === 0) return heads;
  return 1;
}

const layers = ['query', 'key', 'value', 'output'] as const;

/** Queries read one set of tokens; keys and values another where their number differs. */
const isCross = ({ queries, keys }: PlainAttention): boolean => queries !== keys;

export function plainInputs(plain: PlainAttention, seed: number): Tensors {
  const { batch, queries, keys, width } = plain;
  const tokens = (name: string, count: number) => normalTensor([batch, count, width], seedFor(seed, name));
  return { tokens: tokens('tokens', queries), ...(isCross(plain) ? { read: tokens('read', keys) } : {}) };
}

/** Four matrices [width, width] and their biases, by layer. */
export const plainWeights = ({ width }: PlainAttention, seed: number): Tensors =>
  Object.fromEntries(
    layers.flatMap((name) => [
      [`${name}.weight`, normalTensor([width, width], seedFor(seed, name), 1 / Math.sqrt(width))],
      [`${name}.bias`, normalTensor([width], seedFor(seed, `${name} bias`), 0.1)],
    ]),
  );

export function plainGraph(plain: PlainAttention, precision: Precision, weights: Tensors): Graph {
  const { batch, queries, keys, width, heads } = plain;
  const builder = new GraphBuilder('plain-attention');
  const tokens = builder.input('tokens', precision, [batch, queries, width]);
  const read = isCross(plain) ? builder.input('read', precision, [batch, keys, width]) : tokens;
  const constant = (name: string): Value => {
    const { shape, data } = weights[name]!;
    return builder.constant(precision, shape, data, name);
  };
  const layer = (x: Value, name: string): Value => linearLayer(x, constant(`${name}.weight`), constant(`${name}.bias`));
  const mixed = multiHeadAttention(layer(tokens, 'query'), layer(read, 'key'), layer(read, 'value'), { heads });
  builder.output(layer(mixed, 'output'), 'output');
  return builder.finish();
}

export function plainReference(plain: PlainAttention, inputs: Tensors, weights: Tensors): Tensor {
  const { width, heads } = plain;
  const tokens = inputs['tokens']!;
  const read = inputs['read'] ?? tokens;
  const layer = (x: Tensor, name: string): Tensor => linear(x, weights[`${name}.weight`]!, weights[`${name}.bias`]);
  const split = (x: Tensor): Tensor => splitHeads(x, heads);
  const { output } = attention(
    split(layer(tokens, 'query')),
    split(layer(read, 'key')),
    split(layer(read, 'value')),
    1 / Math.sqrt(width / heads),
  );
  return layer(joinHeads(output), 'output');
}

/** Multiply-adds: b (2 n + 2 m) C^2 + 2 b n m C. */
export const plainMultiplyAdds = ({ batch, queries: n, keys: m, width: c }: PlainAttention): number =>
  batch * ((2 * n + 2 * m) * c * c + 2 * n * m * c);
