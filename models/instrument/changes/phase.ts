/**
 * Phases of rotary attention (arXiv:2505.10222, the authors' code): in each plane that the model rotates, the score of a head has
 * r^q r^k cos(theta^q - theta^k + distance frequency). With a delta and a shift of the head it becomes
 * r^q r^k cos(delta (theta^q - theta^k) + shift + distance frequency): delta 0 leaves magnitudes and distances, a shift adds the
 * same angle to every plane; both may differ from plane to plane. Neutral: delta 1, shift 0. Dimensions that are not rotated stay as they are.
 *
 * Queries and keys come rotated, keys from the cache: they are turned back by the angles of their positions, remapped, and turned
 * again. The scores of all heads are computed both ways, and those of the heads in question taken. A layer has this only in a
 * graph of its own: as a branch of every graph it would take 6 ms of computing to open each layer (onnxruntime 1.30, 2026-11).
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add, cosine, multiply, sine, subtract } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { polarOf } from '../../../kernels/graph/polar';
import type { Value } from '../../../kernels/graph/records';
import { repeatHeads, type HeadCounts } from '../grouped-heads';
import type { GraphInput } from './fed-rows';
import { changeKind, never } from './kind';
import type { Rotated } from './sizes';

export interface Phase {
  /** True for the heads, [b, h, 1, 1]. */
  readonly heads: Value;
  /** By plane, [b, h, 1, dimensions / 2]. */
  readonly delta: Value;
  /** Radians, the same. */
  readonly shift: Value;
  /** Cosines, then sines of the angles of the queries' positions, [n, dimensions]. */
  readonly queryTurn: Value;
  /** The same of all keys, [t, dimensions]. */
  readonly keyTurn: Value;
  readonly rotated: Rotated;
}

/** Added to the square of a magnitude, as in the authors' code. */
const epsilon = 1e-9;

/** On the angles of a head; of several of one head the last counts. */
export interface PhaseChange {
  readonly kind: 'phase';
  readonly layer: number;
  readonly head: number;
  /** Rotated planes, half-open; absent: all. */
  readonly planes?: { readonly start: number; readonly end: number };
  readonly delta: number;
  /** Radians. */
  readonly shift: number;
}

export const phase = changeKind<PhaseChange>()({
  kind: 'phase',
  parts: ['phase'],
  ofAttention: true,
  rare: true,
  problem({ layer, head, planes, delta, shift }, { rotated, lateNorms }) {
    if (!Number.isFinite(delta) || !Number.isFinite(shift))
      return `The phase of layer ${layer} head ${head} is ${delta}, ${shift}; give finite numbers.`;
    if (lateNorms)
      return `Layer ${layer} norms queries and keys behind their rotation, so their angles cannot be changed alone.`;
    if (!rotated) return `Layer ${layer} has no rotary embedding, so its heads have no angles that could be changed.`;
    const count = rotated.dimensions / 2;
    return planes && planes.end > count
      ? `There is no plane ${planes.end - 1} in layer ${layer}: it rotates ${count}, from 0.`
      : undefined;
  },
  declare(graph, { heads, rotated }, { keys }): Phase | undefined {
    if (!rotated) return undefined;
    const perPlane = (name: string) => graph.input(name, 'float32', ['b', heads, 1, rotated.dimensions / 2]);
    const turn = (name: string, rows: string) => graph.input(name, 'float32', [rows, rotated.dimensions]);
    return {
      heads: graph.input('phase_heads', 'bool', ['b', heads, 1, 1]),
      delta: perPlane('phase_delta'),
      shift: perPlane('phase_shift'),
      queryTurn: turn('phase_query_turn', 'n'),
      keyTurn: turn('phase_key_turn', keys),
      rotated,
    };
  },
  feeds(changes, { heads, rotated }, { start, length, keys, turns }) {
    if (!rotated) return {};
    const planes = rotated.dimensions / 2;
    const shape = [changes.length, heads, 1, planes];
    const mask = new Uint8Array(changes.length * heads);
    const delta = new Float32Array(mask.length * planes).fill(1);
    const shift = new Float32Array(mask.length * planes);
    changes.forEach((own, v) => {
      for (const change of own) {
        const at = v * heads + change.head;
        const { start: first, end } = change.planes ?? { start: 0, end: planes };
        mask[at] = 1;
        delta.fill(change.delta, at * planes + first, at * planes + end);
        shift.fill(change.shift, at * planes + first, at * planes + end);
      }
    });
    const turned = (first: number, count: number): GraphInput => ({
      data: turns(first, count),
      shape: [count, rotated.dimensions],
    });
    return {
      phase_heads: { data: mask, shape: [changes.length, heads, 1, 1] },
      phase_delta: { data: delta, shape },
      phase_shift: { data: shift, shape },
      phase_query_turn: turned(start, length),
      phase_key_turn: turned(start + length - keys, keys),
    };
  },
  steps: never,
});

/** Query [b, h, n, d], key [b, g, t, d], both rotated -> scores [b, h, n, t] of every head by its delta and shift. */
export function phasedScores(
  graph: GraphBuilder,
  phase: Phase,
  query: Value,
  key: Value,
  rules: HeadCounts & { readonly scale: number },
): Value {
  const remapped = (x: Value, turn: Value, shift: Value | undefined): Value => {
    const half = phase.rotated.dimensions / 2;
    const [cos, sin] = [slice(turn, 1, 0, half), slice(turn, 1, half)];
    const [first, second, rest] = planesOf(x, phase.rotated);
    const { radius, angle } = polarOf(
      add(multiply(first, cos), multiply(second, sin)),
      subtract(multiply(second, cos), multiply(first, sin)),
      epsilon,
    );
    const scaled = multiply(angle, phase.delta);
    const turned = shift ? add(scaled, shift) : scaled;
    const [re, im] = [multiply(radius, cosine(turned)), multiply(radius, sine(turned))];
    return concat(
      [subtract(multiply(re, cos), multiply(im, sin)), add(multiply(im, cos), multiply(re, sin)), ...rest],
      3,
    );
  };
  const keys = repeatHeads(graph, key, rules);
  return fusedMatmul(remapped(query, phase.queryTurn, phase.shift), remapped(keys, phase.keyTurn, undefined), {
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
