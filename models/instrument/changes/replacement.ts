/**
 * Replaced values: where a mask is true, a value of the layer is what came in. The mask and the rows that come in may be
 * empty where the branch is not taken (r = 0).
 */
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { add, multiply, subtract, where } from '../../../kernels/graph/operators/elementwise';
import type { Dim } from '../../../kernels/graph/dims';
import type { Value } from '../../../kernels/graph/records';
import type { LayerTap } from '../taps';
import { flag, type GraphInput } from './fed-rows';
import { changeKind, furtherHeadProblem } from './kind';
import type { FurtherHeads, LayerSizes } from './sizes';

export interface Replacement {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** Where true, or where 1 in a graph without conditions, the value is the replacement. */
  readonly where: Value;
  readonly by: Value;
}

/** What can be replaced: the names of its inputs, and its shape without batch and positions. */
export const replaceable = {
  /** Query after norm and rotation, by query head. */
  query: {
    inputs: ['use_query_replacement', 'replace_query', 'query_replacement'],
    slots: 'heads',
    width: 'headDim',
  },
  /** Key after norm and rotation, by key/value head; it enters the cache as it is replaced. */
  key: { inputs: ['use_key_replacement', 'replace_key', 'key_replacement'], slots: 'kvHeads', width: 'headDim' },
  /** Value, by key/value head; it enters the cache as it is replaced. */
  value: {
    inputs: ['use_value_replacement', 'replace_value', 'value_replacement'],
    slots: 'kvHeads',
    width: 'headDim',
  },
  /** Output of a head before the output projection; gains do not act on it. */
  head: {
    inputs: ['use_head_replacement', 'replace_heads', 'head_replacement'],
    slots: 'heads',
    width: 'headDim',
  },
  /** The same for a head of cross-attention, in a layer that has it. */
  'cross-head': {
    inputs: ['use_cross_head_replacement', 'replace_cross_heads', 'cross_head_replacement'],
    slots: 'crossHeads',
    width: 'crossHeadDim',
  },
  /** The same for a head of the recurrence beside attention, in a layer that has both. */
  'state-head': {
    inputs: ['use_state_head_replacement', 'replace_state_heads', 'state_head_replacement'],
    slots: 'stateHeads',
    width: 'stateHeadDim',
  },
  /** What the feed-forward network adds. */
  mlp: { inputs: ['use_mlp_replacement', 'replace_mlp', 'mlp_replacement'], slots: undefined, width: 'hiddenSize' },
  /** Residual stream that leaves the layer. */
  residual: {
    inputs: ['use_residual_replacement', 'replace_residual', 'residual_replacement'],
    slots: undefined,
    width: 'hiddenSize',
  },
} as const;

export type Replaceable = keyof typeof replaceable;
export const replaceables = Object.keys(replaceable) as readonly Replaceable[];

/** What only attention has. */
const ofAttention: readonly Replaceable[] = ['query', 'key', 'value'];

/** Heads that not every layer has, by target. */
const further: Readonly<Partial<Record<Replaceable, FurtherHeads>>> = {
  'cross-head': 'crossHeads',
  'state-head': 'stateHeads',
};

const lacks = (sizes: LayerSizes, target: Replaceable): boolean => {
  const of = further[target];
  return of !== undefined && sizes[of] === undefined;
};

const targetsIn = (sizes: LayerSizes, parts: readonly string[]): readonly Replaceable[] =>
  replaceables.filter(
    (target) =>
      parts.includes(target) &&
      (sizes.noScores === undefined || !ofAttention.includes(target)) &&
      !lacks(sizes, target),
  );

/** The tap that reads what can be replaced: both are of the same shape. */
export const tapOf: Readonly<Record<Replaceable, LayerTap>> = {
  query: 'attention.query',
  key: 'attention.key',
  value: 'attention.value',
  head: 'attention.head_output',
  'cross-head': 'cross.head_output',
  'state-head': 'state.head_output',
  mlp: 'mlp_output',
  residual: 'residual',
};

/** Heads side by side in what is replaced, 1 where it has none, and the width of a row of one. */
export function rowsOf(
  target: Replaceable,
  sizes: Pick<
    LayerSizes,
    'heads' | 'kvHeads' | 'headDim' | 'hiddenSize' | 'networkWidth' | FurtherHeads | 'crossHeadDim' | 'stateHeadDim'
  >,
): { readonly slots: number; readonly width: number } {
  const { slots, width } = replaceable[target];
  const own = target === 'mlp' ? sizes.networkWidth : undefined;
  return { slots: slots === undefined ? 1 : (sizes[slots] ?? 0), width: own ?? sizes[width] ?? 0 };
}

export type Replacements = { readonly [T in Replaceable]?: Replacement };

export interface ReplacementChange {
  readonly kind: 'replacement';
  readonly layer: number;
  readonly target: Replaceable;
  /** For `head`, `cross-head`, `state-head` and `query` the head, for `key` and `value` the key/value head. */
  readonly head?: number;
  /** Token positions; absent: all of the prompt. */
  readonly positions?: readonly number[];
  /** [prompt positions, headDim, networkWidth or hiddenSize], row i for position i. */
  readonly data: Float32Array;
  /** `data` is one row instead, for every position, those behind the prompt included. */
  readonly everywhere?: boolean;
}

export const replacement = changeKind<ReplacementChange>()({
  kind: 'replacement',
  parts: replaceables,
  partsOf: ({ target }) => [target],
  headsOf({ target }) {
    const { slots } = replaceable[target];
    return slots === 'heads' || slots === 'kvHeads' ? slots : undefined;
  },
  problem({ target, head }, sizes) {
    const of = further[target];
    if (of) return furtherHeadProblem(of, sizes, head);
    return sizes.noScores !== undefined && ofAttention.includes(target)
      ? `${sizes.noScores} It has no ${target} that could be replaced. Choose a layer that has attention.`
      : undefined;
  },
  /** All of them behind conditions, or some without: these take rows for every query. */
  declare(graph, sizes, { always, parts }): Replacements {
    const rows = always ? 'n' : 'r';
    const declared = (target: Replaceable): Replacement => {
      const { inputs, slots } = replaceable[target];
      const [use, mask, by] = inputs;
      const { slots: count, width } = rowsOf(target, sizes);
      const lead: readonly Dim[] = slots === undefined ? ['b'] : ['b', count];
      return {
        ...(always ? {} : { inUse: graph.input(use, 'bool', []) }),
        // onnxruntime moves transposes around a Where to its condition, and WebGPU transposes no bool (1.30, 2026-11).
        where: graph.input(mask, always ? 'float32' : 'bool', [...lead, rows, 1]),
        by: graph.input(by, 'float32', [...lead, rows, width]),
      };
    };
    const targets = targetsIn(sizes, parts);
    return Object.fromEntries(targets.map((target) => [target, declared(target)]));
  },
  feeds(changes, sizes, { start, length: n }, { always, parts }) {
    const b = changes.length;
    const feeds: Record<string, GraphInput> = {};
    for (const target of targetsIn(sizes, parts)) {
      const { slots, width } = rowsOf(target, sizes);
      const own = changes.map((list) => list.filter((change) => change.target === target));
      const used = always || own.some((list) => list.length > 0);
      const mask = new Uint8Array(used ? b * slots * n : 0);
      const data = new Float32Array(used ? b * slots * n * width : 0);
      own.forEach((list, v) => {
        for (const change of list) {
          for (const position of rowsIn(change, start, n, width)) {
            const from = change.everywhere ? 0 : position * width;
            const row = (v * slots + (change.head ?? 0)) * n + position - start;
            mask[row] = 1;
            data.set(change.data.subarray(from, change.everywhere ? undefined : from + width), row * width);
          }
        }
      });
      const [use, where, by] = replaceable[target].inputs;
      const rows = used ? n : 0;
      const lead = replaceable[target].slots === undefined ? [b] : [b, slots];
      if (!always) feeds[use] = flag(used);
      feeds[where] = { data: always ? Float32Array.from(mask) : mask, shape: [...lead, rows, 1] };
      feeds[by] = { data, shape: [...lead, rows, width] };
    }
    return feeds;
  },
  // One of a longer prompt may reach rows behind this one.
  steps: ({ target, data, everywhere }, start, sizes) =>
    !everywhere && data.length <= start * rowsOf(target, sizes).width,
  ofKeys: ['key', 'value'],
  firstRow: ({ positions }) => (positions ? Math.min(...positions) : 0),
});

/** Those of the rows [start, start + n) that it takes the place of. */
function rowsIn({ data, positions, everywhere }: ReplacementChange, start: number, n: number, width: number): number[] {
  const rows = Array.from({ length: n }, (_, at) => start + at);
  return rows.filter(
    (row) =>
      (everywhere ? data.length >= width : data.length >= (row + 1) * width) && (positions?.includes(row) ?? true),
  );
}

/**
 * What `compute` gives, replaced where that is asked for. It is computed inside the branches: a branch that only passed it on
 * would copy it.
 */
export function replaced(
  replacement: Replacement | undefined,
  compute: (operand: (value: Value) => Value) => Value,
  name?: string,
): Value {
  if (!replacement) return compute((value) => value);
  const [output] = conditionalOrAlways(
    replacement.by.graph,
    replacement.inUse,
    (branch) => {
      const computed = compute((value) => borrow(branch, value));
      const rows = (value: Value): Value => {
        const shape = [...computed.shape.slice(0, -1), value.shape.at(-1) ?? 1];
        return { ...borrow(branch, value), shape };
      };
      const [mask, by] = [rows(replacement.where), rows(replacement.by)];
      // Where the mask is 0, so is what comes in.
      if (mask.type !== 'bool') return [add(by, multiply(computed, subtract(1, mask)))];
      return [where(mask, by, computed)];
    },
    (branch) => [compute((value) => borrow(branch, value))],
    name === undefined ? [] : [name],
  );
  if (!output) throw new Error('unreachable: the conditional gives one value');
  return output;
}
