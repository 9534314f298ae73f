/**
 * Replaced values: where a mask is true, a value of the layer is what came in. The mask and the rows that come in may be
 * empty where the branch is not taken (r = 0).
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { add, multiply, subtract, where } from '../../../kernels/graph/operators/elementwise';
import type { Dim } from '../../../kernels/graph/dims';
import type { Value } from '../../../kernels/graph/records';
import type { LayerTap } from '../taps';
import type { LayerSizes } from './sizes';

export interface Replacement {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** Where true, or where 1 if it is in the graph for good, the value is the replacement. */
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

/** The tap that reads what can be replaced: both are of the same shape. */
export const tapOf: Readonly<Record<Replaceable, LayerTap>> = {
  query: 'attention.query',
  key: 'attention.key',
  value: 'attention.value',
  head: 'attention.head_output',
  mlp: 'mlp_output',
  residual: 'residual',
};

/** Heads side by side in what is replaced, 1 where it has none, and the width of a row of one. */
export function rowsOf(
  target: Replaceable,
  sizes: Omit<LayerSizes, 'units'>,
): { readonly slots: number; readonly width: number } {
  const { slots, width } = replaceable[target];
  return { slots: slots === undefined ? 1 : sizes[slots], width: sizes[width] };
}

export type Replacements = { readonly [T in Replaceable]?: Replacement };

/** Behind conditions all of them, or some for good: these take rows for every query. */
export function declareReplacements(
  graph: GraphBuilder,
  sizes: LayerSizes,
  always: readonly Replaceable[] | undefined,
): Replacements {
  const rows = always ? 'n' : 'r';
  const declare = (target: Replaceable): Replacement => {
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
  return Object.fromEntries((always ?? replaceables).map((target) => [target, declare(target)]));
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
