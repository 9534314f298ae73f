/** A small classifier of dark pictures, alone or behind an enhancer that is trained by its loss. */
import { convolution } from '../../../kernels/graph/operators/convolution';
import { add, rectify } from '../../../kernels/graph/operators/elementwise';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { reduceMax } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { ModuleGraph } from '../../../kernels/module';
import {
  addedGraph,
  featEnhancer,
  featEnhancerWeights,
  featuresGraph,
} from '../../../kernels/modules/featenhancer/network';
import { crossEntropy } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { glorot, stacked, wholes } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch, Parameters } from '../../model-runner/trainer';
import { shapes, side, type DarkPicture } from './pictures';

export const batchSize = 16;
export const size = { hidden: 4, additions: 4, height: side, width: side, batch: batchSize };

/** none: the classifier reads the picture; one: features at full size alone make the additions; all: FeatEnHancer. */
export type Enhancer = 'none' | 'one' | 'all';

const prefix = 'enhancer.';
const channels = 3 * size.additions;
const classifier = {
  'c1.weight': [8, 3, 5, 5],
  'c1.bias': [8],
  'c2.weight': [16, 8, 5, 5],
  'c2.bias': [16],
  'head.weight': [16, shapes.length],
  'head.bias': [shapes.length],
} as const;

/** Without other scales nothing is downsampled or aggregated, and the eighth convolution reads the features once. */
function enhancerShapes(enhancer: Enhancer): Readonly<Record<string, readonly number[]>> {
  if (enhancer === 'none') return {};
  const all = trainedShapes(featEnhancerWeights(size));
  const own =
    enhancer === 'all'
      ? all
      : {
          ...Object.fromEntries(Object.entries(all).filter(([name]) => /^(e|ue)_conv/.test(name))),
          'ue_conv8.weight': [size.hidden, channels, 3, 3],
        };
  return Object.fromEntries(Object.entries(own).map(([name, shape]) => [prefix + name, shape]));
}

function enhanced(graph: ModuleGraph, picture: Value, enhancer: Enhancer): Readonly<Record<string, Value>> {
  if (enhancer === 'none') return { output: picture };
  if (enhancer === 'all') return featEnhancer.build(graph, size);
  return { output: addedGraph(graph, picture, featuresGraph(graph, picture, true), size.additions) };
}

/**
 * Two convolutions of 5 x 5 and stride 2, the maximum over the picture, and a linear layer. Loss: cross-entropy, nats. Outputs: `logits`
 * [batch, shapes]; with an enhancer `enhanced` [batch, 3, side, side]; with all scales `share` [batch, blocks, h, w].
 */
export function lowLightNetwork(name: string, enhancer: Enhancer): Network {
  return {
    name,
    parameters: { ...enhancerShapes(enhancer), ...classifier },
    batch: {
      picture: { type: 'float32', shape: [batchSize, 3, side, side] },
      label: { type: 'int64', shape: [batchSize] },
    },
    build(graph, weights, { picture, label }) {
      if (!picture || !label) throw new RangeError('a batch is a picture and a label');
      const module = trainedModule(graph, { picture }, weights, prefix);
      const { output, share } = enhanced(module, picture, enhancer);
      const own = (of: string): Value => trainedModule(graph, {}, weights).weight(of);
      const layer = (x: Value, of: string): Value =>
        rectify(convolution(x, own(`${of}.weight`), own(`${of}.bias`), { stride: 2, padding: 2 }));
      const pooled = reduceMax(layer(layer(output!, 'c1'), 'c2'), [2, 3], false);
      const logits = add(matmul(pooled, own('head.weight')), own('head.bias'));
      const seen = enhancer === 'none' ? {} : { enhanced: output! };
      return { loss: crossEntropy(logits, label), outputs: { logits, ...seen, ...(share ? { share } : {}) } };
    },
  };
}

/** Glorot; the last convolution of an enhancer is 0, so that it begins by changing nothing. */
export const initialOf = ({ parameters }: Network, seed: number): Parameters =>
  Object.fromEntries(
    Object.entries(glorot(parameters, seed)).map(([name, data]) => [
      name,
      name === `${prefix}ue_conv9.weight` ? data.map(() => 0) : data,
    ]),
  );

export const darkBatch = (pictures: readonly DarkPicture[]): Batch => ({
  picture: stacked(
    pictures.map(({ x }) => x),
    [3, side, side],
  ),
  label: wholes(
    [pictures.length],
    pictures.map(({ label }) => label),
  ),
});
