/** ACMIL whole: from the features of a bag's instances to the classes of its branches and of the bag, and its losses. */
import type { Module, ModuleCall, ModuleInput, ModuleWeight, Tensors } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { linear } from '../../module-parts/layers';
import {
  behind,
  evenly,
  linearWeights,
  normWeights,
  parameterCount,
  under,
  weightOf,
} from '../../module-parts/weights';
import { random, seedFor } from '../../tensors/random';
import { tensor } from '../../tensors/tensor';
import { plantedBag } from './bags';
import { instanceGrowth, plainOverInstances } from './instances';
import { branchLogits, gatedPooling, lossesOf, multiHeadPooling, reducedFeatures } from './definition';
import { gateMultiplyAdds, gateWeights } from './gated-pooling';
import { bagClasses, branchClasses, gatedPooled, losses, multiHeadPooled, reduced } from './graph';
import { abmil } from './limits';
import { poolingPictures } from './pictures';
import { published } from './stkim';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly form: string;
  readonly instances: number;
  readonly features: number;
  readonly width: number;
  readonly hidden: number;
  readonly branches: number;
  readonly heads: number;
  readonly classes: number;
  readonly batch: number;
}

const isGated = ({ form }: Parameters): boolean => form === 'gated';
const headsOf = (parameters: Parameters): number => (isGated(parameters) ? 1 : parameters.heads);

function inputs(parameters: Parameters): readonly ModuleInput[] {
  const { batch, instances, features, branches } = parameters;
  const heads = headsOf(parameters);
  return [
    {
      name: 'x',
      kind: 'bag',
      title: 'Instances',
      description: '[batch, instances, features]: what an encoder gives for each patch of a slide.',
      shape: [batch, instances, features],
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
      description: '[batch, heads, branches, instances]: the mask of a step of training; 1 everywhere otherwise.',
      shape: [batch, heads, branches, instances],
    },
    {
      name: 'label',
      kind: 'labels',
      title: 'Class of the bag',
      description: '[batch]: the losses alone read it.',
      shape: [batch],
    },
  ];
}

/** Query, key, value and output projections with biases; those of the bag have no query and no key. */
const attentionWeights = (prefix: string, width: number, layers: readonly string[]): readonly ModuleWeight[] =>
  behind(prefix, [...layers.flatMap((name) => linearWeights(name, width, width)), ...normWeights('layer_norm', width)]);

function weights(parameters: Parameters): readonly ModuleWeight[] {
  const { features, width, hidden, branches, classes } = parameters;
  const indices = Array.from({ length: branches }, (_, i) => i);
  return [
    { name: 'dimreduction.fc1.weight', shape: [width, features], initial: evenly(features) },
    ...(isGated(parameters)
      ? behind('attention.', gateWeights(width, hidden, branches))
      : [
          // 1e-6 in the repository, where all branches begin the same; wider here, so that they differ.
          { name: 'q', shape: [1, branches, width], initial: { kind: 'normal', deviation: 1 } } as const,
          ...indices.flatMap((i) =>
            attentionWeights(`sub_attention.${i}.`, width, ['q_proj', 'k_proj', 'v_proj', 'out_proj']),
          ),
          ...attentionWeights('bag_attention.', width, ['v_proj', 'out_proj']),
        ]),
    ...indices.flatMap((i) => linearWeights(`classifier.${i}.fc`, classes, width)),
    ...linearWeights('Slide_classifier.fc', classes, width),
  ];
}

/** Multiply-adds of one bag; the queries of the multi-head form are projected once for all bags. */
function multiplyAdds(parameters: Parameters): number {
  const { instances: n, features, width: d, hidden, branches, classes } = parameters;
  const pooling = isGated(parameters)
    ? gateMultiplyAdds(n, d, hidden, branches)
    : // Keys, values, scores, sums and output of each branch; values, sums and output of the bag.
      branches * (2 * n * d * d + 2 * n * d + d * d) + (n * d * d + n * d + d * d);
  const diversity = branches === 1 ? 0 : headsOf(parameters) * branches * branches * n;
  return n * features * d + pooling + diversity + (branches + 1) * d * classes;
}

const samplesOf = (parameters: Parameters, seed: number): Tensors => ({
  ...normalInputs({ inputs: () => inputs(parameters) }, parameters, seed),
  label: labelsOf(parameters, seed),
});

function labelsOf({ batch, classes }: Parameters, seed: number) {
  const source = random(seedFor(seed, 'labels'));
  return tensor(
    [batch],
    Float64Array.from({ length: batch }, () => Math.floor(source.uniform() * classes)),
  );
}

const integer = (title: string, description: string, max: number, preset: number, min = 1) =>
  field.integer(title, description, { min, max, default: preset });

export const acmil: Module<Parameters> = {
  id: 'acmil',
  title: 'ACMIL',
  kind: 'network',
  summary:
    'Multiple-instance learning that keeps attention from resting on a few instances: several branches pool the bag, a loss makes them attend to different instances, and training masks the strongest of each. It classifies bags of thousands of patches, as of whole-slide images.',
  source: {
    reference:
      'arXiv:2311.07125; ACMIL_GA and ACMIL_MHA in architecture/transformer.py of github.com/dazhangyu123/ACMIL',
    trust: 'high',
    note: 'Learned queries of the multi-head form are drawn with deviation 1 in place of 1e-6, the last layer of the gate six times as wide as the others, so that branches differ. Dropout is left out. The mask of training is an input, so that a graph gives the same twice.',
  },
  parameters: {
    form: field.choice(
      'Attention',
      'gated: one small network scores instances; multi-head: each branch is a query with projections of its own.',
      { options: ['gated', 'multi-head'], default: 'gated' },
    ),
    instances: integer('Instances', 'In a bag.', 65536, 1024),
    features: integer('Features', 'Of an instance: 512 of ResNet-18, 384 of ViT-S.', 4096, 512),
    width: integer('Width', 'Reduced features D: 256 of 512, 128 of 384.', 4096, 256),
    hidden: integer('Hidden width', 'Of the gate.', 1024, 128),
    branches: integer('Branches', 'M: 5, or 2 for CAMELYON16 with features of a ResNet.', 32, 5),
    heads: integer('Heads', 'Of the multi-head form.', 64, 8),
    classes: integer('Classes', 'Of a bag.', 1000, 2),
    batch: integer('Batch', 'Bags in a call.', 64, 1),
  },
  refuse: (parameters) =>
    !isGated(parameters) && parameters.width % parameters.heads !== 0
      ? `${parameters.heads} heads do not divide a width of ${parameters.width}. Choose a divisor.`
      : undefined,
  inputs,
  outputs(parameters) {
    const { batch, instances, branches, classes } = parameters;
    return [
      {
        name: 'bag_logits',
        title: 'Logits of the bag',
        description: '[batch, classes]',
        shape: [batch, classes],
      },
      {
        name: 'branch_logits',
        title: 'Logits of the branches',
        description: '[batch, branches, classes]',
        shape: [batch, branches, classes],
      },
      {
        name: 'attention',
        title: 'Attention',
        description: '[batch, heads, branches, instances]; each row adds up to 1.',
        shape: [batch, headsOf(parameters), branches, instances],
      },
      {
        name: 'losses',
        title: 'Losses',
        description:
          '[batch, 3]: cross-entropy of the bag and mean cross-entropy of its branches in nats, mean cosine of pairs of branches. Their sum is what is trained.',
        shape: [batch, 3],
      },
    ];
  },
  weights,
  parametersOf(shapeOf) {
    const [first, gate, last, queries, classes] = [
      'dimreduction.fc1.weight',
      'attention.attention_V.0.weight',
      'attention.attention_weights.weight',
      'q',
      'Slide_classifier.fc.weight',
    ].map(shapeOf);
    return {
      ...(first ? { width: first[0]!, features: first[1]! } : {}),
      ...(gate && last ? { form: 'gated', hidden: gate[0]!, branches: last[0]! } : {}),
      ...(queries ? { form: 'multi-head', branches: queries[1]! } : {}),
      ...(classes ? { classes: classes[0]! } : {}),
    };
  },
  reference,
  build(graph, parameters) {
    const [mask, kept] = [graph.input('mask'), graph.input('kept')];
    const h = reduced(graph, graph.input('x'));
    const pooled = isGated(parameters) ? gatedPooled(graph, h, mask, kept) : multiHeadPooled(graph, h, mask, kept);
    const [branch, bag] = [branchClasses(graph, pooled.branches), bagClasses(graph, pooled.bag)];
    return {
      bag_logits: bag,
      branch_logits: branch,
      attention: pooled.attention,
      losses: losses(graph, pooled.attention, branch, bag, graph.input('label')),
    };
  },
  cost(parameters) {
    const { batch, instances: n, features, width: d, hidden, branches, classes } = parameters;
    const heads = headsOf(parameters);
    const count = parameterCount(weights(parameters));
    const products = batch * multiplyAdds(parameters) + (isGated(parameters) ? 0 : branches * d * d);
    const maps = n * heads * branches;
    const own = isGated(parameters) ? n * (2 * d + 13 * hidden) : n * d * (8 * branches + 8);
    return {
      multiplyAdds: products,
      flops: 2 * products + batch * (n * (d + (isGated(parameters) ? 5 * hidden : 3 * d * branches)) + 12 * maps),
      bytes: 4 * (count + batch * (n * (features + 6 * d) + own + 24 * maps + 12 * (branches + 1) * (d + classes))),
      parameters: count,
    };
  },
  depth: ({ form }) => (form === 'gated' ? 4 : 6),
  growth: instanceGrowth,
  plain: plainOverInstances,
  limits: [
    {
      name: 'one branch and no mask: gated attention pooling as ABMIL has it, whose one loss is that of the bag',
      parameters: { form: 'gated', branches: 1 },
      equals: abmil,
    },
  ],
  samples: [
    { id: 'normal', title: 'Normal numbers', description: 'Instances without anything to find.', draw: samplesOf },
    {
      id: 'planted',
      title: 'Two patterns in a few instances',
      description: 'The first instances (4 in 100) show one of two patterns, larger than the background.',
      draw: (parameters, seed) => ({
        ...samplesOf(parameters, seed),
        x: plantedBag([parameters.batch, parameters.instances, parameters.features], 2, seed),
      }),
    },
  ],
  pictures: ({ inputs: given }, outputs) => poolingPictures(outputs['attention']!, given['mask']!, published),
};

function reference({ inputs: given, weights: of }: ModuleCall, parameters: Parameters): Tensors {
  const h = reducedFeatures(given['x']!, of);
  const [mask, kept] = [given['mask']!, given['kept']!];
  const pooled = isGated(parameters)
    ? gatedPooling(h, under(of, 'attention.'), mask, kept)
    : multiHeadPooling(h, of, mask, kept, parameters.heads);
  const branch = branchLogits(pooled.branches, of);
  const bag = linear(pooled.bag, weightOf(of, 'Slide_classifier.fc.weight'), weightOf(of, 'Slide_classifier.fc.bias'));
  return {
    bag_logits: bag,
    branch_logits: branch,
    attention: pooled.attention,
    losses: lossesOf(pooled.attention, branch, bag, given['label']!),
  };
}
