/** Gated attention pooling of a bag by M learned queries: what ABMIL (M = 1) and ACMIL read their instances with. */
import type { Module, ModuleWeight, Tensors } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { linearWeights, parameterCount } from '../../module-parts/weights';
import { matrixProduct } from '../../module-parts/layers';
import { tensor, zeros } from '../../tensors/tensor';
import { plantedBag } from './bags';
import { instanceGrowth, plainOverInstances } from './instances';
import { attentionOver, gatedLogits } from './definition';
import { gatedPool } from './graph';
import { poolingPictures } from './pictures';
import { published } from './stkim';
import * as field from '../../parameters';

interface Parameters extends Record<string, number> {
  readonly instances: number;
  readonly width: number;
  readonly hidden: number;
  readonly branches: number;
  readonly batch: number;
}

/** Names of Attention_Gated. */
export const gateWeights = (width: number, hidden: number, branches: number): readonly ModuleWeight[] => [
  ...linearWeights('attention_V.0', hidden, width),
  ...linearWeights('attention_U.0', hidden, width),
  // Six times as wide as the other layers, so that branches prefer some instances, as trained ones do.
  {
    name: 'attention_weights.weight',
    shape: [branches, hidden],
    initial: { kind: 'normal', deviation: 6 / Math.sqrt(hidden) },
  },
  { name: 'attention_weights.bias', shape: [branches], initial: { kind: 'normal', deviation: 0.1 } },
];

/** V and U, the last layer, and the sums: of one bag. */
export const gateMultiplyAdds = (n: number, width: number, hidden: number, branches: number): number =>
  n * (2 * width * hidden + hidden * branches + branches * width);

const inputs = ({ batch, instances, width, branches }: Parameters) =>
  [
    {
      name: 'h',
      kind: 'bag',
      title: 'Instances',
      description: '[batch, instances, width]: features of the instances of one label.',
      shape: [batch, instances, width],
    },
    {
      name: 'mask',
      kind: 'mask',
      title: 'Instances that are there',
      description: '[batch, instances]: 0 for what only fills a shorter bag.',
      shape: [batch, instances],
    },
    {
      name: 'kept',
      kind: 'mask',
      title: 'Instances that each branch keeps',
      description: '[batch, branches, instances]: the mask of a step of training; 1 everywhere otherwise.',
      shape: [batch, branches, instances],
    },
  ] as const;

const planted = (parameters: Parameters, seed: number): Tensors => ({
  ...normalInputs({ inputs: () => inputs(parameters) }, parameters, seed),
  h: plantedBag([parameters.batch, parameters.instances, parameters.width], 2, seed),
});

export const gatedPooling: Module<Parameters> = {
  id: 'gated-pooling',
  title: 'Gated attention pooling (ABMIL, ACMIL)',
  kind: 'attention',
  summary:
    'Pools a bag of instances into one row for each of M branches: a small gated network scores every instance, and a softmax over the bag weighs them. Its cost is linear in the bag, and the order of the instances does not matter.',
  source: {
    reference: 'arXiv:2311.07125; Attention_Gated in architecture/transformer.py of github.com/dazhangyu123/ACMIL',
    trust: 'high',
    note: 'The last layer is drawn six times as wide as the others, so that branches prefer some instances, as trained ones do.',
  },
  parameters: {
    instances: field.integer('Instances', 'In a bag.', { min: 1, max: 65536, default: 1024 }),
    width: field.integer('Width', 'Features of an instance.', { min: 1, max: 4096, default: 256 }),
    hidden: field.integer('Hidden width', 'Of the gate.', { min: 1, max: 1024, default: 128 }),
    branches: field.integer('Branches', 'M; 1 is ABMIL.', { min: 1, max: 32, default: 5 }),
    batch: field.integer('Batch', 'Bags in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs,
  outputs: ({ batch, instances, width, branches }) => [
    {
      name: 'z',
      title: 'Pooled features',
      description: '[batch, branches, width]',
      shape: [batch, branches, width],
    },
    {
      name: 'attention',
      title: 'Attention',
      description: '[batch, branches, instances]; each row adds up to 1.',
      shape: [batch, branches, instances],
    },
  ],
  weights: ({ width, hidden, branches }) => gateWeights(width, hidden, branches),
  parametersOf(shapeOf) {
    const [gate, last] = [shapeOf('attention_V.0.weight'), shapeOf('attention_weights.weight')];
    return {
      ...(gate ? { hidden: gate[0]!, width: gate[1]! } : {}),
      ...(last ? { branches: last[0]! } : {}),
    };
  },
  reference({ inputs: given, weights }) {
    const h = given['h']!;
    const attention = attentionOver(gatedLogits(h, weights), given['mask']!, given['kept']!);
    return { attention, z: matrixProduct(attention, h) };
  },
  build(graph) {
    const [attention, z] = gatedPool(graph, graph.input('h'), graph.input('mask'), graph.input('kept'));
    return { attention, z };
  },
  cost(parameters) {
    const { batch, instances: n, width, hidden, branches } = parameters;
    const count = parameterCount(gateWeights(width, hidden, branches));
    const multiplyAdds = batch * gateMultiplyAdds(n, width, hidden, branches);
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * n * (5 * hidden + 6 * branches),
      bytes: 4 * (count + batch * (n * (3 * width + 13 * hidden + 12 * branches) + branches * width)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: instanceGrowth,
  plain: plainOverInstances,
  limits: [
    {
      name: 'with gates that say nothing: the mean of the instances that are there',
      parameters: {},
      call: ({ inputs: given, weights }) => ({
        inputs: given,
        weights: { ...weights, 'attention_weights.weight': zeros(weights['attention_weights.weight']!.shape) },
      }),
      equals({ inputs: given }, { batch, instances, width, branches }) {
        const h = given['h']!;
        const z = zeros([batch, branches, width]);
        z.data.forEach((_, at) => {
          const b = Math.floor(at / (branches * width));
          for (let n = 0; n < instances; n++)
            z.data[at]! += h.data[(b * instances + n) * width + (at % width)]! / instances;
        });
        return { z };
      },
    },
    {
      name: 'with all instances but the last masked: that instance',
      parameters: { batch: 1 },
      call: ({ inputs: given, weights }, { instances }) => ({
        weights,
        inputs: {
          ...given,
          mask: tensor(
            [1, instances],
            Float64Array.from({ length: instances }, (_, at) => (at === instances - 1 ? 1 : 0)),
          ),
        },
      }),
      equals: ({ inputs: given }, { width, branches }) => ({
        z: tensor(
          [1, branches, width],
          Float64Array.from(
            { length: branches * width },
            (_, at) => given['h']!.data[given['h']!.data.length - width + (at % width)]!,
          ),
        ),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Instances without anything to find.',
      draw: (parameters, seed) => normalInputs({ inputs: () => inputs(parameters) }, parameters, seed),
    },
    {
      id: 'planted',
      title: 'Two patterns in a few instances',
      description: 'The first instances (4 in 100) show one of two patterns, larger than the background.',
      draw: planted,
    },
    {
      id: 'short',
      title: 'A bag half full',
      description: 'As with two patterns; the later half of the instances is filler, which gets no attention.',
      draw: (parameters, seed) => ({
        ...planted(parameters, seed),
        mask: tensor(
          [parameters.batch, parameters.instances],
          Float64Array.from({ length: parameters.batch * parameters.instances }, (_, at) =>
            at % parameters.instances < parameters.instances / 2 ? 1 : 0,
          ),
        ),
      }),
    },
  ],
  pictures({ inputs: given }, outputs, { batch, branches, instances }) {
    const attention = tensor([batch, 1, branches, instances], outputs['attention']!.data);
    return poolingPictures(attention, given['mask']!, published);
  },
};
