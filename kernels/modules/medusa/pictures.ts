/** What the shared gates show of the first sample: the maps at one size, how far they agree, and what the global map does to them. */
import type { Tensors } from '../../module';
import type { Picture } from '../../picture';
import { zipped } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { bilinear } from '../../module-parts/resize';
import { tensor, type Tensor } from '../../tensors/tensor';
import { flattened, headsOf, scaleMap, type GateParameters } from './definition';
import { mean } from '../../tensors/vectors';

const mostRows = 64;
const axes = { rows: { title: 'Row' }, columns: { title: 'Column' } } as const;

/** The first image of [b, c, H, W], the mean of its channels: [1, 1, H, W]. */
function firstMean({ shape, data }: Tensor): Tensor {
  const [, channels, height, width] = shape as [number, number, number, number];
  const mean = new Float64Array(height * width);
  for (let at = 0; at < channels * height * width; at++) mean[at % (height * width)]! += data[at]! / channels;
  return tensor([1, 1, height, width], mean);
}

/** Pearson's correlation; NaN where one side does not vary. */
export function correlation(a: Float64Array, b: Float64Array): number {
  const [atA, atB] = [mean(a), mean(b)];
  const together = (x: Float64Array, atX: number, y: Float64Array, atY: number) =>
    x.reduce((total, value, at) => total + (value - atX) * (y[at]! - atY), 0);
  const [inA, inB] = [together(a, atA, a, atA), together(b, atB, b, atB)];
  if (inA < 1e-24 * a.length || inB < 1e-24 * b.length) return NaN;
  return together(a, atA, b, atB) / Math.sqrt(inA * inB);
}

/** Correlations of maps [1, 1, H, W], all at the size of the coarsest. */
export function agreement(maps: readonly Tensor[]): readonly (readonly number[])[] {
  const [, , height, width] = maps.reduce((least, map) => (map.data.length < least.data.length ? map : least)).shape;
  const coarse = maps.map((map) => bilinear(map, height!, width!, 'halves').data);
  return coarse.map((a) => coarse.map((b) => correlation(a, b)));
}

const rootMeanSquare = ({ data }: Tensor): number =>
  Math.sqrt(data.reduce((total, value) => total + value ** 2, 0) / data.length);

export function gatePictures(
  inputs: Tensors,
  weights: Tensors,
  outputs: Tensors,
  parameters: GateParameters,
): readonly Picture[] {
  const heads = headsOf(parameters);
  const global = outputs['global'];
  const scaleNames = heads.map(({ scale, height, width }) => `scale ${scale}, ${height} x ${width}`);
  const scaleMaps = heads.map(({ scale }) => firstMean(outputs[`map${scale}`]!));
  const rows = Math.min(mostRows, parameters.height);
  const columns = Math.min(mostRows, parameters.width);
  const over = (id: string, title: string, caption: string, definition: string, map: Tensor): Picture => ({
    kind: 'heat-map',
    id,
    title,
    caption,
    unit: '',
    definition,
    scale: 'sequential',
    ...axes,
    values: rowsOf(bilinear(firstMean(map), rows, columns, 'halves').data, rows, columns),
  });
  const size = `resized to ${rows} x ${columns}`;
  const pictures: Picture[] = heads.map(({ scale, height, width, strength }, at) =>
    over(
      `map-${scale}`,
      `Gate of scale ${scale} (${height} x ${width})`,
      'Bright pixels pass and dark ones are held back; a gate that chooses nothing would be even.',
      `A_${scale} = sigmoid(head)^${strength}, mean of its channels, ${size}`,
      scaleMaps[at]!,
    ),
  );
  if (global) {
    pictures.unshift(
      over(
        'global',
        'Global map, which all scales read',
        'The one map of the shared body over the whole image. An even map would tell the scales nothing about places.',
        `A_G, mean of its maps, ${size}`,
        global,
      ),
    );
  }
  const named = [...(global ? ['A_G'] : []), ...heads.map(({ scale }) => `A_${scale}`)];
  pictures.push({
    kind: 'heat-map',
    id: 'agreement',
    title: 'Agreement of the scales',
    caption: 'Correlation of every two maps: 1 where both pick the same places, 0 where they have nothing in common.',
    unit: '',
    definition: 'Pearson correlation over pixels, maps resized to the coarsest grid; empty where a map is even',
    scale: 'diverging',
    rows: { title: 'Map', labels: named },
    columns: { title: 'Map', labels: named },
    values: agreement([...(global ? [firstMean(global)] : []), ...scaleMaps]),
  });
  if (global) {
    const even = flattened(global);
    pictures.push({
      kind: 'chart',
      id: 'change',
      title: 'What the global map does at each scale',
      caption:
        'How far each gate moves when the global map is replaced by its mean. 0: the head looks at its own features only.',
      x: { title: 'Scale', unit: '', scale: 'category', categories: scaleNames },
      y: { title: 'Root mean square change of A_j', unit: '', scale: 'linear' },
      series: [
        {
          title: 'change',
          mark: 'bars',
          points: heads.map((head, at) => {
            const without = scaleMap(inputs[`features${head.scale}`]!, even, weights, head);
            return {
              x: at,
              y: rootMeanSquare(zipped(outputs[`map${head.scale}`]!, without, (a, b) => a - b)),
            };
          }),
        },
      ],
    });
  }
  const image = inputs['image'];
  if (image) {
    pictures.push(
      over('image', 'The grey image', 'What the body reads, before its mean is taken off.', `a, ${size}`, image),
    );
  }
  return pictures;
}
