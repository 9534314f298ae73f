/** Scores of all pairs of heads of different layers, what they are worth against random rotations, and the draws of those. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Random } from '../../../kernels/tensors/random';
import { compositionKinds, type CompositionKind } from './layer-factors';
import { byChance, rotatedSquares, shares } from './rotations';
import { lengthOf } from '../../shared/weights/spectra';

/** What is kept of a layer. */
export interface MeasuredLayer {
  readonly layer: number;
  /** Singular values of W_O W_V and of W_Q^T W_K (with the factor of the scores) by head, largest first. */
  readonly ov: readonly (readonly number[])[];
  readonly qk: readonly (readonly number[])[];
  /** Traces of W_Q^T W_K by head; absent in steps kept by an earlier version. */
  readonly qkTrace?: readonly number[];
  readonly copying?: readonly number[];
  /** Gates multiply the outputs of its heads. */
  readonly gated?: true;
  /** By kind: norms |W_B W_A| [heads of this layer][heads of the layers before it that are compared]. */
  readonly composed: Readonly<Record<CompositionKind, readonly (readonly number[])[]>>;
}

/** Composition of one reading head with one earlier writing head, of one kind. */
interface Composition {
  readonly kind: CompositionKind;
  /** Places in `heads`. */
  readonly reader: number;
  readonly writer: number;
  readonly score: number;
  readonly chance: number;
  readonly z: number;
}

export interface Compositions {
  readonly heads: readonly HeadPlace[];
  /** Squared singular values as shares; undefined of a map that is zero. */
  readonly ov: readonly (readonly number[] | undefined)[];
  readonly qk: readonly (readonly number[] | undefined)[];
  /** A pair has one of each kind, one behind the other. */
  readonly all: readonly Composition[];
}

/** Share of the mean. Squared scores that differ less from it come from every rotation (a map of full rank and equal values). */
const noSpread = 1e-6;

export function compositionsOf(measured: readonly MeasuredLayer[], width: number): Compositions {
  const heads = measured.flatMap(({ layer, ov }) => ov.map((_, head) => ({ layer, head })));
  const values = { ov: measured.flatMap(({ ov }) => ov), qk: measured.flatMap(({ qk }) => qk) };
  const norms = { ov: values.ov.map(lengthOf), qk: values.qk.map(lengthOf) };
  const parts = { ov: values.ov.map(shares), qk: values.qk.map(shares) };
  const all: Composition[] = [];
  let first = 0;
  for (const { ov, composed } of measured) {
    for (let head = 0; head < ov.length; head++) {
      const reader = first + head;
      for (let writer = 0; writer < first; writer++) {
        const q = parts.ov[writer];
        for (const kind of compositionKinds) {
          const own = kind === 'value' ? 'ov' : 'qk';
          const p = parts[own][reader];
          if (!p || !q) continue;
          const norm = composed[kind][head]?.[writer] ?? Number.NaN;
          const score = norm / ((norms[own][reader] ?? 0) * (norms.ov[writer] ?? 0));
          const { mean, deviation } = byChance(p, q, width);
          const above = score * score - mean;
          const z = deviation < noSpread * mean ? 0 : above / deviation;
          all.push({ kind, reader, writer, score, chance: Math.sqrt(mean), z });
        }
      }
    }
    first += ov.length;
  }
  return { heads, ...parts, all };
}

/** How many of `count` rotations give each composition at least the score that it has. */
export function reachedBy({ ov, qk, all }: Compositions, width: number, count: number, source: Random): Int32Array {
  const size = Math.min(width, Math.max(1, ...[...ov, ...qk].map((values) => values?.length ?? 0)));
  const reached = new Int32Array(all.length);
  for (let draw = 0; draw < count; draw++) {
    const squares = rotatedSquares(width, size, source);
    const turned = ov.map((q) => q && turnedBy(squares, width, q));
    let [reader, writer, first] = [-1, -1, 0];
    for (const [at, one] of all.entries()) {
      const q = turned[one.writer];
      if (!q) continue;
      // Each pair takes rows at random: with the same ones a draw that is high for one pair would be high for all.
      if (one.reader !== reader || one.writer !== writer) {
        [reader, writer, first] = [one.reader, one.writer, source.whole(width)];
      }
      const score = dotFrom((one.kind === 'value' ? ov : qk)[one.reader] ?? [], q, first);
      if (score >= one.score * one.score) reached[at] = (reached[at] ?? 0) + 1;
    }
  }
  return reached;
}

/** (T o T) q */
function turnedBy(squares: Float64Array, width: number, q: readonly number[]): Float64Array {
  const out = new Float64Array(width);
  const size = squares.length / width;
  for (let row = 0; row < width; row++) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += (squares[row * size + i] ?? 0) * (q[i] ?? 0);
    out[row] = sum;
  }
  return out;
}

/** Rows from `first` on, round the end. */
function dotFrom(p: readonly number[], q: Float64Array, first: number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += (p[i] ?? 0) * (q[(first + i) % q.length] ?? 0);
  return sum;
}
