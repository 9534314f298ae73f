import type { StateTensor } from './graph/cache-state';
import type { Layout } from './graph/attention-graph';
import type { Cost } from './cost/cost';
import type { Graph } from './graph/graph';
import type { LinearSystem } from './reference/linear-system';
import type { AttentionShape, Precision } from './shape';
import type { Template } from './template';
import type { AttentionInputs, Tensor } from './tensors/tensor';

/** One row of a mechanism's parameter table: drives the panel's form, the command line and validation. */
export type Parameter =
  | {
      readonly kind: 'integer';
      readonly title: string;
      readonly description: string;
      readonly min: number;
      readonly max: number;
      readonly default: number;
    }
  | {
      readonly kind: 'number';
      readonly title: string;
      readonly description: string;
      readonly min: number;
      readonly max: number;
      readonly default: number;
    }
  | {
      readonly kind: 'choice';
      readonly title: string;
      readonly description: string;
      readonly options: readonly string[];
      readonly default: string;
    }
  | { readonly kind: 'boolean'; readonly title: string; readonly description: string; readonly default: boolean };

type ParameterValue = number | string | boolean;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;
export type ParameterTable<P extends ParameterValues> = { readonly [K in keyof P]: Parameter };

/** `why` is one sentence a person can act on; the panel shows it and the job refuses with the same words. */
export type Support =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly why: string;
      /** What stands against the shape is a mistake in the mechanism, not a limit that it states. */
      readonly mistaken?: true;
    };

/** How far the definition can be trusted: as published, as in the authors' code, or with a choice of ours (said in note). */
export interface Source {
  /** Paper and section, e.g. `arXiv:2004.05150, section 3.1`. */
  readonly reference: string;
  readonly trust: 'high' | 'medium' | 'low';
  /** What was chosen where the source leaves a choice open. */
  readonly note?: string;
}

/** A learned tensor beside query, key and value; the harness draws it from the seed. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Standard deviation of the seeded normal numbers, or the value for `constant`. */
  readonly initial:
    | { readonly kind: 'normal'; readonly deviation: number }
    | { readonly kind: 'constant'; readonly value: number };
}

/**
 * What each query may read. `mask(head, query, key)` says it pair by pair; `data` says that it depends on the values (then
 * the mask is an upper bound); blocks name the tile in which the kernel skips work, for drawing.
 */
interface ReadPattern {
  readonly dependsOnData: boolean;
  /** Causal, but which of the earlier keys are read depends on later positions too: decoding gives other numbers. */
  readonly dependsOnFuture?: boolean;
  /** An output depends on every head of its position, e.g. by a norm over the joined heads; `reads` is about one head. */
  readonly joinsHeads?: boolean;
  /** What a query holds goes into the keys and values of a further layer: it reaches all outputs that read its position. */
  readonly readsQueries?: boolean;
  /** Causal, but which keys a query reads depends on how long the whole is (a grid's shape, a span that grows with the length). */
  readonly dependsOnLength?: boolean;
  readonly reads: (head: number, query: number, key: number) => boolean;
  /** Pairs that reach the query only inside an average over several keys (a compensation token, a summary of a block). */
  readonly summarises?: (head: number, query: number, key: number) => boolean;
  readonly block?: { readonly queries: number; readonly keys: number };
  /** Dealt to workers: the pieces of a query head, each computed by one of them at one step. */
  readonly workerPieces?: (head: number) => readonly WorkerPiece[];
  /** Positions are on a grid: `reads` is true where a query reads a key along every axis. */
  readonly grid?: ReadGrid;
}

/** Ranges [start, end) of queries and keys. */
interface WorkerPiece {
  readonly worker: number;
  readonly step: number;
  readonly queries: readonly { readonly start: number; readonly end: number }[];
  readonly keys: readonly { readonly start: number; readonly end: number }[];
}

/** Outermost axis first, the last one fastest. */
export interface ReadGrid {
  readonly axes: readonly { readonly size: number; readonly reads: (query: number, key: number) => boolean }[];
  /** Queries that the kernel computes together along each axis; left out where they are no interval. */
  readonly tile?: readonly number[];
}

/** A setting in which the mechanism must equal another one (a law of test/laws), e.g. a window as long as the sequence. */
interface Limit<P extends ParameterValues> {
  readonly name: string;
  readonly parameters: (shape: AttentionShape) => Partial<P>;
  readonly equals: string;
}

/**
 * Decoding with a state of the mechanism's own. `shape` is causal-self with one query and n + 1 keys: n positions have been
 * read (one at least), one is new. It continues a pass over the whole sequence, and is supported where that is. Mechanisms
 * whose state is the plain cache of keys and values need none: they decode by `build` with one query.
 */
export interface Decoding<P extends ParameterValues> {
  states(shape: AttentionShape, parameters: P): readonly StateTensor[];
  /** The state after all keys of `inputs`, in float64. */
  stateAfter(inputs: AttentionInputs, shape: AttentionShape, parameters: P): Readonly<Record<string, Tensor>>;
  /**
   * Inputs: `query` [b, h, 1, d], `key` [b, hkv, 1, d] and `value` [b, hkv, 1, dv] of the new position, every state by its
   * name, the weights. Outputs: `output` [b, h, 1, dv] and for each state `next.<name>`: the new state, or the row to append; a
   * state of which a step gives none stays as it is, but for the rows that it forgets.
   */
  build(shape: AttentionShape, parameters: P, precision: Precision): Graph;
  cost(shape: AttentionShape, parameters: P): Cost;
  /**
   * Where a step's work depends on its place in a segment: how many positions near `length` have been read before a step of
   * average work. Left out: `length`.
   */
  typical?(length: number, parameters: P): number;
}

export interface Mechanism<P extends ParameterValues = ParameterValues> {
  readonly id: string;
  readonly title: string;
  readonly family: 'dense' | 'sparse' | 'linear' | 'positional' | 'latent' | 'memory' | 'gate' | 'distributed';
  /** Two sentences for a person who has not met it: what it computes and when it pays. */
  readonly summary: string;
  readonly source: Source;
  /** The mechanism in the terms that all share: a row of the taxonomy. */
  readonly template: Template;
  readonly parameters: ParameterTable<P>;
  readonly layout: Layout;
  /** The power of n in the number of multiply-adds, by the defaults, in the limit of long sequences n = m (1 linear, 2 quadratic). */
  readonly exponent: number;
  supports(shape: AttentionShape, parameters: P): Support;
  weights?(shape: AttentionShape, parameters: P): readonly Weight[];
  /** Learns some of the drawn `weights` from the inputs, before anything is proved or timed; left out: they stay as drawn. */
  fit?(inputs: AttentionInputs, shape: AttentionShape, parameters: P): Readonly<Record<string, Tensor>>;
  /** Straight from the equations in float64; returns [b, h, n, dv]. */
  reference(inputs: AttentionInputs, shape: AttentionShape, parameters: P): Tensor;
  /**
   * The rows `rows` (query positions) of `reference` alone, [b, h, rows.length, dv], without computing the others: what a long
   * cell is proved by. Left out where a row costs as much as all of them, or all cost little.
   */
  referenceRows?(inputs: AttentionInputs, shape: AttentionShape, parameters: P, rows: readonly number[]): Tensor;
  /** Inputs `query`, `key`, `value` and the weights by name; output `output`, in `layout`. */
  build(shape: AttentionShape, parameters: P, precision: Precision): Graph;
  cost(shape: AttentionShape, parameters: P): Cost;
  pattern(shape: AttentionShape, parameters: P): ReadPattern;
  /** The pairs of `pattern` that these numbers choose, for a query head of batch 0; where the pattern depends on data. */
  chosen?(
    inputs: AttentionInputs,
    shape: AttentionShape,
    parameters: P,
    head: number,
  ): (query: number, key: number) => boolean;
  /**
   * How many times the rounding error of a sum the graph's way of summing gives, where it subtracts sums that nearly cancel and
   * its definition does not (left out: 1); see tensors/rounding.ts.
   */
  amplification?(inputs: AttentionInputs, shape: AttentionShape, parameters: P): number;
  /** The least number by which a norm of stored outputs divides them, the root of its epsilon (left out: 1). */
  readonly leastDivisor?: number;
  readonly decode?: Decoding<P>;
  /**
   * A query head of the first sequence in causal self-attention (n = m) as a linear system over its values; undefined where these
   * parameters make it none. Left out by mechanisms that are none.
   */
  asSystem?(inputs: AttentionInputs, shape: AttentionShape, parameters: P, head: number): LinearSystem | undefined;
  readonly limits: readonly Limit<P>[];
}
