import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { attentionGraph } from '../../graph/attention-graph';
import { computedPairs } from '../../graph/chosen-blocks';
import type { Mechanism } from '../../mechanism';
import { allRows } from '../../reference/softmax';
import { queryOffset, type AttentionShape } from '../../shape';
import { exactTiles, tiled } from '../tiled';
import { longHeadsStateAfter, longHeadsStates, longHeadsStep, longHeadsStepCost } from './decode';
import { longHeads } from './graph';
import { longHeadsChoice, longHeadsRows, ordinaryBelow, type LongHeadsRule } from './reference';
import * as field from '../../parameters';

export interface LongHeadsParameters extends Record<string, number | boolean> {
  readonly chunk: number;
  readonly budget: number;
  readonly begin: number;
  readonly selfIncluded: boolean;
  readonly rotaryBase: number;
}

export const ruleOf = ({ chunk, budget, begin, selfIncluded, rotaryBase }: LongHeadsParameters): LongHeadsRule => ({
  chunk,
  chunks: Math.floor(budget / chunk),
  begin,
  selfIncluded,
  rotaryBase,
});

export const longheads: Mechanism<LongHeadsParameters> = {
  id: 'longheads',
  title: 'LongHeads',
  family: 'sparse',
  summary:
    'Each query of each head chooses chunks of the past by a summary key and reads them as if they stood side by side, so that positions stay inside the trained length. Training-free; time is nearly linear, the cache is kept whole.',
  source: {
    reference: 'arXiv:2402.10685; released code LuLuLuyi/LongHeads',
    trust: 'high',
    note: 'The definition is the code’s. Our choices: in the prefill a query reads itself too, as it does while decoding (Self included; the release leaves it out), and grouped heads choose for each query head. It takes unrotated queries and keys and rotates them itself.',
  },
  template: {
    projected: 'rotation of positions, a summary key for each chunk',
    scores: 'q·k / √d',
    positions: { words: 'first, latest and chosen chunks, as if side by side', chosen: 'by data' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, a summary for each chunk', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'the summaries of all parts, then the chunks that are chosen',
    },
  },
  parameters: {
    chunk: field.integer('Chunk', 'Positions of a chunk: 256 in the paper.', { min: 1, max: 1 << 20, default: 256 }),
    budget: field.integer(
      'Budget',
      'Keys that a query reads at most, in whole chunks, three at least: the trained length, 4096 in the paper.',
      { min: 1, max: 1 << 24, default: 4096 },
    ),
    begin: field.integer('Begin', 'Queries before this position read everything before them.', {
      min: 0,
      max: 1 << 24,
      default: 4096,
    }),
    selfIncluded: field.flag('Self included', 'Whether a query beyond the beginning reads its own key.', true),
    rotaryBase: field.number('Rotary base', 'Base of the rotary positions; 0 leaves queries and keys as they are.', {
      min: 0,
      max: 1e9,
      default: 10000,
    }),
  },
  layout: 'heads-first',
  // Linear while n is far below budget times chunk (2^20 by the defaults); beyond it the one score for each chunk of the past,
  // n^2 d / chunk a head, takes over.
  // Every query scores every chunk's summary: chunks of 256 cost as much as the budget of 2^20 positions.
  exponent: 2,
  supports(shape, parameters) {
    const rule = ruleOf(parameters);
    if (shape.pattern !== 'causal-self') {
      return {
        ok: false,
        why: 'LongHeads chooses among the chunks before a query in its own sequence: it is defined for causal self-attention only.',
      };
    }
    if (shape.headDim % 2 !== 0) {
      return { ok: false, why: `Rotary positions turn pairs of columns: a head width of ${shape.headDim} is odd.` };
    }
    if (rule.chunks < 3 || parameters.budget % rule.chunk !== 0) {
      return {
        ok: false,
        why: `A budget of ${parameters.budget} keys must be three or more whole chunks of ${rule.chunk}.`,
      };
    }
    if (shape.keys > ordinaryBelow(rule)) {
      if (shape.valueDim !== shape.headDim) {
        return {
          ok: false,
          why: `A chunk’s mean of values is used as a query: values must be as wide as queries, not ${shape.valueDim} beside ${shape.headDim}.`,
        };
      }
      if (shape.queries < shape.keys) {
        return {
          ok: false,
          why: `Summaries of chunks are made from their queries: ${shape.queries} queries on ${shape.keys} keys leave those of the past unknown.`,
        };
      }
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) => longHeadsRows(inputs, shape, ruleOf(parameters), allRows(shape)),
  referenceRows: (inputs, shape, parameters, rows) => longHeadsRows(inputs, shape, ruleOf(parameters), rows),
  build: (full, parameters, precision) =>
    attentionGraph('longheads', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      longHeads(query, key, value, shape, ruleOf(parameters)),
    ),
  cost: (shape, parameters) => longHeadsCost(shape, ruleOf(parameters)),
  pattern(shape, parameters) {
    const rule = ruleOf(parameters);
    const offset = queryOffset(shape);
    const rows = Math.max(rule.chunk, exactTiles.rows);
    return {
      dependsOnData: shape.keys > ordinaryBelow(rule),
      reads: (_head, query, key) => {
        const position = query + offset;
        return key < position || (key === position && (rule.selfIncluded || position < ordinaryBelow(rule)));
      },
      block: { queries: rows, keys: rows },
    };
  },
  chosen: (inputs, shape, parameters, head) => longHeadsChoice(inputs, shape, ruleOf(parameters), head),
  decode: {
    states: (shape, parameters) => longHeadsStates(shape, ruleOf(parameters)),
    stateAfter: (inputs, shape, parameters) => longHeadsStateAfter(inputs, shape, ruleOf(parameters)),
    build: (shape, parameters, precision) => longHeadsStep(shape, ruleOf(parameters), precision),
    cost: (shape, parameters) => longHeadsStepCost(shape, ruleOf(parameters)),
  },
  limits: [
    {
      name: 'a beginning over the whole sequence, unrotated',
      parameters: () => ({ rotaryBase: 0 }),
      equals: 'scaled-dot-product',
    },
    {
      name: 'a budget over the whole sequence, unrotated',
      parameters: (shape) => ({
        chunk: 8,
        begin: 0,
        budget: 8 * Math.max(3, Math.ceil(shape.keys / 8)),
        rotaryBase: 0,
      }),
      equals: 'scaled-dot-product',
    },
  ],
};

/**
 * Letters as in cost/attention.ts; w chunk, K chunks of the budget, R rows beyond the ordinary ones, G complete chunks.
 * flops = ordinary rows as tiled + b h (summaries G (w^2 (4 d + 5) + w (4 d + 5)) + choice 2 d sum of the candidates
 * + nearby pairs and R (K - 2) w opened pairs (2 d + 2 e + 5), filled up to whole segments, + rotations and merging).
 */
function longHeadsCost(full: AttentionShape, rule: LongHeadsRule): Cost {
  const shape = { ...full, queries: Math.min(full.queries, full.keys) };
  const { batch, heads, headDim: d, keys } = shape;
  const { chunk: w } = rule;
  const ordinary = Math.min(keys, ordinaryBelow(rule));
  const start = tiled.cost(
    { ...shape, queries: Math.max(0, Math.min(ordinary, ordinary - keys + shape.queries)), keys: ordinary },
    exactTiles,
  );
  const rotation = 3 * batch * (heads * shape.queries + shape.kvHeads * keys) * d;
  if (ordinary === keys) {
    return {
      flops: start.flops + rotation,
      bytes: start.bytes + 2 * tensorBytes(full),
      peakBytes: start.peakBytes + tensorBytes(full),
    };
  }
  const perHead = batch * heads;
  const rows = keys - ordinary;
  const complete = Math.floor(keys / w);
  let [near, candidates] = [0, 0];
  for (let position = ordinary; position < keys;) {
    const chunk = Math.floor(position / w);
    const end = Math.min(keys, (chunk + 1) * w);
    near += (end - position) * (end - (chunk - 1) * w);
    candidates += (end - position) * (chunk - 2);
    position = end;
  }
  const pairs = rows * (rule.chunks - 2);
  const computed = computedPairs(pairs, complete);
  const summaries = complete * (w * w * (4 * d + 5) + w * (4 * d + 5));
  const moved = 4 * computed * d;
  return {
    flops:
      start.flops +
      rotation +
      pairFlops(shape, near + computed * w) +
      perHead * (summaries + 2 * d * candidates + 6 * pairs * d + pairs * Math.log2(pairs)),
    bytes:
      start.bytes +
      4 * tensorBytes(full) +
      16 * perHead * (near + complete * w * w + computed * w) +
      8 * perHead * moved,
    peakBytes:
      start.peakBytes +
      2 * tensorBytes(full) +
      8 * perHead * complete * w * w +
      8 * (moved + computed * w) +
      24 * perHead * pairs,
  };
}
