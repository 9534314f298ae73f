/** Attention whose weights are the answer: each step points at one of the objects on a grid, at the end, or at nothing. */
import type { Module, ModuleInput } from '../../module';
import { headsFor } from '../../module-parts/plain-attention';
import { mapped, matrixProduct, turned } from '../../module-parts/layers';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, random, seedFor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { codePicture, headMaps, pointerMaps } from './pictures';
import {
  headScores,
  pointerGraph,
  pointerLogits,
  pointerMultiplyAdds,
  pointerShares,
  pointerWeights,
  sharesGraph,
  type PointerSize,
} from './pointer';
import { codeOf, tableFor } from './positions';
import * as field from '../../parameters';

interface Parameters extends Record<string, number>, PointerSize {
  readonly rows: number;
  readonly columns: number;
  readonly steps: number;
  readonly batch: number;
}

/** Objects and, last, the target, whose token stops the search. */
const keysOf = ({ rows, columns }: Pick<Parameters, 'rows' | 'columns'>): number => rows * columns + 1;

const inputsOf = (parameters: Parameters): readonly ModuleInput[] => {
  const { batch, steps, width } = parameters;
  const keys = keysOf(parameters);
  return [
    {
      name: 'queries',
      kind: 'tokens',
      title: 'Decoder tokens',
      description: '[batch, steps, width]: what the decoder makes of the fixations up to each step',
      shape: [batch, steps, width],
    },
    {
      name: 'keys',
      kind: 'regions',
      title: 'Encoder tokens',
      description: '[batch, objects + 1, width]: the objects row by row, then the target, which ends the search',
      shape: [batch, keys, width],
    },
    {
      name: 'mask',
      kind: 'mask',
      title: 'Objects that are there',
      description: '[batch, objects + 1]: 0 for padding',
      shape: [batch, keys],
    },
  ];
};

const allThere = (parameters: Parameters): Tensor => mapped(zeros([parameters.batch, keysOf(parameters)]), () => 1);

/** Half of a token is the object, half its place; a step holds the token of the object that it was at. Its path goes to the right. */
function shelf(parameters: Parameters, seed: number): { readonly queries: Tensor; readonly keys: Tensor } {
  const { rows, columns, steps, width, batch } = parameters;
  const half = Math.floor(width / 2);
  const table = tableFor('distance-matched', rows, columns, width - half);
  const keys = zeros([batch, keysOf(parameters), width]);
  const queries = zeros([batch, steps, width]);
  const source = random(seed);
  for (let b = 0; b < batch; b++) {
    const token = (at: number) =>
      keys.data.subarray((b * keysOf(parameters) + at) * width, (b * keysOf(parameters) + at + 1) * width);
    for (let at = 0; at < keysOf(parameters); at++) {
      const target = at === rows * columns;
      for (let c = 0; c < half; c++) token(at)[c] = source.normal() / 2;
      const [row, column] = target ? [rows - 1, columns - 1] : [Math.floor(at / columns), at % columns];
      const code = codeOf(table, row, column, target ? 1 : 0, width - half);
      code.forEach((value, c) => (token(at)[half + c] = 2 * value));
    }
    for (let step = 0; step < steps; step++) {
      const row = token((Math.floor(rows / 2) * columns + (step % columns)) % (rows * columns));
      queries.data.set(row, (b * steps + step) * width);
    }
  }
  return { queries, keys };
}

export const pointerAttention: Module<Parameters> = {
  id: 'pointer-attention',
  title: 'Pointer attention with a null key (OAT)',
  kind: 'head',
  summary:
    'Attention whose weights are the output: each step of a search points at one of the objects, at the target, which ends the search, or at a null key. It pays where the answer is one of the things in the input, however many there are.',
  source: {
    reference: 'arXiv:2407.13335; src/model/models.py of github.com/HKUST-NISL/oat_eccv24 (Cross_Attention, readout)',
    trust: 'high',
    note: 'Weights are those of the whole model, cross_attentions.<head>.decode_fc and encode_fc and readout; with one head the release does not apply its readout. Logits are as released, over padding as well; the shares beside them leave padding out.',
  },
  parameters: {
    rows: field.integer('Rows', 'Rows of the grid of objects: 3 of the shelf of yogurt.', {
      min: 1,
      max: 16,
      default: 3,
    }),
    columns: field.integer('Columns', 'Columns of the grid of objects.', { min: 1, max: 32, default: 9 }),
    steps: field.integer('Steps', 'Fixations of the path.', { min: 1, max: 256, default: 8 }),
    width: field.integer('Width', 'Numbers of a token; 512 as published.', { min: 2, max: 1024, default: 512 }),
    heads: field.integer('Heads', 'Heads, each of the full width; 2 as published.', { min: 1, max: 8, default: 2 }),
    batch: field.integer('Batch', 'Scenes in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs: inputsOf,
  outputs(parameters) {
    const shape = [parameters.batch, parameters.steps, keysOf(parameters) + 1];
    return [
      { name: 'logits', title: 'Logits', description: '[batch, steps, objects + end + null]', shape },
      { name: 'shares', title: 'Shares', description: 'Softmax of the logits, padding left out', shape },
    ];
  },
  weights: pointerWeights,
  parametersOf(shapeOf) {
    const width = shapeOf('cross_attentions.0.decode_fc.weight')?.[0];
    const heads = Array.from({ length: 8 }, (_, head) => head).filter((head) =>
      shapeOf(`cross_attentions.${head}.decode_fc.weight`),
    ).length;
    return width === undefined ? {} : { width, heads };
  },
  reference({ inputs, weights }, parameters) {
    const logits = pointerLogits(inputs['queries']!, inputs['keys']!, weights, parameters);
    return { logits, shares: pointerShares(logits, inputs['mask']!) };
  },
  build(graph, parameters) {
    const logits = pointerGraph(graph, graph.input('queries'), graph.input('keys'), parameters);
    return { logits, shares: sharesGraph(graph, logits, graph.input('mask')) };
  },
  cost(parameters) {
    const { batch, steps: n, width: d, heads } = parameters;
    const m = keysOf(parameters);
    const count = parameterCount(pointerWeights(parameters));
    const multiplyAdds = batch * pointerMultiplyAdds(n, m, parameters);
    return {
      multiplyAdds,
      // A bias for each number, the mix, five operations on a logit.
      flops: 2 * multiplyAdds + batch * (heads * d * (2 * n + m) + 6 * n * (m + 1)),
      // Tokens read by every head, projected, biased, joined and read again; logits joined, mixed, masked, softmax.
      bytes: 4 * (count + batch * ((n + m) * d * (1 + 6 * heads) + n * heads * d * 2 + 8 * n * (m + 1) + m)),
      parameters: count,
    };
  },
  depth: () => 3,
  growth: {
    of: 'objects',
    sizes: [9, 18, 32].map((columns) => ({ rows: 3, columns, steps: 1, width: 128 })),
    size: keysOf,
    exponent: 1,
  },
  plain: (parameters) => ({
    batch: parameters.batch,
    queries: parameters.steps,
    keys: keysOf(parameters),
    width: parameters.width,
    heads: headsFor(parameters.width),
  }),
  limits: [
    {
      name: 'one head that changes nothing: scaled dot products, and 0 in the null column',
      parameters: { heads: 1 },
      call: ({ inputs, weights }, { width }) => ({
        inputs,
        weights: Object.fromEntries(
          Object.entries(weights).map(([name, x]) => [
            name,
            mapped(x, (_, at) => (name.endsWith('weight') && Math.floor(at / width) === at % width ? 1 : 0)),
          ]),
        ),
      }),
      equals({ inputs }, parameters) {
        const { batch, steps, width } = parameters;
        const keys = keysOf(parameters);
        const products = matrixProduct(inputs['queries']!, turned(inputs['keys']!));
        const logits = zeros([batch, steps, keys + 1]);
        products.data.forEach((value, at) => {
          logits.data[Math.floor(at / keys) * (keys + 1) + (at % keys)] = value / Math.sqrt(width);
        });
        return { logits };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers, no padding: nothing to point at.',
      draw: (parameters, seed) => ({
        queries: normalTensor([parameters.batch, parameters.steps, parameters.width], seedFor(seed, 'queries')),
        keys: normalTensor([parameters.batch, keysOf(parameters), parameters.width], seedFor(seed, 'keys')),
        mask: allThere(parameters),
      }),
    },
    {
      id: 'shelf',
      title: 'Objects on a grid',
      description:
        'Tokens of half features, half distance-matched places; the path goes to the right along the middle row, and the first object is padding.',
      draw(parameters, seed) {
        const there = allThere(parameters);
        return {
          ...shelf(parameters, seed),
          mask: mapped(there, (_, at) => (at % keysOf(parameters) === 0 ? 0 : 1)),
        };
      },
    },
  ],
  pictures({ inputs, weights }, outputs, parameters) {
    const { rows, columns, width, heads } = parameters;
    const mix = heads > 1 ? weightOf(weights, 'readout.weight').data : undefined;
    return [
      ...pointerMaps(outputs['shares']!, parameters),
      ...headMaps(headScores(inputs['queries']!, inputs['keys']!, weights, parameters), mix, parameters),
      codePicture(tableFor('distance-matched', rows, columns, Math.ceil(width / 2)), 'distance-matched'),
    ];
  },
};
