/** What the heads of one row put out and read, from what a run of several rows, or the step of one, gave. */
import type { Observation, RouterRows } from '../../../diagnostics/model-runner/model-runner';
import type { LayerResult, TopKeys } from '../../../diagnostics/model-runner/run-request';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import { headsOf } from '../../../models/architectures/block-heads';
import type { BlockSpec } from '../../../models/architectures/model-spec';
import { routerTaps, type RouterTap } from '../../../models/instrument/taps';
import type { RuntimeValues } from '../../runtime/session';
import { floats } from '../run/graphs/runtime-arrays';
import { noTop } from '../run/stream/layer-outputs';
import type { StepRow } from '../run/stream/step-row';

/** What is observed at the last row of a prompt. */
export const observationOf = (layers: readonly LayerResult[], topKeys = false): Observation => ({
  headOutputs: layers.map(({ taps }) => {
    const data = taps['attention.head_output']?.data;
    if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no head outputs');
    return data;
  }),
  mass: layers.map(({ lastMass }) => lastMass ?? new Float32Array(0)),
  ...(layers.some(({ cross }) => cross)
    ? { cross: layers.map(({ taps }) => floats(taps as RuntimeValues, 'cross.probabilities')) }
    : {}),
  ...(topKeys ? { top: layers.map(({ top }) => required(top)) } : {}),
});

/** An observation that layers add to, one after the other. */
export const emptyObservation = (ranking: boolean, reads: boolean) => ({
  headOutputs: [] as Float32Array[],
  mass: [] as Float32Array[],
  ...(ranking ? { top: [] as TopKeys[] } : {}),
  ...(reads ? { cross: [] as Float32Array[] } : {}),
});

/**
 * Adds to the observation of each row what the heads of a block put out and read. `mass`: [h, rows, groups], if it is not an output of
 * the graph; `top`: the keys read most by all rows, where layers with attention are ranked.
 */
export function observeRows(
  observations: readonly ReturnType<typeof emptyObservation>[],
  block: BlockSpec,
  values: RuntimeValues,
  {
    mass,
    groups,
    top,
  }: { readonly mass: Float32Array | undefined; readonly groups: number; readonly top: TopKeys | undefined },
): void {
  const rows = observations.length;
  const { heads, headDim } = headsOf(block);
  const outputs = heads > 0 ? floats(values, 'attention.head_output') : new Float32Array(0);
  const read = block.attention && (mass ?? floats(values, 'statistics.mass'));
  observations.forEach((observation, row) => {
    observation.headOutputs.push(rowOf(outputs, heads, rows, headDim, row));
    observation.mass.push(read ? rowOf(read, heads, rows, groups, row) : new Float32Array(0));
    observation.top?.push(block.attention ? topOf(required(top), row) : noTop);
    if (block.cross) observation.cross?.push(crossRow(values, block.cross.attention.heads, rows, row));
  });
}

/** Row `row` of [heads, rows, width] -> [heads, width]. */
function rowOf(data: Float32Array, heads: number, rows: number, width: number, row: number): Float32Array {
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
function topOf({ weights, keys, heads, k }: TopKeys, row: number): TopKeys {
  const [from, to] = [row * heads * k, (row + 1) * heads * k];
  return { weights: weights.slice(from, to), keys: keys.slice(from, to), heads, k };
}

export const routerRows = (layer: number, values: RuntimeValues): RouterRows => ({
  layer,
  rows: Object.fromEntries(routerTaps.map((tap) => [tap, floats(values, tap)])) as RouterRows['rows'],
});

/** Rows of one call after the other. */
export const joinedRouters = (calls: readonly (readonly RouterRows[])[]): readonly RouterRows[] =>
  (calls[0] ?? []).map(({ layer }, at) => {
    const joined = (tap: RouterTap): Float32Array => {
      const pieces = calls.map((call) => call[at]?.rows[tap] ?? new Float32Array(0));
      return Float32Array.from(pieces.flatMap((piece) => [...piece]));
    };
    return { layer, rows: Object.fromEntries(routerTaps.map((tap) => [tap, joined(tap)])) as RouterRows['rows'] };
  });

function required(top: TopKeys | undefined): TopKeys {
  if (!top) throw new TypeError('the layer ranked no keys');
  return top;
}

/** Probabilities of the source in row `row` of a run of `rows`, [h, m]. */
function crossRow(values: RuntimeValues, heads: number, rows: number, row: number): Float32Array {
  const data = floats(values, 'cross.probabilities');
  return rowOf(data, heads, rows, data.length / (heads * rows), row);
}
