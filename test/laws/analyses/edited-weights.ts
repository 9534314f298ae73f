/** A llama checkpoint for the float64 reference, with the output of a head or of an MLP put at a constant in its weights. */
import type { Parameters, Vector } from '../../support/reference/vectors';

export interface Constant {
  readonly layer: number;
  /** Absent: the MLP. */
  readonly head?: number;
  /** Replaces its output, at every position. */
  readonly value: Vector;
}

/**
 * The weights that read the output are 0 and what they would have made of the constant is a bias: a linear map of a constant is
 * one.
 */
export function withConstant(parameters: Parameters, { layer, head, value }: Constant): Parameters {
  const at = `model.layers.${layer}`;
  const name = head === undefined ? `${at}.mlp.down_proj` : `${at}.self_attn.o_proj`;
  const stored = parameters.matrix(`${name}.weight`);
  const d = value.length;
  const weight =
    head === undefined
      ? stored.map((row) => row.map(() => 0))
      : stored.map((row) => row.map((w, i) => (Math.floor(i / d) === head ? 0 : w)));
  // The bias of another head whose output was made constant before.
  const before = parameters.has(`${name}.bias`) ? parameters.vector(`${name}.bias`) : [];
  const bias =
    head === undefined
      ? value
      : stored.map((row, to) => value.reduce((sum, each, i) => sum + each * (row[head * d + i] ?? 0), before[to] ?? 0));
  return {
    has: (of) => of === `${name}.bias` || parameters.has(of),
    vector: (of) => (of === `${name}.bias` ? bias : parameters.vector(of)),
    matrix: (of) => (of === `${name}.weight` ? weight : parameters.matrix(of)),
  };
}
