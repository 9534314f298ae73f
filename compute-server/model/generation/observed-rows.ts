/** What the heads of one row put out and read, from what a run of several rows, or the step of one, gave. */
import type { Observation } from '../../../diagnostics/model-runner/model-runner';
import type { LayerResult, TopKeys } from '../../../diagnostics/model-runner/run-request';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import type { StepRow } from '../run/stream/step-row';

/** What is observed at the last row of a prompt. */
export const observationOf = (layers: readonly LayerResult[], topKeys = false): Observation => ({
  headOutputs: layers.map(({ taps }) => {
    const data = taps['attention.head_output']?.data;
    if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no head outputs');
    return data;
  }),
  mass: layers.map(({ lastMass }) => lastMass ?? new Float32Array(0)),
  ...(topKeys ? { top: layers.map(({ top }) => required(top)) } : {}),
});

/** Row `row` of [heads, rows, width] -> [heads, width]. */
export function rowOf(data: Float32Array, heads: number, rows: number, width: number, row: number): Float32Array {
  if (rows === 1) return data;
  const out = new Float32Array(heads * width);
  for (let head = 0; head < heads; head++) {
    const from = (head * rows + row) * width;
    out.set(data.subarray(from, from + width), head * width);
  }
  return out;
}

/** [h, groups] */
export function massOf(row: StepRow, heads: number, groups: readonly KeyGroup[]): Float32Array {
  const mass = new Float32Array(heads * groups.length);
  groups.forEach(({ positions }, g) => {
    row.massOn(positions).forEach((value, head) => (mass[head * groups.length + g] = value));
  });
  return mass;
}

/** Row `row` of the keys read most, alone. */
export function topOf({ weights, keys, heads, k }: TopKeys, row: number): TopKeys {
  const [from, to] = [row * heads * k, (row + 1) * heads * k];
  return { weights: weights.slice(from, to), keys: keys.slice(from, to), heads, k };
}

function required(top: TopKeys | undefined): TopKeys {
  if (!top) throw new TypeError('the layer ranked no keys');
  return top;
}
