/**
 * Multi-query associative recall (arXiv:2312.04927; generator of github.com/HazyResearch/zoology, as dsf-mqar has it). A sequence of L
 * tokens is P pairs (key, value), and behind them each key once more at an even offset 2 g, whose label is its value; zeros elsewhere.
 * The gaps g of one sequence differ and are drawn with the weights (g + 1)^(a - 1), a = 0.01: most keys are asked for soon. Keys are
 * 1 .. V/2 - 1, values V/2 .. V - 1, and neither comes twice in a sequence.
 */
import type { Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';

export interface MqarSize {
  /** L, even; at least 4 P. */
  readonly length: number;
  /** P. */
  readonly pairs: number;
  /** V. */
  readonly vocabulary: number;
}

export interface MqarExample {
  /** [L] */
  readonly ids: readonly number[];
  /** By place: the value that the token there asks for; undefined elsewhere. */
  readonly labels: readonly (number | undefined)[];
}

const power = 0.01;

export function mqarExample({ length, pairs, vocabulary }: MqarSize, source: Random): MqarExample {
  const half = Math.floor(vocabulary / 2);
  const range = (from: number, to: number): readonly number[] =>
    Array.from({ length: to - from }, (_, at) => from + at);
  const keys = sample(source, range(1, half), pairs);
  const values = sample(source, range(half, vocabulary), pairs);
  const ids = new Array<number>(length).fill(0);
  const labels = new Array<number | undefined>(length).fill(undefined);
  const gaps = drawnGaps(Math.floor((length - 2 * pairs) / 2), pairs, source);
  for (const [pair, key] of keys.entries()) {
    const value = values[pair]!;
    const asked = 2 * pairs + 2 * gaps[pair]!;
    ids[2 * pair] = key;
    ids[2 * pair + 1] = value;
    ids[asked] = key;
    labels[asked] = value;
  }
  return { ids, labels };
}

/** `count` different gaps below `space`, one after another with the weights of those that are left. */
function drawnGaps(space: number, count: number, source: Random): readonly number[] {
  const weights = Array.from({ length: space }, (_, gap) => (gap + 1) ** (power - 1));
  return Array.from({ length: count }, () => {
    let left = source.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    let gap = weights.findIndex((weight) => (left -= weight) < 0 && weight > 0);
    // Rounding may leave a rest behind the last.
    if (gap < 0) gap = weights.findLastIndex((weight) => weight > 0);
    weights[gap] = 0;
    return gap;
  });
}
