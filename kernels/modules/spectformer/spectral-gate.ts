/** The token mixer of SpectFormer's first blocks: a learned gate for each frequency and channel (transform.ts has the equations). */
import { headsFor } from '../../module-parts/plain-attention';
import { discs } from '../../module-parts/draw';
import { permuted } from '../../module-parts/layers';
import type { Module, ModuleWeight, Tensors } from '../../module';
import { normalTensor } from '../../tensors/random';
import type { Tensor } from '../../tensors/tensor';
import { spectralGateGraph } from './graph';
import { gatePictures } from './pictures';
import { resizedGate } from './resized-gate';
import { wavesOf } from './waves';
import { circularConvolution, columnsOf, constantGate, kernelOf, spectralGate } from './transform';
import * as field from '../../parameters';

export interface GateSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

interface Parameters extends GateSize, Record<string, number | string> {
  readonly batch: number;
  readonly form: string;
  readonly inputHeight: number;
  readonly inputWidth: number;
}

/** The grid that is read. */
const inputGrid = ({ height, width, inputHeight, inputWidth, channels }: Parameters): GateSize => ({
  height: inputHeight > 0 ? inputHeight : height,
  width: inputWidth > 0 ? inputWidth : width,
  channels,
});

/** The gate that acts on it. */
const gateFor = (weights: Tensors, parameters: Parameters): Tensor => {
  const { height, width } = inputGrid(parameters);
  return resizedGate(weights['complex_weight']!, parameters.width, height, width);
};

const shapeOf = (parameters: Parameters): readonly number[] => {
  const { height, width, channels } = inputGrid(parameters);
  return [parameters.batch, height, width, channels];
};

const gateShape = ({ height, width, channels }: GateSize): readonly number[] => [height, columnsOf(width), channels, 2];

export const gateWeights = (size: GateSize): readonly ModuleWeight[] => [
  // 0.02 in the repository; wider here, so that what passes is as large as what comes in.
  { name: 'complex_weight', shape: gateShape(size), initial: { kind: 'normal', deviation: 0.7 } },
];

/** Products along both axes, there and back: 4 H W K C + 8 H^2 K C for a sample, K = floor(W / 2) + 1. */
export const gateMultiplyAdds = ({ height: h, width: w, channels: c }: GateSize): number => {
  const k = columnsOf(w);
  return 4 * h * w * k * c + 8 * h * h * k * c;
};

/** By fast transforms: 5 n log2 n / 2 of a real channel each way, and 6 on each of the H K products of the gate. */
const fastFlops = ({ height, width, channels }: GateSize): number => {
  const n = height * width;
  return channels * (5 * n * Math.log2(Math.max(2, n)) + 6 * height * columnsOf(width));
};

/** Height, channels and width of a gate [H, K, C, 2]: a square grid where K fits one, else an even width. */
export function sizeOfGate(shape: readonly number[] | undefined): Partial<GateSize> {
  if (shape?.length !== 4) return {};
  const [height, columns, channels] = shape as [number, number, number];
  return { height, channels, width: columnsOf(height) === columns ? height : Math.max(1, 2 * (columns - 1)) };
}

export const spectralGateModule: Module<Parameters> = {
  id: 'spectral-gate',
  title: 'Spectral gate (SpectFormer)',
  kind: 'attention',
  summary:
    'Tokens on a grid go to the frequency domain, each frequency of each channel is multiplied by a learned complex number, and back. A mixer over the whole grid whose cost grows hardly faster than the grid; its parameters are tied to the grid.',
  source: {
    reference:
      'arXiv:2304.06446; SpectralGatingNetwork in vanilla_architecture/spectformer.py of github.com/badripatro/SpectFormers',
    trust: 'high',
    note: 'Gates are drawn with deviation 0.7 in place of 0.02. The code has no gate for another grid: it is interpolated between frequencies in cycles per token, our choice. Transforms are computed in float32 whatever the format, as in the code.',
  },
  parameters: {
    height: field.integer('Height', 'Rows of the grid that the gate was learned on.', { min: 1, max: 64, default: 14 }),
    width: field.integer('Width', 'Columns of that grid.', { min: 1, max: 64, default: 14 }),
    channels: field.integer('Channels', 'Width of a token.', { min: 1, max: 1024, default: 256 }),
    batch: field.integer('Batch', 'Grids in a call.', { min: 1, max: 64, default: 1 }),
    inputHeight: field.integer(
      'Input height',
      'Rows of the grid that is read; 0: those of the gate. On another grid the gate is interpolated.',
      { min: 0, max: 64, default: 0 },
    ),
    inputWidth: field.integer('Input width', 'Columns of the grid that is read; 0: those of the gate.', {
      min: 0,
      max: 64,
      default: 0,
    }),
    form: field.choice(
      'Transform',
      'products: multiplications with constant cosines and sines, the faster on small grids; fft: the DFT operator of the runtime.',
      { options: ['products', 'fft'], default: 'products' },
    ),
  },
  inputs: (parameters) => [
    {
      name: 'x',
      kind: 'feature-map',
      axes: 'channels-last',
      title: 'Tokens on a grid',
      description: '[batch, height, width, channels]',
      shape: shapeOf(parameters),
    },
  ],
  outputs: (parameters) => [
    {
      name: 'output',
      title: 'Mixed tokens',
      description: '[batch, height, width, channels]',
      shape: shapeOf(parameters),
    },
  ],
  weights: gateWeights,
  parametersOf: (shapeIn) => sizeOfGate(shapeIn('complex_weight')),
  fold: (weights, parameters) => ({ complex_weight: gateFor(weights, parameters) }),
  reference: ({ inputs, weights }, parameters) => ({
    output: spectralGate(inputs['x']!, gateFor(weights, parameters)),
  }),
  build: (graph, { form }) => ({ output: spectralGateGraph(graph.input('x'), graph.weight('complex_weight'), form) }),
  cost(parameters) {
    const { batch, form } = parameters;
    const grid = inputGrid(parameters);
    const { height, width, channels } = grid;
    const [k, n] = [columnsOf(width), height * width];
    const count = 2 * parameters.height * columnsOf(parameters.width) * channels;
    const multiplyAdds = form === 'fft' ? 0 : batch * gateMultiplyAdds(grid);
    // Spectra of 2 H K numbers: made, turned, gated (four products, two sums), turned back.
    return {
      multiplyAdds,
      flops: form === 'fft' ? batch * fastFlops(grid) : 2 * multiplyAdds + 6 * batch * height * k * channels,
      bytes: 4 * (2 * height * k * channels + batch * channels * (2 * n + 20 * height * k)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens, by products',
    sizes: [14, 28, 56].map((side) => ({ height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 1.5,
  },
  plain(parameters) {
    const { height, width, channels } = inputGrid(parameters);
    const n = height * width;
    return { batch: parameters.batch, queries: n, keys: n, width: channels, heads: headsFor(channels) };
  },
  limits: [
    {
      name: 'a gate of 1 in every bin passes everything as it is',
      parameters: { height: 5, width: 6, inputHeight: 0, inputWidth: 0 },
      call: ({ inputs }, { height, width, channels }) => ({
        inputs,
        weights: { complex_weight: constantGate(height, width, channels, 1) },
      }),
      equals: ({ inputs }) => ({ output: inputs['x']! }),
    },
    {
      name: 'the circular convolution with its kernel, on an even grid',
      parameters: { height: 4, width: 6, inputHeight: 0, inputWidth: 0 },
      equals: convolved,
    },
    {
      name: 'the circular convolution with its kernel, on an odd grid',
      parameters: { height: 5, width: 7, inputHeight: 0, inputWidth: 0 },
      equals: convolved,
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: the same energy at every frequency.',
      draw: (parameters, seed) => ({ x: normalTensor(shapeOf(parameters), seed) }),
    },
    {
      id: 'waves',
      title: 'Waves',
      description:
        'Each channel is one wave over the grid, of a frequency and a phase of its own: the gate scales and shifts it.',
      draw: (parameters, seed) => ({ x: wavesOf({ ...inputGrid(parameters), batch: parameters.batch }, seed) }),
    },
    {
      id: 'discs',
      title: 'Discs on a ground',
      description: 'Three discs, each with features of its own, on a smooth ground.',
      draw(parameters, seed) {
        const { height, width, channels } = inputGrid(parameters);
        return { x: permuted(discs([parameters.batch, channels, height, width], seed), [0, 2, 3, 1]) };
      },
    },
  ],
  pictures: ({ weights }, _outputs, parameters) =>
    gatePictures(gateFor(weights, parameters), inputGrid(parameters).width),
};

function convolved(
  {
    inputs,
    weights,
  }: { readonly inputs: Readonly<Record<string, Tensor>>; readonly weights: Readonly<Record<string, Tensor>> },
  { width, channels }: Parameters,
) {
  const kernels = Array.from({ length: channels }, (_, c) => kernelOf(weights['complex_weight']!, c, width));
  return { output: circularConvolution(inputs['x']!, kernels) };
}
