/** Singular value decomposition of projections, in float64. Decompositions are those of ml-matrix. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';

/** [rows, columns], row by row. */
export interface Rows {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

export interface Decomposition {
  /** Largest first. */
  readonly singular: readonly number[];
  /** Left singular vectors, [rows][values]. */
  readonly left: readonly Float64Array[];
  /** Right singular vectors, [values][columns]. */
  readonly right: readonly Float64Array[];
}

export function decomposed({ data, rows, columns }: Rows): Decomposition {
  const matrix = Matrix.from1DArray(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, i) => data[i] ?? 0),
  );
  const svd = new SingularValueDecomposition(matrix, { autoTranspose: true });
  const { leftSingularVectors: left, rightSingularVectors: right, diagonal: singular } = svd;
  return {
    singular,
    left: Array.from({ length: rows }, (_, row) => Float64Array.from(singular, (_, at) => left.get(row, at))),
    right: singular.map((_, at) => Float64Array.from({ length: columns }, (_, column) => right.get(column, at))),
  };
}

/** The rows of several matrices of equal width, below each other. */
export function stacked(parts: readonly Rows[]): Rows {
  const columns = parts[0]?.columns ?? 0;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const data = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.rows * columns; i++) data[at++] = part.data[i] ?? 0;
  }
  return { data, rows, columns };
}
