/**
 * Selective scan, or S6 (Mamba, arXiv:2312.00752, algorithm 2): each channel has a state of N numbers,
 * h_t = exp(dt_t A) h_(t-1) + dt_t B_t x_t, y_t = C_t h_t + D x_t, with its own step dt, rates A [N] and D; B and C belong to the token and to a group of channels.
 * The value of a channel is its convolved x_t, so that its effective attention is
 * E_ij = dt_j sum_N C_i B_j exp(A (dt_(j+1) + .. + dt_i)), and D more on the diagonal; shown by blocks of channels (`channels.ts`).
 *
 * Computed by a Scan over positions with states [N, channels]: LinearAttention of onnxruntime 1.30 gives the same as the rule `gated`
 * with a head a channel, and takes 20 times as long, as it reads a decay for each number of the state (2026-12).
 */
import { add, exponential, multiply, softplus } from '../../../kernels/graph/operators/elementwise';
import { scan } from '../../../kernels/graph/operators/control';
import { concat, reshape, slice, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { activate, linear, norm } from '../layers';
import type { SelectiveScanSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { decays, effectiveOfBlocks, joined } from './channels';
import { convolutionShape, convolved, decayRates } from './convolution';
import type { StateMixer } from './state-mixer';

/** Operands of the recurrence over D channels: x and dt [b, n, D], A [D, N], B and C [b, n, N]. */
export interface SelectiveScan {
  readonly values: Value;
  readonly step: Value;
  readonly rates: Value;
  readonly b: Value;
  readonly c: Value;
}

/** C_t h_t [b, n, D] and the state [b, N, D] behind the last position. */
export function selectiveScan(
  { values, step, rates, b, c }: SelectiveScan,
  past: Value,
): { readonly output: Value; readonly state: Value } {
  const turned = transpose(rates, [1, 0]);
  /** [b, n, x] -> [n, b, x] */
  const byPosition = (x: Value): Value => transpose(x, [1, 0, 2]);
  const { states, outputs } = scan(
    [past],
    [
      unsqueeze(byPosition(step), 2),
      unsqueeze(byPosition(multiply(values, step)), 2),
      unsqueeze(byPosition(b), 3),
      unsqueeze(byPosition(c), 2),
    ],
    ([state], [dt, taken, into, out]) => {
      const next = add(multiply(exponential(multiply(dt!, turned)), state!), multiply(into!, taken!));
      return { states: [next], outputs: [matmul(out!, next)] };
    },
  );
  const given = outputs[0]!;
  const [length = 1, batch = 1, , channels = 1] = given.shape;
  return { output: transpose(reshape(given, [length, batch, channels]), [1, 0, 2]), state: states[0]! };
}

export const mamba: StateMixer<SelectiveScanSpec> = {
  shapes: ({ convolution, heads, headDim, state }) => ({
    convolution: convolutionShape(convolution),
    recurrence: [state, heads * headDim],
  }),
  readsShape: ({ heads, headDim, state }) => [heads * headDim, state],
  positionsOfState: 1,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim, state: size, rank, parameterNorms, groups, stacked } = spec;
    const channels = heads * headDim;
    const { mixed, gate } = inputsOf(spec, linear(graph, weights, spec.input, x));
    const { output: values, state } = convolved(input, spec.convolution, mixed, past['convolution'], spec.activation);
    const own = channels / groups.length;
    const stored = (...shape: readonly number[]): readonly number[] =>
      (stacked ? [groups.length, own] : [channels]).concat(shape);
    const all = {
      rates: reshape(decayRates(input, spec.decay, stored(size)), [channels, size]),
      skip: reshape(weight(graph, weights, spec.skip, stored()), [channels]),
    };
    const made = groups.map((maps, group) => {
      const ofGroup = (x: Value, axis: number): Value =>
        groups.length === 1 ? x : slice(x, axis, group * own, (group + 1) * own);
      const read = ofGroup(values, -1);
      const parameters = linear(graph, weights, maps.parameters, read);
      const part = (which: 'step' | 'b' | 'c', from: number, width: number): Value => {
        const ownPart = slice(parameters, -1, from, from + width);
        return parameterNorms ? norm(graph, weights, parameterNorms[which], ownPart) : ownPart;
      };
      const scanned: SelectiveScan = {
        values: read,
        step: softplus(linear(graph, weights, maps.step, part('step', 0, rank))),
        rates: ofGroup(all.rates, 0),
        b: part('b', rank, size),
        c: part('c', rank + size, size),
      };
      const { output, state: next } = selectiveScan(scanned, ofGroup(past['recurrence']!, 2));
      const skip = ofGroup(all.skip, 0);
      const blocks = own / headDim;
      return {
        output,
        next,
        ...(reads
          ? { effective: effectiveOfBlocks(channelwise(scanned, blocks, headDim, skip), ofGroup(reads, 1)) }
          : {}),
      };
    });
    const together = (of: readonly Value[], axis: number): Value => (of.length === 1 ? of[0]! : concat(of, axis));
    const output = together(
      made.map((one) => one.output),
      -1,
    );
    const next = together(
      made.map((one) => one.next),
      2,
    );
    const effective = made.flatMap((one) => one.effective ?? []);
    const given = multiply(add(output, multiply(values, all.skip)), activate(spec.activation, gate));
    return {
      heads: reshape(given, [...x.shape.slice(0, -1), heads, headDim]),
      states: { convolution: state, recurrence: next },
      ...(effective.length > 0 ? { effective: joined(effective) } : {}),
    };
  },
};

/** The input of the convolution, and the gate: side by side, or alternating by channel. */
function inputsOf(
  { heads, headDim, stacked }: SelectiveScanSpec,
  both: Value,
): { readonly mixed: Value; readonly gate: Value } {
  const channels = heads * headDim;
  if (!stacked) return { mixed: slice(both, -1, 0, channels), gate: slice(both, -1, channels, 2 * channels) };
  const rows = both.shape.slice(0, -1);
  const pairs = reshape(both, [...rows, channels, 2]);
  const turn = (which: 0 | 1): Value => reshape(slice(pairs, -1, which, which + 1), [...rows, channels]);
  return { mixed: turn(0), gate: turn(1) };
}

/** The scan as a recurrence of channels, by which it is shown. */
export const channelwise = ({ step, rates, b, c }: SelectiveScan, heads: number, headDim: number, skip: Value) => ({
  heads,
  headDim,
  query: c,
  key: b,
  decay: (from: number) => decays(slice(step, -1, from, from + headDim), slice(rates, 0, from, from + headDim)),
  factor: step,
  direct: skip,
});
