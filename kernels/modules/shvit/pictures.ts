/** What single-head attention over a feature map shows of the first sample of a call. */
import type { Picture } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import type { Tensor } from '../../tensors/tensor';

/** Larger maps are shown from three pixels alone. */
const mostPixels = 256;

export function attentionPictures(
  weights: Tensor,
  before: Tensor,
  { partial, height, width }: { readonly partial: number; readonly height: number; readonly width: number },
): readonly Picture[] {
  const n = height * width;
  const from = (pixel: number): Float64Array => weights.data.subarray(pixel * n, (pixel + 1) * n);
  const received = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) received[j]! += weights.data[i * n + j]! / n;
  const places = [
    { id: 'centre', title: 'the centre', pixel: Math.floor(height / 2) * width + Math.floor(width / 2) },
    { id: 'corner', title: 'the upper left corner', pixel: 0 },
  ];
  const axes = { rows: { title: 'Row' }, columns: { title: 'Column' } } as const;
  const pictures: Picture[] = places.map(({ id, title, pixel }) => ({
    kind: 'heat-map',
    id: `read-${id}`,
    title: `What ${title} reads`,
    caption: `Attention of one pixel over all ${n}; even attention would be ${(1 / n).toPrecision(2)} everywhere.`,
    unit: '',
    definition: 'A_ij of the pixel i over pixels j; the map adds up to 1',
    scale: 'sequential',
    ...axes,
    values: rowsOf(from(pixel), height, width),
  }));
  pictures.push({
    kind: 'heat-map',
    id: 'received',
    title: 'How much each pixel is read',
    caption: 'Mean attention that a pixel receives from all pixels.',
    unit: '',
    definition: 'sum_i A_ij / n at the pixel j; the map adds up to 1',
    scale: 'sequential',
    ...axes,
    values: rowsOf(received, height, width),
  });
  if (n <= mostPixels) {
    pictures.push({
      kind: 'heat-map',
      id: 'attention',
      title: 'Attention map',
      caption: 'The one map of the block: reading pixels down, read pixels across, row by row of the picture.',
      unit: '',
      definition: 'A_ij = softmax over j of q_i . k_j / sqrt(d)',
      scale: 'sequential',
      rows: { title: 'Reading pixel' },
      columns: { title: 'Read pixel' },
      values: rowsOf(weights.data, n, n),
    });
  }
  pictures.push({
    kind: 'chart',
    id: 'channels',
    title: 'Attended and untouched channels',
    caption:
      'What the projection reads of each channel: the first channels carry what was attended to, the others the rectified input.',
    x: { title: 'Channel', unit: '', scale: 'linear' },
    y: { title: 'Mean over pixels, after the ReLU', unit: '', scale: 'linear' },
    series: channelSeries(before, partial, n),
  });
  return pictures;
}

function channelSeries(before: Tensor, partial: number, n: number) {
  const points = Array.from({ length: before.shape[1]! }, (_, channel) => {
    let total = 0;
    for (let at = channel * n; at < (channel + 1) * n; at++) total += before.data[at]!;
    return { x: channel, y: total / n };
  });
  return [
    { title: 'attended', mark: 'points', points: points.slice(0, partial) } as const,
    ...(partial < points.length
      ? [{ title: 'untouched', mark: 'points', points: points.slice(partial) } as const]
      : []),
  ];
}
