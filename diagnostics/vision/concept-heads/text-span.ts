/**
 * TextSpan (arXiv:2310.05916, algorithm 1): texts that together span what a head writes. C [K, D] are the contributions of the head
 * to K pictures, here centred; R [M, D] the embeddings of M texts, scaled to length 1 and projected onto the directions in which
 * C varies (at most `rank` of them, largest first). Again and again the text is taken along which C varies most,
 *
 *   m = argmax over texts j of the variance over pictures of C R_j^T,
 *
 * and its direction is projected out of C and of all texts. R is not scaled to length 1 again: a text that lies outside of what the
 * head can say stays short. Explained so far: 1 - |C that is left|^2 / |C|^2.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { addTo } from './readout';
import { dot } from '../../../kernels/tensors/vectors';

export interface SpannedText {
  readonly text: number;
  /** Share of the variance of the head that this text and the earlier ones explain. */
  readonly explained: number;
}

/** Largest share of the variance of the head along one text: max over j of sum over k of (C_k . R_j)^2 / |C|^2; NaN of a head without. */
export function alongOneText({ rows, basis, total }: RowSpace, texts: readonly ArrayLike<number>[]): number {
  if (total === 0) return Number.NaN;
  const spreads = texts.map((text) => {
    const inside = Float64Array.from(basis, (each) => dot(each, text));
    return rows.reduce((sum, row) => sum + dot(row, inside) ** 2, 0);
  });
  return Math.max(0, ...spreads) / total;
}

/** Rows of C [K][D] in an orthonormal basis of the directions in which they vary, and that basis. */
interface RowSpace {
  /** [K][r] */
  readonly rows: readonly Float64Array[];
  /** [r][D] */
  readonly basis: readonly Float64Array[];
  /** |C|^2, with what lies outside of the basis. */
  readonly total: number;
}

export function rowSpace(centred: readonly Float64Array[], rank: number): RowSpace {
  const total = centred.reduce((sum, row) => sum + dot(row, row), 0);
  const gram = new Matrix(centred.map((row) => centred.map((other) => dot(row, other))));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const largest = Math.max(0, ...realEigenvalues);
  const order = [...realEigenvalues.keys()]
    .filter((at) => (realEigenvalues[at] ?? 0) > largest * 1e-10)
    .sort((a, b) => (realEigenvalues[b] ?? 0) - (realEigenvalues[a] ?? 0))
    .slice(0, rank);
  const width = centred[0]?.length ?? 0;
  const basis = order.map((at) => {
    const direction = new Float64Array(width);
    const scale = 1 / Math.sqrt(realEigenvalues[at] ?? 1);
    centred.forEach((row, k) => addTo(direction, row, eigenvectorMatrix.get(k, at) * scale));
    return direction;
  });
  return { rows: centred.map((row) => Float64Array.from(basis, (each) => dot(each, row))), basis, total };
}

/** At most `count` texts, in the order in which they are taken. */
export function textSpan(
  { rows, basis, total }: RowSpace,
  texts: readonly ArrayLike<number>[],
  count: number,
): SpannedText[] {
  if (total === 0) return [];
  const left = rows.map((row) => Float64Array.from(row));
  const inside = texts.map((text) => Float64Array.from(basis, (each) => dot(each, text)));
  const found: SpannedText[] = [];
  let explained = 0;
  while (found.length < Math.min(count, texts.length, basis.length)) {
    let best = { text: -1, spread: 0 };
    inside.forEach((text, at) => {
      if (found.some((each) => each.text === at)) return;
      let spread = 0;
      for (const row of left) spread += dot(row, text) ** 2;
      if (spread > best.spread) best = { text: at, spread };
    });
    const direction = inside[best.text];
    const length = direction ? dot(direction, direction) : 0;
    // What is left of a text that others span is rounding.
    if (!direction || length < 1e-12) break;
    const unit = direction.map((value) => value / Math.sqrt(length));
    explained += best.spread / length / total;
    found.push({ text: best.text, explained });
    for (const row of [...left, ...inside]) addTo(row, unit, -dot(row, unit));
  }
  return found;
}
