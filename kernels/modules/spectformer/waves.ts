import { random, seedFor } from '../../tensors/random';
import { tensor, type Tensor } from '../../tensors/tensor';
import { columnsOf } from './transform';

interface Size {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** [b, H, W, C], each channel one wave over the grid, of a seeded frequency and phase and of deviation 1. */
export function wavesOf({ batch, height, width, channels }: Size, seed: number): Tensor {
  const source = random(seedFor(seed, 'waves'));
  const drawn = Array.from({ length: channels }, () => ({
    u: source.whole(Math.floor(height / 2) + 1),
    v: source.whole(columnsOf(width)),
    phase: 2 * Math.PI * source.uniform(),
  }));
  const data = Float64Array.from({ length: batch * height * width * channels }, (_, at) => {
    const { u, v, phase } = drawn[at % channels]!;
    const place = Math.floor(at / channels) % (height * width);
    const [p, q] = [Math.floor(place / width), place % width];
    return Math.SQRT2 * Math.cos(2 * Math.PI * ((u * p) / height + (v * q) / width) + phase);
  });
  return tensor([batch, height, width, channels], data);
}
