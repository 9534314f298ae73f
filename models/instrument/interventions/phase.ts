/**
 * Phases of rotary attention (arXiv:2505.10222, the authors' code): in each plane that the model rotates, the score of a head has
 * r^q r^k cos(theta^q - theta^k + distance frequency). With a delta and a shift of the head it becomes
 * r^q r^k cos(delta (theta^q - theta^k) + shift + distance frequency): delta 0 leaves magnitudes and distances, a shift adds the
 * same angle to every plane. Neutral: delta 1, shift 0. Dimensions that are not rotated stay as they are.
 *
 * Queries and keys come rotated, keys from the cache: they are turned back by the angles of their positions, remapped, and turned
 * again. The scores of all heads are computed both ways, and those of the heads in question taken.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { borrow } from '../../../kernels/graph/operators/conditional';
import { add, cosine, multiply, sine, subtract } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { polarOf } from '../../../kernels/graph/polar';
import type { Value } from '../../../kernels/graph/records';
import { repeatHeads, type HeadCounts } from '../grouped-heads';

/** The rotated part of a head, and which of its dimensions make a plane. */
export interface Rotated {
  readonly dimensions: number;
  readonly layout: 'half' | 'interleaved';
}

export interface Phase {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** True for the heads, [b, h, 1, 1]. */
  readonly heads: Value;
  /** [b, h, 1, 1] */
  readonly delta: Value;
  /** Radians, [b, h, 1, 1]. */
  readonly shift: Value;
  /** Cosines, then sines of the angles of the queries' positions, [n, dimensions]; empty where the branch is not taken. */
  readonly queryTurn: Value;
  /** The same of all keys, [t, dimensions]. */
  readonly keyTurn: Value;
  readonly rotated: Rotated;
}

/** Added to the square of a magnitude, as in the authors' code. */
const epsilon = 1e-9;

export function declarePhase(graph: GraphBuilder, heads: number, rotated: Rotated, always: boolean): Phase {
  const perHead = (name: string, type: 'bool' | 'float32' = 'float32') => graph.input(name, type, ['b', heads, 1, 1]);
  const turn = (name: string, rows: string) => graph.input(name, 'float32', [rows, rotated.dimensions]);
  return {
    ...(always ? {} : { inUse: graph.input('use_phase', 'bool', []) }),
    heads: perHead('phase_heads', 'bool'),
    delta: perHead('phase_delta'),
    shift: perHead('phase_shift'),
    queryTurn: turn('phase_query_turn', 'turned_queries'),
    keyTurn: turn('phase_key_turn', 'turned_keys'),
    rotated,
  };
}

/** Query [b, h, n, d], key [b, g, t, d], both rotated -> scores [b, h, n, t] of every head by its delta and shift, in `branch`. */
export function phasedScores(
  branch: GraphBuilder,
  phase: Phase,
  query: Value,
  key: Value,
  rules: HeadCounts & { readonly scale: number },
): Value {
  const own = (value: Value): Value => borrow(branch, value);
  const remapped = (x: Value, turn: Value, shift: Value | undefined): Value => {
    const half = phase.rotated.dimensions / 2;
    // As many rows as x has positions.
    const rows = { ...own(turn), shape: [x.shape[2] ?? 1, phase.rotated.dimensions] };
    const [cos, sin] = [slice(rows, 1, 0, half), slice(rows, 1, half)];
    const [first, second, rest] = planesOf(x, phase.rotated);
    const { radius, angle } = polarOf(
      add(multiply(first, cos), multiply(second, sin)),
      subtract(multiply(second, cos), multiply(first, sin)),
      epsilon,
    );
    const scaled = multiply(angle, own(phase.delta));
    const turned = shift ? add(scaled, own(shift)) : scaled;
    const [re, im] = [multiply(radius, cosine(turned)), multiply(radius, sine(turned))];
    return concat(
      [subtract(multiply(re, cos), multiply(im, sin)), add(multiply(im, cos), multiply(re, sin)), ...rest],
      3,
    );
  };
  const keys = repeatHeads(branch, own(key), rules);
  return fusedMatmul(remapped(own(query), phase.queryTurn, phase.shift), remapped(keys, phase.keyTurn, undefined), {
    transposeB: true,
    scale: rules.scale,
  });
}

/** Both components of each plane of [b, h, n, d], [b, h, n, dimensions / 2], and the dimensions that are not rotated. */
function planesOf(x: Value, { dimensions, layout }: Rotated): readonly [Value, Value, readonly Value[]] {
  const half = dimensions / 2;
  const width = Number(x.shape[3]);
  const rest = width === dimensions ? [] : [slice(x, 3, dimensions)];
  if (layout === 'half') return [slice(x, 3, 0, half), slice(x, 3, half, dimensions), rest];
  const lead = x.shape.slice(0, 3);
  const pairs = reshape(width === dimensions ? x : slice(x, 3, 0, dimensions), [...lead, half, 2]);
  const component = (at: number): Value => reshape(slice(pairs, 4, at, at + 1), [...lead, half]);
  return [component(0), component(1), rest];
}
