/** What scale-aware aggregation shows of the first sample: which scale each pixel trusts. */
import type { Picture } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import type { Tensor } from '../../tensors/tensor';

const axes = { rows: { title: 'Row' }, columns: { title: 'Column' } } as const;
const bins = 20;

export function sharePictures(share: Tensor, channels: number, scales = 2): readonly Picture[] {
  const [, blocks, height, width] = share.shape as [number, number, number, number];
  const pixels = height * width;
  const of = (block: number): Float64Array => share.data.subarray(block * pixels, (block + 1) * pixels);
  const even = 1 / scales;
  const others = scales === 2 ? 'the coarse one' : 'the others';
  const mean = new Float64Array(pixels);
  for (let block = 0; block < blocks; block++) of(block).forEach((value, at) => (mean[at]! += value / blocks));
  const map = (id: string, title: string, caption: string, definition: string, values: Float64Array): Picture => ({
    kind: 'heat-map',
    id,
    title,
    caption,
    unit: '',
    definition,
    scale: 'diverging',
    ...axes,
    values: rowsOf(
      values.map((value) => value - even),
      height,
      width,
    ),
  });
  const counts = new Array<number>(bins).fill(0);
  for (const value of share.data.subarray(0, blocks * pixels)) counts[Math.min(bins - 1, Math.floor(value * bins))]!++;
  const all = blocks * pixels;
  return [
    map(
      'trust',
      'Which scale each pixel trusts',
      `Above 0 a pixel takes more of the fine scale than 1/${scales}, below 0 more of ${others}; a share of 1/${scales} for each scale would be their plain mean.`,
      `w_0 - 1/${scales}, mean over blocks; a pixel stands for 8 x 8 of the input`,
      mean,
    ),
    ...Array.from({ length: Math.min(blocks, 8) }, (_, block) =>
      map(
        `block-${block}`,
        `Block ${block + 1} of ${blocks}`,
        'The choice of one block of channels; blocks that look alike choose alike.',
        `w_0 - 1/${scales}, w_0 the softmax over the ${scales} scales of T_l . T_t / sqrt(d), of the fine scale`,
        of(block),
      ),
    ),
    {
      kind: 'chart',
      id: 'histogram',
      title: 'How decided the choice is',
      caption:
        'Shares of the fine scale over pixels and blocks: a heap at 1 / scales is a mean, heaps at 0 and 1 are choices.',
      x: { title: 'Share of the fine scale, w_0', unit: '', scale: 'linear' },
      y: { title: 'Share of pixels and blocks', unit: '', scale: 'linear' },
      series: [
        {
          title: 'pixels and blocks',
          mark: 'bars',
          points: counts.map((count, bin) => ({ x: (bin + 0.5) / bins, y: count / all })),
        },
      ],
    },
    {
      kind: 'table',
      id: 'products',
      title: 'Multiply-adds beside attention over pixels',
      caption: 'The choice between scales is linear in the pixels; softmax attention between all of them is not.',
      columns: [
        { title: 'Mixing of these maps', kind: 'text' },
        { title: 'Multiply-adds', kind: 'number', definition: 'scores and sums, without projections' },
      ],
      rows: [
        [`between ${scales} scales at ${pixels} pixels`, 2 * scales * pixels * channels],
        [`softmax attention between ${pixels} pixels`, 2 * pixels * pixels * channels],
      ],
    },
  ];
}

/** The mean colour of the first picture [b, 3, H, W], at most 96 rows and columns. */
export function colourMap(id: string, title: string, caption: string, picture: Tensor): Picture {
  const [, channels, height, width] = picture.shape as [number, number, number, number];
  const step = Math.ceil(Math.max(height, width) / 96);
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const values = Float64Array.from({ length: rows * columns }, (_, at) => {
    const pixel = Math.floor(at / columns) * step * width + (at % columns) * step;
    let total = 0;
    for (let c = 0; c < channels; c++) total += picture.data[c * height * width + pixel]!;
    return total / channels;
  });
  return {
    kind: 'heat-map',
    id,
    title,
    caption,
    unit: '',
    definition: step === 1 ? 'mean of the colours' : `mean of the colours, every ${step}th pixel`,
    scale: 'sequential',
    ...axes,
    values: rowsOf(values, rows, columns),
  };
}
