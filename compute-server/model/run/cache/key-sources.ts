/** Keys of a prompt that heads of a layer take attention from: decided once, when the prompt is run (protocol/interventions/redistribute.ts). */
import type { Redistribution } from '../../../../models/instrument/changes/redistribution';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import { countOfKeysRead } from '../../../../diagnostics/model-runner/keys-read';
import { sinkValue } from '../../../../diagnostics/shared/divergence/sinks';
import { noLimit } from '../../../../models/instrument/changes/redistribution';

export class KeySources {
  /** Heads that go by column strengths are not decided yet. */
  open = false;

  constructor(
    readonly batch: number,
    readonly heads: number,
    /** Rows that were searched for sources. */
    readonly rows: number,
    /** 1 for a source, [b, h, rows]. */
    readonly found: Uint8Array = new Uint8Array(batch * heads * rows),
  ) {}

  of(variant: number, head: number): Uint8Array {
    const at = (variant * this.heads + head) * this.rows;
    return this.found.subarray(at, at + this.rows);
  }

  /** What a graph decided by column sums over all rows, [b, h, rows]. */
  take(found: Float32Array): void {
    this.found.set(found);
    this.open = false;
  }

  /** One sequence's, for `batch` that go on from it side by side. */
  branch(batch: number): KeySources {
    if (this.batch !== 1) throw new RangeError(`the sources of ${this.batch} variants cannot branch into ${batch}`);
    const found = new Uint8Array(this.found.length * batch);
    for (let b = 0; b < batch; b++) found.set(this.found, b * this.found.length);
    return new KeySources(batch, this.heads, this.rows, found);
  }
}

/**
 * Column sums above which a key of a prompt is a source: strength times the rows that read the key (`readers`, [n]), with a strength
 * of alpha / n where none is given. Never the first key, nor one that fewer than 2 / strength rows read: of a head that reads the
 * token before, the last keys would all be sources (a column sum of 1 over one or two rows).
 */
export function columnLimits(
  { alpha, strength }: { readonly alpha?: number; readonly strength?: number },
  readers: readonly number[],
): Float64Array {
  const least = strength ?? (alpha ?? 0) / readers.length;
  return Float64Array.from(readers, (rows, key) => (key === 0 || rows < 2 / least ? noLimit : least * rows));
}

/** How many of the rows of a prompt read each key of a layer. */
export function readersOf(
  { attention }: BlockSpec,
  n: number,
  /** Rows that read each other in both directions. */
  prefix = 0,
): readonly number[] {
  const { causal, window = Infinity, chunked, around } = attention ?? { causal: true };
  // Who reads a key that is read on either side are those whom it would read.
  if (!causal) return Array.from({ length: n }, (_, key) => countOfKeysRead(key, n, { causal, window: around }));
  if (chunked) return Array.from({ length: n }, (_, key) => Math.min(n, key - (key % window) + window) - key);
  return Array.from({ length: n }, (_, key) => (key < prefix ? Math.min(n, key + window) : Math.min(n - key, window)));
}

/** Rows whose hidden states [b, n, width], as they enter a layer, are massive; for the heads of all variants that ask. */
export function sourcesByStates(
  changes: readonly (readonly (Redistribution | undefined)[])[],
  rows: number,
  /** Gives the state of one row under one variant. */
  state: (variant: number, row: number) => Float32Array,
  into: KeySources,
): void {
  changes.forEach((heads, variant) => {
    // Heads mostly share what they ask.
    const known = new Map<Redistribution['from'], Uint8Array>();
    heads.forEach((change, head) => {
      if (change?.from.kind !== 'states') return;
      const { tau, dimensions } = change.from;
      const massive =
        known.get(change.from) ??
        Uint8Array.from({ length: rows }, (_, row) => (sinkValue(state(variant, row), dimensions) > tau ? 1 : 0));
      known.set(change.from, massive);
      // Where no key of the region is a sink the layer is left alone (arXiv:2503.03321; its code: no visual sink).
      const { region } = change;
      if (region.length > 0 && !region.some((row) => massive[row] === 1)) return;
      into.of(variant, head).set(massive);
    });
  });
}

/** The heads that go by column strengths, from the column sums [b, h, rows] of the whole prompt. */
export function sourcesByColumns(
  changes: readonly (readonly (Redistribution | undefined)[])[],
  sums: Float64Array,
  readers: readonly number[],
  into: KeySources,
): void {
  changes.forEach((heads, variant) =>
    heads.forEach((change, head) => {
      if (change?.from.kind !== 'columns') return;
      const limits = columnLimits(change.from, readers);
      const [found, at] = [into.of(variant, head), (variant * into.heads + head) * into.rows];
      limits.forEach((limit, key) => (found[key] = (sums[at + key] ?? 0) > limit ? 1 : 0));
    }),
  );
  into.open = false;
}
