/** Landmark attention in float64, straight from the definition. */
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { rotated } from '../longheads/reference';
import { blockOf, blockStart, farBlocks, isLandmark, landmarkOf, tokensOf, type LandmarkRule } from './rule';
import { stingyPlaces } from './stingy';
import { softmax } from '../../tensors/vectors';
import type { AttentionInputs } from '../../tensors/tensor';

/** What a query gives each key; the weights of a row sum to 1. */
export interface LandmarkWeights {
  /** Over all keys; 0 at landmarks. */
  readonly weights: Float64Array;
  /** Past blocks that were opened, ascending, and the share of each (the weight of its landmark in the first group). */
  readonly opened: readonly { readonly block: number; readonly share: number }[];
}

/**
 * Weights of one query from its scores. Group 0: the ordinary tokens of its own block up to itself, and the landmarks of the
 * opened past blocks (those of the highest scores, the earlier block first among equals); p = softmax over it. Each opened
 * block c is a group of its own: w = softmax over its ordinary tokens. Token j of the own block weighs p_j, of block c
 * w_j p_landmark(c). A past landmark whose score is NaN makes the row NaN: it is unknown what is opened.
 */
export function landmarkWeights(
  scores: ArrayLike<number>,
  position: number,
  rule: LandmarkRule,
  chosen: readonly number[] = bestBlocks(landmarkScores(scores, position, rule), position, rule),
): LandmarkWeights {
  const current = blockOf(rule, position);
  const undefinedRow = landmarkScores(scores, position, rule).some(Number.isNaN);
  const opened = [...chosen, ...integers(Math.max(0, farBlocks(rule, position)), Math.max(0, current))];
  const local = integers(blockStart(rule, current), position + 1).filter((j) => !isLandmark(rule, j));
  const weights = new Float64Array(scores.length);
  const first = softmax([...local, ...opened.map((each) => landmarkOf(rule, each))].map((j) => scores[j]!));
  local.forEach((j, at) => (weights[j] = first[at]!));
  const shares = opened.map((block, at) => ({ block, share: first[local.length + at]! }));
  for (const { block, share } of shares) {
    const tokens = tokensOf(rule, block);
    softmax(tokens.map((j) => scores[j]!)).forEach((weight, at) => (weights[tokens[at]!] = weight * share));
  }
  if (undefinedRow) weights.fill(Number.NaN);
  return { weights, opened: shares };
}

/** Scores of the landmarks of all past blocks. */
const landmarkScores = (scores: ArrayLike<number>, position: number, rule: LandmarkRule): readonly number[] =>
  integers(0, Math.max(0, blockOf(rule, position))).map((each) => scores[landmarkOf(rule, each)]!);

/** The far blocks of the highest landmark scores or shares, of equal ones the earlier, ascending. */
const bestBlocks = (gates: readonly number[], position: number, rule: LandmarkRule): readonly number[] =>
  gates
    .map((_, block) => block)
    .slice(0, Math.max(0, farBlocks(rule, position)))
    .sort((a, b) => gates[b]! - gates[a]! || a - b)
    .slice(0, Math.min(rule.open, gates.length))
    .sort((a, b) => a - b);

/**
 * Scores of a query row of one sequence with all keys up to its position: before blocks are chosen, or where the chosen ones are
 * read, which differs at stingy positions alone. `turned` keeps keys by their place.
 */
function scoresOf(
  { query, key }: Pick<AttentionInputs, 'query' | 'key'>,
  { heads, kvHeads, queries, keys, headDim }: AttentionShape,
  rule: LandmarkRule,
  b: number,
  head: number,
  row: number,
  turned: Map<string, Float64Array>,
  chosen: readonly number[] = [],
): Float64Array {
  const kvHead = b * kvHeads + Math.floor(head / (heads / kvHeads));
  const from = ((b * heads + head) * queries + row) * headDim;
  const position = row + keys - queries;
  const { rotaryBase = 0 } = rule;
  const own = query.data.subarray(from, from + headDim);
  const places = rotaryBase > 0 ? stingyPlaces(rule, position) : undefined;
  const asking = places ? rotated(own, places.query, rotaryBase) : own;
  const far = farBlocks(rule, position);
  const placeOf = (j: number): number => {
    const block = blockOf(rule, j);
    if (!places || block >= far) return places?.near(j) ?? 0;
    const r = chosen.indexOf(block);
    return r < 0 ? places.landmark(block) : places.read(r, block) + j - blockStart(rule, block);
  };
  // Few places: each key is turned to one once.
  const turnedKey = (row: Float64Array, place: number): Float64Array => {
    const name = `${row.byteOffset} ${place}`;
    const known = turned.get(name) ?? rotated(row, place, rotaryBase);
    turned.set(name, known);
    return known;
  };
  return Float64Array.from({ length: position + 1 }, (_, j) => {
    const at = (kvHead * keys + j) * headDim;
    const plain = key.data.subarray(at, at + headDim);
    const answering = places ? turnedKey(plain, placeOf(j)) : plain;
    let dot = 0;
    for (let x = 0; x < headDim; x++) dot += asking[x]! * answering[x]!;
    return dot / Math.sqrt(headDim);
  });
}

/** The blocks that the query row of a head chooses, in one sequence; what is computed once is kept. */
function choicesOf(
  inputs: Pick<AttentionInputs, 'query' | 'key'>,
  shape: AttentionShape,
  rule: LandmarkRule,
  b: number,
  turned = new Map<string, Float64Array>(),
): (head: number, row: number) => readonly number[] {
  const { heads, kvHeads, queries } = shape;
  const offset = queryOffset(shape);
  const kept = new Map<string, readonly number[]>();
  const gatesOf = (head: number, row: number) =>
    landmarkScores(scoresOf(inputs, shape, rule, b, head, row, turned), row + offset, rule);
  /**
   * u of a row, a NaN counting as 0: it decides for others. Compared as float32 numbers: where several are sure of different
   * blocks, all u are 1 and the earliest block is taken.
   */
  const sharesOf = (head: number, row: number): readonly number[] =>
    softmax(gatesOf(head, row).slice(0, Math.max(0, farBlocks(rule, row + offset)))).map((u) =>
      Number.isNaN(u) ? 0 : Math.fround(u),
    );
  const group = heads / kvHeads;
  const together = (head: number, row: number): readonly (readonly [head: number, row: number])[] => {
    if (rule.shared === 'tokens') {
      const chunk = Math.floor((row + offset) / rule.chunk!);
      const first = Math.max(0, chunk * rule.chunk! - offset);
      return integers(first, Math.min(queries, (chunk + 1) * rule.chunk! - offset)).map((each) => [head, each]);
    }
    const start = rule.shared === 'heads' ? 0 : head - (head % group);
    return integers(start, rule.shared === 'heads' ? heads : start + group).map((each) => [each, row]);
  };
  return (head, row) => {
    const position = row + offset;
    if ((rule.shared ?? 'none') === 'none') return bestBlocks(gatesOf(head, row), position, rule);
    const all = together(head, row);
    const name = String(all[0]);
    const known = kept.get(name);
    if (known) return known;
    const shares = all.map(([h, r]) => sharesOf(h, r));
    const most = (shares[0] ?? []).map((_, block) => Math.max(...shares.map((each) => each[block]!)));
    const best = bestBlocks(most, position, rule);
    kept.set(name, best);
    return best;
  };
}

/** Which keys a query head of batch 0 reads: those of its own block up to itself, and of the blocks that it opens. */
export function landmarkChoice(
  inputs: Pick<AttentionInputs, 'query' | 'key'>,
  shape: AttentionShape,
  rule: LandmarkRule,
  head: number,
): (query: number, key: number) => boolean {
  const offset = queryOffset(shape);
  const chosen = choicesOf(inputs, shape, rule, 0);
  const opened = integers(0, shape.queries).map((row) =>
    row + offset < 0 ? new Set<number>() : new Set(chosen(head, row)),
  );
  return (row, at) => {
    const position = row + offset;
    if (at > position) return false;
    const block = blockOf(rule, at);
    return block === blockOf(rule, position) || block >= farBlocks(rule, position) || opened[row]!.has(block);
  };
}

/** o_i = sum_j a_ij v_j for the queries listed; [b, h, rows.length, dv]. */
export function landmarkRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  rule: LandmarkRule,
  rows: readonly number[],
): Tensor {
  const { batch, heads, kvHeads, keys, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let b = 0; b < batch; b++) {
    const turned = new Map<string, Float64Array>();
    const chosen = choicesOf(inputs, shape, rule, b, turned);
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      rows.forEach((row, r) => {
        const position = row + queryOffset(shape);
        if (position < 0) return;
        const blocks = chosen(h, row);
        const { weights } = landmarkWeights(
          scoresOf(inputs, shape, rule, b, h, row, turned, blocks),
          position,
          rule,
          blocks,
        );
        const to = ((b * heads + h) * rows.length + r) * valueDim;
        weights.forEach((weight, j) => {
          if (weight === 0) return;
          for (let x = 0; x < valueDim; x++) {
            output.data[to + x]! += weight * inputs.value.data[(kvHead * keys + j) * valueDim + x]!;
          }
        });
      });
    }
  }
  return output;
}
