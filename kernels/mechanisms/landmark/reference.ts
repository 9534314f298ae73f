/** Landmark attention in float64, straight from the definition. */
import type { AttentionInputs } from '../../mechanism';
import { queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface LandmarkRule {
  /** Ordinary tokens of a block; the token after them is its landmark. */
  readonly block: number;
  /** Past blocks that a query opens; Infinity opens all. */
  readonly open: number;
  /**
   * Positions of a chunk, the tokens that the release runs at once (0 or left out: none): a query opens those that it chooses of
   * the blocks that were complete before its chunk, and beside them every later past block.
   */
  readonly chunk?: number;
}

/** Blocks are counted by the landmarks before a position; a landmark belongs to the block that it closes. */
export const blockOf = ({ block }: LandmarkRule, position: number): number => Math.floor(position / (block + 1));

export const isLandmark = ({ block }: LandmarkRule, position: number): boolean => position % (block + 1) === block;

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
export function landmarkWeights(scores: ArrayLike<number>, position: number, rule: LandmarkRule): LandmarkWeights {
  const size = rule.block + 1;
  const current = blockOf(rule, position);
  const landmarkOf = (block: number) => block * size + rule.block;
  const gates = Array.from({ length: current }, (_, block) => scores[landmarkOf(block)]!);
  const undefinedRow = gates.some(Number.isNaN);
  const opened = openedBlocks(gates, position, rule);
  const local: number[] = [];
  for (let j = current * size; j <= position; j++) if (!isLandmark(rule, j)) local.push(j);
  const weights = new Float64Array(scores.length);
  const first = softmaxOf([...local, ...opened.map(landmarkOf)].map((j) => scores[j]!));
  local.forEach((j, at) => (weights[j] = first[at]!));
  const shares = opened.map((block, at) => ({ block, share: first[local.length + at]! }));
  for (const { block, share } of shares) {
    const tokens = Array.from({ length: rule.block }, (_, at) => block * size + at);
    softmaxOf(tokens.map((j) => scores[j]!)).forEach((weight, at) => (weights[tokens[at]!] = weight * share));
  }
  if (undefinedRow) weights.fill(Number.NaN);
  return { weights, opened: shares };
}

/** The far blocks of the highest landmark scores (of equal ones the earlier) and all later ones, ascending. */
function openedBlocks(gates: readonly number[], position: number, rule: LandmarkRule): readonly number[] {
  const far = farBlocks(rule, position);
  const blocks = gates.map((_, block) => block);
  const chosen = blocks
    .slice(0, Math.max(0, far))
    .sort((a, b) => gates[b]! - gates[a]! || a - b)
    .slice(0, Math.min(rule.open, gates.length))
    .sort((a, b) => a - b);
  return [...chosen, ...blocks.slice(Math.max(0, far))];
}

/** Which keys a query head of batch 0 reads: those of its own block up to itself, and of the blocks that it opens. */
export function landmarkChoice(
  { query, key }: Pick<AttentionInputs, 'query' | 'key'>,
  { heads, kvHeads, queries, keys, headDim }: AttentionShape,
  rule: LandmarkRule,
  head: number,
): (query: number, key: number) => boolean {
  const kvHead = Math.floor(head / (heads / kvHeads));
  const offset = keys - queries;
  const opened = Array.from({ length: queries }, (_, row) => {
    const gates = Array.from({ length: Math.max(0, blockOf(rule, row + offset)) }, (_, block) => {
      const landmark = block * (rule.block + 1) + rule.block;
      let dot = 0;
      for (let x = 0; x < headDim; x++) {
        dot += query.data[(head * queries + row) * headDim + x]! * key.data[(kvHead * keys + landmark) * headDim + x]!;
      }
      return dot;
    });
    return new Set(openedBlocks(gates, row + offset, rule));
  });
  return (row, at) => {
    const position = row + offset;
    if (at > position) return false;
    return blockOf(rule, at) === blockOf(rule, position) || opened[row]!.has(blockOf(rule, at));
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
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const [q, k, v] = [inputs.query.data, inputs.key.data, inputs.value.data];
  const output = zeros([batch, heads, rows.length, valueDim]);
  const scores = new Float64Array(keys);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      rows.forEach((row, r) => {
        const position = row + queryOffset(shape);
        if (position < 0) return;
        for (let j = 0; j <= position; j++) {
          let dot = 0;
          for (let x = 0; x < headDim; x++) {
            dot += q[((b * heads + h) * queries + row) * headDim + x]! * k[(kvHead * keys + j) * headDim + x]!;
          }
          scores[j] = dot / Math.sqrt(headDim);
        }
        const { weights } = landmarkWeights(scores, position, rule);
        const to = ((b * heads + h) * rows.length + r) * valueDim;
        for (let j = 0; j <= position; j++) {
          if (weights[j] === 0) continue;
          for (let x = 0; x < valueDim; x++) {
            output.data[to + x]! += weights[j]! * v[(kvHead * keys + j) * valueDim + x]!;
          }
        }
      });
    }
  }
  return output;
}
