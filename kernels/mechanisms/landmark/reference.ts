/** Landmark attention in float64, straight from the definition. */
import { integers } from '../../integers';
import type { AttentionInputs } from '../../mechanism';
import { queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface LandmarkRule {
  /** Ordinary tokens of a block; the token after them is its landmark. */
  readonly block: number;
  /** Ascending positions of the landmarks, an ordinary token before each; left out: every (block + 1)-th. */
  readonly landmarks?: readonly number[];
  /** Past blocks that a query opens; Infinity opens all. */
  readonly open: number;
  /**
   * Positions of a chunk, the tokens that the release runs at once (0 or left out: none): a query opens those that it chooses of
   * the blocks that were complete before its chunk, and beside them every later past block.
   */
  readonly chunk?: number;
  /** Who opens the same blocks (left out: none). */
  readonly shared?: SharedChoice;
}

/**
 * Blocks are opened by the largest u, the softmax over the landmarks that are chosen from. `group`, `heads`: by the maximum of u
 * over the query heads of a key/value head, or over all; `tokens`: over the queries of a chunk.
 */
export type SharedChoice = 'none' | 'group' | 'heads' | 'tokens';

/** Blocks are counted by the landmarks before a position; a landmark belongs to the block that it closes. */
export function blockOf({ block, landmarks }: LandmarkRule, position: number): number {
  if (!landmarks) return Math.floor(position / (block + 1));
  let [low, high] = [0, landmarks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (landmarks[middle]! < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Position of the landmark that closes a block; Infinity where none is given. */
export const landmarkOf = ({ block, landmarks }: LandmarkRule, at: number): number =>
  landmarks ? (landmarks[at] ?? Infinity) : at * (block + 1) + block;

export const isLandmark = (rule: LandmarkRule, position: number): boolean =>
  landmarkOf(rule, blockOf(rule, position)) === position;

export const blockStart = (rule: LandmarkRule, at: number): number => (at === 0 ? 0 : landmarkOf(rule, at - 1) + 1);

/** The ordinary tokens of a block that has a landmark. */
export const tokensOf = (rule: LandmarkRule, at: number): readonly number[] =>
  integers(blockStart(rule, at), landmarkOf(rule, at));

/** Blocks [0, far) are those that a query chooses from; later ones before its own are open. */
export const farBlocks = (rule: LandmarkRule, position: number): number =>
  rule.chunk ? blockOf(rule, Math.floor(position / rule.chunk) * rule.chunk) : blockOf(rule, position);

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
  const first = softmaxOf([...local, ...opened.map((each) => landmarkOf(rule, each))].map((j) => scores[j]!));
  local.forEach((j, at) => (weights[j] = first[at]!));
  const shares = opened.map((block, at) => ({ block, share: first[local.length + at]! }));
  for (const { block, share } of shares) {
    const tokens = tokensOf(rule, block);
    softmaxOf(tokens.map((j) => scores[j]!)).forEach((weight, at) => (weights[tokens[at]!] = weight * share));
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

/** Scores of a query row of one sequence with all keys up to its position. */
function scoresOf(
  { query, key }: Pick<AttentionInputs, 'query' | 'key'>,
  { heads, kvHeads, queries, keys, headDim }: AttentionShape,
  b: number,
  head: number,
  row: number,
): Float64Array {
  const kvHead = b * kvHeads + Math.floor(head / (heads / kvHeads));
  const from = ((b * heads + head) * queries + row) * headDim;
  return Float64Array.from({ length: row + keys - queries + 1 }, (_, j) => {
    let dot = 0;
    for (let x = 0; x < headDim; x++) dot += query.data[from + x]! * key.data[(kvHead * keys + j) * headDim + x]!;
    return dot / Math.sqrt(headDim);
  });
}

/** The blocks that the query row of a head chooses, in one sequence; what is computed once is kept. */
function choicesOf(
  inputs: Pick<AttentionInputs, 'query' | 'key'>,
  shape: AttentionShape,
  rule: LandmarkRule,
  b: number,
): (head: number, row: number) => readonly number[] {
  const { heads, kvHeads, queries } = shape;
  const offset = queryOffset(shape);
  const kept = new Map<string, readonly number[]>();
  const gatesOf = (head: number, row: number) =>
    landmarkScores(scoresOf(inputs, shape, b, head, row), row + offset, rule);
  /**
   * u of a row, a NaN counting as 0: it decides for others. Compared as float32 numbers: where several are sure of different
   * blocks, all u are 1 and the earliest block is taken.
   */
  const sharesOf = (head: number, row: number): readonly number[] =>
    softmaxOf(gatesOf(head, row).slice(0, Math.max(0, farBlocks(rule, row + offset)))).map((u) =>
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

function softmaxOf(scores: readonly number[]): readonly number[] {
  const highest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - highest));
  const total = exponentials.reduce((sum, each) => sum + each, 0);
  return exponentials.map((each) => each / total);
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
    const chosen = choicesOf(inputs, shape, rule, b);
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      rows.forEach((row, r) => {
        const position = row + queryOffset(shape);
        if (position < 0) return;
        const { weights } = landmarkWeights(scoresOf(inputs, shape, b, h, row), position, rule, chosen(h, row));
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
