/** Vectors added to the residual stream, as the input of a layer graph (models/instrument/interventions/addition.ts), or by hand. */
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import type { Addition, Variant } from '../../../../diagnostics/model-runner/variant';
import type { RuntimeArray } from '../../../runtime/session';

const additionsOf = ({ additions = [] }: Variant, layer: number): readonly Addition[] =>
  additions.filter((one) => one.layer === layer);

const actsOn = ({ positions }: Addition, row: number): boolean => positions?.includes(row) ?? true;

/** Adds the vectors of a row to it, from `at` on. */
function addTo(data: Float32Array, at: number, additions: readonly Addition[], row: number): void {
  for (const addition of additions) {
    if (!actsOn(addition, row)) continue;
    addition.vector.forEach((value, column) => (data[at + column] = (data[at + column] ?? 0) + value));
  }
}

export function additionFeeds(
  { hiddenSize }: ModelSpec,
  { index }: BlockSpec,
  {
    variants,
    start,
    length,
  }: { readonly variants: readonly Variant[]; readonly start: number; readonly length: number },
): Record<string, RuntimeArray> {
  const changes = variants.map((variant) => additionsOf(variant, index));
  // Vectors for all positions are one row.
  const rows = changes.flat().some(({ positions }) => positions) ? length : 1;
  const data = new Float32Array(variants.length * rows * hiddenSize).fill(-0);
  changes.forEach((additions, v) => {
    for (let row = 0; row < rows; row++) addTo(data, (v * rows + row) * hiddenSize, additions, start + row);
  });
  return { residual_addition: { data, shape: [variants.length, rows, hiddenSize] } };
}

/** The stream of one row that has left a step graph: it lies here, and a float32 sum is the same here as in a graph. */
export function addVectors(stream: Float32Array, variant: Variant, layer: number, row: number): void {
  addTo(stream, 0, additionsOf(variant, layer), row);
}
