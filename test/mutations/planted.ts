/**
 * Whole errors that once stayed unseen, which no single change of the others makes. Each stands for an expression of kernels/
 * given by its text; the runner reports one that is no longer there, so that the list stays true.
 */
export interface ByHand {
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

export const byHand: readonly ByHand[] = [
  // BiFormer's regions of a grid as a plain reshape: positions in their order.
  {
    file: 'kernels/mechanisms/biformer/regions.ts',
    text: 'row * columns + (own % splits) * width + (inside % width)',
    instead: 'at',
  },
  // The causal leader of neighborhood attention without its stride.
  { file: 'kernels/mechanisms/gna/axis.ts', text: 'Math.min(first + stride - 1, n - 1)', instead: 'i' },
  // A non-causal window of S2-Attention one block too wide.
  {
    file: 'kernels/mechanisms/s2-attention/pattern.ts',
    text: 'Math.max(0, queryBlock - keyBlock - pattern.localBlocks + 1)',
    instead: 'Math.max(0, queryBlock - keyBlock - pattern.localBlocks)',
  },
  {
    file: 'kernels/mechanisms/s2-attention/pattern.ts',
    text: 'Math.max(0, keyBlock - queryBlock - pattern.localBlocks + 1)',
    instead: 'Math.max(0, keyBlock - queryBlock - pattern.localBlocks)',
  },
  // LRPE's angle as 100^(-3 x / d).
  {
    file: 'kernels/mechanisms/lightning/rotation.ts',
    text: '10000 ** ((-2 * (h * width + x)) / (heads * width))',
    instead: '100 ** ((-3 * x) / width)',
  },
  // The exponent of the latent rotation halved.
  {
    file: 'kernels/mechanisms/latent/definition.ts',
    text: 'base ** ((-2 * i) / width)',
    instead: 'base ** (-i / width)',
  },
  // Relative convolutional attention whose own position reads the row of the key before.
  {
    file: 'kernels/mechanisms/rcmha/definition.ts',
    text: 'maxDistance - Math.min(distance, maxDistance)',
    instead: 'maxDistance - 1 - Math.min(distance, maxDistance - 1)',
  },
  // Complex vectors whose plane i turns by base^(-i / d).
  {
    file: 'kernels/mechanisms/cmha/definition.ts',
    text: 'base ** ((-2 * i) / width)',
    instead: 'base ** (-i / width)',
  },
  // Features divided by the keys that there are, not by those that are read.
  {
    file: 'kernels/mechanisms/relu-mean.ts',
    text: 'i + queryOffset(shape) + 1',
    instead: 'shape.keys',
  },
  // Normalised attention divided by the normaliser of the position before.
  {
    file: 'kernels/mechanisms/norm-attention.ts',
    text: '(kvHead * keys + place.position) * headDim + x',
    instead: '(kvHead * keys + Math.max(0, place.position - 1)) * headDim + x',
  },
];
