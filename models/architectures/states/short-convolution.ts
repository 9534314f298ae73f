/**
 * Gated short convolution (LFM2, arXiv:2511.23404, section 2): y_t = C_t * sum_s w_s (B * x)_(t-s) for each channel, s from 0 to the size
 * of the kernel - 1, * by channel. The value of a channel is x_t, so that its effective attention is the band
 * E_ij = C_i w_(i-j) B_j, of either sign; a bias of the convolution belongs to no position and is not in it. Shown by blocks of channels,
 * the mean of each (`channels.ts`).
 *
 * CausalConvWithState of onnxruntime 1.30 computes it in float32.
 */
import { dimOf, range } from '../../../kernels/graph/operators/dynamic';
import { add, cast, clip, equal, multiply, subtract } from '../../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, slice, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import { reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { linear } from '../layers';
import type { ShortConvolutionSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { convolutionShape, convolved } from './convolution';
import { keysOf, type Effective } from './effective';
import type { StateMixer } from './state-mixer';

/** B and C [b, n, h d], kernels [h d, 1, size]; `reads` [b, h d, 1, past] are the B of earlier positions. */
export function convolutionBand(
  { b, c, kernel }: Readonly<Record<'b' | 'c' | 'kernel', Value>>,
  reads: Value,
  heads: number,
): Effective {
  const [batch = 1, length = 1, channels = 1] = b.shape;
  const size = Number(kernel.shape[2]);
  const all = concat([reads, unsqueeze(transpose(b, [0, 2, 1]), 2)], 3);
  const past = dimOf(reads, -1);
  const queries = range(past, add(past, dimOf(b, 1)), length);
  const keys = range(b.graph.constant('int64', [], [0]), add(past, dimOf(b, 1)), keysOf(b, reads));
  const out = transpose(c, [0, 2, 1]);
  const bands = Array.from({ length: size }, (_, back) => {
    const at = subtract(queries, b.graph.constant('int64', [], [back]));
    // In front of the text there is no key: what is gathered for it meets zeros alone.
    const taken = gather(reshape(all, [batch, channels, keysOf(b, reads)]), clip(at, 0, undefined), 2);
    const weights = multiply(
      reshape(slice(kernel, 2, size - 1 - back, size - back), [channels, 1]),
      multiply(out, taken),
    );
    const blocks = reshape(weights, [batch, heads, Number(channels) / heads, length]);
    const mean = transpose(reduceMean(blocks, [2]), [0, 1, 3, 2]);
    return multiply(mean, cast(equal(unsqueeze(at, 1), keys), 'float32'));
  });
  return { matrix: bands.reduce((sum, band) => add(sum, band)), reads: all };
}

export const shortConvolution: StateMixer<ShortConvolutionSpec> = {
  shapes: ({ convolution }) => ({ convolution: convolutionShape(convolution) }),
  readsShape: ({ convolution }) => [convolution.channels, 1],
  positionsOfState: Infinity,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim, convolution } = spec;
    const { channels, size } = convolution;
    const all = linear(graph, weights, spec.input, x);
    const [b, c, values] = [0, 1, 2].map((at) => slice(all, -1, at * channels, (at + 1) * channels)) as [
      Value,
      Value,
      Value,
    ];
    const { output, state } = convolved(input, convolution, multiply(b, values), past['convolution'], undefined);
    const kernel = weight(graph, weights, convolution.weight, [channels, 1, size]);
    return {
      heads: reshape(multiply(c, output), [...x.shape.slice(0, -1), heads, headDim]),
      states: { convolution: state },
      ...(reads ? { effective: convolutionBand({ b, c, kernel }, reads, heads) } : {}),
    };
  },
};
