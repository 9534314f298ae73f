/** OV and QK maps of a head as whole matrices in float64, by the formulas, loop by loop. */
import type { ServerRunner } from '../../../../../compute-server/runner/runner';
import type { HeadMap, NormWeights } from '../../../../../diagnostics/model-runner/weights';
import { headOf } from '../../../../../diagnostics/shared/weights/head-of';

export type Dense = readonly (readonly number[])[];

export const product = (a: Dense, b: Dense): number[][] =>
  a.map((row) => (b[0] ?? []).map((_, j) => row.reduce((sum, value, i) => sum + value * (b[i]?.[j] ?? 0), 0)));
export const transpose = (a: Dense): number[][] => (a[0] ?? []).map((_, j) => a.map((row) => row[j] ?? 0));
export const norm = (a: Dense): number => Math.sqrt(a.flat().reduce((sum, value) => sum + value * value, 0));
export const rowsOf = (data: ArrayLike<number>, columns: number): number[][] =>
  Array.from({ length: data.length / columns }, (_, row) =>
    Array.from({ length: columns }, (__, i) => data[row * columns + i] ?? 0),
  );
const dense = ({ data, columns }: HeadMap): number[][] => rowsOf(data, columns);

/** diag(gain) (I - 1/w) as a matrix. */
function normMatrix(of: NormWeights | undefined, width: number): number[][] {
  return Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (__, j) => {
      const own = (i === j ? 1 : 0) - (of?.kind === 'layer' ? 1 / width : 0);
      return own * (of?.gain[i] ?? 1);
    }),
  );
}

export interface NaiveHead {
  /** [w, w]: what is written, by what is read. */
  readonly ov: Dense;
  /** [w, w]: query side down, key side across. */
  readonly qk: Dense;
}

export async function naiveHead(runner: ServerRunner, layer: number, head: number): Promise<NaiveHead> {
  const weights = await runner.weights.layer(layer);
  const { facts } = runner;
  const block = facts.blocks[layer];
  if (!block) throw new Error('no such layer');
  const own = headOf(weights, block, head);
  const { input, output, gain } = weights.attentionNorms;
  const inFront = normMatrix(input, facts.hiddenSize);
  const scaled = (map: HeadMap, of: NormWeights | undefined): Dense =>
    dense(map).map((row, i) => row.map((value) => value * (of?.gain[i] ?? 1)));
  const query = product(scaled(own.query, weights.queryNorm), inFront);
  const key = product(scaled(own.key, weights.keyNorm), inFront);
  const written = product(dense(own.value), inFront);
  const ov = product(dense(own.output), written).map((row, i) =>
    row.map((value) => value * (output?.gain[i] ?? 1) * (gain?.[i] ?? 1)),
  );
  return { ov, qk: product(transpose(query), key).map((row) => row.map((value) => value * weights.scale)) };
}
