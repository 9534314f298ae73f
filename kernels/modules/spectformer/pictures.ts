/** What a spectral gate shows: its filters in frequency and in space. */
import { rowsOf } from '../../module-parts/pictures';
import type { Picture } from '../../picture';
import type { Tensor } from '../../tensors/tensor';
import { columnsOf, gateOf, kernelOf } from './transform';

/** Larger mixing matrices are left out. */
const mostPositions = 256;
const channelsShown = 3;

/** |G| of a channel over all H x W bins, frequency 0 in the middle: columns beyond floor(W / 2) mirror the others. */
export function magnitudes(gate: Tensor, channel: number, width: number): Float64Array {
  const height = gate.shape[0]!;
  const columns = columnsOf(width);
  const { real, imaginary } = gateOf(gate, channel);
  const shifted = new Float64Array(height * width);
  for (let u = 0; u < height; u++) {
    for (let v = 0; v < width; v++) {
      const mirrored = v >= columns;
      const at = (mirrored ? (height - u) % height : u) * columns + (mirrored ? width - v : v);
      const row = (u + Math.floor(height / 2)) % height;
      const column = (v + Math.floor(width / 2)) % width;
      shifted[row * width + column] = Math.hypot(real[at]!, imaginary[at]!);
    }
  }
  return shifted;
}

/** Whole frequencies from -floor(n / 2) up, as labels. */
const frequencies = (n: number): readonly string[] =>
  Array.from({ length: n }, (_, at) => String(at - Math.floor(n / 2)));

/** Share of |G|^2 of a channel at frequencies below half of the highest along both axes. */
export function lowShare(gate: Tensor, channel: number, width: number): number {
  const height = gate.shape[0]!;
  let [low, all] = [0, 0];
  magnitudes(gate, channel, width).forEach((size, at) => {
    const u = Math.abs(Math.floor(at / width) - Math.floor(height / 2));
    const v = Math.abs((at % width) - Math.floor(width / 2));
    all += size ** 2;
    if (4 * u <= height && 4 * v <= width) low += size ** 2;
  });
  return low / all;
}

export function gatePictures(gate: Tensor, width: number): readonly Picture[] {
  const [height, , channels] = gate.shape as [number, number, number];
  const n = height * width;
  const mean = new Float64Array(n);
  for (let c = 0; c < channels; c++) magnitudes(gate, c, width).forEach((size, at) => (mean[at]! += size / channels));
  const bins = {
    rows: { title: 'Vertical frequency', labels: frequencies(height) },
    columns: { title: 'Horizontal frequency', labels: frequencies(width) },
  };
  const pixels = { rows: { title: 'Row' }, columns: { title: 'Column' } };
  const pictures: Picture[] = [
    {
      kind: 'heat-map',
      id: 'gate',
      title: 'Gate in frequency, mean of the channels',
      caption: 'How much passes at each frequency; the middle is frequency 0. A bright middle is a low pass.',
      unit: '',
      definition: '|G| over the bins of the spectrum, averaged over channels',
      scale: 'sequential',
      ...bins,
      values: rowsOf(mean, height, width),
    },
    {
      kind: 'chart',
      id: 'low-share',
      title: 'Energy at low frequencies',
      caption: `Share of |G|^2 within half of the highest frequency along both axes; an even gate has about ${lowShareOfEven(height, width)}.`,
      x: { title: 'Channel', unit: '', scale: 'linear' },
      y: { title: 'Share of the energy', unit: '', scale: 'linear' },
      series: [
        {
          title: 'gate',
          mark: 'points',
          points: Array.from({ length: channels }, (_, c) => ({ x: c, y: lowShare(gate, c, width) })),
        },
      ],
    },
  ];
  for (let c = 0; c < Math.min(channels, channelsShown); c++) {
    pictures.push(
      {
        kind: 'heat-map',
        id: `gate-${c}`,
        title: `Gate of channel ${c} in frequency`,
        caption: 'Frequency 0 in the middle.',
        unit: '',
        definition: '|G| over the bins of the spectrum',
        scale: 'sequential',
        ...bins,
        values: rowsOf(magnitudes(gate, c, width), height, width),
      },
      {
        kind: 'heat-map',
        id: `kernel-${c}`,
        title: `Kernel of channel ${c}`,
        caption:
          'The channel is convolved with it on the torus: what a pixel takes from the pixel so many rows and columns before it.',
        unit: '',
        definition: 'irfft2(G) without factors',
        scale: 'diverging',
        ...pixels,
        values: rowsOf(kernelOf(gate, c, width), height, width),
      },
    );
  }
  if (n <= mostPositions) pictures.push(mixing(kernelOf(gate, 0, width), height, width));
  return pictures;
}

const lowShareOfEven = (height: number, width: number): string => {
  const within = (size: number) =>
    Array.from({ length: size }, (_, at) => Math.abs(at - Math.floor(size / 2))).filter((f) => 4 * f <= size).length;
  return ((within(height) * within(width)) / (height * width)).toFixed(2);
};

/** Row i is the kernel moved to i: the place that an attention map has in a transformer. */
function mixing(kernel: Float64Array, height: number, width: number): Picture {
  const n = height * width;
  const values = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      const row = (Math.floor(i / width) - Math.floor(j / width) + height) % height;
      const column = ((i % width) - (j % width) + width) % width;
      return kernel[row * width + column]!;
    }),
  );
  return {
    kind: 'heat-map',
    id: 'mixing',
    title: 'Mixing matrix of channel 0',
    caption:
      'What an attention map is for attention: each position reads the others by their distance alone, whatever they hold.',
    unit: '',
    definition: 'row i holds the kernel moved to position i',
    scale: 'diverging',
    rows: { title: 'Reading position' },
    columns: { title: 'Read position' },
    values,
  };
}
