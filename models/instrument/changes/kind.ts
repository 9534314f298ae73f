/** What a file of a change says of its kind (changes.ts lists them). */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { LayerTap } from '../taps';
import type { BlockChoiceShape, FurtherHeads, LayerSizes } from './sizes';
import type { Value } from '../../../kernels/graph/records';
import type { ColumnRows, FedRows, GraphInput } from './fed-rows';

export interface LayerChange {
  readonly kind: string;
  readonly layer: number;
}

/** How a graph takes the changes of a layer. */
export interface Declared {
  /** Axis of the keys. */
  readonly keys: string;
  /** They are in the graph without a condition, as it is differentiated. */
  readonly always: boolean;
  /** What the graph has. */
  readonly parts: readonly string[];
  /** How heads of the layer choose blocks, where they do. */
  readonly blocks?: BlockChoiceShape | undefined;
}

/** Inputs of a step graph, of which that many columns are in use. */
export type ColumnFeeds = (columns: number) => Readonly<Record<string, GraphInput>>;

/** What a kind does in step graphs that are built for it, to all heads [g, h / g, columns]. */
interface StepGraphChange<C extends LayerChange> {
  readonly scores?: (graph: GraphBuilder, scores: Value) => Value;
  readonly probabilities?: (graph: GraphBuilder, probabilities: Value) => Value;
  /** The inputs that these named. */
  readonly feeds?: (changes: readonly C[], sizes: LayerSizes, columns: ColumnRows) => ColumnFeeds;
}

export interface ChangeKind<C extends LayerChange, Part extends string, Inputs> {
  readonly kind: C['kind'];
  /**
   * What a graph may have of it, each by a name of its own; absent: one, called as the kind. A kind without parts is in every
   * graph that is not the plain model.
   */
  readonly parts: readonly Part[];
  /** Only a graph of its own has it, without a condition: only runs that use it pay for opening and running that graph. */
  readonly rare?: boolean;
  /** It acts on scores, keys, values or queries: a layer without attention has none of it, and refuses it. */
  readonly ofAttention?: true;
  /** A tap that is in its graph alone. */
  readonly tap?: LayerTap;
  /** It has a graph for each shape of the change, which names it. */
  readonly shaped?: boolean;
  /** The parts that a change acts on; absent: all. */
  partsOf?(change: C): readonly Part[];
  /** One sentence where the model or the run lacks what the change names, the layer and `head` apart. */
  problem?(change: C, layer: LayerSizes, groups: readonly string[]): string | undefined;
  /** The same of all changes of the kind in one layer. */
  together?(changes: readonly C[], layer: LayerSizes): string | undefined;
  /** Which heads its `head` counts; absent: query heads. */
  headsOf?(change: C): 'heads' | 'kvHeads' | undefined;
  declare(graph: GraphBuilder, sizes: LayerSizes, declared: Declared): Inputs;
  /** The inputs that `declare` named, from the changes of each variant in the layer. Arrays of neutral values are shared between calls: never write to them. */
  feeds(
    changes: readonly (readonly C[])[],
    sizes: LayerSizes,
    rows: FedRows,
    declared: Pick<Declared, 'always' | 'parts'>,
  ): Readonly<Record<string, GraphInput>>;
  /** Whether the step graph computes a row from `start` on under the change; `others`: the kinds beside it. */
  readonly steps: (change: C, start: number, sizes: LayerSizes, others: ReadonlySet<string>) => boolean;
  /** Its inputs to the step graph of a row of the sequence, which has them for every run, or where it is built for the kind. */
  stepFeeds?(changes: readonly C[], sizes: LayerSizes, row: number): Readonly<Record<string, GraphInput>>;
  /** Absent: it needs no step graph of its own. */
  readonly stepGraph?: StepGraphChange<C>;
  /** On the stream of a row that left a step graph. */
  stepStream?(changes: readonly C[], stream: Float32Array, row: number): void;
  /** Why it has no gradient. */
  readonly withoutGradient?: (change: C) => string | undefined;
  /** Keys and values of the layer depend on these parts. */
  readonly ofKeys?: readonly Part[];
  /** The first row of the sequence that it acts on; absent: 0. */
  firstRow?(change: C): number;
  /** Whether two act alike; absent: where they are one object. */
  readonly same?: (one: C, other: C) => boolean;
}

/** Keeps the literal types of the parts. */
export const changeKind =
  <C extends LayerChange>() =>
  <const Part extends string, Inputs>(kind: ChangeKind<C, Part, Inputs>): ChangeKind<C, Part, Inputs> =>
    kind;

export const never = (): boolean => false;
export const always = (): boolean => true;

export const headProblem = (layer: LayerSizes, head: number, of: 'heads' | 'kvHeads' = 'heads'): string | undefined =>
  Number.isInteger(head) && head >= 0 && head < layer[of]
    ? undefined
    : `There is no head ${head} in layer ${layer.index}: it has ${layer[of]} ${of === 'heads' ? 'query' : 'key/value'} heads, from 0.`;

const furtherWords: Readonly<Record<FurtherHeads, readonly [what: string, head: string]>> = {
  crossHeads: ['cross-attention', 'cross-attention head'],
  stateHeads: ['recurrence beside its attention', 'head of the recurrence'],
};

/** A head of cross-attention, or of a recurrence beside attention, that the layer does not have. */
export function furtherHeadProblem(
  of: FurtherHeads,
  { index, [of]: count }: Pick<LayerSizes, 'index' | FurtherHeads>,
  head: number | undefined,
): string | undefined {
  const [what, name] = furtherWords[of];
  if (count === undefined) return `Layer ${index} has no ${what}, so it has no such head.`;
  return head !== undefined && Number.isInteger(head) && head >= 0 && head < count
    ? undefined
    : `There is no ${name} ${head} in layer ${index}: it has ${count}, from 0.`;
}

const inputs = new Map<string, Float32Array>();

/** Shared: never write to it. */
export function neutral(value: 0 | 1, length: number): Float32Array {
  const key = `${value} ${length}`;
  let array = inputs.get(key);
  if (!array) {
    // A handful of lengths recur (chunk, last chunk, one token); more would only hold memory.
    if (inputs.size > 24) inputs.clear();
    array = new Float32Array(length).fill(value);
    inputs.set(key, array);
  }
  return array;
}
