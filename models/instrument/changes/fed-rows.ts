/** What a run gives to those who fill the inputs of a layer's graph: the port that the compute server implements. */
/** An array as a graph takes it, row-major; float16 as its bits, bool as bytes. */
export interface GraphInput {
  readonly data: Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

/** A head's plan at a prompt of known length. */
export interface Held {
  /** First positions that are kept. */
  readonly sinks: number;
  /** Newest positions before the query that are kept; Infinity: all. */
  readonly recent: number;
  /** What is dropped is read as its mean. */
  readonly mean: boolean;
  /** What follows the prompt is kept beside the rest: the window stops at the end of the prompt. */
  readonly append: boolean;
  /** Positions of the prompt, in place of sinks and recents. */
  readonly ranges?: readonly { readonly start: number; readonly end: number }[];
}

/** What a layer keeps beside its keys (block-choice.ts). */
interface BlockRows {
  readonly rows: number;
  feeds(): {
    readonly before: Float32Array;
    readonly blocks: number;
    readonly queries: Float32Array;
    readonly started: number;
  };
}

/** Places of `reinforcement_distance` and `reinforcement_rule`. */
export const reinforcementDistances = ['l2', 'squared', 'relative', 'cosine'] as const;
export const reinforcementRules = ['off', 'paper', 'release'] as const;

/** Gains that the layer graphs choose themselves, for every variant of the run. */
export interface GraphReinforcement {
  readonly alpha: number;
  readonly distance: (typeof reinforcementDistances)[number];
  readonly rule: (typeof reinforcementRules)[number];
  /** By layer that is reinforced: head outputs without the span at the last row, [h, d]. */
  readonly text: ReadonlyMap<number, Float32Array>;
}

/** One call of the graph of a layer. */
export interface FedRows {
  /** The queries are the rows [start, start + length) of the sequence, or rows behind it. */
  readonly start: number;
  readonly length: number;
  /** Keys up to the last query. */
  readonly keys: number;
  readonly groups: readonly string[];
  /** [groups, keys] */
  readonly keyGroups: GraphInput;
  /** Rising from row to row. */
  readonly position: (row: number) => number;
  /** Cosines, then sines of the angles of the positions of rows, without the attention factor, [rows, dimensions]. */
  readonly turns: (first: number, count: number) => Float32Array;
  /** The same of positions, which may be negative. */
  readonly turnsOf: (positions: readonly number[]) => Float32Array;
  /** Half-open ranges of the rows before `query` that a head drops. */
  readonly dropped: (
    held: Held,
    prompt: number,
    query: number,
  ) => readonly { readonly start: number; readonly end: number }[];
  /** Keys that attention is taken from, where the run decided or decides that. */
  readonly sources?:
    | {
        /** Heads that go by column strengths are not decided yet: the graph does it, over all rows of the prompt at once. */
        readonly open: boolean;
        /** 1 for a source, by row. */
        of(variant: number, head: number): Uint8Array;
      }
    | undefined;
  /** Column sums above which each row is a source. */
  readonly limits: (from: { readonly alpha?: number; readonly strength?: number }) => Float64Array;
  /** What stands for the blocks of the past, where heads choose some. */
  readonly blocks?: BlockRows | undefined;
  /** Directions [b, n, w] of suppression, where a variant removes it in this layer. */
  readonly directions?: Float32Array | undefined;
  /** Where the last query decides gains (reinforcement.ts). */
  readonly reinforcement?: GraphReinforcement | undefined;
}

/** The columns of a step graph: the new row, those of the cache as they lie there, and some that are still to come. */
export interface ColumnRows {
  /** The row of each; Infinity of the new one, and where a column has none. */
  readonly rows: readonly number[];
  /** 1 for a row that attention is taken from, as the prompt decided it. */
  readonly sources?: { of(variant: number, head: number): Uint8Array } | undefined;
}

export const flag = (on: boolean): GraphInput => ({ data: new Uint8Array([on ? 1 : 0]), shape: [] });

export const int32 = (numbers: readonly number[], shape: readonly number[]): GraphInput => ({
  data: Int32Array.from(numbers),
  shape,
});

/** One whole number below 2^31. */
export const int64 = (number: number): GraphInput => ({ data: BigInt64Array.of(BigInt(number)), shape: [1] });

export const range = (start: number, length: number): number[] => Array.from({ length }, (_, at) => start + at);
