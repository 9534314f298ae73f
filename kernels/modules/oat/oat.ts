/** OAT as a module: from features of objects on a grid to where each step of a search looks next. */
import type { Module, ModuleInput, Tensors } from '../../module';
import { mapped } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { parameterCount } from '../../module-parts/weights';
import { normalTensor, random, seedFor } from '../../tensors/random';
import { tensor, zeros } from '../../tensors/tensor';
import { oatGraph, oatMultiplyAdds, oatReference, oatWeights, objectsOf, type OatSize } from './network';
import { codePicture, pathTable, pointerMaps } from './pictures';
import { codeChoices, tableFor } from './positions';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string>, OatSize {}

const inputsOf = (size: Parameters): readonly ModuleInput[] => {
  const { batch, steps, width } = size;
  const count = objectsOf(size);
  return [
    {
      name: 'objects',
      kind: 'regions',
      title: 'Objects',
      description: '[batch, rows * columns, width / 2]: features of the patches, row by row',
      shape: [batch, count, width / 2],
    },
    {
      name: 'target',
      kind: 'tokens',
      title: 'Target',
      description: '[batch, 1, width / 2]: features of what is searched',
      shape: [batch, 1, width / 2],
    },
    {
      name: 'blank',
      kind: 'tokens',
      title: 'Blank patch',
      description: '[batch, 1, width / 2]: features of the blank patch at the start',
      shape: [batch, 1, width / 2],
    },
    {
      name: 'there',
      kind: 'mask',
      title: 'Objects that are there',
      description: '[batch, rows * columns]: 0 for padding',
      shape: [batch, count],
    },
    {
      name: 'fixations',
      kind: 'labels',
      title: 'Path',
      description: '[batch, steps]: the object of each fixation, counted from 0; rows * columns is the start',
      shape: [batch, steps],
    },
    {
      name: 'place',
      kind: 'labels',
      title: 'Place of the target',
      description: '[batch, 1]: the object that is the target',
      shape: [batch, 1],
    },
  ];
};

/** Features of a kind for each object; the path begins at the start. `next` gives the object after another. */
function scene(
  size: Parameters,
  seed: number,
  kinds: number,
  next: (at: number, draw: () => number) => number,
): Tensors {
  const { batch, steps, width, rows, columns } = size;
  const [count, half] = [objectsOf(size), width / 2];
  const source = random(seedFor(seed, 'scene'));
  const ofKind = normalTensor([kinds, half], seedFor(seed, 'kinds'));
  const objects = zeros([batch, count, half]);
  const target = zeros([batch, 1, half]);
  const fixations = zeros([batch, steps]);
  const place = zeros([batch, 1]);
  for (let b = 0; b < batch; b++) {
    place.data[b] = Math.floor(source.uniform() * count);
    for (let at = 0; at < count; at++) {
      const kind = Math.floor(source.uniform() * kinds);
      const feature = ofKind.data.subarray(kind * half, (kind + 1) * half);
      objects.data.set(feature, (b * count + at) * half);
      if (at === place.data[b]) target.data.set(feature, b * half);
    }
    let at = Math.floor(rows / 2) * columns;
    fixations.data[b * steps] = count;
    for (let step = 1; step < steps; step++) {
      fixations.data[b * steps + step] = at;
      at = next(at, () => source.uniform());
    }
  }
  const blank = zeros([batch, 1, half]);
  const there = mapped(zeros([batch, count]), () => 1);
  return { objects, target, blank, there, fixations, place };
}

export const oat: Module<Parameters> = {
  id: 'oat',
  title: 'Object-level attention transformer (OAT)',
  kind: 'network',
  summary:
    'Predicts where a person who searches looks next, object by object: an encoder over the objects and the target, a decoder over the fixations so far, and a pointer whose weights are the answer. It fits scenes of distinct objects, up to about a hundred, better than maps over pixels.',
  source: {
    reference: 'arXiv:2407.13335; src/model/models.py of github.com/HKUST-NISL/oat_eccv24',
    trust: 'medium',
    note: 'It begins behind cnn_embedding, whose features are inputs. The position table is the closed form of the published fit. As released, the target token has the place of the searched object, so the network is told where it is; "hidden" gives it zeros instead. A released table has 14 or 11 rows; here it has as many as the grid needs.',
  },
  parameters: {
    rows: field.integer('Rows', 'Rows of the grid: 3 of the shelf of yogurt, 2 of wine, 6 of book covers.', {
      min: 1,
      max: 16,
      default: 3,
    }),
    columns: field.integer('Columns', 'Columns of the grid: 9 of the shelf of yogurt, 11 of wine, 14 of book covers.', {
      min: 1,
      max: 32,
      default: 9,
    }),
    steps: field.integer('Steps', 'Fixations of the path, with its start.', { min: 1, max: 256, default: 8 }),
    width: field.integer('Width', 'Numbers of a token, half features and half place; 512 as published.', {
      min: 2,
      max: 1024,
      default: 512,
    }),
    hidden: field.integer('Hidden width', 'Of the layers behind attention; 512 as published.', {
      min: 1,
      max: 4096,
      default: 512,
    }),
    layers: field.integer('Layers', 'Of the encoder and of the decoder; 4 as published.', {
      min: 1,
      max: 8,
      default: 4,
    }),
    attentionHeads: field.integer('Heads of attention', 'Of encoder and decoder; 4 as published.', {
      min: 1,
      max: 16,
      default: 4,
    }),
    heads: field.integer('Heads of the pointer', 'Each of the full width; 2 as published.', {
      min: 1,
      max: 8,
      default: 2,
    }),
    positions: field.choice('Positions', 'Code of a place on the grid.', {
      options: codeChoices,
      default: 'distance-matched',
    }),
    targetPlace: field.choice(
      'Place of the target',
      'given: its token has the place of the target, as released; hidden: zeros.',
      { options: ['given', 'hidden'], default: 'given' },
    ),
    batch: field.integer('Batch', 'Scenes in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse({ width, attentionHeads }) {
    if (width % 2 !== 0) return `Half of a token is its place, so a width of ${width} must be even.`;
    return width % attentionHeads === 0 ? undefined : `${attentionHeads} heads do not divide a width of ${width}.`;
  },
  inputs: inputsOf,
  outputs(size) {
    const shape = [size.batch, size.steps, objectsOf(size) + 2];
    return [
      { name: 'logits', title: 'Logits', description: '[batch, steps, objects + end + null]', shape },
      {
        name: 'shares',
        title: 'Shares',
        description: 'Softmax of the logits without padding, and without the end at the first step',
        shape,
      },
    ];
  },
  weights: oatWeights,
  parametersOf(shapeOf) {
    const linear1 = shapeOf('transformer_encoder.layers.0.linear1.weight');
    const count = (of: (at: number) => string): number =>
      Array.from({ length: 8 }, (_, at) => at).filter((at) => shapeOf(of(at))).length;
    if (!linear1) return {};
    return {
      width: linear1[1]!,
      hidden: linear1[0]!,
      layers: count((at) => `transformer_encoder.layers.${at}.linear1.weight`),
      heads: count((at) => `cross_attentions.${at}.decode_fc.weight`),
    };
  },
  reference: oatReference,
  build: oatGraph,
  cost(size) {
    const { batch, steps, width: d, hidden, layers, attentionHeads, heads } = size;
    const n = objectsOf(size) + 1;
    const count = parameterCount(oatWeights(size));
    const multiplyAdds = batch * oatMultiplyAdds(size);
    const scores = layers * attentionHeads * (n * n + steps * steps + steps * n);
    const rows = layers * (n + steps);
    return {
      multiplyAdds,
      // Six operations on a score, about thirty on a token of a layer (biases, residuals, norms), one on a hidden number.
      flops: 2 * multiplyAdds + batch * (6 * scores + 30 * rows * d + 2 * rows * hidden),
      // Scores in eight passes; tokens through projections, turns, residuals and norms; hidden numbers; the pointer.
      bytes:
        4 *
        (count +
          batch *
            (8 * scores + 40 * rows * d + 5 * rows * hidden + 6 * heads * d * (n + steps) + 10 * steps * (n + 1))),
      parameters: count,
    };
  },
  depth: ({ layers }) => 3 * layers + 1,
  growth: {
    of: 'objects, of few channels',
    sizes: [8, 16, 32].map((columns) => ({
      rows: 16,
      columns,
      steps: 1,
      width: 8,
      hidden: 8,
      layers: 1,
      attentionHeads: 1,
    })),
    size: objectsOf,
    exponent: 1.85,
  },
  plain: (size) => ({
    batch: size.batch,
    queries: objectsOf(size) + 1,
    keys: objectsOf(size) + 1,
    width: size.width,
    heads: headsFor(size.width),
  }),
  limits: [
    {
      name: 'a mix of 0: every column has its bias, and every share is the same',
      parameters: { heads: 2 },
      call: ({ inputs, weights }) => ({
        inputs: { ...inputs, there: mapped(inputs['there']!, () => 1) },
        weights: { ...weights, 'readout.weight': zeros([1, 2]), 'readout.bias': tensor([1], Float64Array.of(0.75)) },
      }),
      equals: (_, size) => ({
        logits: mapped(zeros([size.batch, size.steps, objectsOf(size) + 2]), () => 0.75),
        shares: mapped(zeros([size.batch, size.steps, objectsOf(size) + 2]), (__, at) => {
          const columns = objectsOf(size) + 2;
          const first = Math.floor(at / columns) % size.steps === 0;
          if (first) return at % columns === columns - 2 ? 0 : 1 / (columns - 1);
          return 1 / columns;
        }),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description:
        'Standard normal features and a path of chance; one object of each scene is padding where there are several.',
      draw(size, seed) {
        const count = objectsOf(size);
        const drawn = scene(size, seed, 1, (_, uniform) => Math.floor(uniform() * count));
        const half = size.width / 2;
        return {
          ...drawn,
          objects: normalTensor([size.batch, count, half], seedFor(seed, 'objects')),
          target: normalTensor([size.batch, 1, half], seedFor(seed, 'target')),
          blank: normalTensor([size.batch, 1, half], seedFor(seed, 'blank')),
          there: mapped(drawn['there']!, (_, at) => (count > 1 && at % count === 0 ? 0 : 1)),
        };
      },
    },
    {
      id: 'searcher',
      title: 'A searcher who reads',
      description:
        'Objects of four kinds, and a path that begins in the middle row and goes on to the right neighbour; the target is of one of the kinds.',
      draw: (size, seed) => scene(size, seed, 4, (at) => (at + 1) % objectsOf(size)),
    },
  ],
  pictures({ inputs }, outputs, size) {
    const half = Math.ceil(size.width / 2);
    const codes =
      size.positions === 'none'
        ? []
        : [codePicture(tableFor(size.positions, size.rows, size.columns, half), size.positions)];
    return [
      ...pointerMaps(outputs['shares']!, size),
      pathTable(inputs['fixations']!, outputs['shares']!, size),
      ...codes,
    ];
  },
};
