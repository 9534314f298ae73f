import { blockCost, wholeProductCost } from '../../cost/blocks';
import { attentionGraph } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { add, divide, elu, multiply, sigmoid, squareRoot } from '../../graph/operators/elementwise';
import { reduceMean } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { headRows, kernelSystem } from '../../reference/linear-system';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { tensor, type Tensor } from '../../tensors/tensor';
import { alibiSlopes } from '../alibi-slopes';
import { decayedBlocks, wholeProduct, type BlockForm } from './blocks';
import { decayedRows, decayedState } from './decay';
import { headAngles, rotate, rotateTensor, spreadHeads, spreadTensor } from './rotation';
import { stepDecayed } from './step';
import * as field from '../../parameters';
import type { AttentionInputs } from '../../tensors/tensor';

interface Parameters extends Record<string, number | string | boolean> {
  readonly block: number;
  readonly form: BlockForm;
  readonly features: 'none' | 'swish' | 'elu + 1';
  readonly norm: 'none' | 'srms';
  readonly rotation: boolean;
  readonly decay: 'none' | 'code' | 'paper';
  readonly layer: number;
  readonly layers: number;
}

/** Added to the mean square under the root (SRMSNorm of the released model code). */
const epsilon = 1e-6;

/**
 * -log(lambda) of each head of layer l of L. code: 2^(-8 h / H) (1 - l / (L - 1) + 1e-5); paper: (8 h / H) (1 - l / L); both
 * with h = 1..H and l from 0.
 */
export function transnormerSlopes(
  heads: number,
  { decay, layer, layers }: Pick<Parameters, 'decay' | 'layer' | 'layers'>,
): readonly number[] {
  if (decay === 'none') return new Array<number>(heads).fill(0);
  if (decay === 'paper') return Array.from({ length: heads }, (_, h) => ((8 * (h + 1)) / heads) * (1 - layer / layers));
  const factor = 1 - (layers > 1 ? layer / (layers - 1) : 0) + 1e-5;
  return alibiSlopes(heads).map((slope) => slope * factor);
}

const slopesOf = (shape: AttentionShape, parameters: Parameters) => transnormerSlopes(shape.heads, parameters);

export const lightningAttention: Mechanism<Parameters> = {
  id: 'lightning-attention',
  title: 'Lightning Attention (TransNormerLLM)',
  family: 'linear',
  summary:
    'Linear attention without softmax, in blocks with one running state; optional are the parts of TransNormerLLM around it: activated queries and keys, a decay by head and layer, rotation of positions, and a norm of the output instead of a denominator.',
  source: {
    reference:
      'arXiv:2405.17381, sections 2 and 3 and algorithm 1; decay and norm also as in the released model code (OpenNLPLab)',
    trust: 'high',
    note: 'Decay: paper and code differ, and both are offered. The output gate, which multiplies by a projection of the layer’s input, is in the module tnl-block. Non-causal attention is Q (K^T V), without decay.',
  },
  template: {
    projected: 'activation, decay and rotation as chosen',
    scores: 'q·k times decay to the power of the distance',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'none (a norm of the output as chosen)', averagesValues: false },
    aggregation: 'running sum of k vᵀ, read by q',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'one d x e matrix', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined; with a norm its mean squares',
      headsIndependent: true,
      sequence: 'one d x e matrix from part to part',
    },
  },
  parameters: {
    block: field.integer('Block', 'Positions that are multiplied directly before the state takes over.', {
      min: 1,
      max: 4096,
      default: 128,
    }),
    form: field.choice(
      'Form',
      'loop: block after block, with one state in memory; parallel: the products of all blocks at once.',
      { options: ['loop', 'parallel'], default: 'loop' },
    ),
    features: field.choice('Features', 'Activation of queries and keys: none, swish (the paper’s layer) or elu + 1.', {
      options: ['none', 'swish', 'elu + 1'],
      default: 'none',
    }),
    norm: field.choice('Norm', 'srms divides the joined heads of a position by their root mean square.', {
      options: ['none', 'srms'],
      default: 'none',
    }),
    rotation: field.flag(
      'Rotation',
      'Scores become sum_j q_j k_j cos(theta_j distance), theta_j = 10000^(-2 j / (H d)) (LRPE).',
      false,
    ),
    decay: field.choice('Decay', 'By head and layer, as in the released code or as in the paper’s formula.', {
      options: ['none', 'code', 'paper'],
      default: 'none',
    }),
    layer: field.integer('Layer', 'Layer (from 0) whose decay is taken; later layers fade more slowly.', {
      min: 0,
      max: 255,
      default: 0,
    }),
    layers: field.integer('Layers', 'Layers of the model.', { min: 1, max: 256, default: 24 }),
  },
  layout: 'heads-first',
  exponent: 1,
  supports({ pattern }, { decay, layer, layers }) {
    if (layer >= layers) return { ok: false, why: `Layer ${layer} is none of ${layers} layers, which count from 0.` };
    if (pattern === 'noncausal-cross' || pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'Lightning Attention is defined within one sequence; its source gives no form for queries and keys of different ones.',
      };
    }
    if (pattern === 'noncausal-self' && decay !== 'none') {
      return {
        ok: false,
        why: 'A decay needs a direction: non-causal attention takes Lightning Attention with decay "none" only.',
      };
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) => referenceRows(inputs, shape, parameters, allRows(shape)),
  referenceRows,
  build: (full, parameters, precision) =>
    attentionGraph('lightning-attention', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const activated = { query: features(query, parameters), key: features(key, parameters), value };
      const {
        query: q,
        key: k,
        value: v,
        shape: wide,
      } = parameters.rotation ? turned(activated, shape) : { ...activated, shape };
      const output = isCausalSelf(shape)
        ? decayedBlocks(q, k, v, wide, { ...parameters, slopes: slopesOf(shape, parameters) })
        : wholeProduct(q, k, v, wide);
      return finish(output, parameters);
    }),
  cost(shape, parameters) {
    const wide = parameters.rotation ? { ...shape, headDim: 2 * shape.headDim, kvHeads: shape.heads } : shape;
    return isCausalSelf(shape)
      ? blockCost(wide, parameters.block, parameters.form, parameters.decay !== 'none')
      : wholeProductCost(wide);
  },
  pattern: (shape, { block, norm }) => ({
    dependsOnData: false,
    joinsHeads: norm !== 'none',
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: block, keys: block } } : {}),
  }),
  decode: {
    states: ({ batch, heads, headDim, valueDim }, { rotation }) => [
      { name: 'state', shape: [batch, heads, rotation ? 2 * headDim : headDim, valueDim] },
    ],
    stateAfter(inputs, shape, parameters) {
      const key = mapped(inputs.key, parameters);
      const slopes = slopesOf(shape, parameters);
      if (!parameters.rotation) return { state: decayedState(key, inputs.value, shape, slopes) };
      const angles = headAngles(shape.heads, shape.headDim);
      const wide = { ...shape, kvHeads: shape.heads, headDim: 2 * shape.headDim };
      const turnedKey = rotateTensor(spreadTensor(key, shape.heads), angles, 0);
      return { state: decayedState(turnedKey, spreadTensor(inputs.value, shape.heads), wide, slopes) };
    },
    build(shape, parameters, precision) {
      const position = shape.keys - 1;
      const turn = (x: Value): Value =>
        parameters.rotation
          ? rotate(spreadHeads(features(x, parameters), shape.heads), position)
          : features(x, parameters);
      return stepDecayed(new GraphBuilder('lightning-attention step'), shape, precision, {
        slopes: slopesOf(shape, parameters),
        width: parameters.rotation ? 2 * shape.headDim : shape.headDim,
        features: turn,
        finish: (x) => finish(x, parameters),
        ...(parameters.rotation ? { spread: true } : {}),
      });
    },
    cost({ batch, heads, headDim, valueDim }, { rotation }) {
      const state = batch * heads * headDim * valueDim * (rotation ? 2 : 1);
      return { flops: 5 * state, bytes: 4 * 9 * state, peakBytes: 4 * 3 * state };
    },
  },
  /** The norm of the joined heads is not linear. */
  asSystem(inputs, shape, parameters, head) {
    if (parameters.norm !== 'none') return undefined;
    const own = { query: mapped(inputs.query, parameters), key: mapped(inputs.key, parameters) };
    const decay = Math.exp(-slopesOf(shape, parameters)[head]!);
    if (!parameters.rotation) {
      const { query, key } = headRows(own, head);
      return kernelSystem(query, key, { decay });
    }
    const angles = headAngles(shape.heads, shape.headDim);
    const { query, key } = headRows(
      { query: rotateTensor(own.query, angles, 0), key: rotateTensor(spreadTensor(own.key, shape.heads), angles, 0) },
      head,
    );
    return kernelSystem(query, key, { decay });
  },
  limits: [],
};

function features(x: Value, { features: kind }: Parameters): Value {
  if (kind === 'swish') return multiply(x, sigmoid(x));
  return kind === 'elu + 1' ? add(elu(x), 1) : x;
}

function feature(x: number, { features: kind }: Parameters): number {
  if (kind === 'swish') return x / (1 + Math.exp(-x));
  return kind === 'elu + 1' ? (x > 0 ? x + 1 : Math.exp(x)) : x;
}

const mapped = (x: Tensor, parameters: Parameters): Tensor =>
  tensor(
    x.shape,
    x.data.map((each) => feature(each, parameters)),
  );

/** Rotated queries and keys of every query head (theta belongs to a query head): widths double. */
function turned(
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
  shape: AttentionShape,
) {
  return {
    query: rotate(query, queryOffset(shape)),
    key: rotate(spreadHeads(key, shape.heads), 0),
    value: spreadHeads(value, shape.heads),
    shape: { ...shape, kvHeads: shape.heads, headDim: 2 * shape.headDim },
  };
}

/** x / sqrt(mean over the joined heads of x^2 + 1e-6). */
function finish(x: Value, { norm }: Parameters): Value {
  return norm === 'srms' ? divide(x, squareRoot(add(reduceMean(multiply(x, x), [1, 3]), epsilon))) : x;
}

function referenceRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: Parameters,
  rows: readonly number[],
): Tensor {
  const query = mapped(inputs.query, parameters);
  const key = mapped(inputs.key, parameters);
  const slopes = slopesOf(shape, parameters);
  const angles = headAngles(shape.heads, shape.headDim);
  const dot = (head: number, from: number, at: number, distance: number): number => {
    let sum = 0;
    for (let x = 0; x < shape.headDim; x++) {
      sum += query.data[from + x]! * key.data[at + x]! * Math.cos(angles[head]![x]! * distance);
    }
    return sum;
  };
  const output = decayedRows({ ...inputs, query, key }, shape, rows, slopes, parameters.rotation ? dot : undefined);
  return parameters.norm === 'srms' ? simpleNorm(output) : output;
}

/** Each position of [b, h, n, e] over the root mean square of its joined heads. */
export function simpleNorm(x: Tensor): Tensor {
  const [batch, heads, rows, width] = x.shape as readonly [number, number, number, number];
  const data = new Float64Array(x.data.length);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      const at = (h: number) => ((b * heads + h) * rows + i) * width;
      let square = 0;
      for (let h = 0; h < heads; h++) for (let c = 0; c < width; c++) square += x.data[at(h) + c]! ** 2;
      const root = Math.sqrt(square / (heads * width) + epsilon);
      for (let h = 0; h < heads; h++) for (let c = 0; c < width; c++) data[at(h) + c] = x.data[at(h) + c]! / root;
    }
  }
  return tensor(x.shape, data);
}
