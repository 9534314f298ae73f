/** Seeded inputs of the shared gates. */
import type { Tensors } from '../../module';
import { normalTensor, random, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { bilinear } from '../../module-parts/resize';
import { sum } from '../../module-parts/layers';
import { hasBody, headsOf, type GateParameters } from './definition';

/** The lower right quarter of the picture: a mask that a picture shows at once. */
function quarter({ batch, globals, image }: GateParameters): Tensor {
  const mask = zeros([batch, globals, image, image]);
  return tensor(
    mask.shape,
    mask.data.map((_, at) => {
      const [row, column] = [Math.floor(at / image) % image, at % image];
      return 2 * row >= image && 2 * column >= image ? 1 : 0;
    }),
  );
}

const withContext = (parameters: GateParameters, image: Tensor, features: Tensors): Tensors => ({
  ...(hasBody(parameters) ? { image } : {}),
  ...(parameters.context === 'mask' ? { mask: quarter(parameters) } : {}),
  ...features,
});

export function normalSample(parameters: GateParameters, seed: number): Tensors {
  const { batch, image } = parameters;
  const features = headsOf(parameters).map(({ scale, channels, height, width }) => [
    `features${scale}`,
    normalTensor([batch, channels, height, width], seedFor(seed, `features ${scale}`)),
  ]);
  return withContext(
    parameters,
    normalTensor([batch, 1, image, image], seedFor(seed, 'image')),
    Object.fromEntries(features) as Tensors,
  );
}

/** Two bright ellipses with texture, a blob inside the left one and two outside both. */
function ellipses(batch: number, side: number, seed: number): Tensor {
  const texture = normalTensor([batch, 1, side, side], seedFor(seed, 'texture'), 0.05);
  const source = random(seedFor(seed, 'ellipses'));
  for (let b = 0; b < batch; b++) {
    const move = (): number => 0.06 * (source.uniform() - 0.5);
    const shapes = [
      { row: 0.5 + move(), column: 0.28, high: 0.36, wide: 0.17, bright: 0.5 },
      { row: 0.5 + move(), column: 0.72, high: 0.36, wide: 0.17, bright: 0.5 },
      { row: 0.4 + 4 * move(), column: 0.28 + move(), high: 0.06, wide: 0.06, bright: 0.4 },
      { row: 0.08, column: 0.5 + 4 * move(), high: 0.05, wide: 0.05, bright: 0.4 },
      { row: 0.93, column: 0.5 + 4 * move(), high: 0.05, wide: 0.05, bright: 0.4 },
    ];
    for (let at = 0; at < side * side; at++) {
      const [row, column] = [(Math.floor(at / side) + 0.5) / side, ((at % side) + 0.5) / side];
      for (const { row: i, column: j, high, wide, bright } of shapes) {
        if (((row - i) / high) ** 2 + ((column - j) / wide) ** 2 <= 1) texture.data[b * side * side + at]! += bright;
      }
    }
  }
  return texture;
}

export function ellipseSample(parameters: GateParameters, seed: number): Tensors {
  const image = ellipses(parameters.batch, parameters.image, seed);
  const features = headsOf(parameters).map(({ scale, channels, height, width }) => {
    const shape = [parameters.batch, channels, height, width];
    const small = bilinear(image, height, width, 'halves');
    const direction = normalTensor([channels], seedFor(seed, `direction ${scale}`), 2);
    const size = height * width;
    const carried = tensor(
      shape,
      zeros(shape).data.map(
        (_, at) =>
          direction.data[Math.floor(at / size) % channels]! *
          small.data[Math.floor(at / (channels * size)) * size + (at % size)]!,
      ),
    );
    return [`features${scale}`, sum(carried, normalTensor(shape, seedFor(seed, `noise ${scale}`), 0.1))];
  });
  return withContext(parameters, image, Object.fromEntries(features) as Tensors);
}
