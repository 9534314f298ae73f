/**
 * Tokens that are marked read all tokens and are read by all, beside a window of neighbours (Longformer, arXiv:2004.05150, section 3.1).
 * What a marked token reads is computed by queries, keys and values of their own; what others read of it, by the usual ones.
 *
 * A head is twice as wide here: of a query the usual half is nothing where its token is marked, and the other half elsewhere, while keys and
 * values have both. So a product of two rows is that of the halves that count, and a gate leaves of an output the half that its query has.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, cast, multiply } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../kernels/graph/operators/layout';
import type { MarkRule } from '../formats/families/shared/computation';
import { linear } from './layers';
import type { AttentionSpec, MarkedProjection } from './attention-spec';
import type { Linear } from './weights-spec';
import type { StoredWeights } from './stored-weights';

type Heads = Pick<AttentionSpec, 'heads' | 'headDim'>;

/** From x [b, n, w] and marks [n] (1: marked, else 0): query, key and value [b, n, h, 2 d], and what gates the outputs, [1, n, 1, 2 d]. */
export function markedHeads(
  graph: GraphBuilder,
  { heads, headDim }: Heads,
  { usual, marked }: MarkedProjection,
  weights: StoredWeights,
  x: Value,
  forKeys: Value,
  marks: Value,
): Record<'query' | 'key' | 'value' | 'gate', Value> {
  const rows = x.shape.slice(0, -1);
  const half = headDim / 2;
  const each = (map: Linear, from: Value): Value => reshape(linear(graph, weights, map, from), [...rows, heads, half]);
  const both = (name: 'query' | 'key' | 'value', from: Value): Value =>
    concat([each(usual[name], from), each(marked[name], from)], -1);
  const constant = (first: number, second: number): Value =>
    graph.constant('float32', [headDim], [...Array<number>(half).fill(first), ...Array<number>(half).fill(second)]);
  const column = reshape(cast(marks, 'float32'), [1, marks.shape[0] ?? 1, 1, 1]);
  const gate = add(multiply(column, constant(-1, 1)), constant(1, 0));
  return { query: multiply(both('query', x), gate), key: both('key', forKeys), value: both('value', forKeys), gate };
}

/** What the output projection reads, [..., n, h d], of outputs of heads [..., n, h 2 d]. */
export function joinedHalves({ heads, headDim }: Heads, outputs: Value): Value {
  const rows = outputs.shape.slice(0, -1);
  const half = headDim / 2;
  const byHead = reshape(outputs, [...rows, heads, headDim]);
  return reshape(add(slice(byHead, -1, 0, half), slice(byHead, -1, half)), [...rows, heads * half]);
}

/** Separators that a question and a text have around and between them: `<s> question </s></s> text </s>`. */
const separatorsOfPair = 3;

const separatorsIn = ({ separator }: Exclude<MarkRule, { kind: 'first' }>, ids: readonly number[]): readonly number[] =>
  ids.flatMap((id, row) => (id === separator ? [row] : []));

/** Rows of a text that are marked, ascending. A text that is no pair, such as random tokens, has none if they depend on separators. */
export function markedRows(rule: MarkRule, ids: readonly number[]): readonly number[] {
  if (rule.kind === 'first') return ids.length > 0 ? [0] : [];
  const separators = separatorsIn(rule, ids);
  const [end] = separators;
  if (end === undefined || separators.length !== separatorsOfPair) return [];
  return ids.flatMap((_, row) => ((rule.kind === 'question' ? row < end : row > end + 1) ? [row] : []));
}

/** Why a text is not what the class marks tokens in; undefined if it is. */
export function unmarkable(rule: MarkRule | undefined, ids: readonly number[]): string | undefined {
  if (!rule || rule.kind === 'first') return undefined;
  const found = separatorsIn(rule, ids).length;
  if (found === separatorsOfPair) return undefined;
  return `The prompt has ${found} ${found === 1 ? 'separator' : 'separators'} (token ${rule.separator}), and the model reads a question and a text with ${separatorsOfPair}: question, two separators, text, separator. Write both with them.`;
}
