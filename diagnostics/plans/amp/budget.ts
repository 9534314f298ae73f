/**
 * How many heads and units of each layer go for a wanted share of all parameters (AMP, arXiv:2504.21174; the release's
 * prune_groups.py). Of a layer with G key/value heads, r query heads for each (r G = H), head width d, hidden size D and I units of the
 * MLP: a group of heads has P_g = 2 d D (r + 1) weights (4 d D with r = 1), a unit P_u = 3 D (2 D without a gate). Biases are not counted.
 *
 * Heads and MLPs of L layers have L (G P_g + I P_u) of all P parameters; embeddings, norms and the language head stay. So each takes
 * the share s = rho P / (L (G P_g + I P_u)): n_g = min(round(s G), G - 1) groups, and n_u units, at most I - 1:
 * `exact` n_u = round(s I + (s G - n_g) P_g / P_u): what rounding the heads leaves goes to the units, weight for weight;
 * `release` n_u = round(s I + (s H - n_h)): the same, but one unit for a head, whatever each has.
 * With `exact` |realised - rho| <= (P_u / 2) L / P, but for the two ends.
 */
export interface PrunedLayer {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  readonly units: number;
  readonly gated: boolean;
}

export const budgetRules = ['exact', 'release'] as const;
export type BudgetRule = (typeof budgetRules)[number];

export interface Counts {
  /** Key/value heads, each with its query heads. */
  readonly groups: number;
  readonly units: number;
}

export interface Budget {
  /** Parts removed from each layer. */
  readonly removed: readonly Counts[];
  /** Weights that go, of all parameters. */
  readonly realised: number;
}

/** Query heads of a key/value head; a layer without attention has neither. */
const headsOfGroup = ({ heads, kvHeads }: PrunedLayer): number => (kvHeads === 0 ? 0 : heads / kvHeads);
const groupWeights = (layer: PrunedLayer): number => 2 * layer.headDim * layer.hiddenSize * (headsOfGroup(layer) + 1);
export const unitWeights = ({ hiddenSize, gated }: PrunedLayer): number => (gated ? 3 : 2) * hiddenSize;

/** `parameters`: all of the model. */
export function budgetFor(
  layers: readonly PrunedLayer[],
  parameters: number,
  share: number,
  rule: BudgetRule = 'exact',
): Budget {
  const reachable = layers.reduce(
    (sum, layer) => sum + layer.kvHeads * groupWeights(layer) + layer.units * unitWeights(layer),
    0,
  );
  const each = Math.min(1, (share * parameters) / reachable);
  const removed = layers.map((layer): Counts => {
    const { heads, kvHeads, units } = layer;
    const groups = Math.max(0, Math.min(Math.round(each * kvHeads), kvHeads - 1));
    const left =
      rule === 'exact'
        ? ((each * kvHeads - groups) * groupWeights(layer)) / unitWeights(layer)
        : each * heads - groups * headsOfGroup(layer);
    return { groups, units: Math.max(0, Math.min(Math.round(each * units + left), units - 1)) };
  });
  return { removed, realised: removedWeights(layers, removed) / parameters };
}

export const removedWeights = (layers: readonly PrunedLayer[], removed: readonly Counts[]): number =>
  layers.reduce((sum, layer, at) => {
    const { groups = 0, units = 0 } = removed[at] ?? {};
    return sum + groups * groupWeights(layer) + units * unitWeights(layer);
  }, 0);
