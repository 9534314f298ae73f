import { blockCost } from '../../cost/blocks';
import { attentionGraph } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import { alibiSlopes } from '../alibi';
import { decayedBlocks, type BlockForm } from './blocks';
import { decayedRows, decayedState, decayedTolerance } from './decay';
import { stepDecayed } from './step';

interface Parameters extends Record<string, number | string> {
  readonly block: number;
  readonly form: BlockForm;
  readonly decay: 'by head' | 'none' | 'given';
  readonly slope: number;
}

/** -log(lambda) of each head: 2^(-8 h / H) as ALiBi's slopes (the authors' `utils.py`), 0, or one number for all. */
export const lightningSlopes = (
  heads: number,
  { decay, slope }: Pick<Parameters, 'decay' | 'slope'>,
): readonly number[] =>
  decay === 'by head' ? alibiSlopes(heads) : new Array<number>(heads).fill(decay === 'none' ? 0 : slope);

const slopesOf = (shape: AttentionShape, parameters: Parameters) => lightningSlopes(shape.heads, parameters);

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
    block: {
      kind: 'integer',
      title: 'Block',
      description: 'Positions that are multiplied directly before the state takes over.',
      min: 1,
      max: 4096,
      default: 128,
    },
    form: {
      kind: 'choice',
      title: 'Form',
      description: 'loop: block after block, with one state in memory; parallel: the products of all blocks at once.',
      options: ['loop', 'parallel'],
      default: 'loop',
    },
    decay: {
      kind: 'choice',
      title: 'Decay',
      description: 'by head: slopes 2^(-8 h / H) as published; none: no fading; given: one slope for all heads.',
      options: ['by head', 'none', 'given'],
      default: 'by head',
    },
    slope: {
      kind: 'number',
      title: 'Slope',
      description: 'With decay "given": weights fade as exp(-slope) per position.',
      min: 0,
      max: 20,
      default: 0.1,
    },
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
  reference: (inputs, shape, parameters) => decayedRows(inputs, shape, allRows(shape), slopesOf(shape, parameters)),
  referenceRows: (inputs, shape, parameters, rows) => decayedRows(inputs, shape, rows, slopesOf(shape, parameters)),
  build: (full, parameters, precision) =>
    attentionGraph('lightning-attention-2', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      decayedBlocks(query, key, value, shape, {
        block: parameters.block,
        form: parameters.form,
        slopes: slopesOf(shape, parameters),
      }),
    ),
  cost: (shape, { block, form, decay }) => blockCost(shape, block, form, decay !== 'none'),
  pattern: (shape, { block }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: { queries: block, keys: block },
  }),
  tolerance: (inputs, shape, parameters, precision) =>
    decayedTolerance(inputs, shape, slopesOf(shape, parameters), precision),
  decode: {
    states: ({ batch, heads, headDim, valueDim }) => [{ name: 'state', shape: [batch, heads, headDim, valueDim] }],
    stateAfter: (inputs, shape, parameters) => ({
      state: decayedState(inputs.key, inputs.value, shape, slopesOf(shape, parameters)),
    }),
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('lightning-attention-2 step');
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
  limits: [
    {
      name: 'no decay',
      parameters: () => ({ decay: 'none' }),
      equals: 'lightning-attention',
    },
  ],
};
