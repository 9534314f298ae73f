import { blockCost } from '../../cost/blocks';
import { attentionGraph } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { reshape } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { Mechanism, Weight } from '../../mechanism';
import { headRows, kernelSystem } from '../../reference/linear-system';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import type { AttentionInputs, Tensor } from '../../tensors/tensor';
import { alibiSlopes } from '../alibi-slopes';
import { decayedBlocks, stateAfter, type BlockForm } from './blocks';
import { carriedRows, decayedRows, decayedState } from './decay';
import { stepDecayed } from './step';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string | boolean> {
  readonly block: number;
  readonly form: BlockForm;
  readonly decay: 'by head' | 'none' | 'given';
  readonly slope: number;
  readonly carried: boolean;
}

/** -log(lambda) of each head: 2^(-8 h / H) as ALiBi's slopes (the authors' `utils.py`), 0, or one number for all. */
export const lightningSlopes = (
  heads: number,
  { decay, slope }: Pick<Parameters, 'decay' | 'slope'>,
): readonly number[] =>
  decay === 'by head' ? alibiSlopes(heads) : new Array<number>(heads).fill(decay === 'none' ? 0 : slope);

const slopesOf = (shape: AttentionShape, parameters: Parameters) => lightningSlopes(shape.heads, parameters);

/** The state that an earlier call passed on is among the weights, as what a call takes beside query, key and value. */
const carriedWeights = (
  { batch, heads, headDim, valueDim }: AttentionShape,
  { carried }: Parameters,
): readonly Weight[] =>
  carried
    ? [{ name: 'state.before', shape: [batch, heads, headDim, valueDim], initial: { kind: 'normal', deviation: 1 } }]
    : [];

function referenceRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: Parameters,
  rows: readonly number[],
): Tensor {
  const slopes = slopesOf(shape, parameters);
  const output = decayedRows(inputs, shape, rows, slopes);
  const state = inputs.weights['state.before'];
  if (!state) return output;
  carriedRows(inputs.query, state, shape, rows, slopes).data.forEach((each, at) => (output.data[at]! += each));
  return output;
}

export const lightningAttention2: Mechanism<Parameters> = {
  id: 'lightning-attention-2',
  title: 'Lightning Attention-2',
  family: 'linear',
  summary:
    'Linear attention without softmax or normaliser whose weights fade by a fixed factor per position and head. Blocks are multiplied directly and one d by e state carries everything before them: time per token does not depend on the length.',
  source: {
    reference:
      'arXiv:2401.04658, section 3 and algorithm 1; slopes from the authors’ code (OpenNLPLab/lightning-attention)',
    trust: 'high',
    note: 'Exponents are placed as in the paper, not as in the authors’ kernel: the state is then that of the recurrence. Outputs are not normalised and grow as 1 / (1 - lambda).',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k times decay to the power of the distance',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'none', averagesValues: false },
    aggregation: 'running sum of k vᵀ that fades, read by q',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'one d x e matrix', grows: false },
    sharded: {
      heads: 'nothing; a decay goes with its head',
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
    decay: field.choice(
      'Decay',
      'by head: slopes 2^(-8 h / H) as published, with 8 heads half-lives (ln 2 / slope) of 1.4 to 177 positions; none: no fading; given: one slope for all heads.',
      { options: ['by head', 'none', 'given'], default: 'by head' },
    ),
    slope: field.number('Slope', 'With decay "given": weights fade as exp(-slope) per position.', {
      min: 0,
      max: 20,
      default: 0.1,
    }),
    carried: field.flag(
      'Carried state',
      'Continues from the state of an earlier call and passes its own on, so that a long text is read in pieces.',
      false,
    ),
  },
  layout: 'heads-first',
  exponent: 1,
  supports: ({ pattern }) =>
    pattern === 'causal-self'
      ? { ok: true }
      : {
          ok: false,
          why: 'Lightning Attention-2 is defined for causal self-attention only: its state runs forward over one sequence.',
        },
  weights: carriedWeights,
  reference: (inputs, shape, parameters) => referenceRows(inputs, shape, parameters, allRows(shape)),
  referenceRows,
  build: (full, parameters, precision) =>
    attentionGraph('lightning-attention-2', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const slopes = slopesOf(shape, parameters);
      const [carried] = carriedWeights(full, parameters).map(({ name, shape: dims }) =>
        builder.input(name, precision, dims),
      );
      if (carried) {
        const next = stateAfter(key, value, shape.keys, shape, slopes, carried);
        builder.output(reshape(next, carried.shape), 'next.state');
      }
      const { block, form } = parameters;
      return decayedBlocks(query, key, value, shape, { block, form, slopes, carried });
    }),
  /** A carried state takes one more product of all keys and values: the last block may be filled up, whose state fades too far. */
  cost(shape, { block, form, decay, carried }) {
    const cost = blockCost(shape, block, form, carried || decay !== 'none');
    if (!carried) return cost;
    const { batch, heads, keys, headDim, valueDim } = shape;
    const aged = 4 * batch * heads * keys * headDim;
    const states = 4 * batch * heads * headDim * valueDim;
    return {
      flops: cost.flops + batch * heads * (keys * headDim * (2 * valueDim + 1) + 3 * headDim * valueDim),
      bytes: cost.bytes + 3 * aged + 4 * states,
      peakBytes: cost.peakBytes + aged + 2 * states,
    };
  },
  pattern: (shape, { block }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: { queries: block, keys: block },
  }),
  decode: {
    states: ({ batch, heads, headDim, valueDim }) => [{ name: 'state', shape: [batch, heads, headDim, valueDim] }],
    stateAfter(inputs, shape, parameters) {
      const slopes = slopesOf(shape, parameters);
      const state = decayedState(inputs.key, inputs.value, shape, slopes);
      const size = shape.headDim * shape.valueDim;
      inputs.weights['state.before']?.data.forEach((before, at) => {
        state.data[at]! += before * Math.exp(-slopes[Math.floor(at / size) % shape.heads]! * shape.keys);
      });
      return { state };
    },
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('lightning-attention-2 step');
      // What came before is in the state; the input stays, so that steps and prefill take the same weights.
      for (const { name, shape: dims } of carriedWeights(shape, parameters)) builder.input(name, precision, dims);
      const same = (x: Value) => x;
      return stepDecayed(builder, shape, precision, {
        slopes: slopesOf(shape, parameters),
        width: shape.headDim,
        features: same,
        finish: same,
      });
    },
    cost: ({ batch, heads, headDim, valueDim }) => {
      const state = batch * heads * headDim * valueDim;
      return { flops: 5 * state, bytes: 4 * 9 * state, peakBytes: 4 * 3 * state };
    },
  },
  /** A state that was carried in is no input of the system. */
  asSystem(inputs, shape, parameters, head) {
    if (parameters.carried) return undefined;
    const { query, key } = headRows(inputs, head);
    return kernelSystem(query, key, { decay: Math.exp(-slopesOf(shape, parameters)[head]!) });
  },
  limits: [],
};
