/** SpectFormers of a few blocks over toy pictures, by the graph of the module. */
import {
  designGraph,
  designMultiplyAdds,
  designWeights,
  type SpectformerDesign,
} from '../../../kernels/modules/spectformer/network';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { crossEntropy } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import type { Measures } from '../../shared/training/train';
import { glorot, stacked, wholes } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch, Parameters, Trainer } from '../../model-runner/trainer';
import { classes, side, type TexturePicture } from './pictures';
import { mean } from '../../../kernels/tensors/vectors';

export const batchSize = 16;

/** Loss: cross-entropy, nats. Output: `logits` [batch, classes]. */
export function alphaNetwork(name: string, design: SpectformerDesign, alpha: number): Network {
  return {
    name,
    parameters: trainedShapes(designWeights(design, { alpha, side, classes })),
    batch: {
      picture: { type: 'float32', shape: [batchSize, 3, side, side] },
      label: { type: 'int64', shape: [batchSize] },
    },
    build(graph, weights, { picture, label }) {
      if (!picture || !label) throw new RangeError('a batch is a picture and a label');
      const logits = designGraph(trainedModule(graph, { picture }, weights), design, {
        ...{ alpha, side, classes },
        batch: batchSize,
      });
      return { loss: crossEntropy(logits, label), outputs: { logits } };
    },
  };
}

/** As in the code: gates and positions normal of deviation 0.02, gains 1, biases 0; other matrices by Glorot. */
export function initialOf({ parameters }: Network, seed: number): Parameters {
  const drawn = glorot(parameters, seed);
  return Object.fromEntries(
    Object.entries(drawn).map(([name, data]) => {
      if (/(^|\.)norm\d?\.weight$/.test(name)) return [name, data.map(() => 1)];
      if (!/^pos_embed$|complex_weight$/.test(name)) return [name, data];
      return [name, Float32Array.from(normalTensor(parameters[name] ?? [], seedFor(seed, name), 0.02).data)];
    }),
  );
}

export const batchOf = (pictures: readonly TexturePicture[]): Batch => ({
  picture: stacked(
    pictures.map(({ x }) => x),
    [3, side, side],
  ),
  label: wholes(
    [pictures.length],
    pictures.map(({ label }) => label),
  ),
});

/** Shares of the pictures whose class, whose grating and whose shape is the one with the largest logit. */
export async function accuracies(
  trainer: Trainer,
  network: Network,
  parameters: Parameters,
  pictures: readonly TexturePicture[],
): Promise<Measures> {
  const right: { readonly all: boolean; readonly grating: boolean; readonly shape: boolean }[] = [];
  for (let first = 0; first + batchSize <= pictures.length; first += batchSize) {
    const some = pictures.slice(first, first + batchSize);
    const { outputs } = await trainer.forward(network, parameters, batchOf(some));
    const logits = Array.from(outputs['logits']?.data ?? [], Number);
    some.forEach(({ label }, at) => {
      const own = logits.slice(at * classes, (at + 1) * classes);
      const found = own.indexOf(Math.max(...own));
      right.push({ all: found === label, grating: found % 4 === label % 4, shape: found >> 2 === label >> 2 });
    });
  }
  const share = (of: 'all' | 'grating' | 'shape'): number => mean(right.map((one) => (one[of] ? 1 : 0)));
  return { accuracy: share('all'), grating: share('grating'), shape: share('shape') };
}

export const multiplyAddsOf = (design: SpectformerDesign, alpha: number): number =>
  designMultiplyAdds(design, { alpha, side, classes });
